/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter_error.c -- make a device fail, or lie.
 *
 *	error:kind=...		fail, short, torn, misdirect, phantom, bitflip
 *	op=read|write|any	which requests count (any; torn and phantom are
 *				faults of writes)
 *	slot=N			only those that touch slot N
 *	nth=N			the N-th of them, once
 *	every=N			each N-th
 *	from=N			the N-th and all after it
 *	count=N			at most N faults
 *	errno=EIO|ENOSPC|...	of kind=fail (EIO)
 *	seed=N			which page of a request, and which bit (1)
 *
 * One page of the request is hit; the others are as they should be.
 *
 *	kind		says	what a write stores	what a read gives
 *	fail		errno	rubbish			rubbish
 *	short		half	half of the page	zeros behind the half
 *	torn		ok	a part; the rest is old	-
 *	misdirect	ok	the next slot's instead	the next slot's contents
 *	phantom		ok	nothing: it stays old	-
 *	bitflip		ok	one bit wrong		one bit wrong
 *
 * "half" is success with fewer bytes moved: the dispatch must not believe it.
 *
 * A faulty request is made at once, in the thread that submits it, under a
 * lock, and ends through the queue.
 */
#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/bits.h"
#include "swap/filter.h"

enum kind { FAIL, SHORT, TORN, MISDIRECT, PHANTOM, BITFLIP };

enum { RUBBISH = 0xee, PAGE_BITS = SWAPDEV_PAGE_BYTES * 8 };

struct error {
	struct swapdev dev;
	/* (C) the options */
	int kind; /* enum kind */
	int ops;
	int error; /* positive errno */
	uint64_t slot, nth, every, from, count_max;
	/* under lock */
	pthread_mutex_t lock;
	uint64_t seen;     /* requests that count */
	uint64_t injected; /* faults */
	uint64_t seed;
	struct swapdev_req io; /* for pages of our own */
	unsigned char *page;   /* in scratch, aligned */
	struct filter_queue queue;
	unsigned char scratch[2 * SWAPDEV_PAGE_BYTES];
};

_Static_assert(sizeof(struct error) <= SWAPDEV_FILTER_BYTES, "does not fit");

#define SLOT_ANY UINT64_MAX

static struct error *
error_of(struct swapdev *d)
{
	return (struct error *)(void *)d;
}

/* -- when ------------------------------------------------------------------ */

/* => called with the lock held */
static bool
is_due(struct error *f, const struct swapdev_req *r)
{
	uint64_t first = f->from;

	if (!filter_wants(f->ops, r))
		return false;
	if (f->slot != SLOT_ANY &&
	    (f->slot < r->slot || f->slot - r->slot >= r->pages))
		return false;
	f->seen++;
	if (f->seen < first || (f->seen - first) % f->every != 0)
		return false;
	if (f->injected >= f->count_max)
		return false;
	f->injected++;
	return true;
}

/* -- pages ----------------------------------------------------------------- */

/* Where page number index of the request is in memory. */
static unsigned char *
page_of(const struct swapdev_req *r, uint32_t index)
{
	size_t offset = (size_t)index * SWAPDEV_PAGE_BYTES;
	uint32_t i = 0;

	for (; offset >= r->iov[i].iov_len; i++)
		offset -= r->iov[i].iov_len;
	must(i < r->iov_count);
	return (unsigned char *)r->iov[i].iov_base + offset;
}

/*
 * Read f->page from a slot, or write it there.  What was never written reads
 * as zeros.
 */
static void
page_io(struct error *f, bool write, uint32_t slot)
{
	struct swapdev_req *io = &f->io;

	io->write = write;
	io->slot = slot;
	io->pages = 1;
	io->iov_count = 1;
	io->iov[0] = (struct iovec){f->page, SWAPDEV_PAGE_BYTES};
	if (swapdev_transfer(f->dev.below, io) < 0 && !write)
		memset(f->page, 0, SWAPDEV_PAGE_BYTES);
}

static uint32_t
next_slot(const struct error *f, uint32_t slot)
{
	const struct swapdev_place *place = f->io.place;

	if (slot + 1 < (place != NULL ? place->slots : f->dev.slots))
		return slot + 1;
	return slot > (place != NULL) ? slot - 1 : slot;
}

static void
bit_flip(struct error *f, unsigned char *page)
{
	uint64_t bit = filter_random(&f->seed) % PAGE_BITS;

	page[bit / 8] ^= (unsigned char)(1 << bit % 8);
}

