/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * places.c -- which node, and which space, has a page.
 *
 * The directory of claims says so (core/node/claims.h).  What it says nothing
 * of is in space 0 of node 0, and while it has never said anything nobody needs
 * the map's lock to know that.
 */
#include "base/assert.h"
#include "pager/internal.h"

/* => with the map's lock held */
static struct place
claimed_place(struct pager *p, uint64_t vpn)
{
	const struct claim *c = claims_find(&p->claims, vpn);

	if (c == NULL)
		return (struct place){&p->nodes[0], 0};
	return (struct place){&p->nodes[c->node], c->space};
}

struct place
place_of(struct pager *p, uint64_t vpn)
{
	struct place at = {&p->nodes[0], 0};

	if (__atomic_load_n(&p->has_claims, __ATOMIC_ACQUIRE)) {
		map_lock(p);
		at = claimed_place(p, vpn);
		map_unlock(p);
	}
	return at;
}

bool
place_moved(struct pager *p, uint64_t vpn, struct place *at)
{
	struct place was = *at;

	*at = place_of(p, vpn);
	return at->node != was.node || at->space != was.space;
}

/* -- parts ---------------------------------------------------------------- */

/*
 * The first area of a node in [vpn, border).
 * => with the map's lock held
 */
static bool
area_part(struct place at, uint64_t vpn, uint64_t border, struct part *ret)
{
	struct node *n = at.node;
	const struct area *a;
	bool found;

	node_lock(n);
	a = core_area_next(n->core, at.space, vpn);
	found = a != NULL && a->vpn < border;
	if (found) {
		uint64_t start = a->vpn > vpn ? a->vpn : vpn;
		uint64_t end = a->vpn + a->pages;

		end = end < border ? end : border;
		*ret = (struct part){.vpn = start,
		                     .pages = end - start,
		                     .node = n,
		                     .space = at.space,
		                     .type = entry_type(a->file),
		                     .flags = a->flags};
	}
	node_unlock(n);
	return found;
}

bool
map_part(struct pager *p, struct range in, struct part *ret)
{
	uint64_t end = in.vpn + in.pages, border;

	for (uint64_t v = in.vpn; v < end; v = border) {
		border = claims_end(&p->claims, v, end);
		if (area_part(claimed_place(p, v), v, border, ret))
			return true;
	}
	return false;
}

/* What is left of a range behind a part of it. */
static struct range
behind(struct range r, const struct part *part)
{
	uint64_t end = part->vpn + part->pages;

	return (struct range){end, r.vpn + r.pages - end};
}

bool
map_part_take(struct pager *p, struct range *r, struct part *ret)
{
	bool found = map_part(p, *r, ret);

	if (found)
		*r = behind(*r, ret);
	return found;
}

bool
part_first(struct pager *p, struct range in, struct part *ret)
{
	bool found;

	map_lock(p);
	found = map_part(p, in, ret);
	map_unlock(p);
	return found;
}

bool
part_take(struct pager *p, struct range *r, struct part *ret)
{
	bool found = part_first(p, *r, ret);

	if (found)
		*r = behind(*r, ret);
	return found;
}
