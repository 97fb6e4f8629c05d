/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * victim_limits.c -- programs at a limit: what is refused there has changed
 * nothing.
 *
 * A limit of ours is not the kernel's.  So a call may also succeed here, and
 * then contents are what they should be after that.
 */
#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test/cli/victim.h"

enum { RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS };

#define STRIPES (512 * MIB)
#define WALL (1024 * MIB)

static char *
map(size_t bytes)
{
	void *p = mmap(NULL, bytes, RW, ANON | MAP_NORESERVE, -1, 0);

	want(p != MAP_FAILED);
	return p;
}

/* A call that was refused for lack of room. */
static bool
refused(bool failed)
{
	want(!failed || errno == ENOMEM);
	return failed;
}

/* More parts of a mapping than can be told apart. */
static void
use_up_areas(char *stripes)
{
	for (size_t i = 0; i < STRIPES; i += 2 * PAGE)
		(void)madvise(stripes + i, PAGE, MADV_RANDOM);
	for (size_t i = 2; i < 100; i += 2)
		if (refused(munmap(stripes + STRIPES - i * PAGE, PAGE) < 0))
			break;
}

static int
run_areas(size_t bytes, const char *argument)
{
	size_t third = bytes / 3 / PAGE * PAGE;
	char *stripes = map(STRIPES), *p = map(3 * third), *middle = p + third;
	char *code = mmap(NULL, MIB, RW | PROT_EXEC, ANON, -1, 0);

	(void)argument;
	want(code != MAP_FAILED);
	fill(code, MIB, 43);
	fill(p, third, 44);
	fill(middle, third, 45);
	fill(middle + third, third, 46);
	use_up_areas(stripes);
	(void)refused(mprotect(code, MIB, RW) < 0);
	verify(code, MIB, 43);
	if (refused(mremap(middle, third, third / 2 / PAGE * PAGE, 0) ==
	            MAP_FAILED))
		verify(middle, third, 45);
	if (!refused(munmap(middle, third) < 0)) {
		want(mmap(middle, third, RW, ANON | MAP_FIXED, -1, 0) ==
		     middle);
		verify_zero(middle, third);
		fill(middle, third, 45);
	}
	fill(p, third, 47); /* others come and go */
	verify(middle + third, third, 46);
	verify(middle, third, 45);
	if (!refused(mmap(middle, third, RW, ANON | MAP_FIXED, -1, 0) ==
	             MAP_FAILED))
		fill(middle, third, 45);
	verify(p, third, 47);
	verify(middle, third, 45);
	return 0;
}

/* As many mappings as the kernel allows: no other can be split. */
static int
run_mappings(size_t bytes, const char *argument)
{
	size_t third = bytes / 3 / PAGE * PAGE;
	char *p = map(3 * third), *middle = p + third;
	char *wall = mmap(NULL, WALL, PROT_NONE,
	                  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)argument;
	want(wall != MAP_FAILED);
	fill(middle, third, 48);
	for (size_t i = 0; mprotect(wall + i, PAGE, PROT_READ) == 0;) {
		i += 2 * PAGE;
		if (i == WALL)
			return 0; /* a limit that is not to be reached */
	}
	want(munmap(middle, third) < 0 && errno == ENOMEM);
	verify(middle, third, 48);
	want(mmap(middle, third, RW, ANON | MAP_FIXED, -1, 0) == MAP_FAILED);
	want(errno == ENOMEM);
	verify(middle, third, 48);
	want(munmap(wall, WALL) == 0);
	want(munmap(middle, third) == 0);
	return 0;
}

/* A mapping that may not be locked does not replace another. */
static int
run_locked(size_t bytes, const char *argument)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};
	struct rlimit limit = {16 * PAGE, 16 * PAGE};
	char *p = map(bytes);

	(void)argument;
	fill(p, bytes, 49);
	want(syscall(SYS_capset, &head, none) == 0);
	want(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
	want(mmap(p, bytes, PROT_READ, ANON | MAP_FIXED | MAP_LOCKED, -1, 0) ==
	     MAP_FAILED);
	want(errno == EAGAIN);
	verify(p, bytes, 49);
	limit.rlim_cur = 0;
	want(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
	want(mmap(p, PAGE, PROT_READ, ANON | MAP_FIXED | MAP_LOCKED, -1, 0) ==
	     MAP_FAILED);
	want(errno == EPERM);
	verify(p, bytes, 49);
	return 0;
}

/* The same stack again and again; a part of a mapping that grows and moves. */
static void
use_stack(size_t bytes)
{
	char *stack = map(bytes);
	pthread_attr_t attr;

	want(pthread_attr_init(&attr) == 0);
	for (int i = 0; i < 100; i++)
		want(pthread_attr_setstack(&attr, stack, bytes / 2) == 0);
	want(mremap(stack, bytes, 2 * bytes, MREMAP_MAYMOVE) != MAP_FAILED);
}

/* Locked memory that grows and moves is locked; what is unlocked is not. */
static void
use_lock(size_t bytes)
{
	char *p = map(bytes), *q = map(2 * bytes);

	fill(p, bytes, 50);
	want(mlock(p, bytes) == 0);
	want(mremap(p, bytes, 2 * bytes, MREMAP_MAYMOVE | MREMAP_FIXED, q) ==
	     q);
	want(madvise(q, PAGE, MADV_DONTNEED) < 0 && errno == EINVAL);
	want(madvise(q + bytes, PAGE, MADV_DONTNEED) < 0 && errno == EINVAL);
	verify(q, bytes, 50);
	want(munlock(q, 2 * bytes) == 0);
	verify(q, bytes, 50);
	want(madvise(q, PAGE, MADV_DONTNEED) == 0);
}

/* Pins that are not given back are a limit soon reached. */
static int
run_pins(size_t bytes, const char *argument)
{
	size_t little = 64 * PAGE;

	(void)argument;
	for (int i = 0; i < 4; i++)
		use_stack(little);
	for (size_t at = 0; at < bytes; at += little)
		use_lock(little);
	return 0;
}

const struct victim victims_limits[] = {
	{"areas", run_areas},   {"mappings", run_mappings},
	{"locked", run_locked}, {"pins", run_pins},
	{NULL, NULL},
};
