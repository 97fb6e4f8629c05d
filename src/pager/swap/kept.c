/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kept.c -- a swap place that was there before and is there afterwards: a block
 * device, or a swap file as mkswap makes it.
 *
 * One process at a time has it.  Nobody's data are written over: a file must be
 * marked as a swap area, by nothing but that mark; on a device there must be no
 * mark of what we know.  The first page is never written, and a file's size and
 * blocks stay what they are.
 *
 * Whoever had the place before may be gone and his io_uring not yet: the kernel
 * takes rings down in its own time, some milliseconds later.  So what is in use
 * is asked for again, for a while.  A transfer in flight holds the lock, too:
 * no write of a process that was killed comes late.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/bits.h"
#include "pager/swap/place.h"

#define PATIENCE_TURNS 100
#define PATIENCE_NS 10000000 /* of one turn */

/* -- claiming ------------------------------------------------------------- */

/* Wait for a turn.  => false: it was the last one */
static bool
patience(unsigned *turns)
{
	const struct timespec time = {.tv_nsec = PATIENCE_NS};

	if (*turns == PATIENCE_TURNS)
		return false;
	(*turns)++;
	(void)nanosleep(&time, NULL);
	return true;
}

/* Open what was looked at, for reading and writing, with more flags. */
static int
claim_open(struct swapplace *p, int flags)
{
	const struct stat was = p->st;
	unsigned turns = 0;

	do
		p->file->fd =
			open(p->file->path, O_RDWR | O_NOFOLLOW | O_CLOEXEC |
		                                    O_NOCTTY | flags);
	while (p->file->fd < 0 && errno == EBUSY && patience(&turns));
	if (p->file->fd < 0 && errno == EBUSY)
		return place_refuse(p, -EBUSY,
		                    "is in use: unmount it, swapoff it, or "
		                    "give another place");
	if (p->file->fd < 0)
		return place_refuse(p, -errno, "cannot be opened: %s",
		                    strerrordesc_np(errno));
	if (fstat(p->file->fd, &p->st) < 0 || p->st.st_dev != was.st_dev ||
	    p->st.st_ino != was.st_ino || p->st.st_rdev != was.st_rdev ||
	    (p->st.st_mode & S_IFMT) != (was.st_mode & S_IFMT))
		return place_refuse(p, -EAGAIN, "was replaced: try again");
	return 0;
}

static int
claim_lock(struct swapplace *p)
{
	unsigned turns = 0;
	int r;

	do
		r = flock(p->file->fd, LOCK_EX | LOCK_NB);
	while (r < 0 && errno == EWOULDBLOCK && patience(&turns));
	if (r == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return place_refuse(p, -errno, "cannot be locked: %s",
		                    strerrordesc_np(errno));
	return place_refuse(p, -EBUSY,
	                    "is locked by another program: give another place, "
	                    "or a directory, where each has a file of its own");
}

/*
 * Nobody else has the file open: a lock is not asked for by the kernel's swap,
 * nor by loop devices and virtual machines on whose disk it is.  That is what a
 * lease is granted for.  Whoever opens the file in the moment that we have it
 * is waited for with a signal that nobody minds.
 */
static int
claim_alone(struct swapplace *p)
{
	const int fd = p->file->fd;
	unsigned turns = 0;
	int r;

	(void)fcntl(fd, F_SETSIG, SIGURG);
	do
		r = fcntl(fd, F_SETLEASE, F_WRLCK);
	while (r < 0 && errno == EAGAIN && patience(&turns));
	if (r < 0 && errno == EAGAIN)
		return place_refuse(p, -EBUSY,
		                    "is in use: swapoff it, losetup -d its "
		                    "loop device, or end who has it open");
	if (r == 0)
		(void)fcntl(fd, F_SETLEASE, F_UNLCK);
	return 0; /* or it is on a file system that has no leases */
}

/* -- marks ---------------------------------------------------------------- */

/* What mkswap writes at the end of the first page, if pages have 4096 bytes. */
#define MARK_OFFSET 4086
#define MARK "SWAPSPACE2"
#define MARK_BYTES (sizeof(MARK) - 1)

#define WIPE "wipefs -a"
#define MAKE "mkswap"
#define SYSTEM "a system that was suspended to disk"

static const struct signature {
	uint32_t offset;
	uint32_t length;
	const char *bytes;
	const char *what;
	const char *remedy;
} signatures[] = {
	{MARK_OFFSET, 9, "S1SUSPEND", SYSTEM, MAKE},
	{MARK_OFFSET, 9, "S2SUSPEND", SYSTEM, MAKE},
	{MARK_OFFSET, 9, "ULSUSPEND", SYSTEM, MAKE},
	{MARK_OFFSET, 10, "LINHIB0001", SYSTEM, MAKE},
	{1080, 2, "\x53\xef", "an ext file system", WIPE},
	{0, 4, "XFSB", "an XFS file system", WIPE},
	{65600, 8, "_BHRfS_M", "a btrfs file system", WIPE},
	{1024, 4, "\x10\x20\xf5\xf2", "an F2FS file system", WIPE},
	{0, 4, "hsqs", "a SquashFS file system", WIPE},
	{4096, 4, "\xfc\x4e\x2b\xa9", "a member of a RAID", WIPE},
	{0, 6, "LUKS\xba\xbe", "an encrypted volume", WIPE},
	{536, 8, "LVM2 001", "a volume of LVM", WIPE},
	{512, 8, "EFI PART", "a partition table", WIPE},
	{510, 2, "\x55\xaa", "a partition table or file system", WIPE},
};

/* Are these bytes there?  => 1, or 0, or that it cannot be read */
static int
bytes_are_at(struct swapplace *p, uint32_t offset, const char *bytes,
             uint32_t length)
{
	char found[MARK_BYTES];
	ssize_t n;

	must(length <= sizeof(found));
	n = pread(p->file->fd, found, length, offset);
	if (n < 0)
		return place_refuse(p, -errno, "cannot be read: %s",
		                    strerrordesc_np(errno));
	return n == (ssize_t)length && memcmp(found, bytes, length) == 0;
}

/* What is on it?  Nobody loses a file system by a slip of the hand. */
static int
signatures_check(struct swapplace *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++) {
		const struct signature *s = &signatures[i];
		int r = bytes_are_at(p, s->offset, s->bytes, s->length);

		if (r < 0)
			return r;
		if (r != 0)
			return place_refuse(p, -EEXIST,
			                    "holds %s: if that is not wanted "
			                    "any more, %s it",
			                    s->what, s->remedy);
	}
	return 0;
}

