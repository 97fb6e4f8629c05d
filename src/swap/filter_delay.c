/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter_delay.c -- make a device slow, and put what it does out of order.
 *
 *	delay:ms=N		every request takes N ms longer
 *	op=read|write|any	which ones (any)
 *	jitter=N		0 to N ms more, at random: requests overtake
 *	seed=N			of the random numbers (1)
 *
 * A request waits after its transfer: its memory stays the device's for longer.
 */
#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#include "base/assert.h"
#include "base/clock.h"
#include "swap/filter.h"

#define NS_PER_MS UINT64_C(1000000)
#define MS_MAX 3600000

struct delay {
	struct swapdev dev;
	int ops;
	uint64_t ms, jitter_ms, seed;
	atomic_ullong count; /* of requests delayed */
	struct filter_queue queue;
};

_Static_assert(sizeof(struct delay) <= SWAPDEV_FILTER_BYTES, "does not fit");

static struct delay *
delay_of(struct swapdev *d)
{
	return (struct delay *)(void *)d;
}

/* How long the next request waits. */
static uint64_t
wait_ns(struct delay *f)
{
	uint64_t state = f->seed + atomic_fetch_add(&f->count, 1);
	uint64_t jitter_ns = f->jitter_ms * NS_PER_MS;

	return f->ms * NS_PER_MS + filter_random(&state) % (jitter_ns + 1);
}

static bool
delay_keep(struct swapdev *d, struct swapdev_req *r)
{
	struct delay *f = delay_of(d);

	if (!filter_wants(f->ops, r))
		return false;
	filter_queue_put(&f->queue, r, monotonic_ns() + wait_ns(f));
	return true;
}

static int
delay_submit(struct swapdev *d, struct swapdev_req *first)
{
	return swapdev_submit_chain(d->below, first);
}

static void
delay_transfer(struct swapdev *d, struct swapdev_req *r)
{
	struct delay *f = delay_of(d);
	struct timespec left;
	uint64_t ns;

	(void)swapdev_transfer(d->below, r);
	if (!filter_wants(f->ops, r))
		return;
	ns = wait_ns(f);
	left.tv_sec = (time_t)(ns / (1000 * NS_PER_MS));
	left.tv_nsec = (long)(ns % (1000 * NS_PER_MS));
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

static struct swapdev_req *
delay_reap(struct swapdev *d, int wait_ms)
{
	return filter_queue_reap(&delay_of(d)->queue, wait_ms, delay_keep, d);
}

static int
delay_poll_fd(struct swapdev *d)
{
	return delay_of(d)->queue.both;
}

static int
delay_grow(struct swapdev *d, uint32_t slots)
{
	return swapdev_grow(d->below, slots);
}

static void
delay_close(struct swapdev *d)
{
	filter_queue_close(&delay_of(d)->queue);
	if (d->below != NULL)
		swapdev_close(d->below);
}

static const struct swapdev_ops delay_ops = {
	.name = "delay",
	.submit = delay_submit,
	.transfer = delay_transfer,
	.reap = delay_reap,
	.poll_fd = delay_poll_fd,
	.grow = delay_grow,
	.close = delay_close,
};

static int
delay_open(void *mem, struct swapdev *below, const char *args,
           size_t args_length, struct filter_reason *why)
{
	struct delay *f = mem;
	const struct filter_key keys[] = {
		{"ms", NULL, 0, MS_MAX, &f->ms},
		{"op", filter_ops, 0, 0, &f->ops},
		{"jitter", NULL, 0, MS_MAX, &f->jitter_ms},
		{"seed", NULL, 0, UINT64_MAX, &f->seed},
		{0},
	};
	int r;

	f->dev = (struct swapdev){&delay_ops, below, below->slots};
	f->ops = FILTER_READ | FILTER_WRITE;
	f->seed = 1;
	r = filter_options(&filter_delay, args, args_length, keys, why);
	if (r == 0 && f->ms == 0 && f->jitter_ms == 0)
		r = filter_refuse(why, "delay: say how long, as in ms=5");
	return r == 0 ? filter_queue_open(&f->queue, below) : r;
}

const struct filter_kind filter_delay = {.name = "delay", .open = delay_open};
