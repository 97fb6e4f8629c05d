/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.c -- a core as a scenario wants it: zones, address spaces, swap areas.
 *
 * Zones are filled with memory from the start: a frame that is neither free nor
 * a page of the scenario is a page of the kernel's, so that "free NORMAL 500"
 * leaves 500.  These fillers are bound to pages like all others and pass
 * core_check().
 */
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "sim/scenario/scenario.h"

#define OPS_TOTAL 1024
#define AREAS_MAX 40
#define MM_PAGES_MAX (1u << 20)
#define FILE_PAGES_MAX (1u << 20)

/* -- beginning and end ----------------------------------------------------- */

static uint64_t *
words(uint64_t n)
{
	uint64_t *p = calloc(n, sizeof(*p));

	must(p != NULL);
	return p;
}

static void
space_make(struct world *w, unsigned space, const char *name, uint64_t pages)
{
	struct model_space *m = &w->space[space];

	(void)strncpy(m->name, name, NAME_BYTES - 1);
	m->pages = pages;
	m->word = words(pages);
	m->truth = words(pages);
}

static void
populate(struct scenario *s)
{
	struct batch b = {NULL, NULL};

	while (frames_populate(s->w->core, &b))
		host_perform(s, &b);
}

static void
world_make(struct scenario *s, const struct core_config *cfg)
{
	struct world *w = calloc(1, sizeof(*w));
	uint32_t frames = cfg->frames_total;
	void *mem;

	must(w != NULL);
	s->w = w;
	w->cfg = *cfg;
	w->cfg.ops_total = OPS_TOTAL;
	w->cfg.spaces = SPACES;
	w->cfg.areas_max = AREAS_MAX;
	w->cfg.unmap_batch = 1;
	w->cfg.patience_ns = 1000000000;
	w->cfg.host = &model_host;
	w->cfg.host_ctx = s;
	w->cfg.stat = w->stat;
	w->now = 1000 * (uint64_t)JIFFY_NS;
	w->frame_word = words(frames);
	w->buffer = calloc(frames, sizeof(*w->buffer));
	w->trace = calloc(TRACE_MAX, sizeof(*w->trace));
	mem = aligned_alloc(64, round_up(core_bytes(&w->cfg), 64));
	must(w->buffer != NULL && w->trace != NULL && mem != NULL);
	memset(mem, 0, core_bytes(&w->cfg));
	w->core = core_init(mem, &w->cfg);
	w->kernel_end = w->file_next = (uint64_t)frames * 2;
	space_make(w, KERNEL, "kernel", w->kernel_end + FILE_PAGES_MAX);
	must(core_area_add(w->core, KERNEL, 0, w->kernel_end) == 0);
	for (unsigned i = 0; i < w->core->zone_count; i++)
		w->filler[i] = calloc(w->core->zones[i].size, sizeof(uint32_t));
	populate(s);
}

void
world_free(struct scenario *s)
{
	struct world *w = s->w;

	for (unsigned i = 0; i < s->groups; i++)
		free(s->group[i].page);
	s->groups = 0;
	if (w == NULL)
		return;
	for (unsigned i = 0; i < SPACES; i++) {
		free(w->space[i].word);
		free(w->space[i].truth);
	}
	for (unsigned i = 0; i < DISKS; i++) {
		free(w->disk[i].word);
		free(w->disk[i].tables);
	}
	for (unsigned i = 0; i < ZONES_MAX; i++)
		free(w->filler[i]);
	for (uint32_t i = 0; i < w->leaves; i++)
		free(w->leaf[i]);
	free(w->frame_word);
	free(w->buffer);
	free(w->trace);
	free(w->core);
	free(w);
	s->w = NULL;
}

void
world_check(struct scenario *s)
{
	uint64_t where = 0;
	int law = core_check(s->w->core, &where);

	if (law != 0)
		complain(s, "law I%d is broken at %ju", law, (uintmax_t)where);
}

/* "zones 4096 28656", and perhaps "policy linux24:quirks=fixed". */
static void
given_zones(struct scenario *s, const struct statement *st)
{
	struct core_config cfg = {.ra_pages_max = 1};
	const char *policy = dialect24.exact;
	uint64_t frames;
	unsigned n = 0;

	while (n < st->argc && number_read(st->argv[n], 1 << 20, &frames)) {
		if (n == ZONES_MAX)
			stop(s, "%u zones at most", ZONES_MAX);
		cfg.zone_frames[n++] = (uint32_t)frames;
		cfg.frames_total += (uint32_t)frames;
	}
	if (n < st->argc) {
		if (strcmp(st->argv[n], "policy") != 0 || n + 2 != st->argc)
			stop(s, "zones, and perhaps a policy");
		policy = st->argv[n + 1];
	}
	if (cfg.frames_total < 256)
		stop(s, "256 frames at least");
	if (policy_parse(policy, &cfg) != NULL)
		stop(s, "no such policy");
	s->dialect = dialect_of(policy);
	if (s->dialect == NULL)
		stop(s, "nobody speaks the language of this policy");
	world_free(s);
	world_make(s, &cfg);
}

