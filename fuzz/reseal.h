/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reseal.h -- make the checks of a record right, whatever it says.
 *
 * So that damage gets past them, to those who must live with it.
 */
#ifndef FUZZ_RESEAL_H
#define FUZZ_RESEAL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "record/format.h"

static inline void
reseal(uint8_t *bytes, size_t size)
{
	struct record_header h;
	struct record_chunk chunk;
	size_t at = sizeof(h);

	if (size < sizeof(h))
		return;
	memcpy(&h, bytes, sizeof(h));
	h.check = XXH3_64bits(&h, offsetof(struct record_header, check));
	memcpy(bytes, &h, sizeof(h));
	for (uint32_t n = 0; size - at > sizeof(chunk); n++) {
		memcpy(&chunk, bytes + at, sizeof(chunk));
		chunk.magic = RECORD_CHUNK_MAGIC;
		if (chunk.bytes > size - at - sizeof(chunk))
			chunk.bytes = (uint32_t)(size - at - sizeof(chunk));
		if (chunk.bytes == 0)
			chunk.bytes = 1;
		chunk.check = XXH3_64bits_withSeed(bytes + at + sizeof(chunk),
		                                   chunk.bytes, n);
		memcpy(bytes + at, &chunk, sizeof(chunk));
		at += sizeof(chunk) + chunk.bytes;
	}
}

#endif
