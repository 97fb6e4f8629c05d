/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_readahead.c -- streams of faults, and what is read before it is asked
 * for.
 */
#include "test/unit/world.h"

static const struct area *area;

static int
fresh(void **unused)
{
	(void)unused;
	world_open((struct sim_options){.frames = 1024, .ra_pages = 32});
	area = core_area_find(w->node->core, 0, vpn(0));
	return 0;
}

static struct plan
see(uint32_t page)
{
	struct stream *s;

	return stream_fault(w->node->core, 0, vpn(page), area, &s);
}

/* Pages of which hardly any three are at equal distances. */
static uint32_t
apart(uint32_t i)
{
	return 1000 + i * i * 70 % 1000003;
}

static void
a_first_fault_expects_nothing(void **unused)
{
	(void)unused;
	assert_int_equal(see(100).window, 1);
}

static void
a_scan_widens_its_window_to_the_limit(void **unused)
{
	uint32_t last = 0;

	(void)unused;
	for (uint32_t i = 0; i < 12; i++) {
		struct plan plan = see(100 + i);

		assert_true(plan.window >= last);
		last = plan.window;
		if (i > 1)
			assert_int_equal(plan.delta, 1);
	}
	assert_int_equal(last, 32);
}

static void
a_scan_backwards_is_seen(void **unused)
{
	struct plan plan = {0, 0};

	(void)unused;
	for (uint32_t i = 0; i < 6; i++)
		plan = see(500 - i);
	assert_int_equal(plan.delta, -1);
	assert_true(plan.window > 1);
}

static void
a_stride_is_seen(void **unused)
{
	struct plan plan = {0, 0};

	(void)unused;
	for (uint32_t i = 0; i < 6; i++)
		plan = see(100 + 7 * i);
	assert_int_equal(plan.delta, 7);
	assert_true(plan.window > 1);
}

/* As down a column of a large matrix; and down two, with others between. */
static void
a_wide_stride_is_seen(void **unused)
{
	struct plan plan = {0, 0};

	(void)unused;
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(see(100 + 300 * i).window, 1);
	for (uint32_t i = 3; i < 7; i++)
		plan = see(100 + 300 * i);
	assert_int_equal(plan.delta, 300);
	assert_int_equal(plan.window, 32);
}

static void
wide_strides_are_seen_among_others(void **unused)
{
	struct plan up = {0, 0}, down = {0, 0};

	(void)unused;
	for (uint32_t i = 0; i < 6; i++) {
		up = see(100 + 300 * i);
		(void)see(apart(100 + i));
		down = see(9000 - 500 * i);
	}
	assert_int_equal(up.delta, 300);
	assert_int_equal(down.delta, -500);
	assert_true(up.window > 1 && down.window > 1);
}

static void
two_streams_do_not_disturb_each_other(void **unused)
{
	struct plan up = {0, 0}, down = {0, 0};

	(void)unused;
	for (uint32_t i = 0; i < 6; i++) {
		up = see(100 + i);
		down = see(900 - i);
	}
	assert_int_equal(up.delta, 1);
	assert_int_equal(down.delta, -1);
	assert_true(up.window > 1 && down.window > 1);
}

static void
a_scan_is_remembered_among_faults_elsewhere(void **unused)
{
	uint32_t elsewhere = 0;
	struct plan plan = {0, 0};

	(void)unused;
	for (uint32_t i = 0; i < 6; i++)
		plan = see(i);
	assert_int_equal(plan.window, 32);
	for (uint32_t i = 0; i < 200; i++)
		(void)see(apart(++elsewhere));
	assert_int_equal(see(6).window, 32);
	for (uint32_t i = 0; i < 2000; i++)
		(void)see(apart(++elsewhere));
	assert_int_equal(see(7).window, 1);
}

/* Somebody hits what it has left about. */
static void
a_stream_that_has_ended_does_not_go_on_elsewhere(void **unused)
{
	uint32_t left = 0;

	(void)unused;
	for (uint32_t i = 0; i < 512; i++)
		touch(i, true);
	swap_out(0, 512);
	for (uint32_t i = 0; i < 32; i++)
		touch(i, false);
	while (state(left) == PAGE_MAPPED)
		left++;
	left += 8;
	assert_int_equal(state(left), PAGE_CACHED);
	w->count.reads = 0;
	touch(left, false);
	assert_int_equal(w->count.reads, 0);
	assert_int_equal(state(left + 1), PAGE_CACHED);
}

