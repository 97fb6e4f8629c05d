/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * motion.c -- pages are discarded, moved to another address, taken over.
 *
 * These are the events that change what a page is, not where it is kept.  They
 * come while reads, writes and faults of the same pages are under way.  A page
 * that is in motion by MAP, UNMAP or REMAP (short, and sure to end) is waited
 * for: the calls return how many such there are and are called again.  A read
 * or a write (long) is not waited for: the page lets go of its frame
 * (FRAME_ORPHAN), which is freed when the transfer has ended [I4][I5].
 */
#include <errno.h>

#include "base/bits.h"
#include "core/internal.h"

/*
 * Add page vpn of a run to *opp, which grows or is begun anew.
 * => false when no operation can be had
 */
static bool
run_add(struct core *c, struct op **opp, enum op_kind kind, unsigned space,
        uint64_t vpn, uint32_t pfn, struct batch *b)
{
	struct op *op = *opp;

	if (op == NULL || op->count == OP_PAGES_MAX ||
	    op->vpn + op->count != vpn) {
		op = op_get(c, kind, OPS_RESERVE_FAULT);
		if (op == NULL)
			return false;
		op_at(op, space, vpn);
		batch_add(b, op);
		*opp = op;
	}
	op_add(op, pfn);
	return true;
}

/* -- guests ----------------------------------------------------------------
 *
 * The entry of a guest is a second name of the frame while it is present, and
 * one more user of the slot once it was unmapped; which contents the page has
 * is known at home only.  frame.maps counts all names of a frame, so the
 * mechanism unmaps a page at home when nobody else maps it.
 */

void
guest_forget(struct core *c, unsigned space, pte_t *pte)
{
	pte_t was = *pte;

	*pte = PTE_NONE;
	if (pte_kind(was) == PTE_PRESENT)
		rss_sub(c, space, &c->frames[pte_pfn(was)]);
	else
		slot_put(c, pte_entry(was));
}

/* The next entry of a guest for a page at home, from *space, *i on. */
static pte_t *
guest_next(const struct core *c, unsigned home, uint64_t vpn, unsigned *space,
           uint32_t *i)
{
	for (; *space < c->cfg.spaces; (*space)++, *i = 0) {
		const struct space *s = &c->spaces[*space];

		while (*i < s->area_count) {
			const struct area *a = &s->areas[(*i)++];
			uint64_t offset = vpn - a->home_vpn;
			pte_t *pte;

			if ((a->flags & AREA_GUEST) == 0 ||
			    a->home_space != home || offset >= a->pages)
				continue;
			pte = pte_of(c, *space, a->vpn + offset);
			if (*pte != PTE_NONE)
				return pte;
		}
	}
	return NULL;
}

uint32_t
guests_of_slot(const struct core *c, unsigned space, uint64_t vpn,
               swp_entry_t e)
{
	unsigned at = 0;
	uint32_t i = 0, n = 0;
	const pte_t *pte;

	if (!c->has_guests)
		return 0;
	while ((pte = guest_next(c, space, vpn, &at, &i)) != NULL)
		n += pte_kind(*pte) == PTE_SWAP && pte_entry(*pte) == e;
	return n;
}

/* Nobody else maps the page at vpn from now on. */
static void
guests_leave(struct core *c, unsigned space, uint64_t vpn)
{
	unsigned at = 0;
	uint32_t i = 0;
	pte_t *pte;

	while ((pte = guest_next(c, space, vpn, &at, &i)) != NULL)
		guest_forget(c, at, pte);
}

void
guests_part(struct core *c, unsigned space, const struct area *a)
{
	for (uint64_t vpn = a->vpn; vpn < area_end(a); vpn++) {
		pte_t *pte = pte_of(c, space, vpn);

		if (*pte & PTE_GUEST)
			guest_forget(c, space, pte);
	}
}

enum fault_verdict
guest_fault(struct core *c, unsigned space, uint64_t vpn, const struct area *a,
            struct batch *b)
{
	uint64_t home_vpn = a->home_vpn + (vpn - a->vpn);
	const struct area *home = core_area_find(c, a->home_space, home_vpn);
	pte_t *pte = pte_of(c, space, vpn);
	enum fault_verdict v;
	uint32_t pfn;

