/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * disk.c -- what the disk under the swap place can do at all.
 *
 * A direction of a transfer is four threads, each of which takes the next block
 * that nobody has taken; so four transfers are in flight until the last blocks.
 * Threads are as fast here as a ring, and are allowed everywhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/bench.h"
#include "bench/disk.h"

enum {
	BLOCK = 1 << 20,
	DEPTH = 4, /* transfers in flight, each way */
	BUFFER = 2 * DEPTH * BLOCK,
	PROBE_BYTES = 512 << 20,
	PROBE_READS = 2000,
};

/* What the threads of one direction share. */
struct move {
	struct disk *disk;
	bool writes;
	const struct disk_way *way;
	uint64_t blocks;
	atomic_uint_least64_t next; /* block, by the way's order */
	atomic_int error;           /* negative errno */
};

struct mover {
	pthread_t thread;
	struct move *move;
	char *buffer;
};

static int
open_unnamed(const char *folder)
{
	char path[4096];
	int fd = open(folder, O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	if ((size_t)snprintf(path, sizeof(path), "%s/pageout-bench-XXXXXX",
	                     folder) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_DIRECT | O_CLOEXEC);
	if (fd >= 0)
		(void)unlink(path);
	return fd;
}

/* The first word of a page of the file. */
static uint64_t
stamp(uint64_t page)
{
	return mix(~page);
}

static uint64_t *
first_word(char *buffer, uint64_t page)
{
	return (uint64_t *)(void *)(buffer + page * BENCH_PAGE);
}

/* => returns 0, or a negative errno */
static int
write_block(struct disk *d, char *buffer, uint64_t at, size_t bytes)
{
	ssize_t n;

	for (uint64_t i = 0; i < bytes / BENCH_PAGE; i++)
		*first_word(buffer, i) = stamp(at / BENCH_PAGE + i);
	n = pwrite(d->fd, buffer, bytes, (off_t)at);
	if (n != (ssize_t)bytes)
		return n < 0 ? -errno : -EIO;
	atomic_fetch_add(&d->out, bytes / BENCH_PAGE);
	return 0;
}

/* Its first and last page are checked.  => returns 0, or a negative errno */
static int
read_block(struct disk *d, char *buffer, uint64_t at, size_t bytes)
{
	uint64_t page = at / BENCH_PAGE, last = bytes / BENCH_PAGE - 1;
	ssize_t n = pread(d->fd, buffer, bytes, (off_t)at);

	if (n != (ssize_t)bytes)
		return n < 0 ? -errno : -EIO;
	if (*first_word(buffer, 0) != stamp(page) ||
	    *first_word(buffer, last) != stamp(page + last))
		return -EIO;
	atomic_fetch_add(&d->in, last + 1);
	return 0;
}

static void *
mover_main(void *arg)
{
	struct mover *w = arg;
	struct move *m = w->move;
	uint64_t i, at, bytes;
	int e = 0;

	while (e == 0 && (i = atomic_fetch_add(&m->next, 1)) < m->blocks) {
		if (m->way->order != NULL)
			i = m->way->order(i, m->blocks);
		at = i * BLOCK;
		bytes = m->way->bytes - at < BLOCK ? m->way->bytes - at : BLOCK;
		e = m->writes ? write_block(m->disk, w->buffer, at, bytes)
		              : read_block(m->disk, w->buffer, at, bytes);
	}
	if (e < 0)
		atomic_store(&m->error, e);
	return NULL;
}

int
disk_move(struct disk *d, const struct disk_way *in, const struct disk_way *out)
{
	struct move moves[2] = {{.way = in}, {.way = out, .writes = true}};
	struct mover movers[2 * DEPTH];
	int count = 0, error = 0;

	for (int i = 0; i < 2 * DEPTH && error == 0; i++) {
		struct move *m = &moves[i % 2];

		m->disk = d;
		m->blocks = (m->way->bytes + BLOCK - 1) / BLOCK;
		if (m->blocks == 0)
			continue;
		movers[count].move = m;
		movers[count].buffer = d->buffer + (size_t)i * BLOCK;
		error = -pthread_create(&movers[count].thread, NULL, mover_main,
		                        &movers[count]);
		if (error == 0)
			count++;
	}
	while (count > 0)
		(void)pthread_join(movers[--count].thread, NULL);
	for (int i = 0; i < 2 && error == 0; i++)
		error = atomic_load(&moves[i].error);
	return error;
}

int
disk_read_page(struct disk *d, uint64_t page)
{
	static _Thread_local _Alignas(BENCH_PAGE) char buffer[BENCH_PAGE];

	return read_block(d, buffer, page * BENCH_PAGE, BENCH_PAGE);
}

/* => returns 0, or a negative errno */
static int
write_all(struct disk *d)
{
	int r;

	if (ftruncate(d->fd, (off_t)d->bytes) < 0)
		return -errno;
	r = disk_move(d, &(struct disk_way){0},
	              &(struct disk_way){.bytes = d->bytes});
	if (r == 0 && fdatasync(d->fd) < 0)
		r = -errno;
	atomic_store(&d->out, 0);
	return r;
}

int
disk_open(struct disk *d, const char *folder, uint64_t bytes,
          const char **ret_why)
{
	void *p;
	int r;

	*d = (struct disk){.fd = open_unnamed(folder), .bytes = bytes};
	if (d->fd < 0) {
		*ret_why = "no file in the swap folder";
		return -errno;
	}
	p = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE,
	         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		r = -errno;
		(void)close(d->fd);
		*ret_why = "mmap";
		return r;
	}
	d->buffer = p;
	for (uint64_t i = 0; i < BUFFER / sizeof(uint64_t); i++)
		((uint64_t *)p)[i] = mix(i + 1);
	r = write_all(d);
	if (r < 0) {
		disk_close(d);
		*ret_why = "the file cannot be written";
	}
	return r;
}

