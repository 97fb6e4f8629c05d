/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_assert.c -- what each price of assertion does at level 1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#undef CHECK_LEVEL
#define CHECK_LEVEL 1
#include "base/assert.h"

static jmp_buf failed;
static const char *failed_expr;

static void
hook(const char *expr, const char *file, int line, const char *func)
{
	failed_expr = expr;
	assert_non_null(strstr(file, "test_assert.c"));
	assert_true(line > 0);
	assert_non_null(func);
	longjmp(failed, 1);
}

static int
hook_set(void **state)
{
	static fail_fn *before;

	before = assert_fail;
	*state = &before;
	assert_fail = hook;
	failed_expr = NULL;
	return 0;
}

static int
hook_restore(void **state)
{
	assert_fail = *(fail_fn **)*state;
	return 0;
}

static void
a_broken_must_calls_the_hook_with_its_text(void **state)
{
	(void)state;
	if (setjmp(failed) == 0)
		must(1 + 1 == 3);
	assert_string_equal(failed_expr, "1 + 1 == 3");
}

static void
a_broken_should_counts_at_level_1(void **state)
{
	(void)state;
	if (setjmp(failed) == 0)
		should(sizeof(char) == 2);
	assert_non_null(failed_expr);
}

static void
an_audit_is_not_evaluated_at_level_1(void **state)
{
	volatile bool evaluated = false;

	(void)state;
	if (setjmp(failed) == 0)
		audit((evaluated = true) && false);
	assert_null(failed_expr);
	assert_false(evaluated);
}

static void
what_can_not_be_reached_does_not_go_on(void **state)
{
	(void)state;
	if (setjmp(failed) == 0)
		never();
	assert_string_equal(failed_expr, "not reached");
}

static void
what_is_true_is_silent(void **state)
{
	(void)state;
	must(true);
	should(true);
	assert_null(failed_expr);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, hook_set, hook_restore)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_broken_must_calls_the_hook_with_its_text),
		CASE(a_broken_should_counts_at_level_1),
		CASE(an_audit_is_not_evaluated_at_level_1),
		CASE(what_can_not_be_reached_does_not_go_on),
		CASE(what_is_true_is_silent),
	};

	return cmocka_run_group_tests_name("assert", tests, NULL, NULL);
}
