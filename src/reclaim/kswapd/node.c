/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * node.c -- shrink_node: how much of which list is scanned.
 *
 *	prepare_scan_count	what the lists look like: is the inactive one
 *				low, is one type too small to be worth it
 *	get_scan_count		size >> priority of each list, shared out by
 *				what the return of either type has cost
 *	shrink_lruvec		32 of each list in turn, till enough is free
 *	shrink_slab		caches, in the same proportion
 *
 * A task may sleep in the middle (throttled, or pages are being unmapped); it
 * goes on where it was, by struct scan_control.
 */
#include "reclaim/kswapd/kswapd.h"

#include "base/bits.h"

#define SHRINK_BATCH 128 /* entries asked for at a time */

static uint32_t
list_count(const struct core *c, enum lru66 lru)
{
	return pgdat66(c)->lruvec.lists[lru].count;
}

/*
 * With the swap space full the original leaves anonymous pages alone; but those
 * that have a slot can go, and a touch of one that is out there must find room.
 */
bool
can_reclaim_anon_pages(const struct core *c)
{
	return core_swap_free(c) > 0 ||
	       (tunable66(c, T66_ACCESSED_BIT) == 0 && core_swap_cached(c) > 0);
}

/*
 * They age although there is no room left: the pages that will be looked at
 * first when there is some are the ones that are not used.
 */
bool
can_age_anon_pages(const struct core *c)
{
	return core_swap_total(c) > 0;
}

/* -- how the lists look --------------------------------------------------- */

static uint64_t
activations(const struct core *c, enum type66 type)
{
	return c->stat[PAGEOUT_STAT_workingset_activate_anon + type];
}

void
snapshot_refaults(struct core *c)
{
	for (enum type66 t = TYPE_ANON; t < TYPES; t++)
		pgdat66(c)->lruvec.refaults[t] = activations(c, t);
}

static bool
wants_deactivation(const struct core *c, enum type66 type)
{
	return activations(c, type) != pgdat66(c)->lruvec.refaults[type] ||
	       inactive_is_low(c, type);
}

static bool
file_is_tiny(const struct core *c, const struct scan_control *sc)
{
	uint64_t file = list_count(c, LRU_INACTIVE_FILE) +
	                list_count(c, LRU_ACTIVE_FILE);
	uint64_t high = 0;

	for (unsigned i = 0; i < c->zone_count; i++)
		if (c->zones[i].size != 0)
			high += wmark_pages(c, i, WMARK_HIGH);
	return file + core_frames_free(c) <= high &&
	       !sc->may_deactivate[TYPE_ANON] &&
	       list_count(c, LRU_INACTIVE_ANON) >> sc->priority != 0;
}

void
prepare_scan_count(struct core *c, struct scan_control *sc)
{
	const struct lruvec66 *v = &pgdat66(c)->lruvec;

	sc->anon_cost = v->anon_cost;
	sc->file_cost = v->file_cost;
	for (enum type66 t = TYPE_ANON; t < TYPES; t++)
		sc->may_deactivate[t] =
			sc->force_deactivate || wants_deactivation(c, t);
	sc->cache_trim_mode =
		list_count(c, LRU_INACTIVE_FILE) >> sc->priority != 0 &&
		!sc->may_deactivate[TYPE_FILE];
	sc->file_is_tiny = file_is_tiny(c, sc);
}

/* -- how much of each ----------------------------------------------------- */

void
scan_fractions(uint32_t swappiness, uint64_t anon_cost, uint64_t file_cost,
               uint64_t fraction[TYPES])
{
	uint64_t total = anon_cost + file_cost;
	uint64_t anon = total + anon_cost, file = total + file_cost;

	total = anon + file;
	fraction[TYPE_ANON] = swappiness * (total + 1) / (anon + 1);
	fraction[TYPE_FILE] = (200 - swappiness) * (total + 1) / (file + 1);
}

static enum scan_balance
scan_balance(const struct core *c, const struct scan_control *sc)
{
	if (!sc->may_swap || !can_reclaim_anon_pages(c))
		return SCAN_FILE;
	if (sc->priority == 0 && tunable66(c, T66_SWAPPINESS) != 0)
		return SCAN_EQUAL;
	if (sc->file_is_tiny)
		return SCAN_ANON;
	if (sc->cache_trim_mode)
		return SCAN_FILE;
	return SCAN_FRACT;
}

