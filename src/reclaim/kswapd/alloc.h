/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * alloc.h -- the half of kswapd.h that asks for memory: marks, the allocator,
 * direct reclaim, read-ahead, out of memory.
 *
 * kswapd.h includes it and has the structures.
 */
#ifndef RECLAIM_KSWAPD_ALLOC_H
#define RECLAIM_KSWAPD_ALLOC_H

#include "reclaim/kswapd/kswapd.h"

/* -- sizes.c --------------------------------------------------------------- */

uint32_t min_free_kbytes66(uint64_t lowmem_kbytes);
void kswapd_watermarks(const struct core *c, struct zone *z);

/* F1 and F2, by the kinds that zones have now. */
void sizes_init66(struct core *c);
uint32_t page_cluster66(uint32_t num_physpages);

/* The highest zone that is NORMAL or lower. */
unsigned gfp_zone_normal(const struct core *c);

/* Frames of a zone that are free, or will be when the pool grows. */
uint32_t zone_free66(const struct zone *z);

static inline uint32_t
wmark_pages(const struct core *c, unsigned zone, enum wmark66 w)
{
	return zone66(c, zone)->watermark[w] + zone66(c, zone)->watermark_boost;
}

/*
 * F3: a request of this order may be met; it might if so much were free.
 * Counts are exact here, always.
 */
bool zone_would_be_ok66(const struct core *c, unsigned zone, unsigned order,
                        uint32_t mark, unsigned highest_zoneidx,
                        uint32_t alloc_flags, uint64_t free);

static inline bool
zone_watermark_ok66(const struct core *c, unsigned zone, unsigned order,
                    uint32_t mark, unsigned highest_zoneidx,
                    uint32_t alloc_flags)
{
	return zone_would_be_ok66(c, zone, order, mark, highest_zoneidx,
	                          alloc_flags, zone_free66(&c->zones[zone]));
}

static inline bool
zone_watermark_ok_safe(const struct core *c, unsigned zone, unsigned order,
                       uint32_t mark, unsigned highest_zoneidx)
{
	return zone_watermark_ok66(c, zone, order, mark, highest_zoneidx, 0);
}

/* Free frames that requests of order 0 must leave. */
uint32_t zone_keeps66(const struct core *c, unsigned zone, uint32_t mark,
                      unsigned highest_zoneidx, uint32_t alloc_flags);

/* LRU pages that could be reclaimed (RM-8.4). */
uint32_t zone_reclaimable_pages(const struct core *c, unsigned zone);

/* F11 and F12. */
void boost_watermark(struct core *c, unsigned zone);
uint32_t pressure_threshold(uint32_t min, uint32_t low, uint32_t cpus);
uint32_t normal_threshold(uint32_t cpus, uint64_t zone_bytes);
void set_percpu_thresholds(struct core *c, bool kswapd_runs);

/* -- alloc.c --------------------------------------------------------------- */

enum alloc_result66 alloc_pages66(struct core *c, struct alloc66 *a,
                                  struct batch *b);
uint32_t kswapd_alloc(struct core *c, enum alloc_use use, uint32_t want,
                      uint32_t need, uint32_t *pfns);

/* RM-5.9, of a node that the caller's zonelist names. */
void wakeup_kswapd66(struct core *c, uint32_t gfp, unsigned order,
                     unsigned highest_zoneidx);

/* For a page: of a fault here, or of one that found all nodes short. */
void kswapd_wake(struct core *c);

/* The same for each node of the zonelist: there is one. */
void wake_all_kswapds(struct core *c, const struct alloc66 *a);

/* Would a request pass at the low mark?  For hosts that walk nodes. */
bool alloc_passes_low66(const struct core *c, unsigned order,
                        unsigned highest_zoneidx);
bool should_reclaim_retry(struct core *c, struct alloc66 *a, bool progress);

/* -- direct.c -------------------------------------------------------------- */

void direct_begin(struct direct66 *d, const struct alloc66 *a);
enum task66 try_to_free_pages66(struct core *c, struct direct66 *d,
                                struct batch *b);
bool kswapd_reclaim_direct(struct core *c, struct batch *b);

/* RM-7.4: may begin a sleep in sc->wait; then the caller returns SLEEPS66. */
void reclaim_throttle(struct core *c, struct scan_control *sc,
                      enum throttle66 why);

/* => true when it goes on; w is THROTTLE_NONE then, and with none before */
bool throttle_over(struct core *c, struct wait66 *w);
void throttle_wake(struct core *c, enum throttle66 why);

/* A page was written: WRITEBACK sleepers count it. */
void acct_reclaim_writeback(struct core *c, uint32_t nr);

/* RM-7.5, 7.6. */
bool allow_direct_reclaim(struct core *c);
bool throttle_direct_reclaim(struct core *c, struct direct66 *d);
void wake_pfmemalloc(struct core *c);

/* -- readahead.c ----------------------------------------------------------- */

/* How much a kernel reads at first. */
void readahead_init66(struct core *c);

/* F9: pages, the wanted one included. */
uint32_t readahead_window66(uint64_t prev, uint64_t cur, uint32_t hits,
                            uint32_t max, uint32_t last);
bool kswapd_readahead(struct core *c, unsigned space, uint64_t vpn,
                      swp_entry_t e, struct batch *b);

/* A fault found a page in the swap cache; perhaps it was read ahead. */
void readahead_found(struct core *c, struct frame *f);

/* The kernel's names. */
static inline bool
vm_swap_full(const struct core *c)
{
	return core_swap_crowded(c);
}

static inline bool
folio_free_swap(struct core *c, struct frame *f)
{
	return core_slot_release(c, f);
}

/* -- oom.c ----------------------------------------------------------------- */

/* A process, as the out-of-memory killer sees it.  In pages. */
struct victim66 {
	uint32_t pid;
	uint64_t rss, swap_entries, page_tables;
	int32_t oom_score_adj; /* -1000..1000 */
	bool kthread, is_init, reaped, dying;
};

int64_t oom_badness66(const struct victim66 *v, uint64_t totalpages);

/* => who goes; NULL when there is nobody, or one is dying already */
const struct victim66 *select_bad_process66(const struct victim66 *v,
                                            unsigned n, uint64_t totalpages,
                                            bool *ret_dying);

/* => true when progress is to be reported */
bool out_of_memory66(struct core *c, uint32_t gfp);

#endif
