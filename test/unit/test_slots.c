/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_slots.c -- swap slots: who gets which, and when it is free again.
 *
 * The numbers are those of Linux 2.4's get_swap_page, scan_swap_map,
 * swap_duplicate and swap_free; S24-n, Q24-n are the scenarios and the oddities
 * of its description.
 */
#include <string.h>

#include "test/unit/world.h"

#define FIRST_PFN 5 /* any: nothing looks at the frame here */

static struct swap_area *area;

static int
fresh(void **unused)
{
	(void)unused;
	world_open((struct sim_options){.slots = 1001});
	area = &w->node->core->swap[0];
	return 0;
}

static uint32_t
take(void)
{
	return slot_alloc(w->node->core, FIRST_PFN, 1) & SWP_OFFSET_MASK;
}

/* The cache lets go, then its last user. */
static void
give_back(swp_entry_t e)
{
	slot_uncache(w->node->core, e, 0);
	slot_put(w->node->core, e);
}

static swp_entry_t
in_area(uint32_t type, uint32_t off)
{
	return type << SWP_OFFSET_BITS | off;
}

/* Somebody has this slot already. */
static void
occupy(uint32_t off)
{
	area->map[off] = 1;
	area->taken[off / SLOT_CLUSTER]++;
	area->free--;
}

/* S24-49, an empty area. */
static void
the_first_slots_go_out_in_order(void **unused)
{
	(void)unused;
	for (uint32_t i = 1; i <= 260; i++)
		assert_int_equal(take(), i);
	assert_int_equal(area->lowest_bit, 261);
	assert_int_equal(area->highest_bit, 1000);
	assert_int_equal(area->free, 740);
	assert_int_equal(core_swap_total(w->node->core), 1000);
}

/* S24-49, with holes: 257 of a run, as the first is not counted [Q24-11]. */
static void
slots_go_out_in_clusters_of_256(void **unused)
{
	(void)unused;
	occupy(10);
	occupy(300);
	occupy(600);
	assert_int_equal(take(), 11);
	assert_int_equal(take(), 12);
	assert_int_equal(take(), 13);
	for (uint32_t i = 4; i <= 256; i++)
		assert_int_equal(take(), 10 + i);
	assert_int_equal(area->cluster_nr, 1);
	assert_int_equal(take(), 267);
	assert_int_equal(area->cluster_nr, 0);
	assert_int_equal(take(), 301);
	assert_int_equal(area->cluster_nr, 256);
	assert_int_equal(take(), 302);
	assert_int_equal(area->lowest_bit, 1);
}

/* Q24-12: 28 of the last run are left over, and the count starts again. */
static void
a_run_ends_with_the_area(void **unused)
{
	(void)unused;
	for (uint32_t i = 1; i <= 1000; i++)
		assert_int_equal(take(), i);
	assert_int_equal(area->cluster_nr, 28);
	assert_int_equal(area->cluster_next, 1001);
	give_back(5);
	give_back(7);
	assert_int_equal(area->lowest_bit, 5);
	assert_int_equal(take(), 5);
	assert_int_equal(area->cluster_nr, 256);
	assert_int_equal(take(), 7);
	assert_int_equal(area->cluster_nr, 255);
	assert_int_equal(take(), 0);
}

/* A run of 256 is found wherever it begins; one of 255 is not. */
static void
a_run_need_not_be_aligned(void **unused)
{
	(void)unused;
	occupy(256);
	occupy(512);
	occupy(513);
	occupy(743);
	assert_int_equal(take(), 744);
	assert_int_equal(area->lowest_bit, 1);
	for (uint32_t i = 745; i <= 1000; i++)
		assert_int_equal(take(), i);
	assert_int_equal(take(), 1);
}

/* What is known to be free ends where the last look began. */
static void
a_run_has_no_hole(void **unused)
{
	(void)unused;
	occupy(100);
	occupy(257);
	occupy(514);
	assert_int_equal(take(), 258);
	assert_int_equal(take(), 259);
}

static void
when_no_cluster_is_free_any_slot_will_do(void **unused)
{
	(void)unused;
	for (uint32_t off = 100; off <= 1000; off += 100)
		occupy(off);
	for (uint32_t i = 1; i <= 99; i++)
		assert_int_equal(take(), i);
	assert_int_equal(take(), 101);
}

static void
every_slot_goes_out_once(void **unused)
{
	bool seen[1001] = {false};
	uint32_t off;

	(void)unused;
	for (uint32_t i = 0; i < 1000; i++) {
		off = take();
		assert_in_range(off, 1, 1000);
		assert_false(seen[off]);
		seen[off] = true;
	}
	assert_int_equal(take(), 0);
	assert_int_equal(core_swap_free(w->node->core), 0);
	give_back(500);
	assert_int_equal(take(), 500);
	assert_int_equal(take(), 0);
}

