/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * swapfile.c -- choose a place for pages, and open it so that it is ours.
 *
 * In a directory, the file never has a name (or has one for a moment, where the
 * file system can't do without); so nobody else can open it, and it is gone
 * with its last descriptor.  A block device is opened exclusively.
 *
 * The place is looked at through one descriptor, from the first question to
 * the last: a path that changes meanwhile changes nothing.
 *
 * A refusal says what, why, and what to do about it, for a person who gave the
 * path and knows nothing of what happens here.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/bits.h"
#include "base/size.h"
#include "os/raw.h"
#include "pager/pager.h"

#define IO_BYTES 4096u
#define NODE_BYTES_MIN (UINT64_C(2) * IO_BYTES) /* page 0 is never used */
#define BYTES_MIN (UINT64_C(64) << 20)
#define BYTES_STEP (UINT64_C(2) << 20)
/* A swap entry has 27 bits for the slot (SWP_OFFSET_BITS): 512 GiB. */
#define BYTES_MAX ((UINT64_C(1) << 27) * IO_BYTES - BYTES_STEP)
/* Nobody wants to know when a page was last read. */
#define FILE_FLAGS (O_RDWR | O_EXCL | O_CLOEXEC | O_NOATIME)
#define RAM_TIMES_MAX 4 /* chosen size, in machine's memories */

/* A place that is being opened. */
struct place {
	struct pager_swapfile *file;
	char *reason;
	int at;         /* O_PATH descriptor of it */
	struct stat st; /* of at */
	bool is_named;  /* by the user: memory is allowed */
	bool is_memory;
	uint64_t room; /* bytes that could be had */
};

/* Say why not.  => returns error */
__attribute__((format(printf, 3, 4))) static int
refuse(struct place *p, int error, const char *format, ...)
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

static uint64_t
ram_bytes(void)
{
	struct sysinfo info;

	if (sysinfo(&info) < 0)
		return UINT64_MAX / RAM_TIMES_MAX;
	return (uint64_t)info.totalram * info.mem_unit;
}

/* The largest file that we may make: the kernel kills whoever writes more. */
static uint64_t
file_bytes_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) < 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return limit.rlim_cur;
}

static int
size_choose(struct place *p, uint64_t share)
{
	uint64_t bytes = share, ram = ram_bytes() * RAM_TIMES_MAX;
	char have[SIZE_TEXT_BYTES];

	if (bytes > ram)
		bytes = ram;
	if (bytes > file_bytes_max())
		bytes = file_bytes_max();
	if (bytes > BYTES_MAX)
		bytes = BYTES_MAX;
	bytes = round_down(bytes, BYTES_STEP);
	if (bytes < BYTES_MIN)
		return refuse(p, -ENOSPC,
		              "too little room (%s free): free some, or "
		              "give another place or a size",
		              size_text(have, p->room));
	p->file->bytes = bytes;
	return 0;
}

