/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check.c -- the invariants of core.h, walked.
 *
 * Each test carries the number of its law.  A law that is stated there and not
 * tested here, or the other way round, is a bug in one of the two; [I5] and
 * [I6] are laws about moments and are asserted where they happen.  The walk
 * costs frames + managed pages + slots: the simulator runs it after every
 * event.
 */
#include "base/bits.h"
#include "core/internal.h"

struct walk {
	const struct core *c;
	uint64_t *where;
	uint32_t free, used, empty; /* frames seen */
	uint64_t slots_cached;      /* by frames */
	uint64_t slots_swapped;     /* by page table entries alone */
};

static int
broken(const struct walk *w, int law, uint64_t where)
{
	*w->where = where;
	return law;
}

/* -- frames --------------------------------------------------------------- */

static bool
frame_has_holder(const struct frame *f)
{
	return (f->flags & (FRAME_ORPHAN | FRAME_EMPTY)) ||
	       f->vpn != VPN_NONE || f->buffers != 0;
}

/* Frame and page point at each other. */
static int
check_binding(const struct walk *w, const struct frame *f, uint32_t pfn)
{
	pte_t pte = pte_get(w->c, f->space, f->vpn);

	if (pte_kind(pte) == PTE_PRESENT)
		return pte_pfn(pte) == pfn ? 0 : broken(w, 1, pfn);
	if (pte_kind(pte) != PTE_SWAP || pte_entry(pte) != f->entry)
		return broken(w, 1, pfn);
	return slot_frame(w->c, f->entry) == f ? 0 : broken(w, 1, pfn);
}

static int
check_used(struct walk *w, const struct frame *f, uint32_t pfn)
{
	w->used++;
	if (!frame_has_holder(f))
		return broken(w, 1, pfn);
	if (f->flags & FRAME_ORPHAN &&
	    (f->flags & (FRAME_LOCKED | FRAME_WRITEBACK | FRAME_SOURCE)) == 0)
		return broken(w, 4, pfn); /* should be free */
	if (f->flags & (FRAME_LOCKED | FRAME_ORPHAN) && f->list != LIST_NONE)
		return broken(w, 4, pfn);
	if (f->flags & FRAME_DIRTY && f->entry == 0)
		return broken(w, 2, pfn);
	if (f->entry != 0) {
		w->slots_cached++;
		if (slot_frame(w->c, f->entry) != f)
			return broken(w, 3, pfn);
	}
	if (f->vpn == VPN_NONE)
		return 0;
	return check_binding(w, f, pfn);
}

static int
check_frame(struct walk *w, uint32_t pfn)
{
	const struct frame *f = &w->c->frames[pfn];

	if (f->list == LIST_EMPTY) {
		w->empty++;
		return f->flags == FRAME_EMPTY ? 0 : broken(w, 7, pfn);
	}
	if (f->flags == (FRAME_EMPTY | FRAME_LOCKED) && f->vpn == VPN_NONE)
		return 0; /* the pool is growing to it */
	return check_used(w, f, pfn);
}

/*
 * Walk a zone: free blocks by their heads, all else frame by frame.
 */
static int
check_zone(struct walk *w, const struct zone *z)
{
	uint32_t end = z->start + z->populated, free = 0;

	for (uint32_t pfn = z->start; pfn < end;) {
		const struct frame *f = &w->c->frames[pfn];
		int r;

		if (f->flags & FRAME_FREE) {
			if (f->list != LIST_BUDDY || f->vpn != VPN_NONE ||
			    pfn + (1u << f->order) > end)
				return broken(w, 7, pfn);
			free += 1u << f->order;
			pfn += 1u << f->order;
			continue;
		}
		r = check_frame(w, pfn);
		if (r != 0)
			return r;
		pfn++;
	}
	w->free += free;
	return free == z->free ? 0 : broken(w, 7, z->start);
}

static int
check_frames(struct walk *w)
{
	const struct core *c = w->c;

	for (unsigned i = 0; i < c->zone_count; i++) {
		int r = check_zone(w, &c->zones[i]);

		if (r != 0)
			return r;
	}
	if (w->used != c->frames_used || w->empty != c->empty.count)
		return broken(w, 7, w->used);
	return 0;
}

/* -- pages ---------------------------------------------------------------- */

/* A slot's users: its cache, the page that has it, and that page's guests. */
static bool
slot_is_counted(const struct walk *w, unsigned space, uint64_t vpn,
                swp_entry_t e, uint32_t users)
{
	return slot_counts(w->c, e,
	                   users + guests_of_slot(w->c, space, vpn, e));
}

/* A guest names the frame that its page has at home, or a slot. */
static int
check_guest(const struct walk *w, const struct area *a, uint64_t vpn, pte_t pte)
{
	pte_t home = pte_get(w->c, a->home_space, a->home_vpn + (vpn - a->vpn));

	if ((a->flags & AREA_GUEST) == 0)
		return broken(w, 1, vpn);
	if (pte_kind(pte) == PTE_SWAP)
		return core_slot_in_use(w->c, pte_entry(pte))
		               ? 0
		               : broken(w, 3, vpn);
	return pte_kind(home) == PTE_PRESENT && pte_pfn(home) == pte_pfn(pte)
	               ? 0
	               : broken(w, 1, vpn);
}

