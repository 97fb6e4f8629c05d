/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shrink.c -- a few pages from the tail of one list.
 *
 *	shrink_active_list	active -> inactive, whether used or not; only
 *				pages of files that are run, and used, stay
 *	shrink_inactive_list	each page has its fate by shrink_folio()
 *
 * The original takes pages off in bulk, for its lock's sake, and puts them back
 * after; here one page after the other goes from the tail to where it belongs,
 * which leaves the lists in the same order.  Pages of zones that do not count
 * are set aside, to the head.
 *
 * Pages that have to be unmapped first are waited for: they come back to the
 * tail with their verdict, and are finished then.
 */
#include "reclaim/kswapd/kswapd.h"

#include "base/bits.h"

bool
inactive_is_low(const struct core *c, enum type66 type)
{
	const struct flist *l =
		&pgdat66(c)
			 ->lruvec.lists[type == TYPE_FILE ? LRU_INACTIVE_FILE
	                                                  : LRU_INACTIVE_ANON];
	uint64_t inactive = l[0].count, active = l[1].count;
	uint64_t gb = (inactive + active) >> (30 - PAGE_SHIFT);
	uint64_t ratio = gb != 0 ? int_sqrt(10 * gb) : 1;

	return inactive * ratio < active;
}

static enum type66
lru_type(enum lru66 lru)
{
	return lru >= LRU_INACTIVE_FILE ? TYPE_FILE : TYPE_ANON;
}

/*
 * The next page of a list that counts; those that do not are set aside.
 *
 *	left	pages of the list that this call may still look at
 *
 * => NULL when there is none
 */
static struct frame *
isolate_next(struct core *c, const struct scan_control *sc, enum lru66 lru,
             uint32_t *left)
{
	struct flist *l = &pgdat66(c)->lruvec.lists[lru];

	for (; *left > 0 && l->count != 0; (*left)--) {
		struct frame *f = &c->frames[l->tail];

		if (f->zone <= sc->reclaim_idx) {
			(*left)--;
			return f;
		}
		lruvec_del(c, f);
		lruvec_add(c, f);
		stat_add(c, PAGEOUT_STAT_pgscan_skip, 1);
	}
	return NULL;
}

/* -- the active list ------------------------------------------------------ */

/* => true when it stays active */
static bool
shrink_active(struct core *c, struct frame *f, struct batch *b)
{
	uint32_t referenced;

	if (folio_mlocked(c, f)) {
		f->age &= (uint8_t)~PG66_ACTIVE;
		f->age |= PG66_UNEVICTABLE;
		lruvec_move(c, f, 11);
		return false;
	}
	referenced = f->maps > 0 ? core_referenced(c, f) : 0;
	if (referenced > 0 && folio_exec(c, f)) {
		workingset_age_nonresident(c, 1);
		lruvec_move(c, f, 6);
		return true;
	}
	f->age &= (uint8_t)~PG66_ACTIVE;
	f->age |= PG66_WORKINGSET;
	lruvec_move(c, f, 5);
	folio_idle(c, f, b);
	stat_add(c, PAGEOUT_STAT_pgdeactivate, 1);
	return false;
}

void
shrink_active_list(struct core *c, uint32_t nr_to_scan, struct scan_control *sc,
                   enum lru66 lru, struct batch *b)
{
	uint32_t left = pgdat66(c)->lruvec.lists[lru].count;
	uint32_t rotated = 0;
	struct frame *f;

	for (; nr_to_scan > 0; nr_to_scan--) {
		f = isolate_next(c, sc, lru, &left);
		if (f == NULL)
			break;
		stat_add(c, PAGEOUT_STAT_pgrefill, 1);
		rotated += shrink_active(c, f, b);
	}
	if (rotated != 0)
		lru_note_cost(c, lru_type(lru), 0, rotated);
}

/* -- the inactive list ---------------------------------------------------- */

enum stage { STAGE_BEGIN, STAGE_THROTTLED, STAGE_UNMAPPING };

bool
too_many_isolated(const struct core *c, const struct scan_control *sc,
                  enum type66 type)
{
	const struct pgdat66 *p = pgdat66(c);
	uint32_t inactive =
		p->lruvec
			.lists[type == TYPE_FILE ? LRU_INACTIVE_FILE
	                                         : LRU_INACTIVE_ANON]
			.count;

	if (sc->who == CURRENT_KSWAPD)
		return false;
	if ((sc->gfp_mask & (GFP66_IO | GFP66_FS)) == (GFP66_IO | GFP66_FS))
		inactive >>= 3;
	return p->nr_isolated[type] > inactive;
}

static void
isolate_and_shrink(struct core *c, uint32_t nr_to_scan, struct scan_control *sc,
                   enum lru66 lru, struct batch *b)
{
	uint32_t left = pgdat66(c)->lruvec.lists[lru].count;
	struct shrink_inactive *s = &sc->shrink;
	struct frame *f;

