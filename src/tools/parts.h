/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parts.h -- where the libraries are that pageout run loads into a program.
 *
 * The agent is looked for beside the program first, so that a source tree runs
 * itself; then where it was installed.  jemalloc is the system's.
 */
#ifndef TOOLS_PARTS_H
#define TOOLS_PARTS_H

enum part { PART_AGENT, PART_JEMALLOC };

enum { PART_PATH_BYTES = 4096 };

/* The path of a part.  => 0; -ENOENT: not found, and path is "" */
int part_find(enum part part, char path[static PART_PATH_BYTES]);

#endif
