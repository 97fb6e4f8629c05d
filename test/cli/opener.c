/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * opener.c -- a program that uses libpageout, and what it is told.
 *
 *	opener thread|inline DIRECTORY
 *
 * Opens an engine whose swap file is in DIRECTORY.  Prints the result, and how
 * many descriptors it has more than before; log lines go to standard error.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "pageout/pageout.h"

static void
say(void *ctx, enum pageout_log_level level, const char *line)
{
	(void)ctx;
	(void)fprintf(stderr, "%s: %s\n",
	              level == PAGEOUT_LOG_ERROR ? "error" : "note", line);
}

static int
descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		(void)closedir(d);
	return n;
}

int
main(int argc, char **argv)
{
	struct pageout_options o = {
		.mem_bytes = (uint64_t)8 << 20,
		.swap_bytes = (uint64_t)64 << 20,
		.log = say,
	};
	struct pageout *e = NULL;
	int before = descriptors(), r;

	if (argc != 3)
		return 2;
	o.swap_path = argv[2];
	if (strcmp(argv[1], "inline") == 0)
		o.mode = PAGEOUT_MODE_INLINE;
	r = pageout_open(&e, &o);
	pageout_close(e);
	(void)printf("%s, %d descriptors more\n",
	             r == 0 ? "open" : strerrorname_np(-r),
	             descriptors() - before);
	return r == 0 ? 0 : 1;
}
