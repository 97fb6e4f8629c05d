/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_files.c -- mapped files: what the program writes is what read() finds.
 *
 * The oracle is the file, read with pread(), and a table of what each page must
 * hold.  Each case runs with every policy and in both modes; where user-space
 * faults are not allowed the program is skipped (77).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "pager/pager.h"

enum { PAGE = 4096, WORDS = PAGE / 8 };
#define UNUSED __attribute__((unused))
#define MIB ((size_t)1 << 20)
#define BUDGET (16 * MIB)
#define DATA (64 * MIB)
#define PAGES (DATA / PAGE)

/* -- engines, files, pages ------------------------------------------------ */

static enum pageout_mode mode;
static const char *policy;
static uint64_t random_state = 1;

static sigjmp_buf refused;
static volatile sig_atomic_t guarded;

static void
on_sigbus(int signal)
{
	if (!guarded)
		abort();
	(void)signal;
	siglongjmp(refused, 1);
}

static struct pageout *
engine_open(const char *filter)
{
	struct pageout *e;

	struct sigaction sa = {.sa_handler = on_sigbus};

	/* Before the engine, which in inline mode passes on what is not its. */
	(void)sigaction(SIGBUS, &sa, NULL);
	assert_int_equal(setenv("PAGEOUT_SWAP_FILTER", filter, 1), 0);
	assert_int_equal(pageout_open(&e,
	                              &(struct pageout_options){
					      .mem_bytes = BUDGET,
					      .swap_bytes = 64 * MIB,
					      .policy = policy,
					      .mode = mode,
				      }),
	                 0);
	(void)alarm(120); /* a hang is a failure */
	return e;
}

static void
engine_close(struct pageout *e, int fd)
{
	pageout_close(e);
	(void)close(fd);
}

static uint64_t
next_random(void)
{
	random_state = random_state * 6364136223846793005u + 1;
	return random_state >> 33;
}

static const char *
place(void)
{
	const char *dir = getenv("PAGEOUT_SWAP");

	return dir != NULL ? dir : "/var/tmp";
}

static void
page_fill(void *at, uint64_t seed)
{
	uint64_t *w = at;

	for (unsigned i = 0; i < WORDS; i++)
		w[i] = seed * 0x9e3779b97f4a7c15u + i;
}

static bool
page_is(const void *at, uint64_t seed)
{
	uint64_t want[WORDS];

	page_fill(want, seed);
	return memcmp(at, want, PAGE) == 0;
}

/* Page i holds seed i + 1. */
static int
file_create(size_t bytes)
{
	int fd = open(place(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char page[PAGE];

	assert_true(fd >= 0);
	for (size_t i = 0; i * PAGE < bytes; i++) {
		size_t n = bytes - i * PAGE < PAGE ? bytes - i * PAGE : PAGE;

		page_fill(page, i + 1);
		assert_int_equal(pwrite(fd, page, n, (off_t)(i * PAGE)), n);
	}
	return fd;
}

static bool
file_page_is(int fd, size_t i, uint64_t seed)
{
	char page[PAGE];

	assert_int_equal(pread(fd, page, PAGE, (off_t)(i * PAGE)), PAGE);
	return page_is(page, seed);
}

static char *
map(struct pageout *e, int fd, uint64_t offset, size_t bytes, unsigned flags)
{
	void *at;

	assert_int_equal(pageout_map_file(e, fd, offset, bytes, flags, &at), 0);
	return at;
}

/* Say that a range is cold; anonymous pages, then a file's, crowd it out. */
static void
push_out(struct pageout *e, void *cold, size_t bytes)
{
	int fd = file_create(2 * BUDGET);
	void *at;

	assert_int_equal(pageout_advise(e, cold, bytes, PAGEOUT_COLD), 0);
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			assert_int_equal(pageout_map(e, 2 * BUDGET, 0, &at), 0);
		else
			at = map(e, fd, 0, 2 * BUDGET, 0);
		for (size_t k = 0; k < 2 * BUDGET; k += PAGE)
			((volatile char *)at)[k] = 1;
		assert_int_equal(pageout_unmap(e, at, 2 * BUDGET), 0);
	}
	assert_int_equal(close(fd), 0);
}

/* => false: the access failed */
static bool
can_read(const char *at)
{
	volatile bool works = false;

	guarded = 1;
	if (sigsetjmp(refused, 1) == 0) {
		(void)*(const volatile char *)at;
		works = true;
	}
	guarded = 0;
	return works;
}

/* -- contents ------------------------------------------------------------- */

static void
what_is_written_reaches_the_file(void **state UNUSED)
{
	struct pageout *e = engine_open("");
	int fd = file_create(DATA);
	char *at = map(e, fd, 0, DATA, 0);
	uint64_t *seed = malloc(PAGES * sizeof(*seed));

	assert_non_null(seed);
	for (size_t i = 0; i < PAGES; i++)
		seed[i] = i + 1;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned n = 0; n < 12000; n++) {
			size_t i = next_random() % PAGES;

			assert_true(page_is(at + i * PAGE, seed[i]));
			if (n % 2 == 0) {
				seed[i] = next_random();
				page_fill(at + i * PAGE, seed[i]);
			}
		}
		if (round == 0)
			assert_int_equal(pageout_sync(e, at, DATA), 0);
		else
			assert_int_equal(pageout_unmap(e, at, DATA), 0);
		for (size_t i = 0; i < PAGES; i++)
			assert_true(file_page_is(fd, i, seed[i]));
	}
	free(seed);
	engine_close(e, fd);
}

