/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oracle.c -- libCacheSim's oracleGeneral: a record an access, no header.
 *
 *	uint32 time		seconds.  Not used: some traces are of several
 *				clocks, and theirs go back now and then
 *	uint64 id		of the object: here it is one page
 *	uint32 size		of the object, in bytes: not used
 *	int64 next access	number of the next access, -1 or the largest
 *				int64: none.  Not used: the optimum looks itself
 *
 * All little-endian, 24 bytes without holes.  It does not say who writes.
 */
#include <errno.h>
#include <string.h>

#include "trace/readers.h"

#define RECORD_BYTES 24
#define LOOK_AT 16 /* records, when it is to be recognised */
#define BACK_MAX 4 /* of them, whose time goes back */

struct object {
	uint32_t time, bytes;
	uint64_t id;
	int64_t next;
};

static struct object
object_of(const char *at)
{
	struct object o;

	memcpy(&o.time, at, 4);
	memcpy(&o.id, at + 4, 8);
	memcpy(&o.bytes, at + 12, 4);
	memcpy(&o.next, at + 16, 8);
	return o;
}

bool
oracle_is_likely(const char *bytes, size_t n)
{
	uint32_t time = 0;
	unsigned back = 0;

	for (size_t i = 0; i < LOOK_AT && (i + 1) * RECORD_BYTES <= n; i++) {
		struct object o = object_of(bytes + i * RECORD_BYTES);

		if (o.next < -1 ||
		    (o.next >= 0 && o.next < INT64_MAX && o.next >> 40 != 0))
			return false;
		back += o.time < time;
		time = o.time;
	}
	return n >= RECORD_BYTES && back <= BACK_MAX;
}

int
oracle_read(struct input *in, struct build *b)
{
	uintmax_t n = 1;
	int r;

	for (;; n++) {
		struct object o;

		r = input_fill(in, RECORD_BYTES);
		if (r < 0)
			return build_fail(b, r, "%s, in record %ju",
			                  strerror(-r), n);
		if (in->end - in->at < RECORD_BYTES)
			break;
		o = object_of(in->bytes + in->at);
		in->at += RECORD_BYTES;
		if (o.next < -1)
			return build_fail(b, -EINVAL,
			                  "record %ju: its next access is "
			                  "negative; it is damaged, or no "
			                  "oracleGeneral trace",
			                  n);
		r = build_add(b, o.id, false);
		if (r < 0)
			return r;
	}
	if (in->at != in->end)
		return build_fail(b, -EINVAL,
		                  "record %ju is cut off: %zu bytes of 24; the "
		                  "file is not whole",
		                  n, in->end - in->at);
	return 0;
}
