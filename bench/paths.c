/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * paths.c -- one path of the core, gone again and again.
 *
 *	paths PATH POLICY	goes it, and prints a line of JSON
 *	paths --list		says which paths there are
 *	paths --build		says how it was built: counts of two
 *				builds cannot be compared
 *
 * A path is a set of events: each time that it is gone each of them happens
 * once, and no other one does.  That is looked up in the core's own counters at
 * the end, so that a number never is that of something else.
 *
 * Each path first brings the world to where it begins; that is not measured.
 * Where a policy does several things in one turn of a daemon, the world is made
 * so that there is only one of them to do.
 *
 * bench/micro runs this under callgrind.
 */
#include "bench/paths.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/bits.h"
#include "base/opt.h"

#define TIMES 512         /* that a path is gone, or a little more */
#define TIMES_MANY 4096   /* where times differ */
#define ROUNDS_MAX 100000 /* for so many */
#define PASSES_MAX 8      /* through all data, until all are clean */
#define TURNS_MAX 100     /* of the flusher, one after the other */
#define WARM_TIMES 16384  /* accesses before turnover is measured */
#define FAULT_NS 100000ull

/* -- events --------------------------------------------------------------- */

/* What may happen on a path. */
enum event {
	FIRST_TOUCH,
	SOFT_FAULT,
	HARD_FAULT,
	FAULT_WAITS,
	MAP,
	COPY,
	UNMAP,
	UNMAP_CLEAN,
	UNMAP_ZERO,
	READ_AHEAD,
	READ,
	WRITE,
	FREE,
	SLOT,
	EVENTS
};

#define BIT(event) (1u << (event))

static const struct {
	const char *name;
	enum pageout_stat_id id;
	int64_t unit;
} events[] = {
	[FIRST_TOUCH] = {"pgfirsttouch", PAGEOUT_STAT_pgfirsttouch, 1},
	[SOFT_FAULT] = {"pgsoftfault", PAGEOUT_STAT_pgsoftfault, 1},
	[HARD_FAULT] = {"pgmajfault", PAGEOUT_STAT_pgmajfault, 1},
	[FAULT_WAITS] = {"pgfaultwait", PAGEOUT_STAT_pgfaultwait, 1},
	[MAP] = {"pgmap", PAGEOUT_STAT_pgmap, 1},
	[COPY] = {"pgcopy", PAGEOUT_STAT_pgcopy, 1},
	[UNMAP] = {"pgunmap", PAGEOUT_STAT_pgunmap, 1},
	[UNMAP_CLEAN] = {"pgunmap_clean", PAGEOUT_STAT_pgunmap_clean, 1},
	[UNMAP_ZERO] = {"pgunmap_zero", PAGEOUT_STAT_pgunmap_zero, 1},
	[READ_AHEAD] = {"swap_ra", PAGEOUT_STAT_swap_ra, 1},
	[READ] = {"pswpin", PAGEOUT_STAT_pswpin, 1},
	[WRITE] = {"pswpout", PAGEOUT_STAT_pswpout, 1},
	[FREE] = {"pgfree", PAGEOUT_STAT_pgfree, 1},
	[SLOT] = {"swap_used", PAGEOUT_STAT_swap_used, PAGE_BYTES},
};

_Static_assert(ARRAY_SIZE(events) == EVENTS, "each has a name");

/* How often it happened while the world measured; of slots, the balance. */
static int64_t
event_count(const struct world *w, enum event e)
{
	return (int64_t)w->counts[events[e].id] / events[e].unit;
}

/* -- the world where paths begin ------------------------------------------ */

static uint64_t
free_frames(const struct world *w)
{
	return core_frames_free(w->core);
}

/* So few frames are free that daemons have work. */
static bool
is_short(const struct world *w)
{
	const struct core *c = w->core;

	return free_frames(w) <= (c->freepages.min + c->freepages.low) / 2;
}

/* So few that daemons come before the next one is taken. */
static bool
is_low(const struct world *w)
{
	return free_frames(w) <= w->core->freepages.low;
}

/* All data have contents: most of them in the swap space. */
static void
fill(struct world *w, uint32_t pages, bool in_order)
{
	for (uint32_t i = 0; i < pages; i++) {
		world_touch(w, in_order ? i : w->order[i], true);
		if (is_short(w))
			world_settle(w);
	}
	world_settle(w);
}

