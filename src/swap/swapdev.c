/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * swapdev.c -- the checked dispatch around every device and filter.
 *
 * What is wrong on the way in is a mistake of ours and is asserted.  What is
 * wrong on the way out may be the world's doing: a device that says success
 * but did not move everything has failed [D2].
 */
#include <errno.h>

#include "base/assert.h"
#include "swap/swapdev.h"

_Static_assert((SWAPDEV_PAGE_BYTES & (SWAPDEV_PAGE_BYTES - 1)) == 0,
               "alignment is tested with a mask");

static uint32_t
slots_of(const struct swapdev *d, const struct swapdev_req *r)
{
	return r->place != NULL ? r->place->slots : d->slots;
}

/* A request must be whole pages at aligned addresses, inside the device. */
static void
request_check(const struct swapdev *d, const struct swapdev_req *r)
{
	const uintptr_t mask = SWAPDEV_PAGE_BYTES - 1;
	size_t bytes = 0;

	must(r->pages > 0 && r->pages <= SWAPDEV_PAGES_MAX);
	must(r->slot < slots_of(d, r) && r->pages <= slots_of(d, r) - r->slot);
	must(r->place == NULL || r->slot > 0);
	must(r->iov_count > 0 && r->iov_count <= r->pages);
	for (uint32_t i = 0; i < r->iov_count; i++) {
		must(((uintptr_t)r->iov[i].iov_base & mask) == 0);
		must((r->iov[i].iov_len & mask) == 0 && r->iov[i].iov_len > 0);
		bytes += r->iov[i].iov_len;
	}
	must(bytes == (size_t)r->pages * SWAPDEV_PAGE_BYTES);
}

/* What a device says has happened. */
static void
result_check(const struct swapdev *d, struct swapdev_req *r)
{
	const uint32_t bytes = r->pages * SWAPDEV_PAGE_BYTES;

	must(r->result <= 0 && r->result > -4096);
	must(r->slot < slots_of(d, r) && r->pages <= slots_of(d, r) - r->slot);
	if (r->result == 0 && r->moved_bytes != bytes)
		r->result = -EIO; /* [D2] */
}

int
swapdev_submit_chain(struct swapdev *d, struct swapdev_req *first)
{
	int r;

	must(first != NULL);
	for (struct swapdev_req *q = first; q != NULL; q = q->next) {
		request_check(d, q);
		q->result = -EINPROGRESS;
		q->moved_bytes = 0;
		q->partial = false;
	}
	r = d->ops->submit(d, first);
	must(r == 0 || r == -EAGAIN);
	return r;
}

int
swapdev_submit(struct swapdev *d, struct swapdev_req *r)
{
	r->next = NULL;
	return swapdev_submit_chain(d, r);
}

int
swapdev_transfer(struct swapdev *d, struct swapdev_req *r)
{
	request_check(d, r);
	r->next = NULL;
	r->result = -EINPROGRESS;
	r->moved_bytes = 0;
	r->partial = false;
	d->ops->transfer(d, r);
	must(r->next == NULL);
	result_check(d, r);
	return r->result;
}

struct swapdev_req *
swapdev_reap(struct swapdev *d, int wait_ms)
{
	struct swapdev_req *first;

	must(wait_ms >= -1);
	first = d->ops->reap(d, wait_ms);
	for (struct swapdev_req *r = first; r != NULL; r = r->next)
		result_check(d, r);
	return first;
}

int
swapdev_poll_fd(struct swapdev *d)
{
	return d->ops->poll_fd(d);
}

int
swapdev_grow(struct swapdev *d, uint32_t slots)
{
	int r;

	must(slots <= d->slots);
	r = d->ops->grow(d, slots);
	must(r <= 0 && r > -4096);
	return r;
}

void
swapdev_close(struct swapdev *d)
{
	d->ops->close(d);
}
