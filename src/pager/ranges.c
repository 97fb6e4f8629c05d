/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ranges.c -- ranges become managed, change, and cease to be.
 *
 *	manage		area first, then the registration, then whatever was
 *			there already is taken over; if that cannot be, all of
 *			it is given back as it was
 *	unmanage	area away first (faults find none), pages next (resident
 *			ones come back to the pool), the registration last,
 *			which wakes whoever waited there
 *
 * All are calls of program threads.  They wait for pages in motion, never with
 * the lock held.
 */
#include <errno.h>
#include <sys/mman.h>

#include "base/assert.h"
#include "base/bits.h"
#include "base/clock.h"
#include "os/raw.h"
#include "os/uffd.h"
#include "pager/internal.h"

#define RESIDENT_PAGES 1024 /* looked at by one mincore() */

void
until_still(step_fn *step, const struct part *part)
{
	struct node *n = part->node;

	while (n != NULL) {
		uint32_t seq = pulse_now(&n->pager->ended);
		struct batch b = {0};
		uint64_t busy;
		bool idle;

		node_lock(n);
		busy = step(part, &b);
		node_unlock(n);
		idle = b.first == NULL;
		node_perform(n, &b);
		if (busy == 0)
			return;
		if (idle)
			pulse_wait(&n->pager->ended, seq, 10);
	}
}

uint64_t
step_discard(const struct part *part, struct batch *b)
{
	return tap_discard(part->node->core, part->space, part->vpn,
	                   part->pages, b);
}

/* -- manage --------------------------------------------------------------- */

/*
 * => with the node's lock held
 * => -EAGAIN: the first touch of a neighbour tries to fill the place, and will
 *    not
 */
static int
adopt_start(struct place at, uint64_t vpn, struct batch *b)
{
	struct core *c = at.node->core;
	enum page_state s = core_page_state(c, at.space, vpn);

	if (s == PAGE_MOVING)
		return -EAGAIN;
	return s == PAGE_NONE ? tap_adopt(c, at.space, vpn, b) : 0;
}

/*
 * Take over one page that is in the range already.
 * => -ENOMEM: tables are full, or nothing has left for a frame since
 */
static int
adopt_page(struct pager *p, uint64_t vpn)
{
	uint64_t since = monotonic_ns();

	for (;;) {
		struct place at = place_for(p, vpn, 0);
		struct node *n = at.node;
		struct batch b = {0};
		uint32_t seq = pulse_now(&p->ended);
		bool is_over = true; /* if no node has an area */
		int r = -ENOMEM;

		node_lock(n);
		if (core_area_find(n->core, at.space, vpn) != NULL) {
			r = adopt_start(at, vpn, &b);
			is_over = n->core->oom_ns > since;
		}
		node_unlock(n);
		node_perform(n, &b);
		if (r == -EAGAIN) {
			pulse_wait(&p->ended, seq, 1);
			continue;
		}
		if (r == 0 || is_over)
			return r;
		reclaim_for_fault(n, &b);
	}
}

/* Take over what is resident in the range. */
static int
adopt_resident(struct pager *p, struct range r)
{
	unsigned char vec[RESIDENT_PAGES];

	while (r.pages > 0) {
		uint64_t n =
			r.pages < RESIDENT_PAGES ? r.pages : RESIDENT_PAGES;

		if (syscall(SYS_mincore, page_addr(r.vpn), n << PAGE_SHIFT,
		            vec) < 0)
			return -errno;
		for (uint64_t i = 0; i < n; i++) {
			int err = 0;

			if (vec[i] & 1)
				err = adopt_page(p, r.vpn + i);

			if (err < 0)
				return err;
		}
		r.vpn += n;
		r.pages -= n;
	}
	return 0;
}

uint64_t
pager_promise_limit(const struct pager *p)
{
	uint64_t pages = 0;

	for (unsigned i = 0; i < p->node_count; i++)
		pages += node_limit(&p->nodes[i]);
	return pages;
}

/* => with the map's lock held */
static int
may_add(struct pager *p, unsigned space, struct range r, bool promise)
{
	struct part part;

	if (!space_exists(p, space))
		return -EINVAL;
	if (map_part(p, r, &part))
		return -EEXIST;
	if (promise && p->promised + r.pages > pager_promise_limit(p))
		return -ENOMEM;
	return 0;
}

int
claim_add(struct pager *p, const struct part *part)
{
	struct claim c = {part->vpn, part->vpn + part->pages,
	                  (uint16_t)part->space, NODE_NONE, part->flags};

	if (part->node != NULL) {
		c.node = (uint8_t)part->node->id;
		c.flags = 0;
	}
	if (!claims_add(&p->claims, c))
		return -ENOMEM;
	__atomic_store_n(&p->has_claims, true, __ATOMIC_RELEASE);
	return 0;
}

