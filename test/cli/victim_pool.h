/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * victim_pool.h -- memory that is not there when a system call is given it.
 *
 * Everything that a call is given lies in a pool, over the border of two pages;
 * before each call the pool is driven out of memory by a pass over more than
 * fits.
 */
#ifndef CLI_VICTIM_POOL_H
#define CLI_VICTIM_POOL_H

#include <stddef.h>

/* The pool is filled, from seed POOL_SEED. */
enum { POOL_SEED = 21 };
extern char *pool;
extern size_t pool_bytes;

/* A pool of a quarter of so many bytes, and others of half of them. */
void open_pool(size_t bytes);

/* A place over the border of pages n and n + 1, for so many bytes. */
void *place(size_t n, size_t bytes);
/* The same, and what is there. */
void *placed(size_t n, const void *what, size_t bytes);

/* Drive the pool out. */
void leave(void);

#endif
