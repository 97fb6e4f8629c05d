/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_memory.c -- the memory that machine and control groups leave.
 *
 * Each case makes a small /proc and /sys of its own in a directory.
 */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "pageout/pageout.h"
#include "tools/memory.h"

#define MIB ((uint64_t)1 << 20)

static char root[64];

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int
setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/pageout-test-XXXXXX");
	return mkdtemp(root) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Make a file, with the directories that it needs. */
static void
put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s%s", root, name);
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void)mkdir(path, 0700);
		*p = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fputs(text, f);
	(void)fclose(f);
}

static void
put_machine(void)
{
	put("/proc/meminfo", "MemTotal:       8388608 kB\n"
	                     "MemFree:         100000 kB\n"
	                     "MemAvailable:   4194304 kB\n");
}

static struct memory_room
room(void)
{
	struct memory_room r;

	assert_int_equal(memory_room(root, &r), 0);
	return r;
}

static void
without_groups_the_machine_decides(void **state)
{
	struct memory_room r;

	(void)state;
	put_machine();
	r = room();
	assert_int_equal(r.total_bytes, 8192 * MIB);
	assert_int_equal(r.free_bytes, 4096 * MIB);
	assert_false(r.is_limited);
	assert_int_equal(memory_budget(&r), 2048 * MIB);
}

static void
the_tightest_group_decides(void **state)
{
	struct memory_room r;

	(void)state;
	put_machine();
	put("/proc/self/cgroup", "0::/a/b\n");
	put("/sys/fs/cgroup/a/b/memory.max", "2147483648\n");
	put("/sys/fs/cgroup/a/b/memory.current", "1048576\n");
	put("/sys/fs/cgroup/a/memory.max", "1073741824\n");
	put("/sys/fs/cgroup/a/memory.current", "805306368\n");
	put("/sys/fs/cgroup/a/memory.stat",
	    "anon 1\ninactive_file_not 7\ninactive_file 268435456\n");
	r = room();
	assert_true(r.is_limited);
	assert_int_equal(r.total_bytes, 1024 * MIB);
	assert_int_equal(r.free_bytes, 512 * MIB);
}

static void
a_container_sees_its_own_group_at_the_top(void **state)
{
	(void)state;
	put_machine();
	put("/proc/self/cgroup", "0::/\n");
	put("/sys/fs/cgroup/memory.max", "104857600\n");
	put("/sys/fs/cgroup/memory.current", "209715200\n");
	assert_int_equal(room().total_bytes, 100 * MIB);
	assert_int_equal(room().free_bytes, 0);
}

static void
a_group_without_a_limit_changes_nothing(void **state)
{
	(void)state;
	put_machine();
	put("/proc/self/cgroup", "0::/a\n");
	put("/sys/fs/cgroup/a/memory.max", "max\n");
	put("/sys/fs/cgroup/a/memory.current", "4096\n");
	assert_false(room().is_limited);
}

static void
groups_of_version_1_count_where_they_have_memory(void **state)
{
	(void)state;
	put_machine();
	put("/proc/self/cgroup", "9:cpu:/x\n4:memory:/m\n0::/\n");
	put("/sys/fs/cgroup/memory/m/memory.limit_in_bytes", "536870912\n");
	put("/sys/fs/cgroup/memory/m/memory.usage_in_bytes", "268435456\n");
	put("/sys/fs/cgroup/memory/memory.limit_in_bytes",
	    "9223372036854771712\n");
	assert_int_equal(room().total_bytes, 512 * MIB);
	assert_int_equal(room().free_bytes, 256 * MIB);
}

static void
the_budget_is_never_too_small_to_work(void **state)
{
	struct memory_room r = {0};

	(void)state;
	assert_int_equal(memory_budget(&r), PAGEOUT_MEM_BYTES_MIN);
	r.free_bytes = 11 * MIB;
	assert_int_equal(memory_budget(&r), 4 * MIB);
	r.free_bytes = 21 * MIB;
	assert_int_equal(memory_budget(&r), 10 * MIB);
}

static void
a_machine_that_does_not_say_is_an_error(void **state)
{
	struct memory_room r;

	(void)state;
	assert_int_equal(memory_room(root, &r), -ENOENT);
	put("/proc/meminfo", "MemTotal: many\nMemAvailable: 5 kB\n");
	assert_int_equal(memory_room(root, &r), -ENOENT);
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(without_groups_the_machine_decides),
		CASE(the_tightest_group_decides),
		CASE(a_container_sees_its_own_group_at_the_top),
		CASE(a_group_without_a_limit_changes_nothing),
		CASE(groups_of_version_1_count_where_they_have_memory),
		CASE(the_budget_is_never_too_small_to_work),
		CASE(a_machine_that_does_not_say_is_an_error),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
