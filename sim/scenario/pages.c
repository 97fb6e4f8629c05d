/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pages.c -- pages in any state.
 *
 *	given pages NAME COUNT WORD...
 *
 *	anon		private and mapped, never swapped out (the default)
 *	swap		in the swap cache, with a slot
 *	file		of a file, which has a place of its own on a device
 *	buffers		a buffer page and nothing else
 *	kernel		in use, of no program
 *	absent		not touched yet, and in no frame
 *	swapped		in its slot, and in no frame
 *	mapped		of swap, file: by the address space of "in"
 *	in MM, at VPN	where the first of them is; at 0 in the kernel's else
 *	zone ZONE	where its frame is; the last zone else
 *	list LIST	at its head, one after the other: A D C; IA AA IF AF U
 *	age N, count N	of both; a count above what follows from the rest is
 *			made with pins
 *	dirty		newer than its slot; of mapped pages: written to by the
 *			program since it was mapped
 *	untouched	anon, holding zeros
 *	young, referenced, locked
 *	workingset, reclaim		as the flags of kswapd
 *	exec, mlocked			of a file: it is run; locked
 *	buffer idle|dirty|locked|held|ramdisk	has a buffer
 *
 * "given page" takes age, young, old, dirty, referenced, locked, unlocked,
 * buffer and pins N for pages that exist.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "sim/scenario/scenario.h"

/* -- words ----------------------------------------------------------------- */

static bool
spec_kind(struct spec *p, const char *word)
{
	static const char *const kinds[] = {"anon",    "swap",   "file",
	                                    "buffers", "kernel", "absent",
	                                    "swapped"};

	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i], word) == 0) {
			p->kind = (enum kind)i;
			return true;
		}
	return false;
}

static bool
spec_flag(struct spec *p, const char *word)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{"mapped", &p->mapped},
		{"dirty", &p->dirty},
		{"young", &p->young},
		{"referenced", &p->referenced},
		{"locked", &p->locked},
		{"unlocked", &p->unlocked},
		{"untouched", &p->untouched},
		{"old", &p->old},
		{"workingset", &p->workingset},
		{"reclaim", &p->reclaim},
		{"exec", &p->exec},
		{"mlocked", &p->mlocked},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
		if (strcmp(flags[i].name, word) == 0) {
			*flags[i].flag = true;
			return true;
		}
	return false;
}

static uint8_t
buffer_of(struct scenario *s, const char *word)
{
	static const struct {
		const char *name;
		uint8_t bits;
	} states[] = {
		{"idle", BUF_ATTACHED},
		{"dirty", BUF_ATTACHED | BUF_DIRTY},
		{"locked", BUF_ATTACHED | BUF_LOCKED},
		{"held", BUF_ATTACHED | BUF_HELD},
		{"ramdisk", BUF_ATTACHED | BUF_RAMDISK},
		{"none", 0},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(states); i++)
		if (strcmp(states[i].name, word) == 0)
			return states[i].bits;
	stop(s, "no buffer is %s", word);
}

unsigned
list_of(struct scenario *s, const char *word)
{
	unsigned state = word_of(s, word, s->dialect->states);

	if (state < 2)
		stop(s, "no list is %s", word);
	return state;
}

/* A word and what follows it. */
static void
spec_pair(struct scenario *s, struct spec *p, const char *word,
          const char *value)
{
	if (value == NULL)
		stop(s, "%s: what?", word);
	if (strcmp(word, "in") == 0) {
		p->space = space_of(s, value);
	} else if (strcmp(word, "at") == 0) {
		p->vpn = number_of(s, value, UINT32_MAX);
		p->has_vpn = true;
	} else if (strcmp(word, "zone") == 0) {
		p->zone = zone_of(s, value);
	} else if (strcmp(word, "list") == 0) {
		p->state = list_of(s, value);
	} else if (strcmp(word, "age") == 0) {
		p->age = (int)number_of(s, value, PAGE_AGE_MAX);
	} else if (strcmp(word, "count") == 0) {
		p->count = (int)number_of(s, value, 100);
	} else if (strcmp(word, "pins") == 0) {
		p->pins = (uint32_t)number_of(s, value, 100);
	} else if (strcmp(word, "buffer") == 0) {
		p->buffers = buffer_of(s, value);
	} else {
		stop(s, "no page is %s", word);
	}
}

