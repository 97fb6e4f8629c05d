/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * when.c -- kswapd: what may happen, each verb by the function of its name.
 */
#include <string.h>

#include "sim/scenario/kswapd/words.h"

static unsigned
order_of(struct scenario *s, const char *word)
{
	return (unsigned)number_of(s, word, BUDDY_ORDERS - 1);
}

/* -- pages ----------------------------------------------------------------- */

/* A page, or all of a group. */
static void
each_page(struct scenario *s, const char *word,
          void (*run)(struct core *c, struct frame *f))
{
	struct group *g = group_of(s, word);

	if (strchr(word, '.') != NULL || g->count == 1) {
		run(s->w->core, frame_there(s, word));
		return;
	}
	for (uint32_t i = 0; i < g->count; i++) {
		struct frame *f = frame_of(s, &g->page[i]);

		if (f == NULL)
			stop(s, "%s.%u is not in memory", word, i);
		run(s->w->core, f);
	}
}

static void
when_folio_mark_accessed(struct scenario *s, const struct statement *st)
{
	each_page(s, st->argv[0], folio_mark_accessed);
}

static void
when_folio_activate(struct scenario *s, const struct statement *st)
{
	each_page(s, st->argv[0], folio_activate);
}

static void
when_deactivate_file_folio(struct scenario *s, const struct statement *st)
{
	each_page(s, st->argv[0], deactivate_file_folio);
}

static void
when_folio_check_references(struct scenario *s, const struct statement *st)
{
	static const char *const verdicts[] = {"reclaim", "reclaim_clean",
	                                       "keep", "activate", NULL};
	struct frame *f = frame_there(s, st->argv[0]);

	returns_word(s, folio_check_references(s->w->core, f), verdicts);
}

static void
when_lru_note_cost(struct scenario *s, const struct statement *st)
{
	lru_note_cost(s->w->core,
	              (enum type66)word_of(s, st->argv[0], type_words),
	              (uint32_t)number_of(s, st->argv[1], UINT32_MAX),
	              (uint32_t)number_of(s, st->argv[2], UINT32_MAX));
}

/* -- kswapd ---------------------------------------------------------------- */

static void
when_prepare_kswapd_sleep(struct scenario *s, const struct statement *st)
{
	returns(s, prepare_kswapd_sleep(s->w->core, order_of(s, st->argv[0]),
	                                zoneidx_of(s, st->argv[1])));
}

static void
when_wakeup_kswapd(struct scenario *s, const struct statement *st)
{
	wakeup_kswapd66(s->w->core, gfp66_of(s, st->argv[0]),
	                order_of(s, st->argv[1]), zoneidx_of(s, st->argv[2]));
}

static void
when_kswapd_run(struct scenario *s, const struct statement *st)
{
	(void)st;
	kswapd_run66(s->w->core);
}

static void
when_kswapd_stop(struct scenario *s, const struct statement *st)
{
	(void)st;
	kswapd_stop66(s->w->core);
}

/* -- allocation, caches ---------------------------------------------------- */

static void
when_allow_direct_reclaim(struct scenario *s, const struct statement *st)
{
	(void)st;
	returns(s, allow_direct_reclaim(s->w->core));
}

static void
when_should_reclaim_retry(struct scenario *s, const struct statement *st)
{
	bool progress = number_of(s, st->argv[0], 1) != 0;

	returns(s, should_reclaim_retry(s->w->core, &s->w->tasks66.alloc,
	                                progress));
}

static void
when_boost_watermark(struct scenario *s, const struct statement *st)
{
	boost_watermark(s->w->core, zoneidx_of(s, st->argv[0]));
}

static void
when_do_shrink_slab(struct scenario *s, const struct statement *st)
{
	returns(s, do_shrink_slab(
			   s->w->core,
			   (unsigned)number_of(s, st->argv[0], CACHES_MAX - 1),
			   (int)number_of(s, st->argv[1], DEF_PRIORITY)));
}

const struct verb when66_verbs[] = {
	{"shrink_inactive_list", 2, 9, when_shrink_inactive_list,
         "LIST N WORD...: see tasks.c"},
	{"shrink_active_list", 2, 9, when_shrink_active_list,
         "LIST N WORD...: see tasks.c"},
	{"get_scan_count", 1, 9, when_get_scan_count,
         "PRIORITY WORD...: see tasks.c"},
	{"shrink_node", 1, 9, when_shrink_node,
         "PRIORITY WORD...: see tasks.c"},
	{"balance_pgdat", 2, 2, when_balance_pgdat, "ORDER ZONE"},
	{"prepare_kswapd_sleep", 2, 2, when_prepare_kswapd_sleep, "ORDER ZONE"},
	{"wakeup_kswapd", 3, 3, when_wakeup_kswapd, "GFP ORDER ZONE"},
	{"kswapd_run", 0, 0, when_kswapd_run, ""},
	{"kswapd_stop", 0, 0, when_kswapd_stop, ""},
	{"reclaim_throttle", 1, 2, when_reclaim_throttle,
         "WRITEBACK|ISOLATED|NOPROGRESS|CONGESTED [kswapd|kthread]"},
	{"try_to_free_pages", 2, 9, when_try_to_free_pages,
         "ORDER GFP [kthread] [fatal_signal] [ZONE]"},
	{"try_again", 0, 1, when_try_again,
         "[fatal_signal]: who waited for kswapd looks again"},
	{"allow_direct_reclaim", 0, 0, when_allow_direct_reclaim, ""},
	{"alloc", 2, 9, when_alloc66,
         "ORDER GFP [memalloc] [oom_victim] [realtime] [interrupt] "
         "[kthread] [fatal_signal] [dumping] [ZONE]"},
	{"should_reclaim_retry", 1, 1, when_should_reclaim_retry, "PROGRESS"},
	{"boost_watermark", 1, 1, when_boost_watermark, "ZONE"},
	{"do_shrink_slab", 2, 2, when_do_shrink_slab, "CACHE PRIORITY"},
	{"folio_mark_accessed", 1, 1, when_folio_mark_accessed, "PAGE|GROUP"},
	{"folio_activate", 1, 1, when_folio_activate, "PAGE|GROUP"},
	{"deactivate_file_folio", 1, 1, when_deactivate_file_folio,
         "PAGE|GROUP"},
	{"folio_check_references", 1, 1, when_folio_check_references, "PAGE"},
	{"lru_note_cost", 3, 3, when_lru_note_cost, "anon|file IO ROTATED"},
	{0},
};
