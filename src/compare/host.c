/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.c -- the core's host: operations, transfers that take their time, and
 * daemons that are woken.
 */
#include "base/bits.h"
#include "base/hash.h"
#include "compare/model.h"

static void
due_at(struct model *m, unsigned event, uint64_t ns)
{
	m->due[event] = ns;
	m->due_next = UINT64_MAX;
	for (unsigned i = 0; i < EVENTS; i++)
		if (m->due[i] < m->due_next)
			m->due_next = m->due[i];
}

static void
due_soon(struct model *m, unsigned event, uint64_t ns)
{
	if (ns < m->due[event])
		due_at(m, event, ns);
}

/* -- operations ----------------------------------------------------------- */

static uint64_t
hash_of(const struct op *op, uint32_t i, uint32_t contents)
{
	return page_seed(page_seed(op->id, op->off + i), contents);
}

static void
perform_map(struct model *m, const struct op *op)
{
	for (uint32_t i = 0; i < op->count; i++) {
		uint32_t *frame = &m->in_frame[op->pg[i].pfn];
		uint8_t *page = &m->page[op->vpn + i];

		must((*page & PAGE_BIT_MAPPED) == 0); /* [M1] */
		if (op->flags & OPF_ZERO)
			*frame = 0;
		if (op->flags & OPF_COPY)
			*frame = m->in_frame[op->pg[i].src];
		*page |= PAGE_BIT_MAPPED;
	}
}

static void
perform_unmap(struct model *m, struct op *op)
{
	for (uint32_t i = 0; i < op->count; i++) {
		uint32_t *frame = &m->in_frame[op->pg[i].pfn];
		uint8_t *page = &m->page[op->vpn + i];

		must(*page & PAGE_BIT_MAPPED); /* [M1] */
		if (*page & PAGE_BIT_WRITTEN)
			*frame = ++m->contents;
		*page &= (uint8_t) ~(PAGE_BIT_MAPPED | PAGE_BIT_WRITTEN);
		op->pg[i].zero = *frame == 0;
		op->pg[i].hash = hash_of(op, i, *frame);
	}
}

static void
transfer_start(struct model *m, struct way *w, struct op *op)
{
	bool reads = op->kind == OP_READ;
	uint64_t start = w->free_ns > m->now ? w->free_ns : m->now;
	uint64_t *end = &m->ends[op - m->core->ops];

	w->free_ns = start + (uint64_t)op->count * (reads ? READ_NS : WRITE_NS);
	*end = w->free_ns + (reads ? READ_WAIT_NS : WRITE_WAIT_NS);
	op->next = NULL;
	if (w->first == NULL) {
		w->first = op;
		due_at(m, reads ? EVENT_READ : EVENT_WRITE, *end);
	} else {
		w->last->next = op;
	}
	w->last = op;
	w->count++;
	*(reads ? &m->result->in : &m->result->out) += op->count;
}

uint64_t
model_perform(struct model *m, struct batch *b)
{
	uint64_t ns = 0;
	struct op *op;

	while ((op = batch_take(b)) != NULL) {
		switch ((enum op_kind)op->kind) {
		case OP_READ:
			transfer_start(m, &m->read, op);
			continue;
		case OP_WRITE:
			transfer_start(m, &m->write, op);
			continue;
		case OP_MAP:
			perform_map(m, op);
			break;
		case OP_UNMAP:
			perform_unmap(m, op);
			break;
		case OP_WAKE:
			m->woken = true;
			break;
		case OP_POPULATE:
			break;
		case OP_REMAP:
		case OP_ADOPT:
		case OP_UNPOISON:
			never();
		}
		ns += OP_NS + op->count * MOVE_NS;
		core_op_done(m->core, op, b);
	}
	return ns;
}

/* -- events --------------------------------------------------------------- */

/* The first transfer of a way has ended. */
static void
transfer_end(struct model *m, struct way *w, enum event event)
{
	struct op *op = w->first;
	struct batch b = {0};

	w->first = op->next;
	w->count--;
	due_at(m, event,
	       w->first != NULL ? m->ends[w->first - m->core->ops]
	                        : UINT64_MAX);
	for (uint32_t i = 0; i < op->count; i++) {
		uint32_t slot = (op->entry & SWP_OFFSET_MASK) + i;
		uint32_t *frame = &m->in_frame[op->pg[i].pfn];

		if (event == EVENT_WRITE) {
			m->in_slot[slot] = *frame;
			continue;
		}
		*frame = m->in_slot[slot];
		op->pg[i].hash = hash_of(op, i, *frame);
	}
	if (event == EVENT_WRITE)
		due_soon(m, DAEMON_FLUSHER, m->now);
	core_op_done(m->core, op, &b);
	(void)model_perform(m, &b);
}

/* What it is asked meanwhile brings its next turn forward. */
static void
daemon_turn(struct model *m, enum daemon who)
{
	uint64_t scanned = compare_scanned(m->stat), ns;
	struct batch b = {0};
	bool more = false;

	due_at(m, who, UINT64_MAX);
	switch (who) {
	case DAEMON_KSWAPD:
		more = core_kswapd(m->core, &b);
		break;
	case DAEMON_KRECLAIMD:
		more = core_kreclaimd(m->core, &b);
		break;
	case DAEMON_FLUSHER:
		more = m->write.count < WRITES_MAX && core_flush(m->core, &b);
		break;
	case DAEMONS:
		break;
	}
	ns = TURN_NS + (compare_scanned(m->stat) - scanned) * SCAN_NS;
	ns += model_perform(m, &b);
	due_soon(m, who, m->now + (more ? ns : PULSE_NS));
}

void
model_event(struct model *m)
{
	unsigned event = 0;

	while (m->due[event] != m->due_next)
		event++;
	if (m->due_next > m->now)
		m->now = m->due_next;
	if (event == EVENT_READ)
		transfer_end(m, &m->read, EVENT_READ);
	else if (event == EVENT_WRITE)
		transfer_end(m, &m->write, EVENT_WRITE);
	else
		daemon_turn(m, (enum daemon)event);
}

/* -- what the core asks at once ------------------------------------------- */

static uint64_t *
host_table_alloc(void *ctx)
{
	struct model *m = ctx;
	char *at = m->memory + m->memory_used;

	if (m->memory_bytes - m->memory_used < TABLE_ENTRIES * sizeof(pte_t))
		return NULL;
	m->memory_used += TABLE_ENTRIES * sizeof(pte_t);
	return (void *)at;
}

static void
host_wake(void *ctx, enum daemon who)
{
	struct model *m = ctx;

	due_soon(m, who, m->now + WAKE_NS);
}

static uint64_t
host_now_ns(void *ctx)
{
	const struct model *m = ctx;

	return m->now;
}

const struct host_ops model_host = {
	.name = "compare",
	.table_alloc = host_table_alloc,
	.wake = host_wake,
	.now_ns = host_now_ns,
};
