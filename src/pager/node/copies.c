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
leave_behind(struct copies *c, uint32_t pfn)
{
	bool has_room;

	(void)pthread_mutex_lock(&c->lock);
	has_room = c->count < c->max;
	if (has_room)
		c->pfn[c->count++] = pfn;
	(void)pthread_mutex_unlock(&c->lock);
	return has_room;
}

bool
copies_map(struct node *n, const struct op *op)
{
	struct copies *c = &n->copies;
	uint32_t pfn = op->pg[0].pfn;
	uint64_t done;

	if (op->count != 1 || op->flags & (OPF_ZERO | OPF_COPY) ||
	    __atomic_load_n(&c->crowd, __ATOMIC_RELAXED) == 0 ||
	    __atomic_load_n(&c->count, __ATOMIC_RELAXED) >= c->max ||
	    faults_taking(n->pager, op->vpn) ||
	    uffd_copy(n->pager->uffd, page_addr(op->vpn), frame_addr(n, pfn),
	              PAGE_BYTES, 0, &done) < 0)
		return false;
	if (!leave_behind(c, pfn))
		drop_pages(frame_addr(n, pfn), PAGE_BYTES);
	else if (__atomic_load_n(&c->count, __ATOMIC_RELAXED) == c->max / 2)
		daemon_ask(n, DAEMON_KSWAPD);
	return true;
}

void
copies_settle(struct node *n, const struct op *op)
{
	struct copies *c = &n->copies;

	if (__atomic_load_n(&c->count, __ATOMIC_RELAXED) == 0)
		return;
	(void)pthread_mutex_lock(&c->lock);
	for (uint32_t i = 0; i < op->count; i++)
		for (uint32_t k = 0; k < c->count; k++)
			if (c->pfn[k] == op->pg[i].pfn) {
				drop_pages(frame_addr(n, c->pfn[k]),
				           PAGE_BYTES);
				c->pfn[k] = c->pfn[--c->count];
				break;
			}
	(void)pthread_mutex_unlock(&c->lock);
}

void
copies_give_back(struct node *n)
{
	struct copies *c = &n->copies;
	struct iovec places[COPIES_MAX];

	if (__atomic_load_n(&c->count, __ATOMIC_RELAXED) < c->max / 2)
		return;
	(void)pthread_mutex_lock(&c->lock);
	for (uint32_t i = 0; i < c->count; i++)
		places[i] = (struct iovec){
			.iov_base = frame_addr(n, c->pfn[i]),
			.iov_len = PAGE_BYTES,
		};
	if (syscall(SYS_process_madvise, PIDFD_SELF_THREAD_GROUP, places,
	            (long)c->count, MADV_DONTNEED,
	            0) != (long)c->count * PAGE_BYTES)
		for (uint32_t i = 0; i < c->count; i++)
			drop_pages(places[i].iov_base, PAGE_BYTES);
	c->count = 0;
	(void)pthread_mutex_unlock(&c->lock);
}
