/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * then.c -- kswapd: its numbers.
 */
#include <string.h>

#include "sim/scenario/kswapd/words.h"

static const struct zone66 *
zone66_of(struct scenario *s, const char *word)
{
	return zone66(s->w->core, zoneidx_of(s, word));
}

static void
expect_zone(struct scenario *s, const char *what, const char *word,
            unsigned got)
{
	expect(s, what, "zone", "1", no_words, zoneidx_of(s, word) == got);
}

/* -- sizes ----------------------------------------------------------------- */

static void
then_marks(struct scenario *s, const struct statement *st)
{
	static const char *const names[] = {"min", "low", "high", "promo"};
	const struct zone66 *z = zone66_of(s, st->argv[0]);

	for (unsigned w = 0; w < NR_WMARK; w++)
		expect(s, st->argv[0], names[w], st->argv[1 + w], no_words,
		       z->watermark[w]);
}

static void
then_min_free_kbytes_for(struct scenario *s, const struct statement *st)
{
	expect(s, "min_free_kbytes_for", st->argv[0], st->argv[1], no_words,
	       min_free_kbytes66(number_of(s, st->argv[0], UINT64_MAX / 32)));
}

static void
then_lowmem_reserve(struct scenario *s, const struct statement *st)
{
	expect(s, "lowmem_reserve", st->argv[1], st->argv[2], no_words,
	       zone66_of(s, st->argv[0])
	               ->lowmem_reserve[zoneidx_of(s, st->argv[1])]);
}

static void
then_boost(struct scenario *s, const struct statement *st)
{
	expect(s, "boost", st->argv[0], st->argv[1], no_words,
	       zone66_of(s, st->argv[0])->watermark_boost);
}

static void
then_stat_threshold(struct scenario *s, const struct statement *st)
{
	expect(s, "stat_threshold", st->argv[0], st->argv[1], no_words,
	       zone66_of(s, st->argv[0])->stat_threshold);
}

/* ZONE ORDER MARK ZONE [RIGHTS] VALUE */
static void
then_zone_watermark_ok(struct scenario *s, const struct statement *st)
{
	static const struct bits rights[] = {
		{"MIN_RESERVE", ALLOC66_MIN_RESERVE},
		{"NON_BLOCK", ALLOC66_NON_BLOCK},
		{"OOM", ALLOC66_OOM},
		{"HIGHATOMIC", ALLOC66_HIGHATOMIC},
		{NULL, 0},
	};
	uint32_t flags = st->argc == 6 ? bits_of(s, st->argv[4], rights) : 0;

	expect(s, "zone_watermark_ok", st->argv[0], st->argv[st->argc - 1],
	       no_words,
	       zone_watermark_ok66(
		       s->w->core, zoneidx_of(s, st->argv[0]),
		       (unsigned)number_of(s, st->argv[1], BUDDY_ORDERS - 1),
		       (uint32_t)number_of(s, st->argv[2], UINT32_MAX),
		       zoneidx_of(s, st->argv[3]), flags));
}

static void
then_pgdat_balanced(struct scenario *s, const struct statement *st)
{
	unsigned order = (unsigned)number_of(s, st->argv[0], BUDDY_ORDERS - 1);

	expect(s, "pgdat_balanced", st->argv[1], st->argv[2], no_words,
	       pgdat_balanced(s->w->core, order, zoneidx_of(s, st->argv[1])));
}

/* -- kswapd ---------------------------------------------------------------- */

static void
then_kswapd_request(struct scenario *s, const struct statement *st)
{
	const struct pgdat66 *p = pgdat66(s->w->core);

	expect(s, "kswapd_order", "", st->argv[0], no_words, p->kswapd_order);
	expect_zone(s, "kswapd_highest_zoneidx", st->argv[1],
	            p->kswapd_highest_zoneidx);
}

/* What kswapd is about: ALLOC_ORDER RECLAIM_ORDER ZONE */
static void
then_kswapd_orders(struct scenario *s, const struct statement *st)
{
	const struct kswapd66 *k = &pgdat66(s->w->core)->kswapd;

	expect(s, "alloc_order", "", st->argv[0], no_words, k->alloc_order);
	expect(s, "reclaim_order", "", st->argv[1], no_words, k->reclaim_order);
	expect_zone(s, "highest_zoneidx", st->argv[2], k->highest_zoneidx);
}

static void
then_kswapd_stage(struct scenario *s, const struct statement *st)
{
	static const char *const words[] = {"start", "tries", "short",
	                                    "long",  "runs",  NULL};

	expect(s, "kswapd_sleeps", "", st->argv[0], words,
	       pgdat66(s->w->core)->kswapd.stage);
}

/* It was woken so often, the last time for ORDER and ZONE. */
static void
then_kcompactd(struct scenario *s, const struct statement *st)
{
	const struct transition *last = NULL;
	int64_t n = 0;

	for (uint32_t i = 0; i < s->w->traced; i++)
		if (s->w->trace[i].cause == CAUSE_KCOMPACTD) {
			last = &s->w->trace[i];
			n++;
		}
	expect(s, "kcompactd", "", st->argv[0], no_words, n);
	if (last == NULL || st->argc != 3)
		return;
	expect(s, "kcompactd", "order", st->argv[1], no_words, last->count);
	expect_zone(s, "kcompactd", st->argv[2], last->age);
}

/* -- runs ------------------------------------------------------------------ */

