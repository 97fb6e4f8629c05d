/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * readahead.c -- swapin_readahead: what lies around a slot comes along.
 *
 * The window is the aligned block of 2^page_cluster slots around the wanted
 * one.  It is read from its first slot on, and ends at the first that is free
 * or bad, or when too many transfers are in flight:
 *
 *	slot  32 33 34 35 36 37 ...       35 is free: 32, 33, 34 are read, and
 *	      used     free  wanted       37 by itself
 *
 * The first block of an area holds the header, so nothing is read there.
 *
 * A slot does not know its page.  The pages around the wanted one are asked for
 * their slots; what lies in the window and belongs to none of them is not read.
 * (The original reads it, into the swap cache, where nobody may ever look.)
 */
#include "reclaim/linux24/linux24.h"

#define WINDOW_MAX 16 /* 2^page_cluster at most */

bool
linux24_readahead(struct core *c, unsigned space, uint64_t vpn, swp_entry_t e,
                  struct batch *b)
{
	uint32_t slots = 1u << linux24(c)->page_cluster;
	swp_entry_t first = e & ~(slots - 1);
	uint64_t around[WINDOW_MAX];

	if (tunable24(c, T24_CLUSTER_READAHEAD) == 0)
		return false;
	must(slots <= WINDOW_MAX);
	core_pages_of_slots(c, space, vpn, first, slots, around);
	for (uint32_t i = 0; i < slots; i++) {
		if (!core_slot_in_use(c, first + i) ||
		    c->io_pages >= nr_async_max(c))
			break;
		if (around[i] != VPN_NONE)
			(void)core_read_ahead(c, space, around[i], b);
	}
	return true;
}
