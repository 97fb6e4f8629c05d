/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmscan.c -- kswapd: it sleeps while one zone is above its high mark.
 *
 *	START ----> TRY_SLEEP ----> SHORT_SLEEP ----> LONG_SLEEP
 *	  ^             |  balanced    |  HZ/10, still    |
 *	  |             |              |  balanced        | woken
 *	  |             v not          v woken, or not    v
 *	  +--------- BALANCE <--------------------------------+
 *	   enough, or given up
 *
 * A request says up to which zone, and which order; requests that come in
 * meanwhile are raised to the highest.  When 16 runs in a row have freed
 * nothing kswapd gives up; a direct reclaimer who frees something revives it,
 * and so does a cache that gives back what it was asked for.
 *
 * balance_pgdat goes from priority 12 to 1: each round scans at least twice as
 * much as the one before, unless that was enough.  Where watermarks are boosted
 * a run that needs no free frames reclaims for the boost alone: it writes and
 * swaps nothing.
 *
 * The daemon is a task that returns where it would sleep; it has a turn when it
 * is woken, and now and then.
 */
#include "reclaim/kswapd/kswapd.h"

#include <string.h>

#include "base/bits.h"

#define SHORT_SLEEP (HZ / 10)
#define FLUSH_OPS 8 /* writes that the flusher starts in one turn */

/* -- waking --------------------------------------------------------------- */

void
wake_up_kswapd(struct core *c)
{
	struct kswapd66 *k = &pgdat66(c)->kswapd;

	if (!k->waiting)
		return;
	k->waiting = false;
	k->woken = true;
	k->early = k->stage == KSWAPD_SHORT_SLEEP && jiffies(c) < k->until;
	stat_add(c, PAGEOUT_STAT_kswapd_wake, 1);
	c->cfg.host->wake(c->cfg.host_ctx, DAEMON_KSWAPD);
}

void
nudge_kswapd(const struct core *c)
{
	const struct kswapd66 *k = &pgdat66(c)->kswapd;
	const struct wait66 *w = &k->balance.sc.wait;

	if (k->stage == KSWAPD_BALANCE &&
	    ((k->awaits && c->write_pages != 0) ||
	     (w->why != THROTTLE_NONE && jiffies(c) < w->until)))
		return;
	c->cfg.host->wake(c->cfg.host_ctx, DAEMON_KSWAPD);
}

void
kswapd_run66(struct core *c)
{
	struct pgdat66 *p = pgdat66(c);

	if (p->kswapd_runs)
		return;
	p->kswapd_runs = true;
	p->kswapd = (struct kswapd66){
		.highest_zoneidx = (uint8_t)(c->zone_count - 1),
	};
	p->kswapd_order = 0;
	p->kswapd_highest_zoneidx = ZONES_NONE;
}

void
kswapd_stop66(struct core *c)
{
	pgdat66(c)->kswapd_runs = false;
}

/* -- balance -------------------------------------------------------------- */

bool
pgdat_balanced(const struct core *c, unsigned order, unsigned idx)
{
	bool managed = false;

	for (unsigned i = 0; i <= idx && i < c->zone_count; i++) {
		if (c->zones[i].size == 0)
			continue;
		managed = true;
		if (zone_watermark_ok_safe(c, i, order,
		                           wmark_pages(c, i, WMARK_HIGH), idx))
			return true;
	}
	return !managed;
}

bool
prepare_kswapd_sleep(struct core *c, unsigned order, unsigned idx)
{
	struct pgdat66 *p = pgdat66(c);

	wake_pfmemalloc(c);
	if (p->kswapd_failures >= MAX_RECLAIM_RETRIES)
		return true;
	if (!pgdat_balanced(c, order, idx))
		return false;
	p->flags = 0;
	p->lruvec.node_congested = false;
	p->caches_asked = false;
	return true;
}

/* -- balance_pgdat -------------------------------------------------------- */

enum stage { STAGE_BEGIN, STAGE_ROUND, STAGE_SHRINK };

static void
set_reclaim_active(struct core *c, unsigned idx, bool active)
{
	for (unsigned i = 0; i <= idx && i < c->zone_count; i++) {
		uint8_t *flags = &zone66(c, i)->flags;

		*flags &= (uint8_t)~ZONE66_RECLAIM_ACTIVE;
		*flags |= active ? ZONE66_RECLAIM_ACTIVE : 0;
	}
}

/* Areas were unlocked, perhaps: the oldest pages of them are looked at. */
static void
check_move_unevictable_folios(struct core *c)
{
	const struct flist *l = &pgdat66(c)->lruvec.lists[LRU_UNEVICTABLE];

	for (uint32_t n = min_u32(l->count, SWAP_CLUSTER_MAX); n > 0; n--) {
		struct frame *f = &c->frames[l->tail];

		if (!folio_mlocked(c, f))
			f->age &= (uint8_t)~PG66_UNEVICTABLE;
		lruvec_move(c, f, 11);
	}
}

