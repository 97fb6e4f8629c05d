/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * folios.c -- shrink_folio_list: what becomes of a page at the inactive tail.
 *
 *	mapped by a locked area ------------------------> unevictable
 *	under write ------------------------------------> active
 *	used: more than once, or run -------------------> active
 *	used once --------------------------------------> round
 *	mapped -----> unmapped, then as what follows
 *	dirty, of a file, not kswapd's to write yet ----> active
 *	dirty ------> its write starts -----------------> round
 *	clean ------> freed, a shadow stays
 *
 * A page that is active while it is written comes to the inactive tail when the
 * write has ended [T10].
 *
 * The accessed bit.  In the original a visit finds and clears it.  Here (with
 * accessed_bit=0) a page is taken out of reach for it, in batches: it stays on
 * its list, and who touches it puts it back with one short fault, which is what
 * the next visit finds.  A page that is still out of reach then was not used,
 * and can be freed at once.
 */
#include "reclaim/kswapd/kswapd.h"

#define QUEUED 1 /* frame.buffers: it is in write_run */

/* -- which area ----------------------------------------------------------- */

static bool
area_has(const struct core *c, const struct frame *f, enum area_flag flag)
{
	const struct area *a = core_area_find(c, f->space, f->vpn);

	return a != NULL && (a->flags & flag) != 0;
}

bool
folio_mlocked(const struct core *c, const struct frame *f)
{
	return area_has(c, f, AREA_LOCKED);
}

bool
folio_exec(const struct core *c, const struct frame *f)
{
	return folio_type(f) == TYPE_FILE && area_has(c, f, AREA_EXEC);
}

/* -- the accessed bit ----------------------------------------------------- */

static uint32_t
unmap_batch(const struct core *c)
{
	return tunable66(c, T66_UNMAP_BATCH);
}

void
folio_idle(struct core *c, struct frame *f, struct batch *b)
{
	struct unmap_group *g = &pgdat66(c)->idle_group;

	if (tunable66(c, T66_ACCESSED_BIT) != 0 || f->maps != 1 ||
	    !folio_isolate(c, g, f))
		return;
	if (g->count >= unmap_batch(c))
		(void)core_unmap_end(c, g, b);
}

static void
write_flush(struct core *c, struct batch *b)
{
	struct pgdat66 *p = pgdat66(c);
	uint32_t n;

	for (uint32_t i = 0; i < p->write_count; i++)
		c->frames[p->write_run[i]].buffers = 0;
	n = core_write(c, p->write_run, p->write_count, OP_PAGES_MAX, b);
	for (uint32_t i = n; i < p->write_count; i++)
		c->frames[p->write_run[i]].age &= (uint8_t)~PG66_RECLAIM;
	p->write_count = 0;
	stat_add(c, PAGEOUT_STAT_nr_vmscan_write, n);
}

void
reclaim_flush(struct core *c, struct batch *b)
{
	struct pgdat66 *p = pgdat66(c);

	if (p->idle_group.count != 0)
		(void)core_unmap_end(c, &p->idle_group, b);
	if (p->write_count != 0)
		write_flush(c, b);
}

static bool
test_clear_referenced66(struct frame *f)
{
	bool was = (f->flags & FRAME_REFERENCED) != 0;

	f->flags &= (uint16_t)~FRAME_REFERENCED;
	return was;
}

enum folio_references
folio_check_references(struct core *c, struct frame *f)
{
	uint32_t ptes = f->maps > 0 ? core_referenced(c, f) : 0;
	bool referenced = test_clear_referenced66(f);

	if (ptes > 0) {
		f->flags |= FRAME_REFERENCED;
		return referenced || ptes > 1 || folio_exec(c, f)
		               ? FOLIOREF_ACTIVATE
		               : FOLIOREF_KEEP;
	}
	return referenced && folio_type(f) == TYPE_FILE ? FOLIOREF_RECLAIM_CLEAN
	                                                : FOLIOREF_RECLAIM;
}

/* -- exits ---------------------------------------------------------------- */

static enum folio_exit
keep(struct core *c, struct frame *f)
{
	f->age &= (uint8_t)~PG66_STANDS;
	lruvec_move(c, f, 8);
	return FOLIO_KEPT;
}

static enum folio_exit
activate(struct core *c, struct frame *f)
{
	bool mlocked = folio_mlocked(c, f);

	if (folio_type(f) == TYPE_ANON && (mlocked || vm_swap_full(c)))
		(void)folio_free_swap(c, f);
	f->age &= (uint8_t)~PG66_STANDS;
	if (mlocked) {
		f->age &= (uint8_t)~PG66_ACTIVE;
		f->age |= PG66_UNEVICTABLE;
		lruvec_move(c, f, 11);
		return FOLIO_KEPT;
	}
	f->age |= PG66_ACTIVE;
	workingset_age_nonresident(c, 1);
	stat_add(c, PAGEOUT_STAT_pgactivate, 1);
	lruvec_move(c, f, 7);
	return FOLIO_KEPT;
}

static enum folio_exit
free_it(struct core *c, struct frame *f)
{
	uint32_t shadow = workingset_eviction(c, f);

	if (tunable66(c, T66_SHADOWS) != 0)
		core_shadow_set(c, f->entry, shadow);
	core_drop(c, f);
	pgdat66(c)->deeds++;
	return FOLIO_FREED;
}

/* -- dirty pages ---------------------------------------------------------- */