enum scan_balance
get_scan_count(const struct core *c, const struct scan_control *sc,
               uint32_t *nr)
{
	enum scan_balance balance = scan_balance(c, sc);
	uint64_t fraction[TYPES] = {1, 1};

	if (balance == SCAN_FRACT)
		scan_fractions(tunable66(c, T66_SWAPPINESS), sc->anon_cost,
		               sc->file_cost, fraction);
	for (enum lru66 lru = LRU_INACTIVE_ANON; lru < LRU_UNEVICTABLE; lru++) {
		bool file = lru >= LRU_INACTIVE_FILE;
		uint64_t scan = lruvec_lru_size(c, lru, sc->reclaim_idx) >>
		                sc->priority;

		if (balance == SCAN_FRACT)
			scan = scan * fraction[file] /
			       (fraction[TYPE_ANON] + fraction[TYPE_FILE]);
		else if (balance == (file ? SCAN_ANON : SCAN_FILE))
			scan = 0;
		nr[lru] = (uint32_t)scan;
	}
	return balance;
}

/* -- shrink_lruvec -------------------------------------------------------- */

enum stage { STAGE_BEGIN, STAGE_LISTS, STAGE_AFTER };

static enum task66
shrink_list(struct core *c, struct scan_control *sc, struct batch *b)
{
	struct lruvec_scan *v = &sc->lruvec;
	bool file = v->lru >= LRU_INACTIVE_FILE;
	enum task66 t;

	if (v->lru == LRU_ACTIVE_ANON || v->lru == LRU_ACTIVE_FILE) {
		if (sc->may_deactivate[file])
			shrink_active_list(c, v->todo, sc, v->lru, b);
		else
			sc->skipped_deactivate = true;
		return DONE66;
	}
	t = shrink_inactive_list(c, v->todo, sc, v->lru, b);
	if (t == DONE66)
		v->nr_reclaimed += sc->shrink.nr_reclaimed;
	return t;
}

/* 32 pages of each list that has work left. */
static enum task66
shrink_lists(struct core *c, struct scan_control *sc, struct batch *b)
{
	struct lruvec_scan *v = &sc->lruvec;

	for (; v->lru < LRU_UNEVICTABLE; v->lru++) {
		enum task66 t;

		if (v->todo == 0) {
			v->todo = min_u32(v->nr[v->lru], SWAP_CLUSTER_MAX);
			v->nr[v->lru] -= v->todo;
			sc->held_cpu += v->todo;
		}
		if (v->todo == 0)
			continue;
		t = shrink_list(c, sc, b);
		if (t != DONE66)
			return t;
		v->todo = 0;
	}
	v->lru = LRU_INACTIVE_ANON;
	return DONE66;
}

/* What is left of a list when pct of what it was to do need not be done. */
static void
scan_cut(struct lruvec_scan *v, enum lru66 lru, uint64_t pct)
{
	uint32_t scanned = v->targets[lru] - v->nr[lru];
	uint32_t goal = (uint32_t)(v->targets[lru] * (100 - pct) / 100);

	v->nr[lru] = goal > scanned ? goal - scanned : 0;
}

/*
 * Enough was reclaimed: the type with less left to do is done, and the other
 * does as large a part of its own.  => false when there is nothing more to do
 */
static bool
scan_adjust(struct lruvec_scan *v)
{
	uint64_t anon =
		(uint64_t)v->nr[LRU_INACTIVE_ANON] + v->nr[LRU_ACTIVE_ANON];
	uint64_t file =
		(uint64_t)v->nr[LRU_INACTIVE_FILE] + v->nr[LRU_ACTIVE_FILE];
	enum lru66 less = file > anon ? LRU_INACTIVE_ANON : LRU_INACTIVE_FILE;
	enum lru66 more = file > anon ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON;
	uint64_t target = (uint64_t)v->targets[less] + v->targets[less + 1] + 1;
	uint64_t pct;

	if (anon == 0 || file == 0)
		return false;
	pct = (file > anon ? anon : file) * 100 / target;
	v->nr[less] = 0;
	v->nr[less + 1] = 0;
	scan_cut(v, more, pct);
	scan_cut(v, more + 1, pct);
	return true;
}

static bool
has_work(const struct lruvec_scan *v)
{
	return v->nr[LRU_INACTIVE_ANON] != 0 || v->nr[LRU_ACTIVE_FILE] != 0 ||
	       v->nr[LRU_INACTIVE_FILE] != 0;
}

