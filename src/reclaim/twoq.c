/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * twoq.c -- policy 2q: a page must be asked for twice.
 *
 * Johnson and Shasha, "2Q: A Low Overhead High Performance Buffer Management
 * Replacement Algorithm", VLDB 1994.  Their queues, and ours:
 *
 *	A1in	probation	pages that were asked for once, first in first
 *				out
 *	Am	active		those that were asked for again; and tried,
 *				those of them that are out of reach for a while
 *	A1out	shadows		in the slots of pages that were thrown out
 *
 *	fault --> probation --> inactive --------> thrown out --> shadow
 *	                            |       ^                        |
 *	                 soft fault |       | end of trial           |
 *	             active --------|---> tried                      |
 *	              ^             |       | soft fault  hard fault |
 *	              +-------------+-------+------------------------+
 *
 * A page on probation is not asked for again while it is mapped: that cannot
 * be seen, and says little, for accesses come in bursts.  Afterwards it can be:
 * by a soft fault, while the page waits to be written or dropped, or by a hard
 * one before a quarter as many others were thrown out as memory holds.  Either
 * makes it active.
 *
 * That an active page is still in use cannot be seen either, and to throw it
 * out to learn it is dear.  So one that should leave is tried first: it is
 * unmapped, and stays until a 32nd of the memory was tried after it.  A soft
 * fault makes it active again.
 *
 * What came in ahead was not asked for at all yet: its first fault is its
 * first use, and if it is thrown out before, that leaves no shadow.  Else the
 * pages of a slow scan, which leave before the scan comes to them, would be
 * active soon.
 *
 * In 2Q the share of A1in is fixed.  Ours learns, as in Megiddo and Modha,
 * "ARC: A Self-Tuning, Low Overhead Replacement Cache", FAST 2003: a page that
 * comes back, from a trial or by a hard fault, says that the list it was taken
 * from is too short, and says it the louder the fewer were taken from there.
 * So it is odds that are compared, of coming back; but none is more than four
 * times as loud as another.  Else the few active pages, most of which are used
 * again some time, would outdo the many of a program that goes from one part of
 * its data to the next, as sort does.
 *
 *  - A scan goes through probation and does not come back.  The active pages
 *    stay where they are, and in balance, when nothing new is asked for twice,
 *    none is tried and none faults.
 *  - Active pages that are used no more do not come back, those on probation
 *    do: the share of probation grows, and the others go.
 *
 * A page on probation that is soft-faulted was found in time, and is not
 * counted; active pages are, for they are put out of reach to be found.
 *
 * Invariants: a tried page is active, clean, and can be dropped at once.  The
 * share is at most all memory, so that no active page can stay for ever; and a
 * twentieth of the mapped pages may always be on probation.
 */
#include "base/bits.h"
#include "core/file/file.h"
#include "pageout/stat.h"
#include "reclaim/simple.h"

#define PROBATION_DIVISOR 20 /* of the mapped pages, at least */
#define TRIED_DIVISOR 32     /* of the frames: so many at most */
#define AGAIN_DIVISOR 4      /* of the frames: soon enough to be active */
#define LOUDEST 4            /* of a page that comes back */
#define RECENT_DIVISOR 8     /* so much of the past is forgotten at once */
#define REFUSALS 16          /* until the other list has its turn */
#define PULSE 32             /* trials that end where a frame is waited for */

#define ACTIVE 1u /* frame.age: it was asked for again */

/* A shadow has the number of the eviction, and in bit 0 the age. */
#define SHADOW_TIMES (1u << 31)

struct twoq {
	struct simple simple;
	struct flist probation; /* mapped pages, newest at the head */
	struct flist tried;     /* active and clean, out of reach */
	uint32_t share;         /* of probation, in pages */
	uint32_t taken[2];      /* of late: on probation, ACTIVE */
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
	struct twoq *q = twoq(c);

	simple_init(c);
	flist_init(&q->probation);
	flist_init(&q->tried);
	q->evictions = 1;
}

/* -- what becomes of pages that were taken from a list -------------------- */

/* One is thrown out, or ends its trial by a soft fault. */
static void
count_taken(struct core *c, unsigned age)
{
	uint32_t *taken = twoq(c)->taken;

	taken[age]++;
	if (taken[0] + taken[ACTIVE] <= c->cfg.frames_total)
		return;
	for (unsigned i = 0; i <= ACTIVE; i++)
		taken[i] -= taken[i] / RECENT_DIVISOR;
}

/* It was wanted: the list from which it was taken should be longer. */
static void
came_back(struct core *c, unsigned age)
{
	struct twoq *q = twoq(c);
	uint32_t mine = max_u32(q->taken[age], 1);
	uint32_t other = q->taken[age ^ ACTIVE];
	uint32_t step = clamp_u32(other / mine, 1, LOUDEST);
	uint32_t most = c->cfg.frames_total;

	if (age == ACTIVE)
		q->share = q->share > step ? q->share - step : 0;
	else
		q->share = min_u32(q->share + step, most);
}

