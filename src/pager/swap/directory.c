/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * directory.c -- a swap file in a directory.
 *
 * The file never has a name (or has one for a moment, where the file system
 * can't do without); so nobody else can open it, and it is gone with its last
 * descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "os/raw.h"
#include "pager/swap/place.h"

/* Nobody wants to know when a page was last read. */
#define FILE_FLAGS (O_RDWR | O_EXCL | O_CLOEXEC | O_NOATIME)

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
dir_refuse(struct swapplace *p, int error)
{
	if (error == -EACCES || error == -EPERM)
		return place_refuse(p, error,
		                    "may not be written to: give a directory "
		                    "that you may write to");
	if (error == -EROFS)
		return place_refuse(p, error,
		                    "is on a read-only file system: give "
		                    "another directory");
	if (error == -ENOSPC || error == -EDQUOT)
		return place_refuse(
			p, error,
			"is full: free some room, or give another directory");
	return place_refuse(p, error, "no file can be made in it: %s",
	                    strerrordesc_np(-error));
}

/* May others play with what is in the directory? */
static int
dir_check(struct swapplace *p)
{
	if (p->st.st_uid != geteuid() && p->st.st_uid != 0)
		return place_refuse(p, -EPERM,
		                    "belongs to another user: give a directory "
		                    "of your own");
	if ((p->st.st_mode & (S_IWGRP | S_IWOTH)) != 0 &&
	    (p->st.st_mode & S_ISVTX) == 0)
		return place_refuse(p, -EPERM,
		                    "others may write to it: chmod go-w it, or "
		                    "give another directory");
	return 0;
}

/* How much room is there? */
static int
dir_examine(struct swapplace *p)
{
	struct statfs fs;

	if (fstatfs(p->at, &fs) < 0)
		return dir_refuse(p, -errno);
	p->room = fs.f_bavail * (uint64_t)fs.f_frsize;
	if (p->is_memory && fs.f_blocks == 0)
		p->room = place_ram_bytes(); /* it has no limit */
	return 0;
}

int
directory_open(struct swapplace *p, uint64_t bytes)
{
	int r;

	r = dir_check(p);
	if (r == 0)
		r = dir_examine(p);
	if (r == 0)
		r = bytes == 0 ? place_choose(p, p->room / 2)
		               : place_take(p, bytes);
	if (r < 0)
		return r;
	p->file->fd = file_open(p->at);
	if (p->file->fd < 0)
		return dir_refuse(p, p->file->fd);
	r = place_try(p, true);
	/* The trial has left a page. */
	if (r == 0 && ftruncate(p->file->fd, 0) < 0)
		return dir_refuse(p, -errno);
	return r;
}
