/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * when.c -- linux24: what may happen, each verb by the function of its name.
 *
 * A task that sleeps until a page is written is waited for: the disk ends that
 * transfer, and the task goes on; "then waits" counts.
 */
#include <string.h>

#include "base/bits.h"
#include "sim/scenario/linux24/words.h"

static const char *const alloc_words[] = {"got",    "failed", "yields",
                                          "blocks", "sleeps", NULL};

static bool
flag_of(struct scenario *s, const char *word)
{
	return number_of(s, word, 1) != 0;
}

static unsigned
priority_of(struct scenario *s, const char *word)
{
	return (unsigned)number_of(s, word, PRIORITY_MAX);
}

static bool
task_waits(struct scenario *s, const struct launder *l)
{
	s->seen.waits++;
	return l->wait_pfn != PFN_NONE && host_complete_frame(s, l->wait_pfn);
}

/* -- lists and ages -------------------------------------------------------- */

static void
when_refill_inactive_scan(struct scenario *s, const struct statement *st)
{
	returns(s, refill_inactive_scan(s->w->core, priority_of(s, st->argv[0]),
	                                flag_of(s, st->argv[1])));
}

static void
when_age_page_up(struct scenario *s, const struct statement *st)
{
	age_page_up(s->w->core, frame_there(s, st->argv[0]));
}

static void
when_age_page_down(struct scenario *s, const struct statement *st)
{
	age_page_down(s->w->core, frame_there(s, st->argv[0]));
}

static void
when_age_page_down_ageonly(struct scenario *s, const struct statement *st)
{
	age_page_down_ageonly(frame_there(s, st->argv[0]));
}

static void
when_lookup(struct scenario *s, const struct statement *st)
{
	linux24_found(s->w->core, frame_there(s, st->argv[0]));
}

static void
when_deactivate_page(struct scenario *s, const struct statement *st)
{
	struct frame *f = frame_there(s, st->argv[0]);

	deactivate_page(s->w->core, f, page_count(f), 6);
}

static void
when_lru_cache_add(struct scenario *s, const struct statement *st)
{
	struct frame *f = frame_there(s, st->argv[0]);

	lru_cache_add(s->w->core, f, page_count(f));
}

static void
when_list_add24(struct scenario *s, const struct statement *st)
{
	list_add24(s->w->core, LIST_ACTIVE, frame_there(s, st->argv[0]));
}

static void
when_touch_buffer(struct scenario *s, const struct statement *st)
{
	touch_buffer(frame_there(s, st->argv[0]));
}

static void
when_recalculate(struct scenario *s, const struct statement *st)
{
	(void)st;
	recalculate_vm_stats(s->w->core);
}

/* -- reclaim --------------------------------------------------------------- */

static void
when_swap_out(struct scenario *s, const struct statement *st)
{
	struct batch b = {NULL, NULL};

	returns(s, swap_out(s->w->core, priority_of(s, st->argv[0]), &b));
	swap_out_end(s->w->core, &b);
	host_perform(s, &b);
}

static void
when_page_launder(struct scenario *s, const struct statement *st)
{
	struct launder *l = &s->w->launder;
	struct batch b = {NULL, NULL};
	enum task24 t;

	launder_start(s->w->core, l, gfp24_of(s, st->argv[0]),
	              flag_of(s, st->argv[1]));
	do {
		t = page_launder(s->w->core, l, &b);
		host_perform(s, &b);
	} while (t == TASK_SLEEPS && task_waits(s, l));
	returns(s, l->cleaned);
}

static void
when_reclaim_page(struct scenario *s, const struct statement *st)
{
	struct zone *z = zone_of(s, st->argv[0]);
	struct frame *f = reclaim_page(s->w->core, z, 13);

	returns(s, f != NULL);
	if (f != NULL)
		world_bind(s->w, KERNEL, kernel_vpn(s->w), f);
}

static void
when_refill_inactive(struct scenario *s, const struct statement *st)
{
	struct batch b = {NULL, NULL};

	returns(s, refill_inactive(s->w->core, gfp24_of(s, st->argv[0]),
	                           flag_of(s, st->argv[1]), &b));
	host_perform(s, &b);
}

static void
when_do_try_to_free_pages(struct scenario *s, const struct statement *st)
{
	struct reclaim24 *r = &s->w->reclaim;
	struct batch b = {NULL, NULL};
	enum task24 t;

	reclaim_begin(s->w->core, r, gfp24_of(s, st->argv[0]),
	              flag_of(s, st->argv[1]));
	do {
		t = do_try_to_free_pages(s->w->core, r, &b);
		host_perform(s, &b);
	} while (t == TASK_SLEEPS && task_waits(s, &r->launder));
	returns(s, r->ret);
}

/* -- daemons --------------------------------------------------------------- */

static bool
kswapd_runs(struct scenario *s)
{
	struct linux24 *l = linux24(s->w->core);
	uint64_t turn = l->kswapd_turns;
	struct batch b = {NULL, NULL};
	bool more;

	do {
		more = core_kswapd(s->w->core, &b);
		host_perform(s, &b);
	} while (l->kswapd_turns == turn && !l->kswapd_sleeps &&
	         task_waits(s, &l->kswapd.launder));
	return more;
}

static bool
bdflush_runs(struct scenario *s)
{
	struct linux24 *l = linux24(s->w->core);
	struct batch b = {NULL, NULL};
	bool more;

	do {
		more = core_flush(s->w->core, &b);
		host_perform(s, &b);
	} while (l->bdflush_launders && task_waits(s, &l->bdflush));
	return more;
}

