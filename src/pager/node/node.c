/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * node.c -- a node is built and taken down.
 *
 * All its memory comes from mmap system calls and is there before the first
 * fault: the core's tables, a request for each operation, stacks, the pool.  Of
 * the big tables only the pages that are used become memory.
 */
#include "pager/node/node.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/bits.h"
#include "core/policy.h"
#include "os/block.h"
#include "os/numa.h"
#include "os/raw.h"
#include "pager/internal.h"

#define AREAS_MAX 65536
#define FRAMES_AN_OP 128 /* one operation in flight for each so many frames */
#define OPS_MIN 128
#define OPS_MAX 1024

/* -- the core's host ------------------------------------------------------ */

static uint64_t *
host_table_alloc(void *ctx)
{
	(void)ctx;
	return raw_map(TABLE_ENTRIES * sizeof(pte_t));
}

static void
host_wake(void *ctx, enum daemon who)
{
	daemon_ask(ctx, who);
}

static uint64_t
host_now_ns(void *ctx)
{
	(void)ctx;
	return monotonic_ns();
}

static void
host_shrink(void *ctx, unsigned cache, uint64_t goal)
{
	struct node *n = ctx;

	cache_ask(n->pager, cache, goal);
}

static const struct host_ops node_host = {
	.name = "pager",
	.table_alloc = host_table_alloc,
	.wake = host_wake,
	.now_ns = host_now_ns,
	.shrink = host_shrink,
};

/* -- building ------------------------------------------------------------- */

/* The pool: address space for its frames, memory as it is needed. */
static int
open_pool(struct node *n, uint64_t bytes)
{
	long r;

	n->pool_bytes = round_down(bytes, PAGE_BYTES);
	r = syscall(SYS_mmap, NULL, n->pool_bytes + PAGE_BYTES,
	            PROT_READ | PROT_WRITE,
	            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);
	if (r == -1)
		return -errno;
	n->pool = (char *)r; /* NOLINT */
	if (n->pager->node_count > 1 && n->pager->machine.count > 1)
		numa_bind(n->pool, n->pool_bytes + PAGE_BYTES,
		          n->pager->machine.id[n->real]);
	n->zeros = n->pool + n->pool_bytes;
	(void)syscall(SYS_madvise, n->pool, n->pool_bytes, MADV_NOHUGEPAGE);
	(void)syscall(SYS_madvise, n->pool, n->pool_bytes, MADV_DONTFORK);
	(void)syscall(SYS_madvise, n->pool, n->pool_bytes, MADV_DONTDUMP);
	return 0;
}

static int
open_core(struct node *n)
{
	struct pager *p = n->pager;
	uint64_t frames = n->pool_bytes >> PAGE_SHIFT;
	struct core_config cfg = {
		.frames_total = (uint32_t)frames,
		.ops_total = clamp_u32((uint32_t)(frames / FRAMES_AN_OP),
	                               OPS_MIN, OPS_MAX),
		.spaces = p->cfg.events ? 1 : SPACES_MAX,
		.areas_max = AREAS_MAX,
		.ra_pages_max = RA_PAGES_MAX,
		.unmap_batch = OP_PAGES_MAX,
		.patience_ns = 5000000000ull,
		.seed = n->id + 1,
		.host = &node_host,
		.host_ctx = n,
		.stat = n->stats,
	};
	size_t reqs_bytes = cfg.ops_total * sizeof(struct swapdev_req);
	size_t tables;

	if (policy_parse(p->cfg.policy, &cfg) != NULL)
		return -EINVAL;
	tables = round_up(core_bytes(&cfg), PAGE_BYTES);
	n->core_mem_bytes = tables + reqs_bytes;
	n->core_mem = raw_map(n->core_mem_bytes);
	if (n->core_mem == NULL)
		return -ENOMEM;
	n->reqs = (void *)((char *)n->core_mem + tables);
	n->core = tap_init(p->spool.memory != NULL ? &p->tap : NULL,
	                   n->core_mem, &cfg);
	if (p->spool.memory != NULL)
		tap_spill(&p->tap); /* so that the file has its header */
	return 0;
}

/* The core is told of the swap file, and of what kind of disk it is. */
static int
swap_on(struct node *n)
{
	int type = tap_swapon(n->core, n->swap_mem, n->swap_slots,
	                      n->swap_ready, SWAP_PRIO_AUTO);

	if (type >= 0 &&
	    block_is_solid_state(n->files[DEV_WRITE].fd, n->pager->root))
		tap_swap_solid_state(n->core, (unsigned)type);
	return type;
}

/* The swap file, twice: see enum pager_dev. */
static int
open_swap(struct node *n)
{
	const char *text = getenv("PAGEOUT_SWAP_FILTER");
	struct pager_swapspace *swap = &n->pager->cfg.swap;
	int fds[DEVS] = {swap->fd[n->id],
	                 fcntl(swap->fd[n->id], F_DUPFD_CLOEXEC, 3)};
	char reason[PAGER_REASON_MAX];

	swap->fd[n->id] = -1; /* it is the device's */
	n->swap_slots = (uint32_t)(swap->bytes >> PAGE_SHIFT);
	n->swap_first = swap->is_shared ? n->id * n->swap_slots : 0;
	for (unsigned i = 0; i < DEVS; i++) {
		int r;

		if (fds[i] < 0)
			return -EMFILE;
		r = swapdev_file_open(&n->files[i], fds[i], swap->direct,
		                      n->swap_first + n->swap_slots, true);
		if (r < 0)
			return r;
		r = swapdev_filters(&n->files[i].dev, text == NULL ? "" : text,
		                    &n->filters[i], &n->dev[i], reason,
		                    sizeof(reason));
		if (r < 0) {
			pager_say(n->pager, PAGEOUT_LOG_ERROR, reason);
			return r;
		}
	}
	n->swap_ready = min_u32(n->swap_slots, FILEDEV_GROW_SLOTS);
	if (swapdev_grow(n->dev[DEV_WRITE], n->swap_first + n->swap_ready) < 0)
		return -ENOSPC;
	n->swap_mem_bytes = core_swap_bytes(n->swap_slots);
	n->swap_mem = raw_map(n->swap_mem_bytes);
	if (n->swap_mem == NULL)
		return -ENOMEM;
	return swap_on(n);
}

