/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * victim.h -- programs to be run in less memory than they use.
 *
 * A case fills memory with words that follow from a seed, the page and the
 * place in the page, does something that programs do, and looks at every word
 * again.  Any other word ends the program with status 1 and a line that says
 * where.  A case must also succeed without pageout: the tests run each both
 * ways.
 */
#ifndef CLI_VICTIM_H
#define CLI_VICTIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAGE = 4096, WORDS = PAGE / 8 };
#define MIB ((size_t)1 << 20)

/* Say what was expected, and exit with status 1. */
_Noreturn void die(const char *what);
#define want(e) ((e) ? (void)0 : die(#e))

void fill(void *p, size_t bytes, uint64_t seed);
void verify(const void *p, size_t bytes, uint64_t seed);
void verify_zero(const void *p, size_t bytes);

/* malloc() and fill() */
void *filled(size_t bytes, uint64_t seed);

struct victim {
	const char *name;
	int (*run)(size_t bytes, const char *argument); /* exit status */
};

extern const struct victim victims_basic[], victims_maps[], victims_forks[],
	victims_threads[], victims_limits[], victims_calls[], victims_signals[];

#endif
