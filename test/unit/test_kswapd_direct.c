/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_kswapd_direct.c -- direct reclaim of Linux 6.6: who sleeps where, how
 * long, and who wakes him.
 *
 * SM-n and RM-n are the scenarios and rules of its description.
 */
#include "test/unit/node66.h"

static struct scan_control sc;

static int
fresh(void **unused)
{
	(void)unused;
	node_open(",min_free_kbytes=400", ZONES(8192));
	node_populate();
	node_kswapd_sleeps();
	sc = (struct scan_control){.who = CURRENT_TASK};
	scan_begin(&sc, DEF_PRIORITY);
	return 0;
}

static void
pass(uint64_t ticks)
{
	node_now += ticks * JIFFY_NS;
}

/* => jiffies that a task sleeps when nobody wakes it; 0: not at all */
static uint64_t
slept(enum throttle66 why)
{
	uint64_t n = 0;

	reclaim_throttle(node, &sc, why);
	while (!throttle_over(node, &sc.wait)) {
		pass(1);
		n++;
	}
	assert_int_equal(pgdat->reclaim_wait[why].waiters, 0);
	return n;
}

/* -- throttles (RM-7.4) --------------------------------------------------- */

/* SM-35 */
static void
who_made_no_progress_waits_when_much_is_under_write(void **unused)
{
	(void)unused;
	pgdat->lruvec.zone_size[0][LRU_INACTIVE_FILE] = 1000;
	zone66(node, 0)->write_pending = 500;
	assert_int_equal(slept(THROTTLE_NOPROGRESS), 0);
	assert_int_equal(slept(THROTTLE_CONGESTED), 0);
	zone66(node, 0)->write_pending = 501;
	assert_int_equal(slept(THROTTLE_NOPROGRESS), 1);
	assert_int_equal(slept(THROTTLE_CONGESTED), 1);
	pgdat->kswapd_failures = MAX_RECLAIM_RETRIES;
	assert_int_equal(slept(THROTTLE_NOPROGRESS), 0);
	assert_int_equal(node_stat[PAGEOUT_STAT_reclaim_throttle], 2);
}

static void
sleeps_have_their_lengths(void **unused)
{
	(void)unused;
	assert_int_equal(slept(THROTTLE_WRITEBACK), HZ / 10);
	assert_int_equal(slept(THROTTLE_ISOLATED), HZ / 50);
	sc.who = CURRENT_KSWAPD;
	assert_int_equal(slept(THROTTLE_WRITEBACK), HZ / 10);
	sc.who = CURRENT_KTHREAD;
	assert_int_equal(slept(THROTTLE_WRITEBACK), 0);
	assert_int_equal(slept(THROTTLE_ISOLATED), 0);
}

static void
writers_wake_whoever_waits_for_them(void **unused)
{
	struct scan_control other = sc;

	(void)unused;
	acct_reclaim_writeback(node, 1000); /* nobody waits yet */
	reclaim_throttle(node, &sc, THROTTLE_WRITEBACK);
	acct_reclaim_writeback(node, 32);
	assert_false(throttle_over(node, &sc.wait));
	reclaim_throttle(node, &other, THROTTLE_WRITEBACK);
	acct_reclaim_writeback(node, 32);
	assert_false(throttle_over(node, &sc.wait));
	assert_false(throttle_over(node, &other.wait));
	acct_reclaim_writeback(node, 1); /* more than 32 for each of two */
	assert_true(throttle_over(node, &sc.wait));
	assert_true(throttle_over(node, &other.wait));
	reclaim_throttle(node, &sc, THROTTLE_WRITEBACK);
	acct_reclaim_writeback(node, 32); /* and it counts anew */
	assert_false(throttle_over(node, &sc.wait));
	acct_reclaim_writeback(node, 1);
	assert_true(throttle_over(node, &sc.wait));
}

