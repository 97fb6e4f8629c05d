/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.h -- do again what a record says was done, and compare.
 *
 *	record --calls, answers--> core --decisions--> the same as recorded?
 *
 * The core is a new one, built from the record's header; its host is the
 * record: it answers what was answered.  The first decision that is not the
 * recorded one ends the replay.
 *
 * A record is input like any other: it may be cut off, damaged or made up.
 */
#ifndef REPLAY_REPLAY_H
#define REPLAY_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pageout/stat.h"
#include "record/format.h"

enum replay_verdict {
	REPLAY_SAME,      /* every decision, up to the record's end */
	REPLAY_DIFFERENT, /* a decision was another */
	REPLAY_BAD,       /* the record cannot be replayed, or not to its end */
};

struct replay_options {
	uint64_t memory_max; /* address space for tables; 0: 1 TiB */
	/* A core that decides otherwise, to prove that it is noticed: */
	uint32_t unmap_batch, ra_pages_max; /* 0: as recorded */
	uint64_t seed_changes;              /* exclusive-or of seeds */
	/* Told of each fault that was served, when its page is on its way. */
	void (*fault)(void *ctx, unsigned space, uint64_t vpn);
	void *fault_ctx;
};

struct replay_result {
	enum replay_verdict verdict;
	struct record_header header; /* zero when it could not be read */
	uint64_t events, decisions;  /* that were the same */
	uint64_t hash;               /* over all decisions */
	uint64_t stat[PAGEOUT_STATS];
	char why[320]; /* not SAME: a sentence without a full stop */
};

/*
 * => not from two threads at once: it takes assertions of the core for
 *    differences meanwhile
 */
void replay_run(struct replay_result *ret, const void *bytes, size_t size,
                const struct replay_options *options);

#endif
