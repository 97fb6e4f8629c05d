/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * simple.c -- the driver of the plain policies.
 *
 * Three lists, in the words of Linux 2.4: mapped pages are active; pages that
 * kswapd unmapped are inactive, dirty until a write has ended, then clean; and
 * kreclaimd turns clean ones into free frames.  An inactive page that is
 * touched is a soft fault away and becomes active again.
 *
 *	active --kswapd--> inactive_dirty --flusher--> inactive_clean --> free
 *	   ^                    |                            |      kreclaimd
 *	   +---- soft fault ----+----------------------------+
 *
 * kswapd works while free + inactive_clean + inactive_dirty is below the high
 * watermarks, so what is on its way counts; kreclaimd while free is.  Nothing
 * is scanned while nothing is short.
 */
#include "reclaim/simple.h"
#include "base/assert.h"
#include "base/bits.h"
#include "pageout/stat.h"

#define FLUSH_OPS 8 /* writes started in one turn at most */
#define FREE_BATCH 256
#define PULSE 32 /* dirty pages that make a write worth while */

static inline struct simple *
simple(const struct core *c)
{
	return c->policy_state;
}

static inline const struct simple_policy *
rules(const struct core *c)
{
	return (const struct simple_policy *)c->cfg.policy;
}

static inline void
ask(const struct core *c, enum daemon who)
{
	c->cfg.host->wake(c->cfg.host_ctx, who);
}

/*
 * The amounts that daemons keep ready.  The kernel's ratio (1/128, at most 255
 * pages) is for memory that comes back by itself; here a device must be kept
 * streaming, so low and high scale with the zone.
 */
void
simple_watermarks(const struct core *c, struct zone *z)
{
	(void)c;
	z->pages_min = clamp_u32(z->size / 128, 10, 1024);
	z->pages_low = clamp_u32(z->size / 32, 2 * z->pages_min, 8192);
	z->pages_high = clamp_u32(z->size / 16, 3 * z->pages_min, 16384);
}

size_t
simple_state_bytes(const struct core_config *cfg)
{
	(void)cfg;
	return sizeof(struct simple);
}

void
simple_init(struct core *c)
{
	struct simple *s = simple(c);

	flist_init(&s->active);
	flist_init(&s->inactive_dirty);
	flist_init(&s->inactive_clean);
	s->random = c->cfg.seed * 2 + 1;
}

/* -- what happened to a frame --------------------------------------------- */

void
simple_mapped(struct core *c, struct frame *f)
{
	flist_add_head(c, &simple(c)->active, LIST_ACTIVE, f);
}

void
simple_cached(struct core *c, struct frame *f)
{
	struct simple *s = simple(c);

	if (f->flags & FRAME_DIRTY) {
		flist_add_head(c, &s->inactive_dirty, LIST_INACTIVE_DIRTY, f);
		stat_add(c, PAGEOUT_STAT_nr_inactive_dirty, 1);
		if (s->inactive_dirty.count >= PULSE)
			ask(c, DAEMON_FLUSHER);
		return;
	}
	flist_add_head(c, &s->inactive_clean, LIST_INACTIVE_CLEAN, f);
	stat_add(c, PAGEOUT_STAT_nr_inactive_clean, 1);
}

void
simple_found(struct core *c, struct frame *f)
{
	(void)c;
	if (f->flags &
	    FRAME_LOCKED) /* is being read, for whoever asked first */
		return;
	/* The first use of a page that was read ahead is its first use. */
	if ((f->flags & (FRAME_READAHEAD | FRAME_UNSEEN)) == 0)
		f->flags |= FRAME_REFERENCED;
}

void
simple_freed(struct core *c, struct frame *f)
{
	(void)c;
	(void)f;
}

void
simple_gone(struct core *c, struct frame *f)
{
	struct simple *s = simple(c);

	switch ((enum list_id)f->list) {
	case LIST_ACTIVE:
		flist_del(c, &s->active, f);
		return;
	case LIST_INACTIVE_DIRTY:
		flist_del(c, &s->inactive_dirty, f);
		stat_sub(c, PAGEOUT_STAT_nr_inactive_dirty, 1);
		return;
	case LIST_INACTIVE_CLEAN:
		flist_del(c, &s->inactive_clean, f);
		stat_sub(c, PAGEOUT_STAT_nr_inactive_clean, 1);
		return;
	case LIST_NONE:
	case LIST_BUDDY:
	case LIST_EMPTY:
	case LIST_PROBATION:
	case LIST_TRIED:
	case LIST_INACTIVE_ANON:
	case LIST_ACTIVE_ANON:
	case LIST_INACTIVE_FILE:
	case LIST_ACTIVE_FILE:
	case LIST_MLOCKED:
	case LIST_UNEVICTABLE:
	case LISTS:
		never();
	}
}

void
simple_cleaned(struct core *c, struct frame *f)
{
	simple_gone(c, f);
	simple_cached(c, f);
}

/* See it again much later. */
void
simple_refused(struct core *c, struct frame *f)
{
	simple_gone(c, f);
	f->flags |= FRAME_REFERENCED;
	simple_mapped(c, f);
}

