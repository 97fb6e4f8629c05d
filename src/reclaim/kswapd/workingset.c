/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * workingset.c -- pages that are gone, and whether they should be.
 *
 * nonresident_age counts pages that were freed or became active: it is how far
 * the inactive list has moved.  A page that is freed leaves it in its slot: its
 * shadow.  When the page comes back,
 *
 *	distance = nonresident_age now - then
 *
 * is how much longer the inactive list should have been to keep it.  Had the
 * active pages been inactive the list had been longer by their number, and by
 * that of the other type's pages: so a page whose distance is not more becomes
 * active at once, and has to be used less than those it competes with to be
 * thrown out again.
 *
 *	shadow	31..2 nonresident_age  1 workingset  0 set: so it is not 0
 *
 * The age has 30 bits: it comes round after 4 TiB of evictions, the node and
 * the control group of the original have no place in it, and none is needed.
 * Shadows live in the tables of slots and die with the slot, so nothing shrinks
 * them.
 */
#include "reclaim/kswapd/kswapd.h"

#define SHADOW_SET 1u
#define SHADOW_WORKINGSET 2u
#define SHADOW_SHIFT 2
#define TIMESTAMP_MASK (UINT32_MAX >> SHADOW_SHIFT)

uint32_t
pack_shadow(uint64_t age, bool workingset)
{
	return (uint32_t)(age & TIMESTAMP_MASK) << SHADOW_SHIFT |
	       (workingset ? SHADOW_WORKINGSET : 0) | SHADOW_SET;
}

void
workingset_age_nonresident(struct core *c, uint32_t nr)
{
	pgdat66(c)->lruvec.nonresident_age += nr;
}

uint32_t
workingset_eviction(struct core *c, const struct frame *f)
{
	uint64_t age = pgdat66(c)->lruvec.nonresident_age;

	workingset_age_nonresident(c, 1);
	return pack_shadow(age, folio_test(f, PG66_WORKINGSET));
}

bool
workingset_recent(const struct core *c, enum type66 type, uint32_t shadow)
{
	const struct lruvec66 *v = &pgdat66(c)->lruvec;
	uint32_t distance =
		((uint32_t)v->nonresident_age - (shadow >> SHADOW_SHIFT)) &
		TIMESTAMP_MASK;
	uint64_t size = v->lists[LRU_ACTIVE_FILE].count;

	if (type != TYPE_FILE)
		size += v->lists[LRU_INACTIVE_FILE].count;
	if (core_swap_free(c) > 0) {
		size += v->lists[LRU_ACTIVE_ANON].count;
		if (type == TYPE_FILE)
			size += v->lists[LRU_INACTIVE_ANON].count;
	}
	return distance <= size;
}

bool
workingset_refault(struct core *c, struct frame *f, uint32_t shadow)
{
	enum type66 type = folio_type(f);

	stat_add(c, PAGEOUT_STAT_workingset_refault_anon + type, 1);
	if (!workingset_recent(c, type, shadow))
		return false;
	workingset_age_nonresident(c, 1);
	stat_add(c, PAGEOUT_STAT_workingset_activate_anon + type, 1);
	f->age |= PG66_ACTIVE;
	if (shadow & SHADOW_WORKINGSET) {
		f->age |= PG66_WORKINGSET;
		lru_note_cost(c, type, 1, 0);
		stat_add(c, PAGEOUT_STAT_workingset_restore_anon + type, 1);
	}
	return true;
}
