/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tap.c -- a tap between a host and its core, which records what passes.
 *
 * An event is written as it happens: call, answers, decisions.  If the memory
 * is full in its midst the chunk is sealed, and it goes on in the next.
 */
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "core/policy.h"
#include "pageout/stat.h"
#include "record/format.h"
#include "record/tap.h"

/* A setting of the core that is not in the header would not be replayed. */
_Static_assert(sizeof(struct core_config) == 152,
               "struct core_config has changed: say it in the record's header");

/* -- bytes ---------------------------------------------------------------- */

/* The chunk is complete.  => bytes of the memory that are the record's */
static size_t
seal(struct tap *t)
{
	struct record_chunk head = {.magic = RECORD_CHUNK_MAGIC};
	const uint8_t *from = t->chunk + sizeof(head);

	if (t->at == from)
		return (size_t)(t->chunk - t->start);
	head.bytes = (uint32_t)(t->at - from);
	head.check = XXH3_64bits_withSeed(from, head.bytes, t->chunks++);
	memcpy(t->chunk, &head, sizeof(head));
	return (size_t)(t->at - t->start);
}

/* Hand bytes over, and have new memory.  => false: recording stops */
static bool
turn(struct tap *t, size_t bytes)
{
	size_t room = 0;

	t->start = t->full(t->full_ctx, bytes, &room);
	if (t->start == NULL) {
		t->on = false;
		t->at = t->end = NULL;
		return false;
	}
	must(room >= TAP_BYTES_MIN && room <= RECORD_CHUNK_BYTES_MAX);
	t->chunk = t->start;
	t->at = t->chunk + sizeof(struct record_chunk);
	t->end = t->start + room;
	return true;
}

static inline void
put_byte(struct tap *t, unsigned x)
{
	if (t->at == t->end && (!t->on || !turn(t, seal(t))))
		return;
	*t->at++ = (uint8_t)x;
}

static void
put(struct tap *t, uint64_t x)
{
	for (; x >= 0x80; x >>= 7)
		put_byte(t, (x & 0x7f) | 0x80);
	put_byte(t, (unsigned)x);
}

static void
put_hash(struct tap *t, uint64_t x)
{
	for (unsigned i = 0; i < 8; i++)
		put_byte(t, x >> (8 * i) & 0xff);
}

/* -- the core's host ------------------------------------------------------ */

static uint64_t *
host_table_alloc(void *ctx)
{
	struct tap *t = ctx;
	uint64_t *table = t->host->table_alloc(t->host_ctx);

	if (t->on)
		put_byte(t, table != NULL ? ITEM_TABLE : ITEM_NO_TABLE);
	return table;
}

static void
host_wake(void *ctx, enum daemon who)
{
	struct tap *t = ctx;

	if (t->on) {
		put_byte(t, ITEM_WAKE + who);
		t->hash = decisions_mix(t->hash, DECISIONS_WAKE + who);
	}
	t->host->wake(t->host_ctx, who);
}

static uint64_t
host_now_ns(void *ctx)
{
	struct tap *t = ctx;
	uint64_t now = t->host->now_ns(t->host_ctx);

	if (t->on) {
		put_byte(t, ITEM_NOW);
		put(t, record_fold((int64_t)(now - t->now_ns)));
		t->now_ns = now;
	}
	return now;
}

/* What comes of it comes back as events. */
static void
host_shrink(void *ctx, unsigned cache, uint64_t goal)
{
	struct tap *t = ctx;

	if (t->host->shrink != NULL)
		t->host->shrink(t->host_ctx, cache, goal);
}

static const struct host_ops tap_host = {
	.name = "tap",
	.table_alloc = host_table_alloc,
	.wake = host_wake,
	.now_ns = host_now_ns,
	.shrink = host_shrink,
};

/* The tap of a core, when it records; or NULL. */
static inline struct tap *
tap_of(const struct core *c)
{
	struct tap *t = c->cfg.host_ctx;

	return c->cfg.host == &tap_host && t->on ? t : NULL;
}

