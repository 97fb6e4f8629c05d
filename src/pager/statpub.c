/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * statpub.c -- the engine's side of the statistics file.
 *
 * The directory exists once, as a constant table made from stat.def; publishing
 * it is a copy.  The magic number is written last, so a reader that sees it
 * sees the rest too.  The file is sealed against changes of its size: nobody
 * who opens it through /proc can cut it off under our feet.
 *
 *	0        256                      VALUES_AT
 *	| header | entries, 160 bytes each | values of node 0 | node 1 | 0 .. |
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "os/uapi.h"
#include "pageout/stat.h"
#include "pager/pager.h"
#include "pager/statpub.h"

#define ROUND_UP(n, unit) (((n) + (unit)-1) / (unit) * (unit))
#define VALUES_AT                                                           \
	ROUND_UP(sizeof(struct pageout_stat_header) +                       \
	                 PAGEOUT_STATS * sizeof(struct pageout_stat_entry), \
	         64)
#define NODE_BYTES (PAGEOUT_STATS * sizeof(uint64_t))
#define FILE_BYTES ROUND_UP(VALUES_AT + PAGER_NODES_MAX * NODE_BYTES, 4096)
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static const struct pageout_stat_entry directory[] = {
#define STAT(name_, kind_, unit_, level_, help_)                               \
	{                                                                      \
		.name = #name_,                                                \
		.help = help_,                                                 \
		.kind = PAGEOUT_##kind_,                                       \
		.unit = PAGEOUT_##unit_,                                       \
		.level = level_,                                               \
		.offset = VALUES_AT + PAGEOUT_STAT_##name_ * sizeof(uint64_t), \
	},
#include "pageout/stat.def"
#undef STAT
};

#define STAT(name_, kind_, unit_, level_, help_)                         \
	_Static_assert(sizeof(#name_) <= sizeof(directory->name) &&      \
	                       sizeof(help_) <= sizeof(directory->help), \
	               "name and help of " #name_ " must fit");
#include "pageout/stat.def"
#undef STAT

const struct pageout_stat_entry *
pageout_stat_describe(unsigned id)
{
	return id < PAGEOUT_STATS ? &directory[id] : NULL;
}

/* A string into an array that is zero already; cut if need be. */
static void
copy_name(char *to, size_t bytes, const char *from)
{
	size_t n = strlen(from);

	memcpy(to, from, n < bytes ? n : bytes - 1);
}

/* This process's command line, with spaces between the words. */
static void
copy_command(char *to, size_t bytes)
{
	long fd, n = 0;

	fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline",
	             O_RDONLY | O_CLOEXEC, 0);
	if (fd >= 0) {
		n = syscall(SYS_read, (int)fd, to, bytes - 1);
		(void)syscall(SYS_close, (int)fd);
	}
	while (n > 0 && to[n - 1] == '\0')
		n--;
	for (long i = 0; i < n; i++)
		if (to[i] == '\0')
			to[i] = ' ';
}

int
pager_stat_create(void)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	long fd;
	int r;

	fd = syscall(SYS_memfd_create, PAGEOUT_STAT_FILE,
	             flags | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = syscall(SYS_memfd_create, PAGEOUT_STAT_FILE, flags);
	if (fd < 0)
		return -errno;
	if (fchmod((int)fd, 0600) < 0 ||
	    ftruncate((int)fd, (off_t)FILE_BYTES) < 0 ||
	    syscall(SYS_fcntl, (int)fd, F_ADD_SEALS, SEALS) < 0) {
		r = -errno;
		(void)syscall(SYS_close, (int)fd);
		return r;
	}
	return (int)fd;
}

static void
fill(struct pageout_stat_header *h, unsigned nodes, const char *policy,
     const char *mode)
{
	_Atomic uint64_t *magic = (_Atomic uint64_t *)&h->magic;

	memset(h, 0, FILE_BYTES);
	h->version = PAGEOUT_STAT_VERSION;
	h->header_bytes = sizeof(*h);
	h->entry_count = PAGEOUT_STATS;
	h->entry_bytes = sizeof(struct pageout_stat_entry);
	h->file_bytes = FILE_BYTES;
	h->started_boottime_ns = clock_ns(CLOCK_BOOTTIME);
	h->pid = (uint32_t)getpid();
	h->page_bytes = 4096;
	h->node_count = nodes;
	h->node_bytes = NODE_BYTES;
	copy_command(h->command, sizeof(h->command));
	copy_name(h->policy, sizeof(h->policy), policy);
	copy_name(h->mode, sizeof(h->mode), mode);
	memcpy(h + 1, directory, sizeof(directory));
	atomic_store_explicit(magic, PAGEOUT_STAT_MAGIC, memory_order_release);
}

int
statpub_map(int fd, unsigned nodes, const char *policy, const char *mode,
            uint64_t **ret_values)
{
	struct stat st;
	long r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size == 0 && ftruncate(fd, (off_t)FILE_BYTES) < 0)
		return -errno;
	if (st.st_size != 0 && st.st_size != (off_t)FILE_BYTES)
		return -EINVAL;
	r = syscall(SYS_mmap, NULL, FILE_BYTES, PROT_READ | PROT_WRITE,
	            MAP_SHARED | MAP_POPULATE, fd, 0);
	if (r == -1)
		return -errno;
	fill((struct pageout_stat_header *)r, nodes, policy, mode);
	*ret_values = (uint64_t *)(r + (long)VALUES_AT);
	return 0;
}

void
statpub_unmap(uint64_t *values)
{
	struct pageout_stat_header *h;

	h = (struct pageout_stat_header *)((char *)values - VALUES_AT);
	must(h->magic == PAGEOUT_STAT_MAGIC);
	__atomic_store_n(&h->ended_boottime_ns, clock_ns(CLOCK_BOOTTIME),
	                 __ATOMIC_RELEASE);
	(void)syscall(SYS_munmap, h, FILE_BYTES);
}
