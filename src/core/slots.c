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
 * Areas are a list by priority.  Slots come from the highest one that has any;
 * areas of equal priority take turns, a slot each:
 *
 *	      head         next: the turn
 *	       |            |
 *	       v            v
 *	     B (5) ------> A (5) ------> C (1)       B A B A B A C C C
 *
 * In an area slots are handed out in runs of SLOT_CLUSTER, so that pages which
 * leave together lie together: first the rest of the current run; then the
 * first free run of that length; then any free slot.  lowest_bit and
 * highest_bit bound the free ones; they are hints, and lowest_bit may stay
 * behind for long.  taken[] sums map[] up, so that no search dwells on what is
 * full.  (The rules, and every slot they choose, are those of Linux 2.4's
 * get_swap_page and scan_swap_map; a policy may want those of Linux 6.6:
 * swap/slots66.c.)
 *
 * [I3] a slot is free exactly when nobody names it, or, after SLOT_COUNT_MAX
 *      users, never.
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
	struct swap_area *s = &w->swap[entry_type(e)];

	must(s->in_use);
	must((e & SWP_OFFSET_MASK) > 0 && (e & SWP_OFFSET_MASK) < s->max);
	return s;
}

static inline uint32_t
offset_of(swp_entry_t e)
{
	return e & SWP_OFFSET_MASK;
}

/* -- areas ---------------------------------------------------------------- */

size_t
core_swap_bytes(uint32_t slots)
{
	return (size_t)slots * sizeof(uint64_t) +
	       ((size_t)slots / 64 + 1) * sizeof(uint64_t) +
	       (size_t)slots * (sizeof(uint32_t) + sizeof(uint16_t)) +
	       ((size_t)slots / SLOT_CLUSTER + 1) *
	               (sizeof(uint32_t) + sizeof(uint16_t));
}

void
slots_init(struct core *c)
{
	c->swap_list = (struct swap_list){
		.head = -1, .next = -1, .turn = -1, .crowded = 50};
}

static bool
modern(const struct core *c)
{
	return c->cfg.policy->slot_rules == SLOT_RULES_66;
}

/*
 * Before the areas of the same priority, so the newest has the first turn; by
 * the rules of 6.6 behind them.
 */
static void
list_insert(struct core *c, int type)
{
	struct swap_list *l = &c->swap_list;
	int behind = modern(c), *link = &l->head;

	while (*link >= 0 && c->swap[*link].prio + behind > c->swap[type].prio)
		link = &c->swap[*link].next;
	c->swap[type].next = *link;
	*link = type;
	if (l->head == type)
		l->next = type;
}

void
swap_area_init(struct swap_area *s, void *mem, uint32_t slots)
{
	*s = (struct swap_area){.limit = slots, .in_use = true};
	s->tag = mem;
	s->cached = s->tag + slots;
	s->shadow = (uint32_t *)(s->cached + slots / 64 + 1);
	s->clusters.next = s->shadow + slots;
	s->map = (uint16_t *)(s->clusters.next + slots / SLOT_CLUSTER + 1);
	s->taken = s->map + slots;
	s->map[0] = SLOT_BAD;
	s->taken[0] = 1;
	s->max = 1;
	s->lowest_bit = 1;
}

int
core_swapon(struct core *c, void *mem, uint32_t slots, uint32_t ready, int prio)
{
	must(slots >= 2 && slots <= SWP_OFFSET_MASK && ready <= slots);
	must(prio >= SWAP_PRIO_AUTO && prio <= SWAP_PRIO_MAX);
	for (int i = 0; i < SWAP_AREAS_MAX; i++) {
		struct swap_area *s = &c->swap[i];

		if (s->in_use)
			continue;
		swap_area_init(s, mem, slots);
		s->prio = prio == SWAP_PRIO_AUTO ? --c->swap_list.auto_prio
		                                 : prio;
		list_insert(c, i);
		core_swap_grown(c, (unsigned)i, ready);
		return i;
	}
	return -ENOSPC;
}

void
core_swap_grown(struct core *c, unsigned type, uint32_t ready)
{
	struct swap_area *s = &c->swap[type];

	must(ready <= s->limit || !s->in_use);
	if (!s->in_use || s->leaving || ready <= s->max)
		return;
	if (s->free == 0) {
		s->lowest_bit = s->max;
		s->cluster_next = s->max;
		s->cluster_nr = 0;
	}
	s->free += ready - s->max;
	stat_add(c, PAGEOUT_STAT_swap_total,
	         (uint64_t)(ready - s->max) * PAGE_BYTES);
	clusters_grown(s, s->max, ready);
	s->max = ready;
	s->highest_bit = ready - 1;
	c->oom_ns = 0;
}

static void
list_remove(struct core *c, int type)
{
	struct swap_list *l = &c->swap_list;
	int *link = &l->head;

	while (*link != type)
		link = &c->swap[*link].next;
	*link = c->swap[type].next;
	if (l->next == type)
		l->next = l->head;
}