/* -- an event ------------------------------------------------------------- */

static void
put_results(struct tap *t, const struct op *op)
{
	uint32_t n = op->kind == OP_POPULATE ? 1 : op->count;
	bool hashes = op->kind == OP_READ ||
	              (op->kind == OP_UNMAP && !(op->flags & OPF_DISCARD));
	bool failed = false;

	for (uint32_t i = 0; i < n; i++)
		failed |= op->pg[i].err != 0;
	put_byte(t, failed);
	for (uint32_t i = 0; i < n && failed; i++)
		put(t, record_fold(op->pg[i].err));
	for (uint32_t i = 0; i < n && hashes; i++) {
		const struct op_page *pg = &op->pg[i];

		if (pg->err != 0)
			continue;
		if (op->kind == OP_UNMAP)
			put_byte(t, pg->zero);
		else if (entry_is_file(op->entry))
			put_byte(t, pg->partial);
		if (op->kind == OP_READ || !pg->zero)
			put_hash(t, pg->hash);
	}
}

static void
put_decisions(struct tap *t, const struct core *c, int64_t value,
              const struct op *first)
{
	uint32_t n = 0;

	put_byte(t, ITEM_END);
	put(t, record_fold(value));
	t->hash = decisions_mix(t->hash, (uint64_t)value);
	for (const struct op *op = first; op != NULL; op = op->next)
		n++;
	put(t, n);
	for (const struct op *op = first; op != NULL; op = op->next) {
		struct decision d;

		decision_of(c, op, &d);
		for (unsigned i = 0; i < DECISION_FIELDS; i++) {
			put(t, d.field[i]);
			t->hash = decisions_mix(t->hash, d.field[i]);
		}
	}
}

/* Make a call, and write it down if there is a tap.  => what it returns */
static int64_t
call(struct core *c, struct batch *b, struct event e)
{
	struct tap *t = tap_of(c);
	struct op *last = b != NULL ? b->last : NULL;
	int64_t value;

	if (t == NULL)
		return event_apply(c, &e, b);
	put_byte(t, e.kind);
	for (unsigned i = 0; i < event_args(e.kind); i++)
		put(t, e.arg[i]);
	if (e.kind == EVENT_op_done)
		put_results(t, e.op);
	value = event_apply(c, &e, b);
	put_decisions(t, c, value, decisions_first(&e, b, last));
	t->events++;
	return value;
}

/* -- beginning and end ---------------------------------------------------- */

static void
put_header(struct tap *t, const struct core_config *cfg)
{
	struct record_header h = {
		.version = RECORD_VERSION,
		.bytes = sizeof(h),
		.frames_total = cfg->frames_total,
		.ops_total = cfg->ops_total,
		.spaces = cfg->spaces,
		.areas_max = cfg->areas_max,
		.ra_pages_max = cfg->ra_pages_max,
		.unmap_batch = cfg->unmap_batch,
		.patience_ns = cfg->patience_ns,
		.seed = cfg->seed,
		.program = PAGEOUT_VERSION,
	};
	const char *name = cfg->policy->name;

	memcpy(h.magic, RECORD_MAGIC, sizeof(h.magic));
	for (unsigned i = 0; name[i] != '\0'; i++) {
		must(i < sizeof(h.policy) - 1);
		h.policy[i] = name[i];
	}
	for (unsigned i = 0; i < ZONES_MAX; i++)
		h.zone_frames[i] = cfg->zone_frames[i];
	for (unsigned i = 0; i < TUNABLES_MAX; i++)
		h.tunable[i] = cfg->tunable[i];
	h.check = XXH3_64bits(&h, offsetof(struct record_header, check));
	memcpy(t->start, &h, sizeof(h));
	t->chunk = t->start + sizeof(h);
	t->at = t->chunk + sizeof(struct record_chunk);
}

