/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * files.c -- mapped files: regions whose pages come from a file and go back.
 *
 * To the core a mapped file is one more area of slots (core/file); to the
 * devices it is a place that a request names (swap/swapdev.h).  Here is what is
 * between: who has which file, and when its pages are written.
 *
 *	map	a descriptor of our own, tables, an area; nothing is read
 *	sync	pages are unmapped, those that changed are written, then the
 *		file's data is sent to its disk
 *	unmap	the same without the last step; the record goes when no page of
 *		it is managed and no transfer names one
 *
 * Transfers are buffered: what was written is what read(2) of others finds, at
 * once, and any file system will do.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/bits.h"
#include "os/raw.h"
#include "os/uffd.h"
#include "pager/internal.h"

#define SYNC_PAGES 16384u           /* written together: 64 MiB */
#define PATIENCE_NS 5000000000ull   /* for pages that will not move */
#define TRANSFER_NS 120000000000ull /* for a device that does not answer */

static unsigned
type_of(const struct pager *p, const struct pager_file *f)
{
	return SWAP_AREAS_MAX + (unsigned)(f - p->mapped);
}

struct pager_file *
file_of_type(struct pager *p, unsigned type)
{
	must(type >= SWAP_AREAS_MAX && type < SWAP_TYPES);
	return &p->mapped[type - SWAP_AREAS_MAX];
}

/* -- map ------------------------------------------------------------------ */

/* Is it something whose pages can be read and written anywhere? */
static int
fd_examine(struct pager_file *f, int fd)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (flags < 0 || fstat(fd, &st) < 0)
		return -errno;
	if ((flags & O_ACCMODE) != O_RDWR)
		return -EACCES;
	if (!S_ISREG(st.st_mode) || flags & (O_APPEND | O_DIRECT))
		return -EINVAL;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	return 0;
}

/* Some page of f is mapped already.  => with the lock held */
static bool
is_mapped(const struct pager *p, const struct pager_file *f)
{
	uint64_t end = f->place.start + ((uint64_t)f->pages << PAGE_SHIFT);

	for (unsigned i = 0; i < FILE_AREAS_MAX; i++) {
		const struct pager_file *g = &p->mapped[i];

		if (g->mem != NULL && g->dev == f->dev && g->ino == f->ino &&
		    g->place.start < end &&
		    f->place.start <
		            g->place.start + ((uint64_t)(g->place.slots - 1)
		                              << PAGE_SHIFT))
			return true;
	}
	return false;
}

/*
 * Enter f into the table, and its range into the core.
 * => with the lock held
 */
static int
file_enter(struct pager *p, const struct pager_file *f, struct range r,
           bool shared)
{
	int type, err;

	if (is_mapped(p, f))
		return -EBUSY;
	type = tap_file_on(p->core, f->mem, (uint32_t)r.pages);
	if (type < 0)
		return -EMFILE;
	*file_of_type(p, (unsigned)type) = *f;
	err = tap_area_add_file(p->core, r.space, r.vpn, r.pages,
	                        (unsigned)type, 0, shared ? AREA_SHARED : 0);
	if (err < 0) {
		must(tap_file_off(p->core, (unsigned)type));
		*file_of_type(p, (unsigned)type) = (struct pager_file){0};
	}
	return err;
}

/* => as pager_map_file(); fd is taken over when it works */
static int
file_map(struct pager *p, struct range r, int fd, uint64_t offset, bool shared)
{
	struct pager_file f = {
		.place = {fd, offset, (uint32_t)r.pages + 1},
		.pages = r.pages,
		.mem_bytes = core_file_bytes((uint32_t)r.pages),
	};
	int err = fd_examine(&f, fd);

	if (err < 0)
		return err;
	f.mem = raw_map(f.mem_bytes);
	if (f.mem == NULL)
		return -ENOMEM;
	pager_lock(p);
	err = file_enter(p, &f, r, shared);
	pager_unlock(p);
	if (err < 0)
		raw_unmap(f.mem, f.mem_bytes);
	return err;
}

int
pager_map_file(struct pager *p, void *addr, size_t bytes, int fd,
               uint64_t offset, bool shared)
{
	struct range r = range_of(addr, bytes);
	struct guard g;
	int own, err;

	if (offset % PAGE_BYTES != 0)
		return -EINVAL;
	if (r.pages >= SWP_OFFSET_MASK ||
	    offset > INT64_MAX - (r.pages << PAGE_SHIFT))
		return -EFBIG;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (own < 0)
		return -errno;
	pager_enter(&g);
	err = file_map(p, r, own, offset, shared);
	if (err < 0) {
		raw_close(&own);
	} else {
		err = uffd_register(p->uffd, addr, r.pages << PAGE_SHIFT,
		                    UFFDIO_REGISTER_MODE_MISSING);
		if (err < 0)
			must(range_unmanage(p, r) == 0);
	}
	pager_leave(&g);
	return err;
}

/* -- unmap ---------------------------------------------------------------- */

void
file_unmapped(struct pager *p, unsigned type, uint64_t pages)
{
	struct pager_file *f = file_of_type(p, type);

	must(f->pages >= pages);
	f->pages -= pages;
}

