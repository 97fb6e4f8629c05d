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
#define AROUND 64     /* pages on each side that are asked */

struct window {
	swp_entry_t first;
	uint32_t slots;
	uint64_t vpn[WINDOW_MAX]; /* of each slot, or VPN_NONE */
};

static void
window_find(const struct core *c, struct window *w, unsigned space,
            uint64_t vpn)
{
	uint64_t low = vpn > AROUND ? vpn - AROUND : 0;

	for (uint32_t i = 0; i < w->slots; i++)
		w->vpn[i] = VPN_NONE;
	for (uint64_t v = low; v <= vpn + AROUND; v++) {
		uint32_t i = core_swapped_out(c, space, v) - w->first;

		if (i < w->slots)
			w->vpn[i] = v;
	}
}

bool
linux24_readahead(struct core *c, unsigned space, uint64_t vpn, swp_entry_t e,
                  struct batch *b)
{
	struct window w = {.slots = 1u << linux24(c)->page_cluster};

	if (tunable24(c, T24_CLUSTER_READAHEAD) == 0)
		return false;
	w.first = e & ~(w.slots - 1);
	window_find(c, &w, space, vpn);
	for (uint32_t i = 0; i < w.slots; i++) {
		if (!core_slot_in_use(c, w.first + i) ||
		    c->io_pages >= nr_async_max(c))
			break;
		if (w.vpn[i] != VPN_NONE)
			(void)core_read_ahead(c, space, w.vpn[i], b);
	}
	return true;
}
