/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * places.c -- which node, and which space, has a page.
 *
 * The directory of claims says so (core/node/claims.h).  What it says nothing
 * of is in space 0 of node 0, and while it has never said anything nobody needs
 * the map's lock to know that.
 *
 *	touch --> claimed? --no--> near node's zonelist --> area, claim
 *	             |                                        |
 *	             +----yes---------> place <---------------+
 *
 * A page that was promised room must have it where it goes.  All nodes together
 * have room for all promises, so one has room for a page; a chunk is cut until
 * it fits.
 */
#include "pager/internal.h"

bool
map_place(struct pager *p, uint64_t vpn, struct place *ret)
{
	const struct claim *c = claims_find(&p->claims, vpn);

	*ret = (struct place){&p->nodes[0], 0};
	if (c == NULL)
		return true;
	ret->space = c->space;
	if (c->node == NODE_NONE)
		return false;
	ret->node = &p->nodes[c->node];
	return true;
}

struct place
place_of(struct pager *p, uint64_t vpn)
{
	struct place at = {&p->nodes[0], 0};

	if (__atomic_load_n(&p->has_claims, __ATOMIC_ACQUIRE)) {
		map_lock(p);
		(void)map_place(p, vpn, &at);
		map_unlock(p);
	}
	return at;
}

/* -- claims --------------------------------------------------------------- */

/*
 * Where another thread runs is in a file.  Under an agent the numbers of
 * descriptors are the program's: we open none, and say where we are.
 */
unsigned
near_node(struct pager *p, int tid)
{
	unsigned cpu = tid != 0 && !p->cfg.events ? numa_thread_cpu(tid)
	                                          : (unsigned)sched_getcpu();
	unsigned near = 0;

	map_lock(p);
	for (unsigned i = 0; i < p->node_count; i++)
		if (cpu < CPU_SETSIZE && CPU_ISSET(cpu, &p->nodes[i].cpus))
			near = i;
	map_unlock(p);
	return near;
}

/* What it can promise to hold besides what it has promised. */
static uint64_t
room_of(const struct node *n)
{
	uint64_t limit = node_limit(n);

	return n->promised < limit ? limit - n->promised : 0;
}

/* How a node stands, for pages which it must be able to hold if hold is set. */
static struct node_load
load_of(struct node *n, uint64_t pages, bool hold)
{
	struct node_load l = {
		.frames = n->core->cfg.frames_total,
		.claimed = n->claimed,
	};

	if (hold && pages > room_of(n))
		l.lacks = pages - room_of(n);
	node_lock(n);
	l.is_short = core_frames_free(n->core) <= n->core->freepages.low;
	node_unlock(n);
	return l;
}

/* All are short of frames: every node's daemon should know. */
static void
wake_all(struct pager *p)
{
	for (unsigned i = 0; i < p->node_count; i++) {
		node_lock(&p->nodes[i]);
		tap_wake_kswapd(p->nodes[i].core);
		node_unlock(&p->nodes[i]);
	}
}

/* => as zonelist_choose(), with the map's lock held */
static struct node *
choose(struct pager *p, unsigned near, uint64_t pages, bool hold)
{
	struct node_load load[NODES_MAX];
	bool is_short;
	unsigned id;

	for (unsigned i = 0; i < p->node_count; i++)
		load[i] = load_of(&p->nodes[i], pages, hold);
	id = zonelist_choose(&p->zonelists[near], load, pages, &is_short);
	if (is_short)
		wake_all(p);
	return &p->nodes[id];
}

struct node *
node_choose(struct pager *p, unsigned near)
{
	return choose(p, near, 0, false);
}

/*
 * Choose a node for the chunk around vpn.  It is made smaller if no node has
 * room for all of it.
 * => with the map's lock held
 */
static struct node *
chunk_choose(struct pager *p, uint64_t vpn, unsigned near, struct claim *chunk)
{
	uint64_t pages = p->chunk_pages;
	struct node *n;
	bool hold;

	*chunk = claims_chunk(&p->claims, vpn, pages);
	hold = chunk->flags & AREA_PROMISED;
	n = choose(p, near, chunk->end - chunk->vpn, hold);
	while (hold && pages > 1 && pages > room_of(n))
		pages /= 2;
	*chunk = claims_chunk(&p->claims, vpn, pages);
	return n;
}

/* The chunk around a page that is nobody's.  => with the map's lock held */
static void
chunk_claim(struct pager *p, uint64_t vpn, unsigned near)
{
	struct claim chunk;
	struct part part = {.node = chunk_choose(p, vpn, near, &chunk)};
	unsigned tries = 0;

	part.vpn = chunk.vpn;
	part.pages = chunk.end - chunk.vpn;
	part.space = chunk.space;
	part.flags = chunk.flags;
	while (part_give(&part) < 0) { /* its tables are full */
		if (++tries == p->node_count)
			return; /* the fault fails, and says so */
		part.node = &p->nodes[(part.node->id + 1) % p->node_count];
	}
	claims_take(&p->claims, chunk, part.node->id);
	managed_sub(p, part.pages);
}

struct place
place_for(struct pager *p, uint64_t vpn, int tid)
{
	struct place at = {&p->nodes[0], 0};
	bool claimed = true;
	unsigned near;

	if (!__atomic_load_n(&p->has_claims, __ATOMIC_ACQUIRE))
		return at;
	map_lock(p);
	claimed = map_place(p, vpn, &at);
	map_unlock(p);
	if (claimed)
		return at;
	near = near_node(p, tid);
	map_lock(p);
	if (!map_place(p, vpn, &at)) { /* still */
		chunk_claim(p, vpn, near);
		(void)map_place(p, vpn, &at);
	}
	map_unlock(p);
	return at;
}

bool
place_moved(struct pager *p, uint64_t vpn, int tid, struct place *at)
{
	struct place was = *at;

	*at = place_for(p, vpn, tid);
	return at->node != was.node || at->space != was.space;
}
