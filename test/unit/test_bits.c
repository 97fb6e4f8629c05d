/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_bits.c -- the arithmetic of powers of two.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bits.h"

static void
rounding_keeps_multiples_and_moves_the_rest(void **state)
{
	(void)state;
	assert_int_equal(round_up(0, 4096), 0);
	assert_int_equal(round_up(1, 4096), 4096);
	assert_int_equal(round_up(4096, 4096), 4096);
	assert_int_equal(round_down(4095, 4096), 0);
	assert_int_equal(round_down(4096, 4096), 4096);
	assert_int_equal(round_up(UINT64_MAX - 4095, 4096), UINT64_MAX - 4095);
	assert_int_equal(div_round_up(10, 3), 4);
	assert_int_equal(div_round_up(9, 3), 3);
	assert_int_equal(div_round_up(UINT64_MAX, 1), UINT64_MAX);
}

static void
ilog2_is_the_highest_bit(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t low = UINT64_C(1) << bit;

		assert_int_equal(ilog2(low), bit);
		assert_int_equal(ilog2(low | (low - 1)), bit);
		assert_true(is_power_of_two(low));
	}
	assert_false(is_power_of_two(0));
	assert_false(is_power_of_two(6));
}

static void
int_sqrt_is_rounded_down(void **state)
{
	(void)state;
	for (uint64_t root = 0; root < 70000; root++) {
		assert_int_equal(int_sqrt(root * root), root);
		assert_int_equal(int_sqrt(root * root + 2 * root), root);
	}
	assert_int_equal(int_sqrt(UINT64_MAX), UINT32_MAX);
}

static void
container_of_finds_the_structure(void **state)
{
	struct pair {
		int first, second;
	} pair;

	(void)state;
	assert_ptr_equal(container_of(&pair.second, struct pair, second),
	                 &pair);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rounding_keeps_multiples_and_moves_the_rest),
		cmocka_unit_test(int_sqrt_is_rounded_down),
		cmocka_unit_test(ilog2_is_the_highest_bit),
		cmocka_unit_test(container_of_finds_the_structure),
	};

	return cmocka_run_group_tests_name("bits", tests, NULL, NULL);
}
