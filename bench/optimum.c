/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * optimum.c -- Belady's MIN: the page whose next use is farthest leaves.
 *
 * No two pages have the same next use, so a page in memory is known by the
 * time of its next use: held[t] says that the page of access t is there, and a
 * heap has the farthest of these times at its top.  Times that have passed stay
 * in the heap; they are smaller than all others, so they never get to the top
 * while memory is full.  Pages without a next use are only counted: they leave
 * first.
 *
 *	[O1] resident = idle + times t in the heap with held[t] and t > now
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/assert.h"
#include "bench/optimum.h"

struct min {
	uint32_t
		*next; /* time of the next use of the same page; length: none */
	bool *held;
	uint32_t *heap; /* of times, the largest at 0 */
	uint64_t heap_count;
	uint64_t idle; /* pages in memory that are not used again */
};

static void
heap_push(struct min *m, uint32_t time)
{
	uint64_t i = m->heap_count++;

	for (; i > 0 && m->heap[(i - 1) / 2] < time; i = (i - 1) / 2)
		m->heap[i] = m->heap[(i - 1) / 2];
	m->heap[i] = time;
}

static uint32_t
heap_pop(struct min *m)
{
	uint32_t top = m->heap[0], last;
	uint64_t i = 0, child;

	must(m->heap_count > 0);
	last = m->heap[--m->heap_count];
	while ((child = 2 * i + 1) < m->heap_count) {
		if (child + 1 < m->heap_count &&
		    m->heap[child + 1] > m->heap[child])
			child++;
		if (m->heap[child] <= last)
			break;
		m->heap[i] = m->heap[child];
		i = child;
	}
	m->heap[i] = last;
	return top;
}

/* When each access's page is used next, from the end backwards. */
static int
find_next(const struct optimum_trace *t, uint32_t *next)
{
	uint64_t pages = 1; /* malloc(0) may give NULL */
	uint32_t *seen;     /* of each page: its first use so far */

	for (uint64_t i = 0; i < t->length; i++)
		if (t->pages[i] >= pages)
			pages = (uint64_t)t->pages[i] + 1;
	seen = malloc(pages * sizeof(*seen));
	if (seen == NULL)
		return -ENOMEM;
	for (uint64_t i = 0; i < pages; i++)
		seen[i] = (uint32_t)t->length;
	for (uint64_t i = t->length; i-- > 0;) {
		next[i] = seen[t->pages[i]];
		seen[t->pages[i]] = (uint32_t)i;
	}
	free(seen);
	return 0;
}

static void
evict(struct min *m, uint64_t now)
{
	uint32_t farthest;

	if (m->idle > 0) {
		m->idle--;
		return;
	}
	farthest = heap_pop(m);
	must(farthest > now && m->held[farthest]); /* [O1] */
	m->held[farthest] = false;
}

static uint64_t
replay(struct min *m, const struct optimum_trace *t, uint32_t frames)
{
	uint64_t misses = 0, resident = 0;

	for (uint64_t now = 0; now < t->length; now++) {
		if (!m->held[now]) {
			misses += now >= t->first && now - t->first < t->count;
			if (resident == frames)
				evict(m, now);
			else
				resident++;
		}
		if (m->next[now] == t->length) {
			m->idle++;
			continue;
		}
		m->held[m->next[now]] = true;
		heap_push(m, m->next[now]);
	}
	return misses;
}

int
optimum_misses(const struct optimum_trace *t, uint32_t frames,
               uint64_t *ret_misses)
{
	struct min m = {0};
	int r = -ENOMEM;

	if (frames == 0 || t->length >= UINT32_MAX)
		return -EINVAL;
	m.next = malloc((t->length + 1) * sizeof(*m.next));
	m.heap = malloc((t->length + 1) * sizeof(*m.heap));
	m.held = calloc(t->length + 1, sizeof(*m.held));
	if (m.next != NULL && m.heap != NULL && m.held != NULL)
		r = find_next(t, m.next);
	if (r == 0)
		*ret_misses = replay(&m, t, frames);
	free(m.held);
	free(m.heap);
	free(m.next);
	return r;
}
