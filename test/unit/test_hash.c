/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_hash.c -- the page hash and the zero test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"

enum { PAGE_BITS = PAGE_BYTES * 8 };

static uint8_t page[PAGE_BYTES + 8] __attribute__((aligned(4096)));

static void
a_zero_page_is_zero(void **state)
{
	(void)state;
	memset(page, 0, PAGE_BYTES);
	page[PAGE_BYTES] = 1; /* the byte behind it is not looked at */
	assert_true(page_is_zero(page));
}

static void
one_bit_anywhere_makes_a_page_not_zero(void **state)
{
	(void)state;
	memset(page, 0, sizeof(page));
	for (size_t bit = 0; bit < PAGE_BITS; bit++) {
		page[bit / 8] = (uint8_t)(1u << bit % 8);
		assert_false(page_is_zero(page));
		page[bit / 8] = 0;
	}
}

static void
the_hash_sees_every_bit(void **state)
{
	uint64_t zero;

	(void)state;
	memset(page, 0, sizeof(page));
	zero = page_hash(1, 2, page);
	for (size_t bit = 0; bit < PAGE_BITS; bit++) {
		page[bit / 8] = (uint8_t)(1u << bit % 8);
		assert_int_not_equal(page_hash(1, 2, page), zero);
		page[bit / 8] = 0;
	}
	assert_int_equal(page_hash(1, 2, page), zero);
}

static void
the_hash_does_not_see_the_byte_behind_the_page(void **state)
{
	uint64_t before;

	(void)state;
	memset(page, 0x5a, sizeof(page));
	before = page_hash(7, 7, page);
	page[PAGE_BYTES] = 0;
	assert_int_equal(page_hash(7, 7, page), before);
}

static void
the_same_bytes_of_another_page_hash_differently(void **state)
{
	uint64_t hash[16];
	size_t n = 0;

	(void)state;
	memset(page, 0x11, sizeof(page));
	for (uint64_t area = 0; area < 4; area++)
		for (uint64_t index = 0; index < 4; index++)
			hash[n++] = page_hash(area, index, page);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(hash[i], hash[k]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zero_page_is_zero),
		cmocka_unit_test(one_bit_anywhere_makes_a_page_not_zero),
		cmocka_unit_test(the_hash_sees_every_bit),
		cmocka_unit_test(
			the_hash_does_not_see_the_byte_behind_the_page),
		cmocka_unit_test(
			the_same_bytes_of_another_page_hash_differently),
	};

	return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
