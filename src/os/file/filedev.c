/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filedev.c -- what both back ends of the file device share.
 *
 * A request may be of a place, a file that belongs to somebody else.  Its end
 * is looked at here, at each transfer: a file that shrinks takes pages away,
 * and must not be extended by a page that is written back.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/bits.h"
#include "os/file/filedev.h"
#include "os/file/spin.h"
#include "os/raw.h"

static __thread bool thread_is_own;

void
filedev_thread_is_own(void)
{
	thread_is_own = true;
}

bool
filedev_is_own_thread(void)
{
	return thread_is_own;
}

/* -- moving ---------------------------------------------------------------- */

uint64_t
filedev_offset(const struct swapdev_req *r)
{
	if (r->place == NULL)
		return (uint64_t)r->slot * SWAPDEV_PAGE_BYTES;
	return r->place->start + (uint64_t)(r->slot - 1) * SWAPDEV_PAGE_BYTES;
}

/* One try.  => bytes, or a negative errno */
static ssize_t
move_once(int fd, const struct swapdev_req *r)
{
	const off_t offset = (off_t)filedev_offset(r);
	ssize_t n;

	if (r->write)
		n = pwritev(fd, r->iov, (int)r->iov_count, offset);
	else
		n = preadv(fd, r->iov, (int)r->iov_count, offset);
	return n < 0 ? -errno : n;
}

/* Bytes of a request that the file has.  => or a negative errno */
static int64_t
place_bytes(const struct swapdev_req *r)
{
	const uint64_t bytes = (uint64_t)r->pages * SWAPDEV_PAGE_BYTES;
	const uint64_t offset = filedev_offset(r);
	struct stat st;

	if (fstat(r->place->fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size <= offset)
		return 0;
	if ((uint64_t)st.st_size - offset >= bytes)
		return (int64_t)bytes;
	return (int64_t)((uint64_t)st.st_size - offset);
}

bool
filedev_is_whole(const struct swapdev_req *r)
{
	return place_bytes(r) == (int64_t)r->pages * SWAPDEV_PAGE_BYTES;
}

/* Zeros from byte from to the end of the request. */
static void
clear_from(const struct swapdev_req *r, size_t from)
{
	for (uint32_t i = 0; i < r->iov_count; i++) {
		const struct iovec *v = &r->iov[i];

		if (from < v->iov_len) {
			memset((char *)v->iov_base + from, 0,
			       v->iov_len - from);
			from = 0;
		} else {
			from -= v->iov_len;
		}
	}
}

/* Write the first bytes of a request.  => bytes written, or negative errno */
static ssize_t
write_front(struct swapdev_req *r, size_t bytes)
{
	const uint32_t count = r->iov_count;
	uint32_t i = 0;
	size_t length;
	ssize_t n;

	if (bytes == 0)
		return 0;
	for (size_t left = bytes;; left -= r->iov[i++].iov_len) {
		length = r->iov[i].iov_len;
		if (left > length)
			continue;
		r->iov[i].iov_len = left;
		break;
	}
	r->iov_count = i + 1;
	n = move_once(r->place->fd, r);
	r->iov[i].iov_len = length;
	r->iov_count = count;
	return n;
}

/*
 * One try at a place.
 * => 0, a negative errno, or -EAGAIN when it was interrupted or the file
 *    changed its size meanwhile
 */
static int
place_once(struct swapdev_req *r)
{
	const int64_t last = (int64_t)(r->pages - 1) * SWAPDEV_PAGE_BYTES;
	int64_t want = place_bytes(r);
	ssize_t n;

	if (want < 0)
		return (int)want;
	if (!r->write && want <= last)
		return -ENXIO;
	n = r->write ? write_front(r, (size_t)want)
	             : move_once(r->place->fd, r);
	if (n < 0)
		return (int)n;
	if (n != want)
		return -EAGAIN;
	if (!r->write && want < last + (int64_t)SWAPDEV_PAGE_BYTES) {
		clear_from(r, (size_t)want);
		r->partial = true;
	}
	return 0;
}

static void
place_move(struct swapdev_req *r)
{
	int n = -EAGAIN;

	for (int tries = 0; tries < FILEDEV_TRIES_MAX; tries++) {
		n = place_once(r);
		if (n != -EINTR && n != -EAGAIN)
			break;
	}
	r->moved_bytes = n == 0 ? r->pages * SWAPDEV_PAGE_BYTES : 0;
	r->result = n == -EAGAIN ? -EIO : n;
}

void
filedev_move(const struct swapdev_file *f, struct swapdev_req *r)
{
	const uint32_t bytes = r->pages * SWAPDEV_PAGE_BYTES;
	ssize_t n = 0;

	if (r->place != NULL) {
		place_move(r);
		return;
	}
	for (int tries = 0; tries < FILEDEV_TRIES_MAX; tries++) {
		n = move_once(f->fd, r);
		if (n == (ssize_t)bytes) {
			r->moved_bytes = bytes;
			r->result = 0;
			return;
		}
		must(n < (ssize_t)bytes);
		if (n < 0 && n != -EINTR && n != -EAGAIN)
			break;
	}
	r->moved_bytes = 0;
	r->result = n < 0 ? (int)n : -EIO;
}

/* -- growing --------------------------------------------------------------- */

uint64_t
filedev_bytes_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) < 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return limit.rlim_cur;
}

