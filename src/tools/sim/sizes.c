/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sizes.c -- memory sizes, one or several in even steps.
 */
#include "tools/sim/sizes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"

#define PAGE 4096u
#define TEXT_MAX 64

/* Keep it in order.  => least is 0 for what is no share */
static int
add(struct sizes *s, uint64_t bytes, uint64_t least, const char **ret_why)
{
	unsigned i = s->count;

	if (bytes < least) {
		bytes = least;
		s->raised++;
	}
	bytes -= bytes % PAGE;
	if (bytes == 0) {
		*ret_why = "less than a page of 4K";
		return -EINVAL;
	}
	while (i > 0 && s->bytes[i - 1] > bytes)
		i--;
	if (i > 0 && s->bytes[i - 1] == bytes)
		return 0;
	if (s->count == s->max) {
		*ret_why = "too many sizes";
		return -E2BIG;
	}
	memmove(&s->bytes[i + 1], &s->bytes[i],
	        (s->count++ - i) * sizeof(s->bytes[0]));
	s->bytes[i] = bytes;
	return 0;
}

static int
add_range(struct sizes *s, uint64_t first, uint64_t last, uint64_t least,
          const char *steps, const char **ret_why)
{
	char *end;
	unsigned long n = strtoul(steps, &end, 10);
	int r = 0;

	if (*steps < '0' || *steps > '9' || *end != '\0' || n < 2 ||
	    n > s->max || first > last) {
		*ret_why = "FIRST..LAST:N wants a smaller FIRST, and N from 2 "
			   "to 128";
		return -EINVAL;
	}
	for (unsigned long i = 0; i < n && r == 0; i++)
		r = add(s,
		        first + (uint64_t)((double)(last - first) * (double)i /
		                           (double)(n - 1)),
		        least, ret_why);
	return r;
}

int
sizes_add(struct sizes *s, const char *text, uint64_t total_bytes,
          const char **ret_why)
{
	const char *dots = strstr(text, "..");
	char words[TEXT_MAX], *last, *steps;
	uint64_t from, to, least = strchr(text, '%') != NULL ? s->least : 0;
	int r;

	if (dots == NULL) {
		r = size_parse(text, total_bytes, &from, ret_why);
		return r < 0 ? r : add(s, from, least, ret_why);
	}
	if (strlen(text) >= sizeof(words) || strchr(dots, ':') == NULL) {
		*ret_why = "a range is FIRST..LAST:N";
		return -EINVAL;
	}
	memcpy(words, text, strlen(text) + 1);
	words[dots - text] = '\0';
	last = words + (dots - text) + 2;
	steps = strchr(last, ':');
	*steps++ = '\0';
	r = size_parse(words, total_bytes, &from, ret_why);
	if (r == 0)
		r = size_parse(last, total_bytes, &to, ret_why);
	return r != 0 ? r : add_range(s, from, to, least, steps, ret_why);
}
