/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim.c -- pageout sim: one trace under every policy, in so much memory.
 *
 * The trace is read or made once; then each policy has it in each size, and the
 * result is shown as soon as it is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/opt.h"
#include "base/size.h"
#include "tools/sim/show.h"
#include "tools/sim/sizes.h"
#include "tools/tools.h"

enum {
	ACCESS_TIME = 1,
	FORMAT,
	GENERATE,
	JSON,
	MEM,
	POLICY,
	READAHEAD,
	SEED,
	SVG
};

enum { DONE, FAILED, USAGE };

#define MEM_DEFAULT "50%"
#define MEM_DEFAULT_SVG "10%..100%:10"
#define ACCESS_NS_MAX 1000000000u

static const struct opt options[] = {
	{.name = "mem",
         .letter = 'm',
         .id = MEM,
         .value = "SIZE",
         .help = "memory, as 64M, 25% of the trace, or 10%..100%:10 (50%)"},
	{.name = "policy",
         .letter = 'p',
         .id = POLICY,
         .value = "NAME",
         .help = "which pages leave first (all; --policy=help: the list)"},
	{.name = "generate",
         .letter = 'g',
         .id = GENERATE,
         .value = "PATTERN",
         .help = "make the trace (--generate=help: the patterns)"},
	{.name = "format",
         .letter = 'f',
         .id = FORMAT,
         .value = "NAME",
         .help = "of the file (by its contents; --format=help: the list)"},
	{.name = "svg",
         .id = SVG,
         .value = "FILE",
         .help = "draw misses by memory"},
	{.name = "json",
         .letter = 'j',
         .id = JSON,
         .help = "print one JSON object a line"},
	{.name = "readahead",
         .id = READAHEAD,
         .value = "PAGES",
         .help = "bring neighbours in as well, up to 256 (1: none)"},
	{.name = "access-time",
         .id = ACCESS_TIME,
         .value = "TIME",
         .help = "from one access to the next (100ns)"},
	{.name = "seed",
         .id = SEED,
         .value = "NUMBER",
         .help = "of policy random (1)"},
	OPT_COMMON,
	{0},
};

static const struct opt_example examples[] = {
	{"pageout sim --generate zipf", "every policy, half of the memory"},
	{"pageout sim --generate loop --svg loop.svg", "curves over memory"},
	{"pageout sim --mem 64M --mem 128M run.rec", "a recorded run"},
	{"zstd -dc trace.zst | pageout sim -p linux24 -p optimum -", ""},
	{0},
};

static const struct opt_program program = {
	.name = "pageout sim",
	.synopsis = "[OPTION...] FILE|-",
	.purpose =
		"Replay page accesses under policies of reclaim, and compare "
		"them.",
	.options = options,
	.examples = examples,
	.see_also = "pageout-sim(1)",
};

struct settings {
	const char *generate, *format, *svg;
	const char *mem[SIZES_MAX];
	unsigned mems;
	bool json;
	struct compare_options run;
};

static int
complain(int status, const char *what, const char *why)
{
	(void)fprintf(stderr, "pageout sim: %s: %s\n", what, why);
	return status;
}

/* -- the command line ----------------------------------------------------- */

typedef const char *name_fn(unsigned i, const char **ret_help);

/* => true if value asks for a list, which is printed */
static bool
list(const char *value, name_fn *name)
{
	const char *word, *help;

	if (strcmp(value, "help") != 0)
		return false;
	for (unsigned i = 0; (word = name(i, &help)) != NULL; i++)
		(void)printf("  %-14s %s\n", word, help);
	return true;
}

static int
number(const char *what, const char *text, uint64_t min, uint64_t max,
       uint64_t *ret)
{
	char why[80];
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0 &&
	    *ret >= min && *ret <= max)
		return DONE;
	(void)snprintf(why, sizeof(why),
	               "a number from %" PRIu64 " to %" PRIu64 " is wanted",
	               min, max);
	return complain(USAGE, what, why);
}

static int
access_time(const char *text, uint64_t *ret_ns)
{
	const char *why = "1ns to 1s is wanted";

	if (time_parse(text, ret_ns, &why) == 0 && *ret_ns >= 1 &&
	    *ret_ns <= ACCESS_NS_MAX)
		return DONE;
	return complain(USAGE, "--access-time", why);
}

