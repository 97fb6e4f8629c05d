/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_kswapd_alloc.c -- the allocator of Linux 6.6: who gets a frame, who
 * wakes kswapd, who reclaims, who tries again.
 *
 * One zone of 8192 frames: marks 100, 125, 150.  SM-n and RM-n are the
 * scenarios and rules of its description.
 */
#include "test/unit/node66.h"

static struct alloc66 request;

static int
fresh(void **unused)
{
	(void)unused;
	node_open(",min_free_kbytes=400", ZONES(8192));
	node_populate();
	node_kswapd_sleeps();
	assert_int_equal(wmark_pages(node, 0, WMARK_MIN), 100);
	assert_int_equal(wmark_pages(node, 0, WMARK_LOW), 125);
	assert_int_equal(wmark_pages(node, 0, WMARK_HIGH), 150);
	return 0;
}

/* => the result of a new request, which may go on by again() */
static enum alloc_result66
again(void)
{
	struct batch b = {NULL, NULL};
	enum alloc_result66 r = alloc_pages66(node, &request, &b);

	assert_null(b.first); /* there is nothing that could leave */
	return r;
}

static enum alloc_result66
ask_for(uint32_t gfp, unsigned order)
{
	request = (struct alloc66){.gfp = gfp, .order = (uint8_t)order};
	return again();
}

static uint32_t
free_frames(void)
{
	return node->zones[0].free;
}

/* RM-8.1, RM-8.3 steps 1 and 2. */
static void
below_the_low_mark_kswapd_is_woken(void **unused)
{
	(void)unused;
	node_free(0, 126);
	assert_int_equal(ask_for(GFP66_KERNEL, 0), ALLOC66_GOT);
	assert_int_equal(node_wakes(), 0);
	assert_int_equal(ask_for(GFP66_KERNEL, 0), ALLOC66_GOT);
	assert_int_equal(node_wakes(), 1);
	assert_int_equal(free_frames(), 124);
	assert_int_equal(node->frames[request.pfn].flags & FRAME_FREE, 0);
}

/* SM-08 */
static void
only_requests_that_may_wake_do(void **unused)
{
	(void)unused;
	node_free(0, 120);
	assert_int_equal(ask_for(GFP66_HIGH, 0), ALLOC66_GOT);
	assert_int_equal(ask_for(GFP66_DIRECT_RECLAIM, 0), ALLOC66_GOT);
	assert_int_equal(node_wakes(), 0);
	assert_int_equal(pgdat->kswapd_highest_zoneidx, ZONES_NONE);
	assert_int_equal(ask_for(GFP66_NOWAIT, 0), ALLOC66_GOT);
	assert_int_equal(node_wakes(), 1);
}

/* SM-08: a node that is balanced is asked, and sleeps on. */
static void
a_balanced_node_sleeps_on_and_remembers(void **unused)
{
	(void)unused;
	wakeup_kswapd66(node, GFP66_KERNEL, 3, 0);
	assert_int_equal(node_wakes(), 0);
	assert_int_equal(pgdat->kswapd_order, 3);
	assert_int_equal(pgdat->kswapd_highest_zoneidx, 0);
	wakeup_kswapd66(node, GFP66_KERNEL, 1, 0);
	assert_int_equal(pgdat->kswapd_order, 3);
	boost_watermark(node, 0);
	wakeup_kswapd66(node, GFP66_KERNEL, 1, 0);
	assert_int_equal(node_wakes(), 1);
	/* It is awake: nobody wakes it, and it hears all the same. */
	node_free(0, 20);
	wakeup_kswapd66(node, GFP66_KERNEL, 5, 0);
	assert_int_equal(node_wakes(), 1);
	assert_int_equal(pgdat->kswapd_order, 5);
}

