/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * readers.h -- one function for each format: from an input to accesses.
 *
 * Each returns 0 at the end of its input, or a negative errno after
 * build_fail(), whose words name the line or record.
 */
#ifndef TRACE_READERS_H
#define TRACE_READERS_H

#include "trace/build.h"
#include "trace/input.h"

#define TRACE_PAGE_SHIFT 12

typedef int trace_reader(struct input *in, struct build *b);

trace_reader csv_read, lackey_read, oracle_read, record_read;

/* Whether the first bytes of an input are likely to be of a format. */
bool lackey_is_likely(const char *bytes, size_t n);
bool oracle_is_likely(const char *bytes, size_t n);
bool record_is_likely(const char *bytes, size_t n);

/* An input of lines did not give one: the words for r, which is negative. */
int line_fail(const struct input *in, struct build *b, int r);

/*
 * Read a number at *at, up to end: "0x" means hexadecimal, whatever base is.
 * => false: there is none, or it passes 64 bits; else *at is behind it
 */
bool number_read(const char **at, const char *end, unsigned base,
                 uint64_t *ret);

#endif
