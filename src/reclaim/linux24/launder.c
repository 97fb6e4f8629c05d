/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * launder.c -- page_launder: inactive_dirty pages become clean.
 *
 * Two passes from the tail of D.  The first only sorts: pages in use go back to
 * A, clean ones to C, dirty ones round the list.  The second is run when frames
 * are short still and the caller may do I/O: it starts writes.
 *
 *	in use ------------------------------------> A
 *	locked, or dirty in the first pass --------> round
 *	dirty in the second ------> write starts --> stays; met again later
 *	buffers --> freed? -------> C, or a free frame when nothing else
 *	clean -------------------------------------> C
 *
 * A dirty page needs two calls in the original: one starts the write, which
 * gives the page buffers; a later one frees them.
 */
#include "reclaim/linux24/linux24.h"

#include "base/bits.h"

/* What is to be done after one page. */
enum next { NEXT_PAGE, NEXT_ENDS_PASS, NEXT_SLEEPS };

static void
pass_begin(const struct core *c, struct launder *l)
{
	l->maxscan = linux24(c)->inactive_dirty.count;
	l->wait_pfn = PFN_NONE;
	l->visit = 0;
}

void
launder_start(const struct core *c, struct launder *l, uint32_t gfp, bool sync)
{
	stat_add(c, PAGEOUT_STAT_launder_calls, 1);
	l->gfp = gfp;
	l->sync = sync;
	l->pass = 0;
	l->maxlaunder = 0;
	l->cleaned = 0;
	l->started = 0;
	l->run_count = 0;
	pass_begin(c, l);
}

static void
rotate(struct core *c, struct frame *f)
{
	list_move24(c, LIST_INACTIVE_DIRTY, f, 9);
}

/* -- dirty pages ---------------------------------------------------------- */

/* Start the writes that were gathered. */
static void
run_write(struct core *c, struct launder *l, struct batch *b)
{
	uint32_t n = core_write(c, l->run, l->run_count, OP_PAGES_MAX, b);

	for (uint32_t i = 0; i < n; i++)
		c->frames[l->run[i]].buffers |= BUF_ATTACHED;
	l->started += n;
	l->run_count = 0;
	stat_add(c, PAGEOUT_STAT_pglaunder, n);
}

/* Too many transfers are in flight: this write is waited for. */
static enum next
write_throttle(struct core *c, struct launder *l, uint32_t pfn)
{
	if (tunable24(c, T24_LAUNDER_SYNC) == 0 ||
	    c->io_pages <= nr_async_max(c) + 1)
		return NEXT_PAGE;
	stat_add(c, PAGEOUT_STAT_launder_sync, 1);
	l->wait_pfn = pfn;
	return NEXT_SLEEPS;
}

/* It has nowhere to go: where it is looked at least. */
static bool
is_unwritable(const struct core *c, const struct launder *l,
              const struct frame *f)
{
	enum writepage w = core_writepage(c, f);

	return w == WRITEPAGE_NONE || (w == WRITEPAGE_REFUSES && l->pass == 1);
}

static enum next
launder_dirty(struct core *c, struct launder *l, struct frame *f,
              struct batch *b)
{
	uint32_t cluster = tunable24(c, T24_WRITE_CLUSTER);
	uint32_t limit = tunable24(c, T24_LAUNDER_LIMIT);
	uint64_t now = c->cfg.host->now_ns(c->cfg.host_ctx);

	if (is_unwritable(c, l, f)) {
		list_move24(c, LIST_ACTIVE, f, 7);
		return NEXT_PAGE;
	}
	if (l->pass == 0 || !core_may_write(c, f, now) ||
	    (limit != 0 && l->started + l->run_count >= limit)) {
		rotate(c, f);
		return NEXT_PAGE;
	}
	l->run[l->run_count++] = frame_pfn(c, f);
	if (cluster > 1) /* its neighbours go along, so it is met once */
		rotate(c, f);
	if (l->run_count < cluster)
		return NEXT_PAGE;
	run_write(c, l, b);
	if (!page_locked(f)) /* no operation was to be had */
		return NEXT_ENDS_PASS;
	return write_throttle(c, l, frame_pfn(c, f));
}

/* -- pages with buffers --------------------------------------------------- */

static unsigned
buffers_wait(struct launder *l)
{
	if (l->pass == 1 && l->maxlaunder == 0 && l->sync)
		return 2;
	if (l->pass == 1 && l->maxlaunder-- > 0)
		return 1;
	return 0;
}

static bool
buffers_free(struct frame *f)
{
	if (f->buffers & BUF_BUSY)
		return false;
	f->buffers = 0;
	return true;
}

/*
 * One visit of try_to_free_buffers to busy ones.
 * => true when the visitor sleeps till the page's write has ended
 */
