/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pageout/pageout.h -- memory that may be larger than memory.
 *
 * An engine owns a budget of memory and a swap file.  Regions mapped from it
 * are ordinary memory to the program; pages that are not being used wait in the
 * swap file and come back when they are touched.
 *
 *	struct pageout *e;
 *	void *p;
 *
 *	if (pageout_open(&e, &(struct pageout_options){
 *	        .mem_bytes = 64 << 20 }) < 0)
 *		...
 *	if (pageout_map(e, (size_t)1 << 30, 0, &p) < 0)
 *		...
 *	memset(p, 1, (size_t)1 << 30);
 *	pageout_close(e);
 *
 * Errors.  Every call that can fail returns 0 or a negative errno; what it
 * would return through a pointer is untouched then.  Nothing is printed: give
 * a log function to hear more.
 *
 * Threads.  All calls may be made from any thread, none from a signal handler.
 *
 * Units.  Sizes are bytes.  Ranges are rounded outwards to pages of 4096 bytes
 * for pageout_pin() and inwards for pageout_discard(); other hints take any
 * range.
 *
 * Modes.  In PAGEOUT_MODE_THREAD faults are served by threads of the engine:
 * everything works, a fault costs two thread switches.  In PAGEOUT_MODE_INLINE
 * the faulting thread serves itself, in a SIGBUS handler: five times faster,
 * but a system call that is given an absent page fails with EFAULT, so pin what
 * you hand to the kernel; and the program must not block or replace SIGBUS.
 *
 * fork.  A child process does not have the regions of its parent: it gets
 * SIGSEGV there, pageout_close() does nothing, other calls return -EPERM.
 */
#ifndef PAGEOUT_PAGEOUT_H
#define PAGEOUT_PAGEOUT_H

#include <stddef.h>
#include <stdint.h>

#include <pageout/stat.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

#define PAGEOUT_VERSION_MAJOR 0
#define PAGEOUT_VERSION_MINOR 1
#define PAGEOUT_MEM_BYTES_MIN ((uint64_t)4 << 20)

struct pageout;

enum pageout_mode { PAGEOUT_MODE_THREAD, PAGEOUT_MODE_INLINE };

enum pageout_log_level {
	PAGEOUT_LOG_ERROR,
	PAGEOUT_LOG_WARNING,
	PAGEOUT_LOG_INFO
};

/*
 * A line for the log, without a newline.  Called from any thread of the engine
 * or of the program; must not touch memory of the engine's regions.
 */
typedef void pageout_log_fn(void *ctx, enum pageout_log_level level,
                            const char *line);

/* Zero is the default for every member but mem_bytes. */
struct pageout_options {
	uint64_t mem_bytes;    /* budget; at least PAGEOUT_MEM_BYTES_MIN */
	uint64_t swap_bytes;   /* size of the swap file; 0: chosen from the free
	                        space of its file system */
	const char *swap_path; /* directory for an unnamed swap file, or a block
	                          device; NULL: $PAGEOUT_SWAP, else $TMPDIR,
	                          else /var/tmp */
	const char *policy; /* as listed by pageout run --help; NULL: default */
	enum pageout_mode mode;
	pageout_log_fn *log;
	void *log_ctx;
	const char *record_path; /* a file, made or emptied: all decisions are
	                            written down, for pageout replay; NULL:
	                            none */
};

/*
 * Start an engine.
 *
 *	options	copied; not used after the call
 *
 * Returns 0, or
 *	-EINVAL		a size is out of range, or the policy is not known
 *	-EPERM		userfaultfd is not allowed: see pageout-doctor(1)
 *	-ENOSYS		the kernel lacks UFFDIO_MOVE (Linux 6.8)
 *	-ENOMEM		no memory or address space
 *	-ENOENT, -ENOTDIR, -EACCES, -EROFS, -ENOSPC, -ELOOP
 *			the swap path or the record's cannot be used
 *	-EBUSY		PAGEOUT_MODE_INLINE, and another engine has it
 */
int pageout_open(struct pageout **ret_engine,
                 const struct pageout_options *options)
	__attribute__((nonnull(1, 2), warn_unused_result));

/*
 * Stop an engine: its regions are unmapped, its swap file is gone.
 * No other thread may be using the engine or its regions.  NULL is allowed.
 */
void pageout_close(struct pageout *engine);

/*
 * Map a region.
 *
 *	bytes		rounded up to the page size; not 0
 *	flags		0
 *	ret_addr	the region's start
 *
 * Pages read as zero until they are written.
 * Returns 0, or
 *	-EINVAL		bytes is 0, or a flag is not known
 *	-ENOMEM		no address space; or budget and swap file together are
 *			smaller than all regions would be
 */
int pageout_map(struct pageout *engine, size_t bytes, unsigned flags,
                void **ret_addr)
	__attribute__((nonnull(1, 4), warn_unused_result));

/*
 * Unmap a region or a part of one, whole pages.  Its contents are gone.
 *
 *	addr		the start of a page
 *	bytes		rounded up to the page size; not 0
 *
 * Returns 0, or
 *	-EINVAL		not a range of this engine's regions
 *	-ENOMEM		a region would fall apart, and there are too many parts
 */
int pageout_unmap(struct pageout *engine, void *addr, size_t bytes)
	__attribute__((nonnull(1)));

/*
 * Hints.  They change speed, never contents, but for PAGEOUT_DISCARD.
 */
enum pageout_hint {
	PAGEOUT_NORMAL,     /* forget SEQUENTIAL and RANDOM */
	PAGEOUT_SEQUENTIAL, /* will be read in order: read far ahead */
	PAGEOUT_RANDOM,     /* never read ahead here */
	PAGEOUT_PREFETCH,   /* will be used soon: read it in now */
	PAGEOUT_COLD,       /* will not be used soon: write it out now */
	PAGEOUT_DISCARD     /* contents are not needed: pages read as zero */
};

/*
 * Give a hint about a range.
 * PAGEOUT_PREFETCH and PAGEOUT_COLD start the work and return; they do as much
 * as memory allows.
 * Returns 0, or
 *	-EINVAL		an unknown hint, or not a range of this engine
 *	-ENOMEM		a hint to be kept for a part of a region, and there are
 *			too many parts
 */
int pageout_advise(struct pageout *engine, void *addr, size_t bytes,
                   enum pageout_hint hint) __attribute__((nonnull(1)));

/*
 * Bring a range in and keep it there until it is unpinned.  Pins nest: each
 * pageout_pin() wants one pageout_unpin() of the same range, up to 65535.
 * Returns 0, or
 *	-EINVAL		not a range of this engine
 *	-ENOMEM		more would be pinned than half of the budget
 *	-EIO		contents of a page are lost; nothing stays pinned
 */
int pageout_pin(struct pageout *engine, const void *addr, size_t bytes)
	__attribute__((nonnull(1), warn_unused_result));
int pageout_unpin(struct pageout *engine, const void *addr, size_t bytes)
	__attribute__((nonnull(1)));

/*
 * Copy the engine's numbers.
 *
 *	values	PAGEOUT_STATS of them, by enum pageout_stat_id
 *	count	room in values; what does not fit is left out
 *
 * Returns how many numbers the engine has.
 */
unsigned pageout_stats(struct pageout *engine, uint64_t *values, unsigned count)
	__attribute__((nonnull(1, 2)));

/* Name, unit and meaning of number id, or NULL when there is no such id. */
const struct pageout_stat_entry *pageout_stat_describe(unsigned id);

/* "0.1.0" */
const char *pageout_version(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