/* SM-13 */
static void
a_kswapd_that_has_given_up_is_not_woken(void **unused)
{
	(void)unused;
	node_free(0, 20);
	pgdat->kswapd_failures = MAX_RECLAIM_RETRIES;
	wakeup_kswapd66(node, GFP66_KERNEL, 0, 0);
	assert_int_equal(node_wakes(), 0);
	assert_true(allow_direct_reclaim(node));
	pgdat->kswapd_failures = MAX_RECLAIM_RETRIES - 1;
	wakeup_kswapd66(node, GFP66_KERNEL, 0, 0);
	assert_int_equal(node_wakes(), 1);
}

/* Take frames till a request fails.  => how many are left */
static uint32_t
exhaust(uint32_t gfp)
{
	while (ask_for(gfp, 0) == ALLOC66_GOT)
		continue;
	return free_frames();
}

/* SM-07 by the allocator itself: MIN 100. */
static void
rights_reach_deeper(void **unused)
{
	(void)unused;
	node_free(0, 140);
	assert_int_equal(exhaust(GFP66_NOWAIT), 100);
	assert_int_equal(exhaust(GFP66_NOWAIT | GFP66_NOMEMALLOC), 100);
	assert_int_equal(exhaust(GFP66_HIGH | GFP66_NOMEMALLOC), 50);
	assert_int_equal(exhaust(GFP66_ATOMIC), 38); /* 100 - 50 - 12 */
	assert_int_equal(node_stat[PAGEOUT_STAT_alloc_failed], 4);
	assert_int_equal(exhaust(GFP66_ATOMIC | GFP66_MEMALLOC), 0);
}

static void
who_frees_memory_may_take_the_last(void **unused)
{
	(void)unused;
	node_free(0, 1);
	request = (struct alloc66){.gfp = GFP66_KERNEL, .memalloc = true};
	assert_int_equal(again(), ALLOC66_GOT);
	assert_int_equal(free_frames(), 0);
	assert_int_equal(again(), ALLOC66_FAILED); /* and does not reclaim */
	assert_int_equal(node_stat[PAGEOUT_STAT_pgscan_direct_throttle], 0);
	node_free(0, 0);
	request = (struct alloc66){
		.gfp = GFP66_KERNEL | GFP66_NOMEMALLOC,
		.memalloc = true,
	};
	assert_int_equal(again(), ALLOC66_FAILED);
}

static void
who_is_to_go_may_take_half(void **unused)
{
	(void)unused;
	node_free(0, 51);
	request = (struct alloc66){.gfp = GFP66_KERNEL, .oom_victim = true};
	assert_int_equal(again(), ALLOC66_GOT);
	assert_int_equal(free_frames(), 50);
	/* Then it fails: killing others would not help it. */
	while (again() == ALLOC66_SLEEPS)
		node_now += JIFFY_NS;
	assert_int_equal(node_kills, 1);
	assert_int_equal(free_frames(), 50);
}

/* RM-8.1 with F2: the lower zone keeps some from requests for the higher. */
static void
zones_are_tried_from_the_highest(void **unused)
{
	(void)unused;
	node_open(",min_free_kbytes=800", ZONES(8192, 8192));
	node_populate();
	node_kswapd_sleeps();
	node_free(1, 126);
	node_free(0, 158); /* 125 + 8192 / 256 = 157 */
	request = (struct alloc66){.gfp = GFP66_NOWAIT, .highest_zoneidx = 1};
	assert_int_equal(again(), ALLOC66_GOT);
	assert_int_equal(node->zones[1].free, 125);
	assert_int_equal(again(), ALLOC66_GOT);
	assert_int_equal(node->zones[0].free, 157);
	assert_int_equal(node_wakes(), 0);
	assert_int_equal(again(), ALLOC66_GOT);
	assert_int_equal(node->zones[1].free, 124);
	assert_int_equal(node_wakes(), 1);
	assert_int_equal(pgdat->kswapd_highest_zoneidx, 1);
}

