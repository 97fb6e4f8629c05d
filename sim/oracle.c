/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oracle.c -- what must be true, whatever happens.
 *
 * The core checks its own tables (core_check()); this is the host's half.
 *
 *	contents	a task sees what was written last, or fails where the
 *			model has hurt the page
 *	holders [I2]	the newest contents of each page are where the page's
 *			state says, and nowhere is a page that nobody knows
 *	sleep		who waits for a page waits for something pending
 *	budget		pages in a pool and those of it in the areas never pass
 *			the node's limit
 *	place		a page is known to one core at most, and a core has
 *			areas where the directory of claims says so
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/sim.h"

_Noreturn void
sim_fail(struct sim *s, const char *law, const char *format, ...)
{
	char what[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	if (s->opt.fail != NULL)
		s->opt.fail(s->opt.fail_ctx, law, what);
	(void)fprintf(stderr, "# [%s] %s\n", law, what);
	abort();
}

void
sim_trace(const struct sim *s, const char *format, ...)
{
	va_list args;

	if (!s->opt.trace)
		return;
	(void)printf("%12.3f ", (double)s->now / 1e3 - 1e6);
	va_start(args, format);
	(void)vprintf(format, args);
	va_end(args);
	(void)putchar('\n');
	(void)fflush(stdout);
}

void
oracle_saw(struct sim *s, unsigned space, uint32_t page, uint64_t word)
{
	struct sim_page *p = &s->page[space][page];

	if (word == 0 && (p->flags & PG_UNSURE))
		p->truth = 0;
	if (word != p->truth)
		sim_fail(s, "content", "page %u:%u reads %llx, not %llx", space,
		         page, (unsigned long long)word,
		         (unsigned long long)p->truth);
	if ((p->flags & PG_BUSY) == 0)
		p->flags &= (uint16_t)~PG_UNSURE;
}

void
oracle_refused(struct sim *s, unsigned space, uint32_t page)
{
	/* One bad read must be tried again. */
	if (s->page[space][page].damage < 2)
		sim_fail(s, "I8", "page %u:%u is poisoned after %u bad reads",
		         space, page, s->page[space][page].damage);
}

/* -- reading the core's tables ----------------------------------------- */

static pte_t
pte_of(const struct sim_node *n, unsigned space, uint64_t vpn)
{
	const pte_t *leaf = n->core->spaces[space].leaves[vpn >> TABLE_SHIFT];

	return leaf == NULL ? 0 : leaf[vpn & (TABLE_ENTRIES - 1)];
}

/* The frame that caches a slot, as the core's tables have it. */
static uint32_t
cached_in(const struct sim_node *n, swp_entry_t e)
{
	const struct swap_area *a = &n->core->swap[entry_type(e)];

	return (uint32_t)a->tag[e & SWP_OFFSET_MASK];
}

/* -- who sleeps -------------------------------------------------------- */

/*
 * An operation that names the page will be followed by an OP_WAKE, or is one.
 */
static bool
wake_is_pending(const struct sim_node *n, unsigned space, uint64_t vpn)
{
	for (uint32_t i = 0; i < n->cfg.ops_total; i++) {
		const struct op *op = n->jobs[i].op;

		if (op == NULL || op->space != space || vpn < op->vpn ||
		    vpn >= op->vpn + op->count)
			continue;
		if (op->kind == OP_WAKE && vpn >= op->vpn + n->jobs[i].done)
			return true;
		if ((op->kind == OP_READ || op->kind == OP_UNMAP ||
		     (op->kind == OP_WRITE && entry_is_file(op->entry)) ||
		     op->kind == OP_REMAP || op->kind == OP_ADOPT) &&
		    n->core->frames[op->pg[vpn - op->vpn].pfn].flags &
		            FRAME_WANTED)
			return true;
	}
	return false;
}

/* Whether something pending will wake who sleeps on a page. */
static bool
will_wake(const struct sim *s, unsigned space, uint64_t vpn)
{
	const struct op *op = s->page[space][vpn - s->base[space]].op;

	if (op != NULL && op->kind == OP_MAP)
		return true;
	for (unsigned i = 0; i < s->nodes; i++)
		if (wake_is_pending(&s->node[i], space, vpn))
			return true;
	return false;
}

static void
check_sleeper(struct sim *s, const struct sim_task *t)
{
	const struct sim_page *p = &s->page[t->space][t->page];

	if (t->state != TASK_ASLEEP || t->message ||
	    (p->flags & (PG_HELD | PG_CLOSED)))
		return;
	if (!will_wake(s, t->space, sim_vpn(s, t->space, t->page)))
		sim_fail(s, "wake", "a task sleeps on page %u:%u, state %d",
		         t->space, t->page,
		         (int)sim_page_state(s, t->space, t->page));
}

static void
check_node(struct sim *s, const struct sim_node *n)
{
	uint64_t where = 0;
	int broken = core_check(n->core, &where);

	if (broken != 0) {
		char law[16];

		(void)snprintf(law, sizeof(law), "I%d", broken);
		sim_fail(s, law, "core_check() of node %u says so, at %llx",
		         n->id, (unsigned long long)where);
	}
	if (n->resident > n->cfg.frames_total)
		sim_fail(s, "I7", "%u pages in a budget of %u", n->resident,
		         n->cfg.frames_total);
}

/* A core that nobody has called is as it was. */
void
oracle_check(struct sim *s)
{
	for (unsigned i = 0; i < s->nodes; i++) {
		if (s->node[i].is_touched || s->nodes == 1)
			check_node(s, &s->node[i]);
		s->node[i].is_touched = false;
	}
	for (uint32_t i = 0; i < s->tasks_count; i++)
		check_sleeper(s, &s->tasks[i]);
	if (s->is_redrawn)
		place_check(s);
	s->is_redrawn = false;
}

/* -- where the contents are -------------------------------------------- */

/* What a page's holder has: a word, or the promise of zeros. */
struct holder {
	bool known; /* else there is nothing to compare */
	uint64_t word;
};

static struct holder
in_frame(struct sim_node *n, uint32_t pfn)
{
	if (!n->frame[pfn].full)
		sim_fail(n->sim, "I2", "frame %u holds a page and is empty",
		         pfn);
	return (struct holder){true, n->frame[pfn].word};
}

/* In motion: in the area, or in the frame that the operation names. */
static struct holder
in_motion(struct sim_node *n, unsigned space, uint32_t page)
{
	struct sim *s = n->sim;
	const struct sim_page *p = &s->page[space][page];
	uint64_t vpn = sim_vpn(s, space, page);
	const struct op *op = p->op;
	const struct op_page *pg;

	if (p->flags & PG_PRESENT)
		return (struct holder){true, p->word};
	if (op == NULL || op->vpn > vpn || op->vpn + op->count <= vpn)
		return (struct holder){false, 0};
	pg = &op->pg[vpn - op->vpn];
	if (n->core->frames[pg->pfn].flags & FRAME_DROPPED)
		return (struct holder){false, 0};
	if (op->kind == OP_MAP && (op->flags & OPF_ZERO))
		return (struct holder){true, 0};
	if (op->kind == OP_MAP && (op->flags & OPF_COPY))
		return in_frame(n, pg->src);
	if (pg->err != 0)
		return (struct holder){false, 0};
	return in_frame(n, pg->pfn);
}

/*
 * In a slot, which the model may have hurt since: but it must have been
 * acknowledged, and its hash must be the one kept for it.
 */
static struct holder
in_slot(struct sim_node *n, unsigned space, uint32_t page, swp_entry_t e,
        bool cached)
{
	struct sim *s = n->sim;
	const struct sim_page *p = &s->page[space][page];
	const struct sim_disk *d = disk_of(n, e);
	uint64_t vpn = sim_vpn(s, space, page);
	uint32_t slot = e & SWP_OFFSET_MASK;
	const struct swap_area *a = &n->core->swap[entry_type(e)];
	const struct area *area = core_area_find(n->core, space, vpn);

	if (p->flags & PG_INFILE || (area != NULL && area->flags & AREA_SHARED))
		return (struct holder){false, 0};
	if (!cached && area != NULL && (p->flags & PG_UNSURE) == 0 &&
	    a->tag[slot] !=
	            host_hash(area->id, area->off + vpn - area->vpn, p->truth))
		sim_fail(s, "I8", "page %u:%u is kept with a wrong hash", space,
		         page);
	return (struct holder){true, d->meant[slot]};
}

static struct holder
find_holder(struct sim *s, unsigned space, uint32_t page)
{
	const struct sim_page *p = &s->page[space][page];
	uint64_t vpn = sim_vpn(s, space, page);
	struct sim_node *n = place_of(s, space, page);
	pte_t pte = n != NULL ? pte_of(n, space, vpn) : 0;
	swp_entry_t e = (swp_entry_t)(pte >> 32);

	switch (n != NULL ? core_page_state(n->core, space, vpn) : PAGE_NONE) {
	case PAGE_NONE:
		if (p->flags & PG_FOREIGN)
			return (struct holder){true, p->word};
		if (p->flags & PG_PRESENT)
			sim_fail(s, "I1", "page %u:%u is there, and unknown",
			         space, page);
		if (p->flags & PG_INFILE)
			return (struct holder){false, 0};
		if (p->flags & PG_FILE)
			sim_fail(s, "I2", "page %u:%u is left to its file",
			         space, page);
		return (struct holder){true, 0};
	case PAGE_MAPPED:
		if ((p->flags & PG_PRESENT) == 0)
			sim_fail(s, "I1", "page %u:%u is not there", space,
			         page);
		return (struct holder){true, p->word};
	case PAGE_MOVING:
		return in_motion(n, space, page);
	case PAGE_CACHED:
	case PAGE_WRITING:
		return in_frame(n, cached_in(n, e));
	case PAGE_READING:
		return in_slot(n, space, page, e, true);
	case PAGE_SWAPPED:
		return in_slot(n, space, page, e, false);
	case PAGE_POISONED:
		oracle_refused(s, space, page);
		break;
	}
	return (struct holder){false, 0};
}

void
oracle_audit(struct sim *s)
{
	place_check(s);
	place_audit(s);
	for (unsigned space = 0; space < s->spaces; space++)
		for (uint32_t i = 0; i < s->pages; i++) {
			const struct sim_page *p = &s->page[space][i];
			struct holder h;

			if (p->flags & PG_GUEST) {
				guest_audit(s, space, i);
				continue;
			}
			/* While it is being discarded it may be anywhere. */
			if (!sim_may_touch(p) ||
			    (p->flags & (PG_BUSY | PG_UNSURE)) ==
			            (PG_BUSY | PG_UNSURE))
				continue;
			h = find_holder(s, space, i);
			if (!h.known || h.word == p->truth ||
			    (h.word == 0 && (p->flags & PG_UNSURE)))
				continue;
			sim_fail(s, "I2", "page %u:%u is %llx, not %llx", space,
			         i, (unsigned long long)h.word,
			         (unsigned long long)p->truth);
		}
}

void
oracle_settled(struct sim *s)
{
	for (unsigned i = 0; i < s->nodes; i++) {
		const struct sim_node *n = &s->node[i];

		if (n->jobs_count != 0)
			sim_fail(s, "progress", "%u operations never end",
			         n->jobs_count);
		if (n->core->ops_free_count != n->cfg.ops_total)
			sim_fail(s, "I4", "operations are lost");
	}
	for (uint32_t i = 0; i < s->tasks_count; i++)
		if (s->tasks[i].state == TASK_ASLEEP)
			sim_fail(s, "wake", "a task sleeps on page %u:%u",
			         s->tasks[i].space, s->tasks[i].page);
	for (uint32_t i = 0; i < SIM_CHORES_MAX; i++)
		if (s->chores[i].in_use)
			sim_fail(s, "progress", "chore %d never ends",
			         (int)s->chores[i].kind);
	oracle_audit(s);
}
