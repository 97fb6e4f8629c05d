/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zonelist.h -- which node is to have memory that nobody has yet.
 *
 *	near --------------------------> far
 *	| own node | next | ... | farthest |	the first with room for a chunk;
 *					        if none has: the least burdened
 *
 * "Room" counts what a node was given, touched or not, because what it has
 * been given may be touched later; and it looks at the frames that are free,
 * because files and pins take some.  When all are full, the one with the
 * fewest pages for its frames gets the next chunk, so that pressure is equal.
 * What a host has promised to hold goes only to a node that can hold it, in
 * memory or on its swap space.
 *
 * Pure: hosts say how their nodes stand.
 */
#ifndef CORE_NODE_ZONELIST_H
#define CORE_NODE_ZONELIST_H

#include <stdbool.h>
#include <stdint.h>

#define NODES_MAX 8
#define CHUNK_PAGES_MIN 512u   /* 2 MiB */
#define CHUNK_PAGES_MAX 16384u /* 64 MiB */

struct zonelist {
	uint8_t count;
	uint8_t node[NODES_MAX];
};

/* How a node stands. */
struct node_load {
	uint64_t frames;  /* it has */
	uint64_t claimed; /* pages that it was given */
	uint64_t lacks; /* of the pages wanted: those that it could not hold */
	bool is_short;  /* no more than its low watermark is free */
};

/*
 * The order in which a node asks for memory: itself, then by distance; of those
 * that are equally far, the ones after it first, so that not all ask the same.
 *
 *	distance	of node i: distance[i]; NULL: all are equally far
 */
void zonelist_build(struct zonelist *z, unsigned own, unsigned nodes,
                    const uint8_t *distance);

/*
 * The node for a chunk of pages; if none could hold them all, the one that
 * could hold most.
 *
 *	load	of each node
 *	ret_short	all are short: their daemons should know
 */
unsigned zonelist_choose(const struct zonelist *z, const struct node_load *load,
                         uint64_t pages, bool *ret_short);

/* Pages of a chunk, for nodes of so many frames. */
uint64_t zonelist_chunk(uint64_t frames);

#endif
