/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slots.c -- who has which place of the swap space.
 *
 * A slot is a page of a device.  map[] counts its users as the kernel does: one
 * for the swap cache, one for each page table entry that names it; 0 is free.
 * tag[] remembers what the slot must contain: while a frame caches the slot,
 * the frame (which has the hash); else the hash itself.  So a slot never
 * vouches for itself [I8].
 *
 *	free --slot_alloc--> cached --slot_uncache--> swapped out
 *	  ^                    | ^                        |
 *	  +-----slot_put-------+ +------slot_cache--------+
 *
 * Slots are handed out in runs of SLOT_CLUSTER, so that pages which leave
 * together lie together: first the rest of the current run; then the first
 * free run of that length; then any free slot.  lowest_bit and highest_bit
 * bound the free ones.  (The rules, and the run of up to 257, are those of
 * Linux 2.4's scan_swap_map.)
 *
 * [I3] a slot is free exactly when nobody names it.
 */
#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "core/internal.h"

#define RETRY_NS_MIN 10000000ull   /* 10 ms */
#define RETRY_NS_MAX 1000000000ull /* 1 s */

static inline struct swap_area *
area_of(const struct core *c, swp_entry_t e)
{
	struct core *w = (struct core *)(uintptr_t)c;
	struct swap_area *s = &w->swap[e >> SWP_OFFSET_BITS];

	must(s->in_use);
	must((e & SWP_OFFSET_MASK) > 0 && (e & SWP_OFFSET_MASK) < s->max);
	return s;
}

static inline uint32_t
offset_of(swp_entry_t e)
{
	return e & SWP_OFFSET_MASK;
}

static inline bool
bit_test(const uint64_t *map, uint32_t i)
{
	return map[i / 64] >> (i % 64) & 1;
}

static inline void
bit_flip(uint64_t *map, uint32_t i)
{
	map[i / 64] ^= (uint64_t)1 << (i % 64);
}

/* -- areas ---------------------------------------------------------------- */

size_t
core_swap_bytes(uint32_t slots)
{
	return (size_t)slots * sizeof(uint64_t) +
	       ((size_t)slots / 64 + 1) * sizeof(uint64_t) +
	       (size_t)slots * sizeof(uint16_t);
}

int
core_swapon(struct core *c, void *mem, uint32_t slots, uint32_t ready)
{
	must(slots >= 2 && slots <= SWP_OFFSET_MASK && ready <= slots);
	for (int i = 0; i < SWAP_AREAS_MAX; i++) {
		struct swap_area *s = &c->swap[i];

		if (s->in_use)
			continue;
		*s = (struct swap_area){.limit = slots, .in_use = true};
		s->tag = mem;
		s->cached = s->tag + slots;
		s->map = (uint16_t *)(s->cached + slots / 64 + 1);
		s->map[0] = SLOT_BAD;
		s->max = 1;
		s->lowest_bit = 1;
		core_swap_grown(c, (unsigned)i, ready);
		return i;
	}
	return -ENOSPC;
}

void
core_swap_grown(struct core *c, unsigned type, uint32_t ready)
{
	struct swap_area *s = &c->swap[type];

	must(s->in_use && ready <= s->limit);
	if (ready <= s->max)
		return;
	if (s->free == 0) {
		s->lowest_bit = s->max;
		s->cluster_next = s->max;
		s->cluster_nr = 0;
	}
	s->free += ready - s->max;
	stat_add(c, PAGEOUT_STAT_swap_total,
	         (uint64_t)(ready - s->max) * PAGE_BYTES);
	s->max = ready;
	s->highest_bit = ready - 1;
	c->oom_ns = 0;
}

uint32_t
core_swap_free(const struct core *c)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < SWAP_AREAS_MAX; i++)
		if (c->swap[i].in_use)
			n += c->swap[i].free;
	return n;
}

/* -- finding a free slot -------------------------------------------------- */

/* The next free slot of the current run, or 0. */
static uint32_t
find_in_run(struct swap_area *s)
{
	if (s->cluster_nr == 0)
		return 0;
	while (s->cluster_next <= s->highest_bit) {
		uint32_t off = s->cluster_next++;

		if (s->map[off] == 0) {
			s->cluster_nr--;
			return off;
		}
	}
	return 0;
}

/* The first slot of the first free run of SLOT_CLUSTER, or 0. */
static uint32_t
find_run(const struct swap_area *s)
{
	uint32_t run = 0;

	for (uint32_t off = s->lowest_bit; off <= s->highest_bit; off++) {
		run = s->map[off] == 0 ? run + 1 : 0;
		if (run == SLOT_CLUSTER)
			return off - SLOT_CLUSTER + 1;
	}
	return 0;
}

static uint32_t
find_any(const struct swap_area *s)
{
	for (uint32_t off = s->lowest_bit; off <= s->highest_bit; off++)
		if (s->map[off] == 0)
			return off;
	return 0;
}