/* A page that must be read. */
static uint64_t
swapped_page(struct world *w)
{
	uint64_t page;

	do {
		page = world_next(w, 0);
	} while (world_state(w, page) != PAGE_SWAPPED);
	return page;
}

static uint64_t
new_page(struct world *w)
{
	uint64_t page;

	do {
		page = world_next(w, PAGES);
	} while (world_state(w, page) != PAGE_NONE);
	return page;
}

/* Some page in memory has contents that its slot has not. */
static bool
has_dirty(const struct world *w)
{
	const struct core *c = w->core;

	for (uint32_t i = 0; i < FRAMES; i++) {
		const struct frame *f = &c->frames[i];

		if (f->vpn != VPN_NONE &&
		    (f->entry == 0 || f->flags & FRAME_DIRTY))
			return true;
	}
	return false;
}

/*
 * All that was in memory leaves: what is there after that is clean, and all the
 * data are in the swap space.
 */
static void
replace(struct world *w, bool in_order)
{
	world_cold(w);
	for (uint32_t i = 0; i < PAGES; i++) {
		uint32_t page = in_order ? i : w->order[i];

		if (world_state(w, page) == PAGE_SWAPPED)
			world_touch(w, page, false);
		if (is_short(w))
			world_settle(w);
	}
	world_settle(w);
}

static void
fill_clean(struct world *w, bool in_order)
{
	fill(w, PAGES, in_order);
	for (unsigned pass = 0; has_dirty(w); pass++) {
		must(pass < PASSES_MAX);
		replace(w, in_order);
	}
}

static void
start_random(struct world *w)
{
	fill_clean(w, false);
}

static void
start_in_order(struct world *w)
{
	fill_clean(w, true);
}

static void
start_to_touch(struct world *w)
{
	fill_clean(w, false);
	world_grow(w);
}

static void
start_new(struct world *w)
{
	fill(w, PAGES / 2, false);
	world_grow(w);
}

/* What is out of reach, in memory, is mapped; and what that has read ahead. */
static void
map_all(struct world *w)
{
	bool found = true;

	while (found) {
		found = false;
		for (uint32_t i = 0; i < ALL_PAGES; i++) {
			if (world_state(w, i) != PAGE_CACHED)
				continue;
			world_touch(w, i, false);
			found = true;
		}
	}
}

/* All that is mapped is written to. */
static void
write_all(struct world *w)
{
	for (uint32_t i = 0; i < ALL_PAGES; i++)
		w->written[i] = world_state(w, i) == PAGE_MAPPED;
}

static void
use_up_frames(struct world *w)
{
	while (!is_short(w))
		world_touch(w, swapped_page(w), false);
}

static void
measured_touch(struct world *w, uint64_t page, bool write)
{
	w->measures = true;
	world_touch(w, page, write);
	w->measures = false;
}

static bool
measured_turn(struct world *w, enum ask daemon)
{
	bool more;

	w->measures = true;
	more = world_turn(w, daemon);
	w->measures = false;
	return more;
}

/* -- paths: one round each, of one time or many --------------------------- */

static void
go_touch(struct world *w)
{
	if (is_low(w))
		world_settle(w);
	measured_touch(w, new_page(w), true);
}

static void
go_soft(struct world *w)
{
	world_settle(w);
	world_cold(w);
	for (uint32_t i = 0; i < PAGES / 2; i++) {
		uint64_t page = world_next(w, 0);

		if (world_state(w, page) == PAGE_CACHED)
			measured_touch(w, page, false);
	}
}

static void
go_hard(struct world *w)
{
	if (is_low(w))
		world_settle(w);
	measured_touch(w, swapped_page(w), false);
}

static void
go_scan(struct world *w)
{
	world_settle(w);
	map_all(w);
	use_up_frames(w);
	(void)measured_turn(w, ASK_KSWAPD);
}

