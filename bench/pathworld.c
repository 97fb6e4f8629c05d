/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pathworld.c -- the world of paths.h.
 */
#include "bench/paths.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/bits.h"

#define OPS 2048            /* no turn lacks them; pagers have 128 to 1024 */
#define DAY_NS 100000000ull /* till the daemons look again by themselves */
#define DAYS_MAX 1000       /* of settling: it never takes so long */
#define TURNS_MAX 32        /* of a daemon, at one time */
#define QUIET_DAYS 3        /* and then all of them sleep */
#define TRIES_MAX 1000      /* of one access */
#define PATIENCE_NS 5000000000ull

/* -- into the core -------------------------------------------------------- */

/* What a call is about. */
struct question {
	enum ask ask;
	uint64_t page;
	struct op *op;
	struct batch *b;
};

/* => what the call said: a verdict, or whether there is more to do */
static inline int
answer(struct core *c, const struct question *q)
{
	switch (q->ask) {
	case ASK_FAULT:
		return (int)core_fault(c, 0, q->page, q->b);
	case ASK_DONE:
		core_op_done(c, q->op, q->b);
		return 0;
	case ASK_KSWAPD:
		return core_kswapd(c, q->b);
	case ASK_KRECLAIMD:
		return core_kreclaimd(c, q->b);
	case ASK_FLUSH:
		return core_flush(c, q->b);
	case ASK_RECLAIM:
		return core_reclaim_direct(c, q->b);
	}
	never();
	return 0;
}

/* bench/micro names this function to callgrind: [W1]. */
int measured(struct core *c, const struct question *q);

__attribute__((noinline)) int
measured(struct core *c, const struct question *q)
{
	int r = answer(c, q);

	__asm__ volatile("" ::: "memory"); /* a real call, with a real return */
	return r;
}

static int
core_enter(struct world *w, const struct question *q)
{
	uint64_t before[PAGEOUT_STATS];
	int r;

	if (!w->measures)
		return answer(w->core, q);
	for (unsigned i = 0; i < PAGEOUT_STATS; i++)
		before[i] = w->stat[i];
	r = measured(w->core, q);
	for (unsigned i = 0; i < PAGEOUT_STATS; i++)
		w->counts[i] += w->stat[i] - before[i];
	return r;
}

/* -- operations ----------------------------------------------------------- */

static void
perform_page(struct world *w, struct op *op, uint32_t i)
{
	struct op_page *pg = &op->pg[i];
	uint32_t slot = (op->entry & SWP_OFFSET_MASK) + i;
	uint64_t *frame = &w->in_frame[pg->pfn];

	switch ((enum op_kind)op->kind) {
	case OP_MAP:
		if (op->flags & OPF_ZERO)
			*frame = 0;
		if (op->flags & OPF_COPY)
			*frame = w->in_frame[pg->src];
		break;
	case OP_UNMAP:
		if (w->written[op->vpn + i])
			*frame = ++w->contents;
		w->written[op->vpn + i] = false;
		pg->zero = *frame == 0;
		pg->hash = *frame;
		break;
	case OP_READ:
		*frame = w->in_slot[slot];
		pg->hash = *frame;
		break;
	case OP_WRITE:
		w->in_slot[slot] = *frame;
		break;
	case OP_POPULATE:
	case OP_WAKE:
		break;
	case OP_REMAP:
	case OP_ADOPT:
	case OP_UNPOISON:
		never();
	}
}

static void
perform(struct world *w, struct batch *b)
{
	struct op *op;

	while ((op = batch_take(b)) != NULL) {
		struct question q = {ASK_DONE, .op = op, .b = b};

		/* One op_page stands for all that are populated. */
		for (uint32_t i = 0; op->kind != OP_POPULATE && i < op->count;
		     i++)
			perform_page(w, op, i);
		(void)core_enter(w, &q);
	}
}

bool
world_turn(struct world *w, enum ask daemon)
{
	struct batch b = {0};
	struct question q = {daemon, .b = &b};
	bool more = core_enter(w, &q) != 0 || b.first != NULL;

	perform(w, &b);
	return more;
}

void
world_settle(struct world *w)
{
	unsigned quiet = 0;

	for (unsigned day = 0; quiet < QUIET_DAYS; day++) {
		bool busy = false;

		must(day < DAYS_MAX);
		w->now += DAY_NS;
		busy |= world_turn(w, ASK_KSWAPD);
		busy |= world_turn(w, ASK_FLUSH);
		busy |= world_turn(w, ASK_KRECLAIMD);
		quiet = busy ? 0 : quiet + 1;
	}
}