struct core *
tap_init(struct tap *t, void *mem, const struct core_config *cfg)
{
	struct core_config own = *cfg;
	struct core *c;

	if (t == NULL)
		return core_init(mem, cfg);
	t->host = cfg->host;
	t->host_ctx = cfg->host_ctx;
	own.host = &tap_host;
	own.host_ctx = t;
	t->on = turn(t, 0);
	if (!t->on)
		return core_init(mem, &own);
	put_header(t, cfg);
	put_byte(t, EVENT_init);
	c = core_init(mem, &own);
	put_decisions(t, c, 0, NULL);
	t->events++;
	return c;
}

void
tap_spill(struct tap *t)
{
	if (t->on)
		(void)turn(t, seal(t));
}

void
tap_end(struct tap *t, struct core *c)
{
	if (!t->on)
		return;
	put_byte(t, EVENT_END);
	put(t, t->events);
	put_hash(t, t->hash);
	put(t, PAGEOUT_STATS);
	for (unsigned i = 0; i < PAGEOUT_STATS; i++)
		put(t, __atomic_load_n(&c->stat[i], __ATOMIC_RELAXED));
	tap_spill(t);
	t->on = false;
}

/* -- the calls ------------------------------------------------------------ */

#define CALL(name, ...) \
	((struct event){.kind = EVENT_##name, .arg = {__VA_ARGS__}})

int
tap_swapon(struct core *c, void *mem, uint32_t slots, uint32_t ready, int prio)
{
	return (int)call(c, NULL,
	                 (struct event){.kind = EVENT_swapon,
	                                .arg = {slots, ready, (uint32_t)prio},
	                                .mem = mem});
}

void
tap_op_done(struct core *c, struct op *op, struct batch *b)
{
	struct event e = {.kind = EVENT_op_done, .op = op};

	e.arg[0] = (uint64_t)(op - c->ops);
	(void)call(c, b, e);
}

int
tap_adopt(struct core *c, unsigned space, uint64_t vpn, struct batch *b)
{
	uint64_t last = b->last ? (uint64_t)(b->last - c->ops) + 1 : 0;

	return (int)call(c, b, CALL(adopt, space, vpn, last));
}

void
tap_swap_grown(struct core *c, unsigned type, uint32_t ready)
{
	(void)call(c, NULL, CALL(swap_grown, type, ready));
}

void
tap_swap_solid_state(struct core *c, unsigned type)
{
	(void)call(c, NULL, CALL(swap_solid_state, type));
}

int64_t
tap_swapoff(struct core *c, unsigned type, struct batch *b)
{
	return call(c, b, CALL(swapoff, type));
}

void
tap_swapoff_undo(struct core *c, unsigned type)
{
	(void)call(c, NULL, CALL(swapoff_undo, type));
}

int
tap_area_add(struct core *c, unsigned space, uint64_t vpn, uint64_t pages)
{
	return (int)call(c, NULL, CALL(area_add, space, vpn, pages));
}

int
tap_area_remove(struct core *c, unsigned space, uint64_t vpn, uint64_t pages)
{
	return (int)call(c, NULL, CALL(area_remove, space, vpn, pages));
}

int
tap_area_flags(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
               uint32_t set, uint32_t clear)
{
	return (int)call(c, NULL,
	                 CALL(area_flags, space, vpn, pages, set, clear));
}

int
tap_area_rename(struct core *c, unsigned space, uint64_t from, uint64_t to,
                uint64_t pages)
{
	return (int)call(c, NULL, CALL(area_rename, space, from, to, pages));
}

int
tap_file_on(struct core *c, void *mem, uint32_t pages)
{
	return (int)call(c, NULL,
	                 (struct event){.kind = EVENT_file_on,
	                                .arg = {pages},
	                                .mem = mem});
}

bool
tap_file_off(struct core *c, unsigned type)
{
	return call(c, NULL, CALL(file_off, type)) != 0;
}

int
tap_area_add_file(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
                  unsigned type, uint32_t page, uint32_t flags)
{
	return (int)call(
		c, NULL,
		CALL(area_add_file, space, vpn, pages, type, page, flags));
}

int
tap_area_share(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
               unsigned home_space, uint64_t home_vpn)
{
	return (int)call(
		c, NULL,
		CALL(area_share, space, vpn, pages, home_space, home_vpn));
}

uint64_t
tap_sync(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
         bool begin, struct batch *b)
{
	return (uint64_t)call(c, b, CALL(sync, space, vpn, pages, begin));
}

uint64_t
tap_refresh(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
            struct batch *b)
{
	return (uint64_t)call(c, b, CALL(refresh, space, vpn, pages));
}

enum fault_verdict
tap_fault(struct core *c, unsigned space, uint64_t vpn, struct batch *b)
{
	return (enum fault_verdict)call(c, b, CALL(fault, space, vpn));
}

enum fault_verdict
tap_fault_write(struct core *c, unsigned space, uint64_t vpn, struct batch *b)
{
	return (enum fault_verdict)call(c, b, CALL(fault_write, space, vpn));
}

uint64_t
tap_discard(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
            struct batch *b)
{
	return (uint64_t)call(c, b, CALL(discard, space, vpn, pages));
}

uint64_t
tap_move(struct core *c, unsigned space, uint64_t from, uint64_t to,
         uint64_t pages, struct batch *b)
{
	return (uint64_t)call(c, b, CALL(move, space, from, to, pages));
}

uint64_t
tap_vanished(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
             struct batch *b)
{
	return (uint64_t)call(c, b, CALL(vanished, space, vpn, pages));
}

uint64_t
tap_prefetch(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
             struct batch *b)
{
	return (uint64_t)call(c, b, CALL(prefetch, space, vpn, pages));
}

uint64_t
tap_cold(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
         struct batch *b)
{
	return (uint64_t)call(c, b, CALL(cold, space, vpn, pages));
}

enum fault_verdict
tap_pin(struct core *c, unsigned space, uint64_t vpn, struct batch *b)
{
	return (enum fault_verdict)call(c, b, CALL(pin, space, vpn));
}

void
tap_unpin(struct core *c, unsigned space, uint64_t vpn)
{
	(void)call(c, NULL, CALL(unpin, space, vpn));
}

void
tap_evictable(struct core *c)
{
	(void)call(c, NULL, CALL(evictable));
}

int
tap_cache_add(struct core *c, const struct cache *new)
{
	return (int)call(c, NULL,
	                 CALL(cache_add, new->kind, new->flags, new->order));
}

void
tap_cache_remove(struct core *c, unsigned id)
{
	(void)call(c, NULL, CALL(cache_remove, id));
}

void
tap_cache_tell(struct core *c, unsigned id, uint32_t unused, uint32_t flags)
{
	(void)call(c, NULL, CALL(cache_tell, id, unused, flags));
}

void
tap_cache_shrunk(struct core *c, unsigned id, uint64_t freed)
{
	(void)call(c, NULL, CALL(cache_shrunk, id, freed));
}

bool
tap_kswapd(struct core *c, struct batch *b)
{
	return call(c, b, CALL(kswapd)) != 0;
}

void
tap_wake_kswapd(struct core *c)
{
	(void)call(c, NULL, CALL(wake_kswapd));
}

void
tap_kswapd_thread(struct core *c, bool has)
{
	(void)call(c, NULL, CALL(kswapd_thread, has));
}

bool
tap_kreclaimd(struct core *c, struct batch *b)
{
	return call(c, b, CALL(kreclaimd)) != 0;
}

bool
tap_flush(struct core *c, struct batch *b)
{
	return call(c, b, CALL(flush)) != 0;
}

bool
tap_reclaim_direct(struct core *c, struct batch *b)
{
	return call(c, b, CALL(reclaim_direct)) != 0;
}
