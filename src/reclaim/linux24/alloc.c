/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * alloc.c -- __alloc_pages: a ladder from plenty to the last frame.
 *
 *	free >= low               in some zone: take one
 *	free + clean > high, low  take one, or reclaim a clean page
 *	                          wake kswapd, let others run
 *	free + clean > min
 *	                          launder for neighbours; wait for kswapd; again
 *	free >= min / 4           who may not wait
 *	any                       who frees memory itself (PF_MEMALLOC)
 *
 * alloc_pages24() is one call of the original, which may wait.  linux24_alloc()
 * is the same ladder for faults: many frames in one go while they are plenty,
 * and instead of waiting it returns; the fault is taken again.
 */
#include "reclaim/linux24/linux24.h"

#include "base/bits.h"

enum mark { MARK_HIGH, MARK_LOW, MARK_MIN };

static uint32_t
zone_mark(const struct zone *z, enum mark m)
{
	return m == MARK_HIGH  ? z->pages_high
	       : m == MARK_LOW ? z->pages_low
	                       : z->pages_min;
}

static uint32_t
zone_clean(const struct core *c, const struct zone *z)
{
	return linux24(c)->inactive_clean[z - c->zones].count;
}

/* The zones that gfp permits, best first.  => how many */
static unsigned
zonelist(struct core *c, uint32_t gfp, struct zone **ret)
{
	unsigned n = 0;

	for (unsigned i = c->zone_count; i-- > 0;) {
		struct zone *z = &c->zones[i];
		enum zone_kind k = zone_kind24(c, z);

		if (z->size == 0 ||
		    (k == ZONE_HIGHMEM && !(gfp & GFP_HIGHMEM)) ||
		    (k != ZONE_DMA && gfp & GFP_DMA))
			continue;
		ret[n++] = z;
	}
	return n;
}

void
wake_early(struct core *c, bool bdflush_too)
{
	uint32_t free = free_shortage(c), dirty = nr_inactive_dirty_pages(c);

	if (free == 0)
		return;
	if (inactive_shortage(c) > inactive_target(c) / 2)
		wakeup_kswapd(c);
	else if (bdflush_too && dirty > free && dirty >= c->freepages.high)
		wakeup_bdflush(c, false);
}

static void
wakeup_kreclaimd(struct core *c)
{
	struct linux24 *s = linux24(c);

	if (!s->kreclaimd_sleeps)
		return;
	s->kreclaimd_sleeps = false;
	stat_add(c, PAGEOUT_STAT_kreclaimd_wake, 1);
	c->cfg.host->wake(c->cfg.host_ctx, DAEMON_KRECLAIMD);
}

/* -- rungs ---------------------------------------------------------------- */

/* 2^order frames of one zone.  => the first pfn, or PFN_NONE */
static uint32_t
rmqueue(struct core *c, struct zone *z, unsigned order)
{
	uint32_t pfn = core_take_block(c, z, order);

	if (pfn != PFN_NONE)
		trace24(c, &c->frames[pfn], STATE_FREE, STATE_NONE, 1);
	return pfn;
}

static uint32_t
rung_plenty(struct core *c, const struct alloc24 *a)
{
	struct zone *z[ZONES_MAX];
	unsigned n = zonelist(c, a->gfp, z);
	uint32_t pfn;

	for (unsigned i = 0; i < n; i++) {
		if (zone_free24(z[i]) >= z[i]->pages_low) {
			pfn = rmqueue(c, z[i], a->order);
			if (pfn != PFN_NONE)
				return pfn;
		} else if (zone_free24(z[i]) < z[i]->pages_min) {
			wakeup_kreclaimd(c);
		}
	}
	return PFN_NONE;
}

/* From one zone, by reclaiming when free frames are few. */
static uint32_t
zone_alloc(struct core *c, struct zone *z, unsigned order, bool direct)
{
	struct frame *f = NULL;

	if (direct && zone_free24(z) < z->pages_min + DIRECT_SLACK)
		f = reclaim_page(c, z, 13);
	return f != NULL ? frame_pfn(c, f) : rmqueue(c, z, order);
}

static uint32_t
rung_limit(struct core *c, const struct alloc24 *a, enum mark m)
{
	struct zone *z[ZONES_MAX];
	unsigned n = zonelist(c, a->gfp, z);

	for (unsigned i = 0; i < n; i++) {
		uint32_t pfn;

		if (zone_free24(z[i]) + zone_clean(c, z[i]) <=
		    zone_mark(z[i], m))
			continue;
		pfn = zone_alloc(c, z[i], a->order, a->direct);
		if (pfn != PFN_NONE)
			return pfn;
	}
	return PFN_NONE;
}

