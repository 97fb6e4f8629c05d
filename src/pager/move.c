/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * move.c -- pages get other addresses: mremap by hand, and by the kernel.
 *
 *	from  | part of node 0 | nobody's | part of node 1 |
 *	         |  area, then       |           |
 *	         v  pages            v           v
 *	to    | part of node 0 | nobody's | part of node 1 |
 *
 * Each part stays with its node: the new place gets the areas first, with the
 * identities of the old ones, which go.  All that is one step under the map's
 * lock.  Then pages follow; until the last has, faults at the new place wait
 * (AREA_MOVING), and the old place is not managed.
 */
#include <errno.h>

#include "base/assert.h"
#include "os/uffd.h"
#include "pager/internal.h"

/* -- areas ---------------------------------------------------------------- */

/* The area at to gets the flags and the identity of the part.
 * => with both locks held */
static int
area_copy(const struct part *part, uint64_t to)
{
	struct core *c = part->node->core;
	int err = tap_area_add(c, part->space, to, part->pages);

	if (err < 0)
		return err;
	err = tap_area_flags(c, part->space, to, part->pages, part->flags, 0);
	if (err == 0)
		err = tap_area_rename(c, part->space, part->vpn, to,
		                      part->pages);
	if (err < 0)
		(void)tap_area_remove(c, part->space, to, part->pages);
	return err;
}

/*
 * Areas for the parts of a range, at to.
 * => with the map's lock held
 * => returns how many pages have been dealt with: all, if it worked
 */
static uint64_t
areas_copy(struct pager *p, struct range from, uint64_t to)
{
	struct range left = from;
	struct part part;

	while (map_part_take(p, &left, &part)) {
		int err;

		if (part.node == NULL)
			continue;
		node_lock(part.node);
		err = area_copy(&part, to + (part.vpn - from.vpn));
		node_unlock(part.node);
		if (err < 0)
			return part.vpn - from.vpn;
	}
	return from.pages;
}

/*
 * Areas for which there is the same at other go.  The promise is the other's
 * now.
 * => with the map's lock held
 */
static void
areas_drop(struct pager *p, struct range r, uint64_t other)
{
	struct range left = {other, r.pages};
	struct part part;

	while (map_part_take(p, &left, &part)) {
		uint64_t vpn = r.vpn + (part.vpn - other);
		int err;

		if (part.node == NULL)
			continue;
		node_lock(part.node);
		err = tap_area_remove(part.node->core, part.space, vpn,
		                      part.pages);
		node_unlock(part.node);
		must(err == 0); /* adding leaves the room that this needs */
	}
}

/*
 * What is managed at from is managed at to instead, where nothing is.
 * => with the map's lock held
 * => -ENOMEM: tables are full, or there are pages of a file; nothing has
 *    changed
 */
static int
parts_move(struct pager *p, struct range from, uint64_t to)
{
	uint64_t done = areas_copy(p, from, to);

	if (done < from.pages ||
	    !claims_move(&p->claims, from.vpn, to, from.pages)) {
		areas_drop(p, (struct range){to, done}, from.vpn);
		return -ENOMEM;
	}
	areas_drop(p, from, to);
	return 0;
}

/* -- pages ---------------------------------------------------------------- */

static uint64_t
step_move(const struct part *part, struct batch *b)
{
	return tap_move(part->node->core, part->space, part->from, part->vpn,
	                part->pages, b);
}

/* The next part of a range to which pages are still to come. */
static bool
moving_take(struct pager *p, struct range *r, struct part *ret)
{
	while (part_take(p, r, ret))
		if (ret->flags & AREA_MOVING)
			return true;
	return false;
}

/*
 * Whether pages can move: both ranges are in one space, and there are no files.
 */
static bool
may_move(struct pager *p, struct range from, struct range to)
{
	unsigned space = place_of(p, to.vpn).space;
	struct part part;

	while (part_take(p, &from, &part))
		if (part.space != space || part.type != 0)
			return false;
	while (part_take(p, &to, &part))
		if (part.space != space || part.type != 0)
			return false;
	return true;
}

static int
range_move(struct pager *p, struct range from, struct range to)
{
	struct range left = to;
	struct part part;
	int err;

	/* The new place has been touched by nobody who may count on it. */
	while ((err = part_forget(p, to, &part)) == 0)
		until_still(step_discard, &part);
	if (err != -ENOENT)
		return err;
	map_lock(p);
	err = parts_move(p, from, to.vpn);
	map_unlock(p);
	while (err == 0 && moving_take(p, &left, &part)) {
		part.from = from.vpn + (part.vpn - to.vpn);
		until_still(step_move, &part);
	}
	return err;
}

int
pager_move(struct pager *p, void *from, void *to, size_t bytes)
{
	struct range r = range_of(from, bytes);
	struct range to_range = range_of(to, bytes);
	struct guard g;
	int err = -EINVAL;

	pager_enter(&g);
	__atomic_fetch_add(&p->removing, 1, __ATOMIC_ACQ_REL);
	if (may_move(p, r, to_range)) {
		err = range_move(p, r, to_range);
		if (err == 0)
			(void)uffd_unregister(p->uffd, from,
			                      r.pages << PAGE_SHIFT);
		(void)uffd_wake(p->uffd, to, r.pages << PAGE_SHIFT);
	}
	__atomic_fetch_sub(&p->removing, 1, __ATOMIC_ACQ_REL);
	pager_leave(&g);
	return err;
}

/* -- the kernel has moved them -------------------------------------------- */

/* The core's operations are done already. */
static void
moved_done(struct node *n, struct batch *b)
{
	struct op *op;

	while ((op = batch_take(b)) != NULL) {
		for (uint32_t i = 0; i < op->count; i++)
			op->pg[i].err = 0;
		tap_op_done(n->core, op, b);
	}
}

static void
part_moved(const struct part *part)
{
	struct node *n = part->node;
	uint64_t busy;

	do {
		struct batch b = {0};

		node_lock(n);
		busy = step_move(part, &b);
		moved_done(n, &b);
		node_unlock(n);
		faults_drain(n->pager);
	} while (busy != 0);
}

bool
range_moved(struct pager *p, struct range from, uint64_t to)
{
	struct range left = {to, from.pages};
	struct part part;
	bool moved;

	map_lock(p);
	moved = !map_part(p, left, &part) && parts_move(p, from, to) == 0;
	map_unlock(p);
	while (moved && moving_take(p, &left, &part)) {
		part.from = from.vpn + (part.vpn - to);
		part_moved(&part);
	}
	return moved;
}
