/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * readahead.c -- which pages will be wanted next, and reading them.
 *
 * Faults of one space are sorted into streams.  A stream is a sequence of pages
 * at a constant distance (delta: 1 forward, -1 backward, n a stride).  What has
 * been asked for ahead of the program does not fault one by one, so the next
 * fault of a stream may be any of the next reach+1 steps:
 *
 *	last                      last + reach * delta
 *	 |--- asked for already ----|
 *	 o . . . . . . . . . . . . .|?
 *	        ^ a fault here continues the stream: k steps on
 *
 * A fault that continues a stream doubles its window; one that does not, but
 * is near, or is far but as far as the one before it, teaches it a new delta;
 * any other replaces a stream that has been silent, the one with the wider
 * window being given longer: what it asked for does not fault.  The caller asks
 * for the pages and says how far it got.
 */
#include "base/bits.h"
#include "core/internal.h"

#define NEAR_PAGES 64        /* faults this close may be one stream */
#define GAP_PAGES 3          /* from one access to the next: one run is read */
#define AROUND_PAGES 64      /* pages on each side whose slots are looked at */
#define WINDOW_FIRST 4       /* steps, once a stream is confirmed */
#define WINDOW_STRIDE_MAX 32 /* steps of a stream with gaps */
#define WINDOWS_AHEAD 3      /* asked for beyond the page that faults */
#define FAR_FAULTS 4         /* so long ago the last of a wide walk may be */
#define PATIENCE 16          /* faults elsewhere, for each page of a window */
#define STREAMS_NEW 4        /* places of streams that are not proven */

/* -- streams -------------------------------------------------------------- */

/*
 * How many steps beyond its last fault the stream is at vpn; 0 when it is not
 * where the stream would go.
 */
static uint32_t
stream_steps(const struct stream *s, uint64_t vpn)
{
	int64_t d = (int64_t)(vpn - s->last), step = s->delta;

	if (step < 0) {
		d = -d;
		step = -step;
	}
	if (d <= 0 || d > step * ((int64_t)s->reach + 1))
		return 0;
	return step == 1       ? (uint32_t)d
	       : d % step == 0 ? (uint32_t)(d / step)
	                       : 0;
}

static uint32_t
window_max(const struct core *c, int64_t delta)
{
	uint32_t max = min_u32(c->cfg.ra_pages_max,
	                       max_u32(c->cfg.frames_total / 32, 1));

	return delta == 1 || delta == -1 ? max
	                                 : min_u32(max, WINDOW_STRIDE_MAX);
}

/*
 * Whoever comes along the stream has just used the pages before this one, so
 * one of them is mapped.  Of a stream that has ended, what was read ahead lies
 * about for anybody to hit; that is no continuation.
 */
static bool
stream_comes_along(const struct core *c, unsigned space, const struct stream *s,
                   uint64_t vpn, uint32_t steps)
{
	for (uint32_t i = 1; i <= GAP_PAGES && i < steps; i++) {
		uint64_t before = vpn - (uint64_t)(s->delta * i);

		if (pte_kind(pte_get(c, space, before)) == PTE_PRESENT)
			return true;
	}
	return steps <= GAP_PAGES;
}

/*
 * The pages between did not fault, so they are mapped, and have been used; but
 * for those of gaps.
 */
static void
stream_passed(struct core *c, unsigned space, const struct stream *s,
              uint32_t steps)
{
	for (uint32_t i = 1; i < steps && !s->has_gaps; i++) {
		uint64_t vpn = s->last + (uint64_t)(s->delta * i);
		struct frame *f = frame_of_page(c, space, vpn);

		if (f != NULL)
			f->flags &= (uint16_t)~FRAME_UNSEEN;
	}
}

static void
stream_continue(const struct core *c, struct stream *s, uint64_t vpn,
                uint32_t steps)
{
	s->last = vpn;
	s->reach = s->reach >= steps ? s->reach - steps : 0;
	s->window = s->window < WINDOW_FIRST ? WINDOW_FIRST : s->window * 2;
	s->window = min_u32(s->window, window_max(c, s->delta));
}

/*
 * It is at vpn, d pages from where it was.  To read the few pages between as
 * well is cheaper than to leave them out.
 */
static struct stream
stream_from(uint64_t vpn, int64_t d)
{
	struct stream s = {.last = vpn, .delta = d};

	if (d >= -GAP_PAGES && d <= GAP_PAGES) {
		s.delta = d > 0 ? 1 : -1;
		s.reach = (uint32_t)(d * s.delta) - 1;
		s.has_gaps = s.reach != 0;
	}
	return s;
}

