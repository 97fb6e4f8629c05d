/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faults.c -- thread mode: faults and events are read and served here.
 *
 *	userfaultfd --read--> messages --events first--> ranges vanish, move
 *	                          |
 *	                          +--then faults--> core_fault --> perform
 *	swap device --reap--> core_op_done --> perform (map, wake)
 *
 * The kernel lets nothing move while an event is unread, and may deliver a
 * fault before the event that came first.  So all messages are read before any
 * is served, and events are served before faults.  What is read while a fault
 * is served must not wait until pages that it is about have come in:
 * faults_taking().
 *
 * This thread never touches managed memory, never allocates, never takes a
 * lock that a faulting thread may hold [I7].
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "os/file/filedev.h"
#include "os/raw.h"
#include "os/uffd.h"
#include "pager/internal.h"

/* A transfer that the device ended by itself does not always wake poll(). */
#define POLL_MS 250
#define POLL_REFUSED_MS 1 /* without some descriptors */

/* -- reading -------------------------------------------------------------- */

void
faults_drain(struct pager *p)
{
	struct messages *m = &p->messages;

	while (m->count < MESSAGES_MAX) {
		uint32_t at = (m->first + m->count) % MESSAGES_MAX;
		ssize_t n = read(p->uffd, &m->msg[at], sizeof(m->msg[0]));

		if (n != (ssize_t)sizeof(m->msg[0]))
			break;
		m->count++;
		m->events += m->msg[at].event != UFFD_EVENT_PAGEFAULT;
	}
}

static bool
is_fault_thread(const struct pager *p)
{
	return p->threads[THREAD_FAULTS].run != NULL &&
	       pthread_equal(pthread_self(), p->threads[THREAD_FAULTS].id);
}

void
pager_layout_wait(struct pager *p)
{
	if (is_fault_thread(p))
		faults_drain(p);
	(void)sched_yield();
}

bool
faults_taking(const struct pager *p, uint64_t vpn)
{
	const struct messages *m = &p->messages;
	uint64_t addr = vpn << PAGE_SHIFT;

	if (!is_fault_thread(p) || m->events == 0)
		return false;
	for (uint32_t i = 0; i < m->count; i++) {
		const struct uffd_msg *e =
			&m->msg[(m->first + i) % MESSAGES_MAX];

		if (e->event == UFFD_EVENT_REMOVE &&
		    e->arg.remove.start <= addr && addr < e->arg.remove.end)
			return true;
	}
	return false;
}

/* -- events --------------------------------------------------------------- */

/* The kernel has taken the pages of a part; if it was unmapped, for good. */
static void
part_vanished(const struct part *part, bool unmapped)
{
	struct node *n = part->node;

	while (n != NULL) {
		uint32_t seq = pulse_now(&n->pager->ended);
		struct batch b = {0};
		uint64_t busy;

		node_lock(n);
		busy = tap_vanished(n->core, part->space, part->vpn,
		                    part->pages, &b);
		node_unlock(n);
		node_perform(n, &b);
		/* What is in motion the core forgets when it ends; pages of a
		 * range that lives on must not be forgotten twice. */
		if (busy == 0 || !unmapped)
			return;
		/* Whoever moves these pages may wait for a message of ours. */
		faults_drain(n->pager);
		pulse_wait(&n->pager->ended, seq, 1);
	}
}

/*
 * The kernel takes pages away, or the whole range: the program bypassed us.
 */
static void
range_vanished(struct pager *p, struct range r, bool unmapped)
{
	struct part part;
	int err = 0;

	while (unmapped && (err = part_forget(p, r, &part)) == 0)
		part_vanished(&part, true);
	if (unmapped && err != -ENOMEM)
		return;
	/* With full tables the areas stay; their pages must not. */
	while (part_take(p, &r, &part))
		part_vanished(&part, unmapped);
}

/* A raw mremap. */
static void
range_remapped(struct pager *p, struct range from, uint64_t to)
{
	if (!range_moved(p, from, to))
		range_vanished(p, from, true);
}

static struct range
event_range(uint64_t start, uint64_t bytes)
{
	return (struct range){start >> PAGE_SHIFT, bytes >> PAGE_SHIFT};
}

