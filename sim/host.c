/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.c -- the model performs what the core asks for.
 *
 * An operation becomes a job.  At random times the job performs some of its
 * pages, until all are done; some time later it ends, and only then the core
 * hears of it.  Between the two the program goes on, so a page may be written
 * before it is moved away, and discarded after.
 */
#include <errno.h>

#include "sim/sim.h"

/* Turns of a daemon that asks for more and starts nothing.  It may be ageing
 * pages: by slices of eight, seven times, all that there are. */
#define IDLE_MAX 500

uint64_t
sim_word(struct sim *s)
{
	return mix64(++s->words) | 1; /* never the word of zeros */
}

uint64_t
host_hash(uint64_t id, uint64_t off, uint64_t word)
{
	return mix64(mix64(mix64(id + 1) + off) ^ word);
}

/* -- performing one page ----------------------------------------------- */

static void
perform_populate(struct sim_node *n, struct op *op, uint32_t i)
{
	struct sim *s = n->sim;
	struct sim_frame *f = &n->frame[claim_frame_of(op, i)];

	if (f->full)
		sim_fail(s, "I7", "frame %u is populated twice",
		         claim_frame_of(op, i));
	if (i == 0 && choice_ppm(&s->choice, s->faults.populate))
		op->pg[0].err = -ENOMEM; /* all or none */
	if (op->pg[0].err != 0) {
		s->count.populate_faults++;
		return;
	}
	f->full = f->populated = true;
	f->word = 0;
	n->resident++;
	s->count.populates++;
}

/* Give the frame the contents that the page is to have. */
static void
map_fill(struct sim_node *n, struct op *op, uint32_t i)
{
	struct sim *s = n->sim;
	struct sim_frame *f = &n->frame[op->pg[i].pfn];

	if (!f->full)
		sim_fail(s, "I1", "frame %u is mapped, and its place is empty",
		         op->pg[i].pfn);
	if (op->flags & OPF_COPY) {
		if (!n->frame[op->pg[i].src].full)
			sim_fail(s, "I1", "frame %u is copied and is empty",
			         op->pg[i].src);
		f->word = n->frame[op->pg[i].src].word;
		s->count.copies++;
	} else if (op->flags & OPF_ZERO) {
		if (op->pg[i].fresh && f->word != 0)
			sim_fail(s, "I6", "frame %u is not fresh",
			         op->pg[i].pfn);
		f->word = 0;
		s->count.zeroes++;
	}
}

static void
perform_map(struct sim_node *n, struct op *op, uint32_t i)
{
	struct sim *s = n->sim;
	struct sim_frame *f = &n->frame[op->pg[i].pfn];
	struct sim_page *p = sim_page(s, op->space, op->vpn + i);

	map_fill(n, op, i);
	s->count.maps++;
	if ((p->flags & PG_MANAGED) == 0 ||
	    n->core->frames[op->pg[i].pfn].flags & FRAME_DROPPED) {
		op->pg[i].err = -ENOENT;
		s->count.maps_gone++;
		return;
	}
	if ((p->flags & PG_FOREIGN) && (op->flags & OPF_ZERO)) {
		/* The kernel says EEXIST; the page takes the frame's place. */
		p->flags &= (uint16_t)~PG_FOREIGN;
		p->pfn = op->pg[i].pfn;
		p->node = n->id;
		f->full = false;
		return;
	}
	if (p->flags & (PG_PRESENT | PG_POISONED))
		claim_clash(s, op, i, "there is a page already");
	p->word = f->word;
	p->pfn = op->pg[i].pfn;
	p->node = n->id;
	p->flags |= PG_PRESENT;
	p->damage = 0;
	f->full = false;
	task_wake(s, op->space, (uint32_t)(p - s->page[op->space]));
}

/*
 * The kernel's answer to moving a page out of the area.
 */
static int16_t
unmap_answer(struct sim_node *n, struct op *op, struct sim_page *p)
{
	struct sim *s = n->sim;

	if ((p->flags & PG_PRESENT) == 0)
		return -ENOENT;
	if (op->flags & OPF_DISCARD) {
		if ((p->flags & (PG_DMA | PG_PROTECTED)) == 0)
			return 0;
		/* It will not move, so it is dropped where it is. */
		p->flags &= (uint16_t) ~(PG_PRESENT | PG_DMA);
		n->resident--;
		return -ENOENT;
	}
	if (p->flags & PG_PROTECTED) {
		s->count.unmap_denied++;
		return -EINVAL;
	}
	if (p->flags & PG_DMA || choice_ppm(&s->choice, s->faults.busy)) {
		s->count.unmap_busy++;
		return -EBUSY;
	}
	return 0;
}

/* A page that is present took its page from this frame. */
static void
check_frame(struct sim_node *n, const struct sim_page *p, uint32_t pfn)
{
	if (p->pfn != pfn || p->node != n->id)
		sim_fail(n->sim, "I1",
		         "the page is of frame %u of node %u, not %u of %u",
		         p->pfn, p->node, pfn, n->id);
}

