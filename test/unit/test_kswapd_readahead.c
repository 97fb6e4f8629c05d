/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_kswapd_readahead.c -- what comes along with a page that is swapped in,
 * by the rules of Linux 6.6: by slots, and by addresses.
 *
 * SM-n, RM-n and F-n are the scenarios, rules and formulas of its description.
 */
#include <string.h>

#include "reclaim/kswapd/kswapd.h"
#include "test/unit/world.h"

#define SWAPPED 64 /* the first pages */

static void
open_world(bool solid_state)
{
	world_open((struct sim_options){.policy = "kswapd:quirks=exact",
	                                .frames = 1024,
	                                .ra_pages = 1,
	                                .slots = 1025});
	if (solid_state)
		core_swap_solid_state(w->node->core, 0);
	pgdat66(w->node->core)->page_cluster = 3;
}

/* What is cached is written, and leaves. */
static void
write_and_drop(void)
{
	uint32_t pfns[OP_PAGES_MAX], n = 0;
	struct batch b = {NULL, NULL};

	for (uint32_t i = 0; i < w->node->cfg.frames_total; i++)
		if (w->node->core->frames[i].flags & FRAME_DIRTY)
			pfns[n++] = i;
	assert_int_equal(core_write(w->node->core, pfns, n, n, &b), n);
	submit(&b);
	finish_all();
	for (uint32_t i = 0; i < n; i++)
		core_drop(w->node->core, &w->node->core->frames[pfns[i]]);
	check();
}

/* Neighbours get neighbouring slots. */
static void
swap_out_pages(uint32_t page, uint32_t pages)
{
	for (uint32_t i = page; i < page + pages; i++) {
		touch(i, true);
		unmap(i, 1);
	}
	write_and_drop();
}

static bool seen[1024]; /* pages that have come in */

/* A fault on a page reads those from first to last that are swapped out. */
static void
reads(uint32_t page, uint32_t first, uint32_t last)
{
	assert_int_equal(state(page), PAGE_SWAPPED);
	assert_int_equal(fault(page), FAULT_STARTED);
	for (uint32_t i = 0; i < SWAPPED; i++) {
		bool comes = i >= first && i <= last && !seen[i];

		if ((state(i) == PAGE_READING) != comes)
			fail_msg("fault on %u: page %u is %s", page, i,
			         comes ? "not read" : "read");
		seen[i] |= comes;
	}
	finish_all();
	assert_true(is_present(page));
}

/* A page that was read ahead is wanted. */
static void
hits(uint32_t page)
{
	assert_int_equal(state(page), PAGE_CACHED);
	touch(page, false);
}

static int
by_slots(void **unused)
{
	(void)unused;
	open_world(false);
	memset(seen, 0, sizeof(seen));
	swap_out_pages(0, SWAPPED); /* page n is in slot n + 1 */
	return 0;
}

static int
by_addresses(void **unused)
{
	(void)unused;
	open_world(true);
	memset(seen, 0, sizeof(seen));
	swap_out_pages(0, SWAPPED);
	return 0;
}

/* F9 */
static void
the_window_follows_the_hits(void **unused)
{
	static const struct {
		uint64_t prev, cur;
		uint32_t hits, max, last, window;
	} table[] = {
		{0, 37, 4, 8, 0, 8},       {0, 1000, 0, 8, 8, 4},
		{1000, 5000, 0, 8, 4, 2},  {5000, 9000, 0, 8, 2, 1},
		{9000, 9001, 0, 8, 1, 2},  {9000, 8999, 0, 8, 1, 2},
		{9000, 9002, 0, 8, 1, 1},  {9000, 9000, 0, 8, 1, 1},
		{0, 50, 1, 8, 1, 4},       {0, 50, 2, 8, 1, 4},
		{0, 50, 3, 8, 2, 8},       {0, 50, 6, 8, 2, 8},
		{0, 50, 7, 16, 2, 16},     {0, 50, 20, 32, 2, 32},
		{9000, 9001, 0, 8, 16, 8}, {0, 50, 3, 4, 4, 4},
	};

	(void)unused;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(readahead_window66(table[i].prev, table[i].cur,
		                                    table[i].hits, table[i].max,
		                                    table[i].last),
		                 table[i].window);
}

