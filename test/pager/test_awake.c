/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_awake.c -- for whom the fault thread waits awake.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/file/spin.h"
#include "test/pager/engine.h"

enum { PAGES = 2048, STEP = 401 };

static struct pager *p;
static char *at;

static char *
page(size_t i)
{
	return at + i % PAGES * PAGE_BYTES;
}

static int
fresh(void **unused)
{
	(void)unused;
	p = engine_open(16 * MIB, PAGEOUT_MODE_THREAD, "");
	if (p == NULL)
		skip();
	at = engine_map(p, NULL, PAGES * PAGE_BYTES);
	for (size_t i = 0; i < PAGES; i++)
		fill(page(i), PAGE_BYTES, i);
	engine_swap_out(p, at, PAGES * PAGE_BYTES);
	assert_int_equal(
		pager_advise(p, at, PAGES * PAGE_BYTES, PAGEOUT_RANDOM), 0);
	atomic_store(&spin.average_ns, 0);
	return 0;
}

static int
over(void **unused)
{
	(void)unused;
	engine_close(p);
	return 0;
}

static void
read_alone(size_t first, size_t count)
{
	for (size_t i = first; i < first + count; i++)
		assert_true(is_filled(page(i * STEP), PAGE_BYTES,
		                      i * STEP % PAGES));
}

/* 16 more, which the first thread does not read.  => NULL: all was right */
static void *
read_others(void *turn)
{
	size_t first = PAGES / 2 + *(size_t *)turn * 16;

	for (size_t i = first; i < first + 16; i++)
		if (!is_filled(page(i * STEP), PAGE_BYTES, i * STEP % PAGES))
			return p;
	return NULL;
}

static bool
has_waited_awake(void)
{
	return atomic_exchange(&spin.average_ns, 0) != 0;
}

/* Asleep first, then awake, and what is better. */
static void
for_a_thread_that_faults_alone(void **unused)
{
	(void)unused;
	if (!p->nodes[0].files[DEV_READ].spins)
		skip(); /* no io_uring here */
	read_alone(0, 32);
	assert_false(has_waited_awake());
	for (size_t i = 1; !has_waited_awake(); i++) {
		assert_in_range(i, 1, 12); /* its reads may be slow, or its CPU
		                              somebody else's, but not always */
		read_alone(128 * i, 128);
		usleep(20000);
	}
	assert_int_equal(p->awake.tid, gettid());
}

static void
not_in_a_stream(void **unused)
{
	(void)unused;
	assert_int_equal(
		pager_advise(p, at, PAGES * PAGE_BYTES, PAGEOUT_SEQUENTIAL), 0);
	for (size_t i = 0; i < PAGES; i++)
		assert_true(is_filled(page(i), PAGE_BYTES, i));
	assert_false(has_waited_awake());
}

static void
not_when_two_threads_fault_in_turn(void **unused)
{
	pthread_t other;
	void *result;

	(void)unused;
	for (size_t i = 0; i < 20; i++) {
		read_alone(i * 16, 16);
		assert_int_equal(pthread_create(&other, NULL, read_others, &i),
		                 0);
		assert_int_equal(pthread_join(other, &result), 0);
		assert_null(result);
	}
	assert_false(has_waited_awake());
}

#define T(name) cmocka_unit_test_setup_teardown(name, fresh, over)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(for_a_thread_that_faults_alone),
		T(not_in_a_stream),
		T(not_when_two_threads_fault_in_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
