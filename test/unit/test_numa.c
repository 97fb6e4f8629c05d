/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_numa.c -- which nodes a machine has, and who gets which CPUs.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/numa.h"

/* CPUs 0..63 as bits. */
static uint64_t
bits(const cpu_set_t *set)
{
	uint64_t r = 0;

	for (unsigned i = 0; i < 64; i++)
		r |= (uint64_t)(CPU_ISSET(i, set) != 0) << i;
	return r;
}

static cpu_set_t
set_of(uint64_t from)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (unsigned i = 0; i < 64; i++)
		if (from >> i & 1)
			CPU_SET(i, &set);
	return set;
}

/* -- lists ---------------------------------------------------------------- */

static void
lists_as_the_kernel_writes_them(void **state)
{
	static const struct {
		const char *text;
		uint64_t cpus;
	} good[] = {
		{"0\n", 1},
		{"0-3\n", 0xf},
		{"1,3\n", 0xa},
		{"0-1,4-5\n", 0x33},
		{"63", 1ull << 63},
		{"\n", 0},
		{"", 0},
	};
	static const char *const bad[] = {"x",   "1-", "3-1",
	                                  "1 2", "-1", "99999"};
	cpu_set_t set;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(numa_parse_list(good[i].text, &set));
		assert_int_equal(bits(&set), good[i].cpus);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(numa_parse_list(bad[i], &set));
}

/* -- dealing -------------------------------------------------------------- */

static uint64_t
dealt(uint64_t cpus, uint64_t allowed, unsigned nth, unsigned sharers)
{
	cpu_set_t of = set_of(cpus), may = set_of(allowed), ret;

	numa_deal(&ret, &of, &may, nth, sharers);
	return bits(&ret);
}

static void
cpus_are_dealt_out_in_turns(void **state)
{
	(void)state;
	assert_int_equal(dealt(0xff, 0xff, 0, 1), 0xff);
	assert_int_equal(dealt(0xff, 0xff, 0, 2), 0x55);
	assert_int_equal(dealt(0xff, 0xff, 1, 2), 0xaa);
	/* Only those that are allowed, and each of them once. */
	assert_int_equal(dealt(0xf0, 0x30, 0, 2), 0x10);
	assert_int_equal(dealt(0xf0, 0x30, 1, 2), 0x20);
	/* More who share than there are CPUs: some have none. */
	assert_int_equal(dealt(0x3, 0x3, 2, 4), 0);
	assert_int_equal(dealt(0x3, 0xc, 0, 1), 0);
}

static void
a_cpu_comes_and_goes(void **state)
{
	(void)state;
	assert_int_equal(dealt(0xd, 0xf, 1, 2), 0x4); /* CPU 1 is off */
	assert_int_equal(dealt(0xf, 0xf, 1, 2), 0xa); /* and on again */
}

/* -- a machine ------------------------------------------------------------ */

static void
put(const char *root, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/sys/devices/system/node/%s",
	               root, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
make_dirs(const char *root)
{
	static const char *const dirs[] = {
		"sys",
		"sys/devices",
		"sys/devices/system",
		"sys/devices/system/node",
		"sys/devices/system/node/node0",
		"sys/devices/system/node/node2",
	};
	char path[512];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", root, dirs[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
}

static void
a_machine_with_two_nodes(void **state)
{
	char root[] = "/tmp/pageout-numa-XXXXXX", command[64];
	struct numa m;
	cpu_set_t cpus;

	(void)state;
	assert_non_null(mkdtemp(root));
	make_dirs(root);
	put(root, "has_memory", "0,2\n");
	put(root, "node0/cpulist", "0-1\n");
	put(root, "node2/cpulist", "2-3\n");
	put(root, "node0/distance", "10 31\n");
	put(root, "node2/distance", "31 10\n");
	numa_read(&m, root);
	assert_int_equal(m.count, 2);
	assert_int_equal(m.id[0], 0);
	assert_int_equal(m.id[1], 2);
	assert_int_equal(m.distance[0][1], 31);
	assert_int_equal(m.distance[1][1], 10);
	numa_cpus(&cpus, root, 2);
	assert_int_equal(bits(&cpus), 0xc);
	(void)snprintf(command, sizeof(command), "rm -r %s", root);
	assert_int_equal(system(command), 0);
}

static void
a_machine_that_says_nothing_has_one(void **state)
{
	struct numa m;
	cpu_set_t cpus;

	(void)state;
	numa_read(&m, "/nowhere");
	assert_int_equal(m.count, 1);
	assert_int_equal(m.id[0], 0);
	numa_cpus(&cpus, "/nowhere", 0);
	assert_int_equal(bits(&cpus), UINT64_MAX);
}

/* -- threads -------------------------------------------------------------- */

static void
the_cpu_of_a_thread(void **state)
{
	cpu_set_t old, one;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(old), &old), 0);
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &old))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
		assert_int_equal(numa_thread_cpu((int)syscall(SYS_gettid)),
		                 cpu);
	}
	assert_int_equal(sched_setaffinity(0, sizeof(old), &old), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_as_the_kernel_writes_them),
		cmocka_unit_test(cpus_are_dealt_out_in_turns),
		cmocka_unit_test(a_cpu_comes_and_goes),
		cmocka_unit_test(a_machine_with_two_nodes),
		cmocka_unit_test(a_machine_that_says_nothing_has_one),
		cmocka_unit_test(the_cpu_of_a_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
