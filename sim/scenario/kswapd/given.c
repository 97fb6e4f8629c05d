/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * given.c -- kswapd: its numbers and flags, and what the words of all mean.
 */
#include <string.h>

#include "base/bits.h"
#include "sim/scenario/kswapd/words.h"

/* -- words ----------------------------------------------------------------- */

const char *const type_words[] = {"anon", "file", NULL};
const char *const throttle_words[] = {"WRITEBACK", "ISOLATED", "NOPROGRESS",
                                      "CONGESTED", NULL};
static const char *const kind_words[] = {"DMA",     "DMA32",   "NORMAL",
                                         "HIGHMEM", "MOVABLE", NULL};

static const char *
zone_name(const struct core *c, unsigned zone)
{
	return kind_words[zone66(c, zone)->kind];
}

unsigned
zoneidx_of(struct scenario *s, const char *word)
{
	if (strcmp(word, "none") == 0)
		return ZONES_NONE;
	return (unsigned)(zone_of(s, word) - s->w->core->zones);
}

uint32_t
gfp66_of(struct scenario *s, const char *word)
{
	static const struct bits masks[] = {
		{"HIGH", GFP66_HIGH},
		{"IO", GFP66_IO},
		{"FS", GFP66_FS},
		{"DIRECT", GFP66_DIRECT_RECLAIM},
		{"KSWAPD", GFP66_KSWAPD_RECLAIM},
		{"MEMALLOC", GFP66_MEMALLOC},
		{"NOMEMALLOC", GFP66_NOMEMALLOC},
		{"NORETRY", GFP66_NORETRY},
		{"NOFAIL", GFP66_NOFAIL},
		{"ATOMIC", GFP66_ATOMIC},
		{"KERNEL", GFP66_KERNEL},
		{"NOWAIT", GFP66_NOWAIT},
		{"NOIO", GFP66_NOIO},
		{"NOFS", GFP66_NOFS},
		{NULL, 0},
	};

	return bits_of(s, word, masks);
}

/* -- pages ----------------------------------------------------------------- */

static const char *const states[] = {"free", "none", "IA", "AA",
                                     "IF",   "AF",   "U",  NULL};

enum lru66
lru_of(struct scenario *s, const char *word)
{
	return list_of(s, word) - STATE66_INACTIVE_ANON;
}

static const struct flist *
flist_of(const struct core *c, unsigned state)
{
	return &pgdat66(c)->lruvec.lists[state - STATE66_INACTIVE_ANON];
}

static void
page_enters(struct scenario *s, const struct spec *p, struct frame *f)
{
	struct core *c = s->w->core;
	bool active = p->state == STATE66_ACTIVE_ANON ||
	              p->state == STATE66_ACTIVE_FILE;

	f->age = PG66_LRU;
	if (f->maps > 0)
		kswapd_mapped(c, f);
	else
		kswapd_cached(c, f);
	f->age |= (active ? PG66_ACTIVE : 0) |
	          (p->state == STATE66_UNEVICTABLE ? PG66_UNEVICTABLE : 0) |
	          (p->workingset ? PG66_WORKINGSET : 0) |
	          (p->reclaim ? PG66_RECLAIM : 0);
	f->flags |= p->referenced ? FRAME_REFERENCED : 0;
	lruvec_move(c, f, 1);
	if (list_state66(f) != p->state)
		stop(s, "it does not belong to list %s", states[p->state]);
}

static int64_t
look_list(const struct look *l)
{
	return l->f == NULL ? STATE66_FREE : list_state66(l->f);
}

static int64_t
look_workingset(const struct look *l)
{
	return l->f != NULL && folio_test(l->f, PG66_WORKINGSET);
}

static int64_t
look_reclaim(const struct look *l)
{
	return l->f != NULL && folio_test(l->f, PG66_RECLAIM);
}

static int64_t
look_writeback(const struct look *l)
{
	return l->f != NULL && l->f->flags & FRAME_WRITEBACK;
}

/* As swap_map[] has it (RM-11.5): SWAP_HAS_CACHE, and users besides. */
static int64_t
look_swap_map(const struct look *l)
{
	swp_entry_t e = l->f != NULL ? l->f->entry : 0;
	int64_t users;

	if (pte_kind(l->pte) == PTE_SWAP)
		e = pte_entry(l->pte);
	if (e == 0)
		return 0;
	users = l->c->swap[entry_type(e)].map[e & SWP_OFFSET_MASK];
	return slot_frame(l->c, e) != NULL ? 0x40 + users - 1 : users;
}

static const struct attribute attributes[] = {
	{"list", look_list, states},
	{"workingset", look_workingset, no_words},
	{"reclaim", look_reclaim, no_words},
	{"writeback", look_writeback, no_words},
	{"swap_map", look_swap_map, no_words},
	{NULL, NULL, NULL},
};

/* -- zones ----------------------------------------------------------------- */

static void
given_kinds(struct scenario *s, const struct statement *st)
{
	struct core *c = s->w->core;

	if (st->argc != c->zone_count)
		stop(s, "a kind for each zone");
	for (unsigned i = 0; i < st->argc; i++)
		zone66(c, i)->kind =
			(uint8_t)word_of(s, st->argv[i], kind_words);
	sizes_init66(c);
}

static struct zone66 *
zone66_of(struct scenario *s, const char *word)
{
	return zone66(s->w->core,
	              (unsigned)(zone_of(s, word) - s->w->core->zones));
}

