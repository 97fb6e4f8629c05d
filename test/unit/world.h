/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.h -- a model world that a test moves by hand.
 *
 * One space with the pages 0, 1, 2 ..., one disk, no tasks and no clock: an
 * operation is performed when the test says so.  Every step ends with the walk
 * over all laws, and touch() compares what it reads with what was written.
 */
#ifndef UNIT_WORLD_H
#define UNIT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/internal.h"
#include "sim/sim.h"

static struct sim *w;

static inline void
world_fail(void *ctx, const char *law, const char *what)
{
	(void)ctx;
	fail_msg("[%s] %s", law, what);
}

static inline void
world_open(struct sim_options opt)
{
	opt.manual = true;
	opt.seed = 1;
	opt.fail = world_fail;
	if (opt.policy == NULL)
		opt.policy = "fifo";
	if (opt.pages == 0)
		opt.pages = 1024;
	if (w == NULL)
		w = sim_new();
	assert_non_null(w);
	w->count = (struct sim_counts){0};
	sim_start(w, &opt);
}

static inline uint64_t
vpn(uint32_t page)
{
	return sim_vpn(w, 0, page);
}

static inline enum page_state
state(uint32_t page)
{
	return core_page_state(w->node->core, 0, vpn(page));
}

static inline void
check(void)
{
	oracle_check(w);
	oracle_audit(w);
}

/* The first pending operation of this kind, or NULL. */
static inline struct op *
pending(enum op_kind kind)
{
	for (uint32_t i = 0; i < w->node->cfg.ops_total; i++)
		if (w->node->jobs[i].op != NULL &&
		    w->node->jobs[i].op->kind == kind)
			return w->node->jobs[i].op;
	return NULL;
}

static inline void
finish(struct op *op)
{
	assert_non_null(op);
	assert_true(host_perform(w->node, op, OP_PAGES_MAX * 2));
	host_end(w->node, op);
	check();
}

/* Perform and end what is pending, and what follows from it. */
static inline void
finish_all(void)
{
	while (w->node->jobs_count > 0)
		for (uint32_t i = 0; i < w->node->cfg.ops_total; i++)
			if (w->node->jobs[i].op != NULL)
				finish(w->node->jobs[i].op);
}

static inline void
submit(struct batch *b)
{
	host_submit(w->node, b);
	check();
}

/* A fault; what it starts is pending. */
static inline enum fault_verdict
fault(uint32_t page)
{
	struct batch b = {NULL, NULL};
	enum fault_verdict v = core_fault(w->node->core, 0, vpn(page), &b);

	submit(&b);
	return v;
}

static inline bool
is_present(uint32_t page)
{
	return w->page[0][page].flags & PG_PRESENT;
}

/* Touch a page as a program does. */
static inline void
touch(uint32_t page, bool is_write)
{
	for (unsigned tries = 0; !is_present(page); tries++) {
		struct batch b = {NULL, NULL};

		assert_true(tries < 100);
		if (fault(page) == FAULT_NOFRAME)
			(void)core_reclaim_direct(w->node->core, &b);
		submit(&b);
		finish_all();
	}
	if (is_write) { /* a word of its own, never zeros */
		w->page[0][page].word = sim_word(w);
		w->page[0][page].truth = w->page[0][page].word;
	}
	oracle_saw(w, 0, page, w->page[0][page].word);
}

/* Start unmapping pages; the operations are pending. */
static inline void
start_unmap(uint32_t page, uint32_t pages)
{
	struct batch b = {NULL, NULL};

	(void)core_cold(w->node->core, 0, vpn(page), pages, &b);
	submit(&b);
}

static inline void
start_flush(void)
{
	struct batch b = {NULL, NULL};

	(void)core_flush(w->node->core, &b);
	submit(&b);
}

/* From mapped to CACHED, and then, if it all goes well, to SWAPPED. */
static inline void
unmap(uint32_t page, uint32_t pages)
{
	start_unmap(page, pages);
	finish_all();
}

/* Drop up to n clean pages, as policies do.  => how many */
static inline uint32_t
drop_clean(uint32_t n)
{
	uint32_t done = 0;

	for (uint32_t i = 0; i < w->node->cfg.frames_total && done < n; i++)
		if (w->node->core->frames[i].list == LIST_INACTIVE_CLEAN) {
			core_drop(w->node->core, &w->node->core->frames[i]);
			done++;
		}
	return done;
}

static inline void
swap_out(uint32_t page, uint32_t pages)
{
	unmap(page, pages);
	start_flush();
	finish_all();
	(void)drop_clean(pages);
	check();
}

/* One turn of a discard; => pages still in motion. */
static inline uint64_t
discard(uint32_t page, uint32_t pages)
{
	struct batch b = {NULL, NULL};
	uint64_t left = core_discard(w->node->core, 0, vpn(page), pages, &b);

	for (uint32_t i = page; i < page + pages; i++) {
		unsigned flags = w->page[0][i].flags;

		w->page[0][i].truth = 0;
		flags &= ~(unsigned)(PG_UNSURE | PG_BUSY);
		if (left > 0)
			flags |= PG_UNSURE | PG_BUSY;
		w->page[0][i].flags = (uint16_t)flags;
	}
	submit(&b);
	return left;
}

static inline uint64_t
stat_of(enum pageout_stat_id id)
{
	return w->node->stat[id];
}

#endif
