/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_buddy.c -- frames, their blocks and their watermarks.
 */
#include "test/unit/world.h"

#define ALL 1024

static uint32_t pfns[OP_PAGES_MAX * 4];

/* A pool of ALL frames in one zone, all of them populated and free. */
static int
fresh(void **unused)
{
	struct batch b = {NULL, NULL};

	(void)unused;
	world_open((struct sim_options){.frames = ALL});
	while (frames_populate(w->node->core, &b)) {
		host_submit(w->node, &b);
		finish_all();
	}
	assert_int_equal(w->node->core->zones[0].free, ALL);
	return 0;
}

static void
give_back(const uint32_t *pfn, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		frame_free(w->node->core, &w->node->core->frames[pfn[i]]);
}

static uint32_t
blocks(unsigned order)
{
	return w->node->core->zones[0].area[order].count;
}

static void
the_pool_grows_in_blocks_of_2_mib(void **unused)
{
	(void)unused;
	assert_int_equal(w->count.populates, ALL);
	assert_int_equal(blocks(9), ALL / 512);
	assert_false(
		frames_populate(w->node->core, &(struct batch){NULL, NULL}));
}

/* Take frames of a pool of two blocks until kswapd is asked to let it grow. */
static void
kswapd_lets_the_pool_grow_before_frames_run_out(void **unused)
{
	struct batch b = {NULL, NULL};
	const bool *asked;
	struct core *c;
	uint32_t n = 0;

	(void)unused;
	/* A policy that asks for nothing as long as the pool can grow. */
	world_open((struct sim_options){.frames = ALL, .policy = "linux24"});
	c = w->node->core;
	asked = &w->node->daemon_queued[DAEMON_KSWAPD];
	assert_int_equal(frames_alloc(c, ALLOC_TOUCH, 1, 1, pfns), 0);
	assert_true(*asked);
	(void)core_kswapd(c, &b);
	host_submit(w->node, &b);
	finish_all();
	assert_int_equal(c->zones[0].free, ALL / 2);
	assert_false(core_kswapd(c, &b)); /* enough is ready */

	for (w->node->daemon_queued[DAEMON_KSWAPD] = false; !*asked; n++)
		assert_int_equal(frames_alloc(c, ALLOC_TOUCH, 1, 1, &pfns[n]),
		                 1);
	assert_int_equal(c->zones[0].free, c->freepages.low - 1);
	(void)core_kswapd(c, &b);
	assert_int_equal(b.first->kind, OP_POPULATE);
	host_submit(w->node, &b);
	give_back(pfns, n);
	finish_all();
	assert_int_equal(c->zones[0].free, ALL);
}

static void
nothing_leaves_while_the_pool_grows(void **unused)
{
	struct batch b = {NULL, NULL};
	struct core *c;

	(void)unused;
	world_open((struct sim_options){.frames = ALL});
	c = w->node->core;
	for (uint32_t page = 0; page < 8; page++)
		touch(page, true);
	while (frames_populate(c, &b))
		;
	assert_int_equal(core_frames_free(c) + c->frames_used, ALL);
	host_submit(w->node, &b);
	assert_true(core_reclaim_direct(c, &b));
	assert_null(b.first);
	finish_all();
	assert_true(core_reclaim_direct(c, &b));
	assert_int_equal(b.first->kind, OP_UNMAP);
	host_submit(w->node, &b);
	finish_all();
}

static void
buddy_merges_to_the_highest_order(void **unused)
{
	(void)unused;
	assert_int_equal(
		frames_alloc(w->node->core, ALLOC_SWAPIN, ALL, ALL, pfns), ALL);
	for (unsigned order = 0; order < BUDDY_ORDERS; order++)
		assert_int_equal(blocks(order), 0);
	for (uint32_t i = 0; i < ALL; i += 2)
		give_back(&pfns[i], 1);
	for (uint32_t i = 1; i < ALL; i += 2)
		give_back(&pfns[i], 1);
	assert_int_equal(blocks(9), ALL / 512);
	assert_int_equal(w->node->core->zones[0].free, ALL);
	check();
}