/* Of a pager with one node.  => with the map's lock held */
static int
whole_add(struct pager *p, const struct part *part)
{
	int err = part_give(part);

	if (err == 0 && part->space != 0) {
		err = claim_add(p, part);
		if (err < 0)
			must(part_disown(part) == 0);
	}
	return err;
}

/* Nobody's, until it is touched.  => with the map's lock held */
static int
nobodys_add(struct pager *p, const struct part *part)
{
	int err = claim_add(p, part);

	if (err == 0)
		managed_add(p, part->pages);
	return err;
}

static int
range_add(struct pager *p, unsigned space, struct range r, bool promise)
{
	struct part part = {
		.vpn = r.vpn,
		.pages = r.pages,
		.space = space,
		.flags = promise ? AREA_PROMISED : 0,
	};
	int err;

	map_lock(p);
	err = may_add(p, space, r, promise);
	if (err == 0 && p->node_count == 1) {
		part.node = &p->nodes[0];
		err = whole_add(p, &part);
	} else if (err == 0) {
		err = nobodys_add(p, &part);
	}
	if (err == 0 && promise)
		p->promised += r.pages;
	map_unlock(p);
	return err;
}

/* => with the map's lock held; as part_forget() */
static int
part_remove(struct pager *p, const struct part *part)
{
	uint64_t end = part->vpn + part->pages;

	if (!claims_may_cut(&p->claims, part->vpn, end) ||
	    (part->node != NULL && part_disown(part) < 0))
		return -ENOMEM;
	claims_cut(&p->claims, part->vpn, end);
	if (part->node == NULL)
		managed_sub(p, part->pages);
	if (part->flags & AREA_PROMISED)
		p->promised -= part->pages;
	return 0;
}

/* Areas end at vpn, or begin there.  => with the map's lock held */
static int
border_make(struct pager *p, uint64_t vpn)
{
	const struct area *a;
	struct place at;
	int err = 0;

	if (vpn == 0 || !map_place(p, vpn - 1, &at))
		return 0;
	node_lock(at.node);
	a = core_area_find(at.node->core, at.space, vpn);
	if (a != NULL && a->vpn < vpn)
		err = tap_area_remove(at.node->core, at.space, vpn, 0);
	node_unlock(at.node);
	return err;
}

/*
 * Only the ends of a range split areas, and only its first part a claim.  So
 * when both ends are borders, and the first part is gone, nothing can fail.
 */
int
part_forget(struct pager *p, struct range r, struct part *ret)
{
	int err = -ENOENT;

	map_lock(p);
	if (map_part(p, r, ret)) {
		err = border_make(p, r.vpn);
		if (err == 0)
			err = border_make(p, r.vpn + r.pages);
		if (err == 0)
			err = part_remove(p, ret);
	}
	map_unlock(p);
	return err;
}

/*
 * A range is managed no more, when step has nothing left to do with its pages.
 * => 0 or -ENOMEM: no room to split an area
 */
static int
range_remove(struct pager *p, struct range r, step_fn *step)
{
	bool files = false;
	struct part part;
	int err;

	__atomic_fetch_add(&p->removing, 1, __ATOMIC_ACQ_REL);
	while ((err = part_forget(p, r, &part)) == 0) {
		until_still(step, &part);
		(void)uffd_unregister(p->uffd, page_addr(part.vpn),
		                      part.pages << PAGE_SHIFT);
		files |= part.type != 0;
	}
	__atomic_fetch_sub(&p->removing, 1, __ATOMIC_ACQ_REL);
	for (unsigned i = 0; files && i < p->node_count; i++)
		files_sweep(&p->nodes[i]);
	return err == -ENOENT ? 0 : err;
}

/* -- give back ------------------------------------------------------------ */

/*
 * The core forgets a page that is mapped; it stays where it is.
 * => false: its contents are elsewhere, or on their way
 */
static bool
page_release(struct pager *p, uint64_t vpn)
{
	struct place at = place_of(p, vpn);
	struct batch b = {0};
	enum page_state s;

	node_lock(at.node);
	s = core_page_state(at.node->core, at.space, vpn);
	if (s == PAGE_MAPPED)
		(void)tap_vanished(at.node->core, at.space, vpn, 1, &b);
	node_unlock(at.node);
	node_perform(at.node, &b);
	return s == PAGE_MAPPED || s == PAGE_NONE;
}

