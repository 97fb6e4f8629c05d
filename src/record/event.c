/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * event.c -- a call of the core as a value, and what the core decided.
 */
#include "record/event.h"
#include "base/assert.h"

static const struct {
	const char *name;
	unsigned args;
} events[] = {
	[EVENT_END] = {"end", 0},
#define EVENT(name, args) [EVENT_##name] = {#name, args},
#include "record/events.def"
#undef EVENT
};

const char *
event_name(unsigned kind)
{
	return kind < EVENTS ? events[kind].name : NULL;
}

unsigned
event_args(unsigned kind)
{
	must(kind < EVENTS);
	return events[kind].args;
}

static int64_t
apply_cache(struct core *c, const struct event *e)
{
	const uint64_t *a = e->arg;
	unsigned id = (unsigned)a[0];

	switch ((unsigned)e->kind) {
	case EVENT_cache_add:
		return core_cache_add(c, &(struct cache){
						 .kind = (uint8_t)a[0],
						 .flags = (uint8_t)a[1],
						 .order = (uint8_t)a[2],
					 });
	case EVENT_cache_remove:
		core_cache_remove(c, id);
		return 0;
	case EVENT_cache_tell:
		core_cache_tell(c, id, (uint32_t)a[1], (uint32_t)a[2]);
		return 0;
	case EVENT_cache_shrunk:
		core_cache_shrunk(c, id, a[1]);
		return 0;
	default:
		never();
		return 0;
	}
}

/* Events of areas and of the swap space: their batch is not asked for. */
static int64_t
apply_set_up(struct core *c, const struct event *e)
{
	const uint64_t *a = e->arg;
	unsigned space = (unsigned)a[0];

	switch ((unsigned)e->kind) {
	case EVENT_swapon:
		return core_swapon(c, e->mem, (uint32_t)a[0], (uint32_t)a[1],
		                   (int32_t)a[2]);
	case EVENT_swap_grown:
		core_swap_grown(c, (unsigned)a[0], (uint32_t)a[1]);
		return 0;
	case EVENT_swap_solid_state:
		core_swap_solid_state(c, (unsigned)a[0]);
		return 0;
	case EVENT_swapoff_undo:
		core_swapoff_undo(c, (unsigned)a[0]);
		return 0;
	case EVENT_area_add:
		return core_area_add(c, space, a[1], a[2]);
	case EVENT_area_remove:
		return core_area_remove(c, space, a[1], a[2]);
	case EVENT_area_flags:
		return core_area_flags(c, space, a[1], a[2], (uint32_t)a[3],
		                       (uint32_t)a[4]);
	case EVENT_area_rename:
		return core_area_rename(c, space, a[1], a[2], a[3]);
	case EVENT_file_on:
		return core_file_on(c, e->mem, (uint32_t)a[0]);
	case EVENT_file_off:
		return core_file_off(c, (unsigned)a[0]);
	case EVENT_area_add_file:
		return core_area_add_file(c, space, a[1], a[2], (unsigned)a[3],
		                          (uint32_t)a[4], (uint32_t)a[5]);
	case EVENT_area_share:
		return core_area_share(c, space, a[1], a[2], (unsigned)a[3],
		                       a[4]);
	case EVENT_unpin:
		core_unpin(c, space, a[1]);
		return 0;
	case EVENT_evictable:
		core_evictable(c);
		return 0;
	case EVENT_wake_kswapd:
		core_wake_kswapd(c);
		return 0;
	case EVENT_kswapd_thread:
		core_kswapd_thread(c, a[0] != 0);
		return 0;
	default:
		return apply_cache(c, e);
	}
}

int64_t
event_apply(struct core *c, const struct event *e, struct batch *b)
{
	const uint64_t *a = e->arg;
	unsigned space = (unsigned)a[0];

	switch ((unsigned)e->kind) {
	case EVENT_fault:
		return core_fault(c, space, a[1], b);
	case EVENT_fault_write:
		return core_fault_write(c, space, a[1], b);
	case EVENT_op_done:
		core_op_done(c, e->op, b);
		return 0;
	case EVENT_swapoff:
		return core_swapoff(c, (unsigned)a[0], b);
	case EVENT_discard:
		return (int64_t)core_discard(c, space, a[1], a[2], b);
	case EVENT_move:
		return (int64_t)core_move(c, space, a[1], a[2], a[3], b);
	case EVENT_adopt:
		return core_adopt(c, space, a[1], b);
	case EVENT_vanished:
		return (int64_t)core_vanished(c, space, a[1], a[2], b);
	case EVENT_prefetch:
		return (int64_t)core_prefetch(c, space, a[1], a[2], b);
	case EVENT_cold:
		return (int64_t)core_cold(c, space, a[1], a[2], b);
	case EVENT_sync:
		return (int64_t)core_sync(c, space, a[1], a[2], a[3] != 0, b);
	case EVENT_refresh:
		return (int64_t)core_refresh(c, space, a[1], a[2], b);
	case EVENT_pin:
		return core_pin(c, space, a[1], b);
	case EVENT_kswapd:
		return core_kswapd(c, b);
	case EVENT_kreclaimd:
		return core_kreclaimd(c, b);
	case EVENT_flush:
		return core_flush(c, b);
	case EVENT_reclaim_direct:
		return core_reclaim_direct(c, b);
	default:
		return apply_set_up(c, e);
	}
}

/* -- decisions ------------------------------------------------------------ */

/* OP_POPULATE names its frames by the first one alone. */
static uint32_t
pages_listed(const struct op *op)
{
	return op->kind == OP_POPULATE ? 1 : op->count;
}

static uint64_t
pages_digest(const struct op *op)
{
	bool fills = op->kind == OP_MAP;
	uint64_t h = 0;

	for (uint32_t i = 0; i < pages_listed(op); i++) {
		const struct op_page *pg = &op->pg[i];

		h = decisions_mix(h, pg->pfn);
		if (fills && op->flags & OPF_COPY)
			h = decisions_mix(h, pg->src);
		else if (fills && op->flags & OPF_ZERO)
			h = decisions_mix(h, pg->fresh);
	}
	if (op->kind == OP_READ ||
	    (op->kind == OP_UNMAP && (op->flags & OPF_DISCARD) == 0))
		h = decisions_mix(decisions_mix(h, op->id), op->off);
	return h & UINT32_MAX;
}

void
decision_of(const struct core *c, const struct op *op, struct decision *ret)
{
	bool transfers = op->kind == OP_READ || op->kind == OP_WRITE;
	uint64_t *f = ret->field;

	f[DECISION_OP] = (uint64_t)(op - c->ops);
	f[DECISION_KIND] = op->kind;
	f[DECISION_FLAGS] = op->flags;
	f[DECISION_SPACE] = op->space;
	f[DECISION_VPN] = op->vpn;
	f[DECISION_TO] = op->kind == OP_REMAP ? op->vpn_to : 0;
	f[DECISION_ENTRY] = transfers ? op->entry : 0;
	f[DECISION_COUNT] = op->count;
	f[DECISION_PAGES] = pages_digest(op);
}
