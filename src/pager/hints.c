/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hints.c -- what programs say about ranges, and pins.
 *
 * A hint is for managed parts, and goes to the node of each.  A pin is of
 * pages: each is brought in and stays.
 */
#include <errno.h>

#include "core/policy.h"
#include "pager/internal.h"

/* -- hints ---------------------------------------------------------------- */

/* => with the map's lock held */
static int
part_flags(struct pager *p, const struct part *part, uint32_t set)
{
	const uint32_t clear = AREA_RANDOM | AREA_SEQUENTIAL;
	struct node *n = part->node;
	int err;

	if (n == NULL)
		return claims_flags(&p->claims, part->vpn,
		                    part->vpn + part->pages, set, clear)
		               ? 0
		               : -ENOMEM;
	node_lock(n);
	err = tap_area_flags(n->core, part->space, part->vpn, part->pages, set,
	                     clear);
	node_unlock(n);
	return err;
}

static int
set_flags(struct pager *p, struct range r, uint32_t set)
{
	struct part part;
	int err = 0;

	map_lock(p);
	while (err == 0 && map_part_take(p, &r, &part))
		err = part_flags(p, &part, set);
	map_unlock(p);
	return err;
}

typedef uint64_t start_fn(struct core *c, unsigned space, uint64_t vpn,
                          uint64_t pages, struct batch *b);

/* Start something on as much of a part as memory allows. */
static void
start_part(struct part part, start_fn *start)
{
	uint64_t end = part.vpn + part.pages;
	struct node *n = part.node;

	while (part.vpn < end) {
		uint64_t from = part.vpn;
		struct batch b = {0};

		node_lock(n);
		if (n->frozen == 0)
			part.vpn = start(n->core, part.space, from, end - from,
			                 &b);
		node_unlock(n);
		node_perform(n, &b);
		if (part.vpn == from)
			break;
	}
}

static void
start_parts(struct pager *p, struct range r, start_fn *start)
{
	struct part part;

	while (part_take(p, &r, &part))
		if (part.node != NULL)
			start_part(part, start);
}

static uint64_t
step_refresh(const struct part *part, struct batch *b)
{
	return tap_refresh(part->node->core, part->space, part->vpn,
	                   part->pages, b);
}

/*
 * Contents are not needed in memory: of a file, they will be read again, and
 * what was changed is written first; of other memory, they are zeros.
 */
static int
discard_parts(struct pager *p, struct range r)
{
	struct part part;
	int err = 0;

	while (err == 0 && part_take(p, &r, &part)) {
		struct range written = {part.vpn, part.pages};
		struct file_set files;

		if (part.type != 0)
			err = files_write(p, written, &files);
		until_still(part.type != 0 ? step_refresh : step_discard,
		            &part);
	}
	return err;
}

int
pager_advise(struct pager *p, void *addr, size_t bytes, enum pageout_hint hint)
{
	struct range r = range_of(addr, bytes);
	struct guard g;
	int err = 0;

	pager_enter(&g);
	switch (hint) {
	case PAGEOUT_NORMAL:
		err = set_flags(p, r, 0);
		break;
	case PAGEOUT_SEQUENTIAL:
		err = set_flags(p, r, AREA_SEQUENTIAL);
		break;
	case PAGEOUT_RANDOM:
		err = set_flags(p, r, AREA_RANDOM);
		break;
	case PAGEOUT_PREFETCH:
		start_parts(p, r, tap_prefetch);
		break;
	case PAGEOUT_COLD:
		start_parts(p, r, tap_cold);
		break;
	case PAGEOUT_DISCARD:
		err = discard_parts(p, r);
		break;
	default:
		err = -EINVAL;
		break;
	}
	pager_leave(&g);
	return err;
}

/* -- pins ----------------------------------------------------------------- */

/* It comes, and is not there: something else is in its place. */
#define PIN_TRIES 1000

/* Parts of a node's frames that pins may take; held ones end soon. */
#define PIN_EIGHTHS 4
#define HOLD_EIGHTHS 7

/* A page that is in memory has as many pins as can be counted. */
static bool
pins_are_full(const struct core *c, unsigned space, uint64_t vpn)
{
	const struct frame *f = core_next_mapped(c, space, vpn, vpn + 1, &vpn);

	return f != NULL && f->pins == UINT16_MAX;
}

/* Pin a page if it is there; else it begins to come. */
static enum fault_verdict
pin_ask(struct node *n, unsigned space, uint64_t vpn, uint32_t eighths,
        struct batch *b, int *ret_error)
{
	enum fault_verdict v = FAULT_NOMEM;

	node_lock(n);
	*ret_error = pins_are_full(n->core, space, vpn) ? -EAGAIN : -ENOMEM;
	if (*ret_error == -ENOMEM &&
	    n->core->pins < (uint64_t)n->core->cfg.frames_total * eighths / 8)
		v = tap_pin(n->core, space, vpn, b);
	node_unlock(n);
	node_perform(n, b);
	return v;
}

static int
pin_page(struct pager *p, uint64_t vpn, uint32_t eighths)
{
	for (unsigned started = 0;;) {
		uint32_t seq = pulse_now(&p->woken);
		struct place at = place_for(p, vpn, 0);
		struct node *n = at.node;
		struct batch b = {0};
		int err;

		switch (pin_ask(n, at.space, vpn, eighths, &b, &err)) {
		case FAULT_DONE:
			return 0;
		case FAULT_STARTED:
			if (++started > PIN_TRIES)
				return -EFAULT;
			io_wait(n, &p->woken, seq);
			break;
		case FAULT_WAIT:
			io_wait(n, &p->woken, seq);
			break;
		case FAULT_AGAIN:
			break;
		case FAULT_NOFRAME:
			reclaim_for_fault(n, &b);
			break;
		case FAULT_NOMEM:
			return err;
		case FAULT_POISONED:
			return -EIO;
		case FAULT_NOAREA:
			if (!place_moved(p, vpn, 0, &at))
				return -EINVAL;
			break;
		}
	}
}

static void
unpin_pages(struct pager *p, uint64_t vpn, uint64_t pages)
{
	for (uint64_t i = 0; i < pages; i++) {
		struct place at = place_of(p, vpn + i);

		node_lock(at.node);
		tap_unpin(at.node->core, at.space, vpn + i);
		node_unlock(at.node);
	}
}

static int
pin_pages(struct pager *p, struct range r, uint32_t eighths)
{
	uint64_t done = 0;
	int err = 0;

	while (err == 0 && done < r.pages) {
		err = pin_page(p, r.vpn + done, eighths);
		done += err == 0;
	}
	if (err < 0)
		unpin_pages(p, r.vpn, done);
	return err;
}

int
pager_hold(struct pager *p, const void *addr, size_t bytes)
{
	return pin_pages(p, range_of(addr, bytes), HOLD_EIGHTHS);
}

void
pager_release(struct pager *p, const void *addr, size_t bytes)
{
	struct range r = range_of(addr, bytes);

	unpin_pages(p, r.vpn, r.pages);
}

int
pager_pin(struct pager *p, const void *addr, size_t bytes)
{
	struct guard g;
	int err;

	pager_enter(&g);
	err = pin_pages(p, range_of(addr, bytes), PIN_EIGHTHS);
	pager_leave(&g);
	return err;
}

int
pager_unpin(struct pager *p, const void *addr, size_t bytes)
{
	struct guard g;

	pager_enter(&g);
	pager_release(p, addr, bytes);
	pager_leave(&g);
	return 0;
}
