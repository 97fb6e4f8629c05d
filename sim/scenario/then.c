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
static const char *const alloc_words[] = {"got",    "failed", "yields",
                                          "blocks", "sleeps", NULL};

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
	struct core *c = s->w->core;
	struct linux24 *l = linux24(c);
	const struct flist *list = &l->active;
	uint32_t pfn;

	if (strcmp(st->argv[0], "D") == 0)
		list = &l->inactive_dirty;
	else if (strcmp(st->argv[0], "C") == 0)
		list = &l->inactive_clean[c->zone_count - 1];
	else if (strcmp(st->argv[0], "A") != 0)
		stop(s, "no list is %s", st->argv[0]);
	pfn = list->tail;
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
then_asleep(struct scenario *s, const struct statement *st)
{
	const struct linux24 *l = linux24(s->w->core);
	bool sleeps = l->kswapd_sleeps;

	if (strcmp(st->argv[0], "kreclaimd") == 0)
		sleeps = l->kreclaimd_sleeps;
	else if (strcmp(st->argv[0], "bdflush") == 0)
		sleeps = l->bdflush_sleeps;
	else if (strcmp(st->argv[0], "kswapd") != 0)
		stop(s, "no daemon is %s", st->argv[0]);
	expect(s, "asleep", st->argv[0], st->argv[1], no_words, sleeps);
}

static const char *const touch_words[] = {"done",     "started", "waits",
                                          "again",    "noframe", "nomem",
                                          "poisoned", "noarea",  NULL};

/* The words of what the last function returns. */
static const char *const *
returned_words(const struct scenario *s)
{
	const struct statement *st = s->st;

	while (st > s->script->st && st->part != PART_WHEN)
		st--;
	if (strncmp(st->verb->name, "alloc", 5) == 0 ||
	    strcmp(st->verb->name, "getblk") == 0)
		return alloc_words;
	return strcmp(st->verb->name, "touch") == 0 ? touch_words : no_words;
}

