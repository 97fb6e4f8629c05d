/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.h -- which pages a program touched, in order, from wherever it is told.
 *
 *	file, pipe --reader--> key, write?              4 bytes an access, in
 *	generator -----------> key, write? --builder--> a file without a name
 *	                                                       |
 *	                                 pages numbered by key v
 *	                                                  struct trace
 *
 * A key is what a format knows a page by: its address shifted, or the id of an
 * object.  When all is read the pages are numbered in the order of their keys;
 * neighbours stay neighbours, and between those that were none one number stays
 * unused.  So what a trace gives does not depend on the format that it came in.
 *
 * Memory grows with the pages that are touched, some 40 bytes each while a
 * trace is read, never with the accesses: those are mapped from a file in
 * $TMPDIR (or /var/tmp), and the kernel takes their pages back as it likes.
 */
#ifndef TRACE_TRACE_H
#define TRACE_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define TRACE_WHY_BYTES 320
#define TRACE_PAGES_MAX (1u << 26)          /* 256 GiB of pages */
#define TRACE_ACCESSES_MAX (UINT32_MAX - 1) /* so that a time is 32 bits */
#define TRACE_NEVER UINT32_MAX

struct trace {
	const uint32_t *access; /* page << 1 | it writes */
	uint64_t accesses;
	uint32_t pages;       /* that are touched */
	uint32_t numbers;     /* all page numbers are below */
	uint64_t writes;      /* accesses that write */
	const uint32_t *next; /* trace_next(): for each access, the number of
	                         the next one of its page, or TRACE_NEVER */
};

static inline uint32_t
access_page(uint32_t access)
{
	return access >> 1;
}

/*
 * Read a trace.
 * => path "-" is standard input; format is a name of trace_formats(), or NULL:
 *    by contents
 * => returns 0; or a negative errno, and why: half a sentence that says what,
 *    where, and what to do
 */
int trace_read(struct trace *t, const char *path, const char *format,
               char why[static TRACE_WHY_BYTES]);

/*
 * Make one: "PATTERN" or "PATTERN:NAME=VALUE,...", see generate.h.
 * => as trace_read(); -EINVAL: the words are wrong
 */
int trace_generate(struct trace *t, const char *spec,
                   char why[static TRACE_WHY_BYTES]);

/* Set t->next, for the optimum: as large on disk as the accesses.  => as
 * above */
int trace_next(struct trace *t, char why[static TRACE_WHY_BYTES]);

void trace_close(struct trace *t);

/* The i-th format, or pattern, with a line about it.  => NULL: no more */
const char *trace_format_name(unsigned i, const char **ret_help);
const char *trace_pattern_name(unsigned i, const char **ret_help);

#endif
