/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_spin.c -- a read whose thread waits for it awake brings its own page.
 *
 * The oracle is content.  More threads than there are rings read at once, awake
 * or asleep.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/file/spin.h"
#include "test/unit/swapdev_pages.h"

enum { THREADS = 2 * SPIN_RINGS, ROUNDS = 300, RUN = 3, SLOT_PAGES = 512 };
enum { WORDS = SWAPDEV_PAGE_BYTES / sizeof(uint64_t) };

static void
write_slots(void)
{
	char *mem = pages_new(SLOT_PAGES);

	assert_int_equal(swapdev_grow(&file.dev, SLOT_PAGES), 0);
	for (uint32_t slot = 0; slot < SLOT_PAGES; slot += PAGES_MAX) {
		struct swapdev_req *r = req_new(true, slot, PAGES_MAX, mem);

		req_fill(r, 1);
		assert_int_equal(swapdev_transfer(&file.dev, r), 0);
		free(r);
	}
	(void)munmap(mem, (size_t)SLOT_PAGES * SWAPDEV_PAGE_BYTES);
}

/* Nothing that came before is known. */
static void
begin_anew(unsigned limit_ns)
{
	atomic_store(&spin.limit_ns, limit_ns);
	atomic_store(&spin.average_ns, 0);
	atomic_store(&spin.rest_ns, 0);
}

/* The invariant. */
static void
rings_are_free(void)
{
	for (unsigned i = 0; i < SPIN_RINGS; i++) {
		struct io_uring *ring = &spin.rings[i].uring.ring;

		assert_false(atomic_load(&spin.rings[i].taken));
		assert_int_equal(io_uring_cq_ready(ring), 0);
		assert_int_equal(io_uring_sq_ready(ring), 0);
	}
}

struct reader {
	pthread_t id;
	unsigned seed, limit_ns;
	unsigned by_ring, wrong;
};

/* Read runs of slots, here and there, some of them into two places. */
static void *
read_slots(void *ctx)
{
	struct reader *rd = ctx;
	char *mem = pages_new(RUN);

	for (unsigned i = 0; i < ROUNDS; i++) {
		const uint32_t slot =
			(uint32_t)rand_r(&rd->seed) % (SLOT_PAGES - RUN);
		const uint32_t pages = 1 + i % RUN;
		struct swapdev_req *r = req_new(false, slot, pages, mem);
		int n;

		memset(mem, 0xff, (size_t)RUN * SWAPDEV_PAGE_BYTES);
		begin_anew(rd->limit_ns);
		n = spin_read(file.fd, r->iov, r->iov_count, filedev_offset(r));
		if (n == -EAGAIN)
			(void)swapdev_transfer(&file.dev, r);
		else
			rd->wrong += n != (int)(pages * SWAPDEV_PAGE_BYTES);
		rd->by_ring += n != -EAGAIN;
		for (size_t w = 0; w < pages * WORDS; w++)
			rd->wrong += ((uint64_t *)(void *)mem)[w] !=
			             ((slot + w / WORDS) << 32 | 1);
		free(r);
	}
	(void)munmap(mem, (size_t)RUN * SWAPDEV_PAGE_BYTES);
	return NULL;
}