/* The same, and it is brought in first.  Where that cannot be, access fails. */
static void
page_give_back(struct pager *p, uint64_t vpn)
{
	enum fault_verdict v = FAULT_AGAIN;

	while (v != FAULT_NOMEM && v != FAULT_POISONED &&
	       !page_release(p, vpn)) {
		uint32_t seq = pulse_now(&p->ended);
		struct batch b = {0};
		struct node *n;

		v = fault_ask(p, vpn, 0, false, &n);
		if (v == FAULT_NOFRAME)
			reclaim_for_fault(n, &b);
		else if (v == FAULT_STARTED || v == FAULT_WAIT)
			io_wait(n, &p->ended, seq);
	}
	if (v == FAULT_NOMEM || v == FAULT_POISONED)
		fault_fail(p, vpn, v);
}

static uint64_t
step_release(const struct part *part, struct batch *b)
{
	return tap_vanished(part->node->core, part->space, part->vpn,
	                    part->pages, b);
}

/*
 * A range is plain memory again, with its contents.  Those that are there go
 * first: their frames are for those that are not.
 */
static void
range_give_back(struct pager *p, struct range r)
{
	for (uint64_t i = 0; i < r.pages; i++)
		(void)page_release(p, r.vpn + i);
	for (uint64_t i = 0; i < r.pages; i++)
		page_give_back(p, r.vpn + i);
	(void)range_remove(p, r, step_release);
}

int
pager_manage(struct pager *p, unsigned space, void *addr, size_t bytes,
             bool promise)
{
	struct range r = range_of(addr, bytes);
	struct part part;
	struct guard g;
	int err;

	pager_enter(&g);
	err = range_add(p, space, r, promise);
	if (err == 0) {
		err = uffd_register(p->uffd, page_addr(r.vpn),
		                    r.pages << PAGE_SHIFT,
		                    UFFDIO_REGISTER_MODE_MISSING);
		while (err < 0 && part_forget(p, r, &part) == 0)
			;
	}
	if (err == 0) {
		err = adopt_resident(p, r);
		if (err < 0)
			range_give_back(p, r);
	}
	pager_leave(&g);
	return err;
}

/* -- unmanage ------------------------------------------------------------- */

int
range_unmanage(struct pager *p, struct range r)
{
	return range_remove(p, r, step_discard);
}

int
pager_unmanage(struct pager *p, void *addr, size_t bytes)
{
	struct guard g;
	int err;

	pager_enter(&g);
	err = range_unmanage(p, range_of(addr, bytes));
	pager_leave(&g);
	return err;
}

void
pager_unmanaged(struct pager *p, void *addr, size_t bytes)
{
	struct range r = range_of(addr, bytes);

	(void)uffd_wake(p->uffd, page_addr(r.vpn), r.pages << PAGE_SHIFT);
}

bool
pager_covers(struct pager *p, const void *addr, size_t bytes)
{
	struct part part;
	struct guard g;
	bool r;

	pager_enter(&g);
	r = part_first(p, range_of(addr, bytes), &part);
	pager_leave(&g);
	return r;
}

bool
pager_covers_all(struct pager *p, const void *addr, size_t bytes)
{
	struct range r = range_of(addr, bytes);
	struct part part;
	struct guard g;

	pager_enter(&g);
	for (uint64_t v = r.vpn; part_take(p, &r, &part) && part.vpn == v;)
		v = r.vpn;
	pager_leave(&g);
	return r.pages == 0;
}

void
pager_unmap_all(struct pager *p)
{
	struct range all = {0, ADDRESS_PAGES};
	struct part part;

	while (part_take(p, &all, &part)) {
		void *addr = page_addr(part.vpn);

		if (part.type != 0 &&
		    pager_write_back(p, addr, part.pages << PAGE_SHIFT) < 0)
			pager_say(p, PAGEOUT_LOG_ERROR,
			          "a mapped file is unmapped, and some of its "
			          "pages could not be written to it");
		(void)pager_unmanage(p, addr, part.pages << PAGE_SHIFT);
		raw_unmap(addr, part.pages << PAGE_SHIFT);
	}
}

/* -- change --------------------------------------------------------------- */

int
pager_discard(struct pager *p, void *addr, size_t bytes)
{
	struct range r = range_of(addr, bytes);
	struct part part;
	struct guard g;

	pager_enter(&g);
	while (part_take(p, &r, &part))
		until_still(step_discard, &part);
	pager_leave(&g);
	return 0;
}

void
pager_protected(struct pager *p, void *addr, size_t bytes)
{
	struct guard g;

	(void)addr;
	(void)bytes;
	pager_enter(&g);
	for (unsigned i = 0; i < p->node_count; i++) {
		node_lock(&p->nodes[i]);
		tap_evictable(p->nodes[i].core);
		node_unlock(&p->nodes[i]);
	}
	pager_leave(&g);
}
