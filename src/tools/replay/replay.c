/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.c -- pageout replay: do a recorded run again, and compare.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/opt.h"
#include "pageout/pageout.h"
#include "replay/replay.h"
#include "tools/json.h"
#include "tools/tools.h"

enum { JSON = 1 };

static const struct opt options[] = {
	{.name = "json",
         .letter = 'j',
         .id = JSON,
         .help = "print one JSON object"},
	OPT_COMMON,
	{0},
};

static const struct opt_example examples[] = {
	{"pageout run --mem 64M --record run.rec -- ./job", "record a run"},
	{"pageout replay run.rec", "and do it again, without the job"},
	{0},
};

static const struct opt_program program = {
	.name = "pageout replay",
	.synopsis = "[OPTION...] FILE",
	.purpose = "Do a recorded run again and compare every decision.",
	.options = options,
	.examples = examples,
	.see_also = "pageout-replay(1)",
};

enum { SAME, DIFFERENT, BAD };

static int
bad(const char *what, const char *why)
{
	(void)fprintf(stderr, "pageout replay: %s: %s\n", what, why);
	return BAD;
}

/* -- the file ------------------------------------------------------------- */

/* => NULL with errno, or the file's bytes; an empty file has one */
static void *
map_file(const char *path, size_t *ret_bytes)
{
	struct stat st;
	void *at = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0) {
		*ret_bytes = (size_t)st.st_size;
		errno = S_ISDIR(st.st_mode) ? EISDIR : ESPIPE;
		if (S_ISREG(st.st_mode))
			at = mmap(NULL, *ret_bytes + 1, PROT_READ, MAP_PRIVATE,
			          fd, 0);
	}
	(void)close(fd);
	return at == MAP_FAILED ? NULL : at;
}

/* -- telling -------------------------------------------------------------- */

static void
print_text(const struct replay_result *r, const char *path)
{
	(void)printf("%-18s %.16s\n%-18s %.24s\n", "recorded by",
	             r->header.program, "policy", r->header.policy);
	(void)printf("%-18s %" PRIu32 "\n%-18s %" PRIu64 "\n%-18s %" PRIu64
	             "\n%-18s %016" PRIx64 "\n",
	             "frames", r->header.frames_total, "events", r->events,
	             "decisions", r->decisions, "hash", r->hash);
	for (unsigned i = 0; i < PAGEOUT_STATS; i++)
		if (r->stat[i] != 0)
			(void)printf("%-18s %" PRIu64 "\n",
			             pageout_stat_describe(i)->name,
			             r->stat[i]);
	if (r->verdict == REPLAY_SAME)
		(void)printf("%s: every decision is the same\n", path);
	else
		(void)printf("%s: different: %s\n", path, r->why);
}

static void
print_json(const struct replay_result *r)
{
	static const char *const verdicts[] = {
		[REPLAY_SAME] = "same",
		[REPLAY_DIFFERENT] = "different",
		[REPLAY_BAD] = "bad",
	};

	(void)printf("{\"verdict\":\"%s\",\"why\":", verdicts[r->verdict]);
	json_string(stdout, r->why);
	(void)printf(",\"program\":");
	json_string(stdout, r->header.program);
	(void)printf(",\"policy\":");
	json_string(stdout, r->header.policy);
	(void)printf(",\"frames\":%" PRIu32 ",\"events\":%" PRIu64
	             ",\"decisions\":%" PRIu64 ",\"hash\":\"%016" PRIx64
	             "\",\"values\":{",
	             r->header.frames_total, r->events, r->decisions, r->hash);
	for (unsigned i = 0; i < PAGEOUT_STATS; i++)
		(void)printf("%s\"%s\":%" PRIu64, i > 0 ? "," : "",
		             pageout_stat_describe(i)->name, r->stat[i]);
	(void)printf("}}\n");
}

/* -- the command ---------------------------------------------------------- */

/* => exit status */
static int
replay(const char *path, bool json)
{
	struct replay_result r;
	size_t bytes;
	void *at = map_file(path, &bytes);

	if (at == NULL)
		return bad(path, strerror(errno));
	replay_run(&r, at, bytes, NULL);
	(void)munmap(at, bytes + 1);
	if (json)
		print_json(&r);
	else if (r.verdict != REPLAY_BAD)
		print_text(&r, path);
	if (r.verdict == REPLAY_BAD)
		return bad(path, r.why);
	if (fflush(stdout) == EOF || ferror(stdout))
		return bad("output", strerror(errno));
	return r.verdict == REPLAY_SAME ? SAME : DIFFERENT;
}

int
replay_main(int argc, char **argv)
{
	struct opt_state s;
	const char *value;
	bool json = false;
	int id;

	opt_start(&s, &program, argc, argv);
	while ((id = opt_next(&s, &value)) > 0) {
		if (id != JSON)
			break;
		json = true;
	}
	if (id < 0)
		return bad("option", s.error);
	if (id == OPT_HELP || id == OPT_VERSION) {
		if (id == OPT_HELP)
			opt_print_help(&program, stdout);
		else
			opt_print_version(&program, stdout);
		return 0;
	}
	if (s.operands_count != 1)
		return bad("operands", "one file is wanted; see "
		                       "pageout replay --help");
	return replay(s.operands[0], json);
}
