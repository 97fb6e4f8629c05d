/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daemons.c -- kswapd, kreclaimd and the flusher.
 *
 * A daemon is a thread that sleeps until the core asks for it, and then gives
 * the core turns until there is nothing to do.  Each also has a slow pulse, for
 * work that becomes due by time alone: pages that would not move, a device that
 * rests after an error.
 *
 *	kswapd		pages leave the program; the swap file grows
 *	kreclaimd	clean pages become free frames
 *	flusher		dirty pages are written; writes are reaped
 */
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"
#include "os/file/filedev.h"
#include "pager/internal.h"

#define PULSE_MS 100
#define PULSE_IDLE_MS 1000
#define GROW_SLOTS FILEDEV_GROW_SLOTS
#define GROW_RETRY_NS 5000000000ull
#define WRITES_MAX 16 /* operations in flight; more only delays reads */

/* -- asking and sleeping -------------------------------------------------- */

void
word_ask(uint32_t *word)
{
	if (__atomic_exchange_n(word, 1, __ATOMIC_ACQ_REL) == 0)
		(void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL,
		              NULL, 0);
}

void
word_sleep(uint32_t *word, int ms)
{
	struct timespec ts = {ms / 1000, (long)(ms % 1000) * 1000000};

	(void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 0, &ts, NULL, 0);
	__atomic_store_n(word, 0, __ATOMIC_SEQ_CST);
}

void
daemon_ask(struct pager *p, enum daemon who)
{
	word_ask(&p->asked[who]);
}

static void
daemon_sleep(struct pager *p, enum daemon who, int ms)
{
	word_sleep(&p->asked[who],
	           __atomic_load_n(&p->stopping, __ATOMIC_ACQUIRE) ? 0 : ms);
}

static bool
stopping(const struct pager *p)
{
	return __atomic_load_n(&p->stopping, __ATOMIC_ACQUIRE) != 0;
}

static uint32_t
writes(const struct pager *p)
{
	return __atomic_load_n(&p->writes, __ATOMIC_ACQUIRE);
}

/* A turn of one daemon.  => true when another would find work */
static bool
turn(struct pager *p, bool (*step)(struct core *, struct batch *))
{
	struct batch b = {0};
	bool more = false;

	pager_lock(p);
	if (p->frozen == 0)
		more = step(p->core, &b);
	pager_unlock(p);
	pager_perform(p, &b);
	return more;
}

/* -- the swap file grows -------------------------------------------------- */

/*
 * Make more of the swap file exist before it is needed, so that a full file
 * system is met here and not by a write.
 */
static void
swap_grow(struct pager *p)
{
	uint64_t now = pager_now_ns();
	uint32_t left, slots;
	int r;

	pager_lock(p);
	left = core_swap_free(p->core);
	pager_unlock(p);
	if (left >= GROW_SLOTS || p->swap_ready == p->swap_slots ||
	    now < p->grow_retry_ns)
		return;
	slots = min_u32(p->swap_ready + GROW_SLOTS, p->swap_slots);
	r = swapdev_grow(p->dev[DEV_WRITE], slots);
	if (r < 0) {
		p->grow_retry_ns = now + GROW_RETRY_NS;
		pager_say_once(p, &p->said_full, PAGEOUT_LOG_WARNING,
		               "the swap file cannot grow: its file system is "
		               "full; memory and what there is of the swap "
		               "file is all that programs get");
		return;
	}
	p->swap_ready = slots;
	pager_lock(p);
	tap_swap_grown(p->core, 0, slots);
	pager_unlock(p);
}

/* -- the three ------------------------------------------------------------ */

void
kswapd_run(void *ctx)
{
	struct pager *p = ctx;

	filedev_thread_is_own();
	while (!stopping(p)) {
		swap_grow(p);
		caches_tell(p);
		while (turn(p, tap_kswapd) && !stopping(p)) {
			swap_grow(p);
			caches_tell(p);
		}
		daemon_sleep(p, DAEMON_KSWAPD, PULSE_MS);
	}
}

void
kreclaimd_run(void *ctx)
{
	struct pager *p = ctx;

	filedev_thread_is_own();
	while (!stopping(p)) {
		while (turn(p, tap_kreclaimd) && !stopping(p))
			;
		daemon_sleep(p, DAEMON_KRECLAIMD, PULSE_IDLE_MS);
	}
}

/*
 * The flusher keeps some writes in flight and waits for one to end; with none
 * it sleeps.
 */
void
flusher_run(void *ctx)
{
	struct pager *p = ctx;

	filedev_thread_is_own();
	while (!stopping(p)) {
		struct batch b = {0};

		while (writes(p) < WRITES_MAX && turn(p, tap_flush))
			;
		if (writes(p) != 0)
			(void)io_reap(p, DEV_WRITE, PULSE_MS, &b);
		else
			daemon_sleep(p, DAEMON_FLUSHER, PULSE_MS);
		pager_perform(p, &b);
	}
}

void
reclaim_for_fault(struct pager *p, struct batch *b)
{
	uint32_t seq = __atomic_load_n(&p->events, __ATOMIC_ACQUIRE);
	uint64_t start = pager_now_ns();
	bool idle;

	pager_lock(p);
	if (p->frozen == 0)
		(void)tap_reclaim_direct(p->core, b);
	pager_unlock(p);
	idle = b->first == NULL;
	pager_perform(p, b);
	if (idle) {
		daemon_ask(p, DAEMON_KSWAPD);
		daemon_ask(p, DAEMON_FLUSHER);
		/* Reads ahead hold frames: inline, nobody else may reap. */
		if (__atomic_load_n(&p->reads, __ATOMIC_ACQUIRE) != 0)
			io_wait(p, seq);
		else
			pager_wait(p, seq, 10);
	}
	__atomic_fetch_add(&p->stats[PAGEOUT_STAT_stall_ns],
	                   pager_now_ns() - start, __ATOMIC_RELAXED);
}