/*
 * Reserve room.  Where the file system can't, say how large the file is: its
 * writes may then fail later, which the pager survives.
 */
static int
file_extend(int fd, uint64_t from, uint64_t to)
{
	struct stat st;
	int r;

	if (to > filedev_bytes_max())
		return -EFBIG;
	do
		r = fallocate(fd, 0, (off_t)from, (off_t)(to - from));
	while (r < 0 && errno == EINTR);
	if (r < 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) {
		r = fstat(fd, &st);
		if (r == 0 && (uint64_t)st.st_size < to)
			r = ftruncate(fd, (off_t)to);
	}
	return r < 0 ? -errno : 0;
}

/* => called with grow_lock held */
static int
grow_to(struct swapdev_file *f, uint64_t want)
{
	const uint64_t step = (uint64_t)FILEDEV_GROW_SLOTS * SWAPDEV_PAGE_BYTES;
	const uint64_t all = (uint64_t)f->dev.slots * SWAPDEV_PAGE_BYTES;
	uint64_t more;
	int r;

	if (want <= f->bytes_made)
		return 0;
	if (f->is_block)
		return -ENOSPC;
	more = round_up(want, step);
	if (more > all)
		more = all;
	r = file_extend(f->fd, f->bytes_made, more);
	if (r < 0 && more > want) {
		more = want; /* the last bit of a full file system */
		r = file_extend(f->fd, f->bytes_made, more);
	}
	if (r == 0)
		f->bytes_made = more;
	return r;
}

int
filedev_grow(struct swapdev *d, uint32_t slots)
{
	struct swapdev_file *f = filedev_of(d);
	int r;

	(void)pthread_mutex_lock(&f->grow_lock);
	r = grow_to(f, (uint64_t)slots * SWAPDEV_PAGE_BYTES);
	(void)pthread_mutex_unlock(&f->grow_lock);
	return r;
}

/* -- open ------------------------------------------------------------------ */

/*
 * Is fd something we can use, and how much room has it?  A file that is kept
 * has all that it will ever need: nothing is reserved in it, and above all it
 * is never cut.  What is beyond our limit for files cannot be written.
 */
static int
fd_examine(struct swapdev_file *f)
{
	struct stat st;

	if (fstat(f->fd, &st) < 0)
		return -errno;
	f->is_block = S_ISBLK(st.st_mode);
	if (f->is_block) {
		if (ioctl(f->fd, BLKGETSIZE64, &f->bytes_made) < 0)
			return -errno;
		return 0;
	}
	f->bytes_made = (uint64_t)st.st_size;
	if (f->bytes_made > filedev_bytes_max())
		f->bytes_made = filedev_bytes_max();
	return S_ISREG(st.st_mode) ? 0 : -EINVAL;
}

int
swapdev_file_open(struct swapdev_file *f, int fd, bool direct, uint32_t slots,
                  bool try_uring)
{
	int r;

	must(fd >= 0 && slots > 0);
	*f = (struct swapdev_file){
		.dev = {.slots = slots},
		.fd = fd,
		.direct = direct,
		.grow_lock = PTHREAD_MUTEX_INITIALIZER,
	};
	r = fd_examine(f);
	if (r < 0)
		return r;
	r = try_uring && direct ? uringdev_open(f) : -EOPNOTSUPP;
	if (r < 0)
		r = threaddev_open(f);
	must(r < 0 || (f->dev.ops != NULL && f->back != NULL));
	return r;
}

int
swapdev_file_spin(struct swapdev_file *f)
{
	int r = -EOPNOTSUPP;

	if (f->dev.ops == &uringdev_ops)
		r = spin_open();
	f->spins = r == 0;
	return r;
}

const char *
swapdev_file_backend(const struct swapdev_file *f)
{
	return f->dev.ops->name;
}

unsigned
swapdev_file_fds(const struct swapdev_file *f, int fds[static FILEDEV_FDS_MAX])
{
	struct swapdev *d = (struct swapdev *)(uintptr_t)&f->dev;

	fds[0] = f->fd;
	fds[1] = f->dev.ops->poll_fd(d);
	return 2;
}

void
swapdev_file_forget(struct swapdev_file *f)
{
	if (f->dev.ops == &uringdev_ops)
		uringdev_forget(f);
	else
		threaddev_forget(f);
	raw_close(&f->fd);
}
