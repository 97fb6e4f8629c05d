/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * remap.c -- mremap() by hand.
 *
 * The kernel must never move a managed mapping: its new place would not be
 * registered for faults, and absent pages would read as zeros there.  So
 *
 *	shrink   the tail is left and unmapped
 *	grow     in place if the kernel can, and the tail becomes managed
 *	move     a new area is made, the pager moves the pages, and the old one
 *	         is unmapped, or with MREMAP_DONTUNMAP is an empty area
 *
 * A range of which a part is managed and a part is not was never one mapping:
 * EFAULT, as the kernel says of two mappings.
 */
#include <stdarg.h>
#include <sys/mman.h>

#include "agent/agent.h"
#include "agent/span.h"
#include "agent/sys.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

enum {
	PROT_RW = PROT_READ | PROT_WRITE,
	REMAP_FLAGS = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP
};

/* What is added to a locked mapping is locked as well. */
static long
remap_lock(uintptr_t start, uintptr_t end, unsigned wishes)
{
	long r;

	if (start == end || !(wishes & SPAN_LOCKED))
		return 0;
	r = pager_pin(agent_pager, (void *)start, end - start);
	if (r == 0)
		span_set(start, end, SPAN_MANAGED | wishes);
	return r;
}

/* Pages have moved to to, and what pins them as a thread's stack. */
static void
remap_stacks(uintptr_t start, uintptr_t end, uintptr_t to, unsigned wishes)
{
	for (uintptr_t at = start; at < end;) {
		struct span s = span_first(at, end);

		if ((s.flags & SPAN_STACK) && span_reserve() == 0)
			span_set(to + (s.start - start), to + (s.end - start),
			         SPAN_MANAGED | SPAN_STACK | wishes);
		at = s.end;
	}
}

/* Grow [start, end) to new_end without moving.  => -ENOMEM: it must move */
static long
remap_grow(uintptr_t start, uintptr_t end, uintptr_t new_end, unsigned wishes)
{
	unsigned flags = wishes & ~(unsigned)SPAN_LOCKED;
	long r;

	r = sys(SYS_mremap, start, end - start, new_end - start, 0);
	if (sys_failed(r))
		return r;
	r = memory_replaced(end, new_end);
	if (r < 0)
		return r;
	if (new_end - end < AGENT_MANAGE_BYTES_MIN) {
		/* Too short for an area of its own, but the kernel has made it
		 * one mapping with the rest, registered for faults. */
		r = pager_manage(agent_pager, 0, (void *)end, new_end - end,
		                 !(wishes & SPAN_NORESERVE));
		if (r == 0)
			span_set(end, new_end, SPAN_MANAGED | flags);
	} else
		r = memory_manage(end, new_end, flags);
	if (r == 0)
		r = remap_lock(end, new_end, wishes);
	if (r < 0) {
		(void)memory_unmap(end, new_end);
		return r;
	}
	return (long)start;
}

/* Map the new place of a mapping that moves.  => its address */
static long
remap_place(const struct call *c, size_t bytes)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	uintptr_t start, end;
	long r;

	if (!(c->flags & MREMAP_FIXED))
		return sys(SYS_mmap, 0, bytes, PROT_RW, flags, -1, 0);
	if (!agent_range(c->to, bytes, &start, &end))
		return -EINVAL;
	r = memory_leave(start, end);
	if (r < 0)
		return r;
	r = sys(SYS_mmap, start, bytes, PROT_RW, flags | MAP_FIXED, -1, 0);
	memory_left(start, end);
	return r;
}

/* Move [start, end) to a new place of new_bytes bytes. */
static long
remap_move(const struct call *c, uintptr_t start, uintptr_t end,
           size_t new_bytes, unsigned wishes)
{
	size_t bytes = end - start < new_bytes ? end - start : new_bytes;
	uintptr_t to;
	long r;

	r = remap_place(c, new_bytes);
	if (sys_failed(r))
		return r;
	to = (uintptr_t)r;
	r = memory_replaced(to, to + new_bytes);
	if (r < 0)
		return r;
	r = pager_manage(agent_pager, 0, (void *)to, new_bytes,
	                 !(wishes & SPAN_NORESERVE));
	if (r == 0) {
		(void)sys(SYS_madvise, to, new_bytes, MADV_DONTFORK);
		span_set(to, to + new_bytes, SPAN_MANAGED | wishes);
		r = remap_lock(to + bytes, to + new_bytes, wishes);
	}
	if (r == 0)
		r = pager_move(agent_pager, (void *)start, (void *)to, bytes);
	if (r < 0) {
		(void)memory_unmap(to, to + new_bytes);
		return r == -ENOMEM ? r : -EFAULT;
	}
	remap_stacks(start, start + bytes, to, wishes);
	if (c->flags & MREMAP_DONTUNMAP) {
		pager_unmanaged(agent_pager, (void *)start, end - start);
		span_set(start, end, 0);
		(void)memory_manage(start, end,
		                    wishes & ~(unsigned)SPAN_LOCKED);
	} else
		(void)memory_unmap(start, end);
	return (long)to;
}

