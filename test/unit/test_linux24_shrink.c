/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_linux24_shrink.c -- caches are asked by the rules of Linux 2.4.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "reclaim/linux24/linux24.h"

static struct core core;
static struct linux24 state;

/* What the host was asked, in order. */
static struct {
	unsigned id;
	uint64_t goal;
} asks[64];
static unsigned asks_count;

static void
fake_shrink(void *ctx, unsigned cache, uint64_t goal)
{
	assert_ptr_equal(ctx, &core);
	assert_true(asks_count < ARRAY_SIZE(asks));
	asks[asks_count].id = cache;
	asks[asks_count++].goal = goal;
}

static const struct host_ops fake_host = {.shrink = fake_shrink};
static const struct host_ops poor_host = {.name = "no shrinkers"};

static int
fresh(void **unused)
{
	(void)unused;
	core = (struct core){.cfg.host = &fake_host, .cfg.host_ctx = &core};
	state = (struct linux24){0};
	core.policy_state = &state;
	asks_count = 0;
	return 0;
}

static unsigned
add(enum cache_kind kind, uint8_t flags, uint8_t order, uint32_t unused)
{
	int id = core_cache_add(&core, &(struct cache){
					       .kind = (uint8_t)kind,
					       .flags = flags,
					       .order = order,
					       .unused = unused,
				       });

	assert_true(id >= 0);
	return (unsigned)id;
}

static void
expect_asks(unsigned n)
{
	assert_int_equal(asks_count, n);
	asks_count = 0;
}

static void
expect_ask(unsigned id, uint64_t goal)
{
	assert_int_equal(asks_count, 1);
	assert_int_equal(asks[0].id, id);
	assert_int_equal(asks[0].goal, goal);
	asks_count = 0;
}

/* -- S24-60: dentries, inodes --------------------------------------------- */

static void
dentries_by_priority(void **unused)
{
	unsigned id = add(CACHE_DENTRY, 0, 0, 600);

	(void)unused;
	shrink_dcache_memory(&core, 6, GFP_KSWAPD);
	expect_ask(id, 100);
	shrink_dcache_memory(&core, 1, GFP_KERNEL);
	expect_ask(id, 600);
	shrink_dcache_memory(&core, 0, GFP_KERNEL);
	expect_ask(id, 0); /* all */
	core_cache_tell(&core, id, 5, 0);
	shrink_dcache_memory(&core, 6, GFP_KERNEL);
	expect_ask(id, 0); /* fewer than 6: all of them */
	assert_int_equal(core.caches[id].asked, 4);
}

static void
without_io_no_cache_is_asked(void **unused)
{
	(void)unused;
	(void)add(CACHE_DENTRY, 0, 0, 600);
	(void)add(CACHE_INODE, 0, 0, 600);
	shrink_dcache_memory(&core, 0, GFP_BUFFER);
	shrink_icache_memory(&core, 0, GFP_ATOMIC);
	expect_asks(0);
}

static void
each_kind_is_asked_by_its_own_call(void **unused)
{
	unsigned dentries = add(CACHE_DENTRY, 0, 0, 60);
	unsigned inodes = add(CACHE_INODE, 0, 0, 90);

	(void)unused;
	shrink_dcache_memory(&core, 6, GFP_KERNEL);
	expect_ask(dentries, 10);
	shrink_icache_memory(&core, 6, GFP_KERNEL);
	expect_ask(inodes, 15);
	kmem_cache_reap(&core, GFP_KERNEL);
	expect_asks(0);
}

static void
an_empty_cache_is_counted_and_left_alone(void **unused)
{
	unsigned id = add(CACHE_INODE, 0, 0, 0);

	(void)unused;
	shrink_icache_memory(&core, 0, GFP_KERNEL);
	expect_asks(0);
	assert_int_equal(core.caches[id].asked, 1);
}

/* -- S24-59: slabs -------------------------------------------------------- */

static void
the_best_cache_gives_four_fifths(void **unused)
{
	unsigned y;

	(void)unused;
	(void)add(CACHE_SLAB, 0, 0, 4);
	y = add(CACHE_SLAB, CACHE_CONSTRUCTOR, 0, 6);
	(void)add(CACHE_SLAB, 0, 1, 3);
	kmem_cache_reap(&core, GFP_KSWAPD);
	expect_ask(y, 5); /* weights 4, 5, 5: the first of the best */
}

