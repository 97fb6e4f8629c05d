/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_twoq.c -- policy 2q: who is on probation, and who is not.
 */
#include "test/unit/world.h"

enum { FRAMES = 256 };

static int
fresh(void **unused)
{
	(void)unused;
	world_open((struct sim_options){
		.policy = "2q", .frames = FRAMES, .ra_pages = 32});
	return 0;
}

static enum list_id
list_of(uint32_t page)
{
	pte_t pte = pte_get(w->node->core, 0, vpn(page));

	if (pte_kind(pte) != PTE_PRESENT)
		return LIST_NONE;
	return (enum list_id)w->node->core->frames[pte_pfn(pte)].list;
}

/* Ask for a page again while it is out of reach. */
static void
touch_again(uint32_t page)
{
	unmap(page, 1);
	touch(page, false);
}

/* Touch other pages until this one was thrown out.  => the next other page */
static uint32_t
scan_until_gone(uint32_t page, uint32_t other)
{
	while (state(page) != PAGE_SWAPPED)
		touch(other++, true);
	return other;
}

static void
a_page_is_on_probation_until_it_is_asked_for_again(void **unused)
{
	(void)unused;
	touch(1, true);
	assert_int_equal(list_of(1), LIST_PROBATION);
	touch_again(1);
	assert_int_equal(list_of(1), LIST_ACTIVE);
	touch_again(1);
	assert_int_equal(list_of(1), LIST_ACTIVE);
}

static void
a_page_that_was_read_ahead_is_asked_for_once(void **unused)
{
	struct batch b = {NULL, NULL};

	(void)unused;
	touch(1, true);
	swap_out(1, 1);
	(void)core_prefetch(w->node->core, 0, vpn(1), 1, &b);
	submit(&b);
	finish_all();
	assert_int_equal(state(1), PAGE_CACHED);
	touch(1, false);
	assert_int_equal(list_of(1), LIST_PROBATION);
}

static void
a_page_that_comes_back_soon_is_active(void **unused)
{
	(void)unused;
	touch(0, true);
	(void)scan_until_gone(0, 1);
	touch(0, false);
	assert_int_equal(list_of(0), LIST_ACTIVE);
}

static void
a_page_that_comes_back_late_is_on_probation(void **unused)
{
	uint64_t gone;
	uint32_t other;

	(void)unused;
	touch(0, true);
	other = scan_until_gone(0, 1);
	gone = stat_of(PAGEOUT_STAT_pgsteal_direct) +
	       stat_of(PAGEOUT_STAT_pgsteal_kswapd);
	while (stat_of(PAGEOUT_STAT_pgsteal_direct) +
	               stat_of(PAGEOUT_STAT_pgsteal_kswapd) <=
	       gone + FRAMES / 4)
		touch(other++, true);
	touch(0, false);
	assert_int_equal(list_of(0), LIST_PROBATION);
}

/*
 * Scan pages again that were scanned so long ago that nothing is known of it,
 * up to the first that is mapped with the one before it.  => that page
 */
static uint32_t
first_mapped_ahead(void)
{
	uint32_t page = 0;

	for (uint32_t i = 0; i < 64; i++)
		touch(i, true);
	swap_out(0, 64);
	for (uint32_t i = FRAMES; i < 3 * FRAMES; i++)
		touch(i, true);
	do
		touch(page++, false);
	while (state(page) != PAGE_MAPPED);
	return page;
}

/* Mapped together with the page before them, and thrown out before use. */
static void
a_page_that_was_mapped_ahead_is_asked_for_once(void **unused)
{
	uint32_t page = first_mapped_ahead();

	(void)unused;
	(void)scan_until_gone(page, 3 * FRAMES);
	touch(page, false);
	assert_int_equal(list_of(page), LIST_PROBATION);
}

/* They did not fault, so they were there. */
static void
pages_that_a_scan_went_over_were_asked_for(void **unused)
{
	uint32_t page = first_mapped_ahead();

	(void)unused;
	for (uint32_t i = page; i < 64; i++)
		touch(i, false);
	(void)scan_until_gone(page, 3 * FRAMES);
	touch(page, false);
	assert_int_equal(list_of(page), LIST_ACTIVE);
}

static void
a_scan_leaves_active_pages_where_they_are(void **unused)
{
	uint64_t faults;

	(void)unused;
	for (uint32_t i = 0; i < FRAMES / 2; i++) {
		touch(i, true);
		touch_again(i);
	}
	for (uint32_t i = FRAMES; i < 3 * FRAMES; i++)
		touch(i, true);
	faults = stat_of(PAGEOUT_STAT_pgfault);
	for (uint32_t i = 0; i < FRAMES / 2; i++)
		touch(i, false);
	assert_int_equal(stat_of(PAGEOUT_STAT_pgfault), faults);
}

