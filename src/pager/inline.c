/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inline.c -- inline mode: the faulting thread serves itself.
 *
 * The kernel sends SIGBUS to the thread that touched an absent page; the
 * handler asks the core, moves or reads the page in, and returns to the
 * instruction.  No thread is woken.  A read of this very page is made by this
 * thread; read-ahead is left to the device's threads.
 *
 * The handler runs with all signals blocked, so nothing else of the program
 * runs on this thread while it has the lock.  A SIGBUS that is not ours goes to
 * whoever had the signal before us.  The agent has a handler of its own, around
 * pager_serve().
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/assert.h"
#include "pager/internal.h"

/* A signal has one handler in a process, so one engine has it. */
static struct pager *inline_pager;
static struct sigaction inline_old;

/*
 * Perform a batch; a read of the wanted page is made here, last, while the
 * device works on the others.
 */
static void
perform_inline(struct node *n, uint64_t vpn, struct batch *b)
{
	struct batch rest = {0};
	struct op *op, *mine = NULL;

	while ((op = batch_take(b)) != NULL) {
		if (mine == NULL && op->kind == OP_READ && op->vpn <= vpn &&
		    vpn < op->vpn + op->count)
			mine = op;
		else
			batch_add(&rest, op);
	}
	node_perform(n, &rest);
	if (mine == NULL)
		return;
	io_transfer(n, mine, false);
	node_lock(n);
	tap_op_done(n->core, mine, b);
	node_unlock(n);
	pulse_beat(&n->pager->ended);
	node_perform(n, b);
}

/*
 * Nobody manages the page: who takes a range away may not have ended, or the
 * access may be older than that.  Once, it is made again.
 */
static bool
is_stray(struct pager *p, uint64_t vpn)
{
	static __thread uint64_t last;

	if (__atomic_load_n(&p->removing, __ATOMIC_ACQUIRE) != 0) {
		pager_layout_wait(p);
		return true;
	}
	if (last == vpn) {
		last = 0;
		return false;
	}
	last = vpn;
	return true;
}

/*
 * Serve a fault in the calling thread.
 * => true: make the access again; false: not ours, or it must fail
 */
static bool
serve(struct pager *p, uint64_t vpn)
{
	for (;;) {
		uint32_t seq = pulse_now(&p->woken);
		struct place at = place_for(p, vpn, 0);
		struct node *n = at.node;
		struct batch b = {0};
		enum fault_verdict v;

		copies_note_fault(n, (uint64_t)pthread_self());
		node_lock(n);
		v = tap_fault(n->core, at.space, vpn, &b);
		node_unlock(n);
		perform_inline(n, vpn, &b);
		switch (v) {
		case FAULT_DONE:
			if (page_lost(p, vpn))
				break;
			return true;
		case FAULT_STARTED: /* mapped; or the access says why not */
			return true;
		case FAULT_WAIT:
			io_wait(n, &p->woken, seq);
			break;
		case FAULT_AGAIN:
			break;
		case FAULT_NOFRAME:
			reclaim_for_fault(n, &b);
			break;
		case FAULT_NOMEM:
		case FAULT_POISONED:
			fault_fail(p, vpn, v);
			return false;
		case FAULT_NOAREA:
			if (!place_moved(p, vpn, 0, &at))
				return is_stray(p, vpn);
			break;
		}
	}
}

bool
pager_serve(struct pager *p, const siginfo_t *info)
{
	int saved = errno, cancel;
	bool served;

	if (info->si_code != BUS_ADRERR)
		return false;
	/* An access is no cancellation point, but a read in here is. */
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	served = serve(p, (uint64_t)(uintptr_t)info->si_addr >> PAGE_SHIFT);
	(void)pthread_setcancelstate(cancel, NULL);
	errno = saved;
	return served;
}

/* Not ours: as if we were not here. */
static void
pass_on(int sig, siginfo_t *info, void *context)
{
	if (inline_old.sa_flags & SA_SIGINFO) {
		inline_old.sa_sigaction(sig, info, context);
	} else if (inline_old.sa_handler == SIG_DFL ||
	           inline_old.sa_handler == SIG_IGN) {
		/* The access is made again and ends the process. */
		(void)sigaction(sig, &(struct sigaction){.sa_handler = SIG_DFL},
		                NULL);
	} else {
		inline_old.sa_handler(sig);
	}
}

static void
on_sigbus(int sig, siginfo_t *info, void *context)
{
	struct pager *p = __atomic_load_n(&inline_pager, __ATOMIC_ACQUIRE);

	if (p == NULL || !pager_serve(p, info))
		pass_on(sig, info, context); /* which may jump out of here */
}

int
inline_start(struct pager *p)
{
	struct sigaction sa = {.sa_sigaction = on_sigbus,
	                       .sa_flags = SA_SIGINFO};
	struct pager *none = NULL;

	for (unsigned i = 0; i < p->node_count; i++)
		(void)swapdev_file_spin(&p->nodes[i].files[DEV_READ]);
	if (p->cfg.own_signal)
		return 0;
	if (!__atomic_compare_exchange_n(&inline_pager, &none, p, false,
	                                 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return -EBUSY;
	(void)sigfillset(&sa.sa_mask);
	if (sigaction(SIGBUS, &sa, &inline_old) < 0)
		return -errno;
	return 0;
}

void
inline_stop(struct pager *p)
{
	if (inline_pager != p) /* it never had the signal */
		return;
	(void)sigaction(SIGBUS, &inline_old, NULL);
	__atomic_store_n(&inline_pager, NULL, __ATOMIC_RELEASE);
}
