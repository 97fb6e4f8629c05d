/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * span.h -- what the agent knows about the program's address space.
 *
 * A sorted table of ranges that do not overlap.  A range that is not in the
 * table is none of our business.  Neighbours with equal flags are one range,
 * so the table is as long as the program's memory is varied, not as long as it
 * has called mmap().
 *
 *	EARLY     mapped before the agent had started: to be adopted
 *	MANAGED   an area of the pager
 *	RESERVED  private anonymous memory that is not readable and writable:
 *	          managed when mprotect() makes it so
 *
 * Every range has exactly one of these three.  The other flags are the
 * program's wishes for a managed range.
 *
 * The table is guarded by the agent's lock, and lives in memory that is never
 * managed.
 */
#ifndef AGENT_SPAN_H
#define AGENT_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SPAN_EARLY = 1 << 0,
	SPAN_MANAGED = 1 << 1,
	SPAN_RESERVED = 1 << 2,
	SPAN_KIND = SPAN_EARLY | SPAN_MANAGED | SPAN_RESERVED,

	SPAN_LOCKED = 1 << 3,    /* mlock(): pinned once */
	SPAN_NOFORK = 1 << 4,    /* MADV_DONTFORK by the program */
	SPAN_DENIED = 1 << 5,    /* not readable and writable just now */
	SPAN_NORESERVE = 1 << 6, /* not promised when it becomes managed */
	SPAN_STACK = 1 << 7,     /* of a thread: pinned once, or once more */
};

struct span {
	uintptr_t start, end;
	unsigned flags; /* 0: a hole between ranges */
};

/*
 * Make sure that the next few changes find room.
 * => -ENOMEM, and nothing has changed
 */
int span_reserve(void);

/*
 * Say what [start, end) is from now on; flags 0 takes it out of the table.
 * => called after span_reserve(), once for every four calls
 */
void span_set(uintptr_t start, uintptr_t end, unsigned flags);

/*
 * The first piece of [start, end): the longest beginning that has the same
 * flags throughout, cut to the range.  Holes are pieces too.
 * => called with start < end
 */
struct span span_first(uintptr_t start, uintptr_t end);

/* True if a part of [start, end) has one of the flags. */
bool span_any(uintptr_t start, uintptr_t end, unsigned flags);

/*
 * False if no part of [start, end) was ever managed.  Needs no lock.
 */
bool span_may_be_managed(uintptr_t start, uintptr_t end);

/* Range number n in order of addresses; flags are 0 behind the last. */
struct span span_number(size_t n);

#endif
