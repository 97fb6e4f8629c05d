/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_taken.c -- something else is where a page should come in, or it is taken
 * away in this very moment.
 *
 * Pages come in by runs, with neighbours that nobody asked for.  Where the
 * kernel has put a mark of its own, the neighbour stays away, the mark stays,
 * and everybody else gets his page.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/internal.h"
#include "test/pager/engine.h"

enum { GUARD_INSTALL = 102, GUARD_REMOVE = 103, PAGES = 32, GUARD = 7 };

static const enum pageout_mode modes[] = {PAGEOUT_MODE_THREAD,
                                          PAGEOUT_MODE_INLINE};

static sigjmp_buf refused;

static struct pager *
open_or_skip(enum pageout_mode mode)
{
	struct pager *p = engine_open(8 * MIB, mode, "");

	if (p == NULL)
		skip();
	(void)alarm(120); /* a hang is a failure */
	return p;
}

static void
guard_or_skip(struct pager *p, char *page)
{
	if (madvise(page, PAGE_BYTES, GUARD_INSTALL) == 0)
		return;
	assert_int_equal(errno, EINVAL);
	print_message("this kernel has no guard pages\n");
	engine_close(p);
	skip();
}

static void
on_sigsegv(int sig)
{
	(void)sig;
	siglongjmp(refused, 1);
}

static bool
is_guarded(const volatile char *page)
{
	struct sigaction sa = {.sa_handler = on_sigsegv}, old;
	bool guarded = true;

	(void)sigaction(SIGSEGV, &sa, &old);
	if (sigsetjmp(refused, 1) == 0) {
		(void)*page;
		guarded = false;
	}
	(void)sigaction(SIGSEGV, &old, NULL);
	return guarded;
}

static void
the_neighbours_of_a_guard_page_are_touched(void **state)
{
	(void)state;
	for (size_t m = 0; m < 2; m++) {
		struct pager *p = open_or_skip(modes[m]);
		char *at = engine_map(p, NULL, PAGES * PAGE_BYTES);
		char *guard = at + GUARD * PAGE_BYTES;
		char *behind = guard + PAGE_BYTES;

		guard_or_skip(p, guard);
		fill(at, GUARD * PAGE_BYTES, 1);
		fill(behind, (PAGES - GUARD - 1) * PAGE_BYTES, 2);
		assert_true(is_guarded(guard));
		assert_true(is_filled(at, GUARD * PAGE_BYTES, 1));
		assert_true(
			is_filled(behind, (PAGES - GUARD - 1) * PAGE_BYTES, 2));
		assert_int_equal(madvise(guard, PAGE_BYTES, GUARD_REMOVE), 0);
		assert_true(is_zero(guard, PAGE_BYTES));
		engine_close(p);
	}
}

static void
the_neighbours_of_a_guard_page_are_read_back(void **state)
{
	(void)state;
	for (size_t m = 0; m < 2; m++) {
		struct pager *p = open_or_skip(modes[m]);
		char *at = engine_map(p, NULL, PAGES * PAGE_BYTES);
		char *guard = at + GUARD * PAGE_BYTES;

		for (size_t i = 0; i < PAGES; i++)
			fill(at + i * PAGE_BYTES, PAGE_BYTES, i);
		engine_swap_out(p, at, PAGES * PAGE_BYTES);
		guard_or_skip(p, guard);
		assert_int_equal(pager_advise(p, at, PAGES * PAGE_BYTES,
		                              PAGEOUT_SEQUENTIAL),
		                 0);
		for (size_t i = 0; i < PAGES; i++)
			if (i != GUARD)
				assert_true(is_filled(at + i * PAGE_BYTES,
				                      PAGE_BYTES, i));
		assert_true(is_guarded(guard));
		engine_close(p);
	}
}

