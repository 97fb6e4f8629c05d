/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sequence.c -- which page each access of a random row goes to.
 *
 * A page is a function of the seed and of the number of the access, nothing
 * else; so the accesses before a row, those of the row and those behind it can
 * be made again without the memory, for the optimum.
 *
 *	... lead-in ...  SEQUENCE_START  ... the row ...  ... lead-out ...
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "compare/optimum.h"

enum {
	HOT_PERCENT = 80,   /* of the budget */
	HOT_READS = 16,     /* for each cold one */
	LOOP_PERCENT = 120, /* of the budget */
	LOOP_READS = 4,     /* for each page of the one-time scan */
	OLD_PERCENT = 50,   /* of the budget */
	LEAD_TIMES = 4,     /* accesses for each page before and behind a row */
};

static const double zipf_theta = 0.99;

static uint64_t
draw(const struct sequence *q, uint64_t i)
{
	return mix(q->seed + i * 0x9e3779b97f4a7c15u);
}

static uint64_t
page_uniform(const struct sequence *q, uint64_t i)
{
	return draw(q, i) % q->pages;
}

/* Ranks are spread over the memory by a prime that pages is no multiple of. */
static uint64_t
page_zipf(const struct sequence *q, uint64_t i)
{
	return zipf_rank(&q->zipf, draw(q, i)) * 2654435761u % q->pages;
}

/* Data that fit have a cold part, too. */
static void
start_hot(struct sequence *q, uint64_t frames, uint64_t percent)
{
	q->hot_pages = frames * percent / 100;
	if (q->hot_pages > q->pages / 2)
		q->hot_pages = q->pages / 2;
	if (q->hot_pages == 0)
		q->hot_pages = 1;
}

/* The hot pages come first; the scan goes round the rest. */
static uint64_t
page_hot(const struct sequence *q, uint64_t i)
{
	uint64_t turn = i / (HOT_READS + 1);

	if (i % (HOT_READS + 1) < HOT_READS)
		return draw(q, i) % q->hot_pages;
	return q->hot_pages + turn % (q->pages - q->hot_pages);
}

/* The i-th of n pages in an order that no read-ahead guesses. */
static uint64_t
scattered(uint64_t i, uint64_t n)
{
	return i % n * 2654435761u % n;
}

/* After LOOP_READS pages one that does not come back, of those behind them. */
static bool
is_scan(const struct sequence *q, uint64_t i, uint64_t *ret_page)
{
	uint64_t turn = i / (LOOP_READS + 1);

	if (i % (LOOP_READS + 1) < LOOP_READS)
		return false;
	*ret_page = q->hot_pages + scattered(turn, q->pages - q->hot_pages);
	return true;
}

static uint64_t
page_loop(const struct sequence *q, uint64_t i)
{
	uint64_t page;

	if (is_scan(q, i, &page))
		return page;
	return scattered(i - i / (LOOP_READS + 1), q->hot_pages);
}

/*
 * Of the pages that the loop has, some are used before the row starts, and
 * then no more; from there on the others are the loop.
 */
static uint64_t
page_change(const struct sequence *q, uint64_t i)
{
	uint64_t old = q->hot_pages * OLD_PERCENT / LOOP_PERCENT;
	uint64_t loop = q->hot_pages - old, page;

	if (is_scan(q, i, &page))
		return page;
	if (i < SEQUENCE_START)
		return loop + draw(q, i) % old;
	return scattered(i - i / (LOOP_READS + 1), loop);
}

static const struct {
	const char *name;
	uint64_t (*page)(const struct sequence *q, uint64_t i);
	unsigned times;   /* the accesses of the uniform row */
	unsigned threads; /* 0: as asked for */
} rules[] = {
	{"uniform", page_uniform, 1, 0},  {"zipf", page_zipf, 2, 0},
	{"hot", page_hot, 10, 0},         {"loop", page_loop, 1, 0},
	{"uniform2", page_uniform, 1, 2}, {"change", page_change, 1, 0},
};

int
sequence_start(struct sequence *q, const char *row,
               const struct sequence_options *o)
{
	for (unsigned i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		if (strcmp(row, rules[i].name) != 0)
			continue;
		*q = (struct sequence){
			.page = rules[i].page,
			.pages = o->pages,
			.accesses = o->accesses * rules[i].times,
			.seed = mix(o->seed + i),
			.threads = rules[i].threads ? rules[i].threads
		                                    : o->threads,
		};
		if (q->page == page_zipf)
			zipf_init(&q->zipf, q->pages, zipf_theta);
		if (q->page == page_hot)
			start_hot(q, o->frames, HOT_PERCENT);
		if (q->page == page_loop || q->page == page_change)
			start_hot(q, o->frames, LOOP_PERCENT);
		return 0;
	}
	return -EINVAL;
}

uint64_t
sequence_page(const struct sequence *q, uint64_t i)
{
	return q->page(q, SEQUENCE_START + i);
}

int
sequence_optimum(const struct sequence *q, uint32_t frames,
                 uint64_t *ret_misses)
{
	uint64_t lead = LEAD_TIMES * q->pages;
	struct optimum_trace t = {
		.length = 2 * lead + q->accesses,
		.numbers = (uint32_t)q->pages,
		.first = lead,
		.count = q->accesses,
	};
	uint32_t *access = malloc(t.length * sizeof(*access));
	int r;

	if (access == NULL)
		return -ENOMEM;
	for (uint64_t i = 0; i < t.length; i++)
		access[i] = (uint32_t)sequence_page(q, i - lead) << 1;
	t.access = access;
	r = optimum_misses(&t, frames, ret_misses);
	free(access);
	return r;
}
