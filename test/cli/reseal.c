/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reseal.c -- change bytes of a record so that its checks are right again.
 *
 *	reseal FILE [OFFSET BYTE]...
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz/reseal.h"

int
main(int argc, char **argv)
{
	static uint8_t bytes[64 << 20];
	FILE *f = argc > 1 ? fopen(argv[1], "r+be") : NULL;
	size_t size;

	if (f == NULL)
		return 1;
	size = fread(bytes, 1, sizeof(bytes), f);
	for (int i = 2; i + 1 < argc; i += 2) {
		size_t at = strtoul(argv[i], NULL, 0);

		if (at >= size)
			return 1;
		bytes[at] = (uint8_t)strtoul(argv[i + 1], NULL, 0);
	}
	reseal(bytes, size);
	rewind(f);
	size -= fwrite(bytes, 1, size, f);
	return fclose(f) != 0 || size != 0;
}
