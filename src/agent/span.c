/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * span.c -- what the agent knows about the program's address space.
 *
 * An array with binary search: programs have tens of ranges, rarely thousands,
 * and a move of the tail of the array costs less than a system call until then.
 * The first part of it is in the agent's own data, because the first mappings
 * of a program are seen before anything may be set up.
 */
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/span.h"
#include "agent/sys.h"
#include "base/assert.h"

enum { SPAN_FIRST = 256, SPAN_ROOM = 16 };

static struct span span_start[SPAN_FIRST];
static struct span *spans = span_start;
static size_t spans_count, spans_max = SPAN_FIRST;

/* What was ever managed is within. */
static _Atomic uintptr_t managed_low = UINTPTR_MAX, managed_high;

int
span_reserve(void)
{
	size_t bytes = spans_max * sizeof(*spans);
	struct span *bigger;
	long r;

	if (spans_count + SPAN_ROOM <= spans_max)
		return 0;
	r = sys(SYS_mmap, 0, 2 * bytes, PROT_READ | PROT_WRITE,
	        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (sys_failed(r))
		return -ENOMEM;
	bigger = (struct span *)r;
	memcpy(bigger, spans, spans_count * sizeof(*spans));
	if (spans != span_start)
		(void)sys(SYS_munmap, spans, bytes);
	spans = bigger;
	spans_max *= 2;
	return 0;
}

/* The number of the first range that ends behind address a. */
static size_t
span_find(uintptr_t a)
{
	size_t low = 0, high = spans_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (spans[middle].end <= a)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Replace count ranges at number n by the ranges in with[]. */
static void
span_splice(size_t n, size_t count, const struct span *with, size_t with_count)
{
	must(n + count <= spans_count);
	must(spans_count - count + with_count <= spans_max);
	memmove(spans + n + with_count, spans + n + count,
	        (spans_count - n - count) * sizeof(*spans));
	if (with_count > 0)
		memcpy(spans + n, with, with_count * sizeof(*with));
	spans_count = spans_count - count + with_count;
}

/* Join range number n with the one before it, if they are alike. */
static void
span_join(size_t n)
{
	if (n == 0 || n >= spans_count || spans[n - 1].end != spans[n].start ||
	    spans[n - 1].flags != spans[n].flags)
		return;
	spans[n - 1].end = spans[n].end;
	span_splice(n, 1, NULL, 0);
}

bool
span_may_be_managed(uintptr_t start, uintptr_t end)
{
	return start < managed_high && managed_low < end;
}

void
span_set(uintptr_t start, uintptr_t end, unsigned flags)
{
	struct span with[3];
	size_t n = span_find(start), last = n, count = 0;

	must(start < end);
	if ((flags & SPAN_MANAGED) && start < managed_low)
		managed_low = start;
	if ((flags & SPAN_MANAGED) && end > managed_high)
		managed_high = end;
	if (n < spans_count && spans[n].start < start)
		with[count++] =
			(struct span){spans[n].start, start, spans[n].flags};
	if (flags != 0)
		with[count++] = (struct span){start, end, flags};
	while (last < spans_count && spans[last].start < end)
		last++;
	if (last > n && spans[last - 1].end > end)
		with[count++] = (struct span){end, spans[last - 1].end,
		                              spans[last - 1].flags};
	span_splice(n, last - n, with, count);
	for (size_t i = n + count + 1; i-- > n;)
		span_join(i);
}

struct span
span_first(uintptr_t start, uintptr_t end)
{
	size_t n = span_find(start);
	struct span s = {start, end, 0};

	must(start < end);
	if (n == spans_count || spans[n].start >= end)
		return s;
	if (spans[n].start > start) {
		s.end = spans[n].start;
		return s;
	}
	s.flags = spans[n].flags;
	if (spans[n].end < end)
		s.end = spans[n].end;
	return s;
}

bool
span_any(uintptr_t start, uintptr_t end, unsigned flags)
{
	for (size_t n = span_find(start);
	     n < spans_count && spans[n].start < end; n++)
		if (spans[n].flags & flags)
			return true;
	return false;
}

struct span
span_number(size_t n)
{
	return n < spans_count ? spans[n] : (struct span){0, 0, 0};
}
