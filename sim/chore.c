/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chore.c -- what a program does to a range, in turns.
 *
 * Such calls of the core say how many pages are still in motion and are made
 * again until none is.  Between two turns everything else goes on.  A range may
 * lie on several nodes: their parts of it are dealt with one after the other.
 *
 *	DISCARD	core_discard(); other tasks may touch the pages meanwhile, and
 *		find what was there or zeros
 *	VANISH	the kernel drops the pages first, then core_vanished()
 *	REMOVE	core_area_remove(), core_discard(), then the memory is gone
 *	UNMAP	the memory is gone first, then core_area_remove(),
 *		core_vanished()
 *	MOVE	a new area, core_area_rename(), core_area_remove() of the old
 *		one, core_move(): see node/move.c
 *	ADOPT	an area over pages that are there already, core_adopt() each
 *	PIN	core_pin() each, and later core_unpin()
 *	SYNC	core_sync() of a file's pages, then core_refresh()
 *	SHARE	core_area_share() of another space's pages, which is all
 *
 * No two chores have a page in common.
 */
#include <errno.h>

#include "sim/sim.h"

#define TURNS_MAX 2000

/* -- ranges ------------------------------------------------------------ */

void
set_flags(struct sim *s, unsigned space, uint32_t page, uint32_t pages,
          unsigned set, unsigned clear)
{
	for (uint32_t i = page; i < page + pages; i++) {
		unsigned flags = s->page[space][i].flags;

		s->page[space][i].flags = (uint16_t)((flags & ~clear) | set);
	}
}

bool
sim_all_pages(const struct sim *s, unsigned space, uint32_t page,
              uint32_t pages, unsigned have, unsigned lack)
{
	if (page + pages > s->pages)
		return false;
	for (uint32_t i = page; i < page + pages; i++)
		if ((s->page[space][i].flags & (have | lack)) != have)
			return false;
	return true;
}

/* The kernel drops what is there; nobody has been told. */
static void
drop_pages(struct sim *s, unsigned space, uint32_t page, uint32_t pages)
{
	for (uint32_t i = page; i < page + pages; i++) {
		struct sim_page *p = &s->page[space][i];

		if (p->flags & PG_PRESENT)
			s->node[p->node].resident--;
		p->flags &= (uint16_t) ~(PG_PRESENT | PG_POISONED | PG_DMA);
	}
}

/* From now on the range reads as zeros, or as what was written since. */
static void
forget(struct sim *s, const struct part *part)
{
	for (uint32_t i = part->page; i < part->page + part->pages; i++) {
		struct sim_page *p = &s->page[part->space][i];

		p->damage = 0;
		if (p->flags & PG_FILE) {
			file_only(s, part->space, i);
		} else if ((p->flags & PG_WRITTEN) == 0) {
			p->truth = 0;
			p->flags &= (uint16_t)~PG_UNSURE;
		}
	}
}

void
unmapped(struct sim *s, unsigned space, uint32_t page, uint32_t pages)
{
	for (uint32_t i = page; i < page + pages; i++) {
		struct sim_page *p = &s->page[space][i];

		if ((p->flags & PG_PRESENT) && (p->flags & PG_FOREIGN) == 0)
			sim_fail(s, "I1", "page %u:%u is unmapped under us",
			         space, i);
		if (p->flags & PG_GUEST)
			guest_leaves(s, space, i);
		p->flags = 0;
		p->truth = 0;
		p->damage = 0;
		task_wake(s, space, i);
	}
}

static void
chore_end(struct sim *s, struct sim_chore *ch)
{
	set_flags(s, ch->space, ch->page, ch->pages, 0, PG_BUSY | PG_CLOSED);
	if (ch->kind == CHORE_MOVE)
		set_flags(s, ch->space, ch->to, ch->pages, 0,
		          PG_BUSY | PG_CLOSED);
	ch->in_use = false;
}

/* Come back later; in vain only so often while nothing else is pending. */
static void
again(struct sim *s, struct sim_chore *ch)
{
	const struct sim_node *n = ch->part.node;

	if (++ch->turns > TURNS_MAX && (n == NULL || n->jobs_count == 0))
		sim_fail(s, "progress", "chore %d of page %u:%u never ends",
		         (int)ch->kind, ch->space, ch->page);
	sim_schedule(s,
	             2000 + choice_of(&s->choice, 256) * 40ull *
	                             (ch->turns < 100 ? 10 : 1000),
	             EVENT_CHORE, (uint32_t)(ch - s->chores));
}

/* -- parts ------------------------------------------------------------- */

