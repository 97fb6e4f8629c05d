/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory.c -- calls about memory and descriptors: as if by their names.
 *
 * The agent stands in front of the C library's functions for these; whoever
 * makes the calls himself is led there now as well.
 */
#undef _FILE_OFFSET_BITS
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/calls/internal.h"
#include "agent/sys.h"

/* What a function of the C library says, as a system call says it. */
static long
as_call(long r)
{
	return r == -1 ? -errno : r;
}

/* The kernel would touch every page, and cannot; so they come in one by one. */
static long
populate(const struct trap *t)
{
	uintptr_t start, end;

	if (!agent_range(t->arg[0], t->arg[1], &start, &end) ||
	    !hold_wanted(start, end - start))
		return trap_perform(t);
	for (; start < end; start += AGENT_PAGE) {
		long r = 0;

		if (hold_wanted(start, AGENT_PAGE))
			hold(t->held, start, AGENT_PAGE);
		else
			r = sys(SYS_madvise, start, AGENT_PAGE, t->arg[2]);
		hold_end(t->held);
		if (r < 0)
			return r;
	}
	return 0;
}

bool
memory_call(const struct trap *t, long *ret)
{
	const unsigned long *a = t->arg;
	void *addr = (void *)a[0];

	switch (t->number) {
	case SYS_mmap:
		*ret = as_call((long)mmap(addr, a[1], (int)a[2], (int)a[3],
		                          (int)a[4], (off_t)a[5]));
		return true;
	case SYS_munmap:
		*ret = as_call(munmap(addr, a[1]));
		return true;
	case SYS_mprotect:
		*ret = as_call(mprotect(addr, a[1], (int)a[2]));
		return true;
	case SYS_mremap:
		*ret = as_call((long)mremap(addr, a[1], a[2], (int)a[3], a[4]));
		return true;
	case SYS_madvise:
		*ret = a[2] == MADV_POPULATE_READ || a[2] == MADV_POPULATE_WRITE
		               ? populate(t)
		               : as_call(madvise(addr, a[1], (int)a[2]));
		return true;
	case SYS_mlock:
		*ret = as_call(mlock(addr, a[1]));
		return true;
	case SYS_mlock2:
		*ret = as_call(mlock2(addr, a[1], (unsigned)a[2]));
		return true;
	case SYS_munlock:
		*ret = as_call(munlock(addr, a[1]));
		return true;
	case SYS_mlockall:
		*ret = as_call(mlockall((int)a[0]));
		return true;
	case SYS_munlockall:
		*ret = as_call(munlockall());
		return true;
	case SYS_close:
		*ret = as_call(close((int)a[0]));
		return true;
	case SYS_close_range:
		*ret = as_call(
			close_range((unsigned)a[0], (unsigned)a[1], (int)a[2]));
		return true;
	case SYS_dup2:
		*ret = as_call(dup2((int)a[0], (int)a[1]));
		return true;
	case SYS_dup3:
		*ret = as_call(dup3((int)a[0], (int)a[1], (int)a[2]));
		return true;
	default:
		return false;
	}
}
