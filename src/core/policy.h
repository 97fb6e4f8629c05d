/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy.h -- the border between mechanism and policy.
 *
 * The mechanism (src/core) knows where pages are and keeps them safe; a policy
 * (src/reclaim) knows which page should leave next, and keeps the lists.  The
 * mechanism tells the policy what happened to a frame; the policy asks the
 * mechanism to unmap, launder or drop.  A policy never changes a page table
 * entry, a slot or a frame's (K) fields; the mechanism never links a frame into
 * a policy's list.
 *
 *	mapped()  the page is in the program's hands
 *	cached()  it is in its frame, out of reach: DIRTY or clean
 *	cleaned() a write made it clean
 *	gone()    the frame is about to be locked or freed: let go of it
 *
 * A policy is one const table and one line in reclaim/policies.c.
 */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include "core/core.h"

struct policy_ops {
	const char *name;
	const char *help; /* one line, for --help and the manual */

	/* Bytes of state for a core of this size. */
	size_t (*state_bytes)(const struct core_config *cfg);
	void (*init)(struct core *c);

	/* What happened.  The frame is on no list of the policy before
	 * mapped() and cached(), and must be on none after gone(). */
	void (*mapped)(struct core *c, struct frame *f);
	void (*cached)(struct core *c, struct frame *f);
	void (*cleaned)(struct core *c, struct frame *f);
	void (*gone)(struct core *c, struct frame *f);

	/* A turn of each daemon; true when another turn has work. */
	bool (*kswapd)(struct core *c, struct batch *b);
	bool (*kreclaimd)(struct core *c, struct batch *b);
	bool (*flush)(struct core *c, struct batch *b);

	/* Drop up to n clean pages at once, on an allocator's behalf.
	 * => returns how many frames are free now that were not */
	uint32_t (*reclaim_clean)(struct core *c, uint32_t n);

	/* One turn of all for an allocation that found nothing.
	 * => false when no frame is left that could ever leave */
	bool (*reclaim_direct)(struct core *c, struct batch *b);

	/* Frames that the policy holds, by list: for core_check(). */
	uint32_t (*held)(const struct core *c);
};

/* -- what a policy may ask of the mechanism ------------------------------- */

/*
 * Victims for unmapping.  They are sorted before they leave: neighbours are
 * unmapped in one call and get neighbouring slots, whatever order the policy
 * found them in.
 */
struct unmap_group {
	uint32_t count;
	uint32_t pfn[OP_PAGES_MAX];
};

/*
 * Add a mapped frame to a group: gone() is called for it, and it is locked.
 * => returns false when the group is full or the frame is locked or pinned
 */
bool core_unmap(struct core *c, struct unmap_group *g, struct frame *f);

/*
 * Start unmapping the group.  A victim for which there is no slot or no
 * operation stays mapped, and mapped() is called for it.
 * => returns how many are on their way
 */
uint32_t core_unmap_end(struct core *c, struct unmap_group *g, struct batch *b);

/*
 * Start writing the dirty, cached frames of a list, from its tail, in runs of
 * neighbouring slots.  Frames stay on the list.
 * => looks at up to scan frames, starts up to ops operations
 * => returns pages whose write was started
 */
uint32_t core_launder(struct core *c, struct flist *l, uint32_t scan,
                      uint32_t ops, struct batch *b);

/* Free the frame of a page that is cached and clean; gone() is called. */
void core_drop(struct core *c, struct frame *f);

/* Try unevictable frames again when their time has come. */
void core_retry_unevictable(struct core *c);

/* -- lists ---------------------------------------------------------------- */

void flist_init(struct flist *l);
void flist_add_head(struct core *c, struct flist *l, enum list_id id,
                    struct frame *f);
void flist_del(struct core *c, struct flist *l, struct frame *f);

/* Its page may be unmapped: it is mapped, not in motion, not pinned. */
static inline bool
frame_may_leave(const struct frame *f)
{
	return (f->flags & (FRAME_LOCKED | FRAME_WRITEBACK)) == 0 &&
	       f->pins == 0;
}

static inline uint32_t
frame_pfn(const struct core *c, const struct frame *f)
{
	return (uint32_t)(f - c->frames);
}

/* The policies there are, ended by NULL; the first is the default. */
extern const struct policy_ops *const policies[];
const struct policy_ops *policy_find(const char *name);

#endif