	if (pte_kind(*pte) == PTE_PRESENT)
		return FAULT_DONE;
	if (home == NULL || home->flags & AREA_GUEST)
		return FAULT_NOAREA;
	v = core_fault(c, a->home_space, home_vpn, b);
	if (v == FAULT_STARTED || v == FAULT_WAIT)
		return FAULT_AGAIN; /* what ends wakes no guest */
	if (v != FAULT_DONE)
		return v;
	if (*pte != PTE_NONE)
		guest_forget(c, space, pte);
	pfn = pte_pfn(pte_get(c, a->home_space, home_vpn));
	*pte = pte_present(pfn) | PTE_GUEST;
	rss_add(c, space, &c->frames[pfn]);
	return FAULT_DONE;
}

bool
core_unmap_guest(struct core *c, unsigned space, uint64_t vpn)
{
	pte_t *pte = pte_of(c, space, vpn);
	struct frame *f = &c->frames[pte_pfn(*pte)];

	must(*pte & PTE_GUEST && f->maps > 1);
	if (f->flags & (FRAME_LOCKED | FRAME_WRITEBACK))
		return false;
	if (f->entry == 0) {
		f->entry = slot_alloc(c, frame_pfn(c, f), 1);
		if (f->entry == 0)
			return false;
		f->flags |= FRAME_DIRTY; /* the slot has nothing yet */
	}
	slot_get(c, f->entry);
	*pte = pte_swap(f->entry) | PTE_GUEST;
	rss_sub(c, space, f);
	return true;
}

bool
core_unmap_guests(struct core *c, const struct frame *f)
{
	unsigned at = 0;
	uint32_t i = 0;
	const pte_t *pte;

	if (f->maps <= 1)
		return true;
	while ((pte = guest_next(c, f->space, f->vpn, &at, &i)) != NULL) {
		const struct area *a = &c->spaces[at].areas[i - 1];
		uint64_t vpn = a->vpn + (f->vpn - a->home_vpn);

		if (pte_kind(*pte) == PTE_PRESENT &&
		    !core_unmap_guest(c, at, vpn))
			return false;
	}
	return true;
}

uint32_t
core_referenced(struct core *c, const struct frame *f)
{
	uint32_t n = core_test_clear_young(c, f->space, f->vpn);
	unsigned at = 0;
	uint32_t i = 0;
	pte_t *pte;

	if (f->maps <= 1)
		return n;
	while ((pte = guest_next(c, f->space, f->vpn, &at, &i)) != NULL) {
		n += pte_kind(*pte) == PTE_PRESENT && (*pte & PTE_YOUNG) != 0;
		*pte &= ~PTE_YOUNG;
	}
	return n;
}

/* -- discard -------------------------------------------------------------- */

struct forget {
	unsigned space;
	bool vanished;               /* the area has lost its pages already */
	bool refresh;                /* only what is the same in its file */
	struct op *unmap, *unpoison; /* being filled */
	struct batch *b;
};

/* => true when the page is still in motion */
static bool
forget_present(struct core *c, struct forget *fg, uint64_t vpn, pte_t *pte)
{
	uint32_t pfn = pte_pfn(*pte);
	struct frame *f = &c->frames[pfn];

	if (f->flags & FRAME_LOCKED) {
		if (fg->vanished)
			f->flags |= FRAME_DROPPED;
		return true;
	}
	c->pins -= f->pins;
	f->pins = 0;
	if (fg->vanished) {
		*pte = PTE_NONE;
		f->flags |= FRAME_EMPTY;
		rss_sub(c, fg->space, f);
		frame_orphan(c, f);
		return false;
	}
	if (run_add(c, &fg->unmap, OP_UNMAP, fg->space, vpn, pfn, fg->b)) {
		fg->unmap->flags = OPF_DISCARD;
		frame_lock(c, f);
	}
	return true;
}

static void
forget_swap(struct core *c, pte_t *pte)
{
	swp_entry_t e = pte_entry(*pte);
	struct frame *f = slot_frame(c, e);

	*pte = PTE_NONE;
	slot_put(c, e);
	if (f != NULL)
		frame_orphan(c, f);
}