static int
size_take(struct place *p, uint64_t bytes)
{
	char want[SIZE_TEXT_BYTES], have[SIZE_TEXT_BYTES];

	(void)size_text(want, bytes);
	if (bytes < NODE_BYTES_MIN)
		return refuse(p, -EINVAL,
		              "less than two pages (8K), the first of which is "
		              "never used: give a larger size");
	if (bytes > p->room)
		return refuse(p, -ENOSPC,
		              "%s wanted, %s free: give a smaller size or "
		              "another place",
		              want, size_text(have, p->room));
	if (bytes > file_bytes_max())
		return refuse(p, -EFBIG,
		              "%s wanted, but the limit for files is %s: "
		              "raise it (ulimit -f)",
		              want, size_text(have, file_bytes_max()));
	if (bytes > BYTES_MAX)
		return refuse(p, -EFBIG, "%s wanted, at most %s is possible",
		              want, size_text(have, BYTES_MAX));
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

/*
 * Set O_DIRECT if it works, and see that the place works at all.
 * => a file is empty again afterwards; of a device nothing is changed
 */
static int
place_try(struct place *p, bool may_write)
{
	const int fd = p->file->fd;
	int flags = fcntl(fd, F_GETFL);
	unsigned char *mem = raw_map(2 * (size_t)IO_BYTES);
	int r = -EINVAL;

	if (mem == NULL)
		return refuse(p, -ENOMEM, "no memory to test it");
	if (fcntl(fd, F_SETFL, flags | O_DIRECT) == 0)
		r = direct_try(fd, may_write, mem + IO_BYTES);
	p->file->direct = r == 0;
	if (r == -EINVAL || r == -EOPNOTSUPP) {
		(void)fcntl(fd, F_SETFL, flags);
		r = direct_try(fd, may_write, mem + IO_BYTES);
	}
	raw_unmap(mem, 2 * (size_t)IO_BYTES);
	if (r == 0 && may_write && ftruncate(fd, 0) < 0)
		r = -errno;
	if (r < 0)
		return refuse(p, r,
		              "a page written there does not come back "
		              "(%s): give another place",
		              strerrordesc_np(-r));
	return 0;
}

/* -- directories ---------------------------------------------------------- */

/*
 * A file in directory at that nobody else has seen: random name, and the name
 * taken away at once.
 */
static int
named_open(int at)
{
	static const char digits[] = "0123456789abcdef";
	char name[] = ".pageout-0123456789abcdef0123456789abcdef";
	unsigned char random[16];
	size_t i, first = sizeof(".pageout-") - 1;
	int fd;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EAGAIN;
	for (i = 0; i < 2 * sizeof(random); i++)
		name[first + i] = digits[random[i / 2] >> 4 * (i % 2) & 15];
	fd = openat(at, name, O_CREAT | O_NOFOLLOW | FILE_FLAGS, 0600);
	if (fd < 0)
		return -errno;
	if (unlinkat(at, name, 0) < 0) {
		int r = -errno;

		raw_close(&fd);
		return r;
	}
	return fd;
}

static int
file_open(int at)
{
	int fd = openat(at, ".", O_TMPFILE | FILE_FLAGS, 0600);

	if (fd >= 0)
		return fd;
	if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)
		return named_open(at);
	return -errno;
}

static int
dir_refuse(struct place *p, int error)
{
	if (error == -EACCES || error == -EPERM)
		return refuse(p, error,
		              "may not be written to: give a "
		              "directory that you may write to");
	if (error == -EROFS)
		return refuse(p, error,
		              "is on a read-only file system: give "
		              "another directory");
	if (error == -ENOSPC || error == -EDQUOT)
		return refuse(p, error,
		              "is full: free some room, or give "
		              "another directory");
	return refuse(p, error, "no file can be made in it: %s",
	              strerrordesc_np(-error));
}

/* May others play with what is in the directory? */
static int
dir_check(struct place *p)
{
	if (p->st.st_uid != geteuid() && p->st.st_uid != 0)
		return refuse(p, -EPERM,
		              "belongs to another user: give a "
		              "directory of your own");
	if ((p->st.st_mode & (S_IWGRP | S_IWOTH)) != 0 &&
	    (p->st.st_mode & S_ISVTX) == 0)
		return refuse(p, -EPERM,
		              "others may write to it: chmod go-w "
		              "it, or give another directory");
	return 0;
}

/* What kind of file system, and how much room? */
static int
dir_examine(struct place *p)
{
	struct statfs fs;

	if (fstatfs(p->at, &fs) < 0)
		return dir_refuse(p, -errno);
	p->is_memory = fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC;
	p->room = fs.f_bavail * (uint64_t)fs.f_frsize;
	if (p->is_memory && fs.f_blocks == 0)
		p->room = ram_bytes(); /* it has no limit */
	if (p->is_memory && !p->is_named)
		return refuse(p, -EINVAL,
		              "is memory itself: give a directory "
		              "on a disk");
	return 0;
}

