/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_slots.c -- swap slots: who gets which, and when it is free again.
 *
 * The numbers are those of Linux 2.4's scan_swap_map.
 */
#include "test/unit/world.h"

#define FIRST_PFN 5 /* any: nothing looks at the frame here */

static struct swap_area *area;

static int
fresh(void **unused)
{
	(void)unused;
	world_open((struct sim_options){.slots = 1001});
	area = &w->core->swap[0];
	return 0;
}

static uint32_t
take(void)
{
	return slot_alloc(w->core, FIRST_PFN) & SWP_OFFSET_MASK;
}

/* The cache lets go, then its last user. */
static void
give_back(swp_entry_t e)
{
	slot_uncache(w->core, e, 0);
	slot_put(w->core, e);
}

/* Somebody has this slot already. */
static void
occupy(uint32_t off)
{
	area->map[off] = 1;
	area->free--;
}

static void
the_first_slots_go_out_in_order(void **unused)
{
	(void)unused;
	for (uint32_t i = 1; i <= 260; i++)
		assert_int_equal(take(), i);
	assert_int_equal(area->lowest_bit, 261);
	assert_int_equal(area->highest_bit, 1000);
	assert_int_equal(area->free, 740);
}

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
	assert_int_equal(take(), 267);
	assert_int_equal(take(), 301);
	assert_int_equal(take(), 302);
	assert_int_equal(area->lowest_bit, 1);
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
	assert_int_equal(core_swap_free(w->core), 0);
	give_back(500);
	assert_int_equal(take(), 500);
	assert_int_equal(take(), 0);
}

static void
a_slot_is_free_when_its_last_user_goes(void **unused)
{
	swp_entry_t e = take();

	(void)unused;
	slot_get(w->core, e);
	slot_get(w->core, e);
	slot_put(w->core, e);
	slot_uncache(w->core, e, 0);
	slot_put(w->core, e);
	assert_int_equal(slot_count(w->core, e), 1);
	assert_int_equal(core_swap_free(w->core), 999);
	slot_put(w->core, e);
	assert_int_equal(core_swap_free(w->core), 1000);
}

static void
the_hash_is_kept_while_the_slot_is_not_cached(void **unused)
{
	swp_entry_t e = take();

	(void)unused;
	assert_ptr_equal(slot_frame(w->core, e), &w->core->frames[FIRST_PFN]);
	slot_get(w->core, e);
	slot_uncache(w->core, e, 0x1122334455667788u);
	slot_put(w->core, e);
	assert_null(slot_frame(w->core, e));
	assert_int_equal(slot_cache(w->core, e, 9), 0x1122334455667788u);
	assert_ptr_equal(slot_frame(w->core, e), &w->core->frames[9]);
}

static void
a_bad_slot_is_never_given_out_again(void **unused)
{
	swp_entry_t e = take();

	(void)unused;
	slot_bad(w->core, e);
	assert_int_equal(area->bad, 1);
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
	assert_true(swap_writable(w->core, e, 0));
	for (unsigned i = 0; i < 12; i++) {
		slot_rest(w->core, e, 0);
		assert_false(swap_writable(w->core, e, area->retry_ns - 1));
		assert_true(swap_writable(w->core, e, area->retry_ns));
		assert_true(area->retry_ns >= last);
		last = area->retry_ns;
	}
	assert_int_equal(last, 1000000000);
	slot_written(w->core, e);
	assert_true(swap_writable(w->core, e, 0));
}

static void
an_area_that_grows_has_more_slots(void **unused)
{
	static uint64_t tables[1024];
	struct core *c = w->core;
	int type;

	(void)unused;
	assert_true(core_swap_bytes(100) <= sizeof(tables));
	type = core_swapon(c, tables, 100, 10);
	assert_int_equal(type, 1);
	assert_int_equal(core_swap_free(c), 1009);
	for (uint32_t i = 0; i < 1000; i++)
		(void)take();
	for (uint32_t i = 1; i <= 9; i++)
		assert_int_equal(slot_alloc(c, FIRST_PFN),
		                 1u << SWP_OFFSET_BITS | i);
	assert_int_equal(slot_alloc(c, FIRST_PFN), 0);
	core_swap_grown(c, 1, 100);
	assert_int_equal(core_swap_free(c), 90);
	assert_int_equal(slot_alloc(c, FIRST_PFN), 1u << SWP_OFFSET_BITS | 10);
}

#define T(name) cmocka_unit_test_setup(name, fresh)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_first_slots_go_out_in_order),
		T(slots_go_out_in_clusters_of_256),
		T(when_no_cluster_is_free_any_slot_will_do),
		T(every_slot_goes_out_once),
		T(a_slot_is_free_when_its_last_user_goes),
		T(the_hash_is_kept_while_the_slot_is_not_cached),
		T(a_bad_slot_is_never_given_out_again),
		T(a_device_that_fails_rests_longer_each_time),
		T(an_area_that_grows_has_more_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
