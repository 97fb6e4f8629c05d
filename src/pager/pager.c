/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager.c -- a pager is built and taken down; what all its files lean on.
 *
 * All memory comes from mmap system calls and is there before the first fault:
 * the core's tables, a request for each operation, stacks, the pool.  Of the
 * big tables only the pages that are used become memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/assert.h"
#include "base/bits.h"
#include "core/policy.h"
#include "os/raw.h"
#include "os/uffd.h"
#include "pager/internal.h"
#include "pager/statpub.h"

#define AREAS_MAX 65536
#define FRAMES_AN_OP 256 /* one operation in flight for each so many frames */
#define OPS_MIN 128
#define OPS_MAX 1024

/* -- the lock, time, words ------------------------------------------------ */

void
pager_enter(struct guard *g)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &g->old);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &g->cancel);
}

void
pager_leave(const struct guard *g)
{
	(void)pthread_setcancelstate(g->cancel, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &g->old, NULL);
}

void
pager_say(struct pager *p, enum pageout_log_level level, const char *line)
{
	if (p->cfg.log != NULL)
		p->cfg.log(p->cfg.log_ctx, level, line);
}

void
pager_say_once(struct pager *p, bool *said, enum pageout_log_level level,
               const char *line)
{
	if (!__atomic_exchange_n(said, true, __ATOMIC_ACQ_REL))
		pager_say(p, level, line);
}

uint64_t
pager_now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void
pager_wait(struct pager *p, uint32_t seq, int ms)
{
	struct timespec ts = {ms / 1000, (long)(ms % 1000) * 1000000};

	__atomic_fetch_add(&p->waiters, 1, __ATOMIC_ACQ_REL);
	(void)syscall(SYS_futex, &p->events, FUTEX_WAIT_PRIVATE, seq, &ts, NULL,
	              0);
	__atomic_fetch_sub(&p->waiters, 1, __ATOMIC_ACQ_REL);
}

void
pager_ended(struct pager *p)
{
	__atomic_fetch_add(&p->events, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&p->waiters, __ATOMIC_SEQ_CST) != 0)
		(void)syscall(SYS_futex, &p->events, FUTEX_WAKE_PRIVATE,
		              INT_MAX, NULL, NULL, 0);
}

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
	return pager_now_ns();
}

static void
host_shrink(void *ctx, unsigned cache, uint64_t goal)
{
	cache_ask(ctx, cache, goal);
}

static const struct host_ops pager_host = {
	.name = "pager",
	.table_alloc = host_table_alloc,
	.wake = host_wake,
	.now_ns = host_now_ns,
	.shrink = host_shrink,
};

/* -- the record ----------------------------------------------------------- */

#define RECORD_PULSE_MS 1000 /* bytes are no older than this, or two */

static void *
record_full(void *ctx, size_t bytes, size_t *ret_bytes)
{
	*ret_bytes = SPOOL_BYTES;
	return spool_next(ctx, bytes);
}

static void
record_say(struct pager *p, int error)
{
	char line[128];

	(void)snprintf(line, sizeof(line),
	               "the record ends: %s (error %d); the program goes on",
	               error == -ENOSPC ? "its file system is full"
	                                : "it cannot be written",
	               -error);
	pager_say(p, PAGEOUT_LOG_WARNING, line);
}

/*
 * The thread that writes the record.  Now and then it takes what there is, so
 * that little is lost if the program is killed; but never waits for the lock,
 * whose holder may be waiting for a buffer.
 */
static void
record_run(void *ctx)
{
	struct pager *p = ctx;
	int error;

	while (!spool_ended(&p->spool)) {
		if (spool_write(&p->spool, RECORD_PULSE_MS, &error)) {
			if (error < 0)
				record_say(p, error);
		} else if (pthread_mutex_trylock(&p->lock) == 0) {
			if (spool_idle(&p->spool))
				tap_spill(&p->tap);
			pager_unlock(p);
		}
	}
}

static int
open_record(struct pager *p)
{
	if (p->cfg.record_fd <= 0)
		return 0;
	p->tap.full = record_full;
	p->tap.full_ctx = &p->spool;
	return spool_open(&p->spool, p->cfg.record_fd);
}

