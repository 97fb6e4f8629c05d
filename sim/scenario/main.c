/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c -- scenario FILE...: each file is a test, printed as TAP.
 *
 * --must-fail turns the result of each round, --changed changes each number
 * that is expected, one at a time: both prove that a wrong number is noticed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/opt.h"
#include "sim/scenario/scenario.h"

#define TEXT_BYTES_MAX (1u << 20)

enum { OPT_MUST_FAIL = 1, OPT_CHANGED };

static const struct opt options[] = {
	{.name = "must-fail",
         .id = OPT_MUST_FAIL,
         .help = "every scenario is wrong: it passes when that is noticed"},
	{.name = "changed",
         .id = OPT_CHANGED,
         .help = "one more than each number that is expected is expected: a "
                 "scenario passes when each change is noticed"},
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

/*
 * Expect one more than what statement i ends with, and nothing after it.
 * => true when that is noticed, or it expects no number
 */
static bool
change_is_noticed(struct script *sc, unsigned i)
{
	struct statement *st = &sc->st[i];
	const char **last = &st->argv[st->argc - 1], *was = *last;
	unsigned count = sc->count;
	char changed[24];
	bool noticed;
	uint64_t n;

	if (st->part != PART_THEN || !number_read(was, UINT32_MAX, &n))
		return true;
	(void)snprintf(changed, sizeof(changed), "%ju", (uintmax_t)n + 1);
	*last = changed;
	sc->count = i + 1;
	sc->quiet = true;
	noticed = scenario_run(sc) != 0;
	sc->quiet = false;
	sc->count = count;
	*last = was;
	if (!noticed)
		printf("# %s:%u: any number will do\n", sc->name, st->line);
	return noticed;
}

static bool
changes_are_noticed(struct script *sc)
{
	bool noticed = true;

	for (unsigned i = 0; i < sc->count; i++)
		noticed &= change_is_noticed(sc, i);
	return noticed;
}

static bool
file_passes(const char *name, int mode)
{
	static struct script sc;
	char *text = file_read(name);
	bool passes = mode == OPT_MUST_FAIL;

	if (text == NULL)
		printf("# %s: %s\n", name, strerror(errno));
	else if (!script_read(&sc, name, text))
		printf("# %s\n", sc.error);
	else if (mode == OPT_CHANGED)
		passes = changes_are_noticed(&sc);
	else
		passes = (scenario_run(&sc) == 0) != passes;
	free(text);
	return passes;
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
	int id, mode = 0, failed = 0;

	opt_start(&o, &program, argc, argv);
	while ((id = opt_next(&o, &value)) > 0) {
		if (id == OPT_MUST_FAIL || id == OPT_CHANGED)
			mode = id;
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
		(void)fprintf(stderr, "scenario: %s\n",
		              id < 0 ? o.error : "which files?");
		return 2;
	}
	printf("1..%d\n", o.operands_count);
	for (int i = 0; i < o.operands_count; i++) {
		bool good = file_passes(o.operands[i], mode);

		printf("%sok %d - %s\n", good ? "" : "not ", i + 1,
		       stem_of(o.operands[i]));
		failed += !good;
	}
	return failed == 0 ? 0 : 1;
}
