/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_copies.c -- pages that come in as copies, where threads fault in turn.
 *
 * Threads read and change pages of their own, at random, in a range four times
 * as large as the budget.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bits.h"
#include "test/pager/engine.h"

enum {
	BUDGET_MIB = 8,
	PAGES = 8192,
	TOUCHES = 6000,
	READERS_MAX = 2,
	STEP = 16, /* that many are copied after one fault of another thread */
};

static const enum pageout_mode modes[] = {PAGEOUT_MODE_THREAD,
                                          PAGEOUT_MODE_INLINE};

struct reader {
	pthread_t thread;
	char *at;
	unsigned id, step; /* has pages id, id + step, ... */
	bool wrong;
};

static uint64_t
next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static void *
read_on(void *ctx)
{
	static uint8_t version[PAGES]; /* of each page: its reader's */
	struct reader *r = ctx;
	uint64_t x = r->id + 1;

	for (unsigned i = 0; i < TOUCHES && !r->wrong; i++) {
		size_t page = next(&x) % (PAGES / r->step) * r->step + r->id;
		char *at = r->at + page * PAGE_BYTES;

		r->wrong = !is_filled(at, PAGE_BYTES, version[page]);
		if (next(&x) % 4 == 0)
			fill(at, PAGE_BYTES, ++version[page]);
	}
	for (size_t page = r->id; page < PAGES; page += r->step) {
		r->wrong |= !is_filled(r->at + page * PAGE_BYTES, PAGE_BYTES,
		                       version[page]);
		version[page] = 0;
	}
	return NULL;
}

/* => how many pages were seen to be left behind at a time, at most */
static uint32_t
read_by(struct pager *p, unsigned readers, bool is_locked)
{
	char *at = engine_map(p, NULL, (size_t)PAGES * PAGE_BYTES);
	const struct copies *c = &p->nodes[0].copies;
	struct reader r[READERS_MAX];
	uint32_t most = 0;

	(void)alarm(60); /* a hang is a failure */
	for (size_t i = 0; i < PAGES; i++)
		fill(at + i * PAGE_BYTES, PAGE_BYTES, 0);
	assert_int_equal(
		pager_advise(p, at, (size_t)PAGES * PAGE_BYTES, PAGEOUT_RANDOM),
		0);
	if (is_locked)
		assert_int_equal(mlockall(MCL_CURRENT | MCL_ONFAULT), 0);
	for (unsigned i = 0; i < readers; i++) {
		r[i] = (struct reader){.at = at, .id = i, .step = readers};
		assert_int_equal(
			pthread_create(&r[i].thread, NULL, read_on, &r[i]), 0);
	}
	while (pthread_tryjoin_np(r[0].thread, NULL) != 0) {
		uint32_t count = __atomic_load_n(&c->count, __ATOMIC_RELAXED);

		most = count > most ? count : most;
		(void)usleep(100);
	}
	for (unsigned i = 1; i < readers; i++)
		assert_int_equal(pthread_join(r[i].thread, NULL), 0);
	assert_int_equal(munlockall(), 0);
	for (unsigned i = 0; i < readers; i++)
		assert_false(r[i].wrong);
	assert_true(most <= c->max);
	engine_close(p);
	return most;
}

/* On a machine of one node two threads have pages copied, in either mode. */
static void
read_by_two(bool is_locked)
{
	for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
		struct pager *p = engine_open(BUDGET_MIB * MIB, modes[i], "");
		bool may_copy;

		if (p == NULL)
			skip();
		may_copy = p->machine.count == 1;
		assert_int_equal(read_by(p, 2, is_locked) > 0, may_copy);
	}
}

static void
several_threads_have_their_pages_copied(void **unused)
{
	(void)unused;
	read_by_two(false);
}

static void
one_thread_has_its_pages_moved(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
		struct pager *p = engine_open(BUDGET_MIB * MIB, modes[i], "");

		if (p == NULL)
			skip();
		assert_true(read_by(p, 1, false) <= STEP);
	}
}

static void
what_was_left_behind_goes_from_locked_memory(void **unused)
{
	(void)unused;
	if (mlockall(MCL_CURRENT | MCL_ONFAULT) != 0) {
		print_message("memory may not be locked\n");
		skip();
	}
	assert_int_equal(munlockall(), 0);
	read_by_two(true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_threads_have_their_pages_copied),
		cmocka_unit_test(one_thread_has_its_pages_moved),
		cmocka_unit_test(what_was_left_behind_goes_from_locked_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