static int
add_policy(struct comparison *c, const char *policy)
{
	if (compare_policy_wrong(policy) != NULL)
		return complain(USAGE, policy,
		                "no such policy; see --policy=help, and "
		                "pageout-run(1) for tunables");
	if (c->policies == POLICIES_MAX)
		return complain(USAGE, policy, "too many policies");
	c->policy[c->policies++] = policy;
	return DONE;
}

static int
add_mem(struct settings *s, const char *mem)
{
	uint64_t bytes[SIZES_MAX];
	struct sizes dummy = {.bytes = bytes, .max = SIZES_MAX};
	const char *why;

	/* Whether it can be read; what a share is of is not known yet. */
	if (sizes_add(&dummy, mem, UINT64_C(1) << 40, &why) < 0)
		return complain(USAGE, mem, why);
	if (s->mems == SIZES_MAX)
		return complain(USAGE, mem, "too many sizes");
	s->mem[s->mems++] = mem;
	return DONE;
}

/* => DONE, or another status; *ret_listed: there is nothing more to do */
static int
take_option(struct settings *s, struct comparison *c, int id, const char *value,
            bool *ret_listed)
{
	uint64_t n = 0;
	int status = DONE;

	switch (id) {
	case ACCESS_TIME:
		return access_time(value, &s->run.access_ns);
	case FORMAT:
		s->format = value;
		*ret_listed = list(value, trace_format_name);
		break;
	case GENERATE:
		s->generate = value;
		*ret_listed = list(value, trace_pattern_name);
		break;
	case JSON:
		s->json = true;
		break;
	case MEM:
		return add_mem(s, value);
	case POLICY:
		*ret_listed = list(value, compare_policy_name);
		return *ret_listed ? DONE : add_policy(c, value);
	case READAHEAD:
		status = number("--readahead", value, 1, COMPARE_READAHEAD_MAX,
		                &n);
		s->run.readahead = (uint32_t)n;
		break;
	case SEED:
		return number("--seed", value, 0, UINT64_MAX, &s->run.seed);
	case SVG:
		s->svg = value;
		break;
	}
	return status;
}

/* -- running -------------------------------------------------------------- */

/* What every chosen policy takes. */
static uint64_t
least_bytes(const struct comparison *c)
{
	uint64_t least = 0;

	for (unsigned i = 0; i < c->policies; i++) {
		uint64_t frames = compare_frames_min(c->policy[i]);

		least = frames > least ? frames : least;
	}
	return least << 12;
}

static void
say_raised(const char *mem, const struct sizes *s)
{
	char least[SIZE_TEXT_BYTES], many[32] = "";

	if (s->raised > 1)
		(void)snprintf(many, sizeof(many), "%u sizes ", s->raised);
	(void)fprintf(stderr,
	              "pageout sim: %s: %sraised to %s, the least that a "
	              "policy takes\n",
	              mem, many, size_text(least, s->least));
}

/* Now it is known what a share is of: of a small trace, it is too small. */
static int
choose_sizes(const struct settings *s, struct comparison *c)
{
	struct sizes sizes = {.bytes = c->mem_bytes,
	                      .max = SIZES_MAX,
	                      .least = least_bytes(c)};
	const char *preset = s->svg != NULL ? MEM_DEFAULT_SVG : MEM_DEFAULT;
	const char *why;

	for (unsigned i = 0; i < s->mems || i == 0; i++) {
		const char *mem = s->mems == 0 ? preset : s->mem[i];

		sizes.raised = 0;
		if (sizes_add(&sizes, mem, (uint64_t)c->trace->pages << 12,
		              &why) < 0)
			return complain(FAILED, mem, why);
		if (sizes.raised != 0)
			say_raised(mem, &sizes);
	}
	c->sizes = sizes.count;
	return DONE;
}

/* Whether every policy takes every size: before the first has begun. */
static int
check_sizes(const struct comparison *c)
{
	char why[TRACE_WHY_BYTES];

	for (unsigned i = 0; i < c->sizes; i++)
		for (unsigned j = 0; j < c->policies; j++)
			if (compare_frames_check(c->policy[j],
			                         c->mem_bytes[i] >> 12,
			                         why) < 0)
				return complain(FAILED, c->name, why);
	return DONE;
}

