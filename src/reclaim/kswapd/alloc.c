/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * alloc.c -- __alloc_pages: fast path, slow path, and who wakes kswapd.
 *
 *	free > low           in some zone: take one
 *	                     wake all kswapds
 *	free > min           take one; some may take less than that:
 *	                     1/2 high, 3/8 atomic, 1/2 victims
 *	any                  who frees memory itself (PF_MEMALLOC)
 *	                     reclaim, and try again, while it can help
 *	free > high          somebody else was faster?
 *	                     out of memory: somebody goes
 *
 * alloc_pages66() is one call of the original, which may sleep.  kswapd_alloc()
 * is the same for faults: many frames in one go, and instead of reclaiming it
 * returns; the fault comes again after kswapd_reclaim_direct() (direct.c).
 *
 * One core is one node, so the zonelist is its zones from high to low, and all
 * kswapds are one.  Hosts with many nodes ask each in turn: core_wake_kswapd().
 */
#include "reclaim/kswapd/kswapd.h"

#include "base/bits.h"

#define MAX_COMPACT_RETRIES 16

/* -- waking kswapd -------------------------------------------------------- */

static bool
pgdat_watermark_boosted(const struct core *c, unsigned highest_zoneidx)
{
	for (unsigned i = 0; i <= highest_zoneidx; i++)
		if (zone66(c, i)->watermark_boost != 0)
			return true;
	return false;
}

/*
 * What is asked for is always remembered, also while kswapd runs.
 */
void
wakeup_kswapd66(struct core *c, uint32_t gfp, unsigned order,
                unsigned highest_zoneidx)
{
	struct pgdat66 *p = pgdat66(c);

	if (p->kswapd_highest_zoneidx == ZONES_NONE ||
	    p->kswapd_highest_zoneidx < highest_zoneidx)
		p->kswapd_highest_zoneidx = (uint8_t)highest_zoneidx;
	if (p->kswapd_order < order)
		p->kswapd_order = (uint8_t)order;
	if (!p->kswapd.waiting) {
		nudge_kswapd(c);
		return;
	}
	if (caches_gave(c) != 0)
		p->kswapd_failures = 0; /* progress, that came too late */
	if (p->kswapd_failures >= MAX_RECLAIM_RETRIES ||
	    (pgdat_balanced(c, order, highest_zoneidx) &&
	     !pgdat_watermark_boosted(c, highest_zoneidx))) {
		if ((gfp & GFP66_DIRECT_RECLAIM) == 0)
			wakeup_kcompactd(c, order, highest_zoneidx);
		return;
	}
	wake_up_kswapd(c);
}

/* Once for each node of the zonelist: there is one. */
void
wake_all_kswapds(struct core *c, const struct alloc66 *a)
{
	wakeup_kswapd66(c, a->gfp, a->order, a->highest_zoneidx);
}

void
kswapd_wake(struct core *c)
{
	wakeup_kswapd66(c, GFP66_KERNEL, 0, c->zone_count - 1);
}

/* -- one zone ------------------------------------------------------------- */

/* A boost made this zone short: kswapd restores it (RM-8.5). */
static void
boost_is_met(struct core *c, unsigned zone, uint32_t alloc_flags)
{
	struct zone66 *z = zone66(c, zone);

	if ((alloc_flags & ALLOC66_KSWAPD) == 0 ||
	    (z->flags & ZONE66_BOOSTED_WATERMARK) == 0)
		return;
	z->flags &= (uint8_t)~ZONE66_BOOSTED_WATERMARK;
	wakeup_kswapd66(c, 0, 0, zone);
}

/* A block for who may not wait was found: the next shall be found as well. */
static void
reserve_highatomic(struct core *c, unsigned zone)
{
	struct zone66 *z = zone66(c, zone);

	if (z->nr_reserved_highatomic <
	    c->zones[zone].size / 100 + PAGEBLOCK_NR_PAGES)
		z->nr_reserved_highatomic += PAGEBLOCK_NR_PAGES;
}

/* => true when a zone had something reserved */
static bool
unreserve_highatomic(struct core *c, unsigned highest_zoneidx)
{
	for (unsigned i = highest_zoneidx + 1; i-- > 0;) {
		struct zone66 *z = zone66(c, i);

		if (z->nr_reserved_highatomic == 0)
			continue;
		z->nr_reserved_highatomic -=
			min_u32(z->nr_reserved_highatomic, PAGEBLOCK_NR_PAGES);
		return true;
	}
	return false;
}

