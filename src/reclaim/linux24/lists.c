/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lists.c -- the lists of pages, and how pages age.
 *
 * A page that is in a cache and not in motion is on one of A, D and C; a
 * private page that is mapped is on none.  Age goes up by PAGE_AGE_ADV when a
 * page is used and is halved when it is not.
 *
 * What the mechanism tells of a frame ends here:
 *
 *	found	a lookup: ages up, which takes it to A
 *	mapped	back in the program: on A when a cache has it, else on none
 *	cached	unmapped, or read ahead: enters like any page of a cache
 *	cleaned	its write ended well
 */
#include "reclaim/linux24/linux24.h"

#include "base/bits.h"

uint32_t
page_count(const struct frame *f)
{
	return (uint32_t)page_mapping(f) + (f->buffers != 0) + f->maps +
	       f->pins;
}

enum state24
list_state24(const struct frame *f)
{
	switch ((enum list_id)f->list) {
	case LIST_ACTIVE:
		return STATE_A;
	case LIST_INACTIVE_DIRTY:
		return STATE_D;
	case LIST_INACTIVE_CLEAN:
		return STATE_C;
	case LIST_BUDDY:
	case LIST_EMPTY:
		return STATE_FREE;
	case LIST_NONE:
	case LIST_PROBATION:
	case LIST_TRIED:
	case LIST_INACTIVE_ANON:
	case LIST_ACTIVE_ANON:
	case LIST_INACTIVE_FILE:
	case LIST_ACTIVE_FILE:
	case LIST_MLOCKED:
	case LIST_UNEVICTABLE:
	case LISTS:
		break;
	}
	return STATE_NONE;
}

void
trace24(const struct core *c, const struct frame *f, enum state24 from,
        enum state24 to, unsigned cause)
{
	if (c->cfg.host->trace != NULL)
		c->cfg.host->trace(c->cfg.host_ctx,
		                   &(struct transition){
					   .pfn = frame_pfn(c, f),
					   .count = page_count(f),
					   .from = (uint8_t)from,
					   .to = (uint8_t)to,
					   .age = f->age,
					   .cause = (uint8_t)cause,
				   });
}

/* -- lists ---------------------------------------------------------------- */

struct flist *
list24(const struct core *c, const struct frame *f)
{
	struct linux24 *s = linux24(c);

	switch (list_state24(f)) {
	case STATE_A:
		return &s->active;
	case STATE_D:
		return &s->inactive_dirty;
	case STATE_C:
		return &s->inactive_clean[f->zone];
	case STATE_FREE:
	case STATE_NONE:
		break;
	}
	return NULL;
}

/* One page more, or less, on the list that f is on. */
static void
list_counted(struct core *c, const struct frame *f, int n)
{
	static const enum pageout_stat_id gauges[][2] = {
		[STATE_A] = {PAGEOUT_STAT_nr_active, PAGEOUT_STAT_zone0_active},
		[STATE_D] = {PAGEOUT_STAT_nr_inactive_dirty,
	                     PAGEOUT_STAT_zone0_inactive_dirty},
		[STATE_C] = {PAGEOUT_STAT_nr_inactive_clean,
	                     PAGEOUT_STAT_zone0_inactive_clean},
	};
	const enum pageout_stat_id *id = gauges[list_state24(f)];

	if (list_state24(f) == STATE_D)
		linux24(c)->zone_dirty[f->zone] += (uint32_t)n;
	stat_add(c, id[0], (uint64_t)(int64_t)n);
	stat_add(c, zone_stat(id[1], f->zone), (uint64_t)(int64_t)n);
}

void
list_add24(struct core *c, enum list_id id, struct frame *f)
{
	struct linux24 *s = linux24(c);
	struct flist *l = id == LIST_ACTIVE ? &s->active
	                  : id == LIST_INACTIVE_DIRTY
	                          ? &s->inactive_dirty
	                          : &s->inactive_clean[f->zone];

	must(page_count(f) != 0);
	flist_add_head(c, l, id, f);
	list_counted(c, f, 1);
}

void
list_del24(struct core *c, struct frame *f)
{
	list_counted(c, f, -1);
	flist_del(c, list24(c, f), f);
}

void
list_move24(struct core *c, enum list_id id, struct frame *f, unsigned cause)
{
	enum state24 from = list_state24(f);

	if (f->list == id) { /* to its head: no count changes */
		struct flist *l = list24(c, f);

		flist_del(c, l, f);
		flist_add_head(c, l, id, f);
	} else {
		if (from != STATE_NONE)
			list_del24(c, f);
		list_add24(c, id, f);
	}
	trace24(c, f, from, list_state24(f), cause);
}

void
rescue_page(struct core *c, struct frame *f, unsigned cause)
{
	list_move24(c, LIST_ACTIVE, f, cause);
	stat_add(c, PAGEOUT_STAT_pgrescue, 1);
}

