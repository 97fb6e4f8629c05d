/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opt.h -- one table of options a program.
 *
 * The table is the only place where an option exists: parsing, --help and the
 * tests that compare both with the manual all read it.
 *
 *	struct opt_state s;
 *	const char *value;
 *	int id;
 *
 *	opt_start(&s, &program, argc, argv);
 *	while ((id = opt_next(&s, &value)) > 0)
 *		switch (id) { ... }
 *	if (id < 0)
 *		...			s.error says why; exit with 2
 *	... s.operands[0 .. s.operands_count - 1], and a NULL behind them
 *
 * Accepted are --name=VALUE, --name VALUE, -lVALUE, -l VALUE, letters in a
 * bunch (-br), and -- as the end of the options.  An optional value is given
 * only as --name=VALUE or -lVALUE.  A lone - is an operand.  Names are never
 * abbreviated, so that an option added later cannot break a script.  Options
 * may follow operands, unless the program runs a command: then the first
 * operand ends the options, and what follows belongs to the command.
 *
 * Nothing here allocates, exits or prints, but for the two functions that are
 * given a FILE to print to.
 */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include <stdbool.h>
#include <stdio.h>

struct opt {
	const char *name;  /* long name without dashes; NULL ends the table */
	char letter;       /* or 0 */
	int id;            /* what opt_next() returns; greater than 0 */
	const char *value; /* "SIZE" in the help; NULL: takes no value */
	bool value_is_optional;
	const char *help; /* one line, no capital, no full stop */
};

/* Every table ends with this line and a terminator: OPT_COMMON, {0}. */
enum { OPT_HELP = 10001, OPT_VERSION = 10002 };
#define OPT_COMMON                                                   \
	{.name = "help",                                             \
	 .letter = 'h',                                              \
	 .id = OPT_HELP,                                             \
	 .help = "show this help"},                                  \
	{                                                            \
		.name = "version", .letter = 'V', .id = OPT_VERSION, \
		.help = "show the version"                           \
	}

struct opt_example {
	const char *command; /* NULL ends the table */
	const char *help;
};

struct opt_program {
	const char *name;                   /* "pageout top" */
	const char *synopsis;               /* "[OPTION...] [SPACE...]" */
	const char *purpose;                /* one sentence */
	const struct opt *options;          /* ends with {0} */
	const struct opt_example *examples; /* ends with {0}; may be NULL */
	const char *see_also;               /* "pageout top(1)"; may be NULL */
	bool runs_command; /* the first operand ends the options */
};

struct opt_state {
	/* For the caller, when opt_next() has returned 0. */
	char **operands;
	int operands_count;
	/* For the caller, when opt_next() has returned a negative errno. */
	char error[160];

	/* Private. */
	const struct opt_program *program;
	char **argv;
	int argc;
	int next;            /* the argument to look at */
	const char *letters; /* the rest of a bunch, or NULL */
};

/*
 * Begin.  The operands are gathered at the front of argv, so argv changes.
 * => called with argv[0] the program and argv[argc] NULL, as main() gets them
 */
void opt_start(struct opt_state *s, const struct opt_program *program, int argc,
               char **argv);

/*
 * The next option of the command line.
 * => returns the id of the option, with its value in *ret_value (NULL if it
 *    has none); 0 at the end; -EINVAL with the reason in s->error
 */
int opt_next(struct opt_state *s, const char **ret_value);

/* What --help and --version show.  Errors stay in the stream. */
void opt_print_help(const struct opt_program *program, FILE *out);
void opt_print_version(const struct opt_program *program, FILE *out);

#endif
