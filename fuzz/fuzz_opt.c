/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_opt.c -- any bytes as a command line, a size and a time.
 *
 * The first byte chooses between a program that runs a command and one that
 * does not; the rest is split into words at each zero byte.  Laws: no more
 * operands come out than words went in, each is one of the words, the list
 * ends with NULL, an error has a text, and a number that was read is read
 * again from what size_text() makes of it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "base/opt.h"
#include "base/size.h"

enum { WORDS_MAX = 64, TEXT_BYTES_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct opt options[] = {
	{.name = "mem",
         .letter = 'm',
         .id = 1,
         .value = "SIZE",
         .help = "how much"},
	{.name = "report",
         .letter = 'r',
         .id = 2,
         .value = "FILE",
         .value_is_optional = true,
         .help = "where to"},
	{.name = "json", .letter = 'j', .id = 3, .help = "how"},
	OPT_COMMON,
	{0},
};

static void
check_numbers(const char *text)
{
	char shown[SIZE_TEXT_BYTES];
	const char *why = NULL;
	uint64_t n = 0, again = 0;
	int r;

	r = size_parse(text, UINT64_C(1) << 33, &n, &why);
	must(r == 0 || ((r == -EINVAL || r == -ERANGE) && why != NULL));
	if (r == 0 && n < UINT64_MAX / 2) {
		r = size_parse(size_text(shown, n), 0, &again, &why);
		must(r == 0);
		must(again >= n - n / 19 && again <= n + n / 19);
	}
	r = time_parse(text, &n, &why);
	must(r == 0 || ((r == -EINVAL || r == -ERANGE) && why != NULL));
	must(strlen(time_text(shown, n)) < SIZE_TEXT_BYTES);
}

static void
check_command_line(bool runs_command, int argc, char **argv)
{
	const struct opt_program program = {
		.name = "fuzz",
		.options = options,
		.runs_command = runs_command,
	};
	char *words[WORDS_MAX + 2];
	struct opt_state s;
	const char *value;
	int id;

	memcpy(words, argv, sizeof(*argv) * (size_t)(argc + 1));
	opt_start(&s, &program, argc, argv);
	while ((id = opt_next(&s, &value)) > 0)
		must(id <= 3 || id == OPT_HELP || id == OPT_VERSION);
	if (id < 0) {
		must(id == -EINVAL && s.error[0] != '\0');
		return;
	}
	must(s.operands_count >= 0 && s.operands_count < argc);
	must(s.operands[s.operands_count] == NULL);
	for (int i = 0, from = 1; i < s.operands_count; i++, from++) {
		while (from < argc && words[from] != s.operands[i])
			from++;
		must(from < argc); /* in the order in which they came */
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[TEXT_BYTES_MAX + 1];
	static char name[] = "fuzz";
	char *argv[WORDS_MAX + 2] = {name};
	int argc = 1;

	if (size == 0 || size > TEXT_BYTES_MAX)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t i = 1; i <= size && argc <= WORDS_MAX; i++) {
		argv[argc++] = text + i;
		check_numbers(text + i);
		i += strlen(text + i);
	}
	argv[argc] = NULL;
	check_command_line((text[0] & 1) != 0, argc, argv);
	return 0;
}
