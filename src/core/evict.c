/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * evict.c -- a page goes out.
 *
 *	mapped --core_unmap--> unmapping --OP_UNMAP--> zero?  frame is free
 *	                                               same hash?  clean
 *	                                               else  dirty
 *	dirty --core_launder--> writing --OP_WRITE--> clean
 *	clean --core_drop--> swapped out, frame is free
 *
 * Everything that an eviction needs, slot and operation, is taken before the
 * page moves.  Whether it is clean is decided after it has moved, when nobody
 * can write to it any more, from its contents alone.
 *
 * [I2] a DIRTY frame stays until a write of it has succeeded.
 * [I4] a frame under write, and its slot, stay until the write has ended.
 *
 * A page of a file has its slot from the start and keeps it: when a write
 * fails, it waits for the next one.
 */
#include <errno.h>

#include "base/bits.h"
#include "core/internal.h"

#define BACKOFF_NS_MIN 1000000ull    /* 1 ms */
#define BACKOFF_NS_MAX 1000000000ull /* 1 s */

void
sort_frames(const struct core *c, uint32_t *pfns, uint32_t n,
            uint64_t (*key)(const struct frame *f))
{
	static const uint32_t gaps[] = {57, 23, 10, 4, 1};
	uint64_t keys[OP_PAGES_MAX];

	must(n <= OP_PAGES_MAX);
	for (uint32_t i = 0; i < n; i++)
		keys[i] = key(&c->frames[pfns[i]]);
	for (unsigned g = 0; g < ARRAY_SIZE(gaps); g++) {
		for (uint32_t i = gaps[g]; i < n; i++) {
			uint32_t pfn = pfns[i], j = i;
			uint64_t k = keys[i];

			for (; j >= gaps[g] && keys[j - gaps[g]] > k;
			     j -= gaps[g]) {
				pfns[j] = pfns[j - gaps[g]];
				keys[j] = keys[j - gaps[g]];
			}
			pfns[j] = pfn;
			keys[j] = k;
		}
	}
}

/* -- mapped -> unmapping -------------------------------------------------- */

static uint64_t
key_page(const struct frame *f)
{
	return (uint64_t)f->space << 40 | f->vpn;
}

bool
core_unmap_has_room(const struct core *c, const struct unmap_group *g)
{
	return g->count < OP_PAGES_MAX &&
	       c->ops_free_count > OPS_RESERVE_FAULT + g->runs;
}

/* True when f's page is a neighbour of the last one of the group. */
static bool
unmap_joins(const struct core *c, const struct unmap_group *g,
            const struct frame *f)
{
	const struct frame *last;

	if (g->count == 0)
		return false;
	last = &c->frames[g->pfn[g->count - 1]];
	return last->space == f->space &&
	       (last->vpn + 1 == f->vpn || f->vpn + 1 == last->vpn);
}

bool
core_unmap(struct core *c, struct unmap_group *g, struct frame *f)
{
	if (!core_unmap_has_room(c, g) || !frame_may_leave(f))
		return false;
	frame_lock(c, f);
	c->unmapping++;
	g->runs += !unmap_joins(c, g, f);
	g->pfn[g->count++] = frame_pfn(c, f);
	return true;
}

/* A victim that cannot leave now. */
static void
unmap_refuse(struct core *c, struct frame *f)
{
	frame_unlock(f);
	c->unmapping--;
	c->cfg.policy->mapped(c, f);
}

/* True when f's page follows the last page of op, in the same area. */
static bool
unmap_follows(const struct op *op, const struct frame *f, struct page_id id)
{
	return op != NULL && op->count < OP_PAGES_MAX &&
	       op->space == f->space && op->vpn + op->count == f->vpn &&
	       op->id == id.id && op->off + op->count == id.off;
}

static struct op *
unmap_begin(struct core *c, const struct frame *f, struct page_id id,
            struct batch *b)
{
	struct op *op = op_get(c, OP_UNMAP, OPS_RESERVE_FAULT);

