/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fork.c -- everything resident, then fork.
 *
 * A child has no userfaultfd: what is absent in it reads as zeros, in silence.
 * So before a fork every page that has contents is mapped, and while p->frozen
 * none leaves: daemons rest, faults do not reclaim, nothing is made cold.  A
 * page that was never written may be absent: zeros are right.
 *
 *	before: daemons rest --> all pages in
 *	parent: go on; pages are shared now, and leave after a write of the
 *	        kernel has unshared them (perform.c)
 *	child:  plain memory; descriptors closed; the pool is not inherited
 */
#include <errno.h>

#include "os/raw.h"
#include "pager/internal.h"

#define FORK_WAIT_NS 60000000000ull /* then something is very wrong */
#define FORK_SPARE 64 /* frames for what other threads touch meanwhile */

/* Pages that are not mapped, or on their way.  => with the lock held */
static uint64_t
absent_pages(struct pager *p)
{
	struct range all = {0, ADDRESS_PAGES, 0}, part;
	uint64_t n = 0;

	while (space_next(p, all, &part)) {
		uint64_t end = part.vpn + part.pages, v = part.vpn;

		while ((v = core_next_absent(p->core, part.space, v, end)) <
		       end) {
			n++;
			v++;
		}
		all = (struct range){end, ADDRESS_PAGES - end, 0};
	}
	return n;
}

/* => with the lock held */
static bool
fits(struct pager *p)
{
	uint64_t mapped = p->stats[PAGEOUT_STAT_nr_mapped];

	/* A page that could not be read back would be zeros in the child. */
	if (p->stats[PAGEOUT_STAT_pgpoison] != 0)
		return false;
	return mapped + absent_pages(p) + FORK_SPARE <=
	       p->core->cfg.frames_total;
}

/* Bring one absent page in.  => false when there is none */
static bool
bring_one(struct pager *p, uint64_t *vpn)
{
	struct range part;
	bool found = false;

	pager_lock(p);
	while (!found &&
	       space_next(p, (struct range){*vpn, ADDRESS_PAGES - *vpn, 0},
	                  &part)) {
		uint64_t end = part.vpn + part.pages;

		*vpn = core_next_absent(p->core, part.space, part.vpn, end);
		found = *vpn < end;
	}
	pager_unlock(p);
	return found;
}

/* => 0, -EAGAIN to go on, -ENOMEM when no frame can be had */
static int
bring_in(struct pager *p, uint64_t vpn)
{
	enum fault_verdict v = fault_ask(p, vpn);

	if (v == FAULT_NOMEM)
		return -ENOMEM;
	return v == FAULT_NOFRAME || v == FAULT_AGAIN ? -EAGAIN : 0;
}

/* One pass over all absent pages. */
static int
bring_all(struct pager *p, uint64_t deadline)
{
	uint64_t vpn = 0;

	while (bring_one(p, &vpn)) {
		uint32_t seq = __atomic_load_n(&p->events, __ATOMIC_ACQUIRE);
		int r = bring_in(p, vpn);

		if (r == -ENOMEM || pager_now_ns() > deadline)
			return -ENOMEM;
		if (r != -EAGAIN) {
			vpn++;
			continue;
		}
		io_wait(p, seq);
		pager_lock(p);
		r = fits(p) ? 0 : -ENOMEM;
		pager_unlock(p);
		if (r < 0)
			return r;
	}
	return 0;
}

int
pager_fork_before(struct pager *p)
{
	uint64_t deadline = pager_now_ns() + FORK_WAIT_NS;
	int r = 0;

	pager_lock(p);
	p->frozen++;
	while (r == 0) {
		uint32_t seq = __atomic_load_n(&p->events, __ATOMIC_ACQUIRE);

		if (!fits(p) || pager_now_ns() > deadline) {
			r = -ENOMEM;
			break;
		}
		if (p->core->ops_in_flight == 0 && absent_pages(p) == 0)
			break;
		pager_unlock(p);
		r = bring_all(p, deadline);
		io_wait(p, seq);
		pager_lock(p);
	}
	if (r < 0)
		p->frozen--;
	pager_unlock(p);
	return r;
}

void
pager_fork_parent(struct pager *p)
{
	__atomic_store_n(&p->forked, true, __ATOMIC_RELAXED);
	pager_lock(p);
	p->frozen--;
	pager_unlock(p);
	for (unsigned i = 0; i < DAEMONS; i++)
		daemon_ask(p, (enum daemon)i);
}

void
pager_fork_child(struct pager *p)
{
	for (unsigned i = 0; i < DEVS; i++)
		swapdev_file_forget(&p->files[i]);
	raw_close(&p->uffd);
	raw_close(&p->pool_uffd);
	raw_close(&p->wake_fd);
	raw_close(&p->stat_fd);
	spool_close(&p->spool);
}
