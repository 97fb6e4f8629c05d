/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reader.h -- a record's bytes, checked, one number after the other.
 *
 * Nothing that the bytes say is believed before its check is right, and nothing
 * that is read is used before its range is right.  The first trouble is kept;
 * all that is read after it is 0.
 */
#ifndef REPLAY_READER_H
#define REPLAY_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/format.h"

enum reader_state {
	READER_GOOD,
	READER_CUT, /* the bytes end where more should follow */
	READER_BAD
};

struct reader {
	const uint8_t *bytes;
	size_t size, next;       /* where the next chunk begins */
	const uint8_t *at, *end; /* of the chunk that is being read */
	uint32_t chunks;
	enum reader_state state;
	const char *why; /* not GOOD: a few words */
	struct record_header header;
};

/* => false: it is no record of ours; r->why says why */
bool reader_open(struct reader *r, const void *bytes, size_t size);

uint8_t reader_byte(struct reader *r);
uint64_t reader_number(struct reader *r);
uint64_t reader_hash(struct reader *r);

/* A number below limit; else the record is bad. */
uint64_t reader_below(struct reader *r, uint64_t limit);

/* No chunk follows. */
bool reader_at_end(const struct reader *r);

/* What was read makes no sense. */
void reader_bad(struct reader *r, const char *why);

#endif
