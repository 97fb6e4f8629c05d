/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * threaddev.c -- the file device over threads that call preadv() and pwritev().
 *
 * For where io_uring or O_DIRECT is refused.  Faults wait for reads, so reads
 * go first, and at most WRITERS_MAX threads write at a time: the others are
 * free for a read.
 *
 * One lock over everything; it is not held during a transfer.  The event is
 * readable if and only if done is not empty.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "os/file/filedev.h"
#include "os/raw.h"
#include "os/thread.h"

enum { THREADS = 4, WRITERS_MAX = 2 };

struct threaddev {
	struct swapdev_file *f;
	int event;
	unsigned threads_running;

	pthread_mutex_t lock;
	pthread_cond_t work;  /* reads or writes is not empty */
	pthread_cond_t ended; /* done is not empty */
	struct req_list reads, writes, done;
	unsigned writing; /* threads that write */
	unsigned in_flight;
	bool is_closing;

	struct os_thread thread[THREADS];
	_Alignas(4096) char stack[THREADS][THREAD_STACK_BYTES];
};

static struct threaddev *
threaddev_of(struct swapdev *d)
{
	return filedev_of(d)->back;
}

static void
event_set(const struct threaddev *t)
{
	ssize_t n = write(t->event, &(uint64_t){1}, sizeof(uint64_t));

	must(n == (ssize_t)sizeof(uint64_t));
}

static void
event_clear(const struct threaddev *t)
{
	uint64_t count;
	ssize_t n = read(t->event, &count, sizeof(count));

	must(n == (ssize_t)sizeof(count));
}

/* => called with the lock held; NULL when there is nothing for one more */
static struct swapdev_req *
next_work(struct threaddev *t)
{
	if (t->reads.first != NULL)
		return list_take(&t->reads);
	if (t->writes.first != NULL && t->writing < WRITERS_MAX)
		return list_take(&t->writes);
	return NULL;
}

static void
work_run(void *ctx)
{
	struct threaddev *t = ctx;
	struct swapdev_req *r;

	filedev_thread_is_own();
	(void)pthread_mutex_lock(&t->lock);
	while (!t->is_closing) {
		r = next_work(t);
		if (r == NULL) {
			(void)pthread_cond_wait(&t->work, &t->lock);
			continue;
		}
		t->writing += r->write;
		(void)pthread_mutex_unlock(&t->lock);
		filedev_move(t->f, r);
		(void)pthread_mutex_lock(&t->lock);
		t->writing -= r->write;
		if (t->done.first == NULL)
			event_set(t);
		list_add(&t->done, r);
		(void)pthread_cond_signal(&t->ended);
	}
	(void)pthread_mutex_unlock(&t->lock);
}

static int
threaddev_submit(struct swapdev *d, struct swapdev_req *first)
{
	struct threaddev *t = threaddev_of(d);
	struct swapdev_req *next;

	(void)pthread_mutex_lock(&t->lock);
	for (struct swapdev_req *r = first; r != NULL; r = next) {
		next = r->next;
		list_add(r->write ? &t->writes : &t->reads, r);
		t->in_flight++;
		(void)pthread_cond_signal(&t->work);
	}
	(void)pthread_mutex_unlock(&t->lock);
	return 0;
}

static void
threaddev_transfer(struct swapdev *d, struct swapdev_req *r)
{
	filedev_move(filedev_of(d), r);
}

/* => called with the lock held; gives it up while waiting */
static void
wait_ended(struct threaddev *t, int wait_ms)
{
	struct timespec end;
	int r = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += wait_ms / 1000;
	end.tv_nsec += wait_ms % 1000 * 1000000L;
	if (end.tv_nsec >= 1000000000L) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000L;
	}
	while (t->done.first == NULL && r == 0)
		if (wait_ms < 0)
			r = pthread_cond_wait(&t->ended, &t->lock);
		else
			r = pthread_cond_timedwait(&t->ended, &t->lock, &end);
}

static struct swapdev_req *
threaddev_reap(struct swapdev *d, int wait_ms)
{
	struct threaddev *t = threaddev_of(d);
	struct swapdev_req *first;

	(void)pthread_mutex_lock(&t->lock);
	if (wait_ms != 0)
		wait_ended(t, wait_ms);
	first = t->done.first;
	if (first != NULL)
		event_clear(t);
	list_clear(&t->done);
	for (struct swapdev_req *r = first; r != NULL; r = r->next) {
		must(t->in_flight > 0);
		t->in_flight--;
	}
	(void)pthread_mutex_unlock(&t->lock);
	return first;
}

static int
threaddev_poll_fd(struct swapdev *d)
{
	return threaddev_of(d)->event;
}

/* -- open and close -------------------------------------------------------- */

static void
threads_stop(struct threaddev *t)
{
	(void)pthread_mutex_lock(&t->lock);
	t->is_closing = true;
	(void)pthread_cond_broadcast(&t->work);
	(void)pthread_mutex_unlock(&t->lock);
	while (t->threads_running > 0)
		thread_join(&t->thread[--t->threads_running]);
}

static int
threads_start(struct threaddev *t)
{
	static const char *const names[THREADS] = {
		"pageout-io0", "pageout-io1", "pageout-io2", "pageout-io3"};
	int r;

	while (t->threads_running < THREADS) {
		unsigned i = t->threads_running;

		r = thread_start(&t->thread[i], names[i], work_run, t,
		                 t->stack[i]);
		if (r < 0)
			return r;
		t->threads_running++;
	}
	return 0;
}

static void
locks_init(struct threaddev *t)
{
	pthread_condattr_t attr;

	(void)pthread_mutex_init(&t->lock, NULL);
	(void)pthread_cond_init(&t->work, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&t->ended, &attr);
	(void)pthread_condattr_destroy(&attr);
}

int
threaddev_open(struct swapdev_file *f)
{
	struct threaddev *t = raw_map(sizeof(*t));
	int r;

	if (t == NULL)
		return -ENOMEM;
	f->back = t;
	f->back_bytes = sizeof(*t);
	f->dev.ops = &threaddev_ops;
	t->f = f;
	list_clear(&t->reads);
	list_clear(&t->writes);
	list_clear(&t->done);
	locks_init(t);
	t->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->event < 0) {
		r = -errno;
		goto out;
	}
	r = threads_start(t);
	if (r == 0)
		return 0;
	threads_stop(t);
out:
	threaddev_forget(f);
	return r;
}

void
threaddev_forget(struct swapdev_file *f)
{
	struct threaddev *t = f->back;

	raw_close(&t->event);
	raw_unmap(t, f->back_bytes);
	f->back = NULL;
	f->dev.ops = NULL;
}

static void
threaddev_close(struct swapdev *d)
{
	struct threaddev *t = threaddev_of(d);

	must(t->in_flight == 0);
	threads_stop(t);
	swapdev_file_forget(t->f);
}

const struct swapdev_ops threaddev_ops = {
	.name = "threads",
	.submit = threaddev_submit,
	.transfer = threaddev_transfer,
	.reap = threaddev_reap,
	.poll_fd = threaddev_poll_fd,
	.grow = filedev_grow,
	.close = threaddev_close,
};
