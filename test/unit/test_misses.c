/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_misses.c -- how many misses each policy has, of a few traces.
 *
 * That a policy does what it is told does not say that it is any good at it: a
 * change may break no rule and cost half as many misses again.  Here stand the
 * misses of today.  Whoever moves one by more than three in a hundred is told,
 * by the new row of the table; it is for the commit to say why that is well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "compare/compare.h"

enum { RUNS = 6, CHANGE = 3, TOLERANCE_PERCENT = 3 };

/* What fits into little memory, what is so much that a walk over all of it asks
 * for more operations than there are, what is used no more, once and again, and
 * what is a fifth too large. */
static const struct {
	const char *trace;
	uint64_t frames;
} runs[RUNS] = {
	{"zipf:pages=8K,accesses=400K", 2048},
	{"scan:pages=8K,accesses=400K", 2048},
	{"zipf:pages=48K,accesses=1M", 23552},
	[CHANGE] = {"change:pages=8K,accesses=400K", 4096},
	{"phases:pages=16K,accesses=400K", 4096},
	{"loop:pages=4915,accesses=100K", 4096},
};

static const struct row {
	const char *policy;
	uint32_t misses[RUNS];
} rows[] = {
	{"clock", {90857, 104163, 86315, 182904, 37860, 97485}},
	{"2q", {71446, 52127, 71528, 159027, 36061, 44169}},
	{"fifo", {92287, 106431, 87987, 184490, 27351, 97485}},
	{"random", {91996, 105805, 86487, 124955, 58172, 37377}},
	{"linux24", {81782, 77838, 76329, 114834, 24191, 71303}},
	{"kswapd", {83283, 88099, 70688, 88006, 33090, 78489}},
	{"optimum", {34721, 17970, 15450, 38895, 12711, 15585}},
};

static const struct row *
row_of(const char *policy)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].policy, policy) == 0)
			return &rows[i];
	fail_msg("%s: its misses belong into the table", policy);
	return NULL;
}

static uint32_t
misses_of(struct trace *t, const char *policy, uint64_t frames)
{
	struct compare_options o = {.policy = policy,
	                            .frames = frames,
	                            .access_ns = 100,
	                            .readahead = 1};
	char why[TRACE_WHY_BYTES];
	struct compare_result r;

	assert_int_equal(compare_run(t, &o, &r, why), 0);
	return (uint32_t)r.misses;
}

/* => whether all of a row is as it was; the row as it is now */
static bool
is_as_it_was(struct trace t[RUNS], const struct row *row, struct row *ret_now)
{
	bool same = true;

	*ret_now = (struct row){.policy = row->policy};
	for (unsigned i = 0; i < RUNS; i++) {
		int64_t was = row->misses[i];
		int64_t now = misses_of(&t[i], row->policy, runs[i].frames);
		int64_t moved = now > was ? now - was : was - now;

		ret_now->misses[i] = (uint32_t)now;
		same &= 100 * moved <= TOLERANCE_PERCENT * was;
	}
	return same;
}

static void
every_policy_misses_as_often_as_it_did(void **unused)
{
	char why[TRACE_WHY_BYTES];
	const char *policy, *help;
	struct trace t[RUNS];
	unsigned moved = 0;
	struct row now;

	(void)unused;
	for (unsigned i = 0; i < RUNS; i++)
		assert_int_equal(trace_generate(&t[i], runs[i].trace, why), 0);
	for (unsigned i = 0; (policy = compare_policy_name(i, &help)); i++) {
		if (is_as_it_was(t, row_of(policy), &now))
			continue;
		moved++;
		print_message("# {\"%s\", {%u, %u, %u, %u, %u, %u}},\n", policy,
		              now.misses[0], now.misses[1], now.misses[2],
		              now.misses[CHANGE], now.misses[4], now.misses[5]);
	}
	for (unsigned i = 0; i < RUNS; i++)
		trace_close(&t[i]);
	assert_int_equal(moved, 0);
}

/* Without them the pages that are used no more keep half of the memory. */
static void
shadows_tell_what_is_to_stay(void **unused)
{
	char why[TRACE_WHY_BYTES];
	uint32_t with, without;
	struct trace t;

	(void)unused;
	assert_int_equal(trace_generate(&t, runs[CHANGE].trace, why), 0);
	with = misses_of(&t, "kswapd", runs[CHANGE].frames);
	without = misses_of(&t, "kswapd:shadows=0", runs[CHANGE].frames);
	trace_close(&t);
	assert_true(2 * with < without);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_policy_misses_as_often_as_it_did),
		cmocka_unit_test(shadows_tell_what_is_to_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
