/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pageout.c -- libpageout: the public calls, over the pager.
 *
 * Regions are plain private anonymous mappings of our own that the pager
 * manages.  An engine is a pager and what is needed to answer for arguments.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "base/bits.h"
#include "core/policy.h"
#include "os/raw.h"
#include "pager/cache/cache.h"
#include "pager/pager.h"

_Static_assert(PAGEOUT_SPACES_MAX == SPACES_MAX, "as many as the core has");

struct pageout {
	struct pager *pager;
	pid_t owner; /* a child of it has a copy of us and no pages */
};

/*
 * A child's copy of the engine must not do anything: the userfaultfds in it
 * belong to the parent's memory, and what would be unregistered is there.
 */
static bool
is_childs(const struct pageout *e)
{
	return getpid() != e->owner;
}

const char *
pageout_version(void)
{
	return "0.1.0";
}

/*
 * A descriptor for the record; not one of the first three, in whatever state
 * the program has left them.
 */
static int
open_record(const char *path)
{
	int fd, high;

	if (path == NULL)
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	raw_close(&fd);
	return high < 0 ? -EMFILE : high;
}

static int
open_pager(struct pager **ret, const struct pageout_options *o)
{
	struct pager_config cfg = {
		.mem_bytes = o->mem_bytes,
		.stat_fd = -1,
		.mode = o->mode,
		.log = o->log,
		.log_ctx = o->log_ctx,
		.policy = o->policy,
	};
	int nodes = o->nodes == 0 && o->record_path != NULL
	                    ? 1
	                    : pager_nodes(o->nodes, o->mem_bytes);
	char reason[PAGER_REASON_MAX];
	int r;

	if (pager_policy_wrong(o->policy) != NULL || nodes < 0 ||
	    (nodes > 1 && o->record_path != NULL))
		return -EINVAL;
	cfg.record_fd = open_record(o->record_path);
	if (cfg.record_fd < 0)
		return cfg.record_fd;
	r = pager_swapspace_open(&cfg.swap, (unsigned)nodes, o->swap_path,
	                         o->swap_bytes, reason);
	if (reason[0] != '\0' && o->log != NULL)
		o->log(o->log_ctx,
		       r < 0 ? PAGEOUT_LOG_ERROR : PAGEOUT_LOG_WARNING, reason);
	if (r < 0) {
		if (cfg.record_fd > 0)
			raw_close(&cfg.record_fd);
		return r;
	}
	r = pager_open(ret, &cfg);
	if (pager_open_why(r) != NULL && o->log != NULL)
		o->log(o->log_ctx, PAGEOUT_LOG_ERROR, pager_open_why(r));
	return r;
}

int
pageout_open(struct pageout **ret_engine, const struct pageout_options *options)
{
	struct pageout *e;
	int r;

	if (options->mem_bytes < PAGEOUT_MEM_BYTES_MIN ||
	    options->mem_bytes >> 12 >= UINT32_MAX / 2 ||
	    options->mode > PAGEOUT_MODE_INLINE)
		return -EINVAL;
	e = raw_map(sizeof(*e));
	if (e == NULL)
		return -ENOMEM;
	e->owner = getpid();
	r = open_pager(&e->pager, options);
	if (r < 0) {
		raw_unmap(e, sizeof(*e));
		return r;
	}
	*ret_engine = e;
	return 0;
}

void
pageout_close(struct pageout *engine)
{
	if (engine == NULL || is_childs(engine))
		return;
	caches_close(engine->pager);
	pager_unmap_all(engine->pager);
	pager_close(engine->pager);
	raw_unmap(engine, sizeof(*engine));
}

/*
 * Memory for a region.  The kernel need not set memory aside for it: that is
 * what the engine is for.
 * => NULL when there is no address space
 */
static void *
region_map(size_t bytes)
{
	long r = syscall(SYS_mmap, NULL, bytes, PROT_READ | PROT_WRITE,
	                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);
	void *addr = (void *)r; /* NOLINT */

	if (r == -1)
		return NULL;
	(void)syscall(SYS_madvise, addr, bytes, MADV_DONTDUMP);
	(void)syscall(SYS_madvise, addr, bytes, MADV_NOHUGEPAGE);
	/* Absent pages would be zeros in a child: it shall fault instead. */
	(void)syscall(SYS_madvise, addr, bytes, MADV_DONTFORK);
	return addr;
}

