/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_zonelist.c -- which node is to have memory that nobody has yet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/node/zonelist.h"

static void
assert_order(const struct zonelist *z, unsigned count, const uint8_t *order)
{
	assert_int_equal(z->count, count);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(z->node[i], order[i]);
}

static void
own_first_then_by_distance(void **state)
{
	static const uint8_t from_0[4] = {10, 32, 16, 32};
	static const uint8_t from_2[4] = {16, 32, 10, 21};
	struct zonelist z;

	(void)state;
	zonelist_build(&z, 0, 4, from_0);
	assert_order(&z, 4, (const uint8_t[]){0, 2, 1, 3});
	zonelist_build(&z, 2, 4, from_2);
	assert_order(&z, 4, (const uint8_t[]){2, 0, 3, 1});
}

static void
equally_far_ones_take_turns(void **state)
{
	struct zonelist z;

	(void)state;
	zonelist_build(&z, 2, 4, NULL);
	assert_order(&z, 4, (const uint8_t[]){2, 3, 0, 1});
	zonelist_build(&z, 0, 1, NULL);
	assert_order(&z, 1, (const uint8_t[]){0});
}

static void
the_own_node_while_it_has_room(void **state)
{
	struct node_load load[2] = {{4096, 3584, 0, false},
	                            {4096, 0, 0, false}};
	struct zonelist z;
	bool is_short;

	(void)state;
	zonelist_build(&z, 0, 2, NULL);
	assert_int_equal(zonelist_choose(&z, load, 512, &is_short), 0);
	assert_false(is_short);
	load[0].claimed++; /* a chunk does not fit any more */
	assert_int_equal(zonelist_choose(&z, load, 512, &is_short), 1);
	load[0].claimed = 0;
	load[0].is_short = true; /* others took its frames */
	assert_int_equal(zonelist_choose(&z, load, 512, &is_short), 1);
	assert_false(is_short);
}

/* All are full: chunks go where there are fewest for the frames. */
static void
pressure_becomes_equal(void **state)
{
	struct node_load load[3] = {{4096, 4096, 0, true},
	                            {8192, 8192, 0, true},
	                            {4096, 4096, 0, true}};
	unsigned given[3] = {0};
	struct zonelist z;
	bool is_short;

	(void)state;
	zonelist_build(&z, 1, 3, NULL);
	for (unsigned i = 0; i < 40; i++) {
		unsigned n = zonelist_choose(&z, load, 512, &is_short);

		assert_true(is_short);
		load[n].claimed += 512;
		given[n]++;
	}
	assert_int_equal(given[0], 10);
	assert_int_equal(given[1], 20);
	assert_int_equal(given[2], 10);
}

/* What was promised goes where it can be held, light or heavy. */
static void
promises_are_kept(void **state)
{
	struct node_load load[2] = {{4096, 0, 1, false}, {4096, 8192, 0, true}};
	struct zonelist z;
	bool is_short;

	(void)state;
	zonelist_build(&z, 0, 2, NULL);
	assert_int_equal(zonelist_choose(&z, load, 512, &is_short), 1);
	load[0].lacks = 0;
	assert_int_equal(zonelist_choose(&z, load, 512, &is_short), 0);
	load[0].lacks = 1; /* neither: the one that could hold most */
	load[1].lacks = 2;
	assert_int_equal(zonelist_choose(&z, load, 512, &is_short), 0);
}

static void
chunks_grow_with_nodes(void **state)
{
	(void)state;
	assert_int_equal(zonelist_chunk(256), CHUNK_PAGES_MIN);
	assert_int_equal(zonelist_chunk(512 * 64), 512);
	assert_int_equal(zonelist_chunk(512 * 64 + 1), 1024);
	assert_int_equal(zonelist_chunk(1u << 30), CHUNK_PAGES_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_first_then_by_distance),
		cmocka_unit_test(equally_far_ones_take_turns),
		cmocka_unit_test(the_own_node_while_it_has_room),
		cmocka_unit_test(pressure_becomes_equal),
		cmocka_unit_test(promises_are_kept),
		cmocka_unit_test(chunks_grow_with_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