static uint32_t
rmqueue(struct core *c, unsigned zone, unsigned order, uint32_t alloc_flags)
{
	uint32_t pfn = core_take_block(c, &c->zones[zone], order);

	if (pfn == PFN_NONE)
		return PFN_NONE;
	if (alloc_flags & ALLOC66_HIGHATOMIC)
		reserve_highatomic(c, zone);
	boost_is_met(c, zone, alloc_flags);
	trace66(c, &c->frames[pfn], STATE66_FREE, STATE66_NONE, CAUSE_MOTION);
	return pfn;
}

/* The watermark test of a request; who is urgent does not mind the boost. */
static bool
zone_passes(const struct core *c, unsigned zone, const struct alloc66 *a,
            enum wmark66 w, uint32_t alloc_flags)
{
	if (alloc_flags & ALLOC66_NO_WATERMARKS)
		return true;
	if (zone_watermark_ok66(c, zone, a->order, wmark_pages(c, zone, w),
	                        a->highest_zoneidx, alloc_flags))
		return true;
	return a->order == 0 && w == WMARK_MIN &&
	       alloc_flags & ALLOC66_MIN_RESERVE &&
	       zone66(c, zone)->watermark_boost != 0 &&
	       zone_watermark_ok66(c, zone, 0, zone66(c, zone)->watermark[w],
	                           a->highest_zoneidx, alloc_flags);
}

static uint32_t
get_page_from_freelist(struct core *c, const struct alloc66 *a, enum wmark66 w,
                       uint32_t alloc_flags)
{
	for (unsigned i = a->highest_zoneidx + 1u; i-- > 0;) {
		uint32_t pfn;

		if (c->zones[i].size == 0 ||
		    !zone_passes(c, i, a, w, alloc_flags))
			continue;
		pfn = rmqueue(c, i, a->order, alloc_flags);
		if (pfn != PFN_NONE)
			return pfn;
	}
	return PFN_NONE;
}

bool
alloc_passes_low66(const struct core *c, unsigned order,
                   unsigned highest_zoneidx)
{
	const struct alloc66 a = {
		.order = (uint8_t)order,
		.highest_zoneidx = (uint8_t)highest_zoneidx,
	};

	for (unsigned i = 0; i <= highest_zoneidx; i++)
		if (c->zones[i].size != 0 &&
		    zone_passes(c, i, &a, WMARK_LOW, 0))
			return true;
	return false;
}

/* -- rights --------------------------------------------------------------- */

/* RM-8.2. */
static uint32_t
gfp_to_alloc_flags(const struct alloc66 *a)
{
	uint32_t flags = 0;

	if (a->gfp & GFP66_KSWAPD_RECLAIM)
		flags |= ALLOC66_KSWAPD;
	if (a->gfp & GFP66_HIGH || a->realtime)
		flags |= ALLOC66_MIN_RESERVE;
	if ((a->gfp & (GFP66_DIRECT_RECLAIM | GFP66_NOMEMALLOC)) == 0) {
		flags |= ALLOC66_NON_BLOCK;
		if (a->order > 0)
			flags |= ALLOC66_HIGHATOMIC;
	}
	return flags;
}

/* Who frees memory may take the last; who is to go, more than others. */
static uint32_t
gfp_pfmemalloc_flags(const struct alloc66 *a)
{
	if (a->gfp & GFP66_NOMEMALLOC)
		return 0;
	if (a->gfp & GFP66_MEMALLOC)
		return ALLOC66_NO_WATERMARKS;
	if (a->interrupt)
		return 0;
	if (a->memalloc)
		return ALLOC66_NO_WATERMARKS;
	return a->oom_victim ? ALLOC66_OOM : 0;
}

/* -- retries -------------------------------------------------------------- */

/* Reclaiming all that can be would be enough. */
static bool
reclaim_could_help(const struct core *c, const struct alloc66 *a)
{
	for (unsigned i = 0; i <= a->highest_zoneidx; i++) {
		uint64_t free = (uint64_t)zone_free66(&c->zones[i]) +
		                zone_reclaimable_pages(c, i);

		if (c->zones[i].size != 0 &&
		    zone_would_be_ok66(
			    c, i, a->order, wmark_pages(c, i, WMARK_MIN),
			    a->highest_zoneidx, a->alloc_flags, free))
			return true;
	}
	return false;
}

bool
should_reclaim_retry(struct core *c, struct alloc66 *a, bool progress)
{
	if (progress && a->order <= PAGE_ALLOC_COSTLY_ORDER)
		a->no_progress_loops = 0;
	else
		a->no_progress_loops++;
	if (a->no_progress_loops > MAX_RECLAIM_RETRIES)
		return unreserve_highatomic(c, a->highest_zoneidx);
	return reclaim_could_help(c, a);
}

