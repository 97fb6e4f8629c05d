/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program.c -- the program: access after access, and a fault where a page is
 * out of reach.
 *
 * Nearly all accesses of a trace find their page.  hits() does nothing else,
 * and stops for what is rare: a page that is not mapped, a page that was never
 * touched, the next event.
 */
#include <errno.h>

#include "base/assert.h"
#include "compare/model.h"

/* What an access had to do for its page; the worst of it counts. */
enum effort { EFFORT_NONE, EFFORT_SOFT, EFFORT_MISS };

static enum effort
effort_of(enum page_state state)
{
	switch (state) {
	case PAGE_NONE:
		return EFFORT_NONE;
	case PAGE_CACHED:
	case PAGE_WRITING:
		return EFFORT_SOFT;
	case PAGE_SWAPPED:
	case PAGE_READING:
		return EFFORT_MISS;
	case PAGE_MAPPED:
	case PAGE_MOVING:
	case PAGE_POISONED:
		break;
	}
	never(); /* [M1]; moves are done at once; no transfer of ours fails */
	return EFFORT_MISS;
}

static bool
is_mapped(const struct model *m, uint32_t page)
{
	return m->page[page] & PAGE_BIT_MAPPED;
}

/* The page is on its way: until it is there, or the program is woken. */
static void
wait_for_page(struct model *m, uint32_t page)
{
	while (!is_mapped(m, page) && !m->woken) {
		must(m->read.count + m->write.count != 0);
		model_event(m);
	}
}

/* No frame: reclaim, or let others do it. */
static void
wait_for_frame(struct model *m)
{
	uint64_t scanned = compare_scanned(m->stat);
	struct batch b = {0};
	bool idle;

	(void)core_reclaim_direct(m->core, &b);
	idle = b.first == NULL;
	m->now += (compare_scanned(m->stat) - scanned) * SCAN_NS;
	m->now += model_perform(m, &b);
	if (!idle)
		return;
	model_host.wake(m, DAEMON_KSWAPD);
	model_host.wake(m, DAEMON_FLUSHER);
	if (m->due_next <= m->now + STALL_NS)
		model_event(m);
	else
		m->now += STALL_NS;
}

/* => 0, or -ENOMEM */
static int
fault(struct model *m, uint32_t page)
{
	enum effort worst = EFFORT_NONE;

	m->now += FAULT_NS;
	while (!is_mapped(m, page)) {
		enum effort e = effort_of(core_page_state(m->core, 0, page));
		struct batch b = {0};
		enum fault_verdict v;

		worst = e > worst ? e : worst;
		m->woken = false;
		v = core_fault(m->core, 0, page, &b);
		m->now += model_perform(m, &b);
		if (v == FAULT_NOFRAME)
			wait_for_frame(m);
		else if (v == FAULT_NOMEM)
			return -ENOMEM;
		else if (v != FAULT_AGAIN)
			wait_for_page(m, page);
	}
	m->result->soft += worst == EFFORT_SOFT;
	m->result->misses += worst == EFFORT_MISS;
	return 0;
}

/* An access that is no hit. */
static int
touch(struct model *m, uint32_t access)
{
	uint32_t page = access_page(access);
	bool first = (m->page[page] & PAGE_BIT_TOUCHED) == 0;

	if (!is_mapped(m, page) && fault(m, page) < 0)
		return -ENOMEM;
	m->result->first += first;
	m->page[page] |= PAGE_BIT_TOUCHED | (uint8_t)((access & 1) | first);
	m->now += m->options->access_ns;
	return 0;
}

/* => how many accesses from the first of n find their pages */
static uint64_t
hits(uint8_t *page, const uint32_t *access, uint64_t n)
{
	uint64_t i;

	_Static_assert(PAGE_BIT_WRITTEN == 1, "as in an access");
	for (i = 0; i < n; i++) {
		uint8_t *p = &page[access_page(access[i])];

		if (*p < PAGE_BITS_HIT)
			break;
		*p |= access[i] & PAGE_BIT_WRITTEN;
	}
	return i;
}

int
model_program(struct model *m, const struct trace *t, uint64_t *ret_at)
{
	uint64_t access_ns = m->options->access_ns;

	for (uint64_t i = 0; i < t->accesses;) {
		uint64_t most, left = t->accesses - i, found;

		while (m->due_next <= m->now)
			model_event(m);
		most = (m->due_next - m->now - 1) / access_ns + 1; /* [M2] */
		most = most < left ? most : left;
		found = hits(m->page, t->access + i, most);
		m->now += found * access_ns;
		i += found;
		if (found == most)
			continue;
		*ret_at = i + 1;
		if (touch(m, t->access[i++]) < 0)
			return -ENOMEM;
	}
	m->result->accesses = t->accesses;
	return 0;
}