/* Free clean pages until neighbours are found. */
static uint32_t
rung_assemble(struct core *c, const struct alloc24 *a)
{
	struct zone *z[ZONES_MAX];
	unsigned n = zonelist(c, a->gfp, z);

	for (unsigned i = 0; i < n; i++) {
		while (zone_clean(c, z[i]) != 0) {
			struct frame *f = reclaim_page(c, z[i], 14);
			uint32_t pfn;

			if (f == NULL)
				break;
			core_give(c, f);
			pfn = rmqueue(c, z[i], a->order);
			if (pfn != PFN_NONE)
				return pfn;
		}
	}
	return PFN_NONE;
}

static uint32_t
rung_last(struct core *c, const struct alloc24 *a)
{
	struct zone *z[ZONES_MAX];
	unsigned n = zonelist(c, a->gfp, z);

	for (unsigned i = 0; i < n; i++) {
		struct frame *f = a->direct ? reclaim_page(c, z[i], 13) : NULL;
		uint32_t pfn;

		if (f != NULL)
			return frame_pfn(c, f);
		if (zone_free24(z[i]) < z[i]->pages_min / 4 && !a->memalloc)
			continue;
		pfn = rmqueue(c, z[i], a->order);
		if (pfn != PFN_NONE)
			return pfn;
	}
	return PFN_NONE;
}

/* Whoever had the frame before, its page is new. */
static void
begin_age(struct frame *f)
{
	f->age = PAGE_AGE_START;
	f->merit = 0;
}

/* -- one call of the original --------------------------------------------- */

enum stage {
	STAGE_ENTRY,
	STAGE_TRY,
	STAGE_MIN,
	STAGE_LAUNDER,
	STAGE_WAIT,
	STAGE_BLOCKED,
	STAGE_RECLAIM,
	STAGE_LAST,
};

static enum alloc_result
got(struct core *c, struct alloc24 *a, uint32_t pfn)
{
	for (uint32_t i = 0; i < 1u << a->order; i++)
		begin_age(&c->frames[pfn + i]);
	a->pfn = pfn;
	a->stage = STAGE_ENTRY;
	return ALLOC_GOT;
}

/* After a wait: order 0 begins anew, all else is as good as lost. */
static void
waited(struct core *c, struct alloc24 *a)
{
	linux24(c)->memory_pressure++;
	a->stage = a->order == 0 ? STAGE_TRY : STAGE_LAST;
}

/* No frame above the lowest mark: how does the caller go on? */
static void
choose_wait(const struct core *c, struct alloc24 *a)
{
	a->stage = STAGE_LAST;
	if (a->memalloc)
		return;
	if (a->order > 0 && a->gfp & GFP_WAIT) {
		a->stage = STAGE_LAUNDER;
		launder_start(c, &a->reclaim.launder, a->gfp, true);
	} else if (a->gfp & GFP_WAIT) {
		a->stage = STAGE_WAIT;
	}
}

/* => ALLOC_GOT as well when the call is to go on with the next stage */
static enum alloc_result
stage_wait(struct core *c, struct alloc24 *a)
{
	if (a->gfp & GFP_IO) {
		a->turn = linux24(c)->kswapd_turns;
		a->stage = STAGE_BLOCKED;
		await_kswapd(c);
		return ALLOC_BLOCKS;
	}
	a->stage = STAGE_RECLAIM;
	reclaim_begin(c, &a->reclaim, a->gfp, true);
	return ALLOC_GOT;
}

