/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * linux24.c -- the policy's table, its tunables, its beginning.
 */
#include "reclaim/linux24/linux24.h"

const struct tunable tunables24[] = {
	[T24_UNMAP_BATCH] =
		{"unmap_batch",
                 "pages unmapped in one operation; neighbours leave together, "
                 "ten times cheaper than one by one",
                 1, OP_PAGES_MAX, 1, OP_PAGES_MAX},
	[T24_WRITE_CLUSTER] = {"write_cluster",
                               "dirty pages gathered for one write; large "
                               "sequential writes are what disks like",
                               1, OP_PAGES_MAX, 1, OP_PAGES_MAX},
	[T24_LAUNDER_LIMIT] = {"launder_limit",
                               "pages that one page_launder starts to write "
                               "(0: no limit, which makes I/O storms: D24-10)",
                               0, 1u << 20, 0, 2048},
	[T24_LAUNDER_TWICE] = {"launder_twice",
                               "1: a written page is clean only when "
                               "page_launder meets it again (Q24-6)",
                               0, 1, 1, 0},
	[T24_LAUNDER_SYNC] = {"launder_sync",
                              "1: with too many transfers in flight a write is "
                              "waited for (R24-10.1); the daemons would stop",
                              0, 1, 1, 0},
	[T24_SLICE_STOP] = {"slice_stop",
                            "a walk of swap_out ends when it brought what is "
                            "short, at least this much, and none begins while "
                            "nothing is (0: slices of 1/32 whatever is short, "
                            "D24-3, D24-8)",
                            0, 1u << 20, 0, 32},
	[T24_BACKGROUND_SCAN] = {"background_scan",
                                 "1: kswapd ages pages each turn, even when "
                                 "nothing is short (D24-5)",
                                 0, 1, 1, 0},
	[T24_KSWAPD_SPINS] = {"kswapd_spins",
                              "turns in a row in which kswapd changes nothing "
                              "and goes on at once; the original has no limit "
                              "(D24-17, D24-22)",
                              0, 1000, 16, 0},
	[T24_WAIT_FOR_KSWAPD] = {"wait_for_kswapd",
                                 "1: a fault without a frame waits for kswapd; "
                                 "0: it reclaims itself (D24-11)",
                                 0, 1, 1, 0},
	[T24_SOFTFAULT_MERIT] = {"softfault_merit",
                                 "how often a page that is wanted back soon "
                                 "doubles its advance in age, in place of the "
                                 "accessed bit that user space cannot read",
                                 0, 4, 0, 3},
	[T24_ZONE_RATIO] = {"zone_ratio",
                            "a zone's lowest mark is 1/ratio of it; here a "
                            "device must be kept streaming",
                            32, 1024, 128, 48},
	[T24_ZONE_MAX] = {"zone_max", "highest lowest mark, in pages", 10,
                          1u << 20, 255, 5461},
	[T24_CLUSTER_READAHEAD] = {"cluster_readahead",
                                   "1: what lies around a slot is read with it "
                                   "(R24-9.4); 0: what its program will touch, "
                                   "by streams of faults",
                                   0, 1, 1, 0},
	[T24_REVERSE_MAP] = {"reverse_map",
                             "1: refill_inactive_scan unmaps a mapped page of "
                             "age 0 itself; 0: it cannot find who maps it, and "
                             "turns it round till swap_out comes by (D24-21)",
                             0, 1, 0, 1},
	[T24_COUNT] = {.name = NULL},
};

_Static_assert(T24_COUNT <= TUNABLES_MAX, "core_config has no more");

static void
init(struct core *c)
{
	struct linux24 *s = linux24(c);

	flist_init(&s->active);
	flist_init(&s->inactive_dirty);
	for (unsigned i = 0; i < ZONES_MAX; i++)
		flist_init(&s->inactive_clean[i]);
	linux24_buffers_init(c);
	s->num_physpages = c->cfg.frames_total;
	s->page_cluster = page_cluster_for(s->num_physpages);
	s->nr_threads = c->cfg.spaces;
	s->kreclaimd_sleeps = true;
	s->bdflush_sleeps = true;
}

const struct policy_ops policy_linux24 = {
	.name = "linux24",
	.help = "Linux 2.4: page ageing, active and inactive lists",
	.tunables = tunables24,
	.state_bytes = linux24_bytes,
	.init = init,
	.watermarks = linux24_watermarks,
	.alloc = linux24_alloc,
	.mapped = linux24_mapped,
	.cached = linux24_cached,
	.cleaned = linux24_cleaned,
	.found = linux24_found,
	.readahead = linux24_readahead,
	.gone = linux24_gone,
	.freed = linux24_freed,
	.kswapd = linux24_kswapd,
	.kreclaimd = linux24_kreclaimd,
	.flush = linux24_bdflush,
	.reclaim_direct = linux24_reclaim_direct,
	.held = linux24_held,
};
