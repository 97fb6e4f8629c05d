/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * block.h -- what the disk under a file is like.
 *
 *	/sys/dev/block/8:0/queue/rotational	1: it rotates
 *	/sys/dev/block/8:1/../queue/rotational	likewise, of a partition
 *
 * A file system on several disks, or on none, has a number that names no disk:
 * of that nothing is known.
 */
#ifndef OS_BLOCK_H
#define OS_BLOCK_H

#include <stdbool.h>

/*
 * Whether the disk under a file, or the block device itself, has no arm.
 *
 *	root	"", or a directory that stands for /
 *
 * => false, too, when nobody says
 */
bool block_is_solid_state(int fd, const char *root);

#endif