/* SM-30, in an area of 64 slots. */
static void
blocks_of_slots_shrink_without_hits(void **unused)
{
	(void)unused;
	reads(36, 31, 38); /* slot 37: 32..39 */
	reads(49, 47, 50); /* slot 50: 48..51 */
	reads(59, 59, 60); /* slot 60: 60..61 */
	reads(4, 4, 4);
	reads(5, 5, 6); /* slot 6, next to 5: 6..7 */
}

static void
blocks_of_slots_grow_with_hits(void **unused)
{
	(void)unused;
	reads(36, 31, 38);
	reads(49, 47, 50);
	reads(59, 59, 60);
	reads(12, 12, 12);
	hits(47);
	reads(20, 19, 22); /* one hit: slots 20..23 */
	hits(31);
	hits(32);
	hits(33);
	reads(27, 23, 30); /* three: slots 24..31 */
	hits(34);
	hits(35);
	hits(37);
	assert_int_equal(stat_of(PAGEOUT_STAT_swap_ra_hit), 7);
	(void)discard(5, 1);
	seen[5] = true;
	reads(2, 0, 6); /* not slot 0, nor 6, which nobody uses */
	touch(27, false);
	reads(40, 39, 42); /* a page that is mapped is no hit */
}

/* SM-31: 8, 4, 2, 1 pages around; 2 ahead; 4 ahead; 2 behind. */
static void
pages_by_address_follow_the_program(void **unused)
{
	(void)unused;
	reads(20, 17, 24);
	reads(40, 39, 42);
	reads(50, 50, 51);
	reads(9, 9, 9);
	reads(10, 10, 11);
	hits(11);
	reads(12, 12, 15);
	reads(34, 34, 35);
	reads(33, 32, 33);
}

static void
pages_by_address_stay_inside_their_area(void **unused)
{
	(void)unused;
	reads(1, 0, 5); /* 8 around it, 3 of them before */
	for (uint32_t i = 2; i <= 4; i++)
		hits(i);
	reads(62, 59, 63);
}

/* What one table maps is read together: 512 pages. */
static void
pages_by_address_stay_inside_their_table(void **unused)
{
	uint32_t page = (uint32_t)(512 - (vpn(0) + 80) % 512) + 80;

	(void)unused;
	swap_out_pages(page - 4, 8);
	assert_int_equal(vpn(page) % 512, 0);
	assert_int_equal(fault(page), FAULT_STARTED);
	assert_int_equal(state(page - 1), PAGE_SWAPPED);
	assert_int_equal(state(page + 3), PAGE_READING);
	finish_all();
}

/* From page 30 on it is another area, which has seen what the first had. */
static void
each_area_is_remembered(void **unused)
{
	(void)unused;
	reads(20, 17, 24);
	assert_int_equal(
		core_area_flags(w->node->core, 0, vpn(30), 34, AREA_EXEC, 0),
		0);
	reads(40, 39, 42); /* half of 8 */
	for (uint32_t i = 21; i <= 23; i++)
		hits(i);
	reads(25, 25, 29); /* three hits: 8, some are here already */
	reads(50, 50, 51); /* half of 4 */
}

#define S(name) cmocka_unit_test_setup(name, by_slots)
#define A(name) cmocka_unit_test_setup(name, by_addresses)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_window_follows_the_hits),
		S(blocks_of_slots_shrink_without_hits),
		S(blocks_of_slots_grow_with_hits),
		A(pages_by_address_follow_the_program),
		A(pages_by_address_stay_inside_their_area),
		A(pages_by_address_stay_inside_their_table),
		A(each_area_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
