/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core.c -- the core as a whole: memory, events that are passed on, looking.
 */
#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "core/internal.h"

/* -- memory --------------------------------------------------------------- */

/* The parts of the block that core_init() is given, in order. */
enum part {
	PART_CORE,
	PART_POLICY,
	PART_SPACES,
	PART_FRAMES,
	PART_OPS,
	PART_AREAS,
	PART_LEAVES,
	PART_STREAMS,
	PARTS
};

static size_t
part_bytes(const struct core_config *cfg, enum part part)
{
	size_t spaces = cfg->spaces;

	switch (part) {
	case PART_CORE:
		return sizeof(struct core);
	case PART_POLICY:
		return cfg->policy->state_bytes(cfg);
	case PART_SPACES:
		return spaces * sizeof(struct space);
	case PART_FRAMES:
		return (size_t)cfg->frames_total * sizeof(struct frame);
	case PART_OPS:
		return (size_t)cfg->ops_total * sizeof(struct op);
	case PART_AREAS:
		return spaces * cfg->areas_max * sizeof(struct area);
	case PART_LEAVES:
		return spaces * TABLE_LEAVES * sizeof(pte_t *);
	case PART_STREAMS:
		return spaces * STREAMS * sizeof(struct stream);
	case PARTS:
		break;
	}
	return 0;
}

static size_t
part_offset(const struct core_config *cfg, enum part end)
{
	size_t offset = 0;

	for (unsigned i = 0; i < end; i++)
		offset += round_up(part_bytes(cfg, (enum part)i), 64);
	return offset;
}

size_t
core_bytes(const struct core_config *cfg)
{
	return part_offset(cfg, PARTS);
}

static void
spaces_init(struct core *c, char *mem)
{
	const struct core_config *cfg = &c->cfg;
	struct area *areas = (void *)(mem + part_offset(cfg, PART_AREAS));
	pte_t **leaves = (void *)(mem + part_offset(cfg, PART_LEAVES));
	struct stream *streams = (void *)(mem + part_offset(cfg, PART_STREAMS));

	c->spaces = (void *)(mem + part_offset(cfg, PART_SPACES));
	for (unsigned i = 0; i < cfg->spaces; i++) {
		c->spaces[i].areas = areas + (size_t)i * cfg->areas_max;
		c->spaces[i].area_max = cfg->areas_max;
		c->spaces[i].leaves = leaves + (size_t)i * TABLE_LEAVES;
		c->spaces[i].streams = streams + (size_t)i * STREAMS;
	}
}

struct core *
core_init(void *mem, const struct core_config *cfg)
{
	struct core *c = mem;
	char *m = mem;

	must(cfg->frames_total >= 256 && cfg->frames_total < PFN_NONE);
	must(cfg->ops_total > 2 * OPS_RESERVE_DAEMON);
	must(cfg->spaces >= 1 && cfg->spaces <= SPACES_MAX);
	must(cfg->ra_pages_max >= 1 && cfg->ra_pages_max <= RA_PAGES_MAX);
	must(cfg->unmap_batch >= 1 && cfg->unmap_batch <= OP_PAGES_MAX);
	c->cfg = *cfg;
	c->stat = cfg->stat;
	c->policy_state = m + part_offset(cfg, PART_POLICY);
	c->frames = (void *)(m + part_offset(cfg, PART_FRAMES));
	c->ops = (void *)(m + part_offset(cfg, PART_OPS));
	spaces_init(c, m);
	for (uint32_t i = cfg->ops_total; i-- > 0;) {
		c->ops_in_flight++;
		op_put(c, &c->ops[i]);
	}
	frames_init(c);
	slots_init(c);
	cfg->policy->init(c);
	stat_add(c, PAGEOUT_STAT_mem_limit,
	         (uint64_t)cfg->frames_total * PAGE_BYTES);
	return c;
}

/* -- events --------------------------------------------------------------- */

