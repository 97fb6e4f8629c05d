/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_accidents.c -- things that happen to a page at the worst moment, one by
 * one.
 *
 * The oracle meets them by chance, under load.  Here each is made to happen,
 * over real memory: a device writes into a page that should leave, a read comes
 * back late, or not, a child is made of a process whose pages are away.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bits.h"
#include "core/internal.h"
#include "test/pager/engine.h"

enum { LATE_MS = 300, TOUCH_S = 10 };

static const size_t budget = 8 * MIB;

/* A case for which there are no user-space faults is left out. */
static struct pager *
open_or_skip(enum pageout_mode mode, const char *filter)
{
	struct pager *p = engine_open(budget, mode, filter);

	if (p == NULL)
		skip();
	(void)alarm(120); /* a hang is a failure */
	return p;
}

static void
sleep_ms(unsigned ms)
{
	struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

	(void)nanosleep(&t, NULL);
}

/* A thread that touches one page. */
struct toucher {
	pthread_t thread;
	volatile char *page;
};

static void *
touch(void *ctx)
{
	struct toucher *t = ctx;

	(void)*t->page;
	return NULL;
}

static void
touch_begin(struct toucher *t, char *page)
{
	t->page = page;
	assert_int_equal(pthread_create(&t->thread, NULL, touch, t), 0);
}

/* => false: it waits for ever */
static bool
thread_ends(pthread_t thread)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += TOUCH_S;
	return pthread_timedjoin_np(thread, NULL, &until) == 0;
}

static bool
touch_end(struct toucher *t)
{
	return thread_ends(t->thread);
}

/* -- a device writes into memory ------------------------------------------ */

/* A file of 64 pages, filled, that is not cached if that can be had. */
static int
open_input(size_t bytes, uint64_t seed, int flags)
{
	char *data = aligned_alloc(PAGE_BYTES, bytes);
	const char *place = getenv("PAGEOUT_SWAP");
	int fd = open(place != NULL ? place : "/var/tmp",
	              O_TMPFILE | O_RDWR | flags, 0600);

	assert_non_null(data);
	fill(data, bytes, seed);
	if (fd >= 0)
		assert_int_equal(pwrite(fd, data, bytes, 0), bytes);
	free(data);
	return fd;
}

/* A device may write to the page from now on.  => what it would write: 2 */
static int
hold_or_skip(struct pager *p, char *page, struct io_uring *ring)
{
	struct iovec iov = {page, PAGE_BYTES};
	int fd = open_input(PAGE_BYTES, 2, 0);

	if (fd < 0 || io_uring_queue_init(4, ring, 0) < 0) {
		engine_close(p);
		skip();
	}
	assert_int_equal(io_uring_register_buffers(ring, &iov, 1), 0);
	return fd;
}

/* It does, to where the page was when it was held. */
static void
device_writes(struct io_uring *ring, int fd, char *page)
{
	struct io_uring_cqe *cqe;

	io_uring_prep_read_fixed(io_uring_get_sqe(ring), fd, page, PAGE_BYTES,
	                         0, 0);
	assert_int_equal(io_uring_submit_and_wait(ring, 1), 1);
	assert_int_equal(io_uring_wait_cqe(ring, &cqe), 0);
	assert_int_equal(cqe->res, PAGE_BYTES);
}

/* The kernel holds the page for a device: it must not leave, nor be copied. */
static void
a_page_that_a_device_may_write_to_stays(void **state)
{
	struct pager *p = open_or_skip(PAGEOUT_MODE_THREAD, "");
	char *page = engine_map(p, NULL, PAGE_BYTES);
	struct io_uring ring;
	int fd;

	(void)state;
	fill(page, PAGE_BYTES, 1);
	fd = hold_or_skip(p, page, &ring);
	assert_true(engine_wait_state(p, page, PAGE_MAPPED));
	assert_int_equal(pager_advise(p, page, PAGE_BYTES, PAGEOUT_COLD), 0);
	assert_int_equal(engine_stat(p, PAGEOUT_STAT_pgunmap), 0);
	assert_int_equal(engine_stat(p, PAGEOUT_STAT_pgunmap_busy), 1);
	device_writes(&ring, fd, page);
	assert_true(is_filled(page, PAGE_BYTES, 2));
	io_uring_queue_exit(&ring);
	(void)close(fd);
	engine_close(p);
}