static bool
buffers_visit(struct core *c, struct frame *f, unsigned wait)
{
	if (f->buffers & BUF_LOCKED)
		return wait == 2;
	if (wait != 0 && f->buffers & BUF_DIRTY)
		buffer_write(c, f);
	return false;
}

/* The page of freed buffers, which is on no list. */
static enum next
buffers_freed(struct core *c, struct launder *l, struct frame *f)
{
	if (!page_mapping(f)) {
		linux24(c)->buffermem_pages--;
		trace24(c, f, STATE_D, STATE_NONE, 10);
		core_give(c, f);
		l->cleaned++;
		return free_shortage(c) == 0 ? NEXT_ENDS_PASS : NEXT_PAGE;
	}
	if (page_count(f) + 1 > 2) {
		list_add24(c, LIST_ACTIVE, f);
		trace24(c, f, STATE_D, STATE_A, 7);
		stat_add(c, PAGEOUT_STAT_pgrescue, 1);
		return NEXT_PAGE;
	}
	list_add24(c, LIST_INACTIVE_CLEAN, f);
	trace24(c, f, STATE_D, STATE_C, 8);
	stat_add(c, PAGEOUT_STAT_pgclean, 1);
	l->cleaned++;
	return NEXT_PAGE;
}

/* try_to_free_buffers, from visit on; the page is on no list meanwhile. */
static enum next
launder_buffers(struct core *c, struct launder *l, struct frame *f,
                unsigned wait)
{
	for (; l->visit < 2; l->visit++) {
		if (buffers_free(f)) {
			l->visit = 0;
			return buffers_freed(c, l, f);
		}
		if (buffers_visit(c, f, wait)) {
			stat_add(c, PAGEOUT_STAT_launder_sync, 1);
			l->wait_pfn = frame_pfn(c, f);
			l->visit++;
			return NEXT_SLEEPS;
		}
		if (wait != 2)
			break;
	}
	l->visit = 0;
	list_add24(c, LIST_INACTIVE_DIRTY, f);
	trace24(c, f, STATE_D, STATE_D, 9);
	return NEXT_PAGE;
}

/* -- one page ------------------------------------------------------------- */

static bool
launder_rescues(struct frame *f)
{
	return test_clear_referenced(f) || f->age > 0 ||
	       (f->buffers == 0 && page_count(f) > 1) ||
	       f->buffers & BUF_RAMDISK;
}

static enum next
launder_page(struct core *c, struct launder *l, struct frame *f,
             struct batch *b)
{
	stat_add(c, PAGEOUT_STAT_pgscan_launder, 1);
	if (launder_rescues(f)) {
		rescue_page(c, f, 7);
		return NEXT_PAGE;
	}
	if (page_locked(f)) {
		rotate(c, f);
		stat_add(c, PAGEOUT_STAT_pgskip, 1);
		return NEXT_PAGE;
	}
	if (f->flags & FRAME_DIRTY)
		return launder_dirty(c, l, f, b);
	if (f->buffers != 0) {
		list_del24(c, f);
		return launder_buffers(c, l, f, buffers_wait(l));
	}
	if (page_mapping(f)) {
		clean_page(c, f);
		l->cleaned++;
		return NEXT_PAGE;
	}
	list_move24(c, LIST_ACTIVE, f, 7);
	return NEXT_PAGE;
}

/* The page that was waited for is unlocked: finish with it. */
static enum next
launder_resume(struct core *c, struct launder *l)
{
	struct frame *f = &c->frames[l->wait_pfn];

	if (page_locked(f) || f->buffers & BUF_LOCKED)
		return NEXT_SLEEPS;
	l->wait_pfn = PFN_NONE;
	return l->visit == 0 ? NEXT_PAGE : launder_buffers(c, l, f, 2);
}

static enum next
launder_pass(struct core *c, struct launder *l, struct batch *b)
{
	struct linux24 *s = linux24(c);
	enum next n =
		l->wait_pfn == PFN_NONE ? NEXT_PAGE : launder_resume(c, l);

	while (n == NEXT_PAGE && s->inactive_dirty.count != 0 &&
	       l->maxscan > 0) {
		l->maxscan--;
		n = launder_page(c, l, &c->frames[s->inactive_dirty.tail], b);
	}
	return n;
}

enum task24
page_launder(struct core *c, struct launder *l, struct batch *b)
{
	for (;;) {
		enum next n = launder_pass(c, l, b);

		if (l->run_count != 0)
			run_write(c, l, b);
		if (n == NEXT_SLEEPS)
			return TASK_SLEEPS;
		if ((l->gfp & GFP_IO) == 0 || l->pass == 1 ||
		    free_shortage(c) == 0)
			return TASK_DONE;
		l->pass = 1;
		if (l->cleaned > 0)
			l->sync = false;
		l->maxlaunder = max_launder(c);
		wakeup_bdflush(c, false);
		pass_begin(c, l);
	}
}
