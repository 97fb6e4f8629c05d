/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * optimum.h -- how few misses are possible: Belady's MIN.
 *
 * The page leaves whose next use is farthest.  No policy that brings pages in
 * when they are touched, one by one, has fewer misses; it may have fewer
 * writes, and read-ahead may save it faults.
 */
#ifndef COMPARE_OPTIMUM_H
#define COMPARE_OPTIMUM_H

#include <stdbool.h>
#include <stdint.h>

#define OPTIMUM_NOBODY UINT32_MAX

/* A page in memory, and when it is used next. */
struct optimum_page {
	uint32_t page, next;
};

struct optimum {
	struct optimum_page *heap; /* the farthest at 0 */
	uint32_t *place;           /* of each page: where + 1, or 0 */
	uint32_t count, frames;
};

/* => pages are below numbers; 0, -EINVAL: no frames, or -ENOMEM */
int optimum_open(struct optimum *o, uint32_t numbers, uint32_t frames);
void optimum_close(struct optimum *o);

/*
 * A page is touched, and is touched next at a time, or never (UINT32_MAX).
 * => called in order of time; true if it was in memory; *ret_victim is the page
 *    that left for it, or OPTIMUM_NOBODY
 */
bool optimum_touch(struct optimum *o, uint32_t page, uint32_t next,
                   uint32_t *ret_victim);

/* A sequence in memory, and the part of it whose misses are counted. */
struct optimum_trace {
	const uint32_t *access; /* page << 1, as in a struct trace */
	uint64_t length;        /* below UINT32_MAX */
	uint32_t numbers;       /* pages are below */
	uint64_t first, count;
};

/*
 * The misses of MIN, which begins with empty frames and knows all of it.
 * => returns 0, -EINVAL: no frames, or it is too long, or -ENOMEM
 */
int optimum_misses(const struct optimum_trace *t, uint32_t frames,
                   uint64_t *ret_misses);

#endif
