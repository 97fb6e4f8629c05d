/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * swapfile.c -- choose a place for pages, and open it so that it is ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/bits.h"
#include "os/raw.h"
#include "pager/swap/place.h"

/* -- the door ------------------------------------------------------------- */

/* Copy path without slashes at its end: behind one, a link is followed. */
static int
path_take(struct swapplace *p, const char *path)
{
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	p->file->path[0] = '\0';
	if (length == 0)
		return place_refuse(p, -ENOENT,
		                    "the path of the swap place is empty: give "
		                    "a directory");
	if (length >= sizeof(p->file->path))
		return place_refuse(
			p, -ENAMETOOLONG,
			"the path of the swap place is too long: at most 255");
	memcpy(p->file->path, path, length);
	p->file->path[length] = '\0';
	return 0;
}

/* What is under a directory or file? */
static int
medium_examine(struct swapplace *p)
{
	struct statfs fs;

	if (fstatfs(p->at, &fs) < 0)
		return place_refuse(p, -errno, "cannot be reached: %s",
		                    strerrordesc_np(errno));
	p->is_memory = fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC;
	if (p->is_memory && !p->is_named)
		return place_refuse(p, -EINVAL,
		                    "is memory itself: give a place on a disk");
	return 0;
}

static int
place_examine(struct swapplace *p)
{
	p->at = open(p->file->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (p->at < 0 && errno == ENOENT)
		return place_refuse(p, -ENOENT, "no such file or directory");
	if (p->at < 0 || fstat(p->at, &p->st) < 0)
		return place_refuse(p, -errno, "cannot be reached: %s",
		                    strerrordesc_np(errno));
	if (S_ISLNK(p->st.st_mode))
		return place_refuse(
			p, -ELOOP,
			"is a symbolic link: give what it points at");
	if (S_ISBLK(p->st.st_mode))
		return 0;
	if (!S_ISDIR(p->st.st_mode) && !S_ISREG(p->st.st_mode))
		return place_refuse(p, -ENOTDIR,
		                    "is neither a directory nor a block device "
		                    "nor a swap file");
	return medium_examine(p);
}

static int
kind_open(struct swapplace *p, uint64_t bytes)
{
	if (S_ISDIR(p->st.st_mode))
		return directory_open(p, bytes);
	p->file->is_kept = true;
	return S_ISBLK(p->st.st_mode) ? block_open(p, bytes)
	                              : keptfile_open(p, bytes);
}

/* One place.  => as pager_swapfile_open() */
static int
place_open(struct pager_swapfile *file, const char *path, bool is_named,
           uint64_t bytes, char *reason)
{
	struct swapplace p = {
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
		r = kind_open(&p, bytes);
	if (r == 0 && p.is_memory)
		(void)place_refuse(&p, -EINVAL,
		                   "is memory itself: pages that leave memory "
		                   "stay in memory");
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

/* A file, or another descriptor of what is kept, for one more node. */
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
	int r = pager_swapfile_open(&first, path, bytes, reason);

	must(nodes > 0 && nodes <= PAGER_NODES_MAX);
	if (r < 0)
		return r;
	s.fd[0] = first.fd;
	s.direct = first.direct;
	s.is_shared = first.is_kept;
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
