/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_opt.c -- command lines, and the help that describes them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/opt.h"

enum { BATCH = 1, DELAY, ORDER, REPORT, SWAP };

static const struct opt options[] = {
	{.name = "order",
         .letter = 'o',
         .id = ORDER,
         .value = "COLUMN",
         .help = "order by stall, faults or name (default: stall)"},
	{.name = "delay",
         .letter = 'd',
         .id = DELAY,
         .value = "TIME",
         .help = "time between updates, as in 250ms or 2s (default: 1s)"},
	{.name = "batch", .letter = 'b', .id = BATCH, .help = "no keys"},
	{.name = "report",
         .letter = 'r',
         .id = REPORT,
         .value = "FILE",
         .value_is_optional = true,
         .help = "print a report at the end"},
	{.name = "swap", .id = SWAP, .value = "PATH", .help = "where to swap"},
	OPT_COMMON,
	{0},
};

static const struct opt_example examples[] = {
	{"pageout top -o swap", "who has the most on swap"},
	{"pageout top -n 1 --json", "one sample, for a script"},
	{0},
};

static const struct opt_program top = {
	.name = "pageout top",
	.synopsis = "[OPTION...] [SPACE...]",
	.purpose = "Show where memory goes.",
	.options = options,
	.examples = examples,
	.see_also = "pageout top(1)",
};

static const struct opt_program run = {
	.name = "pageout run",
	.synopsis = "[OPTION...] [--] COMMAND [ARGUMENT...]",
	.purpose = "Run a command.",
	.options = options,
	.runs_command = true,
};

/*
 * Parse the words of line and write what was found: ids with their values,
 * then the operands behind a bar, or the error.
 */
static const char *
parse(const struct opt_program *program, const char *line)
{
	static char found[512];
	static char words[512];
	char *argv[32] = {"prog"};
	static struct opt_state s;
	const char *value;
	size_t n = 0;
	int argc = 1, id;

	(void)snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok(words, " "); w != NULL; w = strtok(NULL, " "))
		argv[argc++] = strcmp(w, "''") == 0 ? w + 2 : w;
	opt_start(&s, program, argc, argv);
	found[0] = '\0';
	while ((id = opt_next(&s, &value)) > 0)
		n += (size_t)snprintf(found + n, sizeof(found) - n, "%d%s%s ",
		                      id, value != NULL ? "=" : "",
		                      value != NULL ? value : "");
	if (id < 0) {
		assert_int_equal(id, -EINVAL);
		return s.error;
	}
	n += (size_t)snprintf(found + n, sizeof(found) - n, "|");
	for (int i = 0; i < s.operands_count; i++)
		n += (size_t)snprintf(found + n, sizeof(found) - n, " %s",
		                      s.operands[i]);
	assert_null(s.operands[s.operands_count]);
	return found;
}

static void
values_come_with_and_without_the_sign(void **state)
{
	(void)state;
	assert_string_equal(parse(&top, "--order=swap"), "3=swap |");
	assert_string_equal(parse(&top, "--order swap"), "3=swap |");
	assert_string_equal(parse(&top, "-oswap"), "3=swap |");
	assert_string_equal(parse(&top, "-o swap"), "3=swap |");
	assert_string_equal(parse(&top, "--order=a=b"), "3=a=b |");
	assert_string_equal(parse(&top, "--order="), "3= |");
	assert_string_equal(parse(&top, "--order ''"), "3= |");
	assert_string_equal(parse(&top, "--order --batch"), "3=--batch |");
}

static void
letters_come_in_a_bunch(void **state)
{
	(void)state;
	assert_string_equal(parse(&top, "-bb"), "1 1 |");
	assert_string_equal(parse(&top, "-bd2s -b"), "1 2=2s 1 |");
	assert_string_equal(parse(&top, "-bd 2s"), "1 2=2s |");
}

static void
an_optional_value_never_takes_the_next_word(void **state)
{
	(void)state;
	assert_string_equal(parse(&top, "--report x"), "4 | x");
	assert_string_equal(parse(&top, "--report=x"), "4=x |");
	assert_string_equal(parse(&top, "-r x"), "4 | x");
	assert_string_equal(parse(&top, "-rx"), "4=x |");
}

