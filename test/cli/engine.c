/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine.c -- something that pageout stat takes for a running engine.
 *
 *	engine		publishes numbers; pgfault grows by 100 every 10 ms
 *	engine keeper	the same in a child, whose file the parent holds too
 *	engine broken	publishes a file whose directory lies
 *	engine linux24	publishes the lists of that policy, of two zones
 *	engine kswapd	publishes how kswapd of two nodes stands
 *	engine asleep	the same, and nobody asked for anything
 *
 * Prints the PIDs (the engine's first) when it is ready, and ends when its
 * standard input does.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pager/pager.h"
#include "pager/statpub.h"

/* Count until standard input ends. */
static void
count(uint64_t *values)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

	while (poll(&in, 1, 10) == 0)
		__atomic_fetch_add(&values[PAGEOUT_STAT_pgfault], 100,
		                   __ATOMIC_RELAXED);
}

/* Lists whose every number is another. */
static void
fill_lists(uint64_t *values)
{
	static const uint64_t zone[] = {10, 20, 300, 40, 50, 16, 32, 48};
	static const uint64_t age[] = {400, 0, 200, 1, 0, 0, 100};

	for (unsigned i = 0; i < 8; i++) {
		values[PAGEOUT_STAT_zone0_free + i] = zone[i];
		values[PAGEOUT_STAT_zone1_free + i] = zone[i] + 1;
	}
	for (unsigned i = 0; i < 7; i++)
		values[PAGEOUT_STAT_age_0 + i] = age[i];
	values[PAGEOUT_STAT_nr_mapped] = 555;
	values[PAGEOUT_STAT_nr_private] = 444;
	values[PAGEOUT_STAT_free_target] = 173;
	values[PAGEOUT_STAT_inactive_target] = 227;
	values[PAGEOUT_STAT_memory_pressure] = 14528;
}

/* Numbers of two nodes that make no sum. */
static void
fill_ranks(uint64_t *values, bool asleep)
{
	uint64_t *other = values + PAGEOUT_STATS;

	values[PAGEOUT_STAT_kswapd_failures] = 7;
	other[PAGEOUT_STAT_kswapd_failures] = 5;
	values[PAGEOUT_STAT_kswapd_order] = asleep ? 0 : 2;
	other[PAGEOUT_STAT_kswapd_order] = asleep ? 0 : 3;
	values[PAGEOUT_STAT_kswapd_highest_zoneidx] = 4;
	other[PAGEOUT_STAT_kswapd_highest_zoneidx] = asleep ? 4 : 1;
	values[PAGEOUT_STAT_watermark_boost] = 20;
	other[PAGEOUT_STAT_watermark_boost] = 30;
}

static int
publish(int fd, pid_t keeper, const char *what)
{
	bool broken = strcmp(what, "broken") == 0;
	bool lists = strcmp(what, "linux24") == 0;
	bool asleep = strcmp(what, "asleep") == 0;
	bool ranks = strcmp(what, "kswapd") == 0 || asleep;
	unsigned nodes = strcmp(what, "nodes") == 0 || ranks ? 2 : 1;
	const char *policy = lists   ? "linux24:unmap_batch=9"
	                     : ranks ? "kswapd"
	                             : "fifo";
	struct pageout_stat_entry lie = {.name = "lie", .offset = 1};
	uint64_t *values;

	if (statpub_map(fd, nodes, policy, "thread", &values) < 0)
		return 1;
	if (lists)
		fill_lists(values);
	if (ranks)
		fill_ranks(values, asleep);
	for (unsigned i = 0; i < nodes; i++)
		values[i * PAGEOUT_STATS + PAGEOUT_STAT_mem_limit] = 64 << 20;
	values[PAGEOUT_STAT_stall_ns] = 1500000;
	if (broken && pwrite(fd, &lie, sizeof(lie), 256) < 0)
		return 1;
	(void)printf("%d %d\n", (int)getpid(), (int)keeper);
	(void)fflush(stdout);
	count(values);
	statpub_unmap(values);
	return 0;
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int fd = pager_stat_create();
	int status = 1;

	if (fd < 0)
		return 1;
	if (strcmp(what, "keeper") != 0)
		return publish(fd, 0, what);
	if (fork() == 0)
		return publish(fd, getppid(), what);
	(void)wait(&status);
	return status != 0;
}
