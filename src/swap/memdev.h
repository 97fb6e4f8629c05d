/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memdev.h -- a swap device in the caller's memory, for tests.
 *
 * A request ends when it is submitted.  The device makes no system call and has
 * no descriptor (poll_fd is -1); one thread may use it.
 */
#ifndef SWAP_MEMDEV_H
#define SWAP_MEMDEV_H

#include "swap/swapdev.h"

struct swapdev_mem {
	struct swapdev dev; /* what the callers use */
	unsigned char *bytes;
	uint32_t slots_grown;             /* beyond this, transfers end short */
	struct swapdev_req *first, **end; /* ended */
};

/* => called with bytes for slots pages, which stay the caller's */
void swapdev_mem_open(struct swapdev_mem *m, void *bytes, uint32_t slots);

#endif
