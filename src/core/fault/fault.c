/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault.c -- a page is asked for.
 *
 *	entry      frame                what happens
 *	none       -                    first touch: zeroed frames are mapped,
 *	                                as many as the stream will touch; of a
 *	                                file: as if its slot were named
 *	swap(e)    e cached, idle       soft fault: the frame is mapped again
 *	swap(e)    e cached, writing    a copy is mapped; old frame and slot go
 *	                                when the write ends; of a file, which
 *	                                has no other slot: wait
 *	swap(e)    e cached, reading    wait for the read
 *	swap(e)    not cached           hard fault: read, verify [I8], map
 *	present    locked               wait; it is on its way
 *	present    -                    another fault was faster
 *	poison     -                    the access must fail
 *
 * And in each case: start reading what its stream will want next.
 *
 * [I5] a page is mapped by map_add() alone, whose frame is bound to it.
 * [I6] zeros are given to an entry that is none, to no other, not in a file.
 */
#include <errno.h>

#include "base/bits.h"
#include "core/internal.h"

/* One fault, as its helpers see it. */
struct fault {
	unsigned space;
	uint64_t vpn;
	const struct area *a;
	struct plan plan;
	struct stream *stream;
};

/* The part of its area that a fault may deal with at once: [*low, *high). */
static void
fault_range(const struct fault *ft, uint64_t *low, uint64_t *high)
{
	const struct area *a = ft->a;
	uint64_t n = min_u32(ft->plan.window, OP_PAGES_MAX);

	*low = ft->vpn;
	*high = ft->vpn + 1;
	if (ft->plan.delta == 1)
		*high = area_end(a) - ft->vpn > n ? ft->vpn + n : area_end(a);
	else if (ft->plan.delta == -1)
		*low = ft->vpn - a->vpn >= n ? ft->vpn - n + 1 : a->vpn;
}

void
map_add(struct core *c, struct op *op, uint64_t vpn, struct frame *f)
{
	pte_t *pte = pte_of(c, op->space, vpn);

	must(f->flags & FRAME_LOCKED && f->vpn == vpn); /* [I5] */
	must(op->vpn + op->count == vpn);
	if (core_test_clear_readahead(c, f))
		f->flags |= FRAME_UNSEEN;
	f->flags &= (uint16_t) ~(FRAME_WANTED | FRAME_RETRIED);
	*pte = pte_present(frame_pfn(c, f));
	op_add(op, frame_pfn(c, f));
}

/* -- first touch ---------------------------------------------------------- */

/* No frame to be had: let the pool grow, or say how bad it is. */
static enum fault_verdict
fault_noframe(struct core *c, struct batch *b)
{
	if (frames_populate(c, b))
		return FAULT_AGAIN;
	if (c->oom_ns != 0 && still_holds(c, c->oom_ns)) {
		stat_add(c, PAGEOUT_STAT_oom, 1);
		return FAULT_NOMEM;
	}
	return FAULT_NOFRAME;
}

/* Pages around the fault that were never touched, at most [low, high). */
static uint32_t
untouched_run(const struct core *c, const struct fault *ft, uint64_t low,
              uint64_t high, uint64_t *ret_first)
{
	uint64_t first = ft->vpn, end = ft->vpn + 1;

	while (first > low && pte_get(c, ft->space, first - 1) == PTE_NONE)
		first--;
	while (end < high && pte_get(c, ft->space, end) == PTE_NONE)
		end++;
	*ret_first = first;
	return (uint32_t)(end - first);
}

/*
 * While memory is plentiful a first touch brings its neighbours along: a fault
 * costs as much as a hundred pages.  What was not wanted is found to be zero
 * and taken back without a write.
 */
static uint32_t
touch_around(const struct core *c)
{
	uint32_t free = core_frames_free(c), total = c->cfg.frames_total;

	if (free > total / 2)
		return c->cfg.ra_pages_max;
	if (free > total / 4)
		return min_u32(64, c->cfg.ra_pages_max);
	return free > total / 8 ? min_u32(16, c->cfg.ra_pages_max) : 1;
}

