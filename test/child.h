/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * child.h -- for tests of what a process does to itself for good, as to put a
 * filter before its system calls: it is done in a child.
 */
#ifndef TEST_CHILD_H
#define TEST_CHILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Exit statuses, beside 0. */
#define CANNOT_HERE 77             /* as meson has it */
#define FAILED (__LINE__ % 76 + 1) /* says where; neither 0 nor 77 */

static inline void
skip_because(const char *why)
{
	print_message("# SKIP %s\n", why);
	skip();
}

/* Run f in a child.  => its exit status: 0 good, CANNOT_HERE, or what failed */
static inline int
in_child(int (*f)(void))
{
	pid_t pid;
	int status;

	(void)fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(f());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static inline void
good_or_skipped(int status, const char *why)
{
	if (status == CANNOT_HERE)
		skip_because(why);
	assert_int_equal(status, 0);
}

#endif