static struct spec
spec_read(struct scenario *s, const struct statement *st, unsigned from)
{
	struct core *c = s->w->core;
	struct spec p = {
		.age = -1,
		.count = -1,
		.zone = &c->zones[c->zone_count - 1],
	};

	for (unsigned i = from; i < st->argc; i++)
		if (!spec_kind(&p, st->argv[i]) &&
		    !spec_flag(&p, st->argv[i])) {
			spec_pair(s, &p, st->argv[i], st->argv[i + 1]);
			i++;
		}
	return p;
}

/* -- making one ------------------------------------------------------------ */

static uint64_t
word_new(struct world *w)
{
	return ++w->words * 0x9e3779b97f4a7c15u | 1; /* never that of zeros */
}

/* Where it is at home it becomes newer than when its hash was taken. */
void
page_write(struct scenario *s, struct page *pg)
{
	struct world *w = s->w;
	const struct frame *f = frame_of(s, pg);
	struct model_space *m;

	must(pte_kind(pte_get(w->core, pg->space, pg->vpn)) == PTE_PRESENT);
	m = &w->space[f->space];
	m->truth[f->vpn] = m->word[f->vpn] = word_new(w);
}

/* The slot of a page: one that was free, or that which a file's page has. */
static swp_entry_t
slot_take(struct scenario *s, const struct spec *p, const struct page *pg,
          const struct frame *f)
{
	struct core *c = s->w->core;
	uint32_t pfn = frame_pfn(c, f);
	swp_entry_t e;

	if (p->kind == KIND_SWAP || !s->dialect->has_files)
		return slot_alloc(c, pfn, p->mapped ? 1 : 2);
	e = area_slot(core_area_find(c, pg->space, pg->vpn), pg->vpn);
	file_slot_name(c, e);
	(void)slot_cache(c, e, pfn);
	if (p->mapped)
		slot_put(c, e);
	return e;
}

/* A page of a cache: slot, hash, contents in frame and on the device. */
static void
make_cached(struct scenario *s, const struct spec *p, struct page *pg,
            struct frame *f)
{
	struct world *w = s->w;
	struct core *c = w->core;
	const struct area *a = core_area_find(c, pg->space, pg->vpn);
	uint64_t word = word_new(w);

	if (a == NULL)
		stop(s, "no area is there");
	f->entry = slot_take(s, p, pg, f);
	if (f->entry == 0)
		stop(s, "no swap slot is left");
	f->hash = model_hash(area_page_id(a, pg->vpn), word);
	w->disk[entry_type(f->entry)].word[f->entry & SWP_OFFSET_MASK] =
		p->dirty && !p->mapped ? 0 : word;
	w->frame_word[frame_pfn(c, f)] = word;
	w->space[pg->space].word[pg->vpn] = word;
	w->space[pg->space].truth[pg->vpn] = word;
	if (p->mapped) {
		world_bind(w, pg->space, pg->vpn, f);
		return;
	}
	frame_bind(f, pg->space, pg->vpn);
	*pte_of(c, pg->space, pg->vpn) = pte_swap(f->entry);
	if (p->dirty)
		f->flags |= FRAME_DIRTY;
}

/* A page that is in no frame, but has been: in its slot. */
static void
make_swapped(struct scenario *s, const struct spec *p, struct page *pg)
{
	struct world *w = s->w;
	const struct area *a = core_area_find(w->core, pg->space, pg->vpn);
	swp_entry_t e = slot_alloc(w->core, 0, 2);
	uint64_t word = word_new(w);

	if (a == NULL || e == 0 || p->space == KERNEL)
		stop(s, "no area is there, or no swap slot is left");
	slot_uncache(w->core, e, model_hash(area_page_id(a, pg->vpn), word));
	slot_put(w->core, e);
	*pte_of(w->core, pg->space, pg->vpn) = pte_swap(e);
	w->disk[entry_type(e)].word[e & SWP_OFFSET_MASK] = word;
	w->space[pg->space].truth[pg->vpn] = word;
}