bool
turn24(struct scenario *s, enum daemon who)
{
	struct batch b = {NULL, NULL};
	bool more = false;

	switch (who) {
	case DAEMON_KSWAPD:
		return kswapd_runs(s);
	case DAEMON_KRECLAIMD:
		more = core_kreclaimd(s->w->core, &b);
		host_perform(s, &b);
		return more;
	case DAEMON_FLUSHER:
		return bdflush_runs(s);
	case DAEMONS:
		break;
	}
	return false;
}

/* -- allocation ------------------------------------------------------------ */

static void
alloc_run(struct scenario *s)
{
	struct batch b = {NULL, NULL};
	enum alloc_result r;

	do {
		r = alloc_pages24(s->w->core, &s->w->alloc, &b);
		host_perform(s, &b);
		s->seen.yields += r == ALLOC_YIELDS;
		s->seen.blocks += r == ALLOC_BLOCKS;
		if (r == ALLOC_SLEEPS &&
		    !task_waits(s, &s->w->alloc.reclaim.launder))
			stop(s, "it sleeps for ever");
	} while (r == ALLOC_YIELDS || r == ALLOC_SLEEPS);
	returns_word(s, r, alloc_words);
	if (r == ALLOC_GOT)
		alloc_keep(s, s->w->alloc.pfn, s->w->alloc.order);
}

static void
when_alloc(struct scenario *s, const struct statement *st)
{
	s->w->alloc = (struct alloc24){
		.order = (unsigned)number_of(s, st->argv[0], BUDDY_ORDERS - 1),
		.gfp = gfp24_of(s, st->argv[1]),
		.memalloc =
			st->argc == 3 && strcmp(st->argv[2], "memalloc") == 0,
	};
	if (st->argc == 3 && !s->w->alloc.memalloc)
		stop(s, "memalloc, or nothing");
	alloc_run(s);
}

static void
when_alloc_again(struct scenario *s, const struct statement *st)
{
	(void)st;
	alloc_run(s);
}

/* -- buffers and other caches ---------------------------------------------- */

/* A block is looked up and is in no buffer: NAME is its page then. */
static void
when_getblk(struct scenario *s, const struct statement *st)
{
	struct getblk24 g = {0};
	struct batch b = {NULL, NULL};
	enum alloc_result r;

	do {
		r = getblk24(s->w->core, &g, &b);
		host_perform(s, &b);
		s->seen.yields += r == ALLOC_YIELDS;
	} while (r == ALLOC_YIELDS);
	returns_word(s, r, alloc_words);
	if (r == ALLOC_GOT)
		group_add(s, st->argv[0], 1)->page[0] =
			(struct page){.vpn = VPN_NONE, .pfn = g.alloc.pfn};
}

static void
when_shrink_dcache(struct scenario *s, const struct statement *st)
{
	shrink_dcache_memory(s->w->core, priority_of(s, st->argv[0]),
	                     gfp24_of(s, st->argv[1]));
}

static void
when_shrink_icache(struct scenario *s, const struct statement *st)
{
	shrink_icache_memory(s->w->core, priority_of(s, st->argv[0]),
	                     gfp24_of(s, st->argv[1]));
}

static void
when_kmem_cache_reap(struct scenario *s, const struct statement *st)
{
	kmem_cache_reap(s->w->core, gfp24_of(s, st->argv[0]));
}

static void
when_balance_dirty(struct scenario *s, const struct statement *st)
{
	(void)st;
	balance_dirty(s->w->core);
}

static void
when_flush_dirty_buffers(struct scenario *s, const struct statement *st)
{
	returns(s, flush_dirty_buffers(s->w->core, flag_of(s, st->argv[0])));
}

const struct verb when24_verbs[] = {
	{"refill_inactive_scan", 2, 2, when_refill_inactive_scan,
         "PRIORITY ONESHOT"},
	{"age_page_up", 1, 1, when_age_page_up, "PAGE"},
	{"age_page_down", 1, 1, when_age_page_down, "PAGE"},
	{"age_page_down_ageonly", 1, 1, when_age_page_down_ageonly, "PAGE"},
	{"deactivate_page", 1, 1, when_deactivate_page, "PAGE"},
	{"lru_cache_add", 1, 1, when_lru_cache_add, "PAGE"},
	{"list_add24", 1, 1, when_list_add24, "PAGE: to the active list"},
	{"lookup", 1, 1, when_lookup, "PAGE: found in its cache"},
	{"touch_buffer", 1, 1, when_touch_buffer, "PAGE"},
	{"recalculate_vm_stats", 0, 0, when_recalculate, ""},
	{"swap_out", 1, 1, when_swap_out, "PRIORITY"},
	{"page_launder", 2, 2, when_page_launder, "GFP SYNC"},
	{"reclaim_page", 1, 1, when_reclaim_page, "ZONE"},
	{"refill_inactive", 2, 2, when_refill_inactive, "GFP USER"},
	{"do_try_to_free_pages", 2, 2, when_do_try_to_free_pages, "GFP USER"},
	{"alloc", 2, 3, when_alloc, "ORDER GFP [memalloc]"},
	{"alloc_again", 0, 0, when_alloc_again, ": who was blocked goes on"},
	{"getblk", 1, 1, when_getblk, "NAME: of its page"},
	{"shrink_dcache_memory", 2, 2, when_shrink_dcache, "PRIORITY GFP"},
	{"shrink_icache_memory", 2, 2, when_shrink_icache, "PRIORITY GFP"},
	{"kmem_cache_reap", 1, 1, when_kmem_cache_reap, "GFP"},
	{"balance_dirty", 0, 0, when_balance_dirty, ""},
	{"flush_dirty_buffers", 1, 1, when_flush_dirty_buffers, "CHECK_TIME"},
	{0},
};
