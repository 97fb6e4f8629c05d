/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * simple.h -- what the yardstick policies have in common: one driver, and a
 * chooser that says which mapped page leaves next.
 */
#ifndef RECLAIM_SIMPLE_H
#define RECLAIM_SIMPLE_H

#include "core/policy.h"

/*
 * State of a yardstick, at core.policy_state.
 */
struct simple {
	struct flist active;         /* mapped pages, newest at the head */
	struct flist inactive_dirty; /* out of reach, to be written */
	struct flist inactive_clean; /* out of reach, may be freed */
	uint64_t random;             /* state of the generator */
};

/*
 * The next mapped page that should leave, or NULL when the policy has none.
 * It need not be able to leave; the driver skips those that cannot.
 */
typedef struct frame *simple_choose(struct core *c, struct simple *s);

#define SIMPLE_POLICY(id, text, choose)                          \
	static bool id##_kswapd(struct core *c, struct batch *b) \
	{                                                        \
		return simple_kswapd(c, b, choose);              \
	}                                                        \
	static bool id##_direct(struct core *c, struct batch *b) \
	{                                                        \
		return simple_reclaim_direct(c, b, choose);      \
	}                                                        \
	const struct policy_ops policy_##id = {                  \
		.name = #id,                                     \
		.help = text,                                    \
		.state_bytes = simple_state_bytes,               \
		.init = simple_init,                             \
		.watermarks = simple_watermarks,                 \
		.alloc = simple_alloc,                           \
		.mapped = simple_mapped,                         \
		.cached = simple_cached,                         \
		.cleaned = simple_cleaned,                       \
		.found = simple_found,                           \
		.gone = simple_gone,                             \
		.freed = simple_freed,                           \
		.kswapd = id##_kswapd,                           \
		.kreclaimd = simple_kreclaimd,                   \
		.flush = simple_flush,                           \
		.reclaim_direct = id##_direct,                   \
		.held = simple_held,                             \
	}

size_t simple_state_bytes(const struct core_config *cfg);
void simple_init(struct core *c);
void simple_mapped(struct core *c, struct frame *f);
void simple_cached(struct core *c, struct frame *f);
void simple_cleaned(struct core *c, struct frame *f);
void simple_found(struct core *c, struct frame *f);
void simple_gone(struct core *c, struct frame *f);
void simple_freed(struct core *c, struct frame *f);
void simple_watermarks(const struct core *c, struct zone *z);
uint32_t simple_alloc(struct core *c, enum alloc_use use, uint32_t want,
                      uint32_t need, uint32_t *pfns);
bool simple_kswapd(struct core *c, struct batch *b, simple_choose *choose);
bool simple_kreclaimd(struct core *c, struct batch *b);
bool simple_flush(struct core *c, struct batch *b);
bool simple_reclaim_direct(struct core *c, struct batch *b,
                           simple_choose *choose);
uint32_t simple_held(const struct core *c);

extern const struct policy_ops policy_fifo, policy_clock, policy_random;

#endif
