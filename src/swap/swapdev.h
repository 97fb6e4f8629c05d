/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * swapdev.h -- swap devices, and the one checked way to call them.
 *
 * A device moves whole pages between memory and a numbered range of slots.  It
 * may end requests in any order and from any thread; it ends each one once.
 * Filters (error, delay, log) are devices on top of a device, so they can be
 * stacked; users have them too (PAGEOUT_SWAP_FILTER).
 *
 *	pager --> swapdev_submit() --> filter --> file: io_uring or threads
 *	      <-- swapdev_reap()   <--        <--
 *
 * The dispatch (swapdev.c) checks what no device should have to: ranges,
 * alignment, and that a request which claims success moved every byte.
 *
 * Two ways to move pages:
 *
 *	submit, reap	queued; whichever thread reaps gets whatever has ended.
 *			So reaping is no way to wait for one request when more
 *			than one thread reaps.
 *	transfer	in the calling thread, for one who has to wait anyway:
 *			nobody to wake, never reaped
 *
 * Laws:
 *
 *	[D1] a submitted request ends once, through reap, whatever happens
 *	[D2] result is 0 only when moved_bytes covers all pages
 *	[D3] from submit to reap, a request and its memory are the device's
 */
#ifndef SWAP_SWAPDEV_H
#define SWAP_SWAPDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define SWAPDEV_PAGES_MAX 256
#define SWAPDEV_PAGE_BYTES 4096u

struct swapdev;

/*
 * A file that is not the device's own, and that others may cut or extend: slot
 * n of it is the page at start + (n-1) pages, and slot 0 there is none.  What
 * is beyond its end is not read (-ENXIO), and not written, which is a success.
 */
struct swapdev_place {
	int fd;
	uint64_t start;
	uint32_t slots;
};

/* A transfer of neighbouring slots; the caller's until submitted, and again
 * after it was reaped. */
struct swapdev_req {
	bool write;
	bool partial;   /* of a read of a place: it ends in the last page, the
	                   rest of which is zeros */
	uint32_t slot;  /* first */
	uint32_t pages; /* 1..SWAPDEV_PAGES_MAX */
	uint32_t iov_count;
	struct iovec iov[SWAPDEV_PAGES_MAX];
	int result; /* 0 when every byte was moved, else negative errno */
	uint32_t moved_bytes;     /* set by the device, together with result */
	uint64_t started_ns;      /* a device's or filter's own use */
	uint64_t due_ns;          /* of the filter that holds it back */
	struct swapdev_req *next; /* in queues; free for the holder's use */
	void *cookie;             /* the caller's */
	const struct swapdev_place *place; /* NULL: the device's own slots */
};

struct swapdev_ops {
	const char *name;

	/* Start a chain of requests, linked by next.  Never blocks for the
	 * transfer.
	 * => 0; or -EAGAIN when too much is in flight, and then none of the
	 * chain was taken.  Any other failure ends the request through reap. */
	int (*submit)(struct swapdev *d, struct swapdev_req *r);

	/* Do one request now, and set its result.  May block. */
	void (*transfer)(struct swapdev *d, struct swapdev_req *r);

	/* Requests that have ended, linked by next.
	 * => waits up to wait_ms (0: not, -1: for ever) for the first
	 * => may be called by several threads; NULL when none has ended */
	struct swapdev_req *(*reap)(struct swapdev *d, int wait_ms);

	/* A descriptor that polls readable while requests wait to be reaped. */
	int (*poll_fd)(struct swapdev *d);

	/* Make slots below slots exist.  => 0, -ENOSPC ... */
	int (*grow)(struct swapdev *d, uint32_t slots);

	void (*close)(struct swapdev *d);
};

struct swapdev {
	const struct swapdev_ops *ops;
	struct swapdev *below; /* of a filter */
	uint32_t slots;        /* that can ever exist */
};

/*
 * Start one request, or a chain of them: cheaper than one by one.
 * => called with the requests filled in: whole pages, aligned to a page
 * => returns 0, or -EAGAIN and nothing has happened
 */
int swapdev_submit(struct swapdev *d, struct swapdev_req *r);
int swapdev_submit_chain(struct swapdev *d, struct swapdev_req *first);

/* Do one request in the calling thread.  => returns r->result */
int swapdev_transfer(struct swapdev *d, struct swapdev_req *r);

/*
 * Requests that have ended, linked by next; NULL when none has ended in
 * wait_ms (0: do not wait; -1: for ever).
 */
struct swapdev_req *swapdev_reap(struct swapdev *d, int wait_ms);
int swapdev_poll_fd(struct swapdev *d);
int swapdev_grow(struct swapdev *d, uint32_t slots);

/* => called when everything was reaped and nobody is in a call */
void swapdev_close(struct swapdev *d);

/*
 * Put the filters that text names on top of d; memory for them comes from mem.
 * The first one named is the first to see a request.  swap/README.md has the
 * words of the text.
 *
 *	text	"" or a list: "error:op=read,nth=3,errno=EIO;delay:ms=5;log"
 *	ret_top	the device to use, and to close, from now on
 *	reason	why text was refused
 *
 * => returns 0; -EINVAL for a bad text, and *reason says what is wrong;
 *    -EMFILE and the like when the system has no descriptor for a filter.
 *    Then d is as before.
 */
#define SWAPDEV_FILTERS_MAX 8
#define SWAPDEV_FILTER_BYTES 24576
struct swapdev_filter_mem {
	_Alignas(64) char bytes[SWAPDEV_FILTERS_MAX][SWAPDEV_FILTER_BYTES];
};
int swapdev_filters(struct swapdev *d, const char *text,
                    struct swapdev_filter_mem *mem, struct swapdev **ret_top,
                    char *reason, size_t reason_bytes);

#endif
