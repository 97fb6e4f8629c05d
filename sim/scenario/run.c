/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run.c -- statement after statement; and what their words name.
 *
 * A scenario ends at its last statement, at one that makes no sense, or when an
 * assertion of the core fails.  Each complaint names the line.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "sim/scenario/scenario.h"

/* The one that runs: an assertion knows no other way to it. */
static struct scenario *running;

static void
say(struct scenario *s, const char *format, va_list args)
{
	s->failures++;
	printf("# %s:%u: ", s->script->name, s->st->line);
	(void)vprintf(format, args);
	printf("\n");
}

void
complain(struct scenario *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(s, format, args);
	va_end(args);
}

void
stop(struct scenario *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(s, format, args);
	va_end(args);
	longjmp(s->stop, 1);
}

static void
assertion_failed(const char *expr, const char *file, int line, const char *func)
{
	stop(running, "%s:%d: %s: %s", file, line, func, expr);
}

/* -- words into things ----------------------------------------------------- */

uint64_t
number_of(struct scenario *s, const char *word, uint64_t max)
{
	uint64_t n;

	if (word == NULL || !number_read(word, max, &n))
		stop(s, "%s is no number up to %ju", word == NULL ? "" : word,
		     (uintmax_t)max);
	return n;
}

unsigned
space_of(struct scenario *s, const char *word)
{
	for (unsigned i = 0; i < SPACES; i++)
		if (strcmp(s->w->space[i].name, word) == 0)
			return i;
	stop(s, "no address space is %s", word);
}

unsigned
disk_of(struct scenario *s, const char *word)
{
	for (unsigned i = 0; i < DISKS; i++)
		if (strcmp(s->w->disk[i].name, word) == 0)
			return i;
	stop(s, "no swap area is %s", word);
}

struct zone *
zone_of(struct scenario *s, const char *word)
{
	static const char *const names[] = {"DMA", "NORMAL", "HIGHMEM"};
	struct core *c = s->w->core;

	for (unsigned i = 0; i < c->zone_count; i++)
		if (strcmp(names[zone_kind24(c, &c->zones[i])], word) == 0)
			return &c->zones[i];
	stop(s, "no zone is %s", word);
}

/* "KERNEL", or bits joined by +. */
uint32_t
gfp_of(struct scenario *s, const char *word)
{
	static const struct {
		const char *name;
		uint32_t bits;
	} masks[] = {
		{"WAIT", GFP_WAIT},
		{"HIGH", GFP_HIGH},
		{"IO", GFP_IO},
		{"DMA", GFP_DMA},
		{"HIGHMEM", GFP_HIGHMEM},
		{"ATOMIC", GFP_ATOMIC},
		{"BUFFER", GFP_BUFFER},
		{"USER", GFP_USER},
		{"HIGHUSER", GFP_HIGHUSER},
		{"KERNEL", GFP_KERNEL},
		{"KSWAPD", GFP_KSWAPD},
	};
	uint32_t gfp = 0;

	while (*word != '\0') {
		size_t n = strcspn(word, "+");
		unsigned i = 0;

		while (i < ARRAY_SIZE(masks) &&
		       (strlen(masks[i].name) != n ||
		        strncmp(masks[i].name, word, n) != 0))
			i++;
		if (i == ARRAY_SIZE(masks))
			stop(s, "no mask is %s", word);
		gfp |= masks[i].bits;
		word += n + (word[n] == '+');
	}
	return gfp;
}

struct group *
group_of(struct scenario *s, const char *word)
{
	size_t n = strcspn(word, ".");

	for (unsigned i = 0; i < s->groups; i++)
		if (strlen(s->group[i].name) == n &&
		    strncmp(s->group[i].name, word, n) == 0)
			return &s->group[i];
	stop(s, "no page is %s", word);
}

struct page *
page_of(struct scenario *s, const char *word)
{
	struct group *g = group_of(s, word);
	const char *dot = strchr(word, '.');
	uint64_t i = 0;

	if (dot != NULL)
		i = number_of(s, dot + 1, g->count - 1);
	else if (g->count != 1)
		stop(s, "which page of %s?", word);
	return &g->page[i];
}

/* -- running --------------------------------------------------------------- */

static void
statement_run(struct scenario *s, const struct statement *st)
{
	s->st = st;
	if (s->w == NULL && strcmp(st->verb->name, "zones") != 0)
		stop(s, "it begins with given zones");
	if (st->part == PART_WHEN) {
		s->seen = (struct seen){0};
		s->w->traced = 0;
	}
	for (unsigned i = 0; i < st->times; i++)
		st->verb->run(s, st);
	if (st->part == PART_WHEN) {
		pages_refresh(s);
		world_check(s);
	}
}

unsigned
scenario_run(struct script *sc)
{
	struct scenario s = {.script = sc};
	fail_fn *hook = assert_fail;

	running = &s;
	assert_fail = assertion_failed;
	if (setjmp(s.stop) == 0)
		for (unsigned i = 0; i < sc->count; i++)
			statement_run(&s, &sc->st[i]);
	assert_fail = hook;
	world_free(&s);
	return s.failures;
}