	if (op == NULL)
		return NULL;
	op_at(op, f->space, f->vpn);
	op->id = id.id;
	op->off = id.off;
	batch_add(b, op);
	return op;
}

uint32_t
core_unmap_end(struct core *c, struct unmap_group *g, struct batch *b)
{
	struct op *op = NULL;
	uint32_t started = 0;

	sort_frames(c, g->pfn, g->count, key_page);
	for (uint32_t i = 0; i < g->count; i++) {
		struct frame *f = &c->frames[g->pfn[i]];
		const struct area *a = core_area_find(c, f->space, f->vpn);
		struct page_id id;

		if (a == NULL) { /* is being discarded by somebody */
			unmap_refuse(c, f);
			continue;
		}
		if (f->entry == 0) {
			must(a->file == 0);
			f->entry = slot_alloc(c, g->pfn[i], 1);
			if (f->entry == 0) {
				unmap_refuse(c, f);
				continue;
			}
			f->flags |= FRAME_DIRTY; /* the slot has nothing yet */
		}
		id = area_page_id(a, f->vpn);
		if (!unmap_follows(op, f, id))
			op = unmap_begin(c, f, id, b);
		if (op == NULL) { /* it keeps its slot for next time */
			unmap_refuse(c, f);
			continue;
		}
		op->flags = a->file != 0 ? OPF_FILE : 0;
		op_add(op, g->pfn[i]);
		started++;
	}
	g->count = 0;
	g->runs = 0;
	return started;
}

/* -- unmapping -> zero, clean, dirty -------------------------------------- */

/* The page is nothing any more; its frame may be used again. */
static void
unmap_forget(struct core *c, struct frame *f, pte_t *pte, uint16_t contents)
{
	*pte = PTE_NONE;
	f->flags |= contents;
	frame_orphan(c, f);
}

static void
unmap_moved(struct core *c, const struct op_page *pg, struct frame *f,
            pte_t *pte)
{
	stat_add(c, PAGEOUT_STAT_pgunmap, 1);
	rss_sub(c, f->space, f);
	if (pg->zero) {
		stat_add(c, PAGEOUT_STAT_pgunmap_zero, 1);
		unmap_forget(c, f, pte, FRAME_FRESH);
		return;
	}
	if ((f->flags & FRAME_DIRTY) == 0 && pg->hash == f->hash) {
		stat_add(c, PAGEOUT_STAT_pgunmap_clean, 1);
		f->flags &= (uint16_t)~FRAME_SYNC;
	} else {
		f->flags |= FRAME_DIRTY;
	}
	f->hash = pg->hash;
	slot_get(c, f->entry);
	*pte = pte_swap(f->entry);
	c->cfg.policy->cached(c, f);
}

/* It would not move.  Leave it alone for a while. */
static void
unmap_refused(struct core *c, int err, struct frame *f)
{
	uint64_t now = now_ns(c);

	stat_add(c,
	         err == -EBUSY ? PAGEOUT_STAT_pgunmap_busy
	                       : PAGEOUT_STAT_pgunmap_denied,
	         1);
	if (now > c->unevictable_retry_ns + BACKOFF_NS_MAX)
		c->unevictable_wait_ns = BACKOFF_NS_MIN; /* a new trouble */
	c->unevictable_retry_ns = now + c->unevictable_wait_ns;
	c->refused_ns = now;
	if (c->cfg.policy->refused != NULL)
		c->cfg.policy->refused(c, f);
	flist_add_head(c, &c->unevictable, LIST_UNEVICTABLE, f);
	stat_add(c, PAGEOUT_STAT_nr_unevictable, 1);
}