static int
check_page(struct walk *w, unsigned space, const struct area *a, uint64_t vpn)
{
	pte_t pte = pte_get(w->c, space, vpn);
	swp_entry_t e = area_slot(a, vpn);
	const struct frame *f;

	switch (pte_kind(pte)) {
	case PTE_NONE:
	case PTE_POISON:
		return 0;
	case PTE_PRESENT:
		if (pte_pfn(pte) >= w->c->cfg.frames_total)
			return broken(w, 1, vpn);
		f = &w->c->frames[pte_pfn(pte)];
		if (f->vpn != vpn || f->space != space)
			return broken(w, 1, vpn);
		if (e != 0 ? f->entry != e : entry_is_file(f->entry))
			return broken(w, 3, vpn);
		if (f->entry != 0 &&
		    !slot_is_counted(w, space, vpn, f->entry, 1))
			return broken(w, 3, vpn);
		return 0;
	case PTE_SWAP:
		f = slot_frame(w->c, pte_entry(pte));
		w->slots_swapped += f == NULL;
		if (e != 0 ? pte_entry(pte) != e
		           : entry_is_file(pte_entry(pte)))
			return broken(w, 3, vpn);
		if (!slot_is_counted(w, space, vpn, pte_entry(pte),
		                     1u + (f != NULL)))
			return broken(w, 3, vpn);
		if (f != NULL && (f->vpn != vpn || f->space != space ||
		                  f->flags & FRAME_ORPHAN))
			return broken(w, 1, vpn);
		return 0;
	}
	return broken(w, 1, vpn);
}

static int
check_space(struct walk *w, unsigned space)
{
	const struct space *s = &w->c->spaces[space];
	uint64_t pages = 0;

	for (uint32_t i = 0; i < s->area_count; i++) {
		const struct area *a = &s->areas[i];

		if (a->pages == 0 ||
		    (i > 0 && a[-1].vpn + a[-1].pages > a->vpn))
			return broken(w, 1, a->vpn);
		for (uint64_t v = a->vpn; v < a->vpn + a->pages; v++) {
			pte_t pte = pte_get(w->c, space, v);
			int r = pte & PTE_GUEST ? check_guest(w, a, v, pte)
			                        : check_page(w, space, a, v);

			if (r != 0)
				return r;
		}
		pages += a->pages;
	}
	return pages == s->pages_managed ? 0 : broken(w, 1, pages);
}

/* -- slots ---------------------------------------------------------------- */

/* The list of free clusters: those that are whole, and empty. */
static bool
clusters_are_listed(const struct swap_area *s)
{
	uint32_t listed = 0, empty = 0, last = 0;

	if (!s->solid_state)
		return true;
	for (uint32_t i = 1; cluster_is_whole(s, i); i++)
		empty += s->taken[i] == 0;
	for (uint32_t i = s->clusters.head; i != 0; i = s->clusters.next[i]) {
		if (s->taken[i] != 0 || ++listed > empty)
			return false;
		last = i;
	}
	return listed == empty && (last == 0 || last == s->clusters.tail);
}

/* What an area sums up is what its map says. */
static int
check_swap_area(const struct walk *w, const struct swap_area *s, uint64_t *used)
{
	uint32_t free = 0, bad = 0, cached = 0, taken = 1;

	for (uint32_t off = 1; off < s->max; off++) {
		if (off % SLOT_CLUSTER == 0)
			taken = 0;
		bad += s->map[off] == SLOT_BAD;
		free += s->map[off] == 0;
		cached += bitmap_test(s->cached, off);
		taken += s->map[off] != 0;
		if ((off == s->max - 1 ||
		     off % SLOT_CLUSTER == SLOT_CLUSTER - 1) &&
		    taken != s->taken[off / SLOT_CLUSTER])
			return broken(w, 3, off);
		if ((off < s->lowest_bit || off > s->highest_bit) &&
		    s->map[off] == 0)
			return broken(w, 3, off);
	}
	*used += s->max - 1 - free - bad;
	if (!clusters_are_listed(s))
		return broken(w, 3, s->clusters.head);
	if (free != s->free || bad != s->bad || cached != s->nr_cached)
		return broken(w, 3, s->max);
	return 0;
}

/* Every area that gives slots is in the list, the highest priority first. */
static int
check_swap_list(const struct walk *w)
{
	const struct core *c = w->c;
	int left = 0;

	for (int i = 0; i < SWAP_AREAS_MAX; i++)
		left += c->swap[i].in_use && !c->swap[i].leaving;
	for (int i = c->swap_list.head; i >= 0; i = c->swap[i].next) {
		int next = c->swap[i].next;

		if (left-- == 0 || !c->swap[i].in_use || c->swap[i].leaving ||
		    (next >= 0 && c->swap[next].prio > c->swap[i].prio))
			return broken(w, 3, (uint64_t)i);
	}
	return left == 0 ? 0 : broken(w, 3, (uint64_t)left);
}

static int
check_swap(struct walk *w)
{
	int r = check_swap_list(w);
	uint64_t used = 0;

	for (unsigned t = 0; r == 0 && t < SWAP_TYPES; t++)
		if (w->c->swap[t].in_use)
			r = check_swap_area(w, &w->c->swap[t], &used);
	if (r != 0)
		return r;
	/* Pages that lost their area and wait for core_discard() are the
	 * only ones that a walk over the areas does not see. */
	return used >= w->slots_cached + w->slots_swapped ? 0
	                                                  : broken(w, 3, used);
}

int
core_check(const struct core *c, uint64_t *ret_where)
{
	struct walk w = {.c = c, .where = ret_where};
	int r;

	*ret_where = 0;
	r = check_frames(&w);
	for (unsigned i = 0; r == 0 && i < c->cfg.spaces; i++)
		r = check_space(&w, i);
	if (r == 0)
		r = check_swap(&w);
	if (r == 0 &&
	    c->cfg.policy->held(c) + c->unevictable.count > c->frames_used)
		r = broken(&w, 7, c->frames_used);
	return r;
}
