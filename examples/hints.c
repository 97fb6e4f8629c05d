/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hints.c -- tell the engine what comes next.
 *
 * A table is written once and then used in three ways: read in order, looked
 * up at random places, and taken one block at a time with the next block being
 * fetched meanwhile.  Hints change speed, never contents; all but DISCARD.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pageout/pageout.h>

enum {
	BUDGET = 8 << 20,
	BYTES = 64 << 20,
	BLOCK = 1 << 20,
	ROWS = BYTES / sizeof(uint32_t),
	BLOCK_ROWS = BLOCK / sizeof(uint32_t),
};

static struct pageout *engine;
static uint32_t *rows;

static void
check(int r, const char *call)
{
	if (r < 0) {
		(void)fprintf(stderr, "hints: %s: %s\n", call, strerror(-r));
		exit(strcmp(call, "pageout_open") == 0 ? 77 : 1);
	}
}

static uint32_t
row_value(uint32_t i)
{
	return i * 2654435761u;
}

static void
check_row(uint32_t i)
{
	if (rows[i] == row_value(i))
		return;
	(void)fprintf(stderr, "hints: row %u is wrong\n", i);
	exit(1);
}

/* Pages read from swap since the last call. */
static unsigned long long
pages_in(void)
{
	static uint64_t last;
	uint64_t stats[PAGEOUT_STATS], n;

	(void)pageout_stats(engine, stats, PAGEOUT_STATS);
	n = stats[PAGEOUT_STAT_pswpin] - last;
	last = stats[PAGEOUT_STAT_pswpin];
	return (unsigned long long)n;
}

static void
read_in_order(void)
{
	check(pageout_advise(engine, rows, BYTES, PAGEOUT_SEQUENTIAL),
	      "sequential");
	for (uint32_t i = 0; i < ROWS; i++)
		check_row(i);
	printf("in order: %d rows, %llu pages in\n", (int)ROWS, pages_in());
}

static void
look_up(void)
{
	uint32_t x = 1;

	check(pageout_advise(engine, rows, BYTES, PAGEOUT_RANDOM), "random");
	for (int i = 0; i < 1000; i++) {
		x = x * 1664525u + 1013904223u;
		check_row(x % ROWS);
	}
	printf("looked up: 1000 rows, %llu pages in\n", pages_in());
}

/* While one block is used, the next is on its way and the last one leaves. */
static void
stream_blocks(void)
{
	check(pageout_advise(engine, rows, BYTES, PAGEOUT_NORMAL), "normal");
	for (uint32_t first = 0; first < ROWS; first += BLOCK_ROWS) {
		if (first + BLOCK_ROWS < ROWS)
			check(pageout_advise(engine, rows + first + BLOCK_ROWS,
			                     BLOCK, PAGEOUT_PREFETCH),
			      "prefetch");
		for (uint32_t i = first; i < first + BLOCK_ROWS; i++)
			check_row(i);
		check(pageout_advise(engine, rows + first, BLOCK, PAGEOUT_COLD),
		      "cold");
	}
	printf("in blocks: %d rows, %llu pages in\n", (int)ROWS, pages_in());
}

int
main(void)
{
	void *region;

	check(pageout_open(&engine,
	                   &(struct pageout_options){.mem_bytes = BUDGET}),
	      "pageout_open");
	check(pageout_map(engine, BYTES, 0, &region), "pageout_map");
	rows = region;
	for (uint32_t i = 0; i < ROWS; i++)
		rows[i] = row_value(i);
	(void)pages_in();

	read_in_order();
	look_up();
	stream_blocks();

	/* What is not needed any more costs neither memory nor swap. */
	check(pageout_advise(engine, rows, BYTES, PAGEOUT_DISCARD), "discard");
	for (uint32_t i = 0; i < ROWS; i += 997)
		if (rows[i] != 0) {
			(void)fprintf(stderr, "hints: row %u is not 0\n", i);
			return 1;
		}
	printf("discarded: all rows read as 0, %llu pages in\n", pages_in());
	pageout_close(engine);
	return 0;
}