void
core_op_done(struct core *c, struct op *op, struct batch *b)
{
	switch ((enum op_kind)op->kind) {
	case OP_POPULATE:
		frames_populated(c, op);
		op_put(c, op);
		return;
	case OP_MAP:
		map_done(c, op, b);
		return;
	case OP_UNMAP:
		unmap_done(c, op, b);
		return;
	case OP_REMAP:
		remap_done(c, op, b);
		return;
	case OP_ADOPT:
		adopt_done(c, op, b);
		return;
	case OP_READ:
		read_done(c, op, b);
		return;
	case OP_WRITE:
		write_done(c, op, b);
		return;
	case OP_UNPOISON:
		unpoison_done(c, op);
		return;
	case OP_WAKE:
		op_put(c, op);
		return;
	}
	never();
}

bool
core_kswapd(struct core *c, struct batch *b)
{
	bool grows;

	core_retry_unevictable(c);
	grows = (c->empty.count != 0 || frames_to_grow(c)) &&
	        frames_populate(c, b);
	return c->cfg.policy->kswapd(c, b) || grows;
}

bool
core_kreclaimd(struct core *c, struct batch *b)
{
	return c->cfg.policy->kreclaimd(c, b);
}

bool
core_flush(struct core *c, struct batch *b)
{
	return c->cfg.policy->flush(c, b);
}

void
core_wake_kswapd(struct core *c)
{
	if (c->cfg.policy->wake_kswapd != NULL)
		c->cfg.policy->wake_kswapd(c);
	else
		wake(c, DAEMON_KSWAPD);
}

void
core_kswapd_thread(struct core *c, bool has)
{
	c->lacks_kswapd = !has;
}

/*
 * Nothing can leave now, but may soon: frames that refuse to move, when a
 * direct transfer ends or a protection is lifted; dirty ones, when a device
 * takes writes again.  Memory is said to be out only after a while.
 */
static bool
patience_is_over(struct core *c)
{
	uint64_t now = now_ns(c);

	if (c->stuck_ns == 0)
		c->stuck_ns = now;
	return now - c->stuck_ns >= c->cfg.patience_ns;
}

bool
core_reclaim_direct(struct core *c, struct batch *b)
{
	stat_add(c, PAGEOUT_STAT_allocstall, 1);
	core_retry_unevictable(c);
	if (frames_populate(c, b) || frames_growing(c) ||
	    c->cfg.policy->reclaim_direct(c, b) || c->ops_in_flight != 0)
		return true;
	if ((c->unevictable.count != 0 || swap_rests(c)) &&
	    !patience_is_over(c))
		return true;
	if (c->unevictable.count != 0 && !still_holds(c, c->refused_ns)) {
		/* Before all is lost, whatever their backoff says. */
		core_evictable(c);
		core_retry_unevictable(c);
		(void)c->cfg.policy->reclaim_direct(c, b);
		return true;
	}
	c->oom_ns = now_ns(c);
	return false;
}

uint64_t
core_prefetch(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
              struct batch *b)
{
	uint64_t end = vpn + pages;

	while ((vpn = table_skip(c, space, vpn, end)) < end) {
		const struct area *a = core_area_find(c, space, vpn);
		uint64_t high;
		uint32_t n;

		if (a == NULL || core_swapped_out(c, space, vpn) == 0) {
			vpn++;
			continue;
		}
		high = a->vpn + a->pages < end ? a->vpn + a->pages : end;
		n = read_start(c, space, a, vpn, vpn, high, false, b);
		if (n == 0)
			break;
		vpn += n;
	}
	return vpn;
}

enum fault_verdict
core_pin(struct core *c, unsigned space, uint64_t vpn, struct batch *b)
{
	pte_t pte = pte_get(c, space, vpn);

	if (pte_kind(pte) == PTE_PRESENT) {
		struct frame *f = &c->frames[pte_pfn(pte)];

		if ((f->flags & FRAME_LOCKED) == 0) {
			must(f->pins < UINT16_MAX);
			f->pins++;
			c->pins++;
			return FAULT_DONE;
		}
	}
	return core_fault(c, space, vpn, b);
}

