/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * places.c -- which node has a page.
 *
 * The rules are the pager's, and so is the directory (core/node/claims.h).
 * Managed pages are nobody's at first.  The first touch in a chunk claims it
 * for a node: the task's own while it has room, else the next of its zonelist
 * that has, else the least burdened (core/node/zonelist.h).  That is one step,
 * as under a lock.  Asking the node's core is another one, and between the two
 * the page may be removed, moved, managed anew and claimed by another node.
 *
 * With one node nothing is claimed: what is managed is an area of its core.
 *
 * Chunks of the model are smaller than real ones; the loads that a choice is
 * made from are scaled, so that the module sees chunks as it knows them.
 */
#include <errno.h>

#include "sim/sim.h"

/* -- looking ----------------------------------------------------------- */

static struct sim_node *
node_of(struct sim *s, const struct claim *c)
{
	return c->node == NODE_NONE ? NULL : &s->node[c->node];
}

struct sim_node *
place_of(struct sim *s, unsigned space, uint32_t page)
{
	const struct claim *c =
		claims_find(&s->claims, sim_vpn(s, space, page));

	return c == NULL ? s->node : node_of(s, c);
}

/* Where the area ends that has the first page of a claim. */
static uint64_t
area_border(const struct sim_node *n, const struct claim *c)
{
	const struct area *a = core_area_find(n->core, c->space, c->vpn);

	if (a == NULL)
		sim_fail(n->sim, "place", "node %u has no area at %llx", n->id,
		         (unsigned long long)c->vpn);
	return a->vpn + a->pages < c->end ? a->vpn + a->pages : c->end;
}

bool
part_find(struct sim *s, unsigned space, uint32_t page, uint32_t end,
          struct part *ret)
{
	struct claim c;
	uint64_t border;

	*ret = (struct part){s->node, space, page, end - page};
	if (s->nodes == 1)
		return page < end;
	if (!claims_part(&s->claims, sim_vpn(s, space, page),
	                 sim_vpn(s, space, end), &c))
		return false;
	ret->node = node_of(s, &c);
	border = ret->node == NULL ? c.end : area_border(ret->node, &c);
	ret->page = (uint32_t)(c.vpn - s->base[space]);
	ret->pages = (uint32_t)(border - c.vpn);
	return true;
}

bool
parts_are_apart(struct sim *s, unsigned space, uint32_t page, uint32_t pages)
{
	const struct sim_node *first = NULL;
	uint32_t end = page + pages;
	struct part part;

	while (part_find(s, space, page, end, &part)) {
		page = part.page + part.pages;
		if (part.node == NULL)
			continue;
		if (first != NULL && part.node != first)
			return true;
		first = part.node;
	}
	return false;
}

/* -- claiming ---------------------------------------------------------- */

/* As many pages as a world with real chunks would have. */
static uint64_t
scaled(const struct sim *s, uint64_t pages)
{
	return pages * (CHUNK_PAGES_MIN / s->chunk);
}

static struct node_load
load_of(const struct sim *s, const struct sim_node *n)
{
	return (struct node_load){
		.frames = scaled(s, n->cfg.frames_total),
		.claimed = scaled(s, n->claimed),
		.is_short = core_frames_free(n->core) <= n->core->freepages.low,
	};
}

/* All are short of frames: every node's daemon should know. */
static void
wake_all(struct sim *s)
{
	s->count.wakes_all++;
	for (unsigned i = 0; i < s->nodes; i++)
		tap_wake_kswapd(s->node[i].core);
}

/*
 * The node that is to have so many pages, for a thread that runs on cpu.
 *
 *	ret_kind	counts those that were chosen like it
 */
static struct sim_node *
choose(struct sim *s, unsigned cpu, uint64_t pages, uint64_t **ret_kind)
{
	struct node_load load[SIM_NODES_MAX];
	bool is_short;
	unsigned id;

	for (unsigned i = 0; i < s->nodes; i++)
		load[i] = load_of(s, &s->node[i]);
	id = zonelist_choose(&s->node[cpu].zonelist, load, scaled(s, pages),
	                     &is_short);
	if (is_short)
		wake_all(s);
	if (load[id].is_short ||
	    load[id].claimed + scaled(s, pages) > load[id].frames)
		*ret_kind = &s->count.claims_least;
	else if (id == cpu)
		*ret_kind = &s->count.claims_local;
	else
		*ret_kind = &s->count.claims_fallback;
	return &s->node[id];
}

/* A core gets an area for the chunk.  => false when it has no memory for it */
static bool
take(struct sim_node *n, struct claim chunk)
{
	uint64_t pages = chunk.end - chunk.vpn;
	struct core *c = n->core;

	if (tap_area_add(c, chunk.space, chunk.vpn, pages) != 0)
		return false;
	claim_area(n, chunk.space, chunk.vpn);
	if (chunk.flags != 0 && tap_area_flags(c, chunk.space, chunk.vpn, pages,
	                                       chunk.flags, 0) != 0) {
		(void)tap_area_remove(c, chunk.space, chunk.vpn, pages);
		return false;
	}
	claims_take(&n->sim->claims, chunk, n->id);
	n->claimed += pages;
	n->is_touched = n->sim->is_redrawn = true;
	sim_trace(n->sim, "node %u has %u:%llu+%llu", n->id, chunk.space,
	          (unsigned long long)(chunk.vpn - n->sim->base[chunk.space]),
	          (unsigned long long)pages);
	return true;
}