uint32_t
simple_held(const struct core *c)
{
	const struct simple *s = simple(c);

	return s->active.count + s->inactive_dirty.count +
	       s->inactive_clean.count;
}

/* -- frames for pages ---------------------------------------------------- */

static void
drop_oldest(struct core *c)
{
	struct frame *f = &c->frames[simple(c)->inactive_clean.tail];

	if (rules(c)->dropping != NULL)
		rules(c)->dropping(c, f);
	core_drop(c, f);
}

/* Drop up to n clean pages at once.  => how many */
static uint32_t
reclaim_clean(struct core *c, uint32_t n)
{
	uint32_t done = 0;

	while (done < n && simple(c)->inactive_clean.count != 0) {
		drop_oldest(c);
		done++;
	}
	stat_add(c, PAGEOUT_STAT_pgsteal_direct, done);
	return done;
}

static uint32_t
zone_reserve(const struct zone *z, enum alloc_use use)
{
	switch (use) {
	case ALLOC_TOUCH:
		return FRAMES_RESERVE;
	case ALLOC_SWAPIN:
		return 0;
	case ALLOC_AHEAD:
		return z->pages_min;
	}
	never();
	return 0;
}

static uint32_t
take(struct core *c, enum alloc_use use, uint32_t want, uint32_t *pfns)
{
	uint32_t got = 0, free = 0;

	for (int i = (int)c->zone_count - 1; i >= 0; i--) {
		struct zone *z = &c->zones[i];

		if (got < want)
			got += core_take(c, z, zone_reserve(z, use), want - got,
			                 pfns + got);
		free += z->free;
	}
	if (free < c->freepages.low) {
		ask(c, DAEMON_KRECLAIMD);
		ask(c, DAEMON_KSWAPD);
	}
	return got;
}

uint32_t
simple_alloc(struct core *c, enum alloc_use use, uint32_t want, uint32_t need,
             uint32_t *pfns)
{
	uint32_t n = take(c, need < want ? ALLOC_AHEAD : use, want, pfns);

	if (n < need)
		n += take(c, use, need - n, pfns + n);
	if (n < need && reclaim_clean(c, need - n) > 0)
		n += take(c, use, need - n, pfns + n);
	return n;
}

/* -- daemons -------------------------------------------------------------- */

/* Pages that should be on their way out, and are not. */
static uint32_t
shortage(const struct core *c)
{
	const struct simple *s = simple(c);
	uint32_t have = core_frames_free(c) + s->inactive_clean.count +
	                s->inactive_dirty.count;
	uint32_t want = c->freepages.high;

	return want > have ? want - have : 0;
}

/*
 * Choose and unmap up to want pages, out of tries.  With the swap space full
 * only pages that have a slot can leave.
 * => how many are on their way
 */
static uint32_t
unmap_some(struct core *c, uint32_t want, uint32_t tries, struct batch *b)
{
	struct unmap_group g = {0};
	bool full = core_swap_free(c) == 0;
	uint32_t refused = 0;

	want = min_u32(want, c->cfg.unmap_batch);
	while (g.count < want && tries-- > 0 && core_unmap_has_room(c, &g)) {
		struct frame *f = rules(c)->choose(c, simple(c), refused);

		if (f == NULL)
			break;
		stat_add(c, PAGEOUT_STAT_pgscan_kswapd, 1);
		if ((f->entry != 0 || !full) && core_unmap(c, &g, f))
			continue;
		rules(c)->refused(c, f);
		refused++;
	}
	return core_unmap_end(c, &g, b);
}

/*
 * Unmapping goes in batches of what the device takes in one write; a batch is
 * started even for a small shortage, so that runs stay long.
 */
bool
simple_kswapd(struct core *c, struct batch *b)
{
	uint32_t n = shortage(c), want = max_u32(n, PULSE);

	return n != 0 && unmap_some(c, want, 2 * want + 64, b) != 0;
}

bool
simple_kreclaimd(struct core *c, struct batch *b)
{
	struct simple *s = simple(c);
	/* Above low by half: else each allocation would wake the daemons. */
	uint32_t n = 0, want = c->freepages.high / 4 * 3;

	(void)b;
	while (n < FREE_BATCH && s->inactive_clean.count != 0 &&
	       core_frames_free(c) < want) {
		drop_oldest(c);
		n++;
	}
	stat_add(c, PAGEOUT_STAT_pgsteal_kswapd, n);
	if (shortage(c) != 0)
		ask(c, DAEMON_KSWAPD);
	return n == FREE_BATCH;
}

bool
simple_flush(struct core *c, struct batch *b)
{
	struct simple *s = simple(c);

	return core_launder(c, &s->inactive_dirty, s->inactive_dirty.count,
	                    FLUSH_OPS, b) != 0;
}

/*
 * A fault waits for this turn, so do a little of everything; but that nothing
 * can leave is known only when all pages were looked at.
 */
bool
simple_reclaim_direct(struct core *c, struct batch *b)
{
	uint32_t n = reclaim_clean(c, PULSE);

	if (n == 0)
		n = unmap_some(c, max_u32(shortage(c), PULSE),
		               2 * rules(c)->ops.held(c), b);
	n += simple_flush(c, b);
	return n != 0;
}
