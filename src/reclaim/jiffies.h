/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jiffies.h -- the time of policies that are a kernel's: ticks of 10 ms.
 */
#ifndef RECLAIM_JIFFIES_H
#define RECLAIM_JIFFIES_H

#include "core/core.h"

#define HZ 100ull
#define JIFFY_NS (1000000000 / HZ)

static inline uint64_t
jiffies(const struct core *c)
{
	return c->cfg.host->now_ns(c->cfg.host_ctx) / JIFFY_NS;
}

#endif
