/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vmscan.c -- kswapd, kreclaimd, and what they call in which order.
 *
 *	kswapd, while something is short
 *	  do_try_to_free_pages
 *	    page_launder          when frames are short, or D is large
 *	    shrink_dcache_memory, shrink_icache_memory
 *	    refill_inactive
 *	      kmem_cache_reap
 *	      refill_inactive_scan, shrink_*, swap_out: from priority 6 to 0
 *	    kmem_cache_reap       when nothing is short
 *	  refill_inactive_scan    background ageing
 *	  recalculate_vm_stats    once a second
 *	  whoever waits for it goes on
 *	  out_of_memory?
 *
 * An allocation that must wait does what kswapd does, or waits for it
 * (tunable wait_for_kswapd).
 */
#include "reclaim/linux24/linux24.h"

#define FREE_BATCH 256  /* frames that kreclaimd frees in one turn */
#define HOPE_TURNS 2    /* of kswapd, which may find what a fault does not */
#define LAST_RESORT 32u /* pages unmapped whatever their age */

static void
ask(const struct core *c, enum daemon who)
{
	c->cfg.host->wake(c->cfg.host_ctx, who);
}

/* -- refill_inactive ------------------------------------------------------ */

/* What is left to do, in pages; each success is worth one. */
struct quota {
	int64_t left;
	bool progress;
};

static bool
quota_met(struct quota *q)
{
	q->progress = true;
	return --q->left <= 0;
}

/* One round at one priority.  => true when it is enough */
static bool
refill_round(struct core *c, struct quota *q, unsigned priority, uint32_t gfp,
             struct batch *b)
{
	while (refill_inactive_scan(c, priority, true))
		if (quota_met(q))
			return true;
	shrink_dcache_memory(c, priority, gfp);
	shrink_icache_memory(c, priority, gfp);
	while (swap_out(c, priority, b))
		if (quota_met(q))
			return true;
	return inactive_shortage(c) == 0 || free_shortage(c) == 0 ||
	       swap_out_stalls(c);
}

bool
refill_inactive(struct core *c, uint32_t gfp, bool user, struct batch *b)
{
	int64_t start = (int64_t)inactive_shortage(c) + free_shortage(c);
	struct quota q;
	int priority = PRIORITY_MAX;
	bool enough = false;

	if (user)
		start = INT64_C(1) << linux24(c)->page_cluster;
	q.left = start;
	kmem_cache_reap(c, gfp);
	while (!enough && priority >= 0) {
		q.progress = false;
		enough = refill_round(c, &q, (unsigned)priority, gfp, b);
		if (!q.progress)
			priority--;
	}
	while (!enough && refill_inactive_scan(c, 0, true))
		enough = quota_met(&q);
	swap_out_end(c, b);
	return q.left < start;
}

/* -- do_try_to_free_pages ------------------------------------------------- */

enum stage { STAGE_IDLE, STAGE_LAUNDER, STAGE_REFILL };

static bool
launder_is_due(const struct core *c)
{
	return free_shortage(c) != 0 ||
	       nr_inactive_dirty_pages(c) >
	               nr_free_pages(c) + nr_inactive_clean_pages(c);
}

void
reclaim_begin(struct core *c, struct reclaim24 *r, uint32_t gfp, bool user)
{
	r->gfp = gfp;
	r->user = user;
	r->ret = 0;
	r->stage = STAGE_REFILL;
	if (!launder_is_due(c))
		return;
	launder_start(c, &r->launder, gfp, user);
	r->stage = STAGE_LAUNDER;
}

enum task24
do_try_to_free_pages(struct core *c, struct reclaim24 *r, struct batch *b)
{
	struct linux24 *s = linux24(c);

	if (r->stage == STAGE_LAUNDER) {
		if (page_launder(c, &r->launder, b) == TASK_SLEEPS)
			return TASK_SLEEPS;
		r->ret += r->launder.cleaned;
		s->deeds += r->launder.cleaned + r->launder.started;
	}
	if (free_shortage(c) != 0 || inactive_shortage(c) != 0) {
		shrink_dcache_memory(c, PRIORITY_MAX, r->gfp);
		shrink_icache_memory(c, PRIORITY_MAX, r->gfp);
		s->scans_direct = r != &s->kswapd;
		r->ret += refill_inactive(c, r->gfp, r->user, b);
		s->scans_direct = false;
	} else {
		kmem_cache_reap(c, r->gfp);
		r->ret = 1;
	}
	r->stage = STAGE_IDLE;
	return TASK_DONE;
}

/* -- kswapd --------------------------------------------------------------- */

void
wakeup_kswapd(struct core *c)
{
	struct linux24 *s = linux24(c);

	if (s->kswapd_sleeps)
		stat_add(c, PAGEOUT_STAT_kswapd_wake, 1);
	s->kswapd_sleeps = false;
	ask(c, DAEMON_KSWAPD);
}

