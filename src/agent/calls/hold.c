/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold.c -- pages that are held while a call is made.
 *
 * A pin is a page's; who holds pages has a list of them.
 *
 * All is called in our handlers, with all signals blocked and cancellation off.
 */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "agent/agent.h"
#include "agent/calls/internal.h"
#include "agent/span.h"
#include "agent/sys.h"

#define TRANSFER_MAX ((size_t)0x7ffff000)

size_t hold_bytes_max;

void
hold_end(struct held *h)
{
	char gate;

	if (h->count == 0)
		return;
	gate = calls_gate_open();
	for (unsigned i = 0; i < h->count; i++)
		pager_release(agent_pager, (void *)h->runs[i].start,
		              h->runs[i].end - h->runs[i].start);
	h->count = 0;
	calls_gate_set(gate);
}

/* It is held already, but perhaps for its end.  => how much of it is */
static size_t
held_already(const struct held *h, uintptr_t start, uintptr_t end)
{
	for (unsigned i = 0; h != NULL && i < h->count; i++)
		if (h->runs[i].start <= start && start < h->runs[i].end)
			return end <= h->runs[i].end ? end - start
			                             : h->runs[i].end - start;
	return 0;
}

/* In and out again: it has been here. */
static void
touch(uintptr_t start, uintptr_t end)
{
	for (; start < end; start += AGENT_PAGE)
		if (pager_hold(agent_pager, (void *)start, AGENT_PAGE) == 0)
			pager_release(agent_pager, (void *)start, AGENT_PAGE);
}

/* => as pager_hold() */
static int
pin(struct held *h, uintptr_t start, uintptr_t end)
{
	int r;

	if (h == NULL || h->count == HELD_RUNS)
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
static void
pin_each(struct held *h, uintptr_t start, uintptr_t end)
{
	for (; start < end; start += AGENT_PAGE)
		if (pin(h, start, start + AGENT_PAGE) == -ENOMEM)
			touch(start, start + AGENT_PAGE);
}

bool
hold_wanted(uintptr_t addr, size_t bytes)
{
	uintptr_t start, end;
	char gate;
	bool r;

	if (bytes == 0 || !agent_pages(addr, bytes, &start, &end) ||
	    !span_may_be_managed(start, end))
		return false;
	gate = calls_gate_open();
	r = pager_covers(agent_pager, (void *)start, end - start);
	calls_gate_set(gate);
	return r;
}

void
hold(struct held *h, uintptr_t addr, size_t bytes)
{
	uintptr_t start, end;
	char gate;

	if (bytes > TRANSFER_MAX) /* no call does more */
		bytes = TRANSFER_MAX;
	if (bytes == 0 || !agent_pages(addr, bytes, &start, &end))
		return;
	start += held_already(h, start, end);
	if (start == end || !span_may_be_managed(start, end))
		return;
	gate = calls_gate_open();
	if (pin(h, start, end) < 0)
		pin_each(h, start, end);
	calls_gate_set(gate);
}

void
hold_string(struct held *h, uintptr_t addr)
{
	char text[AGENT_PAGE];
	size_t n;

	for (;; addr += n) {
		n = AGENT_PAGE - addr % AGENT_PAGE;
		if (!span_may_be_managed(addr, addr + n) ||
		    hold_read(h, text, addr, n) < 0 ||
		    memchr(text, 0, n) != NULL)
			return;
	}
}

/* -- memory that may not exist -------------------------------------------- */

static long
copy(struct held *h, long number, void *ours, uintptr_t theirs, size_t bytes)
{
	struct iovec a = {ours, bytes}, b = {(void *)theirs, bytes};
	long r;

	hold(h, theirs, bytes);
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