static void
progress_wakes_who_made_none(void **unused)
{
	(void)unused;
	zone66(node, 0)->write_pending = 1;
	reclaim_throttle(node, &sc, THROTTLE_NOPROGRESS);
	throttle_wake(node, THROTTLE_ISOLATED);
	assert_false(throttle_over(node, &sc.wait));
	throttle_wake(node, THROTTLE_NOPROGRESS);
	assert_true(throttle_over(node, &sc.wait));
}

/* -- pfmemalloc_wait (RM-7.5, 7.6) ---------------------------------------- */

/* SM-26 */
static void
half_of_what_is_kept_must_be_there(void **unused)
{
	struct zone *z;

	(void)unused;
	node_open(",min_free_kbytes=8000", ZONES(600000, 400000));
	zone66(node, 1)->kind = ZONE66_MOVABLE;
	sizes_init66(node);
	node_kswapd_sleeps();
	z = &node->zones[0];
	z->populated = z->size;
	z->free = 1000;
	assert_true(allow_direct_reclaim(node)); /* nothing is reclaimable */
	pgdat->lruvec.zone_size[0][LRU_INACTIVE_FILE] = 1;
	pgdat->lruvec.zone_size[1][LRU_INACTIVE_FILE] = 1;
	z->free = 1001;
	assert_true(allow_direct_reclaim(node));
	assert_int_equal(node_wakes(), 0);
	z->free = 1000;
	pgdat->kswapd_highest_zoneidx = 1;
	assert_false(allow_direct_reclaim(node));
	assert_int_equal(node_wakes(), 1);
	assert_int_equal(pgdat->kswapd_highest_zoneidx, 0);
	assert_false(allow_direct_reclaim(node)); /* it is awake */
	assert_int_equal(node_wakes(), 1);
	pgdat->kswapd_failures = MAX_RECLAIM_RETRIES;
	assert_true(allow_direct_reclaim(node));
	pgdat->kswapd_failures = 0;
	kswapd_stop66(node); /* nobody would ever wake who waits */
	assert_true(allow_direct_reclaim(node));
}

/* => what it reclaimed, or -1 while it sleeps */
static int
direct(struct direct66 *d)
{
	struct batch b = {NULL, NULL};

	if (try_to_free_pages66(node, d, &b) != DONE66)
		return -1;
	assert_int_equal(pgdat->pfmemalloc_waiters, 0);
	return (int)d->ret;
}

static void
reserves_are_low(void)
{
	node_free(0, 50);
	pgdat->lruvec.zone_size[0][LRU_INACTIVE_FILE] = 1;
}

static void
who_may_enter_files_waits_till_kswapd_has_freed(void **unused)
{
	const struct alloc66 a = {.gfp = GFP66_KERNEL};
	struct direct66 d;

	(void)unused;
	reserves_are_low();
	direct_begin(&d, &a);
	assert_int_equal(direct(&d), -1);
	assert_int_equal(node_stat[PAGEOUT_STAT_pgscan_direct_throttle], 1);
	assert_int_equal(pgdat->pfmemalloc_waiters, 1);
	assert_int_equal(node_wakes(), 1);
	pass(1000);
	assert_int_equal(direct(&d), -1);
	wake_pfmemalloc(node);
	assert_int_equal(direct(&d), -1); /* woken, and not allowed to */
	core_give(node, &node->frames[node_taken]);
	assert_int_equal(direct(&d), -1); /* allowed to, and not woken */
	wake_pfmemalloc(node);
	assert_int_equal(direct(&d), 0);
}

static void
who_may_not_waits_a_second_at_most(void **unused)
{
	const struct alloc66 a = {.gfp = GFP66_NOFS};
	struct direct66 d;

	(void)unused;
	reserves_are_low();
	direct_begin(&d, &a);
	assert_int_equal(direct(&d), -1);
	pass(HZ - 1);
	assert_int_equal(direct(&d), -1);
	pass(1);
	assert_int_equal(direct(&d), 0);
}