static void
twoq_dropping(struct core *c, const struct frame *f)
{
	struct twoq *q = twoq(c);

	if (f->flags & (FRAME_READAHEAD | FRAME_UNSEEN))
		return;
	count_taken(c, f->age);
	core_shadow_set(c, f->entry, q->evictions << 1 | f->age);
	if (++q->evictions == SHADOW_TIMES)
		q->evictions = 1;
}

/* It was thrown out not long ago. */
static bool
is_refault(struct core *c, const struct frame *f)
{
	uint32_t shadow = f->entry != 0 ? core_shadow_take(c, f->entry) : 0;
	uint32_t since;

	if (shadow == 0)
		return false;
	stat_add(c,
	         entry_is_file(f->entry) ? PAGEOUT_STAT_workingset_refault_file
	                                 : PAGEOUT_STAT_workingset_refault_anon,
	         1);
	since = (twoq(c)->evictions - (shadow >> 1)) % SHADOW_TIMES;
	if (since <= c->cfg.frames_total)
		came_back(c, shadow & ACTIVE);
	return since <= c->cfg.frames_total / AGAIN_DIVISOR;
}

/* -- what happened to a frame --------------------------------------------- */

static void
twoq_mapped(struct core *c, struct frame *f)
{
	bool seen = (f->flags & FRAME_UNSEEN) == 0;
	bool soft = (f->flags & FRAME_REFERENCED) != 0;

	if (soft && f->age == ACTIVE) {
		count_taken(c, f->age);
		came_back(c, f->age);
	}
	if ((seen && is_refault(c, f)) || soft)
		f->age = ACTIVE;
	f->flags &= (uint16_t)~FRAME_REFERENCED;
	if (f->age == ACTIVE)
		simple_mapped(c, f);
	else
		flist_add_head(c, &twoq(c)->probation, LIST_PROBATION, f);
}

/* Of those that are tried all but the last n are so no more. */
static void
end_trials(struct core *c, uint32_t n)
{
	struct twoq *q = twoq(c);

	while (q->tried.count > n) {
		struct frame *f = &c->frames[q->tried.tail];

		flist_del(c, &q->tried, f);
		flist_add_head(c, &q->simple.inactive_clean,
		               LIST_INACTIVE_CLEAN, f);
	}
}

static void
twoq_cached(struct core *c, struct frame *f)
{
	struct twoq *q = twoq(c);

	if (f->age != ACTIVE || f->flags & FRAME_DIRTY) {
		simple_cached(c, f);
		return;
	}
	flist_add_head(c, &q->tried, LIST_TRIED, f);
	stat_add(c, PAGEOUT_STAT_nr_inactive_clean, 1);
	end_trials(c, c->cfg.frames_total / TRIED_DIVISOR);
}

static void
twoq_gone(struct core *c, struct frame *f)
{
	struct twoq *q = twoq(c);

	if (f->list == LIST_PROBATION) {
		flist_del(c, &q->probation, f);
	} else if (f->list == LIST_TRIED) {
		flist_del(c, &q->tried, f);
		stat_sub(c, PAGEOUT_STAT_nr_inactive_clean, 1);
	} else {
		simple_gone(c, f);
	}
}

static void
twoq_cleaned(struct core *c, struct frame *f)
{
	twoq_gone(c, f);
	twoq_cached(c, f);
}

static void
twoq_freed(struct core *c, struct frame *f)
{
	(void)c;
	f->age = 0;
}

/* -- who leaves ----------------------------------------------------------- */

/* From one list; after some that could not leave, from the other in turn. */
static struct frame *
twoq_choose(struct core *c, struct simple *s, uint32_t refused)
{
	const struct flist *l = &twoq(c)->probation, *other = &s->active;
	uint32_t least = (l->count + other->count) / PROBATION_DIVISOR;

	if (l->count <= max_u32(twoq(c)->share, least)) {
		l = &s->active;
		other = &twoq(c)->probation;
	}
	if (l->count == 0 || (refused / REFUSALS % 2 != 0 && other->count != 0))
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

/* Where nothing is clean, some of those go that are tried. */
static bool
twoq_reclaim_direct(struct core *c, struct batch *b)
{
	struct twoq *q = twoq(c);
	bool done = simple_reclaim_direct(c, b);
	uint32_t n = q->tried.count;

	if (n == 0 || q->simple.inactive_clean.count != 0)
		return done;
	end_trials(c, n > PULSE ? n - PULSE : 0);
	return true;
}

static uint32_t
twoq_held(const struct core *c)
{
	const struct twoq *q = twoq(c);

	return simple_held(c) + q->probation.count + q->tried.count;
}

const struct simple_policy policy_2q = {
	.ops = {.name = "2q",
                .help = "a page must be asked for twice to stay",
                SIMPLE_OPS,
                .state_bytes = twoq_state_bytes,
                .init = twoq_init,
                .mapped = twoq_mapped,
                .cached = twoq_cached,
                .cleaned = twoq_cleaned,
                .gone = twoq_gone,
                .freed = twoq_freed,
                .reclaim_direct = twoq_reclaim_direct,
                .held = twoq_held},
	.choose = twoq_choose,
	.refused = twoq_refused,
	.dropping = twoq_dropping,
};
