/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * paths.h -- the core over a host that does everything at once.
 *
 * A world of more pages than frames, without a device or a thread: operations
 * end as soon as they are given, daemons have turns when a path lets them, and
 * the clock stands still unless it is moved.  So a path of the core can be gone
 * again and again, and takes as many instructions in each run.
 *
 *	paths.c ---> world_touch(), world_turn() ...
 *	                  |
 *	                  v         measured?
 *	             core_enter() ---> measured() ---> a call into the core
 *	                  ^
 *	                  +-- operations that have ended
 *
 * Contents of a page are a number: 0 is zeros, and a page that was written has
 * a new one when it leaves the program.
 *
 *	[W1] what is measured is what the core does inside measured(), and what
 *	     it counts meanwhile is in world.counts; nothing else is
 */
#ifndef BENCH_PATHS_H
#define BENCH_PATHS_H

#include "core/policy.h"

/*
 * Pages 0..PAGES-1 are the program's data.  Worlds that have grown have PAGES
 * more behind them, which nobody has touched.
 */
enum {
	FRAMES = 4096,
	PAGES = 16384,
	ALL_PAGES = 2 * PAGES,
	SLOTS = 4 * PAGES,
	APART = 64, /* accesses this near to each other may be a stream */
	RECENT = 16,
};

/* What is asked of the core. */
enum ask {
	ASK_FAULT,
	ASK_DONE, /* an operation has ended */
	ASK_KSWAPD,
	ASK_KRECLAIMD,
	ASK_FLUSH,
	ASK_RECLAIM, /* for a fault without a frame */
};

struct world {
	struct core *core;
	struct core_config cfg;
	uint64_t now;
	bool woken[DAEMONS];
	bool measures;     /* calls into the core are measured */
	uint64_t contents; /* the last number given */
	uint64_t in_frame[FRAMES];
	uint64_t in_slot[SLOTS];
	bool written[ALL_PAGES]; /* since it was mapped */
	uint32_t order[PAGES];   /* pages, shuffled */
	uint32_t place;          /* in order: the next */
	uint64_t recent[RECENT]; /* pages that faulted last */
	uint32_t faults;
	uint64_t random;
	uint64_t stat[PAGEOUT_STATS];
	uint64_t counts[PAGEOUT_STATS]; /* [W1] */
};

/*
 * A world in which nothing was touched.
 * => cfg.policy and cfg.tunable are set
 */
void world_open(struct world *w);

/* See PAGES. */
void world_grow(struct world *w);

/* A number below n, the next of a row that is always the same. */
uint32_t world_random(struct world *w, uint32_t n);

/*
 * The next page in shuffled order, plus first: not near to those that
 * faulted just before, as that might be the beginning of a stream.
 */
uint64_t world_next(struct world *w, uint64_t first);

enum page_state world_state(const struct world *w, uint64_t page);

/*
 * An access: a fault, if the page is not mapped, served till the end; the
 * daemons have turns when no frame is left.
 */
void world_touch(struct world *w, uint64_t page, bool write);

/*
 * One turn of a daemon, and the end of all that it has started.
 * => true when it has started something, or wants another turn
 */
bool world_turn(struct world *w, enum ask daemon);

/* Turns of all daemons, while time passes, until they have nothing to do. */
void world_settle(struct world *w);

/* Turns of the daemons that were woken; some of them, if they want many. */
void world_daemons(struct world *w);

/* All that is mapped goes out of reach, and stays in its frame. */
void world_cold(struct world *w);

/* The program gives a page back. */
void world_discard(struct world *w, uint64_t page);

#endif
