/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engines.h -- the engines that run on this machine, as /proc shows them.
 *
 * An engine's statistics file has no name in the file system.  It is found as
 * an open descriptor of the engine's process and, under pageout run, of its
 * keeper as well; both are one engine.
 */
#ifndef TOOLS_ENGINES_H
#define TOOLS_ENGINES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/stat/statfile.h"

#define ENGINES_MAX 4096u

struct engine {
	struct statfile file;
	uint64_t dev, ino; /* of the file: the engine's identity */
	pid_t pid;         /* of its process as we see it; 0: it is gone */
	bool is_wanted;    /* a process that was asked for holds the file */
};

struct engines {
	struct engine *list; /* by pid */
	unsigned count;
	unsigned denied;        /* processes that we may not look into */
	unsigned broken;        /* files that were refused */
	bool wanted_exists;     /* the process that was asked for */
	bool wanted_denied;     /* ... and may not be looked into */
	const char *broken_why; /* of one: the wanted process's if there is */
};

/*
 * Look through /proc.
 *
 *	wanted	process to mark (is_wanted, wanted_*), or 0
 *
 * => returns 0, or a negative errno: no /proc, no memory
 */
int engines_find(struct engines *ret, pid_t wanted);

void engines_free(struct engines *e);

/* True when the engine runs: its process is there and has not closed it. */
bool engine_is_running(const struct engine *e);

#endif