/*
 * A walk in steps so wide that its faults are near nothing: of three places at
 * equal distances, vpn being the third, the second.  The next fault has to be
 * one step further, to the page; of faults at random hardly any four are so.
 */
static struct stream *
stream_far(struct space *sp, uint64_t vpn)
{
	struct stream *end = sp->streams + STREAMS;

	for (struct stream *s = sp->streams; s < end; s++) {
		if (s->window >= 2 || s->expires + FAR_FAULTS <= sp->tick)
			continue;
		for (struct stream *first = sp->streams; first < end; first++)
			if (first->window < 2 && first->expires != 0 &&
			    first->expires < s->expires &&
			    vpn - s->last == s->last - first->last)
				return s;
	}
	return NULL;
}

/*
 * The nearest stream, taught where we are now, or a wide walk, or a new stream.
 * That takes the place of the first to expire, but STREAMS_NEW of them are
 * always for streams that have still to prove themselves.
 */
static struct stream *
stream_learn(struct space *sp, uint64_t vpn)
{
	struct stream *new = NULL, *proven = NULL, *s;
	unsigned new_count = 0;

	for (s = sp->streams; s < sp->streams + STREAMS; s++) {
		struct stream **first = s->window < 2 ? &new : &proven;
		int64_t d = (int64_t)(vpn - s->last);

		if (d >= -NEAR_PAGES && d <= NEAR_PAGES && s->expires != 0) {
			if (d != 0)
				*s = stream_from(vpn, d);
			return s;
		}
		new_count += s->window < 2;
		if (*first == NULL || s->expires < (*first)->expires)
			*first = s;
	}
	s = stream_far(sp, vpn);
	if (s != NULL) {
		*s = stream_from(vpn, (int64_t)(vpn - s->last));
		return s;
	}
	s = new;
	if (proven != NULL &&
	    (new_count < STREAMS_NEW || proven->expires < sp->tick))
		s = proven;
	*s = (struct stream){.last = vpn};
	return s;
}

struct plan
stream_fault(struct core *c, unsigned space, uint64_t vpn, const struct area *a,
             struct stream **ret)
{
	struct space *sp = &c->spaces[space];
	struct stream *s = NULL;

	*ret = NULL;
	if (a->flags & AREA_RANDOM)
		return (struct plan){1, 1};
	for (unsigned i = 0; i < STREAMS && s == NULL; i++) {
		uint32_t steps = stream_steps(&sp->streams[i], vpn);

		if (steps != 0 &&
		    stream_comes_along(c, space, &sp->streams[i], vpn, steps)) {
			s = &sp->streams[i];
			stream_passed(c, space, s, steps);
			stream_continue(c, s, vpn, steps);
		}
	}
	if (s == NULL)
		s = stream_learn(sp, vpn);
	if (a->flags & AREA_SEQUENTIAL && s->window < 2) {
		s->delta = 1;
		s->reach = 0;
		s->window = window_max(c, 1);
	}
	s->expires = ++sp->tick + (uint64_t)PATIENCE * s->window;
	*ret = s;
	if (s->window < 2)
		return (struct plan){1, 1};
	return (struct plan){s->delta, s->window};
}

/* -- reading -------------------------------------------------------------- */

swp_entry_t
core_swapped_out(const struct core *c, unsigned space, uint64_t vpn)
{
	pte_t pte = pte_get(c, space, vpn);
	const struct area *a;
	swp_entry_t e = 0;

	if (pte & PTE_GUEST)
		return 0;
	if (pte_kind(pte) == PTE_SWAP) {
		e = pte_entry(pte);
	} else if (pte_kind(pte) == PTE_NONE) {
		a = core_area_find(c, space, vpn);
		e = a != NULL ? area_slot(a, vpn) : 0;
	}
	return e == 0 || slot_frame(c, e) != NULL ? 0 : e;
}

/* Pages around vpn, in [low, high), in neighbouring slots. */
static uint32_t
swapped_run(const struct core *c, unsigned space, uint64_t vpn, uint64_t low,
            uint64_t high, uint64_t *ret_first)
{
	swp_entry_t e = core_swapped_out(c, space, vpn);
	uint64_t first = vpn, end = vpn + 1;

	/* Before slot 1 there is none: 0 would be "not swapped out". */
	while (first > low && end - first < OP_PAGES_MAX &&
	       vpn - first + 1 < e &&
	       core_swapped_out(c, space, first - 1) == e - (vpn - first) - 1)
		first--;
	while (end < high && end - first < OP_PAGES_MAX &&
	       core_swapped_out(c, space, end) == e + (end - vpn))
		end++;
	*ret_first = first;
	return (uint32_t)(end - first);
}

