/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter_log.c -- a line for each request that ends.
 *
 *	log:fd=N	to descriptor N (2)
 *	op=...		which ones (any)
 *
 *	pageout: swap: read slot 512 pages 32: ok, 0.214 ms
 *
 * A line is one write(); if nobody takes it, it is lost.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/size.h"
#include "swap/filter.h"

struct log {
	struct swapdev dev;
	int ops;
	uint64_t fd;
};

_Static_assert(sizeof(struct log) <= SWAPDEV_FILTER_BYTES, "does not fit");

static struct log *
log_of(struct swapdev *d)
{
	return (struct log *)(void *)d;
}

static void
log_line(struct log *f, const struct swapdev_req *r, const char *how)
{
	char line[160], took[SIZE_TEXT_BYTES];
	int n;

	if (!filter_wants(f->ops, r))
		return;
	(void)time_text(took, monotonic_ns() - r->started_ns);
	n = snprintf(line, sizeof(line),
	             "pageout: swap: %s%s slot %u pages %u: %s, %s\n", how,
	             r->write ? "write" : "read", r->slot, r->pages,
	             r->result == 0 ? "ok" : strerrordesc_np(-r->result), took);
	must(n > 0 && (size_t)n < sizeof(line));
	if (write((int)f->fd, line, (size_t)n) < 0)
		return; /* lost */
}

static int
log_submit(struct swapdev *d, struct swapdev_req *first)
{
	const uint64_t now = monotonic_ns();

	for (struct swapdev_req *r = first; r != NULL; r = r->next)
		r->started_ns = now;
	return swapdev_submit_chain(d->below, first);
}

static void
log_transfer(struct swapdev *d, struct swapdev_req *r)
{
	r->started_ns = monotonic_ns();
	(void)swapdev_transfer(d->below, r);
	log_line(log_of(d), r, "direct ");
}

static struct swapdev_req *
log_reap(struct swapdev *d, int wait_ms)
{
	struct swapdev_req *first = swapdev_reap(d->below, wait_ms);

	for (struct swapdev_req *r = first; r != NULL; r = r->next)
		log_line(log_of(d), r, "");
	return first;
}

static int
log_poll_fd(struct swapdev *d)
{
	return swapdev_poll_fd(d->below);
}

static int
log_grow(struct swapdev *d, uint32_t slots)
{
	return swapdev_grow(d->below, slots);
}

static void
log_close(struct swapdev *d)
{
	if (d->below != NULL)
		swapdev_close(d->below);
}

static const struct swapdev_ops log_ops = {
	.name = "log",
	.submit = log_submit,
	.transfer = log_transfer,
	.reap = log_reap,
	.poll_fd = log_poll_fd,
	.grow = log_grow,
	.close = log_close,
};

static int
log_open(void *mem, struct swapdev *below, const char *args, size_t args_length,
         struct filter_reason *why)
{
	struct log *f = mem;
	const struct filter_key keys[] = {
		{"fd", NULL, 0, 1 << 20, &f->fd},
		{"op", filter_ops, 0, 0, &f->ops},
		{0},
	};

	f->dev = (struct swapdev){&log_ops, below, below->slots};
	f->ops = FILTER_READ | FILTER_WRITE;
	f->fd = STDERR_FILENO;
	return filter_options(&filter_log, args, args_length, keys, why);
}

const struct filter_kind filter_log = {.name = "log", .open = log_open};