/* Neighbours may yet come together: nobody else would bring them. */
static bool
should_compact_retry(const struct core *c, struct alloc66 *a)
{
	if (a->order == 0 || a->order > PAGE_ALLOC_COSTLY_ORDER ||
	    a->did_some_progress == 0 ||
	    a->compact_retries++ >= MAX_COMPACT_RETRIES)
		return false;
	for (unsigned i = 0; i <= a->highest_zoneidx; i++)
		if (c->zones[i].size != 0 &&
		    zone_watermark_ok66(c, i, 0, wmark_pages(c, i, WMARK_MIN),
		                        a->highest_zoneidx, a->alloc_flags))
			return true;
	return false;
}

/* -- one call of the original --------------------------------------------- */

enum stage {
	STAGE_FAST,
	STAGE_SLOW,
	STAGE_RETRY,
	STAGE_RECLAIM,
	STAGE_YIELD,
	STAGE_OOM,
	STAGE_LAST,
};

static enum alloc_result66
alloc_end(struct core *c, struct alloc66 *a, uint32_t pfn)
{
	a->stage = STAGE_FAST;
	a->pfn = pfn;
	if (pfn != PFN_NONE)
		return ALLOC66_GOT;
	stat_add(c, PAGEOUT_STAT_alloc_failed, 1);
	return ALLOC66_FAILED;
}

/* Others run; a worker of a queue, which nobody else would let run, sleeps. */
static void
yield66(const struct core *c, struct alloc66 *a, uint64_t ticks)
{
	a->until = jiffies(c) + ticks;
	a->stage = STAGE_YIELD;
}

/* Step 4: with all rights that the caller has. */
static uint32_t
stage_retry(struct core *c, struct alloc66 *a)
{
	uint32_t reserve = gfp_pfmemalloc_flags(a), pfn;

	if (a->alloc_flags & ALLOC66_KSWAPD)
		wake_all_kswapds(c, a);
	if (reserve != 0)
		a->alloc_flags = reserve | (a->alloc_flags & ALLOC66_KSWAPD);
	pfn = get_page_from_freelist(c, a, WMARK_MIN, a->alloc_flags);
	if (pfn != PFN_NONE)
		return pfn;
	a->stage = STAGE_LAST;
	if (a->gfp & GFP66_DIRECT_RECLAIM && !a->memalloc) {
		a->stage = STAGE_RECLAIM;
		direct_begin(&a->direct, a);
	}
	return PFN_NONE;
}

/* Steps 6 to 8: reclaim has ended. */
static uint32_t
reclaimed(struct core *c, struct alloc66 *a)
{
	uint32_t pfn = PFN_NONE;

	a->did_some_progress = a->direct.ret;
	if (a->did_some_progress != 0)
		pfn = get_page_from_freelist(c, a, WMARK_MIN, a->alloc_flags);
	if (pfn == PFN_NONE && a->did_some_progress != 0 &&
	    unreserve_highatomic(c, a->highest_zoneidx))
		pfn = get_page_from_freelist(c, a, WMARK_MIN, a->alloc_flags);
	if (pfn != PFN_NONE)
		return pfn;
	a->stage = STAGE_LAST;
	if (a->gfp & GFP66_NORETRY || (a->order > PAGE_ALLOC_COSTLY_ORDER &&
	                               (a->gfp & GFP66_RETRY_MAYFAIL) == 0))
		return PFN_NONE;
	if (should_reclaim_retry(c, a, a->did_some_progress != 0))
		yield66(c, a, a->kthread ? 1 : 0);
	else if (should_compact_retry(c, a))
		a->stage = STAGE_RETRY;
	else
		a->stage = STAGE_OOM;
	return PFN_NONE;
}

/* Step 9: nobody is killed for what killing would not bring. */
static bool
may_oom(const struct core *c, const struct alloc66 *a)
{
	return !a->dumping_core && a->order <= PAGE_ALLOC_COSTLY_ORDER &&
	       (a->gfp & (GFP66_RETRY_MAYFAIL | GFP66_THISNODE)) == 0 &&
	       a->highest_zoneidx >= gfp_zone_normal(c);
}

/* Who is to die anyway is the victim: it may have more, to be gone soon. */
static bool
dies(struct alloc66 *a)
{
	a->oom_victim |= a->fatal_signal;
	return a->fatal_signal;
}

/* Steps 9 and 10. */
static uint32_t
stage_oom(struct core *c, struct alloc66 *a)
{
	uint32_t pfn = get_page_from_freelist(c, a, WMARK_HIGH, 0);

	a->stage = STAGE_LAST;
	if (pfn != PFN_NONE)
		return pfn;
	a->did_some_progress =
		may_oom(c, a) && (dies(a) || out_of_memory66(c, a->gfp));
	if (a->oom_victim &&
	    (a->alloc_flags & ALLOC66_OOM || a->gfp & GFP66_NOMEMALLOC))
		return PFN_NONE;
	if (a->did_some_progress != 0) {
		a->no_progress_loops = 0;
		yield66(c, a, 1);
	}
	return PFN_NONE;
}

