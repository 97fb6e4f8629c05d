/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * buffer.c -- the buffer cache's share in reclaim, and its two daemons.
 *
 * A page may carry a buffer: a block of a device that is as large as the page.
 * A page that is nothing but a buffer belongs to no program; it ages on the
 * lists like all others, and page_launder frees it.
 *
 *	             mark_buffer_dirty            buffer_write
 *	ATTACHED ---------------------> DIRTY -----------------> LOCKED
 *	    ^                             ^        failed           |
 *	    |                             +-------------------------+
 *	    +-------------------- buffer_written24 -----------------+
 *
 *	bdflush		woken when much is dirty or frames are short: writes
 *			buffers, launders, until there is nothing to do
 *	kupdate		every five seconds: writes what has been dirty for
 *			thirty; superblocks and inodes, its other work, are the
 *			business of whoever has them
 *
 * Law: a buffer is on the list of dirty ones exactly when it is DIRTY; the list
 * is in the order in which they became so.
 */
#include "reclaim/linux24/linux24.h"

/* What the original can be told at run time (its preset of bdflush). */
#define BDFLUSH_NFRACT 30
#define BDFLUSH_NFRACT_SYNC 60
#define BDFLUSH_NDIRTY 64
#define BDFLUSH_INTERVAL (5 * HZ)
#define BDFLUSH_AGE_BUFFER (30 * HZ)

void
linux24_buffers_init(struct core *c)
{
	flist_init(&linux24(c)->dirty);
}

/* -- the list of dirty ones ----------------------------------------------- */

static void
dirty_add(struct core *c, uint32_t pfn)
{
	struct flist *l = &linux24(c)->dirty;
	struct buffer24 *new = buffer24(c, pfn);

	new->prev = PFN_NONE;
	new->next = l->head;
	new->flushtime = jiffies(c) + BDFLUSH_AGE_BUFFER;
	if (l->head == PFN_NONE)
		l->tail = pfn;
	else
		buffer24(c, l->head)->prev = pfn;
	l->head = pfn;
	l->count++;
}

static void
dirty_del(struct core *c, uint32_t pfn)
{
	struct flist *l = &linux24(c)->dirty;
	const struct buffer24 *old = buffer24(c, pfn);

	must(l->count > 0);
	if (old->prev == PFN_NONE)
		l->head = old->next;
	else
		buffer24(c, old->prev)->next = old->next;
	if (old->next == PFN_NONE)
		l->tail = old->prev;
	else
		buffer24(c, old->next)->prev = old->prev;
	l->count--;
}

/* -- one buffer ----------------------------------------------------------- */

void
mark_buffer_dirty(struct core *c, struct frame *f)
{
	must(f->buffers & BUF_ATTACHED);
	if (f->buffers & BUF_DIRTY)
		return;
	f->buffers |= BUF_DIRTY;
	dirty_add(c, frame_pfn(c, f));
}

void
buffer_write(struct core *c, struct frame *f)
{
	uint32_t pfn = frame_pfn(c, f);

	must((f->buffers & (BUF_DIRTY | BUF_LOCKED)) == BUF_DIRTY);
	must(c->cfg.host->buffer_write != NULL);
	dirty_del(c, pfn);
	f->buffers &= (uint8_t)~BUF_DIRTY;
	f->buffers |= BUF_LOCKED;
	stat_add(c, PAGEOUT_STAT_buffer_writes, 1);
	c->cfg.host->buffer_write(c->cfg.host_ctx, pfn);
}

void
buffer_written24(struct core *c, uint32_t pfn, bool ok)
{
	const struct host_ops *host = c->cfg.host;
	struct frame *f = &c->frames[pfn];

	must(f->buffers & BUF_LOCKED);
	f->buffers &= (uint8_t)~BUF_LOCKED;
	if (!ok)
		mark_buffer_dirty(c, f);
	if (linux24(c)->kswapd.launder.wait_pfn == pfn)
		host->wake(c->cfg.host_ctx, DAEMON_KSWAPD);
	if (linux24(c)->bdflush_launders)
		host->wake(c->cfg.host_ctx, DAEMON_FLUSHER);
}

void
touch_buffer(struct frame *f)
{
	f->flags |= FRAME_REFERENCED;
}

/* -- a new buffer --------------------------------------------------------- */

/* Make some room first, without I/O: the caller may hold locks. */
static void
refill_freelist(struct core *c, struct batch *b)
{
	struct launder l;

	balance_dirty(c);
	if (free_shortage(c) == 0)
		return;
	launder_start(c, &l, GFP_BUFFER, false);
	if (page_launder(c, &l, b) == TASK_SLEEPS)
		never(); /* it writes nothing, so it waits for nothing */
}