static uint32_t
find_slot(struct swap_area *s)
{
	uint32_t off;

	if (s->free == 0)
		return 0;
	off = find_in_run(s);
	if (off == 0) {
		s->cluster_nr = SLOT_CLUSTER;
		/* Looking for a run that cannot be there costs a whole scan. */
		off = s->free >= SLOT_CLUSTER ? find_run(s) : 0;
		if (off == 0)
			off = find_any(s);
	}
	return off;
}

swp_entry_t
slot_alloc(struct core *c, uint32_t pfn)
{
	for (uint32_t i = 0; i < SWAP_AREAS_MAX; i++) {
		struct swap_area *s = &c->swap[i];
		uint32_t off;

		if (!s->in_use || (off = find_slot(s)) == 0)
			continue;
		must(s->map[off] == 0 && !bit_test(s->cached, off)); /* [I4] */
		if (off == s->lowest_bit)
			s->lowest_bit++;
		if (off == s->highest_bit)
			s->highest_bit--;
		s->cluster_next = off + 1;
		s->free--;
		s->map[off] = 1;
		s->tag[off] = pfn;
		bit_flip(s->cached, off);
		stat_add(c, PAGEOUT_STAT_swap_used, PAGE_BYTES);
		return i << SWP_OFFSET_BITS | off;
	}
	return 0;
}

/* -- users ---------------------------------------------------------------- */

void
slot_get(struct core *c, swp_entry_t e)
{
	struct swap_area *s = area_of(c, e);

	must(s->map[offset_of(e)] > 0);
	must(s->map[offset_of(e)] < SLOT_COUNT_MAX);
	s->map[offset_of(e)]++;
}

void
slot_put(struct core *c, swp_entry_t e)
{
	struct swap_area *s = area_of(c, e);
	uint32_t off = offset_of(e);

	must(s->map[off] > 0 && s->map[off] < SLOT_COUNT_MAX);
	if (--s->map[off] != 0)
		return;
	must(!bit_test(s->cached, off)); /* [I3] */
	s->free++;
	if (off < s->lowest_bit)
		s->lowest_bit = off;
	if (off > s->highest_bit)
		s->highest_bit = off;
	c->oom_ns = 0;
	stat_sub(c, PAGEOUT_STAT_swap_used, PAGE_BYTES);
}

uint32_t
slot_count(const struct core *c, swp_entry_t e)
{
	return area_of(c, e)->map[offset_of(e)];
}

struct frame *
slot_frame(const struct core *c, swp_entry_t e)
{
	const struct swap_area *s = area_of(c, e);
	uint32_t off = offset_of(e);

	if (!bit_test(s->cached, off))
		return NULL;
	must(s->tag[off] < c->cfg.frames_total);
	return &c->frames[s->tag[off]];
}

uint64_t
slot_cache(struct core *c, swp_entry_t e, uint32_t pfn)
{
	struct swap_area *s = area_of(c, e);
	uint32_t off = offset_of(e);
	uint64_t hash = s->tag[off];

	must(!bit_test(s->cached, off));
	slot_get(c, e);
	bit_flip(s->cached, off);
	s->tag[off] = pfn;
	return hash;
}

/*
 * => the cache's reference is still counted: the caller puts it
 */
void
slot_uncache(struct core *c, swp_entry_t e, uint64_t hash)
{
	struct swap_area *s = area_of(c, e);
	uint32_t off = offset_of(e);

	must(bit_test(s->cached, off));
	bit_flip(s->cached, off);
	s->tag[off] = hash;
}

/* -- failures ------------------------------------------------------------- */

void
slot_bad(struct core *c, swp_entry_t e)
{
	struct swap_area *s = area_of(c, e);
	uint32_t off = offset_of(e);

	must(s->map[off] == 1 && bit_test(s->cached, off));
	bit_flip(s->cached, off);
	s->map[off] = SLOT_BAD;
	s->bad++;
	stat_sub(c, PAGEOUT_STAT_swap_used, PAGE_BYTES);
	stat_sub(c, PAGEOUT_STAT_swap_total, PAGE_BYTES);
}

void
slot_rest(struct core *c, swp_entry_t e, uint64_t now)
{
	struct swap_area *s = area_of(c, e);
	uint64_t wait = RETRY_NS_MIN << min_u32(s->errors, 7);

	s->errors++;
	s->retry_ns = now + (wait < RETRY_NS_MAX ? wait : RETRY_NS_MAX);
}

bool
slot_resting(const struct core *c, swp_entry_t e)
{
	return area_of(c, e)->errors != 0;
}

void
slot_written(struct core *c, swp_entry_t e)
{
	struct swap_area *s = area_of(c, e);

	s->errors = 0;
	s->retry_ns = 0;
}

bool
swap_writable(const struct core *c, swp_entry_t e, uint64_t now)
{
	return area_of(c, e)->retry_ns <= now;
}

bool
swap_rests(const struct core *c)
{
	for (unsigned i = 0; i < SWAP_AREAS_MAX; i++)
		if (c->swap[i].in_use && c->swap[i].errors != 0)
			return true;
	return false;
}
