/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zonelist.c -- which node is to have memory that nobody has yet: see
 * zonelist.h.
 */
#include "core/node/zonelist.h"

#include "base/assert.h"
#include "base/bits.h"

#define CHUNKS_A_NODE 64 /* as many fit its frames */

static unsigned
distance_to(const uint8_t *distance, unsigned own, unsigned node)
{
	if (node == own)
		return 0;
	return distance == NULL ? 1 : distance[node] + 1u;
}

void
zonelist_build(struct zonelist *z, unsigned own, unsigned nodes,
               const uint8_t *distance)
{
	must(own < nodes && nodes <= NODES_MAX);
	z->count = 0;
	for (unsigned i = 0; i < nodes; i++) {
		unsigned node = (own + i) % nodes, at = z->count++;
		unsigned d = distance_to(distance, own, node);

		for (; at > 0; at--) { /* insertion: stable, and short */
			unsigned before = z->node[at - 1];

			if (distance_to(distance, own, before) <= d)
				break;
			z->node[at] = (uint8_t)before;
		}
		z->node[at] = (uint8_t)node;
	}
}

/* a has fewer pages for its frames than b; in chunks, so that products fit. */
static bool
is_lighter(const struct node_load *a, const struct node_load *b)
{
	return a->claimed / CHUNK_PAGES_MIN * b->frames <
	       b->claimed / CHUNK_PAGES_MIN * a->frames;
}

/* a should have pages rather than b, when neither has frames for them. */
static bool
is_better(const struct node_load *a, const struct node_load *b)
{
	return a->lacks != b->lacks ? a->lacks < b->lacks : is_lighter(a, b);
}

unsigned
zonelist_choose(const struct zonelist *z, const struct node_load *load,
                uint64_t pages, bool *ret_short)
{
	unsigned best = z->node[0];

	*ret_short = true;
	for (unsigned i = 0; i < z->count; i++) {
		unsigned node = z->node[i];
		const struct node_load *l = &load[node];

		if (!l->is_short)
			*ret_short = false;
		if (!l->is_short && l->claimed + pages <= l->frames &&
		    l->lacks == 0)
			return node;
		if (is_better(l, &load[best]))
			best = node;
	}
	return best;
}

uint64_t
zonelist_chunk(uint64_t frames)
{
	uint64_t pages = CHUNK_PAGES_MIN;

	while (pages < CHUNK_PAGES_MAX && pages * CHUNKS_A_NODE < frames)
		pages *= 2;
	return pages;
}
