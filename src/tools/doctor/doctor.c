/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doctor.c -- pageout doctor: would pageout run work here, and how well?
 *
 * Every check is made, also after one that failed: a person wants to hear all
 * reasons at once.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/opt.h"
#include "tools/doctor/doctor.h"
#include "tools/json.h"
#include "tools/tools.h"

enum { JSON = 1, SWAP };

static const struct opt options[] = {
	{.name = "swap",
         .id = SWAP,
         .value = "PATH",
         .help = "swap place to check (default: as pageout run)"},
	{.name = "json",
         .letter = 'j',
         .id = JSON,
         .help = "one JSON object a line"},
	OPT_COMMON,
	{0},
};

static const struct opt_example examples[] = {
	{"pageout doctor", "all checks"},
	{"pageout doctor --swap /mnt/scratch", "with another swap place"},
	{0},
};

static const struct opt_program program = {
	.name = "pageout doctor",
	.synopsis = "[OPTION...]",
	.purpose = "Check whether pageout run works here, and say what to do.",
	.options = options,
	.examples = examples,
	.see_also = "pageout-doctor(1)",
};

static const struct {
	const char *name;
	check_fn *check;
} checks[] = {
	{"kernel", check_kernel},
	{"userfaultfd", check_userfaultfd},
	{"inline mode", check_inline},
	{"features", check_features},
	{"move and poison", check_move},
	{"io_uring", check_io_uring},
	{"swap place", check_swap_path},
	{"kernel swap", check_kernel_swap},
	{"memory", check_memory},
	{"nodes", check_nodes},
	{"overcommit", check_overcommit},
	{"mappings", check_mappings},
	{"open files", check_open_files},
	{"address space", check_address_space},
	{"locked memory", check_locked_memory},
	{"processes", check_processes},
	{"agent", check_agent},
	{"jemalloc", check_jemalloc},
};

#define CHECKS (sizeof(checks) / sizeof(checks[0]))

static const char *const verdicts[] = {
	[VERDICT_OK] = "ok", [VERDICT_WARN] = "warn", [VERDICT_FAIL] = "FAIL"};

void
found(struct finding *f, enum verdict verdict, const char *format, ...)
{
	va_list args;

	f->verdict = verdict;
	va_start(args, format);
	(void)vsnprintf(f->found, sizeof(f->found), format, args);
	va_end(args);
}

void
remedy(struct finding *f, const char *meaning, const char *format, ...)
{
	va_list args;

	f->meaning = meaning;
	va_start(args, format);
	(void)vsnprintf(f->remedy, sizeof(f->remedy), format, args);
	va_end(args);
}

void
add_word(char *list, unsigned bytes, const char *word)
{
	size_t n = strlen(list);

	(void)snprintf(list + n, bytes - n, " %s", word);
}

char *
first_line(const char *path, char *text, unsigned bytes)
{
	FILE *f = fopen(path, "re");

	*text = '\0';
	if (f != NULL) {
		if (fgets(text, (int)bytes, f) == NULL)
			*text = '\0';
		(void)fclose(f);
	}
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void
print_text(const char *name, const struct finding *f)
{
	(void)printf("%-4s  %s: %s", verdicts[f->verdict], name, f->found);
	if (f->verdict != VERDICT_OK)
		(void)printf(" -- %s; %s", f->meaning, f->remedy);
	(void)putchar('\n');
}

static void
print_json(const char *name, const struct finding *f)
{
	(void)printf("{\"check\":");
	json_string(stdout, name);
	(void)printf(",\"verdict\":\"%s\",\"found\":", verdicts[f->verdict]);
	json_string(stdout, f->found);
	(void)printf(",\"meaning\":");
	json_string(stdout, f->meaning != NULL ? f->meaning : "");
	(void)printf(",\"remedy\":");
	json_string(stdout, f->remedy);
	(void)printf("}\n");
}

/* => exit status */
static int
examine(const struct doctor *d, bool json)
{
	unsigned failed = 0;

	for (unsigned i = 0; i < CHECKS; i++) {
		struct finding f = {0};

		checks[i].check(d, &f);
		failed += f.verdict == VERDICT_FAIL;
		if (json)
			print_json(checks[i].name, &f);
		else
			print_text(checks[i].name, &f);
		(void)fflush(stdout); /* a check may take its time */
	}
	if (!json && failed == 0)
		(void)printf("pageout run works here.\n");
	else if (!json)
		(void)printf("pageout run does not work here: see the %u "
		             "line%s with FAIL.\n",
		             failed, failed == 1 ? "" : "s");
	return failed > 0;
}

static int
usage_error(const char *what, const char *why)
{
	(void)fprintf(stderr,
	              "pageout doctor: %s%s\nTry pageout doctor --help.\n",
	              what, why);
	return 2;
}

int
doctor_main(int argc, char **argv)
{
	struct doctor d = {0};
	struct opt_state s;
	const char *value;
	bool json = false;
	int id, r = 0;

	opt_start(&s, &program, argc, argv);
	while ((id = opt_next(&s, &value)) > 0) {
		if (id == JSON)
			json = true;
		else if (id == SWAP)
			d.swap_path = value;
		else
			break;
	}
	if (id < 0)
		return usage_error("", s.error);
	if (id == OPT_HELP)
		opt_print_help(&program, stdout);
	else if (id == OPT_VERSION)
		opt_print_version(&program, stdout);
	else if (s.operands_count > 0)
		return usage_error(s.operands[0], ": no operand is wanted");
	else
		r = examine(&d, json);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		(void)fprintf(stderr, "pageout doctor: output: %s\n",
		              strerror(errno));
		return 1;
	}
	return r;
}
