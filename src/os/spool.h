/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spool.h -- bytes that one thread makes and another writes to a file.
 *
 *	maker --spool_next()--> | full | full | being written | --> file
 *	      <--empty buffer--                    ^ spool_write()
 *
 * The maker waits only when the file is slower for a whole round of buffers.
 * After an error nothing more is written, and the maker hears of it.
 */
#ifndef OS_SPOOL_H
#define OS_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_BUFFERS 4u
#define SPOOL_BYTES ((size_t)256 << 10) /* of one buffer */

/* (C) constant; (M) the maker's; (W) the writer's; (A) atomic. */
struct spool {
	int fd;                      /* (C) */
	char *memory;                /* (C) */
	size_t bytes[SPOOL_BUFFERS]; /* the maker's, then the writer's */
	uint32_t given;              /* (A) futex: buffers that are full */
	uint32_t written;            /* (A) futex: of those, done with */
	uint32_t ending;             /* (A) */
	int error;                   /* (A) errno, negative */
};

/* => 0 or -ENOMEM; fd is the spool's then */
int spool_open(struct spool *s, int fd);

/* => no thread uses it any more */
void spool_close(struct spool *s);

/*
 * Maker: bytes of the current buffer are full; have the next one.  With bytes
 * 0 it is the current one.
 * => returns NULL after an error
 */
void *spool_next(struct spool *s, size_t bytes);

/* Maker: wait until all is written. */
void spool_drain(struct spool *s);

/* Maker: the writer shall end when all is written. */
void spool_end(struct spool *s);

/* Nothing waits to be written; and nothing will come any more. */
bool spool_idle(const struct spool *s);
bool spool_ended(const struct spool *s);

/*
 * Writer: write one buffer; wait for it up to ms.
 * => false: there was none.  *ret_error: of the first error, once; else 0
 */
bool spool_write(struct spool *s, int ms, int *ret_error);

#endif