static void
perform_unmap(struct sim_node *n, struct op *op, uint32_t i)
{
	struct sim *s = n->sim;
	struct op_page *pg = &op->pg[i];
	struct sim_frame *f = &n->frame[pg->pfn];
	struct sim_page *p = sim_page(s, op->space, op->vpn + i);

	s->count.unmaps++;
	s->count.unmap_discards += (op->flags & OPF_DISCARD) != 0;
	if (f->full)
		sim_fail(s, "I1", "frame %u is not empty", pg->pfn);
	if (p->flags & PG_PRESENT)
		check_frame(n, p, pg->pfn);
	pg->err = unmap_answer(n, op, p);
	if (pg->err != 0) {
		s->count.unmap_gone += pg->err == -ENOENT;
		return;
	}
	f->word = p->word;
	f->full = true;
	p->flags &= (uint16_t)~PG_PRESENT;
	pg->zero = f->word == 0 && (op->flags & OPF_FILE) == 0;
	s->count.unmap_zero += pg->zero;
	if ((op->flags & OPF_DISCARD) == 0)
		pg->hash = host_hash(op->id, op->off + i, f->word);
}

static void
perform_remap(struct sim_node *n, struct op *op, uint32_t i)
{
	struct sim *s = n->sim;
	struct sim_page *from = sim_page(s, op->space, op->vpn + i);
	struct sim_page *to = sim_page(s, op->space, op->vpn_to + i);

	s->count.remaps++;
	if ((from->flags & PG_PRESENT) == 0) {
		op->pg[i].err = -ENOENT;
		return;
	}
	if (to->flags & (PG_PRESENT | PG_POISONED))
		claim_clash(s, op, i, "there is a page where it is to go");
	check_frame(n, from, op->pg[i].pfn);
	to->word = from->word;
	to->pfn = from->pfn;
	to->node = from->node;
	to->flags |= PG_PRESENT;
	from->flags &= (uint16_t)~PG_PRESENT;
}

static void
perform_adopt(struct sim_node *n, struct op *op, uint32_t i)
{
	struct sim *s = n->sim;
	struct sim_frame *f = &n->frame[op->pg[i].pfn];
	struct sim_page *p = sim_page(s, op->space, op->vpn + i);

	s->count.adopts++;
	if ((p->flags & PG_FOREIGN) == 0 || !f->full)
		claim_clash(s, op, i, "nothing to take over");
	f->full = false; /* this page goes back to the system */
	p->flags &= (uint16_t)~PG_FOREIGN;
	p->pfn = op->pg[i].pfn;
	p->node = n->id;
}

static void
perform_unpoison(struct sim_node *n, struct op *op, uint32_t i)
{
	struct sim *s = n->sim;
	struct sim_page *p = sim_page(s, op->space, op->vpn + i);

	if (p->flags & PG_PRESENT)
		claim_clash(s, op, i, "there is a page");
	p->flags &= (uint16_t)~PG_POISONED;
	s->count.unpoisons++;
}

static void
perform_wake(struct sim_node *n, struct op *op, uint32_t i)
{
	struct sim *s = n->sim;
	claim_check(s, op, op->vpn + i, i);
	task_wake(s, op->space, (uint32_t)(op->vpn + i - s->base[op->space]));
	s->count.wakes++;
}

static void
perform_page(struct sim_node *n, struct op *op, uint32_t i)
{
	switch ((enum op_kind)op->kind) {
	case OP_POPULATE:
		perform_populate(n, op, i);
		return;
	case OP_MAP:
		perform_map(n, op, i);
		return;
	case OP_UNMAP:
		perform_unmap(n, op, i);
		return;
	case OP_REMAP:
		perform_remap(n, op, i);
		return;
	case OP_ADOPT:
		perform_adopt(n, op, i);
		return;
	case OP_READ:
		disk_read(n, op, i);
		return;
	case OP_WRITE:
		disk_write(n, op, i);
		return;
	case OP_UNPOISON:
		perform_unpoison(n, op, i);
		return;
	case OP_WAKE:
		perform_wake(n, op, i);
		return;
	}
}

/* -- jobs -------------------------------------------------------------- */

static struct sim_job *
job_of(struct sim_node *n, const struct op *op)
{
	return &n->jobs[op - n->core->ops];
}

static uint64_t
latency_ns(struct sim_node *n, const struct op *op)
{
	struct sim *s = n->sim;
	uint64_t ns =
		(500 + choice_of(&s->choice, 256) * UINT64_C(64)) * n->slowness;

	if (claim_names_slots(op))
		ns *= 20; /* 10 to 340 us */
	if (choice_of(&s->choice, 16) == 0)
		ns *= 8;
	if (choice_ppm(&s->choice, s->faults.stall))
		ns *= 1000;
	return ns;
}