/* -- address spaces -------------------------------------------------------- */

static void
given_mm(struct scenario *s, const struct statement *st)
{
	struct world *w = s->w;
	unsigned space = 1;

	while (space < SPACES && w->space[space].word != NULL)
		space++;
	if (space == SPACES)
		stop(s, "%d address spaces at most", SPACES - 1);
	space_make(w, space, st->argv[0],
	           number_of(s, st->argv[1], MM_PAGES_MAX));
	if (st->argc == 2 &&
	    core_area_add(w->core, space, 0, w->space[space].pages) != 0)
		stop(s, "an area");
}

static void
given_area(struct scenario *s, const struct statement *st)
{
	unsigned space = space_of(s, st->argv[0]);
	uint64_t max = s->w->space[space].pages;
	uint64_t vpn = number_of(s, st->argv[1], max);
	uint64_t pages = number_of(s, st->argv[2], max - vpn);

	if (st->argc == 6 && strcmp(st->argv[3], "of") == 0) {
		if (core_area_share(s->w->core, space, vpn, pages,
		                    space_of(s, st->argv[4]),
		                    number_of(s, st->argv[5], max)) != 0)
			stop(s, "no area there");
		return;
	}
	if (pages == 0 || core_area_add(s->w->core, space, vpn, pages) != 0)
		stop(s, "no area there");
	if (st->argc == 4 && strcmp(st->argv[3], "locked") == 0)
		(void)core_area_flags(s->w->core, space, vpn, pages,
		                      AREA_LOCKED, 0);
	else if (st->argc != 3)
		stop(s, "locked, of, or nothing");
}

/* -- swap areas ------------------------------------------------------------ */

static void
given_swap(struct scenario *s, const struct statement *st)
{
	struct world *w = s->w;
	uint32_t slots = (uint32_t)number_of(s, st->argv[1], 1 << 22) + 1;
	int prio = SWAP_PRIO_AUTO, type;
	struct disk *d;
	void *tables;

	bool solid = st->argc == 3 && strcmp(st->argv[2], "solid") == 0;

	if (st->argc == 3 && !solid)
		prio = (int)number_of(s, st->argv[2], SWAP_PRIO_MAX);
	tables = calloc(1, core_swap_bytes(slots));
	must(tables != NULL);
	type = core_swapon(w->core, tables, slots, slots, prio);
	if (type < 0) {
		free(tables);
		stop(s, "%d swap areas at most", SWAP_AREAS_MAX);
	}
	if (solid)
		core_swap_solid_state(w->core, (unsigned)type);
	d = &w->disk[type];
	(void)strncpy(d->name, st->argv[0], NAME_BYTES - 1);
	d->slots = slots;
	d->word = words(slots);
	d->tables = tables;
}

static void
given_writepage(struct scenario *s, const struct statement *st)
{
	struct swap_area *a = &s->w->core->swap[disk_of(s, st->argv[0])];

	if (strcmp(st->argv[1], "refuses") == 0)
		a->writepage = WRITEPAGE_REFUSES;
	else if (strcmp(st->argv[1], "none") == 0)
		a->writepage = WRITEPAGE_NONE;
	else
		stop(s, "refuses, or none");
}

/* A slot that somebody else has. */
static void
given_slot_used(struct scenario *s, const struct statement *st)
{
	struct swap_area *a = &s->w->core->swap[disk_of(s, st->argv[0])];
	uint64_t off = number_of(s, st->argv[1], a->max - 1);

	if (a->map[off] != 0)
		stop(s, "it is in use");
	a->map[off] = 1;
	a->taken[off / SLOT_CLUSTER]++;
	a->free--;
}

/* -- memory ---------------------------------------------------------------- */

uint64_t
kernel_vpn(struct world *w)
{
	must(w->kernel_next < w->kernel_end);
	return w->kernel_next++;
}

struct frame *
world_take(struct scenario *s, struct zone *z)
{
	struct core *c = s->w->core;
	uint32_t pfn;

	if (core_take(c, z, 0, 1, &pfn) == 0)
		stop(s, "the zone is full");
	c->frames[pfn].flags = 0;
	c->frames[pfn].age = s->dialect->frame_age;
	return &c->frames[pfn];
}

void
world_bind(struct world *w, unsigned space, uint64_t vpn, struct frame *f)
{
	struct core *c = w->core;

	must(pte_get(c, space, vpn) == PTE_NONE);
	*pte_of(c, space, vpn) = pte_present(frame_pfn(c, f)) & ~PTE_YOUNG;
	frame_bind(f, space, vpn);
	if (space == KERNEL)
		f->maps++;
	else
		rss_add(c, space, f);
}