	for (; nr_to_scan > 0; nr_to_scan--) {
		f = isolate_next(c, sc, lru, &left);
		if (f == NULL)
			break;
		s->nr_scanned++;
		if (f->maps > 0 && !sc->may_unmap) {
			lruvec_move(c, f, 8);
			continue;
		}
		s->nr.taken++;
		s->nr.file_taken += lru_type(lru) == TYPE_FILE;
		if (shrink_folio(c, f, sc, b) == FOLIO_FREED)
			s->nr_reclaimed++;
		if (s->group.count >= tunable66(c, T66_UNMAP_BATCH)) {
			s->count += s->group.count;
			(void)core_unmap_end(c, &s->group, b);
		}
	}
	s->count += s->group.count;
	(void)core_unmap_end(c, &s->group, b);
}

/* Those that were waited for stand at the tail.  => false: not all yet */
static bool
finish_unmapped(struct core *c, struct scan_control *sc, enum lru66 lru,
                struct batch *b)
{
	struct shrink_inactive *s = &sc->shrink;
	const struct flist *l = &pgdat66(c)->lruvec.lists[lru];

	if (pgdat66(c)->nr_isolated[lru_type(lru)] != 0)
		return false;
	for (; s->count > 0 && l->count != 0; s->count--) {
		struct frame *f = &c->frames[l->tail];

		if (!folio_test(f, PG66_STANDS))
			break;
		if (shrink_folio_finish(c, f, sc, b) == FOLIO_FREED)
			s->nr_reclaimed++;
	}
	s->count = 0;
	return true;
}

static void
count_shrunk(struct core *c, const struct scan_control *sc, enum type66 type)
{
	const struct shrink_inactive *s = &sc->shrink;
	bool kswapd = sc->who == CURRENT_KSWAPD;

	stat_add(c, PAGEOUT_STAT_pgscan_anon + type, s->nr_scanned);
	stat_add(c, PAGEOUT_STAT_pgsteal_anon + type, s->nr_reclaimed);
	stat_add(c,
	         kswapd ? PAGEOUT_STAT_pgscan_kswapd
	                : PAGEOUT_STAT_pgscan_direct,
	         s->nr_scanned);
	stat_add(c,
	         kswapd ? PAGEOUT_STAT_pgsteal_kswapd
	                : PAGEOUT_STAT_pgsteal_direct,
	         s->nr_reclaimed);
}

static void
sums_add(struct reclaim_sums *to, const struct reclaim_sums *s)
{
	to->dirty += s->dirty;
	to->unqueued_dirty += s->unqueued_dirty;
	to->congested += s->congested;
	to->writeback += s->writeback;
	to->immediate += s->immediate;
	to->file_taken += s->file_taken;
	to->taken += s->taken;
}

static void
inactive_done(struct core *c, struct scan_control *sc, enum type66 type)
{
	const struct shrink_inactive *s = &sc->shrink;

	count_shrunk(c, sc, type);
	if (s->nr.taken == 0)
		return;
	lru_note_cost(c, type, s->nr_pageout, s->nr_scanned - s->nr_reclaimed);
	if (s->nr.unqueued_dirty == s->nr.taken)
		wakeup_flusher_threads(c);
	sums_add(&sc->nr, &s->nr);
}

/*
 * => true when pages may be isolated; else s->nr_reclaimed is what the call
 *    ends with, unless it sleeps first: who is killed has done enough
 */
static bool
may_isolate(struct core *c, struct scan_control *sc, enum type66 type)
{
	struct shrink_inactive *s = &sc->shrink;
	bool slept = s->stage == STAGE_THROTTLED;

	s->stage = STAGE_BEGIN;
	s->nr_reclaimed = slept && sc->fatal_signal ? SWAP_CLUSTER_MAX : 0;
	if (s->nr_reclaimed != 0)
		return false;
	if (!too_many_isolated(c, sc, type))
		return true;
	if (!slept) {
		s->stage = STAGE_THROTTLED;
		reclaim_throttle(c, sc, THROTTLE_ISOLATED);
	}
	return false;
}

enum task66
shrink_inactive_list(struct core *c, uint32_t nr_to_scan,
                     struct scan_control *sc, enum lru66 lru, struct batch *b)
{
	struct shrink_inactive *s = &sc->shrink;
	enum type66 type = lru_type(lru);

	if (s->stage != STAGE_UNMAPPING) {
		if (!may_isolate(c, sc, type))
			return s->stage == STAGE_BEGIN ? DONE66 : SLEEPS66;
		*s = (struct shrink_inactive){.stage = STAGE_BEGIN};
		isolate_and_shrink(c, nr_to_scan, sc, lru, b);
		if (s->count != 0) {
			s->stage = STAGE_UNMAPPING;
			return SLEEPS66;
		}
	} else if (!finish_unmapped(c, sc, lru, b)) {
		return SLEEPS66;
	}
	s->stage = STAGE_BEGIN;
	inactive_done(c, sc, type);
	return DONE66;
}
