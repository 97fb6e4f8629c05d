/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * perform.c -- operations of the core, done to real memory.
 *
 * A page is always in exactly one of two places, its area or its frame's place
 * in the pool, and goes from one to the other by UFFDIO_MOVE.  After a page has
 * left its area nobody can write to it; then, and only then, its contents are
 * looked at.
 *
 * MOVE works in runs and may stop anywhere.  Where it refuses a page:
 *
 *	-EBUSY	somebody holds the page (direct I/O), or a forked child shares
 *		it: try to make it ours alone once, then leave it; when it gets
 *		another address, the kernel moves it with whoever holds it
 *	-ENOENT	there is no page
 *	-EINVAL	the area's protection forbids it: a page that comes in is copied
 *		instead, a page that should go out stays
 *	-EAGAIN	the layout is changing: events must be read first; a page that
 *		one of them takes away does not come in any more
 *	-EEXIST	it has moved: when Linux 6.18 had to try again because a page
 *		was being migrated, it moves pages without counting them and
 *		then finds their places taken.  Or, of a page that comes in,
 *		something else is there: a guard page, a mark of UFFDIO_POISON,
 *		a page that is not taken over yet or about to vanish.  Then the
 *		core takes it back, and whoever waits meets what is there
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "os/raw.h"
#include "os/uffd.h"
#include "pager/internal.h"

#define BUSY_TRIES 16    /* of a page that comes in and is held for a moment */
#define CHANGE_TRIES 100 /* while the layout changes, of a page that goes out */

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* Also if the process has locked its memory (mlockall). */
static void
drop_pages(void *addr, size_t bytes)
{
	long r = syscall(SYS_madvise, addr, bytes, MADV_DONTNEED);

	if (r < 0 && errno == EINVAL)
		r = syscall(SYS_madvise, addr, bytes, MADV_DONTNEED_LOCKED);
	must(r == 0);
}

void
frames_drop(const struct node *n, uint32_t pfn, uint32_t count)
{
	drop_pages(frame_addr(n, pfn), (size_t)count << PAGE_SHIFT);
}

/* Pages from index i whose frames are neighbours. */
static uint32_t
run_of(const struct op *op, uint32_t i)
{
	uint32_t n = 1;

	while (i + n < op->count && op->pg[i + n].pfn == op->pg[i].pfn + n)
		n++;
	return n;
}

/*
 * MOVE says that something is in the page's new place, which was empty [I1]: it
 * is the page, moved and not counted.
 */
static void
must_have_moved(const void *from)
{
	unsigned char in_memory = 1;
	long r = syscall(SYS_mincore, from, PAGE_BYTES, &in_memory);

	must(r == 0 && (in_memory & 1) == 0);
}

/*
 * The frame's page is not in the pool.  One that the kernel has swapped out is,
 * and mincore() would deny it.
 */
static bool
frame_is_empty(const struct node *n, uint32_t pfn)
{
	return syscall(SYS_madvise, frame_addr(n, pfn), PAGE_BYTES,
	               MADV_POPULATE_READ) < 0 &&
	       errno == EFAULT;
}

/* -- in ------------------------------------------------------------------- */

/*
 * Copy a page in where it cannot be moved, and give the frame's page back: the
 * copy is the page now.
 * => 0, -EAGAIN or -ENOENT
 */
static int
map_copy(struct node *n, uint64_t vpn, uint32_t pfn)
{
	uint64_t done;
	int r;

	do {
		r = uffd_copy(n->pager->uffd, page_addr(vpn),
		              frame_addr(n, pfn), PAGE_BYTES, 0, &done);
	} while (r == -ENOMEM);
	if (r == -EAGAIN)
		return r;
	if (r < 0)
		return -ENOENT;
	frames_drop(n, pfn, 1);
	return 0;
}

/*
 * One page that the run did not take.
 * => -EAGAIN: the layout is changing
 */