/* Before its write has ended: a copy of it is what is asked for. */
static void
a_page_under_write_stays_active(void **unused)
{
	(void)unused;
	touch(1, true);
	touch_again(1);
	touch(1, true);
	start_unmap(1, 1);
	finish_all();
	start_flush();
	assert_int_equal(state(1), PAGE_WRITING);
	touch(1, false);
	assert_int_equal(list_of(1), LIST_ACTIVE);
}

static void
two_faults_for_one_read_ask_once(void **unused)
{
	(void)unused;
	touch(1, true);
	swap_out(1, 1);
	(void)fault(1);
	assert_int_equal(state(1), PAGE_READING);
	(void)fault(1);
	finish_all();
	assert_int_equal(list_of(1), LIST_PROBATION);
}

/* It is told to come again. */
static void
a_fault_that_finds_no_operation_does_not_ask(void **unused)
{
	struct core *c = w->node->core;
	uint32_t ops = c->ops_free_count;
	uint64_t faults;

	(void)unused;
	touch(1, true);
	unmap(1, 1);
	faults = stat_of(PAGEOUT_STAT_pgfault);
	c->ops_free_count = 0;
	assert_int_equal(fault(1), FAULT_NOFRAME);
	c->ops_free_count = ops;
	assert_int_equal(stat_of(PAGEOUT_STAT_pgfault), faults);
	assert_false(frame_of_page(c, 0, vpn(1))->flags & FRAME_REFERENCED);
}

/* What nobody asks for leaves no shadow, though a scan goes over it. */
static void
pages_in_small_gaps_are_not_asked_for(void **unused)
{
	uint32_t page = 0;

	(void)unused;
	for (uint32_t i = 0; i < 64; i++)
		touch(i, true);
	swap_out(0, 64);
	for (uint32_t i = FRAMES; i < 3 * FRAMES; i++)
		touch(i, true);
	for (uint32_t i = 0; i < 64; i += 3) {
		touch(i, false);
		if (page == 0 && state(i + 1) == PAGE_MAPPED)
			page = i + 1;
	}
	assert_int_not_equal(page, 0);
	(void)scan_until_gone(page, 3 * FRAMES);
	touch(page, false);
	assert_int_equal(list_of(page), LIST_PROBATION);
}

/* => false: out of memory */
static bool
touch_if_possible(uint32_t page)
{
	while (!is_present(page)) {
		struct batch b = {NULL, NULL};
		enum fault_verdict v = fault(page);

		if (v == FAULT_NOMEM)
			return false;
		if (v == FAULT_NOFRAME)
			(void)core_reclaim_direct(w->node->core, &b);
		submit(&b);
		finish_all();
	}
	return true;
}

/* Most active pages have no slot and can get none; others have theirs. */
static void
with_swap_full_those_leave_that_can(void **unused)
{
	uint32_t n = 0;

	(void)unused;
	world_open((struct sim_options){
		.policy = "2q", .frames = 1280, .slots = 900, .pages = 3000});
	for (; touch_if_possible(n); n++) {
		w->page[0][n].word = sim_word(w);
		w->page[0][n].truth = w->page[0][n].word;
	}
	assert_in_range(n, 1280, 2999);
	w->now += 1000000000000ull; /* that it ran out is forgotten */
	for (uint32_t round = 0; round < 3; round++)
		for (uint32_t i = 0; i < n; i++)
			assert_true(touch_if_possible(i));
}

/* Fewer are on probation than should be, and none of the others may leave. */
static void
with_active_pages_pinned_those_on_probation_leave(void **unused)
{
	struct batch b = {NULL, NULL};

	(void)unused;
	world_open((struct sim_options){.policy = "2q", .frames = FRAMES});
	for (uint32_t i = 0; i < 231; i++) {
		touch(i, true);
		touch_again(i);
		assert_int_equal(core_pin(w->node->core, 0, vpn(i), &b),
		                 FAULT_DONE);
	}
	for (uint32_t i = 300; i < 1000; i++)
		assert_true(touch_if_possible(i));
}

/* They are tried, when nobody is on probation. */
static void
active_pages_leave_when_others_become_active(void **unused)
{
	(void)unused;
	touch(0, true);
	touch_again(0);
	for (uint32_t i = 1; state(0) == PAGE_MAPPED; i++) {
		assert_in_range(i, 1, 2 * FRAMES);
		touch(i, true);
		touch_again(i);
	}
}

static void
an_active_page_is_tried_before_it_leaves(void **unused)
{
	struct core *c = w->node->core;

	(void)unused;
	touch(1, true);
	touch(2, true);
	touch_again(1);
	swap_out(1, 2);
	assert_int_equal(state(2), PAGE_SWAPPED);
	assert_int_equal(state(1), PAGE_CACHED);
	assert_int_equal(frame_of_page(c, 0, vpn(1))->list, LIST_TRIED);
	touch(1, false);
	assert_int_equal(list_of(1), LIST_ACTIVE);
}

