/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_refused.c -- the file device where the system says no.
 *
 * io_uring is refused when it is opened, or taken away later by a sandbox; the
 * file system is full; files may not grow.  What changes a process for good is
 * done in a child.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/file/spin.h"
#include "test/child.h"
#include "test/unit/swapdev_pages.h"

static int
filter(struct sock_filter *code, unsigned short count)
{
	struct sock_fprog program = {.len = count, .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno
	                                                                : 0;
}

#define LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define END(what) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_##what)

/* From now on, this thread's system call nr fails with EPERM. */
static int
forbid(unsigned nr)
{
	struct sock_filter code[] = {
		LOAD(nr),
		UNLESS(nr, 1),
		END(ERRNO | EPERM),
		END(ALLOW),
	};

	return filter(code, sizeof(code) / sizeof(code[0]));
}

/* Likewise, where its second argument is zero. */
static int
forbid_without_second(unsigned nr)
{
	struct sock_filter code[] = {
		LOAD(nr),     UNLESS(nr, 3),      LOAD(args[1]),
		UNLESS(0, 1), END(ERRNO | EPERM), END(ALLOW),
	};

	return filter(code, sizeof(code) / sizeof(code[0]));
}

/* Write one page and read it back, queued.  => 0 when it came back */
static int
page_round(bool is_own)
{
	char *mem = mmap(NULL, SWAPDEV_PAGE_BYTES, PROT_READ | PROT_WRITE,
	                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct swapdev_req *r = req_new(true, 1, 1, mem);

	if (is_own)
		filedev_thread_is_own();
	req_fill(r, 2);
	if (swapdev_submit(&file.dev, r) != 0 ||
	    swapdev_reap(&file.dev, 10000) != r || r->result != 0)
		return 2;
	memset(mem, 0, SWAPDEV_PAGE_BYTES);
	r->write = false;
	if (swapdev_submit(&file.dev, r) != 0 ||
	    swapdev_reap(&file.dev, 10000) != r || r->result != 0)
		return 3;
	return *(uint64_t *)(void *)mem == ((uint64_t)1 << 32 | 2) ? 0 : 4;
}

static int
refused_at_open(void)
{
	const struct backend *b = &uring_direct;

	if (forbid(SYS_io_uring_setup) < 0)
		return CANNOT_HERE;
	/* file_setup() is true when another back end came than named. */
	if (file_setup((void **)&b) == 0 ||
	    strcmp(swapdev_file_backend(&file), "threads") != 0)
		return 1;
	return page_round(true);
}

static int
refused_later(void)
{
	const struct backend *b = &uring_direct;

	if (file_setup((void **)&b) != 0 || forbid(SYS_io_uring_enter) < 0)
		return CANNOT_HERE;
	return page_round(true);
}

/* As above, but the thread is not ours: the starter works, waiting is odd. */
static int
refused_later_to_a_stranger(void)
{
	const struct backend *b = &uring_direct;

	if (file_setup((void **)&b) != 0 || forbid(SYS_io_uring_enter) < 0)
		return CANNOT_HERE;
	return page_round(false);
}

/* => its content is right, however often it is read */
static bool
reads_well(struct swapdev_req *r)
{
	for (unsigned i = 0; i < 2 * SPIN_RINGS; i++) {
		memset(r->cookie, 0, SWAPDEV_PAGE_BYTES);
		atomic_store(&spin.rest_ns, 0);
		if (swapdev_transfer(&file.dev, r) != 0)
			return false;
		req_check(r, 2);
	}
	for (unsigned i = 0; i < SPIN_RINGS; i++)
		if (atomic_load(&spin.rings[i].taken))
			return false;
	return true;
}

/* First no ring, then no waiting, for a thread that reads by spin.h. */
static int
refused_later_to_a_spinner(unsigned limit_ns, int (*forbid_enter)(void))
{
	const struct backend *b = &uring_spin;
	struct swapdev_req *r = req_new(true, 1, 1, pages_new(1));

	if (file_setup((void **)&b) != 0)
		return CANNOT_HERE;
	req_fill(r, 2);
	if (swapdev_transfer(&file.dev, r) != 0 || forbid_enter() < 0)
		return CANNOT_HERE;
	r->write = false;
	atomic_store(&spin.limit_ns, limit_ns);
	return reads_well(r) ? 0 : 1;
}

static int
forbid_start(void)
{
	return forbid(SYS_io_uring_enter);
}

/* io_uring_enter() that starts nothing. */
static int
forbid_wait(void)
{
	return forbid_without_second(SYS_io_uring_enter);
}

static int
spinner_cannot_start(void)
{
	return refused_later_to_a_spinner(SPIN_NS, forbid_start);
}

static int
spinner_cannot_wait(void)
{
	return refused_later_to_a_spinner(0, forbid_wait);
}

static void
threads_step_in_where_io_uring_is_refused(void **state)
{
	(void)state;
	good_or_skipped(in_child(refused_at_open), "no seccomp here");
}

static void
sandbox_put_up_later_is_survived(void **state)
{
	(void)state;
	good_or_skipped(in_child(refused_later), "no io_uring or seccomp");
	good_or_skipped(in_child(refused_later_to_a_stranger),
	                "no io_uring or seccomp");
	good_or_skipped(in_child(spinner_cannot_start),
	                "no io_uring or seccomp");
	good_or_skipped(in_child(spinner_cannot_wait),
	                "no io_uring or seccomp");
}

static int
grow_beyond_the_limit(void)
{
	const struct rlimit limit = {1 << 20, 1 << 20};
	const struct backend *b = &threads_direct;

	if (file_setup((void **)&b) != 0)
		return CANNOT_HERE;
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return CANNOT_HERE;
	if (swapdev_grow(&file.dev, 200) != 0)
		return 1;
	return swapdev_grow(&file.dev, 300) == -EFBIG ? 0 : 2;
}

/* RLIMIT_FSIZE: no SIGXFSZ, and what fits is there. */
static void
limit_of_file_size_is_an_error_not_a_signal(void **state)
{
	(void)state;
	assert_int_equal(in_child(grow_beyond_the_limit), 0);
}

/* A file system of 1 MiB: room for 256 slots, less what it needs itself. */
static void
full_file_system_says_so_when_growing(void **state)
{
	char dir[] = "/tmp/test_swapdev.XXXXXX";
	char *mem = pages_new(1);
	struct swapdev_req *r = req_new(true, 99, 1, mem);
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	if (mount("test", dir, "tmpfs", 0, "size=1m") < 0) {
		(void)rmdir(dir);
		skip_because("mounting a tmpfs needs root");
	}
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)umount2(dir, MNT_DETACH);
	(void)rmdir(dir);
	assert_int_equal(swapdev_file_open(&file, fd, false, SLOTS, true), 0);
	assert_int_equal(swapdev_grow(&file.dev, 100), 0);
	assert_int_equal(swapdev_grow(&file.dev, 300), -ENOSPC);
	/* What was there stays usable. */
	assert_int_equal(swapdev_grow(&file.dev, 200), 0);
	req_fill(r, 1);
	assert_int_equal(swapdev_transfer(&file.dev, r), 0);
	swapdev_close(&file.dev);
	free(r);
	(void)munmap(mem, SWAPDEV_PAGE_BYTES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_step_in_where_io_uring_is_refused),
		cmocka_unit_test(sandbox_put_up_later_is_survived),
		cmocka_unit_test(limit_of_file_size_is_an_error_not_a_signal),
		cmocka_unit_test(full_file_system_says_so_when_growing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
