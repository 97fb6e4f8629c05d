/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.c -- how large the world is, how unreliable, and what happens in it.
 *
 * Each seed has a world of its own: from a pool that all the data fits in to
 * one that holds a tenth, from one operation in flight to hundreds, from plenty
 * of swap slots to too few.  In some of them everything works; in the others
 * each kind of fault has a rate of its own, often none.
 */
#include <string.h>

#include "sim/sim.h"

/* -- sizes ------------------------------------------------------------- */

static uint32_t
one_of(struct sim *s, const uint32_t *values, uint32_t count)
{
	return values[choice_of(&s->choice, count)];
}

static void
choose_core(struct sim *s, struct sim_node *n)
{
	static const uint32_t ops[] = {81, 88, 100, 128, 192, 256};
	static const uint32_t ra[] = {1, 4, 8, 16, 64, 256};
	static const uint32_t batch[] = {1, 8, 32, 64, 256};
	static const uint32_t patience[] = {0, 500000, 2000000};
	struct choice *c = &s->choice;
	struct core_config *cfg = &n->cfg;

	cfg->frames_total = 256 + choice_of(c, 5) * 32;
	if (choice_of(c, 16) == 0)
		cfg->frames_total = choice_between(c, 512, 1300);
	cfg->ops_total = one_of(s, ops, 6);
	if (n == s->node)
		s->spaces = choice_between(c, 1, 3);
	cfg->areas_max = choice_between(c, 6, 40);
	if (s->nodes > 1) /* each chunk is one */
		cfg->areas_max = choice_of(c, 4) != 0 ? SIM_PAGES_MAX
		                                      : cfg->areas_max * 8;
	cfg->ra_pages_max = one_of(s, ra, 6);
	cfg->unmap_batch = one_of(s, batch, 5);
	cfg->patience_ns = one_of(s, patience, 3);
	if (choice_of(c, 4) == 0) {
		cfg->zone_frames[0] = cfg->frames_total / 2;
		cfg->zone_frames[1] = cfg->frames_total - cfg->frames_total / 2;
	}
	if (s->nodes > 1)
		n->slowness = choice_between(c, 1, 6);
}

static void
choose_manual(struct sim *s, struct sim_node *n)
{
	const struct sim_options *o = &s->opt;
	struct core_config *cfg = &n->cfg;

	cfg->frames_total = o->frames ? o->frames : 256;
	cfg->ops_total = o->ops ? o->ops : 96;
	s->spaces = o->spaces ? o->spaces : 1;
	cfg->areas_max = 16;
	cfg->ra_pages_max = o->ra_pages ? o->ra_pages : 1;
	cfg->unmap_batch = o->unmap_batch ? o->unmap_batch : 1;
}

static void
add_disk(struct sim_node *n, uint32_t slots, uint32_t ready, int prio)
{
	struct sim *s = n->sim;
	size_t bytes = (core_swap_bytes(slots) + 63) / 64 * 64;

	disk_init(&n->disk[n->disks], slots, ready);
	if (s->arena_used + bytes > s->arena_bytes)
		sim_fail(s, "size", "no room for the tables of a disk");
	n->disks++;
	if (tap_swapon(n->core, s->arena + s->arena_used, slots, ready, prio) !=
	    (int)n->disks - 1)
		sim_fail(s, "size", "a disk is refused");
	s->arena_used += bytes;
	s->count.swapons++;
	if ((s->opt.seed + n->disks) % 2 == 0 && !s->opt.manual)
		tap_swap_solid_state(n->core, n->disks - 1);
}

/* None given, often one that another disk has, or the highest. */
static int
choose_prio(struct sim *s)
{
	static const int prios[] = {SWAP_PRIO_AUTO, 0, 0, 1, SWAP_PRIO_MAX};

	return prios[choice_of(&s->choice, 5)];
}