/* Step 11: nothing helped.  => true when it goes on for ever */
static bool
stage_last(struct core *c, struct alloc66 *a, uint32_t *ret_pfn)
{
	if ((a->gfp & GFP66_NOFAIL) == 0 ||
	    (a->gfp & GFP66_DIRECT_RECLAIM) == 0)
		return false;
	*ret_pfn = get_page_from_freelist(c, a, WMARK_MIN, ALLOC66_MIN_RESERVE);
	if (*ret_pfn == PFN_NONE)
		yield66(c, a, 1);
	return true;
}

enum alloc_result66
alloc_pages66(struct core *c, struct alloc66 *a, struct batch *b)
{
	for (;;) {
		uint32_t pfn = PFN_NONE;

		switch ((enum stage)a->stage) {
		case STAGE_FAST:
			a->alloc_flags = gfp_to_alloc_flags(a);
			a->no_progress_loops = a->compact_retries = 0;
			pfn = get_page_from_freelist(c, a, WMARK_LOW,
			                             a->alloc_flags &
			                                     ALLOC66_KSWAPD);
			a->stage = STAGE_SLOW;
			break;
		case STAGE_SLOW:
			if (a->alloc_flags & ALLOC66_KSWAPD)
				wake_all_kswapds(c, a);
			pfn = get_page_from_freelist(c, a, WMARK_MIN,
			                             a->alloc_flags);
			a->stage = STAGE_RETRY;
			break;
		case STAGE_RETRY:
			pfn = stage_retry(c, a);
			break;
		case STAGE_RECLAIM:
			if (try_to_free_pages66(c, &a->direct, b) != DONE66)
				return ALLOC66_SLEEPS;
			pfn = reclaimed(c, a);
			if (a->stage == STAGE_YIELD)
				return ALLOC66_SLEEPS;
			break;
		case STAGE_YIELD:
			if (jiffies(c) < a->until)
				return ALLOC66_SLEEPS;
			a->stage = STAGE_RETRY;
			break;
		case STAGE_OOM:
			pfn = stage_oom(c, a);
			break;
		case STAGE_LAST:
			if (!stage_last(c, a, &pfn))
				return alloc_end(c, a, PFN_NONE);
			break;
		}
		if (pfn != PFN_NONE)
			return alloc_end(c, a, pfn);
	}
}

/* -- for faults ----------------------------------------------------------- */

/*
 * From each zone, what a request of order 0 after the other would find there
 * above a mark.
 */
static uint32_t
take_above(struct core *c, enum wmark66 w, uint32_t alloc_flags, uint32_t want,
           uint32_t *pfns)
{
	unsigned top = c->zone_count - 1;
	uint32_t n = 0;

	for (unsigned i = top + 1; i-- > 0 && n < want;) {
		struct zone *z = &c->zones[i];
		uint32_t keep = zone_keeps66(c, i, wmark_pages(c, i, w), top,
		                             alloc_flags);
		uint32_t to_come = zone_to_come(z), got;

		keep = keep > to_come ? keep - to_come : 0;
		got = core_take(c, z, keep, want - n, pfns + n);
		if (got != 0)
			boost_is_met(c, i, ALLOC66_KSWAPD);
		n += got;
	}
	return n;
}

/*
 * What is kept for those who free memory, when nothing else can be had: a page
 * that must come back may take the last.
 */
static uint32_t
take_last(struct core *c, enum alloc_use use, uint32_t want, uint32_t *pfns)
{
	uint32_t keep = use == ALLOC_SWAPIN ? 0 : FRAMES_RESERVE, n = 0;

	for (unsigned i = c->zone_count; i-- > 0 && n < want;)
		n += core_take(c, &c->zones[i], keep, want - n, pfns + n);
	return n;
}

uint32_t
kswapd_alloc(struct core *c, enum alloc_use use, uint32_t want, uint32_t need,
             uint32_t *pfns)
{
	uint32_t rights = use == ALLOC_SWAPIN ? ALLOC66_MIN_RESERVE : 0;
	uint32_t n = take_above(c, WMARK_LOW, 0, want, pfns);

	if (n < want)
		kswapd_wake(c);
	if (n < need)
		n += take_above(c, WMARK_MIN, rights, need - n, pfns + n);
	if (n < need && pgdat66(c)->hopeless)
		n += take_last(c, use, need - n, pfns + n);
	for (uint32_t i = 0; i < n; i++)
		trace66(c, &c->frames[pfns[i]], STATE66_FREE, STATE66_NONE,
		        CAUSE_MOTION);
	return n;
}
