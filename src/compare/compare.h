/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * compare.h -- one trace under one policy, in so much memory.
 *
 *	trace --access--> page in reach? --yes--> that is all
 *	                      | no
 *	                      v
 *	                 core_fault() --> operations --> a model of frames, of a
 *	                      ^                          device and of time
 *	                      +---- daemons, when woken ---+
 *
 * The core is the one of every engine; only its host is a model (model.h).
 * The optimum (optimum.h) is no policy of the core: it knows the future.
 */
#ifndef COMPARE_COMPARE_H
#define COMPARE_COMPARE_H

#include <stdint.h>

#include "pageout/stat.h"
#include "trace/trace.h"

#define COMPARE_FRAMES_MIN 256 /* of policies; the optimum takes any */
#define COMPARE_READAHEAD_MAX 256
#define COMPARE_OPTIMUM "optimum"

struct compare_options {
	const char *policy; /* "NAME" or "NAME:TUNABLE=NUMBER,...", optimum */
	uint64_t frames;    /* the budget, in pages */
	uint64_t access_ns; /* from one access to the next; above 0 */
	uint64_t seed;      /* of policy random */
	uint32_t readahead; /* pages; 1: each page when it is touched */
};

/*
 * Pages that a policy has looked at to find what could leave, of all that it
 * counts: the one sum that means the same for each of them.  Of lists that are
 * counted by type or by who asks, each page is in it once.
 */
uint64_t compare_scanned(const uint64_t stat[static PAGEOUT_STATS]);

/* All but the times and the accesses are pages. */
struct compare_result {
	uint64_t accesses;
	uint64_t first;     /* touched for the first time */
	uint64_t misses;    /* accesses that waited for the device */
	uint64_t soft;      /* accesses to what was out of reach, in memory */
	uint64_t in, out;   /* read from and written to the device */
	uint64_t scanned;   /* compare_scanned() */
	uint64_t reclaimed; /* frames that were freed so */
	uint64_t model_ns;  /* what the program would have taken; 0: unknown */
	uint64_t cpu_ns;    /* what this has taken */
};

/* The i-th policy, with a line about it; the last is the optimum.  => NULL: no
 * more */
const char *compare_policy_name(unsigned i, const char **ret_help);

/* => NULL, or the first words of a policy that are wrong */
const char *compare_policy_wrong(const char *policy);

/* The fewest frames that a policy takes. */
uint32_t compare_frames_min(const char *policy);

/* => 0; -EINVAL and why: these are too few for the policy, or too many */
int compare_frames_check(const char *policy, uint64_t frames,
                         char why[static TRACE_WHY_BYTES]);

/* => 0; or a negative errno, and why; as compare_frames_check() */
int compare_run(struct trace *t, const struct compare_options *o,
                struct compare_result *ret, char why[static TRACE_WHY_BYTES]);

#endif