/* -- block devices -------------------------------------------------------- */

int
block_open(struct swapplace *p, uint64_t bytes)
{
	int r = claim_open(p, O_EXCL);

	if (r == 0)
		r = claim_lock(p);
	if (r < 0)
		return r;
	if (ioctl(p->file->fd, BLKGETSIZE64, &p->room) < 0)
		return place_refuse(p, -errno, "does not tell its size");
	r = bytes == 0 ? place_choose(p, p->room) : place_take(p, bytes);
	if (r == 0)
		r = signatures_check(p);
	return r == 0 ? place_try(p, false) : r;
}

/* -- swap files ----------------------------------------------------------- */

/* The start of a swap area.  Room for a boot loader, which stays empty. */
struct area {
	char boot[1024];
	uint32_t version; /* 1 */
	uint32_t last_page;
	uint32_t bad_pages; /* their numbers follow */
};

/* Is it marked as a swap area?  Whatever is not may be somebody's data. */
static int
mark_check(struct swapplace *p)
{
	int r = bytes_are_at(p, MARK_OFFSET, MARK, MARK_BYTES);

	if (r != 0)
		return r < 0 ? r : 0;
	r = signatures_check(p);
	if (r < 0)
		return r;
	return place_refuse(p, -EEXIST,
	                    "is not a swap file; to make one: fallocate -l "
	                    "SIZE FILE && chmod 600 FILE && mkswap FILE");
}

/*
 * Is it ours alone, and all there?  A count of blocks does not find every hole;
 * a page that meets one takes room then, or stays in memory.
 */
static int
file_check(struct swapplace *p)
{
	const struct stat *st = &p->st;

	if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return place_refuse(p, -EPERM,
		                    "others may read it: chmod 600 it");
	if (st->st_nlink != 1)
		return place_refuse(p, -EMLINK,
		                    "has another name (a hard link): give a "
		                    "file that has one");
	if (st->st_blocks * INT64_C(512) < st->st_size)
		return place_refuse(p, -EINVAL,
		                    "has holes: fallocate -l SIZE fills them, "
		                    "with the size that it has");
	return 0;
}

/*
 * Is the whole file a swap area, and nothing else besides?  What is behind the
 * area was not given to us, even if the file is longer.
 */
static int
area_check(struct swapplace *p)
{
	struct area a;
	static const char empty[sizeof(a.boot)];

	if (pread(p->file->fd, &a, sizeof(a), 0) != sizeof(a) ||
	    a.version != 1 || a.bad_pages != 0)
		return place_refuse(
			p, -EEXIST,
			"is a swap area of another kind: mkswap it");
	if (memcmp(a.boot, empty, sizeof(empty)) != 0)
		return place_refuse(p, -EEXIST,
		                    "is more than a swap area (a disk with "
		                    "partitions?): give another file");
	p->room = ((uint64_t)a.last_page + 1) * IO_BYTES;
	if (p->room > (uint64_t)p->st.st_size)
		return place_refuse(p, -EINVAL,
		                    "is shorter than its swap area: mkswap it");
	return 0;
}

/* All of it: before it is ours, to say what is wrong; and when it is. */
static int
keptfile_check(struct swapplace *p)
{
	int r = 0;

	if (fstat(p->file->fd, &p->st) < 0)
		r = place_refuse(p, -errno, "cannot be looked at: %s",
		                 strerrordesc_np(errno));
	if (r == 0)
		r = mark_check(p);
	if (r == 0)
		r = file_check(p);
	return r == 0 ? area_check(p) : r;
}

int
keptfile_open(struct swapplace *p, uint64_t bytes)
{
	int r;

	if (p->st.st_uid != geteuid())
		return place_refuse(
			p, -EPERM,
			"belongs to another user: give a file of your own");
	r = claim_open(p, O_NOATIME);
	if (r == 0)
		r = keptfile_check(p);
	if (r == 0)
		r = claim_lock(p);
	if (r == 0)
		r = claim_alone(p);
	if (r == 0)
		r = keptfile_check(p);
	if (r == 0)
		r = place_take(p, bytes == 0 ? place_most(p) : bytes);
	/* What is in page 1 of a swap area means nothing. */
	return r == 0 ? place_try(p, true) : r;
}