void
disk_close(struct disk *d)
{
	(void)munmap(d->buffer, BUFFER);
	(void)close(d->fd);
}

/* -- the probe ------------------------------------------------------------- */

/* => returns 0 with MiB a second, or a negative errno */
static int
bandwidth(struct disk *d, const struct disk_way *in, const struct disk_way *out,
          double *ret_mib_s)
{
	uint64_t t = monotonic_ns();
	int r = disk_move(d, in, out);

	*ret_mib_s =
		PROBE_BYTES / 1048576.0 / ((double)(monotonic_ns() - t) / 1e9);
	return r;
}

static int
compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* => returns 0 with the median in microseconds, or a negative errno */
static int
latency(struct disk *d, double *ret_us)
{
	static uint64_t ns[PROBE_READS];
	uint64_t t;
	int r = 0;

	for (uint64_t i = 0; i < PROBE_READS && r == 0; i++) {
		t = monotonic_ns();
		r = disk_read_page(d, mix(i) % (d->bytes / BENCH_PAGE));
		ns[i] = monotonic_ns() - t;
	}
	qsort(ns, PROBE_READS, sizeof(ns[0]), compare_u64);
	t = ns[PROBE_READS / 2];
	*ret_us = (double)t / 1e3;
	return r;
}

int
disk_probe(const char *folder)
{
	const struct disk_way none = {0}, all = {PROBE_BYTES, NULL};
	double read_mib_s = 0, write_mib_s = 0, read_us = 0;
	const char *why = "";
	struct disk d;
	int r = disk_open(&d, folder, all.bytes, &why);

	if (r == 0) {
		r = bandwidth(&d, &none, &all, &write_mib_s);
		if (r == 0)
			r = bandwidth(&d, &all, &none, &read_mib_s);
		if (r == 0)
			r = latency(&d, &read_us);
		disk_close(&d);
		why = "its disk";
	}
	if (r < 0) {
		(void)fprintf(stderr, "bench: %s: %s: %s\n", folder, why,
		              strerror(-r));
		return 1;
	}
	(void)printf("{\"write_mib_s\": %.0f, \"read_mib_s\": %.0f, "
	             "\"read_4k_us\": %.1f}\n",
	             write_mib_s, read_mib_s, read_us);
	return 0;
}
