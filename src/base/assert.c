/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assert.c -- where a failed assertion ends.
 *
 * The default hook uses write() on a buffer of its own: it may be called in the
 * fault path, where neither stdio nor malloc may be touched.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"

static void
fail_print(const char *expr, const char *file, int line, const char *func)
{
	char text[512];
	int n;

	n = snprintf(text, sizeof(text), "pageout: %s:%d: %s: broken: %s\n",
	             file, line, func, expr);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(text))
		n = (int)sizeof(text) - 1;
	if (write(STDERR_FILENO, text, (size_t)n) < 0)
		return; /* nobody is listening; abort() still tells */
}

fail_fn *assert_fail = fail_print;

void
assert_die(const char *expr, const char *file, int line, const char *func)
{
	assert_fail(expr, file, line, func);
	abort();
}
