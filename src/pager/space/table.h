/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.h -- which addresses belong to which space.
 *
 *	      run           run
 *	  |  space 2  |    | 5 |          everything else is space 0
 *	--+-----------+----+---+--------------------------------> vpn
 *
 * The core has a page table for each space, and a page of the program is in
 * exactly one of them; a fault brings an address only.  Runs are sorted by
 * address and do not overlap.  Regions of space 0 need none, so while there is
 * no other space a look-up is one compare; else a binary search.
 *
 * Memory is part of the table; only what is used of it is ever touched.
 */
#ifndef PAGER_SPACE_TABLE_H
#define PAGER_SPACE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#define SPACE_RUNS_MAX 65536

struct space_run {
	uint64_t vpn, end;
	unsigned space; /* not 0 */
};

struct space_table {
	uint32_t count;
	struct space_run runs[SPACE_RUNS_MAX];
};

/* The space of a page. */
unsigned space_table_search(const struct space_table *t, uint64_t vpn);

static inline unsigned
space_table_find(const struct space_table *t, uint64_t vpn)
{
	return t->count == 0 ? 0 : space_table_search(t, vpn);
}

/*
 * Where the part of [vpn, end) that is in the space of vpn ends.
 */
uint64_t space_table_end(const struct space_table *t, uint64_t vpn,
                         uint64_t end);

/*
 * Pages [vpn, end), which are in no run, belong to a space that is not 0.
 * => false when the table is full; one entry is kept for a cut
 */
bool space_table_add(struct space_table *t, uint64_t vpn, uint64_t end,
                     unsigned space);

/* Whether there is room for what is left of a run after a cut. */
bool space_table_may_cut(const struct space_table *t, uint64_t vpn,
                         uint64_t end);

/* Pages [vpn, end) are in no run any more. */
void space_table_cut(struct space_table *t, uint64_t vpn, uint64_t end);

#endif