/* Dirty ones are on the list, locked ones with the disk. */
static void
buffer_set(struct scenario *s, uint8_t bits, struct frame *f)
{
	f->buffers = bits & (uint8_t) ~(BUF_DIRTY | BUF_LOCKED);
	if (bits & (BUF_DIRTY | BUF_LOCKED))
		mark_buffer_dirty(s->w->core, f);
	if (bits & BUF_LOCKED)
		buffer_write(s->w->core, f);
}

/* What may be said of a page whatever it is, and changed. */
static void
page_set(struct scenario *s, const struct spec *p, struct page *pg,
         struct frame *f)
{
	struct core *c = s->w->core;
	pte_t *pte = pg->vpn == VPN_NONE ? NULL : pte_of(c, pg->space, pg->vpn);
	bool mapped = pte != NULL && pte_kind(*pte) == PTE_PRESENT;

	if (p->age >= 0)
		f->age = (uint8_t)p->age;
	if (p->referenced)
		f->flags |= FRAME_REFERENCED;
	if (p->locked) /* a page out of reach is locked by its write */
		f->flags |= mapped ? FRAME_LOCKED : FRAME_WRITEBACK;
	if (p->unlocked)
		f->flags &= (uint16_t) ~(FRAME_LOCKED | FRAME_WRITEBACK);
	if (p->buffers != 0)
		buffer_set(s, p->buffers, f);
	if (p->pins != 0) {
		c->pins += p->pins;
		f->pins = (uint16_t)(f->pins + p->pins);
	}
	if (mapped && p->young)
		*pte |= PTE_YOUNG;
	if (mapped && p->old)
		*pte &= ~PTE_YOUNG;
	if (mapped && p->dirty)
		page_write(s, pg);
}

/* => the group's statement says a count: make it so */
static void
page_count_set(struct scenario *s, const struct spec *p, struct frame *f)
{
	uint32_t count = page_count(f);

	if (p->count < 0)
		return;
	if (count > (uint32_t)p->count)
		stop(s, "its count is %u at least", count);
	s->w->core->pins += (uint32_t)p->count - count;
	f->pins = (uint16_t)(f->pins + (uint32_t)p->count - count);
}

static void
page_make(struct scenario *s, const struct spec *p, struct page *pg,
          uint32_t index)
{
	struct world *w = s->w;
	struct frame *f =
		p->kind == KIND_SWAPPED ? NULL : world_take(s, p->zone);

	*pg = (struct page){.space = (uint8_t)p->space};
	if (p->kind == KIND_BUFFERS)
		pg->vpn = VPN_NONE;
	else if (p->space == KERNEL && !p->has_vpn)
		pg->vpn = kernel_vpn(w);
	else
		pg->vpn = p->vpn + index;
	if (pg->vpn != VPN_NONE && pg->vpn >= w->space[pg->space].pages)
		stop(s, "page %ju is not in that space", (uintmax_t)pg->vpn);
	if (f == NULL) {
		make_swapped(s, p, pg);
		return;
	}
	pg->pfn = frame_pfn(w->core, f);
	if (p->kind == KIND_SWAP || p->kind == KIND_FILE)
		make_cached(s, p, pg, f);
	else if (p->kind != KIND_BUFFERS)
		world_bind(w, pg->space, pg->vpn, f);
	if (p->kind == KIND_ANON && !p->untouched)
		page_write(s, pg);
	if (p->kind == KIND_BUFFERS)
		f->buffers = BUF_ATTACHED;
	page_set(s, p, pg, f);
	page_count_set(s, p, f);
	if (p->state != 0)
		s->dialect->page_enters(s, p, f);
}

/* -- groups ---------------------------------------------------------------- */

/* Tables of a file, or of a device, that is as large as a group. */
static void
disk_make(struct world *w, int type, void *tables, uint32_t pages)
{
	w->disk[type].slots = pages + 1;
	w->disk[type].word = calloc(pages + 1, sizeof(uint64_t));
	w->disk[type].tables = tables;
	must(w->disk[type].word != NULL);
}