/* What has a slot already is given back by the program before. */
static void
go_scan_new(struct world *w)
{
	const struct core *c = w->core;

	world_settle(w);
	for (uint32_t i = 0; i < FRAMES; i++)
		if (c->frames[i].vpn != VPN_NONE && c->frames[i].entry != 0)
			world_discard(w, c->frames[i].vpn);
	while (!is_short(w))
		world_touch(w, new_page(w), true);
	write_all(w);
	(void)measured_turn(w, ASK_KSWAPD);
}

static void
go_launder(struct world *w)
{
	int64_t before = event_count(w, WRITE);
	unsigned turns = 0;

	world_settle(w);
	map_all(w);
	use_up_frames(w);
	write_all(w);
	world_cold(w);
	while (turns++ < TURNS_MAX && measured_turn(w, ASK_FLUSH))
		;
	if (event_count(w, WRITE) == before)
		(void)measured_turn(w, ASK_KSWAPD);
}

static void
go_free(struct world *w)
{
	int64_t before = event_count(w, FREE);

	world_settle(w);
	use_up_frames(w);
	world_cold(w);
	(void)world_turn(w, ASK_FLUSH); /* linux24 finds out what is clean */
	(void)measured_turn(w, ASK_KRECLAIMD);
	if (event_count(w, FREE) == before)
		(void)measured_turn(w, ASK_KSWAPD);
}

/* -- paths of runs: neighbours come together ------------------------------ */

static void
go_touch_run(struct world *w)
{
	if (is_low(w))
		world_settle(w);
	measured_touch(w, PAGES + w->place++ % PAGES, true);
}

static void
go_hard_run(struct world *w)
{
	measured_touch(w, w->place++ % PAGES, false);
	world_daemons(w);
}

/* -- and all of it -------------------------------------------------------- */

/* Any page, a third of them to write; daemons have their turns. */
static void
go_turnover(struct world *w)
{
	w->measures = w->place++ >= WARM_TIMES;
	world_touch(w, world_random(w, PAGES), world_random(w, 3) == 0);
	w->now += FAULT_NS;
	world_daemons(w);
	w->measures = false;
}

static void
start_full(struct world *w)
{
	fill(w, PAGES, false);
	w->place = 0;
}

/* -- which there are ------------------------------------------------------ */

struct path {
	const char *name, *help;
	enum event unit; /* how often the path was gone */
	int64_t times;   /* that it is gone at least */
	uint32_t each;   /* events that happen each time, */
	uint32_t some;   /* and those that may happen */
	void (*start)(struct world *w);
	void (*go)(struct world *w); /* a round: once or many times */
};

static const struct path paths[] = {
	{"touch", "a page is touched for the first time, alone", FIRST_TOUCH,
         TIMES, BIT(FIRST_TOUCH) | BIT(MAP), 0, start_to_touch, go_touch},
	{"touch-run", "likewise, a page of a run", MAP, TIMES_MANY, BIT(MAP),
         BIT(FIRST_TOUCH), start_to_touch, go_touch_run},
	{"soft", "a fault finds its page in memory", SOFT_FAULT, TIMES,
         BIT(SOFT_FAULT) | BIT(MAP), 0, start_random, go_soft},
	{"hard", "a fault reads its page, alone", HARD_FAULT, TIMES,
         BIT(HARD_FAULT) | BIT(READ) | BIT(MAP), 0, start_random, go_hard},
	{"hard-run", "likewise, a page of a run, read ahead or not", MAP,
         TIMES_MANY, BIT(MAP),
         BIT(HARD_FAULT) | BIT(SOFT_FAULT) | BIT(READ) | BIT(READ_AHEAD),
         start_in_order, go_hard_run},
	{"scan", "kswapd chooses and unmaps a page that is clean", UNMAP, TIMES,
         BIT(UNMAP) | BIT(UNMAP_CLEAN), 0, start_random, go_scan},
	{"scan-new", "likewise one that never left, and gets a slot", UNMAP,
         TIMES, BIT(UNMAP) | BIT(SLOT), 0, start_new, go_scan_new},
	{"launder", "a dirty page is chosen and written", WRITE, TIMES,
         BIT(WRITE), 0, start_random, go_launder},
	{"free", "a clean page gives up its frame", FREE, TIMES, BIT(FREE), 0,
         start_random, go_free},
	{"turnover", "a page comes and one leaves, whatever that takes", READ,
         TIMES_MANY, BIT(READ), ~0u, start_full, go_turnover},
};

