/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * when.c -- what may happen: each verb calls the function it is named after.
 *
 * Moves that it asks for are performed before the next statement; transfers
 * wait for "complete".
 */
#include <string.h>

#include "sim/scenario/scenario.h"

void
returns_word(struct scenario *s, int64_t value, const char *const *words)
{
	s->returned = value;
	s->results = words;
	s->seen.sum += (uint64_t)value;
}

void
returns(struct scenario *s, int64_t value)
{
	returns_word(s, value, no_words);
}

struct frame *
frame_there(struct scenario *s, const char *word)
{
	struct frame *f = frame_of(s, page_of(s, word));

	if (f == NULL)
		stop(s, "%s is not in memory", word);
	return f;
}

static void
when_tick(struct scenario *s, const struct statement *st)
{
	s->w->now += number_of(s, st->argv[0], 100000000) * JIFFY_NS;
}

static void
when_complete(struct scenario *s, const struct statement *st)
{
	enum transfer kind = TRANSFER_ANY;
	uint32_t n = UINT32_MAX;

	if (st->argc != 0 && strcmp(st->argv[0], "reads") == 0)
		kind = TRANSFER_READ;
	else if (st->argc != 0 && strcmp(st->argv[0], "writes") == 0)
		kind = TRANSFER_WRITE;
	else if (st->argc != 0 && strcmp(st->argv[0], "buffers") == 0)
		kind = TRANSFER_BUFFER;
	else if (st->argc != 0)
		n = (uint32_t)number_of(s, st->argv[0], UINT32_MAX);
	returns(s, host_complete(s, kind, n));
}

/* -- daemons --------------------------------------------------------------- */

static void
when_kswapd(struct scenario *s, const struct statement *st)
{
	(void)st;
	returns(s, s->dialect->turn(s, DAEMON_KSWAPD));
}

static void
when_kreclaimd(struct scenario *s, const struct statement *st)
{
	(void)st;
	while (s->dialect->turn(s, DAEMON_KRECLAIMD))
		continue;
}

static void
when_bdflush(struct scenario *s, const struct statement *st)
{
	(void)st;
	returns(s, s->dialect->turn(s, DAEMON_FLUSHER));
}

/* -- allocation ------------------------------------------------------------ */

void
alloc_keep(struct scenario *s, uint32_t pfn, unsigned order)
{
	struct world *w = s->w;
	struct core *c = w->core;

	for (uint32_t i = 0; i < 1u << order; i++) {
		struct frame *f = &c->frames[pfn + i];
		uint32_t zone = f->zone;

		f->flags = 0;
		world_bind(w, KERNEL, kernel_vpn(w), f);
		w->filler[zone][w->fillers[zone]++] = frame_pfn(c, f);
	}
}

static void
when_free(struct scenario *s, const struct statement *st)
{
	struct core *c = s->w->core;
	struct page *pg = page_of(s, st->argv[0]);
	struct frame *f = frame_of(s, pg);

	if (f == NULL || pg->space != KERNEL || f->entry != 0)
		stop(s, "only the kernel frees its pages");
	*pte_of(c, KERNEL, pg->vpn) = PTE_NONE;
	f->maps = 0;
	f->vpn = VPN_NONE;
	core_give(c, f);
}

/* -- swap slots ------------------------------------------------------------ */

static void
when_get_swap_page(struct scenario *s, const struct statement *st)
{
	(void)st;
	returns(s, slot_alloc(s->w->core, 0, 1));
}

static swp_entry_t
entry_of(struct scenario *s, const struct statement *st)
{
	unsigned type = disk_of(s, st->argv[0]);
	uint64_t off = number_of(s, st->argv[1], s->w->disk[type].slots - 1);

	return (swp_entry_t)(type << SWP_OFFSET_BITS | off);
}

static void
when_slot_get(struct scenario *s, const struct statement *st)
{
	slot_get(s->w->core, entry_of(s, st));
}

static void
when_slot_put(struct scenario *s, const struct statement *st)
{
	slot_put(s->w->core, entry_of(s, st));
}

/* The cache lets go of a slot that nobody else names. */
static void
when_slot_free(struct scenario *s, const struct statement *st)
{
	swp_entry_t e = entry_of(s, st);

	slot_uncache(s->w->core, e, 0);
	slot_put(s->w->core, e);
}

const struct verb when_verbs[] = {
	{"kswapd", 0, 0, when_kswapd, ": one turn"},
	{"kreclaimd", 0, 0, when_kreclaimd, ": until it sleeps"},
	{"bdflush", 0, 0, when_bdflush, ": one turn"},
	{"tick", 1, 1, when_tick, "JIFFIES"},
	{"complete", 0, 1, when_complete,
         "[N|reads|writes|buffers]: transfers end"},
	{"free", 1, 1, when_free, "PAGE: of the kernel's"},
	{"touch", 2, 2, when_touch, "GROUP|PAGE read|write"},
	{"exit", 1, 1, when_exit, "GROUP: is discarded"},
	{"get_swap_page", 0, 0, when_get_swap_page, ""},
	{"slot_get", 2, 2, when_slot_get, "AREA SLOT"},
	{"slot_put", 2, 2, when_slot_put, "AREA SLOT"},
	{"slot_free", 2, 2, when_slot_free, "AREA SLOT: one user, the cache"},
	{0},
};