/* The part of its area that a first touch may deal with at once. */
static void
touch_range(const struct core *c, const struct fault *ft, uint64_t *low,
            uint64_t *high)
{
	const struct area *a = ft->a;
	uint64_t n = touch_around(c), block;

	fault_range(ft, low, high);
	if (ft->plan.window >= n || a->flags & AREA_RANDOM)
		return;
	n = (uint64_t)1 << ilog2(n);
	block = round_down(ft->vpn, n);
	*low = block > a->vpn ? block : a->vpn;
	*high = block + n < area_end(a) ? block + n : area_end(a);
}

static enum fault_verdict
fault_touch(struct core *c, const struct fault *ft, struct batch *b)
{
	uint32_t pfns[OP_PAGES_MAX], want, got;
	uint64_t first, low, high;
	struct op *op;

	touch_range(c, ft, &low, &high);
	want = untouched_run(c, ft, low, high, &first);
	op = op_get(c, OP_MAP, OPS_RESERVE_DONE);
	if (op == NULL)
		return FAULT_NOFRAME;
	got = frames_alloc(c, ALLOC_TOUCH, want, ft->plan.window > 1 ? want : 1,
	                   pfns);
	if (got == 0) {
		op_put(c, op);
		return fault_noframe(c, b);
	}
	if (ft->vpn >= first + got)
		first = ft->vpn - got + 1; /* fewer: but this one */
	op_at(op, ft->space, first);
	op->flags = OPF_ZERO;
	for (uint32_t i = 0; i < got; i++) {
		struct frame *f = &c->frames[pfns[i]];
		bool fresh = f->flags & FRAME_FRESH;

		must(pte_get(c, ft->space, first + i) == PTE_NONE); /* [I6] */
		f->flags = FRAME_LOCKED;
		frame_bind(f, ft->space, first + i);
		map_add(c, op, first + i, f);
		op->pg[i].fresh = fresh;
	}
	batch_add(b, op);
	if (ft->stream != NULL && ft->plan.window > 1)
		ft->stream->reach =
			(uint32_t)(ft->plan.delta == 1
		                           ? first + got - 1 - ft->vpn
		                   : ft->plan.delta == -1 ? ft->vpn - first
		                                          : 0);
	stat_add(c, PAGEOUT_STAT_pgfirsttouch, 1);
	return FAULT_STARTED;
}

/* -- soft faults ---------------------------------------------------------- */

/* The frame of a page that could be mapped at once, or NULL. */
static struct frame *
cached_idle(const struct core *c, unsigned space, uint64_t vpn)
{
	pte_t pte = pte_get(c, space, vpn);
	struct frame *f;

	if (pte_kind(pte) != PTE_SWAP)
		return NULL;
	f = slot_frame(c, pte_entry(pte));
	if (f == NULL || f->flags & (FRAME_LOCKED | FRAME_WRITEBACK))
		return NULL;
	return f;
}

static void
map_cached(struct core *c, struct op *op, uint64_t vpn, struct frame *f)
{
	frame_lock(c, f);
	map_add(c, op, vpn, f);
	slot_put(c, f->entry); /* the table names it no more */
}

/* The next pages of a stream with gaps: an operation each, but no fault. */
static void
map_steps(struct core *c, const struct fault *ft, struct batch *b)
{
	for (uint32_t i = 1; i < ft->plan.window; i++) {
		uint64_t v = ft->vpn + (uint64_t)(ft->plan.delta * i);
		bool within = v >= ft->a->vpn && v < area_end(ft->a);
		struct frame *f = within ? cached_idle(c, ft->space, v) : NULL;
		struct op *op;

		if (f == NULL)
			return;
		op = op_get(c, OP_MAP, OPS_RESERVE_DAEMON);
		if (op == NULL)
			return;
		op_at(op, ft->space, v);
		map_cached(c, op, v, f);
		batch_add(b, op);
	}
}

