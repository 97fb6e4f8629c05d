/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_kswapd_sizes.c -- marks, reserves and the watermark test of Linux 6.6.
 *
 * SM-n and F-n are the scenarios and formulas of its description.
 */
#include "test/unit/node66.h"

static void
assert_marks(unsigned zone, uint32_t min, uint32_t low, uint32_t high)
{
	assert_int_equal(wmark_pages(node, zone, WMARK_MIN), min);
	assert_int_equal(wmark_pages(node, zone, WMARK_LOW), low);
	assert_int_equal(wmark_pages(node, zone, WMARK_HIGH), high);
	assert_int_equal(node->zones[zone].pages_min, min);
	assert_int_equal(node->zones[zone].pages_low, low);
	assert_int_equal(node->zones[zone].pages_high, high);
}

static void
kinds(enum zone_kind66 a, enum zone_kind66 b)
{
	zone66(node, 0)->kind = (uint8_t)a;
	zone66(node, 1)->kind = (uint8_t)b;
	sizes_init66(node);
}

/* SM-01 */
static void
what_is_kept_is_the_root_of_what_there_is(void **unused)
{
	static const struct {
		uint64_t lowmem;
		uint32_t min_free;
	} table[] = {
		{512, 128},           {4096, 256},
		{131072, 1448},       {1048576, 4096},
		{4194304, 8192},      {16777216, 16384},
		{8589934592, 262144}, {4294967296, 262144},
		{4294967295, 262143},
	};

	(void)unused;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(min_free_kbytes66(table[i].lowmem),
		                 table[i].min_free);
}

/* SM-02, and the same by the formula: 4000000 kB keep 8000 kB. */
static void
marks_of_one_zone(void **unused)
{
	(void)unused;
	node_open(",min_free_kbytes=8000", ZONES(1000000));
	assert_marks(0, 2000, 3000, 4000);
	assert_int_equal(wmark_pages(node, 0, WMARK_PROMO), 5000);
	node_open("", ZONES(1000000));
	assert_marks(0, 2000, 3000, 4000);
}

/* SM-03 */
static void
zones_keep_as_much_as_they_are_large(void **unused)
{
	(void)unused;
	node_open(",min_free_kbytes=8000", ZONES(400000, 600000));
	assert_marks(0, 800, 1200, 1600);
	assert_marks(1, 1200, 1800, 2400);
	assert_int_equal(node->freepages.min, 2000);
	assert_int_equal(node->freepages.high, 4000);
	node_open(",min_free_kbytes=8000,watermark_scale=100",
	          ZONES(400000, 600000));
	assert_marks(0, 800, 4800, 8800);
	assert_marks(1, 1200, 7200, 13200);
}

/* SM-04 */
static void
movable_memory_keeps_little(void **unused)
{
	(void)unused;
	node_open(",min_free_kbytes=8000", ZONES(600000, 400000));
	kinds(ZONE66_NORMAL, ZONE66_MOVABLE);
	assert_marks(0, 2000, 2600, 3200);
	assert_marks(1, 128, 528, 928);
	assert_int_equal(node->freepages.min, 2128);
}

/* SM-05: of each zone, against requests for the zones above. */
static void
lower_zones_keep_some_from_higher_requests(void **unused)
{
	static const uint32_t kept[4][4] = {
		{0, 1562, 5468, 6835},
		{0, 0, 3906, 5273},
		{0, 0, 0, 10937},
		{0, 0, 0, 0},
	};

	(void)unused;
	node_open("", ZONES(4000, 400000, 1000000, 350000));
	zone66(node, 3)->kind = ZONE66_MOVABLE;
	sizes_init66(node);
	for (unsigned i = 0; i < 4; i++)
		for (unsigned j = 0; j < 4; j++)
			assert_int_equal(zone66(node, i)->lowmem_reserve[j],
			                 kept[i][j]);
}

static bool
passes(unsigned order, uint32_t mark, uint32_t flags)
{
	return zone_watermark_ok66(node, 0, order, mark, 0, flags);
}

/* SM-06 */
static void
a_request_leaves_the_mark(void **unused)
{
	struct zone *z;

	(void)unused;
	node_open("", ZONES(100000));
	z = &node->zones[0];
	z->populated = z->size;
	z->free = 3000;
	assert_false(passes(0, 3000, 0));
	z->free = 3001;
	assert_true(passes(0, 3000, 0));
	z->area[2].count = 1;
	z->free = 3003;
	assert_false(passes(2, 3000, 0));
	z->free = 3004;
	assert_true(passes(2, 3000, 0));
	assert_false(passes(3, 2000, 0));
	z->area[2].count = 0;
	z->area[1].count = 1;
	assert_false(passes(2, 3000, 0));
	z->area[7].count = 1;
	assert_true(passes(2, 3000, 0));
	/* What the pool has not grown to is free. */
	z->free = 0;
	z->populated = z->size - 3001;
	assert_true(passes(0, 3000, 0));
}

