/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fork.c -- everything resident, then fork.
 *
 * A child has no userfaultfd: what is absent in it reads as zeros, in silence.
 * So before a fork every page that has contents is mapped, and while nodes are
 * frozen none leaves: daemons rest, faults do not reclaim, nothing is made
 * cold.  A page that was never written may be absent: zeros are right.
 *
 *	before: daemons rest --> all pages in
 *	parent: go on; pages are shared now, and leave after a write of the
 *	        kernel has unshared them (perform.c)
 *	child:  plain memory; descriptors closed; the pool is not inherited
 */
#include <errno.h>

#include "base/clock.h"
#include "os/raw.h"
#include "pager/internal.h"

#define FORK_WAIT_NS 60000000000ull /* then something is very wrong */
#define FORK_SPARE 64 /* frames for what other threads touch meanwhile */

/* Pages of a node that are not mapped, or on their way. */
static uint64_t
absent_pages(struct node *n)
{
	struct range all = {0, ADDRESS_PAGES};
	struct part part;
	uint64_t count = 0;

	while (part_take(n->pager, &all, &part)) {
		uint64_t end = part.vpn + part.pages, v = part.vpn;

		if (part.node != n)
			continue;
		node_lock(n);
		while ((v = core_next_absent(n->core, part.space, v, end)) <
		       end) {
			count++;
			v++;
		}
		node_unlock(n);
	}
	return count;
}

static uint64_t
stat_of(const struct node *n, enum pageout_stat_id id)
{
	return __atomic_load_n(&n->stats[id], __ATOMIC_RELAXED);
}

/* All pages of each node fit its frames. */
static bool
fits(struct pager *p)
{
	for (unsigned i = 0; i < p->node_count; i++) {
		struct node *n = &p->nodes[i];

		/* One that could not be read back would be zeros there. */
		if (stat_of(n, PAGEOUT_STAT_pgpoison) != 0 ||
		    stat_of(n, PAGEOUT_STAT_nr_mapped) + absent_pages(n) +
		                    FORK_SPARE >
		            n->core->cfg.frames_total)
			return false;
	}
	return true;
}

/* Every page is in, and none is on its way. */
static bool
is_ready(struct pager *p)
{
	for (unsigned i = 0; i < p->node_count; i++) {
		struct node *n = &p->nodes[i];
		uint32_t ops;

		node_lock(n);
		ops = n->core->ops_in_flight;
		node_unlock(n);
		if (ops != 0 || absent_pages(n) != 0)
			return false;
	}
	return true;
}

/* From *vpn on, find an absent page.  => false when there is none */
static bool
next_absent(struct pager *p, uint64_t *vpn)
{
	struct range left = {*vpn, ADDRESS_PAGES - *vpn};
	struct part part;

	while (part_take(p, &left, &part)) {
		uint64_t end = part.vpn + part.pages;

		if (part.node == NULL)
			continue;
		node_lock(part.node);
		*vpn = core_next_absent(part.node->core, part.space, part.vpn,
		                        end);
		node_unlock(part.node);
		if (*vpn < end)
			return true;
	}
	return false;
}

/* Let reads end, or wait for whoever lets them. */
static void
wait_for_reads(struct pager *p, uint32_t seq)
{
	for (unsigned i = 0; i < p->node_count; i++)
		io_wait(&p->nodes[i], &p->ended, seq);
}

/* => 0, -EAGAIN to go on, -ENOMEM when no frame can be had */
static int
bring_in(struct pager *p, uint64_t vpn)
{
	struct node *n;
	enum fault_verdict v = fault_ask(p, vpn, 0, false, &n);

	if (v == FAULT_NOMEM)
		return -ENOMEM;
	return v == FAULT_NOFRAME || v == FAULT_AGAIN ? -EAGAIN : 0;
}

/* One pass over all absent pages. */
static int
bring_all(struct pager *p, uint64_t deadline)
{
	uint64_t vpn = 0;

	while (next_absent(p, &vpn)) {
		uint32_t seq = pulse_now(&p->ended);
		int r = bring_in(p, vpn);

		if (r == -ENOMEM || monotonic_ns() > deadline)
			return -ENOMEM;
		if (r != -EAGAIN) {
			vpn++;
			continue;
		}
		wait_for_reads(p, seq);
		if (!fits(p))
			return -ENOMEM;
	}
	return 0;
}

static void
freeze(struct pager *p, bool on)
{
	for (unsigned i = 0; i < p->node_count; i++) {
		struct node *n = &p->nodes[i];

		node_lock(n);
		if (on)
			n->frozen++;
		else
			n->frozen--;
		node_unlock(n);
	}
}

/* The daemons may go on. */
static void
thaw(struct pager *p)
{
	freeze(p, false);
	for (unsigned i = 0; i < p->node_count; i++)
		for (unsigned who = 0; who < DAEMONS; who++)
			daemon_ask(&p->nodes[i], (enum daemon)who);
}

int
pager_fork_before(struct pager *p)
{
	uint64_t deadline = monotonic_ns() + FORK_WAIT_NS;
	int r = 0;

	freeze(p, true);
	while (r == 0) {
		uint32_t seq = pulse_now(&p->ended);

		if (!fits(p) || monotonic_ns() > deadline)
			r = -ENOMEM;
		else if (is_ready(p))
			return 0;
		else
			r = bring_all(p, deadline);
		wait_for_reads(p, seq);
	}
	freeze(p, false);
	return r;
}

void
pager_fork_parent(struct pager *p)
{
	__atomic_store_n(&p->forked, true, __ATOMIC_RELAXED);
	thaw(p);
}

void
pager_fork_child(struct pager *p)
{
	for (unsigned i = 0; i < p->node_count; i++)
		node_forget(&p->nodes[i]);
	raw_close(&p->uffd);
	raw_close(&p->pool_uffd);
	raw_close(&p->wake_fd);
	raw_close(&p->stat_fd);
	spool_close(&p->spool);
}