/*
 * Look for the next part of the range.  What comes of it may have to wait: with
 * several nodes, others may come between.
 * => returns false when there is none
 */
static bool
next_part(struct sim *s, struct sim_chore *ch)
{
	uint32_t end = ch->page + ch->pages;

	if (!part_find(s, ch->space, ch->next, end, &ch->part))
		return false;
	ch->turns = 0;
	return true;
}

static void
part_done(struct sim_chore *ch)
{
	ch->next = ch->part.page + ch->part.pages;
}

static bool
is_interrupted(struct sim *s)
{
	return s->nodes > 1 && choice_of(&s->choice, 2) == 0;
}

/* -- discard, and its three relatives ---------------------------------- */

static uint64_t
discard_turn(struct sim *s, struct sim_chore *ch)
{
	const struct part *part = &ch->part;
	struct sim_node *n = part->node;
	struct batch b = {NULL, NULL};
	uint64_t vpn = sim_vpn(s, part->space, part->page), left = 0;

	if (n != NULL && (ch->kind == CHORE_VANISH || ch->kind == CHORE_UNMAP))
		left = tap_vanished(n->core, part->space, vpn, part->pages, &b);
	else if (n != NULL)
		left = tap_discard(n->core, part->space, vpn, part->pages, &b);
	set_flags(s, part->space, part->page, part->pages, 0, PG_HELD);
	if (n != NULL)
		host_submit(n, &b);
	return left;
}

static void
start_discard(struct sim *s, struct sim_chore *ch)
{
	bool vanish = ch->kind == CHORE_VANISH;

	if (vanish) {
		drop_pages(s, ch->space, ch->page, ch->pages);
		s->count.vanishes++;
	} else
		s->count.discards++;
	s->count.discards_apart +=
		parts_are_apart(s, ch->space, ch->page, ch->pages);
	set_flags(s, ch->space, ch->page, ch->pages,
	          PG_UNSURE | (vanish ? PG_HELD : 0), PG_WRITTEN);
	ch->next = ch->page;
	ch->phase = 1;
}

static void
run_discard(struct sim *s, struct sim_chore *ch)
{
	bool vanish = ch->kind == CHORE_VANISH;

	if (ch->phase == 0) {
		start_discard(s, ch);
		if (vanish) {
			again(s, ch);
			return;
		}
	}
	while (ch->phase == 2 || next_part(s, ch)) {
		if (ch->phase == 1 && is_interrupted(s)) {
			ch->phase = 2;
			again(s, ch);
			return;
		}
		ch->phase = 2;
		/* What vanished is the core's to forget: it is told once. */
		if (discard_turn(s, ch) > 0 && !vanish) {
			again(s, ch);
			return;
		}
		forget(s, &ch->part);
		part_done(ch);
		ch->phase = 1;
	}
	chore_end(s, ch);
}

/* Take the next part away.  => false when there is none, or no room to cut */
static bool
remove_part(struct sim *s, struct sim_chore *ch)
{
	const struct part *part = &ch->part;

	ch->next = ch->page;
	if (!next_part(s, ch) || place_remove(s, part) != 0)
		return false;
	if (ch->kind == CHORE_UNMAP) {
		drop_pages(s, part->space, part->page, part->pages);
		set_flags(s, part->space, part->page, part->pages, PG_HELD,
		          PG_MANAGED);
		s->count.raw_unmaps++;
	} else
		s->count.removes++;
	set_flags(s, part->space, part->page, part->pages, PG_CLOSED, 0);
	return true;
}

/* The pages of a part are free for others while the next ones go. */
static void
run_remove(struct sim *s, struct sim_chore *ch)
{
	if (ch->phase == 1) {
		if (discard_turn(s, ch) > 0) {
			again(s, ch);
			return;
		}
		unmapped(s, ch->space, ch->part.page, ch->part.pages);
		part_done(ch);
		ch->pages -= ch->next - ch->page;
		ch->page = ch->next;
	}
	ch->phase = 1;
	if (remove_part(s, ch))
		again(s, ch);
	else
		chore_end(s, ch);
}

/* -- adopt ------------------------------------------------------------- */

static void
start_adopt(struct sim *s, struct sim_chore *ch)
{
	struct sim_file *f = file_of(s, ch->space, ch->page, ch->pages);

	if (f != NULL && choice_of(&s->choice, 4) != 0) {
		(void)file_manage(s, f, ch->page, ch->pages);
		chore_end(s, ch);
		return;
	}
	if (place_add(s, ch->space, ch->page, ch->pages) != 0) {
		chore_end(s, ch);
		return;
	}
	s->count.adoptions++;
	for (uint32_t i = ch->page; i < ch->page + ch->pages; i++) {
		struct sim_page *p = &s->page[ch->space][i];

		p->flags |= PG_MANAGED;
		if (choice_of(&s->choice, 3) == 0)
			continue;
		p->word = p->truth = sim_word(s);
		p->flags |= PG_PRESENT | PG_FOREIGN;
	}
	ch->next = ch->page;
	ch->phase = 1;
	again(s, ch);
}

