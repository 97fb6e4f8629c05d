/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * event.h -- a call of the core as a value, and what the core decided.
 *
 * The core is a function of its calls: the same calls with the same answers
 * give the same operations.  So a run is a list of events, and two runs are the
 * same when their decisions are:
 *
 *	event		which call, its numbers; of op_done what became of the
 *			operation
 *	answers		what now_ns() and table_alloc() said meanwhile
 *	decisions	wake() calls, the value that was returned, and the
 *			operations that were appended to the batch
 *
 * event_apply() makes the call, for the recorder and for the replay alike.
 */
#ifndef RECORD_EVENT_H
#define RECORD_EVENT_H

#include "core/file/file.h"

enum event_kind {
	EVENT_END, /* no call: the record ends well */
#define EVENT(name, args) EVENT_##name,
#include "record/events.def"
#undef EVENT
	EVENTS
};

#define EVENT_ARGS_MAX 6

/*
 * arg[], in the order of the call's own:
 *
 *	swapon		slots, ready, priority (32 bits, signed)
 *	swap_grown	type, ready; swap_solid_state: type
 *	file_on		pages; file_off: type
 *	area_add_file	space, vpn, pages, type, page, flags
 *	area_share	space, vpn, pages, and the home's space, vpn
 *	sync		space, vpn, pages, begin
 *	area_flags	space, vpn, pages, set, clear
 *	area_rename	space, from, to, pages; move likewise
 *	op_done		number of the operation
 *	adopt		space, vpn, and the number of the batch's last
 *			operation plus 1 (which the core may extend), or 0
 *	kswapd_thread	whether there is one
 *	cache_add	kind, flags, order
 *	cache_...	number of the cache; tell: unused, flags; shrunk: freed
 *	others		space, vpn, and of a range its pages
 */
struct event {
	enum event_kind kind;
	uint64_t arg[EVENT_ARGS_MAX];
	struct op *op; /* op_done */
	void *mem;     /* swapon, file_on */
};

/* "fault"; NULL when there is no such event. */
const char *event_name(unsigned kind);
unsigned event_args(unsigned kind);

/*
 * Make the call, any but init.
 * => returns what it returns, 0 for void
 */
int64_t event_apply(struct core *c, const struct event *e, struct batch *b);

/*
 * An operation that the core appended or extended.  DECISION_PAGES is a digest
 * of frames, sources and identities.
 */
enum decision_field {
	DECISION_OP,
	DECISION_KIND,
	DECISION_FLAGS,
	DECISION_SPACE,
	DECISION_VPN,
	DECISION_TO,
	DECISION_ENTRY,
	DECISION_COUNT,
	DECISION_PAGES,
	DECISION_FIELDS
};
struct decision {
	uint64_t field[DECISION_FIELDS];
};

void decision_of(const struct core *c, const struct op *op,
                 struct decision *ret);

/*
 * The first operation that event e, made when last was the batch's last, may
 * have changed; those that follow it are new.
 */
static inline struct op *
decisions_first(const struct event *e, const struct batch *b, struct op *last)
{
	if (last == NULL)
		return b != NULL ? b->first : NULL;
	return e->kind == EVENT_adopt ? last : last->next;
}

/* The running hash over all decisions of a core. */
static inline uint64_t
decisions_mix(uint64_t hash, uint64_t x)
{
	hash = (hash ^ x) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 29;
}

#define DECISIONS_WAKE 256 /* mixed in for wake(who): this plus who */

#endif
