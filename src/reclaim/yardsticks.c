/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * yardsticks.c -- fifo, clock and random: policies to measure others by.
 *
 *	fifo	the page that came in first leaves first
 *	clock	likewise, but a page that was soft-faulted since the hand last
 *		saw it gets another round (second chance)
 *	random	any page
 */
#include "base/assert.h"
#include "pageout/stat.h"
#include "reclaim/simple.h"

static struct frame *
fifo_choose(struct core *c, struct simple *s, uint32_t refused)
{
	(void)refused;
	return s->active.count == 0 ? NULL : &c->frames[s->active.tail];
}

static struct frame *
clock_choose(struct core *c, struct simple *s, uint32_t refused)
{
	for (uint32_t n = s->active.count; n > 0; n--) {
		struct frame *f = &c->frames[s->active.tail];

		if ((f->flags & FRAME_REFERENCED) == 0)
			return f;
		f->flags &= (uint16_t)~FRAME_REFERENCED;
		flist_del(c, &s->active, f);
		flist_add_head(c, &s->active, LIST_ACTIVE, f);
		stat_add(c, PAGEOUT_STAT_pgrotated, 1);
		stat_add(c, PAGEOUT_STAT_pgscan_kswapd, 1);
	}
	return fifo_choose(c, s, refused);
}

/*
 * Any page of the pool that is mapped: some tries at random, and where few are
 * mapped, the oldest.
 */
static struct frame *
random_choose(struct core *c, struct simple *s, uint32_t refused)
{
	for (unsigned tries = 0; tries < 16; tries++) {
		struct frame *f;

		s->random =
			s->random * 6364136223846793005u + 1442695040888963407u;
		f = &c->frames[(s->random >> 32) * c->cfg.frames_total >> 32];
		if (f->list == LIST_ACTIVE)
			return f;
	}
	return fifo_choose(c, s, refused);
}

#define YARDSTICK(id, text, chooser)                             \
	const struct simple_policy policy_##id = {               \
		.ops = {.name = #id,                             \
	                .help = text,                            \
	                SIMPLE_OPS,                              \
	                .state_bytes = simple_state_bytes,       \
	                .init = simple_init,                     \
	                .mapped = simple_mapped,                 \
	                .cached = simple_cached,                 \
	                .cleaned = simple_cleaned,               \
	                .gone = simple_gone,                     \
	                .freed = simple_freed,                   \
	                .reclaim_direct = simple_reclaim_direct, \
	                .held = simple_held},                    \
		.choose = chooser,                               \
		.refused = simple_refused,                       \
	}

YARDSTICK(fifo, "the page that came in first leaves first", fifo_choose);
YARDSTICK(clock, "first in first out, with a second chance for pages in use",
          clock_choose);
YARDSTICK(random, "any page leaves", random_choose);
