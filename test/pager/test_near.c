/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_near.c -- whom the fault thread is bound to, and when it waits awake.
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

static void *
read_others(void *unused)
{
	for (size_t i = 900; i < 930; i++)
		if (!is_filled(page(i * STEP), PAGE_BYTES, i * STEP % PAGES))
			return p;
	return unused;
}

static bool
is_awake(void)
{
	return atomic_load(&spin.average_ns) != 0;
}

static void
one_thread_is_followed(void **unused)
{
	(void)unused;
	if (!p->nodes[0].files[DEV_READ].spins)
		skip(); /* no io_uring here */
	read_alone(0, 16);
	assert_int_equal(p->near.cpu, -1);
	assert_false(is_awake());
	for (size_t i = 1; !is_awake(); i++) {
		assert_in_range(i, 1, 12); /* its reads may be slow, or its CPU
		                              somebody else's, but not always */
		read_alone(64 * i, 64);
		assert_true(p->near.cpu >= 0);
		usleep(20000);
	}
	assert_int_equal(p->near.tid, gettid());
}

static void
a_stream_is_not(void **unused)
{
	(void)unused;
	if (!p->nodes[0].files[DEV_READ].spins)
		skip();
	read_alone(0, 64);
	assert_true(p->near.cpu >= 0);
	engine_swap_out(p, at, PAGES * PAGE_BYTES);
	assert_int_equal(
		pager_advise(p, at, PAGES * PAGE_BYTES, PAGEOUT_NORMAL), 0);
	for (size_t i = 0; i < 512; i++)
		assert_true(is_filled(page(i), PAGE_BYTES, i));
	assert_int_equal(p->near.cpu, -1);
}

static void
two_threads_are_not(void **unused)
{
	pthread_t other;
	void *result;

	(void)unused;
	if (!p->nodes[0].files[DEV_READ].spins)
		skip();
	read_alone(0, 64);
	assert_true(p->near.cpu >= 0);
	assert_int_equal(pthread_create(&other, NULL, read_others, NULL), 0);
	assert_int_equal(pthread_join(other, &result), 0);
	assert_null(result);
	assert_int_equal(p->near.cpu, -1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fresh, over)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_thread_is_followed),
		T(a_stream_is_not),
		T(two_threads_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
