/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * direct.c -- direct reclaim, and where a task sleeps in it.
 *
 *	throttle_direct_reclaim	half of what is kept is gone: kswapd first
 *	do_try_to_free_pages	the node, from priority 12 to 0, till 32 pages
 *	                        are free; once more with the active lists
 *	reclaim_throttle	much of it is under write, or isolated by
 *	                        others, or nothing could be freed
 *
 * A sleep is a struct wait66: it ends when its queue is woken or its time has
 * come.  Who sleeps returns SLEEPS66 and asks throttle_over() when it is called
 * again.
 */
#include "reclaim/kswapd/kswapd.h"

#include "base/bits.h"

#define WRITTEN_FOR_EACH SWAP_CLUSTER_MAX /* sleeper: then all go on */

/* -- throttles (RM-7.4) --------------------------------------------------- */

/* Longest sleeps, in jiffies. */
static const uint32_t timeout[NR_THROTTLES] = {
	[THROTTLE_WRITEBACK] = HZ / 10,
	[THROTTLE_ISOLATED] = HZ / 50,
	[THROTTLE_NOPROGRESS] = 1,
	[THROTTLE_CONGESTED] = 1,
};

/* To wait for progress is of no use: there will be none, or it is easy. */
static bool
skip_throttle_noprogress(const struct core *c)
{
	uint64_t reclaimable = 0, write_pending = 0;

	if (pgdat66(c)->kswapd_failures >= MAX_RECLAIM_RETRIES)
		return true;
	for (unsigned i = 0; i < c->zone_count; i++) {
		reclaimable += zone_reclaimable_pages(c, i);
		write_pending += zone66(c, i)->write_pending;
	}
	return 2 * write_pending <= reclaimable;
}

void
reclaim_throttle(struct core *c, struct scan_control *sc, enum throttle66 why)
{
	struct pgdat66 *p = pgdat66(c);
	struct reclaim_queue *q = &p->reclaim_wait[why];

	must(sc->wait.why == THROTTLE_NONE);
	if (sc->who == CURRENT_KTHREAD)
		return;
	if ((why == THROTTLE_NOPROGRESS || why == THROTTLE_CONGESTED) &&
	    skip_throttle_noprogress(c))
		return;
	if (q->waiters++ == 0 && why == THROTTLE_WRITEBACK)
		p->nr_throttled_written = 0;
	sc->wait = (struct wait66){
		.why = (uint8_t)why,
		.until = jiffies(c) + timeout[why],
		.wakes = q->wakes,
	};
	stat_add(c, PAGEOUT_STAT_reclaim_throttle, 1);
}

bool
throttle_over(struct core *c, struct wait66 *w)
{
	struct reclaim_queue *q;

	if (w->why == THROTTLE_NONE)
		return true;
	q = &pgdat66(c)->reclaim_wait[w->why];
	if (jiffies(c) < w->until && q->wakes == w->wakes)
		return false;
	must(q->waiters > 0);
	q->waiters--;
	w->why = THROTTLE_NONE;
	return true;
}

void
throttle_wake(struct core *c, enum throttle66 why)
{
	pgdat66(c)->reclaim_wait[why].wakes++;
	if (why == THROTTLE_WRITEBACK)
		c->cfg.host->wake(c->cfg.host_ctx, DAEMON_KSWAPD);
}

void
acct_reclaim_writeback(struct core *c, uint32_t nr)
{
	struct pgdat66 *p = pgdat66(c);
	uint32_t sleepers = p->reclaim_wait[THROTTLE_WRITEBACK].waiters;

	if (sleepers == 0)
		return;
	p->nr_throttled_written += nr;
	if (p->nr_throttled_written > (uint64_t)WRITTEN_FOR_EACH * sleepers)
		throttle_wake(c, THROTTLE_WRITEBACK);
}

/* -- pfmemalloc_wait (RM-7.5, 7.6) ---------------------------------------- */

