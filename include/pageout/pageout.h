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
 * The thread's stack must not lie in a region: a call holds the engine's locks,
 * and would wait for ever for a page of its stack that has left memory.
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
 * or of the program, perhaps while the program waits for a page; in
 * PAGEOUT_MODE_INLINE also from the SIGBUS handler of a thread that touches
 * one.  So it must not touch memory of the engine's regions, call the engine,
 * wait for a lock whose holder may touch a region, or leave by a jump; and
 * inline it may do only what a signal handler may: no malloc(), no stdio.
 */
typedef void pageout_log_fn(void *ctx, enum pageout_log_level level,
                            const char *line);

/* Zero is the default for every member but mem_bytes. */
struct pageout_options {
	uint64_t mem_bytes;    /* budget; at least PAGEOUT_MEM_BYTES_MIN */
	uint64_t swap_bytes;   /* size of the swap file, at least 8192 for each
	                        node; 0: chosen from the free space of its file
	                        system */
	const char *swap_path; /* directory for an unnamed swap file; or a block
	                          device, or a swap file of mkswap's: the engine
	                          has it alone, and what it writes stays there;
	                          NULL: $PAGEOUT_SWAP, else $TMPDIR, else
	                          /var/tmp */
	const char *policy; /* as listed by pageout run --help; NULL: default */
	enum pageout_mode mode;
	pageout_log_fn *log;
	void *log_ctx;
	const char *record_path; /* a file, made or emptied: all decisions are
	                            written down, for pageout replay; NULL:
	                            none */
	unsigned nodes; /* budget and swap file are shared out to so many, each
	                   with its own daemons: see pageout-run(1); 0: as many
	                   as the machine has NUMA nodes with memory.  A record
	                   is of one node */
};

/*
 * Start an engine.
 *
 *	options	copied; not used after the call
 *
 * Returns 0, or
 *	-EINVAL		a size is out of range, or the policy is not known
 *	-EPERM		userfaultfd is not allowed: see pageout-doctor(1)
 *	-ENOSYS		the kernel does not move pages (UFFDIO_MOVE, Linux 6.8)
 *	-ENOMEM		no memory or address space
 *	-ENOENT, -ENOTDIR, -EACCES, -EPERM, -EROFS, -ENOSPC, -ELOOP, -EFBIG,
 *	-EEXIST, -EMLINK, -EBUSY, -EAGAIN
 *			the swap path or the record's cannot be used: the log
 *			hears why
 *	-EBUSY		PAGEOUT_MODE_INLINE, and another engine has it
 */
int pageout_open(struct pageout **ret_engine,
                 const struct pageout_options *options)
	__attribute__((nonnull(1, 2), warn_unused_result));

/*
 * Stop an engine: its regions are unmapped, its swap file is gone, unless it is
 * one that is kept.  What was changed in mapped files is written to them; where
 * that fails, the log hears of it, and the changes are lost: pageout_sync()
 * before tells more.
 * No other thread may be using the engine or its regions.  NULL is allowed.
 */
void pageout_close(struct pageout *engine);

/*
 * Map a region.
 *
 *	bytes		rounded up to the page size; not 0
 *	flags		0, or PAGEOUT_MAP_SPACE(space): see below
 *	ret_addr	the region's start
 *
 * Pages read as zero until they are written.
 * Returns 0, or
 *	-EINVAL		bytes is 0, a flag is not known, or there is no such
 *			space
 *	-ENOMEM		no address space; or budget and swap file together are
 *			smaller than all regions would be
 */
int pageout_map(struct pageout *engine, size_t bytes, unsigned flags,
                void **ret_addr)
	__attribute__((nonnull(1, 4), warn_unused_result));