static enum fault_verdict
fault_soft(struct core *c, const struct fault *ft, struct batch *b)
{
	struct op *op = op_get(c, OP_MAP, OPS_RESERVE_DONE);
	uint64_t low, high, first = ft->vpn;

	if (op == NULL)
		return FAULT_NOFRAME;
	fault_range(ft, &low, &high);
	while (first > low && cached_idle(c, ft->space, first - 1) != NULL)
		first--;
	op_at(op, ft->space, first);
	for (uint64_t v = first; v < high; v++) {
		struct frame *f = cached_idle(c, ft->space, v);

		if (f == NULL)
			break;
		map_cached(c, op, v, f);
	}
	must(op->count > ft->vpn - first);
	batch_add(b, op);
	if (ft->plan.delta < -1 || ft->plan.delta > 1)
		map_steps(c, ft, b);
	stat_add(c, PAGEOUT_STAT_pgsoftfault, 1);
	return FAULT_STARTED;
}

/*
 * The frame is being written to the device and must not be moved: map a copy.
 * The page lets go of frame and slot, which die together when both the write
 * and the copying have ended [I4].
 */
static enum fault_verdict
fault_copy(struct core *c, const struct fault *ft, struct frame *old,
           struct batch *b)
{
	struct op *op = op_get(c, OP_MAP, OPS_RESERVE_DONE);
	struct frame *f;
	uint32_t pfn;

	if (op == NULL)
		return FAULT_NOFRAME;
	if (frames_alloc(c, ALLOC_SWAPIN, 1, 1, &pfn) == 0) {
		op_put(c, op);
		return FAULT_NOFRAME;
	}
	f = &c->frames[pfn];
	f->flags = FRAME_LOCKED | (old->flags & FRAME_REFERENCED);
	frame_bind(f, ft->space, ft->vpn);
	op_at(op, ft->space, ft->vpn);
	op->flags = OPF_COPY;
	map_add(c, op, ft->vpn, f);
	op->pg[0].src = frame_pfn(c, old);
	slot_put(c, old->entry);
	old->flags |= FRAME_SOURCE;
	frame_orphan(c, old);
	batch_add(b, op);
	stat_add(c, PAGEOUT_STAT_pgsoftfault, 1);
	stat_add(c, PAGEOUT_STAT_pgcopy, 1);
	return FAULT_STARTED;
}

/* -- hard faults ---------------------------------------------------------- */

/*
 * The policy reads what it thinks will be wanted with a page: perhaps the page
 * itself; then nothing is read by address.
 * => true when the fault has only to wait for it
 */
static bool
fault_in_window(struct core *c, struct fault *ft, swp_entry_t e,
                struct batch *b)
{
	struct frame *f;

	if (!c->cfg.policy->readahead(c, ft->space, ft->vpn, e, b))
		return false;
	ft->plan = (struct plan){1, 1};
	f = slot_frame(c, e);
	if (f == NULL)
		return false;
	f->flags ^= FRAME_READAHEAD | FRAME_WANTED;
	stat_sub(c, PAGEOUT_STAT_swap_ra, 1);
	stat_add(c, PAGEOUT_STAT_pgmajfault, 1);
	return true;
}

static enum fault_verdict
fault_hard(struct core *c, struct fault *ft, swp_entry_t e, struct batch *b)
{
	uint64_t low, high;
	uint32_t n;

	/* Of a file, neighbours are known by address. */
	if (c->cfg.policy->readahead != NULL && !entry_is_file(e) &&
	    fault_in_window(c, ft, e, b))
		return FAULT_STARTED;
	fault_range(ft, &low, &high);
	n = read_start(c, ft->space, ft->a, ft->vpn, low, high, true, b);
	if (n == 0)
		return fault_noframe(c, b);
	if (ft->stream != NULL)
		ft->stream->reach = max_u32(ft->stream->reach, n - 1);
	stat_add(c, PAGEOUT_STAT_pgmajfault, 1);
	return FAULT_STARTED;
}

