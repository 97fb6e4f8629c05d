/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * choice.h -- where every decision of a run comes from.
 *
 * A run asks "which one of n?" and "does this one fail?" again and again.  The
 * answers come from a generator that one 64-bit seed starts, or from the bytes
 * that a fuzzer hands in; when the bytes are used up, a fixed seed goes on.  So
 * a run is repeated by its seed or by its file, and both explore the same
 * events.
 */
#ifndef SIM_CHOICE_H
#define SIM_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PPM 1000000u

struct choice {
	uint64_t state;
	const uint8_t *bytes; /* NULL: the generator decides */
	size_t bytes_count, bytes_next;
};

/* A good mix of 64 bits: the output step of splitmix64. */
static inline uint64_t
mix64(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static inline uint64_t
choice_random(struct choice *c)
{
	c->state += 0x9e3779b97f4a7c15u;
	return mix64(c->state);
}

static inline bool
choice_has_bytes(const struct choice *c)
{
	return c->bytes_next < c->bytes_count;
}

/*
 * One of n.
 * => returns 0..n-1; 0 without asking when n is 0 or 1
 */
static inline uint32_t
choice_of(struct choice *c, uint32_t n)
{
	uint32_t x;

	if (n <= 1)
		return 0;
	if (!choice_has_bytes(c))
		return (uint32_t)((choice_random(c) >> 32) * n >> 32);
	x = c->bytes[c->bytes_next++];
	if (n > 256 && choice_has_bytes(c))
		x = x << 8 | c->bytes[c->bytes_next++];
	return x % n;
}

static inline uint32_t
choice_between(struct choice *c, uint32_t low, uint32_t high)
{
	return low + choice_of(c, high - low + 1);
}

/*
 * True in ppm of a million cases.  A byte cannot say less than one in 256.
 */
static inline bool
choice_ppm(struct choice *c, uint32_t ppm)
{
	uint32_t of_256 = ppm * 256 / PPM;

	if (ppm == 0 || ppm >= PPM)
		return ppm != 0;
	if (!choice_has_bytes(c))
		return choice_random(c) % PPM < ppm;
	return c->bytes[c->bytes_next++] >= 256 - (of_256 ? of_256 : 1);
}

#endif