/* -- what: each is called with the lock held, the request not made yet ----- */

static void
fault_fail(struct error *f, struct swapdev_req *r, uint32_t slot,
           unsigned char *page)
{
	if (r->write) {
		memset(f->page, RUBBISH, SWAPDEV_PAGE_BYTES);
		page_io(f, true, slot);
	} else
		memset(page, RUBBISH, SWAPDEV_PAGE_BYTES);
	r->moved_bytes = 0;
	r->result = -f->error;
}

static void
fault_short(struct error *f, struct swapdev_req *r, uint32_t slot,
            unsigned char *page)
{
	const size_t half = SWAPDEV_PAGE_BYTES / 2;

	page_io(f, false, slot);
	(void)swapdev_transfer(f->dev.below, r);
	if (r->write) {
		memcpy(f->page, page, half);
		page_io(f, true, slot);
	} else
		memset(page + half, 0, half);
	r->moved_bytes -= r->moved_bytes > half ? (uint32_t)half : 0;
}

static void
fault_torn(struct error *f, struct swapdev_req *r, uint32_t slot,
           const unsigned char *page)
{
	page_io(f, false, slot);
	(void)swapdev_transfer(f->dev.below, r);
	memcpy(f->page, page, filter_random(&f->seed) % 2 != 0 ? 512 : 2048);
	page_io(f, true, slot);
}

static void
fault_misdirect(struct error *f, struct swapdev_req *r, uint32_t slot,
                unsigned char *page)
{
	const uint32_t other = next_slot(f, slot);

	if (!r->write) {
		(void)swapdev_transfer(f->dev.below, r);
		page_io(f, false, other);
		memcpy(page, f->page, SWAPDEV_PAGE_BYTES);
		return;
	}
	page_io(f, false, slot);
	(void)swapdev_transfer(f->dev.below, r);
	page_io(f, true, slot);
	memcpy(f->page, page, SWAPDEV_PAGE_BYTES);
	page_io(f, true, other);
}

static void
fault_phantom(struct error *f, struct swapdev_req *r, uint32_t slot)
{
	page_io(f, false, slot);
	(void)swapdev_transfer(f->dev.below, r);
	page_io(f, true, slot);
}

static void
fault_bitflip(struct error *f, struct swapdev_req *r, uint32_t slot,
              unsigned char *page)
{
	(void)swapdev_transfer(f->dev.below, r);
	if (r->write) {
		memcpy(f->page, page, SWAPDEV_PAGE_BYTES);
		bit_flip(f, f->page);
		page_io(f, true, slot);
	} else
		bit_flip(f, page);
}

/* Make the request, with its fault.  => called with the lock held */
static void
fault(struct error *f, struct swapdev_req *r)
{
	uint32_t index = (uint32_t)(filter_random(&f->seed) % r->pages);
	uint32_t slot;
	unsigned char *page;

	if (f->slot != SLOT_ANY)
		index = (uint32_t)(f->slot - r->slot);
	slot = r->slot + index;
	page = page_of(r, index);
	f->io.place = r->place;
	switch ((enum kind)f->kind) {
	case FAIL:
		fault_fail(f, r, slot, page);
		break;
	case SHORT:
		fault_short(f, r, slot, page);
		break;
	case TORN:
		fault_torn(f, r, slot, page);
		break;
	case MISDIRECT:
		fault_misdirect(f, r, slot, page);
		break;
	case PHANTOM:
		fault_phantom(f, r, slot);
		break;
	case BITFLIP:
		fault_bitflip(f, r, slot, page);
		break;
	}
}

/* => true: it was due, and has been made */
static bool
fault_if_due(struct error *f, struct swapdev_req *r)
{
	bool due;

	(void)pthread_mutex_lock(&f->lock);
	due = is_due(f, r);
	if (due)
		fault(f, r);
	(void)pthread_mutex_unlock(&f->lock);
	return due;
}

/* -- the device ------------------------------------------------------------ */

static int
error_submit(struct swapdev *d, struct swapdev_req *first)
{
	struct error *f = error_of(d);
	struct swapdev_req *good = NULL, **end = &good, *next;

	for (struct swapdev_req *r = first; r != NULL; r = next) {
		next = r->next;
		if (fault_if_due(f, r)) {
			filter_queue_put(&f->queue, r, 0);
			continue;
		}
		r->next = NULL;
		*end = r;
		end = &r->next;
	}
	if (good == NULL || swapdev_submit_chain(d->below, good) == 0)
		return 0;
	/* Part of the chain has been made, so all of it must be. */
	for (struct swapdev_req *r = good; r != NULL; r = next) {
		next = r->next;
		(void)swapdev_transfer(d->below, r);
		filter_queue_put(&f->queue, r, 0);
	}
	return 0;
}

