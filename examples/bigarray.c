/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bigarray.c -- an array eight times as large as the memory it lives in.
 *
 * Open an engine, map a region, use it as memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pageout/pageout.h>

enum {
	BUDGET = 16 << 20,
	NUMBERS = 16 << 20, /* of eight bytes: 128 MiB */
};

/* Exit status 77 says: not here (no user-space faults on this machine). */
static void
check(int r, const char *call)
{
	if (r < 0) {
		(void)fprintf(stderr, "bigarray: %s: %s\n", call, strerror(-r));
		exit(strcmp(call, "pageout_open") == 0 ? 77 : 1);
	}
}

int
main(void)
{
	struct pageout *engine;
	uint64_t stats[PAGEOUT_STATS];
	uint64_t *numbers, sum = 0, expected = 0;
	void *region;

	check(pageout_open(&engine,
	                   &(struct pageout_options){.mem_bytes = BUDGET}),
	      "pageout_open");
	check(pageout_map(engine, NUMBERS * sizeof(*numbers), 0, &region),
	      "pageout_map");
	numbers = region;

	for (uint64_t i = 0; i < NUMBERS; i++) {
		numbers[i] = i * i + 1;
		expected += i * i + 1;
	}
	for (uint64_t i = 0; i < NUMBERS; i++)
		sum += numbers[i];

	(void)pageout_stats(engine, stats, PAGEOUT_STATS);
	printf("128 MiB in 16 MiB: sum %llu, %s; %llu MiB written, %llu read\n",
	       (unsigned long long)sum, sum == expected ? "right" : "WRONG",
	       (unsigned long long)stats[PAGEOUT_STAT_pswpout] >> 8,
	       (unsigned long long)stats[PAGEOUT_STAT_pswpin] >> 8);
	pageout_close(engine);
	return sum == expected ? 0 : 1;
}