static void
choose_policies(struct comparison *c)
{
	const char *name, *help;

	for (unsigned i = 0; c->policies == i && i < POLICIES_MAX &&
	                     (name = compare_policy_name(i, &help)) != NULL;
	     i++)
		c->policy[c->policies++] = name;
}

static int
run_all(const struct settings *s, struct comparison *c, struct trace *t)
{
	struct compare_options o = s->run;
	char why[TRACE_WHY_BYTES];

	(s->json ? json_begin : table_begin)(c, stdout);
	for (unsigned i = 0; i < c->sizes; i++)
		for (unsigned j = 0; j < c->policies; j++) {
			o.policy = c->policy[j];
			o.frames = c->mem_bytes[i] >> 12;
			if (compare_run(t, &o, &c->result[i][j], why) < 0)
				return complain(FAILED, c->name, why);
			(s->json ? json_row : table_row)(c, i, j, stdout);
		}
	if (ferror(stdout))
		return complain(FAILED, "output", strerror(errno));
	return DONE;
}

/*
 * Whether a picture can be put there, before hours go into it.  Nothing is
 * left behind, whatever happens until then; what is no file is not touched.
 */
static int
check_picture(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	bool is_new = fd >= 0;
	struct stat st;

	if (!is_new && errno == EEXIST) {
		if (stat(path, &st) < 0 ||
		    !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
			return DONE;
		fd = open(path, O_WRONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return complain(FAILED, path, strerror(errno));
	(void)close(fd);
	if (is_new)
		(void)unlink(path);
	return DONE;
}

/* Half a picture is none. */
static int
draw(const struct settings *s, const struct comparison *c)
{
	FILE *out = fopen(s->svg, "we");
	struct stat st;
	int error;

	if (out == NULL)
		return complain(FAILED, s->svg, strerror(errno));
	svg_print(c, out);
	error = fflush(out) == EOF || ferror(out) ? errno : 0;
	if (error != 0 && fstat(fileno(out), &st) == 0 && S_ISREG(st.st_mode))
		(void)unlink(s->svg);
	if (fclose(out) == EOF && error == 0)
		error = errno;
	return error != 0 ? complain(FAILED, s->svg, strerror(error)) : DONE;
}

static int
compare(const struct settings *s, struct comparison *c)
{
	char why[TRACE_WHY_BYTES];
	struct trace t;
	int r, status;

	status = s->svg != NULL ? check_picture(s->svg) : DONE;
	if (status != DONE)
		return status;
	r = s->generate != NULL ? trace_generate(&t, s->generate, why)
	                        : trace_read(&t, c->name, s->format, why);
	if (r < 0)
		return complain(FAILED, c->name, why);
	c->trace = &t;
	choose_policies(c);
	status = choose_sizes(s, c);
	if (status == DONE)
		status = check_sizes(c);
	if (status == DONE)
		status = run_all(s, c, &t);
	if (status == DONE && s->svg != NULL)
		status = draw(s, c);
	c->trace = NULL;
	trace_close(&t);
	return status;
}

int
sim_main(int argc, char **argv)
{
	static struct comparison c;
	static struct settings s = {.run = {
					    .access_ns = 100,
					    .seed = 1,
					    .readahead = 1,
				    }};
	struct opt_state o;
	const char *value;
	bool listed = false;
	int id, status;

	opt_start(&o, &program, argc, argv);
	while ((id = opt_next(&o, &value)) > 0 && id < OPT_HELP) {
		status = take_option(&s, &c, id, value, &listed);
		if (status != DONE || listed)
			return status;
	}
	if (id < 0)
		return complain(USAGE, "option", o.error);
	if (id == OPT_HELP || id == OPT_VERSION) {
		if (id == OPT_HELP)
			opt_print_help(&program, stdout);
		else
			opt_print_version(&program, stdout);
		return DONE;
	}
	if (o.operands_count != (s.generate == NULL))
		return complain(USAGE, "operands",
		                "one FILE, or --generate, is wanted; see "
		                "pageout sim --help");
	c.name = s.generate != NULL ? s.generate : o.operands[0];
	return compare(&s, &c);
}