static bool
is_kswapd(const struct scan_control *sc)
{
	return sc->who == CURRENT_KSWAPD;
}

static enum folio_exit
pageout(struct core *c, struct frame *f, struct scan_control *sc,
        struct batch *b)
{
	struct pgdat66 *p = pgdat66(c);
	enum writepage w = core_writepage(c, f);

	if (w != WRITEPAGE_WRITES)
		return activate(c, f);
	if (!core_may_write(c, f, c->cfg.host->now_ns(c->cfg.host_ctx)))
		return keep(c, f); /* its device rests */
	f->age |= PG66_RECLAIM;
	f->buffers = QUEUED;
	p->write_run[p->write_count++] = frame_pfn(c, f);
	p->deeds++;
	sc->shrink.nr_pageout++;
	if (p->write_count >= tunable66(c, T66_WRITE_CLUSTER))
		write_flush(c, b);
	return keep(c, f);
}

static enum folio_exit
shrink_dirty(struct core *c, struct frame *f, struct scan_control *sc,
             enum folio_references ref, struct batch *b)
{
	bool file = folio_type(f) == TYPE_FILE;

	if (file && (!is_kswapd(sc) || !folio_test(f, PG66_RECLAIM) ||
	             (pgdat66(c)->flags & PGDAT_DIRTY) == 0)) {
		stat_add(c, PAGEOUT_STAT_nr_vmscan_immediate, 1);
		f->age |= PG66_RECLAIM;
		return activate(c, f);
	}
	if (ref == FOLIOREF_RECLAIM_CLEAN ||
	    (sc->gfp_mask & (file ? GFP66_FS : GFP66_IO)) == 0 ||
	    !sc->may_writepage)
		return keep(c, f);
	return pageout(c, f, sc, b);
}

/* -- one page ------------------------------------------------------------- */

static enum folio_exit
shrink_unmapped(struct core *c, struct frame *f, struct scan_control *sc,
                enum folio_references ref, struct batch *b)
{
	if (f->flags & FRAME_DIRTY)
		return shrink_dirty(c, f, sc, ref, b);
	return free_it(c, f);
}

enum folio_exit
shrink_folio_finish(struct core *c, struct frame *f, struct scan_control *sc,
                    struct batch *b)
{
	enum folio_references ref = FOLIOREF_RECLAIM;

	if (f->maps > 0 || f->flags & FRAME_WRITEBACK)
		return keep(c, f);
	if (test_clear_referenced66(f)) /* as try_to_unmap() left it */
		ref = FOLIOREF_RECLAIM_CLEAN;
	return shrink_unmapped(c, f, sc, ref, b);
}

static enum folio_exit
shrink_writeback(struct core *c, struct frame *f, struct scan_control *sc)
{
	if (is_kswapd(sc) && folio_test(f, PG66_RECLAIM) &&
	    pgdat66(c)->flags & PGDAT_WRITEBACK) {
		sc->shrink.nr.immediate++;
	} else {
		f->age |= PG66_RECLAIM;
		sc->shrink.nr.writeback++;
	}
	return activate(c, f);
}

static enum folio_exit
try_to_unmap(struct core *c, struct frame *f, struct scan_control *sc,
             enum folio_references ref)
{
	struct unmap_group *g = &sc->shrink.group;

	if (f->entry == 0) {
		if ((sc->gfp_mask & GFP66_IO) == 0 || f->pins > 0)
			return keep(c, f);
		if (core_swap_free(c) <= g->count)
			return activate(c, f);
	}
	if (!core_unmap_guests(c, f) || !folio_isolate(c, g, f))
		return activate(c, f);
	f->age |= PG66_STANDS;
	if (ref == FOLIOREF_RECLAIM_CLEAN)
		f->flags |= FRAME_REFERENCED;
	return FOLIO_UNMAPPING;
}

static void
note_dirty(const struct frame *f, struct reclaim_sums *nr)
{
	bool writeback = (f->flags & FRAME_WRITEBACK) != 0;
	/* What is under write is clean, unless written to again. */
	bool dirty = (f->flags & FRAME_DIRTY) != 0 && !writeback;

	if (folio_type(f) != TYPE_FILE)
		return;
	nr->dirty += dirty || writeback;
	nr->unqueued_dirty += dirty;
	nr->congested += writeback && folio_test(f, PG66_RECLAIM);
}

enum folio_exit
shrink_folio(struct core *c, struct frame *f, struct scan_control *sc,
             struct batch *b)
{
	enum folio_references ref = FOLIOREF_RECLAIM;

	if (f->flags & FRAME_LOCKED)
		return keep(c, f);
	sc->nr_scanned++;
	if (f->buffers == QUEUED) /* met again before its write has started */
		write_flush(c, b);
	if (folio_mlocked(c, f))
		return activate(c, f);
	if (f->maps > 0 && !sc->may_unmap)
		return keep(c, f);
	note_dirty(f, &sc->shrink.nr);
	if (f->flags & FRAME_WRITEBACK)
		return shrink_writeback(c, f, sc);
	if (!folio_test(f, PG66_STANDS))
		ref = folio_check_references(c, f);
	if (ref == FOLIOREF_ACTIVATE)
		return activate(c, f);
	if (ref == FOLIOREF_KEEP) {
		(void)keep(c, f);
		folio_idle(c, f, b);
		return FOLIO_KEPT;
	}
	if (f->maps > 0)
		return try_to_unmap(c, f, sc, ref);
	return shrink_unmapped(c, f, sc, ref, b);
}
