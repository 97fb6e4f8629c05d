/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place.h -- a swap place that is being looked at and opened.
 *
 *	swapfile.c	which place; and its parts for the nodes
 *	directory.c	a directory, where a file without a name is made
 *	kept.c		what is there already: a block device, a swap file
 *	place.c		what all of them need: refusals, sizes, a trial
 *
 * The place is looked at through one descriptor, from the first question to
 * the last: a path that changes meanwhile changes nothing.
 *
 * A refusal says what, why, and what to do about it, for a person who gave the
 * path and knows nothing of what happens here.
 */
#ifndef PAGER_SWAP_PLACE_H
#define PAGER_SWAP_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "pager/pager.h"

#define IO_BYTES 4096u
#define NODE_BYTES_MIN (UINT64_C(2) * IO_BYTES) /* page 0 is never used */

struct swapplace {
	struct pager_swapfile *file;
	char *reason;
	int at;         /* O_PATH descriptor of it */
	struct stat st; /* of at */
	bool is_named;  /* by the user: memory is allowed */
	bool is_memory;
	uint64_t room; /* bytes that could be had */
};

/* Say why not.  => returns error */
__attribute__((format(printf, 3, 4))) int
place_refuse(struct swapplace *p, int error, const char *format, ...);

/*
 * Settle file->bytes: what is wanted; or as much as is sensible of what may be
 * taken of a room that others need, too.
 */
int place_take(struct swapplace *p, uint64_t bytes);
int place_choose(struct swapplace *p, uint64_t share);

/* All of the room that can be used: what place_take() will not refuse. */
uint64_t place_most(const struct swapplace *p);

uint64_t place_ram_bytes(void);

/*
 * Set O_DIRECT if it works, and see that the place works at all.
 *
 *	may_write	page 1 may be written; else it is read
 *
 * => -EBUSY: the kernel swaps to the file
 */
int place_try(struct swapplace *p, bool may_write);

/*
 * Open a place of this kind, with a size of bytes, or 0: to be chosen.
 * => file is set; on a failure file->fd may be open
 */
int directory_open(struct swapplace *p, uint64_t bytes);
int block_open(struct swapplace *p, uint64_t bytes);
int keptfile_open(struct swapplace *p, uint64_t bytes);

#endif
