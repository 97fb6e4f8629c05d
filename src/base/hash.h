/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash.h -- what a page holds, in 64 bits; and whether it holds anything.
 *
 * The hash decides two things: whether the copy of a page on a device is still
 * good, so that the page may be dropped without writing it; and whether what a
 * device gave back is what was given to it.  For the second it is seeded with
 * the name of the page -- area and index -- so that the right bytes of the
 * wrong page do not pass.  It is XXH3: fast and well mixed, but no protection
 * against somebody who writes to the device on purpose.
 *
 * Both functions read exactly PAGE_BYTES and want them aligned to 8 bytes.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define PAGE_BYTES 4096u /* as in core/core.h */

/*
 * One seed from the two numbers.  For one area it is a permutation of the
 * page numbers: two pages of an area never share a seed.
 */
static inline uint64_t
page_seed(uint64_t area_id, uint64_t page_index)
{
	uint64_t seed = area_id * 0x9e3779b97f4a7c15u;

	seed ^= seed >> 32;
	seed = (seed + page_index) * 0xbf58476d1ce4e5b9u;
	return seed ^ seed >> 29;
}

/* Any value may be returned, 0 among them. */
static inline uint64_t
page_hash(uint64_t area_id, uint64_t page_index, const void *page)
{
	return XXH3_64bits_withSeed(page, PAGE_BYTES,
	                            page_seed(area_id, page_index));
}

/*
 * A page that is not zero nearly always says so in its first words; one that
 * is must be read to the end, a vector at a time.
 */
static inline bool
page_is_zero(const void *page)
{
	typedef uint64_t __attribute__((may_alias)) word;
	enum { STEP_WORDS = 32 };
	const word *w = page;
	const word *end = w + PAGE_BYTES / sizeof(*w);

	if ((w[0] | w[1]) != 0)
		return false;
	for (; w < end; w += STEP_WORDS) {
		uint64_t any = 0;

		for (size_t i = 0; i < STEP_WORDS; i++)
			any |= w[i];
		if (any != 0)
			return false;
	}
	return true;
}

#endif