static void
two_dashes_end_the_options(void **state)
{
	(void)state;
	assert_string_equal(parse(&top, "-b -- -b --order"), "1 | -b --order");
	assert_string_equal(parse(&top, "a -b -- b -c"), "1 | a b -c");
	assert_string_equal(parse(&run, "-b -- cmd -b"), "1 | cmd -b");
	assert_string_equal(parse(&run, "-- -- x"), "| -- x");
	assert_string_equal(parse(&top, "--"), "|");
}

static void
options_may_follow_operands(void **state)
{
	(void)state;
	assert_string_equal(parse(&top, "x -b y -d 2s z"), "1 2=2s | x y z");
	assert_string_equal(parse(&top, "x y"), "| x y");
	assert_string_equal(parse(&top, "-"), "| -");
}

static void
a_command_keeps_its_own_options(void **state)
{
	(void)state;
	assert_string_equal(parse(&run, "-b sort -b --order"),
	                    "1 | sort -b --order");
	assert_string_equal(parse(&run, "--swap /x sort"), "5=/x | sort");
}

static void
mistakes_are_named(void **state)
{
	(void)state;
	assert_string_equal(parse(&top, "--ordr=x"), "unknown option '--ordr'");
	assert_string_equal(parse(&top, "--ord x"), "unknown option '--ord'");
	assert_string_equal(parse(&top, "--orders"),
	                    "unknown option '--orders'");
	assert_string_equal(parse(&top, "--=x"), "unknown option '--'");
	assert_string_equal(parse(&top, "-bx"), "unknown option '-x'");
	assert_string_equal(parse(&top, "--batch=1"),
	                    "option '--batch' takes no value");
	assert_string_equal(parse(&top, "--swap"),
	                    "option '--swap' needs a value: PATH");
	assert_string_equal(parse(&top, "-o"),
	                    "option '--order' needs a value: COLUMN");
}

static void
an_empty_command_line_is_fine(void **state)
{
	char *argv[] = {NULL};
	struct opt_state s;
	const char *value;

	(void)state;
	assert_string_equal(parse(&top, ""), "|");
	opt_start(&s, &top, 0, argv); /* execve() allows no argv[0] */
	assert_int_equal(opt_next(&s, &value), 0);
	assert_int_equal(s.operands_count, 0);
}

static void
help_is_printed_from_the_table(void **state)
{
	static const char expected[] =
		"Usage: pageout top [OPTION...] [SPACE...]\n"
		"Show where memory goes.\n"
		"\n"
		"Options:\n"
		"  -o, --order=COLUMN        order by stall, faults or name"
		" (default: stall)\n"
		"  -d, --delay=TIME          time between updates, as in 250ms"
		" or 2s (default: 1s)\n"
		"  -b, --batch               no keys\n"
		"  -r, --report[=FILE]       print a report at the end\n"
		"      --swap=PATH           where to swap\n"
		"  -h, --help                show this help\n"
		"  -V, --version             show the version\n"
		"\n"
		"Examples:\n"
		"  pageout top -o swap             who has the most on swap\n"
		"  pageout top -n 1 --json         one sample, for a script\n"
		"\n"
		"See pageout top(1).\n";
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);

	(void)state;
	assert_non_null(out);
	opt_print_help(&top, out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, expected);
	free(text);
}

static void
a_long_option_moves_the_column_for_all(void **state)
{
	static const struct opt wide[] = {
		{.name = "a-very-long-option-name",
	         .id = 1,
	         .value = "VALUE",
	         .help = "one"},
		{.name = "b", .letter = 'b', .id = 2, .help = "two"},
		{0},
	};
	static const struct opt_program program = {
		.name = "p", .synopsis = "", .purpose = "P.", .options = wide};
	static const char expected[] =
		"Usage: p \nP.\n\nOptions:\n"
		"      --a-very-long-option-name=VALUE  one\n"
		"  -b, --b                              two\n";
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);

	(void)state;
	assert_non_null(out);
	opt_print_help(&program, out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, expected);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_come_with_and_without_the_sign),
		cmocka_unit_test(letters_come_in_a_bunch),
		cmocka_unit_test(an_optional_value_never_takes_the_next_word),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(options_may_follow_operands),
		cmocka_unit_test(a_command_keeps_its_own_options),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(an_empty_command_line_is_fine),
		cmocka_unit_test(help_is_printed_from_the_table),
		cmocka_unit_test(a_long_option_moves_the_column_for_all),
	};

	return cmocka_run_group_tests_name("opt", tests, NULL, NULL);
}
