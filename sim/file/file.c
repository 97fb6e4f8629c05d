/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * file.c -- mapped files: pages whose place is given.
 *
 * A file is a disk of its own, whose slot n+1 is page n of a range.  Pages of
 * the range are managed as the file's, or, after they were unmapped, as other
 * memory.  What the file contains at first is known to nobody: the first read
 * of a page says so (PG_INFILE until then), right or wrong, for the core has
 * nothing to compare it with.  From then on truth is as strict as elsewhere.
 *
 * Others write to a shared file.  Then the core believes every read.
 */
#include "sim/sim.h"

#define SYNC_TURNS 300 /* pages that would not move: it gives up */

struct sim_file *
file_make(struct sim_node *n, unsigned space, uint32_t page, uint32_t pages)
{
	struct sim *s = n->sim;
	struct sim_file *f = &n->file[n->files++];
	struct sim_disk *d = &f->disk;
	size_t bytes = (core_file_bytes(pages) + 63) / 64 * 64;

	f->node = n;
	f->space = space;
	f->page = page;
	f->pages = pages;
	f->shared = !s->opt.manual && choice_of(&s->choice, 4) == 0;
	disk_init(d, pages + 1, pages + 1);
	for (uint32_t i = 1; i <= pages; i++)
		d->word[i] = d->meant[i] = i % 4 == 0 ? 0 : sim_word(s);
	if (s->arena_used + bytes > s->arena_bytes)
		sim_fail(s, "size", "no room for the tables of a file");
	if (tap_file_on(n->core, s->arena + s->arena_used, pages) !=
	    (int)(SWAP_AREAS_MAX + n->files - 1))
		sim_fail(s, "size", "a file is refused");
	s->arena_used += bytes;
	return f;
}

/* As entries name it. */
static unsigned
type_of(const struct sim_file *f)
{
	return SWAP_AREAS_MAX + (unsigned)(f - f->node->file);
}

struct sim_file *
file_of(struct sim *s, unsigned space, uint32_t page, uint32_t pages)
{
	for (unsigned i = 0; i < s->nodes * SIM_FILES_MAX; i++) {
		struct sim_node *n = &s->node[i / SIM_FILES_MAX];
		struct sim_file *f = &n->file[i % SIM_FILES_MAX];

		if (f < &n->file[n->files] && f->space == space &&
		    f->page <= page && page + pages <= f->page + f->pages)
			return f;
	}
	return NULL;
}

int
file_manage(struct sim *s, struct sim_file *f, uint32_t page, uint32_t pages)
{
	uint64_t vpn = sim_vpn(s, f->space, page);
	struct sim_node *n = f->node;
	struct claim c = {
		.vpn = vpn,
		.end = vpn + pages,
		.space = (uint16_t)f->space,
		.node = n->id,
	};
	int r = tap_area_add_file(n->core, f->space, vpn, pages, type_of(f),
	                          page - f->page, f->shared ? AREA_SHARED : 0);

	if (r != 0)
		return r;
	claim_area(n, f->space, vpn);
	if (s->nodes > 1 && !claims_add(&s->claims, c))
		sim_fail(s, "size", "the directory is full");
	n->is_touched = s->is_redrawn = true;
	for (uint32_t i = page; i < page + pages; i++) {
		struct sim_page *p = &s->page[f->space][i];

		p->flags |= PG_MANAGED | PG_FILE | PG_INFILE;
		p->truth = sim_word(s); /* of nobody: it must be read */
	}
	return 0;
}

void
file_only(struct sim *s, unsigned space, uint32_t page)
{
	struct sim_page *p = &s->page[space][page];
	uint64_t vpn = sim_vpn(s, space, page);
	const struct sim_node *n = place_of(s, space, page);
	bool left = core_page_state(n->core, space, vpn) == PAGE_NONE;

	p->flags &= (uint16_t)~PG_UNSURE;
	/* Dropped while it was in motion: it leaves when that has ended. */
	if (p->op != NULL && vpn >= p->op->vpn &&
	    vpn < p->op->vpn + p->op->count)
		left |= (n->core->frames[p->op->pg[vpn - p->op->vpn].pfn]
		                 .flags &
		         FRAME_DROPPED) != 0;
	if (!left)
		return;
	p->flags |= PG_INFILE;
	p->truth = sim_word(s);
}

