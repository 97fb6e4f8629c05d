/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * disk.c -- what the disk under the swap place can do at all.
 *
 * An unnamed file, written and read around the page cache: bandwidth with four
 * threads of 1 MiB each, and the time of one 4 KiB read at a random place.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/bench.h"

enum {
	BLOCK = 1 << 20,
	BLOCKS = 512,
	THREADS = 4,
	READS = 2000,
};

struct mover {
	pthread_t thread;
	int fd;
	int first; /* block; then every THREADS-th */
	bool writes;
	char *buffer;
	int error;
};

static int
open_unnamed(const char *folder)
{
	char path[4096];
	int fd = open(folder, O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	if ((size_t)snprintf(path, sizeof(path), "%s/pageout-bench-XXXXXX",
	                     folder) >= sizeof(path))
		return -1;
	fd = mkostemp(path, O_DIRECT | O_CLOEXEC);
	if (fd >= 0)
		(void)unlink(path);
	return fd;
}

static void *
mover_main(void *arg)
{
	struct mover *m = arg;

	for (int i = m->first; i < BLOCKS; i += THREADS) {
		off_t at = (off_t)i * BLOCK;
		ssize_t n = m->writes ? pwrite(m->fd, m->buffer, BLOCK, at)
		                      : pread(m->fd, m->buffer, BLOCK, at);

		if (n != BLOCK) {
			m->error = n < 0 ? errno : EIO;
			break;
		}
	}
	return NULL;
}

/* => returns MiB a second, or a negative number and errno */
static double
bandwidth(int fd, char *buffer, bool writes)
{
	struct mover movers[THREADS];
	uint64_t t = monotonic_ns();
	int error = 0;

	for (int i = 0; i < THREADS; i++) {
		char *block = buffer + (size_t)i * BLOCK;

		movers[i] = (struct mover){.fd = fd,
		                           .first = i,
		                           .writes = writes,
		                           .buffer = block};
		error = pthread_create(&movers[i].thread, NULL, mover_main,
		                       &movers[i]);
		if (error != 0)
			exit(1);
	}
	for (int i = 0; i < THREADS; i++) {
		(void)pthread_join(movers[i].thread, NULL);
		if (movers[i].error != 0)
			error = movers[i].error;
	}
	errno = error;
	return error != 0 ? -1 : BLOCKS / ((double)(monotonic_ns() - t) / 1e9);
}

static int
compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* => returns the median in microseconds, or a negative number and errno */
static double
latency_us(int fd, char *buffer)
{
	static uint64_t ns[READS];
	uint64_t x = 88172645463325252u, t;

	for (int i = 0; i < READS; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		t = monotonic_ns();
		if (pread(fd, buffer, BENCH_PAGE,
		          (off_t)(x % ((uint64_t)BLOCKS * BLOCK / BENCH_PAGE) *
		                  BENCH_PAGE)) != BENCH_PAGE)
			return -1;
		ns[i] = monotonic_ns() - t;
	}
	qsort(ns, READS, sizeof(ns[0]), compare_u64);
	t = ns[READS / 2];
	return (double)t / 1e3;
}

int
disk_probe(const char *folder)
{
	double read_mib_s, write_mib_s, read_us;
	char *buffer;
	int fd = open_unnamed(folder);

	buffer = mmap(NULL, (size_t)THREADS * BLOCK, PROT_READ | PROT_WRITE,
	              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || buffer == MAP_FAILED) {
		(void)fprintf(stderr, "bench: %s: %s\n", folder,
		              strerror(errno));
		return 1;
	}
	for (size_t i = 0; i < (size_t)THREADS * BLOCK; i++)
		buffer[i] = (char)(i * 2654435761u >> 13);
	write_mib_s = bandwidth(fd, buffer, true);
	if (write_mib_s > 0)
		write_mib_s = bandwidth(fd, buffer, true); /* allocated now */
	read_mib_s = write_mib_s > 0 ? bandwidth(fd, buffer, false) : -1;
	read_us = read_mib_s > 0 ? latency_us(fd, buffer) : -1;
	if (read_us < 0) {
		(void)fprintf(stderr, "bench: %s: %s\n", folder,
		              strerror(errno));
		return 1;
	}
	(void)printf("{\"write_mib_s\": %.0f, \"read_mib_s\": %.0f, "
	             "\"read_4k_us\": %.1f}\n",
	             write_mib_s, read_mib_s, read_us);
	return 0;
}
