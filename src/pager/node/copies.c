/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * copies.c -- where threads fault side by side, a lone page comes in as a copy.
 *
 * A page that moves had an address, in the pool, and every CPU that runs the
 * program must have forgotten it before the move is over: the other threads are
 * interrupted, and waited for with a page table locked.  A copy interrupts
 * nobody.  Its price is a page left behind in the frame's place, which is given
 * back later, with others: one interruption for all of them.
 *
 *	read --> frame --copy--> program
 *	            \--left behind--> kswapd gives it back
 *
 * To the core that frame is mapped and its place is empty, as after a move.  So
 * before anything is to come to a place it is settled: what was left behind
 * there goes first.  Whoever faults gives nothing back: when as much is left
 * behind as may be, pages move again.
 *
 * A page is copied only when it was read just now for a fault.  What is about
 * to be mapped again may be known to somebody by its frame (a debugger that is
 * writing to it), and a fault says that the page is missing: MOVE would refuse
 * where there is a guard page, and a copy does not.
 *
 * On a machine of several nodes pages always move: a copy is on the node of
 * whoever makes it.
 */
#include <sys/mman.h>
#include <sys/uio.h>

#include "base/bits.h"
#include "os/raw.h"
#include "os/uapi.h"
#include "os/uffd.h"
#include "pager/internal.h"

#define FRAMES_A_COPY 64 /* at most one frame in so many is left behind */

/* What one fault of another thread than before counts: so many of the same. */
#define CROWD_STEP 16
#define CROWD_MAX 256

void
copies_open(struct node *n)
{
	struct copies *c = &n->copies;

	(void)pthread_mutex_init(&c->lock, NULL);
	if (n->pager->machine.count == 1)
		c->max = min_u32((uint32_t)(n->pool_bytes >> PAGE_SHIFT) /
		                         FRAMES_A_COPY,
		                 COPIES_MAX);
}

void
copies_note_fault(struct node *n, uint64_t thread)
{
	struct copies *c = &n->copies;
	uint32_t crowd = __atomic_load_n(&c->crowd, __ATOMIC_RELAXED);

	if (__atomic_load_n(&c->thread, __ATOMIC_RELAXED) != thread) {
		__atomic_store_n(&c->thread, thread, __ATOMIC_RELAXED);
		crowd = min_u32(crowd + CROWD_STEP, CROWD_MAX);
	} else if (crowd > 0) {
		crowd--;
	} else {
		return;
	}
	__atomic_store_n(&c->crowd, crowd, __ATOMIC_RELAXED);
}

/* => false: there is no room */
static bool
leave_behind(struct node *n, uint32_t pfn)
{
	struct copies *c = &n->copies;
	uint32_t count;

	(void)pthread_mutex_lock(&c->lock);
	count = c->count;
	if (count < c->max) {
		c->pfn[count] = pfn;
		__atomic_store_n(&c->count, count + 1, __ATOMIC_RELAXED);
	}
	(void)pthread_mutex_unlock(&c->lock);
	if (count + 1 == c->max / 2)
		daemon_ask(n, DAEMON_KSWAPD);
	return count < c->max;
}

static uint32_t
left_behind(const struct node *n)
{
	return __atomic_load_n(&n->copies.count, __ATOMIC_RELAXED);
}

bool
copies_map(struct node *n, const struct op *op)
{
	uint32_t pfn = op->pg[0].pfn;
	uint64_t done;

	if (op->count != 1 || op->flags != OPF_READ ||
	    __atomic_load_n(&n->copies.crowd, __ATOMIC_RELAXED) == 0 ||
	    left_behind(n) >= n->copies.max ||
	    faults_taking(n->pager, op->vpn) ||
	    uffd_copy(n->pager->uffd, page_addr(op->vpn), frame_addr(n, pfn),
	              PAGE_BYTES, 0, &done) < 0)
		return false;
	if (!leave_behind(n, pfn))
		frames_drop(n, pfn, 1);
	return true;
}

/* A frame's place is emptied, if its page was left behind. */
static void
settle(struct node *n, uint32_t pfn)
{
	struct copies *c = &n->copies;

	for (uint32_t i = 0; i < c->count; i++) {
		if (c->pfn[i] != pfn)
			continue;
		frames_drop(n, pfn, 1);
		c->pfn[i] = c->pfn[c->count - 1];
		__atomic_store_n(&c->count, c->count - 1, __ATOMIC_RELAXED);
		return;
	}
}

void
copies_settle(struct node *n, const struct op *op)
{
	if (left_behind(n) == 0)
		return;
	(void)pthread_mutex_lock(&n->copies.lock);
	for (uint32_t i = 0; i < op->count; i++)
		settle(n, op->pg[i].pfn);
	(void)pthread_mutex_unlock(&n->copies.lock);
}

void
copies_give_back(struct node *n)
{
	struct copies *c = &n->copies;
	struct iovec places[COPIES_MAX];
	long bytes;

	if (left_behind(n) == 0 || left_behind(n) < c->max / 2)
		return;
	(void)pthread_mutex_lock(&c->lock);
	for (uint32_t i = 0; i < c->count; i++)
		places[i] = (struct iovec){
			.iov_base = frame_addr(n, c->pfn[i]),
			.iov_len = PAGE_BYTES,
		};
	bytes = syscall(SYS_process_madvise, PIDFD_SELF_THREAD_GROUP, places,
	                (long)c->count, MADV_DONTNEED_LOCKED, 0);
	if (bytes != (long)c->count * PAGE_BYTES)
		for (uint32_t i = 0; i < c->count; i++)
			frames_drop(n, c->pfn[i], 1);
	__atomic_store_n(&c->count, 0, __ATOMIC_RELAXED);
	(void)pthread_mutex_unlock(&c->lock);
}
