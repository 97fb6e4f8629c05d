/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * churn.c -- a program that does little but malloc and free.
 *
 *	churn [MEGABYTES [OPERATIONS]]
 *
 * Keeps about so many megabytes (256) in blocks of mixed sizes, replaces one
 * at random for each operation (20,000,000), and looks at what it frees.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEAN_BYTES = 720 };

static uint64_t random_state = 1;

static uint64_t
random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Most blocks are small; one in 64 is large. */
static size_t
choose_bytes(void)
{
	uint64_t r = random_next();

	if (r % 64 == 0)
		return 4096 + (r >> 8) % 40000;
	return 24 + (r >> 8) % (r % 4 == 0 ? 1024 : 256);
}

static uint64_t *
make_block(uint64_t key)
{
	size_t bytes = choose_bytes();
	uint64_t *block = malloc(bytes);

	if (block == NULL) {
		(void)fprintf(stderr, "churn: out of memory\n");
		exit(1);
	}
	memset(block, (int)key, bytes < 512 ? bytes : 512);
	block[0] = key;
	block[1] = bytes;
	((unsigned char *)block)[bytes - 1] = (unsigned char)key;
	return block;
}

static uint64_t
check_block(const uint64_t *block, uint64_t key)
{
	const unsigned char *bytes = (const unsigned char *)block;

	if (block[0] == key && bytes[block[1] - 1] == (unsigned char)key)
		return block[1];
	(void)fprintf(stderr, "churn: block %llu is wrong\n",
	              (unsigned long long)key);
	exit(1);
}

int
main(int argc, char **argv)
{
	uint64_t megabytes = argc > 1 ? strtoull(argv[1], NULL, 10) : 256;
	uint64_t operations = argc > 2 ? strtoull(argv[2], NULL, 10) : 20000000;
	uint64_t count = (megabytes << 20) / MEAN_BYTES, sum = 0;
	uint64_t **blocks = calloc(count, sizeof(*blocks));

	if (blocks == NULL || count == 0)
		return 1;
	for (uint64_t i = 0; i < count; i++)
		blocks[i] = make_block(i);
	for (uint64_t n = 0; n < operations; n++) {
		uint64_t i = random_next() % count;

		sum += check_block(blocks[i], i);
		free(blocks[i]);
		blocks[i] = make_block(i);
	}
	printf("%llu blocks, %llu operations, checksum %llu\n",
	       (unsigned long long)count, (unsigned long long)operations,
	       (unsigned long long)sum);
	free(blocks);
	return 0;
}