static void
closing_writes_back(void **state UNUSED)
{
	struct pageout *e = engine_open("");
	int fd = file_create(MIB);
	char *at = map(e, fd, 0, MIB, 0);

	page_fill(at + 3 * PAGE, 77);
	pageout_close(e);
	assert_true(file_page_is(fd, 2, 3));
	assert_true(file_page_is(fd, 3, 77));
	(void)close(fd);
}

static void
zeros_are_written(void **state UNUSED)
{
	struct pageout *e = engine_open("");
	int fd = file_create(DATA);
	char *at = map(e, fd, 0, DATA, 0), page[PAGE], zeros[PAGE] = {0};

	for (size_t i = 0; i < PAGES; i += 2)
		memset(at + i * PAGE, 0, PAGE);
	for (size_t i = 0; i < PAGES; i++)
		assert_true(i % 2 != 0 ? page_is(at + i * PAGE, i + 1)
		                       : at[i * PAGE + i % PAGE] == 0);
	assert_int_equal(pageout_sync(e, at, DATA), 0);
	for (size_t i = 0; i < PAGES; i += 2) {
		assert_int_equal(pread(fd, page, PAGE, (off_t)(i * PAGE)),
		                 PAGE);
		assert_memory_equal(page, zeros, PAGE);
	}
	engine_close(e, fd);
}

/* A part, not from the start, and its own parts. */
static void
parts_are_unmapped_one_by_one(void **state UNUSED)
{
	struct pageout *e = engine_open("");
	int fd = file_create(4 * MIB);
	char *at = map(e, fd, MIB, 2 * MIB, 0);
	void *other;

	assert_true(page_is(at, MIB / PAGE + 1));
	page_fill(at + MIB, 5);
	page_fill(at + MIB + PAGE, 6);
	assert_int_equal(pageout_unmap(e, at + MIB, PAGE), 0);
	assert_true(file_page_is(fd, 2 * MIB / PAGE, 5));
	assert_true(page_is(at + MIB + PAGE, 6));
	assert_true(page_is(at + MIB - PAGE, 2 * MIB / PAGE));
	assert_int_equal(pageout_map_file(e, fd, 2 * MIB, PAGE, 0, &other),
	                 -EBUSY);
	assert_int_equal(pageout_unmap(e, at, MIB), 0);
	assert_int_equal(pageout_unmap(e, at + MIB + PAGE, MIB - PAGE), 0);
	at = map(e, fd, 2 * MIB, PAGE, 0);
	assert_true(page_is(at, 5));
	engine_close(e, fd);
}

/* -- sync beside threads that write --------------------------------------- */

enum { COUNTERS = 512 };

struct counting {
	char *at;
	atomic_bool stop;
	atomic_ulong done; /* every counter has at least this */
};

