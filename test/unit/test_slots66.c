/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_slots66.c -- swap slots by the rules of Linux 6.6: who gets which, whose
 * is taken back, and when it is given back unasked.
 *
 * SM-n and RM-n are the scenarios and rules of its description.
 */
#include <string.h>

#include "sim/choice.h"
#include "test/unit/world.h"

#define FIRST_PFN 5 /* any: nobody maps it */

static struct swap_area *area;

static void
open_slots(uint32_t slots)
{
	world_open((struct sim_options){.slots = slots,
	                                .policy = "kswapd:quirks=exact"});
	area = &w->node->core->swap[0];
}

static swp_entry_t
take(void)
{
	return slot_alloc(w->node->core, FIRST_PFN, 1);
}

static void
take_all(uint32_t first, uint32_t last)
{
	for (uint32_t i = first; i <= last; i++)
		assert_int_equal(take(), i);
}

static void
give_back(swp_entry_t e)
{
	slot_uncache(w->node->core, e, 0);
	slot_put(w->node->core, e);
}

/* Somebody has this slot already. */
static void
occupy(uint32_t off)
{
	area->map[off] = 1;
	area->taken[off / SLOT_CLUSTER]++;
	area->free--;
}

/* -- a device with an arm (RM-11.2) --------------------------------------- */

static void
a_run_has_exactly_256(void **unused)
{
	(void)unused;
	open_slots(1001);
	occupy(10);
	occupy(300);
	occupy(600);
	take_all(11, 266);
	assert_int_equal(area->cluster_nr, 0);
	assert_int_equal(take(), 301);
	assert_int_equal(area->cluster_nr, 255);
}

static void
without_a_run_it_goes_on_from_where_it_was(void **unused)
{
	(void)unused;
	open_slots(301);
	take_all(1, 256);
	give_back(5);
	take_all(257, 300);
	assert_int_equal(take(), 5);
	assert_int_equal(take(), 0);
}

/* -- turns (RM-11.1) ------------------------------------------------------ */

static uint64_t tables[2][1200];

/* Two areas of priority 7, besides the first one, which is lower. */
static void
open_equals(uint32_t lowest, uint32_t slots)
{
	open_slots(lowest);
	memset(tables, 0, sizeof(tables));
	assert_true(core_swap_bytes(slots + 1) <= sizeof(tables[0]));
	for (int i = 0; i < 2; i++)
		assert_int_equal(core_swapon(w->node->core, tables[i],
		                             slots + 1, slots + 1, 7),
		                 i + 1);
}

/* So many slots of each area in turn, beginning with b. */
static void
turns(uint32_t b, uint32_t first_b, uint32_t first_c, uint32_t each,
      uint32_t rounds)
{
	uint32_t off[] = {0, first_b, first_c};

	for (uint32_t i = 0; i < rounds * 2; i++, b = 3 - b)
		for (uint32_t k = 0; k < each; k++)
			assert_int_equal(take(),
			                 b << SWP_OFFSET_BITS | off[b]++);
}

static void
equals_take_turns_of_64_while_slots_are_plenty(void **unused)
{
	(void)unused;
	open_equals(2, 200);
	turns(1, 1, 1, 64, 2); /* 401 - 256 = 145 are left */
	for (uint32_t i = 129; i <= 192; i++)
		assert_int_equal(take(), 1u << SWP_OFFSET_BITS | i);
	turns(2, 193, 129, 1, 8); /* 81 are left: not plenty any more */
}

static void
equals_take_turns_of_1_when_slots_are_few(void **unused)
{
	(void)unused;
	open_equals(2, 50);
	turns(1, 1, 1, 1, 50);
	assert_int_equal(take(), 1); /* of the lower one */
	assert_int_equal(take(), 0);
}