/* Slots for half of the node's share of the data, for all of it, or more. */
static void
choose_disks(struct sim *s, struct sim_node *n)
{
	uint32_t data = s->pages * s->spaces / s->nodes;
	uint32_t disks = choice_between(&s->choice, 1, SIM_DISKS_MAX);
	uint32_t slots = (data + data / 2) / disks + 16;

	if (choice_of(&s->choice, 8) == 0)
		slots = data / 2 / disks + 16;
	if (slots > SIM_SLOTS_MAX)
		slots = SIM_SLOTS_MAX;
	for (uint32_t i = 0; i < disks; i++) {
		uint32_t ready = slots;

		if (choice_of(&s->choice, 3) == 0)
			ready = choice_between(&s->choice, slots / 3, slots);
		add_disk(n, slots, ready, choose_prio(s));
	}
}

/* How much data, in pages a space: mostly several times the frames. */
static uint32_t
choose_pages(struct sim *s)
{
	static const uint32_t eighths[] = {6, 12, 12, 16, 20, 24, 32, 80};
	uint32_t pages = s->frames * one_of(s, eighths, 8) / 8;

	pages = pages / s->spaces + 8;
	return pages < SIM_PAGES_MAX ? pages : SIM_PAGES_MAX;
}

/* -- faults ------------------------------------------------------------ */

/* A rate below max, or often none: each seed has faults of its own. */
static uint32_t
rate(struct sim *s, uint32_t max)
{
	if (choice_of(&s->choice, 2) == 0)
		return 0;
	return choice_between(&s->choice, max / 16, max);
}

static void
choose_faults(struct sim *s)
{
	s->faults = (struct sim_faults){
		.busy = rate(s, 50000),
		.protect = rate(s, 300000),
		.stall = rate(s, 5000),
	};
	if (!s->opt.faults)
		return;
	s->faults.read_error = rate(s, 60000);
	s->faults.read_wrong = rate(s, 30000);
	s->faults.read_broken = rate(s, 3000);
	s->faults.write_error = rate(s, 100000);
	s->faults.write_broken = rate(s, 10000);
	s->faults.write_torn = rate(s, 10000);
	s->faults.write_misdirected = rate(s, 10000);
	s->faults.write_phantom = rate(s, 10000);
	s->faults.table = rate(s, 100000);
	s->faults.populate = rate(s, 500000);
	if (choice_of(&s->choice, 16) == 0)
		s->faults.write_error = PPM; /* a disk that is gone */
	if (s->nodes > 1 && choice_of(&s->choice, 4) == 0)
		s->node[choice_of(&s->choice, s->nodes)].disks_gone = true;
}

/* -- a new world ------------------------------------------------------- */

/* => as core_area_add() */
static int
add_area(struct sim *s, unsigned space, uint32_t page, uint32_t pages)
{
	bool file = choice_of(&s->choice, 3) == 0;
	struct sim_node *n = &s->node[choice_of(&s->choice, s->nodes)];
	int r;

	if (s->opt.manual)
		file = page == 0 && s->opt.file_pages != 0;
	if (space > 0 && !s->opt.manual && choice_of(&s->choice, 4) == 0 &&
	    chore_start(s, CHORE_SHARE, space, page, pages))
		return 0;
	if (file && n->files < SIM_FILES_MAX)
		return file_manage(s, file_make(n, space, page, pages), page,
		                   pages);
	r = place_add(s, space, page, pages);
	if (r != 0)
		return r;
	for (uint32_t i = page; i < page + pages; i++)
		s->page[space][i].flags = PG_MANAGED;
	return 0;
}

static void
add_areas(struct sim *s)
{
	for (unsigned space = 0; space < s->spaces; space++) {
		uint32_t page = 0;

		while (page < s->pages) {
			uint32_t n =
				choice_between(&s->choice, 1, s->pages - page);

			if (s->opt.manual)
				n = page == 0 && s->opt.file_pages
				            ? s->opt.file_pages
				            : s->pages - page;
			if (add_area(s, space, page, n) != 0)
				return;
			/* Now and then a hole, for areas to come. */
			page += n + choice_of(&s->choice, 3) * 5;
		}
	}
}