static void
small_gaps_are_read_as_well(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < 256; i++)
		touch(i, true);
	for (uint32_t i = 0; i < 4; i++)
		swap_out(0, 256);
	for (uint32_t i = 0; i < 256; i += 3)
		touch(i, false);
	assert_true(w->count.reads > 200);
	assert_true(stat_of(PAGEOUT_STAT_io_read_ops) < 40);
}

static void
scans_that_have_ended_do_not_keep_others_out(void **unused)
{
	struct plan up = {0, 0}, down = {0, 0};

	(void)unused;
	for (uint32_t s = 0; s < STREAMS; s++)
		for (uint32_t i = 0; i < 10; i++)
			(void)see(s * 5000 + i);
	for (uint32_t i = 0; i < 6; i++) {
		up = see(200000 + i);
		down = see(300000 - i);
	}
	assert_true(up.window > 1 && down.window > 1);
}

static void
a_stride_is_mapped_without_a_fault_for_each_page(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < 900; i++)
		touch(i, true);
	for (uint32_t i = 0; i < 4; i++)
		swap_out(0, 900);
	for (uint32_t i = 0; i < 900; i += 5)
		touch(i, false);
	assert_true(stat_of(PAGEOUT_STAT_swap_ra_hit) > 150);
	assert_true(stat_of(PAGEOUT_STAT_pgsoftfault) < 60);
	for (uint32_t i = 1; i < 900; i += 5)
		assert_int_equal(state(i), PAGE_SWAPPED);
}

static void
faults_far_apart_are_no_stream(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < 14; i++)
		assert_int_equal(see(apart(i)).window, 1);
}

static void
an_area_said_to_be_random_has_no_streams(void **unused)
{
	(void)unused;
	assert_int_equal(
		core_area_flags(w->node->core, 0, vpn(0), 1024, AREA_RANDOM, 0),
		0);
	for (uint32_t i = 0; i < 12; i++)
		assert_int_equal(see(100 + i).window, 1);
}

static void
an_area_said_to_be_sequential_starts_at_the_limit(void **unused)
{
	(void)unused;
	assert_int_equal(core_area_flags(w->node->core, 0, vpn(0), 1024,
	                                 AREA_SEQUENTIAL, 0),
	                 0);
	assert_int_equal(see(100).window, 32);
	assert_int_equal(see(100).delta, 1);
}

static void
a_scan_of_what_is_swapped_out_reads_many_pages_at_once(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < 256; i++)
		touch(i, true);
	for (uint32_t i = 0; i < 4; i++)
		swap_out(0, 256);
	assert_int_equal(state(0), PAGE_SWAPPED);
	assert_int_equal(state(255), PAGE_SWAPPED);
	for (uint32_t i = 0; i < 256; i++)
		touch(i, false);
	assert_int_equal(w->count.reads, 256); /* no page twice */
	assert_true(stat_of(PAGEOUT_STAT_io_read_ops) < 40);
	assert_true(stat_of(PAGEOUT_STAT_swap_ra_hit) > 150);
}

static void
a_prefetch_reads_what_is_swapped_out(void **unused)
{
	struct batch b = {NULL, NULL};

	(void)unused;
	for (uint32_t i = 10; i < 20; i++)
		touch(i, true);
	swap_out(10, 10);
	assert_int_equal(core_prefetch(w->node->core, 0, vpn(0), 100, &b),
	                 vpn(100));
	submit(&b);
	finish_all();
	assert_int_equal(w->count.reads, 10);
	for (uint32_t i = 10; i < 20; i++)
		assert_int_equal(state(i), PAGE_CACHED);
}

#define T(name) cmocka_unit_test_setup(name, fresh)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_first_fault_expects_nothing),
		T(a_scan_widens_its_window_to_the_limit),
		T(a_scan_backwards_is_seen),
		T(a_stride_is_seen),
		T(a_wide_stride_is_seen),
		T(wide_strides_are_seen_among_others),
		T(two_streams_do_not_disturb_each_other),
		T(a_scan_is_remembered_among_faults_elsewhere),
		T(a_stream_that_has_ended_does_not_go_on_elsewhere),
		T(small_gaps_are_read_as_well),
		T(scans_that_have_ended_do_not_keep_others_out),
		T(a_stride_is_mapped_without_a_fault_for_each_page),
		T(faults_far_apart_are_no_stream),
		T(an_area_said_to_be_random_has_no_streams),
		T(an_area_said_to_be_sequential_starts_at_the_limit),
		T(a_scan_of_what_is_swapped_out_reads_many_pages_at_once),
		T(a_prefetch_reads_what_is_swapped_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
