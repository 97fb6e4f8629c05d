/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lists.c -- the five lists, and what the mechanism tells.
 *
 * A page that is in memory and not in motion is on exactly the list that its
 * flags select [I1]:
 *
 *	UNEVICTABLE  ACTIVE   type of area     list
 *	    set        -          -            unevictable
 *	     -         -        anon, file     inactive_anon, inactive_file
 *	     -        set       anon, file     active_anon, active_file
 *
 * The flags outlive its motion, so a page that was taken away for a moment
 * comes back to its list.  What the mechanism tells:
 *
 *	mapped	a page that is new, or was read: has it left a shadow?  Else
 *		one that is back in its program
 *	cached	read ahead: new as well.  Unmapped by a verdict: to the tail,
 *		where whoever waits for it finds it.  Else to the head
 *	cleaned	to the tail, if it was written to be freed [T10]
 *
 * Pages that are being unmapped are isolated [I2]; who counts on that is woken
 * when it has ended, however that was.
 */
#include "reclaim/kswapd/kswapd.h"

static const enum list_id list_ids[] = {
	[LRU_INACTIVE_ANON] = LIST_INACTIVE_ANON,
	[LRU_ACTIVE_ANON] = LIST_ACTIVE_ANON,
	[LRU_INACTIVE_FILE] = LIST_INACTIVE_FILE,
	[LRU_ACTIVE_FILE] = LIST_ACTIVE_FILE,
	[LRU_UNEVICTABLE] = LIST_MLOCKED,
};

enum lru66
folio_lru(const struct frame *f)
{
	if (folio_test(f, PG66_UNEVICTABLE))
		return LRU_UNEVICTABLE;
	return (folio_type(f) == TYPE_FILE ? LRU_INACTIVE_FILE
	                                   : LRU_INACTIVE_ANON) +
	       folio_test(f, PG66_ACTIVE);
}

/* The list that a frame is on, or NR_LRU_LISTS. */
static enum lru66
lru_of(const struct frame *f)
{
	enum lru66 lru = LRU_INACTIVE_ANON;

	while (lru < NR_LRU_LISTS && list_ids[lru] != f->list)
		lru++;
	return lru;
}

enum state66
list_state66(const struct frame *f)
{
	enum lru66 lru = lru_of(f);

	if (lru < NR_LRU_LISTS)
		return STATE66_INACTIVE_ANON + lru;
	return f->list == LIST_BUDDY || f->list == LIST_EMPTY ? STATE66_FREE
	                                                      : STATE66_NONE;
}

void
trace66(const struct core *c, const struct frame *f, enum state66 from,
        enum state66 to, unsigned cause)
{
	if (c->cfg.host->trace != NULL)
		c->cfg.host->trace(c->cfg.host_ctx,
		                   &(struct transition){
					   .pfn = frame_pfn(c, f),
					   .count = (uint32_t)(f->entry != 0) +
		                                    f->maps + f->pins,
					   .from = (uint8_t)from,
					   .to = (uint8_t)to,
					   .age = f->age,
					   .cause = (uint8_t)cause,
				   });
}

/* -- on and off ----------------------------------------------------------- */

static void
lru_counted(struct core *c, enum lru66 lru, const struct frame *f, int n)
{
	static const enum pageout_stat_id gauges[] = {
		[LRU_INACTIVE_ANON] = PAGEOUT_STAT_nr_inactive_anon,
		[LRU_ACTIVE_ANON] = PAGEOUT_STAT_nr_active_anon,
		[LRU_INACTIVE_FILE] = PAGEOUT_STAT_nr_inactive_file,
		[LRU_ACTIVE_FILE] = PAGEOUT_STAT_nr_active_file,
		[LRU_UNEVICTABLE] = PAGEOUT_STAT_nr_mlocked,
	};

	pgdat66(c)->lruvec.zone_size[f->zone][lru] += (uint32_t)n;
	stat_add(c, gauges[lru], (uint64_t)(int64_t)n);
}

void
lruvec_add(struct core *c, struct frame *f)
{
	enum lru66 lru = folio_lru(f);

	flist_add_head(c, &pgdat66(c)->lruvec.lists[lru], list_ids[lru], f);
	lru_counted(c, lru, f, 1);
}

void
lruvec_add_tail(struct core *c, struct frame *f)
{
	enum lru66 lru = folio_lru(f);

	flist_add_tail(c, &pgdat66(c)->lruvec.lists[lru], list_ids[lru], f);
	lru_counted(c, lru, f, 1);
}

void
lruvec_del(struct core *c, struct frame *f)
{
	enum lru66 lru = lru_of(f);

	must(lru < NR_LRU_LISTS);
	lru_counted(c, lru, f, -1);
	flist_del(c, &pgdat66(c)->lruvec.lists[lru], f);
}