struct sim_node *
place_claim(struct sim *s, unsigned cpu, unsigned space, uint32_t page)
{
	struct sim_node *n = place_of(s, space, page);
	const struct zonelist *z = &s->node[cpu].zonelist;
	struct claim chunk;
	uint64_t *kind;

	if (n != NULL)
		return n;
	chunk = claims_chunk(&s->claims, sim_vpn(s, space, page), s->chunk);
	n = choose(s, cpu, chunk.end - chunk.vpn, &kind);
	if (take(n, chunk)) {
		*kind += 1;
		return n;
	}
	for (unsigned i = 0; i < z->count; i++)
		if (take(&s->node[z->node[i]], chunk))
			return &s->node[z->node[i]];
	return NULL;
}

/* -- managing ---------------------------------------------------------- */

int
place_add(struct sim *s, unsigned space, uint32_t page, uint32_t pages)
{
	uint64_t vpn = sim_vpn(s, space, page);
	struct claim c = {
		.vpn = vpn,
		.end = vpn + pages,
		.space = (uint16_t)space,
		.node = NODE_NONE,
	};
	int r = 0;

	if (s->nodes > 1)
		return claims_add(&s->claims, c) ? 0 : -ENOMEM;
	r = tap_area_add(s->node->core, space, vpn, pages);
	if (r == 0)
		claim_area(s->node, space, vpn);
	return r;
}

/* The node of a part has it no more.  => as core_area_remove() */
static int
disown(struct sim *s, const struct part *part)
{
	struct sim_node *n = part->node;
	uint64_t vpn = sim_vpn(s, part->space, part->page);
	const struct area *a = core_area_find(n->core, part->space, vpn);
	bool file = a != NULL && a->file != 0;
	int r = tap_area_remove(n->core, part->space, vpn, part->pages);

	if (r == 0 && !file)
		n->claimed -= part->pages;
	n->is_touched = s->is_redrawn = true;
	return r;
}

int
place_remove(struct sim *s, const struct part *part)
{
	uint64_t vpn = sim_vpn(s, part->space, part->page);
	int r = 0;

	if (!claims_may_cut(&s->claims, vpn, vpn + part->pages))
		return -ENOMEM;
	if (part->node != NULL)
		r = disown(s, part);
	if (r == 0)
		claims_cut(&s->claims, vpn, vpn + part->pages);
	return r;
}

/* -- the laws ---------------------------------------------------------- */

/* Each area of a core is in one claim of its node. */
static void
check_areas(struct sim *s, const struct sim_node *n, unsigned space)
{
	const struct space *sp = &n->core->spaces[space];

	for (uint32_t i = 0; i < sp->area_count; i++) {
		const struct area *a = &sp->areas[i];
		const struct claim *c = claims_find(&s->claims, a->vpn);

		if (c == NULL || c->node != n->id || c->space != space ||
		    c->end < a->vpn + a->pages)
			sim_fail(s, "place",
			         "node %u has an area at %u:%llu+%llu, and the "
			         "directory does not say so",
			         n->id, space,
			         (unsigned long long)(a->vpn - s->base[space]),
			         (unsigned long long)a->pages);
	}
}

/* And each claim of a node is covered by areas of its core. */
static void
check_claim(const struct sim_node *n, struct claim c)
{
	while (c.vpn < c.end)
		c.vpn = area_border(n, &c);
}

void
place_check(struct sim *s)
{
	if (s->nodes == 1)
		return;
	for (unsigned i = 0; i < s->nodes; i++)
		for (unsigned space = 0; space < s->spaces; space++)
			check_areas(s, &s->node[i], space);
	for (uint32_t i = 0; i < s->claims.count; i++) {
		const struct claim *c = &s->claims.claim[i];

		if (c->node != NODE_NONE)
			check_claim(&s->node[c->node], *c);
	}
}

/* Of pages that are managed no more, or have moved, the old node may know. */
static void
audit_page(struct sim *s, unsigned space, uint32_t page)
{
	const struct claim *c =
		claims_find(&s->claims, sim_vpn(s, space, page));
	const struct sim_node *known = NULL;

	for (unsigned i = 0; i < s->nodes; i++) {
		const struct sim_node *n = &s->node[i];

		if (core_page_state(n->core, space, sim_vpn(s, space, page)) ==
		    PAGE_NONE)
			continue;
		if (known != NULL || (c != NULL && c->node != n->id))
			sim_fail(s, "place",
			         "page %u:%u is known to node %u, and to "
			         "another",
			         space, page, n->id);
		known = n;
	}
}

void
place_audit(struct sim *s)
{
	for (unsigned space = 0; s->nodes > 1 && space < s->spaces; space++)
		for (uint32_t i = 0; i < s->pages; i++)
			audit_page(s, space, i);
}
