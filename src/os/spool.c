/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spool.c -- bytes that one thread makes and another writes to a file.
 */
#include <limits.h>
#include <linux/futex.h>
#include <time.h>

#include "base/assert.h"
#include "os/raw.h"
#include "os/spool.h"

static uint32_t
load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

/* Count on, and wake who waits for it. */
static void
advance(uint32_t *word)
{
	(void)__atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
	(void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL,
	              0);
}

/* Wait while *word is value, up to ms; -1: for ever. */
static void
await(uint32_t *word, uint32_t value, int ms)
{
	struct timespec ts = {ms / 1000, (long)(ms % 1000) * 1000000};

	(void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value,
	              ms < 0 ? NULL : &ts, NULL, 0);
}

int
spool_open(struct spool *s, int fd)
{
	*s = (struct spool){.fd = fd};
	s->memory = raw_map(SPOOL_BUFFERS * SPOOL_BYTES);
	return s->memory != NULL ? 0 : -ENOMEM;
}

void
spool_close(struct spool *s)
{
	if (s->fd > 0) /* 0: it was never opened */
		raw_close(&s->fd);
	raw_unmap(s->memory, SPOOL_BUFFERS * SPOOL_BYTES);
	s->memory = NULL;
}

bool
spool_idle(const struct spool *s)
{
	return load(&s->given) == load(&s->written);
}

bool
spool_ended(const struct spool *s)
{
	return load(&s->ending) != 0 && spool_idle(s);
}

/* -- the maker ------------------------------------------------------------ */

void *
spool_next(struct spool *s, size_t bytes)
{
	uint32_t n, written;

	must(bytes <= SPOOL_BYTES);
	if (bytes != 0) {
		s->bytes[s->given % SPOOL_BUFFERS] = bytes;
		advance(&s->given);
	}
	n = s->given;
	while (n - (written = load(&s->written)) == SPOOL_BUFFERS)
		await(&s->written, written, -1);
	if (__atomic_load_n(&s->error, __ATOMIC_ACQUIRE) != 0)
		return NULL;
	return s->memory + n % SPOOL_BUFFERS * SPOOL_BYTES;
}

void
spool_drain(struct spool *s)
{
	uint32_t written;

	while ((written = load(&s->written)) != load(&s->given))
		await(&s->written, written, -1);
}

void
spool_end(struct spool *s)
{
	spool_drain(s);
	__atomic_store_n(&s->ending, 1, __ATOMIC_SEQ_CST);
	/* A buffer of no bytes, so that the writer looks. */
	s->bytes[s->given % SPOOL_BUFFERS] = 0;
	advance(&s->given);
}

/* -- the writer ----------------------------------------------------------- */

/* => 0 or a negative errno */
static int
write_all(int fd, const char *at, size_t bytes)
{
	while (bytes > 0) {
		ssize_t n = syscall(SYS_write, fd, at, bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += n;
		bytes -= (size_t)n;
	}
	return 0;
}

bool
spool_write(struct spool *s, int ms, int *ret_error)
{
	uint32_t n = load(&s->written);
	const char *at = s->memory + n % SPOOL_BUFFERS * SPOOL_BYTES;
	int r = 0;

	*ret_error = 0;
	if (load(&s->given) == n)
		await(&s->given, n, ms);
	if (load(&s->given) == n)
		return false;
	if (s->error == 0)
		r = write_all(s->fd, at, s->bytes[n % SPOOL_BUFFERS]);
	if (r < 0) {
		__atomic_store_n(&s->error, r, __ATOMIC_RELEASE);
		*ret_error = r;
	}
	advance(&s->written);
	return true;
}
