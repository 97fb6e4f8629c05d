/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_kernelver.c -- the border of each known defect of the kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bits.h"
#include "tools/kernelver.h"

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

/* A machine with this version and this /proc/swaps.  => what is said */
static const char *
danger_of(const char *release, const char *swaps)
{
	char root[] = "/tmp/pageout-test-XXXXXX", command[512];
	const char *said;

	assert_non_null(mkdtemp(root));
	(void)snprintf(command, sizeof(command),
	               "mkdir -p %s/proc/sys/kernel && "
	               "echo '%s' >%s/proc/sys/kernel/osrelease && "
	               "printf '%s' >%s/proc/swaps",
	               root, release, root, swaps, root);
	assert_int_equal(system(command), 0);
	said = kernel_danger(root);
	(void)snprintf(command, sizeof(command), "rm -r %s", root);
	assert_int_equal(system(command), 0);
	return said;
}

static void
only_a_bad_kernel_that_swaps_is_a_danger(void **state)
{
	static const char off[] = "Filename Type\n";
	static const char on[] = "Filename Type\n/dev/sda3 partition\n";

	(void)state;
	assert_non_null(danger_of("6.12.36-generic", on));
	assert_null(danger_of("6.12.36-generic", off));
	assert_null(danger_of("6.12.36-generic", ""));
	assert_null(danger_of("6.12.37", on));
	assert_null(danger_of("6.1.0", on)); /* refused anyway */
	assert_null(danger_of("strange", on));
	assert_null(kernel_danger("/nowhere"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			each_version_has_the_defects_that_are_known_of_it),
		cmocka_unit_test(what_is_not_a_version_is_refused),
		cmocka_unit_test(only_a_bad_kernel_that_swaps_is_a_danger),
	};

	return cmocka_run_group_tests_name("kernelver", tests, NULL, NULL);
}
