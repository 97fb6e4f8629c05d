/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arrive.c -- a page has come in: what ends a fault, or a read ahead.
 *
 *	OP_READ --+-- the hash is the page's, and a fault waits --> OP_MAP
 *	          +-- likewise, and nobody waits ----------------> cached
 *	          +-- it is not, or could not be read -----------> once more,
 *	                                       then poison, if a fault waits
 *	OP_MAP ---+-- mapped
 *	          +-- its area is gone: cached again, or nothing
 *
 * [I5] a page whose entry has let go of it meanwhile is not mapped, or is taken
 *      out again.
 * [I8] contents are believed when their hash is the one that was kept.
 */
#include <errno.h>

#include "core/internal.h"

/* -- mapped --------------------------------------------------------------- */

/* A page could not be mapped: its area is gone. */
static void
map_failed(struct core *c, const struct op *op, uint32_t i)
{
	struct frame *f = &c->frames[op->pg[i].pfn];
	pte_t *pte = pte_of(c, op->space, op->vpn + i);

	if (f->flags & FRAME_DROPPED) {
		*pte = PTE_NONE;
		frame_orphan(c, f);
		return;
	}
	if (op->flags & OPF_COPY) {
		f->entry = slot_alloc(c, op->pg[i].pfn, 1);
		f->flags |= FRAME_DIRTY;
	}
	if (f->entry != 0) { /* [I2] keep what may still be asked for */
		slot_get(c, f->entry);
		*pte = pte_swap(f->entry);
		c->cfg.policy->cached(c, f);
		return;
	}
	*pte = PTE_NONE;
	if (op->flags & OPF_ZERO)
		f->flags |= FRAME_FRESH;
	frame_orphan(c, f);
}

/*
 * Pages that vanished while they were being mapped: the host mapped them
 * before.  Whether they are there still, taking them out will tell.
 */
static void
map_undo(struct core *c, const uint32_t *pfns, uint32_t n, struct batch *b)
{
	struct op *op = NULL;

	for (uint32_t i = 0; i < n; i++) {
		struct frame *f = &c->frames[pfns[i]];

		if (op == NULL || op->vpn + op->count != f->vpn) {
			op = op_get(c, OP_UNMAP, 0);
			must(op != NULL); /* OPS_RESERVE_DONE are for this */
			op_at(op, f->space, f->vpn);
			op->flags = OPF_DISCARD;
			batch_add(b, op);
		}
		op_add(op, pfns[i]);
	}
}

/* The page is in the program's hands. */
static void
map_ended(struct core *c, struct frame *f)
{
	c->cfg.policy->mapped(c, f);
	slot_after_fault(c, f);
}

void
map_done(struct core *c, struct op *op, struct batch *b)
{
	uint32_t undo[OP_PAGES_MAX], undo_count = 0;
	bool failed = false;

	for (uint32_t i = 0; i < op->count; i++) {
		struct frame *f = &c->frames[op->pg[i].pfn];
		bool undone = f->flags & FRAME_DROPPED && op->pg[i].err == 0;

		if (op->flags & OPF_COPY) {
			struct frame *src = &c->frames[op->pg[i].src];

			src->flags &= (uint16_t)~FRAME_SOURCE;
			frame_put(c, src);
		}
		if (op->pg[i].err == 0) {
			stat_add(c, PAGEOUT_STAT_pgmap, 1);
			rss_add(c, op->space, f);
		}
		if (undone) {
			undo[undo_count++] = op->pg[i].pfn;
			continue;
		}
		frame_unlock(f);
		f->flags &= (uint16_t)~FRAME_WANTED; /* mapping has woken it */
		failed |= op->pg[i].err < 0;
		if (op->pg[i].err < 0)
			map_failed(c, op, i);
		else
			map_ended(c, f);
	}
	op_wake(c, op, failed, b);
	map_undo(c, undo, undo_count, b);
}

/* -- read ----------------------------------------------------------------- */

/* How the pages of a read came in. */
struct read_sum {
	uint32_t bad, orphans, wanted;
};

static struct read_sum
read_sum(struct core *c, struct op *op)
{
	struct read_sum s = {0};

	for (uint32_t i = 0; i < op->count; i++) {
		struct op_page *pg = &op->pg[i];
		struct frame *f = &c->frames[pg->pfn];

		if (pg->err == 0 && file_believe(op, pg, f))
			f->hash = pg->hash;
		if (pg->err == 0 && pg->hash != f->hash)
			pg->err = -EBADMSG; /* [I8] */
		/* Nobody wants an orphan: whether it is good is all one. */
		s.bad += pg->err < 0 && (f->flags & FRAME_ORPHAN) == 0;
		s.orphans += (f->flags & FRAME_ORPHAN) != 0;
		s.wanted += (f->flags & FRAME_WANTED) != 0;
	}
	return s;
}

/*
 * It could not be read.  When that was so twice, nobody shall see other
 * contents instead.  A page that was read well the first time, and was read
 * again because of its neighbours, stays swapped out and has another chance.
 */
static void
read_lost(struct core *c, struct frame *f)
{
	swp_entry_t e = f->entry;

	if ((f->flags & FRAME_WANTED) && (f->flags & FRAME_RETRIED)) {
		*pte_of(c, f->space, f->vpn) = PTE_POISON;
		slot_put(c, e);
		stat_add(c, PAGEOUT_STAT_pgpoison, 1);
	}
	slot_uncache(c, e, f->hash);
	slot_put(c, e);
	f->entry = 0;
	f->flags = 0;
	frame_free(c, f);
}

/* All is well and somebody waits: what was read becomes what is mapped. */
static void
read_map(struct core *c, struct op *op, struct batch *b)
{
	uint32_t n = op->count;

	op->kind = OP_MAP;
	op->flags = OPF_READ;
	op->count = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct frame *f = &c->frames[op->pg[i].pfn];

		slot_put(c, f->entry);
		map_add(c, op, op->vpn + i, f);
	}
	batch_add(b, op);
}

void
read_done(struct core *c, struct op *op, struct batch *b)
{
	struct read_sum s = read_sum(c, op);

	stat_add(c, PAGEOUT_STAT_io_read_ops, 1);
	stat_add(c, PAGEOUT_STAT_swap_read_errors, s.bad);
	if (s.bad != 0 && (op->flags & OPF_RETRY) == 0) {
		for (uint32_t i = 0; i < op->count; i++)
			if (op->pg[i].err < 0)
				c->frames[op->pg[i].pfn].flags |= FRAME_RETRIED;
		op->flags |= OPF_RETRY;
		batch_add(b, op);
		return;
	}
	c->io_pages -= op->count;
	stat_add(c, PAGEOUT_STAT_pswpin, op->count - s.bad);
	if (s.wanted != 0 && s.bad == 0 && s.orphans == 0) {
		read_map(c, op, b);
		return;
	}
	for (uint32_t i = 0; i < op->count; i++) {
		struct frame *f = &c->frames[op->pg[i].pfn];

		frame_unlock(f);
		if (f->flags & FRAME_ORPHAN) {
			frame_put(c, f);
		} else if (op->pg[i].err < 0) {
			read_lost(c, f);
		} else {
			f->flags &= (uint16_t) ~(FRAME_WANTED | FRAME_RETRIED);
			c->cfg.policy->cached(c, f);
		}
	}
	op_wake(c, op, s.wanted != 0, b);
}
