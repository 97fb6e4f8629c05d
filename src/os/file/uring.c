/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uring.c -- io_uring, as little of it as a file device needs.
 *
 * The waiting and submitting system calls are made by number of the ring, not
 * through liburing's helpers: those look at the completion end too, which is
 * another thread's.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/assert.h"
#include "base/bits.h"
#include "os/file/uring.h"

enum { SUBMIT_TRIES_MAX = 8 };

/*
 * NODROP and EXT_ARG: waiting with a timeout.  SUBMIT_STABLE: the kernel has
 * read the iovecs when the submission returns.
 */
static const unsigned features_needed =
	IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_EXT_ARG;

int
uring_open(struct uring *u, int fd, unsigned depth)
{
	struct io_uring_params p;
	int r;

	must(is_power_of_two(depth));
	memset(&p, 0, sizeof(p));
	p.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
	p.cq_entries = depth;
	r = io_uring_queue_init_params(depth / 2, &u->ring, &p);
	if (r < 0)
		return r;
	if ((p.features & features_needed) != features_needed) {
		r = -EOPNOTSUPP;
		goto out;
	}
	u->has_file = fd >= 0;
	r = u->has_file ? io_uring_register_files(&u->ring, &fd, 1) : 0;
	if (r < 0)
		goto out;
	u->depth = p.cq_entries < depth ? p.cq_entries : depth;
	return 0;
out:
	io_uring_queue_exit(&u->ring);
	return r;
}

void
uring_close(struct uring *u)
{
	io_uring_queue_exit(&u->ring);
}

void
uring_drop_file(struct uring *u)
{
	(void)io_uring_unregister_files(&u->ring);
	u->has_file = false;
}

bool
uring_queue(struct uring *u, int fd, bool write, const struct iovec *iov,
            unsigned iov_count, uint64_t offset, void *cookie)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
	bool own = fd < 0;

	if (sqe == NULL)
		return false;
	if (own)
		fd = 0; /* of the registered files */
	if (iov_count == 1 && write)
		io_uring_prep_write(sqe, fd, iov->iov_base,
		                    (unsigned)iov->iov_len, offset);
	else if (iov_count == 1)
		io_uring_prep_read(sqe, fd, iov->iov_base,
		                   (unsigned)iov->iov_len, offset);
	else if (write)
		io_uring_prep_writev(sqe, fd, iov, iov_count, offset);
	else
		io_uring_prep_readv(sqe, fd, iov, iov_count, offset);
	if (own)
		io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	else if (u->has_file)
		io_uring_sqe_set_flags(sqe, IOSQE_ASYNC);
	io_uring_sqe_set_data(sqe, cookie);
	return true;
}

/*
 * Forget what the kernel has not taken.  It reads the tail only inside the
 * submitting call, which is not running.
 */
static void
queue_rewind(struct io_uring_sq *sq)
{
	unsigned head = *sq->khead;

	sq->sqe_head = head;
	sq->sqe_tail = head;
	__atomic_store_n(sq->ktail, head, __ATOMIC_RELEASE);
}

unsigned
uring_start(struct uring *u, int *ret_why)
{
	unsigned ready = io_uring_sq_ready(&u->ring);
	unsigned taken = 0, tries = 0;
	int r;

	while (taken < ready) {
		r = io_uring_submit(&u->ring);
		if (r > 0) {
			taken += (unsigned)r;
			continue;
		}
		if (r == -EINTR || r == 0 || r == -EBUSY)
			r = -EAGAIN;
		if (r == -EAGAIN && ++tries < SUBMIT_TRIES_MAX)
			continue;
		queue_rewind(&u->ring.sq);
		*ret_why = r;
		break;
	}
	must(taken <= ready);
	return taken;
}

unsigned
uring_take(struct uring *u, struct uring_done *done, unsigned max)
{
	struct io_uring_cqe *cqe;
	unsigned head, count = 0;

	io_uring_for_each_cqe(&u->ring, head, cqe)
	{
		if (count == max)
			break;
		done[count].cookie = io_uring_cqe_get_data(cqe);
		done[count].result = cqe->res;
		count++;
	}
	io_uring_cq_advance(&u->ring, count);
	return count;
}

void
uring_wait(struct uring *u, int ms)
{
	struct pollfd pfd = {.fd = u->ring.ring_fd, .events = POLLIN};
	struct __kernel_timespec ts = {
		.tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000L,
	};
	struct io_uring_getevents_arg arg = {
		.sigmask_sz = _NSIG / 8,
		.ts = ms >= 0 ? (uintptr_t)&ts : 0,
	};
	int r;

	r = io_uring_enter2((unsigned)u->ring.ring_fd, 0, 1,
	                    IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
	                    (sigset_t *)(void *)&arg, sizeof(arg));
	/* Refused to this thread, by a sandbox say: there is another way. */
	if (r < 0 && r != -ETIME && r != -EINTR)
		(void)poll(&pfd, 1, ms);
}