/* The page that was refused keeps its mark; its neighbours have none. */
static void
a_program_goes_on_after_it_was_out_of_memory(void **state)
{
	const size_t bytes = 32 * MIB;
	struct pager *p;
	size_t i = 0;
	char *at, copy[PAGE_BYTES];

	(void)state;
	p = engine_open_nodes(1, 4 * MIB, 4 * MIB, PAGEOUT_MODE_THREAD, "");
	if (p == NULL)
		skip();
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(pager_manage(p, 0, at, bytes, false), 0);
	while (page_try(at + i, copy)) {
		fill(at + i, PAGE_BYTES, i);
		i += PAGE_BYTES;
		assert_true(i < bytes);
	}
	assert_int_equal(pager_discard(p, at, i), 0);
	fill(at + i - PAGE_BYTES, PAGE_BYTES, 3);
	fill(at + i + PAGE_BYTES, PAGE_BYTES, 4);
	assert_false(page_try(at + i, copy));
	assert_true(is_filled(at + i - PAGE_BYTES, PAGE_BYTES, 3));
	assert_true(is_filled(at + i + PAGE_BYTES, PAGE_BYTES, 4));
	engine_close(p);
}

/* -- what is taken away while it comes ------------------------------------ */

struct worker {
	pthread_t thread;
	char *page;
};

static void *
touch(void *ctx)
{
	const struct worker *w = ctx;

	(void)*(volatile char *)w->page;
	return NULL;
}

static void *
discard(void *ctx)
{
	const struct worker *w = ctx;

	assert_int_equal(madvise(w->page, PAGE_BYTES, MADV_DONTNEED), 0);
	return NULL;
}

static void
begin(struct worker *w, void *(*run)(void *), char *page)
{
	w->page = page;
	assert_int_equal(pthread_create(&w->thread, NULL, run, w), 0);
	(void)usleep(50000); /* it waits: nothing is served */
}

/* The pages are in their frames, out of reach, and written. */
static void
cool_down(struct pager *p, char *at)
{
	for (size_t i = 0; i < PAGES; i++)
		assert_true(
			engine_wait_state(p, at + i * PAGE_BYTES, PAGE_MAPPED));
	assert_int_equal(pager_advise(p, at, PAGES * PAGE_BYTES, PAGEOUT_COLD),
	                 0);
	while (engine_stat(p, PAGEOUT_STAT_pswpout) < PAGES)
		(void)usleep(1000);
	for (size_t i = 0; i < PAGES; i++)
		assert_true(
			engine_wait_state(p, at + i * PAGE_BYTES, PAGE_CACHED));
}

/*
 * A page would come in as the neighbour of another, whose fault was read.  Then
 * it is discarded, past us: that is read when the kernel refuses to move.
 */
static void
a_page_that_is_discarded_while_it_comes_in_stays_away(void **state)
{
	struct pager *p = engine_open_events(8 * MIB);
	struct worker toucher, discarder;
	struct node *n;
	char *at;

	(void)state;
	if (p == NULL)
		skip();
	(void)alarm(120);
	n = &p->nodes[0];
	at = engine_map(p, NULL, PAGES * PAGE_BYTES);
	fill(at, PAGES * PAGE_BYTES, 5);
	cool_down(p, at);
	assert_int_equal(
		pager_advise(p, at, PAGES * PAGE_BYTES, PAGEOUT_SEQUENTIAL), 0);
	node_lock(n);
	begin(&toucher, touch, at);
	begin(&discarder, discard, at + GUARD * PAGE_BYTES);
	node_unlock(n);
	assert_int_equal(pthread_join(toucher.thread, NULL), 0);
	assert_int_equal(pthread_join(discarder.thread, NULL), 0);
	assert_true(is_zero(at + GUARD * PAGE_BYTES, PAGE_BYTES));
	engine_close(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_neighbours_of_a_guard_page_are_touched),
		cmocka_unit_test(the_neighbours_of_a_guard_page_are_read_back),
		cmocka_unit_test(a_program_goes_on_after_it_was_out_of_memory),
		cmocka_unit_test(
			a_page_that_is_discarded_while_it_comes_in_stays_away),
	};

	return cmocka_run_group_tests_name("taken", tests, NULL, NULL);
}
