/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * internal.h -- what the files of the pager share among themselves.
 *
 *	pager.c		open, close, memory, the lock, waiting for events
 *	perform.c	operations of the core, done to real memory
 *	io.c		operations that go to the swap device, and come back
 *	faults.c	thread mode: faults and events are read and served
 *	inline.c	inline mode: the faulting thread serves itself
 *	daemons.c	kswapd, kreclaimd, the flusher
 *	ranges.c	ranges become managed, change, and cease to be
 *	files.c		mapped files
 *	fork.c		everything resident, then fork
 *	cache/		shrinkers and slab caches: what the program can spare
 *	space/		which space a page belongs to
 *
 * One lock: the node's.  It guards the core, and is never held over a system
 * call.  What a call of the core put into a batch is performed without it.
 */
#ifndef PAGER_INTERNAL_H
#define PAGER_INTERNAL_H

#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <sys/types.h>

#include "core/core.h"
#include "core/node/claims.h"
#include "os/file/filedev.h"
#include "os/spool.h"
#include "os/thread.h"
#include "pager/cache/cache.h"
#include "pager/pager.h"
#include "record/tap.h"
#include "swap/swapdev.h"

/* Faults and read-ahead, writes: a device each, so that nobody is woken for
 * what is not his. */
enum pager_dev { DEV_READ, DEV_WRITE, DEVS };

enum pager_thread {
	THREAD_FAULTS = DAEMONS,
	THREAD_RECORD,
	THREADS,
};

#define ADDRESS_PAGES ((uint64_t)1 << 36) /* of the program */
#define MESSAGES_MAX 4096 /* more than threads that wait and events */

/* Messages read from the userfaultfd, not dealt with yet. */
struct messages {
	struct uffd_msg msg[MESSAGES_MAX];
	uint32_t first, count;
};

/* A mapped file; mem is NULL when there is none. */
struct pager_file {
	struct swapdev_place place; /* its descriptor is ours */
	dev_t dev;
	ino_t ino;
	uint64_t pages; /* that are managed still */
	void *mem;      /* the core's tables */
	size_t mem_bytes;
};

/*
 * (C) constant while threads run; (L) under the lock; (A) atomic; (H) the fault
 * thread's.
 */
struct pager {
	struct pager_config cfg; /* (C) */
	struct core *core;       /* (L) */
	pthread_mutex_t lock;
	char *pool;                      /* (C) */
	size_t pool_bytes;               /* (C) */
	char *zeros;                     /* (C) a page of them */
	int uffd;                        /* (C) of the areas */
	int pool_uffd;                   /* (C) of the pool: no events */
	int wake_fd;                     /* (C) ends the fault thread's sleep */
	int stat_fd;                     /* (C) */
	uint64_t *stats;                 /* (A) */
	struct tap tap;                  /* (L) with cfg.record_fd */
	struct spool spool;              /* its bytes; made under (L) */
	struct swapdev_file files[DEVS]; /* (C) */
	struct swapdev *dev[DEVS];       /* (C) */
	struct swapdev_filter_mem filters[DEVS]; /* (C) */
	struct swapdev_req *reqs; /* one an operation; its holder's */
	uint32_t swap_slots;      /* (C) limit */
	uint32_t swap_ready;      /* kswapd's: slots that exist */
	uint64_t grow_retry_ns;   /* kswapd's: no growing before this time */
	uint64_t promised;        /* (L) pages */
	struct pager_file mapped[FILE_AREAS_MAX]; /* (L) by type of entry; an
	                        operation that names it keeps it */
	uint32_t reaping;        /* (A) a thread waits for the read device */
	uint32_t writes, reads;  /* (A) transfers in flight */
	uint32_t removing;       /* (A) ranges on their way out */
	uint32_t events;         /* (A) futex: counts operations that ended */
	uint32_t waiters;        /* (A) threads that wait for it */
	uint32_t asked[DAEMONS]; /* (A) futex: a turn is wanted */
	uint32_t frozen;         /* (L) daemons rest: a fork is going on */
	uint32_t stopping;       /* (A) */
	bool forked;             /* (A) pages may be shared with a child */
	bool said_oom, said_full, said_noarea; /* (A) told once */
	struct os_thread threads[THREADS];
	char *stacks;
	void *core_mem, *swap_mem; /* (C) */
	size_t core_mem_bytes, swap_mem_bytes;
	struct messages messages; /* (H) */
	uint64_t space_bits;      /* (L) the spaces that exist */
	unsigned spaces_top;      /* (L) those from here on never did */
	struct cache_slots caches;
	struct claims claims; /* (L) of pages in areas of spaces but 0 */
};

/* -- pager.c -------------------------------------------------------------- */

static inline void
pager_lock(struct pager *p)
{
	(void)pthread_mutex_lock(&p->lock);
}

static inline void
pager_unlock(struct pager *p)
{
	(void)pthread_mutex_unlock(&p->lock);
}

/*
 * A program's thread enters: no signal handler may run while it has the lock,
 * for the handler might touch managed memory and fault.
 */
struct guard {
	sigset_t old;
	int cancel; /* nor may the thread be cancelled in the middle */
};
void pager_enter(struct guard *g);
void pager_leave(const struct guard *g);

/* Say a line to whoever listens. */
void pager_say(struct pager *p, enum pageout_log_level level, const char *line);
/* The same, the first time only. */
void pager_say_once(struct pager *p, bool *said, enum pageout_log_level level,
                    const char *line);

