/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spin.c -- reads whose threads wait for them awake.
 *
 *	take a ring --> start --> look, look, look --> give it back
 *	                               |        ^
 *	                               '-sleep--'  after SPIN_NS
 *
 * Invariant: a ring that is not taken has nothing queued, in flight or ended.
 */
#include <errno.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "os/file/spin.h"

#define AVERAGE_OF 8                 /* reads, about */
#define TOOK_MAX_NS (2ull * SPIN_NS) /* one late read says little */
#define GAP_NS 1000000u    /* between two looks: somebody had the CPU */
#define REST_NS 200000000u /* then no reads for so long */

struct spin spin = {.limit_ns = SPIN_NS};

static void
close_rings(unsigned count)
{
	while (count > 0)
		uring_close(&spin.rings[--count].uring);
	spin.pid = 0;
}

int
spin_open(void)
{
	if (spin.pid == getpid())
		return 0;
	if (spin.pid != 0)
		close_rings(SPIN_RINGS);
	for (unsigned i = 0; i < SPIN_RINGS; i++) {
		int r = uring_open(&spin.rings[i].uring, -1, 2);

		if (r < 0) {
			close_rings(i);
			return r;
		}
		spin.rings[i].taken = false; /* by a thread of the parent */
	}
	spin.pid = getpid();
	return 0;
}

static struct spin_ring *
take_ring(void)
{
	for (unsigned i = 0; i < SPIN_RINGS; i++) {
		struct spin_ring *at = &spin.rings[i];

		if (!atomic_load_explicit(&at->taken, memory_order_relaxed) &&
		    !atomic_exchange_explicit(&at->taken, true,
		                              memory_order_acquire))
			return at;
	}
	return NULL;
}

static void
give_ring(struct spin_ring *at)
{
	atomic_store_explicit(&at->taken, false, memory_order_release);
}

static bool
is_resting(void)
{
	return atomic_load_explicit(&spin.rest_ns, memory_order_relaxed) >
	       monotonic_ns();
}

static void
rest(uint64_t now)
{
	atomic_store_explicit(&spin.rest_ns, now + REST_NS,
	                      memory_order_relaxed);
}

/* The device is slow when reads take long on average. */
static void
took(uint64_t ns, uint64_t now)
{
	unsigned average =
		atomic_load_explicit(&spin.average_ns, memory_order_relaxed);

	average -= average / AVERAGE_OF;
	average += (unsigned)(ns < TOOK_MAX_NS ? ns : TOOK_MAX_NS) / AVERAGE_OF;
	if (average > SPIN_NS) {
		rest(now);
		average = 0;
	}
	atomic_store_explicit(&spin.average_ns, average, memory_order_relaxed);
}

/* => the result of the only transfer in flight */
static int
await(struct uring *u)
{
	const unsigned limit =
		atomic_load_explicit(&spin.limit_ns, memory_order_relaxed);
	const uint64_t start = monotonic_ns();
	uint64_t now = start;
	struct uring_done done;

	while (uring_take(u, &done, 1) == 0) {
		const uint64_t last = now;

		if (now - start >= limit) {
			uring_wait(u, -1);
			now = monotonic_ns();
			continue;
		}
		now = monotonic_ns();
		if (now - last > GAP_NS)
			rest(now);
	}
	took(now - start, now);
	return done.result;
}

int
spin_read(int fd, const struct iovec *iov, unsigned iov_count, uint64_t offset)
{
	struct spin_ring *at = is_resting() ? NULL : take_ring();
	int result = -EAGAIN, why;
	bool queued;

	if (at == NULL)
		return -EAGAIN;
	queued = uring_queue(&at->uring, fd, false, iov, iov_count, offset,
	                     NULL);
	must(queued);
	if (uring_start(&at->uring, &why) == 1)
		result = await(&at->uring);
	else
		rest(monotonic_ns()); /* the kernel does not take it */
	give_ring(at);
	return result;
}
