/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_kswapd_oom.c -- who goes when memory is out, by the rules of Linux 6.6.
 *
 * F10 and RM-12 are the formula and the rule of its description.
 */
#include "test/unit/node66.h"

#define TOTAL 1000999 /* pages: a thousandth is 1000 */

static void
points_are_pages_and_the_score(void **unused)
{
	struct victim66 v = {
		.pid = 7,
		.rss = 5000,
		.swap_entries = 300,
		.page_tables = 20,
	};

	(void)unused;
	assert_int_equal(oom_badness66(&v, TOTAL), 5320);
	v.oom_score_adj = 3;
	assert_int_equal(oom_badness66(&v, TOTAL), 8320);
	v.oom_score_adj = -6;
	assert_int_equal(oom_badness66(&v, TOTAL), -680);
	v.oom_score_adj = 1000;
	assert_int_equal(oom_badness66(&v, TOTAL), 1005320);
	v.oom_score_adj = -1000;
	assert_int_equal(oom_badness66(&v, TOTAL), INT64_MIN);
}

static void
the_worst_goes_and_of_equals_the_last(void **unused)
{
	const struct victim66 v[] = {
		{.pid = 1, .rss = 900000, .is_init = true},
		{.pid = 2, .rss = 900000, .kthread = true},
		{.pid = 3, .rss = 900000, .oom_score_adj = -1000},
		{.pid = 4, .rss = 900000, .dying = true, .reaped = true},
		{.pid = 5, .rss = 400},
		{.pid = 6, .rss = 100, .swap_entries = 300},
		{.pid = 7, .rss = 399},
		{.pid = 8, .rss = 2000, .oom_score_adj = -2},
	};
	bool dying;

	(void)unused;
	assert_ptr_equal(select_bad_process66(v, 8, TOTAL, &dying), &v[5]);
	assert_false(dying);
	assert_ptr_equal(select_bad_process66(v, 5, TOTAL, &dying), &v[4]);
	assert_null(select_bad_process66(v, 4, TOTAL, &dying));
	assert_false(dying);
	/* Somebody with less than nothing is better than nobody. */
	assert_ptr_equal(select_bad_process66(&v[7], 1, 4000000, &dying),
	                 &v[7]);
}

static void
while_one_dies_nobody_else_is_chosen(void **unused)
{
	struct victim66 v[] = {
		{.pid = 5, .rss = 4000},
		{.pid = 6, .rss = 10, .dying = true},
	};
	bool dying;

	(void)unused;
	assert_null(select_bad_process66(v, 2, TOTAL, &dying));
	assert_true(dying);
	v[1].reaped = true;
	assert_ptr_equal(select_bad_process66(v, 2, TOTAL, &dying), &v[0]);
}

static void
the_host_is_asked_if_it_can(void **unused)
{
	static const struct host_ops poor = {.name = "kills nobody"};

	(void)unused;
	node_open("", ZONES(8192));
	assert_true(out_of_memory66(node, GFP66_NOFS)); /* not by these */
	assert_int_equal(node_kills, 0);
	assert_true(out_of_memory66(node, GFP66_KERNEL));
	assert_int_equal(node_kills, 1);
	assert_int_equal(node_stat[PAGEOUT_STAT_oom_kill], 1);
	node->cfg.host = &poor;
	assert_false(out_of_memory66(node, GFP66_KERNEL));
	assert_int_equal(node_stat[PAGEOUT_STAT_oom_kill], 1);
	node_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_are_pages_and_the_score),
		cmocka_unit_test(the_worst_goes_and_of_equals_the_last),
		cmocka_unit_test(while_one_dies_nobody_else_is_chosen),
		cmocka_unit_test(the_host_is_asked_if_it_can),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
