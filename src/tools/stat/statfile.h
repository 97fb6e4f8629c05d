/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * statfile.h -- one statistics file, read without trusting it.
 *
 * Whoever can make a memory file can make one that looks like an engine's, and
 * an administrator's tool will open it.  So:
 *
 *	- everything is read with pread() into our own memory, once, and checked
 *	  there: a file that shrinks or changes while we look is a read error or
 *	  a wrong number, never a fault;
 *	- sizes have limits, offsets must lie in the file behind the directory,
 *	  names must end and be plain;
 *	- strings meant for people lose every character that a terminal obeys.
 */
#ifndef TOOLS_STATFILE_H
#define TOOLS_STATFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "pageout/stat.h"

#define STATFILE_BYTES_MAX (1u << 20)
#define STATFILE_ENTRIES_MAX 1024u
#define STATFILE_RECORD_BYTES_MAX 4096u /* header, and one entry */
#define STATFILE_NODES_MAX 256u
#define STATFILE_ALL_NODES UINT32_MAX
#define STATFILE_NO_ZONE 4u /* kswapd_highest_zoneidx: nobody asked */

struct statfile {
	int fd; /* ours */
	struct pageout_stat_header header;
	struct pageout_stat_entry *entries; /* header.entry_count of them */
	uint32_t node;    /* whose values; or STATFILE_ALL_NODES: of all */
	uint64_t *values; /* the latest, in the order of entries */
	uint32_t values_at, values_bytes; /* the part of the file they are in */
	char *buffer;                     /* values_bytes */
};

/*
 * Read and check header and directory.
 *
 *	fd	taken over, closed on failure too
 *	ret_why	set on failure: half a sentence
 *
 * => returns 0; -EBADMSG: not a statistics file, or a broken one; -EPROTO: of
 *    a version that we do not know; -ENOMEM; or what reading it said.
 *    Values are 0 until statfile_read().
 */
int statfile_open(struct statfile *ret, int fd, const char **ret_why);

/*
 * Fetch all values, of f->node if it has that many (or 0), and whether the
 * engine has ended.  Of all nodes it is their sum; of what is no amount, like
 * kswapd_order, the largest.
 * => returns 0; -EIO: the file has shrunk; or what reading it said
 */
int statfile_read(struct statfile *f);

/* The number with this name.  => false when the engine does not have it */
bool statfile_value(const struct statfile *f, const char *name,
                    uint64_t *ret_value);

void statfile_close(struct statfile *f);

#endif
