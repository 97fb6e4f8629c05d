/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * places.h -- for tests of swap places: a directory, and what becomes of it.
 */
#ifndef TEST_PAGER_PLACES_H
#define TEST_PAGER_PLACES_H

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "pager/pager.h"
#include "test/child.h"

#define MIB ((uint64_t)1 << 20)

static char dir[64]; /* on a disk, ours, fresh for each case */
static char reason[PAGER_REASON_MAX];
static struct pager_swapfile swap;

static inline int
setup(void **state)
{
	(void)state;
	(void)unsetenv("PAGEOUT_SWAP");
	(void)unsetenv("TMPDIR");
	(void)strcpy(dir, "/var/tmp/test_place.XXXXXX");
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static inline int
teardown(void **state)
{
	(void)state;
	(void)umount2(dir, MNT_DETACH);
	return rmdir(dir); /* fails if anything is left in it */
}

/* dir/name, in one of a few buffers. */
static inline const char *
in_dir(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

/* It is refused with this errno, and the reason says these words. */
static inline void
refused(const char *path, uint64_t bytes, int error, const char *words)
{
	int fd = pager_swapfile_open(&swap, path, bytes, reason);

	assert_int_equal(fd, error);
	assert_int_equal(swap.fd, -1);
	if (strstr(reason, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", reason, words);
}

/* It is taken.  => the descriptor */
static inline int
taken(const char *path, uint64_t bytes)
{
	int fd = pager_swapfile_open(&swap, path, bytes, reason);

	if (fd < 0)
		fail_msg("%s", reason);
	assert_int_equal(fd, swap.fd);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal((fcntl(fd, F_GETFL) & O_DIRECT) != 0, swap.direct);
	return fd;
}

/* System call nr fails with error if argument number arg has all these bits. */
static inline int
fail_call(unsigned nr, unsigned arg, unsigned bits, unsigned error)
{
	const unsigned offset = offsetof(struct seccomp_data, args) + 8 * arg;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
	                 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, bits, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
		.len = sizeof(code) / sizeof(code[0]),
		.filter = code,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

#endif
