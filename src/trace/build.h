/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * build.h -- accesses on their way to a trace; what readers and the generator
 * have in common.
 */
#ifndef TRACE_BUILD_H
#define TRACE_BUILD_H

#include <stddef.h>

#include "trace/trace.h"

#define BUILD_BUFFER 16384

struct build {
	struct trace *trace;
	char *why;
	int fd;
	uint64_t *key;  /* of each page, in order of their first touch */
	uint32_t *slot; /* open hash table: page + 1, or 0 */
	uint32_t slots; /* a power of two, more than twice the pages */
	uint32_t last;  /* the page of the last access */
	uint32_t buffered;
	uint32_t buffer[BUILD_BUFFER];
};

/* => 0 or a negative errno, as all below; what it says is in b->why */
int build_start(struct build *b, struct trace *t, char *why);

int build_add(struct build *b, uint64_t key, bool write);

/* All are told: give t its accesses, numbered by key. */
int build_end(struct build *b);

/* After build_start(), whatever has failed. */
void build_free(struct build *b);

/* Say why it fails.  => error */
int build_fail(struct build *b, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Text from a file, fit to be shown: at most 40 characters of it. */
struct shown {
	char text[48];
};
struct shown shown(const char *text, size_t n);

/* A file without a name for what would be too large for memory.  => fd */
int scratch_open(char *why);

#endif