static void *
count(void *ctx)
{
	struct counting *c = ctx;

	for (uint64_t n = 1; !atomic_load(&c->stop); n++) {
		for (size_t i = 0; i < COUNTERS; i++)
			*(volatile uint64_t *)(void *)(c->at + i * PAGE) = n;
		atomic_store(&c->done, n);
	}
	return NULL;
}

static void
sync_ends_while_others_write(void **state UNUSED)
{
	struct pageout *e = engine_open("");
	int fd = file_create(COUNTERS * PAGE);
	struct counting c = {.at = map(e, fd, 0, COUNTERS * PAGE, 0)};
	pthread_t thread;

	for (size_t i = 0; i < COUNTERS; i++)
		*(uint64_t *)(void *)(c.at + i * PAGE) = 0;
	assert_int_equal(pthread_create(&thread, NULL, count, &c), 0);
	for (unsigned round = 0; round < 20; round++) {
		uint64_t least = atomic_load(&c.done), n;

		assert_int_equal(pageout_sync(e, c.at, COUNTERS * PAGE), 0);
		for (size_t i = 0; i < COUNTERS; i++) {
			assert_int_equal(pread(fd, &n, 8, (off_t)(i * PAGE)),
			                 8);
			assert_true(n >= least);
		}
	}
	atomic_store(&c.stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	engine_close(e, fd);
}

/* -- the file changes ----------------------------------------------------- */

static void
a_cut_file_refuses_what_is_gone(void **state UNUSED)
{
	struct pageout *e = engine_open("");
	int fd = file_create(DATA);
	char *at = map(e, fd, 0, DATA, 0);
	size_t half = PAGES / 2;
	struct stat st;

	page_fill(at, 11);
	page_fill(at + (PAGES - 1) * PAGE, 12);
	assert_int_equal(ftruncate(fd, (off_t)(DATA / 2)), 0);
	assert_int_equal(pageout_sync(e, at, DATA), 0);
	push_out(e, at, DATA);
	assert_false(can_read(at + (half + 7) * PAGE));
	assert_false(can_read(at + (PAGES - 1) * PAGE));
	for (size_t i = 1; i < half; i += 5)
		assert_true(page_is(at + i * PAGE, i + 1));
	assert_true(page_is(at, 11));
	page_fill(at + (half - 1) * PAGE, 13);
	assert_int_equal(pageout_sync(e, at, DATA), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, DATA / 2);
	assert_true(file_page_is(fd, 0, 11));
	assert_true(file_page_is(fd, half - 1, 13));
	assert_int_equal(ftruncate(fd, (off_t)DATA), 0);
	assert_int_equal(pageout_advise(e, at, DATA, PAGEOUT_DISCARD), 0);
	assert_true(can_read(at + (half + 7) * PAGE));
	assert_int_equal(at[(half + 7) * PAGE], 0);
	engine_close(e, fd);
}

static void
a_deleted_file_goes_on(void **state UNUSED)
{
	struct pageout *e = engine_open("");
	char *at, page[PAGE], name[256];
	int fd, again;

	(void)snprintf(name, sizeof(name), "%s/pageout-test-XXXXXX", place());
	fd = mkstemp(name);
	assert_true(fd >= 0);
	page_fill(page, 1);
	assert_int_equal(pwrite(fd, page, PAGE, 0), PAGE);
	again = open(name, O_RDWR | O_CLOEXEC);
	at = map(e, fd, 0, PAGE, 0);
	(void)close(fd);
	assert_int_equal(unlink(name), 0);
	assert_true(page_is(at, 1));
	page_fill(at, 2);
	assert_int_equal(pageout_sync(e, at, PAGE), 0);
	assert_true(file_page_is(again, 0, 2));
	pageout_close(e);
	(void)close(again);
}

static void
the_last_page_keeps_its_length(void **state UNUSED)
{
	struct pageout *e = engine_open("");
	size_t bytes = 10 * PAGE + 100;
	int fd = file_create(bytes);
	char *at = map(e, fd, 0, bytes, 0), tail[200];
	struct stat st;

	for (size_t i = 100; i < PAGE; i++)
		assert_int_equal(at[10 * PAGE + i], 0);
	memset(at + 10 * PAGE, 'x', 200); /* a hundred too many */
	assert_int_equal(pageout_sync(e, at, bytes), 0);
	push_out(e, at, bytes);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, bytes);
	assert_int_equal(pread(fd, tail, 200, 10 * PAGE), 100);
	assert_int_equal(tail[99], 'x');
	assert_int_equal(at[10 * PAGE + 99], 'x');
	assert_int_equal(pageout_advise(e, at, 11 * PAGE, PAGEOUT_DISCARD), 0);
	assert_int_equal(at[10 * PAGE + 99], 'x');
	assert_int_equal(at[10 * PAGE + 100], 0);
	engine_close(e, fd);
}

