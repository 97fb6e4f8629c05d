/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filedev.h -- a swap device over a descriptor: a file or a block device.
 *
 * Slot n is the 4096 bytes at offset 4096 n.  Two back ends, one behaviour:
 *
 *	uringdev.c	io_uring
 *	threaddev.c	threads that call preadv() and pwritev(), where io_uring
 *			is refused
 *
 *	submit --> backlog --> in flight --> reap
 *	                ^          | short, interrupted, cancelled
 *	                '----------'
 *
 * A transfer that ends short is made again as a whole: a short read never
 * counts as success, and neither does half a write.  After FILEDEV_TRIES_MAX
 * the request fails with -EIO.
 *
 * Own threads.  What io_uring has to do when a transfer ends, it does in the
 * thread that started it, on that thread's way out of the kernel.  A program's
 * thread may be stuck there: it waits, inside a system call, for the very page
 * that the transfer brings.  So transfers are started by threads of ours only:
 * those that called filedev_thread_is_own(), which promises that they never
 * touch managed memory.  What other threads submit is started by a thread of
 * the device.  Only who waits at once for the end of his own read may start it
 * himself (spin.h).
 *
 * Room is made by grow(), which reserves it, so that a full file system says
 * so there and not in the middle of a write.
 *
 * Nothing here allocates but with mmap system calls, in open.
 */
#ifndef OS_FILE_FILEDEV_H
#define OS_FILE_FILEDEV_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "swap/swapdev.h"

#define FILEDEV_DEPTH 256         /* requests in flight; a power of two */
#define FILEDEV_TRIES_MAX 8       /* of one request */
#define FILEDEV_GROW_SLOTS 16384u /* room is made in steps of 64 MiB */
#define FILEDEV_FDS_MAX 2

/* (C) constant after open; (G) under grow_lock. */
struct swapdev_file {
	struct swapdev dev; /* what the callers use */
	int fd;             /* (C) owned */
	bool direct;        /* (C) */
	bool is_block;      /* (C) */
	bool spins;         /* (C) */
	pthread_mutex_t grow_lock;
	uint64_t bytes_made; /* (G) room that exists */
	void *back;          /* (C) the back end, in memory of its own */
	size_t back_bytes;   /* (C) */
};

/*
 * Open a device over fd.
 *
 *	direct		fd was opened with O_DIRECT; without it, threads are
 *			used: the kernel would block in the submission
 *	slots		that can ever exist
 *	try_uring	false: use threads
 *
 * => returns 0, and fd is the device's; -ENOMEM, -EAGAIN (no threads),
 *    -EINVAL (fd is neither a file nor a block device), and fd is the caller's
 * => threads are started here; call it before anything is managed
 */
int swapdev_file_open(struct swapdev_file *f, int fd, bool direct,
                      uint32_t slots, bool try_uring);

/*
 * From now on whoever transfers waits awake for a read, see spin.h.
 * => called by one thread of the process at a time, before there is a transfer
 * => 0; or a negative errno, and whoever transfers sleeps
 */
int swapdev_file_spin(struct swapdev_file *f);

/* "io_uring" or "threads". */
const char *swapdev_file_backend(const struct swapdev_file *f);

/*
 * Descriptors that a program must not close: the file and the ring or event.
 * => fills fds, returns how many; they never change
 */
unsigned swapdev_file_fds(const struct swapdev_file *f,
                          int fds[static FILEDEV_FDS_MAX]);

/*
 * In the child after fork(): close the descriptors and give the memory back.
 * The threads are the parent's.
 */
void swapdev_file_forget(struct swapdev_file *f);

/* The calling thread is one of ours: see above. */
void filedev_thread_is_own(void);

/* -- for the back ends ----------------------------------------------------- */

bool filedev_is_own_thread(void);

/* Requests in their order. */
struct req_list {
	struct swapdev_req *first, **end;
};

static inline void
list_clear(struct req_list *l)
{
	l->first = NULL;
	l->end = &l->first;
}

static inline void
list_add(struct req_list *l, struct swapdev_req *r)
{
	r->next = NULL;
	*l->end = r;
	l->end = &r->next;
}

static inline struct swapdev_req *
list_take(struct req_list *l)
{
	struct swapdev_req *r = l->first;

	l->first = r->next;
	if (l->first == NULL)
		l->end = &l->first;
	return r;
}

/* -- starting -------------------------------------------------------------- */

/* => called with sq held; the kernel did not take r */

/* Where a request is in its file; whether all of it is before the end. */
uint64_t filedev_offset(const struct swapdev_req *r);
bool filedev_is_whole(const struct swapdev_req *r);

/* Move one request in the calling thread and set its result. */
void filedev_move(const struct swapdev_file *f, struct swapdev_req *r);

int filedev_grow(struct swapdev *d, uint32_t slots);

/* The largest file that we may write (ulimit -f): beyond it a write fails, and
 * the kernel sends a signal that kills. */
uint64_t filedev_bytes_max(void);

static inline struct swapdev_file *
filedev_of(struct swapdev *d)
{
	return (struct swapdev_file *)(void *)((char *)d -
	                                       offsetof(struct swapdev_file,
	                                                dev));
}

/*
 * Back ends set dev.ops, back and back_bytes.
 * => return 0 or a negative errno, and then nothing is left behind
 */
int uringdev_open(struct swapdev_file *f);
void uringdev_forget(struct swapdev_file *f);
int threaddev_open(struct swapdev_file *f);
void threaddev_forget(struct swapdev_file *f);

extern const struct swapdev_ops uringdev_ops;
extern const struct swapdev_ops threaddev_ops;

#endif