static void
event_serve(struct pager *p, const struct uffd_msg *m)
{
	switch (m->event) {
	case UFFD_EVENT_REMOVE:
	case UFFD_EVENT_UNMAP:
		range_vanished(
			p,
			event_range(m->arg.remove.start,
		                    m->arg.remove.end - m->arg.remove.start),
			m->event == UFFD_EVENT_UNMAP);
		break;
	case UFFD_EVENT_REMAP:
		range_remapped(p,
		               event_range(m->arg.remap.from, m->arg.remap.len),
		               m->arg.remap.to >> PAGE_SHIFT);
		break;
	default:
		break;
	}
}

/* -- faults --------------------------------------------------------------- */

enum fault_verdict
fault_ask(struct pager *p, uint64_t vpn, int tid, bool writes,
          struct node **ret)
{
	struct place at = place_for(p, vpn, tid);
	struct batch b = {0};
	enum fault_verdict v;

	if (tid != 0)
		copies_note_fault(at.node, (uint64_t)tid);
	do {
		node_lock(at.node);
		v = (writes ? tap_fault_write : tap_fault)(at.node->core,
		                                           at.space, vpn, &b);
		node_unlock(at.node);
		node_perform(at.node, &b);
		*ret = at.node;
	} while (v == FAULT_NOAREA && place_moved(p, vpn, tid, &at));
	return v;
}

void
fault_fail(struct pager *p, uint64_t vpn, enum fault_verdict v)
{
	char line[160];
	uint64_t done;
	int r;

	if (v == FAULT_NOMEM)
		pager_say_once(p, &p->said_oom, PAGEOUT_LOG_ERROR,
		               "out of memory: budget and swap space are both "
		               "full; touching more memory fails (SIGBUS)");
	else if (v == FAULT_NOAREA)
		pager_say_once(p, &p->said_noarea, PAGEOUT_LOG_ERROR,
		               "a fault in a range that is not managed");
	else {
		(void)snprintf(line, sizeof(line),
		               "the page at %#llx could not be read back from "
		               "the swap space; access to it fails (SIGBUS)",
		               (unsigned long long)vpn << PAGE_SHIFT);
		pager_say(p, PAGEOUT_LOG_ERROR, line);
	}
	do {
		r = uffd_poison(p->uffd, page_addr(vpn), PAGE_BYTES, 0, &done);
		if (r == -EAGAIN)
			pager_layout_wait(p);
	} while (r == -EAGAIN);
	(void)uffd_wake(p->uffd, page_addr(vpn), PAGE_BYTES);
}

static bool
is_absent(uint64_t vpn)
{
	unsigned char in_memory = 1;

	return syscall(SYS_mincore, page_addr(vpn), PAGE_BYTES, &in_memory) ==
	               0 &&
	       (in_memory & 1) == 0;
}

/*
 * The core has a page mapped for which a thread faults.  Another fault was
 * faster; or a raw madvise took the page away after its event was served.
 * Then the core forgets it.  What was so before we have the lock need not be so
 * any more: the page may have left, and have come again.
 */
bool
page_lost(struct pager *p, uint64_t vpn)
{
	struct place at;
	struct batch b = {0};
	bool lost;

	if (!p->cfg.events || !is_absent(vpn))
		return false;
	at = place_of(p, vpn);
	node_lock(at.node);
	lost = core_page_state(at.node->core, at.space, vpn) == PAGE_MAPPED &&
	       is_absent(vpn);
	if (lost)
		(void)tap_vanished(at.node->core, at.space, vpn, 1, &b);
	node_unlock(at.node);
	node_perform(at.node, &b);
	return lost;
}

/*
 * Nobody manages the page.  Mostly the message is older than that: whoever
 * waited was woken by another message, went on, and unmapped it.  So let him
 * fault again; if he does it was meant.
 */
static void
fault_stray(struct pager *p, uint64_t vpn)
{
	uint64_t *last = &p->strays[vpn % STRAYS];

	if (*last == vpn) {
		*last = 0;
		fault_fail(p, vpn, FAULT_NOAREA);
		return;
	}
	*last = vpn;
	(void)uffd_wake(p->uffd, page_addr(vpn), PAGE_BYTES);
}