/* No core takes a page: the call fails, and the program does without it. */
static void
give_up(struct sim *s, const struct sim_chore *ch, uint32_t page)
{
	struct sim_page *p = &s->page[ch->space][page];

	p->flags &= (uint16_t) ~(PG_PRESENT | PG_FOREIGN);
	p->truth = 0;
}

/*
 * Take the next page over.
 * => returns false when its node has no frame for it
 */
static bool
adopt_next(struct sim *s, struct sim_chore *ch, struct batch *b)
{
	struct sim_node *n = place_claim(s, ch->cpu, ch->space, ch->next);

	if (n != ch->part.node && ch->part.node != NULL)
		host_submit(ch->part.node, b);
	ch->part.node = n;
	if (n == NULL)
		give_up(s, ch, ch->next);
	else if (tap_adopt(n->core, ch->space, sim_vpn(s, ch->space, ch->next),
	                   b) != 0)
		return false;
	return true;
}

static void
run_adopt(struct sim *s, struct sim_chore *ch)
{
	struct batch b = {NULL, NULL};

	if (ch->phase == 0) {
		start_adopt(s, ch);
		return;
	}
	for (; ch->next < ch->page + ch->pages; ch->next++) {
		const struct sim_page *p = &s->page[ch->space][ch->next];

		if ((p->flags & PG_FOREIGN) == 0 || p->op != NULL)
			continue;
		if (!adopt_next(s, ch, &b)) {
			(void)tap_reclaim_direct(ch->part.node->core, &b);
			host_submit(ch->part.node, &b);
			again(s, ch);
			return;
		}
	}
	if (ch->part.node != NULL)
		host_submit(ch->part.node, &b);
	ch->next = ch->page;
	if (!sim_all_pages(s, ch->space, ch->page, ch->pages, 0, PG_FOREIGN)) {
		again(s, ch);
		return;
	}
	chore_end(s, ch);
}

/* -- pin --------------------------------------------------------------- */

static void
unpin(struct sim *s, struct sim_chore *ch)
{
	for (uint32_t i = ch->page; i < ch->next; i++) {
		struct sim_page *p = &s->page[ch->space][i];

		if ((p->flags & (PG_PINNED | PG_PRESENT)) !=
		    (PG_PINNED | PG_PRESENT))
			sim_fail(s, "I1", "page %u:%u was pinned and left",
			         ch->space, i);
		p->flags &= (uint16_t)~PG_PINNED;
		s->loosened_ns = s->now;
		tap_unpin(place_of(s, ch->space, i)->core, ch->space,
		          sim_vpn(s, ch->space, i));
	}
	chore_end(s, ch);
}

/*
 * Pin the next page.
 * => returns true when it is pinned; else *ret_stop tells whether to give up
 */
static bool
pin_next(struct sim *s, struct sim_chore *ch, bool *ret_stop)
{
	struct batch b = {NULL, NULL};
	struct sim_page *p = &s->page[ch->space][ch->next];
	struct sim_node *n = place_claim(s, ch->cpu, ch->space, ch->next);
	enum fault_verdict v;

	*ret_stop = n == NULL;
	if (n == NULL)
		return false;
	ch->part.node = n;
	v = tap_pin(n->core, ch->space, sim_vpn(s, ch->space, ch->next), &b);
	if (v == FAULT_NOFRAME)
		(void)tap_reclaim_direct(n->core, &b);
	host_submit(n, &b);
	*ret_stop =
		v == FAULT_NOMEM || v == FAULT_POISONED || v == FAULT_NOAREA;
	if (v != FAULT_DONE)
		return false;
	if ((p->flags & PG_PRESENT) == 0 || p->op != NULL)
		sim_fail(s, "I1", "page %u:%u is pinned and is not there",
		         ch->space, ch->next);
	p->flags |= PG_PINNED;
	ch->next++;
	return true;
}

static void
run_pin(struct sim *s, struct sim_chore *ch)
{
	bool stop = false;

	if (ch->phase == 0) {
		ch->next = ch->page;
		ch->phase = 1;
		s->count.pins++;
	}
	if (ch->phase == 1) {
		while (ch->next < ch->page + ch->pages)
			if (!pin_next(s, ch, &stop))
				break;
		if (ch->next < ch->page + ch->pages && !stop) {
			again(s, ch);
			return;
		}
		ch->phase = 2;
		sim_schedule(s, choice_of(&s->choice, 256) * 8000ull,
		             EVENT_CHORE, (uint32_t)(ch - s->chores));
		return;
	}
	unpin(s, ch);
}

