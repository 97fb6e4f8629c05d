/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * simple.h -- what the plain policies have in common: one driver, and a few
 * rules which say who leaves next.
 */
#ifndef RECLAIM_SIMPLE_H
#define RECLAIM_SIMPLE_H

#include "core/policy.h"

/*
 * State of a plain policy, at core.policy_state; one that needs more begins
 * with it.
 */
struct simple {
	struct flist active;         /* mapped pages, newest at the head */
	struct flist inactive_dirty; /* out of reach, to be written */
	struct flist inactive_clean; /* out of reach, may be freed */
	uint64_t random;             /* state of the generator */
};

/* A policy of this driver: the table that the core sees, and its rules. */
struct simple_policy {
	struct policy_ops ops;

	/*
	 * The next mapped page that should leave, or NULL when there is none.
	 * It need not be able to; then refused() puts it where it is not the
	 * next one.  In this turn so many were refused: when all pages were,
	 * nothing can leave.
	 */
	struct frame *(*choose)(struct core *c, struct simple *s,
	                        uint32_t refused);
	void (*refused)(struct core *c, struct frame *f);

	/* A clean page loses its frame (or NULL). */
	void (*dropping)(struct core *c, const struct frame *f);
};

/* What all of them do alike. */
#define SIMPLE_OPS                                              \
	.watermarks = simple_watermarks, .alloc = simple_alloc, \
	.found = simple_found, .kswapd = simple_kswapd,         \
	.kreclaimd = simple_kreclaimd, .flush = simple_flush

size_t simple_state_bytes(const struct core_config *cfg);
void simple_init(struct core *c);
void simple_refused(struct core *c, struct frame *f);
void simple_mapped(struct core *c, struct frame *f);
void simple_cached(struct core *c, struct frame *f);
void simple_cleaned(struct core *c, struct frame *f);
void simple_found(struct core *c, struct frame *f);
void simple_gone(struct core *c, struct frame *f);
void simple_freed(struct core *c, struct frame *f);
void simple_watermarks(const struct core *c, struct zone *z);
uint32_t simple_alloc(struct core *c, enum alloc_use use, uint32_t want,
                      uint32_t need, uint32_t *pfns);
bool simple_kswapd(struct core *c, struct batch *b);
bool simple_kreclaimd(struct core *c, struct batch *b);
bool simple_flush(struct core *c, struct batch *b);
bool simple_reclaim_direct(struct core *c, struct batch *b);
uint32_t simple_held(const struct core *c);

extern const struct simple_policy policy_fifo, policy_clock, policy_random,
	policy_2q;

#endif