/*
 * The page is poisoned until the mark is taken back: it would be taken from
 * whatever was mapped there meanwhile.
 */
static bool
forget_poison(struct core *c, struct forget *fg, uint64_t vpn, pte_t *pte)
{
	if (*pte & PTE_MOVING)
		return true;
	if (fg->vanished) { /* the mark went with the pages */
		*pte = PTE_NONE;
		return false;
	}
	if (run_add(c, &fg->unpoison, OP_UNPOISON, fg->space, vpn, PFN_NONE,
	            fg->b))
		*pte |= PTE_MOVING;
	return true;
}

void
unpoison_done(struct core *c, struct op *op)
{
	for (uint32_t i = 0; i < op->count; i++)
		*pte_of(c, op->space, op->vpn + i) = PTE_NONE;
	op_put(c, op);
}

/* Its contents are in its file and nobody is using it. */
static bool
is_fresh(const struct core *c, const pte_t *pte)
{
	const struct frame *f;

	if (pte_kind(*pte) == PTE_PRESENT)
		return false;
	f = pte_kind(*pte) == PTE_SWAP ? slot_frame(c, pte_entry(*pte)) : NULL;
	return f == NULL ||
	       (f->flags & (FRAME_DIRTY | FRAME_LOCKED | FRAME_WRITEBACK)) == 0;
}

static bool
forget_page(struct core *c, struct forget *fg, uint64_t vpn, pte_t *pte)
{
	if (fg->refresh && !is_fresh(c, pte))
		return false;
	if (*pte & PTE_GUEST) {
		guest_forget(c, fg->space, pte);
		return false;
	}
	if (c->has_guests)
		guests_leave(c, fg->space, vpn);
	switch (pte_kind(*pte)) {
	case PTE_NONE:
		return false;
	case PTE_PRESENT:
		stat_add(c, PAGEOUT_STAT_pgdiscard, 1);
		return forget_present(c, fg, vpn, pte);
	case PTE_SWAP:
		stat_add(c, PAGEOUT_STAT_pgdiscard, 1);
		forget_swap(c, pte);
		return false;
	case PTE_POISON:
		return forget_poison(c, fg, vpn, pte);
	}
	never();
	return false;
}

static uint64_t
forget(struct core *c, struct forget *fg, uint64_t vpn, uint64_t pages)
{
	uint64_t end = vpn + pages, busy = 0;

	while ((vpn = table_skip(c, fg->space, vpn, end)) < end) {
		busy += forget_page(c, fg, vpn, pte_of(c, fg->space, vpn));
		vpn++;
	}
	return busy;
}

uint64_t
core_discard(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
             struct batch *b)
{
	struct forget fg = {.space = space, .b = b};

	return forget(c, &fg, vpn, pages);
}

uint64_t
core_refresh(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
             struct batch *b)
{
	struct forget fg = {.space = space, .refresh = true, .b = b};

	return forget(c, &fg, vpn, pages);
}

uint64_t
core_vanished(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
              struct batch *b)
{
	struct forget fg = {.space = space, .vanished = true, .b = b};

	return forget(c, &fg, vpn, pages);
}

/* -- move ----------------------------------------------------------------- */

struct move {
	unsigned space;
	uint64_t from, to;
	struct op *op; /* being filled */
	struct batch *b;
};

static bool
move_swap(struct core *c, const struct move *m, pte_t *from, uint64_t offset)
{
	struct frame *f = slot_frame(c, pte_entry(*from));

	if (f != NULL && f->flags & FRAME_LOCKED)
		return true;
	*pte_of(c, m->space, m->to + offset) = *from;
	*from = PTE_NONE;
	if (f != NULL)
		frame_bind(f, m->space, m->to + offset);
	return false;
}

