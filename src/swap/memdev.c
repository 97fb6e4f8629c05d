/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memdev.c -- a swap device in the caller's memory, for tests.
 */
#include <string.h>

#include "base/assert.h"
#include "swap/memdev.h"

static struct swapdev_mem *
mem_of(struct swapdev *d)
{
	return (struct swapdev_mem *)(void *)d;
}

static void
mem_transfer(struct swapdev *d, struct swapdev_req *r)
{
	struct swapdev_mem *m = mem_of(d);
	const size_t end = (size_t)m->slots_grown * SWAPDEV_PAGE_BYTES;
	size_t at = (size_t)r->slot * SWAPDEV_PAGE_BYTES;
	size_t from = at;

	for (uint32_t i = 0; i < r->iov_count; i++) {
		const struct iovec *v = &r->iov[i];
		size_t left = at < end ? end - at : 0;
		size_t n = v->iov_len < left ? v->iov_len : left;

		if (r->write)
			memcpy(m->bytes + at, v->iov_base, n);
		else
			memcpy(v->iov_base, m->bytes + at, n);
		at += n;
	}
	r->moved_bytes = (uint32_t)(at - from);
	r->result = 0; /* of a short one, the dispatch makes an error [D2] */
}

static int
mem_submit(struct swapdev *d, struct swapdev_req *first)
{
	struct swapdev_mem *m = mem_of(d);
	struct swapdev_req *next;

	for (struct swapdev_req *r = first; r != NULL; r = next) {
		next = r->next;
		mem_transfer(d, r);
		r->next = NULL;
		*m->end = r;
		m->end = &r->next;
	}
	return 0;
}

static struct swapdev_req *
mem_reap(struct swapdev *d, int wait_ms)
{
	struct swapdev_mem *m = mem_of(d);
	struct swapdev_req *first = m->first;

	(void)wait_ms;
	m->first = NULL;
	m->end = &m->first;
	return first;
}

static int
mem_poll_fd(struct swapdev *d)
{
	(void)d;
	return -1;
}

static int
mem_grow(struct swapdev *d, uint32_t slots)
{
	struct swapdev_mem *m = mem_of(d);

	if (m->slots_grown < slots)
		m->slots_grown = slots;
	return 0;
}

static void
mem_close(struct swapdev *d)
{
	must(mem_of(d)->first == NULL);
}

static const struct swapdev_ops mem_ops = {
	.name = "memory",
	.submit = mem_submit,
	.transfer = mem_transfer,
	.reap = mem_reap,
	.poll_fd = mem_poll_fd,
	.grow = mem_grow,
	.close = mem_close,
};

void
swapdev_mem_open(struct swapdev_mem *m, void *bytes, uint32_t slots)
{
	*m = (struct swapdev_mem){
		.dev = {.ops = &mem_ops, .slots = slots},
		.bytes = bytes,
	};
	m->end = &m->first;
}
