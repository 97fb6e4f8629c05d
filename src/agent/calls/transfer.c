/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * transfer.c -- calls with more bytes than should be held at once.
 *
 * They are made in parts, and look like one: what was transferred is summed up,
 * and an error is told when nothing was.  After a part that was short there is
 * no other.  After a whole one there is, when whoever made the call may rely on
 * all of it: a write, or a read of a file.  A read of a pipe or a socket might
 * wait for ever for more, and may be short in any case.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "agent/agent.h"
#include "agent/calls/internal.h"
#include "agent/sys.h"

static bool
is_file(unsigned long fd)
{
	struct stat st;

	return sys(SYS_fstat, fd, &st) == 0 &&
	       (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode));
}

/* There is more to transfer after a part that was whole. */
static bool
goes_on(const struct trap *t)
{
	switch (t->number) {
	case SYS_read:
	case SYS_pread64:
		return is_file(t->arg[0]);
	case SYS_recvfrom:
		return t->arg[3] & MSG_WAITALL;
	default:
		return true;
	}
}

static bool
is_at_offset(long number)
{
	return number == SYS_pread64 || number == SYS_pwrite64;
}

bool
transfer(const struct trap *t, long *ret)
{
	struct trap part = *t;
	size_t done = 0, total = t->arg[2];
	long r;

	if (t->number != SYS_read && t->number != SYS_write &&
	    !is_at_offset(t->number) && t->number != SYS_recvfrom &&
	    t->number != SYS_sendto)
		return false;
	if (total <= hold_bytes_max || !hold_wanted(t->arg[1], total))
		return false;
	do {
		part.arg[1] = t->arg[1] + done;
		part.arg[2] = total - done < hold_bytes_max ? total - done
		                                            : hold_bytes_max;
		if (is_at_offset(t->number))
			part.arg[3] = t->arg[3] + done;
		r = shapes_hold(&part);
		if (r == 0)
			r = trap_perform(&part);
		hold_end(t->held);
		if (r > 0)
			done += (size_t)r;
	} while (r == (long)part.arg[2] && done < total && goes_on(t));
	*ret = done > 0 ? (long)done : r;
	return true;
}