void
await_kswapd(struct core *c)
{
	linux24(c)->waiters++;
	stat_add(c, PAGEOUT_STAT_kswapd_waits, 1);
	wakeup_kswapd(c);
}

static void
kswapd_sleep(struct core *c, uint64_t ticks)
{
	linux24(c)->kswapd_sleeps = true;
	linux24(c)->kswapd_until = jiffies(c) + ticks;
}

/* What follows reclaiming, each turn.  => true to go on at once */
static bool
kswapd_finish(struct core *c, bool short_of, bool progress, struct batch *b)
{
	struct linux24 *s = linux24(c);
	uint64_t now = jiffies(c);

	if (short_of || tunable24(c, T24_BACKGROUND_SCAN) != 0)
		(void)refill_inactive_scan(c, PRIORITY_MAX, false);
	swap_out_end(c, b);
	if (now > s->recalc + HZ) {
		s->recalc = now;
		recalculate_vm_stats(c);
	}
	s->waiters = 0;
	s->kswapd_turns++;
	if (free_shortage(c) == 0 || inactive_shortage(c) == 0) {
		kswapd_sleep(c, HZ);
		return false;
	}
	if (out_of_memory(c))
		oom_kill24(c);
	s->kswapd_idle = progress ? 0 : s->kswapd_idle + 1;
	if (s->kswapd_idle <= tunable24(c, T24_KSWAPD_SPINS))
		return true;
	kswapd_sleep(c, 1);
	return false;
}

bool
linux24_kswapd(struct core *c, struct batch *b)
{
	struct linux24 *s = linux24(c);
	uint64_t deeds = s->deeds;
	bool short_of = false;

	publish24(c);
	if (s->kswapd_sleeps && jiffies(c) < s->kswapd_until)
		return false;
	stat_add(c, PAGEOUT_STAT_kswapd_turns, 1);
	s->kswapd_sleeps = false;
	if (s->kswapd.stage != STAGE_IDLE || inactive_shortage(c) != 0 ||
	    free_shortage(c) != 0) {
		short_of = true;
		if (s->kswapd.stage == STAGE_IDLE)
			reclaim_begin(c, &s->kswapd, GFP_KSWAPD,
			              s->waiters != 0);
		if (do_try_to_free_pages(c, &s->kswapd, b) == TASK_SLEEPS)
			return false;
	}
	return kswapd_finish(c, short_of, s->deeds != deeds, b);
}

/* -- kreclaimd ------------------------------------------------------------ */

bool
linux24_kreclaimd(struct core *c, struct batch *b)
{
	uint32_t n = 0;

	(void)b;
	linux24(c)->kreclaimd_sleeps = false;
	for (unsigned i = 0; i < c->zone_count; i++) {
		struct zone *z = &c->zones[i];

		while (z->size != 0 && zone_free24(z) < z->pages_low) {
			struct frame *f = reclaim_page(c, z, 14);

			if (f == NULL)
				break;
			core_give(c, f);
			if (++n == FREE_BATCH)
				return true;
		}
	}
	linux24(c)->kreclaimd_sleeps = true;
	return false;
}

/* -- an allocation waits -------------------------------------------------- */

/* Some page of D is clean, or may be written. */
static bool
launder_has_work(const struct core *c)
{
	uint64_t now = c->cfg.host->now_ns(c->cfg.host_ctx);
	uint32_t pfn = linux24(c)->inactive_dirty.tail;

	for (; pfn != PFN_NONE; pfn = c->frames[pfn].prev) {
		const struct frame *f = &c->frames[pfn];

		if ((f->flags & FRAME_DIRTY) == 0 || core_may_write(c, f, now))
			return true;
	}
	return false;
}

static bool
something_moves(const struct core *c)
{
	return c->unmapping != 0 || c->io_pages != 0 ||
	       nr_inactive_clean_pages(c) != 0 || launder_has_work(c);
}

/*
 * Nothing has been on its way for long.  Take what can be had, however young;
 * and then let the last frames go.
 */
static bool
last_resort(struct core *c, struct batch *b)
{
	struct linux24 *s = linux24(c);
	bool was = s->hopeless;

	if (swap_out_any(c, LAST_RESORT, b) != 0)
		return true;
	s->hopeless = true;
	return !was;
}

bool
linux24_reclaim_direct(struct core *c, struct batch *b)
{
	struct linux24 *s = linux24(c);
	uint64_t deeds = s->deeds;
	enum task24 t = TASK_DONE;

	s->memory_pressure++;
	await_kswapd(c);
	if (tunable24(c, T24_WAIT_FOR_KSWAPD) == 0) {
		if (s->direct.stage == STAGE_IDLE)
			reclaim_begin(c, &s->direct, GFP_KERNEL, true);
		t = do_try_to_free_pages(c, &s->direct, b);
	}
	if (t == TASK_SLEEPS || s->deeds != deeds || something_moves(c))
		s->despair = s->kswapd_turns + HOPE_TURNS;
	return s->kswapd_turns < s->despair || last_resort(c, b);
}