static int
map_one(struct node *n, uint64_t vpn, uint32_t pfn)
{
	for (unsigned busy = 0;;) {
		uint64_t done;
		int r = uffd_move(n->pager->uffd, page_addr(vpn),
		                  frame_addr(n, pfn), PAGE_BYTES, 0, &done);

		if (r == 0 || r == -ENOENT || r == -EAGAIN)
			return r;
		if (r == -EBUSY && ++busy < BUSY_TRIES) {
			(void)sched_yield();
			continue;
		}
		if (r != -EEXIST)
			return map_copy(n, vpn, pfn);
		if (!frame_is_empty(n, pfn))
			return r;
		(void)uffd_wake(n->pager->uffd, page_addr(vpn), PAGE_BYTES);
		return 0;
	}
}

static void
map_fill(struct node *n, const struct op *op)
{
	for (uint32_t i = 0; i < op->count; i++) {
		char *frame = frame_addr(n, op->pg[i].pfn);

		if (op->flags & OPF_COPY)
			memcpy(frame, frame_addr(n, op->pg[i].src), PAGE_BYTES);
		else if (op->flags & OPF_ZERO && !op->pg[i].fresh)
			memset(frame, 0, PAGE_BYTES);
	}
}

/* Pages from index i that may come in, in one run; 0: this one may not. */
static uint32_t
map_run(const struct node *n, const struct op *op, uint32_t i)
{
	uint32_t max = run_of(op, i), run = 0;

	while (run < max && !faults_taking(n->pager, op->vpn + i + run))
		run++;
	return run;
}

/*
 * What was not moved by a run that may be empty.
 * => 0; why it does not come in; or 1: to be tried again
 */
static int
map_rest(struct node *n, uint64_t vpn, uint32_t pfn, uint32_t run)
{
	int err;

	if (run == 0) /* but it may have moved, and not have been counted */
		return frame_is_empty(n, pfn) ? 0 : -EAGAIN;
	err = map_one(n, vpn, pfn);
	if (err != -EAGAIN)
		return err;
	pager_layout_wait(n->pager);
	return 1;
}

static void
perform_map(struct node *n, struct op *op)
{
	if (copies_map(n, op)) {
		op->pg[0].err = 0;
		return;
	}
	map_fill(n, op);
	for (uint32_t i = 0; i < op->count;) {
		uint64_t vpn = op->vpn + i, done = 0;
		uint32_t run = map_run(n, op, i);
		int err;

		if (run != 0)
			(void)uffd_move(n->pager->uffd, page_addr(vpn),
			                frame_addr(n, op->pg[i].pfn),
			                (uint64_t)run << PAGE_SHIFT, 0, &done);
		for (uint64_t k = done >> PAGE_SHIFT; k > 0; k--)
			op->pg[i++].err = 0;
		if (done != 0)
			continue;
		err = map_rest(n, vpn, op->pg[i].pfn, run);
		if (err > 0)
			continue;
		op->pg[i++].err = (int16_t)err;
		if (err < 0 || run == 0)
			(void)uffd_wake(n->pager->uffd, page_addr(vpn),
			                PAGE_BYTES);
	}
}

/* -- out ------------------------------------------------------------------ */

/*
 * Make a page that a forked child shares ours alone again: a write that
 * changes nothing, by the kernel, which fails where a store would kill.
 */
static bool
make_exclusive(struct node *n, uint64_t vpn)
{
	if (!__atomic_load_n(&n->pager->forked, __ATOMIC_RELAXED))
		return false;
	return syscall(SYS_madvise, page_addr(vpn), PAGE_BYTES,
	               MADV_POPULATE_WRITE) == 0;
}

/* One page that the run did not take.  => 0 or why it stays */
static int
unmap_one(struct node *n, uint64_t vpn, uint32_t pfn)
{
	bool tried = false;

	for (unsigned changes = 0;;) {
		uint64_t done;
		int r = uffd_move(n->pager->pool_uffd, frame_addr(n, pfn),
		                  page_addr(vpn), PAGE_BYTES,
		                  UFFDIO_MOVE_MODE_DONTWAKE, &done);

		if (r == 0 || r == -ENOENT || r == -EINVAL)
			return r;
		if (r == -EEXIST) {
			must_have_moved(page_addr(vpn));
			return 0;
		}
		if (r == -EAGAIN && ++changes < CHANGE_TRIES) {
			pager_layout_wait(n->pager);
			continue;
		}
		if (r == -EBUSY && !tried) {
			tried = true;
			if (make_exclusive(n, vpn))
				continue;
		}
		return -EBUSY;
	}
}

