/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spin.h -- reads whose threads wait for them awake.
 *
 * A thread that sleeps until its read has ended is late: its CPU has gone to
 * sleep as well, and to wake a virtual one takes as long as a fast device needs
 * for half a page.  So the thread looks whether the read has ended, again and
 * again.  It sleeps when this read takes more than SPIN_NS; and reads are left
 * to others for a while after they took more than that on average, or after a
 * look came late, because another thread wanted the CPU.
 *
 * There are SPIN_RINGS rings, each for one thread at a time, which does not
 * return before its read has ended.  They are the process's and are never
 * closed: the kernel would interrupt system calls of each thread that has used
 * one.
 */
#ifndef OS_FILE_SPIN_H
#define OS_FILE_SPIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "os/file/uring.h"

#define SPIN_RINGS 4
#define SPIN_NS 100000u /* some five times what waking a CPU takes */

struct spin {
	pid_t pid;                     /* whose they are; 0: there are none */
	atomic_uint limit_ns;          /* SPIN_NS, or what a test wants */
	atomic_uint average_ns;        /* that reads have taken lately */
	atomic_uint_least64_t rest_ns; /* no reads before this time */
	struct spin_ring {
		struct uring uring;
		atomic_bool taken;
	} rings[SPIN_RINGS];
};

extern struct spin spin;

/*
 * Make the rings, if this process has none; a child's copies are its parent's.
 * => called by one thread at a time
 * => 0 or a negative errno
 */
int spin_open(void);

/*
 * Read from a file that was opened with O_DIRECT.
 * => bytes or a negative errno; -EAGAIN: not now, read in another way
 */
int spin_read(int fd, const struct iovec *iov, unsigned iov_count,
              uint64_t offset);

#endif
