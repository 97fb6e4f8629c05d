/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * space.c -- areas and page tables: what is managed, and where it is.
 *
 * A space is one address space: areas sorted by address in an array, and a page
 * table of two levels whose leaves (1 GiB of addresses each) come from the host
 * when an area first needs them and stay for good.  The table does not know
 * areas; so an area can be taken away first, and its pages dealt with after.
 *
 * Every area has an identity (id, off) for its first page.  Parts of a split
 * area keep theirs, a moved one takes it along (core_area_rename).
 */
#include <errno.h>
#include <string.h>

#include "core/internal.h"

_Static_assert(sizeof(struct space) <= 64, "a page has all of them");

/* Index of the first area that ends above vpn. */
static uint32_t
area_index(const struct space *s, uint64_t vpn)
{
	uint32_t lo = 0, hi = s->area_count;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (area_end(&s->areas[mid]) > vpn)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

const struct area *
core_area_next(const struct core *c, unsigned space, uint64_t vpn)
{
	const struct space *s = &c->spaces[space];
	uint32_t i = area_index(s, vpn);

	return i < s->area_count ? &s->areas[i] : NULL;
}

const struct area *
core_area_find(const struct core *c, unsigned space, uint64_t vpn)
{
	const struct area *a = core_area_next(c, space, vpn);

	return a != NULL && a->vpn <= vpn ? a : NULL;
}

void
core_area_note(struct core *c, unsigned space, uint64_t vpn, uint64_t note)
{
	struct space *s = &c->spaces[space];
	struct area *a = &s->areas[area_index(s, vpn)];

	must(vpn >= a->vpn && vpn < area_end(a));
	a->note = note;
}

struct page_id
area_page_id(const struct area *a, uint64_t vpn)
{
	must(vpn >= a->vpn && vpn < area_end(a));
	return (struct page_id){a->id, a->off + (vpn - a->vpn)};
}

static int
tables_make(struct core *c, struct space *s, uint64_t vpn, uint64_t pages)
{
	uint64_t first = vpn >> TABLE_SHIFT;
	uint64_t last = (vpn + pages - 1) >> TABLE_SHIFT;

	for (uint64_t i = first; i <= last; i++) {
		if (s->leaves[i] != NULL)
			continue;
		s->leaves[i] = c->cfg.host->table_alloc(c->cfg.host_ctx);
		if (s->leaves[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static void
areas_insert(struct space *s, uint32_t i, struct area a)
{
	must(s->area_count < s->area_max);
	memmove(&s->areas[i + 1], &s->areas[i],
	        (s->area_count - i) * sizeof(s->areas[0]));
	s->areas[i] = a;
	s->area_count++;
}

static void
areas_delete(struct space *s, uint32_t i)
{
	memmove(&s->areas[i], &s->areas[i + 1],
	        (s->area_count - i - 1) * sizeof(s->areas[0]));
	s->area_count--;
}

/* => as core_area_add(); the area's identity is a new one */
static int
area_add(struct core *c, unsigned space, struct area a)
{
	struct space *s = &c->spaces[space];
	uint32_t i = area_index(s, a.vpn);

	must(a.pages > 0 && (area_end(&a) - 1) >> 36 == 0);
	if (i < s->area_count && s->areas[i].vpn < area_end(&a))
		return -EEXIST;
	/* Two are kept for the split of a core_area_remove(). */
	if (s->area_count + 2 >= s->area_max ||
	    tables_make(c, s, a.vpn, a.pages) < 0)
		return -ENOMEM;
	a.id = ++c->next_id;
	areas_insert(s, i, a);
	s->pages_managed += a.pages;
	stat_add(c, PAGEOUT_STAT_managed, a.pages * PAGE_BYTES);
	return 0;
}

int
core_area_add(struct core *c, unsigned space, uint64_t vpn, uint64_t pages)
{
	return area_add(c, space, (struct area){.vpn = vpn, .pages = pages});
}

int
core_area_add_file(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
                   unsigned type, uint32_t page, uint32_t flags)
{
	struct area a = {
		.vpn = vpn,
		.pages = pages,
		.flags = flags,
		.file = type << SWP_OFFSET_BITS | (page + 1),
	};

	must(type >= SWAP_AREAS_MAX && type < SWAP_TYPES);
	must(c->swap[type].in_use && entry_is_file(a.file));
	must(page + pages < c->swap[type].max);
	return area_add(c, space, a);
}

int
core_area_share(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
                unsigned home_space, uint64_t home_vpn)
{
	struct space *s = &c->spaces[space];
	struct area *a;
	int r = core_area_add(c, space, vpn, pages);

	must(home_space != space && home_space < c->cfg.spaces);
	if (r < 0)
		return r;
	a = &s->areas[area_index(s, vpn)];
	a->flags = AREA_GUEST;
	a->home_space = (uint16_t)home_space;
	a->home_vpn = home_vpn;
	c->has_guests = true;
	return 0;
}

/*
 * Make vpn a border between areas.
 * => -ENOMEM when the table of areas is full
 */
static int
area_split(struct space *s, uint64_t vpn)
{
	uint32_t i = area_index(s, vpn);
	struct area *a = &s->areas[i], upper;

	if (i == s->area_count || a->vpn >= vpn)
		return 0;
	if (s->area_count == s->area_max)
		return -ENOMEM;
	upper = *a;
	upper.off += vpn - a->vpn;
	if (a->file != 0)
		upper.file = area_slot(a, vpn);
	upper.pages = area_end(a) - vpn;
	upper.vpn = vpn;
	upper.home_vpn += vpn - a->vpn;
	a->pages = vpn - a->vpn;
	areas_insert(s, i + 1, upper);
	return 0;
}

static int
range_split(struct space *s, uint64_t vpn, uint64_t pages)
{
	if (area_split(s, vpn) < 0 || area_split(s, vpn + pages) < 0)
		return -ENOMEM;
	return 0;
}

int
core_area_remove(struct core *c, unsigned space, uint64_t vpn, uint64_t pages)
{
	struct space *s = &c->spaces[space];
	uint32_t i;

	if (range_split(s, vpn, pages) < 0)
		return -ENOMEM;
	for (i = area_index(s, vpn);
	     i < s->area_count && s->areas[i].vpn < vpn + pages;) {
		if (s->areas[i].flags & AREA_GUEST)
			guests_part(c, space, &s->areas[i]);
		s->pages_managed -= s->areas[i].pages;
		stat_sub(c, PAGEOUT_STAT_managed,
		         s->areas[i].pages * PAGE_BYTES);
		areas_delete(s, i);
	}
	return 0;
}

int
core_area_flags(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
                uint32_t set, uint32_t clear)
{
	struct space *s = &c->spaces[space];

	/* Hints leave the entries that taking ranges away will need. */
	if (s->area_count + 4 > s->area_max || range_split(s, vpn, pages) < 0)
		return -ENOMEM;
	for (uint32_t i = area_index(s, vpn);
	     i < s->area_count && s->areas[i].vpn < vpn + pages; i++)
		s->areas[i].flags = (s->areas[i].flags & ~clear) | set;
	return 0;
}

/* There are pages of a file in a range. */
static bool
range_has_file(const struct space *s, uint64_t vpn, uint64_t pages)
{
	for (uint32_t i = area_index(s, vpn);
	     i < s->area_count && s->areas[i].vpn < vpn + pages; i++)
		if (s->areas[i].file != 0)
			return true;
	return false;
}

/* Pages of a range are, or are not, on their way to it. */
void
areas_moving(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
             bool moving)
{
	struct space *s = &c->spaces[space];

	for (uint32_t i = area_index(s, vpn);
	     i < s->area_count && s->areas[i].vpn < vpn + pages; i++) {
		s->areas[i].flags &= ~(uint32_t)AREA_MOVING;
		s->areas[i].flags |= moving ? AREA_MOVING : 0;
	}
}

int
core_area_rename(struct core *c, unsigned space, uint64_t from, uint64_t to,
                 uint64_t pages)
{
	struct space *s = &c->spaces[space];

	must(from + pages <= to || to + pages <= from);
	if (range_has_file(s, from, pages) || range_has_file(s, to, pages))
		return -EINVAL;
	if (range_split(s, to, pages) < 0)
		return -ENOMEM;
	areas_moving(c, space, to, pages, true);
	for (uint64_t v = from; v < from + pages;) {
		const struct area *a = core_area_find(c, space, v);
		uint64_t end, n;
		struct page_id id;
		struct area *t;

		if (a == NULL) {
			a = core_area_next(c, space, v);
			if (a == NULL)
				return 0;
			v = a->vpn;
			continue;
		}
		end = area_end(a) < from + pages ? area_end(a) : from + pages;
		n = end - v;
		id = area_page_id(a, v);
		if (range_split(s, to + (v - from), n) < 0) {
			areas_moving(c, space, to, pages, false);
			return -ENOMEM;
		}
		t = &s->areas[area_index(s, to + (v - from))];
		must(t->vpn == to + (v - from) && t->pages == n);
		t->id = id.id;
		t->off = id.off;
		v = end;
	}
	return 0;
}

uint64_t
table_skip(const struct core *c, unsigned space, uint64_t vpn, uint64_t end)
{
	const struct space *s = &c->spaces[space];

	while (vpn < end && s->leaves[vpn >> TABLE_SHIFT] == NULL)
		vpn = ((vpn >> TABLE_SHIFT) + 1) << TABLE_SHIFT;
	return vpn < end ? vpn : end;
}

/* -- for policies --------------------------------------------------------- */

struct frame *
core_next_mapped(const struct core *c, unsigned space, uint64_t vpn,
                 uint64_t end, uint64_t *ret_vpn)
{
	while ((vpn = table_skip(c, space, vpn, end)) < end) {
		const pte_t *pte = pte_of(c, space, vpn);
		uint64_t n = TABLE_ENTRIES - (vpn & (TABLE_ENTRIES - 1));

		for (n = n < end - vpn ? n : end - vpn; n > 0; n--, vpn++) {
			if (pte_kind(*pte) == PTE_PRESENT) {
				*ret_vpn = vpn;
				return &c->frames[pte_pfn(*pte)];
			}
			pte++;
		}
	}
	return NULL;
}

bool
core_test_clear_young(struct core *c, unsigned space, uint64_t vpn)
{
	pte_t *pte = pte_of(c, space, vpn);
	bool young = (*pte & PTE_YOUNG) != 0;

	must(pte_kind(*pte) == PTE_PRESENT);
	*pte &= ~PTE_YOUNG;
	return young;
}