/* SM-07 */
static void
rights_lower_the_mark(void **unused)
{
	static const struct {
		uint32_t flags, mark;
	} table[] = {
		{0, 2000},
		{ALLOC66_NON_BLOCK, 2000},
		{ALLOC66_MIN_RESERVE, 1000},
		{ALLOC66_MIN_RESERVE | ALLOC66_NON_BLOCK, 750},
		{ALLOC66_OOM, 1000},
		{ALLOC66_OOM | ALLOC66_MIN_RESERVE, 500},
	};
	struct zone *z;

	(void)unused;
	node_open("", ZONES(100000));
	z = &node->zones[0];
	z->populated = z->size;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		z->free = table[i].mark;
		assert_false(passes(0, 2000, table[i].flags));
		z->free++;
		assert_true(passes(0, 2000, table[i].flags));
	}
	/* What is kept together is not for who has no right. */
	zone66(node, 0)->nr_reserved_highatomic = 512;
	z->free = 2512;
	assert_false(passes(0, 2000, 0));
	assert_true(passes(0, 2000, ALLOC66_HIGHATOMIC));
	z->free = 2513;
	assert_true(passes(0, 2000, 0));
}

/* SM-28 */
static void
marks_rise_by_blocks_to_a_limit(void **unused)
{
	(void)unused;
	node_open(",min_free_kbytes=8000", ZONES(1000000));
	assert_int_equal(wmark_pages(node, 0, WMARK_HIGH), 4000);
	for (uint32_t i = 1; i <= 11; i++) {
		boost_watermark(node, 0);
		assert_int_equal(zone66(node, 0)->watermark_boost, 512 * i);
	}
	boost_watermark(node, 0);
	assert_int_equal(zone66(node, 0)->watermark_boost, 6000);
	boost_watermark(node, 0);
	assert_int_equal(zone66(node, 0)->watermark_boost, 6000);
	assert_int_equal(wmark_pages(node, 0, WMARK_MIN), 8000);
	assert_int_equal(node->zones[0].pages_min, 2000);
	node_open("", ZONES(2047));
	boost_watermark(node, 0);
	assert_int_equal(zone66(node, 0)->watermark_boost, 0);
	node_open("", ZONES(2048)); /* HIGH is too low for a block: one */
	boost_watermark(node, 0);
	assert_int_equal(zone66(node, 0)->watermark_boost, 512);
	boost_watermark(node, 0);
	assert_int_equal(zone66(node, 0)->watermark_boost, 512);
}

/* F12 */
static void
counts_may_be_off_by_so_much(void **unused)
{
	const uint64_t unit = 128u << 20;

	(void)unused;
	assert_int_equal(pressure_threshold(2000, 3000, 1), 125);
	assert_int_equal(pressure_threshold(2000, 2100, 1), 100);
	assert_int_equal(pressure_threshold(2000, 2100, 8), 12);
	assert_int_equal(pressure_threshold(2000, 2007, 8), 1);
	assert_int_equal(normal_threshold(1, unit - 1), 2);
	assert_int_equal(normal_threshold(1, unit), 4);
	assert_int_equal(normal_threshold(2, 9 * unit), 20);
	assert_int_equal(normal_threshold(16, 64 * unit), 80);
	assert_int_equal(normal_threshold(1024, 8192 * unit), 125);
	node_open("", ZONES(65536)); /* 256 MiB */
	assert_int_equal(zone66(node, 0)->stat_threshold, 6);
	set_percpu_thresholds(node, true); /* marks 512, 640 */
	assert_int_equal(zone66(node, 0)->stat_threshold, 125);
}

static void
page_cluster_follows_memory(void **unused)
{
	(void)unused;
	assert_int_equal(page_cluster66(4095), 2);
	assert_int_equal(page_cluster66(4096), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_kept_is_the_root_of_what_there_is),
		cmocka_unit_test(marks_of_one_zone),
		cmocka_unit_test(zones_keep_as_much_as_they_are_large),
		cmocka_unit_test(movable_memory_keeps_little),
		cmocka_unit_test(lower_zones_keep_some_from_higher_requests),
		cmocka_unit_test(a_request_leaves_the_mark),
		cmocka_unit_test(rights_lower_the_mark),
		cmocka_unit_test(marks_rise_by_blocks_to_a_limit),
		cmocka_unit_test(counts_may_be_off_by_so_much),
		cmocka_unit_test(page_cluster_follows_memory),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	node_close();
	return r;
}
