/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * files.c -- descriptors of ours that the program must not close.
 *
 * When the last reference to a userfaultfd is closed, absent pages read as
 * zeros.  Programs do close what they do not know: daemons, shells, test
 * harnesses.  The keeper's second reference keeps that safe, but nobody would
 * serve the faults any more.  So to the program our descriptors are numbers
 * that are not open: close() says EBADF, closefrom() and close_range() go
 * around them, dup2() onto them is refused.
 *
 * They have high numbers: the low ones are full while the pager opens them.
 */
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/sys.h"
#include "base/assert.h"

enum { FILES_MAX = PAGER_FDS_MAX + 2, FILES_ROOM = 80, FILES_LIMIT = 1024 };

static int files[FILES_MAX]; /* ascending; constant while ON */
static size_t files_count;
static uint64_t filled[FILES_LIMIT / 64]; /* bit: taken by files_fill() */

void
files_protect(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t n = files_count++;

		must(files_count <= FILES_MAX);
		for (; n > 0 && files[n - 1] > fds[i]; n--)
			files[n] = files[n - 1];
		files[n] = fds[i];
	}
}

void
files_forget(void)
{
	files_count = 0;
}

static bool
files_is_ours(int fd)
{
	for (size_t i = 0; i < files_count; i++)
		if (files[i] == fd)
			return agent_state == AGENT_ON;
	return false;
}

void
files_fill(void)
{
	struct rlimit limit = {0, 0};
	long fd, last = FILES_LIMIT - FILES_ROOM;

	if (sys(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limit) == 0 &&
	    limit.rlim_cur < FILES_LIMIT)
		last = (long)limit.rlim_cur - FILES_ROOM;
	fd = sys(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC, 0);
	while (fd >= 0) {
		if (fd >= last) {
			(void)sys(SYS_close, fd);
			return;
		}
		filled[fd / 64] |= (uint64_t)1 << fd % 64;
		fd = sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 0);
	}
}

void
files_unfill(void)
{
	for (unsigned fd = 0; fd < FILES_LIMIT; fd++) {
		unsigned last = fd;

		while (last < FILES_LIMIT &&
		       (filled[last / 64] >> last % 64 & 1))
			last++;
		if (last == fd)
			continue;
		if (sys(SYS_close_range, fd, last - 1, 0) < 0)
			for (unsigned i = fd; i < last; i++)
				(void)sys(SYS_close, i);
		fd = last;
	}
}

EXPORT int
close(int fd)
{
	if (!files_is_ours(fd))
		return (int)sys_return(sys(SYS_close, fd));
	errno = EBADF;
	return -1;
}

/* Close [first, last] but for our own. */
static long
files_close(unsigned first, unsigned last, unsigned flags)
{
	long r;

	if (agent_state != AGENT_ON || first > last ||
	    (flags & CLOSE_RANGE_CLOEXEC)) /* as ours are already */
		return sys(SYS_close_range, first, last, flags);
	for (size_t i = 0; i < files_count; i++) {
		unsigned fd = (unsigned)files[i];

		if (fd < first || fd > last)
			continue;
		if (fd > first) {
			r = sys(SYS_close_range, first, fd - 1, flags);
			if (r < 0)
				return r;
			flags = 0; /* UNSHARE is done */
		}
		first = fd + 1;
		if (first > last)
			return 0;
	}
	return sys(SYS_close_range, first, last, flags);
}

EXPORT int
close_range(unsigned first, unsigned last, int flags)
{
	return (int)sys_return(files_close(first, last, (unsigned)flags));
}

EXPORT void
closefrom(int low)
{
	struct rlimit limit = {FILES_LIMIT, 0};

	if (low < 0)
		low = 0;
	if (files_close((unsigned)low, ~0u, 0) == 0)
		return;
	(void)sys(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limit);
	for (int fd = low; (rlim_t)fd < limit.rlim_cur; fd++)
		(void)close(fd);
}

EXPORT int
dup2(int old, int new)
{
	long r;

	if (files_is_ours(old) || files_is_ours(new)) {
		errno = EBADF;
		return -1;
	}
	if (old == new) /* dup3() would say EINVAL */
		r = sys(SYS_fcntl, old, F_GETFD) < 0 ? -EBADF : old;
	else
		r = sys(SYS_dup3, old, new, 0);
	return (int)sys_return(r);
}

EXPORT int
dup3(int old, int new, int flags)
{
	if (files_is_ours(old) || files_is_ours(new)) {
		errno = EBADF;
		return -1;
	}
	return (int)sys_return(sys(SYS_dup3, old, new, flags));
}
