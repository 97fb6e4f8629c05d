/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * claim.c -- what an operation names is nobody else's until it ends.
 *
 * Submitting an operation claims what it names.  A claim that clashes with one
 * that is pending breaks [I4]: nothing that an operation names may be named by
 * another, but for reading beside reading.
 *
 *	frame	lock: any operation that changes it, or the place of its page
 *		write: an OP_WRITE; sources: OP_MAPs that copy from it
 *	page	op: any operation that changes its mapping
 *	slot	io: an OP_READ or OP_WRITE
 */
#include "sim/sim.h"

static const char *const kind_name[] = {
	[OP_POPULATE] = "populate", [OP_MAP] = "map",
	[OP_UNMAP] = "unmap",       [OP_REMAP] = "remap",
	[OP_ADOPT] = "adopt",       [OP_READ] = "read",
	[OP_WRITE] = "write",       [OP_UNPOISON] = "unpoison",
	[OP_WAKE] = "wake",
};

/* -- what an operation names ------------------------------------------- */

static bool
names_frames(const struct op *op)
{
	return op->kind != OP_UNPOISON && op->kind != OP_WAKE;
}

static bool
names_pages(const struct op *op)
{
	return op->kind != OP_POPULATE && op->kind != OP_READ &&
	       op->kind != OP_WRITE && op->kind != OP_WAKE;
}

bool
claim_names_slots(const struct op *op)
{
	return op->kind == OP_READ || op->kind == OP_WRITE;
}

void
claim_clash(struct sim *s, const struct op *op, uint32_t i, const char *what)
{
	sim_fail(s, "I4", "%s of page %u:%llx frame %u entry %x: %s",
	         kind_name[op->kind], op->space,
	         (unsigned long long)(op->vpn + i - s->base[op->space]),
	         op->pg[i].pfn, op->entry + i, what);
}

static void
claim_frame(struct sim_node *n, struct op *op, uint32_t i)
{
	struct sim *s = n->sim;
	struct sim_frame *f;

	if (op->pg[i].pfn >= n->cfg.frames_total)
		claim_clash(s, op, i, "no such frame");
	f = &n->frame[op->pg[i].pfn];
	if (f->lock != NULL)
		claim_clash(s, op, i, "an operation has the frame");
	if (op->kind == OP_WRITE) {
		if (f->write != NULL)
			claim_clash(s, op, i, "the frame is being written");
		f->write = op;
		return;
	}
	if (f->write != NULL)
		claim_clash(s, op, i,
		            "the frame is under write and must not move");
	if (f->sources != 0)
		claim_clash(s, op, i, "the frame is being copied");
	f->lock = op;
	if (op->kind != OP_MAP || (op->flags & OPF_COPY) == 0)
		return;
	f = &n->frame[op->pg[i].src];
	if (op->pg[i].src >= n->cfg.frames_total || f->lock != NULL)
		claim_clash(s, op, i, "the source of the copy is not at rest");
	f->sources++;
}

void
claim_check(struct sim *s, const struct op *op, uint64_t vpn, uint32_t i)
{
	if (op->space >= s->spaces || vpn < s->base[op->space] ||
	    vpn - s->base[op->space] >= s->pages)
		claim_clash(s, op, i, "no such page");
}

static void
claim_page(struct sim *s, struct op *op, uint64_t vpn, uint32_t i)
{
	struct sim_page *p;

	claim_check(s, op, vpn, i);
	p = sim_page(s, op->space, vpn);
	if (p->op != NULL)
		claim_clash(s, op, i, "an operation has the page");
	if ((p->flags & PG_PINNED) &&
	    (op->kind == OP_UNMAP || op->kind == OP_REMAP))
		claim_clash(s, op, i, "the page is pinned");
	p->op = op;
}

/* The page of a file has its place there. */
static void
claim_place(struct sim_node *n, const struct op *op, uint32_t i, uint32_t slot)
{
	struct sim *s = n->sim;
	const struct sim_file *f =
		&n->file[entry_type(op->entry) - SWAP_AREAS_MAX];
	uint64_t page = op->vpn + i - s->base[op->space];

	if (op->space != f->space || page != f->page + slot - 1)
		claim_clash(s, op, i, "not the page's place in its file");
}

static void
claim_slot(struct sim_node *n, struct op *op, uint32_t i)
{
	struct sim *s = n->sim;
	struct sim_disk *d = disk_of(n, op->entry + i);
	uint32_t slot = (op->entry + i) & SWP_OFFSET_MASK;

	if (d == NULL || slot == 0 || slot >= d->ready)
		claim_clash(s, op, i, "no such slot");
	if (op->kind == OP_READ || entry_is_file(op->entry))
		claim_check(s, op, op->vpn + i, i);
	if (entry_is_file(op->entry))
		claim_place(n, op, i, slot);
	if (d->io[slot] != NULL)
		claim_clash(s, op, i, "the slot has I/O in flight");
	d->io[slot] = op;
}