/* -- going it ------------------------------------------------------------- */

/* => what happened and should not, or did not and should; or NULL */
static const char *
path_lost(const struct path *p, const struct world *w)
{
	for (enum event e = 0; e < EVENTS; e++) {
		int64_t n = event_count(w, e);

		if (p->each & BIT(e) ? n != event_count(w, p->unit)
		                     : n != 0 && !(p->some & BIT(e)))
			return events[e].name;
	}
	return NULL;
}

static void
print_result(const struct path *p, const char *policy, const struct world *w)
{
	(void)printf("{\"path\": \"%s\", \"policy\": \"%s\", "
	             "\"times\": %" PRId64 ", \"events\": {",
	             p->name, policy, event_count(w, p->unit));
	for (enum event e = 0, first = e; e < EVENTS; e++)
		if (event_count(w, e) != 0)
			(void)printf("%s\"%s\": %" PRId64,
			             first++ == 0 ? "" : ", ", events[e].name,
			             event_count(w, e));
	(void)puts("}}");
}

/* => exit status */
static int
path_run(const struct path *p, const char *policy)
{
	static struct world w;
	const char *lost, *wrong = policy_parse(policy, &w.cfg);
	uint64_t where;
	int law;

	if (*policy == '\0')
		wrong = "it is empty";
	if (wrong != NULL) {
		(void)fprintf(
			stderr,
			"paths: policy %s: neither a policy nor a tunable "
			"of one: %s\n",
			policy, wrong);
		return 2;
	}
	world_open(&w);
	p->start(&w);
	for (unsigned round = 0;
	     round < ROUNDS_MAX && event_count(&w, p->unit) < p->times; round++)
		p->go(&w);
	lost = event_count(&w, p->unit) < p->times ? events[p->unit].name
	                                           : path_lost(p, &w);
	law = core_check(w.core, &where);
	print_result(p, policy, &w);
	if (lost != NULL)
		(void)fprintf(stderr,
		              "paths: %s, %s: this was another path: see %s\n",
		              p->name, policy, lost);
	if (law != 0)
		(void)fprintf(stderr, "paths: %s, %s: law %d is broken: %ju\n",
		              p->name, policy, law, (uintmax_t)where);
	return lost != NULL || law != 0;
}

/* -- the command ---------------------------------------------------------- */

enum { OPT_LIST = 1, OPT_BUILD };

static const struct opt options[] = {
	{"list", 0, OPT_LIST, NULL, false, "print the paths there are"},
	{"build", 0, OPT_BUILD, NULL, false, "print how this was built"},
	OPT_COMMON,
	{0},
};

static const struct opt_program program = {
	.name = "paths",
	.synopsis = "PATH POLICY | --list | --build",
	.purpose = "Go one path of the core some hundred times.",
	.options = options,
};

static const struct path *
path_find(const char *name)
{
	for (unsigned i = 0; i < ARRAY_SIZE(paths); i++)
		if (strcmp(paths[i].name, name) == 0)
			return &paths[i];
	return NULL;
}

static void
print_about(int id)
{
	if (id == OPT_HELP)
		opt_print_help(&program, stdout);
	else if (id == OPT_VERSION)
		opt_print_version(&program, stdout);
	else if (id == OPT_BUILD)
		(void)puts(PATHS_BUILD);
	for (unsigned i = 0; id == OPT_LIST && i < ARRAY_SIZE(paths); i++)
		(void)printf("%-10s %s\n", paths[i].name, paths[i].help);
}

int
main(int argc, char **argv)
{
	struct opt_state s;
	const char *value;
	const struct path *p;
	int id;

	opt_start(&s, &program, argc, argv);
	id = opt_next(&s, &value);
	if (id > 0) {
		print_about(id);
		return 0;
	}
	if (id < 0 || s.operands_count != 2) {
		(void)fprintf(stderr, "paths: %s; try --help\n",
		              id < 0 ? s.error : "a path and a policy, please");
		return 2;
	}
	p = path_find(s.operands[0]);
	if (p == NULL) {
		(void)fprintf(stderr,
		              "paths: path %s: there is none; try --list\n",
		              s.operands[0]);
		return 2;
	}
	return path_run(p, s.operands[1]);
}
