/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * input.h -- bytes of a file or a pipe, a part at a time.
 */
#ifndef TRACE_INPUT_H
#define TRACE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INPUT_BYTES (1u << 18)

struct input {
	int fd;
	bool ended;     /* what is in bytes is the last */
	size_t at, end; /* of bytes: read, and not used yet */
	uint64_t line;  /* the number of the last input_line() */
	int scratch;    /* a copy of what cannot be mapped, or -1 */
	void *map;      /* input_map() */
	size_t map_bytes;
	char bytes[INPUT_BYTES];
};

/* => 0 or a negative errno; path "-" is standard input */
int input_open(struct input *in, const char *path);
void input_close(struct input *in);

/*
 * Have at least want bytes to look at, if there are so many.
 * => 0 or a negative errno
 */
int input_fill(struct input *in, size_t want);

/*
 * The next line, without its end.
 * => 1; 0 at the end; -E2BIG: it has no end for very long; another errno
 */
int input_line(struct input *in, const char **ret_line, size_t *ret_bytes);

/*
 * All of it, in memory that is mapped.  Nothing has been used yet.
 * => 0 or a negative errno, then why may say what
 */
int input_map(struct input *in, char *why);

#endif
