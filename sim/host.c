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

#define IDLE_MAX 50 /* turns of a daemon that asks for more and does nothing */

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
perform_populate(struct sim *s, struct op *op, uint32_t i)
{
	struct sim_frame *f = &s->frame[claim_frame_of(op, i)];

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
	s->resident++;
	s->count.populates++;
}

/* Give the frame the contents that the page is to have. */
static void
map_fill(struct sim *s, struct op *op, uint32_t i)
{
	struct sim_frame *f = &s->frame[op->pg[i].pfn];

	if (!f->full)
		sim_fail(s, "I1", "frame %u is mapped, and its place is empty",
		         op->pg[i].pfn);
	if (op->flags & OPF_COPY) {
		if (!s->frame[op->pg[i].src].full)
			sim_fail(s, "I1", "frame %u is copied and is empty",
			         op->pg[i].src);
		f->word = s->frame[op->pg[i].src].word;
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
perform_map(struct sim *s, struct op *op, uint32_t i)
{
	struct sim_frame *f = &s->frame[op->pg[i].pfn];
	struct sim_page *p = sim_page(s, op->space, op->vpn + i);

	map_fill(s, op, i);
	s->count.maps++;
	if ((p->flags & PG_MANAGED) == 0 ||
	    s->core->frames[op->pg[i].pfn].flags & FRAME_DROPPED) {
		op->pg[i].err = -ENOENT;
		s->count.maps_gone++;
		return;
	}
	if ((p->flags & PG_FOREIGN) && (op->flags & OPF_ZERO)) {
		/* The kernel says EEXIST; the page takes the frame's place. */
		p->flags &= (uint16_t)~PG_FOREIGN;
		p->pfn = op->pg[i].pfn;
		f->full = false;
		return;
	}
	if (p->flags & (PG_PRESENT | PG_POISONED))
		claim_clash(s, op, i, "there is a page already");
	p->word = f->word;
	p->pfn = op->pg[i].pfn;
	p->flags |= PG_PRESENT;
	p->damage = 0;
	f->full = false;
	task_wake(s, op->space, (uint32_t)(p - s->page[op->space]));
}

/*
 * The kernel's answer to moving a page out of the area.
 */
static int16_t
unmap_answer(struct sim *s, struct op *op, struct sim_page *p)
{
	if ((p->flags & PG_PRESENT) == 0)
		return -ENOENT;
	if (op->flags & OPF_DISCARD) {
		if ((p->flags & (PG_DMA | PG_PROTECTED)) == 0)
			return 0;
		/* It will not move, so it is dropped where it is. */
		p->flags &= (uint16_t) ~(PG_PRESENT | PG_DMA);
		s->resident--;
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

static void
perform_unmap(struct sim *s, struct op *op, uint32_t i)
{
	struct op_page *pg = &op->pg[i];
	struct sim_frame *f = &s->frame[pg->pfn];
	struct sim_page *p = sim_page(s, op->space, op->vpn + i);

	s->count.unmaps++;
	s->count.unmap_discards += (op->flags & OPF_DISCARD) != 0;
	if (f->full)
		sim_fail(s, "I1", "frame %u is not empty", pg->pfn);
	if ((p->flags & PG_PRESENT) && p->pfn != pg->pfn)
		sim_fail(s, "I1", "the page is of frame %u, not %u", p->pfn,
		         pg->pfn);
	pg->err = unmap_answer(s, op, p);
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
perform_remap(struct sim *s, struct op *op, uint32_t i)
{
	struct sim_page *from = sim_page(s, op->space, op->vpn + i);
	struct sim_page *to = sim_page(s, op->space, op->vpn_to + i);

	s->count.remaps++;
	if ((from->flags & PG_PRESENT) == 0) {
		op->pg[i].err = -ENOENT;
		return;
	}
	if (to->flags & (PG_PRESENT | PG_POISONED))
		claim_clash(s, op, i, "there is a page where it is to go");
	if (from->pfn != op->pg[i].pfn)
		sim_fail(s, "I1", "the page is of frame %u, not %u", from->pfn,
		         op->pg[i].pfn);
	to->word = from->word;
	to->pfn = from->pfn;
	to->flags |= PG_PRESENT;
	from->flags &= (uint16_t)~PG_PRESENT;
}

static void
perform_adopt(struct sim *s, struct op *op, uint32_t i)
{
	struct sim_frame *f = &s->frame[op->pg[i].pfn];
	struct sim_page *p = sim_page(s, op->space, op->vpn + i);

	s->count.adopts++;
	if ((p->flags & PG_FOREIGN) == 0 || !f->full)
		claim_clash(s, op, i, "nothing to take over");
	f->full = false; /* this page goes back to the system */
	p->flags &= (uint16_t)~PG_FOREIGN;
	p->pfn = op->pg[i].pfn;
}

static void
perform_unpoison(struct sim *s, struct op *op, uint32_t i)
{
	struct sim_page *p = sim_page(s, op->space, op->vpn + i);

	if (p->flags & PG_PRESENT)
		claim_clash(s, op, i, "there is a page");
	p->flags &= (uint16_t)~PG_POISONED;
	s->count.unpoisons++;
}

static void
perform_wake(struct sim *s, struct op *op, uint32_t i)
{
	claim_check(s, op, op->vpn + i, i);
	task_wake(s, op->space, (uint32_t)(op->vpn + i - s->base[op->space]));
	s->count.wakes++;
}

static void
perform_page(struct sim *s, struct op *op, uint32_t i)
{
	switch ((enum op_kind)op->kind) {
	case OP_POPULATE:
		perform_populate(s, op, i);
		return;
	case OP_MAP:
		perform_map(s, op, i);
		return;
	case OP_UNMAP:
		perform_unmap(s, op, i);
		return;
	case OP_REMAP:
		perform_remap(s, op, i);
		return;
	case OP_ADOPT:
		perform_adopt(s, op, i);
		return;
	case OP_READ:
		disk_read(s, op, i);
		return;
	case OP_WRITE:
		disk_write(s, op, i);
		return;
	case OP_UNPOISON:
		perform_unpoison(s, op, i);
		return;
	case OP_WAKE:
		perform_wake(s, op, i);
		return;
	}
}

/* -- jobs -------------------------------------------------------------- */

static struct sim_job *
job_of(struct sim *s, const struct op *op)
{
	return &s->jobs[op - s->core->ops];
}

static uint64_t
latency_ns(struct sim *s, const struct op *op)
{
	uint64_t ns = 500 + choice_of(&s->choice, 256) * 64;

	if (claim_names_slots(op))
		ns *= 20; /* 10 to 340 us */
	if (choice_of(&s->choice, 16) == 0)
		ns *= 8;
	if (choice_ppm(&s->choice, s->faults.stall))
		ns *= 1000;
	return ns;
}

void
host_submit(struct sim *s, struct batch *b)
{
	struct op *op;

	while ((op = batch_take(b)) != NULL) {
		struct sim_job *job = job_of(s, op);

		if (op < s->core->ops || job >= &s->jobs[s->cfg.ops_total] ||
		    job->op != NULL)
			sim_fail(s, "I4", "an operation is handed out twice");
		claim(s, op);
		job->op = op;
		job->done = 0;
		s->jobs_count++;
		claim_trace(s, op, "start");
		if (!s->opt.manual)
			sim_schedule(s, latency_ns(s, op), EVENT_JOB,
			             (uint32_t)(job - s->jobs));
	}
}

bool
host_perform(struct sim *s, struct op *op, uint32_t pages)
{
	struct sim_job *job = job_of(s, op);

	for (; pages > 0 && job->done < op->count; pages--) {
		const struct sim_page *p;

		if (op->kind == OP_MAP) {
			/* The layout is changing (EAGAIN): not now. */
			p = sim_page(s, op->space, op->vpn + job->done);
			if (p->flags & PG_HELD)
				return false;
		}
		perform_page(s, op, job->done++);
	}
	return job->done == op->count;
}

void
host_end(struct sim *s, struct op *op)
{
	struct batch b = {NULL, NULL};
	struct sim_job *job = job_of(s, op);

	claim_trace(s, op, "end");
	claim_release(s, op);
	job->op = NULL;
	s->jobs_count--;
	s->jobs_ended++;
	tap_op_done(s->core, op, &b);
	host_submit(s, &b);
}

void
host_job(struct sim *s, uint32_t index)
{
	struct sim_job *job = &s->jobs[index];
	struct op *op = job->op;
	uint32_t left = op->count - job->done;

	if (left > 0) {
		if (left > 1 && choice_of(&s->choice, 4) == 0)
			left = choice_between(&s->choice, 1, left - 1);
		if (!host_perform(s, op, left) ||
		    choice_of(&s->choice, 2) == 0) {
			sim_schedule(s, latency_ns(s, op), EVENT_JOB, index);
			return;
		}
	}
	host_end(s, op);
}

/* -- what the core asks at once ---------------------------------------- */

static uint64_t *
host_table_alloc(void *ctx)
{
	struct sim *s = ctx;

	if (s->leaves == SIM_LEAVES_MAX ||
	    choice_ppm(&s->choice, s->faults.table))
		return NULL;
	return s->leaf[s->leaves++];
}

static void
host_wake(void *ctx, enum daemon who)
{
	struct sim *s = ctx;

	if (s->daemon_queued[who])
		return;
	s->daemon_queued[who] = true;
	if (!s->opt.manual)
		sim_schedule(s, 1000 + choice_of(&s->choice, 256) * 100,
		             EVENT_DAEMON, who);
}

static uint64_t
host_now_ns(void *ctx)
{
	const struct sim *s = ctx;

	return s->now;
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
host_daemon(struct sim *s, enum daemon who)
{
	struct batch b = {NULL, NULL};
	bool more = false;
	uint32_t idle;

	s->daemon_queued[who] = false;
	sim_trace(s, "daemon %d, %u frames free", who,
	          core_frames_free(s->core));
	switch (who) {
	case DAEMON_KSWAPD:
		more = tap_kswapd(s->core, &b);
		break;
	case DAEMON_KRECLAIMD:
		more = tap_kreclaimd(s->core, &b);
		break;
	case DAEMON_FLUSHER:
		more = tap_flush(s->core, &b);
		break;
	case DAEMONS:
		break;
	}
	idle = b.first == NULL ? s->daemon_idle[who] + 1 : 0;
	host_submit(s, &b);
	s->daemon_idle[who] = more ? idle : 0;
	if (!more || s->daemon_queued[who])
		return;
	if (idle > IDLE_MAX && s->jobs_count == 0)
		sim_fail(s, "progress", "daemon %d has %u idle turns", who,
		         idle);
	s->daemon_queued[who] = true;
	if (!s->opt.manual)
		sim_schedule(s, 2000 + (1000ull << (idle < 12 ? idle : 12)),
		             EVENT_DAEMON, who);
}
