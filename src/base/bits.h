/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bits.h -- the arithmetic of powers of two, and three macros of C.
 *
 * Everything here is pure and inline.  Alignments are powers of two; a result
 * that does not fit its type is the caller's mistake and is asserted.
 */
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The structure of the given type whose member ptr points at. */
#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline bool
is_power_of_two(uint64_t x)
{
	return x != 0 && (x & (x - 1)) == 0;
}

static inline uint64_t
round_down(uint64_t x, uint64_t align)
{
	should(is_power_of_two(align));
	return x & ~(align - 1);
}

/* => x + align - 1 must fit 64 bits */
static inline uint64_t
round_up(uint64_t x, uint64_t align)
{
	should(x <= UINT64_MAX - (align - 1));
	return round_down(x + (align - 1), align);
}

/* Quotient rounded up; unlike round_up(), of any divisor but 0. */
static inline uint64_t
div_round_up(uint64_t x, uint64_t divisor)
{
	should(divisor != 0);
	return x / divisor + (x % divisor != 0);
}

/*
 * The number of the highest bit set: ilog2(1) is 0, ilog2(4096) is 12.
 * => called with x not 0
 */
static inline unsigned
ilog2(uint64_t x)
{
	should(x != 0);
	return 63u - (unsigned)__builtin_clzll(x);
}

/* The root, rounded down. */
static inline uint64_t
int_sqrt(uint64_t x)
{
	uint64_t root = 0;

	for (int bit = 31; bit >= 0; bit--) {
		uint64_t more = root | (uint64_t)1 << bit;

		if (more * more <= x)
			root = more;
	}
	return root;
}

static inline uint32_t
min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint32_t
max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static inline uint32_t
clamp_u32(uint32_t x, uint32_t low, uint32_t high)
{
	return min_u32(max_u32(x, low), high);
}

/* -- bitmaps -------------------------------------------------------------- */

static inline bool
bitmap_test(const uint64_t *map, uint32_t i)
{
	return map[i / 64] >> (i % 64) & 1;
}

static inline void
bitmap_flip(uint64_t *map, uint32_t i)
{
	map[i / 64] ^= (uint64_t)1 << (i % 64);
}

#endif