int
pageout_map(struct pageout *engine, size_t bytes, unsigned flags,
            void **ret_addr)
{
	unsigned space = flags / PAGEOUT_MAP_SPACE(1);
	void *addr;
	int r;

	if (is_childs(engine))
		return -EPERM;
	if (bytes == 0 || flags != PAGEOUT_MAP_SPACE(space))
		return -EINVAL;
	if (bytes > SSIZE_MAX)
		return -ENOMEM;
	bytes = round_up(bytes, 4096);
	addr = region_map(bytes);
	if (addr == NULL)
		return -ENOMEM;
	r = pager_manage(engine->pager, space, addr, bytes, true);
	if (r < 0) {
		raw_unmap(addr, bytes);
		return r;
	}
	*ret_addr = addr;
	return 0;
}

int
pageout_map_file(struct pageout *engine, int fd, uint64_t offset, size_t bytes,
                 unsigned flags, void **ret_addr)
{
	void *addr;
	int r;

	if (is_childs(engine))
		return -EPERM;
	if (bytes == 0 || flags & ~PAGEOUT_MAP_SHARED)
		return -EINVAL;
	if (bytes > SSIZE_MAX)
		return -EFBIG;
	bytes = round_up(bytes, 4096);
	addr = region_map(bytes);
	if (addr == NULL)
		return -ENOMEM;
	r = pager_map_file(engine->pager, addr, bytes, fd, offset,
	                   flags & PAGEOUT_MAP_SHARED);
	if (r < 0) {
		raw_unmap(addr, bytes);
		return r;
	}
	*ret_addr = addr;
	return 0;
}

/* Every page of the range belongs to a region. */
static bool
in_regions(struct pageout *e, const void *addr, size_t bytes)
{
	return bytes != 0 && (uintptr_t)addr + bytes > (uintptr_t)addr &&
	       pager_covers_all(e->pager, addr, bytes);
}

int
pageout_unmap(struct pageout *engine, void *addr, size_t bytes)
{
	int r;

	if (is_childs(engine))
		return -EPERM;
	if ((uintptr_t)addr % 4096 != 0 || !in_regions(engine, addr, bytes))
		return -EINVAL;
	bytes = round_up(bytes, 4096);
	r = pager_write_back(engine->pager, addr, bytes);
	if (r == 0)
		r = pager_unmanage(engine->pager, addr, bytes);
	if (r < 0)
		return r;
	raw_unmap(addr, bytes);
	return 0;
}

int
pageout_sync(struct pageout *engine, void *addr, size_t bytes)
{
	if (is_childs(engine))
		return -EPERM;
	if (!in_regions(engine, addr, bytes))
		return -EINVAL;
	return pager_sync(engine->pager, addr, bytes);
}

int
pageout_advise(struct pageout *engine, void *addr, size_t bytes,
               enum pageout_hint hint)
{
	uintptr_t start = (uintptr_t)addr, end = start + bytes;

	if (is_childs(engine))
		return -EPERM;
	if (!in_regions(engine, addr, bytes))
		return -EINVAL;
	if (hint == PAGEOUT_DISCARD) { /* whole pages only: inwards */
		start = round_up(start, 4096);
		end = round_down(end, 4096);
		if (start >= end)
			return 0;
		addr = (void *)start; /* NOLINT */
		bytes = end - start;
	}
	return pager_advise(engine->pager, addr, bytes, hint);
}

int
pageout_pin(struct pageout *engine, const void *addr, size_t bytes)
{
	if (is_childs(engine))
		return -EPERM;
	if (!in_regions(engine, addr, bytes))
		return -EINVAL;
	return pager_pin(engine->pager, addr, bytes);
}

int
pageout_unpin(struct pageout *engine, const void *addr, size_t bytes)
{
	if (is_childs(engine))
		return -EPERM;
	if (!in_regions(engine, addr, bytes))
		return -EINVAL;
	return pager_unpin(engine->pager, addr, bytes);
}

