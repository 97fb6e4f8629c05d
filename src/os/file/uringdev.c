/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uringdev.c -- the file device over io_uring.
 *
 *	submit --> backlog --start--> ring --> completion --take--> reap
 *	              ^                            | try again
 *	              '----------------------------'
 *
 * Starting is done by own threads as part of submit and reap (filedev.h says
 * why by them only), and by the starter thread for all others.
 *
 * Invariants:
 *
 *	[U1] never more than depth transfers are in flight (started, and not
 *	     yet taken): completions have room
 *	[U2] a request is in the backlog, in flight, or on done; in flight its
 *	     result counts its tries
 *	[U3] whoever lowers the number in flight, or adds to the backlog, looks
 *	     at the backlog afterwards: it does not rest while there is room
 *
 * When the kernel does not take a transfer (a sandbox was put up, memory is
 * short), it is made in the calling thread, and its request ends on done.
 * Threads that wait in the kernel do not see done; so they wait in slices.
 *
 * Locks.  sq: submission end and backlog; held over the system call.  cq: the
 * completion end; held for moments.  done is under sq.  Never both.
 */
#include <errno.h>
#include <stdatomic.h>

#include "base/assert.h"
#include "base/clock.h"
#include "os/file/filedev.h"
#include "os/file/spin.h"
#include "os/file/uring.h"
#include "os/raw.h"
#include "os/thread.h"

enum { START_MAX = 32, TAKE_MAX = 32, WAIT_SLICE_MS = 250 };

struct uringdev {
	struct swapdev_file *f;
	struct uring uring;
	atomic_uint in_flight;
	atomic_uint backlog_count; /* written under sq; read by anybody */
	atomic_uint done_count;    /* likewise */

	pthread_mutex_t sq;
	struct req_list backlog; /* sq */
	struct req_list done;    /* sq */
	pthread_cond_t wake;     /* of the starter */
	bool is_closing;         /* sq */

	pthread_mutex_t cq;
	struct os_thread starter;
	_Alignas(4096) char stack[THREAD_STACK_BYTES];
};

static struct uringdev *
uringdev_of(struct swapdev *d)
{
	return filedev_of(d)->back;
}

static void
move_here(struct uringdev *u, struct swapdev_req *r)
{
	filedev_move(u->f, r);
	list_add(&u->done, r);
	(void)atomic_fetch_add(&u->done_count, 1);
}

/* A write that would extend somebody else's file. */
static bool
at_the_end(const struct swapdev_req *r)
{
	return r->place != NULL && r->write && !filedev_is_whole(r);
}

/*
 * Start the front of the backlog.
 * => called with sq held
 * => false: there was nothing to start, or no room [U1]
 */
static bool
start_some(struct uringdev *u)
{
	/* A request that was started may be reaped, and used again, at once:
	 * its next is not ours any more. */
	struct swapdev_req *batch[START_MAX];
	unsigned room = u->uring.depth - atomic_load(&u->in_flight);
	unsigned count = 0, taken;
	int why = 0;

	while (count < START_MAX && count < room && u->backlog.first != NULL) {
		struct swapdev_req *r = u->backlog.first;

		if (at_the_end(r)) {
			(void)atomic_fetch_sub(&u->backlog_count, 1);
			move_here(u, list_take(&u->backlog));
			continue;
		}
		if (!uring_queue(&u->uring,
		                 r->place != NULL ? r->place->fd : -1, r->write,
		                 r->iov, r->iov_count, filedev_offset(r), r))
			break;
		batch[count++] = list_take(&u->backlog);
	}
	if (count == 0)
		return false;
	(void)atomic_fetch_sub(&u->backlog_count, count);
	(void)atomic_fetch_add(&u->in_flight, count);
	taken = uring_start(&u->uring, &why);
	if (taken == count)
		return true;
	must(taken < count && why < 0);
	(void)atomic_fetch_sub(&u->in_flight, count - taken);
	while (taken < count)
		move_here(u, batch[taken++]);
	return true;
}

/*
 * Start all that can be started, or have it started [U3].
 * => called with sq held
 */
static void
start(struct uringdev *u)
{
	if (u->backlog.first == NULL)
		return;
	if (!filedev_is_own_thread()) {
		(void)pthread_cond_signal(&u->wake);
		return;
	}
	while (start_some(u))
		;
}

static void
starter_run(void *ctx)
{
	struct uringdev *u = ctx;

	filedev_thread_is_own();
	(void)pthread_mutex_lock(&u->sq);
	while (!u->is_closing) {
		start(u);
		(void)pthread_cond_wait(&u->wake, &u->sq);
	}
	(void)pthread_mutex_unlock(&u->sq);
}

static int
uringdev_submit(struct swapdev *d, struct swapdev_req *first)
{
	struct uringdev *u = uringdev_of(d);
	struct swapdev_req *next;

	(void)pthread_mutex_lock(&u->sq);
	for (struct swapdev_req *r = first; r != NULL; r = next) {
		next = r->next;
		r->result = 0; /* tries [U2] */
		list_add(&u->backlog, r);
		(void)atomic_fetch_add(&u->backlog_count, 1);
	}
	start(u);
	(void)pthread_mutex_unlock(&u->sq);
	return 0;
}

/* -- reaping --------------------------------------------------------------- */

/* Must the transfer be made again?  A read at the end of the file must not. */
static bool
is_unfinished(const struct swapdev_req *r, int result)
{
	if (r->place != NULL || r->result >= FILEDEV_TRIES_MAX)
		return false;
	if (result >= 0)
		return (uint32_t)result < r->pages * SWAPDEV_PAGE_BYTES;
	/* Cancelled: the thread that started it is gone. */
	return result == -EINTR || result == -EAGAIN || result == -ECANCELED;
}

