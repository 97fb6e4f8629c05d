/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parts.c -- ranges, in parts of which each is in one area of one node, or
 * nobody's.
 *
 *	range	|---------------------------------------------|
 *	claims	  | node 0     |  nobody's | node 1    |
 *	areas	  | a    | b   |           | a         |
 *	parts	  |  1   |  2  |     3     |     4     |
 */
#include "base/assert.h"
#include "pager/internal.h"

/* -- finding -------------------------------------------------------------- */

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
		struct claim c;
		struct place at;

		border = claims_end(&p->claims, v, end);
		if (map_place(p, v, &at)) {
			if (area_part(at, v, border, ret))
				return true;
			continue;
		}
		must(claims_part(&p->claims, v, border, &c));
		*ret = (struct part){.vpn = v,
		                     .pages = border - v,
		                     .space = c.space,
		                     .flags = c.flags};
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
	bool found;

	map_lock(p);
	found = map_part_take(p, r, ret);
	map_unlock(p);
	return found;
}

/* -- changing hands ------------------------------------------------------- */

int
part_give(const struct part *part)
{
	struct node *n = part->node;
	struct core *c = n->core;
	int err;

	node_lock(n);
	err = tap_area_add(c, part->space, part->vpn, part->pages);
	if (err == 0 && part->flags != 0) {
		err = tap_area_flags(c, part->space, part->vpn, part->pages,
		                     part->flags, 0);
		if (err < 0)
			(void)tap_area_remove(c, part->space, part->vpn,
			                      part->pages);
	}
	node_unlock(n);
	if (err < 0)
		return err;
	n->claimed += part->pages;
	if (part->flags & AREA_PROMISED)
		n->promised += part->pages;
	return 0;
}

int
part_disown(const struct part *part)
{
	struct node *n = part->node;
	int err;

	node_lock(n);
	err = tap_area_remove(n->core, part->space, part->vpn, part->pages);
	if (err == 0 && part->type != 0)
		file_unmapped(n, part->type, part->pages);
	node_unlock(n);
	if (err < 0)
		return err;
	if (part->type == 0)
		n->claimed -= part->pages;
	if (part->flags & AREA_PROMISED)
		n->promised -= part->pages;
	return 0;
}

/*
 * "managed" counts what the cores have areas for; what is nobody's is counted
 * with node 0.
 */
static uint64_t *
managed_stat(struct pager *p)
{
	return &p->nodes[0].stats[PAGEOUT_STAT_managed];
}

void
managed_add(struct pager *p, uint64_t pages)
{
	node_lock(&p->nodes[0]);
	__atomic_fetch_add(managed_stat(p), pages << PAGE_SHIFT,
	                   __ATOMIC_RELAXED);
	node_unlock(&p->nodes[0]);
}

void
managed_sub(struct pager *p, uint64_t pages)
{
	node_lock(&p->nodes[0]);
	__atomic_fetch_sub(managed_stat(p), pages << PAGE_SHIFT,
	                   __ATOMIC_RELAXED);
	node_unlock(&p->nodes[0]);
}
