/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.c -- do again what a record says was done, and compare.
 *
 * What ends a replay -- a difference, a record without sense, an assertion of
 * the core -- leaves by longjmp(); a core in the middle of a call is given up.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/assert.h"
#include "base/bits.h"
#include "core/policy.h"
#include "record/event.h"
#include "replay/differ.h"
#include "replay/reader.h"
#include "replay/replay.h"

#define MEMORY_MAX_DEFAULT ((uint64_t)1 << 40)
#define OPS_TOTAL_MAX (1u << 16)
#define AREAS_TOTAL_MAX (1u << 20)
#define PAGES_END ((uint64_t)1 << 36)
#define ERRNO_MAX 4095

/* A block of memory that lives as long as the replay. */
struct block {
	struct block *next;
	void *at;
	size_t bytes;
};

struct replay {
	const struct replay_options *options;
	struct replay_result *result;
	struct reader reader;
	struct core *core;
	struct core_config cfg;
	struct block *blocks;
	uint64_t memory;
	bool *flying; /* operations that the core has handed out */
	uint64_t now_ns;
	const char *event; /* its name */
	jmp_buf out;
};

/* Whose assertions are caught; a hook has no argument. */
static struct replay *current;

/* -- the end -------------------------------------------------------------- */

_Noreturn static void stop(struct replay *r, enum replay_verdict verdict,
                           const char *format, ...)
	__attribute__((format(printf, 3, 4)));

_Noreturn static void
stop(struct replay *r, enum replay_verdict verdict, const char *format, ...)
{
	struct replay_result *ret = r->result;
	va_list args;
	int n = 0;

	ret->verdict = verdict;
	if (r->event != NULL)
		n = snprintf(ret->why, sizeof(ret->why),
		             "event %" PRIu64 " (%s): ", ret->events + 1,
		             r->event);
	va_start(args, format);
	(void)vsnprintf(ret->why + n, sizeof(ret->why) - (size_t)n, format,
	                args);
	va_end(args);
	longjmp(r->out, 1);
}

static void
law_broken(const char *expr, const char *file, int line, const char *func)
{
	stop(current, REPLAY_DIFFERENT, "the core stops at %s:%d, %s(): %s",
	     file, line, func, expr);
}

/* The record must be good so far. */
static void
expect_good(struct replay *r)
{
	if (r->reader.state == READER_GOOD)
		return;
	r->event = NULL;
	if (r->reader.state == READER_CUT)
		stop(r, REPLAY_BAD,
		     "%s; the %" PRIu64 " events that are there are the same",
		     r->reader.why, r->result->events);
	stop(r, REPLAY_BAD, "%s, after event %" PRIu64, r->reader.why,
	     r->result->events);
}

static uint64_t
number(struct replay *r)
{
	uint64_t x = reader_number(&r->reader);

	expect_good(r);
	return x;
}

/* A number below limit. */
static uint64_t
below(struct replay *r, uint64_t limit)
{
	uint64_t x = reader_below(&r->reader, limit);

	expect_good(r);
	return x;
}

static uint8_t
byte(struct replay *r)
{
	uint8_t x = reader_byte(&r->reader);

	expect_good(r);
	return x;
}

static uint64_t
hash(struct replay *r)
{
	uint64_t x = reader_hash(&r->reader);

	expect_good(r);
	return x;
}

_Noreturn static void
senseless(struct replay *r, const char *what)
{
	stop(r, REPLAY_BAD, "the record makes no sense: %s", what);
}

/* -- memory --------------------------------------------------------------- */

/* Zeroed memory, of which only what is touched is memory. */
static void *
memory_take(struct replay *r, uint64_t bytes)
{
	uint64_t max = r->options->memory_max;
	struct block *b;

	r->memory += bytes;
	if (r->memory > (max != 0 ? max : MEMORY_MAX_DEFAULT))
		stop(r, REPLAY_BAD, "the tables would be too large");
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		stop(r, REPLAY_BAD, "no memory");
	b->bytes = bytes;
	b->at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	b->next = r->blocks;
	r->blocks = b;
	if (b->at == MAP_FAILED)
		stop(r, REPLAY_BAD, "no memory for the tables");
	return b->at;
}

static void
memory_give(struct replay *r)
{
	while (r->blocks != NULL) {
		struct block *b = r->blocks;

		if (b->at != MAP_FAILED)
			(void)munmap(b->at, b->bytes);
		r->blocks = b->next;
		free(b);
	}
}

/* -- the core's host ------------------------------------------------------ */

/* The core does this; it must have been recorded. */
static void
expect_item(struct replay *r, unsigned item)
{
	unsigned recorded = byte(r);

	if (recorded != item)
		stop(r, REPLAY_DIFFERENT, "recorded: %s, here: %s",
		     differ_item(recorded), differ_item(item));
}

