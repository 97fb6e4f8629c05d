/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * driver.c -- run a fuzz target over files, without a fuzzer.
 *
 *	fuzz_NAME FILE|DIRECTORY...
 *
 * With any compiler this makes a test of every target: the files of its corpus
 * are what a fuzzer found worth keeping, and the crashes that were mended.  A
 * file that crashes is named before it is run, in the last line of the output.
 */
#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_BYTES_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned files_run;

/* => returns 0, or -1 after a message */
static int
run_file(const char *path)
{
	static uint8_t data[INPUT_BYTES_MAX];
	uint8_t *exact;
	FILE *in = fopen(path, "rb");
	size_t n;

	if (in == NULL) {
		(void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	n = fread(data, 1, sizeof(data), in);
	(void)fclose(in);
	(void)printf("%s: %zu bytes\n", path, n);
	(void)fflush(stdout);

	/* A block of the exact size: tools see a read behind its end. */
	exact = malloc(n > 0 ? n : 1);
	if (exact == NULL)
		return -1;
	memcpy(exact, data, n);
	(void)LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	files_run++;
	return 0;
}

static int
run_directory(const char *path, DIR *dir)
{
	const struct dirent *entry;
	char file[4096];
	int r = 0;

	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (snprintf(file, sizeof(file), "%s/%s", path,
		             entry->d_name) >= (int)sizeof(file))
			return -1;
		if (run_file(file) < 0)
			r = -1;
	}
	return r;
}

int
main(int argc, char **argv)
{
	int bad = 0;

	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);

		if (dir == NULL) {
			bad |= run_file(argv[i]) < 0;
			continue;
		}
		bad |= run_directory(argv[i], dir) < 0;
		(void)closedir(dir);
	}
	if (files_run == 0) {
		(void)fprintf(stderr, "no input was run\n");
		return 1;
	}
	return bad;
}
