/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kswapd.c -- the policy's table, its tunables, its beginning.
 */
#include "reclaim/kswapd/kswapd.h"

const struct tunable tunables66[] = {
	[T66_ACCESSED_BIT] = {"accessed_bit",
                              "1: a visit finds and clears a bit that somebody "
                              "sets; 0: user space has none, so a page is "
                              "taken out of reach, and is back by a fault when "
                              "it is used",
                              0, 1, 1, 0},
	[T66_UNMAP_BATCH] =
		{"unmap_batch",
                 "pages unmapped in one operation; neighbours leave together, "
                 "ten times cheaper than one by one",
                 1, OP_PAGES_MAX, 1, OP_PAGES_MAX},
	[T66_WRITE_CLUSTER] = {"write_cluster",
                               "dirty pages gathered for one write; large "
                               "sequential writes are what disks like",
                               1, OP_PAGES_MAX, 1, OP_PAGES_MAX},
	[T66_RESCHED] = {"resched",
                         "pages after which a task gives up the CPU, so that "
                         "what it has started is performed (0: never)",
                         0, 1u << 20, 0, 1024},
	[T66_AWAIT_WRITES] =
		{"await_writes",
                 "1: what is being written counts as free, and is "
                 "waited for; 0: the next round writes twice as "
                 "much, and after 16 runs kswapd gives up, however "
                 "slow the device is",
                 0, 1, 0, 1},
	[T66_STOP_AT_HIGH] =
		{"stop_at_high",
                 "1: a round of kswapd frees what is short of the high marks; "
                 "0: as much as they are (RM-5.8), each page of which comes "
                 "back, sooner or later",
                 0, 1, 0, 1},
	[T66_WATERMARK_SCALE] = {"watermark_scale",
                                 "distance of the marks, in 1/10000 of a zone; "
                                 "here a device must be kept streaming",
                                 1, 1000, 10, 50},
	[T66_MIN_FREE_KBYTES] = {"min_free_kbytes",
                                 "what is kept of all zones; 0: four times the "
                                 "square root of the kilobytes there are",
                                 0, 1u << 24, 0, 0},
	[T66_CLUSTER_READAHEAD] = {"cluster_readahead",
                                   "1: what lies around a slot is read with it "
                                   "(RM-11.9); 0: what its program will touch, "
                                   "by streams of faults",
                                   0, 1, 1, 0},
	[T66_SWAP_FULL] = {"swap_full",
                           "percent of the swap space in use from which on a "
                           "page that comes back gives up its slot, to be "
                           "written again; a write costs more than a slot",
                           0, 100, 50, 90},
	[T66_SWAPPINESS] = {"swappiness",
                            "how much rather anonymous pages than those of "
                            "files are reclaimed: 0 never, 100 as soon",
                            0, 200, 60, 60},
	[T66_SHADOWS] = {"shadows",
                         "0: nothing is remembered of pages that were freed; "
                         "to see what that is good for",
                         0, 1, 1, 1},
	[T66_COUNT] = {.name = NULL},
};

_Static_assert(T66_COUNT <= TUNABLES_MAX, "core_config has no more");

static size_t
state_bytes(const struct core_config *cfg)
{
	(void)cfg;
	return sizeof(struct pgdat66);
}

static void
init(struct core *c)
{
	struct pgdat66 *p = pgdat66(c);

	for (enum lru66 lru = LRU_INACTIVE_ANON; lru < NR_LRU_LISTS; lru++)
		flist_init(&p->lruvec.lists[lru]);
	sizes_init66(c);
	readahead_init66(c);
	c->swap_list.crowded = (uint8_t)tunable66(c, T66_SWAP_FULL);
	kswapd_run66(c);
}

const struct policy_ops policy_kswapd = {
	.name = "kswapd",
	.help = "Linux 6.6: active and inactive lists, shadows of what left",
	.tunables = tunables66,
	.slot_rules = SLOT_RULES_66,
	.state_bytes = state_bytes,
	.init = init,
	.watermarks = kswapd_watermarks,
	.alloc = kswapd_alloc,
	.mapped = kswapd_mapped,
	.cached = kswapd_cached,
	.cleaned = kswapd_cleaned,
	.found = kswapd_found,
	.refused = kswapd_refused,
	.readahead = kswapd_readahead,
	.gone = kswapd_gone,
	.freed = kswapd_freed,
	.kswapd = kswapd_turn,
	.kreclaimd = kswapd_kreclaimd,
	.flush = kswapd_flush,
	.wake_kswapd = kswapd_wake,
	.reclaim_direct = kswapd_reclaim_direct,
	.held = kswapd_held,
};
