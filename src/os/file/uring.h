/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uring.h -- io_uring, as little of it as a file device needs.
 *
 * One ring; transfers of one file, which is registered with it, or of others,
 * which are buffered and left to the kernel's threads.  A ring without a file
 * of its own is for any that are not buffered.
 *
 * Each call states which of the ring's two ends it works on; the caller keeps
 * others off that end.  Waiting works on neither, so many threads may wait
 * while others work.
 */
#ifndef OS_FILE_URING_H
#define OS_FILE_URING_H

#include <liburing.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uring {
	struct io_uring ring;
	bool has_file;
	unsigned depth; /* transfers that may be in flight: no more completions
	                   than this can wait, so none can overflow */
};

struct uring_done {
	void *cookie;
	int result; /* bytes, or a negative errno */
};

/*
 *	fd	its file, or -1
 *
 * => returns 0; -EPERM, -ENOSYS, -ENOMEM ... where the ring is refused;
 *    -EOPNOTSUPP where the kernel's is too old for us
 */
int uring_open(struct uring *u, int fd, unsigned depth);

/* => the kernel may free the ring, and let go of its file, much later */
void uring_close(struct uring *u);

/* Let go of the file now: before uring_close(), by the process that opened. */
void uring_drop_file(struct uring *u);

/*
 * Submission end: put a transfer into the queue.
 *
 *	fd	-1: the ring's own file
 *
 * => false: the queue is full, start it first
 */
bool uring_queue(struct uring *u, int fd, bool write, const struct iovec *iov,
                 unsigned iov_count, uint64_t offset, void *cookie);

/*
 * Submission end: give the queue to the kernel; leaves it empty.
 * => returns how many of it were taken, from its front; with fewer than all,
 *    *ret_why is the negative errno that the next one met
 */
unsigned uring_start(struct uring *u, int *ret_why);

/*
 * Completion end: take what has ended.
 * => returns how many of done were filled
 */
unsigned uring_take(struct uring *u, struct uring_done *done, unsigned max);

/*
 * Neither end: wait until something has ended, or ms (-1: for ever) are over.
 * => may return early
 */
void uring_wait(struct uring *u, int ms);

#endif