static void
read_at_once(unsigned limit_ns)
{
	struct reader rd[THREADS] = {{0}};
	unsigned by_ring = 0;

	write_slots();
	for (unsigned i = 0; i < THREADS; i++) {
		rd[i].seed = i + 1;
		rd[i].limit_ns = limit_ns;
		assert_int_equal(
			pthread_create(&rd[i].id, NULL, read_slots, &rd[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(rd[i].id, NULL), 0);
		assert_int_equal(rd[i].wrong, 0);
		by_ring += rd[i].by_ring;
	}
	assert_true(by_ring > THREADS * ROUNDS / 4);
	rings_are_free();
}

static void
threads_that_are_awake_get_their_own_pages(void **state)
{
	(void)state;
	read_at_once(SPIN_NS);
}

static void
threads_that_sleep_get_their_own_pages(void **state)
{
	(void)state;
	read_at_once(0);
}

static struct swapdev_req *
one_page(void)
{
	return req_new(false, 1, 1, pages_new(1));
}

/* => bytes or why not */
static int
read_page(const struct swapdev_req *r)
{
	return spin_read(file.fd, r->iov, r->iov_count, filedev_offset(r));
}

static void
a_slow_device_is_left_to_others_for_a_while(void **state)
{
	struct swapdev_req *r = one_page();

	(void)state;
	write_slots();
	begin_anew(SPIN_NS);
	atomic_store(&spin.average_ns, 8 * SPIN_NS);
	assert_int_equal(read_page(r), SWAPDEV_PAGE_BYTES);
	assert_int_equal(read_page(r), -EAGAIN);
	assert_int_equal(swapdev_transfer(&file.dev, r), 0);
	req_check(r, 1);
	(void)usleep(300000);
	assert_int_equal(read_page(r), SWAPDEV_PAGE_BYTES);
	rings_are_free();
}

static void
what_a_read_meets_is_said(void **state)
{
	struct swapdev_req *r = one_page();

	(void)state;
	write_slots();
	begin_anew(SPIN_NS);
	r->slot = SLOT_PAGES;
	assert_int_equal(
		ftruncate(file.fd, (off_t)SLOT_PAGES * SWAPDEV_PAGE_BYTES), 0);
	assert_int_equal(read_page(r), 0);
	assert_int_equal(swapdev_transfer(&file.dev, r), -EIO);
	assert_int_equal(spin_read(-1, r->iov, 1, 0), -EBADF);
	rings_are_free();
}

/* A child has rings of its own, and its parent still has its. */
static int
read_in_child(struct swapdev_req *r)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		pid_t owner = spin.pid;

		if (spin_open() < 0 || spin.pid == owner)
			_exit(1);
		begin_anew(SPIN_NS);
		_exit(read_page(r) == SWAPDEV_PAGE_BYTES ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
a_child_has_rings_of_its_own(void **state)
{
	struct swapdev_req *r = one_page();

	(void)state;
	write_slots();
	atomic_store(&spin.rings[0].taken,
	             true); /* by some thread, just then */
	assert_int_equal(read_in_child(r), 0);
	atomic_store(&spin.rings[0].taken, false);
	begin_anew(SPIN_NS);
	assert_int_equal(read_page(r), SWAPDEV_PAGE_BYTES);
	req_check(r, 1);
	rings_are_free();
}

/*
 * The kernel interrupts whoever has used a ring when it is closed.  So the
 * device may be closed, but the rings are not.
 */
static void *
read_and_sleep(void *ctx)
{
	const struct timespec ts = {0, 300000000};

	begin_anew(SPIN_NS);
	if (read_page(ctx) != SWAPDEV_PAGE_BYTES)
		return "no read";
	return nanosleep(&ts, NULL) == 0 ? NULL : "interrupted";
}

static void
closing_interrupts_nobody(void **state)
{
	struct swapdev_req *r = one_page();
	const struct backend *b = &uring_spin;
	pthread_t id;
	void *why;

	(void)state;
	write_slots();
	assert_int_equal(pthread_create(&id, NULL, read_and_sleep, r), 0);
	(void)usleep(100000);
	assert_int_equal(file_teardown(NULL), 0);
	assert_int_equal(pthread_join(id, &why), 0);
	assert_null(why);
	assert_int_equal(file_setup((void **)&b), 0);
}

#define CASE(f)                                                                \
	cmocka_unit_test_prestate_setup_teardown(f, file_setup, file_teardown, \
	                                         (void *)&uring_spin)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(threads_that_are_awake_get_their_own_pages),
		CASE(threads_that_sleep_get_their_own_pages),
		CASE(a_slow_device_is_left_to_others_for_a_while),
		CASE(what_a_read_meets_is_said),
		CASE(a_child_has_rings_of_its_own),
		CASE(closing_interrupts_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