static void
what_others_write_is_seen(void **state UNUSED)
{
	for (unsigned flags = 0; flags <= PAGEOUT_MAP_SHARED; flags++) {
		struct pageout *e = engine_open("");
		int fd = file_create(MIB);
		char *at = map(e, fd, 0, MIB, flags), page[PAGE];

		assert_true(page_is(at, 1));
		page_fill(page, 99);
		assert_int_equal(pwrite(fd, page, PAGE, 0), PAGE);
		do /* until it has left */
			push_out(e, at, MIB);
		while (can_read(at) && page_is(at, 1));
		assert_int_equal(can_read(at), flags == PAGEOUT_MAP_SHARED);
		/* Discarded, it is read as if for the first time. */
		assert_int_equal(pageout_advise(e, at, MIB, PAGEOUT_DISCARD),
		                 0);
		assert_true(page_is(at, 99));
		engine_close(e, fd);
	}
}

static void
discarding_keeps_what_was_written(void **state UNUSED)
{
	struct pageout *e = engine_open("");
	int fd = file_create(MIB);
	char *at = map(e, fd, 0, MIB, 0);

	page_fill(at, 21);
	assert_int_equal(pageout_advise(e, at, MIB, PAGEOUT_DISCARD), 0);
	assert_true(file_page_is(fd, 0, 21));
	assert_true(page_is(at, 21));
	engine_close(e, fd);
}

/* -- what fails ----------------------------------------------------------- */

/* No write works: that is said, and nothing is lost.  Three fail: no harm. */
static void
a_write_that_fails_is_told_and_made_again(void **state UNUSED)
{
	for (unsigned good = 0; good < 2; good++) {
		struct pageout *e =
			engine_open(good ? "error:op=write,every=1,count=3"
		                         : "error:op=write,every=1");
		int fd = file_create(MIB), r;
		char *at = map(e, fd, 0, MIB, 0);

		for (size_t i = 0; i < MIB / PAGE; i += 2)
			page_fill(at + i * PAGE, i + 2);
		do
			r = pageout_sync(e, at, MIB);
		while (good && r == -EIO);
		assert_int_equal(r, good ? 0 : -EIO);
		if (!good)
			assert_int_equal(pageout_unmap(e, at, MIB), -EIO);
		for (size_t i = 0; i < MIB / PAGE; i++) {
			assert_true(page_is(at + i * PAGE, (i | 1) + 1));
			if (good)
				assert_true(file_page_is(fd, i, (i | 1) + 1));
		}
		engine_close(e, fd);
	}
}

/* While the program goes on, now and then a write fails. */
static void
writes_that_fail_in_passing_lose_nothing(void **state UNUSED)
{
	struct pageout *e = engine_open("error:op=write,every=5,count=200");
	int fd = file_create(DATA);
	char *at = map(e, fd, 0, DATA, 0);
	int r = -EIO;

	for (size_t i = 0; i < PAGES; i++)
		page_fill(at + i * PAGE, i + 2);
	for (size_t i = 0; i < PAGES; i++)
		assert_true(page_is(at + i * PAGE, i + 2));
	for (unsigned n = 0; r < 0 && n < 300; n++)
		r = pageout_sync(e, at, DATA);
	assert_int_equal(r, 0);
	for (size_t i = 0; i < PAGES; i++)
		assert_true(file_page_is(fd, i, i + 2));
	engine_close(e, fd);
}

