/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * then.c -- what can be looked at, and compared with a number or a word.
 *
 * The last argument is what is expected: a number, ">=N", "<=N", or a word of
 * the list that belongs to the value.
 */
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "sim/scenario/scenario.h"

const char *const no_words[] = {NULL};

/* What a value is called that stands for a word. */
static const char *
shown(char *text, size_t bytes, const char *const *words, int64_t value)
{
	for (int64_t i = 0; words[i] != NULL; i++)
		if (i == value)
			return words[i];
	(void)snprintf(text, bytes, "%jd", (intmax_t)value);
	return text;
}

bool
as_expected(struct scenario *s, const char *word, const char *const *words,
            int64_t got)
{
	uint64_t n;
	const char *number = word;

	for (int64_t i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], word) == 0)
			return got == i;
	if (*word == '-')
		number = word + 1;
	else if (word[0] != '\0' && word[1] == '=')
		number = word + 2;
	if (!number_read(number, INT64_MAX, &n))
		stop(s, "%s is not a value", word);
	if (*word == '>')
		return got >= (int64_t)n;
	if (*word == '<')
		return got <= (int64_t)n;
	return got == (*word == '-' ? -(int64_t)n : (int64_t)n);
}

void
expect(struct scenario *s, const char *what, const char *attr, const char *word,
       const char *const *words, int64_t got)
{
	char text[24];

	if (as_expected(s, word, words, got))
		return;
	complain(s, "%s%s%s: expected %s, got %s", what,
	         *attr != '\0' ? " " : "", attr, word,
	         shown(text, sizeof(text), words, got));
}

/* -- what happened --------------------------------------------------------- */

static unsigned
cause_of(struct scenario *s, const char *word)
{
	uint64_t n;

	if (*word != 'T' || !number_read(word + 1, 16, &n))
		stop(s, "T1 to T16, not %s", word);
	return (unsigned)n;
}

static void
then_moves(struct scenario *s, const struct statement *st)
{
	unsigned cause = cause_of(s, st->argv[0]);
	int64_t n = 0;

	for (uint32_t i = 0; i < s->w->traced; i++)
		n += s->w->trace[i].cause == cause;
	expect(s, "moves", st->argv[0], st->argv[1], no_words, n);
}

/* A number that is published: how much it grew, if it only grows. */
static void
then_stat(struct scenario *s, const struct statement *st)
{
	static const struct {
		const char *name;
		enum pageout_stat_kind kind;
	} stats[] = {
#define STAT(name, kind, unit, level, help) {#name, PAGEOUT_##kind},
#include "pageout/stat.def"
#undef STAT
	};

	for (unsigned i = 0; i < ARRAY_SIZE(stats); i++) {
		uint64_t got = s->w->stat[i];

		if (strcmp(stats[i].name, st->argv[0]) != 0)
			continue;
		if (stats[i].kind == PAGEOUT_COUNTER)
			got -= s->seen.stat[i];
		expect(s, "stat", st->argv[0], st->argv[1], no_words,
		       (int64_t)got);
		return;
	}
	stop(s, "no number is %s", st->argv[0]);
}

/* Pages in the order in which they made a transition. */
static void
then_order(struct scenario *s, const struct statement *st)
{
	unsigned cause = cause_of(s, st->argv[0]), next = 1;

	for (uint32_t i = 0; i < s->w->traced && next < st->argc; i++) {
		if (s->w->trace[i].cause != cause)
			continue;
		if (page_of(s, st->argv[next])->pfn != s->w->trace[i].pfn) {
			complain(s, "%s is not number %u to make %s",
			         st->argv[next], next, st->argv[0]);
			return;
		}
		next++;
	}
	if (next < st->argc)
		complain(s, "%s has not made %s", st->argv[next], st->argv[0]);
}

/* A list from its tail on: the next that will be looked at. */
static void
then_tail(struct scenario *s, const struct statement *st)
{
	const struct core *c = s->w->core;
	unsigned state = list_of(s, st->argv[0]);
	uint32_t pfn = s->dialect->list(c, state)->tail;

	for (unsigned i = 1; i < st->argc; i++) {
		const struct frame *f = frame_of(s, page_of(s, st->argv[i]));

		if (pfn == PFN_NONE || f != &c->frames[pfn]) {
			complain(s, "%s is not number %u of %s", st->argv[i], i,
			         st->argv[0]);
			return;
		}
		pfn = f->prev;
	}
}

static void
then_wakes(struct scenario *s, const struct statement *st)
{
	static const char *const names[] = {"kswapd", "kreclaimd", "bdflush"};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], st->argv[0]) == 0) {
			expect(s, "wakes", names[i], st->argv[1], no_words,
			       (int64_t)s->seen.wakes[i]);
			return;
		}
	stop(s, "no daemon is %s", st->argv[0]);
}

static void
then_returned(struct scenario *s, const struct statement *st)
{
	if (s->results == NULL)
		stop(s, "nothing was called yet");
	expect(s, "returned", "", st->argv[0], s->results, s->returned);
}

/* -- numbers --------------------------------------------------------------- */

#define SEEN(name)                                          \
	static void then_##name(struct scenario *s,         \
	                        const struct statement *st) \
	{                                                   \
		expect(s, #name, "", st->argv[0], no_words, \
		       (int64_t)s->seen.name);              \
	}

