/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench.h -- the same accesses over four kinds of memory.
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

enum { BENCH_PAGE = 4096 };

enum backend { BACKEND_PLAIN, BACKEND_KERNEL, BACKEND_THREAD, BACKEND_INLINE };

struct memory_options {
	enum backend backend;
	uint64_t size_bytes;
	uint64_t mem_bytes;
	const char *swap_path; /* for libpageout; NULL: its default */
	const char *policy;    /* likewise */
	const char *cgroup;    /* folder of a memory control group to enter, or
	                          NULL */
};

struct memory {
	enum backend backend;
	char *start;
	uint64_t bytes;
	struct pageout *engine; /* NULL for memory of the kernel */
};

/*
 * Get memory.
 * => returns 0, or a negative errno with *ret_why half a sentence
 */
int memory_open(struct memory *m, const struct memory_options *o,
                const char **ret_why);
void memory_close(struct memory *m);

/* Pages read from and written to swap so far. */
void memory_counts(const struct memory *m, uint64_t *ret_in, uint64_t *ret_out);

struct rows_options {
	uint64_t seed;
	uint64_t
		accesses; /* of the uniform row; zipf does four times as many */
	uint64_t time_ns; /* a random row ends after this long */
};

/*
 * Do one row and print its result as a line of JSON.
 * => returns 0, or -EINVAL: no such row; wrong contents end the process
 */
int rows_start(struct memory *m, const struct rows_options *o);
int rows_run(const char *name);

/* Measure the disk under a folder and print a line of JSON.  => exit status */
int disk_probe(const char *folder);

uint64_t now_ns(void);

#endif
