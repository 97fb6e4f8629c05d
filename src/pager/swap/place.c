/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place.c -- what all kinds of swap place need: a refusal, a size, a trial.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/bits.h"
#include "base/size.h"
#include "os/file/filedev.h"
#include "os/raw.h"
#include "pager/swap/place.h"

#define BYTES_MIN (UINT64_C(64) << 20)
#define BYTES_STEP (UINT64_C(2) << 20)
/* A swap entry has 27 bits for the slot (SWP_OFFSET_BITS): 512 GiB. */
#define BYTES_MAX ((UINT64_C(1) << 27) * IO_BYTES - BYTES_STEP)
#define RAM_TIMES_MAX 4 /* chosen size, in machine's memories */

int
place_refuse(struct swapplace *p, int error, const char *format, ...)
{
	va_list ap;
	int n;

	must(error < 0);
	n = snprintf(p->reason, PAGER_REASON_MAX, "%.140s: ", p->file->path);
	must(n > 0 && n < PAGER_REASON_MAX);
	va_start(ap, format);
	(void)vsnprintf(p->reason + n, PAGER_REASON_MAX - (size_t)n, format,
	                ap);
	va_end(ap);
	return error;
}

/* -- size ----------------------------------------------------------------- */

uint64_t
place_ram_bytes(void)
{
	struct sysinfo info;

	if (sysinfo(&info) < 0)
		return UINT64_MAX / RAM_TIMES_MAX;
	return (uint64_t)info.totalram * info.mem_unit;
}

uint64_t
place_most(const struct swapplace *p)
{
	uint64_t bytes = p->room;

	if (bytes > filedev_bytes_max())
		bytes = filedev_bytes_max();
	return bytes > BYTES_MAX ? BYTES_MAX : bytes;
}

int
place_choose(struct swapplace *p, uint64_t share)
{
	uint64_t bytes = share, ram = place_ram_bytes() * RAM_TIMES_MAX;
	char have[SIZE_TEXT_BYTES];

	if (bytes > ram)
		bytes = ram;
	if (bytes > place_most(p))
		bytes = place_most(p);
	bytes = round_down(bytes, BYTES_STEP);
	if (bytes < BYTES_MIN)
		return place_refuse(p, -ENOSPC,
		                    "too little room (%s free): free some, or "
		                    "give another place or a size",
		                    size_text(have, p->room));
	p->file->bytes = bytes;
	return 0;
}

int
place_take(struct swapplace *p, uint64_t bytes)
{
	char want[SIZE_TEXT_BYTES], have[SIZE_TEXT_BYTES];

	(void)size_text(want, bytes);
	if (bytes < NODE_BYTES_MIN)
		return place_refuse(p, -EINVAL,
		                    "less than two pages (8K), the first of "
		                    "which is never used: give a larger size");
	if (bytes > p->room)
		return place_refuse(p, -ENOSPC,
		                    "%s wanted, %s free: give a smaller size "
		                    "or another place",
		                    want, size_text(have, p->room));
	if (bytes > filedev_bytes_max())
		return place_refuse(p, -EFBIG,
		                    "%s wanted, but the limit for files is %s: "
		                    "raise it (ulimit -f)",
		                    want, size_text(have, filedev_bytes_max()));
	if (bytes > BYTES_MAX)
		return place_refuse(p, -EFBIG,
		                    "%s wanted, at most %s is possible", want,
		                    size_text(have, BYTES_MAX));
	p->file->bytes = round_down(bytes, IO_BYTES);
	return 0;
}

/* -- is O_DIRECT real? ---------------------------------------------------- */

/* One page, written and read back where no larger alignment would do. */
static int
direct_try(int fd, bool may_write, unsigned char *page)
{
	const off_t offset = IO_BYTES;
	ssize_t n;

	memset(page, 0xa5, IO_BYTES);
	if (may_write) {
		n = pwrite(fd, page, IO_BYTES, offset);
		if (n != IO_BYTES)
			return n < 0 ? -errno : -EIO;
		memset(page, 0, IO_BYTES);
	}
	n = pread(fd, page, IO_BYTES, offset);
	if (n != IO_BYTES)
		return n < 0 ? -errno : -EIO;
	return !may_write || page[IO_BYTES - 1] == 0xa5 ? 0 : -EIO;
}

int
place_try(struct swapplace *p, bool may_write)
{
	const int fd = p->file->fd;
	int flags = fcntl(fd, F_GETFL);
	unsigned char *mem = raw_map(2 * (size_t)IO_BYTES);
	int r = -EINVAL;

	if (mem == NULL)
		return place_refuse(p, -ENOMEM, "no memory to test it");
	if (fcntl(fd, F_SETFL, flags | O_DIRECT) == 0)
		r = direct_try(fd, may_write, mem + IO_BYTES);
	p->file->direct = r == 0;
	if (r == -EINVAL || r == -EOPNOTSUPP) {
		(void)fcntl(fd, F_SETFL, flags);
		r = direct_try(fd, may_write, mem + IO_BYTES);
	}
	raw_unmap(mem, 2 * (size_t)IO_BYTES);
	if (r == -ETXTBSY)
		return place_refuse(
			p, -EBUSY,
			"is in use as swap: swapoff it, or give another file");
	if (r < 0)
		return place_refuse(p, r,
		                    "a page written there does not come back "
		                    "(%s): give another place",
		                    strerrordesc_np(-r));
	return 0;
}