/* The page is all buffer; it has the age of any page just allocated. */
static void
grow_buffers(struct core *c, struct frame *f)
{
	f->buffers = BUF_ATTACHED;
	f->flags &= (uint16_t)~FRAME_REFERENCED;
	lru_cache_add(c, f, page_count(f) + 1);
	linux24(c)->buffermem_pages++;
}

enum alloc_result
getblk24(struct core *c, struct getblk24 *g, struct batch *b)
{
	enum alloc_result r;

	if (!g->refilled) {
		g->refilled = true;
		g->alloc.gfp = GFP_BUFFER;
		refill_freelist(c, b);
	}
	r = alloc_pages24(c, &g->alloc, b);
	if (r == ALLOC_GOT)
		grow_buffers(c, &c->frames[g->alloc.pfn]);
	return r;
}

/* -- how much is dirty ---------------------------------------------------- */

enum balance
balance_dirty_state(const struct core *c)
{
	const struct linux24 *s = linux24(c);
	uint64_t dirty = (uint64_t)s->dirty.count * 100;
	uint64_t total = nr_free_buffer_pages(c);
	uint32_t shortage = free_shortage(c);
	uint32_t launderable = nr_inactive_dirty_pages(c);

	if (dirty > total * BDFLUSH_NFRACT_SYNC)
		return BALANCE_SYNC;
	if (dirty > total * BDFLUSH_NFRACT)
		return BALANCE_ASYNC;
	if (shortage > 0 && launderable > shortage &&
	    launderable > c->freepages.high)
		return BALANCE_ASYNC;
	return BALANCE_NONE;
}

void
balance_dirty(struct core *c)
{
	enum balance state = balance_dirty_state(c);

	if (state != BALANCE_NONE)
		wakeup_bdflush(c, state == BALANCE_SYNC);
}

/* -- the daemons ---------------------------------------------------------- */

void
wakeup_bdflush(struct core *c, bool block)
{
	struct linux24 *s = linux24(c);

	if (s->bdflush_launders)
		return; /* it asks itself, or goes on anyway */
	if (s->bdflush_sleeps)
		stat_add(c, PAGEOUT_STAT_bdflush_wake, 1);
	s->bdflush_sleeps = false;
	c->cfg.host->wake(c->cfg.host_ctx, DAEMON_FLUSHER);
	if (block)
		(void)flush_dirty_buffers(c, false);
}

uint32_t
flush_dirty_buffers(struct core *c, bool check_time)
{
	uint32_t started = 0, prev;
	uint64_t now = jiffies(c);

	for (uint32_t pfn = linux24(c)->dirty.tail; pfn != PFN_NONE;
	     pfn = prev) {
		prev = buffer24(c, pfn)->prev;
		if (c->frames[pfn].buffers & BUF_LOCKED)
			continue;
		if (check_time ? now < buffer24(c, pfn)->flushtime
		               : started == BDFLUSH_NDIRTY)
			break;
		buffer_write(c, &c->frames[pfn]);
		started++;
	}
	return started;
}

void
kupdate(struct core *c)
{
	linux24(c)->kupdate_next = jiffies(c) + BDFLUSH_INTERVAL;
	(void)flush_dirty_buffers(c, true);
}

/* => false when it sleeps till a page is unlocked */
static bool
bdflush_round(struct core *c, struct batch *b)
{
	struct linux24 *s = linux24(c);

	if (!s->bdflush_launders) {
		s->bdflush_flushed = flush_dirty_buffers(c, false);
		if (free_shortage(c) == 0)
			return true;
		launder_start(c, &s->bdflush, GFP_KERNEL, false);
		s->bdflush_launders = true;
	}
	if (page_launder(c, &s->bdflush, b) == TASK_SLEEPS)
		return false;
	s->bdflush_launders = false;
	s->bdflush_flushed += s->bdflush.cleaned;
	return true;
}

bool
linux24_bdflush(struct core *c, struct batch *b)
{
	struct linux24 *s = linux24(c);

	if (jiffies(c) >= s->kupdate_next)
		kupdate(c);
	if (s->bdflush_sleeps || !bdflush_round(c, b))
		return false;
	s->bdflush_sleeps = s->bdflush_flushed == 0 ||
	                    balance_dirty_state(c) == BALANCE_NONE;
	return !s->bdflush_sleeps;
}
