/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * awake.c -- whether the fault thread waits for a read awake.
 *
 * A page that is read alone is read for a thread that does nothing else
 * meanwhile.  The fault thread can start the read and sleep, or make it itself,
 * awake (os/file/spin.h).  Which is faster depends on where the scheduler puts
 * the two threads, and that on what else runs: awake on the same CPU is the
 * fastest, awake on two is slower than asleep, for each change of threads then
 * wakes a CPU.  So both are tried, and the better one is kept for a while:
 *
 *	TRIAL faults asleep --> TRIAL awake --> KEEP with the better --+
 *	     ^                                                         |
 *	     +---------------------------------------------------------+
 *
 * What is compared is the time from one such fault to the next.  When another
 * thread faults it begins anew, asleep: two threads would wait for each other's
 * reads.  Streams are left alone: there it works while the program does.
 */
#include "base/clock.h"
#include "pager/internal.h"

#define ALONE_PAGES 8    /* of a read that is waited for here */
#define TRIAL 64         /* faults */
#define KEEP 4096        /* faults */
#define PAUSE_NS 1000000 /* longer from fault to fault: the program's own */

/* True when the batch has one read, of few pages, and it is for vpn. */
static bool
is_alone(const struct batch *b, uint64_t vpn)
{
	const struct op *found = NULL;

	for (const struct op *op = b->first; op != NULL; op = op->next) {
		if (op->kind != OP_READ)
			continue;
		if (found != NULL)
			return false;
		found = op;
	}
	return found != NULL && found->count <= ALONE_PAGES &&
	       found->vpn <= vpn && vpn < found->vpn + found->count;
}

static void
begin(struct awake *a, int tid)
{
	*a = (struct awake){.tid = tid, .left = TRIAL};
}

/* A phase is over. */
static void
turn(struct awake *a)
{
	if (a->phase == AWAKE_TRY_ASLEEP) {
		a->phase = AWAKE_TRY_AWAKE;
		a->left = TRIAL;
	} else if (a->phase == AWAKE_TRY_AWAKE) {
		a->phase = a->ns[1] < a->ns[0] ? AWAKE_KEEP_AWAKE
		                               : AWAKE_KEEP_ASLEEP;
		a->left = KEEP;
	} else {
		begin(a, a->tid);
	}
}

static bool
is_awake(const struct awake *a)
{
	return a->phase == AWAKE_TRY_AWAKE || a->phase == AWAKE_KEEP_AWAKE;
}

bool
awake_reads(struct pager *p, const struct node *n, uint64_t vpn, int tid,
            const struct batch *b)
{
	struct awake *a = &p->awake;
	uint64_t now, took;

	if (!swapdev_file_spins(&n->files[DEV_READ]) || !is_alone(b, vpn))
		return false;
	now = monotonic_ns();
	took = now - a->last_ns;
	if (tid != a->tid)
		begin(a, tid);
	else if (took < PAUSE_NS)
		a->ns[is_awake(a)] += took;
	else
		a->left++; /* it says nothing */
	a->last_ns = now;
	if (--a->left == 0)
		turn(a);
	return is_awake(a) && p->messages.count == 0;
}
