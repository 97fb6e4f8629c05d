/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_node_threads.c -- the threads of nodes: their names, where they run, and
 * who wakes them.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/internal.h"
#include "reclaim/kswapd/kswapd.h"
#include "test/pager/engine.h"

static cpu_set_t allowed;

static struct pager *
open_nodes(unsigned nodes)
{
	struct pager *p = engine_open_nodes(nodes, 32 * MIB, 256 * MIB,
	                                    PAGEOUT_MODE_THREAD, "");

	(void)alarm(120);
	assert_non_null(p);
	return p;
}

static bool
has_cpus(unsigned nodes)
{
	return (unsigned)CPU_COUNT(&allowed) >= nodes;
}

/* The thread of this process with a name.  => 0: there is none, -1: several */
static int
thread_named(const char *name)
{
	DIR *d = opendir("/proc/self/task");
	char path[64], comm[32];
	struct dirent *e;
	int tid = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		FILE *f;

		(void)snprintf(path, sizeof(path), "/proc/self/task/%.16s/comm",
		               e->d_name);
		f = e->d_name[0] != '.' ? fopen(path, "r") : NULL;
		if (f == NULL)
			continue;
		if (fgets(comm, sizeof(comm), f) != NULL) {
			comm[strcspn(comm, "\n")] = '\0';
			if (strcmp(comm, name) == 0)
				tid = tid == 0 ? atoi(e->d_name) : -1;
		}
		(void)fclose(f);
	}
	(void)closedir(d);
	return tid;
}

static void
sleep_ms(unsigned ms)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = (long)ms * 1000000},
	                NULL);
}

/* A thread names itself when it begins. */
static int
wait_for_thread(const char *name)
{
	int tid = 0;

	for (unsigned i = 0; i < 1000 && tid == 0; i++) {
		tid = thread_named(name);
		sleep_ms(10);
	}
	return tid;
}

static void
each_node_has_its_threads(void **state)
{
	static const char *const names[] = {"kswapd", "kreclaimd", "flusher"};
	struct pager *p = open_nodes(3);
	char name[16];

	(void)state;
	for (unsigned node = 0; node < 3; node++)
		for (unsigned i = 0; i < 3; i++) {
			(void)snprintf(name, sizeof(name), "%s%u", names[i],
			               node);
			assert_true(wait_for_thread(name) > 0);
		}
	assert_int_equal(thread_named("kswapd3"), 0);
	/* A second kswapd_run() does nothing. */
	assert_int_equal(kswapd_run(&p->nodes[1]), 0);
	sleep_ms(100);
	assert_true(thread_named("kswapd1") > 0);
	engine_close(p);
	assert_int_equal(thread_named("kswapd1"), 0);
}

static bool
is_bound(int tid, const cpu_set_t *to)
{
	cpu_set_t now;

	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(sched_getaffinity(tid, sizeof(now), &now), 0);
		if (CPU_EQUAL(&now, to))
			return true;
		sleep_ms(10);
	}
	return false;
}

static void
kswapd_runs_on_its_node_s_cpus(void **state)
{
	struct pager *p = open_nodes(2);

	(void)state;
	if (has_cpus(2)) {
		assert_false(CPU_EQUAL(&p->nodes[0].cpus, &p->nodes[1].cpus));
		for (unsigned i = 0; i < 2; i++) {
			char name[16];

			(void)snprintf(name, sizeof(name), "kswapd%u", i);
			assert_true(is_bound(wait_for_thread(name),
			                     &p->nodes[i].cpus));
		}
	}
	engine_close(p);
}