/* The same while the page gets another address: contents follow it. */
static void
what_a_device_writes_follows_a_page_that_moves(void **state)
{
	enum { BYTES = 3 * PAGE_BYTES };
	struct pager *p = open_or_skip(PAGEOUT_MODE_THREAD, "");
	char *from = engine_map(p, NULL, BYTES), *page = from + PAGE_BYTES;
	char *to = engine_map(p, NULL, BYTES), *moved = to + PAGE_BYTES;
	struct io_uring ring;
	int fd;

	(void)state;
	fill(from, BYTES, 1);
	fd = hold_or_skip(p, page, &ring);
	assert_int_equal(pager_move(p, from, to, BYTES), 0);
	assert_true(is_filled(to, BYTES, 1));
	device_writes(&ring, fd, page);
	assert_true(is_filled(moved, PAGE_BYTES, 2));
	assert_int_equal(munmap(from, BYTES), 0);
	io_uring_queue_exit(&ring);
	engine_swap_out(p, to, BYTES); /* it is a page like others again */
	assert_true(is_filled(moved, PAGE_BYTES, 2));
	(void)close(fd);
	engine_close(p);
}

struct evictor {
	pthread_t thread;
	struct pager *pager;
	char *at;
	size_t bytes;
	atomic_bool stop;
};

static void *
evict(void *ctx)
{
	struct evictor *e = ctx;

	while (!atomic_load(&e->stop))
		(void)pager_advise(e->pager, e->at, e->bytes, PAGEOUT_COLD);
	return NULL;
}