void
lruvec_move(struct core *c, struct frame *f, unsigned cause)
{
	enum state66 from = list_state66(f);

	if (from != STATE66_NONE)
		lruvec_del(c, f);
	lruvec_add(c, f);
	trace66(c, f, from, list_state66(f), cause);
}

uint32_t
lruvec_lru_size(const struct core *c, enum lru66 lru, unsigned idx)
{
	uint32_t n = 0;

	for (unsigned i = 0; i <= idx && i < c->zone_count; i++)
		n += pgdat66(c)->lruvec.zone_size[i][lru];
	return n;
}

/* -- use ------------------------------------------------------------------ */

void
folio_activate(struct core *c, struct frame *f)
{
	if (folio_test(f, PG66_ACTIVE) || folio_test(f, PG66_UNEVICTABLE))
		return;
	f->age |= PG66_ACTIVE;
	f->flags &= (uint16_t)~FRAME_REFERENCED;
	workingset_age_nonresident(c, 1);
	stat_add(c, PAGEOUT_STAT_pgactivate, 1);
	if (list_state66(f) != STATE66_NONE)
		lruvec_move(c, f, 3);
}

void
folio_mark_accessed(struct core *c, struct frame *f)
{
	enum state66 state = list_state66(f);

	if (f->flags & FRAME_REFERENCED) {
		folio_activate(c, f);
		return;
	}
	f->flags |= FRAME_REFERENCED;
	trace66(c, f, state, state, folio_test(f, PG66_ACTIVE) ? 4 : 2);
}

void
folio_rotate_reclaimable(struct core *c, struct frame *f)
{
	enum state66 from = list_state66(f);

	if (f->flags & (FRAME_LOCKED | FRAME_DIRTY) || from == STATE66_NONE ||
	    from == STATE66_UNEVICTABLE)
		return;
	lruvec_del(c, f);
	f->age &= (uint8_t)~PG66_ACTIVE;
	lruvec_add_tail(c, f);
	trace66(c, f, from, list_state66(f), 10);
	stat_add(c, PAGEOUT_STAT_pgrotated, 1);
}

void
deactivate_file_folio(struct core *c, struct frame *f)
{
	enum state66 from = list_state66(f);

	if (from == STATE66_NONE || from == STATE66_UNEVICTABLE || f->maps > 0)
		return;
	lruvec_del(c, f);
	f->age &= (uint8_t)~PG66_ACTIVE;
	f->flags &= (uint16_t)~FRAME_REFERENCED;
	if (f->flags & (FRAME_DIRTY | FRAME_WRITEBACK)) {
		f->age |= PG66_RECLAIM;
		lruvec_add(c, f);
	} else {
		lruvec_add_tail(c, f);
	}
	trace66(c, f, from, list_state66(f), 13);
	stat_add(c, PAGEOUT_STAT_pgdeactivate, 1);
}

void
lru_note_cost(struct core *c, enum type66 type, uint32_t nr_io,
              uint32_t nr_rotated)
{
	struct lruvec66 *v = &pgdat66(c)->lruvec;
	uint64_t size = 0;

	*(type == TYPE_FILE ? &v->file_cost : &v->anon_cost) +=
		(uint64_t)SWAP_CLUSTER_MAX * nr_io + nr_rotated;
	for (enum lru66 lru = LRU_INACTIVE_ANON; lru <= LRU_ACTIVE_FILE; lru++)
		size += v->lists[lru].count;
	if (v->anon_cost + v->file_cost > size / 4) {
		v->file_cost /= 2;
		v->anon_cost /= 2;
	}
}

/* -- isolation ------------------------------------------------------------ */

static const enum pageout_stat_id isolated_ids[] = {
	[TYPE_ANON] = PAGEOUT_STAT_nr_isolated_anon,
	[TYPE_FILE] = PAGEOUT_STAT_nr_isolated_file,
};

bool
folio_isolate(struct core *c, struct unmap_group *g, struct frame *f)
{
	if (!core_unmap(c, g, f))
		return false;
	f->age |= PG66_ISOLATED;
	f->merit = (uint8_t)folio_type(f);
	pgdat66(c)->nr_isolated[f->merit]++;
	stat_add(c, isolated_ids[f->merit], 1);
	return true;
}

static void
isolation_ends(struct core *c, struct frame *f)
{
	struct pgdat66 *p = pgdat66(c);

	if (!folio_test(f, PG66_ISOLATED))
		return;
	f->age &= (uint8_t)~PG66_ISOLATED;
	must(p->nr_isolated[f->merit] > 0);
	p->nr_isolated[f->merit]--;
	stat_add(c, isolated_ids[f->merit], UINT64_MAX);
	if (p->nr_isolated[TYPE_ANON] + p->nr_isolated[TYPE_FILE] == 0)
		c->cfg.host->wake(c->cfg.host_ctx, DAEMON_KSWAPD);
}

