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
#include "base/clock.h"
#include "os/file/filedev.h"
#include "pager/internal.h"

#define PULSE_MS 100
#define PULSE_IDLE_MS 1000
#define GROW_SLOTS FILEDEV_GROW_SLOTS
#define GROW_RETRY_NS 5000000000ull
#define REBIND_PULSES 10 /* of kswapd: so often CPUs are looked at */
#define WRITES_MAX 16    /* operations in flight; more only delays reads */

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
daemon_ask(struct node *n, enum daemon who)
{
	word_ask(&n->asked[who]);
}

static bool
stopping(const struct node *n)
{
	return __atomic_load_n(&n->pager->stopping, __ATOMIC_ACQUIRE) != 0;
}

static void
daemon_sleep(struct node *n, enum daemon who, int ms)
{
	word_sleep(&n->asked[who], stopping(n) ? 0 : ms);
}

static uint32_t
writes(const struct node *n)
{
	return __atomic_load_n(&n->writes, __ATOMIC_ACQUIRE);
}

/* A turn of one daemon.  => true when another would find work */
static bool
turn(struct node *n, bool (*step)(struct core *, struct batch *))
{
	struct batch b = {0};
	bool more = false;

	node_lock(n);
	if (n->frozen == 0)
		more = step(n->core, &b);
	node_unlock(n);
	node_perform(n, &b);
	return more;
}

/* -- the swap file grows -------------------------------------------------- */

/*
 * Make more of the swap file exist before it is needed, so that a full file
 * system is met here and not by a write.
 */
static void
swap_grow(struct node *n)
{
	uint64_t now = monotonic_ns();
	uint32_t left, slots;
	int r;

	node_lock(n);
	left = core_swap_free(n->core);
	node_unlock(n);
	if (left >= GROW_SLOTS || n->swap_ready == n->swap_slots ||
	    now < n->grow_retry_ns)
		return;
	slots = min_u32(n->swap_ready + GROW_SLOTS, n->swap_slots);
	r = swapdev_grow(n->dev[DEV_WRITE], n->swap_first + slots);
	if (r < 0) {
		n->grow_retry_ns = now + GROW_RETRY_NS;
		pager_say_once(n->pager, &n->said_full, PAGEOUT_LOG_WARNING,
		               r == -EFBIG
		                       ? "the swap file cannot be larger: "
		                         "raise the limit for files "
		                         "(ulimit -f)"
		                       : "the swap file cannot grow: its file "
		                         "system is full; memory and what "
		                         "there is of the swap file is all "
		                         "that programs get");
		return;
	}
	n->swap_ready = slots;
	node_lock(n);
	tap_swap_grown(n->core, 0, slots);
	node_unlock(n);
}

/* -- the three ------------------------------------------------------------ */

/* What a turn of kswapd may need, or should know. */
static void
kswapd_prepare(struct node *n)
{
	swap_grow(n);
	caches_tell(n);
	copies_give_back(n);
}

/* CPUs come and go, and the kernel unbinds whoever has lost his last. */
static void
kswapd_rebind(struct node *n)
{
	if (n->pager->node_count == 1)
		return;
	node_deal_cpus(n);
	node_bind_thread(n);
}

void
kswapd(void *ctx)
{
	struct node *n = ctx;

	filedev_thread_is_own();
	for (unsigned pulse = 0; !stopping(n); pulse++) {
		if (pulse % REBIND_PULSES == 0)
			kswapd_rebind(n);
		kswapd_prepare(n);
		while (turn(n, tap_kswapd) && !stopping(n))
			kswapd_prepare(n);
		daemon_sleep(n, DAEMON_KSWAPD, PULSE_MS);
	}
}

void
kreclaimd(void *ctx)
{
	struct node *n = ctx;

	filedev_thread_is_own();
	while (!stopping(n)) {
		while (turn(n, tap_kreclaimd) && !stopping(n))
			;
		daemon_sleep(n, DAEMON_KRECLAIMD, PULSE_IDLE_MS);
	}
}

/*
 * The flusher keeps some writes in flight and waits for one to end; with none
 * it sleeps.
 */
void
flusher(void *ctx)
{
	struct node *n = ctx;

	filedev_thread_is_own();
	while (!stopping(n)) {
		struct batch b = {0};

		while (writes(n) < WRITES_MAX && turn(n, tap_flush))
			;
		if (writes(n) != 0)
			(void)io_reap(n, DEV_WRITE, PULSE_MS, &b);
		else
			daemon_sleep(n, DAEMON_FLUSHER, PULSE_MS);
		node_perform(n, &b);
	}
}

/* There is no kswapd: one fault at a time does its work. */
static void
stand_in(struct node *n)
{
	if (__atomic_exchange_n(&n->standing_in, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	kswapd_prepare(n);
	(void)turn(n, tap_kswapd);
	__atomic_store_n(&n->standing_in, 0, __ATOMIC_RELEASE);
}

void
reclaim_for_fault(struct node *n, struct batch *b)
{
	uint32_t seq = pulse_now(&n->pager->ended);
	uint64_t start = monotonic_ns();
	bool idle;

	if (n->threads[DAEMON_KSWAPD].run == NULL)
		stand_in(n);
	node_lock(n);
	if (n->frozen == 0)
		(void)tap_reclaim_direct(n->core, b);
	node_unlock(n);
	idle = b->first == NULL;
	node_perform(n, b);
	/* Reads ahead hold frames, and perhaps nobody else reaps them. */
	if (io_reap(n, DEV_READ, 0, b)) {
		node_perform(n, b);
	} else if (idle) {
		daemon_ask(n, DAEMON_KSWAPD);
		daemon_ask(n, DAEMON_FLUSHER);
		if (__atomic_load_n(&n->reads, __ATOMIC_ACQUIRE) != 0)
			io_wait(n, &n->pager->ended, seq);
		else
			pulse_wait(&n->pager->ended, seq, 10);
	}
	__atomic_fetch_add(&n->stats[PAGEOUT_STAT_stall_ns],
	                   monotonic_ns() - start, __ATOMIC_RELAXED);
}