/*
 * Pages of a space begin low in a leaf of the page table, or so that they
 * straddle two of them.  No two spaces have an address in common.
 */
static void
choose_bases(struct sim *s)
{
	for (unsigned space = 0; space < s->spaces; space++) {
		s->base[space] = 2ull * space * TABLE_ENTRIES;
		if (!s->opt.manual && choice_of(&s->choice, 4) == 0)
			s->base[space] += TABLE_ENTRIES - s->pages / 2;
		else
			s->base[space] += 16;
	}
}

static void
world_clear(struct sim *s)
{
	for (uint32_t i = 0; i < s->spaces; i++)
		for (uint32_t j = 0; j < s->pages; j++)
			s->page[i][j] = (struct sim_page){
				.pfn = PFN_NONE,
				.home_space = (uint16_t)i,
				.home_page = (uint16_t)j,
			};
	for (uint32_t i = 0; i < SIM_CHORES_MAX; i++)
		s->chores[i] = (struct sim_chore){0};
	s->claims.count = 0;
}

/* -- nodes ------------------------------------------------------------- */

static void
node_clear(struct sim_node *n)
{
	memset(n, 0, offsetof(struct sim_node, frame));
	n->slowness = 1;
	n->leaving = -1;
}

/* What a node's core will be like. */
static void
node_choose(struct sim *s, unsigned id)
{
	struct sim_node *n = &s->node[id];

	node_clear(n);
	n->sim = s;
	n->id = (uint8_t)id;
	n->cfg = (struct core_config){
		.seed = s->opt.seed + id,
		.host = &sim_host,
		.host_ctx = n,
		.stat = n->stat,
	};
	if (policy_parse(s->opt.policy, &n->cfg) != NULL)
		sim_fail(s, "size", "no such policy: %s", s->opt.policy);
	if (s->opt.manual)
		choose_manual(s, n);
	else
		choose_core(s, n);
	n->cfg.spaces = s->spaces;
	for (uint32_t i = 0; i < n->cfg.frames_total; i++)
		n->frame[i] = (struct sim_frame){0};
	s->frames += n->cfg.frames_total;
}

/* The order in which a node's tasks are given memory of others. */
static void
choose_zonelist(struct sim *s, struct sim_node *n)
{
	uint8_t distance[SIM_NODES_MAX];

	for (unsigned i = 0; i < SIM_NODES_MAX; i++)
		distance[i] =
			(uint8_t)(s->nodes > 2 ? 10 + choice_of(&s->choice, 3)
		                               : 10);
	zonelist_build(&n->zonelist, n->id, s->nodes, distance);
}

static void
node_init(struct sim *s, struct sim_node *n)
{
	size_t bytes = (core_bytes(&n->cfg) + 63) / 64 * 64;

	if (s->arena_used + bytes > s->arena_bytes)
		sim_fail(s, "size", "no room for the core");
	n->core = tap_init(s->nodes == 1 ? s->opt.tap : NULL,
	                   s->arena + s->arena_used, &n->cfg);
	s->arena_used += bytes;
	choose_zonelist(s, n);
	if (s->opt.manual)
		add_disk(n, s->opt.slots ? s->opt.slots : 1024,
		         s->opt.slots ? s->opt.slots : 1024, SWAP_PRIO_AUTO);
	else
		choose_disks(s, n);
}

void
world_init(struct sim *s)
{
	s->frames = 0;
	s->arena_used = 0;
	for (unsigned i = 0; i < s->nodes; i++)
		node_choose(s, i);
	s->pages = s->opt.pages ? s->opt.pages : choose_pages(s);
	s->chunk = s->nodes > 1 ? 8u << choice_of(&s->choice, 5) : 0;
	choose_bases(s);
	world_clear(s);
	for (unsigned i = 0; i < s->nodes; i++)
		node_init(s, &s->node[i]);
	add_areas(s);
	if (s->opt.manual)
		return;
	choose_faults(s);
	task_init(s);
	for (unsigned i = 0; i < 2; i++)
		sim_schedule(s, choice_of(&s->choice, 100000), EVENT_WORLD, i);
}