static void
error_transfer(struct swapdev *d, struct swapdev_req *r)
{
	if (!fault_if_due(error_of(d), r))
		(void)swapdev_transfer(d->below, r);
}

static struct swapdev_req *
error_reap(struct swapdev *d, int wait_ms)
{
	return filter_queue_reap(&error_of(d)->queue, wait_ms, NULL, d);
}

static int
error_poll_fd(struct swapdev *d)
{
	return error_of(d)->queue.both;
}

static int
error_grow(struct swapdev *d, uint32_t slots)
{
	return swapdev_grow(d->below, slots);
}

static void
error_close(struct swapdev *d)
{
	filter_queue_close(&error_of(d)->queue);
	if (d->below != NULL)
		swapdev_close(d->below);
}

static const struct swapdev_ops error_ops = {
	.name = "error",
	.submit = error_submit,
	.transfer = error_transfer,
	.reap = error_reap,
	.poll_fd = error_poll_fd,
	.grow = error_grow,
	.close = error_close,
};

/* -- options --------------------------------------------------------------- */

static const struct filter_word kind_words[] = {
	{"fail", FAIL},
	{"short", SHORT},
	{"torn", TORN},
	{"misdirect", MISDIRECT},
	{"phantom", PHANTOM},
	{"bitflip", BITFLIP},
	{NULL, 0},
};

static const struct filter_word errno_words[] = {
	{"EIO", EIO},       {"ENOSPC", ENOSPC},       {"EDQUOT", EDQUOT},
	{"ENOMEM", ENOMEM}, {"ETIMEDOUT", ETIMEDOUT}, {NULL, 0},
};

/* Options that must agree with each other. */
static int
options_settle(struct error *f, struct filter_reason *why)
{
	if (f->kind == TORN || f->kind == PHANTOM) {
		if (f->ops == FILTER_READ)
			return filter_refuse(why, "error: torn and phantom "
			                          "are faults of writes: "
			                          "give op=write");
		f->ops = FILTER_WRITE;
	}
	if (f->slot != SLOT_ANY && f->slot >= f->dev.slots)
		return filter_refuse(why, "error: slot=%llu: there are %u",
		                     (unsigned long long)f->slot, f->dev.slots);
	if (f->nth > 0 && (f->every > 0 || f->from > 0 || f->count_max > 0))
		return filter_refuse(why, "error: nth is one fault: give it "
		                          "without every, from and count");
	if (f->nth > 0) {
		f->from = f->nth;
		f->count_max = 1;
	}
	if (f->from == 0)
		f->from = f->every > 0 ? f->every : 1;
	if (f->every == 0)
		f->every = 1;
	if (f->count_max == 0)
		f->count_max = UINT64_MAX;
	return 0;
}

static int
error_open(void *mem, struct swapdev *below, const char *args,
           size_t args_length, struct filter_reason *why)
{
	struct error *f = mem;
	const struct filter_key keys[] = {
		{"kind", kind_words, 0, 0, &f->kind},
		{"op", filter_ops, 0, 0, &f->ops},
		{"slot", NULL, 0, UINT32_MAX, &f->slot},
		{"nth", NULL, 1, UINT32_MAX, &f->nth},
		{"every", NULL, 1, UINT32_MAX, &f->every},
		{"from", NULL, 1, UINT32_MAX, &f->from},
		{"count", NULL, 1, UINT32_MAX, &f->count_max},
		{"errno", errno_words, 0, 0, &f->error},
		{"seed", NULL, 0, UINT64_MAX, &f->seed},
		{0},
	};
	int r;

	f->dev = (struct swapdev){&error_ops, below, below->slots};
	f->kind = FAIL;
	f->ops = FILTER_READ | FILTER_WRITE;
	f->error = EIO;
	f->slot = SLOT_ANY;
	f->seed = 1;
	f->page = (unsigned char *)round_up((uintptr_t)f->scratch,
	                                    SWAPDEV_PAGE_BYTES);
	(void)pthread_mutex_init(&f->lock, NULL);
	r = filter_options(&filter_error, args, args_length, keys, why);
	if (r == 0)
		r = options_settle(f, why);
	return r == 0 ? filter_queue_open(&f->queue, below) : r;
}

const struct filter_kind filter_error = {.name = "error", .open = error_open};
