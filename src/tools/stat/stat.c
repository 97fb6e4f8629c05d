/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stat.c -- pageout stat: what running engines count.
 *
 * Every sample looks through /proc afresh, so engines may come and go between
 * two of them; a rate is of two samples of the same file.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/opt.h"
#include "base/size.h"
#include "tools/stat/engines.h"
#include "tools/stat/statlists.h"
#include "tools/stat/statout.h"
#include "tools/tools.h"

#define INTERVAL_NS_MIN 10000000u /* 10ms: a sample costs about one */
#define INTERVAL_NS_MAX ((uint64_t)86400 * 1000000000u)
#define COUNT_MAX 1000000000u
#define LEVEL_MAX 2u

enum { COUNT = 1, INTERVAL, JSON, LEVEL, LIST, LISTS, NODE, RAW };

static const struct opt options[] = {
	{.name = "interval",
         .letter = 'n',
         .id = INTERVAL,
         .value = "TIME",
         .help = "every TIME, as in 2 (seconds) or 250ms; counters as rates"},
	{.name = "count",
         .letter = 'c',
         .id = COUNT,
         .value = "N",
         .help = "stop after N samples (default: when the engines end)"},
	{.name = "level",
         .letter = 'l',
         .id = LEVEL,
         .value = "N",
         .help = "numbers for everybody 0, for tuning 1, all 2 (default: 0)"},
	{.name = "list",
         .letter = 'L',
         .id = LIST,
         .help = "what numbers there are, and what they mean"},
	{.name = "lists",
         .id = LISTS,
         .help = "the lists of linux24 and kswapd, what is short and what "
                 "happens"},
	{.name = "node",
         .letter = 'N',
         .id = NODE,
         .value = "N",
         .help = "of node N of each engine alone (default: of all together)"},
	{.name = "raw",
         .letter = 'r',
         .id = RAW,
         .help = "exact numbers: no K, M or G, times in ns"},
	{.name = "json",
         .letter = 'j',
         .id = JSON,
         .help = "one JSON object a line, with all numbers (level 2)"},
	OPT_COMMON,
	{0},
};

static const struct opt_example examples[] = {
	{"pageout stat", "who runs, one line each"},
	{"pageout stat 4711", "the numbers of one process"},
	{"pageout stat -n 1 4711", "its rates, once a second"},
	{"pageout stat --lists -n 1 4711", "its lists, once a second"},
	{"pageout stat --node 1 4711", "the numbers of its second node"},
	{"pageout stat --json", "all numbers of all engines, for a script"},
	{0},
};

static const struct opt_program program = {
	.name = "pageout stat",
	.synopsis = "[OPTION...] [PID]",
	.purpose = "Show what running engines count: all of them, or one.",
	.options = options,
	.examples = examples,
	.see_also = "pageout-stat(1)",
};

struct stat_options {
	struct stat_view view;
	uint64_t interval_ns; /* 0: once */
	uint64_t count;       /* 0: no end */
	pid_t pid;            /* 0: all */
	uint32_t node;        /* or STATFILE_ALL_NODES */
	bool list, lists;
};

static int
usage_error(const char *what, const char *why)
{
	(void)fprintf(stderr,
	              "pageout stat: %s%s%s\nTry pageout stat --help.\n", what,
	              *what != '\0' ? ": " : "", why);
	return 2;
}

/* A whole number of min..max.  => false: it is not one */
static bool
parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	char *end;
	unsigned long n;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || n < min || n > max)
		return false;
	*ret = n;
	return true;
}

/* TIME, or seconds without a unit.  => NULL, or why not */
static const char *
parse_interval(const char *text, uint64_t *ret_ns)
{
	char seconds[32];
	const char *why;
	uint64_t ns;

	if (strlen(text) < sizeof(seconds) - 1 &&
	    text[strspn(text, "0123456789.")] == '\0') {
		(void)snprintf(seconds, sizeof(seconds), "%ss", text);
		text = seconds;
	}
	if (time_parse(text, &ns, &why) < 0)
		return why;
	if (ns < INTERVAL_NS_MIN || ns > INTERVAL_NS_MAX)
		return "must be between 10ms and 24h";
	*ret_ns = ns;
	return NULL;
}