static int
dir_open(struct place *p, uint64_t bytes)
{
	int r;

	r = dir_check(p);
	if (r == 0)
		r = dir_examine(p);
	if (r == 0)
		r = bytes == 0 ? size_choose(p, p->room / 2)
		               : size_take(p, bytes);
	if (r < 0)
		return r;
	p->file->fd = file_open(p->at);
	if (p->file->fd < 0)
		return dir_refuse(p, p->file->fd);
	r = place_try(p, true);
	if (r == 0 && p->is_memory)
		(void)refuse(p, -EINVAL,
		             "is memory itself: pages that leave "
		             "memory stay in memory");
	return r;
}

/* -- block devices -------------------------------------------------------- */

static const struct signature {
	uint32_t offset;
	uint32_t length;
	const char *bytes;
	const char *what;
} signatures[] = {
	{1080, 2, "\x53\xef", "an ext file system"},
	{0, 4, "XFSB", "an XFS file system"},
	{65600, 8, "_BHRfS_M", "a btrfs file system"},
	{0, 6, "LUKS\xba\xbe", "an encrypted volume"},
	{536, 8, "LVM2 001", "a volume of LVM"},
	{512, 8, "EFI PART", "a partition table"},
	{510, 2, "\x55\xaa", "a partition table or file system"},
};

/* What is on the device?  Nobody loses a file system by a slip of the hand. */
static int
block_check(struct place *p)
{
	char found[8];

	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++) {
		const struct signature *s = &signatures[i];
		ssize_t n = pread(p->file->fd, found, s->length, s->offset);

		must(s->length <= sizeof(found));
		if (n == (ssize_t)s->length &&
		    memcmp(found, s->bytes, s->length) == 0)
			return refuse(p, -EEXIST,
			              "holds %s: if that is not wanted any "
			              "more, wipefs -a it",
			              s->what);
	}
	return 0;
}

static int
block_claim(struct place *p)
{
	struct stat st;
	int fd = open(p->file->path, O_RDWR | O_EXCL | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == EBUSY)
		return refuse(p, -EBUSY,
		              "is in use: unmount it, swapoff it, "
		              "or give another device");
	if (fd < 0)
		return refuse(p, -errno, "cannot be opened: %s",
		              strerrordesc_np(errno));
	p->file->fd = fd;
	if (fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode) ||
	    st.st_rdev != p->st.st_rdev)
		return refuse(p, -EAGAIN, "was replaced: try again");
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return refuse(p, -EBUSY,
		              "is locked by another program: give "
		              "another device");
	return 0;
}

static int
block_open(struct place *p, uint64_t bytes)
{
	int r;

	r = block_claim(p);
	if (r < 0)
		return r;
	if (ioctl(p->file->fd, BLKGETSIZE64, &p->room) < 0)
		return refuse(p, -errno, "does not tell its size");
	r = bytes == 0 ? size_choose(p, p->room) : size_take(p, bytes);
	if (r == 0)
		r = block_check(p);
	return r == 0 ? place_try(p, false) : r;
}

/* -- the door ------------------------------------------------------------- */

/* Copy path without slashes at its end: behind one, a link is followed. */
static int
path_take(struct place *p, const char *path)
{
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	p->file->path[0] = '\0';
	if (length == 0)
		return refuse(p, -ENOENT,
		              "the path of the swap place is "
		              "empty: give a directory");
	if (length >= sizeof(p->file->path))
		return refuse(p, -ENAMETOOLONG,
		              "the path of the swap place "
		              "is too long: at most 255");
	memcpy(p->file->path, path, length);
	p->file->path[length] = '\0';
	return 0;
}

