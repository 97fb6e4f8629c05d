/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.h -- what the core asks of its host at once, besides operations.
 *
 * Called with the core consistent, under the node's lock.  None may call back
 * into the core, sleep, or touch managed memory.
 */
#ifndef CORE_HOST_H
#define CORE_HOST_H

#include <stdint.h>

enum daemon {
	DAEMON_KSWAPD,    /* frames are short: call core_kswapd() */
	DAEMON_KRECLAIMD, /* clean pages could be freed: core_kreclaimd() */
	DAEMON_FLUSHER,   /* dirty pages wait: core_flush() */
	DAEMONS,
};

struct host_ops {
	const char *name; /* "pager", "sim" */

	/*
	 * One leaf of a page table: TABLE_ENTRIES zeroed entries, which stay
	 * for the life of the core.  NULL when there is no memory.
	 */
	uint64_t *(*table_alloc)(void *ctx);

	/* Let a daemon have a turn soon.  Calling twice is calling once. */
	void (*wake)(void *ctx, enum daemon who);

	/* A clock that never goes back, in nanoseconds. */
	uint64_t (*now_ns)(void *ctx);
};

#endif
