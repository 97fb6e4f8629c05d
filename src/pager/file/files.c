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
#include "base/clock.h"
#include "os/raw.h"
#include "os/uffd.h"
#include "pager/internal.h"

#define SYNC_PAGES 16384u           /* written together: 64 MiB */
#define PATIENCE_NS 5000000000ull   /* for pages that will not move */
#define TRANSFER_NS 120000000000ull /* for a device that does not answer */

static unsigned
type_of(const struct node *n, const struct pager_file *f)
{
	return SWAP_AREAS_MAX + (unsigned)(f - n->mapped);
}

struct pager_file *
file_of_type(struct node *n, unsigned type)
{
	must(type >= SWAP_AREAS_MAX && type < SWAP_TYPES);
	return &n->mapped[type - SWAP_AREAS_MAX];
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

/* Some page of f is mapped already on a node.  => with the map's lock held */
static bool
is_mapped(const struct node *n, const struct pager_file *f)
{
	uint64_t end = f->place.start + ((uint64_t)f->pages << PAGE_SHIFT);

	for (unsigned i = 0; i < FILE_AREAS_MAX; i++) {
		const struct pager_file *g = &n->mapped[i];

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
 * Enter f into a node's table, and its range into the core.
 * => with both locks held
 */
static int
file_enter(struct node *n, const struct pager_file *f, struct range r,
           bool shared)
{
	int type = tap_file_on(n->core, f->mem, (uint32_t)r.pages);
	int err;

	if (type < 0)
		return -EMFILE;
	*file_of_type(n, (unsigned)type) = *f;
	err = tap_area_add_file(n->core, 0, r.vpn, r.pages, (unsigned)type, 0,
	                        shared ? AREA_SHARED : 0);
	if (err < 0) {
		must(tap_file_off(n->core, (unsigned)type));
		*file_of_type(n, (unsigned)type) = (struct pager_file){0};
	}
	return err;
}

/* On a node, all of it.  => with the map's lock held */
static int
file_give(struct node *n, const struct pager_file *f, struct range r,
          bool shared)
{
	struct part part = {.vpn = r.vpn, .pages = r.pages, .node = n};
	struct pager *p = n->pager;
	bool claims = p->node_count > 1;
	int err;

	if (claims && claim_add(p, &part) < 0)
		return -ENOMEM;
	node_lock(n);
	err = file_enter(n, f, r, shared);
	node_unlock(n);
	if (err < 0 && claims)
		claims_cut(&p->claims, r.vpn, r.vpn + r.pages);
	return err;
}

/* => with the map's lock held */
static int
file_place(struct pager *p, const struct pager_file *f, struct range r,
           unsigned near, bool shared)
{
	struct node *n = node_choose(p, near);
	struct part part;
	int err = -EMFILE;

	if (map_part(p, r, &part))
		return -EEXIST;
	for (unsigned i = 0; i < p->node_count; i++)
		if (is_mapped(&p->nodes[i], f))
			return -EBUSY;
	for (unsigned i = 0; err == -EMFILE && i < p->node_count; i++)
		err = file_give(&p->nodes[(n->id + i) % p->node_count], f, r,
		                shared);
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
	unsigned near;
	int err = fd_examine(&f, fd);

	if (err < 0)
		return err;
	f.mem = raw_map(f.mem_bytes);
	if (f.mem == NULL)
		return -ENOMEM;
	near = near_node(p, 0);
	map_lock(p);
	err = file_place(p, &f, r, near, shared);
	map_unlock(p);
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
file_unmapped(struct node *n, unsigned type, uint64_t pages)
{
	struct pager_file *f = file_of_type(n, type);

	must(f->pages >= pages);
	f->pages -= pages;
}

/* A file of which no page is managed, or NULL.  => with the map's lock held */
static struct pager_file *
find_unused(struct node *n)
{
	for (unsigned i = 0; i < FILE_AREAS_MAX; i++)
		if (n->mapped[i].mem != NULL && n->mapped[i].pages == 0)
			return &n->mapped[i];
	return NULL;
}

static void
file_free(struct pager_file *f)
{
	raw_close(&f->place.fd);
	raw_unmap(f->mem, f->mem_bytes);
}

/*
 * Take one file that is not used out of the tables.
 * => returns whether there is one; *ret has it if it could be taken
 */
static bool
take_unused(struct node *n, struct pager_file *ret)
{
	struct pager_file *f;

	map_lock(n->pager);
	node_lock(n);
	f = find_unused(n);
	if (f != NULL && tap_file_off(n->core, type_of(n, f))) {
		*ret = *f;
		*f = (struct pager_file){0};
	}
	node_unlock(n);
	map_unlock(n->pager);
	return f != NULL;
}

void
files_sweep(struct node *n)
{
	for (;;) {
		uint32_t seq = pulse_now(&n->pager->ended);
		struct pager_file f = {0};

		if (!take_unused(n, &f))
			return;
		if (f.mem != NULL)
			file_free(&f);
		else /* a transfer still names a page */
			io_wait(n, &n->pager->ended, seq);
	}
}

void
files_close(struct node *n)
{
	for (unsigned i = 0; i < FILE_AREAS_MAX; i++)
		if (n->mapped[i].mem != NULL)
			file_free(&n->mapped[i]);
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
sync_turn(const struct part *part, bool begin, struct syncing *s)
{
	struct node *n = part->node;
	struct batch b = {0};
	bool idle;

	node_lock(n);
	if (begin)
		s->before = core_file_failed(n->core, part->type);
	s->left = tap_sync(n->core, part->space, part->vpn, part->pages, begin,
	                   &b);
	s->pinned = core_pinned(n->core, part->space, part->vpn, part->pages);
	s->failed = core_file_failed(n->core, part->type);
	node_unlock(n);
	idle = b.first == NULL;
	node_perform(n, &b);
	daemon_ask(n, DAEMON_FLUSHER); /* which deals with writes that end */
	return !idle;
}

/* No page has got any further for too long. */
static bool
is_stuck(struct node *n, struct syncing *s)
{
	uint64_t now = monotonic_ns(), most = PATIENCE_NS;

	if (s->left < s->least) {
		s->least = s->left;
		s->since = now;
	}
	if (__atomic_load_n(&n->writes, __ATOMIC_ACQUIRE) != 0)
		most = TRANSFER_NS;
	return now - s->since > most;
}

/* Write some pages of one file. */
static int
sync_pages(const struct part *part)
{
	struct pager *p = part->node->pager;
	struct syncing s = {.least = UINT64_MAX};
	bool begin = true;

	for (;;) {
		uint32_t seq = pulse_now(&p->ended);
		bool busy;

		busy = sync_turn(part, begin, &s);
		begin = false;
		if (s.left == 0)
			return 0;
		if (s.failed != s.before)
			return -EIO;
		if (s.left == s.pinned || is_stuck(part->node, &s))
			return -EBUSY;
		if (!busy)
			pulse_wait(&p->ended, seq, 10);
	}
}

/* Write one part of a range. */
static int
sync_part(struct part part)
{
	int err = 0;

	for (uint64_t left = part.pages; left > 0; left -= part.pages) {
		int e;

		part.pages = left < SYNC_PAGES ? left : SYNC_PAGES;
		e = sync_pages(&part);
		err = err == 0 ? e : err;
		part.vpn += part.pages;
	}
	return err;
}

int
files_write(struct pager *p, struct range r, struct file_set *ret)
{
	struct part part;
	int err = 0;

	*ret = (struct file_set){0};
	while (part_take(p, &r, &part)) {
		int e;

		if (part.type == 0)
			continue;
		e = sync_part(part);
		err = err == 0 ? e : err;
		ret->types[part.node->id] |= 1u << part.type;
	}
	return err;
}

int
pager_write_back(struct pager *p, void *addr, size_t bytes)
{
	struct file_set files;
	struct guard g;
	int err;

	pager_enter(&g);
	err = files_write(p, range_of(addr, bytes), &files);
	pager_leave(&g);
	return err;
}

/* Wait for the disks of a node's files.  => 0 or the first error */
static int
files_datasync(struct node *n, uint32_t types)
{
	int err = 0;

	for (unsigned type = SWAP_AREAS_MAX; type < SWAP_TYPES; type++)
		if (types >> type & 1 &&
		    fdatasync(file_of_type(n, type)->place.fd) < 0 && err == 0)
			err = -errno;
	return err;
}

int
pager_sync(struct pager *p, void *addr, size_t bytes)
{
	struct file_set files;
	struct guard g;
	int err;

	pager_enter(&g);
	err = files_write(p, range_of(addr, bytes), &files);
	for (unsigned i = 0; i < p->node_count; i++) {
		int e = files_datasync(&p->nodes[i], files.types[i]);

		err = err == 0 ? e : err;
	}
	pager_leave(&g);
	return err;
}
