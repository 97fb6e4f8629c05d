/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames.c -- who has which place of the pool.
 *
 * A zone is a range of frames with free blocks of 2^order neighbours, order
 * 0..9: a binary buddy system.  Neighbours matter: a run of pages in
 * neighbouring frames moves in one call.  The pool grows: frames beyond
 * zone.populated do not exist yet and enter as blocks of 2 MiB.
 *
 *	not populated --OP_POPULATE--> free <--frames_alloc/frame_free--> used
 *	                                 ^                                 |
 *	                                 +--OP_POPULATE-- empty <----------+
 *
 * A free frame may be known to hold zeros (FRAME_FRESH).  A frame whose place
 * holds no page (FRAME_EMPTY: the program's page vanished with its mapping)
 * must be populated again before it is free.
 *
 * [I7] for each zone: free + used + empty + not populated = size.
 */
#include <string.h>

#include "base/bits.h"
#include "core/internal.h"

/* So many pages at most are ready ahead of whoever touches them first. */
#define AHEAD_LOW 2048  /* then the pool grows */
#define AHEAD_HIGH 4096 /* as far as that */

void
flist_init(struct flist *l)
{
	*l = (struct flist){PFN_NONE, PFN_NONE, 0};
}

void
flist_add_head(struct core *c, struct flist *l, enum list_id id,
               struct frame *f)
{
	uint32_t pfn = frame_pfn(c, f);

	must(f->list == LIST_NONE && id != LIST_NONE);
	f->list = (uint8_t)id;
	f->prev = PFN_NONE;
	f->next = l->head;
	if (l->head == PFN_NONE)
		l->tail = pfn;
	else
		c->frames[l->head].prev = pfn;
	l->head = pfn;
	l->count++;
}

void
flist_add_tail(struct core *c, struct flist *l, enum list_id id,
               struct frame *f)
{
	uint32_t pfn = frame_pfn(c, f);

	must(f->list == LIST_NONE && id != LIST_NONE);
	f->list = (uint8_t)id;
	f->next = PFN_NONE;
	f->prev = l->tail;
	if (l->tail == PFN_NONE)
		l->head = pfn;
	else
		c->frames[l->tail].next = pfn;
	l->tail = pfn;
	l->count++;
}

void
flist_del(struct core *c, struct flist *l, struct frame *f)
{
	must(f->list != LIST_NONE && l->count > 0);
	if (f->prev == PFN_NONE)
		l->head = f->next;
	else
		c->frames[f->prev].next = f->next;
	if (f->next == PFN_NONE)
		l->tail = f->prev;
	else
		c->frames[f->next].prev = f->prev;
	f->list = LIST_NONE;
	l->count--;
}

static void
zone_stat_add(struct core *c, enum pageout_stat_id id, const struct zone *z,
              uint32_t n)
{
	stat_add(c, zone_stat(id, (unsigned)(z - c->zones)), n);
}

static void
zone_stat_sub(struct core *c, enum pageout_stat_id id, const struct zone *z,
              uint32_t n)
{
	stat_sub(c, zone_stat(id, (unsigned)(z - c->zones)), n);
}

static void
zone_init(struct core *c, uint32_t start, uint32_t size)
{
	struct zone *z = &c->zones[c->zone_count];

	z->start = start;
	z->size = size;
	c->cfg.policy->watermarks(c, z);
	c->freepages.min += z->pages_min;
	c->freepages.low += z->pages_low;
	c->freepages.high += z->pages_high;
	c->zone_count++;
	for (unsigned i = 0; i < BUDDY_ORDERS; i++)
		flist_init(&z->area[i]);
	zone_stat_add(c, PAGEOUT_STAT_zone0_unpopulated, z, size);
	zone_stat_add(c, PAGEOUT_STAT_zone0_min, z, z->pages_min);
	zone_stat_add(c, PAGEOUT_STAT_zone0_low, z, z->pages_low);
	zone_stat_add(c, PAGEOUT_STAT_zone0_high, z, z->pages_high);
}

void
frames_init(struct core *c)
{
	const struct core_config *cfg = &c->cfg;
	uint32_t start = 0;

	for (unsigned i = 0; i < ZONES_MAX && cfg->zone_frames[i]; i++) {
		zone_init(c, start, cfg->zone_frames[i]);
		start += cfg->zone_frames[i];
	}
	if (start == 0) {
		zone_init(c, 0, cfg->frames_total);
		start = cfg->frames_total;
	}
	must(start == cfg->frames_total);
	flist_init(&c->empty);
	flist_init(&c->unevictable);
}

/* -- buddy blocks --------------------------------------------------------- */

static void
block_link(struct core *c, struct zone *z, uint32_t pfn, unsigned order)
{
	struct frame *f = &c->frames[pfn];

	f->flags |= FRAME_FREE;
	f->order = (uint8_t)order;
	flist_add_head(c, &z->area[order], LIST_BUDDY, f);
}

static void
block_unlink(struct core *c, struct zone *z, uint32_t pfn)
{
	struct frame *f = &c->frames[pfn];

	must(f->flags & FRAME_FREE);
	flist_del(c, &z->area[f->order], f);
	f->flags &= (uint16_t)~FRAME_FREE;
}

/* True when the block at pfn is free and of exactly this order. */
static bool
block_is_free(const struct core *c, const struct zone *z, uint32_t pfn,
              unsigned order)
{
	const struct frame *f;

	if (pfn < z->start || pfn + (1u << order) > z->start + z->populated)
		return false;
	f = &c->frames[pfn];
	return (f->flags & FRAME_FREE) && f->order == order;
}

static void
block_free(struct core *c, struct zone *z, uint32_t pfn, unsigned order)
{
	z->free += 1u << order;
	while (order < BUDDY_ORDERS - 1) {
		uint32_t rel = pfn - z->start;
		uint32_t buddy = z->start + (rel ^ (1u << order));

		if (!block_is_free(c, z, buddy, order))
			break;
		block_unlink(c, z, buddy);
		if (buddy < pfn)
			pfn = buddy;
		order++;
	}
	block_link(c, z, pfn, order);
}

/*
 * Take a block of this order out of a bigger or equal one.  The upper
 * remainder of a split is what is handed out.
 * => returns PFN_NONE when there is none
 */
static uint32_t
block_alloc(struct core *c, struct zone *z, unsigned order)
{
	unsigned from = order;
	uint32_t pfn;

	while (from < BUDDY_ORDERS && z->area[from].count == 0)
		from++;
	if (from == BUDDY_ORDERS)
		return PFN_NONE;
	pfn = z->area[from].head;
	block_unlink(c, z, pfn);
	while (from > order) {
		from--;
		block_link(c, z, pfn, from);
		pfn += 1u << from;
	}
	z->free -= 1u << order;
	return pfn;
}

/* The highest order that has a block, or -1. */
static int
zone_highest_order(const struct zone *z)
{
	for (int i = BUDDY_ORDERS - 1; i >= 0; i--)
		if (z->area[i].count != 0)
			return i;
	return -1;
}

/* -- frames --------------------------------------------------------------- */

/* Hand out the frames of a block that was just taken. */
static void
block_use(struct core *c, const struct zone *z, uint32_t pfn, uint32_t n,
          uint32_t *pfns)
{
	for (uint32_t i = 0; i < n; i++) {
		struct frame *f = &c->frames[pfn + i];

		must(f->vpn == VPN_NONE && f->entry == 0 && f->pins == 0);
		must((f->flags & ~FRAME_FRESH) == 0);
		must(f->list == LIST_NONE);
		pfns[i] = pfn + i;
	}
	c->frames_used += n;
	stat_sub(c, PAGEOUT_STAT_nr_free, n);
	zone_stat_sub(c, PAGEOUT_STAT_zone0_free, z, n);
	stat_add(c, PAGEOUT_STAT_mem_used, (uint64_t)n * PAGE_BYTES);
}

uint32_t
core_take(struct core *c, struct zone *z, uint32_t reserve, uint32_t want,
          uint32_t *pfns)
{
	uint32_t got = 0;

	while (got < want && z->free > reserve) {
		uint32_t n = min_u32(want - got, z->free - reserve);
		int highest = zone_highest_order(z);
		unsigned order = ilog2(n);
		uint32_t pfn;

		must(highest >= 0);
		if (order > (unsigned)highest)
			order = (unsigned)highest;
		pfn = block_alloc(c, z, order);
		must(pfn != PFN_NONE);
		block_use(c, z, pfn, 1u << order, pfns + got);
		got += 1u << order;
	}
	return got;
}

uint32_t
core_take_block(struct core *c, struct zone *z, unsigned order)
{
	uint32_t pfns[1u << (BUDDY_ORDERS - 1)];
	uint32_t pfn = block_alloc(c, z, order);

	if (pfn != PFN_NONE)
		block_use(c, z, pfn, 1u << order, pfns);
	return pfn;
}

void
frame_free(struct core *c, struct frame *f)
{
	uint16_t keep = f->flags & (FRAME_FRESH | FRAME_EMPTY);

	must(f->list == LIST_NONE && f->entry == 0 && f->pins == 0 &&
	     f->maps == 0);
	must((f->flags & (FRAME_LOCKED | FRAME_WRITEBACK | FRAME_SOURCE |
	                  FRAME_FREE)) == 0); /* [I4] */
	f->flags = keep;
	f->vpn = VPN_NONE;
	f->hash = 0;
	c->frames_used--;
	c->oom_ns = 0;
	c->stuck_ns = 0;
	stat_sub(c, PAGEOUT_STAT_mem_used, PAGE_BYTES);
	stat_add(c, PAGEOUT_STAT_pgfree, 1);
	if (keep & FRAME_EMPTY) {
		f->flags = FRAME_EMPTY;
		flist_add_head(c, &c->empty, LIST_EMPTY, f);
		wake(c, DAEMON_KSWAPD);
		return;
	}
	c->cfg.policy->freed(c, f);
	block_free(c, &c->zones[f->zone], frame_pfn(c, f), 0);
	stat_add(c, PAGEOUT_STAT_nr_free, 1);
	zone_stat_add(c, PAGEOUT_STAT_zone0_free, &c->zones[f->zone], 1);
}

void
core_give(struct core *c, struct frame *f)
{
	frame_free(c, f);
}

void
frame_orphan(struct core *c, struct frame *f)
{
	must((f->flags & FRAME_ORPHAN) == 0 && f->pins == 0);
	if (f->list != LIST_NONE)
		frame_unlist(c, f);
	f->vpn = VPN_NONE;
	f->flags |= FRAME_ORPHAN;
	f->flags &= (uint16_t)~FRAME_READAHEAD;
	frame_put(c, f);
}

void
frame_put(struct core *c, struct frame *f)
{
	if ((f->flags & FRAME_ORPHAN) == 0)
		return;
	if (f->flags & (FRAME_LOCKED | FRAME_WRITEBACK | FRAME_SOURCE))
		return; /* [I4]: whoever ends that calls again */
	if (f->entry != 0) {
		swp_entry_t e = f->entry;

		f->entry = 0;
		slot_uncache(c, e, 0);
		slot_put(c, e);
	}
	c->frames_given++;
	frame_free(c, f);
}

/* -- growing -------------------------------------------------------------- */

/* Give its place in the pool back to one frame that lost it. */
static bool
populate_empty(struct core *c, struct batch *b)
{
	struct op *op;
	struct frame *f;

	if (c->empty.count == 0)
		return false;
	op = op_get(c, OP_POPULATE, OPS_RESERVE_FAULT);
	if (op == NULL)
		return false;
	f = &c->frames[c->empty.tail];
	flist_del(c, &c->empty, f);
	f->flags |= FRAME_LOCKED;
	op_at(op, 0, 0);
	op->flags = OPF_REFILL;
	op_add(op, frame_pfn(c, f));
	batch_add(b, op);
	return true;
}

/*
 * The pool will grow to these frames: their entries, all zero till now, become
 * frames.  (Not sooner: a table that is not touched is not memory.)
 */
static void
frames_begin(struct core *c, const struct zone *z, uint32_t pfn, uint32_t n)
{
	for (uint32_t i = pfn; i < pfn + n; i++)
		c->frames[i] = (struct frame){
			.vpn = VPN_NONE,
			.flags = FRAME_EMPTY | FRAME_LOCKED,
			.zone = (uint8_t)(z - c->zones),
		};
}

bool
frames_populate(struct core *c, struct batch *b)
{
	if (populate_empty(c, b))
		return true;
	for (int i = (int)c->zone_count - 1; i >= 0; i--) {
		struct zone *z = &c->zones[i];
		uint32_t left = z->size - z->populated;
		struct op *op;

		if (left == 0)
			continue;
		op = op_get(c, OP_POPULATE, OPS_RESERVE_FAULT);
		if (op == NULL)
			return false;
		op_at(op, 0, 0);
		op->count = min_u32(left, POPULATE_PAGES);
		op->pg[0] = (struct op_page){.pfn = z->start + z->populated};
		frames_begin(c, z, op->pg[0].pfn, op->count);
		z->populated += op->count;
		z->growing += op->count;
		zone_stat_sub(c, PAGEOUT_STAT_zone0_unpopulated, z, op->count);
		batch_add(b, op);
		return true;
	}
	return false;
}

/* A frame that had lost its place has one again. */
static void
empty_populated(struct core *c, struct frame *f, int err)
{
	frame_unlock(f);
	f->flags &= (uint16_t)~FRAME_EMPTY;
	f->flags |= err < 0 ? FRAME_EMPTY : FRAME_FRESH;
	c->frames_used++;
	stat_add(c, PAGEOUT_STAT_mem_used, PAGE_BYTES);
	frame_free(c, f);
}

void
frames_populated(struct core *c, struct op *op)
{
	uint32_t pfn = op->pg[0].pfn, err = op->pg[0].err < 0;
	struct zone *z = &c->zones[c->frames[pfn].zone];

	if (op->flags & OPF_REFILL) {
		empty_populated(c, &c->frames[pfn], op->pg[0].err);
		return;
	}
	z->growing -= op->count;
	for (uint32_t i = 0; i < op->count; i++) {
		struct frame *f = &c->frames[pfn + i];

		must(f->flags == (FRAME_EMPTY | FRAME_LOCKED));
		f->flags = err ? FRAME_EMPTY : FRAME_FRESH;
		if (err)
			flist_add_head(c, &c->empty, LIST_EMPTY, f);
	}
	if (err)
		return; /* no memory: they wait for it one by one */
	for (uint32_t i = 0, n; i < op->count; i += n) {
		uint32_t rel = pfn + i - z->start;
		unsigned order = ilog2(op->count - i);

		if (rel != 0 && (unsigned)__builtin_ctz(rel) < order)
			order = (unsigned)__builtin_ctz(rel);
		if (order > BUDDY_ORDERS - 1)
			order = BUDDY_ORDERS - 1;
		n = 1u << order;
		block_free(c, z, pfn + i, order);
	}
	stat_add(c, PAGEOUT_STAT_nr_free, op->count);
	zone_stat_add(c, PAGEOUT_STAT_zone0_free, z, op->count);
	c->oom_ns = 0;
}

bool
frames_growing(const struct core *c)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < c->zone_count; i++)
		n += c->zones[i].growing;
	return n != 0;
}

static uint32_t
frames_ready(const struct core *c)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < c->zone_count; i++)
		n += c->zones[i].free;
	return n;
}

bool
frames_to_grow(const struct core *c)
{
	return frames_ready(c) < min_u32(c->freepages.high, AHEAD_HIGH);
}

uint32_t
core_frames_free(const struct core *c)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < c->zone_count; i++)
		n += c->zones[i].free + zone_to_come(&c->zones[i]);
	return n;
}

uint32_t
frames_alloc(struct core *c, enum alloc_use use, uint32_t want, uint32_t need,
             uint32_t *pfns)
{
	uint32_t got = c->cfg.policy->alloc(c, use, want, need, pfns);
	uint32_t ready = frames_ready(c);

	if (ready < min_u32(c->freepages.low, AHEAD_LOW) &&
	    ready < core_frames_free(c))
		wake(c, DAEMON_KSWAPD);
	return got;
}
