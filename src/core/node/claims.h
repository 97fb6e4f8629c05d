/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * claims.h -- the directory of claims: which node, and which space, a page
 * belongs to.
 *
 *	   node 0     nobody's    node 1  node 0         not managed
 *	|  space 0  |  space 0  | space 0 | space 2 |
 *	+-----------+-----------+---------+---------+---------------------> vpn
 *
 * A node has a core of its own: frames, slots, page tables.  So a page belongs
 * to one node for life.  A managed range is first nobody's.  The first touch in
 * a chunk of it claims the chunk for a node (zonelist.h chooses which); from
 * then on the core of that node has an area for it, and all that happens to its
 * pages goes there.
 *
 *	add --> nobody's --take--> a node's --cut--> gone
 *	           |                                   ^
 *	           +------------------cut--------------+
 *
 * Claims are sorted by address and do not overlap; neighbours that say the same
 * are one.  A host with one node keeps no claims for space 0, so while there is
 * no other space a look-up is one compare.
 *
 * No system call, no lock: its host has one around it.  Memory is part of the
 * table; only what is used of it is ever touched.
 */
#ifndef CORE_NODE_CLAIMS_H
#define CORE_NODE_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLAIMS_TABLE_MAX 65536
#define NODE_NONE 0xff /* nobody's, so far */

struct claim {
	uint64_t vpn, end; /* pages [vpn, end) */
	uint16_t space;
	uint8_t node;   /* or NODE_NONE */
	uint32_t flags; /* enum area_flag, while it is nobody's */
};

struct claims {
	uint32_t count;
	struct claim claim[CLAIMS_TABLE_MAX];
};

/* The first claim that ends above vpn, or NULL. */
const struct claim *claims_next(const struct claims *t, uint64_t vpn);

/* The claim that has vpn, or NULL. */
static inline const struct claim *
claims_find(const struct claims *t, uint64_t vpn)
{
	const struct claim *c = t->count == 0 ? NULL : claims_next(t, vpn);

	return c != NULL && c->vpn <= vpn ? c : NULL;
}

/*
 * The first part of [vpn, end) that is in a claim, with what that says.
 * => false when there is none
 */
bool claims_part(const struct claims *t, uint64_t vpn, uint64_t end,
                 struct claim *ret);

/* Where the part of [vpn, end) ends that is in the claim of vpn, or in none. */
uint64_t claims_end(const struct claims *t, uint64_t vpn, uint64_t end);

/*
 * Pages of no claim get one.
 * => false when the table is full; one entry is kept for a cut
 */
bool claims_add(struct claims *t, struct claim c);

/* Whether there is room for what is left of claims after a cut. */
bool claims_may_cut(const struct claims *t, uint64_t vpn, uint64_t end);

/* Pages [vpn, end) are in no claim any more.  => claims_may_cut() */
void claims_cut(struct claims *t, uint64_t vpn, uint64_t end);

/*
 * What claims_take() will take: the chunk around vpn, clipped to the claim,
 * which is nobody's; all of it if the table is full.
 *
 *	pages	of a chunk; a power of two
 */
struct claim claims_chunk(const struct claims *t, uint64_t vpn, uint64_t pages);

/* The chunk is the node's from now on; this cannot fail. */
void claims_take(struct claims *t, struct claim chunk, unsigned node);

/*
 * Set and clear flags on [vpn, end), which is in one claim, and nobody's.
 * => false when the table is full
 */
bool claims_flags(struct claims *t, uint64_t vpn, uint64_t end, uint32_t set,
                  uint32_t clear);

/*
 * Pages [to, to + pages), which are in no claim, get what the pages at from
 * have, and those are in no claim any more.
 * => the two do not overlap
 * => false when the table is full: nothing has changed
 */
bool claims_move(struct claims *t, uint64_t from, uint64_t to, uint64_t pages);

#endif
