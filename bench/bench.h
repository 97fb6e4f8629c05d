/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench.h -- the same accesses over four kinds of memory, and what the disk
 * could do for them.
 *
 * A struct memory is where the data live; rows.c does not know which kind it
 * has.  Every page carries a tag of its index and version in its first word,
 * and its other words add up to zero, so that a wrong byte ends the run: a fast
 * wrong answer is not a result.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/zipf.h"

enum { BENCH_PAGE = 4096, THREADS_MAX = 64 };

/* Where the first access of a random row is in its sequence. */
#define SEQUENCE_START (UINT64_C(1) << 40)

enum backend {
	BACKEND_PLAIN,
	BACKEND_KERNEL,
	BACKEND_THREAD,
	BACKEND_INLINE,
	BACKEND_DEVICE, /* no memory: bare I/O, as much as a row needs */
	BACKENDS
};

struct memory_options {
	enum backend backend;
	uint64_t size_bytes;
	uint64_t mem_bytes;
	const char *swap_path; /* NULL: libpageout's default */
	const char *policy;    /* likewise */
	unsigned nodes;        /* likewise; 0: the default */
	const char *cgroup;    /* folder of a memory control group to enter, or
	                          NULL */
};

struct memory {
	enum backend backend;
	char *start;
	uint64_t bytes;
	struct pageout *engine; /* NULL for memory of the kernel */
	struct disk *disk;      /* NULL for memory */
};

/*
 * Get memory.
 * => returns 0, or a negative errno with *ret_why half a sentence
 */
int memory_open(struct memory *m, const struct memory_options *o,
                const char **ret_why);
void memory_close(struct memory *m);

/*
 * What has happened so far.  For memory of the kernel: pages of the machine,
 * faults of the process; for a disk: its pages alone.
 */
struct memory_counts {
	uint64_t in, out;            /* pages read from and written to swap */
	uint64_t soft, major;        /* faults; major ones went to the device */
	uint64_t faults;             /* of any kind */
	uint64_t scanned, reclaimed; /* pages; 0 for memory of the kernel */
};

void memory_count(const struct memory *m, struct memory_counts *ret_counts);

/* The accesses of a random row: a page for each number, whichever the memory.
 */
struct sequence {
	uint64_t (*page)(const struct sequence *q, uint64_t i);
	uint64_t seed;
	uint64_t pages;
	uint64_t hot_pages;
	uint64_t accesses; /* of the row */
	unsigned threads;  /* that do them */
	struct zipf zipf;
};

struct sequence_options {
	uint64_t seed;
	uint64_t pages;
	uint64_t frames;   /* of the budget */
	uint64_t accesses; /* of uniform and loop; the others do more */
	unsigned threads;  /* of rows that do not say how many themselves */
};

/* => returns 0, or -EINVAL: no random row of that name */
int sequence_start(struct sequence *q, const char *row,
                   const struct sequence_options *o);

/* Access 0 is the first of the row; those before lead to it. */
uint64_t sequence_page(const struct sequence *q, uint64_t i);

/*
 * How many of the row's accesses miss under Belady's MIN, in the middle of a
 * longer sequence of the same kind.
 * => returns 0, or a negative errno
 */
int sequence_optimum(const struct sequence *q, uint32_t frames,
                     uint64_t *ret_misses);

struct rows_options {
	uint64_t seed;
	uint64_t frames;   /* of the budget */
	uint64_t accesses; /* of the uniform row */
	uint64_t time_ns;  /* a random row ends after this long */
	unsigned threads;  /* that share a row: 1 to THREADS_MAX */
};

/*
 * Do one row and print its result as a line of JSON, in which there is nothing
 * but its name where a disk has nothing to do.
 * => returns 0, or -EINVAL: no such row; wrong contents end the process
 */
int rows_start(struct memory *m, const struct rows_options *o);
int rows_run(const char *name);

static inline uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

#endif
