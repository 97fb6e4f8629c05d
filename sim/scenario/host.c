/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.c -- the model host: it moves pages at once, and ends transfers only
 * when a scenario says so.
 *
 * A page's contents are one word; 0 is zeros.  The word moves with the page, to
 * its frame, to the disk and back; so whether a page is dirty follows from its
 * contents, as for any host.
 */
#include <stdlib.h>

#include "base/bits.h"
#include "base/hash.h"
#include "sim/scenario/scenario.h"

uint64_t
model_hash(struct page_id id, uint64_t word)
{
	return page_seed(page_seed(id.id + 1, id.off), word);
}

/* -- moves ----------------------------------------------------------------- */

static void
perform_map(struct scenario *s, const struct op *op)
{
	struct world *w = s->w;

	s->seen.maps += op->count;
	for (uint32_t i = 0; i < op->count; i++) {
		uint64_t *frame = &w->frame_word[op->pg[i].pfn];

		if (op->flags & OPF_ZERO)
			*frame = 0;
		if (op->flags & OPF_COPY) {
			*frame = w->frame_word[op->pg[i].src];
			s->seen.copies++;
		}
		w->space[op->space].word[op->vpn + i] = *frame;
		if (*frame != w->space[op->space].truth[op->vpn + i])
			complain(s, "page %ju has lost its contents",
			         (uintmax_t)op->vpn + i);
	}
}

static void
perform_unmap(struct scenario *s, struct op *op)
{
	struct world *w = s->w;

	s->seen.unmaps += op->count;
	for (uint32_t i = 0; i < op->count; i++) {
		uint64_t word = w->space[op->space].word[op->vpn + i];

		w->frame_word[op->pg[i].pfn] = word;
		op->pg[i].zero = word == 0;
		if ((op->flags & OPF_DISCARD) == 0)
			op->pg[i].hash = model_hash(
				(struct page_id){op->id, op->off + i}, word);
	}
}

/* -- transfers ------------------------------------------------------------- */

static uint64_t *
disk_word(struct world *w, uint32_t entry)
{
	struct disk *d = &w->disk[entry_type(entry)];

	must((entry & SWP_OFFSET_MASK) < d->slots);
	return &d->word[entry & SWP_OFFSET_MASK];
}

static void
transfer_end(struct scenario *s, struct op *op, struct batch *b)
{
	struct world *w = s->w;

	for (uint32_t i = 0; i < op->count; i++) {
		uint64_t *frame = &w->frame_word[op->pg[i].pfn];
		uint64_t *disk = disk_word(w, op->entry + i);

		if (op->kind == OP_READ) {
			*frame = *disk;
			op->pg[i].hash = model_hash(
				(struct page_id){op->id, op->off + i}, *frame);
		} else if (w->fail_writes) {
			op->pg[i].err = -5;
		} else {
			*disk = *frame;
		}
	}
	core_op_done(w->core, op, b);
}

static bool
transfer_is(const struct op *op, enum transfer kind)
{
	return kind == TRANSFER_ANY ||
	       (kind == TRANSFER_READ) == (op->kind == OP_READ);
}

static bool
names_frame(const struct op *op, uint32_t pfn)
{
	for (uint32_t i = 0; i < op->count; i++)
		if (op->pg[i].pfn == pfn)
			return true;
	return false;
}

static void
pending_add(struct world *w, struct op *op)
{
	op->next = NULL;
	if (w->pending_last == NULL)
		w->pending_first = op;
	else
		w->pending_last->next = op;
	w->pending_last = op;
}

/* Take the oldest of a kind that names a frame, or any. */
static struct op *
pending_take(struct world *w, enum transfer kind, uint32_t pfn)
{
	struct op *prev = NULL, *op = w->pending_first;

	for (; op != NULL; prev = op, op = op->next)
		if (transfer_is(op, kind) &&
		    (pfn == PFN_NONE || names_frame(op, pfn)))
			break;
	if (op == NULL)
		return NULL;
	if (prev == NULL)
		w->pending_first = op->next;
	else
		prev->next = op->next;
	if (w->pending_last == op)
		w->pending_last = prev;
	return op;
}

