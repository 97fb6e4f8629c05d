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
	if (s->script->quiet)
		return;
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
	struct core *c = s->w->core;

	for (unsigned i = 0; i < c->zone_count; i++)
		if (strcmp(s->dialect->zone_name(c, i), word) == 0)
			return &c->zones[i];
	stop(s, "no zone is %s", word);
}

uint32_t
bits_of(struct scenario *s, const char *word, const struct bits *names)
{
	uint32_t bits = 0;

	while (*word != '\0') {
		const struct bits *b = names;
		size_t n = strcspn(word, "+");

		while (b->name != NULL &&
		       (strlen(b->name) != n || strncmp(b->name, word, n) != 0))
			b++;
		if (b->name == NULL)
			stop(s, "what is %s?", word);
		bits |= b->bits;
		word += n + (word[n] == '+');
	}
	return bits;
}

unsigned
word_of(struct scenario *s, const char *word, const char *const *words)
{
	for (unsigned i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	stop(s, "what is %s?", word);
}

const struct dialect *
dialect_of(const char *policy)
{
	static const struct dialect *const all[] = {&dialect24, &dialect66};

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		size_t n = strlen(all[i]->policy);

		if (strncmp(policy, all[i]->policy, n) == 0 &&
		    (policy[n] == '\0' || policy[n] == ':'))
			return all[i];
	}
	return NULL;
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
		memcpy(s->seen.stat, s->w->stat, sizeof(s->seen.stat));
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