void
pager_record_end(struct pager *p)
{
	struct guard g;

	if (p->threads[THREAD_RECORD].run == NULL)
		return;
	pager_enter(&g);
	pager_lock(p);
	tap_end(&p->tap, p->core);
	pager_unlock(p);
	spool_drain(&p->spool);
	pager_leave(&g);
}

static void
close_record(struct pager *p)
{
	if (p->threads[THREAD_RECORD].run != NULL) {
		pager_record_end(p);
		spool_end(&p->spool);
		thread_join(&p->threads[THREAD_RECORD]);
	}
	spool_close(&p->spool);
}

/* -- building ------------------------------------------------------------- */

static int
open_stats(struct pager *p)
{
	if (p->stat_fd < 0)
		p->stat_fd = pager_stat_create();
	if (p->stat_fd < 0)
		return p->stat_fd;
	return statpub_map(p->stat_fd, p->cfg.policy,
	                   p->cfg.mode == PAGEOUT_MODE_INLINE ? "inline"
	                                                      : "thread",
	                   &p->stats);
}

/* The pool: address space for the whole budget, memory as it is needed. */
static int
open_pool(struct pager *p)
{
	long r;

	p->pool_bytes = round_down(p->cfg.mem_bytes, PAGE_BYTES);
	r = syscall(SYS_mmap, NULL, p->pool_bytes + PAGE_BYTES,
	            PROT_READ | PROT_WRITE,
	            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);
	if (r == -1)
		return -errno;
	p->pool = (char *)r; /* NOLINT */
	p->zeros = p->pool + p->pool_bytes;
	(void)syscall(SYS_madvise, p->pool, p->pool_bytes, MADV_NOHUGEPAGE);
	(void)syscall(SYS_madvise, p->pool, p->pool_bytes, MADV_DONTFORK);
	(void)syscall(SYS_madvise, p->pool, p->pool_bytes, MADV_DONTDUMP);
	return 0;
}

static int
open_uffds(struct pager *p)
{
	bool is_inline = p->cfg.mode == PAGEOUT_MODE_INLINE;
	uint64_t need = UFFD_FEATURE_MOVE | UFFD_FEATURE_POISON;
	int r;

	if (is_inline)
		need |= UFFD_FEATURE_SIGBUS;
	if (p->cfg.events)
		need |= UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_REMAP |
		        UFFD_FEATURE_EVENT_UNMAP;
	p->uffd = uffd_open(UFFD_OPEN_NONBLOCK |
	                    (is_inline ? UFFD_OPEN_USER_MODE : 0));
	if (p->uffd < 0)
		return p->uffd;
	r = uffd_api(p->uffd, need, NULL);
	if (r < 0)
		return r == -EINVAL ? -ENOSYS : r;
	p->pool_uffd = uffd_open(UFFD_OPEN_USER_MODE);
	if (p->pool_uffd < 0)
		return p->pool_uffd;
	return uffd_api(p->pool_uffd, UFFD_FEATURE_MOVE, NULL);
}

static int
open_core(struct pager *p)
{
	uint64_t frames = p->pool_bytes >> PAGE_SHIFT;
	struct core_config cfg = {
		.frames_total = (uint32_t)frames,
		.ops_total = clamp_u32((uint32_t)(frames / FRAMES_AN_OP),
	                               OPS_MIN, OPS_MAX),
		.spaces = p->cfg.events ? 1 : SPACES_MAX,
		.areas_max = AREAS_MAX,
		.ra_pages_max = RA_PAGES_MAX,
		.unmap_batch = OP_PAGES_MAX,
		.patience_ns = 5000000000ull,
		.seed = 1,
		.host = &pager_host,
		.host_ctx = p,
		.stat = p->stats,
	};
	size_t reqs_bytes = cfg.ops_total * sizeof(struct swapdev_req);
	size_t tables;

	if (policy_parse(p->cfg.policy, &cfg) != NULL)
		return -EINVAL;
	tables = round_up(core_bytes(&cfg), PAGE_BYTES);
	p->core_mem_bytes = tables + reqs_bytes;
	p->core_mem = raw_map(p->core_mem_bytes);
	if (p->core_mem == NULL)
		return -ENOMEM;
	p->reqs = (void *)((char *)p->core_mem + tables);
	p->core = tap_init(p->spool.memory != NULL ? &p->tap : NULL,
	                   p->core_mem, &cfg);
	if (p->spool.memory != NULL)
		tap_spill(&p->tap); /* so that the file has its header */
	return 0;
}

