/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager.c -- a pager is built and taken down; what all its files lean on.
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

/* -- locks, time, words ------------------------------------------------ */

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

void
pulse_wait(struct pulse *at, uint32_t seq, int ms)
{
	struct timespec ts = {ms / 1000, (long)(ms % 1000) * 1000000};

	__atomic_fetch_add(&at->waiters, 1, __ATOMIC_ACQ_REL);
	(void)syscall(SYS_futex, &at->count, FUTEX_WAIT_PRIVATE, seq, &ts, NULL,
	              0);
	__atomic_fetch_sub(&at->waiters, 1, __ATOMIC_ACQ_REL);
}

void
pulse_beat(struct pulse *at)
{
	__atomic_fetch_add(&at->count, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&at->waiters, __ATOMIC_SEQ_CST) != 0)
		(void)syscall(SYS_futex, &at->count, FUTEX_WAKE_PRIVATE,
		              INT_MAX, NULL, NULL, 0);
}

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
	struct node *n = &p->nodes[0];
	int error;

	while (!spool_ended(&p->spool)) {
		if (spool_write(&p->spool, RECORD_PULSE_MS, &error)) {
			if (error < 0)
				record_say(p, error);
		} else if (pthread_mutex_trylock(&n->lock) == 0) {
			if (spool_idle(&p->spool))
				tap_spill(&p->tap);
			node_unlock(n);
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
	struct node *n = &p->nodes[0];
	struct guard g;

	if (p->threads[THREAD_RECORD].run == NULL)
		return;
	pager_enter(&g);
	node_lock(n);
	tap_end(&p->tap, n->core);
	node_unlock(n);
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
	return statpub_map(p->stat_fd, p->node_count, p->cfg.policy,
	                   p->cfg.mode == PAGEOUT_MODE_INLINE ? "inline"
	                                                      : "thread",
	                   &p->stats);
}

/* Whether the kernel moves pages, not whether it says so.  => 0 or -ENOSYS */
static int
try_move(int uffd)
{
	const size_t bytes = (size_t)2 * PAGE_BYTES;
	char *pages = raw_map(bytes);
	int error = -ENOMEM;

	if (pages == NULL)
		return error;
	*pages = 1;
	(void)uffd_try(uffd, pages, &error);
	raw_unmap(pages, bytes);
	return error < 0 ? -ENOSYS : 0;
}

static int
open_uffds(struct pager *p)
{
	bool is_inline = p->cfg.mode == PAGEOUT_MODE_INLINE;
	uint64_t need = UFFD_FEATURE_MOVE | UFFD_FEATURE_POISON;
	int r;

	if (is_inline)
		need |= UFFD_FEATURE_SIGBUS;
	else
		need |= UFFD_FEATURE_THREAD_ID;
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
	r = uffd_api(p->pool_uffd, UFFD_FEATURE_MOVE, NULL);
	return r < 0 ? r : try_move(p->pool_uffd);
}

/* Threads that are not of a node, and those of the nodes. */
static int
start_threads(struct pager *p)
{
	int r = 0;

	p->stacks = raw_map(THREADS * THREAD_STACK_BYTES);
	if (p->stacks == NULL)
		return -ENOMEM;
	/* Whatever is recorded by the others must be written by this one. */
	if (p->spool.memory != NULL)
		r = thread_start(
			&p->threads[THREAD_RECORD], "record", record_run, p,
			p->stacks + THREAD_RECORD * THREAD_STACK_BYTES);
	if (r == 0 && p->cfg.mode == PAGEOUT_MODE_INLINE)
		r = inline_start(p);
	if (r == 0 && (p->cfg.mode == PAGEOUT_MODE_THREAD || p->cfg.events))
		r = thread_start(
			&p->threads[THREAD_FAULTS], "faults", faults_run, p,
			p->stacks + THREAD_FAULTS * THREAD_STACK_BYTES);
	for (unsigned i = 0; r == 0 && i < p->node_count; i++)
		r = node_start(&p->nodes[i]);
	return r;
}

/* Which nodes there are, on which of the machine's, and how far apart. */
static void
open_topology(struct pager *p)
{
	uint8_t distance[NODES_MAX];

	numa_read(&p->machine, p->root);
	must(p->node_count != 0 && p->machine.count != 0);
	for (unsigned i = 0; i < p->node_count; i++) {
		const uint8_t *of = p->machine.distance[i % p->machine.count];

		for (unsigned j = 0; j < p->node_count; j++)
			distance[j] = of[j % p->machine.count];
		zonelist_build(&p->zonelists[i], i, p->node_count, distance);
	}
	p->chunk_pages = zonelist_chunk((p->cfg.mem_bytes / p->node_count) >>
	                                PAGE_SHIFT);
}

int
pager_nodes(unsigned wanted, uint64_t mem_bytes)
{
	uint64_t most = mem_bytes / PAGEOUT_MEM_BYTES_MIN;
	struct numa machine;

	if (most > PAGER_NODES_MAX)
		most = PAGER_NODES_MAX;
	if (wanted != 0)
		return wanted <= most ? (int)wanted : -EINVAL;
	numa_read(&machine, "");
	return machine.count < most ? (int)machine.count : (int)most;
}

static int
open_all(struct pager *p)
{
	int r;

	open_topology(p);
	if ((r = open_record(p)) < 0 || (r = open_stats(p)) < 0 ||
	    (r = open_uffds(p)) < 0)
		return r;
	for (unsigned i = 0; i < p->node_count; i++)
		if ((r = node_open(&p->nodes[i], p, i)) < 0)
			return r;
	p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return p->wake_fd < 0 ? -errno : start_threads(p);
}

int
pager_open(struct pager **ret, const struct pager_config *config)
{
	struct pager *p;
	int r;

	/* A record is of one core. */
	if (config->swap.nodes > 1 && config->record_fd > 0)
		return -EINVAL;
	p = raw_map(sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	p->cfg = *config;
	p->uffd = p->pool_uffd = p->wake_fd = -1;
	p->stat_fd = config->stat_fd;
	p->root = config->root != NULL ? config->root : "";
	p->space_bits = p->spaces_top = 1;
	p->node_count = config->swap.nodes;
	if (p->cfg.policy == NULL || p->cfg.policy[0] == '\0')
		p->cfg.policy = policies[0]->name;
	(void)pthread_mutex_init(&p->map_lock, NULL);
	(void)pthread_mutex_init(&p->caches.lock, NULL);
	r = open_all(p);
	if (r < 0) {
		pager_close(p);
		return r;
	}
	*ret = p;
	return 0;
}

/* -- taking down ---------------------------------------------------------- */

static void
stop_threads(struct pager *p)
{
	struct os_thread *faults = &p->threads[THREAD_FAULTS];
	uint64_t one = 1;

	__atomic_store_n(&p->stopping, 1, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < p->node_count; i++)
		node_stop(&p->nodes[i]);
	if (p->wake_fd >= 0)
		(void)!write(p->wake_fd, &one, sizeof(one));
	if (faults->run != NULL)
		thread_join(faults);
}

void
pager_close(struct pager *p)
{
	if (p->cfg.mode == PAGEOUT_MODE_INLINE && p->stacks != NULL)
		inline_stop(p);
	stop_threads(p);
	for (unsigned i = 0; i < p->node_count; i++)
		node_drain(&p->nodes[i]);
	close_record(p);
	raw_close(&p->uffd);
	raw_close(&p->pool_uffd);
	raw_close(&p->wake_fd);
	pager_swapspace_close(&p->cfg.swap); /* what no node has */
	for (unsigned i = 0; i < p->node_count; i++)
		node_close(&p->nodes[i]);
	raw_unmap(p->stacks, THREADS * THREAD_STACK_BYTES);
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
	for (unsigned i = 0; i < p->node_count; i++)
		n += node_fds(&p->nodes[i], fds + n);
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

unsigned
pager_stats(const struct pager *p, unsigned node, uint64_t *values,
            unsigned count)
{
	unsigned first = node == PAGER_ALL_NODES ? 0 : node;
	unsigned last = node == PAGER_ALL_NODES ? p->node_count : node + 1;

	for (unsigned i = 0; i < count && i < PAGEOUT_STATS; i++) {
		values[i] = 0;
		for (unsigned n = first; n < last && n < p->node_count; n++)
			values[i] += __atomic_load_n(&p->nodes[n].stats[i],
			                             __ATOMIC_RELAXED);
	}
	return p->node_count;
}

static bool
is_own(const struct os_thread *threads, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (threads[i].run != NULL &&
		    pthread_equal(threads[i].id, pthread_self()))
			return true;
	return false;
}

bool
pager_is_own_thread(const struct pager *p)
{
	for (unsigned i = 0; i < p->node_count; i++)
		if (is_own(p->nodes[i].threads, DAEMONS))
			return true;
	return is_own(p->threads, THREADS);
}
