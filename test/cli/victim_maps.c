/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * victim_maps.c -- programs that work on their address space.
 *
 * Each case is a small contract of the kernel; run without pageout it says what
 * the kernel does, run with it that we do the same.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test/cli/victim.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

enum { RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS };

static char *
map(size_t bytes)
{
	void *p = mmap(NULL, bytes, RW, ANON, -1, 0);

	want(p != MAP_FAILED);
	return p;
}

static int
run_munmap(size_t bytes, const char *argument)
{
	char *p = map(bytes);
	size_t third = bytes / 3 / PAGE * PAGE;

	(void)argument;
	fill(p, third, 40);
	fill(p + 2 * third, third, 41);
	want(munmap(p + third, third) == 0);
	verify(p, third, 40);
	verify(p + 2 * third, third, 41);
	/* A new mapping in the hole reads as zeros. */
	want(mmap(p + third, third, RW, ANON | MAP_FIXED, -1, 0) == p + third);
	verify_zero(p + third, third);
	fill(p + third, third, 42);
	verify(p, third, 40);
	verify(p + third, third, 42);
	want(munmap(p, 3 * third) == 0);
	want(munmap(p, PAGE) == 0); /* nothing there: no error */
	want(munmap(p + 1, PAGE) < 0 && errno == EINVAL);
	want(munmap(p, 0) < 0 && errno == EINVAL);
	return 0;
}

/* The same address again and again: old pages must never come back. */
static int
run_fixed(size_t bytes, const char *argument)
{
	char *p = map(bytes);

	(void)argument;
	for (uint64_t i = 0; i < 4; i++) {
		fill(p, bytes, 50 + i);
		want(mmap(p, bytes, RW, ANON | MAP_FIXED, -1, 0) == p);
		verify_zero(p, bytes);
	}
	fill(p, bytes, 60);
	/* A mapping that fails must leave the old one alone. */
	want(mmap(p, bytes, RW, MAP_PRIVATE | MAP_FIXED, 987654, 0) ==
	     MAP_FAILED);
	want(errno == EBADF);
	verify(p, bytes, 60);
	return 0;
}

static int
run_discard(size_t bytes, const char *argument)
{
	size_t half = bytes / 2 / PAGE * PAGE;
	char *p = map(bytes);

	(void)argument;
	fill(p, half, 70);
	fill(p + half, half, 71);
	want(madvise(p, half, MADV_DONTNEED) == 0);
	verify_zero(p, half);
	verify(p + half, half, 71);
	fill(p, half, 72);
	want(madvise(p, 0, MADV_DONTNEED) == 0);
	want(madvise(p + 1, PAGE, MADV_DONTNEED) < 0 && errno == EINVAL);
	want(madvise(p, half, MADV_SEQUENTIAL) == 0);
	want(madvise(p, half, MADV_WILLNEED) == 0);
	want(madvise(p, half, MADV_RANDOM) == 0);
	want(madvise(p, half, MADV_NORMAL) == 0);
	want(madvise(p, half, 20 /* COLD */) == 0);
	want(madvise(p, half, 21 /* PAGEOUT */) == 0);
	want(madvise(p, bytes, MADV_HUGEPAGE) == 0);
	want(madvise(p, PAGE, 12345) < 0 && errno == EINVAL);
	verify(p, half, 72);
	verify(p + half, half, 71);
	want(munmap(p + half, half) == 0);
	/* A hole in the range: ENOMEM, and the rest is done. */
	want(madvise(p, bytes, MADV_DONTNEED) < 0 && errno == ENOMEM);
	verify_zero(p, half);
	return 0;
}

/* Guard pages in the middle; an older kernel has none, and the rest holds. */
static int
run_guard(size_t bytes, const char *argument)
{
	const size_t piece = (size_t)16 * PAGE;
	char *p = map(bytes);

	(void)argument;
	for (size_t i = 0; i < bytes; i += piece)
		if (madvise(p + i, PAGE, 102 /* GUARD_INSTALL */) < 0)
			want(errno == EINVAL);
	for (size_t i = 0; i < bytes; i += piece)
		fill(p + i + PAGE, piece - PAGE, i);
	for (size_t i = 0; i < bytes; i += piece)
		verify(p + i + PAGE, piece - PAGE, i);
	(void)mlock(p, piece); /* may fail, and ends */
	(void)munlock(p, piece);
	(void)madvise(p, bytes, 103 /* GUARD_REMOVE */);
	for (size_t i = 0; i < bytes; i += piece) {
		verify_zero(p + i, PAGE);
		verify(p + i + PAGE, piece - PAGE, i);
	}
	return 0;
}

static int
run_mremap(size_t bytes, const char *argument)
{
	char *p = map(bytes), *q, *wall;

	(void)argument;
	fill(p, bytes, 80);
	/* Shrink, and grow again: the tail is new. */
	want(mremap(p, bytes, bytes / 2, 0) == p);
	verify(p, bytes / 2, 80);
	q = mremap(p, bytes / 2, bytes, MREMAP_MAYMOVE);
	want(q != MAP_FAILED);
	verify(q, bytes / 2, 80);
	verify_zero(q + bytes / 2, bytes / 2);
	fill(q, bytes, 81);
	/* A wall behind it: it must move. */
	wall = mmap(q + bytes, PAGE, PROT_NONE, ANON, -1, 0);
	want(wall != MAP_FAILED);
	p = mremap(q, bytes, 2 * bytes, MREMAP_MAYMOVE);
	want(p != MAP_FAILED);
	verify(p, bytes, 81);
	verify_zero(p + bytes, bytes);
	fill(p, 2 * bytes, 82);
	/* To a place of our choice. */
	q = map(2 * bytes);
	fill(q, bytes, 83);
	want(mremap(p, 2 * bytes, 2 * bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
	            q) == q);
	verify(q, 2 * bytes, 82);
	want(mremap(q, bytes, bytes, MREMAP_FIXED, p) == MAP_FAILED);
	want(errno == EINVAL);
	want(mremap(q, bytes, 0, MREMAP_MAYMOVE) == MAP_FAILED);
	want(errno == EINVAL);
	/* Leave an empty mapping behind. */
	p = mremap(q, 2 * bytes, 2 * bytes, MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
	           NULL);
	want(p != MAP_FAILED && p != q);
	verify(p, 2 * bytes, 82);
	verify_zero(q, 2 * bytes);
	fill(q, 2 * bytes, 84);
	verify(p, 2 * bytes, 82);
	verify(q, 2 * bytes, 84);
	return 0;
}