/* -- what happens in it ------------------------------------------------ */

/* A range of a space, short more often than long. */
struct range {
	unsigned space;
	uint32_t page, pages;
};

static struct range
choose_range(struct sim *s)
{
	struct choice *c = &s->choice;
	uint32_t most = choice_of(c, 4) == 0 ? 512 : 48;
	struct range r = {.space = choice_of(c, s->spaces)};

	if (most > s->pages)
		most = s->pages;
	r.pages = choice_between(c, 1, most);
	r.page = choice_of(c, s->pages - r.pages + 1);
	return r;
}

static void
chore(struct sim *s, enum chore_kind kind)
{
	struct range r = choose_range(s);

	if (kind == CHORE_PIN && r.pages > 32)
		r.pages = 32;
	(void)chore_start(s, kind, r.space, r.page, r.pages);
}

/* => as core_area_flags(): a hint may be lost */
static void
hint_flags(struct sim *s, const struct part *part, uint32_t flag)
{
	uint64_t vpn = sim_vpn(s, part->space, part->page);

	if (part->node != NULL)
		(void)tap_area_flags(part->node->core, part->space, vpn,
		                     part->pages, flag & 1, flag & 2);
	else
		(void)claims_flags(&s->claims, vpn, vpn + part->pages, flag & 1,
		                   flag & 2);
}

/* A hint about a part of one node, or of none so far. */
static void
hint_part(struct sim *s, const struct part *part, uint32_t what, uint32_t flag)
{
	struct batch b = {NULL, NULL};
	struct sim_node *n = part->node;
	uint64_t vpn = sim_vpn(s, part->space, part->page);

	if (what == 3)
		hint_flags(s, part, flag);
	else if (n != NULL && what == 2)
		tap_cold(n->core, part->space, vpn, part->pages, &b);
	else if (n != NULL)
		tap_prefetch(n->core, part->space, vpn, part->pages, &b);
	if (n != NULL)
		host_submit(n, &b);
}

/* Hints may be about anything, managed or not. */
static void
hint(struct sim *s)
{
	struct range r = choose_range(s);
	uint32_t flag = choice_between(&s->choice, 1, 3);
	uint32_t what = choice_of(&s->choice, 4);
	uint32_t page = r.page, end = page + r.pages;
	struct part part;

	s->count.prefetches += what < 2;
	s->count.colds += what == 2;
	s->count.hints_apart += parts_are_apart(s, r.space, page, r.pages);
	while (part_find(s, r.space, page, end, &part)) {
		hint_part(s, &part, what, flag);
		page = part.page + part.pages;
	}
}

/* A device begins to write into a page, or the program protects a range. */
static void
hold_pages(struct sim *s)
{
	struct range r = choose_range(s);
	struct sim_page *p = &s->page[r.space][r.page];

	if (choice_of(&s->choice, 2) == 0) {
		if ((p->flags & (PG_PRESENT | PG_BUSY | PG_FOREIGN | PG_DMA)) !=
		    PG_PRESENT)
			return;
		p->flags |= PG_DMA;
		sim_schedule(s, choice_of(&s->choice, 256) * 4000ull,
		             EVENT_DEVICE, r.space << 16 | r.page);
		return;
	}
	if (!choice_ppm(&s->choice, s->faults.protect))
		return;
	for (uint32_t i = 0; i < r.pages; i++)
		if ((p[i].flags & (PG_MANAGED | PG_BUSY | PG_GUEST)) ==
		    PG_MANAGED)
			p[i].flags ^= PG_PROTECTED;
	s->loosened_ns = s->now;
	if (choice_of(&s->choice, 2) == 0)
		for (unsigned i = 0; i < s->nodes; i++)
			tap_evictable(s->node[i].core);
}

