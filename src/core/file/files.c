/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * files.c -- mapped files: pages whose place on a device is given.
 *
 * A page of a file is a page whose slot is its place in the file.  So a mapped
 * file is an area like one of swap space, but nothing is ever allocated in it:
 * page n has slot n+1, and what happens to it is what happens to any page.
 *
 *	        first fault           unmapped            launder, sync
 *	none ----------------> mapped ---------> cached -----------------> clean
 *	 ^   read, hash learned   ^                 |                        |
 *	 |                        +--- soft fault --+       hard fault,      |
 *	 |                        +---------------- hash compared ----- swapped
 *	 +---- core_refresh(), core_discard(): hash forgotten ----------------+
 *
 * What differs:
 *
 *	- none is not zeros, but what the file has; and zeros are contents
 *	- there is no other slot: a fault on a page under write waits, so does
 *	  one on a page whose discarded predecessor is still being transferred,
 *	  and a page whose write fails stays until one succeeds
 *	- a slot's count says who uses it, as in swap space; at 0 it is the
 *	  page's still, and nobody else gets it
 *	- the hash of a slot is known once the page was read or written.  Until
 *	  then, and where others write the file, what is read is believed [I8]
 *
 * Pages of a file keep their address: core_area_rename() refuses them.  So a
 * run of slots is a run of pages, and who waits for a write is woken by the
 * pages that the write names.
 */
#include <errno.h>

#include "base/bits.h"
#include "core/internal.h"

#define SYNC_OPS 8 /* writes started by one call */

/* -- on and off ----------------------------------------------------------- */

size_t
core_file_bytes(uint32_t pages)
{
	return core_swap_bytes(pages + 1);
}

int
core_file_on(struct core *c, void *mem, uint32_t pages)
{
	must(pages >= 1 && pages < SWP_OFFSET_MASK);
	for (unsigned type = SWAP_AREAS_MAX; type < SWAP_TYPES; type++) {
		if (c->swap[type].in_use)
			continue;
		swap_area_init(&c->swap[type], mem, pages + 1);
		c->swap[type].max = pages + 1;
		c->swap[type].highest_bit = pages;
		c->swap[type].free = pages;
		return (int)type;
	}
	return -ENOSPC;
}

bool
core_file_off(struct core *c, unsigned type)
{
	struct swap_area *s = &c->swap[type];

	must(type >= SWAP_AREAS_MAX && type < SWAP_TYPES && s->in_use);
	if (s->free != s->max - 1)
		return false;
	s->in_use = false;
	return true;
}

uint32_t
core_file_failed(const struct core *c, unsigned type)
{
	return c->swap[type].failed;
}

/* -- reading -------------------------------------------------------------- */

void
file_slot_name(struct core *c, swp_entry_t e)
{
	struct swap_area *s = &c->swap[entry_type(e)];
	uint32_t off = e & SWP_OFFSET_MASK;

	must(s->in_use && entry_is_file(e) && off < s->max);
	must(s->map[off] == 0); /* [I3] */
	s->map[off] = 1;
	s->taken[off / SLOT_CLUSTER]++;
	s->tag[off] = HASH_UNKNOWN;
	s->free--;
}

bool
file_believe(const struct op *op, const struct op_page *pg,
             const struct frame *f)
{
	return entry_is_file(op->entry) &&
	       (f->hash == HASH_UNKNOWN || op->flags & OPF_BELIEVE ||
	        pg->partial);
}

/* -- sync ----------------------------------------------------------------- */

/* Pages that a call of core_sync() takes out and writes. */
struct sync {
	struct unmap_group unmap;
	uint32_t pfn[OP_PAGES_MAX], count; /* to be written */
	struct batch *b;
};

static void
sync_flush(struct core *c, struct sync *s)
{
	(void)core_unmap_end(c, &s->unmap, s->b);
	(void)core_write(c, s->pfn, s->count, SYNC_OPS, s->b);
	s->count = 0;
}

/* Begin to wait for a page, if it is or may be newer than its file. */
static void
sync_begin(struct frame *f, bool mapped)
{
	if (mapped || f->flags & (FRAME_DIRTY | FRAME_WRITEBACK))
		f->flags |= FRAME_SYNC;
}

/* => true while the sync must wait for the page */
static bool
sync_waits(struct frame *f, bool mapped)
{
	if (!mapped && (f->flags & (FRAME_DIRTY | FRAME_WRITEBACK)) == 0)
		f->flags &= (uint16_t)~FRAME_SYNC; /* nothing to write */
	return f->flags & FRAME_SYNC;
}

/* Take the next step for a page, if it can be taken. */
static void
sync_page(struct core *c, struct sync *s, struct frame *f, bool mapped)
{
	if (f->flags & (FRAME_LOCKED | FRAME_WRITEBACK))
		return;
	if (s->unmap.count == OP_PAGES_MAX || s->count == OP_PAGES_MAX)
		sync_flush(c, s);
	if (mapped)
		(void)core_unmap(c, &s->unmap, f);
	else
		s->pfn[s->count++] = frame_pfn(c, f);
}

uint64_t
core_sync(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
          bool begin, struct batch *b)
{
	struct sync s = {.b = b};
	uint64_t end = vpn + pages, left = 0;

	for (; (vpn = table_skip(c, space, vpn, end)) < end; vpn++) {
		bool mapped = pte_kind(pte_get(c, space, vpn)) == PTE_PRESENT;
		struct frame *f = frame_of_page(c, space, vpn);

		if (f == NULL)
			continue;
		if (begin)
			sync_begin(f, mapped);
		if (!sync_waits(f, mapped))
			continue;
		left++;
		sync_page(c, &s, f, mapped);
	}
	sync_flush(c, &s);
	return left;
}

uint64_t
core_pinned(const struct core *c, unsigned space, uint64_t vpn, uint64_t pages)
{
	uint64_t end = vpn + pages, n = 0;

	for (; (vpn = table_skip(c, space, vpn, end)) < end; vpn++) {
		pte_t pte = pte_get(c, space, vpn);

		n += pte_kind(pte) == PTE_PRESENT &&
		     c->frames[pte_pfn(pte)].pins != 0;
	}
	return n;
}

/*
 * At once, before the program has them again: else a page that is changed all
 * the time would never be written.
 */
void
file_sync_unmapped(struct core *c, const struct op *op, struct batch *b)
{
	uint32_t pfns[OP_PAGES_MAX], n = 0;

	for (uint32_t i = 0; i < op->count; i++) {
		const struct frame *f = &c->frames[op->pg[i].pfn];

		if (op->pg[i].err == 0 && f->flags & FRAME_SYNC &&
		    f->flags & FRAME_DIRTY)
			pfns[n++] = op->pg[i].pfn;
	}
	(void)core_write(c, pfns, n, SYNC_OPS, b);
}