static bool
must_yield(const struct core *c, struct scan_control *sc)
{
	uint32_t max = tunable66(c, T66_RESCHED);

	if (max == 0 || sc->held_cpu < max)
		return false;
	sc->held_cpu = 0;
	return true;
}

static void
lruvec_begin(const struct core *c, struct scan_control *sc)
{
	struct lruvec_scan *v = &sc->lruvec;

	*v = (struct lruvec_scan){.stage = STAGE_LISTS};
	(void)get_scan_count(c, sc, v->nr);
	for (enum lru66 lru = LRU_INACTIVE_ANON; lru < LRU_UNEVICTABLE; lru++)
		v->targets[lru] = v->nr[lru];
	v->proportional =
		sc->who != CURRENT_KSWAPD && sc->priority == DEF_PRIORITY;
}

static enum task66
shrink_lruvec(struct core *c, struct scan_control *sc, struct batch *b)
{
	struct lruvec_scan *v = &sc->lruvec;

	if (v->stage == STAGE_BEGIN)
		lruvec_begin(c, sc);
	while (v->todo != 0 || v->lru != LRU_INACTIVE_ANON || has_work(v)) {
		enum task66 t = shrink_lists(c, sc, b);

		if (t != DONE66)
			return t;
		if (v->nr_reclaimed >= sc->nr_to_reclaim && !v->proportional &&
		    !scan_adjust(v))
			break;
		if (must_yield(c, sc))
			return YIELDS66;
	}
	v->stage = STAGE_BEGIN;
	sc->nr_reclaimed += v->nr_reclaimed;
	if (can_age_anon_pages(c) && inactive_is_low(c, TYPE_ANON))
		shrink_active_list(c, SWAP_CLUSTER_MAX, sc, LRU_ACTIVE_ANON, b);
	return DONE66;
}

/* -- caches --------------------------------------------------------------- */

/* Caches whose things cost nothing to make again have seeks 0. */
static uint64_t
shrink_delta(const struct cache *cache, int priority)
{
	if (cache->kind == CACHE_SLAB && !(cache->flags & CACHE_CONSTRUCTOR))
		return cache->unused / 2;
	return ((uint64_t)cache->unused >> priority) * 4 / DEFAULT_SEEKS;
}

/* An entry is small; a slab is pages. */
static uint32_t
shrink_batch(const struct cache *cache)
{
	return cache->kind == CACHE_SLAB ? 1 : SHRINK_BATCH;
}

/* Whole batches; and what is left of one, if there is no more to be freed. */
static uint32_t
shrink_batches(uint64_t total, uint64_t freeable, uint32_t batch)
{
	uint64_t left = total % batch;

	return (uint32_t)(left >= freeable ? total : total - left);
}

uint32_t
do_shrink_slab(struct core *c, unsigned id, int priority)
{
	uint32_t *deferred = &pgdat66(c)->nr_deferred[id];
	const struct cache *cache = &c->caches[id];
	uint64_t freeable = cache->unused, nr = *deferred;
	uint64_t delta, total, left;
	uint32_t scanned;

	if (freeable == 0)
		return 0;
	delta = shrink_delta(cache, priority);
	total = (nr >> priority) + delta;
	if (total > 2 * freeable)
		total = 2 * freeable;
	scanned = shrink_batches(total, freeable, shrink_batch(cache));
	left = nr + delta > scanned ? nr + delta - scanned : 0;
	*deferred = (uint32_t)(left < 2 * freeable ? left : 2 * freeable);
	stat_add(c, PAGEOUT_STAT_slabs_scanned, scanned);
	return scanned;
}

/*
 * A cache does what it is asked to later, on a thread of its own, and nobody
 * knows whose frames those are that come back then.  So while memory is short
 * and caches have been asked, what is given back is taken for theirs.
 */
uint32_t
caches_gave(const struct core *c)
{
	const struct pgdat66 *p = pgdat66(c);

	return p->caches_asked ? (uint32_t)(c->frames_given - p->frames_given)
	                       : 0;
}

/* Caches are asked, and what came of asking before counts as reclaimed. */
void
shrink_slab(struct core *c, struct scan_control *sc)
{
	const struct host_ops *host = c->cfg.host;

	sc->nr_reclaimed += caches_gave(c);
	pgdat66(c)->frames_given = c->frames_given;
	for (unsigned i = 0; i < CACHES_MAX; i++) {
		const struct cache *cache = &c->caches[i];
		uint32_t n;

		if (cache->kind == CACHE_NONE || cache->flags & CACHE_NO_REAP ||
		    host->shrink == NULL)
			continue;
		n = do_shrink_slab(c, i, sc->priority);
		if (n == 0)
			continue;
		c->caches[i].asked++;
		pgdat66(c)->caches_asked = true;
		host->shrink(c->cfg.host_ctx, i, n);
	}
}