static uint64_t *
host_table_alloc(void *ctx)
{
	struct replay *r = ctx;
	unsigned recorded = byte(r);

	if (recorded == ITEM_NO_TABLE)
		return NULL;
	if (recorded != ITEM_TABLE)
		stop(r, REPLAY_DIFFERENT, "recorded: %s, here: %s",
		     differ_item(recorded), differ_item(ITEM_TABLE));
	return memory_take(r, TABLE_ENTRIES * sizeof(pte_t));
}

static void
host_wake(void *ctx, enum daemon who)
{
	struct replay *r = ctx;

	expect_item(r, ITEM_WAKE + who);
	r->result->hash = decisions_mix(r->result->hash, DECISIONS_WAKE + who);
}

static uint64_t
host_now_ns(void *ctx)
{
	struct replay *r = ctx;

	expect_item(r, ITEM_NOW);
	r->now_ns += (uint64_t)record_unfold(number(r));
	return r->now_ns;
}

static const struct host_ops replay_host = {
	.name = "replay",
	.table_alloc = host_table_alloc,
	.wake = host_wake,
	.now_ns = host_now_ns,
};

/* -- the header ----------------------------------------------------------- */

static void
expect_tunables(struct replay *r, const struct record_header *h)
{
	const struct tunable *t = r->cfg.policy->tunables;

	for (unsigned i = 0; t != NULL && t[i].name != NULL; i++)
		if (h->tunable[i] < t[i].min || h->tunable[i] > t[i].max)
			senseless(r, t[i].name);
}

static void
expect_zones(struct replay *r, const struct record_header *h)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < ZONES_MAX; i++)
		sum += h->zone_frames[i];
	if (sum != 0 && sum != h->frames_total)
		senseless(r, "zones");
}

static void
configure(struct replay *r, const struct record_header *h)
{
	const struct replay_options *o = r->options;

	if (h->ops_total > OPS_TOTAL_MAX || h->areas_max > AREAS_TOTAL_MAX)
		senseless(r, "sizes");
	if (h->spaces < 1 || h->spaces > SPACES_MAX)
		senseless(r, "spaces");
	expect_zones(r, h);
	r->cfg = (struct core_config){
		.frames_total = h->frames_total,
		.ops_total = h->ops_total,
		.spaces = h->spaces,
		.areas_max = h->areas_max,
		.ra_pages_max =
			o->ra_pages_max ? o->ra_pages_max : h->ra_pages_max,
		.unmap_batch = o->unmap_batch ? o->unmap_batch : h->unmap_batch,
		.patience_ns = h->patience_ns,
		.seed = h->seed ^ o->seed_changes,
		.host = &replay_host,
		.host_ctx = r,
		.stat = r->result->stat,
	};
	for (unsigned i = 0; i < ZONES_MAX; i++)
		r->cfg.zone_frames[i] = h->zone_frames[i];
	if (policy_parse(h->policy, &r->cfg) != NULL)
		stop(r, REPLAY_BAD, "its policy is not known here: %s",
		     h->policy);
	for (unsigned i = 0; i < TUNABLES_MAX; i++)
		r->cfg.tunable[i] = h->tunable[i];
	expect_tunables(r, h);
}

/* -- decisions ------------------------------------------------------------ */

static void
expect_decision(struct replay *r, const struct op *op)
{
	struct decision recorded, here;
	char text[240];

	for (unsigned i = 0; i < DECISION_FIELDS; i++)
		recorded.field[i] = number(r);
	decision_of(r->core, op, &here);
	if (memcmp(&recorded, &here, sizeof(here)) != 0) {
		differ_decision(text, sizeof(text), &recorded, &here);
		stop(r, REPLAY_DIFFERENT, "%s", text);
	}
	for (unsigned i = 0; i < DECISION_FIELDS; i++)
		r->result->hash = decisions_mix(r->result->hash, here.field[i]);
	r->flying[op - r->core->ops] = true;
	r->result->decisions++;
}

/* The event is over: value was returned, and operations from first came. */
static void
expect_decisions(struct replay *r, int64_t value, const struct op *first)
{
	int64_t recorded;
	uint64_t n = 0, count;

	expect_item(r, ITEM_END);
	recorded = record_unfold(number(r));
	if (recorded != value)
		stop(r, REPLAY_DIFFERENT,
		     "recorded: it returns %" PRId64 ", here: %" PRId64,
		     recorded, value);
	r->result->hash = decisions_mix(r->result->hash, (uint64_t)value);
	for (const struct op *op = first; op != NULL; op = op->next)
		n++;
	count = number(r);
	for (; first != NULL && count > 0; first = first->next, count--, n--)
		expect_decision(r, first);
	if (n + count != 0)
		stop(r, REPLAY_DIFFERENT,
		     "%" PRIu64
		     " more operations were recorded, here are %" PRIu64
		     " more",
		     count, n);
}

