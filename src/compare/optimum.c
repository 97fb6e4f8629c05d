/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * optimum.c -- Belady's MIN: the page whose next use is farthest leaves.
 *
 * The pages in memory are a heap by their next use, the farthest on top.  A
 * page that is touched in memory was the nearest of all, at the bottom, and
 * moves up to where its new time belongs; one that comes in takes the place of
 * the top.
 *
 *	[O1] heap[place[p] - 1].page == p for each page p in memory
 *	[O2] no page is used later than its parent
 */
#include "compare/optimum.h"

#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"
#include "trace/next.h"

int
optimum_open(struct optimum *o, uint32_t numbers, uint32_t frames)
{
	*o = (struct optimum){0};
	if (frames == 0)
		return -EINVAL;
	o->frames = frames < numbers ? frames : numbers;
	/* One more: nothing at all may give NULL. */
	o->heap = calloc((size_t)o->frames + 1, sizeof(*o->heap));
	o->place = calloc((size_t)numbers + 1, sizeof(*o->place));
	if (o->heap != NULL && o->place != NULL)
		return 0;
	optimum_close(o);
	return -ENOMEM;
}

void
optimum_close(struct optimum *o)
{
	free(o->heap);
	free(o->place);
	*o = (struct optimum){0};
}

static void
put(struct optimum *o, uint32_t i, struct optimum_page p)
{
	o->heap[i] = p;
	o->place[p.page] = i + 1;
}

/* p belongs at i, or above. */
static void
sift_up(struct optimum *o, uint32_t i, struct optimum_page p)
{
	for (; i > 0 && o->heap[(i - 1) / 2].next < p.next; i = (i - 1) / 2)
		put(o, i, o->heap[(i - 1) / 2]);
	put(o, i, p);
}

/* p belongs on top, or below. */
static void
sift_down(struct optimum *o, struct optimum_page p)
{
	uint64_t i = 0, child;

	while ((child = 2 * i + 1) < o->count) {
		if (child + 1 < o->count &&
		    o->heap[child + 1].next > o->heap[child].next)
			child++;
		if (o->heap[child].next <= p.next)
			break;
		put(o, (uint32_t)i, o->heap[child]);
		i = child;
	}
	put(o, (uint32_t)i, p);
}

bool
optimum_touch(struct optimum *o, uint32_t page, uint32_t next,
              uint32_t *ret_victim)
{
	struct optimum_page p = {page, next};
	uint32_t place = o->place[page];

	*ret_victim = OPTIMUM_NOBODY;
	if (place != 0) {
		should(o->heap[place - 1].page == page); /* [O1] */
		sift_up(o, place - 1, p);
		return true;
	}
	if (o->count < o->frames) {
		sift_up(o, o->count++, p);
		return false;
	}
	*ret_victim = o->heap[0].page;
	o->place[*ret_victim] = 0;
	sift_down(o, p);
	return false;
}

static uint64_t
count_misses(struct optimum *o, const struct optimum_trace *t,
             const uint32_t *next)
{
	uint64_t misses = 0;
	uint32_t victim;

	for (uint64_t i = 0; i < t->length; i++)
		if (!optimum_touch(o, access_page(t->access[i]), next[i],
		                   &victim))
			misses += i >= t->first && i - t->first < t->count;
	return misses;
}

int
optimum_misses(const struct optimum_trace *t, uint32_t frames,
               uint64_t *ret_misses)
{
	struct optimum o;
	uint32_t *next;
	int r;

	if (t->length >= UINT32_MAX)
		return -EINVAL;
	r = optimum_open(&o, t->numbers, frames);
	if (r < 0)
		return r;
	next = malloc((t->length + 1) * sizeof(*next));
	r = next == NULL ? -ENOMEM
	                 : next_uses(t->access, t->length, t->numbers, next);
	if (r == 0)
		*ret_misses = count_misses(&o, t, next);
	free(next);
	optimum_close(&o);
	return r;
}
