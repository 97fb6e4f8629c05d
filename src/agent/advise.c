/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * advise.c -- madvise(), mlock() and their relatives.
 *
 * A range is taken piece by piece: what is managed goes to the pager, what is
 * not goes to the kernel, and a hole in the middle is ENOMEM at the end, as
 * the kernel has it.
 *
 * mlock() of managed memory is a pin against the budget: the pages come in and
 * stay.  The kernel is not told, because it would not let us move a locked
 * page ever again.  mlockall() is refused with EPERM for the same reason.
 */
#include <sys/mman.h>
#include <sys/resource.h>

#include "agent/agent.h"
#include "agent/span.h"
#include "agent/sys.h"

/* Younger than some C libraries. */
enum {
	ADVICE_COLD = 20,
	ADVICE_PAGEOUT = 21,
	ADVICE_POPULATE_READ = 22,
	ADVICE_POPULATE_WRITE = 23,
	ADVICE_DONTNEED_LOCKED = 24,
	ADVICE_COLLAPSE = 25,
	ADVICE_GUARD_INSTALL = 102,
	PIECE_FOR_KERNEL = 1 /* more than any errno or 0 */
};

static long
advise_hint(struct span s, enum pageout_hint hint)
{
	(void)pager_advise(agent_pager, (void *)s.start, s.end - s.start, hint);
	return 0;
}

/* Pins go with the pages. */
static long
advise_discard(struct span s)
{
	const unsigned pinned = SPAN_LOCKED | SPAN_STACK;

	if (s.flags & pinned) {
		if (span_reserve() < 0)
			return -ENOMEM;
		span_set(s.start, s.end, s.flags & ~pinned);
	}
	return pager_discard(agent_pager, (void *)s.start, s.end - s.start);
}

/* Remember the program's wish; the kernel's flag stays as we need it. */
static long
advise_fork(struct span s, bool in_child)
{
	if (span_reserve() < 0)
		return -ENOMEM;
	span_set(s.start, s.end,
	         in_child ? s.flags & ~(unsigned)SPAN_NOFORK
	                  : s.flags | SPAN_NOFORK);
	return 0;
}

/* => 0, a negative errno, or PIECE_FOR_KERNEL */
static long
advise_managed(struct span s, int advice)
{
	long r;

	switch (advice) {
	case MADV_DONTNEED:
	case MADV_FREE:
		if (s.flags & SPAN_LOCKED)
			return -EINVAL;
		return advise_discard(s);
	case ADVICE_DONTNEED_LOCKED:
		return advise_discard(s);
	case ADVICE_GUARD_INSTALL:
		r = advise_discard(s);
		return r < 0 ? r : PIECE_FOR_KERNEL;
	case MADV_WILLNEED:
		return advise_hint(s, PAGEOUT_PREFETCH);
	case ADVICE_COLD:
	case ADVICE_PAGEOUT:
		return advise_hint(s, PAGEOUT_COLD);
	case MADV_NORMAL:
		return advise_hint(s, PAGEOUT_NORMAL);
	case MADV_SEQUENTIAL:
		return advise_hint(s, PAGEOUT_SEQUENTIAL);
	case MADV_RANDOM:
		return advise_hint(s, PAGEOUT_RANDOM);
	case MADV_DONTFORK:
		return advise_fork(s, false);
	case MADV_DOFORK:
		return advise_fork(s, true);
	case MADV_HUGEPAGE: /* speed only, and the pager's choice */
	case MADV_NOHUGEPAGE:
	case MADV_MERGEABLE: /* a merged page cannot be moved */
	case MADV_UNMERGEABLE:
	case ADVICE_COLLAPSE:
		return 0;
	default:
		return PIECE_FOR_KERNEL;
	}
}

static long
do_madvise(const struct call *c)
{
	uintptr_t start, end;
	long hole = 0;

	if (!agent_range(c->addr, c->bytes, &start, &end) ||
	    !span_any(start, end, SPAN_MANAGED))
		return sys(SYS_madvise, c->addr, c->bytes, c->advice);
	while (start < end) {
		struct span s = span_first(start, end);
		long r = PIECE_FOR_KERNEL;

		if (s.flags & SPAN_MANAGED)
			r = advise_managed(s, c->advice);
		if (r == PIECE_FOR_KERNEL)
			r = sys(SYS_madvise, s.start, s.end - s.start,
			        c->advice);
		if (r == -ENOMEM && !(s.flags & SPAN_MANAGED))
			hole = r;
		else if (r < 0)
			return r;
		start = s.end;
	}
	return hole;
}