static void
balance_begin(struct core *c, struct balance66 *bp)
{
	struct scan_control *sc = &bp->sc;

	sc->gfp_mask = GFP66_KERNEL;
	sc->who = CURRENT_KSWAPD;
	sc->may_unmap = true;
	sc->reclaim_idx = bp->idx;
	scan_begin(sc, DEF_PRIORITY);
	stat_add(c, PAGEOUT_STAT_pageoutrun, 1);
	bp->boost_left = 0;
	for (unsigned i = 0; i <= bp->idx && i < c->zone_count; i++) {
		bp->zone_boosts[i] = zone66(c, i)->watermark_boost;
		bp->boost_left += bp->zone_boosts[i];
	}
	bp->boosted = bp->boost_left != 0;
	set_reclaim_active(c, bp->idx, true);
	check_move_unevictable_folios(c);
	bp->stage = STAGE_ROUND;
}

/* What is short of the high marks, or, as in the original, what they are. */
static uint32_t
kswapd_nr_to_reclaim(const struct core *c, unsigned idx)
{
	uint32_t n = 0, free = core_frames_free(c), high = c->freepages.high;

	if (tunable66(c, T66_STOP_AT_HIGH) != 0)
		return max_u32(high > free ? high - free : 0, SWAP_CLUSTER_MAX);
	for (unsigned i = 0; i <= idx && i < c->zone_count; i++)
		if (c->zones[i].size != 0)
			n += max_u32(wmark_pages(c, i, WMARK_HIGH),
			             SWAP_CLUSTER_MAX);
	return n;
}

/* => false when there is nothing to be done */
static bool
balance_round_begins(struct core *c, struct balance66 *bp, struct batch *b)
{
	struct scan_control *sc = &bp->sc;
	bool balanced = pgdat_balanced(c, sc->order, bp->idx);

	if (!balanced && bp->boost_left > 0) {
		bp->boost_left = 0;
		sc->priority = DEF_PRIORITY;
	}
	if (balanced && bp->boost_left == 0)
		return false;
	bp->raise_priority =
		bp->boost_left == 0 || sc->priority != DEF_PRIORITY - 2;
	sc->may_writepage = bp->boost_left == 0;
	sc->may_swap = bp->boost_left == 0;
	if (can_age_anon_pages(c) && inactive_is_low(c, TYPE_ANON))
		shrink_active_list(c, SWAP_CLUSTER_MAX, sc, LRU_ACTIVE_ANON, b);
	if (sc->priority < DEF_PRIORITY - 2)
		sc->may_writepage = true;
	sc->nr_scanned = 0;
	bp->nr_reclaimed = sc->nr_reclaimed;
	sc->nr_to_reclaim = kswapd_nr_to_reclaim(c, bp->idx);
	return true;
}

/* kswapd_shrink_node, after shrink_node, and the rest of the round. */
static bool
balance_round_ends(struct core *c, struct balance66 *bp)
{
	struct scan_control *sc = &bp->sc;
	uint32_t got = sc->nr_reclaimed - bp->nr_reclaimed;

	if (sc->order > 0 && sc->nr_reclaimed >= compact_gap(sc->order))
		sc->order = 0;
	if (sc->nr_scanned >= sc->nr_to_reclaim)
		bp->raise_priority = false;
	if (pgdat66(c)->pfmemalloc_waiters != 0 && allow_direct_reclaim(c))
		wake_pfmemalloc(c);
	if (!pgdat66(c)->kswapd_runs)
		return false;
	bp->boost_left -= min_u32(bp->boost_left, got);
	if (bp->boost_left > 0 && got == 0)
		return false;
	if (bp->raise_priority || got == 0)
		sc->priority--;
	return sc->priority >= 1;
}

/*
 * What is being written makes up for what is short: it is waited for.
 * => true when kswapd is woken by the end of a write
 */
static bool
await_writes(struct core *c)
{
	uint64_t comes = (uint64_t)core_frames_free(c) + c->write_pages;

	if (tunable66(c, T66_AWAIT_WRITES) == 0 || c->write_pages == 0 ||
	    comes <= c->freepages.high)
		return false;
	pgdat66(c)->kswapd.awaits = true;
	return true;
}

/* Pages are on their way: that a run has freed nothing yet is no failure. */
static bool
something_comes(const struct core *c)
{
	return tunable66(c, T66_AWAIT_WRITES) != 0 &&
	       (c->unmapping != 0 || c->write_pages != 0);
}

