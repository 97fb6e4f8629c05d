/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sizes.c -- how many pages there should be of each kind, and are.
 *
 *	freeable = free + inactive_clean      wanted: free_target
 *	freeable + inactive_dirty             wanted: high + inactive_target
 *
 * The targets follow memory_pressure: allocations count it up, frames that come
 * back count it down, and each second it loses 1/64, so that it is near the
 * number of allocations in the last minute.
 */
#include "reclaim/linux24/linux24.h"

#include "base/bits.h"

#define ZONE_MIN_FLOOR 10

/* One zone is NORMAL; two are DMA and NORMAL; then comes HIGHMEM. */
enum zone_kind
zone_kind24(const struct core *c, const struct zone *z)
{
	if (c->cfg.zone_frames[0] == 0 || c->cfg.zone_frames[1] == 0)
		return ZONE_NORMAL;
	return min_u32((uint32_t)(z - c->zones), ZONE_HIGHMEM);
}

uint32_t
page_cluster_for(uint32_t num_physpages)
{
	if (num_physpages < 4096)
		return 2;
	return num_physpages < 8192 ? 3 : 4;
}

void
linux24_watermarks(const struct core *c, struct zone *z)
{
	uint32_t ratio = tunable24(c, T24_ZONE_RATIO);

	if (zone_kind24(c, z) == ZONE_DMA)
		ratio /= 4;
	z->pages_min = clamp_u32(z->size / ratio, ZONE_MIN_FLOOR,
	                         tunable24(c, T24_ZONE_MAX));
	z->pages_low = 2 * z->pages_min;
	z->pages_high = 3 * z->pages_min;
}

/* -- what there is -------------------------------------------------------- */

uint32_t
zone_free24(const struct zone *z)
{
	return z->free + zone_to_come(z);
}

uint32_t
nr_free_pages(const struct core *c)
{
	return core_frames_free(c);
}

uint32_t
nr_inactive_clean_pages(const struct core *c)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < c->zone_count; i++)
		n += linux24(c)->inactive_clean[i].count;
	return n;
}

uint32_t
nr_inactive_dirty_pages(const struct core *c)
{
	return linux24(c)->inactive_dirty.count + c->unmapping;
}

uint32_t
nr_free_buffer_pages(const struct core *c)
{
	uint32_t n = nr_free_pages(c) + nr_inactive_clean_pages(c) +
	             nr_inactive_dirty_pages(c);
	uint32_t goal = c->freepages.high + inactive_target(c);

	return max_u32(n, goal) + (linux24(c)->active.count >> 4);
}

/* -- what there should be ------------------------------------------------- */

uint32_t
inactive_target(const struct core *c)
{
	const struct linux24 *s = linux24(c);
	uint64_t recent = (uint64_t)s->memory_pressure >> INACTIVE_SHIFT;
	uint64_t max = s->num_physpages / 4;

	return (uint32_t)(recent < max ? recent : max);
}

uint32_t
free_target(const struct core *c)
{
	return c->freepages.high + inactive_target(c) / 3;
}

uint32_t
free_shortage(const struct core *c)
{
	uint32_t have = nr_free_pages(c) + nr_inactive_clean_pages(c);
	uint32_t want = free_target(c), sum = 0;

	if (have < want)
		return want - have;
	for (unsigned i = 0; i < c->zone_count; i++) {
		const struct zone *z = &c->zones[i];

		/* One more than the allocator asks for: they overlap. */
		have = zone_free24(z) + linux24(c)->inactive_clean[i].count;
		want = z->size == 0 ? 0 : z->pages_min + 1;
		sum += want > have ? want - have : 0;
	}
	return sum;
}

uint32_t
inactive_shortage(const struct core *c)
{
	uint32_t have = nr_free_pages(c) + nr_inactive_clean_pages(c) +
	                nr_inactive_dirty_pages(c);
	uint32_t want = c->freepages.high + inactive_target(c);

	return want > have ? want - have : 0;
}

uint32_t
max_launder(const struct core *c)
{
	return 4u << linux24(c)->page_cluster;
}

uint32_t
nr_async_max(const struct core *c)
{
	return SWAP_CLUSTER << linux24(c)->page_cluster;
}

/* -- what is published ---------------------------------------------------- */

/* Frames that a census looks at in one go, while the node's lock is held. */
#define CENSUS_FRAMES 16384u

static unsigned
age_bucket(uint8_t age)
{
	return age == 0 ? 0 : min_u32(ilog2(age) + 1, AGE_BUCKETS - 1);
}

static void
census_frame(struct census *n, const struct frame *f)
{
	if (f->vpn == VPN_NONE && f->buffers == 0)
		return; /* free, or nobody's any more */
	n->age[age_bucket(f->age)]++;
	if (f->maps != 0 && f->list == LIST_NONE && !page_locked(f))
		n->nr_private++;
}

static void
census_publish(const struct core *c, const struct census *n)
{
	for (unsigned i = 0; i < AGE_BUCKETS; i++)
		stat_set(c, PAGEOUT_STAT_age_0 + i, n->age[i]);
	stat_set(c, PAGEOUT_STAT_nr_private, n->nr_private);
}

/*
 * Count pages by age: a part of the frames each jiffy, all of them at most once
 * a second.
 */
static void
census(struct core *c)
{
	struct census *n = &linux24(c)->census;
	uint64_t now = jiffies(c);
	uint32_t end = min_u32(n->next + CENSUS_FRAMES, c->cfg.frames_total);

	if (now < (n->next == 0 ? n->begin : n->again))
		return;
	if (n->next == 0)
		*n = (struct census){.begin = now + HZ};
	n->again = now + 1;
	for (unsigned i = 0; i < c->zone_count; i++) {
		const struct zone *z = &c->zones[i];
		uint32_t last = min_u32(end, z->start + z->populated);

		for (uint32_t p = max_u32(n->next, z->start); p < last; p++)
			census_frame(n, &c->frames[p]);
	}
	n->next = end;
	if (end < c->cfg.frames_total)
		return;
	census_publish(c, n);
	n->next = 0;
}

void
publish24(struct core *c)
{
	stat_set(c, PAGEOUT_STAT_memory_pressure,
	         (uint64_t)linux24(c)->memory_pressure);
	stat_set(c, PAGEOUT_STAT_inactive_target, inactive_target(c));
	stat_set(c, PAGEOUT_STAT_free_target, free_target(c));
	stat_set(c, PAGEOUT_STAT_inactive_shortage, inactive_shortage(c));
	stat_set(c, PAGEOUT_STAT_free_shortage, free_shortage(c));
	census(c);
}

void
recalculate_vm_stats(struct core *c)
{
	struct linux24 *s = linux24(c);

	s->memory_pressure -= s->memory_pressure >> INACTIVE_SHIFT;
}
