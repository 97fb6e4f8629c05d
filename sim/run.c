/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run.c -- one run: events in the order of their times, the laws after each.
 *
 *	sim_start()	a world, chosen by the seed
 *	sim_run()	events until the memory is full, checked now and then;
 *			so many more, each checked; then no new ones, no more
 *			faults, and what is pending ends; then every page is
 *			looked at, some are read as a task would; then all areas
 *			are removed, and every frame and slot must be free again
 *
 * The queue is a heap by (time, order): order makes events of one time come in
 * the order in which they were scheduled, on every machine.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/sim.h"

#define ARENA_BYTES ((size_t)256 << 20)
/* Eight tasks look every 60 us while a transfer takes its longest, 16 s. */
#define SETTLE_EVENTS 4000000
#define AUDIT_EVENTS \
	UINT64_C(64) /* one audit in so many events, for each node */
#define WARM_EVENTS 3000
#define VERIFIED_PAGES 48

/* -- the queue --------------------------------------------------------- */

static bool
earlier(const struct sim_event *a, const struct sim_event *b)
{
	if (a->time != b->time)
		return a->time < b->time;
	return a->order < b->order;
}

void
sim_schedule_on(struct sim_node *n, uint64_t delay_ns, enum sim_event_kind kind,
                uint32_t index)
{
	struct sim *s = n->sim;
	struct sim_event e = {
		.time = s->now + delay_ns,
		.order = s->order++,
		.kind = (uint16_t)kind,
		.node = n->id,
		.index = index,
	};
	uint32_t i = s->queue_count++;

	if (i == SIM_EVENTS_MAX)
		sim_fail(s, "size", "too many events are pending");
	for (; i > 0 && earlier(&e, &s->queue[(i - 1) / 2]); i = (i - 1) / 2)
		s->queue[i] = s->queue[(i - 1) / 2];
	s->queue[i] = e;
}

void
sim_schedule(struct sim *s, uint64_t delay_ns, enum sim_event_kind kind,
             uint32_t index)
{
	sim_schedule_on(s->node, delay_ns, kind, index);
}

static struct sim_event
queue_take(struct sim *s)
{
	struct sim_event first = s->queue[0];
	struct sim_event e = s->queue[--s->queue_count];
	uint32_t i = 0, child;

	while ((child = 2 * i + 1) < s->queue_count) {
		if (child + 1 < s->queue_count &&
		    earlier(&s->queue[child + 1], &s->queue[child]))
			child++;
		if (!earlier(&s->queue[child], &e))
			break;
		s->queue[i] = s->queue[child];
		i = child;
	}
	s->queue[i] = e;
	return first;
}

static void
handle_next(struct sim *s)
{
	struct sim_event e = queue_take(s);
	bool is_audit;

	if (e.time > s->now)
		s->now = e.time;
	switch ((enum sim_event_kind)e.kind) {
	case EVENT_JOB:
		host_job(&s->node[e.node], e.index);
		break;
	case EVENT_TASK:
		task_run(s, e.index);
		break;
	case EVENT_FAULT:
		task_fault(s, e.index);
		break;
	case EVENT_ASK:
		task_ask(s, e.index);
		break;
	case EVENT_DAEMON:
		host_daemon(&s->node[e.node], e.index);
		break;
	case EVENT_CHORE:
		chore_run(s, e.index);
		break;
	case EVENT_WORLD:
		world_run(s);
		break;
	case EVENT_DEVICE:
		world_device(s, e.index);
		break;
	}
	is_audit = ++s->events_done % (AUDIT_EVENTS * s->nodes) == 0;
	if (s->events_done > s->warm || is_audit)
		oracle_check(s);
	if (is_audit)
		oracle_audit(s);
}

/* -- a world, again and again ------------------------------------------ */

struct sim *
sim_new(void)
{
	struct sim *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->arena_bytes = ARENA_BYTES;
	s->arena = mmap(NULL, s->arena_bytes, PROT_READ | PROT_WRITE,
	                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->arena == MAP_FAILED) {
		free(s);
		return NULL;
	}
	for (unsigned i = 0; i < SIM_LEAVES_MAX; i++) {
		s->leaf[i] = calloc(TABLE_ENTRIES, sizeof(pte_t));
		if (s->leaf[i] == NULL) {
			sim_delete(s);
			return NULL;
		}
	}
	return s;
}

void
sim_delete(struct sim *s)
{
	for (unsigned i = 0; i < SIM_LEAVES_MAX; i++)
		free(s->leaf[i]);
	(void)munmap(s->arena, s->arena_bytes);
	free(s);
}

/* A leaf is touched at its start, or at its end where two meet. */
static void
clear_leaves(struct sim *s)
{
	size_t bytes = (SIM_PAGES_MAX + 64) * sizeof(pte_t);

	for (uint32_t i = 0; i < s->leaves; i++) {
		char *leaf = (char *)s->leaf[i];

		memset(leaf, 0, bytes);
		memset(leaf + TABLE_ENTRIES * sizeof(pte_t) - bytes, 0, bytes);
	}
	s->leaves = 0;
}