void
slots_requeue(struct core *c, int type)
{
	list_remove(c, type);
	list_insert(c, type);
}

void
slots_withdraw(struct core *c, unsigned type)
{
	must(type < SWAP_AREAS_MAX && c->swap[type].in_use);
	if (c->swap[type].leaving)
		return;
	c->swap[type].leaving = true;
	list_remove(c, (int)type);
}

void
core_swapoff_undo(struct core *c, unsigned type)
{
	if (!c->swap[type].leaving)
		return;
	c->swap[type].leaving = false;
	list_insert(c, (int)type);
	c->oom_ns = 0;
}

uint32_t
slots_used(const struct core *c, unsigned type)
{
	const struct swap_area *s = &c->swap[type];

	return s->max - 1 - s->free - s->bad;
}

void
slots_end(struct core *c, unsigned type)
{
	struct swap_area *s = &c->swap[type];

	must(s->leaving && slots_used(c, type) == 0);
	stat_sub(c, PAGEOUT_STAT_swap_total, (uint64_t)s->free * PAGE_BYTES);
	*s = (struct swap_area){.in_use = false};
}

/* -- finding a free slot -------------------------------------------------- */

uint32_t
slots_find_free(const struct swap_area *s, uint32_t off)
{
	while (off <= s->highest_bit) {
		if (s->taken[off / SLOT_CLUSTER] == SLOT_CLUSTER)
			off = (off / SLOT_CLUSTER + 1) * SLOT_CLUSTER;
		else if (s->map[off] != 0)
			off++;
		else
			return off;
	}
	return 0;
}

/*
 * The next free slot of the current run, or 0.  A run that meets the end of the
 * area is over, however much of it is left [Q24-12].
 */
static uint32_t
find_in_run(struct swap_area *s)
{
	uint32_t off;

	if (s->cluster_nr == 0)
		return 0;
	off = slots_find_free(s, s->cluster_next);
	if (off != 0)
		s->cluster_nr--;
	else
		s->cluster_next = max_u32(s->cluster_next, s->highest_bit + 1);
	return off;
}

/*
 * Each run that may be is looked at from its end: what is in use there ends all
 * runs before.
 */
uint32_t
slots_find_run(const struct swap_area *s)
{
	uint32_t start = s->lowest_bit, end = start + SLOT_CLUSTER;
	uint32_t seen = start; /* start..seen-1 are free */

	while (end <= s->highest_bit + 1) {
		uint32_t off = end;

		while (off > seen && s->map[off - 1] == 0)
			off--;
		if (off == seen)
			return start;
		seen = end;
		start = off;
		end = start + SLOT_CLUSTER;
	}
	return 0;
}

/*
 * The first slot of a run is not counted: a run has SLOT_CLUSTER + 1 [Q24-11].
 */
static uint32_t
scan_swap_map(struct swap_area *s)
{
	uint32_t off = find_in_run(s);

	if (off != 0)
		return off;
	s->cluster_nr = SLOT_CLUSTER;
	/* Looking for what cannot be there costs a whole scan. */
	if (s->free >= SLOT_CLUSTER)
		off = slots_find_run(s);
	if (off == 0 && s->free != 0)
		off = slots_find_free(s, s->lowest_bit);
	return off;
}

static bool
same_prio(const struct core *c, int a, int b)
{
	return b >= 0 && c->swap[a].prio == c->swap[b].prio;
}

/*
 * From whose turn it is to the last of its priority, then from the head on.
 * => returns the area, or -1 when none has a free slot
 */
static int
find_slot(struct core *c, uint32_t *ret_off)
{
	struct swap_list *l = &c->swap_list;
	bool wrapped = false;
	int type = l->next;

	if (core_swap_free(c) == 0)
		return -1;
	while (type >= 0) {
		int next = c->swap[type].next;

		*ret_off = scan_swap_map(&c->swap[type]);
		if (*ret_off != 0) {
			l->next = same_prio(c, type, next) ? next : l->head;
			return type;
		}
		if (!wrapped && !same_prio(c, type, next)) {
			wrapped = true;
			next = l->head;
		}
		type = next;
	}
	return -1;
}

/* -- the swap cache -------------------------------------------------------- */

static void
enter_cache(struct swap_area *s, uint32_t off)
{
	must(!bitmap_test(s->cached, off)); /* [I4] */
	bitmap_flip(s->cached, off);
	s->nr_cached++;
}

static void
leave_cache(struct swap_area *s, uint32_t off)
{
	must(bitmap_test(s->cached, off));
	bitmap_flip(s->cached, off);
	s->nr_cached--;
}

