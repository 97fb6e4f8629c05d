/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_full.c -- all that was promised can be held, and can be had back.
 *
 * Regions are mapped until memory and swap space have no room for another.
 * Each page gets contents that take a frame or a slot.  Then no slot is free,
 * and a page can come in only because one that has a slot goes: no access may
 * fail, and every page is what it was.
 *
 *	test_full POLICY
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "pageout/pageout.h"

#define REGION ((size_t)256 << 10)
#define REGIONS_MAX 128
#define WORDS (REGION / sizeof(uint64_t))
#define PAGE_WORDS (4096 / sizeof(uint64_t))

static const char *policy;

static uint64_t
mix(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void
region_fill(uint64_t *at, uint64_t number)
{
	uint64_t state = number + 1;

	for (size_t i = 0; i < WORDS; i++)
		at[i] = mix(&state);
}

/* The first word of each page says whose it is; one region all of it. */
static void
region_check(const uint64_t *at, uint64_t number, bool whole)
{
	uint64_t state = number + 1;

	for (size_t i = 0; i < WORDS; i++) {
		uint64_t want = mix(&state);

		if (whole || i % PAGE_WORDS == 0)
			assert_int_equal(at[i], want);
	}
}

static void
fill_all_and_read(size_t mib, enum pageout_mode mode, unsigned nodes)
{
	struct pageout_options options = {
		.mem_bytes = mib << 20,
		.swap_bytes = mib << 20,
		.policy = policy,
		.mode = mode,
		.nodes = nodes,
	};
	uint64_t *region[REGIONS_MAX], state = 1;
	struct pageout *e;
	unsigned n = 0;
	void *at;

	assert_int_equal(pageout_open(&e, &options), 0);
	while (n < REGIONS_MAX && pageout_map(e, REGION, 0, &at) == 0)
		region[n++] = at;
	assert_true(n * REGION > 3 * options.mem_bytes / 2);
	assert_true(n < REGIONS_MAX);
	for (unsigned i = 0; i < n; i++)
		region_fill(region[i], i);
	for (unsigned i = 0; i < n; i++)
		region_check(region[i], i, false);
	for (unsigned i = 0; i < n; i++) {
		unsigned which = (unsigned)(mix(&state) % n);

		region_check(region[which], which, false);
		region_fill(region[which], which);
	}
	for (unsigned i = 0; i < n; i++)
		region_check(region[i], i, true);
	pageout_close(e);
}

static void
threads_hold_what_was_promised(void **state)
{
	(void)state;
	fill_all_and_read(8, PAGEOUT_MODE_THREAD, 1);
}

static void
inline_faults_do_as_well(void **state)
{
	(void)state;
	fill_all_and_read(8, PAGEOUT_MODE_INLINE, 1);
}

static void
two_nodes_do_as_well(void **state)
{
	(void)state;
	fill_all_and_read(16, PAGEOUT_MODE_THREAD, 2);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_hold_what_was_promised),
		cmocka_unit_test(inline_faults_do_as_well),
		cmocka_unit_test(two_nodes_do_as_well),
	};
	struct pageout *e;
	int r;

	if (argc != 2)
		return 2;
	policy = argv[1];
	r = pageout_open(&e, &(struct pageout_options){
				     .mem_bytes = (size_t)8 << 20,
				     .mode = PAGEOUT_MODE_THREAD,
			     });
	if (r < 0)
		return 77; /* as pageout doctor says */
	pageout_close(e);
	return cmocka_run_group_tests_name("full", tests, NULL, NULL);
}