/*
 * Map a file, or a part of one, that may be larger than memory.
 *
 *	fd		a regular file, open for reading and writing; not used
 *			any more after the call
 *	offset		where the part begins; a multiple of the page size
 *	bytes		rounded up to the page size; not 0
 *	flags		0, or PAGEOUT_MAP_SHARED: others write the file
 *	ret_addr	the region's start
 *
 * Pages are read from the file when they are touched, and what was changed is
 * written to it when memory is short, by pageout_sync(), and when the region is
 * unmapped.  It is not written when the process ends in another way.  The file
 * keeps its size: bytes of its last page that are beyond its end read as zeros
 * at first and are not written, and touching a page that is wholly beyond it
 * gives SIGBUS.
 * Without PAGEOUT_MAP_SHARED a page that comes back from the file otherwise
 * than this engine knew it gives SIGBUS; with it, such a page is believed.
 * Returns 0, or
 *	-EINVAL		bytes is 0, offset is no multiple of the page size, a
 *			flag is not known; or fd is no regular file, or in
 *			O_APPEND or O_DIRECT mode
 *	-EACCES		fd is not open for reading and writing
 *	-EBADF		fd is not open
 *	-EBUSY		some page of it is mapped by this engine already
 *	-EFBIG		longer than 512 GiB, or than any file can be
 *	-EMFILE		24 parts of files are mapped; or too many descriptors
 *	-ENOMEM		no memory or address space
 */
#define PAGEOUT_MAP_SHARED 1u
int pageout_map_file(struct pageout *engine, int fd, uint64_t offset,
                     size_t bytes, unsigned flags, void **ret_addr)
	__attribute__((nonnull(1, 6), warn_unused_result));

/*
 * Write to their files what was changed in a range before the call, and wait
 * for the disk, as msync(MS_SYNC).  Other memory in the range is left alone.
 * Pages of the range leave memory for it and come back when they are touched.
 * Returns 0, or
 *	-EINVAL		not a range of this engine's regions
 *	-EIO		some page could not be written; nothing is lost, it will
 *			be tried again
 *	-EBUSY		some page cannot leave: it is pinned, or a device writes
 *			to it
 *	-ENOSPC and the like: what fdatasync() says
 */
int pageout_sync(struct pageout *engine, void *addr, size_t bytes)
	__attribute__((nonnull(1), warn_unused_result));

/*
 * Unmap a region or a part of one, whole pages.  Its contents are gone; those
 * of a file are written to it first.
 *
 *	addr		the start of a page
 *	bytes		rounded up to the page size; not 0
 *
 * Returns 0, or
 *	-EINVAL		not a range of this engine's regions
 *	-ENOMEM		a region would fall apart, and there are too many parts
 *	-EIO, -EBUSY	as pageout_sync(); then nothing is unmapped
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
	PAGEOUT_DISCARD /* contents are not needed: pages read as zero; those
	                       of a file are written if they were changed, and
	                       will be read again */
};

/*
 * Give a hint about a range.
 * PAGEOUT_PREFETCH and PAGEOUT_COLD start the work and return; they do as much
 * as memory allows.
 * Returns 0, or
 *	-EINVAL		an unknown hint, or not a range of this engine
 *	-ENOMEM		a hint to be kept for a part of a region, and there are
 *			too many parts
 *	-EIO, -EBUSY	PAGEOUT_DISCARD of a file's pages: as pageout_sync()
 */
int pageout_advise(struct pageout *engine, void *addr, size_t bytes,
                   enum pageout_hint hint) __attribute__((nonnull(1)));

/*
 * Bring a range in and keep it there until it is unpinned.  Pins nest: each
 * pageout_pin() wants one pageout_unpin() of the same range, up to 65535.
 * Returns 0, or
 *	-EINVAL		not a range of this engine
 *	-ENOMEM		more would be pinned than half of the budget
 *	-EAGAIN		a page would be pinned more often than that
 *	-EFAULT		a page cannot come: a guard page is there, or it was
 *			refused before (out of memory)
 *	-EIO		contents of a page are lost; nothing stays pinned
 */
