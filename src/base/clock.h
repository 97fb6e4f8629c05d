/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clock.h -- what a clock says, as one number.
 *
 * Not for the core, which is told the time by its host.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t
clock_ns(clockid_t id)
{
	struct timespec t = {0};

	(void)clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t
monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

#endif
