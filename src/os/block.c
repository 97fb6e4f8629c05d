/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * block.c -- what the disk under a file is like.
 */
#include "os/block.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "os/raw.h"

bool
block_is_solid_state(int fd, const char *root)
{
	/* Only a whole disk has a queue. */
	static const char *const queues[] = {"queue", "../queue"};
	char path[PATH_MAX], text[8];
	struct stat st;
	dev_t dev;

	if (fstat(fd, &st) < 0)
		return false;
	dev = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
	for (unsigned i = 0; i < 2; i++) {
		int n = snprintf(path, sizeof(path),
		                 "%s/sys/dev/block/%u:%u/%s/rotational", root,
		                 major(dev), minor(dev), queues[i]);

		if (n < (int)sizeof(path) &&
		    raw_read_text(path, text, sizeof(text)))
			return text[0] == '0';
	}
	return false;
}
