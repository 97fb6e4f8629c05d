/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pin.c -- inline mode, and buffers for system calls.
 *
 * In inline mode the thread that touches an absent page serves itself, which
 * is much faster; but the kernel cannot do that for itself.  So a range is
 * pinned while the kernel uses it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pageout/pageout.h>

enum {
	BUDGET = 8 << 20,
	BYTES = 64 << 20,
	BUFFER = 64 << 10,
};

static void
check(int r, const char *call)
{
	if (r < 0) {
		(void)fprintf(stderr, "pin: %s: %s\n", call, strerror(-r));
		exit(strcmp(call, "pageout_open") == 0 ? 77 : 1);
	}
}

/* Read the start of a file into managed memory.  => bytes read */
static ssize_t
read_pinned(struct pageout *engine, int fd, char *buffer)
{
	ssize_t n;

	check(pageout_pin(engine, buffer, BUFFER), "pageout_pin");
	n = pread(fd, buffer, BUFFER, 0);
	if (n < 0)
		check(-errno, "pread");
	check(pageout_unpin(engine, buffer, BUFFER), "pageout_unpin");
	return n;
}

int
main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "/proc/self/exe";
	struct pageout *engine;
	static char expected[BUFFER];
	char *region;
	void *start;
	ssize_t n;
	int fd;

	check(pageout_open(&engine,
	                   &(struct pageout_options){
				   .mem_bytes = BUDGET,
				   .mode = PAGEOUT_MODE_INLINE,
			   }),
	      "pageout_open");
	check(pageout_map(engine, BYTES, 0, &start), "pageout_map");
	region = start;

	/* Eight times the budget: most of it is on swap afterwards. */
	memset(region, 'x', BYTES);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		check(-errno, path);
	n = read_pinned(engine, fd, region);

	if (pread(fd, expected, BUFFER, 0) != n ||
	    memcmp(region, expected, (size_t)n) != 0 || region[BUFFER] != 'x' ||
	    region[BYTES - 1] != 'x') {
		(void)fprintf(stderr, "pin: contents are wrong\n");
		return 1;
	}
	printf("%zd bytes of %s read into managed memory: right\n", n, path);
	(void)close(fd);
	pageout_close(engine);
	return 0;
}