/* => true when the page is still in motion */
static bool
move_page(struct core *c, struct move *m, pte_t *from, uint64_t offset)
{
	struct frame *f;

	must((*from & PTE_GUEST) == 0);
	switch (pte_kind(*from)) {
	case PTE_NONE:
		return false;
	case PTE_SWAP:
		return move_swap(c, m, from, offset);
	case PTE_POISON:
		if (*from & PTE_MOVING)
			return true;
		*pte_of(c, m->space, m->to + offset) = PTE_POISON;
		*from = PTE_NONE;
		return false;
	case PTE_PRESENT:
		f = &c->frames[pte_pfn(*from)];
		if ((f->flags & FRAME_LOCKED) == 0 &&
		    run_add(c, &m->op, OP_REMAP, m->space, m->from + offset,
		            pte_pfn(*from), m->b)) {
			m->op->vpn_to = m->op->vpn - m->from + m->to;
			frame_lock(c, f);
		}
		return true;
	}
	never();
	return false;
}

uint64_t
core_move(struct core *c, unsigned space, uint64_t from, uint64_t to,
          uint64_t pages, struct batch *b)
{
	struct move m = {.space = space, .from = from, .to = to, .b = b};
	uint64_t end = from + pages, busy = 0;

	must(from + pages <= to || to + pages <= from);
	for (uint64_t v = from; (v = table_skip(c, space, v, end)) < end; v++)
		busy += move_page(c, &m, pte_of(c, space, v), v - from);
	if (busy == 0)
		areas_moving(c, space, to, pages, false);
	return busy;
}

void
remap_done(struct core *c, struct op *op, struct batch *b)
{
	bool wanted = false;

	for (uint32_t i = 0; i < op->count; i++) {
		struct frame *f = &c->frames[op->pg[i].pfn];
		pte_t *from = pte_of(c, op->space, op->vpn + i);
		pte_t *to = pte_of(c, op->space, op->vpn_to + i);

		must(pte_pfn(*from) == op->pg[i].pfn && *to == PTE_NONE);
		wanted |= f->flags & FRAME_WANTED;
		frame_unlock(f);
		f->flags &= (uint16_t) ~(FRAME_WANTED | FRAME_DROPPED);
		*from = PTE_NONE;
		if (op->pg[i].err < 0) { /* there was no page any more */
			f->flags |= FRAME_EMPTY;
			rss_sub(c, op->space, f);
			frame_orphan(c, f);
			continue;
		}
		frame_bind(f, op->space, op->vpn_to + i);
		*to = pte_present(op->pg[i].pfn);
		c->cfg.policy->mapped(c, f);
	}
	op_wake(c, op, wanted, b);
}

/* -- take over ------------------------------------------------------------ */

int
core_adopt(struct core *c, unsigned space, uint64_t vpn, struct batch *b)
{
	struct op *op = b->last;
	struct frame *f;
	uint32_t pfn;

	must(core_area_find(c, space, vpn) != NULL);
	must(pte_get(c, space, vpn) == PTE_NONE);
	if (op != NULL && (op->kind != OP_ADOPT || op->space != space))
		op = NULL;
	if (frames_alloc(c, ALLOC_TOUCH, 1, 1, &pfn) == 0)
		return -ENOMEM;
	f = &c->frames[pfn];
	if (!run_add(c, &op, OP_ADOPT, space, vpn, pfn, b)) {
		frame_free(c, f);
		return -ENOMEM;
	}
	f->flags = FRAME_LOCKED;
	frame_bind(f, space, vpn);
	*pte_of(c, space, vpn) = pte_present(pfn);
	return 0;
}

void
adopt_done(struct core *c, struct op *op, struct batch *b)
{
	bool wanted = false;

	for (uint32_t i = 0; i < op->count; i++) {
		struct frame *f = &c->frames[op->pg[i].pfn];

		wanted |= f->flags & FRAME_WANTED;
		frame_unlock(f);
		f->flags &= (uint16_t)~FRAME_WANTED;
		if (f->flags & FRAME_DROPPED) {
			*pte_of(c, op->space, op->vpn + i) = PTE_NONE;
			f->flags |= FRAME_EMPTY;
			frame_orphan(c, f);
			continue;
		}
		rss_add(c, op->space, f);
		c->cfg.policy->mapped(c, f);
	}
	op_wake(c, op, wanted, b);
}
