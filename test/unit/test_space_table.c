/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_space_table.c -- the table of spaces against a model: a byte a page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "pager/space/table.h"

enum { PAGES = 256, SEEDS = 300, STEPS = 300 };

static struct space_table table;
static uint8_t model[PAGES];
static uint64_t rng;

static uint32_t
pick(uint32_t n)
{
	rng = rng * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(rng >> 33) % n;
}

static bool
is_free(uint32_t vpn, uint32_t end)
{
	for (; vpn < end; vpn++)
		if (model[vpn] != 0)
			return false;
	return true;
}

/* Every page, and where the part that begins there ends. */
static void
compare(uint64_t seed, unsigned step)
{
	for (uint32_t v = 0; v < PAGES; v++) {
		uint64_t end = space_table_end(&table, v, PAGES);

		if (space_table_find(&table, v) != model[v])
			fail_msg("seed %ju, step %u: page %u", (uintmax_t)seed,
			         step, v);
		/* A part may end early, where a run does, but not late. */
		assert_true(end > v && end <= PAGES);
		for (uint32_t i = v; i < end; i++)
			if (model[i] != model[v])
				fail_msg("seed %ju, step %u: part of page %u",
				         (uintmax_t)seed, step, v);
	}
	for (uint32_t i = 1; i < table.count; i++)
		assert_true(table.runs[i - 1].end <= table.runs[i].vpn);
}

static void
run_seed(uint64_t seed)
{
	rng = seed;
	table.count = 0;
	memset(model, 0, sizeof(model));
	for (unsigned step = 0; step < STEPS; step++) {
		uint32_t vpn = pick(PAGES);
		uint32_t end = vpn + 1 + pick(min_u32(PAGES - vpn, 40));
		unsigned space = 1 + pick(4);

		if (is_free(vpn, end)) {
			assert_true(space_table_add(&table, vpn, end, space));
			memset(model + vpn, (int)space, end - vpn);
		} else {
			space_table_cut(&table, vpn, end);
			memset(model + vpn, 0, end - vpn);
		}
		compare(seed, step);
	}
}

static void
it_says_what_the_model_says(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		run_seed(seed);
}

static void
an_empty_table_is_all_space_0(void **state)
{
	(void)state;
	table.count = 0;
	assert_int_equal(space_table_find(&table, 7), 0);
	assert_int_equal(space_table_end(&table, 7, UINT64_MAX), UINT64_MAX);
	space_table_cut(&table, 0, UINT64_MAX);
	assert_int_equal(table.count, 0);
}

/* One entry is kept for a cut; a full table can still be emptied. */
static void
a_full_table_refuses_and_recovers(void **state)
{
	uint64_t n = 0;

	(void)state;
	table.count = 0;
	while (space_table_add(&table, n * 4, n * 4 + 3, 1))
		n++;
	assert_int_equal(n, SPACE_RUNS_MAX - 1);
	assert_true(space_table_may_cut(&table, 1, 2));
	space_table_cut(&table, 1, 2);
	assert_int_equal(table.count, SPACE_RUNS_MAX);
	assert_false(space_table_may_cut(&table, 5, 6));
	assert_true(space_table_may_cut(&table, 4, 6)); /* from its start */
	assert_true(space_table_may_cut(&table, 5, 7)); /* to its end */
	assert_true(space_table_may_cut(&table, 3, 4)); /* nothing there */
	space_table_cut(&table, 3, 4);
	space_table_cut(&table, 4, 7);
	assert_int_equal(table.count, SPACE_RUNS_MAX - 1);
	assert_int_equal(space_table_find(&table, 0), 1);
	assert_int_equal(space_table_find(&table, 1), 0);
	assert_int_equal(space_table_find(&table, 5), 0);
	assert_int_equal(space_table_find(&table, 8), 1);
	space_table_cut(&table, 0, n * 4);
	assert_int_equal(table.count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_what_the_model_says),
		cmocka_unit_test(an_empty_table_is_all_space_0),
		cmocka_unit_test(a_full_table_refuses_and_recovers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
