/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_optimum.c -- Belady's MIN: what is known of it, and all other ways on
 * cases that are small enough to try them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "compare/optimum.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

enum { LENGTH_MAX = 10, FRAMES_MAX = 4, SEEDS = 3000, NUMBERS = 128 };

static uint64_t
misses(const uint32_t *pages, uint64_t length, uint32_t frames)
{
	uint32_t *access = malloc((length + 1) * sizeof(*access));
	struct optimum_trace t = {.access = access,
	                          .length = length,
	                          .numbers = NUMBERS,
	                          .count = length};
	uint64_t n = UINT64_MAX;

	assert_non_null(access);
	for (uint64_t i = 0; i < length; i++)
		access[i] = pages[i] << 1;
	assert_int_equal(optimum_misses(&t, frames, &n), 0);
	free(access);
	return n;
}

static void
textbook_sequences_miss_as_in_the_books(void **unused)
{
	/* Silberschatz; Tanenbaum; Belady's anomaly of FIFO */
	static const uint32_t a[] = {7, 0, 1, 2, 0, 3, 0, 4, 2, 3,
	                             0, 3, 2, 1, 2, 0, 1, 7, 0, 1};
	static const uint32_t b[] = {0, 1, 2, 3, 2, 1, 0, 3, 2, 3};
	static const uint32_t c[] = {1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5};

	(void)unused;
	assert_int_equal(misses(a, COUNT(a), 3), 9);
	assert_int_equal(misses(a, COUNT(a), 4), 8);
	assert_int_equal(misses(a, COUNT(a), 6), 6);
	assert_int_equal(misses(b, COUNT(b), 3), 5);
	assert_int_equal(misses(c, COUNT(c), 3), 7);
	assert_int_equal(misses(c, COUNT(c), 4), 6);
}

static void
one_frame_hits_repetitions_only(void **unused)
{
	static const uint32_t pages[] = {5, 5, 5, 1, 5, 1, 1};

	(void)unused;
	assert_int_equal(misses(pages, COUNT(pages), 1), 4);
}

static void
as_many_frames_as_pages_miss_once_each(void **unused)
{
	static const uint32_t pages[] = {9, 3, 9, 0, 3, 3, 0, 9};

	(void)unused;
	assert_int_equal(misses(pages, COUNT(pages), 3), 3);
	assert_int_equal(misses(pages, COUNT(pages), 100), 3);
	assert_int_equal(misses(pages, 0, 3), 0);
}

/* A loop over n pages with k frames: k - 1 of the n - 1 others stay. */
static void
a_loop_misses_what_does_not_fit(void **unused)
{
	enum { PAGES = 10, FRAMES = 4, ROUNDS = 90 };
	static uint32_t pages[PAGES * (ROUNDS + 1)];

	(void)unused;
	for (uint32_t i = 0; i < COUNT(pages); i++)
		pages[i] = i % PAGES;
	assert_int_equal(misses(pages, COUNT(pages), FRAMES),
	                 PAGES + ROUNDS * PAGES * (PAGES - FRAMES) /
	                                 (PAGES - 1));
}

/* The fewest misses of any choice of victims, by trying all. */
static uint64_t
fewest(const uint32_t *pages, uint64_t length, uint32_t *memory, uint32_t used,
       uint32_t frames)
{
	uint64_t best = UINT64_MAX, n;
	uint32_t old;

	if (length == 0)
		return 0;
	for (uint32_t i = 0; i < used; i++)
		if (memory[i] == *pages)
			return fewest(pages + 1, length - 1, memory, used,
			              frames);
	if (used < frames) {
		memory[used] = *pages;
		return 1 +
		       fewest(pages + 1, length - 1, memory, used + 1, frames);
	}
	for (uint32_t i = 0; i < used; i++) {
		old = memory[i];
		memory[i] = *pages;
		n = 1 + fewest(pages + 1, length - 1, memory, used, frames);
		memory[i] = old;
		best = n < best ? n : best;
	}
	return best;
}

static uint32_t
random_below(uint64_t *state, uint32_t n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)((*state >> 32) % n);
}

static void
no_choice_of_victims_is_better(void **unused)
{
	uint32_t pages[LENGTH_MAX], memory[FRAMES_MAX], kinds, frames;

	(void)unused;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		uint64_t state = seed * 0x9e3779b97f4a7c15u, best, got;

		kinds = 2 + random_below(&state, 6);
		frames = 1 + random_below(&state, FRAMES_MAX);
		for (unsigned i = 0; i < LENGTH_MAX; i++)
			pages[i] = random_below(&state, kinds);
		best = fewest(pages, LENGTH_MAX, memory, 0, frames);
		got = misses(pages, LENGTH_MAX, frames);
		if (got != best)
			print_message("# seed %llu\n",
			              (unsigned long long)seed);
		assert_int_equal(got, best);
	}
}

static void
the_misses_of_the_parts_add_up(void **unused)
{
	enum { LENGTH = 5000, PART = 700, FRAMES = 40 };
	static uint32_t pages[LENGTH], access[LENGTH];
	uint64_t state = 1, sum = 0, n;

	(void)unused;
	for (uint32_t i = 0; i < LENGTH; i++) {
		pages[i] = random_below(&state, 100);
		access[i] = pages[i] << 1;
	}
	for (uint64_t first = 0; first < LENGTH; first += PART) {
		struct optimum_trace t = {access, LENGTH, NUMBERS, first, PART};

		assert_int_equal(optimum_misses(&t, FRAMES, &n), 0);
		assert_in_range(n, 1, PART);
		sum += n;
	}
	assert_int_equal(sum, misses(pages, LENGTH, FRAMES));
}

static void
no_frames_are_refused(void **unused)
{
	struct optimum_trace t = {0};
	uint64_t n = 7;

	(void)unused;
	assert_true(optimum_misses(&t, 0, &n) < 0);
	assert_int_equal(n, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(textbook_sequences_miss_as_in_the_books),
		cmocka_unit_test(one_frame_hits_repetitions_only),
		cmocka_unit_test(as_many_frames_as_pages_miss_once_each),
		cmocka_unit_test(a_loop_misses_what_does_not_fit),
		cmocka_unit_test(no_choice_of_victims_is_better),
		cmocka_unit_test(the_misses_of_the_parts_add_up),
		cmocka_unit_test(no_frames_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