void
sim_start(struct sim *s, const struct sim_options *opt)
{
	clear_leaves(s);
	(void)madvise(s->arena, s->arena_bytes, MADV_DONTNEED);
	s->opt = *opt;
	s->choice = (struct choice){
		.state = mix64(opt->seed + 1),
	};
	s->faults = (struct sim_faults){0};
	s->calm = false;
	s->now = 1000000000;
	s->order = s->events_done = s->words = 0;
	s->queue_count = s->tasks_count = 0;
	s->nodes = opt->nodes ? opt->nodes : 1;
	s->warm = opt->bytes != NULL ? WARM_EVENTS / 4 : WARM_EVENTS;
	s->warm *= s->nodes; /* there is more memory to fill */
	if (opt->manual)
		s->warm = 0;
	world_init(s);
}

/* -- winding up -------------------------------------------------------- */

void
sim_settle(struct sim *s, const char *what)
{
	uint64_t end = s->events_done + SETTLE_EVENTS;

	while (s->queue_count > 0) {
		if (s->events_done == end)
			sim_fail(s, "progress", "%s: no end in %d events", what,
			         SETTLE_EVENTS);
		handle_next(s);
	}
	oracle_settled(s);
}

static void
be_calm(struct sim *s)
{
	world_stay(s);
	s->calm = true;
	s->faults = (struct sim_faults){0};
	for (unsigned i = 0; i < s->nodes; i++)
		s->node[i].disks_gone = false;
	for (unsigned space = 0; space < s->spaces; space++)
		for (uint32_t i = 0; i < s->pages; i++)
			s->page[space][i].flags &=
				(uint16_t) ~(PG_DMA | PG_PROTECTED);
	s->loosened_ns = s->now;
}

/* Read some pages as a task does: faults, reads, evictions and all. */
static void
verify_some(struct sim *s)
{
	struct sim_task *t = &s->tasks[0];

	s->tasks_count = 1;
	for (unsigned i = 0; i < VERIFIED_PAGES; i++) {
		*t = (struct sim_task){
			.state = TASK_RUNS,
			.space = choice_of(&s->choice, s->spaces),
			.page = choice_of(&s->choice, s->pages),
			.touching = true,
		};
		sim_schedule(s, 1000, EVENT_TASK, 0);
		sim_settle(s, "reading a page");
	}
}

static void
remove_range(struct sim *s, unsigned space, uint32_t page, uint32_t pages)
{
	if (!chore_start(s, CHORE_REMOVE, space, page, pages))
		sim_fail(s, "progress", "a range is busy");
	sim_settle(s, "removing an area");
}

/* Remove what there is, area by area. */
static void
remove_all(struct sim *s)
{
	for (unsigned space = 0; space < s->spaces; space++) {
		uint32_t i = 0, n;

		while (i < s->pages) {
			for (n = 0; i + n < s->pages &&
			            s->page[space][i + n].flags & PG_MANAGED;
			     n++)
				;
			if (n > 0)
				remove_range(s, space, i, n);
			i += n + 1;
		}
	}
}

/* Nothing is managed: every frame and every slot is free. */
static void
check_empty(struct sim *s, const struct sim_node *n)
{
	struct core *c = n->core;
	uint32_t free = core_frames_free(c) + c->empty.count;

	if (free != n->cfg.frames_total)
		sim_fail(s, "I7", "%u of %u frames are free at the end", free,
		         n->cfg.frames_total);
	for (uint32_t i = 0; i < n->disks; i++) {
		const struct swap_area *a = &c->swap[i];

		if (a->in_use && a->free + a->bad != a->max - 1)
			sim_fail(s, "I3", "%u + %u of %u slots are free",
			         a->free, a->bad, a->max - 1);
	}
	for (uint32_t i = 0; i < n->files; i++)
		if (!tap_file_off(c, SWAP_AREAS_MAX + i))
			sim_fail(s, "I3", "pages of a file are left");
}

void
sim_run(struct sim *s)
{
	oracle_check(s);
	while (s->events_done < s->warm && s->queue_count > 0)
		handle_next(s);
	s->choice.bytes = s->opt.bytes;
	s->choice.bytes_count = s->opt.bytes_count;
	while (s->events_done < s->warm + s->opt.events && s->queue_count > 0 &&
	       (s->opt.bytes == NULL || choice_has_bytes(&s->choice)))
		handle_next(s);
	be_calm(s);
	sim_settle(s, "winding up");
	verify_some(s);
	remove_all(s);
	if (s->claims.count != 0)
		sim_fail(s, "place", "a claim is left");
	for (unsigned i = 0; i < s->nodes; i++)
		check_empty(s, &s->node[i]);
}