static void
neighbours_are_wanted_together(void **unused)
{
	(void)unused;
	node_free(0, 512);
	assert_int_equal(ask_for(GFP66_KERNEL, 4), ALLOC66_GOT);
	assert_int_equal(request.pfn % 16, 0);
	assert_int_equal(free_frames(), 496);
	assert_int_equal(ask_for(GFP66_NOWAIT | GFP66_NOMEMALLOC, 9),
	                 ALLOC66_FAILED);
	assert_int_equal(pgdat->kswapd_order, 9);
}

/* RM-8.5 */
static void
who_finds_a_zone_boosted_wakes_kswapd(void **unused)
{
	(void)unused;
	boost_watermark(node, 0);
	assert_int_equal(ask_for(GFP66_HIGH, 0), ALLOC66_GOT);
	assert_int_equal(node_wakes(), 0);
	assert_int_equal(ask_for(GFP66_KERNEL, 0), ALLOC66_GOT);
	assert_int_equal(node_wakes(), 1);
	assert_int_equal(zone66(node, 0)->flags & ZONE66_BOOSTED_WATERMARK, 0);
	node_kswapd_sleeps();
	assert_int_equal(ask_for(GFP66_KERNEL, 0), ALLOC66_GOT);
	assert_int_equal(node_wakes(), 0);
}

/* F3, end: for who is urgent a boost does not count. */
static void
a_boost_is_not_for_who_may_not_wait(void **unused)
{
	(void)unused;
	zone66(node, 0)->watermark_boost = 512;
	node_free(0, 200); /* MIN is 612 */
	assert_int_equal(ask_for(GFP66_NOWAIT | GFP66_NOMEMALLOC, 0),
	                 ALLOC66_FAILED);
	assert_int_equal(ask_for(GFP66_HIGH | GFP66_NOMEMALLOC, 0),
	                 ALLOC66_GOT);
}

static void
blocks_are_kept_for_who_may_not_wait(void **unused)
{
	struct zone66 *z = zone66(node, 0);

	(void)unused;
	node_free(0, 600);
	assert_int_equal(ask_for(GFP66_ATOMIC, 1), ALLOC66_GOT);
	assert_int_equal(z->nr_reserved_highatomic, 0); /* it was easy */
	node_free(0, 126);
	assert_int_equal(ask_for(GFP66_ATOMIC, 2), ALLOC66_GOT);
	assert_int_equal(z->nr_reserved_highatomic, 512);
	assert_int_equal(ask_for(GFP66_ATOMIC, 2), ALLOC66_GOT);
	assert_int_equal(z->nr_reserved_highatomic, 1024);
	assert_int_equal(ask_for(GFP66_ATOMIC, 2), ALLOC66_GOT);
	assert_int_equal(z->nr_reserved_highatomic, 1024); /* 1 % and one */
	assert_int_equal(ask_for(GFP66_NOWAIT | GFP66_NOMEMALLOC, 0),
	                 ALLOC66_FAILED);
}

/* -- retries (RM-8.4) ----------------------------------------------------- */

static void
lists_hold(uint32_t inactive_anon, uint32_t active_file)
{
	pgdat->lruvec.zone_size[0][LRU_INACTIVE_ANON] = inactive_anon;
	pgdat->lruvec.zone_size[0][LRU_ACTIVE_FILE] = active_file;
}

/* SM-27, with MIN 100: no swap, so anonymous pages are no hope. */
static void
it_is_tried_again_while_reclaim_could_help(void **unused)
{
	struct alloc66 a = {.gfp = GFP66_KERNEL};

	(void)unused;
	node_free(0, 40);
	lists_hold(5000, 60);
	assert_false(should_reclaim_retry(node, &a, true));
	lists_hold(5000, 61);
	assert_true(should_reclaim_retry(node, &a, true));
}