/* -- shrink_node ---------------------------------------------------------- */

void
scan_begin(struct scan_control *sc, int priority)
{
	sc->priority = (int8_t)priority;
	sc->nr_scanned = 0;
	sc->nr_reclaimed = 0;
	sc->wait.why = THROTTLE_NONE;
	sc->node_stage = STAGE_BEGIN;
	sc->lruvec.stage = STAGE_BEGIN;
	sc->shrink.stage = STAGE_BEGIN;
}

bool
should_continue_reclaim(const struct core *c, const struct scan_control *sc,
                        uint32_t nr_reclaimed)
{
	uint64_t inactive = list_count(c, LRU_INACTIVE_FILE);

	if (sc->order == 0 || (sc->order <= PAGE_ALLOC_COSTLY_ORDER &&
	                       sc->priority >= DEF_PRIORITY - 2))
		return false;
	if (nr_reclaimed == 0)
		return false;
	for (unsigned i = 0; i <= sc->reclaim_idx && i < c->zone_count; i++)
		if (c->zones[i].size != 0 &&
		    zone_watermark_ok66(c, i, sc->order,
		                        wmark_pages(c, i, WMARK_MIN),
		                        sc->reclaim_idx, 0))
			return false;
	if (can_reclaim_anon_pages(c))
		inactive += list_count(c, LRU_INACTIVE_ANON);
	return inactive > compact_gap(sc->order);
}

static void
note_kswapd_sums(struct core *c, struct scan_control *sc)
{
	struct pgdat66 *p = pgdat66(c);
	const struct reclaim_sums *nr = &sc->nr;

	if (nr->writeback != 0 && nr->writeback == nr->taken)
		p->flags |= PGDAT_WRITEBACK;
	if (nr->unqueued_dirty == nr->file_taken)
		p->flags |= PGDAT_DIRTY;
	if (nr->immediate != 0)
		reclaim_throttle(c, sc, THROTTLE_WRITEBACK);
	if (nr->dirty != 0 && nr->dirty == nr->congested)
		p->lruvec.node_congested = true;
}

/* What a round has seen.  The caller may have to sleep now. */
static void
round_ends(struct core *c, struct scan_control *sc)
{
	sc->reclaimable |= sc->nr_reclaimed != sc->node_reclaimed;
	if (sc->who == CURRENT_KSWAPD)
		note_kswapd_sums(c, sc);
	else if (sc->who == CURRENT_TASK && !sc->hibernating &&
	         pgdat66(c)->lruvec.node_congested)
		reclaim_throttle(c, sc, THROTTLE_CONGESTED);
}

static void
round_begins(struct core *c, struct scan_control *sc)
{
	sc->nr = (struct reclaim_sums){0};
	sc->node_reclaimed = sc->nr_reclaimed;
	prepare_scan_count(c, sc);
	sc->node_stage = STAGE_LISTS;
}

static enum task66
shrink_node_on(struct core *c, struct scan_control *sc, struct batch *b)
{
	do {
		enum task66 t;

		if (!throttle_over(c, &sc->wait))
			return SLEEPS66;
		if (sc->node_stage == STAGE_BEGIN)
			round_begins(c, sc);
		if (sc->node_stage == STAGE_LISTS) {
			t = shrink_lruvec(c, sc, b);
			if (t != DONE66)
				return t;
			shrink_slab(c, sc);
			sc->node_stage = STAGE_AFTER;
			round_ends(c, sc);
		}
		if (!throttle_over(c, &sc->wait))
			return SLEEPS66;
		sc->node_stage = STAGE_BEGIN;
	} while (should_continue_reclaim(
		c, sc, sc->nr_reclaimed - sc->node_reclaimed));
	if (sc->reclaimable)
		pgdat66(c)->kswapd_failures = 0;
	sc->reclaimable = false;
	return DONE66;
}

enum task66
shrink_node(struct core *c, struct scan_control *sc, struct batch *b)
{
	enum task66 t = shrink_node_on(c, sc, b);

	reclaim_flush(c, b);
	return t;
}
