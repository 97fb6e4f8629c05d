/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold.c -- pages that are held while a call is made.
 *
 * A pin is a page's; who holds pages has a list of them.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/uio.h>

#include "agent/agent.h"
#include "agent/calls/internal.h"
#include "agent/span.h"
#include "agent/sys.h"

size_t hold_bytes_max;

/* The pager is called with all signals blocked, and the gate open. */
struct inside {
	uint64_t mask;
	int cancel;
	char gate;
};

static struct inside
enter(void)
{
	uint64_t all = ~(uint64_t)0;
	struct inside i;

	(void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, &i.mask, sizeof(all));
	i.gate = calls_gate_open();
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &i.cancel);
	return i;
}

static void
leave(const struct inside *i)
{
	(void)pthread_setcancelstate(i->cancel, NULL);
	calls_gate_set(i->gate);
	(void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &i->mask, NULL,
	          sizeof(i->mask));
}

void
hold_end(struct held *h)
{
	struct inside in;

	if (h->count == 0)
		return;
	in = enter();
	for (unsigned i = 0; i < h->count; i++)
		pager_release(agent_pager, (void *)h->runs[i].start,
		              h->runs[i].end - h->runs[i].start);
	h->count = 0;
	leave(&in);
}

/* It is held already, but perhaps for its end.  => how much of it is */
static size_t
held_already(const struct held *h, uintptr_t start, uintptr_t end)
{
	for (unsigned i = 0; i < h->count; i++)
		if (h->runs[i].start <= start && start < h->runs[i].end)
			return end <= h->runs[i].end ? end - start
			                             : h->runs[i].end - start;
	return 0;
}

static long
pin(struct held *h, uintptr_t start, uintptr_t end)
{
	long r;

	if (h->count == HELD_RUNS)
		return -ENOMEM;
	r = pager_hold(agent_pager, (void *)start, end - start);
	if (r < 0)
		return r;
	if (h->count > 0 && h->runs[h->count - 1].end == start) {
		h->runs[h->count - 1].end = end;
		return 0;
	}
	h->runs[h->count].start = start;
	h->runs[h->count++].end = end;
	return 0;
}

/* Pages of which some are not managed, or something else is wrong. */
static long
pin_each(struct held *h, uintptr_t start, uintptr_t end)
{
	for (; start < end; start += AGENT_PAGE)
		if (pin(h, start, start + AGENT_PAGE) == -ENOMEM)
			return -ENOMEM;
	return 0;
}

bool
hold_wanted(uintptr_t addr, size_t bytes)
{
	uintptr_t start, end;
	struct inside in;
	bool r;

	if (bytes == 0 || !agent_pages(addr, bytes, &start, &end) ||
	    !span_may_be_managed(start, end))
		return false;
	in = enter();
	r = pager_covers(agent_pager, (void *)start, end - start);
	leave(&in);
	return r;
}

long
hold(struct held *h, uintptr_t addr, size_t bytes)
{
	uintptr_t start, end;
	struct inside in;
	long r;

	if (bytes == 0 || !agent_pages(addr, bytes, &start, &end))
		return 0;
	start += held_already(h, start, end);
	if (start == end || !span_may_be_managed(start, end))
		return 0;
	in = enter();
	r = pin(h, start, end);
	if (r < 0 && r != -ENOMEM)
		r = pin_each(h, start, end);
	leave(&in);
	return r;
}

long
hold_string(struct held *h, uintptr_t addr)
{
	uintptr_t page = addr & ~(uintptr_t)(AGENT_PAGE - 1);

	for (;;) {
		size_t left = AGENT_PAGE - (addr - page);
		long r;

		if (!hold_wanted(page, AGENT_PAGE))
			return 0;
		r = hold(h, page, AGENT_PAGE);
		if (r < 0 || held_already(h, page, page + 1) == 0 ||
		    memchr((void *)addr, 0, left) != NULL)
			return r;
		addr = page += AGENT_PAGE;
	}
}

/* -- memory that may not exist -------------------------------------------- */

static long
copy(struct held *h, long number, void *ours, uintptr_t theirs, size_t bytes)
{
	struct iovec a = {ours, bytes}, b = {(void *)theirs, bytes};
	long r = hold(h, theirs, bytes);

	if (r < 0)
		return r;
	r = sys(number, sys(SYS_getpid), &a, 1, &b, 1, 0);
	return r == (long)bytes ? 0 : -EFAULT;
}

long
hold_read(struct held *h, void *to, uintptr_t from, size_t bytes)
{
	return copy(h, SYS_process_vm_readv, to, from, bytes);
}

long
hold_write(struct held *h, uintptr_t to, const void *from, size_t bytes)
{
	return copy(h, SYS_process_vm_writev, (void *)(uintptr_t)from, to,
	            bytes);
}
