/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * readahead.c -- swapin_readahead: what comes along with a page.
 *
 * How much depends on what became of the pages that came along last time: a
 * page that was read ahead and is found by a fault is a hit.
 *
 *	hits 0      1 page; 2 if it is next to the last one; but not less than
 *	            half of the last window
 *	hits 1, 2   4 pages
 *	hits 3 ..   8 pages; the limit is 2^page_cluster
 *
 * Devices with an arm: the aligned block of so many slots around the wanted
 * one; slots that nobody uses are skipped.  A slot does not know its page: the
 * pages around the wanted one are asked for their slots, and what lies in the
 * block and belongs to none of them is not read.
 *
 * Solid-state devices alone: as many pages by address, ahead of a program that
 * goes up, behind one that goes down, around the page else; inside the area and
 * what one table of pages maps.
 */
#include "reclaim/kswapd/kswapd.h"

#include "base/bits.h"

#define HITS_FIRST 4
#define HITS_MAX 63
#define RA_ORDER_CEILING 5
#define WINDOW_MAX (1u << RA_ORDER_CEILING)
#define TABLE_PAGES 512

void
readahead_init66(struct core *c)
{
	struct pgdat66 *p = pgdat66(c);

	p->page_cluster = page_cluster66(c->cfg.frames_total);
	p->cluster_readahead = (struct readahead66){.hits = HITS_FIRST};
}

uint32_t
readahead_window66(uint64_t prev, uint64_t cur, uint32_t hits, uint32_t max,
                   uint32_t last)
{
	uint32_t pages = 4;

	while (pages < hits + 2)
		pages *= 2;
	if (hits == 0)
		pages = cur == prev + 1 || cur + 1 == prev ? 2 : 1;
	return max_u32(min_u32(pages, max), last / 2);
}

/* -- by slots ------------------------------------------------------------- */

static uint32_t
swapin_nr_pages(struct core *c, uint32_t offset)
{
	struct readahead66 *r = &pgdat66(c)->cluster_readahead;
	uint32_t hits = r->hits;

	if (pgdat66(c)->page_cluster == 0)
		return 1;
	r->hits = 0;
	r->window =
		readahead_window66(r->prev, offset, hits,
	                           1u << pgdat66(c)->page_cluster, r->window);
	if (hits == 0)
		r->prev = offset;
	return r->window;
}

static void
swap_cluster_readahead(struct core *c, unsigned space, uint64_t vpn,
                       swp_entry_t e, struct batch *b)
{
	uint32_t n = swapin_nr_pages(c, e & SWP_OFFSET_MASK);
	uint64_t around[WINDOW_MAX];

	n = min_u32(n, WINDOW_MAX);
	core_pages_of_slots(c, space, vpn, e & ~(n - 1), n, around);
	for (uint32_t i = 0; i < n; i++)
		if (around[i] != VPN_NONE)
			(void)core_read_ahead(c, space, around[i], b);
}

/* -- by address ----------------------------------------------------------- */

/* What is remembered of an area is a word: page, window, hits. */
#define NOTE_BITS 6

static struct readahead66
vma_remembers(const struct area *a)
{
	const uint64_t mask = (1u << NOTE_BITS) - 1;

	if (a->note == 0)
		return (struct readahead66){.hits = HITS_FIRST};
	return (struct readahead66){
		.prev = a->note >> 2 * NOTE_BITS,
		.window = (uint32_t)(a->note >> NOTE_BITS & mask),
		.hits = (uint32_t)(a->note & mask),
	};
}

static void
vma_remember(struct core *c, unsigned space, uint64_t vpn, uint32_t window,
             uint32_t hits)
{
	core_area_note(c, space, vpn,
	               vpn << 2 * NOTE_BITS | window << NOTE_BITS | hits);
}

/* Pages of the window that lie before the wanted one. */
static uint32_t
vma_left(uint64_t vpn, uint64_t prev, uint32_t window)
{
	if (vpn == prev + 1)
		return 0;
	return prev == vpn + 1 ? window - 1 : (window - 1) / 2;
}

static void
swap_vma_readahead(struct core *c, unsigned space, uint64_t vpn,
                   struct batch *b)
{
	const struct area *a = core_area_find(c, space, vpn);
	uint64_t table = round_down(vpn, TABLE_PAGES), first, end;
	struct readahead66 r = vma_remembers(a);
	uint32_t order = min_u32(pgdat66(c)->page_cluster, RA_ORDER_CEILING);
	uint32_t window = 1, left;

	if (order != 0)
		window = readahead_window66(r.prev, vpn, r.hits, 1u << order,
		                            r.window);
	vma_remember(c, space, vpn, window, 0);
	left = vma_left(vpn, r.prev, window);
	first = vpn - table > left ? vpn - left : table;
	end = vpn + window - left;
	if (end > table + TABLE_PAGES)
		end = table + TABLE_PAGES;
	for (uint64_t v = first; v < end; v++)
		if (v >= a->vpn && v - a->vpn < a->pages)
			(void)core_read_ahead(c, space, v, b);
}

/* -- both ----------------------------------------------------------------- */

/* No device has an arm. */
static bool
swap_use_vma_readahead(const struct core *c)
{
	for (unsigned i = 0; i < SWAP_AREAS_MAX; i++)
		if (c->swap[i].in_use && !c->swap[i].solid_state)
			return false;
	return true;
}

bool
kswapd_readahead(struct core *c, unsigned space, uint64_t vpn, swp_entry_t e,
                 struct batch *b)
{
	if (tunable66(c, T66_CLUSTER_READAHEAD) == 0)
		return false;
	if (swap_use_vma_readahead(c))
		swap_vma_readahead(c, space, vpn, b);
	else
		swap_cluster_readahead(c, space, vpn, e, b);
	return true;
}

void
readahead_found(struct core *c, struct frame *f)
{
	bool hit = core_test_clear_readahead(c, f);
	const struct area *a;
	struct readahead66 r;

	if (!swap_use_vma_readahead(c)) {
		pgdat66(c)->cluster_readahead.hits += hit;
		return;
	}
	a = core_area_find(c, f->space, f->vpn);
	if (a == NULL)
		return;
	r = vma_remembers(a);
	vma_remember(c, f->space, f->vpn, r.window,
	             min_u32(r.hits + hit, HITS_MAX));
}
