/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter_queue.c -- requests that are held back until they are due.
 *
 * The queue is short and sorted.  The timer is set to the first request's time
 * whenever the first changes, so it is readable if and only if one is due.
 *
 * Reaping polls the descriptor of both, the timer and the device below, in
 * slices: a device without a descriptor is looked at once a slice.
 */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "swap/filter.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

enum { SLICE_MS = 100, SLICE_BLIND_MS = 2 };

int
filter_queue_open(struct filter_queue *q, struct swapdev *below)
{
	struct epoll_event event = {.events = EPOLLIN};
	int fd = below->ops->poll_fd(below);
	int r;

	q->below = below;
	q->first = NULL;
	(void)pthread_mutex_init(&q->lock, NULL);
	q->both = -1;
	q->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (q->timer < 0)
		return -errno;
	q->both = epoll_create1(EPOLL_CLOEXEC);
	if (q->both < 0 ||
	    epoll_ctl(q->both, EPOLL_CTL_ADD, q->timer, &event) < 0 ||
	    (fd >= 0 && epoll_ctl(q->both, EPOLL_CTL_ADD, fd, &event) < 0)) {
		r = -errno;
		filter_queue_close(q);
		return r;
	}
	return 0;
}

void
filter_queue_close(struct filter_queue *q)
{
	must(q->first == NULL);
	/* By number: close() may be the agent's. */
	if (q->both >= 0)
		(void)syscall(SYS_close, q->both);
	if (q->timer >= 0)
		(void)syscall(SYS_close, q->timer);
	q->both = -1;
	q->timer = -1;
}

/* => called with the lock held, after the first request has changed */
static void
timer_set(const struct filter_queue *q)
{
	struct itimerspec at = {{0, 0}, {0, 0}};
	uint64_t due;
	int r;

	if (q->first != NULL) {
		due = q->first->due_ns > 0 ? q->first->due_ns : 1;
		at.it_value.tv_sec = (time_t)(due / NS_PER_S);
		at.it_value.tv_nsec = (long)(due % NS_PER_S);
	}
	r = timerfd_settime(q->timer, TFD_TIMER_ABSTIME, &at, NULL);
	must(r == 0);
}

void
filter_queue_put(struct filter_queue *q, struct swapdev_req *r, uint64_t due_ns)
{
	struct swapdev_req **at = &q->first;

	r->due_ns = due_ns;
	(void)pthread_mutex_lock(&q->lock);
	while (*at != NULL && (*at)->due_ns <= due_ns)
		at = &(*at)->next;
	r->next = *at;
	*at = r;
	if (q->first == r)
		timer_set(q);
	(void)pthread_mutex_unlock(&q->lock);
}

/* What is due, or NULL. */
static struct swapdev_req *
queue_take(struct filter_queue *q)
{
	const uint64_t now = monotonic_ns();
	struct swapdev_req *taken, **at;

	(void)pthread_mutex_lock(&q->lock);
	taken = q->first;
	at = &taken;
	while (*at != NULL && (*at)->due_ns <= now)
		at = &(*at)->next;
	if (at != &taken) {
		q->first = *at;
		*at = NULL;
		timer_set(q);
	} else
		taken = NULL;
	(void)pthread_mutex_unlock(&q->lock);
	return taken;
}

/* Everything that may be given out now. */
static struct swapdev_req *
reap_now(struct filter_queue *q, filter_keep_fn *keep, struct swapdev *d)
{
	struct swapdev_req *ended = swapdev_reap(q->below, 0);
	struct swapdev_req *first, **end, *next;

	first = queue_take(q);
	for (end = &first; *end != NULL; end = &(*end)->next)
		;
	for (; ended != NULL; ended = next) {
		next = ended->next;
		if (keep != NULL && keep(d, ended))
			continue;
		ended->next = NULL;
		*end = ended;
		end = &ended->next;
	}
	return first;
}

struct swapdev_req *
filter_queue_reap(struct filter_queue *q, int wait_ms, filter_keep_fn *keep,
                  struct swapdev *d)
{
	const bool is_blind = q->below->ops->poll_fd(q->below) < 0;
	const uint64_t start = monotonic_ns();
	struct swapdev_req *first;
	struct pollfd pfd = {.fd = q->both, .events = POLLIN};
	int slice = is_blind ? SLICE_BLIND_MS : SLICE_MS;
	uint64_t spent;

	while ((first = reap_now(q, keep, d)) == NULL && wait_ms != 0) {
		spent = (monotonic_ns() - start) / NS_PER_MS;
		if (wait_ms > 0 && spent >= (uint64_t)wait_ms)
			break;
		if (wait_ms > 0 && (uint64_t)wait_ms - spent < (unsigned)slice)
			slice = wait_ms - (int)spent;
		(void)poll(&pfd, 1, slice);
	}
	return first;
}
