/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_span.c -- the agent's table of ranges, beside a table of pages.
 *
 * Aim: after any history the ranges say of every page what the pages say, in
 * order, joined wherever they are alike.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/span.h"

enum { PAGES = 2000, STEPS = 20000 };
#define BASE ((uintptr_t)1 << 32)

static unsigned pages[PAGES];

static uintptr_t
at(unsigned page)
{
	return BASE + (uintptr_t)page * 4096;
}

static void
set(unsigned first, unsigned end, unsigned flags)
{
	assert_int_equal(span_reserve(), 0);
	span_set(at(first), at(end), flags);
	for (unsigned i = first; i < end; i++)
		pages[i] = flags;
}

static void
compare(void)
{
	unsigned page = 0, ranges = 0;
	struct span s, before = {0, 0, 0};

	while (page < PAGES) {
		s = span_first(at(page), at(PAGES));
		assert_true(s.start == at(page) && s.end > s.start);
		for (; at(page) < s.end; page++)
			assert_int_equal(pages[page], s.flags);
		ranges += s.flags != 0;
	}
	for (size_t n = 0; (s = span_number(n)).flags != 0; n++, ranges--) {
		assert_true(s.start >= before.end);
		assert_false(s.start == before.end && s.flags == before.flags);
		before = s;
	}
	assert_int_equal(ranges, 0);
}

static void
ranges_are_cut_and_joined(void **state)
{
	(void)state;
	set(10, 20, SPAN_MANAGED);
	set(20, 30, SPAN_MANAGED);
	assert_true(span_number(0).end == at(30));
	set(15, 18, 0);
	compare();
	assert_true(span_any(at(0), at(11), SPAN_MANAGED));
	assert_false(span_any(at(15), at(18), SPAN_MANAGED));
	assert_false(span_any(at(0), at(10), SPAN_MANAGED));
	set(15, 18, SPAN_MANAGED);
	assert_int_equal(span_number(1).flags, 0);
	set(0, PAGES, 0);
	assert_int_equal(span_number(0).flags, 0);
}

static void
any_history_ends_in_the_same_pages(void **state)
{
	static const unsigned kinds[] = {0, SPAN_MANAGED, SPAN_RESERVED,
	                                 SPAN_MANAGED | SPAN_LOCKED};
	uint64_t x = 88172645463325252u;

	(void)state;
	for (unsigned i = 0; i < STEPS; i++) {
		unsigned first, length;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		first = (unsigned)(x % PAGES);
		length = 1 + (unsigned)(x >> 20) % (x >> 60 == 0 ? 500 : 3);
		if (first + length > PAGES)
			length = PAGES - first;
		set(first, first + length, kinds[x >> 40 & 3]);
		if (i % 100 == 0)
			compare();
	}
	compare();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_cut_and_joined),
		cmocka_unit_test(any_history_ends_in_the_same_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