void
clean_page(struct core *c, struct frame *f)
{
	list_move24(c, LIST_INACTIVE_CLEAN, f, 8);
	stat_add(c, PAGEOUT_STAT_pgclean, 1);
}

/* -- ageing --------------------------------------------------------------- */

void
activate_page(struct core *c, struct frame *f, unsigned cause)
{
	if (f->list == LIST_INACTIVE_DIRTY || f->list == LIST_INACTIVE_CLEAN) {
		list_move24(c, LIST_ACTIVE, f,
		            f->list == LIST_INACTIVE_CLEAN ? 11 : cause);
		stat_add(c, PAGEOUT_STAT_pgactivate, 1);
	}
	if (f->age < PAGE_AGE_START)
		f->age = PAGE_AGE_START;
}

void
age_page_up(struct core *c, struct frame *f)
{
	if (f->age == 0)
		activate_page(c, f, 7);
	f->age = (uint8_t)min_u32(f->age + PAGE_AGE_ADV, PAGE_AGE_MAX);
}

void
age_page_down_ageonly(struct frame *f)
{
	f->age /= 2;
}

void
age_page_down(struct core *c, struct frame *f)
{
	age_page_down_ageonly(f);
	if (f->age == 0)
		deactivate_page(c, f, page_count(f), 6);
}

void
deactivate_page(struct core *c, struct frame *f, uint32_t count, unsigned cause)
{
	f->age = 0;
	f->flags &= (uint16_t)~FRAME_REFERENCED;
	if (f->list != LIST_ACTIVE || count > (f->buffers != 0 ? 3u : 2u) ||
	    f->buffers & BUF_RAMDISK)
		return;
	list_move24(c, LIST_INACTIVE_DIRTY, f, cause);
	stat_add(c, PAGEOUT_STAT_pgdeactivate, 1);
}

void
lru_cache_add(struct core *c, struct frame *f, uint32_t count)
{
	list_move24(c, LIST_ACTIVE, f, 2);
	if (f->age == 0)
		deactivate_page(c, f, count, 3);
}

/* -- what the mechanism tells --------------------------------------------- */

/*
 * There is no accessed bit to be read: a page that was taken away and wanted
 * back has earned more than one that just came in, the more the oftener.
 */
static void
earn_merit(const struct core *c, struct frame *f)
{
	uint32_t max = tunable24(c, T24_SOFTFAULT_MERIT), age;

	if (f->merit < max)
		f->merit++;
	age = f->age + ((uint32_t)PAGE_AGE_ADV << f->merit) - PAGE_AGE_ADV;
	f->age = (uint8_t)min_u32(age, PAGE_AGE_MAX);
}

void
linux24_found(struct core *c, struct frame *f)
{
	age_page_up(c, f);
	earn_merit(c, f);
	wake_early(c, false);
}

void
linux24_mapped(struct core *c, struct frame *f)
{
	if (page_mapping(f))
		list_move24(c, LIST_ACTIVE, f, 2);
}

void
linux24_cached(struct core *c, struct frame *f)
{
	if ((f->flags & FRAME_READAHEAD) == 0)
		f->age = 0;
	lru_cache_add(c, f, page_count(f) + 1);
}

void
linux24_cleaned(struct core *c, struct frame *f)
{
	if (linux24(c)->kswapd.launder.wait_pfn == frame_pfn(c, f))
		c->cfg.host->wake(c->cfg.host_ctx, DAEMON_KSWAPD);
	if (tunable24(c, T24_LAUNDER_TWICE) != 0)
		return; /* its buffers are freed when it is met again */
	f->buffers = 0;
	if (f->list == LIST_INACTIVE_DIRTY)
		clean_page(c, f);
	if (linux24(c)->waiters != 0 || free_shortage(c) != 0)
		wakeup_kswapd(c);
}

void
linux24_gone(struct core *c, struct frame *f)
{
	enum state24 from = list_state24(f);

	if (from == STATE_NONE)
		return;
	list_del24(c, f);
	trace24(c, f, from, STATE_NONE, 15);
}

void
linux24_freed(struct core *c, struct frame *f)
{
	struct linux24 *s = linux24(c);

	f->age = PAGE_AGE_START;
	f->buffers = 0; /* of a write that a discard overtook */
	trace24(c, f, STATE_NONE, STATE_FREE, 16);
	s->hopeless = false;
	if (s->memory_pressure > NR_CPUS)
		s->memory_pressure--;
}

uint32_t
linux24_held(const struct core *c)
{
	const struct linux24 *s = linux24(c);
	uint32_t n = s->active.count + s->inactive_dirty.count;

	for (unsigned i = 0; i < c->zone_count; i++)
		n += s->inactive_clean[i].count;
	return n;
}