/* A file of its own, mapped by the program, or only in the kernel's cache. */
static void
file_area(struct scenario *s, struct spec *p, uint32_t pages)
{
	struct world *w = s->w;
	struct core *c = w->core;
	void *tables = calloc(1, core_file_bytes(pages));
	uint32_t flags =
		(p->exec ? AREA_EXEC : 0) | (p->mlocked ? AREA_LOCKED : 0);
	int type;

	must(tables != NULL);
	type = core_file_on(c, tables, pages);
	if (type < 0) {
		free(tables);
		stop(s, "%d files at most", FILE_AREAS_MAX);
	}
	disk_make(w, type, tables, pages);
	if (p->space == KERNEL) {
		p->vpn = w->file_next;
		p->has_vpn = true;
		w->file_next += pages;
	}
	if (p->vpn + pages > w->space[p->space].pages ||
	    core_area_add_file(c, p->space, p->vpn, pages, (unsigned)type, 0,
	                       0) != 0)
		stop(s, "no room for the file there");
	(void)core_area_flags(c, p->space, p->vpn, pages, flags, 0);
}

/*
 * A device of its own, which its pages fill: nothing else is ever put there.
 */
static void
file_device(struct scenario *s, uint32_t pages)
{
	struct world *w = s->w;
	void *tables = calloc(1, core_swap_bytes(pages + 1));
	int type;

	must(tables != NULL);
	type = core_swapon(w->core, tables, pages + 1, pages + 1,
	                   SWAP_PRIO_MAX);
	if (type < 0) {
		free(tables);
		stop(s, "%d swap areas and files at most", SWAP_AREAS_MAX);
	}
	disk_make(w, type, tables, pages);
}

struct group *
group_add(struct scenario *s, const char *name, uint32_t n)
{
	struct group *g = &s->group[s->groups];

	if (s->groups == GROUPS_MAX || n == 0)
		stop(s, "%d groups of pages at most", GROUPS_MAX);
	*g = (struct group){.count = n, .page = calloc(n, sizeof(*g->page))};
	must(g->page != NULL);
	(void)strncpy(g->name, name, NAME_BYTES - 1);
	s->groups++;
	return g;
}

void
given_pages(struct scenario *s, const struct statement *st)
{
	uint32_t n = (uint32_t)number_of(s, st->argv[1], 1 << 20);
	struct spec p = spec_read(s, st, 2);
	struct group *g;

	if ((p.kind == KIND_ANON || p.kind == KIND_ABSENT) && p.space == KERNEL)
		stop(s, "in which address space?");
	if (p.kind == KIND_FILE && s->dialect->has_files)
		file_area(s, &p, n);
	else if (p.kind == KIND_FILE)
		file_device(s, n);
	g = group_add(s, st->argv[0], n);
	for (uint32_t i = 0; i < n; i++) {
		if (p.kind != KIND_ABSENT)
			page_make(s, &p, &g->page[i], i);
		else
			g->page[i] = (struct page){.space = (uint8_t)p.space,
			                           .vpn = p.vpn + i};
	}
	if (p.kind == KIND_BUFFERS)
		linux24(s->w->core)->buffermem_pages += n;
}

void
given_page(struct scenario *s, const struct statement *st)
{
	struct spec p = spec_read(s, st, 1);
	struct page *pg = page_of(s, st->argv[0]);
	struct frame *f = frame_of(s, pg);

	if (f == NULL)
		stop(s, "it is not in memory");
	page_set(s, &p, pg, f);
}

/* -- finding them ---------------------------------------------------------- */

struct frame *
frame_of(const struct scenario *s, struct page *pg)
{
	struct core *c = s->w->core;
	struct frame *f = NULL;
	pte_t pte;

	if (pg->vpn == VPN_NONE) {
		f = &c->frames[pg->pfn];
		return f->list == LIST_BUDDY || f->buffers == 0 ? NULL : f;
	}
	pte = pte_get(c, pg->space, pg->vpn);
	if (pte_kind(pte) == PTE_PRESENT)
		f = &c->frames[pte_pfn(pte)];
	else if (pte_kind(pte) == PTE_SWAP)
		f = slot_frame(c, pte_entry(pte));
	if (f != NULL)
		pg->pfn = frame_pfn(c, f);
	return f;
}

void
pages_refresh(struct scenario *s)
{
	for (unsigned i = 0; i < s->groups; i++)
		for (uint32_t k = 0; k < s->group[i].count; k++)
			(void)frame_of(s, &s->group[i].page[k]);
}