static void
then_returned(struct scenario *s, const struct statement *st)
{
	expect(s, "returned", "", st->argv[0], returned_words(s), s->returned);
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

#define NUMBER(name, value)                                                    \
	static void then_##name(struct scenario *s,                            \
	                        const struct statement *st)                    \
	{                                                                      \
		struct core *c = s->w->core;                                   \
		(void)c;                                                       \
		expect(s, #name, "", st->argv[0], no_words, (int64_t)(value)); \
	}

NUMBER(nr_active, linux24(c)->active.count)
NUMBER(nr_inactive_dirty, linux24(c)->inactive_dirty.count)
NUMBER(nr_inactive_clean, nr_inactive_clean_pages(c))
NUMBER(nr_free, nr_free_pages(c))
NUMBER(memory_pressure, linux24(c)->memory_pressure)
NUMBER(num_physpages, linux24(c)->num_physpages)
NUMBER(page_cluster, linux24(c)->page_cluster)
NUMBER(max_launder, max_launder(c))
NUMBER(nr_async_max, nr_async_max(c))
NUMBER(nr_async, c->io_pages)
NUMBER(inactive_target, inactive_target(c))
NUMBER(free_target, free_target(c))
NUMBER(free_shortage, free_shortage(c))
NUMBER(inactive_shortage, inactive_shortage(c))
NUMBER(nr_free_buffer_pages, nr_free_buffer_pages(c))
NUMBER(balance_dirty_state, balance_dirty_state(c))
NUMBER(buffermem, linux24(c)->buffermem_pages)
NUMBER(out_of_memory, out_of_memory(c))
NUMBER(nr_swap_pages, core_swap_free(c))
NUMBER(waiters, linux24(c)->waiters)
NUMBER(pending, host_pending(s->w, TRANSFER_ANY))

static void
then_freepages(struct scenario *s, const struct statement *st)
{
	const struct core *c = s->w->core;

	expect(s, "freepages.min", "", st->argv[0], no_words, c->freepages.min);
	expect(s, "freepages.low", "", st->argv[1], no_words, c->freepages.low);
	expect(s, "freepages.high", "", st->argv[2], no_words,
	       c->freepages.high);
}

static void
then_marks(struct scenario *s, const struct statement *st)
{
	const struct zone *z = zone_of(s, st->argv[0]);

	expect(s, st->argv[0], "min", st->argv[1], no_words, z->pages_min);
	expect(s, st->argv[0], "low", st->argv[2], no_words, z->pages_low);
	expect(s, st->argv[0], "high", st->argv[3], no_words, z->pages_high);
}

static void
then_free(struct scenario *s, const struct statement *st)
{
	expect(s, "free", st->argv[0], st->argv[1], no_words,
	       zone_free24(zone_of(s, st->argv[0])));
}

static void
then_clean(struct scenario *s, const struct statement *st)
{
	struct core *c = s->w->core;
	const struct zone *z = zone_of(s, st->argv[0]);

	expect(s, "clean", st->argv[0], st->argv[1], no_words,
	       linux24(c)->inactive_clean[z - c->zones].count);
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
then_mm(struct scenario *s, const struct statement *st)
{
	unsigned space = space_of(s, st->argv[0]);
	const struct mm24 *mm = &linux24(s->w->core)->mm[space];

	for (unsigned i = 1; i + 1 < st->argc; i += 2) {
		const char *a = st->argv[i];
		uint64_t got = s->w->core->spaces[space].rss;

		if (strcmp(a, "swap_cnt") == 0)
			got = mm->swap_cnt;
		else if (strcmp(a, "swap_address") == 0)
			got = mm->swap_address;
		else if (strcmp(a, "rss") != 0)
			stop(s, "rss, swap_cnt or swap_address");
		expect(s, st->argv[0], a, st->argv[i + 1], no_words,
		       (int64_t)got);
	}
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

static void
then_page_cluster_for(struct scenario *s, const struct statement *st)
{
	uint32_t n = (uint32_t)number_of(s, st->argv[0], UINT32_MAX);

	expect(s, "page_cluster_for", st->argv[0], st->argv[1], no_words,
	       page_cluster_for(n));
}

/* TOTAL_VM CPU RUN [niced] [admin] [rawio] POINTS */
static void
then_badness(struct scenario *s, const struct statement *st)
{
	struct victim24 v = {
		.total_vm = number_of(s, st->argv[0], UINT32_MAX),
		.cpu_time = number_of(s, st->argv[1], UINT32_MAX),
		.run_time = number_of(s, st->argv[2], UINT32_MAX),
	};

	for (unsigned i = 3; i + 1 < st->argc; i++) {
		v.niced |= strcmp(st->argv[i], "niced") == 0;
		v.is_admin |= strcmp(st->argv[i], "admin") == 0;
		v.has_rawio |= strcmp(st->argv[i], "rawio") == 0;
	}
	expect(s, "badness", "", st->argv[st->argc - 1], no_words,
	       (int64_t)badness24(&v));
}

#define ONE(name, usage)                                 \
	{                                                \
#name, 1, 1, then_##name, usage " VALUE" \
	}

const struct verb then_verbs[] = {
	{"page", 3, ARGS_MAX, then_page, "PAGE ATTRIBUTE VALUE..."},
	{"all", 3, ARGS_MAX, then_all, "GROUP ATTRIBUTE VALUE...: each page"},
	{"number", 4, 4, then_number, "GROUP ATTRIBUTE VALUE HOW_MANY"},
	{"moves", 2, 2, then_moves, "Tn HOW_MANY: transitions"},
	{"order", 2, ARGS_MAX, then_order, "Tn PAGE...: in this order"},
	{"tail", 2, ARGS_MAX, then_tail, "LIST PAGE...: from its tail"},
	{"wakes", 2, 2, then_wakes, "DAEMON HOW_OFTEN"},
	{"asleep", 2, 2, then_asleep, "DAEMON 0|1"},
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
	ONE(nr_active, ""),
	ONE(nr_inactive_dirty, ""),
	ONE(nr_inactive_clean, ""),
	ONE(nr_free, ""),
	ONE(memory_pressure, ""),
	ONE(num_physpages, ""),
	ONE(page_cluster, ""),
	ONE(max_launder, ""),
	ONE(nr_async_max, ""),
	ONE(nr_async, ""),
	ONE(inactive_target, ""),
	ONE(free_target, ""),
	ONE(free_shortage, ""),
	ONE(inactive_shortage, ""),
	ONE(nr_free_buffer_pages, ""),
	ONE(balance_dirty_state, ""),
	ONE(buffermem, ""),
	ONE(out_of_memory, ""),
	ONE(nr_swap_pages, ""),
	ONE(waiters, ""),
	ONE(pending, "pages in transfer"),
	{"freepages", 3, 3, then_freepages, "MIN LOW HIGH"},
	{"marks", 4, 4, then_marks, "ZONE MIN LOW HIGH"},
	{"free", 2, 2, then_free, "ZONE FRAMES"},
	{"clean", 2, 2, then_clean, "ZONE FRAMES"},
	{"blocks_free", 3, 3, then_blocks_free, "ZONE ORDER BLOCKS"},
	{"mm", 3, 9, then_mm, "MM rss|swap_cnt|swap_address VALUE..."},
	{"area", 3, 11, then_area, "AREA ATTRIBUTE VALUE..."},
	{"map", 3, 3, then_map, "AREA SLOT USERS"},
	{"slot", 2, 2, then_slot, "AREA SLOT: what get_swap_page returned"},
	{"page_cluster_for", 2, 2, then_page_cluster_for, "FRAMES VALUE"},
	{"badness", 4, 7, then_badness,
         "TOTAL_VM CPU RUN [niced] [admin] [rawio] POINTS"},
	{0},
};