static void
balance_ends(struct core *c, struct balance66 *bp)
{
	set_reclaim_active(c, bp->idx, false);
	for (unsigned i = 0; bp->boosted && i <= bp->idx; i++) {
		uint32_t *boost = &zone66(c, i)->watermark_boost;

		*boost -= min_u32(*boost, bp->zone_boosts[i]);
	}
	if (bp->boosted)
		wakeup_kcompactd(c, PAGEBLOCK_ORDER, bp->idx);
	snapshot_refaults(c);
	bp->stage = STAGE_BEGIN;
}

enum task66
balance_pgdat(struct core *c, struct balance66 *bp, struct batch *b)
{
	bool more = true;
	enum task66 t;

	if (bp->stage == STAGE_BEGIN)
		balance_begin(c, bp);
	while (more) {
		if (bp->stage == STAGE_ROUND) {
			if (!pgdat_balanced(c, bp->sc.order, bp->idx) &&
			    await_writes(c))
				return SLEEPS66;
			if (!balance_round_begins(c, bp, b)) {
				balance_ends(c, bp);
				return DONE66;
			}
			bp->stage = STAGE_SHRINK;
		}
		t = shrink_node(c, &bp->sc, b);
		if (t != DONE66)
			return t;
		more = balance_round_ends(c, bp);
		bp->stage = STAGE_ROUND;
	}
	if (bp->sc.nr_reclaimed == 0 && !something_comes(c))
		pgdat66(c)->kswapd_failures++;
	balance_ends(c, bp);
	return DONE66;
}

/* -- kswapd --------------------------------------------------------------- */

static unsigned
highest_zoneidx(const struct core *c)
{
	const struct pgdat66 *p = pgdat66(c);

	return p->kswapd_highest_zoneidx == ZONES_NONE
	               ? p->kswapd.highest_zoneidx
	               : p->kswapd_highest_zoneidx;
}

static void
kswapd_start(struct core *c)
{
	struct kswapd66 *k = &pgdat66(c)->kswapd;

	k->alloc_order = k->reclaim_order = pgdat66(c)->kswapd_order;
	k->highest_zoneidx = (uint8_t)highest_zoneidx(c);
	k->stage = KSWAPD_TRY_SLEEP;
}

static void
kswapd_sleep(struct kswapd66 *k, enum kswapd_stage stage)
{
	k->stage = (uint8_t)stage;
	k->waiting = true;
	k->woken = k->early = false;
}

/* The request that it was woken for, and those that came since. */
static void
kswapd_request(struct core *c)
{
	struct pgdat66 *p = pgdat66(c);
	struct kswapd66 *k = &p->kswapd;

	k->waiting = false;
	k->alloc_order = p->kswapd_order;
	k->highest_zoneidx = (uint8_t)highest_zoneidx(c);
	p->kswapd_order = 0;
	p->kswapd_highest_zoneidx = ZONES_NONE;
	memset(&k->balance, 0, sizeof(k->balance));
	k->balance.idx = k->highest_zoneidx;
	k->balance.sc.order = k->alloc_order;
	k->stage = KSWAPD_BALANCE;
}

/* Second half of kswapd_try_to_sleep: the short sleep is over, or was none. */
static void
kswapd_slept(struct core *c, bool early)
{
	struct kswapd66 *k = &pgdat66(c)->kswapd;

	if (!early &&
	    prepare_kswapd_sleep(c, k->reclaim_order, k->highest_zoneidx)) {
		set_percpu_thresholds(c, false);
		kswapd_sleep(k, KSWAPD_LONG_SLEEP);
		return;
	}
	stat_add(c,
	         early ? PAGEOUT_STAT_kswapd_low_wmark_hit_quickly
	               : PAGEOUT_STAT_kswapd_high_wmark_hit_quickly,
	         1);
	kswapd_request(c);
}

static void
kswapd_try_to_sleep(struct core *c)
{
	struct kswapd66 *k = &pgdat66(c)->kswapd;

	if (!prepare_kswapd_sleep(c, k->reclaim_order, k->highest_zoneidx)) {
		kswapd_slept(c, false);
		return;
	}
	wakeup_kcompactd(c, k->alloc_order, k->highest_zoneidx);
	kswapd_sleep(k, KSWAPD_SHORT_SLEEP);
	k->until = jiffies(c) + SHORT_SLEEP;
}

static void
kswapd_wakes(struct core *c)
{
	set_percpu_thresholds(c, true);
	kswapd_request(c);
}

/*
 * When it was woken counts, not when it has its turn.
 * => false when it sleeps on
 */
static bool
kswapd_short_sleep(struct core *c)
{
	struct pgdat66 *p = pgdat66(c);
	struct kswapd66 *k = &p->kswapd;

	if (!k->woken && jiffies(c) < k->until)
		return false;
	if (k->woken && !k->early) { /* the long sleep had begun */
		kswapd_wakes(c);
		return true;
	}
	if (k->early) {
		p->kswapd_highest_zoneidx = (uint8_t)highest_zoneidx(c);
		p->kswapd_order =
			(uint8_t)max_u32(p->kswapd_order, k->reclaim_order);
	}
	kswapd_slept(c, k->early);
	return true;
}