static void
a_slot_is_free_when_its_last_user_goes(void **unused)
{
	swp_entry_t e = take();

	(void)unused;
	slot_get(w->node->core, e);
	slot_get(w->node->core, e);
	slot_put(w->node->core, e);
	slot_uncache(w->node->core, e, 0);
	slot_put(w->node->core, e);
	assert_int_equal(area->map[e], 1);
	assert_int_equal(core_swap_free(w->node->core), 999);
	slot_put(w->node->core, e);
	assert_int_equal(core_swap_free(w->node->core), 1000);
}

static void
the_hash_is_kept_while_the_slot_is_not_cached(void **unused)
{
	swp_entry_t e = take();

	(void)unused;
	assert_ptr_equal(slot_frame(w->node->core, e),
	                 &w->node->core->frames[FIRST_PFN]);
	slot_get(w->node->core, e);
	slot_uncache(w->node->core, e, 0x1122334455667788u);
	slot_put(w->node->core, e);
	assert_null(slot_frame(w->node->core, e));
	assert_int_equal(slot_cache(w->node->core, e, 9), 0x1122334455667788u);
	assert_ptr_equal(slot_frame(w->node->core, e),
	                 &w->node->core->frames[9]);
}

static void
a_bad_slot_is_never_given_out_again(void **unused)
{
	swp_entry_t e = take();

	(void)unused;
	slot_bad(w->node->core, e);
	assert_int_equal(area->bad, 1);
	assert_int_equal(core_swap_total(w->node->core), 999);
	for (uint32_t i = 0; i < 999; i++)
		assert_int_not_equal(take(), e);
	assert_int_equal(take(), 0);
}

static void
a_device_that_fails_rests_longer_each_time(void **unused)
{
	swp_entry_t e = take();
	uint64_t last = 0;

	(void)unused;
	assert_true(swap_writable(w->node->core, e, 0));
	for (unsigned i = 0; i < 12; i++) {
		slot_rest(w->node->core, e, 0);
		assert_false(
			swap_writable(w->node->core, e, area->retry_ns - 1));
		assert_true(swap_writable(w->node->core, e, area->retry_ns));
		assert_true(area->retry_ns >= last);
		last = area->retry_ns;
	}
	assert_int_equal(last, 1000000000);
	slot_written(w->node->core, e);
	assert_true(swap_writable(w->node->core, e, 0));
}

static void
an_area_that_grows_has_more_slots(void **unused)
{
	static uint64_t tables[1024];
	struct core *c = w->node->core;
	int type;

	(void)unused;
	assert_true(core_swap_bytes(100) <= sizeof(tables));
	type = core_swapon(c, tables, 100, 10, SWAP_PRIO_AUTO);
	assert_int_equal(type, 1);
	assert_int_equal(core_swap_free(c), 1009);
	for (uint32_t i = 0; i < 1000; i++)
		(void)take();
	for (uint32_t i = 1; i <= 9; i++)
		assert_int_equal(slot_alloc(c, FIRST_PFN, 1), in_area(1, i));
	assert_int_equal(slot_alloc(c, FIRST_PFN, 1), 0);
	core_swap_grown(c, 1, 100);
	assert_int_equal(core_swap_free(c), 90);
	assert_int_equal(slot_alloc(c, FIRST_PFN, 1), in_area(1, 10));
}

/* -- counts --------------------------------------------------------------- */

static void
a_slot_may_be_taken_for_two(void **unused)
{
	swp_entry_t e = slot_alloc(w->node->core, FIRST_PFN, 2);

	(void)unused;
	assert_int_equal(area->map[e], 2);
	give_back(e);
	assert_int_equal(core_swap_free(w->node->core), 999);
	slot_put(w->node->core, e);
	assert_int_equal(core_swap_free(w->node->core), 1000);
}

/* S24-52 */
static void
a_slot_with_too_many_users_is_never_free(void **unused)
{
	swp_entry_t e = take();

	(void)unused;
	area->map[e] = 0x7ffe;
	slot_get(w->node->core, e);
	assert_int_equal(area->map[e], 0x7fff);
	assert_int_equal(area->overflows, 0);
	slot_get(w->node->core, e);
	assert_int_equal(area->map[e], 0x7fff);
	assert_int_equal(area->overflows, 1);
	slot_put(w->node->core, e);
	assert_int_equal(area->map[e], 0x7fff);
	give_back(e);
	assert_int_equal(area->map[e], 0x7fff);
	assert_int_equal(core_swap_free(w->node->core), 999);
	for (uint32_t i = 2; i <= 1000; i++)
		assert_int_equal(take(), i);
	assert_int_equal(take(), 0);
}