static void
who_was_full_is_last_when_it_has_slots_again(void **unused)
{
	const swp_entry_t b = 1u << SWP_OFFSET_BITS, c = 2u << SWP_OFFSET_BITS;

	(void)unused;
	open_equals(2, 2);
	turns(1, 1, 1, 1, 2);
	give_back(c | 1);
	give_back(b | 2);
	assert_int_equal(take(), c | 1);
	assert_int_equal(take(), b | 2);
	give_back(b | 1);
	give_back(c | 2);
	assert_int_equal(take(), b | 1);
	assert_int_equal(take(), c | 2);
}

/* -- a device without (RM-11.3) ------------------------------------------- */

static void
open_clusters(void)
{
	open_slots(1025); /* clusters 1, 2, 3 are whole */
	core_swap_solid_state(w->node->core, 0);
	check();
}

static void
whole_clusters_go_out_first(void **unused)
{
	(void)unused;
	open_clusters();
	take_all(256, 1023);
	assert_int_equal(take(), 1024);
	take_all(1, 255);
	assert_int_equal(take(), 0);
}

static void
clusters_wait_in_the_order_in_which_they_were_emptied(void **unused)
{
	(void)unused;
	open_clusters();
	take_all(256, 1023);
	for (uint32_t i = 768; i < 1024; i++)
		give_back(i);
	for (uint32_t i = 256; i < 512; i++)
		give_back(i);
	check();
	take_all(768, 1023);
	take_all(256, 511);
}

static void
a_cluster_that_is_emptied_while_it_is_used_waits_too(void **unused)
{
	(void)unused;
	open_clusters();
	take_all(256, 257);
	give_back(256);
	give_back(257);
	check();
	take_all(512, 1023);
	take_all(256, 511);
}

static void
what_is_free_in_a_used_cluster_is_passed_over(void **unused)
{
	(void)unused;
	open_clusters();
	take_all(256, 300);
	give_back(270);
	take_all(301, 1024);
	take_all(1, 255);
	assert_int_equal(take(), 270);
}

static void
clusters_of_an_area_that_grows_come_last(void **unused)
{
	static uint64_t table[3000];
	const swp_entry_t b = 1u << SWP_OFFSET_BITS;

	(void)unused;
	open_slots(2);
	memset(table, 0, sizeof(table));
	assert_true(core_swap_bytes(1025) <= sizeof(table));
	assert_int_equal(core_swapon(w->node->core, table, 1025, 600, 7), 1);
	core_swap_solid_state(w->node->core, 1);
	assert_int_equal(take(), b | 256);
	core_swap_grown(w->node->core, 1, 1025);
	check();
	for (uint32_t i = 257; i < 1024; i++)
		assert_int_equal(take(), b | i);
}

/* -- theft (RM-11.4) and return (RM-11.7) --------------------------------- */

/* Out and in again: mapped, with slots that only the swap cache names. */
static void
out_and_in(uint32_t page, uint32_t pages)
{
	for (uint32_t i = page; i < page + pages; i++) {
		touch(i, true);
		unmap(i, 1);
		touch(i, false);
	}
}

static swp_entry_t
slot_of(uint32_t page)
{
	pte_t pte = pte_get(w->node->core, 0, vpn(page));

	return pte_kind(pte) == PTE_PRESENT
	               ? w->node->core->frames[pte_pfn(pte)].entry
	               : pte_entry(pte);
}

static void
slots_of_mapped_pages_are_stolen_when_half_is_used(void **unused)
{
	(void)unused;
	open_slots(101);
	out_and_in(0, 40);
	for (uint32_t i = 100; i < 160; i++) {
		touch(i, true);
		unmap(i, 1);
	}
	assert_int_equal(core_swap_free(w->node->core), 0);
	assert_int_equal(take(), 0); /* full is full */
	(void)discard(4, 1);
	(void)discard(9, 1);
	finish_all();
	assert_int_equal(slot_of(5), 6);
	assert_int_equal(take(), 5);
	assert_int_equal(take(), 6);
	assert_int_equal(slot_of(5), 0);
	assert_int_equal(core_swap_free(w->node->core), 1);
	give_back(5);
	give_back(6);
	unmap(5, 1); /* it gets another, and is written anew */
	assert_int_not_equal(slot_of(5), 0);
	touch(5, false);
}

