/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * disk.h -- bare I/O to a file in the swap folder, around the page cache.
 *
 * What the disk can do at all: nobody who swaps to it is faster.  All blocks of
 * the file are written before anything is measured, since a disk may look for
 * room when a block is written first.  Every page is incompressible and begins
 * with a word that tells where it belongs; what is read is checked by it.
 */
#ifndef BENCH_DISK_H
#define BENCH_DISK_H

#include <stdatomic.h>
#include <stdint.h>

struct disk {
	int fd;
	uint64_t bytes;                /* of the file */
	char *buffer;                  /* of all transfers in flight */
	atomic_uint_least64_t in, out; /* pages, since it was opened */
};

/*
 * Make an unnamed file of that many bytes, which are whole pages.
 * => returns 0, or a negative errno with *ret_why half a sentence
 */
int disk_open(struct disk *d, const char *folder, uint64_t bytes,
              const char **ret_why);
void disk_close(struct disk *d);

/* One direction of a transfer, 1 MiB at a time, four at once. */
struct disk_way {
	uint64_t bytes; /* from the file's start; 0: none */
	uint64_t (*order)(uint64_t i, uint64_t count); /* the i-th of so many;
	                                                  NULL: in order */
};

/*
 * Both directions at once.
 * => returns 0 when both have ended, or a negative errno
 */
int disk_move(struct disk *d, const struct disk_way *in,
              const struct disk_way *out);

/* Read one page.  => returns 0, or a negative errno; any thread may call it */
int disk_read_page(struct disk *d, uint64_t page);

/* Measure the disk under a folder and print a line of JSON.  => exit status */
int disk_probe(const char *folder);

#endif