static void
filler_free(struct scenario *s, struct frame *f)
{
	struct core *c = s->w->core;

	*pte_of(c, KERNEL, f->vpn) = PTE_NONE;
	f->maps = 0;
	f->vpn = VPN_NONE;
	core_give(c, f);
}

/*
 * Leave n frames of a zone free: the first, or no two neighbours.  What happens
 * to the policy's numbers on the way has not happened.
 */
static void
given_free(struct scenario *s, const struct statement *st)
{
	struct world *w = s->w;
	struct zone *z = zone_of(s, st->argv[0]);
	unsigned i = (unsigned)(z - w->core->zones);
	uint32_t n = (uint32_t)number_of(s, st->argv[1], z->size);
	bool scattered = st->argc == 3 && strcmp(st->argv[2], "scattered") == 0;
	void *was = malloc(s->dialect->state_bytes);

	if (st->argc == 3 && !scattered)
		stop(s, "scattered, or nothing");
	must(was != NULL);
	memcpy(was, w->core->policy_state, s->dialect->state_bytes);
	while (z->free > (scattered ? 0 : n)) {
		struct frame *f = world_take(s, z);

		world_bind(w, KERNEL, kernel_vpn(w), f);
		w->filler[i][w->fillers[i]++] = frame_pfn(w->core, f);
	}
	for (uint32_t k = w->fillers[i]; k > 0 && z->free < n; k--) {
		uint32_t pfn = w->filler[i][k - 1];

		if (scattered && (pfn - z->start) % 2 == 0)
			continue;
		filler_free(s, &w->core->frames[pfn]);
		w->filler[i][k - 1] = w->filler[i][--w->fillers[i]];
	}
	memcpy(w->core->policy_state, was, s->dialect->state_bytes);
	free(was);
	if (z->free != n)
		stop(s, "only %u can be free", z->free);
}

/* -- devices --------------------------------------------------------------- */

static void
given_broken_disk(struct scenario *s, const struct statement *st)
{
	(void)st;
	s->w->fail_writes = true;
}

static void
given_whole_disk(struct scenario *s, const struct statement *st)
{
	(void)st;
	s->w->fail_writes = false;
}

/* -- other caches ---------------------------------------------------------- */

static enum cache_kind
cache_kind_of(struct scenario *s, const char *word)
{
	if (strcmp(word, "dentry") == 0)
		return CACHE_DENTRY;
	if (strcmp(word, "inode") == 0)
		return CACHE_INODE;
	if (strcmp(word, "slab") != 0)
		stop(s, "dentry, inode or slab");
	return CACHE_SLAB;
}

static uint8_t
cache_flag_of(const char *word)
{
	if (strcmp(word, "constructor") == 0)
		return CACHE_CONSTRUCTOR;
	if (strcmp(word, "growing") == 0)
		return CACHE_GROWING;
	if (strcmp(word, "grown") == 0)
		return CACHE_GROWN;
	return strcmp(word, "no_reap") == 0 ? CACHE_NO_REAP : 0;
}

static void
given_cache(struct scenario *s, const struct statement *st)
{
	struct cache cache = {
		.kind = (uint8_t)cache_kind_of(s, st->argv[0]),
		.unused = (uint32_t)number_of(s, st->argv[1], UINT32_MAX),
	};

	for (unsigned i = 2; i < st->argc; i++) {
		uint8_t flag = cache_flag_of(st->argv[i]);

		if (flag == 0)
			cache.order = (uint8_t)number_of(s, st->argv[i], 5);
		cache.flags |= flag;
	}
	if (core_cache_add(s->w->core, &cache) < 0)
		stop(s, "too many caches");
}

const struct verb given_verbs[] = {
	{"zones", 1, 8, given_zones, "FRAMES... [policy SPEC]: a new world"},
	{"mm", 2, 3, given_mm, "NAME PAGES [bare]: an address space"},
	{"area", 3, 6, given_area,
         "MM VPN PAGES [locked|of MM2 VPN2]: of a bare one; of: shared"},
	{"swap", 2, 3, given_swap, "NAME SLOTS [PRIORITY|solid]: a swap area"},
	{"writepage", 2, 2, given_writepage, "AREA refuses|none"},
	{"slot_used", 2, 2, given_slot_used, "AREA SLOT: by somebody else"},
	{"free", 2, 3, given_free, "ZONE FRAMES [scattered]: all else is used"},
	{"pages", 2, ARGS_MAX, given_pages, "NAME COUNT WORD...: see pages.c"},
	{"page", 2, ARGS_MAX, given_page, "NAME WORD...: changed"},
	{"broken_disk", 0, 0, given_broken_disk, ": writes fail"},
	{"whole_disk", 0, 0, given_whole_disk, ": they succeed again"},
	{"cache", 2, 6, given_cache,
         "dentry|inode|slab N [ORDER] [constructor] [growing] [grown] "
         "[no_reap]"},
	{0},
};