bool
allow_direct_reclaim(struct core *c)
{
	struct pgdat66 *p = pgdat66(c);
	unsigned normal = gfp_zone_normal(c);
	uint64_t reserve = 0, free = 0;

	if (p->kswapd_failures >= MAX_RECLAIM_RETRIES || !p->kswapd_runs ||
	    c->lacks_kswapd)
		return true;
	for (unsigned i = 0; i <= normal; i++) {
		if (zone_reclaimable_pages(c, i) == 0)
			continue;
		reserve += wmark_pages(c, i, WMARK_MIN);
		free += zone_free66(&c->zones[i]);
	}
	if (reserve == 0 || free > reserve / 2)
		return true;
	if (p->kswapd.waiting) {
		p->kswapd_highest_zoneidx =
			(uint8_t)min_u32(p->kswapd_highest_zoneidx, normal);
		wake_up_kswapd(c);
	}
	return false;
}

void
wake_pfmemalloc(struct core *c)
{
	pgdat66(c)->pfmemalloc_wakes++;
}

enum stage { STAGE_BEGIN, STAGE_WAIT, STAGE_ROUND, STAGE_NODE, STAGE_END };

/* => true when it has to wait for kswapd first */
bool
throttle_direct_reclaim(struct core *c, struct direct66 *d)
{
	if (d->sc.who == CURRENT_KTHREAD || d->sc.fatal_signal ||
	    allow_direct_reclaim(c))
		return false;
	stat_add(c, PAGEOUT_STAT_pgscan_direct_throttle, 1);
	d->wakes = pgdat66(c)->pfmemalloc_wakes;
	d->until = d->sc.gfp_mask & GFP66_FS ? UINT64_MAX : jiffies(c) + HZ;
	pgdat66(c)->pfmemalloc_waiters++;
	return true;
}

/* => true when it goes on: it is allowed to, has waited enough, or is killed */
static bool
pfmemalloc_over(struct core *c, struct direct66 *d)
{
	struct pgdat66 *p = pgdat66(c);
	bool woken = d->wakes != p->pfmemalloc_wakes;

	d->wakes = p->pfmemalloc_wakes;
	if (!d->sc.fatal_signal && jiffies(c) < d->until &&
	    !(woken && allow_direct_reclaim(c)))
		return false;
	must(p->pfmemalloc_waiters > 0);
	p->pfmemalloc_waiters--;
	return true;
}

/* -- do_try_to_free_pages (RM-7.2, 7.3) ----------------------------------- */

/* Neighbours could be had from what is free: not for reclaim to find. */
static bool
compaction_ready(const struct core *c, unsigned zone,
                 const struct scan_control *sc)
{
	uint32_t mark = wmark_pages(c, zone, WMARK_HIGH) + (2u << sc->order);

	return sc->order > PAGE_ALLOC_COSTLY_ORDER &&
	       zone_watermark_ok_safe(c, zone, 0, mark, sc->reclaim_idx);
}

/* => true when some zone of the node is to be shrunk */
static bool
shrink_zones(const struct core *c, struct scan_control *sc)
{
	bool shrink = false;

	for (unsigned i = 0; i <= sc->reclaim_idx; i++) {
		if (c->zones[i].size == 0)
			continue;
		if (compaction_ready(c, i, sc))
			sc->compaction_ready = true;
		else
			shrink = true;
	}
	return shrink;
}

static void
consider_reclaim_throttle(struct core *c, struct scan_control *sc)
{
	if (sc->nr_reclaimed > sc->nr_scanned >> 3)
		throttle_wake(c, THROTTLE_NOPROGRESS);
	else if (sc->priority == 1 && sc->nr_reclaimed == 0)
		reclaim_throttle(c, sc, THROTTLE_NOPROGRESS);
}

/* After a priority.  => true when it was the last */
static bool
round_ended(struct scan_control *sc)
{
	if (sc->nr_reclaimed >= sc->nr_to_reclaim || sc->compaction_ready)
		return true;
	if (sc->priority < DEF_PRIORITY - 2)
		sc->may_writepage = true;
	return --sc->priority < 0;
}