/* Put what one completion says into its request. */
static void
finish(const struct uringdev *u, struct swapdev_req *r, int result)
{
	const uint32_t bytes = r->pages * SWAPDEV_PAGE_BYTES;

	if (r->place != NULL && result != (int)bytes) {
		filedev_move(u->f, r); /* its end, or nearly never */
		return;
	}
	if (result >= 0 && (uint32_t)result != bytes)
		result = -EIO; /* short to the last */
	r->moved_bytes = result > 0 ? bytes : 0;
	r->result = result > 0 ? 0 : result;
}

static void
uringdev_transfer(struct swapdev *d, struct swapdev_req *r)
{
	struct uringdev *u = uringdev_of(d);
	int result = -EAGAIN;

	if (u->f->spins && !r->write && r->place == NULL)
		result = spin_read(u->f->fd, r->iov, r->iov_count,
		                   filedev_offset(r));
	r->result = 0; /* tries [U2] */
	if (is_unfinished(r, result))
		filedev_move(u->f, r);
	else
		finish(u, r, result);
}

/* Try again what has to be; then see to the backlog [U3]. */
static void
again(struct uringdev *u, struct req_list *unfinished, struct req_list *ended)
{
	if (unfinished->first == NULL && atomic_load(&u->backlog_count) == 0 &&
	    atomic_load(&u->done_count) == 0)
		return;
	(void)pthread_mutex_lock(&u->sq);
	while (unfinished->first != NULL) {
		list_add(&u->backlog, list_take(unfinished));
		(void)atomic_fetch_add(&u->backlog_count, 1);
	}
	start(u);
	while (u->done.first != NULL) {
		list_add(ended, list_take(&u->done));
		(void)atomic_fetch_sub(&u->done_count, 1);
	}
	(void)pthread_mutex_unlock(&u->sq);
}

/* Everything that has ended by now. */
static struct swapdev_req *
take_all(struct uringdev *u)
{
	struct uring_done done[TAKE_MAX];
	struct req_list ended, unfinished;
	unsigned count;

	list_clear(&ended);
	list_clear(&unfinished);
	do {
		(void)pthread_mutex_lock(&u->cq);
		count = uring_take(&u->uring, done, TAKE_MAX);
		(void)pthread_mutex_unlock(&u->cq);
		must(atomic_load(&u->in_flight) >= count); /* [U1] */
		(void)atomic_fetch_sub(&u->in_flight, count);
		for (unsigned i = 0; i < count; i++) {
			struct swapdev_req *r = done[i].cookie;

			must(r->result >= 0); /* [U2] */
			r->result++;
			if (is_unfinished(r, done[i].result)) {
				list_add(&unfinished, r);
				continue;
			}
			finish(u, r, done[i].result);
			list_add(&ended, r);
		}
	} while (count == TAKE_MAX);
	again(u, &unfinished, &ended);
	return ended.first;
}

static struct swapdev_req *
uringdev_reap(struct swapdev *d, int wait_ms)
{
	struct uringdev *u = uringdev_of(d);
	struct swapdev_req *first = take_all(u);
	uint64_t start = monotonic_ns();
	int64_t left = wait_ms;

	while (first == NULL && (wait_ms < 0 || left > 0)) {
		uring_wait(&u->uring, wait_ms >= 0 && left < WAIT_SLICE_MS
		                              ? (int)left
		                              : WAIT_SLICE_MS);
		first = take_all(u);
		left = wait_ms - (int64_t)((monotonic_ns() - start) / 1000000);
	}
	return first;
}

/* -- the rest -------------------------------------------------------------- */

static int
uringdev_poll_fd(struct swapdev *d)
{
	return uringdev_of(d)->uring.ring.ring_fd;
}

static void
back_free(struct swapdev_file *f)
{
	raw_unmap(f->back, f->back_bytes);
	f->back = NULL;
	f->dev.ops = NULL;
}

int
uringdev_open(struct swapdev_file *f)
{
	struct uringdev *u = raw_map(sizeof(*u));
	int r;

	if (u == NULL)
		return -ENOMEM;
	f->back = u;
	f->back_bytes = sizeof(*u);
	f->dev.ops = &uringdev_ops;
	u->f = f;
	list_clear(&u->backlog);
	list_clear(&u->done);
	(void)pthread_mutex_init(&u->sq, NULL);
	(void)pthread_mutex_init(&u->cq, NULL);
	(void)pthread_cond_init(&u->wake, NULL);
	r = uring_open(&u->uring, f->fd, FILEDEV_DEPTH);
	if (r < 0)
		goto out;
	r = thread_start(&u->starter, "pageout-start", starter_run, u,
	                 u->stack);
	if (r == 0)
		return 0;
	uring_close(&u->uring);
out:
	back_free(f);
	return r;
}

void
uringdev_forget(struct swapdev_file *f)
{
	struct uringdev *u = f->back;

	uring_close(&u->uring);
	back_free(f);
}

static void
uringdev_close(struct swapdev *d)
{
	struct uringdev *u = uringdev_of(d);

	must(atomic_load(&u->in_flight) == 0);
	must(u->backlog.first == NULL && u->done.first == NULL);
	(void)pthread_mutex_lock(&u->sq);
	u->is_closing = true;
	(void)pthread_cond_signal(&u->wake);
	(void)pthread_mutex_unlock(&u->sq);
	thread_join(&u->starter);
	uring_drop_file(&u->uring);
	swapdev_file_forget(u->f);
}

const struct swapdev_ops uringdev_ops = {
	.name = "io_uring",
	.submit = uringdev_submit,
	.transfer = uringdev_transfer,
	.reap = uringdev_reap,
	.poll_fd = uringdev_poll_fd,
	.grow = filedev_grow,
	.close = uringdev_close,
};