/* The swap file, twice: see enum pager_dev. */
static int
open_swap(struct pager *p)
{
	const char *text = getenv("PAGEOUT_SWAP_FILTER");
	int fds[DEVS] = {p->cfg.swap_fd,
	                 fcntl(p->cfg.swap_fd, F_DUPFD_CLOEXEC, 3)};
	char reason[PAGER_REASON_MAX];

	p->swap_slots = (uint32_t)(p->cfg.swap_bytes >> PAGE_SHIFT);
	for (unsigned i = 0; i < DEVS; i++) {
		int r;

		if (fds[i] < 0)
			return -EMFILE;
		r = swapdev_file_open(&p->files[i], fds[i], p->cfg.swap_direct,
		                      p->swap_slots, true);
		if (r < 0)
			return r;
		r = swapdev_filters(&p->files[i].dev, text == NULL ? "" : text,
		                    &p->filters[i], &p->dev[i], reason,
		                    sizeof(reason));
		if (r < 0) {
			pager_say(p, PAGEOUT_LOG_ERROR, reason);
			return r;
		}
	}
	p->swap_ready = min_u32(p->swap_slots, FILEDEV_GROW_SLOTS);
	if (swapdev_grow(p->dev[DEV_WRITE], p->swap_ready) < 0)
		return -ENOSPC;
	p->swap_mem_bytes = core_swap_bytes(p->swap_slots);
	p->swap_mem = raw_map(p->swap_mem_bytes);
	if (p->swap_mem == NULL)
		return -ENOMEM;
	return tap_swapon(p->core, p->swap_mem, p->swap_slots, p->swap_ready,
	                  SWAP_PRIO_AUTO);
}

static int
start_threads(struct pager *p)
{
	static const struct {
		const char *name;
		void (*run)(void *ctx);
	} kinds[THREADS] = {
		[DAEMON_KSWAPD] = {"kswapd0", kswapd_run},
		[DAEMON_KRECLAIMD] = {"kreclaimd", kreclaimd_run},
		[DAEMON_FLUSHER] = {"flusher", flusher_run},
		[THREAD_FAULTS] = {"faults", faults_run},
		[THREAD_RECORD] = {"record", record_run},
	};

	p->stacks = raw_map(THREADS * THREAD_STACK_BYTES);
	if (p->stacks == NULL)
		return -ENOMEM;
	/* Whatever is recorded by the others must be written by this one. */
	for (unsigned i = THREADS; i-- > 0;) {
		int r;

		if (i == THREAD_RECORD && p->spool.memory == NULL)
			continue;
		if (i == THREAD_FAULTS && p->cfg.mode == PAGEOUT_MODE_INLINE)
			r = inline_start(p);
		else
			r = thread_start(&p->threads[i], kinds[i].name,
			                 kinds[i].run, p,
			                 p->stacks + i * THREAD_STACK_BYTES);
		if (r < 0)
			return r;
	}
	return 0;
}

