/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory.h -- how much memory there is for a program.
 *
 * The machine has so much, and every control group above us may allow less.
 * The tightest of them counts.  File cache that the kernel would give up
 * counts as free, because it is.
 */
#ifndef TOOLS_MEMORY_H
#define TOOLS_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

struct memory_room {
	uint64_t total_bytes; /* of the machine, or the tightest limit */
	uint64_t free_bytes;  /* what is left of it */
	bool is_limited;      /* a control group decides total or free */
};

/*
 * Look.
 *
 *	root	"" for this machine; tests have a directory with their own
 *		/proc and /sys
 *
 * => returns 0, or -ENOENT: /proc/meminfo does not say
 */
int memory_room(const char *root, struct memory_room *ret);

/* What pageout run takes without --mem: half of what is free, at least
 * PAGEOUT_MEM_BYTES_MIN, in steps of 2 MiB. */
uint64_t memory_budget(const struct memory_room *room);

#endif
