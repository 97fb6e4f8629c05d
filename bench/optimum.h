/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * optimum.h -- how few misses are possible: Belady's MIN.
 */
#ifndef BENCH_OPTIMUM_H
#define BENCH_OPTIMUM_H

#include <stdint.h>

struct optimum_trace {
	const uint32_t *pages; /* in the order of the accesses */
	uint64_t length;       /* below UINT32_MAX */
	uint64_t first, count; /* the accesses whose misses are counted */
};

/*
 * The misses of MIN, which begins with empty frames and knows the whole trace.
 * => returns 0, -EINVAL: no frames, or the trace is too long, or -ENOMEM
 */
int optimum_misses(const struct optimum_trace *t, uint32_t frames,
                   uint64_t *ret_misses);

#endif