static void
a_pinned_page_is_not_written(void **state UNUSED)
{
	struct pageout *e = engine_open("");
	int fd = file_create(MIB);
	char *at = map(e, fd, 0, MIB, 0);

	assert_int_equal(pageout_pin(e, at, PAGE), 0);
	page_fill(at, 31);
	page_fill(at + PAGE, 32);
	assert_int_equal(pageout_sync(e, at, MIB), -EBUSY);
	assert_true(file_page_is(fd, 1, 32));
	assert_int_equal(pageout_unpin(e, at, PAGE), 0);
	assert_int_equal(pageout_sync(e, at, MIB), 0);
	assert_true(file_page_is(fd, 0, 31));
	engine_close(e, fd);
}

static void
what_cannot_be_mapped_is_refused(void **state UNUSED)
{
	struct pageout *e = engine_open("");
	int fd = file_create(MIB), dir = open(place(), O_RDONLY | O_CLOEXEC);
	int pipes[2], i;
	void *at[25];

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(pageout_map_file(e, fd, 1, PAGE, 0, at), -EINVAL);
	assert_int_equal(pageout_map_file(e, fd, 0, 0, 0, at), -EINVAL);
	assert_int_equal(pageout_map_file(e, fd, 0, PAGE, 2, at), -EINVAL);
	assert_int_equal(pageout_map_file(e, dir, 0, PAGE, 0, at), -EACCES);
	assert_int_equal(pageout_map_file(e, -1, 0, PAGE, 0, at), -EBADF);
	assert_int_equal(pageout_map_file(e, pipes[1], 0, PAGE, 0, at),
	                 -EACCES);
	assert_int_equal(pageout_map_file(e, fd, 0, (size_t)1 << 39, 0, at),
	                 -EFBIG);
	assert_int_equal(fcntl(fd, F_SETFL, O_APPEND), 0);
	assert_int_equal(pageout_map_file(e, fd, 0, PAGE, 0, at), -EINVAL);
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	for (i = 0; i < 24; i++)
		at[i] = map(e, fd, (uint64_t)i * PAGE, PAGE, 0);
	assert_int_equal(pageout_map_file(e, fd, 24 * PAGE, PAGE, 0, &at[24]),
	                 -EMFILE);
	assert_int_equal(pageout_unmap(e, at[3], PAGE), 0);
	assert_int_equal(pageout_map_file(e, fd, 4 * PAGE, PAGE, 0, &at[3]),
	                 -EBUSY);
	at[3] = map(e, fd, 24 * PAGE, PAGE, 0);
	assert_true(page_is(at[3], 25));
	pageout_close(e);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
	(void)close(dir);
	(void)close(fd);
}

/* -- all of it ------------------------------------------------------------ */

static int
run_all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_reaches_the_file),
		cmocka_unit_test(closing_writes_back),
		cmocka_unit_test(zeros_are_written),
		cmocka_unit_test(parts_are_unmapped_one_by_one),
		cmocka_unit_test(sync_ends_while_others_write),
		cmocka_unit_test(a_cut_file_refuses_what_is_gone),
		cmocka_unit_test(a_deleted_file_goes_on),
		cmocka_unit_test(the_last_page_keeps_its_length),
		cmocka_unit_test(what_others_write_is_seen),
		cmocka_unit_test(discarding_keeps_what_was_written),
		cmocka_unit_test(a_write_that_fails_is_told_and_made_again),
		cmocka_unit_test(writes_that_fail_in_passing_lose_nothing),
		cmocka_unit_test(a_pinned_page_is_not_written),
		cmocka_unit_test(what_cannot_be_mapped_is_refused),
	};

	return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}

/* test_files POLICY thread|inline */
int
main(int argc, char **argv)
{
	struct pageout *e;
	int r;

	if (argc != 3)
		return 2;
	policy = argv[1];
	mode = strcmp(argv[2], "inline") == 0 ? PAGEOUT_MODE_INLINE
	                                      : PAGEOUT_MODE_THREAD;
	r = pageout_open(&e, &(struct pageout_options){.mem_bytes = BUDGET,
	                                               .policy = policy,
	                                               .mode = mode});
	if (r == -EPERM || r == -ENOSYS || r == -EACCES)
		return 77;
	if (r == 0)
		pageout_close(e);
	return run_all();
}