static void
a_trial_ends_when_many_others_were_tried(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i <= FRAMES / 32; i++) {
		touch(i, true);
		touch_again(i);
		swap_out(i, 1);
		assert_int_equal(state(0),
		                 i < FRAMES / 32 ? PAGE_CACHED : PAGE_SWAPPED);
	}
	for (uint32_t i = 1; i <= FRAMES / 32; i++)
		assert_int_equal(state(i), PAGE_CACHED);
}

/* Nothing else can leave. */
static void
with_all_others_pinned_tried_pages_leave(void **unused)
{
	struct batch b = {NULL, NULL};
	uint32_t n = 0;

	(void)unused;
	for (; n < FRAMES / 32; n++) {
		touch(n, true);
		touch_again(n);
		swap_out(n, 1);
		assert_int_equal(state(n), PAGE_CACHED);
	}
	while (core_frames_free(w->node->core) > FRAMES_RESERVE) {
		assert_true(touch_if_possible(n));
		assert_int_equal(core_pin(w->node->core, 0, vpn(n++), &b),
		                 FAULT_DONE);
	}
	for (uint32_t i = 0; i < FRAMES / 32; i++)
		assert_true(touch_if_possible(n++));
}

/* What is active is pinned, and what is not comes back: its share grows. */
static void
pages_that_cannot_leave_are_not_in_the_way_of_others(void **unused)
{
	enum { PINNED = FRAMES * 3 / 4, USED = FRAMES / 2 };
	struct batch b = {NULL, NULL};
	uint64_t looks;

	(void)unused;
	for (uint32_t i = 0; i < PINNED; i++) {
		touch(i, true);
		touch_again(i);
		assert_int_equal(core_pin(w->node->core, 0, vpn(i), &b),
		                 FAULT_DONE);
	}
	for (uint32_t i = 0; i < 8 * USED; i++)
		touch(PINNED + i % USED, true);
	looks = stat_of(PAGEOUT_STAT_pgscan_kswapd);
	for (uint32_t i = 0; i < 8 * USED; i++)
		touch(PINNED + i % USED, true);
	looks = stat_of(PAGEOUT_STAT_pgscan_kswapd) - looks;
	assert_in_range(looks, 1, 32 * 8 * USED); /* not all that is pinned */
}

/* All that is active is used no more; what is used now fits. */
static void
active_pages_that_are_used_no_more_make_room(void **unused)
{
	enum { USED = FRAMES * 3 / 4 };
	uint64_t faults;

	(void)unused;
	for (uint32_t i = 0; i < FRAMES; i++) {
		touch(i, true);
		touch_again(i);
	}
	for (uint32_t round = 0; round < 32; round++)
		for (uint32_t i = 0; i < USED; i++)
			touch(FRAMES + i, false);
	faults = stat_of(PAGEOUT_STAT_pgmajfault);
	for (uint32_t i = 0; i < USED; i++)
		touch(FRAMES + i, false);
	assert_int_equal(stat_of(PAGEOUT_STAT_pgmajfault), faults);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			a_page_is_on_probation_until_it_is_asked_for_again,
			fresh),
		cmocka_unit_test_setup(
			a_page_that_was_read_ahead_is_asked_for_once, fresh),
		cmocka_unit_test_setup(a_page_that_comes_back_soon_is_active,
	                               fresh),
		cmocka_unit_test_setup(
			a_page_that_comes_back_late_is_on_probation, fresh),
		cmocka_unit_test_setup(
			a_page_that_was_mapped_ahead_is_asked_for_once, fresh),
		cmocka_unit_test_setup(
			pages_that_a_scan_went_over_were_asked_for, fresh),
		cmocka_unit_test_setup(
			a_scan_leaves_active_pages_where_they_are, fresh),
		cmocka_unit_test_setup(a_page_under_write_stays_active, fresh),
		cmocka_unit_test_setup(two_faults_for_one_read_ask_once, fresh),
		cmocka_unit_test_setup(
			a_fault_that_finds_no_operation_does_not_ask, fresh),
		cmocka_unit_test_setup(pages_in_small_gaps_are_not_asked_for,
	                               fresh),
		cmocka_unit_test_setup(with_swap_full_those_leave_that_can,
	                               fresh),
		cmocka_unit_test_setup(
			with_active_pages_pinned_those_on_probation_leave,
			fresh),
		cmocka_unit_test_setup(
			active_pages_leave_when_others_become_active, fresh),
		cmocka_unit_test_setup(an_active_page_is_tried_before_it_leaves,
	                               fresh),
		cmocka_unit_test_setup(a_trial_ends_when_many_others_were_tried,
	                               fresh),
		cmocka_unit_test_setup(with_all_others_pinned_tried_pages_leave,
	                               fresh),
		cmocka_unit_test_setup(
			pages_that_cannot_leave_are_not_in_the_way_of_others,
			fresh),
		cmocka_unit_test_setup(
			active_pages_that_are_used_no_more_make_room, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