static void
buddies_that_are_no_buddies_do_not_merge(void **unused)
{
	uint32_t n = frames_alloc(w->node->core, ALLOC_SWAPIN, ALL, ALL, pfns);

	(void)unused;
	assert_int_equal(n, ALL);
	/* Neighbours, but of two different pairs. */
	frame_free(w->node->core, &w->node->core->frames[1]);
	frame_free(w->node->core, &w->node->core->frames[2]);
	assert_int_equal(blocks(0), 2);
	frame_free(w->node->core, &w->node->core->frames[0]);
	assert_int_equal(blocks(0), 1);
	assert_int_equal(blocks(1), 1);
	frame_free(w->node->core, &w->node->core->frames[3]);
	assert_int_equal(blocks(2), 1);
}

static void
a_run_of_frames_is_one_of_neighbours(void **unused)
{
	(void)unused;
	assert_int_equal(
		frames_alloc(w->node->core, ALLOC_SWAPIN, 64, 64, pfns), 64);
	for (uint32_t i = 1; i < 64; i++)
		assert_int_equal(pfns[i], pfns[0] + i);
	assert_int_equal(pfns[0] % 64, 0);
}

static void
a_split_block_leaves_one_of_each_smaller_order(void **unused)
{
	(void)unused;
	assert_int_equal(frames_alloc(w->node->core, ALLOC_SWAPIN, 1, 1, pfns),
	                 1);
	for (unsigned order = 0; order < 9; order++)
		assert_int_equal(blocks(order), 1);
	assert_int_equal(blocks(9), ALL / 512 - 1);
	give_back(pfns, 1);
	assert_int_equal(blocks(9), ALL / 512);
}

static void
a_first_touch_leaves_a_reserve_for_pages_that_come_back(void **unused)
{
	uint32_t n;

	(void)unused;
	n = frames_alloc(w->node->core, ALLOC_TOUCH, ALL, ALL, pfns);
	assert_int_equal(n, ALL - FRAMES_RESERVE);
	assert_int_equal(
		frames_alloc(w->node->core, ALLOC_TOUCH, 1, 1, &pfns[n]), 0);
	assert_int_equal(
		frames_alloc(w->node->core, ALLOC_SWAPIN, ALL, ALL, &pfns[n]),
		FRAMES_RESERVE);
	assert_int_equal(frames_alloc(w->node->core, ALLOC_SWAPIN, 1, 1, pfns),
	                 0);
}

static void
reading_ahead_leaves_the_lowest_watermark(void **unused)
{
	(void)unused;
	assert_int_equal(frames_alloc(w->node->core, ALLOC_AHEAD, ALL, 0, pfns),
	                 ALL - w->node->core->zones[0].pages_min);
}

static void
watermarks_are_in_order(void **unused)
{
	static const uint32_t sizes[] = {256, 512, 1024, 1536};

	(void)unused;
	for (unsigned i = 0; i < 4; i++) {
		const struct zone *z;

		world_open((struct sim_options){.frames = sizes[i]});
		z = &w->node->core->zones[0];
		assert_true(z->pages_min >= 10);
		assert_true(z->pages_min < z->pages_low);
		assert_true(z->pages_low < z->pages_high);
		assert_true(z->pages_high < z->size / 4);
	}
}

static void
a_frame_is_fresh_until_it_is_used(void **unused)
{
	uint32_t pfn;

	(void)unused;
	touch(3, false);
	pfn = w->page[0][3].pfn;
	unmap(3, 1); /* all zero: the frame is known to be so */
	assert_true(w->node->core->frames[pfn].flags & FRAME_FREE ||
	            w->node->core->frames[pfn].list == LIST_NONE);
	touch(3, true);
	while (discard(3, 1) > 0)
		finish_all();
	touch(3, false); /* dies if what was written comes back */
}

#define T(name) cmocka_unit_test_setup(name, fresh)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_pool_grows_in_blocks_of_2_mib),
		T(kswapd_lets_the_pool_grow_before_frames_run_out),
		T(nothing_leaves_while_the_pool_grows),
		T(buddy_merges_to_the_highest_order),
		T(buddies_that_are_no_buddies_do_not_merge),
		T(a_run_of_frames_is_one_of_neighbours),
		T(a_split_block_leaves_one_of_each_smaller_order),
		T(a_first_touch_leaves_a_reserve_for_pages_that_come_back),
		T(reading_ahead_leaves_the_lowest_watermark),
		T(watermarks_are_in_order),
		T(a_frame_is_fresh_until_it_is_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