int pageout_pin(struct pageout *engine, const void *addr, size_t bytes)
	__attribute__((nonnull(1), warn_unused_result));
int pageout_unpin(struct pageout *engine, const void *addr, size_t bytes)
	__attribute__((nonnull(1)));

/*
 * Shrinkers.  A program keeps things that it could do without: parsed files,
 * results, free objects.  When memory is short the engine asks for some of
 * them to be freed, before it lets pages go that may be wanted.  What is freed
 * helps when it lies in regions of the engine, and is discarded or used again.
 *
 * Who asks, and how much, is the policy's: linux24 and kswapd ask as their
 * kernels do, the other policies never; pageout_shrinker_ask() always does.
 */
enum pageout_shrinker_kind {
	PAGEOUT_SHRINKER_DENTRIES, /* is asked first, entry by entry */
	PAGEOUT_SHRINKER_INODES    /* things that such entries keep alive */
};

struct pageout_slab;

/*
 * Free entries, the oldest first.
 *
 *	goal	how many; 0: all that nobody uses
 *
 * Called on a thread of its own, with all signals blocked, one call at a time
 * for each shrinker.  It may touch regions of the engine, take locks and wait,
 * and call everything here but pageout_close().
 * Returns how many entries were freed; less than 0 counts as 0.
 */
typedef int64_t pageout_shrink_fn(void *ctx, uint64_t goal);

/* Zero is the default for every member but shrink. */
struct pageout_shrinker {
	enum pageout_shrinker_kind kind;
	pageout_shrink_fn *shrink;
	void *ctx;
	struct pageout_slab *slab; /* where the entries live: after a call its
	                              free slabs are given back, too */
};

/*
 * Register a shrinker.
 *
 *	shrinker	copied
 *	ret_id		its number
 *
 * Returns 0, or
 *	-EINVAL		an unknown kind, no function, or a slab cache of another
 *			engine
 *	-ENOSPC		32 shrinkers and slab caches are registered already
 *	-ENOMEM, -EAGAIN	no memory, or no thread
 */
int pageout_shrinker_register(struct pageout *engine,
                              const struct pageout_shrinker *shrinker,
                              unsigned *ret_id)
	__attribute__((nonnull(1, 2, 3), warn_unused_result));

/*
 * Say how many entries nobody uses now; 0 at first.  Costs a store, so say it
 * whenever it changes.  A shrinker with none is not asked.
 * Returns 0, or
 *	-EINVAL		no such shrinker
 */
int pageout_shrinker_publish(struct pageout *engine, unsigned id,
                             uint64_t unused) __attribute__((nonnull(1)));

/*
 * Ask a shrinker ourselves; goal as above.  Returns at once; requests that come
 * while one is waiting become one, for all that they want together.
 * Returns 0, or
 *	-EINVAL		no such shrinker
 */
int pageout_shrinker_ask(struct pageout *engine, unsigned id, uint64_t goal)
	__attribute__((nonnull(1)));

/*
 * Unregister a shrinker.  Waits until a call that is under way has ended, so
 * hold no lock that it wants.  From its own call it returns at once: that call
 * is the last.
 * Returns 0, or
 *	-EINVAL		no such shrinker
 *	-EBUSY		from the call of another shrinker: this one is in a call
 */
int pageout_shrinker_unregister(struct pageout *engine, unsigned id)
	__attribute__((nonnull(1)));

/*
 * Slab caches: objects of one size, in slabs of one or more pages.  A slab in
 * which no object is in use keeps its memory until it is reaped: when the
 * policy says so (linux24, kswapd), or by pageout_slab_shrink().
 */
enum pageout_slab_flag {
	PAGEOUT_SLAB_NO_REAP = 1 /* only pageout_slab_shrink() */
};

/* Make an object: once, when its slab is made, not each time it is handed
 * out.  It is given back as it was made.  No lock is held. */
typedef void pageout_slab_make_fn(void *object);