static void
fault_serve(struct pager *p, uint64_t vpn, int tid, bool writes)
{
	for (;;) {
		struct batch b = {0};
		struct node *n;
		enum fault_verdict v = fault_ask(p, vpn, tid, writes, &n);

		switch (v) {
		case FAULT_DONE:
			if (page_lost(p, vpn))
				break;
			(void)uffd_wake(p->uffd, page_addr(vpn), PAGE_BYTES);
			return;
		case FAULT_STARTED:
		case FAULT_WAIT:
			return;
		case FAULT_NOAREA:
			/* Those who take ranges away wake whoever waits. */
			if (__atomic_load_n(&p->removing, __ATOMIC_ACQUIRE))
				return;
			fault_stray(p, vpn);
			return;
		case FAULT_NOMEM:
		case FAULT_POISONED:
			fault_fail(p, vpn, v);
			return;
		case FAULT_AGAIN:
			break;
		case FAULT_NOFRAME:
			reclaim_for_fault(n, &b);
			break;
		}
	}
}

/* -- the loop ------------------------------------------------------------- */

/* They may be behind the faults that they caused; serving one may read more. */
static void
events_serve(struct pager *p)
{
	struct messages *m = &p->messages;

	for (uint32_t i = 0; m->events > 0; i++) {
		struct uffd_msg *at = &m->msg[(m->first + i) % MESSAGES_MAX];
		struct uffd_msg e = *at;

		if (e.event == UFFD_EVENT_PAGEFAULT || e.event == 0)
			continue;
		at->event = 0;
		m->events--;
		event_serve(p, &e);
	}
}

static void
messages_serve(struct pager *p)
{
	struct messages *m = &p->messages;
	uint64_t start = monotonic_ns();

	while (m->count > 0) {
		struct uffd_msg e;

		events_serve(p);
		e = m->msg[m->first];
		m->first = (m->first + 1) % MESSAGES_MAX;
		m->count--;
		if (e.event == UFFD_EVENT_PAGEFAULT)
			fault_serve(p, e.arg.pagefault.address >> PAGE_SHIFT,
			            (int)e.arg.pagefault.feat.ptid,
			            e.arg.pagefault.flags &
			                    UFFD_PAGEFAULT_FLAG_WRITE);
	}
	__atomic_fetch_add(&p->stats[PAGEOUT_STAT_fault_ns],
	                   monotonic_ns() - start, __ATOMIC_RELAXED);
}

/*
 * Our descriptor was closed under us.  Threads that fault would wait for ever,
 * in silence, while the keeper holds the other reference: stop, loudly.
 */
static void
faults_lost(struct pager *p)
{
	pager_say(p, PAGEOUT_LOG_ERROR,
	          "the program closed the descriptor that its memory depends "
	          "on; it cannot go on");
	abort();
}

/* Also what ended at once, which poll() does not say. */
static void
reads_reap(struct node *n)
{
	struct batch b = {0};

	while (io_reap(n, DEV_READ, 0, &b))
		node_perform(n, &b);
}

/*
 * Wait for one of the descriptors.  A program may lower its limit for them
 * (RLIMIT_NOFILE) below their number; they work, but poll() refuses so many.
 * Then only the first ones are waited for, and not for long; with none, we just
 * come again.
 */
static void
messages_wait(struct pollfd *fds, nfds_t count)
{
	int ms = POLL_MS;

	while (poll(fds, count, ms) < 0 && errno == EINVAL && count > 0) {
		fds[--count].revents = 0;
		ms = POLL_REFUSED_MS;
	}
}

void
faults_run(void *ctx)
{
	struct pager *p = ctx;
	struct pollfd fds[2 + NODES_MAX] = {
		{.fd = p->uffd, .events = POLLIN},
		{.fd = p->wake_fd, .events = POLLIN},
	};
	unsigned nodes = 0;

	if (p->cfg.mode == PAGEOUT_MODE_THREAD)
		nodes = p->node_count; /* inline, whoever waits reaps */
	for (unsigned i = 0; i < nodes; i++)
		fds[2 + i] = (struct pollfd){
			.fd = swapdev_poll_fd(p->nodes[i].dev[DEV_READ]),
			.events = POLLIN,
		};
	filedev_thread_is_own();
	while (!__atomic_load_n(&p->stopping, __ATOMIC_ACQUIRE)) {
		messages_wait(fds, 2 + nodes);
		if (fds[0].revents & POLLNVAL)
			faults_lost(p);
		faults_drain(p);
		messages_serve(p);
		for (unsigned i = 0; i < nodes; i++)
			reads_reap(&p->nodes[i]);
	}
}