/*
 * [I8] the hash is seeded by the page's identity.
 * => a page without an area is being discarded: its hash means nothing
 */
static void
check_identity(struct sim_node *n, const struct op *op)
{
	const struct area *a = core_area_find(n->core, op->space, op->vpn);

	if (op->flags & OPF_RETRY)
		return; /* was checked; orphans in it may have been replaced */
	if (a != NULL &&
	    (op->id != a->id || op->off != a->off + (op->vpn - a->vpn)))
		claim_clash(n->sim, op, 0, "the seed is of another page");
}

void
claim_area(struct sim_node *n, unsigned space, uint64_t vpn)
{
	uint64_t id = core_area_find(n->core, space, vpn)->id;

	if (id <= n->last_id)
		sim_fail(n->sim, "I8", "identity %llu is used again",
		         (unsigned long long)id);
	n->last_id = id;
}

static uint32_t
frames_named(const struct op *op)
{
	return names_frames(op) ? op->count : 0;
}

/* The frame of page i; those of OP_POPULATE follow each other. */
uint32_t
claim_frame_of(const struct op *op, uint32_t i)
{
	return op->kind == OP_POPULATE ? op->pg[0].pfn + i : op->pg[i].pfn;
}

void
claim(struct sim_node *n, struct op *op)
{
	struct sim *s = n->sim;
	uint32_t most = op->kind == OP_POPULATE ? POPULATE_PAGES : OP_PAGES_MAX;

	if (op->count == 0 || op->count > most)
		sim_fail(s, "I4", "%s of %u pages", kind_name[op->kind],
		         op->count);
	if (op->kind == OP_READ ||
	    (op->kind == OP_UNMAP && (op->flags & OPF_DISCARD) == 0))
		check_identity(n, op);
	for (uint32_t i = 0; i < op->count; i++) {
		if (op->kind == OP_POPULATE) {
			uint32_t pfn = claim_frame_of(op, i);

			if (pfn >= n->cfg.frames_total || n->frame[pfn].lock)
				claim_clash(s, op, 0, "a frame is taken");
			n->frame[pfn].lock = op;
			continue;
		}
		if (names_frames(op))
			claim_frame(n, op, i);
		if (names_pages(op))
			claim_page(s, op, op->vpn + i, i);
		if (op->kind == OP_REMAP)
			claim_page(s, op, op->vpn_to + i, i);
		if (claim_names_slots(op))
			claim_slot(n, op, i);
		op->pg[i].err = 0;
		op->pg[i].zero = 0;
	}
}

void
claim_release(struct sim_node *n, struct op *op)
{
	struct sim *s = n->sim;
	for (uint32_t i = 0; i < frames_named(op); i++) {
		struct sim_frame *f = &n->frame[claim_frame_of(op, i)];

		if (op->kind == OP_WRITE)
			f->write = NULL;
		else
			f->lock = NULL;
		if (op->kind == OP_MAP && (op->flags & OPF_COPY))
			n->frame[op->pg[i].src].sources--;
	}
	for (uint32_t i = 0; i < op->count; i++) {
		uint32_t e = op->entry + i;

		if (names_pages(op))
			sim_page(s, op->space, op->vpn + i)->op = NULL;
		if (op->kind == OP_REMAP)
			sim_page(s, op->space, op->vpn_to + i)->op = NULL;
		if (claim_names_slots(op))
			disk_of(n, e)->io[e & SWP_OFFSET_MASK] = NULL;
	}
}

void
claim_trace(const struct sim_node *n, const struct op *op, const char *what)
{
	const struct sim *s = n->sim;
	uint32_t page = (uint32_t)(op->vpn - s->base[op->space]);
	int errors = 0;

	if (!s->opt.trace)
		return;
	for (uint32_t i = 0; i < op->count && op->count <= OP_PAGES_MAX; i++)
		errors += names_frames(op) && op->pg[i].err != 0;
	sim_trace(s,
	          "  %s on %u %s%s pages %u:%u+%u frame %u entry %x errors %d",
	          what, n->id, kind_name[op->kind],
	          op->flags & OPF_DISCARD ? " (discard)"
	          : op->flags & OPF_COPY  ? " (copy)"
	          : op->flags & OPF_ZERO  ? " (zero)"
	                                  : "",
	          op->space, page, op->count, op->pg[0].pfn,
	          claim_names_slots(op) ? op->entry : 0, errors);
}
