/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sizes.c -- how many frames of a zone are to stay free, and for whom.
 *
 *	free frames of a zone
 *	   high    kswapd goes to sleep when one zone has more
 *	   low     who finds fewer wakes kswapd
 *	   min     who finds fewer reclaims; below it, what is kept for those
 *	           who may not wait or free memory themselves
 *	   0
 *
 * A zone keeps more from requests that could be met by a higher zone
 * (lowmem_reserve), and all marks rise for a while after an allocation had to
 * take from what is kept together (boost).
 *
 * All of it follows from the sizes and kinds of the zones.  Who changes a kind
 * calls sizes_init66() again.
 */
#include "reclaim/kswapd/kswapd.h"

#include "base/bits.h"

#define MIN_FREE_KBYTES_MIN 128
#define MIN_FREE_KBYTES_MAX 262144
#define PAGE_KBYTES (PAGE_BYTES / 1024)
#define SMALL_MACHINE 4096           /* pages */
#define WATERMARK_BOOST_FACTOR 15000 /* of 10000 */
#define STAT_THRESHOLD_MAX 125
#define NR_CPUS66 1             /* the batches of CPUs are not modelled */
#define THRESHOLD_UNIT_SHIFT 27 /* bytes: 128 MiB */

/* Of a zone's right to the memory of lower ones: CM-9. */
static const uint32_t reserve_ratio[] = {
	[ZONE66_DMA] = 256,   [ZONE66_DMA32] = 256, [ZONE66_NORMAL] = 32,
	[ZONE66_HIGHMEM] = 0, [ZONE66_MOVABLE] = 0,
};

/* -- zones ---------------------------------------------------------------- */

static unsigned
zones_wanted(const struct core_config *cfg)
{
	unsigned n = 0;

	while (n < ZONES_MAX && cfg->zone_frames[n] != 0)
		n++;
	return max_u32(n, 1);
}

/* Frames of a zone that is there, or will be when the core has begun. */
static uint32_t
managed(const struct core *c, unsigned i)
{
	const struct core_config *cfg = &c->cfg;

	return cfg->zone_frames[0] == 0 ? cfg->frames_total
	                                : cfg->zone_frames[i];
}

/* One zone is NORMAL; two are DMA32 and NORMAL; three, DMA as well. */
static void
kinds_init(const struct core *c)
{
	unsigned n = zones_wanted(&c->cfg), first = ZONE66_DMA;

	if (n < ZONE66_NORMAL + 1)
		first = ZONE66_NORMAL + 1 - n;
	for (unsigned i = 0; i < n; i++)
		zone66(c, i)->kind = (uint8_t)(first + i);
}

static bool
is_low(const struct core *c, unsigned i)
{
	return zone66(c, i)->kind <= ZONE66_NORMAL;
}

unsigned
gfp_zone_normal(const struct core *c)
{
	unsigned i = c->zone_count;

	while (i > 1 && !is_low(c, i - 1))
		i--;
	return i - 1;
}

uint32_t
zone_free66(const struct zone *z)
{
	return z->free + zone_to_come(z);
}

/* -- F1: marks ------------------------------------------------------------ */

uint32_t
min_free_kbytes66(uint64_t lowmem_kbytes)
{
	uint64_t root = int_sqrt(lowmem_kbytes * 16);

	if (root > MIN_FREE_KBYTES_MAX)
		return MIN_FREE_KBYTES_MAX;
	return max_u32((uint32_t)root, MIN_FREE_KBYTES_MIN);
}

static uint64_t
lowmem_pages(const struct core *c)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < zones_wanted(&c->cfg); i++)
		n += is_low(c, i) ? managed(c, i) : 0;
	return max_u32((uint32_t)n, 1);
}

static void
setup_zone_wmarks(const struct core *c, unsigned i)
{
	uint64_t lowmem = lowmem_pages(c), size = managed(c, i), t, gap;
	uint32_t kbytes = tunable66(c, T66_MIN_FREE_KBYTES);
	uint32_t *mark = zone66(c, i)->watermark;

	if (kbytes == 0)
		kbytes = min_free_kbytes66(lowmem * PAGE_KBYTES);
	t = kbytes / PAGE_KBYTES * size / lowmem;
	gap = size * tunable66(c, T66_WATERMARK_SCALE) / 10000;
	if (gap < t / 4)
		gap = t / 4;
	mark[WMARK_MIN] = is_low(c, i) ? (uint32_t)t
	                               : clamp_u32((uint32_t)size / 1024,
	                                           SWAP_CLUSTER_MAX, 128);
	for (unsigned w = WMARK_LOW; w < NR_WMARK; w++)
		mark[w] = mark[w - 1] + (uint32_t)gap;
	zone66(c, i)->watermark_boost = 0;
}

static void
zone_tell(struct zone *z, const uint32_t *mark)
{
	z->pages_min = mark[WMARK_MIN];
	z->pages_low = mark[WMARK_LOW];
	z->pages_high = mark[WMARK_HIGH];
}

void
kswapd_watermarks(const struct core *c, struct zone *z)
{
	unsigned i = (unsigned)(z - c->zones);

	if (i == 0)
		kinds_init(c);
	setup_zone_wmarks(c, i);
	zone_tell(z, zone66(c, i)->watermark);
}

/* -- F2: what lower zones keep -------------------------------------------- */

