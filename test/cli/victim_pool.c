/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * victim_pool.c -- memory that is not there when a system call is given it.
 */
#include <string.h>

#include "test/cli/victim.h"
#include "test/cli/victim_pool.h"

enum { OTHERS_SEED = 22 };

char *pool;
size_t pool_bytes;
static char *others;
static size_t others_bytes;

void
open_pool(size_t bytes)
{
	pool_bytes = bytes / 4;
	others_bytes = bytes / 2;
	pool = filled(pool_bytes, POOL_SEED);
	others = filled(others_bytes, OTHERS_SEED);
}

void *
place(size_t n, size_t bytes)
{
	uintptr_t first = ((uintptr_t)pool + PAGE - 1) & ~(uintptr_t)(PAGE - 1);

	return (char *)first + (n + 1) * PAGE - (bytes / 2 & ~(size_t)7);
}

void *
placed(size_t n, const void *what, size_t bytes)
{
	return memcpy(place(n, bytes), what, bytes);
}

void
leave(void)
{
	verify(others, others_bytes, OTHERS_SEED);
}
