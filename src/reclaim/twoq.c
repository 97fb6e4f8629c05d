/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * twoq.c -- policy 2q: a page must be asked for twice.
 *
 * Johnson and Shasha, "2Q: A Low Overhead High Performance Buffer Management
 * Replacement Algorithm", VLDB 1994.  Their queues, and ours:
 *
 *	A1in	probation	pages that were asked for once, first in first
 *				out, a twentieth of the mapped pages
 *	Am	active		those that were asked for again
 *	A1out	shadows		in the slots of pages that were thrown out
 *
 *	fault --> probation --+--> unmapped --> thrown out --> shadow
 *	            active ---+       |                          |
 *	              ^---------------+ soft fault    hard fault |
 *	              +------------------------------------------+
 *
 * A page on probation is not asked for again while it is mapped: that cannot
 * be seen, and says little, for accesses come in bursts.  Afterwards it can be:
 * by a soft fault, while the page waits to be written or dropped, or by a hard
 * one before half as many others were thrown out as memory holds.  Either makes
 * it active, and so does a soft fault of an active page that was tried.
 *
 * What came in ahead was not asked for at all yet: its first fault is its
 * first use, and if it is thrown out before, that leaves no shadow.  Else the
 * pages of a slow scan, which leave before the scan comes to them, would be
 * active soon, and nothing would ever try them again.
 *
 * So a scan goes through probation and leaves the active pages where they are,
 * and in balance, when nothing new is asked for twice, no active page is tried
 * and none faults: all the victims come from probation.
 */
#include "base/bits.h"
#include "core/file/file.h"
#include "pageout/stat.h"
#include "reclaim/simple.h"

#define PROBATION_DIVISOR 20 /* of the mapped pages */
#define SHADOW_DIVISOR 2     /* of the frames: for so many evictions */
#define ACTIVE 1u            /* frame.age: it was asked for again */

struct twoq {
	struct simple simple;
	struct flist probation; /* mapped pages, newest at the head */
	uint32_t evictions;     /* counted round and round, never 0 */
};

static inline struct twoq *
twoq(const struct core *c)
{
	return c->policy_state;
}

static size_t
twoq_state_bytes(const struct core_config *cfg)
{
	(void)cfg;
	return sizeof(struct twoq);
}

static void
twoq_init(struct core *c)
{
	simple_init(c);
	flist_init(&twoq(c)->probation);
	twoq(c)->evictions = 1;
}

static void
twoq_dropping(struct core *c, const struct frame *f)
{
	struct twoq *q = twoq(c);

	if (f->flags & (FRAME_READAHEAD | FRAME_UNSEEN))
		return;
	core_shadow_set(c, f->entry, q->evictions);
	if (++q->evictions == 0)
		q->evictions = 1;
}

/* It was thrown out not long ago. */
static bool
is_refault(struct core *c, const struct frame *f)
{
	uint32_t then = f->entry != 0 ? core_shadow_take(c, f->entry) : 0;

	if (then == 0)
		return false;
	stat_add(c,
	         entry_is_file(f->entry) ? PAGEOUT_STAT_workingset_refault_file
	                                 : PAGEOUT_STAT_workingset_refault_anon,
	         1);
	return twoq(c)->evictions - then <=
	       c->cfg.frames_total / SHADOW_DIVISOR;
}

static void
twoq_mapped(struct core *c, struct frame *f)
{
	bool seen = (f->flags & FRAME_UNSEEN) == 0;

	if ((seen && is_refault(c, f)) || f->flags & FRAME_REFERENCED)
		f->age = ACTIVE;
	f->flags &= (uint16_t)~FRAME_REFERENCED;
	if (f->age == ACTIVE)
		simple_mapped(c, f);
	else
		flist_add_head(c, &twoq(c)->probation, LIST_PROBATION, f);
}

static void
twoq_gone(struct core *c, struct frame *f)
{
	if (f->list == LIST_PROBATION)
		flist_del(c, &twoq(c)->probation, f);
	else
		simple_gone(c, f);
}

static void
twoq_freed(struct core *c, struct frame *f)
{
	(void)c;
	f->age = 0;
}

/* From one list; when all of it were refused, from the other. */
static struct frame *
twoq_choose(struct core *c, struct simple *s, uint32_t refused)
{
	const struct flist *l = &twoq(c)->probation, *other = &s->active;

	if (l->count <= (l->count + other->count) / PROBATION_DIVISOR) {
		l = &s->active;
		other = &twoq(c)->probation;
	}
	if (refused >= l->count)
		l = other;
	return l->count == 0 ? NULL : &c->frames[l->tail];
}

/* That it could not leave does not say that it is in use. */
static void
twoq_refused(struct core *c, struct frame *f)
{
	struct flist *l = f->list == LIST_PROBATION ? &twoq(c)->probation
	                                            : &twoq(c)->simple.active;
	enum list_id id = (enum list_id)f->list;

	flist_del(c, l, f);
	flist_add_head(c, l, id, f);
}

static uint32_t
twoq_held(const struct core *c)
{
	return simple_held(c) + twoq(c)->probation.count;
}

const struct simple_policy policy_2q = {
	.ops = {.name = "2q",
                .help = "a page must be asked for twice to stay",
                SIMPLE_OPS,
                .state_bytes = twoq_state_bytes,
                .init = twoq_init,
                .mapped = twoq_mapped,
                .found = simple_found,
                .gone = twoq_gone,
                .freed = twoq_freed,
                .held = twoq_held},
	.choose = twoq_choose,
	.refused = twoq_refused,
	.dropping = twoq_dropping,
};