static void
unmap_one(struct core *c, const struct op *op, uint32_t i)
{
	const struct op_page *pg = &op->pg[i];
	struct frame *f = &c->frames[pg->pfn];
	pte_t *pte = pte_of(c, op->space, op->vpn + i);

	must(f->vpn == op->vpn + i && pte_pfn(*pte) == pg->pfn); /* [I1] */
	frame_unlock(f);
	f->flags &= (uint16_t)~FRAME_WANTED;
	if ((op->flags & OPF_DISCARD) == 0)
		c->unmapping--;
	if (op->flags & OPF_DISCARD || f->flags & FRAME_DROPPED) {
		rss_sub(c, op->space, f);
		unmap_forget(c, f, pte, pg->err < 0 ? FRAME_EMPTY : 0);
	} else if (pg->err == 0) {
		unmap_moved(c, pg, f, pte);
	} else if (pg->err == -ENOENT) {
		rss_sub(c, op->space, f);
		unmap_forget(c, f, pte, FRAME_EMPTY);
	} else {
		unmap_refused(c, pg->err, f);
	}
}

void
unmap_done(struct core *c, struct op *op, struct batch *b)
{
	bool wanted = false;

	for (uint32_t i = 0; i < op->count; i++) {
		wanted |= c->frames[op->pg[i].pfn].flags & FRAME_WANTED;
		unmap_one(c, op, i);
	}
	if (op->flags & OPF_FILE)
		file_sync_unmapped(c, op, b);
	op_wake(c, op, wanted, b);
}

/* -- dirty -> writing -> clean -------------------------------------------- */

static uint64_t
key_slot(const struct frame *f)
{
	return f->entry;
}

uint32_t
core_write(struct core *c, uint32_t *pfns, uint32_t n, uint32_t ops,
           struct batch *b)
{
	struct op *op = NULL;
	uint32_t i;

	sort_frames(c, pfns, n, key_slot);
	for (i = 0; i < n; i++) {
		struct frame *f = &c->frames[pfns[i]];

		if (op == NULL || op->entry + op->count != f->entry ||
		    op->count == OP_PAGES_MAX) {
			if (ops-- == 0)
				break;
			op = op_get(c, OP_WRITE, OPS_RESERVE_DAEMON);
			if (op == NULL)
				break;
			op_at(op, f->space, f->vpn);
			op->entry = f->entry;
			batch_add(b, op);
		}
		f->flags |= FRAME_WRITEBACK;
		c->io_pages++;
		c->write_pages++;
		op_add(op, pfns[i]);
	}
	return i;
}

bool
core_may_write(const struct core *c, const struct frame *f, uint64_t now)
{
	must((f->flags & FRAME_DIRTY) && f->entry != 0);
	return (f->flags & (FRAME_WRITEBACK | FRAME_LOCKED)) == 0 &&
	       swap_writable(c, f->entry, now);
}

uint32_t
core_launder(struct core *c, struct flist *l, uint32_t scan, uint32_t ops,
             struct batch *b)
{
	uint32_t pfns[OP_PAGES_MAX], n = 0;
	uint64_t now = now_ns(c);

	for (uint32_t pfn = l->tail;
	     pfn != PFN_NONE && scan > 0 && n < OP_PAGES_MAX; scan--) {
		struct frame *f = &c->frames[pfn];

		if (f->flags & FRAME_DIRTY && f->maps == 0 &&
		    core_may_write(c, f, now))
			pfns[n++] = pfn;
		pfn = f->prev;
	}
	return core_write(c, pfns, n, ops, b);
}

/*
 * A write failed.  The contents are in the frame still: give the page another
 * slot, if there is one, and never use this one again.
 */
static void
write_failed(struct core *c, struct frame *f)
{
	swp_entry_t bad = f->entry, e;

	if (!slot_counts(c, bad, 2))
		return; /* guests name it: it is tried again */
	e = slot_alloc(c, frame_pfn(c, f), 2);
	if (e == 0)
		return;
	*pte_of(c, f->space, f->vpn) = pte_swap(e);
	f->entry = e;
	slot_put(c, bad);
	slot_bad(c, bad);
}

