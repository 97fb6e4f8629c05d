/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * move.c -- pages get other addresses, and stay with their nodes.
 *
 *	from  | part of node 0 | nobody's | part of node 1 |
 *	         |  area, then       |           |
 *	         v  pages            v           v
 *	to    | part of node 0 | nobody's | part of node 1 |
 *
 * In one step, as under a lock, each node gets areas at the new place, with the
 * identities of the old ones, which go; and the directory says so.  Then the
 * pages follow, part by part, a turn each.
 */
#include "sim/sim.h"

/* -- areas ------------------------------------------------------------- */

/* Where a page of the old place will be. */
static uint64_t
vpn_to(const struct sim *s, const struct sim_chore *ch, uint32_t page)
{
	return sim_vpn(s, ch->space, page - ch->page + ch->to);
}

static bool
copy_area(struct sim *s, const struct sim_chore *ch, const struct part *part)
{
	uint64_t from = sim_vpn(s, ch->space, part->page);
	uint64_t to = vpn_to(s, ch, part->page);
	struct core *c = part->node->core;

	if (tap_area_add(c, ch->space, to, part->pages) != 0)
		return false;
	claim_area(part->node, ch->space, to);
	if (tap_area_rename(c, ch->space, from, to, part->pages) == 0)
		return true;
	if (tap_area_remove(c, ch->space, to, part->pages) != 0)
		sim_fail(s, "I1", "a whole area is not removed");
	return false;
}

/* => the first page that has no area at the new place */
static uint32_t
copy_areas(struct sim *s, const struct sim_chore *ch)
{
	uint32_t page = ch->page, end = page + ch->pages;
	struct part part;

	while (part_find(s, ch->space, page, end, &part)) {
		if (part.node != NULL && !copy_area(s, ch, &part))
			return part.page;
		page = part.page + part.pages;
	}
	return end;
}

/* No room for the parts: nothing has moved yet. */
static void
undo_areas(struct sim *s, const struct sim_chore *ch, uint32_t end)
{
	uint32_t page = ch->page;
	struct part part;

	while (part_find(s, ch->space, page, end, &part)) {
		page = part.page + part.pages;
		if (part.node != NULL &&
		    tap_area_remove(part.node->core, ch->space,
		                    vpn_to(s, ch, part.page), part.pages) != 0)
			sim_fail(s, "I1", "a whole area is not removed");
	}
}

/* The old areas go.  => false when the only core has no room to cut them */
static bool
drop_areas(struct sim *s, const struct sim_chore *ch)
{
	uint32_t page = ch->page, end = page + ch->pages;
	struct part part;

	while (part_find(s, ch->space, page, end, &part)) {
		page = part.page + part.pages;
		if (part.node == NULL ||
		    tap_area_remove(part.node->core, ch->space,
		                    sim_vpn(s, ch->space, part.page),
		                    part.pages) == 0)
			continue;
		if (s->nodes > 1)
			sim_fail(s, "I1", "adding leaves no room for a cut");
		return false;
	}
	return true;
}

static bool
move_areas(struct sim *s, const struct sim_chore *ch)
{
	uint32_t end = copy_areas(s, ch);
	bool apart = parts_are_apart(s, ch->space, ch->page, ch->pages);

	if (end < ch->page + ch->pages || !drop_areas(s, ch)) {
		undo_areas(s, ch, end);
		s->count.moves_undone++;
		return false;
	}
	if (!claims_move(&s->claims, sim_vpn(s, ch->space, ch->page),
	                 sim_vpn(s, ch->space, ch->to), ch->pages))
		sim_fail(s, "size", "the directory is full");
	s->is_redrawn = true;
	s->count.moves++;
	s->count.moves_apart += apart;
	return true;
}

/* -- pages ------------------------------------------------------------- */

/* What the program knows of the pages goes with them. */
static void
carry(struct sim *s, const struct sim_chore *ch)
{
	for (uint32_t i = 0; i < ch->pages; i++) {
		struct sim_page *from = &s->page[ch->space][ch->page + i];
		struct sim_page *to = &s->page[ch->space][ch->to + i];

		to->truth = from->truth;
		to->damage = from->damage;
		to->flags |= from->flags & PG_UNSURE;
		from->truth = 0;
		from->damage = 0;
		from->flags &= (uint16_t)~PG_UNSURE;
	}
}

/* The next part that pages are still to come to. */
static bool
next_part(struct sim *s, struct sim_chore *ch)
{
	uint32_t end = ch->to + ch->pages;

	while (part_find(s, ch->space, ch->next, end, &ch->part)) {
		const struct area *a = NULL;

		if (s->nodes == 1)
			return true;
		if (ch->part.node != NULL)
			a = core_area_find(
				ch->part.node->core, ch->space,
				sim_vpn(s, ch->space, ch->part.page));
		if (a != NULL && a->flags & AREA_MOVING)
			return true;
		ch->next = ch->part.page + ch->part.pages;
	}
	return false;
}

static uint64_t
move_part(struct sim *s, const struct sim_chore *ch)
{
	struct sim_node *n = ch->part.node;
	struct batch b = {NULL, NULL};
	uint32_t from = ch->part.page - ch->to + ch->page;
	uint64_t left = tap_move(
		n->core, ch->space, sim_vpn(s, ch->space, from),
		sim_vpn(s, ch->space, ch->part.page), ch->part.pages, &b);

	host_submit(n, &b);
	return left;
}

bool
move_turn(struct sim *s, struct sim_chore *ch)
{
	if (ch->phase == 0) {
		set_flags(s, ch->space, ch->page, ch->pages, PG_CLOSED, 0);
		if (!move_areas(s, ch))
			return true;
		set_flags(s, ch->space, ch->to, ch->pages, PG_MANAGED, 0);
		ch->next = ch->to;
		ch->phase = 1;
		return false;
	}
	if (ch->phase == 1 && next_part(s, ch)) {
		ch->phase = 2;
		ch->turns = 0;
	}
	if (ch->phase == 2) {
		if (move_part(s, ch) > 0)
			return false;
		ch->next = ch->part.page + ch->part.pages;
		ch->phase = 1;
		if (ch->next < ch->to + ch->pages)
			return false;
	}
	carry(s, ch);
	unmapped(s, ch->space, ch->page, ch->pages);
	return true;
}