uint32_t
host_pending(const struct world *w, enum transfer kind)
{
	uint32_t n = 0;

	if (kind == TRANSFER_ANY || kind == TRANSFER_BUFFER)
		n += w->buffers;
	if (kind == TRANSFER_BUFFER)
		return n;
	for (const struct op *op = w->pending_first; op != NULL; op = op->next)
		n += transfer_is(op, kind) ? op->count : 0;
	return n;
}

void
host_perform(struct scenario *s, struct batch *b)
{
	struct op *op;

	while ((op = batch_take(b)) != NULL) {
		switch ((enum op_kind)op->kind) {
		case OP_READ:
			s->seen.reads += op->count;
			s->seen.read_ops++;
			pending_add(s->w, op);
			continue;
		case OP_WRITE:
			s->seen.writes += op->count;
			s->seen.write_ops++;
			pending_add(s->w, op);
			continue;
		case OP_MAP:
			perform_map(s, op);
			break;
		case OP_UNMAP:
			perform_unmap(s, op);
			break;
		case OP_POPULATE:
		case OP_WAKE:
			break;
		case OP_REMAP:
		case OP_ADOPT:
		case OP_UNPOISON:
			never();
		}
		core_op_done(s->w->core, op, b);
	}
}

/* The oldest buffer that is being written, or that of a frame. */
static bool
buffer_end(struct world *w, uint32_t pfn)
{
	for (uint32_t i = 0; i < w->buffers; i++) {
		uint32_t found = w->buffer[i];

		if (pfn != PFN_NONE && found != pfn)
			continue;
		w->buffers--;
		for (; i < w->buffers; i++)
			w->buffer[i] = w->buffer[i + 1];
		buffer_written24(w->core, found, !w->fail_writes);
		return true;
	}
	return false;
}

static bool
transfer_one(struct scenario *s, enum transfer kind, uint32_t pfn)
{
	struct batch b = {NULL, NULL};
	struct op *op = NULL;

	if (kind != TRANSFER_BUFFER)
		op = pending_take(s->w, kind, pfn);
	if (op != NULL) {
		transfer_end(s, op, &b);
		host_perform(s, &b);
		return true;
	}
	return (kind == TRANSFER_ANY || kind == TRANSFER_BUFFER) &&
	       buffer_end(s->w, pfn);
}

uint32_t
host_complete(struct scenario *s, enum transfer kind, uint32_t n)
{
	uint32_t done = 0;

	while (done < n && transfer_one(s, kind, PFN_NONE))
		done++;
	return done;
}

bool
host_complete_frame(struct scenario *s, uint32_t pfn)
{
	return transfer_one(s, TRANSFER_ANY, pfn);
}

/* -- calls ----------------------------------------------------------------- */

static uint64_t *
host_table_alloc(void *ctx)
{
	struct scenario *s = ctx;
	struct world *w = s->w;

	if (w->leaves == ARRAY_SIZE(w->leaf))
		return NULL;
	w->leaf[w->leaves] = calloc(TABLE_ENTRIES, sizeof(uint64_t));
	return w->leaf[w->leaves++];
}

static void
host_wake(void *ctx, enum daemon who)
{
	struct scenario *s = ctx;

	s->seen.wakes[who]++;
	s->w->woken[who] = true;
}

static uint64_t
host_now_ns(void *ctx)
{
	const struct scenario *s = ctx;

	return s->w->now;
}

static void
host_trace(void *ctx, const struct transition *t)
{
	struct scenario *s = ctx;

	if (s->w->traced < TRACE_MAX)
		s->w->trace[s->w->traced++] = *t;
}

static void
host_shrink(void *ctx, unsigned cache, uint64_t goal)
{
	struct scenario *s = ctx;

	s->seen.shrinks++;
	s->seen.shrink_goal = goal;
	s->seen.shrink_cache = cache;
}

static void
host_buffer_write(void *ctx, uint32_t pfn)
{
	struct scenario *s = ctx;

	s->seen.buffer_writes++;
	s->w->buffer[s->w->buffers++] = pfn;
}

static void
host_oom_kill(void *ctx)
{
	struct scenario *s = ctx;

	s->seen.oom_kills++;
}

const struct host_ops model_host = {
	.name = "scenario",
	.table_alloc = host_table_alloc,
	.wake = host_wake,
	.now_ns = host_now_ns,
	.trace = host_trace,
	.shrink = host_shrink,
	.buffer_write = host_buffer_write,
	.oom_kill = host_oom_kill,
};