void
world_cold(struct world *w)
{
	for (uint64_t page = 0; page < ALL_PAGES;) {
		struct batch b = {0};

		page = core_cold(w->core, 0, page, ALL_PAGES - page, &b);
		perform(w, &b);
	}
}

void
world_daemons(struct world *w)
{
	static const enum ask asks[] = {
		[DAEMON_KSWAPD] = ASK_KSWAPD,
		[DAEMON_KRECLAIMD] = ASK_KRECLAIMD,
		[DAEMON_FLUSHER] = ASK_FLUSH,
	};

	for (unsigned turn = 0; turn < DAEMONS * TURNS_MAX; turn++) {
		enum daemon who = turn % DAEMONS;

		if (!w->woken[who])
			continue;
		w->woken[who] = false;
		w->woken[who] |= world_turn(w, asks[who]);
	}
}

void
world_discard(struct world *w, uint64_t page)
{
	uint64_t moving = 1;

	for (unsigned tries = 0; moving != 0; tries++) {
		struct batch b = {0};

		must(tries < TRIES_MAX);
		moving = core_discard(w->core, 0, page, 1, &b);
		perform(w, &b);
	}
	w->written[page] = false;
}

/* -- accesses ------------------------------------------------------------- */

enum page_state
world_state(const struct world *w, uint64_t page)
{
	return core_page_state(w->core, 0, page);
}

void
world_touch(struct world *w, uint64_t page, bool write)
{
	for (unsigned tries = 0; world_state(w, page) != PAGE_MAPPED; tries++) {
		struct batch b = {0};
		struct question q = {ASK_FAULT, .page = page, .b = &b};
		enum fault_verdict v;

		must(tries < TRIES_MAX);
		w->recent[w->faults++ % RECENT] = page;
		v = (enum fault_verdict)core_enter(w, &q);
		perform(w, &b);
		must(v != FAULT_NOMEM && v != FAULT_NOAREA);
		if (v == FAULT_NOFRAME && !world_turn(w, ASK_RECLAIM))
			world_settle(w);
	}
	w->written[page] |= write;
}

uint32_t
world_random(struct world *w, uint32_t n)
{
	w->random = w->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((w->random >> 32) * n >> 32);
}

static bool
is_near_to_recent(const struct world *w, uint64_t page)
{
	for (unsigned i = 0; i < RECENT; i++) {
		uint64_t before = w->recent[i];

		if (page + APART >= before && before + APART >= page)
			return true;
	}
	return false;
}

uint64_t
world_next(struct world *w, uint64_t first)
{
	uint64_t page;

	do {
		page = first + w->order[w->place++ % PAGES];
	} while (is_near_to_recent(w, page));
	return page;
}

/* -- the beginning -------------------------------------------------------- */

static uint64_t *
host_table_alloc(void *ctx)
{
	(void)ctx;
	return calloc(TABLE_ENTRIES, sizeof(uint64_t));
}

static void
host_wake(void *ctx, enum daemon who)
{
	struct world *w = ctx;

	w->woken[who] = true;
}

static uint64_t
host_now_ns(void *ctx)
{
	const struct world *w = ctx;

	return w->now;
}

static const struct host_ops path_host = {
	.name = "paths",
	.table_alloc = host_table_alloc,
	.wake = host_wake,
	.now_ns = host_now_ns,
};

static void *
zeroed(size_t bytes)
{
	void *mem = aligned_alloc(64, round_up(bytes, 64));

	must(mem != NULL);
	return memset(mem, 0, round_up(bytes, 64));
}

static void
shuffle(struct world *w)
{
	for (uint32_t i = 0; i < PAGES; i++) {
		uint32_t j = world_random(w, i + 1);

		w->order[i] = w->order[j];
		w->order[j] = i;
	}
}

void
world_open(struct world *w)
{
	w->cfg.frames_total = FRAMES;
	w->cfg.ops_total = OPS;
	w->cfg.spaces = 1;
	w->cfg.areas_max = 8;
	w->cfg.ra_pages_max = RA_PAGES_MAX;
	w->cfg.unmap_batch = OP_PAGES_MAX;
	w->cfg.patience_ns = PATIENCE_NS;
	w->cfg.seed = 1;
	w->cfg.host = &path_host;
	w->cfg.host_ctx = w;
	w->cfg.stat = w->stat;
	w->core = core_init(zeroed(core_bytes(&w->cfg)), &w->cfg);
	(void)core_swapon(w->core, zeroed(core_swap_bytes(SLOTS)), SLOTS, SLOTS,
	                  SWAP_PRIO_AUTO);
	must(core_area_add(w->core, 0, 0, PAGES) == 0);
	shuffle(w);
}

void
world_grow(struct world *w)
{
	must(core_area_add(w->core, 0, PAGES, PAGES) == 0);
}