static void
fault_writes(uint32_t page)
{
	struct batch b = {NULL, NULL};

	assert_int_equal(core_fault_write(w->node->core, 0, vpn(page), &b),
	                 FAULT_STARTED);
	submit(&b);
	finish_all();
}

/* SM-33, of 1000 slots. */
static void
a_page_that_comes_in_keeps_its_slot_while_half_is_free(void **unused)
{
	(void)unused;
	open_slots(1001);
	touch(3, true);
	unmap(3, 1);
	for (uint32_t i = 501; i < 1000; i++)
		occupy(i);
	assert_int_equal(core_swap_free(w->node->core), 500);
	touch(3, false);
	assert_int_equal(slot_of(3), 1);
	unmap(3, 1);
	occupy(1000);
	assert_int_equal(core_swap_free(w->node->core), 499);
	touch(3, false);
	assert_int_equal(slot_of(3), 0);
	assert_int_equal(core_swap_free(w->node->core), 500);
}

static void
a_page_that_is_written_to_needs_no_slot(void **unused)
{
	(void)unused;
	open_slots(1001);
	touch(3, true);
	unmap(3, 1);
	fault_writes(3);
	assert_int_equal(slot_of(3), 0);
	assert_int_equal(core_swap_free(w->node->core), 1000);
	unmap(3, 1);
	assert_int_equal(slot_of(3), 2);
}

static void
a_page_of_a_locked_area_needs_no_slot(void **unused)
{
	(void)unused;
	open_slots(1001);
	touch(3, true);
	unmap(3, 1);
	assert_int_equal(
		core_area_flags(w->node->core, 0, vpn(0), 8, AREA_LOCKED, 0),
		0);
	touch(3, false);
	assert_int_equal(slot_of(3), 0);
}

static void
other_policies_keep_their_slots(void **unused)
{
	(void)unused;
	world_open((struct sim_options){.slots = 1001});
	touch(3, true);
	unmap(3, 1);
	fault_writes(3);
	assert_int_equal(slot_of(3), 1);
}

/* -- all at once ---------------------------------------------------------- */

/* Taken and given back at random: the laws hold, and nothing is lost. */
static void
no_slot_is_lost(void **unused)
{
	(void)unused;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct choice ch = {.state = seed};
		static swp_entry_t held[3000];
		uint32_t n = 0, total;

		print_message("# seed %u\n", (unsigned)seed);
		open_equals(choice_between(&ch, 2, 1500), 60);
		if (choice_of(&ch, 2) != 0)
			core_swap_solid_state(w->node->core, 0);
		total = core_swap_total(w->node->core);
		for (uint32_t i = 0; i < 6000; i++) {
			uint32_t k = choice_of(&ch, n + 1);

			if (k == n || i % 1500 < 900) {
				swp_entry_t e = take();

				assert_int_equal(e == 0, n == total);
				if (e != 0)
					held[n++] = e;
				continue;
			}
			give_back(held[k]);
			held[k] = held[--n];
		}
		assert_int_equal(core_swap_free(w->node->core), total - n);
		check();
	}
}

#define T(name) cmocka_unit_test(name)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_run_has_exactly_256),
		T(without_a_run_it_goes_on_from_where_it_was),
		T(equals_take_turns_of_64_while_slots_are_plenty),
		T(equals_take_turns_of_1_when_slots_are_few),
		T(who_was_full_is_last_when_it_has_slots_again),
		T(whole_clusters_go_out_first),
		T(clusters_wait_in_the_order_in_which_they_were_emptied),
		T(a_cluster_that_is_emptied_while_it_is_used_waits_too),
		T(what_is_free_in_a_used_cluster_is_passed_over),
		T(clusters_of_an_area_that_grows_come_last),
		T(slots_of_mapped_pages_are_stolen_when_half_is_used),
		T(a_page_that_comes_in_keeps_its_slot_while_half_is_free),
		T(a_page_that_is_written_to_needs_no_slot),
		T(a_page_of_a_locked_area_needs_no_slot),
		T(other_policies_keep_their_slots),
		T(no_slot_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
