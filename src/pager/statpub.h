/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * statpub.h -- the engine's side of the statistics file.
 *
 * Makes the self-describing file of pageout/stat.h and hands out its values as
 * a plain array, which the engine counts in.  pager_stat_create() is declared
 * in pager.h.  Only system calls are used: no malloc, no stdio.
 */
#ifndef PAGER_STATPUB_H
#define PAGER_STATPUB_H

#include <stdint.h>

/*
 * Map the file, and fill its header and directory.
 *
 *	fd		from pager_stat_create(), or any empty memory file;
 *			not needed after the call, but a tool finds the file
 *			only where a descriptor is open
 *	nodes		1..PAGER_NODES_MAX
 *	policy, mode	names for people
 *	ret_values	PAGEOUT_STATS values by enum pageout_stat_id, all 0;
 *			then those of the next node
 *
 * => returns 0, or a negative errno; -EINVAL: a file of another size
 */
int statpub_map(int fd, unsigned nodes, const char *policy, const char *mode,
                uint64_t **ret_values);

/* The engine ends in good order: say so in the file, and unmap it. */
void statpub_unmap(uint64_t *values);

#endif
