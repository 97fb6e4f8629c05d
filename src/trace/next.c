/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * next.c -- when each access's page is used next.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/next.h"

int
next_uses(const uint32_t *access, uint64_t accesses, uint32_t numbers,
          uint32_t *ret_next)
{
	size_t bytes = numbers * sizeof(uint32_t);
	uint32_t *first = malloc(bytes + 1); /* use of a page so far */

	if (first == NULL)
		return -ENOMEM;
	_Static_assert(TRACE_NEVER == UINT32_MAX, "all bits set");
	memset(first, 0xff, bytes);
	for (uint64_t i = accesses; i-- > 0;) {
		uint32_t page = access_page(access[i]);

		ret_next[i] = first[page];
		first[page] = (uint32_t)i;
	}
	free(first);
	return 0;
}
