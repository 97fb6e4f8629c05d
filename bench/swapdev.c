/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * swapdev.c -- what the file device costs over the bare disk.
 *
 *	swapdev [FOLDER [ROUNDS]]
 *
 * One unnamed file in FOLDER (/var/tmp).  Random reads of a page, one at a
 * time, as a fault does them: by pread(), by transfer, and queued.  Runs of
 * 1 MiB in order, four in flight, as the flusher and read-ahead do them: over
 * a bare ring, and over each back end of the device.  The ways take turns;
 * the table holds the medians of ROUNDS (5).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/clock.h"
#include "os/file/filedev.h"
#include "os/file/uring.h"

enum {
	SLOTS = 131072, /* 512 MiB */
	READS = 2000,   /* random ones, a round */
	DEPTH = 4,
	ROUNDS_MAX = 25,
	RUN_PAGES = SWAPDEV_PAGES_MAX,
	RUN_BYTES = RUN_PAGES * 4096,
};

static char *memory; /* DEPTH runs */
static int fd;
static struct swapdev_file uring_file, thread_file;
static struct uring bare;
static struct swapdev_req reqs[DEPTH];

static void
die(const char *what, int error)
{
	(void)fprintf(stderr, "swapdev: %s: %s\n", what, strerror(-error));
	exit(1);
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
rank(double *values, size_t count, unsigned permille)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count * permille / 1000];
}

/* -- random reads --------------------------------------------------------- */

static struct swapdev_req *
req_set(unsigned i, bool write, uint32_t slot, uint32_t pages, bool scattered)
{
	struct swapdev_req *r = &reqs[i];
	char *at = memory + (size_t)i * RUN_BYTES;

	r->write = write;
	r->slot = slot;
	r->pages = pages;
	r->iov_count = scattered ? pages : 1;
	r->iov[0] = (struct iovec){at, (size_t)pages * 4096};
	for (uint32_t p = 0; scattered && p < pages; p++)
		r->iov[p] = (struct iovec){at + (size_t)(p * 37 % pages) * 4096,
		                           4096};
	return r;
}

static int
read_pread(uint32_t slot)
{
	ssize_t n = pread(fd, memory, 4096, (off_t)slot * 4096);

	return n == 4096 ? 0 : -EIO;
}

static int
read_transfer(uint32_t slot)
{
	return swapdev_transfer(&uring_file.dev,
	                        req_set(0, false, slot, 1, false));
}

static int
read_queued(struct swapdev *d, uint32_t slot)
{
	struct swapdev_req *r = req_set(0, false, slot, 1, false);

	if (swapdev_submit(d, r) != 0 || swapdev_reap(d, -1) != r)
		return -EIO;
	return r->result;
}

static int
read_uring(uint32_t slot)
{
	return read_queued(&uring_file.dev, slot);
}

static int
read_threads(uint32_t slot)
{
	return read_queued(&thread_file.dev, slot);
}

static const struct {
	const char *name;
	int (*read)(uint32_t slot);
} readers[] = {
	{"pread", read_pread},
	{"transfer", read_transfer},
	{"submit, reap: io_uring", read_uring},
	{"submit, reap: threads", read_threads},
};

static void
measure_reads(unsigned rounds)
{
	static double took[ARRAY_SIZE(readers)][ROUNDS_MAX * READS];
	unsigned seed = 1;
	size_t count = 0;

	for (unsigned round = 0; round < rounds; round++)
		for (unsigned i = 0; i < READS; i++, count++)
			for (size_t k = 0; k < ARRAY_SIZE(readers); k++) {
				uint32_t slot = (uint32_t)rand_r(&seed) % SLOTS;
				double start = (double)monotonic_ns() / 1e3;
				int r = readers[k].read(slot);

				if (r < 0)
					die(readers[k].name, r);
				took[k][count] =
					(double)monotonic_ns() / 1e3 - start;
			}
	(void)printf("%-28s %9s %9s %9s\n", "random read of 4 KiB, us", "p50",
	             "p99", "p99.9");
	for (size_t k = 0; k < ARRAY_SIZE(readers); k++)
		(void)printf("%-28s %9.1f %9.1f %9.1f\n", readers[k].name,
		             rank(took[k], count, 500),
		             rank(took[k], count, 990),
		             rank(took[k], count, 999));
}

/* -- runs in order -------------------------------------------------------- */

