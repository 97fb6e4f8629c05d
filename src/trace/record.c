/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.c -- what pageout run --record wrote, as a trace.
 *
 * A record has the faults of a run, in the order in which its engine was told
 * of them, and nothing of accesses to pages that were in reach.  It is replayed
 * for that: so every check that a record has is made.  A fault that had to be
 * taken again counts once.
 */
#include <errno.h>
#include <string.h>

#include "record/format.h"
#include "replay/replay.h"
#include "trace/readers.h"

#define SPACE_SHIFT 36 /* more than the pages of one */

struct faults {
	struct build *b;
	uint64_t last;
	int error;
};

bool
record_is_likely(const char *bytes, size_t n)
{
	return n >= strlen(RECORD_MAGIC) &&
	       memcmp(bytes, RECORD_MAGIC, strlen(RECORD_MAGIC)) == 0;
}

static void
fault(void *ctx, unsigned space, uint64_t vpn)
{
	struct faults *f = ctx;
	uint64_t key = (uint64_t)space << SPACE_SHIFT | vpn;

	if (f->error == 0 && key != f->last)
		f->error = build_add(f->b, key, false);
	f->last = key;
}

int
record_read(struct input *in, struct build *b)
{
	static struct replay_result result;
	struct faults f = {.b = b, .last = UINT64_MAX};
	int r;

	b->why[0] = '\0';
	r = input_map(in, b->why);
	if (r < 0)
		return b->why[0] != '\0' ? r
		                         : build_fail(b, r, "%s", strerror(-r));
	replay_run(&result, in->map, in->map_bytes,
	           &(struct replay_options){.fault = fault, .fault_ctx = &f});
	if (f.error < 0)
		return f.error;
	if (result.verdict == REPLAY_SAME)
		return 0;
	return build_fail(b, -EINVAL,
	                  "%.200s; pageout replay says whether the record is "
	                  "whole and of this version",
	                  result.why);
}