static int
place_examine(struct place *p)
{
	p->at = open(p->file->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (p->at < 0 && errno == ENOENT)
		return refuse(p, -ENOENT, "no such directory or device");
	if (p->at < 0 || fstat(p->at, &p->st) < 0)
		return refuse(p, -errno, "cannot be reached: %s",
		              strerrordesc_np(errno));
	if (S_ISLNK(p->st.st_mode))
		return refuse(p, -ELOOP,
		              "is a symbolic link: give what it "
		              "points at");
	if (S_ISREG(p->st.st_mode))
		return refuse(p, -ENOTDIR,
		              "is a file: give a directory (the "
		              "swap file is made in it) or a "
		              "block device");
	if (!S_ISDIR(p->st.st_mode) && !S_ISBLK(p->st.st_mode))
		return refuse(p, -ENOTDIR,
		              "is neither a directory nor a "
		              "block device");
	return 0;
}

/* One place.  => as pager_swapfile_open() */
static int
place_open(struct pager_swapfile *file, const char *path, bool is_named,
           uint64_t bytes, char *reason)
{
	struct place p = {
		.file = file,
		.reason = reason,
		.at = -1,
		.is_named = is_named,
	};
	int r;

	*file = (struct pager_swapfile){.fd = -1};
	reason[0] = '\0';
	r = path_take(&p, path);
	if (r == 0)
		r = place_examine(&p);
	if (r == 0)
		r = S_ISDIR(p.st.st_mode) ? dir_open(&p, bytes)
		                          : block_open(&p, bytes);
	raw_close(&p.at);
	if (r < 0) {
		raw_close(&file->fd);
		return r;
	}
	must(file->fd >= 0 && file->bytes >= NODE_BYTES_MIN);
	return file->fd;
}

int
pager_swapfile_open(struct pager_swapfile *ret, const char *path,
                    uint64_t bytes, char *reason)
{
	const char *from;
	int r;

	if (path == NULL) {
		path = secure_getenv("PAGEOUT_SWAP");
		if (path != NULL && path[0] == '\0')
			path = NULL;
	}
	if (path != NULL)
		return place_open(ret, path, true, bytes, reason);
	from = secure_getenv("TMPDIR");
	if (from != NULL && from[0] != '\0') {
		r = place_open(ret, from, false, bytes, reason);
		if (r >= 0)
			return r;
	}
	return place_open(ret, "/var/tmp", false, bytes, reason);
}

/* -- shared out ----------------------------------------------------------- */

void
pager_swapspace_close(struct pager_swapspace *s)
{
	for (unsigned i = 0; i < s->nodes; i++)
		raw_close(&s->fd[i]);
}

/* A file, or another descriptor of the device, for one more node. */
static int
share_open(struct pager_swapspace *s, const char *path, char *reason)
{
	char warning[PAGER_REASON_MAX]; /* which the first has given */
	struct pager_swapfile f;
	int fd;

	if (s->is_shared) {
		fd = fcntl(s->fd[0], F_DUPFD_CLOEXEC, 0);
		return fd < 0 ? -errno : fd;
	}
	fd = pager_swapfile_open(&f, path, s->bytes, warning);
	if (fd < 0)
		memcpy(reason, warning, sizeof(warning));
	else
		s->direct &= f.direct;
	return fd;
}

int
pager_swapspace_open(struct pager_swapspace *ret, unsigned nodes,
                     const char *path, uint64_t bytes, char *reason)
{
	struct pager_swapspace s = {.nodes = 1};
	struct pager_swapfile first;
	struct stat st;
	int r = pager_swapfile_open(&first, path, bytes, reason);

	must(nodes > 0 && nodes <= PAGER_NODES_MAX);
	if (r < 0)
		return r;
	s.fd[0] = first.fd;
	s.direct = first.direct;
	s.is_shared = fstat(first.fd, &st) == 0 && S_ISBLK(st.st_mode);
	s.bytes = round_down(first.bytes / nodes, IO_BYTES);
	if (s.bytes < NODE_BYTES_MIN) {
		(void)snprintf(reason, PAGER_REASON_MAX,
		               "%.140s: less than two pages (8K) for each of "
		               "%u nodes: give a larger size, or fewer nodes",
		               first.path, nodes);
		r = -EINVAL;
	}
	for (; r >= 0 && s.nodes < nodes; s.nodes++)
		s.fd[s.nodes] = r = share_open(&s, first.path, reason);
	if (r < 0) {
		pager_swapspace_close(&s);
		return r;
	}
	*ret = s;
	return 0;
}