/* Go on with an operation later. */
static void
job_later(struct sim_node *n, const struct op *op)
{
	uint32_t job = (uint32_t)(op - n->core->ops);

	sim_schedule_on(n, latency_ns(n, op), EVENT_JOB, job);
}

void
host_submit(struct sim_node *n, struct batch *b)
{
	struct sim *s = n->sim;
	struct op *op;

	n->is_touched = true;
	while ((op = batch_take(b)) != NULL) {
		struct sim_job *job = job_of(n, op);

		if (op < n->core->ops || job >= &n->jobs[n->cfg.ops_total] ||
		    job->op != NULL)
			sim_fail(s, "I4", "an operation is handed out twice");
		claim(n, op);
		job->op = op;
		job->done = 0;
		n->jobs_count++;
		claim_trace(n, op, "start");
		if (!s->opt.manual)
			job_later(n, op);
	}
}

bool
host_perform(struct sim_node *n, struct op *op, uint32_t pages)
{
	struct sim *s = n->sim;
	struct sim_job *job = job_of(n, op);

	for (; pages > 0 && job->done < op->count; pages--) {
		const struct sim_page *p;

		if (op->kind == OP_MAP) {
			/* The layout is changing (EAGAIN): not now. */
			p = sim_page(s, op->space, op->vpn + job->done);
			if (p->flags & PG_HELD)
				return false;
		}
		perform_page(n, op, job->done++);
	}
	return job->done == op->count;
}

void
host_end(struct sim_node *n, struct op *op)
{
	struct batch b = {NULL, NULL};
	struct sim_job *job = job_of(n, op);

	claim_trace(n, op, "end");
	claim_release(n, op);
	job->op = NULL;
	n->jobs_count--;
	tap_op_done(n->core, op, &b);
	host_submit(n, &b);
}

void
host_job(struct sim_node *n, uint32_t index)
{
	struct sim *s = n->sim;
	struct sim_job *job = &n->jobs[index];
	struct op *op = job->op;
	uint32_t left = op->count - job->done;

	if (left > 0) {
		if (left > 1 && choice_of(&s->choice, 4) == 0)
			left = choice_between(&s->choice, 1, left - 1);
		if (!host_perform(n, op, left) ||
		    choice_of(&s->choice, 2) == 0) {
			job_later(n, op);
			return;
		}
	}
	host_end(n, op);
}

/* -- what the core asks at once ---------------------------------------- */

static uint64_t *
host_table_alloc(void *ctx)
{
	const struct sim_node *n = ctx;
	struct sim *s = n->sim;

	if (s->leaves == SIM_LEAVES_MAX ||
	    choice_ppm(&s->choice, s->faults.table))
		return NULL;
	return s->leaf[s->leaves++];
}

static void
host_wake(void *ctx, enum daemon who)
{
	struct sim_node *n = ctx;
	struct sim *s = n->sim;

	if (n->daemon_queued[who])
		return;
	n->daemon_queued[who] = true;
	if (!s->opt.manual)
		sim_schedule_on(n, 1000 + choice_of(&s->choice, 256) * 100,
		                EVENT_DAEMON, who);
}

static uint64_t
host_now_ns(void *ctx)
{
	const struct sim_node *n = ctx;

	return n->sim->now;
}

const struct host_ops sim_host = {
	.name = "sim",
	.table_alloc = host_table_alloc,
	.wake = host_wake,
	.now_ns = host_now_ns,
};

/*
 * A turn.  A daemon that asks for turn after turn without doing anything would
 * burn a processor for ever: with nothing pending, that is a broken promise.
 */
void
host_daemon(struct sim_node *n, enum daemon who)
{
	struct sim *s = n->sim;
	struct batch b = {NULL, NULL};
	bool more = false;
	uint32_t idle;

	n->daemon_queued[who] = false;
	sim_trace(s, "daemon %d of node %u, %u frames free", who, n->id,
	          core_frames_free(n->core));
	switch (who) {
	case DAEMON_KSWAPD:
		more = tap_kswapd(n->core, &b);
		break;
	case DAEMON_KRECLAIMD:
		more = tap_kreclaimd(n->core, &b);
		break;
	case DAEMON_FLUSHER:
		more = tap_flush(n->core, &b);
		break;
	case DAEMONS:
		break;
	}
	idle = b.first == NULL ? n->daemon_idle[who] + 1 : 0;
	host_submit(n, &b);
	n->daemon_idle[who] = more ? idle : 0;
	if (!more || n->daemon_queued[who])
		return;
	if (idle > IDLE_MAX && n->jobs_count == 0)
		sim_fail(s, "progress",
		         "daemon %d of node %u has %u idle turns", who, n->id,
		         idle);
	n->daemon_queued[who] = true;
	if (!s->opt.manual)
		sim_schedule_on(n, 2000 + (1000ull << (idle < 12 ? idle : 12)),
		                EVENT_DAEMON, who);
}
