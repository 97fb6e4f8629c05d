/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * swapoff.c -- a swap area goes out of use while there are pages in it.
 *
 * From the first call no slot of it is handed out.  Then every page that has
 * one gets another, or does without:
 *
 *	mapped             the swap cache lets go of it; it is written, to
 *	                   another area, when it leaves next
 *	cached             it has another slot, and is dirty
 *	swapped out        it is read in; then as above
 *	of a guest         it asks at home, when it wants to know
 *	in motion, or      later
 *	under write
 *
 * The original maps what it has read; there is no need: a page that is dirty in
 * another area's slot is as safe, and need not fit into memory with the others.
 *
 * [I2] the old slot is let go only when a frame has the contents and a new slot
 *      is taken for it, or it is mapped.
 */
#include <errno.h>

#include "core/internal.h"

struct leave {
	unsigned type;
	bool full; /* there was no other slot */
	struct batch *b;
};

/* A mapped page is private again; policies may keep such on another list. */
static void
leave_mapped(struct core *c, struct frame *f)
{
	bool listed = f->list != LIST_NONE && f->list != LIST_UNEVICTABLE;

	if (listed)
		frame_unlist(c, f);
	slot_leave(c, f);
	if (listed)
		c->cfg.policy->mapped(c, f);
}

static void
leave_cached(struct core *c, struct leave *l, struct frame *f, pte_t *pte)
{
	swp_entry_t old = f->entry, e = slot_alloc(c, frame_pfn(c, f), 2);

	if (e == 0) {
		l->full = true;
		return;
	}
	frame_unlist(c, f);
	*pte = pte_swap(e);
	slot_put(c, old);
	slot_leave(c, f);
	f->entry = e;
	f->flags |= FRAME_DIRTY;
	c->cfg.policy->cached(c, f);
}

static bool
may_be_touched(const struct frame *f)
{
	return (f->flags & (FRAME_LOCKED | FRAME_WRITEBACK)) == 0;
}

static void
leave_page(struct core *c, struct leave *l, unsigned space,
           const struct area *a, uint64_t vpn)
{
	pte_t *pte = pte_of(c, space, vpn);
	struct frame *f;

	if (pte_kind(*pte) == PTE_PRESENT) {
		f = &c->frames[pte_pfn(*pte)];
		if (f->entry != 0 && entry_type(f->entry) == l->type &&
		    may_be_touched(f))
			leave_mapped(c, f);
		return;
	}
	if (pte_kind(*pte) != PTE_SWAP ||
	    entry_type(pte_entry(*pte)) != l->type)
		return;
	if (*pte & PTE_GUEST) {
		guest_forget(c, space, pte);
		return;
	}
	f = slot_frame(c, pte_entry(*pte));
	if (f == NULL)
		(void)read_start(c, space, a, vpn, vpn, area_end(a), false,
		                 l->b);
	else if (may_be_touched(f))
		leave_cached(c, l, f, pte);
}

static void
leave_space(struct core *c, struct leave *l, unsigned space)
{
	const struct space *s = &c->spaces[space];

	for (uint32_t i = 0; i < s->area_count; i++) {
		const struct area *a = &s->areas[i];
		uint64_t vpn = a->vpn, end = area_end(a);

		for (; (vpn = table_skip(c, space, vpn, end)) < end; vpn++)
			leave_page(c, l, space, a, vpn);
	}
}

int64_t
core_swapoff(struct core *c, unsigned type, struct batch *b)
{
	struct leave l = {.type = type, .b = b};
	uint32_t left;

	slots_withdraw(c, type);
	for (unsigned i = 0; i < c->cfg.spaces; i++)
		leave_space(c, &l, i);
	left = slots_used(c, type);
	if (left == 0) {
		slots_end(c, type);
		return 0;
	}
	if (c->ops_in_flight == 0 && (l.full || core_swap_free(c) == 0)) {
		core_swapoff_undo(c, type);
		return -ENOMEM;
	}
	return left;
}
