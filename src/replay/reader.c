/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reader.c -- a record's bytes, checked, one number after the other.
 */
#include <string.h>

#include "base/hash.h"
#include "replay/reader.h"

static void
trouble(struct reader *r, enum reader_state state, const char *why)
{
	if (r->state == READER_GOOD) {
		r->state = state;
		r->why = why;
	}
	r->at = r->end = NULL;
}

void
reader_bad(struct reader *r, const char *why)
{
	trouble(r, READER_BAD, why);
}

/* They will be shown. */
static void
make_text(char *text, size_t bytes)
{
	text[bytes - 1] = '\0';
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

bool
reader_open(struct reader *r, const void *bytes, size_t size)
{
	struct record_header *h = &r->header;

	*r = (struct reader){.bytes = bytes, .size = size};
	if (size < sizeof(h->magic) ||
	    memcmp(bytes, RECORD_MAGIC, sizeof(h->magic)) != 0) {
		reader_bad(r, "it is not a record");
		return false;
	}
	if (size < sizeof(*h)) {
		trouble(r, READER_CUT, "it ends in its header");
		return false;
	}
	memcpy(h, bytes, sizeof(*h));
	if (h->version != RECORD_VERSION || h->bytes != sizeof(*h))
		reader_bad(r, "it was written by another version");
	else if (h->check !=
	         XXH3_64bits(h, offsetof(struct record_header, check)))
		reader_bad(r, "its header is damaged");
	make_text(h->policy, sizeof(h->policy));
	make_text(h->program, sizeof(h->program));
	r->next = sizeof(*h);
	return r->state == READER_GOOD;
}

static bool
next_chunk(struct reader *r)
{
	struct record_chunk head;
	size_t left = r->size - r->next;

	if (r->state != READER_GOOD)
		return false;
	if (left < sizeof(head)) {
		trouble(r, READER_CUT, "it ends before its end");
		return false;
	}
	memcpy(&head, r->bytes + r->next, sizeof(head));
	left -= sizeof(head);
	if (head.magic != RECORD_CHUNK_MAGIC || head.bytes == 0 ||
	    head.bytes > RECORD_CHUNK_BYTES_MAX) {
		reader_bad(r, "it is damaged");
		return false;
	}
	if (left < head.bytes) {
		trouble(r, READER_CUT, "it ends before its end");
		return false;
	}
	r->at = r->bytes + r->next + sizeof(head);
	r->end = r->at + head.bytes;
	r->next += sizeof(head) + head.bytes;
	if (head.check != XXH3_64bits_withSeed(r->at, head.bytes, r->chunks++))
		reader_bad(r, "it is damaged");
	return r->state == READER_GOOD;
}

uint8_t
reader_byte(struct reader *r)
{
	if (r->at == r->end && !next_chunk(r))
		return 0;
	return *r->at++;
}

uint64_t
reader_number(struct reader *r)
{
	uint64_t x = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = reader_byte(r);

		if (shift == 63 && byte > 1)
			break;
		x |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0)
			return r->state == READER_GOOD ? x : 0;
	}
	reader_bad(r, "a number in it is too large");
	return 0;
}

uint64_t
reader_below(struct reader *r, uint64_t limit)
{
	uint64_t x = reader_number(r);

	if (x < limit)
		return x;
	reader_bad(r, "a number in it is out of range");
	return 0;
}

uint64_t
reader_hash(struct reader *r)
{
	uint64_t x = 0;

	for (unsigned i = 0; i < 8; i++)
		x |= (uint64_t)reader_byte(r) << (8 * i);
	return x;
}

bool
reader_at_end(const struct reader *r)
{
	return r->at == r->end && r->next == r->size;
}
