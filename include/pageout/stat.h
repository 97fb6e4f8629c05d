/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pageout/stat.h -- the shared-memory statistics file, as a tool sees it.
 *
 * A running engine publishes one file, an unlinked memory file named
 * "pageout-stat" that is found through /proc/PID/fd of the engine's process or
 * of its keeper:
 *
 *	+--------+---------------------------+--------------------+--------+--
 *	| header | directory: one entry for  | values of node 0:  | node 1 |
 *	| 256 B  | each number, 160 B each   | uint64_t, aligned  |        |
 *	+--------+---------------------------+--------------------+--------+--
 *
 * An engine has one node or several, which count each for itself: the number
 * of node n lies n * node_bytes behind that of node 0, and the engine's is the
 * sum.
 *
 * The file describes itself.  A tool finds a number by its name in the
 * directory, once, and keeps the offset; it never assumes an order.  So an old
 * tool reads a new engine (it sees the names it knows) and a new tool reads an
 * old engine (a name that is missing prints as '-').
 *
 * Reading.  Map the file; check magic and version; load values with relaxed
 * atomic loads.  A single value is never torn; two values may be a moment
 * apart.  When the engine ends in good order, ended_boottime_ns is set and the
 * last values stay; an engine that died leaves it 0 and its pid is gone.
 *
 * All integers are in host byte order, strings end with a NUL.  This layout is
 * PAGEOUT_STAT_VERSION 2; a change that breaks the rules above, and nothing
 * else, makes it 3.
 */
#ifndef PAGEOUT_STAT_H
#define PAGEOUT_STAT_H

#include <stdint.h>

#define PAGEOUT_STAT_MAGIC 0x3154554f45474150u /* "PAGEOUT1" in memory */
#define PAGEOUT_STAT_VERSION 2
#define PAGEOUT_STAT_FILE "pageout-stat"

enum pageout_stat_kind { PAGEOUT_COUNTER, PAGEOUT_GAUGE };
enum pageout_stat_unit {
	PAGEOUT_PAGES,
	PAGEOUT_BYTES,
	PAGEOUT_NS,
	PAGEOUT_EVENTS
};

struct pageout_stat_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_bytes; /* 256 in version 2 */
	uint32_t entry_count;
	uint32_t entry_bytes; /* 160 in version 2 */
	uint64_t file_bytes;
	uint64_t started_boottime_ns;
	uint64_t ended_boottime_ns; /* 0 while it runs */
	uint32_t pid;
	uint32_t page_bytes;
	char command[64]; /* of the process, cut if need be */
	char policy[24];
	char mode[8];        /* "thread" or "inline" */
	uint32_t node_count; /* 1 or more */
	uint32_t node_bytes; /* from a value to that of the next node */
	char reserved[96];
};

struct pageout_stat_entry {
	char name[32];
	char help[112];
	uint8_t kind, unit, level, pad;
	uint32_t offset; /* of the value, from the start of the file */
	uint64_t reserved;
};

#ifndef __cplusplus
_Static_assert(sizeof(struct pageout_stat_header) == 256, "layout is frozen");
_Static_assert(sizeof(struct pageout_stat_entry) == 160, "layout is frozen");
#endif

/* The numbers that this version of the engine publishes, in its own order. */
enum pageout_stat_id {
#define STAT(name, kind, unit, level, help) PAGEOUT_STAT_##name,
#include "pageout/stat.def"
#undef STAT
	PAGEOUT_STATS
};

#endif