int
pager_open(struct pager **ret, const struct pager_config *config)
{
	struct pager *p;
	int r;

	/* Inline, nobody reads events, and whoever caused one would wait. */
	if (config->mode == PAGEOUT_MODE_INLINE && config->events)
		return -EINVAL;
	p = raw_map(sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	p->cfg = *config;
	p->uffd = p->pool_uffd = p->wake_fd = -1;
	p->stat_fd = config->stat_fd;
	p->space_bits = p->spaces_top = 1;
	if (p->cfg.policy == NULL || p->cfg.policy[0] == '\0')
		p->cfg.policy = policies[0]->name;
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_mutex_init(&p->caches.lock, NULL);
	if ((r = open_record(p)) < 0 || (r = open_stats(p)) < 0 ||
	    (r = open_pool(p)) < 0 || (r = open_uffds(p)) < 0 ||
	    (r = open_core(p)) < 0 || (r = open_swap(p)) < 0) {
		pager_close(p);
		return r;
	}
	p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = p->wake_fd < 0 ? -errno : start_threads(p);
	if (r < 0) {
		pager_close(p);
		return r;
	}
	daemon_ask(p, DAEMON_KSWAPD); /* the first frames */
	*ret = p;
	return 0;
}

/* -- taking down ---------------------------------------------------------- */

static void
stop_threads(struct pager *p)
{
	uint64_t one = 1;

	__atomic_store_n(&p->stopping, 1, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < DAEMONS; i++)
		daemon_ask(p, (enum daemon)i);
	if (p->wake_fd >= 0)
		(void)!write(p->wake_fd, &one, sizeof(one));
	for (unsigned i = 0; i < THREADS; i++)
		if (i != THREAD_RECORD && p->threads[i].run != NULL)
			thread_join(&p->threads[i]);
}

/* Let transfers that are under way end: they name our memory [I4]. */
static void
drain_io(struct pager *p)
{
	while (p->core != NULL && p->core->ops_in_flight != 0) {
		struct batch b = {0};

		(void)io_reap(p, DEV_WRITE, 0, &b);
		(void)io_reap(p, DEV_READ, 1, &b);
		pager_perform(p, &b);
	}
}

static void
free_tables(const struct space *s)
{
	for (uint32_t i = 0; i < TABLE_LEAVES; i++)
		raw_unmap(s->leaves[i], TABLE_ENTRIES * sizeof(pte_t));
}

void
pager_close(struct pager *p)
{
	if (p->cfg.mode == PAGEOUT_MODE_INLINE && p->stacks != NULL)
		inline_stop(p);
	stop_threads(p);
	drain_io(p);
	close_record(p);
	for (unsigned i = 0; i < DEVS; i++)
		if (p->dev[i] != NULL)
			swapdev_close(p->dev[i]);
	files_close(p);
	raw_close(&p->uffd);
	raw_close(&p->pool_uffd);
	raw_close(&p->wake_fd);
	for (unsigned i = 0; p->core != NULL && i < p->spaces_top; i++)
		free_tables(&p->core->spaces[i]);
	raw_unmap(p->core_mem, p->core_mem_bytes);
	raw_unmap(p->swap_mem, p->swap_mem_bytes);
	raw_unmap(p->stacks, THREADS * THREAD_STACK_BYTES);
	raw_unmap(p->pool, p->pool_bytes + PAGE_BYTES);
	if (p->stats != NULL)
		statpub_unmap(p->stats);
	raw_close(&p->stat_fd);
	raw_unmap(p, sizeof(*p));
}

/* -- looking -------------------------------------------------------------- */

unsigned
pager_fds(const struct pager *p, int *fds)
{
	unsigned n = 0;

	fds[n++] = p->uffd;
	fds[n++] = p->pool_uffd;
	fds[n++] = p->wake_fd;
	fds[n++] = p->stat_fd;
	if (p->spool.memory != NULL)
		fds[n++] = p->spool.fd;
	for (unsigned i = 0; i < DEVS; i++)
		n += swapdev_file_fds(&p->files[i], fds + n);
	must(n <= PAGER_FDS_MAX);
	return n;
}

unsigned
pager_uffds(const struct pager *p, int *fds)
{
	fds[0] = p->uffd;
	fds[1] = p->pool_uffd;
	return 2;
}

const uint64_t *
pager_stats(struct pager *p)
{
	return p->stats;
}

bool
pager_is_own_thread(const struct pager *p)
{
	for (unsigned i = 0; i < THREADS; i++)
		if (p->threads[i].run != NULL &&
		    pthread_equal(p->threads[i].id, pthread_self()))
			return true;
	return false;
}