/* The contents are not wanted: what cannot move is dropped where it is. */
static int
discard_one(struct node *n, uint64_t vpn, uint32_t pfn)
{
	int r = unmap_one(n, vpn, pfn);

	if (r == 0)
		return 0;
	if (r != -ENOENT && syscall(SYS_madvise, page_addr(vpn), PAGE_BYTES,
	                            MADV_DONTNEED) < 0) {
		pager_say(n->pager, PAGEOUT_LOG_ERROR,
		          "locked memory cannot be discarded: pin it, do not "
		          "mlock it");
		abort(); /* it would go on with contents that it gave away */
	}
	return -ENOENT;
}

static void
unmap_look(struct node *n, struct op *op)
{
	for (uint32_t i = 0; i < op->count; i++) {
		const char *frame = frame_addr(n, op->pg[i].pfn);

		if (op->pg[i].err < 0)
			continue;
		op->pg[i].zero =
			(op->flags & OPF_FILE) == 0 && page_is_zero(frame);
		if (!op->pg[i].zero)
			op->pg[i].hash = page_hash(op->id, op->off + i, frame);
	}
}

static void
perform_unmap(struct node *n, struct op *op)
{
	bool discard = op->flags & OPF_DISCARD;

	copies_settle(n, op);
	for (uint32_t i = 0; i < op->count;) {
		uint64_t vpn = op->vpn + i, done;
		uint32_t pfn = op->pg[i].pfn;

		(void)uffd_move(n->pager->pool_uffd, frame_addr(n, pfn),
		                page_addr(vpn),
		                (uint64_t)run_of(op, i) << PAGE_SHIFT,
		                UFFDIO_MOVE_MODE_DONTWAKE, &done);
		for (uint64_t k = done >> PAGE_SHIFT; k > 0; k--)
			op->pg[i++].err = 0;
		if (done != 0)
			continue;
		op->pg[i++].err = (int16_t)(discard ? discard_one(n, vpn, pfn)
		                                    : unmap_one(n, vpn, pfn));
	}
	if (!discard)
		unmap_look(n, op);
}

/* -- the rest ------------------------------------------------------------- */

/*
 * A page that a device may write to must stay where it is in memory: the kernel
 * itself gives it its new address.  Without a registration that makes no
 * events; nobody may rely on either address until this is done.
 * => 0 or a negative errno
 */
static int
remap_held(struct node *n, uint64_t from, uint64_t to)
{
	int uffd = n->pager->uffd, r;

	r = uffd_unregister(uffd, page_addr(to), PAGE_BYTES);
	if (r == 0)
		r = uffd_unregister(uffd, page_addr(from), PAGE_BYTES);
	if (r == 0 &&
	    syscall(SYS_mremap, page_addr(from), PAGE_BYTES, PAGE_BYTES,
	            MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
	            page_addr(to)) == -1)
		r = -errno;
	if (r == 0)
		r = uffd_register(uffd, page_addr(to), PAGE_BYTES,
		                  UFFDIO_REGISTER_MODE_MISSING);
	return r;
}

/* One page that the run did not take.  => 0 or -ENOENT */
static int
remap_one(struct node *n, uint64_t from, uint64_t to)
{
	for (unsigned busy = 0;;) {
		uint64_t done;
		int r = uffd_move(n->pager->uffd, page_addr(to),
		                  page_addr(from), PAGE_BYTES, 0, &done);

		if (r == 0 || r == -ENOENT)
			return r;
		if (r == -EAGAIN) {
			pager_layout_wait(n->pager);
			continue;
		}
		if (r == -EEXIST) {
			must_have_moved(page_addr(from));
			break;
		}
		if (r == -EBUSY && ++busy < BUSY_TRIES) {
			if (busy > 1 || !make_exclusive(n, from))
				(void)sched_yield();
			continue;
		}
		if (remap_held(n, from, to) < 0) {
			pager_say(n->pager, PAGEOUT_LOG_ERROR,
			          "memory that a device holds cannot be moved, "
			          "and has no other copy");
			abort(); /* it would go on without its contents */
		}
		break;
	}
	(void)uffd_wake(n->pager->uffd, page_addr(to), PAGE_BYTES);
	return 0;
}