/* A file of which no page is managed, or NULL.  => with the lock held */
static struct pager_file *
find_unused(struct pager *p)
{
	for (unsigned i = 0; i < FILE_AREAS_MAX; i++)
		if (p->mapped[i].mem != NULL && p->mapped[i].pages == 0)
			return &p->mapped[i];
	return NULL;
}

static void
file_free(struct pager_file *f)
{
	raw_close(&f->place.fd);
	raw_unmap(f->mem, f->mem_bytes);
}

void
files_sweep(struct pager *p)
{
	struct pager_file *f;

	do {
		uint32_t seq = __atomic_load_n(&p->events, __ATOMIC_ACQUIRE);
		struct pager_file old;
		bool off = false;

		pager_lock(p);
		f = find_unused(p);
		if (f != NULL)
			off = tap_file_off(p->core, type_of(p, f));
		if (off) {
			old = *f;
			*f = (struct pager_file){0};
		}
		pager_unlock(p);
		if (off)
			file_free(&old);
		else if (f != NULL) /* a transfer still names a page */
			io_wait(p, seq);
	} while (f != NULL);
}

void
files_close(struct pager *p)
{
	for (unsigned i = 0; i < FILE_AREAS_MAX; i++)
		if (p->mapped[i].mem != NULL)
			file_free(&p->mapped[i]);
}

/* -- sync ----------------------------------------------------------------- */

/* How a sync of some pages stands. */
struct syncing {
	uint64_t left, pinned;
	uint64_t least, since;   /* fewest left so far, and when that was new */
	uint32_t before, failed; /* writes of the file that have, ever */
};

/* => false: nothing is to be done until something ends */
static bool
sync_turn(struct pager *p, struct range r, unsigned type, bool begin,
          struct syncing *s)
{
	struct batch b = {0};
	bool idle;

	pager_lock(p);
	if (begin)
		s->before = core_file_failed(p->core, type);
	s->left = tap_sync(p->core, r.space, r.vpn, r.pages, begin, &b);
	s->pinned = core_pinned(p->core, r.space, r.vpn, r.pages);
	s->failed = core_file_failed(p->core, type);
	pager_unlock(p);
	idle = b.first == NULL;
	pager_perform(p, &b);
	daemon_ask(p, DAEMON_FLUSHER); /* which deals with writes that end */
	return !idle;
}

/* No page has got any further for too long. */
static bool
is_stuck(struct pager *p, struct syncing *s)
{
	uint64_t now = pager_now_ns(), most = PATIENCE_NS;

	if (s->left < s->least) {
		s->least = s->left;
		s->since = now;
	}
	if (__atomic_load_n(&p->writes, __ATOMIC_ACQUIRE) != 0)
		most = TRANSFER_NS;
	return now - s->since > most;
}

/* Write some pages of one file. */
static int
sync_pages(struct pager *p, struct range r, unsigned type)
{
	struct syncing s = {.least = UINT64_MAX};
	bool begin = true;

	for (;;) {
		uint32_t seq = __atomic_load_n(&p->events, __ATOMIC_ACQUIRE);
		bool busy;

		busy = sync_turn(p, r, type, begin, &s);
		begin = false;
		if (s.left == 0)
			return 0;
		if (s.failed != s.before)
			return -EIO;
		if (s.left == s.pinned || is_stuck(p, &s))
			return -EBUSY;
		if (!busy)
			pager_wait(p, seq, 10);
	}
}

/* Write one part of a range, which is of one area. */
static int
sync_part(struct pager *p, struct range r, unsigned type)
{
	int err = 0;

	while (r.pages > 0) {
		struct range step = r;
		int e;

		if (step.pages > SYNC_PAGES)
			step.pages = SYNC_PAGES;
		e = sync_pages(p, step, type);

		err = err == 0 ? e : err;
		r.vpn += step.pages;
		r.pages -= step.pages;
	}
	return err;
}

int
files_write(struct pager *p, struct range r, uint32_t *ret_types)
{
	struct range part;
	unsigned type;
	int err = 0;

	while (managed_part(p, r, &part, &type)) {
		uint64_t end = part.vpn + part.pages;

		if (type != 0) {
			int e = sync_part(p, part, type);

			err = err == 0 ? e : err;
			*ret_types |= 1u << type;
		}
		r.pages -= end - r.vpn;
		r.vpn = end;
	}
	return err;
}

int
pager_write_back(struct pager *p, void *addr, size_t bytes)
{
	uint32_t types = 0;
	struct guard g;
	int err;

	pager_enter(&g);
	err = files_write(p, range_of(addr, bytes), &types);
	pager_leave(&g);
	return err;
}

int
pager_sync(struct pager *p, void *addr, size_t bytes)
{
	uint32_t types = 0;
	struct guard g;
	int err;

	pager_enter(&g);
	err = files_write(p, range_of(addr, bytes), &types);
	for (unsigned type = SWAP_AREAS_MAX; type < SWAP_TYPES; type++)
		if (types >> type & 1 &&
		    fdatasync(file_of_type(p, type)->place.fd) < 0 && err == 0)
			err = -errno;
	pager_leave(&g);
	return err;
}
