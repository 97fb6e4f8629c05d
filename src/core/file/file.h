/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * file.h -- what the core does for mapped files; files.c has the idea.
 *
 * These are calls like those of core.h, under the same rules.
 */
#ifndef CORE_FILE_FILE_H
#define CORE_FILE_FILE_H

#include "core/core.h"

_Static_assert(SWAP_AREAS_MAX + FILE_AREAS_MAX == SWAP_TYPES,
               "an entry has room for every area");

/* The tag of a file's slot when nobody knows what it contains. */
#define HASH_UNKNOWN 0

static inline unsigned
entry_type(swp_entry_t e)
{
	return e >> SWP_OFFSET_BITS;
}

static inline bool
entry_is_file(swp_entry_t e)
{
	return entry_type(e) >= SWAP_AREAS_MAX;
}

/* Bytes that the tables of a file with pages pages want. */
size_t core_file_bytes(uint32_t pages);

/*
 * Add the area of a file of which pages pages may be mapped.
 * => mem is zeroed and core_file_bytes(pages) long
 * => returns the area's number, or -ENOSPC when all are taken
 */
int core_file_on(struct core *c, void *mem, uint32_t pages);

/* Take it away, when none of its pages is managed any more.
 * => false while a page of it is known, or a transfer names one */
bool core_file_off(struct core *c, unsigned type);

/*
 * As core_area_add(), of pages page, page+1 ... of a file.
 *
 *	flags	AREA_SHARED or 0
 *
 * => no page of the file is in two areas
 */
int core_area_add_file(struct core *c, unsigned space, uint64_t vpn,
                       uint64_t pages, unsigned type, uint32_t page,
                       uint32_t flags);

/*
 * Write what the program changed in a range of file pages before the first
 * call.  Pages are unmapped for it, each once or a few times.
 *
 *	begin	the first call
 *
 * => returns how many pages are not written yet, pinned ones too; perform b,
 *    wait, and call again, until it is 0 or core_file_failed() has changed
 */
uint64_t core_sync(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
                   bool begin, struct batch *b);

/* Pages of a range that are pinned. */
uint64_t core_pinned(const struct core *c, unsigned space, uint64_t vpn,
                     uint64_t pages);

/* Pages of a file that were to be written and were not, ever. */
uint32_t core_file_failed(const struct core *c, unsigned type);

/*
 * Forget the pages of a range that are neither mapped nor changed: what they
 * contain will be read again.  A page that was lost has another chance.
 * => returns pages in motion, as core_discard()
 */
uint64_t core_refresh(struct core *c, unsigned space, uint64_t vpn,
                      uint64_t pages, struct batch *b);

#endif