int
node_open(struct node *n, struct pager *p, unsigned id)
{
	int r;

	n->pager = p;
	n->id = id;
	n->real = id % p->machine.count;
	n->stats = p->stats + (size_t)id * PAGEOUT_STATS;
	(void)pthread_mutex_init(&n->lock, NULL);
	node_deal_cpus(n);
	if ((r = open_pool(n, p->cfg.mem_bytes / p->node_count)) < 0 ||
	    (r = open_core(n)) < 0 || (r = open_swap(n)) < 0)
		return r;
	copies_open(n);
	return 0;
}

uint64_t
node_limit(const struct node *n)
{
	uint64_t frames = n->core->cfg.frames_total;

	return frames - frames / 16 + n->swap_slots;
}

/* -- threads -------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(void *ctx);
} kinds[DAEMONS] = {
	[DAEMON_KSWAPD] = {"kswapd", kswapd},
	[DAEMON_KRECLAIMD] = {"kreclaimd", kreclaimd},
	[DAEMON_FLUSHER] = {"flusher", flusher},
};

/* => 0, also if it runs already; or a negative errno */
static int
daemon_start(struct node *n, enum daemon who)
{
	if (n->threads[who].run != NULL)
		return 0;
	(void)snprintf(n->names[who], sizeof(n->names[who]), "%s%u",
	               kinds[who].name, n->id);
	return thread_start(&n->threads[who], n->names[who], kinds[who].run, n,
	                    n->stacks + who * THREAD_STACK_BYTES);
}

/* A daemon that faults can do without.  => as daemon_start() */
static int
daemon_try(struct node *n, enum daemon who)
{
	char line[128];
	int r = daemon_start(n, who);

	if (r < 0) {
		(void)snprintf(line, sizeof(line),
		               "%s%u cannot be started (error %d): faults do "
		               "its work, and wait for it",
		               kinds[who].name, n->id, -r);
		pager_say(n->pager, PAGEOUT_LOG_WARNING, line);
	}
	return r;
}

/* Its core is told, if that is news. */
static void
tell_of_kswapd(struct node *n, bool runs)
{
	node_lock(n);
	if (n->core->lacks_kswapd == runs)
		tap_kswapd_thread(n->core, runs);
	node_unlock(n);
}

int
kswapd_run(struct node *n)
{
	int r = daemon_try(n, DAEMON_KSWAPD);

	tell_of_kswapd(n, r == 0);
	daemon_ask(n, DAEMON_KSWAPD); /* the first frames */
	return r;
}

int
node_start(struct node *n)
{
	int r;

	n->stacks = raw_map(DAEMONS * THREAD_STACK_BYTES);
	if (n->stacks == NULL)
		return -ENOMEM;
	r = daemon_start(n, DAEMON_FLUSHER);
	if (r < 0)
		return r;
	(void)daemon_try(n, DAEMON_KRECLAIMD);
	(void)kswapd_run(n);
	return 0;
}

unsigned
node_fds(const struct node *n, int *fds)
{
	unsigned count = 0;

	for (unsigned i = 0; i < DEVS; i++)
		count += swapdev_file_fds(&n->files[i], fds + count);
	return count;
}

/* -- taking down ---------------------------------------------------------- */

void
node_stop(struct node *n)
{
	for (unsigned i = 0; i < DAEMONS; i++)
		daemon_ask(n, (enum daemon)i);
	for (unsigned i = 0; i < DAEMONS; i++)
		if (n->threads[i].run != NULL)
			thread_join(&n->threads[i]);
}

void
node_drain(struct node *n)
{
	while (n->core != NULL && n->core->ops_in_flight != 0) {
		struct batch b = {0};

		(void)io_reap(n, DEV_WRITE, 0, &b);
		(void)io_reap(n, DEV_READ, 1, &b);
		node_perform(n, &b);
	}
}

static void
free_tables(const struct space *s)
{
	for (uint32_t i = 0; i < TABLE_LEAVES; i++)
		raw_unmap(s->leaves[i], TABLE_ENTRIES * sizeof(pte_t));
}

void
node_close(struct node *n)
{
	for (unsigned i = 0; i < DEVS; i++)
		if (n->dev[i] != NULL)
			swapdev_close(n->dev[i]);
	files_close(n);
	for (unsigned i = 0; n->core != NULL && i < n->pager->spaces_top; i++)
		free_tables(&n->core->spaces[i]);
	raw_unmap(n->core_mem, n->core_mem_bytes);
	raw_unmap(n->swap_mem, n->swap_mem_bytes);
	raw_unmap(n->stacks, DAEMONS * THREAD_STACK_BYTES);
	raw_unmap(n->pool, n->pool_bytes + PAGE_BYTES);
}

void
node_forget(struct node *n)
{
	for (unsigned i = 0; i < DEVS; i++)
		swapdev_file_forget(&n->files[i]);
}