swp_entry_t
slot_alloc(struct core *c, uint32_t pfn, uint16_t users)
{
	uint32_t off = 0;
	int type = modern(c) ? slot_find66(c, &off) : find_slot(c, &off);
	struct swap_area *s;

	must(users == 1 || users == 2);
	if (type < 0)
		return 0;
	s = &c->swap[type];
	must(s->map[off] == 0); /* [I4] */
	if (off == s->lowest_bit)
		s->lowest_bit++;
	if (off == s->highest_bit)
		s->highest_bit--;
	s->cluster_next = off + 1;
	s->free--;
	s->map[off] = users;
	if (s->taken[off / SLOT_CLUSTER]++ == 0)
		cluster_used(s, off / SLOT_CLUSTER);
	s->tag[off] = pfn;
	enter_cache(s, off);
	stat_add(c, PAGEOUT_STAT_swap_used, PAGE_BYTES);
	return (swp_entry_t)type << SWP_OFFSET_BITS | off;
}

/* -- users ---------------------------------------------------------------- */

void
slot_get(struct core *c, swp_entry_t e)
{
	struct swap_area *s = area_of(c, e);
	uint32_t off = offset_of(e);

	must(s->map[off] > 0 && s->map[off] <= SLOT_COUNT_MAX);
	if (s->map[off] < SLOT_COUNT_MAX)
		s->map[off]++;
	else
		s->overflows++;
}

/* Where something better was freed, the next slot is looked for. */
static void
list_freed(struct core *c, int type)
{
	if (c->swap[type].leaving || c->swap_list.next < 0)
		return;
	if (c->swap[type].prio > c->swap[c->swap_list.next].prio)
		c->swap_list.next = type;
}

void
slot_put(struct core *c, swp_entry_t e)
{
	struct swap_area *s = area_of(c, e);
	uint32_t off = offset_of(e);

	must(s->map[off] > 0 && s->map[off] <= SLOT_COUNT_MAX);
	if (!entry_is_file(e))
		list_freed(c, (int)entry_type(e));
	if (s->map[off] == SLOT_COUNT_MAX || --s->map[off] != 0)
		return;
	must(!bitmap_test(s->cached, off)); /* [I3] */
	if (s->shadow[off] != 0)
		s->shadow[off] = 0; /* it was of a page that is no more */
	s->free++;
	s->taken[off / SLOT_CLUSTER]--;
	if (entry_is_file(e))
		return; /* it is the page's again, when that is touched */
	if (s->taken[off / SLOT_CLUSTER] == 0)
		cluster_free(s, off / SLOT_CLUSTER);
	if (modern(c) && s->free == 1 && !s->leaving)
		slots_requeue(c, (int)entry_type(e)); /* it was full */
	if (off < s->lowest_bit)
		s->lowest_bit = off;
	if (off > s->highest_bit)
		s->highest_bit = off;
	c->oom_ns = 0;
	stat_sub(c, PAGEOUT_STAT_swap_used, PAGE_BYTES);
}

bool
slot_counts(const struct core *c, swp_entry_t e, uint32_t users)
{
	uint16_t count = area_of(c, e)->map[offset_of(e)];

	return count == users || count == SLOT_COUNT_MAX;
}

bool
slot_shared(const struct core *c, swp_entry_t e)
{
	return area_of(c, e)->map[offset_of(e)] > 1;
}

bool
core_slot_in_use(const struct core *c, swp_entry_t e)
{
	const struct swap_area *s = &c->swap[entry_type(e)];
	uint32_t off = offset_of(e);

	return s->in_use && off > 0 && off < s->max && s->map[off] != 0 &&
	       s->map[off] != SLOT_BAD;
}

struct frame *
slot_frame(const struct core *c, swp_entry_t e)
{
	const struct swap_area *s = area_of(c, e);
	uint32_t off = offset_of(e);

	if (!bitmap_test(s->cached, off))
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

	slot_get(c, e);
	enter_cache(s, off);
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

	leave_cache(s, off);
	s->tag[off] = hash;
}

/* -- shadows -------------------------------------------------------------- */

void
core_shadow_set(struct core *c, swp_entry_t e, uint32_t shadow)
{
	area_of(c, e)->shadow[offset_of(e)] = shadow;
}

uint32_t
core_shadow_take(struct core *c, swp_entry_t e)
{
	uint32_t *shadow = &area_of(c, e)->shadow[offset_of(e)], was = *shadow;

	if (was != 0)
		*shadow = 0;
	return was;
}

/* -- failures ------------------------------------------------------------- */

void
slot_bad(struct core *c, swp_entry_t e)
{
	struct swap_area *s = area_of(c, e);
	uint32_t off = offset_of(e);

	must(slot_counts(c, e, 1));
	leave_cache(s, off);
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

enum writepage
core_writepage(const struct core *c, const struct frame *f)
{
	return area_of(c, f->entry)->writepage;
}

bool
swap_writable(const struct core *c, swp_entry_t e, uint64_t now)
{
	const struct swap_area *s = area_of(c, e);

	return s->writepage == WRITEPAGE_WRITES && s->retry_ns <= now;
}

bool
swap_rests(const struct core *c)
{
	for (unsigned i = 0; i < SWAP_TYPES; i++)
		if (c->swap[i].in_use && c->swap[i].errors != 0)
			return true;
	return false;
}