/* -- caches --------------------------------------------------------------- */

int
pageout_shrinker_register(struct pageout *engine,
                          const struct pageout_shrinker *shrinker,
                          unsigned *ret_id)
{
	if (is_childs(engine))
		return -EPERM;
	return pager_shrinker_register(engine->pager, shrinker, ret_id);
}

int
pageout_shrinker_publish(struct pageout *engine, unsigned id, uint64_t unused)
{
	return pager_shrinker_publish(engine->pager, id, unused);
}

int
pageout_shrinker_ask(struct pageout *engine, unsigned id, uint64_t goal)
{
	if (is_childs(engine))
		return -EPERM;
	return pager_shrinker_ask(engine->pager, id, goal);
}

int
pageout_shrinker_unregister(struct pageout *engine, unsigned id)
{
	if (is_childs(engine))
		return -EPERM;
	return pager_shrinker_unregister(engine->pager, id);
}

int
pageout_slab_create(struct pageout *engine, size_t bytes, size_t align,
                    pageout_slab_make_fn *make, unsigned flags,
                    struct pageout_slab **ret_slab)
{
	if (is_childs(engine))
		return -EPERM;
	return pager_slab_create(engine->pager, bytes, align, make, flags,
	                         ret_slab);
}

/* -- spaces --------------------------------------------------------------- */

int
pageout_space_create(struct pageout *engine)
{
	return is_childs(engine) ? -EPERM : pager_space_create(engine->pager);
}

int
pageout_space_destroy(struct pageout *engine, int space)
{
	if (is_childs(engine))
		return -EPERM;
	return pager_space_destroy(engine->pager, (unsigned)space);
}

int
pageout_space_stats(struct pageout *engine, int space,
                    struct pageout_space_stat *ret_stat)
{
	struct pageout_space_stat s;
	int r;

	if (is_childs(engine))
		return -EPERM;
	r = pager_space_stats(engine->pager, (unsigned)space, &s.managed_bytes,
	                      &s.mapped_bytes);
	if (r == 0)
		*ret_stat = s;
	return r;
}

/* -- numbers -------------------------------------------------------------- */

unsigned
pageout_stats(struct pageout *engine, uint64_t *values, unsigned count)
{
	(void)pager_stats(engine->pager, PAGER_ALL_NODES, values, count);
	return PAGEOUT_STATS;
}

unsigned
pageout_node_stats(struct pageout *engine, unsigned node, uint64_t *values,
                   unsigned count)
{
	return pager_stats(engine->pager, node, values, count);
}

/* -- what went wrong ------------------------------------------------------ */

const char *
pager_open_why(int error)
{
	switch (-error) {
	case EPERM:
	case EACCES:
		return "userfaultfd is not allowed: be root, or be given "
		       "access to /dev/userfaultfd (setfacl -m u:NAME:rw "
		       "/dev/userfaultfd); see pageout doctor";
	case ENOSYS:
		return "this kernel does not move pages (UFFDIO_MOVE): Linux "
		       "6.8 or later is needed; see pageout doctor";
	default:
		return NULL;
	}
}

/* -- policies, for rooms that know only the pager -------------------------- */

const char *
pager_policy_wrong(const char *policy)
{
	struct core_config cfg;

	return policy_parse(policy, &cfg);
}

bool
pager_policy_tunable(unsigned n, unsigned i, struct pager_tunable *ret)
{
	const struct tunable *t = policies[n]->tunables;

	if (t == NULL || t[i].name == NULL)
		return false;
	*ret = (struct pager_tunable){t[i].name, t[i].help,  t[i].min,
	                              t[i].max,  t[i].exact, t[i].preset};
	return true;
}

const char *
pager_policy_name(unsigned n, const char **ret_help)
{
	for (unsigned i = 0; i < n; i++)
		if (policies[i] == NULL)
			return NULL;
	if (policies[n] == NULL)
		return NULL;
	*ret_help = policies[n]->help;
	return policies[n]->name;
}