static void
without_progress_it_is_tried_16_times(void **unused)
{
	struct alloc66 a = {.gfp = GFP66_KERNEL};

	(void)unused;
	node_free(0, 40);
	lists_hold(0, 5000);
	for (unsigned i = 1; i <= 16; i++)
		assert_true(should_reclaim_retry(node, &a, false));
	assert_false(should_reclaim_retry(node, &a, false));
	assert_true(should_reclaim_retry(node, &a, true));
	assert_int_equal(a.no_progress_loops, 0);
	/* A costly order makes no progress, whatever was freed. */
	a.order = 4;
	node->zones[0].area[4].count++;
	for (unsigned i = 1; i <= 16; i++)
		assert_true(should_reclaim_retry(node, &a, true));
	assert_false(should_reclaim_retry(node, &a, true));
	node->zones[0].area[4].count--;
}

static void
what_was_kept_together_is_let_go_at_last(void **unused)
{
	struct alloc66 a = {.gfp = GFP66_KERNEL, .no_progress_loops = 16};

	(void)unused;
	zone66(node, 0)->nr_reserved_highatomic = 1024;
	assert_true(should_reclaim_retry(node, &a, false));
	assert_true(should_reclaim_retry(node, &a, false));
	assert_int_equal(zone66(node, 0)->nr_reserved_highatomic, 0);
	assert_false(should_reclaim_retry(node, &a, false));
}

/* -- the end of the slow path (RM-8.3, 9 to 11) --------------------------- */

static enum alloc_result66
until_it_ends(unsigned jiffies_max)
{
	enum alloc_result66 r = ALLOC66_SLEEPS;

	while (jiffies_max-- > 0 && (r = again()) == ALLOC66_SLEEPS)
		node_now += JIFFY_NS;
	return r;
}

static void
somebody_is_killed_for_who_may_wait(void **unused)
{
	(void)unused;
	node_free(0, 60);
	assert_int_equal(ask_for(GFP66_KERNEL, 0), ALLOC66_SLEEPS);
	assert_int_equal(node_kills, 1);
	assert_int_equal(until_it_ends(10), ALLOC66_SLEEPS);
	assert_true(node_kills > 1);
}

static void
nobody_is_killed_where_it_would_not_help(void **unused)
{
	static const struct {
		uint32_t gfp;
		uint8_t order;
	} table[] = {
		{GFP66_KERNEL, 4},
		{GFP66_KERNEL | GFP66_NORETRY, 0},
		{GFP66_KERNEL | GFP66_RETRY_MAYFAIL, 0},
		{GFP66_KERNEL | GFP66_RETRY_MAYFAIL, 4},
		{GFP66_KERNEL | GFP66_THISNODE, 0},
	};

	(void)unused;
	node_free(0, 60);
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(ask_for(table[i].gfp, table[i].order),
		                 ALLOC66_FAILED);
	assert_int_equal(node_kills, 0);
	request = (struct alloc66){.gfp = GFP66_KERNEL, .dumping_core = true};
	assert_int_equal(again(), ALLOC66_FAILED);
	/* Only low zones were wanted. */
	node_open(",min_free_kbytes=800", ZONES(8192, 8192));
	node_populate();
	node_free(0, 60);
	assert_int_equal(ask_for(GFP66_KERNEL, 0), ALLOC66_FAILED);
	assert_int_equal(node_kills, 0);
}

/* RM-12: without FS nobody is killed, and it goes on as if one had been. */
static void
who_may_not_enter_files_only_waits(void **unused)
{
	(void)unused;
	node_free(0, 60);
	assert_int_equal(ask_for(GFP66_NOFS, 0), ALLOC66_SLEEPS);
	assert_int_equal(until_it_ends(20), ALLOC66_SLEEPS);
	assert_int_equal(node_kills, 0);
}

static void
who_is_killed_itself_kills_nobody(void **unused)
{
	(void)unused;
	node_free(0, 51);
	request = (struct alloc66){.gfp = GFP66_KERNEL, .fatal_signal = true};
	assert_int_equal(until_it_ends(20), ALLOC66_GOT); /* as a victim */
	assert_true(request.oom_victim);
	assert_int_equal(until_it_ends(20), ALLOC66_FAILED);
	assert_int_equal(node_kills, 0);
}

