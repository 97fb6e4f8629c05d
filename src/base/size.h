/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * size.h -- sizes and times as people write and read them.
 *
 * A size is a decimal number and a unit: 4096, 64M, 1.5G, 512KiB, 25%.  Units
 * are powers of 1024 whatever their spelling (K = KB = KiB), because memory is
 * sold that way; case does not matter.  A share (25%) is of a total that the
 * caller knows.  A time is a number and a unit: 250ms, 2s, 1.5min.  A fraction
 * is rounded down; it is an error where the number has no unit.
 *
 * Nothing is guessed: no sign, no space, no exponent, no number without digits
 * on both sides of its point.  On an error *ret_why is half a sentence for the
 * person who typed it, as in "--mem=12Q: unknown unit".
 */
#ifndef BASE_SIZE_H
#define BASE_SIZE_H

#include <stdint.h>

enum { SIZE_TEXT_BYTES = 24 }; /* holds every size_text() and time_text() */

/*
 * Read a size.
 *
 *	total_bytes	what 100% means; 0 where a share has no meaning
 *	ret_bytes	not changed on error; may become 0
 *	ret_why		set on error only
 *
 * => returns 0; -EINVAL if the text is not a size; -ERANGE if it is one that
 *    64 bits do not hold
 */
int size_parse(const char *text, uint64_t total_bytes, uint64_t *ret_bytes,
               const char **ret_why);

/* Read a time: units ns, us, ms, s, min, h.  => returns as size_parse() */
int time_parse(const char *text, uint64_t *ret_ns, const char **ret_why);

/*
 * Write a size into text: 0B, 512B, 1.5G, 64M, 300K.  One digit follows the
 * point below 100 if it is not 0.
 * => returns text
 */
const char *size_text(char text[static SIZE_TEXT_BYTES], uint64_t bytes);

/* Likewise a time: 850ns, 4.2ms, 12.3s, 245s.  => returns text */
const char *time_text(char text[static SIZE_TEXT_BYTES], uint64_t ns);

#endif