/* The laws allow it: a page with such a slot goes out and comes in. */
static void
a_page_may_have_a_slot_that_is_never_free(void **unused)
{
	(void)unused;
	touch(3, true);
	swap_out(3, 1);
	area->map[1] = 0x7fff;
	assert_int_equal(state(3), PAGE_SWAPPED);
	check();
	touch(3, true);
	check();
	swap_out(3, 1);
	touch(3, false);
	assert_int_equal(area->map[1], 0x7fff);
	check();
}

/* -- priorities ----------------------------------------------------------- */

/* Three slots each, and the area that was there before is full. */
static void
three_areas(int a, int b, int c)
{
	static uint64_t tables[3][16];
	const int prios[] = {a, b, c};

	world_open((struct sim_options){.slots = 2});
	assert_int_equal(take(), 1);
	assert_true(core_swap_bytes(4) <= sizeof(tables[0]));
	memset(tables, 0, sizeof(tables));
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			core_swapon(w->node->core, tables[i], 4, 4, prios[i]),
			i + 1);
	assert_int_equal(core_swap_free(w->node->core), 9);
	assert_int_equal(core_swap_total(w->node->core), 10);
}

/* The areas that the next slots come from, "-": none. */
static void
assert_order(const char *names)
{
	for (; *names != 0; names++) {
		swp_entry_t e = slot_alloc(w->node->core, FIRST_PFN, 1);

		assert_int_equal(e == 0 ? '-' : "0ABC"[e >> SWP_OFFSET_BITS],
		                 *names);
	}
}

/* S24-51 */
static void
equal_areas_take_turns_and_lower_ones_wait(void **unused)
{
	(void)unused;
	three_areas(5, 5, 1);
	assert_order("BABABACCC-");
}

static void
areas_without_a_priority_fill_up_one_after_another(void **unused)
{
	(void)unused;
	three_areas(SWAP_PRIO_AUTO, SWAP_PRIO_AUTO, SWAP_PRIO_AUTO);
	for (int i = 0; i <= 3; i++)
		assert_int_equal(w->node->core->swap[i].prio, -1 - i);
	assert_order("AAABBBCCC-");
}

static void
the_highest_priority_comes_first(void **unused)
{
	(void)unused;
	three_areas(0, SWAP_PRIO_AUTO, SWAP_PRIO_MAX);
	assert_order("CCCAAABBB-");
}

/* R24-8.3: a slot freed above whose turn it is has the next turn. */
static void
a_higher_area_is_used_again_when_it_has_room(void **unused)
{
	(void)unused;
	three_areas(5, 1, 1);
	assert_order("AAACBC");
	assert_int_equal(w->node->core->swap_list.next, 2);
	give_back(in_area(1, 2));
	assert_int_equal(w->node->core->swap_list.next, 1);
	give_back(in_area(2, 1));
	assert_int_equal(w->node->core->swap_list.next, 1);
	assert_order("ACBBB-");
}

/* In turn, whoever was asked last; a search goes through all its equals. */
static void
an_area_that_is_full_loses_its_turn(void **unused)
{
	(void)unused;
	three_areas(5, 5, 5);
	assert_order("CBACBA");
	assert_order("C");
	give_back(in_area(3, 1));
	give_back(in_area(3, 2));
	assert_order("BACC-");
}

#define T(name) cmocka_unit_test_setup(name, fresh)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_first_slots_go_out_in_order),
		T(slots_go_out_in_clusters_of_256),
		T(a_run_ends_with_the_area),
		T(a_run_need_not_be_aligned),
		T(a_run_has_no_hole),
		T(when_no_cluster_is_free_any_slot_will_do),
		T(every_slot_goes_out_once),
		T(a_slot_is_free_when_its_last_user_goes),
		T(the_hash_is_kept_while_the_slot_is_not_cached),
		T(a_bad_slot_is_never_given_out_again),
		T(a_device_that_fails_rests_longer_each_time),
		T(an_area_that_grows_has_more_slots),
		T(a_slot_may_be_taken_for_two),
		T(a_slot_with_too_many_users_is_never_free),
		T(a_page_may_have_a_slot_that_is_never_free),
		T(equal_areas_take_turns_and_lower_ones_wait),
		T(areas_without_a_priority_fill_up_one_after_another),
		T(the_highest_priority_comes_first),
		T(a_higher_area_is_used_again_when_it_has_room),
		T(an_area_that_is_full_loses_its_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
