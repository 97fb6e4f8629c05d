/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * io.c -- operations that go to the swap device, and come back.
 *
 * Each operation has a request of its own (reqs[], by the operation's number),
 * so nothing is allocated and no transfer can lack one.  Requests of mapped
 * files go to the same devices; they name their place.  Contents that come in
 * are hashed here, by whoever reaps; the core compares.
 */
#include <errno.h>

#include "base/assert.h"
#include "base/hash.h"
#include "pager/internal.h"

static struct swapdev_req *
request_of(struct node *n, struct op *op, uint32_t first, uint32_t count)
{
	struct swapdev_req *r = &n->reqs[op - n->core->ops];

	must(op >= n->core->ops && op < n->core->ops + n->core->cfg.ops_total);
	r->write = op->kind == OP_WRITE;
	r->slot = (op->entry & SWP_OFFSET_MASK) + first;
	if (entry_is_file(op->entry)) {
		r->place = &file_of_type(n, entry_type(op->entry))->place;
	} else {
		r->place = NULL;
		r->slot += n->swap_first;
	}
	r->pages = count;
	r->iov_count = 0;
	r->next = NULL;
	r->cookie = op;
	for (uint32_t i = first; i < first + count; i++) {
		char *at = frame_addr(n, op->pg[i].pfn);
		struct iovec *next = &r->iov[r->iov_count];

		if (r->iov_count > 0 &&
		    (char *)next[-1].iov_base + next[-1].iov_len == at) {
			next[-1].iov_len += PAGE_BYTES;
			continue;
		}
		*next = (struct iovec){.iov_base = at, .iov_len = PAGE_BYTES};
		r->iov_count++;
	}
	return r;
}

/* The results of a request that began at page first, for the core. */
static void
request_ended(struct node *n, const struct swapdev_req *r, uint32_t first)
{
	struct op *op = r->cookie;

	must(r->result <= 0);
	for (uint32_t i = first; i < first + r->pages; i++) {
		struct op_page *pg = &op->pg[i];

		pg->err = (int16_t)r->result;
		if (pg->err == 0 && op->kind == OP_READ)
			pg->hash = page_hash(op->id, op->off + i,
			                     frame_addr(n, pg->pfn));
		if (op->kind == OP_READ)
			pg->partial = r->partial && i == first + r->pages - 1;
	}
}

static void
io_done(struct node *n, struct swapdev_req *list, struct batch *b)
{
	for (struct swapdev_req *r = list; r != NULL; r = r->next)
		request_ended(n, r, 0);
	node_lock(n);
	while (list != NULL) {
		struct op *op = list->cookie;

		__atomic_fetch_sub(list->write ? &n->writes : &n->reads, 1,
		                   __ATOMIC_ACQ_REL);
		list = list->next;
		tap_op_done(n->core, op, b);
	}
	node_unlock(n);
	pulse_beat(&n->pager->ended);
}

bool
io_reap(struct node *n, enum pager_dev dev, int wait_ms, struct batch *b)
{
	struct swapdev_req *list = swapdev_reap(n->dev[dev], wait_ms);

	if (list == NULL)
		return false;
	io_done(n, list, b);
	return true;
}

/* Whoever waits looks again; one of them for the device. */
static void
waiters_wake(struct node *n)
{
	pulse_beat(&n->pager->ended);
	pulse_beat(&n->pager->woken);
}

/*
 * One thread waits for the device and deals with what comes; the others wait
 * for that to happen.
 */
void
io_wait(struct node *n, struct pulse *at, uint32_t seq)
{
	struct batch b = {0};

	if (__atomic_exchange_n(&n->reaping, 1, __ATOMIC_SEQ_CST) != 0) {
		pulse_wait(at, seq, 1);
		return;
	}
	if (__atomic_load_n(&n->reads, __ATOMIC_SEQ_CST) != 0)
		(void)io_reap(n, DEV_READ, 1, &b);
	else
		pulse_wait(at, seq, 1);
	__atomic_store_n(&n->reaping, 0, __ATOMIC_RELEASE);
	waiters_wake(n);
	node_perform(n, &b);
}

void
io_start(struct node *n, struct op *op, struct batch *b)
{
	enum pager_dev dev = op->kind == OP_WRITE ? DEV_WRITE : DEV_READ;
	struct swapdev_req *r = request_of(n, op, 0, op->count);

	/* He who is to wait for the device may wait for other things yet. */
	if (__atomic_fetch_add(r->write ? &n->writes : &n->reads, 1,
	                       __ATOMIC_SEQ_CST) == 0 &&
	    !r->write && __atomic_load_n(&n->reaping, __ATOMIC_SEQ_CST) != 0)
		waiters_wake(n);
	while (swapdev_submit(n->dev[dev], r) == -EAGAIN)
		(void)io_reap(n, dev, 10, b);
	if (dev == DEV_WRITE)
		daemon_ask(n, DAEMON_FLUSHER); /* it reaps, whoever started */
}

void
io_transfer(struct node *n, struct op *op, bool single)
{
	uint32_t step = single ? 1 : op->count;

	for (uint32_t i = 0; i < op->count; i += step) {
		struct swapdev_req *r = request_of(n, op, i, step);

		(void)swapdev_transfer(n->dev[DEV_READ], r);
		request_ended(n, r, i);
	}
}
