/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ranges.c -- ranges become managed, change, and cease to be.
 *
 *	manage		area first, then the registration, then whatever was
 *			there already is taken over
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
#include "os/raw.h"
#include "os/uffd.h"
#include "pager/internal.h"

#define RESIDENT_PAGES 1024 /* looked at by one mincore() */

/* A step of the core that says how many pages are still in motion. */
typedef uint64_t step_fn(struct pager *p, const void *arg, struct batch *b);

/* Call step until nothing is in motion. */
static void
until_still(struct pager *p, step_fn *step, const void *arg)
{
	for (;;) {
		uint32_t seq = __atomic_load_n(&p->events, __ATOMIC_ACQUIRE);
		struct batch b = {0};
		uint64_t busy;
		bool idle;

		pager_lock(p);
		busy = step(p, arg, &b);
		pager_unlock(p);
		idle = b.first == NULL;
		pager_perform(p, &b);
		if (busy == 0)
			return;
		if (idle)
			pager_wait(p, seq, 10);
	}
}

static uint64_t
step_refresh(struct pager *p, const void *arg, struct batch *b)
{
	const struct range *r = arg;

	return tap_refresh(p->core, r->space, r->vpn, r->pages, b);
}

static uint64_t
step_discard(struct pager *p, const void *arg, struct batch *b)
{
	const struct range *r = arg;

	return tap_discard(p->core, r->space, r->vpn, r->pages, b);
}

struct moving {
	uint64_t from, to, pages;
	unsigned space;
};

static uint64_t
step_move(struct pager *p, const void *arg, struct batch *b)
{
	const struct moving *m = arg;

	return tap_move(p->core, m->space, m->from, m->to, m->pages, b);
}

/* -- manage --------------------------------------------------------------- */