static void
device_run(struct swapdev *d, bool write, bool scattered)
{
	struct swapdev_req *idle[DEPTH], *next;
	unsigned idles = 0;
	uint32_t slot = 0;

	while (idles < DEPTH) {
		idle[idles] = &reqs[idles];
		idles++;
	}
	while (slot < SLOTS || idles < DEPTH) {
		for (; idles > 0 && slot < SLOTS; slot += RUN_PAGES) {
			unsigned i = (unsigned)(idle[--idles] - reqs);

			(void)swapdev_submit(d, req_set(i, write, slot,
			                                RUN_PAGES, scattered));
		}
		for (struct swapdev_req *r = swapdev_reap(d, -1); r != NULL;
		     r = next) {
			next = r->next;
			if (r->result < 0)
				die("transfer", r->result);
			idle[idles++] = r;
		}
	}
}

static void
bare_run(bool write)
{
	struct uring_done done[DEPTH];
	unsigned flying = 0, ended;
	uint64_t offset = 0, end = (uint64_t)SLOTS * 4096;
	int why = 0;

	while (offset < end || flying > 0) {
		for (; flying < DEPTH && offset < end; flying++) {
			struct iovec v = {memory, RUN_BYTES};

			(void)uring_queue(&bare, -1, write, &v, 1, offset,
			                  NULL);
			offset += RUN_BYTES;
		}
		(void)uring_start(&bare, &why);
		uring_wait(&bare, -1);
		ended = uring_take(&bare, done, DEPTH);
		for (unsigned i = 0; i < ended; i++)
			if (done[i].result != RUN_BYTES)
				die("bare transfer", -EIO);
		flying -= ended;
	}
}

/* One way in order.  => MiB/s */
static double
in_order(int way, bool write)
{
	double start = (double)monotonic_ns() / 1e3;

	if (way == 0)
		bare_run(write);
	else
		device_run(way == 3 ? &thread_file.dev : &uring_file.dev, write,
		           way == 2);
	return (double)SLOTS / 256 /
	       (((double)monotonic_ns() / 1e3 - start) / 1e6);
}

static void
measure_runs(unsigned rounds)
{
	static const char *const names[] = {"bare ring", "device: io_uring",
	                                    "the same, frames scattered",
	                                    "device: threads"};
	double wrote[4][ROUNDS_MAX], took[4][ROUNDS_MAX];

	for (unsigned round = 0; round < rounds; round++)
		for (int way = 0; way < 4; way++) {
			wrote[way][round] = in_order(way, true);
			took[way][round] = in_order(way, false);
		}
	(void)printf("\n%-28s %9s %9s\n", "1 MiB, 4 in flight, MiB/s", "write",
	             "read");
	for (int way = 0; way < 4; way++)
		(void)printf("%-28s %9.0f %9.0f\n", names[way],
		             rank(wrote[way], rounds, 500),
		             rank(took[way], rounds, 500));
}

/* ------------------------------------------------------------------------- */

static void
open_all(const char *folder)
{
	uint64_t *word;
	int r;

	fd = open(folder, O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
	if (fd < 0)
		die(folder, -errno);
	memory = mmap(NULL, DEPTH * (size_t)RUN_BYTES, PROT_READ | PROT_WRITE,
	              MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (memory == MAP_FAILED)
		die("memory", -errno);
	word = (uint64_t *)(void *)memory;
	for (size_t i = 0; i < DEPTH * (size_t)RUN_BYTES / sizeof(*word); i++)
		word[i] = i * 0x9e3779b97f4a7c15u;
	r = uring_open(&bare, fd, FILEDEV_DEPTH);
	if (r == 0)
		r = swapdev_file_open(&uring_file, dup(fd), true, SLOTS, true);
	if (r == 0)
		r = swapdev_file_open(&thread_file, dup(fd), true, SLOTS,
		                      false);
	if (r < 0)
		die("open", r);
	(void)printf("%s: the device runs over %s and %s\n\n", folder,
	             swapdev_file_backend(&uring_file),
	             swapdev_file_backend(&thread_file));
}

int
main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 5;

	if (rounds < 1 || rounds > ROUNDS_MAX) {
		(void)fprintf(stderr, "swapdev: rounds: 1 to %d\n", ROUNDS_MAX);
		return 2;
	}
	filedev_thread_is_own();
	open_all(argc > 1 ? argv[1] : "/var/tmp");
	if (swapdev_grow(&uring_file.dev, SLOTS) < 0)
		die("grow", -ENOSPC);
	device_run(&uring_file.dev, true, false); /* not the first time */
	measure_reads((unsigned)rounds);
	measure_runs((unsigned)rounds);
	swapdev_close(&uring_file.dev);
	swapdev_close(&thread_file.dev);
	uring_close(&bare);
	return 0;
}
