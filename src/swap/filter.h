/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter.h -- what filters share: their list, their options, and a queue.
 *
 * A filter is one file, one struct filter_kind, and one line in the list of
 * filter.c.  Its state starts with a struct swapdev whose below is set.
 *
 * Filters are for tests and for people who want to see what happens, so they
 * may be slow, and may use a lock and a descriptor; but they live where devices
 * live: no malloc, no stdio streams.
 */
#ifndef SWAP_FILTER_H
#define SWAP_FILTER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "swap/swapdev.h"

/* -- the list -------------------------------------------------------------- */

/* Where a refusal is written to. */
struct filter_reason {
	char *text;
	size_t bytes;
};

/* => returns -EINVAL */
int filter_refuse(struct filter_reason *why, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

struct filter_kind {
	const char *name;
	/*
	 * Make a filter over below in mem, SWAPDEV_FILTER_BYTES of it.
	 * args is what follows the name and its colon, args_length long.
	 */
	int (*open)(void *mem, struct swapdev *below, const char *args,
	            size_t args_length, struct filter_reason *why);
};

extern const struct filter_kind filter_error, filter_delay, filter_log;

/* -- options --------------------------------------------------------------- */

struct filter_word {
	const char *name; /* NULL ends the list */
	int value;
};

/* key=N or key=WORD; a table ends with {0}. */
struct filter_key {
	const char *name;
	const struct filter_word *words; /* NULL: a number */
	uint64_t min, max;               /* of a number */
	void *value; /* uint64_t of a number, int of a word; unchanged if the
	                key is not there */
};

/* "read", "write" and "any", in these bits. */
enum { FILTER_READ = 1, FILTER_WRITE = 2 };
extern const struct filter_word filter_ops[];

static inline bool
filter_wants(int ops, const struct swapdev_req *r)
{
	return (ops & (r->write ? FILTER_WRITE : FILTER_READ)) != 0;
}

/* => returns 0 or -EINVAL */
int filter_options(const struct filter_kind *kind, const char *args,
                   size_t args_length, const struct filter_key *keys,
                   struct filter_reason *why);

/* The next of a row of pseudo-random numbers. */
uint64_t filter_random(uint64_t *state);

/* -- the queue ------------------------------------------------------------- */

/*
 * Requests that a filter holds back until they are due, beside those of the
 * device below.  The descriptor polls readable for both.
 */
struct filter_queue {
	struct swapdev *below;
	int timer; /* set to when the first is due */
	int both;  /* an epoll of timer and below's descriptor */
	pthread_mutex_t lock;
	struct swapdev_req *first; /* by due_ns */
};

/* => returns 0 or a negative errno */
int filter_queue_open(struct filter_queue *q, struct swapdev *below);
void filter_queue_close(struct filter_queue *q);

/* Hold r until due_ns of CLOCK_MONOTONIC; 0: it is due. */
void filter_queue_put(struct filter_queue *q, struct swapdev_req *r,
                      uint64_t due_ns);

/*
 * As swapdev_reap(): what is due, and what has ended below; of the latter,
 * those that keep() put into the queue are left out.
 */
typedef bool filter_keep_fn(struct swapdev *d, struct swapdev_req *r);
struct swapdev_req *filter_queue_reap(struct filter_queue *q, int wait_ms,
                                      filter_keep_fn *keep, struct swapdev *d);

#endif