static const struct scan_control *
sc_last(struct scenario *s)
{
	if (s->w->tasks66.last == NULL)
		stop(s, "nothing was reclaimed yet");
	return s->w->tasks66.last;
}

NUMBER(nr_to_reclaim, ((void)c, sc_last(s)->nr_to_reclaim))
NUMBER(nr_scanned, ((void)c, sc_last(s)->nr_scanned))
NUMBER(nr_reclaimed, ((void)c, sc_last(s)->nr_reclaimed))
NUMBER(sleeps, ((void)c, s->w->tasks66.sleeps))
NUMBER(throttled_jiffies, ((void)c, s->seen.throttled_jiffies))
NUMBER(no_progress_loops, ((void)c, s->w->tasks66.alloc.no_progress_loops))
NUMBER(kswapd_failures, pgdat66(c)->kswapd_failures)
NUMBER(min_free_kbytes, min_free_kbytes66(4ull * c->cfg.frames_total))
NUMBER(page_cluster, pgdat66(c)->page_cluster)
NUMBER(nonresident_age, pgdat66(c)->lruvec.nonresident_age)

static void
then_throttled(struct scenario *s, const struct statement *st)
{
	unsigned why = word_of(s, st->argv[0], throttle_words);

	expect(s, "throttled", st->argv[0], st->argv[1], no_words,
	       (int64_t)s->seen.throttled[why]);
}

/* What get_scan_count wants of each list. */
static void
then_scan(struct scenario *s, const struct statement *st)
{
	static const char *const names[] = {"IA", "AA", "IF", "AF"};

	for (unsigned i = 0; i < LRU_UNEVICTABLE; i++)
		expect(s, "scan", names[i], st->argv[i], no_words,
		       s->w->tasks66.nr[i]);
}

static void
then_nr_lru(struct scenario *s, const struct statement *st)
{
	enum lru66 lru = lru_of(s, st->argv[0]);

	expect(s, "nr_lru", st->argv[0], st->argv[1], no_words,
	       pgdat66(s->w->core)->lruvec.lists[lru].count);
}

static void
then_inactive_is_low(struct scenario *s, const struct statement *st)
{
	unsigned type = word_of(s, st->argv[0], type_words);

	expect(s, "inactive_is_low", st->argv[0], st->argv[1], no_words,
	       inactive_is_low(s->w->core, (enum type66)type));
}

static void
then_costs(struct scenario *s, const struct statement *st)
{
	const struct lruvec66 *v = &pgdat66(s->w->core)->lruvec;

	expect(s, "cost", "anon", st->argv[0], no_words, (int64_t)v->anon_cost);
	expect(s, "cost", "file", st->argv[1], no_words, (int64_t)v->file_cost);
}

static void
then_nr_deferred(struct scenario *s, const struct statement *st)
{
	uint64_t id = number_of(s, st->argv[0], CACHES_MAX - 1);

	expect(s, "nr_deferred", st->argv[0], st->argv[1], no_words,
	       pgdat66(s->w->core)->nr_deferred[id]);
}

const struct verb then66_verbs[] = {
	{"marks", 5, 5, then_marks, "ZONE MIN LOW HIGH PROMO"},
	ONE(min_free_kbytes, "of this machine, all of it low memory"),
	{"min_free_kbytes_for", 2, 2, then_min_free_kbytes_for,
         "LOWMEM_KBYTES VALUE"},
	ONE(page_cluster, ""),
	{"lowmem_reserve", 3, 3, then_lowmem_reserve, "ZONE ZONE PAGES"},
	{"boost", 2, 2, then_boost, "ZONE PAGES"},
	{"stat_threshold", 2, 2, then_stat_threshold,
         "ZONE N: a count might be off by so much"},
	{"zone_watermark_ok", 5, 6, then_zone_watermark_ok,
         "ZONE ORDER MARK ZONE [RIGHTS] 0|1"},
	{"pgdat_balanced", 3, 3, then_pgdat_balanced, "ORDER ZONE 0|1"},
	{"kswapd_request", 2, 2, then_kswapd_request, "ORDER ZONE"},
	{"kswapd_orders", 3, 3, then_kswapd_orders,
         "ALLOC_ORDER RECLAIM_ORDER ZONE: what it is about"},
	{"kswapd_sleeps", 1, 1, then_kswapd_stage, "short|long|STAGE"},
	{"kcompactd", 1, 3, then_kcompactd,
         "HOW_OFTEN [ORDER ZONE]: was to be woken, the last time so"},
	ONE(kswapd_failures, ""),
	ONE(nr_to_reclaim, "of the last run"),
	ONE(nr_scanned, "of the last run"),
	ONE(nr_reclaimed, "of the last run"),
	ONE(sleeps, "it waits for what does not happen"),
	{"throttled", 2, 2, then_throttled,
         "WRITEBACK|ISOLATED|NOPROGRESS|CONGESTED HOW_OFTEN"},
	ONE(throttled_jiffies, "in all"),
	ONE(no_progress_loops, "of the request"),
	{"scan", 4, 4, then_scan,
         "IA AA IF AF: pages that get_scan_count wants"},
	{"nr_lru", 2, 2, then_nr_lru, "LIST PAGES"},
	{"inactive_is_low", 2, 2, then_inactive_is_low, "anon|file 0|1"},
	{"costs", 2, 2, then_costs, "ANON FILE"},
	{"nr_deferred", 2, 2, then_nr_deferred, "CACHE N"},
	ONE(nonresident_age, ""),
	{0},
};
