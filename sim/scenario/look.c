/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * look.c -- what a page looks like: then page, all, number.
 *
 * A page is looked for anew each time: by its page table entry, in the program
 * or in the swap cache.  One that is in no frame has count 0 and is "free".
 */
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "sim/scenario/scenario.h"

static int64_t
look_age(const struct look *l)
{
	return l->f == NULL ? -1 : l->f->age;
}

static int64_t
look_count(const struct look *l)
{
	return l->f == NULL ? 0 : page_count(l->f);
}

static int64_t
look_dirty(const struct look *l)
{
	return l->f != NULL && l->f->flags & FRAME_DIRTY;
}

static int64_t
look_locked(const struct look *l)
{
	return l->f != NULL && page_locked(l->f);
}

static int64_t
look_referenced(const struct look *l)
{
	return l->f != NULL && l->f->flags & FRAME_REFERENCED;
}

static int64_t
look_buffers(const struct look *l)
{
	return l->f != NULL && l->f->buffers != 0;
}

static int64_t
look_buffer_dirty(const struct look *l)
{
	return l->f != NULL && l->f->buffers & BUF_DIRTY;
}

static int64_t
look_buffer_locked(const struct look *l)
{
	return l->f != NULL && l->f->buffers & BUF_LOCKED;
}

static int64_t
look_present(const struct look *l)
{
	return pte_kind(l->pte) == PTE_PRESENT;
}

static int64_t
look_young(const struct look *l)
{
	return look_present(l) && l->pte & PTE_YOUNG;
}

static swp_entry_t
look_entry(const struct look *l)
{
	if (pte_kind(l->pte) == PTE_SWAP)
		return pte_entry(l->pte);
	return l->f != NULL ? l->f->entry : 0;
}

static int64_t
look_slot(const struct look *l)
{
	return look_entry(l) & SWP_OFFSET_MASK;
}

static int64_t
look_map(const struct look *l)
{
	swp_entry_t e = look_entry(l);

	return e == 0 ? 0 : l->c->swap[entry_type(e)].map[e & SWP_OFFSET_MASK];
}

static int64_t
look_cached(const struct look *l)
{
	return l->f != NULL && l->f->entry != 0;
}

static int64_t
look_in_memory(const struct look *l)
{
	return l->f != NULL;
}

static const struct attribute attributes[] = {
	{"age", look_age, no_words},
	{"count", look_count, no_words},
	{"dirty", look_dirty, no_words},
	{"locked", look_locked, no_words},
	{"referenced", look_referenced, no_words},
	{"buffers", look_buffers, no_words},
	{"buffer_dirty", look_buffer_dirty, no_words},
	{"buffer_locked", look_buffer_locked, no_words},
	{"present", look_present, no_words},
	{"young", look_young, no_words},
	{"slot", look_slot, no_words},
	{"map", look_map, no_words},
	{"cached", look_cached, no_words},
	{"in_memory", look_in_memory, no_words},
};

static const struct attribute *
attribute_of(struct scenario *s, const char *word)
{
	const struct attribute *own = s->dialect->attributes;

	for (unsigned i = 0; i < ARRAY_SIZE(attributes); i++)
		if (strcmp(attributes[i].name, word) == 0)
			return &attributes[i];
	for (; own->name != NULL; own++)
		if (strcmp(own->name, word) == 0)
			return own;
	stop(s, "no attribute of pages: %s", word);
}

static struct look
look_at(const struct scenario *s, struct page *pg)
{
	struct look l = {.c = s->w->core, .pg = pg, .f = frame_of(s, pg)};

	if (pg->vpn != VPN_NONE)
		l.pte = pte_get(s->w->core, pg->space, pg->vpn);
	return l;
}

static void
expect_page(struct scenario *s, const struct statement *st, struct page *pg,
            const char *name)
{
	struct look l = look_at(s, pg);

	if (st->argc % 2 == 0)
		stop(s, "each attribute has a value");
	for (unsigned i = 1; i < st->argc; i += 2) {
		const struct attribute *a = attribute_of(s, st->argv[i]);

		expect(s, name, a->name, st->argv[i + 1], a->words, a->get(&l));
	}
}

void
then_page(struct scenario *s, const struct statement *st)
{
	expect_page(s, st, page_of(s, st->argv[0]), st->argv[0]);
}

void
then_all(struct scenario *s, const struct statement *st)
{
	struct group *g = group_of(s, st->argv[0]);

	for (uint32_t i = 0; i < g->count; i++) {
		char name[NAME_BYTES + 12];

		(void)snprintf(name, sizeof(name), "%s.%u", g->name, i);
		expect_page(s, st, &g->page[i], name);
	}
}

/* Pages of a group of which an attribute has a value. */
void
then_number(struct scenario *s, const struct statement *st)
{
	struct group *g = group_of(s, st->argv[0]);
	const struct attribute *a = attribute_of(s, st->argv[1]);
	int64_t n = 0;

	for (uint32_t i = 0; i < g->count; i++) {
		struct look l = look_at(s, &g->page[i]);

		n += as_expected(s, st->argv[2], a->words, a->get(&l));
	}
	expect(s, st->argv[0], st->argv[2], st->argv[3], no_words, n);
}