static sigjmp_buf jump;

static void
on_fault(int number)
{
	siglongjmp(jump, number);
}

/* => the signal that writing at p gives, or 0 */
static int
write_signal(char *p)
{
	int r = sigsetjmp(jump, 1);

	if (r == 0)
		*(volatile char *)p = *p;
	return r;
}

static int
read_signal(const char *p)
{
	int r = sigsetjmp(jump, 1);

	if (r == 0)
		(void)*(const volatile char *)p;
	return r;
}

static int
run_mprotect(size_t bytes, const char *argument)
{
	struct sigaction a = {.sa_handler = on_fault};
	char *p = map(bytes);
	size_t half = bytes / 2;

	(void)argument;
	want(sigaction(SIGSEGV, &a, NULL) == 0);
	fill(p, bytes, 90);
	want(mprotect(p, half, PROT_READ) == 0);
	verify(p, bytes, 90);
	want(write_signal(p) == SIGSEGV);
	want(write_signal(p + half) == 0);
	want(mprotect(p, half, PROT_NONE) == 0);
	want(read_signal(p + PAGE) == SIGSEGV);
	want(mprotect(p, half, RW) == 0);
	verify(p, bytes, 90);
	fill(p, half, 91);
	verify(p, half, 91);
	for (int i = 0; i < 50; i++) {
		want(mprotect(p, half, PROT_READ) == 0);
		verify(p, half / 4, 91);
		want(mprotect(p, half, RW) == 0);
	}
	/* No more than half: what is read-only stays, and fills a node. */
	want(mprotect(p, half, PROT_READ | PROT_EXEC) == 0);
	verify(p, half, 91);
	want(mprotect(p + 1, PAGE, RW) < 0 && errno == EINVAL);
	/* A reservation that is made usable piece by piece. */
	p = mmap(NULL, 2 * bytes, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
	want(p != MAP_FAILED);
	for (size_t at = 0; at < bytes; at += bytes / 8) {
		want(mprotect(p + at, bytes / 8, RW) == 0);
		fill(p + at, bytes / 8, 92 + at);
	}
	for (size_t at = 0; at < bytes; at += bytes / 8)
		verify(p + at, bytes / 8, 92 + at);
	want(read_signal(p + bytes) == SIGSEGV);
	return 0;
}

/* More than fits is there when memory becomes an area. */
static int
run_adopt(size_t bytes, const char *argument)
{
	char *p = mmap(NULL, bytes, RW | PROT_EXEC, ANON, -1, 0);

	(void)argument;
	want(p != MAP_FAILED);
	fill(p, bytes, 93);
	want(mprotect(p, bytes, RW) == 0);
	verify(p, bytes, 93);
	fill(p, bytes, 94);
	verify(p, bytes, 94);
	return 0;
}

static int
run_mlock(size_t bytes, const char *argument)
{
	size_t little = 64 * PAGE;
	char *p = map(bytes);

	(void)argument;
	fill(p, bytes, 95);
	want(mlock(p, little) == 0);
	want(mlock(p, little) == 0); /* locks do not nest */
	want(madvise(p, PAGE, MADV_DONTNEED) < 0 && errno == EINVAL);
	verify(p, bytes, 95);
	want(munlock(p, little) == 0);
	want(madvise(p, PAGE, MADV_DONTNEED) == 0);
	verify_zero(p, PAGE);
	want(munlock(p, bytes) == 0);
	want(munmap(p, bytes) == 0);
	return 0;
}

/* A thread on a stack of our own, which the kernel writes when it ends. */
static void *
on_own_stack(void *argument)
{
	char deep[100 * 1024];

	memset(deep, 1, sizeof(deep));
	verify(argument, 8 * MIB, 96);
	return argument;
}

static int
run_stack(size_t bytes, const char *argument)
{
	size_t stack_bytes = MIB;
	char *p = map(bytes), *stack = map(stack_bytes);
	pthread_attr_t attr;
	pthread_t thread;
	void *ret;

	(void)argument;
	want(bytes >= 8 * MIB);
	fill(p, bytes, 96);
	want(pthread_attr_init(&attr) == 0);
	want(pthread_attr_setstack(&attr, stack, stack_bytes) == 0);
	for (int i = 0; i < 3; i++) {
		want(pthread_create(&thread, &attr, on_own_stack, p) == 0);
		verify(p, bytes, 96);
		want(pthread_join(thread, &ret) == 0 && ret == p);
	}
	return 0;
}

const struct victim victims_maps[] = {
	{"munmap", run_munmap},   {"fixed", run_fixed},
	{"discard", run_discard}, {"guard", run_guard},
	{"mremap", run_mremap},   {"mprotect", run_mprotect},
	{"adopt", run_adopt},     {"mlock", run_mlock},
	{"stack", run_stack},     {NULL, NULL},
};
