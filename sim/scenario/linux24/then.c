/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * then.c -- linux24: its numbers.
 */
#include <string.h>

#include "base/bits.h"
#include "sim/scenario/linux24/words.h"

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

NUMBER(nr_active, linux24(c)->active.count)
NUMBER(nr_inactive_dirty, linux24(c)->inactive_dirty.count)
NUMBER(nr_inactive_clean, nr_inactive_clean_pages(c))
NUMBER(nr_free, nr_free_pages(c))
NUMBER(memory_pressure, linux24(c)->memory_pressure)
NUMBER(num_physpages, linux24(c)->num_physpages)
NUMBER(page_cluster, linux24(c)->page_cluster)
NUMBER(max_launder, max_launder(c))
NUMBER(nr_async_max, nr_async_max(c))
NUMBER(inactive_target, inactive_target(c))
NUMBER(free_target, free_target(c))
NUMBER(free_shortage, free_shortage(c))
NUMBER(inactive_shortage, inactive_shortage(c))
NUMBER(nr_free_buffer_pages, nr_free_buffer_pages(c))
NUMBER(balance_dirty_state, balance_dirty_state(c))
NUMBER(buffermem, linux24(c)->buffermem_pages)
NUMBER(out_of_memory, out_of_memory(c))
NUMBER(waiters, linux24(c)->waiters)

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
then_clean(struct scenario *s, const struct statement *st)
{
	struct core *c = s->w->core;
	const struct zone *z = zone_of(s, st->argv[0]);

	expect(s, "clean", st->argv[0], st->argv[1], no_words,
	       linux24(c)->inactive_clean[z - c->zones].count);
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

const struct verb then24_verbs[] = {
	{"asleep", 2, 2, then_asleep, "DAEMON 0|1"},
	ONE(nr_active, ""),
	ONE(nr_inactive_dirty, ""),
	ONE(nr_inactive_clean, ""),
	ONE(nr_free, ""),
	ONE(memory_pressure, ""),
	ONE(num_physpages, ""),
	ONE(page_cluster, ""),
	ONE(max_launder, ""),
	ONE(nr_async_max, ""),
	ONE(inactive_target, ""),
	ONE(free_target, ""),
	ONE(free_shortage, ""),
	ONE(inactive_shortage, ""),
	ONE(nr_free_buffer_pages, ""),
	ONE(balance_dirty_state, ""),
	ONE(buffermem, ""),
	ONE(out_of_memory, ""),
	ONE(waiters, ""),
	{"freepages", 3, 3, then_freepages, "MIN LOW HIGH"},
	{"marks", 4, 4, then_marks, "ZONE MIN LOW HIGH"},
	{"clean", 2, 2, then_clean, "ZONE FRAMES"},
	{"mm", 3, 9, then_mm, "MM rss|swap_cnt|swap_address VALUE..."},
	{"page_cluster_for", 2, 2, then_page_cluster_for, "FRAMES VALUE"},
	{"badness", 4, 7, then_badness,
         "TOTAL_VM CPU RUN [niced] [admin] [rawio] POINTS"},
	{0},
};