/* -- events --------------------------------------------------------------- */

static void
expect_range(struct replay *r, uint64_t vpn, uint64_t pages)
{
	if (vpn >= PAGES_END || pages > PAGES_END - vpn)
		senseless(r, "addresses");
}

/* What is moved there finds page tables: an area made them. */
static void
expect_tables(struct replay *r, const uint64_t *arg)
{
	pte_t **leaves = r->core->spaces[arg[0]].leaves;

	for (uint64_t v = arg[2]; v < arg[2] + arg[3];
	     v = ((v >> TABLE_SHIFT) + 1) << TABLE_SHIFT)
		if (leaves[v >> TABLE_SHIFT] == NULL)
			senseless(r, "a move to nowhere");
}

static struct op *
expect_flying(struct replay *r, uint64_t index)
{
	if (index >= r->cfg.ops_total || !r->flying[index])
		senseless(r, "an operation that is not under way");
	return &r->core->ops[index];
}

static void
take_results(struct replay *r, struct op *op)
{
	uint32_t n = op->kind == OP_POPULATE ? 1 : op->count;
	bool hashes = op->kind == OP_READ ||
	              (op->kind == OP_UNMAP && !(op->flags & OPF_DISCARD));
	bool failed = byte(r) != 0;

	for (uint32_t i = 0; i < n; i++) {
		int64_t err = failed ? record_unfold(number(r)) : 0;

		if (err > 0 || err < -ERRNO_MAX)
			senseless(r, "an error's number");
		op->pg[i].err = (int16_t)err;
	}
	for (uint32_t i = 0; i < n && hashes; i++) {
		struct op_page *pg = &op->pg[i];

		if (pg->err != 0)
			continue;
		if (op->kind == OP_UNMAP)
			pg->zero = byte(r) != 0;
		else if (entry_is_file(op->entry))
			pg->partial = byte(r) != 0;
		if (op->kind == OP_READ || !pg->zero)
			pg->hash = hash(r);
	}
}

static void
expect_cache(struct replay *r, const struct event *e)
{
	const uint64_t *a = e->arg;

	if (e->kind == EVENT_cache_add) {
		if (a[0] == CACHE_NONE || a[0] > CACHE_SLAB ||
		    a[1] > UINT8_MAX || a[2] >= BUDDY_ORDERS)
			senseless(r, "a cache");
		return;
	}
	if (a[0] >= CACHES_MAX || r->core->caches[a[0]].kind == CACHE_NONE)
		senseless(r, "a cache that there is not");
	if (e->kind == EVENT_cache_tell && (a[1] | a[2]) > UINT32_MAX)
		senseless(r, "what a cache tells");
}

/* Arguments that the core would not survive. */
static void
expect_swap(struct replay *r, struct event *e)
{
	const uint64_t *a = e->arg;

	if (e->kind != EVENT_swapon) {
		if (a[0] >= SWAP_AREAS_MAX || (!r->core->swap[a[0]].in_use &&
		                               e->kind != EVENT_swap_grown))
			senseless(r, "swap areas");
		return;
	}
	if (a[0] > UINT32_MAX || a[1] > UINT32_MAX)
		senseless(r, "slots");
	if ((int32_t)a[2] < SWAP_PRIO_AUTO || (int32_t)a[2] > SWAP_PRIO_MAX)
		senseless(r, "a priority");
	e->mem = memory_take(r, core_swap_bytes((uint32_t)a[0]));
}

static void
expect_args(struct replay *r, struct event *e, struct batch *b)
{
	const uint64_t *a = e->arg;

	if (event_args(e->kind) == 0)
		return;
	if (e->kind == EVENT_swapon || e->kind == EVENT_swap_grown ||
	    e->kind == EVENT_swapoff || e->kind == EVENT_swapoff_undo ||
	    e->kind == EVENT_swap_solid_state) {
		expect_swap(r, e);
		return;
	}
	if (e->kind == EVENT_file_on) {
		if (a[0] == 0 || a[0] >= SWP_OFFSET_MASK)
			senseless(r, "pages of a file");
		e->mem = memory_take(r, core_file_bytes((uint32_t)a[0]));
	}
	if (e->kind == EVENT_file_on || e->kind == EVENT_file_off)
		return;
	if (e->kind == EVENT_op_done) {
		e->op = expect_flying(r, a[0]);
		r->flying[a[0]] = false;
		take_results(r, e->op);
		return;
	}
	if (e->kind >= EVENT_cache_add && e->kind <= EVENT_cache_shrunk) {
		expect_cache(r, e);
		return;
	}
	if (a[0] >= r->cfg.spaces)
		senseless(r, "spaces");
	if (e->kind == EVENT_move || e->kind == EVENT_area_rename) {
		expect_range(r, a[1], a[3]);
		expect_range(r, a[2], a[3]);
		if (e->kind == EVENT_move)
			expect_tables(r, a);
	} else if (e->kind == EVENT_adopt) {
		expect_range(r, a[1], 1);
		if (a[2] != 0)
			batch_add(b, expect_flying(r, a[2] - 1));
	} else {
		expect_range(r, a[1], event_args(e->kind) > 2 ? a[2] : 1);
	}
	if (e->kind == EVENT_area_share &&
	    (a[3] >= r->cfg.spaces || a[3] == a[0]))
		senseless(r, "a home");
	if (e->kind == EVENT_area_flags && (a[3] | a[4]) > UINT32_MAX)
		senseless(r, "flags");
}