static void
put_cpus(const char *root, const char *list)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path),
	               "%s/sys/devices/system/node/node0/cpulist", root);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(list, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Somebody moves it elsewhere, and its CPUs change: it follows its node. */
static void
kswapd_follows_its_cpus(void **state)
{
	char root[] = "/tmp/pageout-nodes-XXXXXX", command[128];
	struct pager *p = open_nodes(2);
	int tid = wait_for_thread("kswapd0");
	cpu_set_t first, second;

	(void)state;
	assert_non_null(mkdtemp(root));
	(void)snprintf(command, sizeof(command),
	               "mkdir -p %s/sys/devices/system/node/node0", root);
	assert_int_equal(system(command), 0);
	put_cpus(root, "0\n");
	__atomic_store_n(&p->root, root, __ATOMIC_RELEASE);
	numa_cpus(&first, root, 0);
	assert_true(is_bound(tid, &first));
	if (has_cpus(2)) {
		put_cpus(root, "1\n");
		numa_cpus(&second, root, 0);
		assert_true(is_bound(tid, &second));
		assert_int_equal(sched_setaffinity(tid, sizeof(first), &first),
		                 0);
		assert_true(is_bound(tid, &second));
	}
	engine_close(p);
	(void)snprintf(command, sizeof(command), "rm -r %s", root);
	assert_int_equal(system(command), 0);
}

/* -- who wakes them ------------------------------------------------------- */

static bool
kswapd_is_at(struct node *n, enum kswapd_stage stage)
{
	bool is;

	node_lock(n);
	is = pgdat66(n->core)->kswapd.stage == stage;
	node_unlock(n);
	return is;
}

static bool
sleeps_for_long(struct node *n)
{
	for (unsigned i = 0; i < 1000; i++) {
		if (kswapd_is_at(n, KSWAPD_LONG_SLEEP))
			return true;
		sleep_ms(10);
	}
	return false;
}

/* All of the pool is there. */
static void
populate(struct node *n)
{
	bool more = true;

	while (more) {
		struct batch b = {0};

		node_lock(n);
		more = frames_populate(n->core, &b);
		node_unlock(n);
		node_perform(n, &b);
	}
}

/* Somebody takes frames, and asks nobody. */
static void
take_all_above_low(struct node *n)
{
	struct core *c = n->core;
	uint32_t pfn;

	node_lock(n);
	for (uint32_t i = core_frames_free(c); i > c->freepages.low; i--)
		assert_int_equal(core_take(c, &c->zones[0], 0, 1, &pfn), 1);
	node_unlock(n);
}

static uint64_t
stat_of(const struct node *n, enum pageout_stat_id id)
{
	return __atomic_load_n(&n->stats[id], __ATOMIC_RELAXED);
}

static void
choose_near_0(struct pager *p)
{
	map_lock(p);
	(void)node_choose(p, 0);
	map_unlock(p);
}

static bool
runs(const struct node *n)
{
	for (unsigned i = 0; i < 1000; i++) {
		if (stat_of(n, PAGEOUT_STAT_pageoutrun) != 0)
			return true;
		sleep_ms(10);
	}
	return false;
}

/*
 * A thread that wants memory of any node wakes all kswapds that could free
 * some, however soundly they sleep.
 */
static void
all_kswapds_are_woken_when_all_nodes_are_short(void **state)
{
	struct pager *p = engine_open_policy(2, 32 * MIB, "kswapd");

	(void)state;
	(void)alarm(120);
	assert_non_null(p);
	for (unsigned i = 0; i < 2; i++) {
		choose_near_0(p); /* the other is not short yet */
		assert_true(sleeps_for_long(&p->nodes[i]));
		populate(&p->nodes[i]);
		take_all_above_low(&p->nodes[i]);
		assert_true(kswapd_is_at(&p->nodes[i], KSWAPD_LONG_SLEEP));
		assert_int_equal(
			stat_of(&p->nodes[i], PAGEOUT_STAT_kswapd_wake), 0);
	}
	choose_near_0(p);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(
			stat_of(&p->nodes[i], PAGEOUT_STAT_kswapd_wake), 1);
		assert_true(runs(&p->nodes[i]));
	}
	engine_close(p);
}

/* Each thread of this process may run there. */
static void
allow_all(const cpu_set_t *to)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			assert_int_equal(sched_setaffinity(atoi(e->d_name),
			                                   sizeof(*to), to),
			                 0);
	(void)closedir(d);
}

/* Both have CPUs, which together are all that are allowed. */
static bool
all_are_dealt(struct pager *p)
{
	for (unsigned i = 0; i < 1000; i++) {
		cpu_set_t both;
		bool each;

		map_lock(p);
		CPU_OR(&both, &p->nodes[0].cpus, &p->nodes[1].cpus);
		each = CPU_COUNT(&p->nodes[0].cpus) != 0 &&
		       CPU_COUNT(&p->nodes[1].cpus) != 0;
		map_unlock(p);
		if (each && CPU_EQUAL(&both, &allowed))
			return true;
		sleep_ms(10);
	}
	return false;
}

/* The program begins on one CPU, and may use more later, as by taskset -a. */
static void
a_cpu_that_comes_later_is_used(void **state)
{
	struct pager *p;
	cpu_set_t first;
	unsigned cpu = 0;

	(void)state;
	if (!has_cpus(2))
		return;
	while (!CPU_ISSET(cpu, &allowed))
		cpu++;
	CPU_ZERO(&first);
	CPU_SET(cpu, &first);
	allow_all(&first);
	p = open_nodes(2);
	/* A root without files: both nodes are near to all CPUs. */
	__atomic_store_n(&p->root, "/nowhere", __ATOMIC_RELEASE);
	assert_true(is_bound(wait_for_thread("kswapd0"), &first));
	assert_true(wait_for_thread("kswapd1") > 0);
	allow_all(&allowed);
	assert_true(all_are_dealt(p));
	assert_true(is_bound(wait_for_thread("kswapd0"), &p->nodes[0].cpus));
	assert_true(is_bound(wait_for_thread("kswapd1"), &p->nodes[1].cpus));
	engine_close(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_node_has_its_threads),
		cmocka_unit_test(kswapd_runs_on_its_node_s_cpus),
		cmocka_unit_test(kswapd_follows_its_cpus),
		cmocka_unit_test(a_cpu_that_comes_later_is_used),
		cmocka_unit_test(
			all_kswapds_are_woken_when_all_nodes_are_short),
	};
	struct pager *p = engine_open(32 * MIB, PAGEOUT_MODE_THREAD, "");

	if (p == NULL)
		return 77;
	engine_close(p);
	assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