static void
threads_of_the_kernel_and_the_killed_do_not_wait(void **unused)
{
	const struct alloc66 kthread = {.gfp = GFP66_KERNEL, .kthread = true};
	const struct alloc66 killed = {.gfp = GFP66_KERNEL,
	                               .fatal_signal = true};
	const struct alloc66 a = {.gfp = GFP66_KERNEL};
	struct direct66 d;

	(void)unused;
	reserves_are_low();
	direct_begin(&d, &kthread);
	assert_int_equal(direct(&d), 0);
	direct_begin(&d, &killed);
	assert_int_equal(direct(&d), 0);
	/* Killed while it waits: it says 1, so that nobody else is killed. */
	direct_begin(&d, &a);
	assert_int_equal(direct(&d), -1);
	d.sc.fatal_signal = true;
	assert_int_equal(direct(&d), 1);
}

/* Faults do its work: to wait for it would be to wait for oneself. */
static void
nobody_waits_for_a_kswapd_without_a_thread(void **unused)
{
	const struct alloc66 a = {.gfp = GFP66_KERNEL};
	struct direct66 d;

	(void)unused;
	reserves_are_low();
	core_kswapd_thread(node, false);
	direct_begin(&d, &a);
	assert_int_equal(direct(&d), 0);
	assert_int_equal(node_stat[PAGEOUT_STAT_pgscan_direct_throttle], 0);
	core_kswapd_thread(node, true);
	direct_begin(&d, &a);
	assert_int_equal(direct(&d), -1);
}

/* RM-7.3: where neighbours can be had, reclaim would find no more. */
static void
costly_orders_leave_it_when_enough_is_free(void **unused)
{
	const struct alloc66 a = {.gfp = GFP66_KERNEL, .order = 4};
	struct direct66 d;

	(void)unused;
	node_free(0, 183); /* high 150, and 2 << 4 more, and one */
	direct_begin(&d, &a);
	assert_int_equal(direct(&d), 1);
	assert_int_equal(d.sc.priority, DEF_PRIORITY);
	node_free(0, 182);
	direct_begin(&d, &a);
	assert_int_equal(direct(&d), 0);
	assert_int_equal(d.sc.priority, -1); /* all of 12..0 (SM-12) */
}

/* -- for faults ----------------------------------------------------------- */

static bool
reclaim_for_fault(void)
{
	struct batch b = {NULL, NULL};

	return kswapd_reclaim_direct(node, &b);
}

static void
the_last_frames_go_before_anybody_is_killed(void **unused)
{
	(void)unused;
	node_free(0, 40);
	assert_true(reclaim_for_fault());
	assert_true(pgdat->hopeless);
	assert_int_equal(node_kills, 0);
	assert_true(reclaim_for_fault());
	assert_int_equal(node_kills, 1);
	core_give(node, &node->frames[node_taken]);
	assert_false(pgdat->hopeless);
}

static void
while_it_could_help_it_is_tried_16_times(void **unused)
{
	(void)unused;
	node_free(0, 101);
	for (unsigned i = 0; i < 16; i++) {
		assert_true(reclaim_for_fault());
		assert_false(pgdat->hopeless);
	}
	assert_true(reclaim_for_fault());
	assert_true(pgdat->hopeless);
}

#define T(name) cmocka_unit_test_setup(name, fresh)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(who_made_no_progress_waits_when_much_is_under_write),
		T(sleeps_have_their_lengths),
		T(writers_wake_whoever_waits_for_them),
		T(progress_wakes_who_made_none),
		T(half_of_what_is_kept_must_be_there),
		T(who_may_enter_files_waits_till_kswapd_has_freed),
		T(who_may_not_waits_a_second_at_most),
		T(threads_of_the_kernel_and_the_killed_do_not_wait),
		T(nobody_waits_for_a_kswapd_without_a_thread),
		T(costly_orders_leave_it_when_enough_is_free),
		T(the_last_frames_go_before_anybody_is_killed),
		T(while_it_could_help_it_is_tried_16_times),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	node_close();
	return r;
}