/* mremap() of [start, end), all of it managed. */
static long
remap_managed(const struct call *c, uintptr_t start, uintptr_t end,
              unsigned wishes)
{
	uintptr_t to_start, to_end;
	size_t new_bytes;
	long r;

	if ((c->flags & ~REMAP_FLAGS) || c->to_bytes == 0 ||
	    !agent_range(start, c->to_bytes, &to_start, &to_end))
		return -EINVAL;
	new_bytes = to_end - to_start;
	if ((c->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) &&
	    !(c->flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((c->flags & MREMAP_DONTUNMAP) && new_bytes != end - start)
		return -EINVAL;
	if (c->flags & MREMAP_FIXED) {
		if (!agent_range(c->to, c->to_bytes, &to_start, &to_end) ||
		    (to_start < end && start < to_end))
			return -EINVAL;
		return remap_move(c, start, end, new_bytes, wishes);
	}
	if (c->flags & MREMAP_DONTUNMAP)
		return remap_move(c, start, end, new_bytes, wishes);
	if (new_bytes <= end - start) {
		r = new_bytes < end - start
		            ? memory_unmap(start + new_bytes, end)
		            : 0;
		return r < 0 ? r : (long)start;
	}
	r = remap_grow(start, end, start + new_bytes, wishes);
	if (!sys_failed(r) || !(c->flags & MREMAP_MAYMOVE))
		return r;
	return remap_move(c, start, end, new_bytes, wishes);
}

/* The kernel looks at the arguments first, and would take nothing away. */
static bool
remap_is_wrong(const struct call *c)
{
	return (c->flags & ~REMAP_FLAGS) != 0 ||
	       (c->flags & MREMAP_MAYMOVE) == 0 ||
	       (c->addr | c->to) % AGENT_PAGE != 0 || c->to_bytes == 0 ||
	       (c->to < c->addr + c->bytes && c->addr < c->to + c->to_bytes);
}

/* mremap() of memory that is not managed, over memory that may be. */
static long
remap_foreign(const struct call *c)
{
	uintptr_t start = 0, end = 0, to_start = 0, to_end = 0;
	unsigned old = 0;
	long r;

	if (agent_range(c->addr, c->bytes, &start, &end))
		old = span_first(start, end).flags;
	if ((c->flags & MREMAP_FIXED) && !remap_is_wrong(c) &&
	    agent_range(c->to, c->to_bytes, &to_start, &to_end)) {
		r = memory_leave(to_start, to_end);
		if (r < 0)
			return r;
	}
	r = sys(SYS_mremap, c->addr, c->bytes, c->to_bytes, c->flags, c->to);
	if (to_end != 0)
		memory_left(to_start, to_end);
	if (sys_failed(r))
		return r;
	if (end != 0)
		memory_left(start, end);
	if (agent_range((uintptr_t)r, c->to_bytes, &start, &end)) {
		(void)memory_leave(start, end);
		memory_left(start, end);
		if (old != 0)
			span_set(start, end, old);
	}
	return r;
}

/* Of one managed mapping, as far as the program knows.  => its wishes */
static bool
remap_wishes(uintptr_t start, uintptr_t end, unsigned *ret_wishes)
{
	const unsigned keep = SPAN_LOCKED | SPAN_NOFORK | SPAN_NORESERVE;
	struct span s = span_first(start, end);

	*ret_wishes = s.flags & keep;
	for (; start < end; start = s.end) {
		s = span_first(start, end);
		if ((s.flags & ~(unsigned)SPAN_STACK) !=
		    (SPAN_MANAGED | *ret_wishes))
			return false;
	}
	return true;
}

static long
do_mremap(const struct call *c)
{
	uintptr_t start, end;
	unsigned wishes;

	if (span_reserve() < 0)
		return -ENOMEM;
	if (!agent_range(c->addr, c->bytes, &start, &end) ||
	    !span_any(start, end, SPAN_MANAGED))
		return remap_foreign(c);
	if (!remap_wishes(start, end, &wishes))
		return -EFAULT;
	return remap_managed(c, start, end, wishes);
}

EXPORT void *
mremap(void *addr, size_t bytes, size_t new_bytes, int flags, ...)
{
	struct call c = {
		.addr = (uintptr_t)addr,
		.bytes = bytes,
		.to_bytes = new_bytes,
		.flags = flags,
	};
	va_list ap;
	long r;

	if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) {
		va_start(ap, flags);
		/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
		c.to = (uintptr_t)va_arg(ap, void *);
		va_end(ap);
	}
	if (agent_watches())
		r = agent_run(do_mremap, &c);
	else
		r = sys(SYS_mremap, addr, bytes, new_bytes, flags, c.to);
	return (void *)sys_return(r);
}
