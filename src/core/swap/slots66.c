/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slots66.c -- which slot is next, and when it is given back, by the rules of
 * Linux 6.6.
 *
 * The first area in the list that has a free slot goes behind its equals and
 * gives slots: one, or, while slots are plenty, SWAP_BATCH.  (A kernel takes as
 * many at a time for the cache of a CPU; here nothing is taken before it is
 * wanted, and the slots are the same.)
 *
 * A rotating device gives slots in runs of exactly SLOT_CLUSTER: the first free
 * run there is; else any free slot, from where it was.  A solid-state one gives
 * whole aligned clusters, by turns, so that it wears evenly:
 *
 *	free clusters   4 -> 9 -> 2       current   7: ####....
 *	                |         ^                       ^ slot
 *	      next one -+         +-- one that was emptied
 *
 * When more than half is used (or how much else the policy says), a slot that
 * only the swap cache names may be stolen: its page is mapped, and gets another
 * when it leaves.  For the same reason, and when it is about to be written, a
 * page lets go of its slot as soon as it is mapped.
 *
 * [I3] as in slots.c: a free slot is nobody's.  A cluster is in the list of
 * free ones exactly when it is whole and no slot of it is taken.
 */
#include "base/bits.h"
#include "core/internal.h"

#define SWAP_BATCH 64   /* slots of a turn */
#define BATCH_ON 320    /* more free than this: slots are plenty */
#define BATCH_OFF 128   /* fewer: they are not any more */
#define STEAL_SCAN 1024 /* slots looked at for one to steal */

/* What a device can grow to counts. */
bool
core_swap_crowded(const struct core *c)
{
	uint64_t free = core_swap_free(c), total = core_swap_total(c);

	for (int i = c->swap_list.head; i >= 0; i = c->swap[i].next) {
		free += c->swap[i].limit - c->swap[i].max;
		total += c->swap[i].limit - c->swap[i].max;
	}
	return free * 100 < total * (100 - c->swap_list.crowded);
}

/* -- a page without its slot ----------------------------------------------- */

void
slot_leave(struct core *c, struct frame *f)
{
	swp_entry_t e = f->entry;

	f->entry = 0;
	f->flags &= (uint16_t)~FRAME_DIRTY;
	slot_uncache(c, e, 0);
	slot_put(c, e);
}

bool
core_slot_release(struct core *c, struct frame *f)
{
	swp_entry_t e = f->entry;

	if (e == 0 || entry_is_file(e) || f->maps == 0 ||
	    f->flags & (FRAME_LOCKED | FRAME_WRITEBACK | FRAME_ORPHAN) ||
	    c->swap[entry_type(e)].map[e & SWP_OFFSET_MASK] != 1)
		return false;
	slot_leave(c, f);
	return true;
}

/* -- free clusters -------------------------------------------------------- */

bool
cluster_is_whole(const struct swap_area *s, uint32_t cluster)
{
	return cluster != 0 && (cluster + 1) * SLOT_CLUSTER <= s->max;
}

static void
cluster_append(struct slot_clusters *l, uint32_t cluster)
{
	if (l->head == 0)
		l->head = cluster;
	else
		l->next[l->tail] = cluster;
	l->next[cluster] = 0;
	l->tail = cluster;
}

void
clusters_grown(struct swap_area *s, uint32_t from, uint32_t ready)
{
	uint32_t cluster = max_u32(from / SLOT_CLUSTER, 1);

	if (!s->solid_state)
		return;
	for (; (cluster + 1) * SLOT_CLUSTER <= ready; cluster++)
		if (s->taken[cluster] == 0)
			cluster_append(&s->clusters, cluster);
}

void
core_swap_solid_state(struct core *c, unsigned type)
{
	struct swap_area *s = &c->swap[type];

	must(type < SWAP_AREAS_MAX && s->in_use);
	if (c->cfg.policy->slot_rules != SLOT_RULES_66 || s->solid_state)
		return;
	s->solid_state = true;
	clusters_grown(s, 0, s->max);
}

void
cluster_free(struct swap_area *s, uint32_t cluster)
{
	if (s->solid_state && cluster_is_whole(s, cluster))
		cluster_append(&s->clusters, cluster);
}

/* Slots are taken from the first of the free clusters, or from none. */
void
cluster_used(struct swap_area *s, uint32_t cluster)
{
	struct slot_clusters *l = &s->clusters;

	if (!s->solid_state || !cluster_is_whole(s, cluster))
		return;
	must(l->head == cluster);
	l->head = l->next[cluster];
}