/* -- what the mechanism tells --------------------------------------------- */

/* How many pages wait to be written, or are being. */
static void
pending_update(struct core *c, struct frame *f, bool pending)
{
	if (folio_test(f, PG66_PENDING) == pending)
		return;
	f->age ^= PG66_PENDING;
	zone66(c, f->zone)->write_pending += pending ? 1u : UINT32_MAX;
}

static void
folio_add_lru(struct core *c, struct frame *f)
{
	uint32_t shadow = f->entry != 0 ? core_shadow_take(c, f->entry) : 0;

	f->age = PG66_LRU;
	if (shadow != 0)
		(void)workingset_refault(c, f, shadow);
	lruvec_move(c, f, 1);
}

void
kswapd_mapped(struct core *c, struct frame *f)
{
	if (!folio_test(f, PG66_LRU)) {
		folio_add_lru(c, f);
		return;
	}
	/* The verdict has fallen, or could not be carried out. */
	if (folio_test(f, PG66_STANDS) && folio_test(f, PG66_ISOLATED))
		folio_activate(c, f);
	f->age &= (uint8_t)~PG66_STANDS;
	isolation_ends(c, f);
	lruvec_move(c, f, 12);
}

/* The program said that it does not need the page; unless it is for a sync. */
static void
folio_deactivate(struct frame *f)
{
	if (f->flags & FRAME_SYNC)
		return;
	f->age &= (uint8_t)~PG66_ACTIVE;
	f->flags &= (uint16_t)~FRAME_REFERENCED;
}

void
kswapd_cached(struct core *c, struct frame *f)
{
	if (!folio_test(f, PG66_LRU)) {
		folio_add_lru(c, f);
	} else if (folio_test(f, PG66_STANDS)) {
		lruvec_add_tail(c, f);
		trace66(c, f, STATE66_NONE, list_state66(f), 12);
	} else {
		if (!folio_test(f, PG66_ISOLATED))
			folio_deactivate(f);
		lruvec_move(c, f, 12);
	}
	pending_update(c, f, (f->flags & FRAME_DIRTY) != 0);
	isolation_ends(c, f);
}

static void
write_ended(struct core *c)
{
	struct kswapd66 *k = &pgdat66(c)->kswapd;

	acct_reclaim_writeback(c, 1);
	if (!k->awaits)
		return;
	k->awaits = false;
	c->cfg.host->wake(c->cfg.host_ctx, DAEMON_KSWAPD);
}

void
kswapd_cleaned(struct core *c, struct frame *f)
{
	pending_update(c, f, false);
	if (folio_test(f, PG66_RECLAIM)) {
		f->age &= (uint8_t)~PG66_RECLAIM;
		folio_rotate_reclaimable(c, f);
	}
	write_ended(c);
}

/*
 * A page that was idle is used.  Where that is how we learn of it, it is looked
 * at now: to wait till it is at the tail would be to wait for its next round,
 * as it goes to the head.
 */
static void
idle_ends(struct core *c, struct frame *f)
{
	if (tunable66(c, T66_ACCESSED_BIT) != 0 ||
	    list_state66(f) == STATE66_NONE)
		return;
	if (f->flags & FRAME_REFERENCED)
		folio_activate(c, f);
	f->flags |= FRAME_REFERENCED;
}

void
kswapd_found(struct core *c, struct frame *f)
{
	if ((f->flags & FRAME_READAHEAD) == 0)
		idle_ends(c, f);
	readahead_found(c, f);
	f->age &= (uint8_t) ~(PG66_STANDS | PG66_RECLAIM);
}

void
kswapd_gone(struct core *c, struct frame *f)
{
	enum state66 from = list_state66(f);

	pending_update(c, f, false);
	if (from == STATE66_NONE)
		return;
	lruvec_del(c, f);
	trace66(c, f, from, STATE66_NONE, CAUSE_MOTION);
}

void
kswapd_refused(struct core *c, struct frame *f)
{
	f->age &= (uint8_t)~PG66_STANDS;
	isolation_ends(c, f);
}

void
kswapd_freed(struct core *c, struct frame *f)
{
	isolation_ends(c, f);
	f->age = 0;
	f->merit = 0;
	trace66(c, f, STATE66_NONE, STATE66_FREE, 9);
	pgdat66(c)->hopeless = false;
}

uint32_t
kswapd_held(const struct core *c)
{
	const struct lruvec66 *v = &pgdat66(c)->lruvec;
	uint32_t n = 0;

	for (enum lru66 lru = LRU_INACTIVE_ANON; lru < NR_LRU_LISTS; lru++)
		n += v->lists[lru].count;
	return n;
}
