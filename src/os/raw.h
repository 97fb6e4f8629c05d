/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * raw.h -- system calls that must not pass through the C library's names.
 *
 * mmap(), munmap() and close() may be interposed by our own agent, for which a
 * call from inside the pager would look like one of the program's.
 */
#ifndef OS_RAW_H
#define OS_RAW_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Zeroed private memory of our own, not inherited by core dumps.  The kernel is
 * not asked to set it aside: much of it may never be touched.
 * => returns NULL when there is none
 */
static inline void *
raw_map(size_t bytes)
{
	long r = syscall(SYS_mmap, NULL, bytes, PROT_READ | PROT_WRITE,
	                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);

	if (r == -1)
		return NULL;
	(void)syscall(SYS_madvise, r, bytes, MADV_DONTDUMP);
	return (void *)r;
}

static inline void
raw_unmap(void *addr, size_t bytes)
{
	if (addr != NULL)
		(void)syscall(SYS_munmap, addr, bytes);
}

/* Close *fd if it is open, once.  => errno is kept */
static inline void
raw_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)syscall(SYS_close, *fd);
	*fd = -1;
	errno = saved;
}

/*
 * The beginning of a small file of the kernel's, as a string.
 * => false: there is no such file
 */
static inline bool
raw_read_text(const char *path, char *text, size_t bytes)
{
	long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	long n;

	if (fd < 0)
		return false;
	n = syscall(SYS_read, (int)fd, text, bytes - 1);
	(void)syscall(SYS_close, (int)fd);
	if (n < 0)
		return false;
	text[n] = '\0';
	return true;
}

#endif