static void
ten_free_slabs_end_the_search(void **unused)
{
	unsigned ten, more;

	(void)unused;
	ten = add(CACHE_SLAB, 0, 0, 10);
	more = add(CACHE_SLAB, 0, 0, 50);
	kmem_cache_reap(&core, GFP_KERNEL);
	expect_ask(ten, 8);
	assert_int_equal(state.clock_hand,
	                 ten + 1); /* the hand stands past it */
	kmem_cache_reap(&core, GFP_KERNEL);
	expect_ask(more, 40);
}

static void
one_free_slab_is_freed_and_none_is_not(void **unused)
{
	unsigned id = add(CACHE_SLAB, 0, 0, 1);

	(void)unused;
	kmem_cache_reap(&core, GFP_KERNEL);
	expect_ask(id, 1);
	core_cache_tell(&core, id, 0, 0);
	kmem_cache_reap(&core, GFP_KERNEL);
	expect_asks(0);
}

static void
marks_make_a_cache_be_skipped(void **unused)
{
	unsigned id = add(CACHE_SLAB, 0, 0, 5);

	(void)unused;
	core_cache_tell(&core, id, 5,
	                CACHE_GROWING); /* growing: till it ends */
	kmem_cache_reap(&core, GFP_KERNEL);
	kmem_cache_reap(&core, GFP_KERNEL);
	expect_asks(0);
	core_cache_tell(&core, id, 5, CACHE_GROWN); /* grown: once */
	core_cache_tell(&core, id, 5, 0);
	kmem_cache_reap(&core, GFP_KERNEL);
	expect_asks(0);
	kmem_cache_reap(&core, GFP_KERNEL);
	expect_ask(id, 4);
}

static void
a_cache_that_is_not_to_be_reaped_is_not(void **unused)
{
	(void)unused;
	(void)add(CACHE_SLAB, CACHE_NO_REAP, 0, 5);
	(void)add(CACHE_DENTRY, CACHE_NO_REAP, 0, 500);
	kmem_cache_reap(&core, GFP_KERNEL);
	shrink_dcache_memory(&core, 0, GFP_KERNEL);
	expect_asks(0);
}

static void
ten_caches_are_looked_at(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < 12; i++)
		(void)add(CACHE_SLAB, 0, 0, i < 10 ? 1 : 9);
	kmem_cache_reap(&core, GFP_KERNEL);
	expect_ask(0, 1); /* the eleventh was not seen */
	kmem_cache_reap(&core, GFP_KERNEL);
	expect_ask(10, 7);
}

/* -- registration --------------------------------------------------------- */

static void
there_is_room_for_so_many(void **unused)
{
	struct cache one = {.kind = CACHE_SLAB};

	(void)unused;
	for (int i = 0; i < CACHES_MAX; i++)
		assert_int_equal(core_cache_add(&core, &one), i);
	assert_int_equal(core_cache_add(&core, &one), -ENOSPC);
	core_cache_remove(&core, 7);
	assert_int_equal(core_cache_add(&core, &one), 7);
}

static void
a_host_without_shrinkers_is_not_asked(void **unused)
{
	(void)unused;
	core.cfg.host = &poor_host;
	(void)add(CACHE_DENTRY, 0, 0, 600);
	(void)add(CACHE_SLAB, 0, 0, 6);
	shrink_dcache_memory(&core, 0, GFP_KERNEL);
	kmem_cache_reap(&core, GFP_KERNEL);
}

static void
what_was_done_is_counted(void **unused)
{
	uint64_t stat[PAGEOUT_STATS] = {0};
	unsigned entries, slabs;

	(void)unused;
	core.stat = stat;
	entries = add(CACHE_INODE, 0, 0, 600);
	slabs = add(CACHE_SLAB, 0, 0, 6);
	core_cache_shrunk(&core, entries, 100);
	core_cache_shrunk(&core, entries, 0);
	core_cache_shrunk(&core, slabs, 5);
	assert_int_equal(stat[PAGEOUT_STAT_shrink_calls], 2);
	assert_int_equal(stat[PAGEOUT_STAT_shrink_freed], 100);
	assert_int_equal(stat[PAGEOUT_STAT_slab_reaped], 5);
}