/* All priorities were tried.  => true to begin anew, with the active lists */
static bool
begin_anew(struct core *c, struct direct66 *d)
{
	struct scan_control *sc = &d->sc;

	snapshot_refaults(c);
	d->ret = sc->nr_reclaimed;
	if (d->ret == 0 && sc->compaction_ready)
		d->ret = 1;
	if (d->ret != 0 || !sc->skipped_deactivate)
		return false;
	sc->priority = DEF_PRIORITY;
	sc->force_deactivate = true;
	sc->skipped_deactivate = false;
	return true;
}

static enum task66
direct_go_on(struct core *c, struct direct66 *d, struct batch *b)
{
	struct scan_control *sc = &d->sc;
	enum task66 t;

	for (;;) {
		if (!throttle_over(c, &sc->wait))
			return SLEEPS66;
		switch ((enum stage)d->stage) {
		case STAGE_BEGIN:
			d->stage = throttle_direct_reclaim(c, d) ? STAGE_WAIT
			                                         : STAGE_ROUND;
			break;
		case STAGE_WAIT:
			if (!pfmemalloc_over(c, d))
				return SLEEPS66;
			d->stage = STAGE_ROUND;
			d->ret = 1; /* killed: nobody else need be */
			if (sc->fatal_signal)
				return DONE66;
			break;
		case STAGE_ROUND:
			sc->nr_scanned = 0;
			d->stage = shrink_zones(c, sc) ? STAGE_NODE : STAGE_END;
			break;
		case STAGE_NODE:
			t = shrink_node(c, sc, b);
			if (t != DONE66)
				return t;
			consider_reclaim_throttle(c, sc);
			d->stage = STAGE_END;
			break;
		case STAGE_END:
			d->stage = STAGE_ROUND;
			if (round_ended(sc) && !begin_anew(c, d))
				return DONE66;
			break;
		}
	}
}

void
direct_begin(struct direct66 *d, const struct alloc66 *a)
{
	*d = (struct direct66){
		.sc =
			{
				.gfp_mask = a->gfp,
				.who = a->kthread ? CURRENT_KTHREAD
	                                          : CURRENT_TASK,
				.order = a->order,
				.reclaim_idx = a->highest_zoneidx,
				.nr_to_reclaim = SWAP_CLUSTER_MAX,
				.may_writepage = true,
				.may_unmap = true,
				.may_swap = true,
				.fatal_signal = a->fatal_signal,
			},
	};
	scan_begin(&d->sc, DEF_PRIORITY);
}

enum task66
try_to_free_pages66(struct core *c, struct direct66 *d, struct batch *b)
{
	enum task66 t = direct_go_on(c, d, b);

	reclaim_flush(c, b);
	return t;
}

/* -- for faults ----------------------------------------------------------- */

/*
 * All faults that found no frame reclaim as one task does, which never ends:
 * it is the host that tries again, and who knows what else may change.
 */
static void
fault_begin(struct core *c, struct alloc66 *a)
{
	uint32_t loops = a->no_progress_loops;

	*a = (struct alloc66){
		.gfp = GFP66_KERNEL,
		.highest_zoneidx = (uint8_t)(c->zone_count - 1),
		.no_progress_loops = loops,
	};
	direct_begin(&a->direct, a);
}

/*
 * Nothing more can be reclaimed.  What is kept goes before anybody is told so.
 */
static bool
last_resort(struct core *c, struct alloc66 *a)
{
	struct pgdat66 *p = pgdat66(c);

	if (!p->hopeless) {
		p->hopeless = true;
		return true;
	}
	a->no_progress_loops = 0;
	return out_of_memory66(c, a->gfp);
}

bool
kswapd_reclaim_direct(struct core *c, struct batch *b)
{
	struct pgdat66 *p = pgdat66(c);
	struct alloc66 *a = &p->fault;
	uint64_t deeds = p->deeds;

	if (!p->fault_reclaims)
		fault_begin(c, a);
	wake_all_kswapds(c, a);
	p->fault_reclaims = try_to_free_pages66(c, &a->direct, b) != DONE66;
	if (p->fault_reclaims)
		return true;
	if (should_reclaim_retry(c, a, a->direct.ret != 0) ||
	    p->deeds != deeds || c->unmapping != 0 || c->io_pages != 0)
		return true;
	return last_resort(c, a);
}
