/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory.c -- mmap(), munmap() and mprotect() of the program.
 *
 * Managed is what is private, anonymous, readable and writable and at least
 * AGENT_MANAGE_BYTES_MIN long; but no stacks and no huge-TLB memory.  The rest
 * of private anonymous memory is remembered as reserved and becomes managed
 * when mprotect() makes it readable and writable.
 *
 * Memory that is taken away is forgotten by the pager before the system call:
 * a page of the old mapping could otherwise be put into a new one at the same
 * address.  A system call that would fail must therefore fail before that; see
 * map_trial().
 *
 * Admission.  A mapping is promised its place in budget and swap space, or the
 * call fails with ENOMEM, unless the program said MAP_NORESERVE.  The
 * allocator's mappings are promised in any case: it says MAP_NORESERVE for
 * everything, and malloc() that returns NULL is better than a program that is
 * stopped later.
 */
#undef _FILE_OFFSET_BITS /* would rename mmap(); off_t has 64 bits anyway */
#include <stdatomic.h>
#include <sys/mman.h>

#include "agent/agent.h"
#include "agent/span.h"
#include "agent/sys.h"
#include "base/assert.h"

enum {
	MAP_KIND = 0x0f,
	PROT_RW = PROT_READ | PROT_WRITE,
	MAP_NEVER = MAP_STACK | MAP_GROWSDOWN | MAP_HUGETLB
};

static uintptr_t allocator_start, allocator_end;

void
memory_allocator(uintptr_t start, uintptr_t end)
{
	allocator_start = start;
	allocator_end = end;
}

long
memory_manage(uintptr_t start, uintptr_t end, unsigned wishes)
{
	bool promise = !(wishes & SPAN_NORESERVE);
	long r;

	must(start < end);
	if (end - start < AGENT_MANAGE_BYTES_MIN)
		return 0;
	if (agent_state == AGENT_EARLY) {
		span_set(start, end, SPAN_EARLY | wishes);
		return 0;
	}
	r = pager_manage(agent_pager, 0, (void *)start, end - start, promise);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		agent_log_once(ONCE_MANAGE, "a mapping stays unmanaged", r);
		return 0;
	}
	/* A child that is made behind our back stops instead of reading
	 * zeros; fork() allows it while everything is resident. */
	(void)sys(SYS_madvise, start, end - start, MADV_DONTFORK);
	span_set(start, end, SPAN_MANAGED | wishes);
	return 0;
}

static bool
is_managed(uintptr_t start)
{
	return pager_covers(agent_pager, (void *)start, AGENT_PAGE);
}

/*
 * Let the kernel split the mapping that the range is the middle of, which it
 * may refuse to: by advice that changes nothing here.
 */
static long
leave_split(uintptr_t start, uintptr_t end)
{
	if (is_managed(start - AGENT_PAGE) && is_managed(end) &&
	    sys(SYS_madvise, start, end - start, MADV_RANDOM) == -EAGAIN)
		return -ENOMEM;
	return 0;
}

long
memory_leave(uintptr_t start, uintptr_t end)
{
	long r;

	if (!span_any(start, end, SPAN_MANAGED))
		return 0;
	r = leave_split(start, end);
	if (r == 0)
		r = pager_unmanage(agent_pager, (void *)start, end - start);
	if (r < 0)
		(void)sys(SYS_madvise, start, end - start, MADV_NORMAL);
	return r;
}

void
memory_left(uintptr_t start, uintptr_t end)
{
	if (span_any(start, end, SPAN_MANAGED))
		pager_unmanaged(agent_pager, (void *)start, end - start);
	if (span_any(start, end, SPAN_KIND))
		span_set(start, end, 0);
}

long
memory_unmap(uintptr_t start, uintptr_t end)
{
	long r = memory_leave(start, end);

	if (r < 0)
		return r;
	r = sys(SYS_munmap, start, end - start);
	memory_left(start, end);
	return r;
}