/*
 * The next slot of the current cluster, or of the first free one.  A current
 * cluster that was emptied meanwhile waits for its turn like all others.
 */
static uint32_t
find_in_cluster(struct swap_area *s)
{
	struct slot_clusters *l = &s->clusters;

	for (;;) {
		uint32_t end = (l->current + 1) * SLOT_CLUSTER;

		if (l->current == 0) {
			if (l->head == 0)
				return 0;
			l->current = l->head;
			l->slot = l->current * SLOT_CLUSTER;
			continue;
		}
		while (l->slot < end && s->map[l->slot] != 0)
			l->slot++;
		if (l->slot == end ||
		    (s->taken[l->current] == 0 && l->current != l->head))
			l->current = 0;
		else
			return l->slot++;
	}
}

/* -- one area ------------------------------------------------------------- */

/* A slot that only the swap cache names becomes free, if its page lets it. */
static bool
steal(struct core *c, unsigned type, uint32_t off)
{
	struct swap_area *s = &c->swap[type];
	swp_entry_t e = (swp_entry_t)type << SWP_OFFSET_BITS | off;
	struct frame *f = s->map[off] == 1 ? slot_frame(c, e) : NULL;

	return f != NULL && core_slot_release(c, f);
}

/* The first slot in [off, end) that is free, or can be stolen; or 0. */
static uint32_t
find_from(struct core *c, unsigned type, uint32_t off, uint32_t end)
{
	struct swap_area *s = &c->swap[type];
	uint32_t look = core_swap_crowded(c) ? STEAL_SCAN : 0;

	for (; off < end && look > 0; off++, look--)
		if (s->map[off] == 0 || steal(c, type, off))
			return off;
	off = slots_find_free(s, off);
	return off < end ? off : 0;
}

/* A run has exactly SLOT_CLUSTER slots, whether they are free or not. */
static uint32_t
find_in_area(struct core *c, unsigned type)
{
	struct swap_area *s = &c->swap[type];
	uint32_t off = s->solid_state ? find_in_cluster(s) : 0;

	if (off != 0)
		return off;
	if (s->cluster_nr == 0) {
		s->cluster_nr = SLOT_CLUSTER;
		off = s->free >= SLOT_CLUSTER ? slots_find_run(s) : 0;
	}
	s->cluster_nr--;
	if (off == 0)
		off = find_from(c, type, s->cluster_next, s->highest_bit + 1);
	if (off == 0)
		off = find_from(c, type, s->lowest_bit, s->cluster_next);
	return off;
}

/* -- all areas ------------------------------------------------------------ */

/* How many slots the next turn has. */
static uint32_t
turn_length(struct core *c)
{
	struct swap_list *l = &c->swap_list;
	uint32_t free = core_swap_free(c);

	if (free > BATCH_ON)
		l->batched = true;
	else if (free < BATCH_OFF)
		l->batched = false;
	return l->batched ? min_u32(SWAP_BATCH, free) : 1;
}

static bool
may_give(const struct core *c, int type)
{
	const struct swap_area *s = &c->swap[type];

	return s->in_use && !s->leaving && s->free != 0;
}

int
slot_find66(struct core *c, uint32_t *ret_off)
{
	struct swap_list *l = &c->swap_list;
	int type = l->head;

	if (l->turn_left > 0 && may_give(c, l->turn)) {
		l->turn_left--;
	} else {
		while (type >= 0 && !may_give(c, type))
			type = c->swap[type].next;
		if (type < 0)
			return -1;
		l->turn_left = turn_length(c) - 1;
		l->turn = type;
		slots_requeue(c, type);
	}
	*ret_off = find_in_area(c, (unsigned)l->turn);
	must(*ret_off != 0);
	return l->turn;
}

/* -- after a fault -------------------------------------------------------- */

void
slot_after_fault(struct core *c, struct frame *f)
{
	bool writes = f->flags & FRAME_STORE && f->maps == 1;
	const struct area *a;

	f->flags &= (uint16_t)~FRAME_STORE;
	if (c->cfg.policy->slot_rules != SLOT_RULES_66 || f->entry == 0)
		return;
	a = core_area_find(c, f->space, f->vpn);
	if (writes || core_swap_crowded(c) ||
	    (a != NULL && a->flags & AREA_LOCKED))
		(void)core_slot_release(c, f);
}