SEEN(writes)
SEEN(write_ops)
SEEN(reads)
SEEN(unmaps)
SEEN(maps)
SEEN(copies)
SEEN(buffer_writes)
SEEN(shrinks)
SEEN(shrink_goal)
SEEN(shrink_cache)
SEEN(oom_kills)
SEEN(waits)
SEEN(yields)
SEEN(blocks)
SEEN(sum)
SEEN(turns)
SEEN(tries)
SEEN(refused)

NUMBER(nr_swap_pages, core_swap_free(c))
NUMBER(pending, host_pending(s->w, TRANSFER_ANY))
NUMBER(nr_async, c->io_pages)

static void
then_free(struct scenario *s, const struct statement *st)
{
	expect(s, "free", st->argv[0], st->argv[1], no_words,
	       zone_of(s, st->argv[0])->free);
}

/* Free blocks of an order in a zone. */
static void
then_blocks_free(struct scenario *s, const struct statement *st)
{
	const struct zone *z = zone_of(s, st->argv[0]);
	uint64_t order = number_of(s, st->argv[1], BUDDY_ORDERS - 1);

	expect(s, "blocks_free", st->argv[1], st->argv[2], no_words,
	       z->area[order].count);
}

static void
then_area(struct scenario *s, const struct statement *st)
{
	const struct swap_area *a = &s->w->core->swap[disk_of(s, st->argv[0])];

	for (unsigned i = 1; i + 1 < st->argc; i += 2) {
		const char *name = st->argv[i];
		uint64_t got = a->free;

		if (strcmp(name, "lowest_bit") == 0)
			got = a->lowest_bit;
		else if (strcmp(name, "highest_bit") == 0)
			got = a->highest_bit;
		else if (strcmp(name, "cluster_nr") == 0)
			got = a->cluster_nr;
		else if (strcmp(name, "cluster_next") == 0)
			got = a->cluster_next;
		else if (strcmp(name, "bad") == 0)
			got = a->bad;
		else if (strcmp(name, "overflows") == 0)
			got = a->overflows;
		else if (strcmp(name, "free") != 0)
			stop(s, "no attribute of swap areas: %s", name);
		expect(s, st->argv[0], name, st->argv[i + 1], no_words,
		       (int64_t)got);
	}
}

static void
then_map(struct scenario *s, const struct statement *st)
{
	unsigned type = disk_of(s, st->argv[0]);
	uint64_t off = number_of(s, st->argv[1], s->w->disk[type].slots - 1);

	expect(s, "map", st->argv[1], st->argv[2], no_words,
	       s->w->core->swap[type].map[off]);
}

/* The slot that get_swap_page returned. */
static void
then_slot(struct scenario *s, const struct statement *st)
{
	unsigned type = disk_of(s, st->argv[0]);

	expect(s, "slot", st->argv[0], st->argv[1], no_words,
	       s->returned - (int64_t)((uint64_t)type << SWP_OFFSET_BITS));
}

const struct verb then_verbs[] = {
	{"page", 3, ARGS_MAX, then_page, "PAGE ATTRIBUTE VALUE..."},
	{"all", 3, ARGS_MAX, then_all, "GROUP ATTRIBUTE VALUE...: each page"},
	{"number", 4, 4, then_number, "GROUP ATTRIBUTE VALUE HOW_MANY"},
	{"moves", 2, 2, then_moves, "Tn HOW_MANY: transitions"},
	{"order", 2, ARGS_MAX, then_order, "Tn PAGE...: in this order"},
	{"tail", 2, ARGS_MAX, then_tail, "LIST PAGE...: from its tail"},
	{"wakes", 2, 2, then_wakes, "DAEMON HOW_OFTEN"},
	{"stat", 2, 2, then_stat, "NAME VALUE: as in pageout stat"},
	ONE(returned, ""),
	ONE(sum, "of what N times returned"),
	ONE(writes, "pages"),
	ONE(write_ops, "operations"),
	ONE(reads, "pages"),
	ONE(unmaps, "pages"),
	ONE(maps, "pages"),
	ONE(copies, "pages"),
	ONE(buffer_writes, "pages"),
	ONE(shrinks, "requests"),
	ONE(shrink_goal, "of the last"),
	ONE(shrink_cache, "the last that was asked, from 0"),
	ONE(oom_kills, ""),
	ONE(turns, "of daemons"),
	ONE(tries, "of the fault that needed most"),
	ONE(refused, "faults: out of memory"),
	ONE(waits, "of tasks for pages"),
	ONE(yields, "of allocators"),
	ONE(blocks, "of allocators, for kswapd"),
	ONE(nr_async, ""),
	ONE(nr_swap_pages, ""),
	ONE(pending, "pages in transfer"),
	{"free", 2, 2, then_free, "ZONE FRAMES"},
	{"blocks_free", 3, 3, then_blocks_free, "ZONE ORDER BLOCKS"},
	{"area", 3, 11, then_area, "AREA ATTRIBUTE VALUE..."},
	{"map", 3, 3, then_map, "AREA SLOT USERS"},
	{"slot", 2, 2, then_slot, "AREA SLOT: what get_swap_page returned"},
	{0},
};
