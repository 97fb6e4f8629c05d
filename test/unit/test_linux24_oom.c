/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_linux24_oom.c -- when memory is out by the rules of Linux 2.4, and who
 * goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reclaim/linux24/linux24.h"

static struct core core;
static struct linux24 state;
static uint64_t stat[PAGEOUT_STATS];
static unsigned kills;

static void
fake_kill(void *ctx)
{
	(void)ctx;
	kills++;
}

static const struct host_ops fake_host = {.oom_kill = fake_kill};
static const struct host_ops poor_host = {.name = "kills nobody"};

/* A machine of 32752 pages: marks 351, 702, 1053. */
static int
fresh(void **unused)
{
	(void)unused;
	core = (struct core){
		.cfg.host = &fake_host,
		.zone_count = 2,
		.freepages = {.min = 351, .low = 702, .high = 1053},
		.zones[0] = {.size = 4096, .populated = 4096},
		.zones[1] = {.size = 28656, .populated = 28656},
		.swap_list = {.head = -1},
		.policy_state = &state,
		.stat = stat,
	};
	state = (struct linux24){0};
	stat[PAGEOUT_STAT_oom_kill] = 0;
	kills = 0;
	return 0;
}

/* S24-61 */
static void
memory_is_out_when_all_three_are(void **unused)
{
	(void)unused;
	core.zones[0].free = 51;
	core.zones[1].free = 300;
	state.inactive_clean[0].count = 351;
	assert_true(out_of_memory(&core));
	core.zones[1].free = 301;
	assert_false(out_of_memory(&core));
	core.zones[1].free = 300;
	state.inactive_clean[1].count = 1;
	assert_false(out_of_memory(&core));
	state.inactive_clean[1].count = 0;
	core.swap_list.head = 3;
	core.swap[3].next = -1;
	assert_true(out_of_memory(&core));
	core.swap[3].free = 1;
	assert_false(out_of_memory(&core));
}

/* S24-62 */
static void
badness_is_exact(void **unused)
{
	struct victim24 v = {
		.pid = 2,
		.total_vm = 10000,
		.cpu_time = 102400,
		.run_time = 13107200,
	};

	(void)unused;
	assert_int_equal(badness24(&v), 555);
	v.niced = true;
	assert_int_equal(badness24(&v), 1110);
	v.is_admin = true;
	assert_int_equal(badness24(&v), 277);
	v.has_rawio = true;
	assert_int_equal(badness24(&v), 69);
	v = (struct victim24){.pid = 2, .total_vm = 10000};
	assert_int_equal(badness24(&v), 10000);
}

/* The roots, seen through the time that was used. */
static void
roots_are_rough(void **unused)
{
	static const struct {
		uint64_t x, root;
	} table[] = {{0, 1},  {1, 1},  {2, 1},  {4, 2},   {9, 2},    {16, 3},
	             {25, 5}, {36, 4}, {64, 6}, {100, 9}, {1000, 31}};

	(void)unused;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct victim24 v = {.total_vm = 3 * 5 * 4 * 3 * 31,
		                     .cpu_time = table[i].x << 10};

		assert_int_equal(badness24(&v), v.total_vm / table[i].root);
	}
}

static void
the_worst_goes_and_never_the_idle_task(void **unused)
{
	const struct victim24 v[] = {
		{.pid = 0, .total_vm = 1000000}, {.pid = 7, .total_vm = 100},
		{.pid = 8, .total_vm = 300},     {.pid = 9, .total_vm = 300},
		{.pid = 10, .total_vm = 0},
	};

	(void)unused;
	assert_ptr_equal(select_bad_process24(v, 5), &v[2]);
	assert_ptr_equal(select_bad_process24(v, 2), &v[1]);
	assert_null(select_bad_process24(v, 1));
	assert_null(select_bad_process24(&v[4], 1));
	assert_null(select_bad_process24(v, 0));
}

static void
a_host_that_can_is_asked_to_kill(void **unused)
{
	(void)unused;
	oom_kill24(&core);
	oom_kill24(&core); /* nothing keeps it from asking again */
	assert_int_equal(kills, 2);
	assert_int_equal(state.oom_kills, 2);
	assert_int_equal(stat[PAGEOUT_STAT_oom_kill], 2);
	core.cfg.host = &poor_host;
	oom_kill24(&core);
	assert_int_equal(state.oom_kills, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(memory_is_out_when_all_three_are, fresh),
		cmocka_unit_test(badness_is_exact),
		cmocka_unit_test(roots_are_rough),
		cmocka_unit_test(the_worst_goes_and_never_the_idle_task),
		cmocka_unit_test_setup(a_host_that_can_is_asked_to_kill, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