/* -- the fault itself ----------------------------------------------------- */

static enum fault_verdict
fault_wait(struct core *c, struct frame *f)
{
	f->flags |= FRAME_WANTED;
	stat_add(c, PAGEOUT_STAT_pgfaultwait, 1);
	return FAULT_WAIT;
}

static enum fault_verdict
fault_swap(struct core *c, struct fault *ft, swp_entry_t e, struct batch *b)
{
	struct frame *f = slot_frame(c, e);

	if (f == NULL)
		return fault_hard(c, ft, e, b);
	if (f->flags & FRAME_ORPHAN) /* [I4] of a file's page, discarded */
		return fault_wait(c, f);
	must(f->space == ft->space && f->vpn == ft->vpn); /* [I1] */
	c->cfg.policy->found(c, f);
	(void)core_test_clear_readahead(c, f);
	f->flags &= (uint16_t)~FRAME_UNSEEN;
	if (f->flags & FRAME_LOCKED)
		return fault_wait(c, f);
	if (f->flags & FRAME_WRITEBACK)
		return entry_is_file(e) ? fault_wait(c, f)
		                        : fault_copy(c, ft, f, b);
	return fault_soft(c, ft, b);
}

enum fault_verdict
core_fault(struct core *c, unsigned space, uint64_t vpn, struct batch *b)
{
	struct fault ft = {.space = space, .vpn = vpn};
	enum fault_verdict v = FAULT_DONE;
	swp_entry_t e;
	pte_t pte;

	ft.a = core_area_find(c, space, vpn);
	if (ft.a == NULL)
		return FAULT_NOAREA;
	if (ft.a->flags & AREA_GUEST)
		return guest_fault(c, space, vpn, ft.a, b);
	/* A message may be older than the area: its page is still to come. */
	if (ft.a->flags & AREA_MOVING)
		return FAULT_NOFRAME;
	if (op_short(c, OPS_RESERVE_DONE))
		return FAULT_NOFRAME; /* before it counts as an ask */
	stat_add(c, PAGEOUT_STAT_pgfault, 1);
	pte = pte_get(c, space, vpn);
	if (pte_kind(pte) == PTE_POISON) /* or try again when it is not */
		return pte & PTE_MOVING ? FAULT_NOFRAME : FAULT_POISONED;
	if (pte_kind(pte) == PTE_PRESENT) {
		struct frame *f = &c->frames[pte_pfn(pte)];

		must(f->space == space && f->vpn == vpn); /* [I1] */
		return f->flags & FRAME_LOCKED ? fault_wait(c, f) : FAULT_DONE;
	}
	ft.plan = stream_fault(c, space, vpn, ft.a, &ft.stream);
	e = pte_kind(pte) == PTE_NONE ? area_slot(ft.a, vpn) : pte_entry(pte);
	v = e == 0 ? fault_touch(c, &ft, b) : fault_swap(c, &ft, e, b);
	if (v == FAULT_STARTED || v == FAULT_WAIT)
		read_ahead(c, space, vpn, ft.a, ft.plan, ft.stream, b);
	return v;
}

/* The frame that will be mapped by this fault, if it is known already. */
static void
fault_stores(struct core *c, unsigned space, uint64_t vpn)
{
	struct frame *f = frame_of_page(c, space, vpn);

	if (f != NULL)
		f->flags |= FRAME_STORE;
}

enum fault_verdict
core_fault_write(struct core *c, unsigned space, uint64_t vpn, struct batch *b)
{
	enum fault_verdict v = core_fault(c, space, vpn, b);

	if (v == FAULT_STARTED || v == FAULT_WAIT)
		fault_stores(c, space, vpn);
	return v;
}