static void
perform_remap(struct node *n, struct op *op)
{
	for (uint32_t i = 0; i < op->count;) {
		uint64_t done;

		(void)uffd_move(n->pager->uffd, page_addr(op->vpn_to + i),
		                page_addr(op->vpn + i),
		                (uint64_t)(op->count - i) << PAGE_SHIFT, 0,
		                &done);
		for (uint64_t k = done >> PAGE_SHIFT; k > 0; k--)
			op->pg[i++].err = 0;
		if (done != 0)
			continue;
		op->pg[i].err =
			(int16_t)remap_one(n, op->vpn + i, op->vpn_to + i);
		i++;
	}
}

static void
perform_adopt(struct node *n, struct op *op)
{
	for (uint32_t i = 0, run; i < op->count; i += run) {
		run = run_of(op, i);
		frames_drop(n, op->pg[i].pfn, run);
	}
}

/*
 * New frames: memory first, then the registration, because the kernel would
 * ask us for pages of a registered range.
 */
static int
populate(struct node *n, char *at, size_t bytes)
{
	if (syscall(SYS_madvise, at, bytes, MADV_POPULATE_WRITE) < 0)
		return -ENOMEM;
	return uffd_register(n->pager->pool_uffd, at, bytes,
	                     UFFDIO_REGISTER_MODE_MISSING);
}

/*
 * A frame whose place is empty gets a page by a copy.  It may also be one that
 * the pool could not grow to for lack of memory: not registered yet, and
 * perhaps there already.
 */
static int
refill(struct node *n, const struct op *op)
{
	char *at = frame_addr(n, op->pg[0].pfn);
	uint64_t done;
	int r;

	copies_settle(n, op);
	r = uffd_copy(n->pager->pool_uffd, at, n->zeros, PAGE_BYTES,
	              UFFDIO_COPY_MODE_DONTWAKE, &done);
	if (r == -EEXIST) {
		memset(at, 0, PAGE_BYTES);
		return 0;
	}
	return r == -ENOENT ? populate(n, at, PAGE_BYTES) : r;
}

void
perform_op(struct node *n, struct op *op)
{
	size_t bytes = (size_t)op->count << PAGE_SHIFT;
	char *at;

	switch ((enum op_kind)op->kind) {
	case OP_POPULATE:
		at = frame_addr(n, op->pg[0].pfn);
		op->pg[0].err = (int16_t)(op->flags & OPF_REFILL
		                                  ? refill(n, op)
		                                  : populate(n, at, bytes));
		return;
	case OP_MAP:
		perform_map(n, op);
		return;
	case OP_UNMAP:
		perform_unmap(n, op);
		return;
	case OP_REMAP:
		perform_remap(n, op);
		return;
	case OP_ADOPT:
		perform_adopt(n, op);
		return;
	case OP_UNPOISON:
		drop_pages(page_addr(op->vpn), bytes);
		return;
	case OP_WAKE:
		(void)uffd_wake(n->pager->uffd, page_addr(op->vpn), bytes);
		return;
	case OP_READ:
	case OP_WRITE:
		break;
	}
	never(); /* transfers go to io_start() */
}

void
node_perform(struct node *n, struct batch *b)
{
	struct op *op;

	while ((op = batch_take(b)) != NULL) {
		bool wakes = op->kind == OP_MAP || op->kind == OP_WAKE;
		struct batch next = {0};

		if (op->kind == OP_READ && op->flags & OPF_RETRY) {
			io_transfer(n, op, true); /* rare, and exact */
		} else if (op->kind == OP_READ || op->kind == OP_WRITE) {
			io_start(n, op, b);
			continue;
		} else {
			perform_op(n, op);
		}
		node_lock(n);
		tap_op_done(n->core, op, &next);
		node_unlock(n);
		/* Who waits for its pages does not wait for the others'. */
		batch_put_first(b, &next);
		pulse_beat(&n->pager->ended);
		if (wakes)
			pulse_beat(&n->pager->woken);
	}
}