static int
take_option(struct stat_options *o, int id, const char *value)
{
	const char *why;
	uint64_t n;

	switch (id) {
	case COUNT:
		if (!parse_number(value, 1, COUNT_MAX, &o->count))
			return usage_error("--count",
			                   "must be 1 to 1000000000");
		return 0;
	case INTERVAL:
		why = parse_interval(value, &o->interval_ns);
		return why == NULL ? 0 : usage_error("--interval", why);
	case LEVEL:
		if (!parse_number(value, 0, LEVEL_MAX, &n))
			return usage_error("--level", "must be 0, 1 or 2");
		o->view.level = (unsigned)n;
		return 0;
	case NODE:
		if (!parse_number(value, 0, STATFILE_NODES_MAX - 1, &n))
			return usage_error("--node", "must be 0, 1 ...");
		o->node = (uint32_t)n;
		return 0;
	case JSON:
		o->view.json = true;
		return 0;
	case RAW:
		o->view.raw = true;
		return 0;
	case LIST:
		o->list = true;
		return 0;
	case LISTS:
		o->lists = true;
		return 0;
	}
	return 2;
}

/* => -1: go on; else the exit status */
static int
parse(struct stat_options *o, int argc, char **argv)
{
	struct opt_state s;
	const char *value;
	uint64_t pid;
	int id, r;

	o->view.level = UINT_MAX;
	opt_start(&s, &program, argc, argv);
	while ((id = opt_next(&s, &value)) > 0) {
		if (id == OPT_HELP || id == OPT_VERSION) {
			if (id == OPT_HELP)
				opt_print_help(&program, stdout);
			else
				opt_print_version(&program, stdout);
			return 0;
		}
		r = take_option(o, id, value);
		if (r != 0)
			return r;
	}
	if (id < 0)
		return usage_error("", s.error);
	if (s.operands_count > 1)
		return usage_error(s.operands[1], "one PID is enough");
	if (s.operands_count == 1) {
		if (!parse_number(s.operands[0], 1, INT_MAX, &pid))
			return usage_error(s.operands[0], "is not a PID");
		o->pid = (pid_t)pid;
	}
	if (o->view.level == UINT_MAX)
		o->view.level = o->view.json || o->list ? LEVEL_MAX : 0;
	if (o->count == 0 && o->interval_ns == 0)
		o->count = 1;
	if (o->count > 1 && o->interval_ns == 0)
		o->interval_ns = 1000000000u;
	return -1;
}

/* Why nothing was found, and what to do. */
static void
say_nothing_found(const struct engines *e, pid_t pid)
{
	if (e->broken > 0)
		(void)fprintf(stderr,
		              "pageout stat: a statistics file was refused: "
		              "%s\n",
		              e->broken_why);
	if (pid == 0 && e->denied == 0)
		(void)fprintf(stderr, "pageout stat: no engine is running\n");
	else if (pid == 0)
		(void)fprintf(stderr,
		              "pageout stat: no engine of yours is running; "
		              "%u processes may not be looked into: "
		              "run as their user or as root to see theirs\n",
		              e->denied);
	else if (!e->wanted_exists)
		(void)fprintf(stderr,
		              "pageout stat: %d: there is no such process\n",
		              (int)pid);
	else if (e->wanted_denied)
		(void)fprintf(stderr,
		              "pageout stat: %d: may not be looked into: "
		              "run as its user or as root\n",
		              (int)pid);
	else
		(void)fprintf(stderr,
		              "pageout stat: %d: runs without an engine: start "
		              "it with pageout run, or see what that said\n",
		              (int)pid);
}

/* Of each engine the numbers of one node; those without it are dropped. */
static void
select_node(struct engines *e, uint32_t node)
{
	unsigned kept = 0;

	for (unsigned i = 0; node != STATFILE_ALL_NODES && i < e->count; i++) {
		struct statfile *f = &e->list[i].file;

		f->node = node;
		if (node < f->header.node_count && statfile_read(f) == 0)
			e->list[kept++] = e->list[i];
		else
			statfile_close(f);
	}
	if (node != STATFILE_ALL_NODES)
		e->count = kept;
}

/*
 * Drop the engines that were not asked for.  A keeper's PID stands for all
 * engines that it keeps, unless one is its own.
 */
