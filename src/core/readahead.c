/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * readahead.c -- which pages will be wanted next.
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
 * is near, teaches it a new delta; any other replaces the stream that has been
 * silent longest.  The caller asks for the pages and says how far it got.
 */
#include "base/bits.h"
#include "core/internal.h"

#define NEAR_PAGES 64        /* faults this close may be one stream */
#define WINDOW_FIRST 4       /* steps, once a stream is confirmed */
#define WINDOW_STRIDE_MAX 32 /* steps of a stream with gaps */

/*
 * How many steps beyond its last fault the stream is at vpn; 0 when it is not
 * where the stream would go.
 */
static uint32_t
stream_steps(const struct stream *s, uint64_t vpn)
{
	int64_t d = (int64_t)(vpn - s->last), k;

	if (s->used == 0 || s->delta == 0 || d % s->delta != 0)
		return 0;
	k = d / s->delta;
	return k >= 1 && k <= (int64_t)s->reach + 1 ? (uint32_t)k : 0;
}

static uint32_t
window_max(const struct core *c, int64_t delta)
{
	uint32_t max = min_u32(c->cfg.ra_pages_max,
	                       max_u32(c->cfg.frames_total / 32, 1));

	return delta == 1 || delta == -1 ? max
	                                 : min_u32(max, WINDOW_STRIDE_MAX);
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

/* Teach the nearest stream, or the one silent longest, where we are now. */
static struct stream *
stream_learn(struct space *sp, uint64_t vpn)
{
	struct stream *oldest = &sp->streams[0];

	for (unsigned i = 0; i < STREAMS; i++) {
		struct stream *s = &sp->streams[i];
		int64_t d = (int64_t)(vpn - s->last);

		if (s->used < oldest->used)
			oldest = s;
		if (s->used == 0 || d < -NEAR_PAGES || d > NEAR_PAGES)
			continue;
		if (d != 0)
			*s = (struct stream){.last = vpn, .delta = d};
		return s;
	}
	*oldest = (struct stream){.last = vpn};
	return oldest;
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

		if (steps != 0) {
			s = &sp->streams[i];
			stream_continue(c, s, vpn, steps);
		}
	}
	if (s == NULL)
		s = stream_learn(sp, vpn);
	s->used = ++sp->tick;
	if (a->flags & AREA_SEQUENTIAL && s->window < 2) {
		s->delta = 1;
		s->reach = 0;
		s->window = window_max(c, 1);
	}
	*ret = s;
	if (s->window < 2)
		return (struct plan){1, 1};
	return (struct plan){s->delta, s->window};
}