long
memory_replaced(uintptr_t start, uintptr_t end)
{
	long r = memory_leave(start, end);

	if (r < 0)
		(void)sys(SYS_munmap, start, end - start);
	else
		memory_left(start, end);
	return r;
}

static long
do_adopt(const struct call *c)
{
	struct span s;
	size_t n = 0;

	(void)c;
	atomic_store(&agent_state, AGENT_ON);
	while ((s = span_number(n)).flags != 0) {
		if (!(s.flags & SPAN_EARLY)) {
			n++;
			continue;
		}
		span_set(s.start, s.end, 0);
		if (span_reserve() < 0 ||
		    memory_manage(s.start, s.end,
		                  s.flags & ~(unsigned)SPAN_KIND) < 0)
			agent_log_once(ONCE_MANAGE,
			               "early mappings stay "
			               "unmanaged",
			               -ENOMEM);
		n = 0;
	}
	return 0;
}

void
memory_adopt(void)
{
	(void)agent_run(do_adopt, &(struct call){.addr = 0});
}

/* -- mmap ---------------------------------------------------------------- */

/* What a mapping will be: SPAN_MANAGED, SPAN_RESERVED or 0, and wishes. */
static unsigned
map_flags(const struct call *c)
{
	bool allocator = c->caller >= (void *)allocator_start &&
	                 c->caller < (void *)allocator_end;
	unsigned flags = 0;

	if ((c->flags & MAP_KIND) != MAP_PRIVATE ||
	    !(c->flags & MAP_ANONYMOUS) || (c->flags & MAP_NEVER) ||
	    c->bytes < AGENT_MANAGE_BYTES_MIN)
		return 0;
	if ((c->flags & MAP_NORESERVE) && !allocator && agent_state == AGENT_ON)
		flags |= SPAN_NORESERVE;
	return flags | (c->prot == PROT_RW ? SPAN_MANAGED : SPAN_RESERVED);
}

/*
 * Would this mapping succeed?  Asked before a managed range is forgotten to
 * make room for it.
 */
static long
map_trial(const struct call *c, int flags)
{
	const int not_tried = MAP_FIXED | MAP_POPULATE | MAP_LOCKED;
	long at, r = 0;

	at = sys(SYS_mmap, 0, c->bytes, c->prot, flags & ~not_tried, c->fd,
	         c->offset);
	if (sys_failed(at))
		return at;
	if (flags & MAP_LOCKED) /* may it be: no page comes in for that */
		r = sys(SYS_mlock2, at, c->bytes, MLOCK_ONFAULT);
	(void)sys(SYS_munmap, at, c->bytes);
	return r == -ENOMEM ? -EAGAIN : r; /* as mmap() says it */
}

/* The new mapping exists: make it what it should be. */
static long
map_made(const struct call *c, uintptr_t start, unsigned flags)
{
	uintptr_t end;
	long r;

	if (!agent_range(start, c->bytes, &start, &end))
		never();
	r = memory_replaced(start, end);
	if (r < 0)
		return r;
	if (flags & SPAN_RESERVED)
		span_set(start, end, flags);
	if (!(flags & SPAN_MANAGED))
		return (long)start;
	r = memory_manage(start, end, flags & ~(unsigned)SPAN_KIND);
	if (r < 0) {
		(void)sys(SYS_munmap, start, end - start);
		agent_log_once(ONCE_ADMISSION,
		               "memory and swap space are "
		               "promised already: mappings are refused",
		               0);
		return r;
	}
	if ((c->flags & MAP_LOCKED) && agent_state == AGENT_ON &&
	    pager_pin(agent_pager, (void *)start, end - start) == 0)
		span_set(start, end, flags | SPAN_LOCKED);
	return (long)start;
}