/* -- models --------------------------------------------------------------- */

static uint8_t ring[1000];

static struct entries24
entries(uint32_t n, uint8_t bits)
{
	/* Not from the start, so that it wraps. */
	struct entries24 e = {.entry = ring, .max = 1000, .old = 900};

	for (uint32_t i = 0; i < n; i++)
		entry_add24(&e, bits);
	return e;
}

static void
dentries_go_from_the_old_end(void **unused)
{
	struct entries24 e = entries(600, 0);

	(void)unused;
	assert_int_equal(prune_dcache24(&e, 100), 100);
	assert_int_equal(e.count, 500);
	assert_int_equal(prune_dcache24(&e, 0), 500);
	assert_int_equal(e.count, 0);
	assert_int_equal(prune_dcache24(&e, 10), 0);
}

/* Five of ten units go to those that lose their mark. */
static void
a_referenced_dentry_takes_a_unit(void **unused)
{
	struct entries24 e = entries(5, ENTRY_REFERENCED);

	(void)unused;
	for (unsigned i = 0; i < 95; i++)
		entry_add24(&e, 0);
	assert_int_equal(prune_dcache24(&e, 10), 5);
	assert_int_equal(e.count, 95);
	assert_int_equal(e.entry[(e.old + 94) % e.max], 0); /* no mark left */
}

/* Q24-15b: the last unit goes to a referenced one, so nothing stops it. */
static void
a_limit_that_is_passed_is_none(void **unused)
{
	struct entries24 e = entries(95, ENTRY_REFERENCED);

	(void)unused;
	for (unsigned i = 0; i < 5; i++)
		entry_add24(&e, 0);
	assert_int_equal(prune_dcache24(&e, 10), 100);
	assert_int_equal(e.count, 0);
}

static void
inodes_in_use_are_skipped(void **unused)
{
	struct entries24 e = entries(3, ENTRY_PAGES);
	uint32_t written;

	(void)unused;
	entry_add24(&e, ENTRY_DIRTY);
	entry_add24(&e, ENTRY_DIRTY | ENTRY_LOCKED);
	entry_add24(&e, 0);
	entry_add24(&e, 0);
	assert_int_equal(prune_icache24(&e, 2, &written), 2);
	assert_int_equal(written, 1);
	assert_int_equal(e.count, 5);
	assert_int_equal(e.entry[e.old], ENTRY_PAGES); /* their order is kept */
	assert_int_equal(prune_icache24(&e, 0, &written), 1);
	assert_int_equal(written, 0);
	assert_int_equal(e.count, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(dentries_by_priority, fresh),
		cmocka_unit_test_setup(without_io_no_cache_is_asked, fresh),
		cmocka_unit_test_setup(each_kind_is_asked_by_its_own_call,
	                               fresh),
		cmocka_unit_test_setup(an_empty_cache_is_counted_and_left_alone,
	                               fresh),
		cmocka_unit_test_setup(the_best_cache_gives_four_fifths, fresh),
		cmocka_unit_test_setup(ten_free_slabs_end_the_search, fresh),
		cmocka_unit_test_setup(one_free_slab_is_freed_and_none_is_not,
	                               fresh),
		cmocka_unit_test_setup(marks_make_a_cache_be_skipped, fresh),
		cmocka_unit_test_setup(a_cache_that_is_not_to_be_reaped_is_not,
	                               fresh),
		cmocka_unit_test_setup(ten_caches_are_looked_at, fresh),
		cmocka_unit_test_setup(there_is_room_for_so_many, fresh),
		cmocka_unit_test_setup(a_host_without_shrinkers_is_not_asked,
	                               fresh),
		cmocka_unit_test_setup(what_was_done_is_counted, fresh),
		cmocka_unit_test(dentries_go_from_the_old_end),
		cmocka_unit_test(a_referenced_dentry_takes_a_unit),
		cmocka_unit_test(a_limit_that_is_passed_is_none),
		cmocka_unit_test(inodes_in_use_are_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
