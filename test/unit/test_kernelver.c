/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_kernelver.c -- the border of each known defect of the kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bits.h"
#include "tools/doctor/kernelver.h"

enum {
	NONE = 0,
	OLD = KERNEL_NO_MOVE,
	LATER = KERNEL_MOVE_LATER,
	BOTH = KERNEL_MOVE_SWAP | KERNEL_MOVE_LATER
};

static void
each_version_has_the_defects_that_are_known_of_it(void **state)
{
	static const struct {
		const char *release;
		unsigned defects;
	} cases[] = {
		{"5.10.0-30-amd64", OLD}, {"6.1.0-37-amd64", OLD},
		{"6.7.12", OLD},          {"6.8.0-31-generic", BOTH},
		{"6.11.11", BOTH},        {"6.12.36", BOTH},
		{"6.12.37", LATER},       {"6.12.100", LATER},
		{"6.12.101", NONE},       {"6.13.0", BOTH},
		{"6.14.11", BOTH},        {"6.15.4", BOTH},
		{"6.15.5", LATER},        {"6.16", LATER},
		{"6.17.13", LATER},       {"6.18.41-rt", LATER},
		{"6.18.42", NONE},        {"6.18.44-fc", NONE},
		{"6.19.0-rc1", NONE},     {"7.0.1", NONE},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct kernel_version v;

		print_message("# %s\n", cases[i].release);
		assert_true(kernel_version_parse(cases[i].release, &v));
		assert_int_equal(kernel_defects(&v), cases[i].defects);
	}
}

static void
what_is_not_a_version_is_refused(void **state)
{
	struct kernel_version v = {1, 2, 3};

	(void)state;
	assert_false(kernel_version_parse("", &v));
	assert_false(kernel_version_parse("six", &v));
	assert_false(kernel_version_parse("6", &v));
	assert_false(kernel_version_parse("6.x", &v));
	assert_int_equal(v.patch, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			each_version_has_the_defects_that_are_known_of_it),
		cmocka_unit_test(what_is_not_a_version_is_refused),
	};

	return cmocka_run_group_tests_name("kernelver", tests, NULL, NULL);
}