void
write_done(struct core *c, struct op *op, struct batch *b)
{
	bool file = entry_is_file(op->entry), wanted = false;
	bool outage = slot_resting(c, op->entry);
	uint32_t failed = 0;

	c->io_pages -= op->count;
	c->write_pages -= op->count;
	stat_add(c, PAGEOUT_STAT_io_write_ops, 1);
	for (uint32_t i = 0; i < op->count; i++) {
		struct frame *f = &c->frames[op->pg[i].pfn];
		bool ok = op->pg[i].err == 0;

		must(f->flags & FRAME_WRITEBACK);
		wanted |= f->flags & FRAME_WANTED; /* of a file's page */
		f->flags &= (uint16_t) ~(FRAME_WRITEBACK | FRAME_WANTED);
		failed += !ok;
		if (f->flags & FRAME_ORPHAN) {
			frame_put(c, f);
		} else if (ok) {
			f->flags &= (uint16_t) ~(FRAME_DIRTY | FRAME_SYNC);
			c->cfg.policy->cleaned(c, f);
		} else if (!outage && !file) {
			/* The slot's fault, not the device's. */
			write_failed(c, f);
		}
	}
	stat_add(c, PAGEOUT_STAT_pswpout, op->count - failed);
	stat_add(c, PAGEOUT_STAT_swap_write_errors, failed);
	if (file)
		c->swap[entry_type(op->entry)].failed += failed;
	if (failed != 0)
		slot_rest(c, op->entry, now_ns(c));
	else
		slot_written(c, op->entry);
	op_wake(c, op, wanted, b);
}

/* -- clean -> gone -------------------------------------------------------- */

void
core_steal(struct core *c, struct frame *f)
{
	swp_entry_t e = f->entry;

	must((f->flags & (FRAME_DIRTY | FRAME_WRITEBACK | FRAME_LOCKED |
	                  FRAME_ORPHAN)) == 0); /* [I2] */
	must(e != 0 && slot_shared(c, e));      /* the table still names it */
	c->cfg.policy->gone(c, f);
	f->entry = 0;
	slot_uncache(c, e, f->hash);
	slot_put(c, e);
	f->flags = 0;
	f->vpn = VPN_NONE;
	f->hash = 0;
}

void
core_drop(struct core *c, struct frame *f)
{
	core_steal(c, f);
	frame_free(c, f);
}

/* -- what would not move -------------------------------------------------- */

void
core_retry_unevictable(struct core *c)
{
	uint64_t wait = c->unevictable_wait_ns * 2;

	if (c->unevictable.count == 0 || now_ns(c) < c->unevictable_retry_ns)
		return;
	c->unevictable_wait_ns = wait < BACKOFF_NS_MAX ? wait : BACKOFF_NS_MAX;
	while (c->unevictable.count != 0) {
		struct frame *f = &c->frames[c->unevictable.tail];

		frame_unlist(c, f);
		c->cfg.policy->mapped(c, f);
	}
}

void
core_evictable(struct core *c)
{
	c->unevictable_retry_ns = 0;
	c->unevictable_wait_ns = BACKOFF_NS_MIN;
}

uint64_t
core_cold(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
          struct batch *b)
{
	struct unmap_group g = {0};
	uint64_t end = vpn + pages;

	for (; vpn < end && core_unmap_has_room(c, &g); vpn++) {
		pte_t pte;

		vpn = table_skip(c, space, vpn, end);
		if (vpn == end)
			break;
		pte = pte_get(c, space, vpn);
		if (pte_kind(pte) == PTE_PRESENT)
			(void)core_unmap(c, &g, &c->frames[pte_pfn(pte)]);
	}
	(void)core_unmap_end(c, &g, b);
	wake(c, DAEMON_FLUSHER);
	return vpn;
}
