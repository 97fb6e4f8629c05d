/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spaces.c -- spaces come and go.
 *
 * Space 0 is always there.  The core has room for all of them from the start;
 * a space that is destroyed is empty, and its number may be given out again.
 */
#include <errno.h>

#include "pager/internal.h"

bool
space_exists(const struct pager *p, unsigned space)
{
	return space < p->nodes[0].core->cfg.spaces &&
	       p->space_bits >> space & 1;
}

int
pager_space_create(struct pager *p)
{
	const unsigned spaces = p->nodes[0].core->cfg.spaces;
	struct guard g;
	unsigned space;

	pager_enter(&g);
	map_lock(p);
	for (space = 0; space_exists(p, space);)
		space++;
	if (space < spaces) {
		p->space_bits |= (uint64_t)1 << space;
		if (p->spaces_top <= space)
			p->spaces_top = space + 1;
	}
	map_unlock(p);
	pager_leave(&g);
	return space < spaces ? (int)space : -ENOSPC;
}

/* What a space has, in pages, over all nodes.  => with the map's lock held */
static void
space_sums(struct pager *p, unsigned space, uint64_t *ret_managed,
           uint64_t *ret_mapped)
{
	const struct claim *c;

	*ret_managed = *ret_mapped = 0;
	for (uint64_t v = 0; (c = claims_next(&p->claims, v)) != NULL;
	     v = c->end)
		if (c->node == NODE_NONE && c->space == space)
			*ret_managed += c->end - c->vpn;
	for (unsigned i = 0; i < p->node_count; i++) {
		struct node *n = &p->nodes[i];

		node_lock(n);
		*ret_managed += n->core->spaces[space].pages_managed;
		*ret_mapped += n->core->spaces[space].rss;
		node_unlock(n);
	}
}

int
pager_space_destroy(struct pager *p, unsigned space)
{
	uint64_t managed, mapped;
	struct guard g;
	int r = -EINVAL;

	pager_enter(&g);
	map_lock(p);
	if (space != 0 && space_exists(p, space)) {
		space_sums(p, space, &managed, &mapped);
		r = managed != 0 || mapped != 0 ? -EBUSY : 0;
	}
	if (r == 0)
		p->space_bits &= ~((uint64_t)1 << space);
	map_unlock(p);
	pager_leave(&g);
	return r;
}

int
pager_space_stats(struct pager *p, unsigned space, uint64_t *ret_managed,
                  uint64_t *ret_mapped)
{
	struct guard g;
	int r = -EINVAL;

	pager_enter(&g);
	map_lock(p);
	if (space_exists(p, space)) {
		space_sums(p, space, ret_managed, ret_mapped);
		*ret_managed <<= PAGE_SHIFT;
		*ret_mapped <<= PAGE_SHIFT;
		r = 0;
	}
	map_unlock(p);
	pager_leave(&g);
	return r;
}
