/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shrink.c -- caches are asked to give memory back: dentries, inodes, slabs.
 *
 * The core knows of a cache what its owner tells: how much of it nobody uses.
 * How much of that shall go is decided here; the host lets the owner do it,
 * later.
 *
 *	dentries, inodes	unused / priority of them, so the more the
 *				sterner the priority; all at priority 0
 *	slabs			four fifths of the free slabs of one cache: the
 *				best of up to ten behind the clock's hand
 *
 * At the end stand models of caches, which follow the original to its quirks;
 * nothing here depends on them.
 *
 * The original takes a semaphore around its list of caches, and gives up when
 * a caller that may not wait finds it taken; here it is never taken.
 */
#include "reclaim/linux24/linux24.h"

#define REAP_SCANLEN 10
#define REAP_PERFECT 10

static void
ask(struct core *c, unsigned id, uint64_t goal)
{
	const struct host_ops *host = c->cfg.host;

	c->caches[id].asked++;
	if (c->caches[id].unused != 0 && host->shrink != NULL)
		host->shrink(c->cfg.host_ctx, id, goal);
}

/* -- dentries and inodes -------------------------------------------------- */

/*
 * When there are fewer unused entries than the priority's number, the goal is
 * 0, which means all: so it is in the original.
 */
static void
shrink_kind(struct core *c, enum cache_kind kind, unsigned priority,
            uint32_t gfp)
{
	if ((gfp & GFP_IO) == 0)
		return;
	for (unsigned i = 0; i < CACHES_MAX; i++) {
		const struct cache *cache = &c->caches[i];

		if (cache->kind != kind || cache->flags & CACHE_NO_REAP)
			continue;
		ask(c, i, priority == 0 ? 0 : cache->unused / priority);
	}
}

void
shrink_dcache_memory(struct core *c, unsigned priority, uint32_t gfp)
{
	shrink_kind(c, CACHE_DENTRY, priority, gfp);
}

void
shrink_icache_memory(struct core *c, unsigned priority, uint32_t gfp)
{
	shrink_kind(c, CACHE_INODE, priority, gfp);
}

/* -- slabs ---------------------------------------------------------------- */

/* Of a thing that costs more to make again, a little less than 4/5 counts. */
static uint64_t
four_fifths(uint64_t n)
{
	return (n * 4 + 1) / 5;
}

/* What it would bring to take a cache's free slabs; 0: leave it alone. */
static uint64_t
reap_weight(struct cache *cache)
{
	uint64_t weight = (uint64_t)cache->unused << cache->order;

	if (cache->flags & (CACHE_NO_REAP | CACHE_GROWING))
		return 0;
	if (cache->flags & CACHE_GROWN) {
		cache->flags &= (uint8_t)~CACHE_GROWN;
		return 0;
	}
	if (cache->flags & CACHE_CONSTRUCTOR)
		weight = four_fifths(weight);
	return cache->order > 0 ? four_fifths(weight) : weight;
}

void
kmem_cache_reap(struct core *c, uint32_t gfp)
{
	uint32_t *hand = &linux24(c)->clock_hand;
	unsigned looked = 0, best = CACHES_MAX;
	uint64_t best_weight = 0;

	(void)gfp;
	for (unsigned i = 0; i < CACHES_MAX && looked < REAP_SCANLEN; i++) {
		unsigned id = *hand;
		struct cache *cache = &c->caches[id];
		uint64_t weight;

		*hand = (id + 1) % CACHES_MAX;
		if (cache->kind != CACHE_SLAB)
			continue;
		looked++;
		weight = reap_weight(cache);
		if (weight <= best_weight)
			continue;
		best = id;
		best_weight = weight;
		if (cache->unused >= REAP_PERFECT)
			break;
	}
	if (best != CACHES_MAX)
		ask(c, best, four_fifths(c->caches[best].unused));
}

/* -- models of caches ----------------------------------------------------- */

static uint8_t
entry_take(struct entries24 *e)
{
	uint8_t bits = e->entry[e->old];

	must(e->count > 0);
	e->old = (e->old + 1) % e->max;
	e->count--;
	return bits;
}

void
entry_add24(struct entries24 *e, uint8_t bits)
{
	must(e->count < e->max);
	e->entry[(e->old + e->count++) % e->max] = bits;
}

/*
 * A referenced entry takes a unit of n, and is not asked whether it was the
 * last: n may pass 0, and then everything goes.  So it is in the original.
 */
uint32_t
prune_dcache24(struct entries24 *e, uint32_t n)
{
	int64_t left = n;
	uint32_t freed = 0;

	while (e->count > 0) {
		uint8_t bits = entry_take(e);

		left--;
		if (bits & ENTRY_REFERENCED) {
			entry_add24(e, bits & (uint8_t)~ENTRY_REFERENCED);
			continue;
		}
		freed++;
		if (left == 0)
			break;
	}
	return freed;
}

static uint32_t
sync_all_inodes(struct entries24 *e)
{
	uint32_t written = 0;

	for (uint32_t i = 0; i < e->count; i++) {
		uint8_t *bits = &e->entry[(e->old + i) % e->max];

		if ((*bits & (ENTRY_DIRTY | ENTRY_LOCKED)) != ENTRY_DIRTY)
			continue;
		*bits &= (uint8_t)~ENTRY_DIRTY;
		written++;
	}
	return written;
}

/* One round from the oldest; who cannot go keeps his place. */
uint32_t
prune_icache24(struct entries24 *e, uint32_t n, uint32_t *ret_written)
{
	uint32_t freed = 0;

	*ret_written = sync_all_inodes(e);
	for (uint32_t i = e->count; i > 0; i--) {
		uint8_t bits = entry_take(e);

		if (bits & (ENTRY_DIRTY | ENTRY_LOCKED | ENTRY_PAGES) ||
		    (n != 0 && freed == n))
			entry_add24(e, bits);
		else
			freed++;
	}
	return freed;
}
