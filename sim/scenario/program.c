/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program.c -- programs: they touch pages, wait for memory, and end.
 *
 * A fault goes on until its page is there or refused.  While it waits, a jiffy
 * passes, the daemons that were woken have a turn each, and the disk ends one
 * transfer.  A fault that needs FAULT_TRIES_MAX of that is a livelock, and a
 * failure whatever is expected.
 */
#include <string.h>

#include "sim/scenario/scenario.h"

#define FAULT_TRIES_MAX 2000

static const char *const verdicts[] = {"done",     "started", "waits",
                                       "again",    "noframe", "nomem",
                                       "poisoned", "noarea",  NULL};

static bool
is_final(enum fault_verdict v)
{
	return v == FAULT_DONE || v == FAULT_NOMEM || v == FAULT_NOAREA ||
	       v == FAULT_POISONED;
}

static void
daemons_run(struct scenario *s)
{
	for (unsigned i = 0; i < DAEMONS; i++) {
		if (!s->w->woken[i])
			continue;
		s->w->woken[i] = false;
		s->seen.turns++;
		s->w->woken[i] |= s->dialect->turn(s, (enum daemon)i);
	}
}

/* What happens while a fault waits. */
static void
fault_waits(struct scenario *s, struct page *pg, enum fault_verdict v)
{
	struct batch b = {NULL, NULL};
	const struct frame *f = frame_of(s, pg);

	if (f != NULL && page_locked(f) && host_complete_frame(s, pg->pfn))
		return; /* it waited for this transfer */
	if (v == FAULT_NOFRAME)
		(void)core_reclaim_direct(s->w->core, &b);
	host_perform(s, &b);
	if (v != FAULT_NOFRAME) {
		if (v == FAULT_AGAIN) /* a guest's: its page is read */
			(void)host_complete(s, TRANSFER_READ, 1);
		return;
	}
	s->w->now += JIFFY_NS;
	daemons_run(s);
	(void)host_complete(s, TRANSFER_ANY, 1);
}

static enum fault_verdict
fault(struct scenario *s, struct page *pg, bool write)
{
	for (unsigned i = 1; i <= FAULT_TRIES_MAX; i++) {
		struct batch b = {NULL, NULL};
		enum fault_verdict v = (write ? core_fault_write : core_fault)(
			s->w->core, pg->space, pg->vpn, &b);

		if (i > s->seen.tries)
			s->seen.tries = i;
		host_perform(s, &b);
		if (is_final(v))
			return v;
		fault_waits(s, pg, v);
	}
	complain(s, "page %ju waits for ever", (uintmax_t)pg->vpn);
	return FAULT_NOFRAME;
}

/* It reads as it was written, wherever it is at home. */
static void
contents_check(struct scenario *s, struct page *pg)
{
	const struct frame *f = frame_of(s, pg);
	const struct model_space *m = &s->w->space[f->space];

	if (m->word[f->vpn] != m->truth[f->vpn])
		complain(s, "page %ju reads as another", (uintmax_t)pg->vpn);
}

static void
touch(struct scenario *s, struct page *pg, bool write)
{
	pte_t pte = pte_get(s->w->core, pg->space, pg->vpn);
	enum fault_verdict v = FAULT_DONE;

	if (pte_kind(pte) != PTE_PRESENT)
		v = fault(s, pg, write);
	returns_word(s, v, verdicts);
	s->seen.refused += v == FAULT_NOMEM;
	if (v != FAULT_DONE)
		return;
	contents_check(s, pg);
	if (write)
		page_write(s, pg);
}

void
when_touch(struct scenario *s, const struct statement *st)
{
	bool write = strcmp(st->argv[1], "write") == 0;
	struct group *g = group_of(s, st->argv[0]);

	if (!write && strcmp(st->argv[1], "read") != 0)
		stop(s, "read or write");
	if (strchr(st->argv[0], '.') != NULL) {
		touch(s, page_of(s, st->argv[0]), write);
		return;
	}
	for (uint32_t i = 0; i < g->count; i++)
		touch(s, &g->page[i], write);
}

/* => pages of a group that are still in motion */
static uint64_t
discard(struct scenario *s, const struct group *g)
{
	uint64_t busy = 0;

	for (uint32_t i = 0; i < g->count; i++) {
		const struct page *pg = &g->page[i];
		struct batch b = {NULL, NULL};

		busy += core_discard(s->w->core, pg->space, pg->vpn, 1, &b);
		s->w->space[pg->space].truth[pg->vpn] = 0;
		host_perform(s, &b);
	}
	return busy;
}

/* The first time pages are sent for, the second they have come. */
void
when_exit(struct scenario *s, const struct statement *st)
{
	const struct group *g = group_of(s, st->argv[0]);

	(void)discard(s, g);
	returns(s, (int64_t)discard(s, g));
}