static void
replay_event(struct replay *r, enum event_kind kind)
{
	struct event e = {.kind = kind};
	struct batch b = {0};
	struct op *last;
	int64_t value;

	for (unsigned i = 0; i < event_args(kind); i++)
		e.arg[i] = number(r);
	expect_args(r, &e, &b);
	last = b.last;
	value = event_apply(r->core, &e, &b);
	expect_decisions(r, value, decisions_first(&e, &b, last));
	r->result->events++;
	if (kind == EVENT_fault && r->options->fault != NULL &&
	    (value == FAULT_DONE || value == FAULT_STARTED ||
	     value == FAULT_WAIT))
		r->options->fault(r->options->fault_ctx, (unsigned)e.arg[0],
		                  e.arg[1]);
}

/* The first event: there is a core. */
static void
replay_init(struct replay *r)
{
	if (byte(r) != EVENT_init)
		senseless(r, "it does not begin at the beginning");
	r->event = event_name(EVENT_init);
	r->core = core_init(memory_take(r, core_bytes(&r->cfg)), &r->cfg);
	r->flying = memory_take(r, r->cfg.ops_total * sizeof(bool));
	expect_decisions(r, 0, NULL);
	r->result->events++;
}

/* -- the record's end ----------------------------------------------------- */

static const struct {
	const char *name;
	enum pageout_stat_unit unit;
} stats[] = {
#define STAT(name, kind, unit, level, help) {#name, PAGEOUT_##unit},
#include "pageout/stat.def"
#undef STAT
};

static void
replay_end(struct replay *r)
{
	struct replay_result *ret = r->result;
	uint64_t events = number(r), recorded = hash(r);
	uint64_t count = below(r, 4096);

	if (events != ret->events || recorded != ret->hash)
		stop(r, REPLAY_DIFFERENT,
		     "recorded: %" PRIu64 " events and hash %016" PRIx64
		     ", here: %" PRIu64 " and %016" PRIx64,
		     events, recorded, ret->events, ret->hash);
	for (unsigned i = 0; i < count; i++) {
		uint64_t value = number(r);

		/* Times are the host's to count. */
		if (i < PAGEOUT_STATS && stats[i].unit != PAGEOUT_NS &&
		    value != ret->stat[i])
			stop(r, REPLAY_DIFFERENT,
			     "%s: recorded: %" PRIu64 ", here: %" PRIu64,
			     stats[i].name, value, ret->stat[i]);
	}
	if (!reader_at_end(&r->reader))
		senseless(r, "something follows its end");
}

static void
replay_all(struct replay *r)
{
	if (!reader_open(&r->reader, r->reader.bytes, r->reader.size))
		stop(r, REPLAY_BAD, "%s", r->reader.why);
	r->result->header = r->reader.header;
	configure(r, &r->reader.header);
	replay_init(r);
	for (;;) {
		unsigned kind;

		r->event = NULL;
		kind = byte(r);
		if (kind >= EVENTS || kind == EVENT_init)
			senseless(r, "no such event");
		r->event = event_name(kind);
		if (kind == EVENT_END)
			break;
		replay_event(r, (enum event_kind)kind);
	}
	replay_end(r);
}

void
replay_run(struct replay_result *ret, const void *bytes, size_t size,
           const struct replay_options *options)
{
	static const struct replay_options defaults;
	struct replay r = {
		.options = options != NULL ? options : &defaults,
		.result = ret,
		.reader = {.bytes = bytes, .size = size},
	};
	fail_fn *was = assert_fail;

	*ret = (struct replay_result){.verdict = REPLAY_SAME};
	current = &r;
	assert_fail = law_broken;
	if (setjmp(r.out) == 0)
		replay_all(&r);
	assert_fail = was;
	current = NULL;
	memory_give(&r);
}