/* Take over one page that is in the range already. */
static int
adopt_page(struct pager *p, unsigned space, uint64_t vpn)
{
	for (;;) {
		uint32_t free;
		struct batch b = {0};
		int r = 0;

		pager_lock(p);
		if (core_page_state(p->core, space, vpn) == PAGE_NONE)
			r = tap_adopt(p->core, space, vpn, &b);
		free = core_frames_free(p->core);
		pager_unlock(p);
		pager_perform(p, &b);
		if (r == 0)
			return 0;
		/* The pool has not grown that far yet, or all are in use. */
		if (free == 0)
			return r;
		reclaim_for_fault(p, &b);
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
				err = adopt_page(p, r.space, r.vpn + i);

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
	uint64_t frames = p->core->cfg.frames_total;

	return frames - frames / 16 + p->swap_slots;
}

/* => with the lock held */
static int
may_add(const struct pager *p, struct range r, bool promise)
{
	struct range part;

	if (!space_exists(p, r.space))
		return -EINVAL;
	if (space_next(p, r, &part))
		return -EEXIST;
	if (promise && p->promised + r.pages > pager_promise_limit(p))
		return -ENOMEM;
	return 0;
}

static int
area_add(struct pager *p, struct range r, bool promise)
{
	struct claim claim = {r.vpn, r.vpn + r.pages, (uint16_t)r.space, 0, 0};
	int err;

	pager_lock(p);
	err = may_add(p, r, promise);
	if (err == 0)
		err = tap_area_add(p->core, r.space, r.vpn, r.pages);
	if (err == 0 && r.space != 0 && !claims_add(&p->claims, claim)) {
		(void)tap_area_remove(p->core, r.space, r.vpn, r.pages);
		err = -ENOMEM;
	}
	if (err == 0 && promise) {
		(void)tap_area_flags(p->core, r.space, r.vpn, r.pages,
		                     AREA_PROMISED, 0);
		p->promised += r.pages;
	}
	pager_unlock(p);
	return err;
}

static int
area_remove(struct pager *p, struct range r)
{
	uint64_t end = r.vpn + r.pages;
	const struct area *a;
	unsigned type = 0;
	int err = -ENOMEM;
	bool promised;

	pager_lock(p);
	a = core_area_find(p->core, r.space, r.vpn);
	promised = a != NULL && a->flags & AREA_PROMISED;
	if (a != NULL)
		type = entry_type(a->file);
	if (claims_may_cut(&p->claims, r.vpn, end))
		err = tap_area_remove(p->core, r.space, r.vpn, r.pages);
	if (err == 0)
		claims_cut(&p->claims, r.vpn, end);
	if (err == 0 && promised)
		p->promised -= r.pages;
	if (err == 0 && type != 0)
		file_unmapped(p, type, r.pages);
	pager_unlock(p);
	return err;
}

int
pager_manage(struct pager *p, unsigned space, void *addr, size_t bytes,
             bool promise)
{
	struct range r = range_of(addr, bytes);
	struct guard g;
	int err;

	r.space = space;
	pager_enter(&g);
	err = area_add(p, r, promise);
	if (err == 0) {
		err = uffd_register(p->uffd, page_addr(r.vpn),
		                    r.pages << PAGE_SHIFT,
		                    UFFDIO_REGISTER_MODE_MISSING);
		if (err < 0)
			(void)area_remove(p, r);
	}
	if (err == 0)
		err = adopt_resident(p, r);
	pager_leave(&g);
	return err;
}

/* -- unmanage ------------------------------------------------------------- */

bool
managed_part(struct pager *p, struct range in, struct range *ret,
             unsigned *ret_type)
{
	bool found;

	pager_lock(p);
	if ((found = space_next(p, in, ret)))
		*ret_type = entry_type(
			core_area_find(p->core, ret->space, ret->vpn)->file);
	pager_unlock(p);
	return found;
}

int
range_unmanage(struct pager *p, struct range r)
{
	struct range part;
	bool files = false;
	unsigned type;
	int err = 0;

	__atomic_fetch_add(&p->removing, 1, __ATOMIC_ACQ_REL);
	while (err == 0 && managed_part(p, r, &part, &type)) {
		err = area_remove(p, part);
		if (err < 0)
			break;
		until_still(p, step_discard, &part);
		(void)uffd_unregister(p->uffd, page_addr(part.vpn),
		                      part.pages << PAGE_SHIFT);
		files |= type != 0;
	}
	__atomic_fetch_sub(&p->removing, 1, __ATOMIC_ACQ_REL);
	if (files)
		files_sweep(p);
	return err;
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
	struct range part;
	unsigned type;
	struct guard g;
	bool r;

	pager_enter(&g);
	r = managed_part(p, range_of(addr, bytes), &part, &type);
	pager_leave(&g);
	return r;
}

bool
pager_covers_all(struct pager *p, const void *addr, size_t bytes)
{
	struct range r = range_of(addr, bytes), part;
	unsigned type;
	struct guard g;

	pager_enter(&g);
	while (r.pages > 0 && managed_part(p, r, &part, &type) &&
	       part.vpn == r.vpn) {
		r.vpn += part.pages;
		r.pages -= part.pages;
	}
	pager_leave(&g);
	return r.pages == 0;
}

void
pager_unmap_all(struct pager *p)
{
	struct range all = {0, ADDRESS_PAGES, 0}, part;
	unsigned type;

	while (managed_part(p, all, &part, &type)) {
		void *addr = page_addr(part.vpn);

		if (type != 0 &&
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
	struct range r = range_of(addr, bytes), part;
	struct guard g;

	pager_enter(&g);
	while (space_take(p, &r, &part))
		until_still(p, step_discard, &part);
	pager_leave(&g);
	return 0;
}

/* => with the lock held */
static bool
is_within(const struct pager *p, unsigned space, uint64_t vpn, uint64_t pages)
{
	return space_of(p, vpn) == space &&
	       claims_end(&p->claims, vpn, vpn + pages) == vpn + pages;
}

int
pager_move(struct pager *p, void *from, void *to, size_t bytes)
{
	struct range r = range_of(from, bytes);
	struct range to_range = range_of(to, bytes), part;
	struct moving m = {r.vpn, to_range.vpn, r.pages, 0};
	unsigned type;
	struct guard g;
	int err;

	pager_enter(&g);
	__atomic_fetch_add(&p->removing, 1, __ATOMIC_ACQ_REL);
	pager_lock(p);
	m.space = to_range.space = space_of(p, m.to);
	err = -EINVAL;
	if (is_within(p, m.space, m.from, m.pages) &&
	    is_within(p, m.space, m.to, m.pages))
		err = tap_area_rename(p->core, m.space, m.from, m.to, m.pages);
	pager_unlock(p);
	/* Faults would bring back pages that moved, and old ones touch new. */
	while (err == 0 && managed_part(p, r, &part, &type))
		err = area_remove(p, part);
	if (err == 0) {
		until_still(p, step_discard, &to_range);
		until_still(p, step_move, &m);
		(void)uffd_unregister(p->uffd, from, m.pages << PAGE_SHIFT);
	} else {
		pager_lock(p);
		(void)tap_area_flags(p->core, m.space, m.to, m.pages, 0,
		                     AREA_MOVING);
		pager_unlock(p);
	}
	__atomic_fetch_sub(&p->removing, 1, __ATOMIC_ACQ_REL);
	pager_leave(&g);
	return err;
}

void
pager_protected(struct pager *p, void *addr, size_t bytes)
{
	struct guard g;

	(void)addr;
	(void)bytes;
	pager_enter(&g);
	pager_lock(p);
	tap_evictable(p->core);
	pager_unlock(p);
	pager_leave(&g);
}

/* -- hints ---------------------------------------------------------------- */

static int
set_flags(struct pager *p, struct range r, uint32_t set)
{
	struct range part;
	int err = 0;

	while (err == 0 && space_take(p, &r, &part)) {
		pager_lock(p);
		err = tap_area_flags(p->core, part.space, part.vpn, part.pages,
		                     set, AREA_RANDOM | AREA_SEQUENTIAL);
		pager_unlock(p);
	}
	return err;
}

typedef uint64_t start_fn(struct core *c, unsigned space, uint64_t vpn,
                          uint64_t pages, struct batch *b);

/* Start something on as much of a part of a range as memory allows. */
static void
start_part(struct pager *p, struct range r, start_fn *start)
{
	uint64_t end = r.vpn + r.pages;

	while (r.vpn < end) {
		uint64_t from = r.vpn;
		struct batch b = {0};

		pager_lock(p);
		if (p->frozen == 0)
			r.vpn = start(p->core, r.space, from, end - from, &b);
		pager_unlock(p);
		pager_perform(p, &b);
		if (r.vpn == from)
			break;
	}
}

/*
 * Contents are not needed in memory: of a file, they will be read again, and
 * what was changed is written first; of other memory, they are zeros.
 */
static int
discard_parts(struct pager *p, struct range r)
{
	struct range part;
	unsigned type;
	int err = 0;

	while (err == 0 && managed_part(p, r, &part, &type)) {
		uint64_t end = part.vpn + part.pages;
		uint32_t types = 0;

		if (type != 0)
			err = files_write(p, part, &types);
		until_still(p, type != 0 ? step_refresh : step_discard, &part);
		r.pages -= end - r.vpn;
		r.vpn = end;
	}
	return err;
}

static void
start_some(struct pager *p, struct range r, start_fn *start)
{
	struct range part;

	while (space_take(p, &r, &part))
		start_part(p, part, start);
}

int
pager_advise(struct pager *p, void *addr, size_t bytes, enum pageout_hint hint)
{
	struct range r = range_of(addr, bytes);
	struct guard g;
	int err = 0;

	pager_enter(&g);
	switch (hint) {
	case PAGEOUT_NORMAL:
		err = set_flags(p, r, 0);
		break;
	case PAGEOUT_SEQUENTIAL:
		err = set_flags(p, r, AREA_SEQUENTIAL);
		break;
	case PAGEOUT_RANDOM:
		err = set_flags(p, r, AREA_RANDOM);
		break;
	case PAGEOUT_PREFETCH:
		start_some(p, r, tap_prefetch);
		break;
	case PAGEOUT_COLD:
		start_some(p, r, tap_cold);
		break;
	case PAGEOUT_DISCARD:
		err = discard_parts(p, r);
		break;
	default:
		err = -EINVAL;
		break;
	}
	pager_leave(&g);
	return err;
}

/* -- pins ----------------------------------------------------------------- */

static int
pin_page(struct pager *p, uint64_t vpn)
{
	for (;;) {
		uint32_t seq = __atomic_load_n(&p->events, __ATOMIC_ACQUIRE);
		struct batch b = {0};
		enum fault_verdict v;

		pager_lock(p);
		v = tap_pin(p->core, space_of(p, vpn), vpn, &b);
		pager_unlock(p);
		pager_perform(p, &b);
		switch (v) {
		case FAULT_DONE:
			return 0;
		case FAULT_STARTED:
		case FAULT_WAIT:
			io_wait(p, seq);
			break;
		case FAULT_AGAIN:
			break;
		case FAULT_NOFRAME:
			reclaim_for_fault(p, &b);
			break;
		case FAULT_NOMEM:
			return -ENOMEM;
		case FAULT_POISONED:
			return -EIO;
		case FAULT_NOAREA:
			return -EINVAL;
		}
	}
}

static void
unpin_pages(struct pager *p, uint64_t vpn, uint64_t pages)
{
	pager_lock(p);
	for (uint64_t i = 0; i < pages; i++)
		tap_unpin(p->core, space_of(p, vpn + i), vpn + i);
	pager_unlock(p);
}

int
pager_pin(struct pager *p, const void *addr, size_t bytes)
{
	struct range r = range_of(addr, bytes);
	uint64_t done = 0;
	struct guard g;
	int err = 0;

	pager_enter(&g);
	while (err == 0 && done < r.pages) {
		bool full;

		pager_lock(p);
		full = p->core->pins >= p->core->cfg.frames_total / 2;
		pager_unlock(p);
		err = full ? -ENOMEM : pin_page(p, r.vpn + done);
		done += err == 0;
	}
	if (err < 0)
		unpin_pages(p, r.vpn, done);
	pager_leave(&g);
	return err;
}

int
pager_unpin(struct pager *p, const void *addr, size_t bytes)
{
	struct range r = range_of(addr, bytes);
	struct guard g;

	pager_enter(&g);
	unpin_pages(p, r.vpn, r.pages);
	pager_leave(&g);
	return 0;
}