/* -- the table of chores ----------------------------------------------- */

/* A place for a move: a range that nobody has, as long. */
static bool
find_room(struct sim *s, struct sim_chore *ch)
{
	for (unsigned tries = 0; tries < 8; tries++) {
		ch->to = choice_of(&s->choice, s->pages - ch->pages + 1);
		if (sim_all_pages(s, ch->space, ch->to, ch->pages, 0,
		                  PG_MANAGED | PG_BUSY))
			return true;
	}
	return false;
}

/* Pages at home may not be moved, nor be guests themselves. */
static bool
have_guests(const struct sim *s, const struct sim_chore *ch)
{
	for (uint32_t i = ch->page; i < ch->page + ch->pages; i++)
		if (s->page[ch->space][i].guests != 0)
			return true;
	return false;
}

static bool
may_start(struct sim *s, struct sim_chore *ch)
{
	unsigned have = PG_MANAGED;
	unsigned lack = PG_BUSY | PG_CLOSED | PG_PINNED;

	if (ch->kind == CHORE_ADOPT || ch->kind == CHORE_SHARE) {
		have = 0;
		lack |= PG_MANAGED;
	}
	if (ch->kind == CHORE_MOVE)
		lack |= PG_DMA | PG_PROTECTED | PG_FILE | PG_GUEST;
	if (ch->kind == CHORE_PIN)
		lack |= PG_GUEST;
	if (ch->kind == CHORE_SYNC)
		have |= PG_FILE;
	if (!sim_all_pages(s, ch->space, ch->page, ch->pages, have, lack))
		return false;
	if (ch->kind == CHORE_SHARE)
		return !have_guests(s, ch) && guest_find_home(s, ch);
	return ch->kind != CHORE_MOVE ||
	       (!have_guests(s, ch) && find_room(s, ch));
}

bool
chore_start(struct sim *s, enum chore_kind kind, unsigned space, uint32_t page,
            uint32_t pages)
{
	struct sim_chore *ch = s->chores;

	while (ch < s->chores + SIM_CHORES_MAX && ch->in_use)
		ch++;
	if (ch == s->chores + SIM_CHORES_MAX)
		return false;
	*ch = (struct sim_chore){
		.kind = kind,
		.cpu = choice_of(&s->choice, s->nodes),
		.space = space,
		.page = page,
		.pages = pages,
	};
	if (!may_start(s, ch))
		return false;
	ch->in_use = true;
	set_flags(s, space, page, pages, PG_BUSY, 0);
	if (kind == CHORE_MOVE)
		set_flags(s, space, ch->to, pages, PG_BUSY | PG_CLOSED, 0);
	chore_run(s, (uint32_t)(ch - s->chores));
	return true;
}

static const char *const name[CHORES] = {
	[CHORE_DISCARD] = "discard", [CHORE_VANISH] = "vanish",
	[CHORE_REMOVE] = "remove",   [CHORE_UNMAP] = "unmap",
	[CHORE_MOVE] = "move",       [CHORE_ADOPT] = "adopt",
	[CHORE_PIN] = "pin",         [CHORE_SYNC] = "sync",
	[CHORE_SHARE] = "share",
};

void
chore_run(struct sim *s, uint32_t index)
{
	struct sim_chore *ch = &s->chores[index];

	sim_trace(s, "chore %s of %u:%u+%u to %u, phase %u", name[ch->kind],
	          ch->space, ch->page, ch->pages, ch->to, ch->phase);
	switch (ch->kind) {
	case CHORE_DISCARD:
	case CHORE_VANISH:
		run_discard(s, ch);
		return;
	case CHORE_REMOVE:
	case CHORE_UNMAP:
		run_remove(s, ch);
		return;
	case CHORE_MOVE:
		if (move_turn(s, ch))
			chore_end(s, ch);
		else
			again(s, ch);
		return;
	case CHORE_ADOPT:
		run_adopt(s, ch);
		return;
	case CHORE_PIN:
		run_pin(s, ch);
		return;
	case CHORE_SYNC:
		if (file_sync(s, ch))
			chore_end(s, ch);
		else
			again(s, ch);
		return;
	case CHORE_SHARE:
		guest_share(s, ch);
		chore_end(s, ch);
		return;
	case CHORES:
		return;
	}
}