static void
select_engines(struct engines *e, pid_t pid)
{
	bool is_own = false;
	unsigned kept = 0;

	for (unsigned i = 0; i < e->count; i++)
		is_own |= pid != 0 && e->list[i].pid == pid;
	for (unsigned i = 0; i < e->count; i++) {
		struct engine *x = &e->list[i];
		bool keep;

		if (is_own)
			keep = x->pid == pid;
		else
			keep = engine_is_running(x) &&
			       (pid == 0 || x->is_wanted);
		if (keep)
			e->list[kept++] = *x;
		else
			statfile_close(&x->file);
	}
	e->count = kept;
}

static const struct engine *
same_engine(const struct engines *e, const struct engine *wanted)
{
	for (unsigned i = 0; i < e->count; i++)
		if (e->list[i].ino == wanted->ino &&
		    e->list[i].dev == wanted->dev)
			return &e->list[i];
	return NULL;
}

static void
show(const struct stat_options *o, const struct engines *now,
     const struct engines *before, uint64_t elapsed_ns)
{
	bool rates = before != NULL;

	if (o->pid == 0 && !o->lists)
		statout_heading(&o->view, rates);
	for (unsigned i = 0; i < now->count; i++) {
		struct stat_sample s = {.now = &now->list[i],
		                        .elapsed_ns = elapsed_ns};

		if (rates) {
			s.before = same_engine(before, s.now);
			if (s.before == NULL)
				continue; /* new: next time */
		}
		if (o->lists)
			statlists_show(&o->view, &s);
		else if (o->view.json)
			statout_json(&o->view, &s);
		else if (o->pid == 0)
			statout_line(&o->view, &s);
		else
			statout_table(&o->view, &s);
	}
}

static void
sleep_until(uint64_t when_ns)
{
	struct timespec t = {.tv_sec = (time_t)(when_ns / 1000000000u),
	                     .tv_nsec = (long)(when_ns % 1000000000u)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) ==
	       EINTR)
		;
}

/*
 * One look at the machine.
 * => 0; 1 and nothing in *ret: nothing found, or /proc failed (said)
 */
static int
look(const struct stat_options *o, struct engines *ret, bool quiet)
{
	int r = engines_find(ret, o->pid);
	unsigned found;

	if (r < 0) {
		(void)fprintf(stderr, "pageout stat: /proc: %s\n",
		              strerror(-r));
		return 1;
	}
	select_engines(ret, o->pid);
	found = ret->count;
	select_node(ret, o->node);
	if (ret->count > 0)
		return 0;
	if (!quiet && found > 0)
		(void)fprintf(stderr, "pageout stat: no node %u there\n",
		              o->node);
	else if (!quiet)
		say_nothing_found(ret, o->pid);
	engines_free(ret);
	return 1;
}

/* True while one of the engines may still change its numbers. */
static bool
any_runs(const struct engines *e)
{
	for (unsigned i = 0; i < e->count; i++)
		if (engine_is_running(&e->list[i]))
			return true;
	return false;
}

/* Samples until the engines are gone.  => exit status */
static int
watch(const struct stat_options *o)
{
	struct engines before, now;
	uint64_t before_ns, now_ns;

	before_ns = monotonic_ns();
	if (look(o, &before, false) != 0)
		return 1;
	for (uint64_t n = 0; o->count == 0 || n < o->count; n++) {
		sleep_until(before_ns + o->interval_ns);
		now_ns = monotonic_ns();
		if (look(o, &now, true) != 0)
			break; /* all have ended: that is the end */
		if (n > 0 && !o->view.json)
			(void)fputc('\n', stdout);
		show(o, &now, &before, now_ns - before_ns);
		if (fflush(stdout) == EOF)
			break;
		engines_free(&before);
		before = now;
		before_ns = now_ns;
		if (!any_runs(&now))
			break;
	}
	engines_free(&before);
	return 0;
}

int
stat_main(int argc, char **argv)
{
	struct stat_options o = {.view.out = stdout,
	                         .node = STATFILE_ALL_NODES};
	struct engines engines;
	int r;

	r = parse(&o, argc, argv);
	if (r < 0) {
		r = 0;
		if (o.list) {
			statout_list(&o.view);
		} else if (o.interval_ns != 0) {
			r = watch(&o);
		} else {
			r = look(&o, &engines, false);
			if (r == 0) {
				show(&o, &engines, NULL, 0);
				engines_free(&engines);
			}
		}
	}
	if (fflush(stdout) == EOF || ferror(stdout)) {
		(void)fprintf(stderr, "pageout stat: output: %s\n",
		              strerror(errno));
		return 1;
	}
	return r;
}
