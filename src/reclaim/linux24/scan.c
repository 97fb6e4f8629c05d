/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan.c -- refill_inactive_scan and reclaim_page: from A to D, and from C out.
 *
 * Both look at the tail.  What is in use after all goes back to the head of A.
 */
#include "reclaim/linux24/linux24.h"

/* It is mapped in one place, which may be asked and told. */
static bool
has_mapper(const struct core *c, const struct frame *f)
{
	return f->maps == 1 && tunable24(c, T24_REVERSE_MAP) != 0;
}

static bool
was_used(struct core *c, struct frame *f)
{
	bool referenced = test_clear_referenced(f);

	return (has_mapper(c, f) &&
	        core_test_clear_young(c, f->space, f->vpn)) ||
	       referenced;
}

/* => true when it left A */
static bool
scan_page(struct core *c, struct frame *f)
{
	if (was_used(c, f)) {
		age_page_up(c, f);
		return false;
	}
	linux24(c)->deeds += f->age > 0;
	age_page_down_ageonly(f);
	if (f->age > 0)
		return false;
	if (has_mapper(c, f))
		return inactive_shortage(c) != 0 &&
		       core_unmap(c, &linux24(c)->group, f);
	/* The original counts the scanner's reference. */
	deactivate_page(c, f, page_count(f) + 1, 5);
	return f->list != LIST_ACTIVE;
}

bool
refill_inactive_scan(struct core *c, unsigned priority, bool oneshot)
{
	struct linux24 *s = linux24(c);
	uint32_t maxscan = s->active.count >> priority;
	bool moved = false;

	while (maxscan-- > 0 && s->active.count != 0) {
		struct frame *f = &c->frames[s->active.tail];

		count_scan(c, PAGEOUT_STAT_pgscan_active);
		if (!scan_page(c, f)) {
			list_move24(c, LIST_ACTIVE, f, 4);
			stat_add(c, PAGEOUT_STAT_pgrotated, 1);
			continue;
		}
		moved = true;
		if (oneshot)
			break;
	}
	return moved;
}

/* It is used: back to A.  => true when it was */
static bool
reclaim_rescue(struct core *c, struct frame *f)
{
	if (!test_clear_referenced(f) && f->age == 0 &&
	    (f->buffers != 0 || page_count(f) <= 1))
		return false;
	rescue_page(c, f, 11);
	return true;
}

struct frame *
reclaim_page(struct core *c, struct zone *z, unsigned cause)
{
	struct linux24 *s = linux24(c);
	struct flist *l = &s->inactive_clean[z - c->zones];
	uint32_t maxscan = l->count;
	struct frame *found = NULL;

	while (l->count != 0 && maxscan-- > 0) {
		struct frame *f = &c->frames[l->tail];

		stat_add(c, PAGEOUT_STAT_pgscan_clean, 1);
		if (reclaim_rescue(c, f))
			continue;
		if (f->buffers != 0 || f->flags & FRAME_DIRTY ||
		    page_locked(f)) {
			list_move24(c, LIST_INACTIVE_DIRTY, f, 12);
			stat_add(c, PAGEOUT_STAT_pgreclaim_undone, 1);
			continue;
		}
		list_del24(c, f);
		trace24(c, f, STATE_C, STATE_NONE, cause);
		core_steal(c, f);
		f->age = PAGE_AGE_START;
		stat_add(c,
		         cause == 13 ? PAGEOUT_STAT_pgsteal_direct
		                     : PAGEOUT_STAT_pgsteal_kswapd,
		         1);
		found = f;
		break;
	}
	s->memory_pressure++;
	return found;
}