static void
setup_lowmem_reserve(struct core *c, unsigned i)
{
	struct zone66 *z = zone66(c, i);
	uint32_t ratio = reserve_ratio[z->kind];
	uint64_t above = 0;

	for (unsigned j = i + 1; j < c->zone_count; j++) {
		above += c->zones[j].size;
		z->lowmem_reserve[j] = ratio == 0 || c->zones[i].size == 0
		                               ? 0
		                               : (uint32_t)(above / ratio);
	}
}

void
sizes_init66(struct core *c)
{
	c->freepages.min = c->freepages.low = c->freepages.high = 0;
	for (unsigned i = 0; i < c->zone_count; i++) {
		struct zone *z = &c->zones[i];

		setup_zone_wmarks(c, i);
		zone_tell(z, zone66(c, i)->watermark);
		setup_lowmem_reserve(c, i);
		c->freepages.min += z->pages_min;
		c->freepages.low += z->pages_low;
		c->freepages.high += z->pages_high;
	}
	set_percpu_thresholds(c, false);
}

uint32_t
page_cluster66(uint32_t num_physpages)
{
	return num_physpages < SMALL_MACHINE ? 2 : 3;
}

/* -- F3: may a request be met? -------------------------------------------- */

/* The mark, lowered by the rights of who asks. */
static uint32_t
mark_for(uint32_t mark, uint32_t alloc_flags)
{
	if (alloc_flags & ALLOC66_MIN_RESERVE) {
		mark -= mark / 2;
		if (alloc_flags & ALLOC66_NON_BLOCK)
			mark -= mark / 4;
	}
	if (alloc_flags & ALLOC66_OOM)
		mark -= mark / 2;
	return mark;
}

static bool
has_block(const struct zone *z, unsigned order)
{
	for (; order < BUDDY_ORDERS; order++)
		if (z->area[order].count != 0)
			return true;
	return false;
}

uint32_t
zone_keeps66(const struct core *c, unsigned zone, uint32_t mark,
             unsigned highest_zoneidx, uint32_t alloc_flags)
{
	const struct zone66 *z = zone66(c, zone);
	uint32_t keep = mark_for(mark, alloc_flags);

	if ((alloc_flags & ALLOC66_RESERVES) == 0)
		keep += z->nr_reserved_highatomic;
	return keep + z->lowmem_reserve[highest_zoneidx];
}

bool
zone_would_be_ok66(const struct core *c, unsigned zone, unsigned order,
                   uint32_t mark, unsigned highest_zoneidx,
                   uint32_t alloc_flags, uint64_t free)
{
	uint64_t keep =
		zone_keeps66(c, zone, mark, highest_zoneidx, alloc_flags);

	if (free <= keep + (UINT64_C(1) << order) - 1)
		return false;
	return order == 0 || has_block(&c->zones[zone], order);
}

/* -- what could be freed -------------------------------------------------- */

uint32_t
zone_reclaimable_pages(const struct core *c, unsigned zone)
{
	const uint32_t *size = pgdat66(c)->lruvec.zone_size[zone];
	uint32_t n = size[LRU_INACTIVE_FILE] + size[LRU_ACTIVE_FILE];

	if (can_reclaim_anon_pages(c))
		n += size[LRU_INACTIVE_ANON] + size[LRU_ACTIVE_ANON];
	return n;
}

/* -- F11: marks rise ------------------------------------------------------ */

void
boost_watermark(struct core *c, unsigned zone)
{
	struct zone66 *z = zone66(c, zone);
	uint64_t max = (uint64_t)z->watermark[WMARK_HIGH] *
	               WATERMARK_BOOST_FACTOR / 10000;

	if (c->zones[zone].size < 4 * PAGEBLOCK_NR_PAGES || max == 0)
		return;
	if (max < PAGEBLOCK_NR_PAGES)
		max = PAGEBLOCK_NR_PAGES;
	z->watermark_boost =
		min_u32(z->watermark_boost + PAGEBLOCK_NR_PAGES, (uint32_t)max);
	z->flags |= ZONE66_BOOSTED_WATERMARK;
}

/* -- F12: how exact counts are -------------------------------------------- */

uint32_t
pressure_threshold(uint32_t min, uint32_t low, uint32_t cpus)
{
	return clamp_u32((low - min) / cpus, 1, STAT_THRESHOLD_MAX);
}

static unsigned
fls(uint64_t x)
{
	return x == 0 ? 0 : ilog2(x) + 1;
}

uint32_t
normal_threshold(uint32_t cpus, uint64_t zone_bytes)
{
	return min_u32(2 * fls(cpus) *
	                       (1 + fls(zone_bytes >> THRESHOLD_UNIT_SHIFT)),
	               STAT_THRESHOLD_MAX);
}

/*
 * Nothing is counted by CPU here, so counts are never off by this much; it is
 * what they might be off by in the original.
 */
void
set_percpu_thresholds(struct core *c, bool kswapd_runs)
{
	for (unsigned i = 0; i < c->zone_count; i++) {
		struct zone66 *z = zone66(c, i);
		uint64_t bytes = (uint64_t)c->zones[i].size * PAGE_BYTES;

		z->stat_threshold =
			kswapd_runs
				? pressure_threshold(z->watermark[WMARK_MIN],
		                                     z->watermark[WMARK_LOW],
		                                     NR_CPUS66)
				: normal_threshold(NR_CPUS66, bytes);
	}
}