enum alloc_result
alloc_pages24(struct core *c, struct alloc24 *a, struct batch *b)
{
	for (;;) {
		uint32_t pfn = PFN_NONE;

		switch ((enum stage)a->stage) {
		case STAGE_ENTRY:
			linux24(c)->memory_pressure++;
			a->direct = a->order == 0 && a->gfp & GFP_WAIT &&
			            !a->memalloc;
			wake_early(c, true);
			a->stage = STAGE_TRY;
			break;
		case STAGE_TRY:
			pfn = rung_plenty(c, a);
			if (pfn == PFN_NONE)
				pfn = rung_limit(c, a, MARK_HIGH);
			if (pfn == PFN_NONE)
				pfn = rung_limit(c, a, MARK_LOW);
			if (pfn != PFN_NONE)
				return got(c, a, pfn);
			wakeup_kswapd(c);
			a->stage = STAGE_MIN;
			if (a->gfp & GFP_WAIT)
				return ALLOC_YIELDS;
			break;
		case STAGE_MIN:
			pfn = rung_limit(c, a, MARK_MIN);
			choose_wait(c, a);
			break;
		case STAGE_LAUNDER:
			if (page_launder(c, &a->reclaim.launder, b) ==
			    TASK_SLEEPS)
				return ALLOC_SLEEPS;
			pfn = rung_assemble(c, a);
			a->stage = STAGE_WAIT;
			break;
		case STAGE_WAIT:
			if (stage_wait(c, a) == ALLOC_BLOCKS)
				return ALLOC_BLOCKS;
			break;
		case STAGE_BLOCKED:
			if (a->turn == linux24(c)->kswapd_turns)
				return ALLOC_BLOCKS;
			waited(c, a);
			break;
		case STAGE_RECLAIM:
			if (do_try_to_free_pages(c, &a->reclaim, b) ==
			    TASK_SLEEPS)
				return ALLOC_SLEEPS;
			waited(c, a);
			break;
		case STAGE_LAST:
			pfn = rung_last(c, a);
			if (pfn == PFN_NONE) {
				stat_add(c, PAGEOUT_STAT_alloc_failed, 1);
				a->stage = STAGE_ENTRY;
				return ALLOC_FAILED;
			}
			break;
		}
		if (pfn != PFN_NONE)
			return got(c, a, pfn);
	}
}

/* -- for faults ----------------------------------------------------------- */

/* Free frames of a zone that may be taken when mark must stay. */
static uint32_t
take_above(struct core *c, struct zone *z, uint32_t mark, uint32_t want,
           uint32_t *pfns)
{
	uint32_t to_come = zone_to_come(z);
	uint32_t n = core_take(c, z, mark > to_come ? mark - to_come : 0, want,
	                       pfns);

	for (uint32_t i = 0; i < n; i++)
		trace24(c, &c->frames[pfns[i]], STATE_FREE, STATE_NONE, 1);
	return n;
}

static uint32_t
faults_plenty(struct core *c, uint32_t want, uint32_t *pfns)
{
	uint32_t n = 0;

	for (unsigned i = c->zone_count; i-- > 0;) {
		struct zone *z = &c->zones[i];

		n += take_above(c, z, z->pages_low - 1, want - n, pfns + n);
		if (zone_free24(z) < z->pages_min)
			wakeup_kreclaimd(c);
	}
	return n;
}

/* One frame after the other, down to a mark. */
static uint32_t
faults_limit(struct core *c, enum mark m, uint32_t want, uint32_t *pfns)
{
	const struct alloc24 a = {.gfp = GFP_HIGHUSER, .direct = true};
	uint32_t n = 0;

	while (n < want) {
		pfns[n] = rung_limit(c, &a, m);
		if (pfns[n] == PFN_NONE)
			break;
		n++;
	}
	return n;
}

/* What is kept for pages that must come back, and for the worst. */
static uint32_t
faults_last(struct core *c, enum alloc_use use, uint32_t want, uint32_t *pfns)
{
	uint32_t reserve = use == ALLOC_SWAPIN ? 0 : FRAMES_RESERVE, n = 0;

	if (use != ALLOC_SWAPIN && !linux24(c)->hopeless)
		return 0;
	for (unsigned i = c->zone_count; i-- > 0;) {
		struct zone *z = &c->zones[i];
		struct frame *f;

		n += take_above(c, z, reserve, want - n, pfns + n);
		while (n < want && (f = reclaim_page(c, z, 13)) != NULL)
			pfns[n++] = frame_pfn(c, f);
	}
	return n;
}

uint32_t
linux24_alloc(struct core *c, enum alloc_use use, uint32_t want, uint32_t need,
              uint32_t *pfns)
{
	uint32_t n = faults_plenty(c, want, pfns);
	uint32_t easy = use == ALLOC_AHEAD ? want : need;

	wake_early(c, true);
	for (enum mark m = MARK_HIGH; m <= MARK_LOW && n < easy; m++)
		n += faults_limit(c, m, easy - n, pfns + n);
	if (n < need) {
		wakeup_kswapd(c);
		n += faults_limit(c, MARK_MIN, need - n, pfns + n);
	}
	if (n < need)
		n += faults_last(c, use, need - n, pfns + n);
	linux24(c)->memory_pressure += n;
	for (uint32_t i = 0; i < n; i++)
		begin_age(&c->frames[pfns[i]]);
	return n;
}