uint32_t
read_start(struct core *c, unsigned space, const struct area *a, uint64_t vpn,
           uint64_t low, uint64_t high, bool wanted, struct batch *b)
{
	uint32_t pfns[OP_PAGES_MAX], want, got;
	struct page_id id;
	uint64_t first;
	struct op *op;

	want = swapped_run(c, space, vpn, low, high, &first);
	op = op_get(c, OP_READ, wanted ? OPS_RESERVE_DONE : OPS_RESERVE_DAEMON);
	if (op == NULL)
		return 0;
	got = frames_alloc(c, wanted ? ALLOC_SWAPIN : ALLOC_AHEAD, want,
	                   wanted ? want : 0, pfns);
	if (got == 0) {
		op_put(c, op);
		return 0;
	}
	if (vpn >= first + got)
		first = vpn - got + 1;
	op_at(op, space, first);
	op->entry = core_swapped_out(c, space, first);
	if (a->flags & AREA_SHARED)
		op->flags |= OPF_BELIEVE;
	id = area_page_id(a, first);
	op->id = id.id;
	op->off = id.off;
	for (uint32_t i = 0; i < got; i++) {
		struct frame *f = &c->frames[pfns[i]];

		f->flags = FRAME_LOCKED | FRAME_READAHEAD;
		f->entry = op->entry + i;
		if (pte_get(c, space, first + i) == PTE_NONE) {
			file_slot_name(c, f->entry);
			*pte_of(c, space, first + i) = pte_swap(f->entry);
		}
		f->hash = slot_cache(c, f->entry, pfns[i]);
		frame_bind(f, space, first + i);
		op_add(op, pfns[i]);
	}
	if (wanted) {
		struct frame *f = &c->frames[op->pg[vpn - first].pfn];

		f->flags ^= FRAME_READAHEAD | FRAME_WANTED;
	}
	c->io_pages += got;
	stat_add(c, PAGEOUT_STAT_swap_ra, got - wanted);
	batch_add(b, op);
	return got;
}

void
read_ahead(struct core *c, unsigned space, uint64_t vpn, const struct area *a,
           struct plan plan, struct stream *s, struct batch *b)
{
	int64_t d = plan.delta;
	uint32_t target = WINDOWS_AHEAD * plan.window;

	if (s == NULL || plan.window < 2 || s->reach > target - plan.window)
		return;
	while (s->reach < target) {
		uint64_t v = vpn + (uint64_t)(d * (s->reach + 1));
		uint64_t left = target - s->reach, low = v, high = v + 1;

		if (v < a->vpn || v >= area_end(a))
			return;
		if (core_swapped_out(c, space, v) == 0) {
			s->reach++;
			continue;
		}
		if (d == 1)
			high = area_end(a) - v > left ? v + left : area_end(a);
		else if (d == -1)
			low = v - a->vpn >= left ? v - left + 1 : a->vpn;
		left = read_start(c, space, a, v, low, high, false, b);
		if (left == 0)
			return;
		s->reach += (uint32_t)left;
	}
}

bool
core_read_ahead(struct core *c, unsigned space, uint64_t vpn, struct batch *b)
{
	const struct area *a = core_area_find(c, space, vpn);

	return a != NULL && core_swapped_out(c, space, vpn) != 0 &&
	       read_start(c, space, a, vpn, vpn, vpn + 1, false, b) != 0;
}

void
core_pages_of_slots(const struct core *c, unsigned space, uint64_t vpn,
                    swp_entry_t first, uint32_t n, uint64_t *vpns)
{
	uint64_t low = vpn > AROUND_PAGES ? vpn - AROUND_PAGES : 0;

	for (uint32_t i = 0; i < n; i++)
		vpns[i] = VPN_NONE;
	for (uint64_t v = low; v <= vpn + AROUND_PAGES; v++) {
		swp_entry_t e = core_swapped_out(c, space, v);

		if (e != 0 && e - first < n)
			vpns[e - first] = v;
	}
}

bool
core_test_clear_readahead(struct core *c, struct frame *f)
{
	if ((f->flags & FRAME_READAHEAD) == 0)
		return false;
	f->flags &= (uint16_t)~FRAME_READAHEAD;
	stat_add(c, PAGEOUT_STAT_swap_ra_hit, 1);
	return true;
}
