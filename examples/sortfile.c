/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sortfile.c -- sort a file in place that is four times as large as memory.
 *
 *	sortfile [FILE]		of 64-bit numbers; without one, a file is made
 *
 * Map the file, sort it as if it were an array, write it back.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pageout/pageout.h>

enum {
	BUDGET = 8 << 20,
	NUMBERS = 4 << 20, /* of eight bytes: 32 MiB */
	BLOCK = 4096,      /* numbers that are read or written at once */
};

/* Exit status 77 says: not here (no user-space faults on this machine). */
static void
check(int r, const char *call)
{
	if (r < 0) {
		(void)fprintf(stderr, "sortfile: %s: %s\n", call, strerror(-r));
		exit(strcmp(call, "pageout_open") == 0 ? 77 : 1);
	}
}

static int
make_file(void)
{
	char name[] = "/var/tmp/sortfile-XXXXXX";
	static uint64_t block[BLOCK];
	uint64_t x = 1;
	int fd = mkstemp(name);

	if (fd < 0 || unlink(name) < 0)
		return -1;
	for (unsigned i = 0; i < NUMBERS / BLOCK; i++) {
		for (unsigned j = 0; j < BLOCK; j++)
			block[j] = x = x * 6364136223846793005u + 1;
		if (write(fd, block, sizeof(block)) != sizeof(block))
			return -1;
	}
	return fd;
}

/* Quicksort: of two parts, the smaller one first. */
static void
sort(uint64_t *a, size_t n)
{
	while (n > 1) {
		uint64_t pivot = a[(n - 1) / 2];
		size_t i = 0, j = n - 1;

		for (;; i++, j--) {
			uint64_t x;

			while (a[i] < pivot)
				i++;
			while (a[j] > pivot)
				j--;
			if (i >= j)
				break;
			x = a[i];
			a[i] = a[j];
			a[j] = x;
		}
		if (j + 1 < n - j - 1) {
			sort(a, j + 1);
			a += j + 1;
			n -= j + 1;
		} else {
			sort(a + j + 1, n - j - 1);
			n = j + 1;
		}
	}
}

/* Read the file, as anybody else would.  => numbers in order */
static size_t
count_sorted(int fd)
{
	static uint64_t block[BLOCK];
	uint64_t last = 0;
	size_t n = 0;
	ssize_t got;

	for (off_t at = 0; (got = pread(fd, block, sizeof(block), at)) > 0;
	     at += got)
		for (size_t i = 0; i < (size_t)got / 8; i++) {
			if (block[i] < last)
				return n;
			last = block[i];
			n++;
		}
	return n;
}

int
main(int argc, char **argv)
{
	int fd = argc > 1 ? open(argv[1], O_RDWR | O_CLOEXEC) : make_file();
	struct pageout *engine;
	struct stat st;
	void *region;
	size_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0) {
		perror("sortfile");
		return 1;
	}
	n = (size_t)st.st_size / 8;
	check(pageout_open(&engine,
	                   &(struct pageout_options){.mem_bytes = BUDGET}),
	      "pageout_open");
	check(pageout_map_file(engine, fd, 0, (size_t)st.st_size, 0, &region),
	      "pageout_map_file");
	sort(region, n);
	check(pageout_sync(engine, region, (size_t)st.st_size), "pageout_sync");
	pageout_close(engine);
	printf("%zu numbers in 8 MiB, %zu of them in order\n", n,
	       count_sorted(fd));
	return count_sorted(fd) == n ? 0 : 1;
}
