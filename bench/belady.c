/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * belady.c -- the optimum for any trace.
 *
 *	belady FRAMES <TRACE
 *
 * Reads page numbers, one word each, and prints how many of the accesses miss
 * with so many frames under Belady's MIN.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/optimum.h"

enum { PAGES_MAX = 1 << 28 };

static int
fail(const char *what)
{
	(void)fprintf(stderr, "belady: %s\n", what);
	return 2;
}

/* => the numbers, and how many; NULL: no memory */
static uint32_t *
read_trace(uint64_t *ret_length)
{
	uint64_t room = 1 << 16, length = 0;
	uint32_t *pages = malloc(room * sizeof(*pages)), *more;

	while (pages != NULL && scanf("%" SCNu32, &pages[length]) == 1) {
		if (pages[length] >= PAGES_MAX)
			break;
		if (++length < room)
			continue;
		room *= 2;
		more = realloc(pages, room * sizeof(*pages));
		if (more == NULL)
			free(pages);
		pages = more;
	}
	*ret_length = length;
	return pages;
}

int
main(int argc, char **argv)
{
	unsigned long frames = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	struct optimum_trace t = {0};
	uint64_t misses;
	uint32_t *pages;
	int r;

	if (frames == 0 || frames > UINT32_MAX)
		return fail("usage: belady FRAMES <TRACE");
	pages = read_trace(&t.length);
	if (pages == NULL)
		return fail("out of memory");
	if (!feof(stdin)) {
		free(pages);
		return fail("not a page number below 268435456");
	}
	t.pages = pages;
	t.count = t.length;
	r = optimum_misses(&t, (uint32_t)frames, &misses);
	free(pages);
	if (r < 0)
		return fail(strerror(-r));
	printf("%" PRIu64 " of %" PRIu64 "\n", misses, t.length);
	return 0;
}