/* Direct reads into pages that are being evicted all the time. */
static void
what_a_device_brings_is_not_lost(void **state)
{
	enum { BYTES = 64 * PAGE_BYTES, ROUNDS = 500 };
	struct pager *p = open_or_skip(PAGEOUT_MODE_THREAD, "");
	struct evictor e = {.pager = p, .bytes = BYTES};
	int fds[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		fds[i] = open_input(BYTES, 10 + i, O_DIRECT);
	if (fds[0] < 0 || fds[1] < 0) {
		engine_close(p);
		skip();
	}
	e.at = engine_map(p, NULL, BYTES);
	assert_int_equal(pthread_create(&e.thread, NULL, evict, &e), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		assert_int_equal(pread(fds[i % 2], e.at, BYTES, 0), BYTES);
		assert_true(is_filled(e.at, BYTES, 10 + i % 2));
	}
	atomic_store(&e.stop, true);
	assert_int_equal(pthread_join(e.thread, NULL), 0);
	(void)close(fds[0]);
	(void)close(fds[1]);
	engine_close(p);
}

/* -- a device fails, or lies ---------------------------------------------- */

static void
what_cannot_be_read_is_refused_and_never_zeros(void **state)
{
	enum { PAGES = 16 };
	struct pager *p =
		open_or_skip(PAGEOUT_MODE_THREAD, "error:kind=fail,op=read");
	char *at = engine_map(p, NULL, PAGES * PAGE_BYTES);
	char copy[PAGE_BYTES];

	(void)state;
	fill(at, PAGES * PAGE_BYTES, 3);
	engine_swap_out(p, at, PAGES * PAGE_BYTES);
	for (size_t i = 0; i < PAGES; i++)
		assert_false(page_try(at + i * PAGE_BYTES, copy));
	assert_int_equal(engine_stat(p, PAGEOUT_STAT_pgpoison), PAGES);
	/* Discarded, they are as good as new. */
	assert_int_equal(pager_discard(p, at, PAGES * PAGE_BYTES), 0);
	assert_true(is_zero(at, PAGES * PAGE_BYTES));
	engine_close(p);
}

static void
what_fails_now_and_then_is_read_again(void **state)
{
	static const char *const filters[] = {
		"error:kind=fail,op=read,every=2",
		"error:kind=short,op=read,every=2",
		"error:kind=misdirect,op=read,every=2",
		"error:kind=bitflip,op=read,every=2",
	};
	enum { PAGES = 16 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		struct pager *p = open_or_skip(PAGEOUT_MODE_THREAD, filters[i]);
		char *at = engine_map(p, NULL, PAGES * PAGE_BYTES);

		fill(at, PAGES * PAGE_BYTES, i);
		engine_swap_out(p, at, PAGES * PAGE_BYTES);
		/* One read at a time, or two in a row may fail for a page. */
		assert_int_equal(
			pager_advise(p, at, PAGES * PAGE_BYTES, PAGEOUT_RANDOM),
			0);
		assert_true(is_filled(at, PAGES * PAGE_BYTES, i));
		assert_int_not_equal(
			engine_stat(p, PAGEOUT_STAT_swap_read_errors), 0);
		engine_close(p);
	}
}

static void
what_is_not_written_as_it_should_be_is_written_again(void **state)
{
	static const char *const filters[] = {
		"error:kind=fail,op=write,count=4",
		"error:kind=short,op=write,count=4",
	};
	enum { PAGES = 16 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		struct pager *p = open_or_skip(PAGEOUT_MODE_THREAD, filters[i]);
		char *at = engine_map(p, NULL, PAGES * PAGE_BYTES);

		fill(at, PAGES * PAGE_BYTES, i);
		engine_swap_out(p, at, PAGES * PAGE_BYTES);
		assert_true(is_filled(at, PAGES * PAGE_BYTES, i));
		assert_int_not_equal(
			engine_stat(p, PAGEOUT_STAT_swap_write_errors), 0);
		engine_close(p);
	}
}

/*
 * The tables are wrong: each page names the other's slot.  Both slots hold what
 * was written to them, so nothing but the page's identity can tell.
 */
static void
pages_whose_slots_were_exchanged_are_refused(void **state)
{
	struct pager *p = open_or_skip(PAGEOUT_MODE_THREAD, "");
	char *at = engine_map(p, NULL, 2 * PAGE_BYTES), copy[PAGE_BYTES];
	uint64_t vpn = (uintptr_t)at >> PAGE_SHIFT;
	struct node *n = &p->nodes[0];
	pte_t *pte, first;

	(void)state;
	fill(at, 2 * PAGE_BYTES, 4);
	engine_swap_out(p, at, 2 * PAGE_BYTES);
	node_lock(n);
	pte = pte_of(n->core, 0, vpn);
	first = pte[0];
	pte[0] = pte[1];
	pte[1] = first;
	node_unlock(n);
	assert_false(page_try(at, copy));
	assert_false(page_try(at + PAGE_BYTES, copy));
	engine_close(p);
}

/*
 * The kernel sends faults of a range that the pager knows nothing of: they must
 * not wait for ever, nor read zeros.
 */
static void
a_fault_that_nobody_expects_fails(void **state)
{
	struct pager *p = open_or_skip(PAGEOUT_MODE_THREAD, "");
	char *at = engine_map(p, NULL, 2 * PAGE_BYTES), copy[PAGE_BYTES];
	uint64_t vpn = (uintptr_t)at >> PAGE_SHIFT;
	struct node *n = &p->nodes[0];

	(void)state;
	fill(at + PAGE_BYTES, PAGE_BYTES, 5);
	assert_int_equal(pager_discard(p, at, PAGE_BYTES), 0);
	node_lock(n);
	assert_int_equal(core_area_remove(n->core, 0, vpn, 1), 0);
	node_unlock(n);
	assert_false(page_try(at, copy));
	assert_true(is_filled(at + PAGE_BYTES, PAGE_BYTES, 5));
	engine_close(p);
}

/* -- the kernel refuses ---------------------------------------------------- */

/* MOVE wants to write to the area; what it refuses must come in all the same */
static void
a_page_of_a_read_only_area_comes_in(void **state)
{
	struct pager *p = open_or_skip(PAGEOUT_MODE_THREAD, "");
	char *page = engine_map(p, NULL, PAGE_BYTES);
	struct toucher t;

	(void)state;
	fill(page, PAGE_BYTES, 11);
	engine_swap_out(p, page, PAGE_BYTES);
	assert_int_equal(mprotect(page, PAGE_BYTES, PROT_READ), 0);
	touch_begin(&t, page);
	assert_true(touch_end(&t));
	assert_true(is_filled(page, PAGE_BYTES, 11));
	engine_close(p);
}

/* -- a read comes late ---------------------------------------------------- */

/*
 * One read of many pages is on its way; most of them are unmapped, and there
 * is new memory at the same addresses when it ends.
 */
static void
late_read_meets_new_memory(enum pageout_mode mode)
{
	enum { PAGES = 32, KEPT = 4, WRITTEN = 8 };
	const size_t bytes = PAGES * PAGE_BYTES;
	struct pager *p = open_or_skip(mode, "delay:ms=300,op=read");
	char *at = engine_map(p, NULL, bytes);
	char *new = at + KEPT *PAGE_BYTES;
	struct toucher t;

	fill(at, bytes, 5);
	engine_swap_out(p, at, bytes);
	assert_int_equal(pager_advise(p, at, bytes, PAGEOUT_SEQUENTIAL), 0);
	touch_begin(&t, at);
	assert_true(
		engine_wait_state(p, at + bytes - PAGE_BYTES, PAGE_READING));
	engine_unmap(p, new, bytes - KEPT * PAGE_BYTES);
	engine_map(p, new, bytes - KEPT * PAGE_BYTES);
	fill(new, WRITTEN * PAGE_BYTES, 6);
	assert_true(touch_end(&t));
	sleep_ms(LATE_MS);
	assert_true(is_filled(at, KEPT * PAGE_BYTES, 5));
	assert_true(is_filled(new, WRITTEN * PAGE_BYTES, 6));
	assert_true(is_zero(new + WRITTEN *PAGE_BYTES,
	                    bytes - (KEPT + WRITTEN) * PAGE_BYTES));
	engine_close(p);
}

static void
new_memory_does_not_get_what_was_read_for_the_old(void **state)
{
	(void)state;
	late_read_meets_new_memory(PAGEOUT_MODE_THREAD);
	late_read_meets_new_memory(PAGEOUT_MODE_INLINE);
}

/*
 * The page is on its way already when it is touched.  What is written to it as
 * soon as it is there stays, whatever else was asked of the device.
 */
static void
a_late_answer_does_not_replace_what_was_written_since(void **state)
{
	struct pager *p =
		open_or_skip(PAGEOUT_MODE_THREAD, "delay:ms=300,op=read");
	char *page = engine_map(p, NULL, PAGE_BYTES);
	struct toucher t;

	(void)state;
	fill(page, PAGE_BYTES, 7);
	engine_swap_out(p, page, PAGE_BYTES);
	assert_int_equal(pager_advise(p, page, PAGE_BYTES, PAGEOUT_PREFETCH),
	                 0);
	assert_int_equal(engine_state(p, page), PAGE_READING);
	sleep_ms(LATE_MS / 2);
	touch_begin(&t, page);
	assert_true(touch_end(&t));
	fill(page, PAGE_BYTES, 8);
	assert_true(engine_wait_state(p, page, PAGE_MAPPED));
	assert_int_equal(pager_advise(p, page, PAGE_BYTES, PAGEOUT_COLD), 0);
	sleep_ms(LATE_MS);
	assert_true(is_filled(page, PAGE_BYTES, 8));
	engine_close(p);
}

/* -- reads that nobody waits for ------------------------------------------ */

/* Pages that are written and then may not be moved away, one by one. */
struct holder {
	pthread_t thread;
	char *at;
	size_t bytes;
};

static void *
hold(void *ctx)
{
	struct holder *h = ctx;

	for (size_t i = 0; i < h->bytes; i += PAGE_BYTES) {
		fill(h->at + i, PAGE_BYTES, i);
		(void)mprotect(h->at + i, PAGE_BYTES, PROT_READ);
	}
	return NULL;
}

static uint32_t
frames_free(struct pager *p)
{
	struct node *n = &p->nodes[0];
	uint32_t free;

	node_lock(n);
	free = core_frames_free(n->core);
	node_unlock(n);
	return free;
}

/*
 * All frames are held by pages that cannot leave, or by reads ahead.  Inline,
 * no thread of ours waits for reads: who needs a frame must look for them.
 */
static void
reads_that_nobody_waits_for_give_their_frames_back(void **state)
{
	struct pager *p = open_or_skip(PAGEOUT_MODE_INLINE, "");
	const size_t half = budget / 2;
	char *ahead = engine_map(p, NULL, half);
	struct holder first = {.at = engine_map(p, NULL, half), .bytes = half};
	struct holder more = {.at = engine_map(p, NULL, budget)};
	size_t reads = 0;

	(void)state;
	fill(ahead, half, 12);
	engine_swap_out(p, ahead, half);
	(void)hold(&first);
	assert_int_equal(pager_advise(p, ahead, half, PAGEOUT_PREFETCH), 0);
	for (size_t i = 0; i < half; i += PAGE_BYTES)
		reads += engine_state(p, ahead + i) == PAGE_READING;
	assert_true(reads >= 128);
	more.bytes = (frames_free(p) + reads / 2) * PAGE_BYTES;
	assert_int_equal(pthread_create(&more.thread, NULL, hold, &more), 0);
	assert_true(thread_ends(more.thread));
	assert_int_equal(mprotect(first.at, half, PROT_READ | PROT_WRITE), 0);
	pager_protected(p, first.at, half);
	assert_true(is_filled(ahead, half, 12));
	for (size_t i = 0; i < more.bytes; i += PAGE_BYTES)
		assert_true(is_filled(more.at + i, PAGE_BYTES, i));
	engine_close(p);
}

/* -- fork ----------------------------------------------------------------- */

/* Pages are in frames, on the device and in place when a child is made. */
static void
a_child_finds_every_page(void **state)
{
	enum { PAGES = 1024, PART = PAGES / 4 * PAGE_BYTES };
	struct pager *p = open_or_skip(PAGEOUT_MODE_THREAD, "");
	char *at = engine_map(p, NULL, (size_t)PAGES * PAGE_BYTES);
	int status = -1;
	pid_t pid;

	(void)state;
	fill(at, (size_t)3 * PART, 9);
	engine_swap_out(p, at, PART);
	assert_int_equal(pager_advise(p, at + PART, PART, PAGEOUT_COLD), 0);
	assert_int_equal(pager_fork_before(p), 0);
	pid = fork();
	if (pid == 0) {
		pager_fork_child(p);
		if (!is_filled(at, (size_t)3 * PART, 9))
			_exit(1);
		_exit(is_zero(at + (size_t)3 * PART, PART) ? 0 : 2);
	}
	pager_fork_parent(p);
	fill(at, PART, 10);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(is_filled(at, PART, 10));
	engine_close(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_that_a_device_may_write_to_stays),
		cmocka_unit_test(
			what_a_device_writes_follows_a_page_that_moves),
		cmocka_unit_test(what_a_device_brings_is_not_lost),
		cmocka_unit_test(
			what_cannot_be_read_is_refused_and_never_zeros),
		cmocka_unit_test(what_fails_now_and_then_is_read_again),
		cmocka_unit_test(
			what_is_not_written_as_it_should_be_is_written_again),
		cmocka_unit_test(pages_whose_slots_were_exchanged_are_refused),
		cmocka_unit_test(a_fault_that_nobody_expects_fails),
		cmocka_unit_test(a_page_of_a_read_only_area_comes_in),
		cmocka_unit_test(
			new_memory_does_not_get_what_was_read_for_the_old),
		cmocka_unit_test(
			a_late_answer_does_not_replace_what_was_written_since),
		cmocka_unit_test(
			reads_that_nobody_waits_for_give_their_frames_back),
		cmocka_unit_test(a_child_finds_every_page),
	};

	return cmocka_run_group_tests_name("accidents", tests, NULL, NULL);
}
