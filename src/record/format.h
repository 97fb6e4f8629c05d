/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * format.h -- a record: what a core was told, and what it decided.
 *
 *	header  chunk  chunk ... chunk
 *
 * All integers are little-endian.  A chunk is a struct record_chunk and its
 * bytes; the bytes of all chunks together are one stream, which events cross
 * chunks in.  Header and chunks carry a check each (XXH3 of 64 bits; that of a
 * chunk is seeded with its number), so damage is found before it is believed.
 *
 * A number in the stream is a varint: 7 bits a byte, lowest first, bit 7 set in
 * all but the last; at most 10 bytes.  Signed ones are folded, 0 -1 1 -2 ... to
 * 0 1 2 3 ...  An event is
 *
 *	kind		1 byte, enum event_kind
 *	arguments	as events.def counts them
 *	results		of op_done: see below
 *	items		1 byte each, enum record_item, in the order in which
 *			they happened, up to ITEM_END
 *	value		that was returned, signed
 *	count		of operations appended (adopt: the extended one first)
 *	decisions	DECISION_FIELDS numbers each
 *
 * Results are one byte that says whether any page failed; if so an error for
 * each page, signed; then for each page without an error of an OP_READ its hash
 * (8 bytes), before it, of a file's page, a byte, 1 when it is partial; of an
 * OP_UNMAP that does not discard a byte, 1 for zeros, or 0 and
 * its hash.  An OP_POPULATE has one result.
 *
 * The stream ends with EVENT_END, how many events there were, the hash over all
 * decisions (8 bytes), and the statistics: their count and each of them.  A
 * record that does not end so was cut off: the program was killed, or the disk
 * was full.
 */
#ifndef RECORD_FORMAT_H
#define RECORD_FORMAT_H

#include <stdint.h>

#define RECORD_MAGIC "pgrecord"
#define RECORD_VERSION 9
#define RECORD_CHUNK_MAGIC 0x4b484350u /* "PCHK" */
#define RECORD_CHUNK_BYTES_MAX (1u << 20)

struct record_header {
	char magic[8];
	uint32_t version;
	uint32_t bytes; /* of the header */
	uint32_t frames_total, ops_total, spaces, areas_max;
	uint32_t zone_frames[4];
	uint32_t ra_pages_max, unmap_batch;
	uint64_t patience_ns, seed;
	char policy[24];
	uint32_t tunable[16];
	char program[16]; /* version of the program that recorded */
	uint64_t check;   /* of all before */
};

struct record_chunk {
	uint32_t magic;
	uint32_t bytes; /* that follow */
	uint64_t check; /* of them */
};

_Static_assert(sizeof(struct record_header) == 184, "no holes");
_Static_assert(sizeof(struct record_chunk) == 16, "no holes");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the structs are the format");

enum record_item {
	ITEM_END,
	ITEM_NOW,      /* now_ns(): nanoseconds since the last one, signed */
	ITEM_TABLE,    /* table_alloc() gave a table */
	ITEM_NO_TABLE, /* it did not */
	ITEM_WAKE,     /* wake(0); wake(1) is the next number, and so on */
};

/* Signed numbers, so that small ones are short. */
static inline uint64_t
record_fold(int64_t x)
{
	return (uint64_t)x << 1 ^ (0 - (uint64_t)(x < 0));
}

static inline int64_t
record_unfold(uint64_t x)
{
	return (int64_t)(x >> 1 ^ (0 - (x & 1)));
}

#endif