EXPORT int
madvise(void *addr, size_t bytes, int advice)
{
	struct call c = {
		.addr = (uintptr_t)addr, .bytes = bytes, .advice = advice};

	/* These fault pages in, one by one: not under the lock. */
	if (!agent_watches() || advice == ADVICE_POPULATE_READ ||
	    advice == ADVICE_POPULATE_WRITE)
		return (int)sys_return(sys(SYS_madvise, addr, bytes, advice));
	return (int)sys_return(agent_run(do_madvise, &c));
}

/* -- mlock --------------------------------------------------------------- */

/* Pin or unpin a managed piece.  Locks do not nest, pins do. */
static long
lock_piece(struct span s, bool locked)
{
	size_t bytes = s.end - s.start;
	long r;

	if (locked == !!(s.flags & SPAN_LOCKED))
		return 0;
	if (span_reserve() < 0)
		return -ENOMEM;
	if (locked)
		r = pager_pin(agent_pager, (void *)s.start, bytes);
	else
		r = pager_unpin(agent_pager, (void *)s.start, bytes);
	if (r < 0) {
		/* At a guard page the kernel would refuse too. */
		if (r != -EFAULT)
			agent_log_once(ONCE_PIN, "memory is not locked", r);
		return r == -EINVAL ? r : -ENOMEM;
	}
	span_set(s.start, s.end, s.flags ^ SPAN_LOCKED);
	return 0;
}

static long
lock_range(uintptr_t addr, size_t bytes, bool locked, int flags)
{
	uintptr_t start, end;

	if (!agent_pages(addr, bytes, &start, &end) ||
	    !span_any(start, end, SPAN_MANAGED)) {
		if (!locked)
			return sys(SYS_munlock, addr, bytes);
		return sys(SYS_mlock2, addr, bytes, flags);
	}
	while (start < end) {
		struct span s = span_first(start, end);
		long r;

		if (s.flags & SPAN_MANAGED)
			r = lock_piece(s, locked);
		else
			r = lock_range(s.start, s.end - s.start, locked, flags);
		if (r < 0)
			return r;
		start = s.end;
	}
	return 0;
}

static long
do_mlock(const struct call *c)
{
	return lock_range(c->addr, c->bytes, true, c->flags);
}

static long
do_munlock(const struct call *c)
{
	return lock_range(c->addr, c->bytes, false, 0);
}

EXPORT int
mlock2(const void *addr, size_t bytes, unsigned flags)
{
	struct call c = {
		.addr = (uintptr_t)addr, .bytes = bytes, .flags = (int)flags};

	if (!agent_watches())
		return (int)sys_return(sys(SYS_mlock2, addr, bytes, flags));
	return (int)sys_return(agent_run(do_mlock, &c));
}

EXPORT int
mlock(const void *addr, size_t bytes)
{
	return mlock2(addr, bytes, 0);
}

EXPORT int
munlock(const void *addr, size_t bytes)
{
	struct call c = {.addr = (uintptr_t)addr, .bytes = bytes};

	if (!agent_watches())
		return (int)sys_return(sys(SYS_munlock, addr, bytes));
	return (int)sys_return(agent_run(do_munlock, &c));
}

EXPORT int
mlockall(int flags)
{
	if (agent_state != AGENT_ON || !agent_watches())
		return (int)sys_return(sys(SYS_mlockall, flags));
	errno = EPERM;
	return -1;
}

static long
do_munlockall(const struct call *c)
{
	struct span s;

	(void)c;
	for (size_t n = 0; (s = span_number(n)).flags != 0; n++)
		if (s.flags & SPAN_LOCKED) {
			(void)lock_piece(s, false);
			n = (size_t)-1; /* ranges may have joined */
		}
	return sys(SYS_munlockall);
}

EXPORT int
munlockall(void)
{
	struct call c = {.addr = 0};

	if (agent_state != AGENT_ON || !agent_watches())
		return (int)sys_return(sys(SYS_munlockall));
	return (int)sys_return(agent_run(do_munlockall, &c));
}
