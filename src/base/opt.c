/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt.c -- one table of options a program.
 *
 * Operands that stand between options are moved to the front of argv, over
 * arguments that have been read already: operands_count never passes next.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "base/opt.h"

#ifndef PAGEOUT_VERSION
#define PAGEOUT_VERSION "unknown"
#endif

enum { HELP_COLUMN_MIN = 28, EXAMPLE_COLUMN_MIN = 34 };

void
opt_start(struct opt_state *s, const struct opt_program *program, int argc,
          char **argv)
{
	*s = (struct opt_state){
		.program = program,
		.argv = argv,
		.argc = argc,
		.next = argc > 0 ? 1 : 0,
	};
	s->operands = argv + s->next;
}

__attribute__((format(printf, 2, 3))) static int
opt_fail(struct opt_state *s, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(s->error, sizeof(s->error), format, ap);
	va_end(ap);
	return -EINVAL;
}

static const struct opt *
opt_find_name(const struct opt_program *p, const char *name, size_t length)
{
	for (const struct opt *o = p->options; o->name != NULL; o++)
		if (strncmp(o->name, name, length) == 0 &&
		    o->name[length] == '\0')
			return o;
	return NULL;
}

static const struct opt *
opt_find_letter(const struct opt_program *p, char letter)
{
	for (const struct opt *o = p->options; o->name != NULL; o++)
		if (o->letter == letter)
			return o;
	return NULL;
}

/* Take the whole next argument as the value of o, which must have one. */
static int
opt_take_argument(struct opt_state *s, const struct opt *o,
                  const char **ret_value)
{
	if (s->next >= s->argc)
		return opt_fail(s, "option '--%s' needs a value: %s", o->name,
		                o->value);
	*ret_value = s->argv[s->next++];
	return o->id;
}

/* --name, --name=VALUE or --name VALUE; text is behind the dashes. */
static int
opt_long(struct opt_state *s, const char *text, const char **ret_value)
{
	size_t length = strcspn(text, "=");
	const struct opt *o = opt_find_name(s->program, text, length);

	if (o == NULL)
		return opt_fail(s, "unknown option '--%.*s'",
		                length < 80 ? (int)length : 80, text);
	must(o->id > 0);
	if (text[length] == '=') {
		if (o->value == NULL)
			return opt_fail(s, "option '--%s' takes no value",
			                o->name);
		*ret_value = text + length + 1;
		return o->id;
	}
	if (o->value == NULL || o->value_is_optional)
		return o->id;
	return opt_take_argument(s, o, ret_value);
}

/* The next letter of a bunch. */
static int
opt_short(struct opt_state *s, const char **ret_value)
{
	char letter = *s->letters++;
	const char *rest = s->letters;
	const struct opt *o = opt_find_letter(s->program, letter);

	if (o == NULL || *rest == '\0')
		s->letters = NULL;
	if (o == NULL)
		return opt_fail(s, "unknown option '-%c'", letter);
	must(o->id > 0);
	if (o->value == NULL)
		return o->id;
	s->letters = NULL;
	if (*rest != '\0') {
		*ret_value = rest;
		return o->id;
	}
	if (o->value_is_optional)
		return o->id;
	return opt_take_argument(s, o, ret_value);
}

/* Everything from s->next on is an operand. */
static int
opt_end(struct opt_state *s)
{
	if (s->operands_count == 0) {
		s->operands = s->argv + s->next;
		s->operands_count = s->argc - s->next;
	} else {
		while (s->next < s->argc)
			s->operands[s->operands_count++] = s->argv[s->next++];
		s->operands[s->operands_count] = NULL;
	}
	s->next = s->argc;
	return 0;
}

int
opt_next(struct opt_state *s, const char **ret_value)
{
	*ret_value = NULL;
	if (s->letters != NULL)
		return opt_short(s, ret_value);
	while (s->next < s->argc) {
		char *arg = s->argv[s->next];

		if (arg[0] != '-' || arg[1] == '\0') {
			if (s->program->runs_command)
				return opt_end(s);
			s->next++;
			s->operands[s->operands_count++] = arg;
			must(s->operands + s->operands_count <=
			     s->argv + s->next);
			continue;
		}
		s->next++;
		if (arg[1] != '-') {
			s->letters = arg + 1;
			return opt_short(s, ret_value);
		}
		if (arg[2] == '\0')
			return opt_end(s);
		return opt_long(s, arg + 2, ret_value);
	}
	return opt_end(s);
}

/*
 * Print, or only measure if out is NULL, the left column of one option.
 * => returns its width
 */
static int
opt_print_left(const struct opt *o, FILE *out)
{
	char text[96];
	int n;

	if (o->letter != '\0')
		n = snprintf(text, sizeof(text), "  -%c, --%s", o->letter,
		             o->name);
	else
		n = snprintf(text, sizeof(text), "      --%s", o->name);
	must(n > 0 && n < (int)sizeof(text));
	if (o->value != NULL)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
		              o->value_is_optional ? "[=%s]" : "=%s", o->value);
	must(n < (int)sizeof(text));
	if (out != NULL)
		(void)fputs(text, out);
	return n;
}

static void
opt_print_options(const struct opt *options, FILE *out)
{
	int column = HELP_COLUMN_MIN;

	for (const struct opt *o = options; o->name != NULL; o++) {
		int width = opt_print_left(o, NULL);

		if (column < width + 2)
			column = width + 2;
	}
	(void)fputs("\nOptions:\n", out);
	for (const struct opt *o = options; o->name != NULL; o++) {
		int width = opt_print_left(o, out);

		(void)fprintf(out, "%*s%s\n", column - width, "", o->help);
	}
}

static void
opt_print_examples(const struct opt_example *examples, FILE *out)
{
	int column = EXAMPLE_COLUMN_MIN - 2;

	for (const struct opt_example *e = examples; e->command != NULL; e++)
		if (column < (int)strlen(e->command) + 2)
			column = (int)strlen(e->command) + 2;
	(void)fputs("\nExamples:\n", out);
	for (const struct opt_example *e = examples; e->command != NULL; e++)
		(void)fprintf(out, "  %-*s%s\n", column, e->command, e->help);
}

void
opt_print_help(const struct opt_program *program, FILE *out)
{
	(void)fprintf(out, "Usage: %s %s\n%s\n", program->name,
	              program->synopsis, program->purpose);
	opt_print_options(program->options, out);
	if (program->examples != NULL)
		opt_print_examples(program->examples, out);
	if (program->see_also != NULL)
		(void)fprintf(out, "\nSee %s.\n", program->see_also);
}

void
opt_print_version(const struct opt_program *program, FILE *out)
{
	(void)fprintf(out, "%s " PAGEOUT_VERSION "\n", program->name);
}