uint64_t pager_now_ns(void);

/*
 * Wait for something to end that had not when seq was read from p->events.
 * => returns at once if something has, and at the latest after ms
 */
void pager_wait(struct pager *p, uint32_t seq, int ms);
void pager_ended(struct pager *p);

/* A range of pages. */
struct range {
	uint64_t vpn, pages;
	unsigned space; /* of a part: all of it is there */
};

static inline struct range
range_of(const void *addr, size_t bytes)
{
	uint64_t a = (uintptr_t)addr;

	return (struct range){a >> PAGE_SHIFT,
	                      ((a + bytes + PAGE_BYTES - 1) >> PAGE_SHIFT) -
	                              (a >> PAGE_SHIFT),
	                      0};
}

static inline void *
page_addr(uint64_t vpn)
{
	return (void *)(uintptr_t)(vpn << PAGE_SHIFT); /* NOLINT */
}

static inline char *
frame_addr(const struct pager *p, uint32_t pfn)
{
	return p->pool + ((size_t)pfn << PAGE_SHIFT);
}

/* -- ranges.c ------------------------------------------------------------- */

/*
 * The first managed part of a range: all of it is in one area.
 *
 *	ret_type	of entries, if it is of a file; or 0
 *
 * => false when there is none
 */
bool managed_part(struct pager *p, struct range in, struct range *ret,
                  unsigned *ret_type);

/* Stop managing a range.  => as pager_unmanage() */
int range_unmanage(struct pager *p, struct range r);

/* -- files.c -------------------------------------------------------------- */

struct pager_file *file_of_type(struct pager *p, unsigned type);

/* Pages of a file have gone; files without a page are closed.
 * => the first with the lock held, the other without */
void file_unmapped(struct pager *p, unsigned type, uint64_t pages);
void files_sweep(struct pager *p);

/* Write what was changed in the files' parts of a range; says which files. */
int files_write(struct pager *p, struct range r, uint32_t *ret_types);

/* The pager is being taken down. */
void files_close(struct pager *p);

/* -- perform.c, io.c ------------------------------------------------------ */

/*
 * Do what the batch says, and what comes of it.  Transfers are started, all
 * else is done when it returns.
 */
void pager_perform(struct pager *p, struct batch *b);

/*
 * The kernel says that the layout is changing: let it.  The fault thread reads
 * the messages that hold the change up.
 */
void pager_layout_wait(struct pager *p);

/* One operation that is no transfer. */
void perform_op(struct pager *p, struct op *op);

/* Give a transfer to its device. */
void io_start(struct pager *p, struct op *op, struct batch *b);

/*
 * Do a transfer in this thread; with single, page by page, so that each page
 * has a result of its own.
 */
void io_transfer(struct pager *p, struct op *op, bool single);

/*
 * Deal with transfers that have ended; what comes of them is put into b.
 * => waits up to wait_ms for the first; returns whether there was one
 */
bool io_reap(struct pager *p, enum pager_dev dev, int wait_ms, struct batch *b);

/*
 * Wait for a page that is on its way: for the device, or for another thread
 * that waits for it already.
 * => seq was read from p->events before the page was looked at
 */
void io_wait(struct pager *p, uint32_t seq);

/* -- ranges.c ------------------------------------------------------------- */

/* Pages that may be promised: what memory and swap space can hold. */
uint64_t pager_promise_limit(const struct pager *p);

/* -- faults.c, inline.c --------------------------------------------------- */

void faults_run(void *ctx);

/* Read messages so that the kernel lets layouts change.  Fault thread only. */
void faults_drain(struct pager *p);

/* Ask the core for a page, and do what it says. */
enum fault_verdict fault_ask(struct pager *p, uint64_t vpn);

/* The access to a page must fail, and why.  Wakes whoever waits there. */
void fault_fail(struct pager *p, uint64_t vpn, enum fault_verdict v);

int inline_start(struct pager *p);
void inline_stop(struct pager *p);

/* Serve a fault in the calling thread.  => false: not ours, or it must fail */
bool inline_fault(struct pager *p, uint64_t vpn);

/* -- space/spaces.c ------------------------------------------------------- */

/*
 * The space of a page; 0 if it is not managed.
 * => with the lock held, as the next two
 */
static inline unsigned
space_of(const struct pager *p, uint64_t vpn)
{
	const struct claim *claim = claims_find(&p->claims, vpn);

	return claim != NULL ? claim->space : 0;
}

bool space_exists(const struct pager *p, unsigned space);

/*
 * The first managed part of a range: it is in one area.
 * => false when there is none
 */
bool space_next(const struct pager *p, struct range in, struct range *ret);

/*
 * Take the first part that is in one space, managed or not, off a range.
 * => false when nothing is left of it
 */
bool space_take(struct pager *p, struct range *r, struct range *ret);

/* -- daemons.c ------------------------------------------------------------ */

/* A word on which one thread sleeps until it is asked, or ms have passed. */
void word_ask(uint32_t *word);
void word_sleep(uint32_t *word, int ms);

void daemon_ask(struct pager *p, enum daemon who);
void kswapd_run(void *ctx);
void kreclaimd_run(void *ctx);
void flusher_run(void *ctx);

/*
 * A fault found no frame: help, or wait for those who can.
 */
void reclaim_for_fault(struct pager *p, struct batch *b);

#endif