static void
who_must_not_fail_does_not(void **unused)
{
	(void)unused;
	node_free(0, 60);
	assert_int_equal(
		ask_for(GFP66_KERNEL | GFP66_NORETRY | GFP66_NOFAIL, 0),
		ALLOC66_GOT); /* down to half of MIN */
	assert_int_equal(free_frames(), 59);
	node_free(0, 50);
	assert_int_equal(
		ask_for(GFP66_KERNEL | GFP66_NORETRY | GFP66_NOFAIL, 0),
		ALLOC66_SLEEPS);
	assert_int_equal(until_it_ends(100), ALLOC66_SLEEPS);
}

/* -- faults --------------------------------------------------------------- */

static uint32_t
fault_takes(enum alloc_use use, uint32_t want, uint32_t need)
{
	uint32_t pfns[256];

	return kswapd_alloc(node, use, want, need, pfns);
}

static void
faults_leave_the_marks(void **unused)
{
	(void)unused;
	node_free(0, 200);
	assert_int_equal(fault_takes(ALLOC_TOUCH, 50, 1), 50);
	assert_int_equal(node_wakes(), 0);
	assert_int_equal(fault_takes(ALLOC_TOUCH, 50, 1), 25);
	assert_int_equal(node_wakes(), 1);
	assert_int_equal(fault_takes(ALLOC_AHEAD, 50, 0), 0);
	assert_int_equal(fault_takes(ALLOC_TOUCH, 50, 30), 25);
	assert_int_equal(free_frames(), 100);
	assert_int_equal(fault_takes(ALLOC_TOUCH, 1, 1), 0);
	assert_int_equal(fault_takes(ALLOC_SWAPIN, 64, 64), 50);
	assert_int_equal(fault_takes(ALLOC_SWAPIN, 1, 1), 0);
}

static void
when_there_is_no_hope_the_last_frames_go(void **unused)
{
	(void)unused;
	node_free(0, 50);
	pgdat->hopeless = true;
	assert_int_equal(fault_takes(ALLOC_AHEAD, 64, 0), 0);
	assert_int_equal(fault_takes(ALLOC_TOUCH, 64, 64), 50 - FRAMES_RESERVE);
	assert_int_equal(fault_takes(ALLOC_SWAPIN, 64, 64), FRAMES_RESERVE);
	assert_int_equal(free_frames(), 0);
}

static void
a_host_of_many_nodes_asks_first(void **unused)
{
	(void)unused;
	node_free(0, 126);
	assert_true(alloc_passes_low66(node, 0, 0));
	node_free(0, 125);
	assert_false(alloc_passes_low66(node, 0, 0));
}

#define T(name) cmocka_unit_test_setup(name, fresh)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(below_the_low_mark_kswapd_is_woken),
		T(only_requests_that_may_wake_do),
		T(a_balanced_node_sleeps_on_and_remembers),
		T(a_kswapd_that_has_given_up_is_not_woken),
		T(rights_reach_deeper),
		T(who_frees_memory_may_take_the_last),
		T(who_is_to_go_may_take_half),
		T(zones_are_tried_from_the_highest),
		T(neighbours_are_wanted_together),
		T(who_finds_a_zone_boosted_wakes_kswapd),
		T(a_boost_is_not_for_who_may_not_wait),
		T(blocks_are_kept_for_who_may_not_wait),
		T(it_is_tried_again_while_reclaim_could_help),
		T(without_progress_it_is_tried_16_times),
		T(what_was_kept_together_is_let_go_at_last),
		T(somebody_is_killed_for_who_may_wait),
		T(nobody_is_killed_where_it_would_not_help),
		T(who_may_not_enter_files_only_waits),
		T(who_is_killed_itself_kills_nobody),
		T(who_must_not_fail_does_not),
		T(faults_leave_the_marks),
		T(when_there_is_no_hope_the_last_frames_go),
		T(a_host_of_many_nodes_asks_first),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	node_close();
	return r;
}