/* => true when it is to go on at once */
static bool
kswapd_balance(struct core *c, struct batch *b)
{
	struct kswapd66 *k = &pgdat66(c)->kswapd;
	enum task66 t = balance_pgdat(c, &k->balance, b);

	reclaim_flush(c, b);
	if (t != DONE66)
		return t == YIELDS66;
	k->reclaim_order = k->balance.sc.order;
	k->stage = k->reclaim_order < k->alloc_order ? KSWAPD_TRY_SLEEP
	                                             : KSWAPD_START;
	return true;
}

/* One step of its loop. */
static bool
kswapd_step(struct core *c, struct batch *b)
{
	struct kswapd66 *k = &pgdat66(c)->kswapd;

	switch ((enum kswapd_stage)k->stage) {
	case KSWAPD_START:
		kswapd_start(c);
		return true;
	case KSWAPD_TRY_SLEEP:
		kswapd_try_to_sleep(c);
		return true;
	case KSWAPD_SHORT_SLEEP:
		return kswapd_short_sleep(c);
	case KSWAPD_LONG_SLEEP:
		if (!k->woken)
			return false;
		kswapd_wakes(c);
		return true;
	case KSWAPD_BALANCE:
		return kswapd_balance(c, b);
	}
	never();
	return false;
}

bool
kswapd_turn(struct core *c, struct batch *b)
{
	const struct kswapd66 *k = &pgdat66(c)->kswapd;
	bool more = pgdat66(c)->kswapd_runs;

	publish66(c);
	while (more) {
		bool balanced = k->stage == KSWAPD_BALANCE;

		more = kswapd_step(c, b);
		if (balanced)
			break; /* what it has started is performed first */
	}
	return more;
}

void
wakeup_kcompactd(struct core *c, unsigned order, unsigned idx)
{
	struct transition t = {
		.pfn = PFN_NONE,
		.count = order,
		.age = (uint8_t)idx,
		.cause = CAUSE_KCOMPACTD,
	};

	if (c->cfg.host->trace != NULL)
		c->cfg.host->trace(c->cfg.host_ctx, &t);
}

/* -- the other daemons ---------------------------------------------------- */

bool
kswapd_kreclaimd(struct core *c, struct batch *b)
{
	(void)c;
	(void)b;
	return false; /* kswapd frees what it finds clean */
}

void
wakeup_flusher_threads(struct core *c)
{
	pgdat66(c)->flusher_woken = true;
	c->cfg.host->wake(c->cfg.host_ctx, DAEMON_FLUSHER);
}

/* Start writing dirty pages of a list that nobody maps, the oldest first. */
static uint32_t
flush_list(struct core *c, const struct flist *l, struct batch *b)
{
	uint64_t now = c->cfg.host->now_ns(c->cfg.host_ctx);
	uint32_t pfns[OP_PAGES_MAX], n = 0;

	for (uint32_t p = l->tail; p != PFN_NONE && n < OP_PAGES_MAX;
	     p = c->frames[p].prev) {
		const struct frame *f = &c->frames[p];

		if (f->flags & FRAME_DIRTY && f->maps == 0 &&
		    core_may_write(c, f, now))
			pfns[n++] = p;
	}
	return core_write(c, pfns, n, FLUSH_OPS, b);
}

bool
kswapd_flush(struct core *c, struct batch *b)
{
	struct pgdat66 *p = pgdat66(c);
	uint32_t n;

	if (!p->flusher_woken)
		return false;
	n = flush_list(c, &p->lruvec.lists[LRU_INACTIVE_FILE], b);
	n += flush_list(c, &p->lruvec.lists[LRU_ACTIVE_FILE], b);
	p->flusher_woken = n != 0;
	return n != 0;
}

void
publish66(struct core *c)
{
	const struct pgdat66 *p = pgdat66(c);
	uint64_t boost = 0;

	for (unsigned i = 0; i < c->zone_count; i++)
		boost += p->zone[i].watermark_boost;
	stat_set(c, PAGEOUT_STAT_watermark_boost, boost);
	stat_set(c, PAGEOUT_STAT_kswapd_failures, p->kswapd_failures);
	stat_set(c, PAGEOUT_STAT_kswapd_order, p->kswapd_order);
	stat_set(c, PAGEOUT_STAT_kswapd_highest_zoneidx,
	         p->kswapd_highest_zoneidx);
	stat_set(c, PAGEOUT_STAT_anon_cost, p->lruvec.anon_cost);
	stat_set(c, PAGEOUT_STAT_file_cost, p->lruvec.file_cost);
	stat_set(c, PAGEOUT_STAT_nonresident_age, p->lruvec.nonresident_age);
}