void
file_learn(struct sim_node *n, const struct op *op, uint32_t i, uint64_t word)
{
	struct sim *s = n->sim;
	const struct frame *f = &n->core->frames[op->pg[i].pfn];
	struct sim_page *p = sim_page(s, op->space, op->vpn + i);

	if (f->flags & FRAME_ORPHAN ||
	    (f->hash != HASH_UNKNOWN && (op->flags & OPF_BELIEVE) == 0))
		return;
	p->flags &= (uint16_t)~PG_INFILE;
	p->truth = word;
	disk_of(n, op->entry)->meant[(op->entry & SWP_OFFSET_MASK) + i] = word;
	s->count.file_learned++;
}

/* -- sync -------------------------------------------------------------- */

/* What was there when it began, and has not been changed since, is written. */
static void
check_written(struct sim *s, const struct sim_file *f,
              const struct sim_chore *ch)
{
	for (uint32_t i = ch->page; i < ch->page + ch->pages; i++) {
		const struct sim_page *p = &s->page[ch->space][i];

		if (p->flags & (PG_INFILE | PG_WRITTEN) || f->shared)
			continue;
		if (f->disk.meant[i - f->page + 1] != p->truth)
			sim_fail(s, "sync", "page %u:%u is not written",
			         ch->space, i);
	}
}

/* Forget what is in the file as well; nothing else may be forgotten. */
static bool
refresh(struct sim *s, const struct sim_file *f, struct sim_chore *ch)
{
	struct core *c = f->node->core;
	struct batch b = {NULL, NULL};
	uint64_t left = tap_refresh(
		c, ch->space, sim_vpn(s, ch->space, ch->page), ch->pages, &b);

	s->count.refreshes++;
	for (uint32_t i = ch->page; i < ch->page + ch->pages; i++) {
		struct sim_page *p = &s->page[ch->space][i];
		enum page_state state =
			core_page_state(c, ch->space, sim_vpn(s, ch->space, i));

		if (state == PAGE_POISONED)
			p->flags |= PG_INFILE; /* it will be read anew */
		if (state != PAGE_NONE || p->flags & PG_INFILE)
			continue;
		if (!f->shared && p->truth != f->disk.meant[i - f->page + 1])
			sim_fail(s, "I2", "page %u:%u is forgotten", ch->space,
			         i);
		file_only(s, ch->space, i);
	}
	host_submit(f->node, &b);
	return left == 0;
}

/* The pages that are there may not all move: then it gives up. */
static bool
sync_turn(struct sim *s, const struct sim_file *f, struct sim_chore *ch,
          bool begin)
{
	struct core *c = f->node->core;
	struct batch b = {NULL, NULL};
	uint64_t left;

	left = tap_sync(c, ch->space, sim_vpn(s, ch->space, ch->page),
	                ch->pages, begin, &b);
	host_submit(f->node, &b);
	if (core_pinned(c, ch->space, sim_vpn(s, ch->space, ch->page),
	                ch->pages) != 0)
		sim_fail(s, "I1", "%u:%u is pinned", ch->space, ch->page);
	if (core_file_failed(c, type_of(f)) != ch->failed) {
		s->count.syncs_failed++;
		ch->phase = 2;
	} else if (left == 0) {
		s->count.syncs++;
		check_written(s, f, ch);
		ch->phase = choice_of(&s->choice, 2) == 0 ? 1 : 2;
	} else if (ch->turns > SYNC_TURNS) {
		ch->phase = 2;
	}
	return ch->phase == 2;
}

bool
file_sync(struct sim *s, struct sim_chore *ch)
{
	struct sim_file *f = file_of(s, ch->space, ch->page, ch->pages);
	bool begin = ch->turns == 0;

	if (f == NULL)
		return true; /* of two files */
	ch->part.node = f->node;
	if (ch->phase == 1)
		return refresh(s, f, ch);
	if (begin) {
		for (uint32_t i = ch->page; i < ch->page + ch->pages; i++)
			s->page[ch->space][i].flags &= (uint16_t)~PG_WRITTEN;
		ch->failed = core_file_failed(f->node->core, type_of(f));
	}
	return sync_turn(s, f, ch, begin);
}

/* -- what others do ---------------------------------------------------- */

void
file_event(struct sim *s)
{
	struct sim_node *n = &s->node[choice_of(&s->choice, s->nodes)];
	struct sim_file *f = &n->file[choice_of(&s->choice, SIM_FILES_MAX)];
	uint32_t slot;

	if (f >= &n->file[n->files])
		return;
	slot = choice_between(&s->choice, 1, f->pages);
	if (!f->shared) {
		if (s->opt.faults && choice_of(&s->choice, 16) == 0) {
			f->disk.end = slot;
			s->count.file_cuts++;
		}
		return;
	}
	if (f->disk.io[slot] != NULL)
		return;
	f->disk.word[slot] = f->disk.meant[slot] = sim_word(s);
	s->count.file_others++;
}
