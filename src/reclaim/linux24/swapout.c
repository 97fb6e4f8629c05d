/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * swapout.c -- swap_out: mapped pages leave their programs, by address.
 *
 * There is no way from a frame to who maps it; so address spaces are walked.
 * Each has a budget of pages that may be looked at (swap_cnt) and a place where
 * the next walk begins (swap_address).  The space with the largest budget is
 * walked; when all are used up they are set anew from how much is mapped.
 *
 * A page that was touched since the last visit ages up; one that was not ages
 * down, when nobody else does that; at age 0 it is unmapped.  What it becomes
 * (nothing, clean, dirty) is known when its operation has ended.
 */
#include "reclaim/linux24/linux24.h"

#include "base/bits.h"

/* What one visit did. */
enum visit { VISIT_NONE, VISIT_UNMAPPED, VISIT_STOP };

/* The next mapped page of a space at or above vpn that may be visited. */
static struct frame *
next_pte(const struct core *c, unsigned space, uint64_t vpn, uint64_t *ret_vpn)
{
	const struct area *a;

	while ((a = core_area_next(c, space, vpn)) != NULL) {
		uint64_t low = vpn > a->vpn ? vpn : a->vpn;
		uint64_t end = a->vpn + a->pages;
		struct frame *f = NULL;

		if ((a->flags & AREA_LOCKED) == 0)
			f = core_next_mapped(c, space, low, end, ret_vpn);
		if (f != NULL)
			return f;
		vpn = end;
	}
	return NULL;
}

void
swap_out_end(struct core *c, struct batch *b)
{
	uint32_t n = core_unmap_end(c, &linux24(c)->group, b);

	linux24(c)->group_ends += n;
	linux24(c)->deeds += n;
}

/* A page that others map as well: it stays, in the swap cache from now on. */
static bool
unmap_guest(struct core *c, unsigned space, uint64_t vpn, struct frame *f)
{
	uint32_t count;

	if (!core_unmap_guest(c, space, vpn))
		return false;
	count = page_count(f) + 1; /* the entry's reference is dropped last */
	if (f->list == LIST_NONE)
		lru_cache_add(c, f, count);
	deactivate_page(c, f, count, 6);
	return true;
}

/* => true when it is on its way */
static bool
unmap_page(struct core *c, struct frame *f, struct batch *b)
{
	struct linux24 *s = linux24(c);

	if (!page_mapping(f) && core_swap_free(c) <= s->group.count)
		return false;
	if (!core_unmap(c, &s->group, f))
		return false;
	if (s->group.count >= tunable24(c, T24_UNMAP_BATCH))
		swap_out_end(c, b);
	return true;
}

static enum visit
try_to_swap_out(struct core *c, unsigned space, uint64_t vpn, struct frame *f,
                struct batch *b)
{
	struct mm24 *mm = &linux24(c)->mm[space];
	bool is_guest;

	if (mm->swap_cnt == 0)
		return VISIT_STOP;
	mm->swap_cnt--;
	count_scan(c, PAGEOUT_STAT_pgscan_swap_out);
	if (core_test_clear_young(c, space, vpn)) {
		age_page_up(c, f);
		linux24(c)->deeds++;
		return VISIT_NONE;
	}
	if (f->list != LIST_ACTIVE) {
		linux24(c)->deeds += f->age > 0;
		age_page_down_ageonly(f);
	}
	if (f->age > 0)
		return VISIT_NONE;
	is_guest = f->space != space || f->vpn != vpn;
	if (is_guest ? unmap_guest(c, space, vpn, f) : unmap_page(c, f, b))
		return VISIT_UNMAPPED;
	stat_add(c, PAGEOUT_STAT_pgskip_unmap, 1);
	return VISIT_NONE;
}

/* Pages after which a walk may end, before its slice is used up. */
static uint32_t
walk_goal(const struct core *c)
{
	if (tunable24(c, T24_SLICE_STOP) == 0)
		return UINT32_MAX;
	return max_u32(inactive_shortage(c), tunable24(c, T24_SLICE_STOP));
}

bool
swap_out_stalls(const struct core *c)
{
	return tunable24(c, T24_SLICE_STOP) != 0 &&
	       !core_unmap_has_room(c, &linux24(c)->group);
}

/*
 * => true when the slice was used up, or brought enough; and where we do better
 *    than the original, only when it changed anything
 */
static bool
swap_out_mm(struct core *c, unsigned space, struct batch *b)
{
	struct mm24 *mm = &linux24(c)->mm[space];
	uint32_t goal = walk_goal(c), done = 0;
	uint64_t deeds = linux24(c)->deeds;
	uint64_t vpn;
	struct frame *f;

	if (swap_out_stalls(c))
		return false;
	while ((f = next_pte(c, space, mm->swap_address, &vpn)) != NULL) {
		enum visit v;

		mm->swap_address = vpn + 1;
		v = try_to_swap_out(c, space, vpn, f, b);
		done += v == VISIT_UNMAPPED;
		if (v == VISIT_STOP || done >= goal ||
		    (v == VISIT_UNMAPPED && swap_out_stalls(c)))
			return goal == UINT32_MAX || done != 0 ||
			       linux24(c)->deeds != deeds;
	}
	mm->swap_address = 0;
	mm->swap_cnt = 0;
	return false;
}

/*
 * The space that is to be walked: the one with the largest budget, which is
 * set first in the refresh pass.  => -1 when none has any
 */
static int
choose_mm(struct core *c, bool refresh, bool *found_task)
{
	struct linux24 *s = linux24(c);
	uint64_t max = 0;
	int best = -1;

	for (unsigned i = 0; i < c->cfg.spaces; i++) {
		uint64_t rss = c->spaces[i].rss;

		if (rss == 0)
			continue;
		*found_task = true;
		if (refresh)
			s->mm[i].swap_cnt = rss >> SWAP_SHIFT < SWAP_MIN
			                            ? SWAP_MIN
			                            : rss >> SWAP_SHIFT;
		if (s->mm[i].swap_cnt > max) {
			max = s->mm[i].swap_cnt;
			best = (int)i;
		}
	}
	return best;
}

/*
 * The original computes from priority how many spaces to walk, and then walks
 * one whatever that says; so does this.
 */
bool
swap_out(struct core *c, unsigned priority, struct batch *b)
{
	bool found_task = false;
	int best;

	(void)priority;
	if (tunable24(c, T24_SLICE_STOP) != 0 && inactive_shortage(c) == 0)
		return false;
	best = choose_mm(c, false, &found_task);
	if (best < 0 && found_task)
		best = choose_mm(c, true, &found_task);
	if (best < 0)
		return false;
	stat_add(c, PAGEOUT_STAT_swap_out_walks, 1);
	return swap_out_mm(c, (unsigned)best, b);
}

uint32_t
swap_out_any(struct core *c, uint32_t want, struct batch *b)
{
	uint32_t done = linux24(c)->group_ends;

	for (unsigned i = 0; i < c->cfg.spaces; i++) {
		uint64_t vpn = 0;
		struct frame *f;

		while (core_unmap_has_room(c, &linux24(c)->group) &&
		       (f = next_pte(c, i, vpn, &vpn)) != NULL &&
		       linux24(c)->group_ends + linux24(c)->group.count - done <
		               want) {
			(void)unmap_page(c, f, b);
			vpn++;
		}
	}
	swap_out_end(c, b);
	done = linux24(c)->group_ends - done;
	stat_add(c, PAGEOUT_STAT_pgunmap_forced, done);
	return done;
}