void
core_unpin(struct core *c, unsigned space, uint64_t vpn)
{
	pte_t pte = pte_get(c, space, vpn);

	/* A discard has taken the pin with the page. */
	if (pte_kind(pte) == PTE_PRESENT && c->frames[pte_pfn(pte)].pins > 0) {
		c->frames[pte_pfn(pte)].pins--;
		c->pins--;
	}
}

/* -- caches --------------------------------------------------------------- */

int
core_cache_add(struct core *c, const struct cache *new)
{
	must(new->kind != CACHE_NONE &&new->order < BUDDY_ORDERS);
	for (int i = 0; i < CACHES_MAX; i++)
		if (c->caches[i].kind == CACHE_NONE) {
			c->caches[i] = *new;
			return i;
		}
	return -ENOSPC;
}

void
core_cache_remove(struct core *c, unsigned id)
{
	must(id < CACHES_MAX && c->caches[id].kind != CACHE_NONE);
	c->caches[id] = (struct cache){0};
}

void
core_cache_tell(struct core *c, unsigned id, uint32_t unused, uint32_t flags)
{
	struct cache *cache = &c->caches[id];

	must(id < CACHES_MAX && cache->kind != CACHE_NONE);
	cache->unused = unused;
	cache->flags &= (uint8_t)~CACHE_GROWING;
	cache->flags |= flags & (CACHE_GROWING | CACHE_GROWN);
}

void
core_cache_shrunk(struct core *c, unsigned id, uint64_t freed)
{
	must(id < CACHES_MAX && c->caches[id].kind != CACHE_NONE);
	if (c->caches[id].kind == CACHE_SLAB) {
		stat_add(c, PAGEOUT_STAT_slab_reaped, freed);
		return;
	}
	stat_add(c, PAGEOUT_STAT_shrink_calls, 1);
	stat_add(c, PAGEOUT_STAT_shrink_freed, freed);
}

/* -- looking -------------------------------------------------------------- */

enum page_state
core_page_state(const struct core *c, unsigned space, uint64_t vpn)
{
	pte_t pte = pte_get(c, space, vpn);
	const struct frame *f;

	switch (pte_kind(pte)) {
	case PTE_NONE:
		return PAGE_NONE;
	case PTE_POISON:
		return PAGE_POISONED;
	case PTE_PRESENT:
		f = &c->frames[pte_pfn(pte)];
		return f->flags & FRAME_LOCKED ? PAGE_MOVING : PAGE_MAPPED;
	case PTE_SWAP:
		f = slot_frame(c, pte_entry(pte));
		if (f == NULL)
			return PAGE_SWAPPED;
		if (f->flags & FRAME_LOCKED)
			return PAGE_READING;
		return f->flags & FRAME_WRITEBACK ? PAGE_WRITING : PAGE_CACHED;
	}
	never();
	return PAGE_NONE;
}

uint64_t
core_next_absent(const struct core *c, unsigned space, uint64_t vpn,
                 uint64_t end)
{
	while ((vpn = table_skip(c, space, vpn, end)) < end) {
		if (pte_kind(pte_get(c, space, vpn)) == PTE_SWAP)
			return vpn;
		vpn++;
	}
	return end;
}

uint32_t
core_swap_free(const struct core *c)
{
	uint32_t n = 0;

	for (int i = c->swap_list.head; i >= 0; i = c->swap[i].next)
		n += c->swap[i].free;
	return n;
}

uint32_t
core_swap_cached(const struct core *c)
{
	uint32_t n = 0;

	for (int i = c->swap_list.head; i >= 0; i = c->swap[i].next)
		n += c->swap[i].nr_cached;
	return n;
}

uint32_t
core_swap_total(const struct core *c)
{
	uint32_t n = 0;

	for (int i = c->swap_list.head; i >= 0; i = c->swap[i].next)
		n += c->swap[i].max - 1 - c->swap[i].bad;
	return n;
}
