/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oracle.h -- what every page must hold.
 *
 * Every page carries a header (magic, index, generation, writer, seed, hash)
 * and words made from the seed.  What it must carry stands in a table outside
 * managed memory, with a lock for each page.  A page never written, or
 * discarded, must be all zero.
 *
 * oracle_page.c has what a page is, and what happens when it is not: the page,
 * what was expected, what was there and the command that repeats the run are
 * printed, and the process ends.  oracle_ops.c has what is done to pages,
 * oracle.c the cases and the threads.
 */
#ifndef TEST_PAGER_ORACLE_H
#define TEST_PAGER_ORACLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"

enum {
	CHUNK_PAGES = 256, /* remapped together */
	WORDS = PAGE_BYTES / sizeof(uint64_t),
};

/* At the start of a page, and what the table knows of it. */
struct header {
	uint64_t magic;
	uint64_t index;
	uint32_t generation;
	uint32_t writer;
	uint64_t seed; /* of the words */
	uint64_t hash; /* of the words, seeded with the rest of the header */
};

_Static_assert(sizeof(struct header) == 40, "no padding: compared by bytes");

struct page {
	pthread_mutex_t lock;
	struct header header; /* all zero: the page is all zero */
	uint32_t generation;  /* of the last header; survives a discard */
};

struct chunk {
	pthread_rwlock_t lock; /* held for writing while it moves */
	char *start;
};

struct worker {
	pthread_t thread;
	uint64_t random;
	unsigned id;
	int file; /* for system calls */
};

extern struct page *pages;
extern struct chunk *chunks;
extern uint64_t pages_total;
extern atomic_uint_least64_t checks_done;
extern char repeat[512]; /* the command that does this run again */

uint64_t random_next(struct worker *w);
uint64_t *words_at(uint64_t index);

/* The calls on a page need its lock, and its chunk in place. */
void page_check(struct worker *w, uint64_t index);
void page_write(struct worker *w, uint64_t index, bool all);
void page_restore(struct worker *w, uint64_t index);
void pages_are_zero(uint64_t first, unsigned count);

/* End the run unless r, 0 or a negative errno, is 0. */
void must_work(int r, const char *call);

enum operation {
	CHECK,
	WRITE,
	WRITE_HEADER,
	RESTORE,
	DISCARD,
	PROTECT,
	SYSTEM_CALL,
	HINT,
	REMAP,
	OPERATIONS
};

extern const char *const operation_names[OPERATIONS];
extern atomic_uint_least64_t operation_counts[OPERATIONS];
extern struct pageout *engine;
extern bool must_pin;  /* what is given to system calls */
extern uint64_t forks; /* in a million operations */

/* Choose an operation and a page, and do it. */
void step(struct worker *w);

#endif