/*
 * Create a slab cache.
 *
 *	bytes	of an object, up to 131072
 *	align	of an object, a power of two up to 4096; 0: 8
 *	make	or NULL: the contents of an object are not defined
 *	flags	of enum pageout_slab_flag
 *
 * Returns 0, or
 *	-EINVAL		bytes, align or flags out of range
 *	-ENOSPC		32 shrinkers and slab caches are registered already
 *	-ENOMEM, -EAGAIN	no memory or address space, or no thread
 */
int pageout_slab_create(struct pageout *engine, size_t bytes, size_t align,
                        pageout_slab_make_fn *make, unsigned flags,
                        struct pageout_slab **ret_slab)
	__attribute__((nonnull(1, 6), warn_unused_result));

/*
 * Take an object.
 * Returns 0, or
 *	-ENOMEM		budget and swap file together are full
 */
int pageout_slab_alloc(struct pageout_slab *slab, void **ret_object)
	__attribute__((nonnull(1, 2), warn_unused_result));

/*
 * Give an object back.
 * Returns 0, or
 *	-EINVAL		it is not an object of this cache that is in use
 */
int pageout_slab_free(struct pageout_slab *slab, void *object)
	__attribute__((nonnull(1)));

/* Give the memory of all free slabs back now.  Returns how many. */
uint64_t pageout_slab_shrink(struct pageout_slab *slab)
	__attribute__((nonnull(1)));

/*
 * Destroy a slab cache that no thread uses any more; its address space is
 * gone.  pageout_close() destroys those that are left, whatever is in use.
 * Returns 0, or
 *	-EBUSY		an object is in use
 */
int pageout_slab_destroy(struct pageout_slab *slab) __attribute__((nonnull(1)));

/*
 * Spaces.  Regions of an engine can be grouped, as those of a process are in a
 * system: policy linux24 takes pages from the space that has most of them in
 * memory, other policies make no difference.  Space 0 is always there, and
 * regions are in it unless they are mapped with PAGEOUT_MAP_SPACE().  A region
 * stays in its space.  Calls may be given ranges that lie in several.
 */
#define PAGEOUT_SPACES_MAX 64 /* space 0 is one of them */
#define PAGEOUT_MAP_SPACE(space) ((unsigned)(space) << 24)

/*
 * Make a space.
 *
 * Returns its number, 1 or more, or
 *	-ENOSPC		there are PAGEOUT_SPACES_MAX
 */
int pageout_space_create(struct pageout *engine)
	__attribute__((nonnull(1), warn_unused_result));

/*
 * Destroy a space that has no regions any more.  Its number may be given out
 * again.
 *
 * Returns 0, or
 *	-EINVAL		there is no such space, or it is space 0
 *	-EBUSY		it has regions
 */
int pageout_space_destroy(struct pageout *engine, int space)
	__attribute__((nonnull(1)));

struct pageout_space_stat {
	uint64_t managed_bytes; /* of its regions */
	uint64_t mapped_bytes;  /* of them, in memory and within reach */
};

/*
 * Look at a space.
 *
 * Returns 0, or
 *	-EINVAL		there is no such space
 */
int pageout_space_stats(struct pageout *engine, int space,
                        struct pageout_space_stat *ret_stat)
	__attribute__((nonnull(1, 3), warn_unused_result));

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

/*
 * Copy the numbers of one node of the engine: the engine's are their sums.
 *
 *	node	0, 1 ...; of one that is not there all numbers are 0
 *
 * Returns how many nodes the engine has.
 */
unsigned pageout_node_stats(struct pageout *engine, unsigned node,
                            uint64_t *values, unsigned count)
	__attribute__((nonnull(1, 3)));

/* Name, unit and meaning of number id, or NULL when there is no such id. */
const struct pageout_stat_entry *pageout_stat_describe(unsigned id);

/* "0.1.0" */
const char *pageout_version(void);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