static void
grow(struct sim *s)
{
	struct sim_node *n = &s->node[choice_of(&s->choice, s->nodes)];
	uint32_t i = choice_of(&s->choice, n->disks);
	struct sim_disk *d = &n->disk[i];

	if (d->ready == d->slots)
		return;
	d->ready += choice_between(&s->choice, 1, d->slots - d->ready);
	tap_swap_grown(n->core, i, d->ready);
	s->count.grows++;
}

/* The other disks have room for all pages of the node: its share of all. */
static bool
is_dispensable(const struct sim_node *n, uint32_t disk)
{
	const struct swap_area *a = &n->core->swap[disk];
	const struct sim *s = n->sim;

	return a->in_use &&
	       core_swap_total(n->core) >=
	               a->max - 1 - a->bad + s->pages * s->spaces / s->nodes;
}

static void
stay(struct sim_node *n)
{
	n->sim->count.swapoffs_undone += n->leaving >= 0;
	if (n->leaving >= 0)
		tap_swapoff_undo(n->core, (unsigned)n->leaving);
	n->leaving = -1;
}

/* A disk is to go; sometimes somebody thinks better of it. */
static void
swap_off(struct sim *s, struct sim_node *n)
{
	struct batch b = {NULL, NULL};
	int64_t left;

	if (n->leaving < 0) {
		uint32_t disk = choice_of(&s->choice, n->disks);

		if (!is_dispensable(n, disk))
			return;
		n->leaving = (int)disk;
	}
	left = tap_swapoff(n->core, (unsigned)n->leaving, &b);
	host_submit(n, &b);
	sim_trace(s, "swapoff of disk %d: %lld", n->leaving, (long long)left);
	s->count.swapoffs += left == 0;
	if (left <= 0)
		n->leaving = -1;
	else if (choice_of(&s->choice, 64) == 0)
		stay(n);
}

void
world_stay(struct sim *s)
{
	for (unsigned i = 0; i < s->nodes; i++)
		stay(&s->node[i]);
}

static void
time_jumps(struct sim *s, uint64_t ns)
{
	s->now += ns;
	s->loosened_ns += ns; /* nobody had the time to notice */
}

void
world_run(struct sim *s)
{
	static const uint8_t kinds[] = {
		CHORE_DISCARD, CHORE_DISCARD, CHORE_DISCARD, CHORE_VANISH,
		CHORE_REMOVE,  CHORE_UNMAP,   CHORE_MOVE,    CHORE_MOVE,
		CHORE_ADOPT,   CHORE_ADOPT,   CHORE_ADOPT,   CHORE_PIN,
		CHORE_SYNC,    CHORE_SYNC,    CHORE_SHARE,   CHORE_SHARE,
	};
	uint32_t what = choice_of(&s->choice, 32);
	struct sim_node *n;

	if (s->calm)
		return;
	n = &s->node[choice_of(&s->choice, s->nodes)];
	if (what < sizeof(kinds))
		chore(s, kinds[what]);
	else if (what < 20)
		hint(s);
	else if (what < 26)
		hold_pages(s);
	else if (what < 28)
		grow(s);
	else if (what < 30)
		file_event(s);
	else if (n->leaving >= 0 || choice_of(&s->choice, 16) == 0)
		swap_off(s, n);
	else if (choice_of(&s->choice, 4) == 0)
		time_jumps(s, choice_of(&s->choice, 1000) * 1000000ull);
	sim_schedule(s, 20000 + choice_of(&s->choice, 256) * 4000ull,
	             EVENT_WORLD, 0);
}

/* The device has written, and lets go of the page. */
void
world_device(struct sim *s, uint32_t index)
{
	struct sim_page *p = &s->page[index >> 16][index & 0xffff];

	if ((p->flags & PG_DMA) == 0)
		return; /* the page was dropped: what it wrote is nowhere */
	if ((p->flags & (PG_PRESENT | PG_MANAGED)) == (PG_PRESENT | PG_MANAGED))
		task_access(s, index >> 16, index & 0xffff, true);
	p->flags &= (uint16_t)~PG_DMA;
	s->loosened_ns = s->now;
	s->count.devices++;
}