static long
do_mmap(const struct call *c)
{
	unsigned will = map_flags(c);
	uintptr_t start = 0, end = 0;
	bool replaces = false;
	int flags = c->flags;
	long r;

	if (span_reserve() < 0)
		return -ENOMEM;
	if ((flags & MAP_FIXED) && !(flags & MAP_FIXED_NOREPLACE) &&
	    agent_range(c->addr, c->bytes, &start, &end))
		replaces = span_any(start, end, SPAN_MANAGED);
	if (will & SPAN_MANAGED)
		flags &= ~(MAP_LOCKED | MAP_POPULATE);
	if (replaces) {
		r = map_trial(c, flags);
		if (r == 0)
			r = memory_leave(start, end);
		if (r < 0)
			return r;
	}
	r = sys(SYS_mmap, c->addr, c->bytes, c->prot, flags, c->fd, c->offset);
	if (replaces)
		memory_left(start, end);
	if (sys_failed(r))
		return r;
	return map_made(c, (uintptr_t)r, will);
}

EXPORT void *
mmap(void *addr, size_t bytes, int prot, int flags, int fd, off_t offset)
{
	struct call c = {
		.addr = (uintptr_t)addr,
		.bytes = bytes,
		.prot = prot,
		.flags = flags,
		.fd = fd,
		.offset = offset,
		.caller = __builtin_return_address(0),
	};
	long r;

	if (agent_watches())
		r = agent_run(do_mmap, &c);
	else
		r = sys(SYS_mmap, addr, bytes, prot, flags, fd, offset);
	return (void *)sys_return(r);
}

EXPORT void *mmap64(void *, size_t, int, int, int, off_t)
	__attribute__((alias("mmap")));

/* -- munmap -------------------------------------------------------------- */

static long
do_munmap(const struct call *c)
{
	uintptr_t start, end;

	if (!agent_range(c->addr, c->bytes, &start, &end) ||
	    !span_any(start, end, SPAN_KIND))
		return sys(SYS_munmap, c->addr, c->bytes);
	if (span_reserve() < 0)
		return -ENOMEM;
	return memory_unmap(start, end);
}

EXPORT int
munmap(void *addr, size_t bytes)
{
	struct call c = {.addr = (uintptr_t)addr, .bytes = bytes};

	if (!agent_watches())
		return (int)sys_return(sys(SYS_munmap, addr, bytes));
	return (int)sys_return(agent_run(do_munmap, &c));
}

/* -- mprotect ------------------------------------------------------------ */

/*
 * The protection of a piece of known memory has changed.
 * => -ENOMEM: it is plain memory still, and stays so
 */
static long
protect_piece(struct span s, bool allowed)
{
	const unsigned wishes = s.flags & ~(unsigned)(SPAN_KIND | SPAN_DENIED);

	if (s.flags & SPAN_EARLY)
		span_set(s.start, s.end,
		         wishes | (allowed ? SPAN_EARLY : SPAN_RESERVED));
	else if (s.flags & SPAN_RESERVED)
		return allowed ? memory_manage(s.start, s.end, wishes) : 0;
	else if (!allowed)
		span_set(s.start, s.end, s.flags | SPAN_DENIED);
	else if (s.flags & SPAN_DENIED) {
		span_set(s.start, s.end, s.flags & ~(unsigned)SPAN_DENIED);
		pager_protected(agent_pager, (void *)s.start, s.end - s.start);
	}
	return 0;
}

/*
 * What is to be managed must be writable before: pages that are there may have
 * to leave while others are taken over.
 */
static long
do_mprotect(const struct call *c)
{
	uintptr_t start, end;
	long r;

	r = sys(SYS_mprotect, c->addr, c->bytes, c->prot);
	if (r < 0 || !agent_range(c->addr, c->bytes, &start, &end))
		return r;
	while (r == 0 && start < end) {
		struct span s = span_first(start, end);

		if (s.flags != 0) {
			r = span_reserve();
			if (r == 0)
				r = protect_piece(s, c->prot == PROT_RW);
		}
		start = s.end;
	}
	return r;
}

EXPORT int
mprotect(void *addr, size_t bytes, int prot)
{
	struct call c = {.addr = (uintptr_t)addr, .bytes = bytes, .prot = prot};

	if (!agent_watches())
		return (int)sys_return(sys(SYS_mprotect, addr, bytes, prot));
	return (int)sys_return(agent_run(do_mprotect, &c));
}
