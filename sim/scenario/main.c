/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c -- scenario FILE...: each file is a test, printed as TAP.
 *
 * --must-fail turns the result of each round: for the proof that a wrong number
 * is noticed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/opt.h"
#include "sim/scenario/scenario.h"

#define TEXT_BYTES_MAX (1u << 20)

enum { OPT_MUST_FAIL = 1 };

static const struct opt options[] = {
	{.name = "must-fail",
         .id = OPT_MUST_FAIL,
         .help = "every scenario is wrong: it passes when that is noticed"},
	OPT_COMMON,
	{0},
};

static const struct opt_program program = {
	.name = "scenario",
	.synopsis = "[OPTION...] FILE...",
	.purpose = "Run scenarios of a policy and compare what they expect.",
	.options = options,
};

/* => the file as a text, or NULL */
static char *
file_read(const char *name)
{
	char *text = calloc(1, TEXT_BYTES_MAX + 1);
	FILE *f = fopen(name, "r");
	size_t n = 0;

	if (f != NULL && text != NULL) {
		n = fread(text, 1, TEXT_BYTES_MAX, f);
		if (ferror(f))
			n = 0;
	}
	if (f != NULL)
		(void)fclose(f);
	if (n == 0) {
		free(text);
		return NULL;
	}
	return text;
}

static bool
file_holds(const char *name)
{
	static struct script sc;
	char *text = file_read(name);
	bool holds = false;

	if (text == NULL)
		printf("# %s: %s\n", name, strerror(errno));
	else if (!script_read(&sc, name, text))
		printf("# %s\n", sc.error);
	else
		holds = scenario_run(&sc) == 0;
	free(text);
	return holds;
}

static const char *
stem_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash == NULL ? name : slash + 1;
}

int
main(int argc, char **argv)
{
	struct opt_state o;
	const char *value;
	bool must_fail = false;
	int id, failed = 0;

	opt_start(&o, &program, argc, argv);
	while ((id = opt_next(&o, &value)) > 0) {
		must_fail |= id == OPT_MUST_FAIL;
		if (id == OPT_HELP) {
			opt_print_help(&program, stdout);
			return 0;
		}
		if (id == OPT_VERSION) {
			opt_print_version(&program, stdout);
			return 0;
		}
	}
	if (id < 0 || o.operands_count == 0) {
		fprintf(stderr, "scenario: %s\n",
		        id < 0 ? o.error : "which files?");
		return 2;
	}
	printf("1..%d\n", o.operands_count);
	for (int i = 0; i < o.operands_count; i++) {
		bool good = file_holds(o.operands[i]) != must_fail;

		printf("%sok %d - %s\n", good ? "" : "not ", i + 1,
		       stem_of(o.operands[i]));
		failed += !good;
	}
	return failed == 0 ? 0 : 1;
}