static uint32_t
count_of(struct scenario *s, const char *word)
{
	return (uint32_t)number_of(s, word, UINT32_MAX);
}

static void
given_lowmem_reserve(struct scenario *s, const struct statement *st)
{
	zone66_of(s, st->argv[0])->lowmem_reserve[zoneidx_of(s, st->argv[1])] =
		count_of(s, st->argv[2]);
}

static void
given_nr_reserved_highatomic(struct scenario *s, const struct statement *st)
{
	zone66_of(s, st->argv[0])->nr_reserved_highatomic =
		count_of(s, st->argv[1]);
}

static void
given_boost(struct scenario *s, const struct statement *st)
{
	zone66_of(s, st->argv[0])->watermark_boost = count_of(s, st->argv[1]);
}

/* -- the node -------------------------------------------------------------- */

static void
given_kswapd_failures(struct scenario *s, const struct statement *st)
{
	pgdat66(s->w->core)->kswapd_failures = count_of(s, st->argv[0]);
}

static void
given_kswapd_request(struct scenario *s, const struct statement *st)
{
	struct pgdat66 *p = pgdat66(s->w->core);

	p->kswapd_order = (uint8_t)number_of(s, st->argv[0], BUDDY_ORDERS - 1);
	p->kswapd_highest_zoneidx = (uint8_t)zoneidx_of(s, st->argv[1]);
}

/* kswapd has been asleep for long, or is about to begin. */
static void
daemon_sleeps(struct scenario *s, const char *name, bool sleeps)
{
	struct pgdat66 *p = pgdat66(s->w->core);

	if (strcmp(name, "bdflush") == 0) {
		p->flusher_woken = !sleeps;
		return;
	}
	if (strcmp(name, "kswapd") != 0)
		stop(s, "kswapd or bdflush");
	p->kswapd.stage = sleeps ? KSWAPD_LONG_SLEEP : KSWAPD_START;
	p->kswapd.waiting = sleeps;
	p->kswapd.woken = false;
}

static void
given_asleep(struct scenario *s, const struct statement *st)
{
	daemon_sleeps(s, st->argv[0], true);
}

static void
given_awake(struct scenario *s, const struct statement *st)
{
	daemon_sleeps(s, st->argv[0], false);
}

static void
given_costs(struct scenario *s, const struct statement *st)
{
	struct lruvec66 *v = &pgdat66(s->w->core)->lruvec;

	v->anon_cost = count_of(s, st->argv[0]);
	v->file_cost = count_of(s, st->argv[1]);
}

static void
given_nonresident_age(struct scenario *s, const struct statement *st)
{
	pgdat66(s->w->core)->lruvec.nonresident_age =
		number_of(s, st->argv[0], UINT64_MAX / 2);
}

/* By others. */
static void
given_nr_isolated(struct scenario *s, const struct statement *st)
{
	unsigned type = word_of(s, st->argv[0], type_words);

	pgdat66(s->w->core)->nr_isolated[type] = count_of(s, st->argv[1]);
}

static void
given_pgdat(struct scenario *s, const struct statement *st)
{
	static const struct bits flags[] = {
		{"DIRTY", PGDAT_DIRTY},
		{"WRITEBACK", PGDAT_WRITEBACK},
		{NULL, 0},
	};

	pgdat66(s->w->core)->flags = (uint8_t)bits_of(s, st->argv[0], flags);
}

static void
given_cache_unused(struct scenario *s, const struct statement *st)
{
	unsigned id = (unsigned)number_of(s, st->argv[0], CACHES_MAX - 1);

	core_cache_tell(s->w->core, id, count_of(s, st->argv[1]), 0);
}

const struct verb given66_verbs[] = {
	{"kinds", 1, ZONES_MAX, given_kinds, "KIND...: of each zone"},
	{"lowmem_reserve", 3, 3, given_lowmem_reserve, "ZONE ZONE PAGES"},
	{"nr_reserved_highatomic", 2, 2, given_nr_reserved_highatomic,
         "ZONE PAGES"},
	{"boost", 2, 2, given_boost, "ZONE PAGES"},
	{"kswapd_failures", 1, 1, given_kswapd_failures, "N"},
	{"kswapd_request", 2, 2, given_kswapd_request, "ORDER ZONE"},
	{"asleep", 1, 1, given_asleep, "DAEMON"},
	{"awake", 1, 1, given_awake, "DAEMON"},
	{"costs", 2, 2, given_costs, "ANON FILE"},
	{"nonresident_age", 1, 1, given_nonresident_age, "N"},
	{"nr_isolated", 2, 2, given_nr_isolated, "anon|file PAGES: by others"},
	{"pgdat", 1, 1, given_pgdat, "DIRTY+WRITEBACK: its flags"},
	{"cache_unused", 2, 2, given_cache_unused, "CACHE N"},
	{"request", 2, 2, given_request, "ORDER GFP: to the allocator"},
	{0},
};

const struct dialect dialect66 = {
	.policy = "kswapd",
	.exact = "kswapd:quirks=exact",
	.verbs = {given66_verbs, when66_verbs, then66_verbs},
	.attributes = attributes,
	.states = states,
	.list = flist_of,
	.page_enters = page_enters,
	.has_files = true,
	.zone_name = zone_name,
	.state_bytes = sizeof(struct pgdat66),
	.turn = turn66,
};
