/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_uffd.c -- the kernel does what the wrappers say.
 *
 * Cases that need a userfaultfd are skipped where it is not allowed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/uffd.h"

enum { PAGE = 4096, PAGES = 4, BYTES = PAGE * PAGES };

static char *from, *to;
static int fd;

static int
setup(void **state)
{
	(void)state;
	from = mmap(NULL, 2 * BYTES, PROT_READ | PROT_WRITE,
	            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (from == MAP_FAILED)
		return -1;
	to = from + BYTES;
	fd = uffd_open(UFFD_OPEN_USER_MODE);
	if (fd >= 0 && (uffd_api(fd,
	                         UFFD_FEATURE_MOVE | UFFD_FEATURE_SIGBUS |
	                                 UFFD_FEATURE_POISON,
	                         NULL) < 0 ||
	                uffd_register(fd, from, 2 * BYTES,
	                              UFFDIO_REGISTER_MODE_MISSING) < 0)) {
		close(fd);
		fd = -1;
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (fd >= 0)
		close(fd);
	munmap(from, 2 * BYTES);
	return 0;
}

static void
need_uffd(void)
{
	uint64_t bytes;

	if (fd < 0)
		skip();
	assert_int_equal(uffd_zeropage(fd, from, BYTES, 0, &bytes), 0);
	assert_int_equal(bytes, BYTES);
}

static void
a_move_takes_the_contents_along(void **state)
{
	uint64_t bytes = 1;

	(void)state;
	need_uffd();
	for (int i = 0; i < PAGES; i++)
		from[i * PAGE] = (char)(i + 1);
	assert_int_equal(uffd_move(fd, to, from, BYTES, 0, &bytes), 0);
	assert_int_equal(bytes, BYTES);
	for (int i = 0; i < PAGES; i++)
		assert_int_equal(to[i * PAGE], i + 1);
	/* The places are empty now, so a copy into them works. */
	assert_int_equal(uffd_copy(fd, from, to, PAGE, 0, &bytes), 0);
	assert_int_equal(from[0], 1);
}

static void
a_move_that_ends_in_the_middle_says_where(void **state)
{
	uint64_t bytes = 1;

	(void)state;
	need_uffd();
	for (int i = 0; i < PAGES; i++)
		from[i * PAGE] = 1;
	assert_int_equal(uffd_zeropage(fd, to + 2 * PAGE, PAGE, 0, &bytes), 0);
	assert_int_equal(uffd_move(fd, to, from, BYTES, 0, &bytes), -EAGAIN);
	assert_int_equal(bytes, 2 * PAGE);
	assert_int_equal(
		uffd_move(fd, to + bytes, from + bytes, PAGE, 0, &bytes),
		-EEXIST);
	assert_int_equal(bytes, 0);
}

static void
a_page_that_is_not_there_does_not_move(void **state)
{
	uint64_t bytes = 1;

	(void)state;
	need_uffd();
	assert_int_equal(uffd_move(fd, to, to + PAGE, PAGE, 0, &bytes),
	                 -ENOENT);
	assert_int_equal(bytes, 0);
}

static void
a_poisoned_page_fails_system_calls_until_it_is_replaced(void **state)
{
	uint64_t bytes = 1;
	int pipes[2];

	(void)state;
	need_uffd();
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(uffd_poison(fd, to, PAGE, 0, &bytes), 0);
	assert_int_equal(bytes, PAGE);
	assert_int_equal(write(pipes[1], to, 1), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(uffd_copy(fd, to, from, PAGE, 0, &bytes), 0);
	assert_int_equal(write(pipes[1], to, 1), 1);
	close(pipes[0]);
	close(pipes[1]);
}

static void
bad_calls_return_the_reason(void **state)
{
	(void)state;
	need_uffd();
	assert_int_equal(
		uffd_register(fd, from + 1, PAGE, UFFDIO_REGISTER_MODE_MISSING),
		-EINVAL);
	assert_int_equal(uffd_unregister(fd, from, BYTES), 0);
	assert_int_equal(uffd_api(fd, 0, NULL), -EINVAL); /* only once */
	assert_int_equal(uffd_wake(-1, from, PAGE), -EBADF);
	assert_int_equal(uffd_open(UFFD_OPEN_NO_DEVICE | UFFD_OPEN_NO_SYSCALL),
	                 -ENOSYS);
}

static void
a_feature_that_does_not_exist_is_refused(void **state)
{
	int other = uffd_open(UFFD_OPEN_USER_MODE | UFFD_OPEN_NONBLOCK);
	uint64_t features = 7;

	(void)state;
	if (other < 0)
		skip();
	assert_int_equal(uffd_api(other, (uint64_t)1 << 62, &features),
	                 -EINVAL);
	assert_int_equal(features, 7);
	assert_int_equal(uffd_api(other, 0, &features), 0);
	assert_true(features & UFFD_FEATURE_SIGBUS);
	close(other);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_move_takes_the_contents_along),
		CASE(a_move_that_ends_in_the_middle_says_where),
		CASE(a_page_that_is_not_there_does_not_move),
		CASE(a_poisoned_page_fails_system_calls_until_it_is_replaced),
		CASE(bad_calls_return_the_reason),
		CASE(a_feature_that_does_not_exist_is_refused),
	};

	return cmocka_run_group_tests_name("uffd", tests, NULL, NULL);
}
