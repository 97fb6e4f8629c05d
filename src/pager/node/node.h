/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * node.h -- a node: frames, the core that decides over them, and its threads.
 *
 *	faults, calls     kswapdN  kreclaimdN  flusherN
 *	      |               |        |          |
 *	      +---------------+--------+----------+
 *	                      v
 *	                lock, core --batch--> node_perform
 *	                      ^                 |        |
 *	                      |               moves   transfers
 *	                      |                 v        v
 *	                      +-- op_done --- pool    swap file
 *
 *	node.c		a node is built and taken down
 *	perform.c	operations of its core, done to real memory
 *	copies.c	pages that come in as copies, where threads compete
 *	io.c		operations that go to its swap file, and come back
 *	daemons.c	kswapd, kreclaimd, the flusher
 *	cpus.c		which CPUs are near
 *	places.c	which node, and which space, has a page
 *	parts.c		ranges, in parts of which each is one node's
 *
 * The lock guards the core, and is never held over a system call.  What a call
 * of the core put into a batch is performed without it, by the same node.  Who
 * needs a node only is given the node; its pager has what all nodes share.
 */
#ifndef PAGER_NODE_NODE_H
#define PAGER_NODE_NODE_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/types.h>

#include "core/core.h"
#include "os/file/filedev.h"
#include "os/thread.h"
#include "record/tap.h"
#include "swap/swapdev.h"

struct pager;
struct pulse;

/* Faults and read-ahead, writes: a device each, so that nobody is woken for
 * what is not his. */
enum pager_dev { DEV_READ, DEV_WRITE, DEVS };

/* A mapped file; mem is NULL when there is none. */
struct pager_file {
	struct swapdev_place place; /* its descriptor is ours */
	dev_t dev;
	ino_t ino;
	uint64_t pages; /* that are managed still */
	void *mem;      /* the core's tables */
	size_t mem_bytes;
};

#define COPIES_MAX 64

/* Frames that are mapped, and whose places are not empty yet. */
struct copies {
	pthread_mutex_t lock;     /* taken last; held while memory is dropped */
	uint32_t max;             /* (C) */
	uint32_t count;           /* changed under the lock; (A) */
	uint32_t pfn[COPIES_MAX]; /* under the lock */
	uint64_t thread;          /* (A) that faulted last */
	uint32_t crowd;           /* (A) not 0: several threads fault */
};

/*
 * (C) constant while threads run; (L) under the lock; (M) changed under the
 * map's lock and the node's, read under either; (A) atomic.
 */
struct node {
	struct pager *pager; /* (C) */
	unsigned id;         /* (C) */
	unsigned real;       /* (C) the machine's node, by index */
	cpu_set_t cpus;      /* (M) nearest to it; of kswapd, too */
	struct core *core;   /* (L) */
	pthread_mutex_t lock;
	char *pool;                              /* (C) */
	size_t pool_bytes;                       /* (C) */
	char *zeros;                             /* (C) a page of them */
	uint64_t *stats;                         /* (A) */
	struct swapdev_file files[DEVS];         /* (C) */
	struct swapdev *dev[DEVS];               /* (C) */
	struct swapdev_filter_mem filters[DEVS]; /* (C) */
	struct swapdev_req *reqs; /* one an operation; its holder's */
	uint32_t swap_first;      /* (C) of a device that others share: ours */
	uint32_t swap_slots;      /* (C) limit */
	uint32_t swap_ready;      /* kswapd's: slots that exist */
	uint64_t grow_retry_ns;   /* kswapd's: no growing before this time */
	struct pager_file mapped[FILE_AREAS_MAX]; /* (M) by type of entry; an
	                        operation that names it keeps it */
	uint64_t claimed;        /* (M) pages of areas that are no files */
	uint64_t promised;       /* (M) of those, pages that must have room */
	uint32_t reaping;        /* (A) a thread waits for the read device */
	uint32_t writes, reads;  /* (A) transfers in flight */
	uint32_t asked[DAEMONS]; /* (A) futex: a turn is wanted */
	uint32_t frozen;         /* (L) daemons rest: a fork is going on */
	uint32_t standing_in;    /* (A) a fault does kswapd's work */
	struct copies copies;
	bool said_full; /* (A) told once */
	struct os_thread threads[DAEMONS];
	char names[DAEMONS][16];
	char *stacks;
	void *core_mem, *swap_mem; /* (C) */
	size_t core_mem_bytes, swap_mem_bytes;
};

static inline void
node_lock(struct node *n)
{
	(void)pthread_mutex_lock(&n->lock);
}

static inline void
node_unlock(struct node *n)
{
	(void)pthread_mutex_unlock(&n->lock);
}

static inline char *
frame_addr(const struct node *n, uint32_t pfn)
{
	return n->pool + ((size_t)pfn << PAGE_SHIFT);
}

/* -- node.c --------------------------------------------------------------- */

/* => 0 or a negative errno; node_close() after either */
int node_open(struct node *n, struct pager *p, unsigned id);

/*
 * Start its threads.  What kswapd and kreclaimd do, faults can do, if need be.
 * => 0 or a negative errno
 */
int node_start(struct node *n);

/* Start kswapd, if it does not run.  => 0 or a negative errno */
int kswapd_run(struct node *n);

/* Pages that it can hold, in memory or on its swap space. */
uint64_t node_limit(const struct node *n);

/* Its descriptors.  => fills fds, returns how many */
unsigned node_fds(const struct node *n, int *fds);

/*
 * Its threads end, if there are any; transfers that are under way end, for they
 * name our memory [I4]; all is given back.
 */
void node_stop(struct node *n);
void node_drain(struct node *n);
void node_close(struct node *n);

/* In the child after fork(): close what it has of it. */
void node_forget(struct node *n);

/* -- perform.c, io.c ------------------------------------------------------ */

/*
 * Do what the batch says, and what comes of it.  Transfers are started, all
 * else is done when it returns.
 */
void node_perform(struct node *n, struct batch *b);

/* The places of frames are empty, also if the process has locked its memory. */
void frames_drop(const struct node *n, uint32_t pfn, uint32_t count);

/* One operation that is no transfer. */
void perform_op(struct node *n, struct op *op);

/* Give a transfer to its device. */
void io_start(struct node *n, struct op *op, struct batch *b);

/*
 * Do a transfer in this thread; with single, page by page, so that each page
 * has a result of its own.
 */
void io_transfer(struct node *n, struct op *op, bool single);

/*
 * Deal with transfers that have ended; what comes of them is put into b.
 * => waits up to wait_ms for the first; returns whether there was one
 */
bool io_reap(struct node *n, enum pager_dev dev, int wait_ms, struct batch *b);

/*
 * Wait for a page that is on its way: for the device, or for another thread
 * that waits for it already.
 * => seq was read from at before the page was looked at
 */
void io_wait(struct node *n, struct pulse *at, uint32_t seq);

/* -- copies.c ------------------------------------------------------------- */

/* Nothing is left behind yet; the pool is open. */
void copies_open(struct node *n);

/* This thread, by any number that is its own, has faulted. */
void copies_note_fault(struct node *n, uint64_t thread);

/* Bring the page of an OP_MAP in as a copy.  => false: it is to be moved */
bool copies_map(struct node *n, const struct op *op);

/* The places of all frames of an operation are to be empty. */
void copies_settle(struct node *n, const struct op *op);

/* For kswapd: when much was left behind, give it back. */
void copies_give_back(struct node *n);

/* -- cpus.c --------------------------------------------------------------- */

/*
 * Which CPUs are nearest to it; again, when they may have changed.
 * => before its threads run, or by its kswapd, which ends before its flusher
 */
void node_deal_cpus(struct node *n);

/* The calling thread runs there, if there are any and there is a choice. */
void node_bind_thread(struct node *n);

/* -- daemons.c ------------------------------------------------------------ */

/* A word on which one thread sleeps until it is asked, or ms have passed. */
void word_ask(uint32_t *word);
void word_sleep(uint32_t *word, int ms);

void daemon_ask(struct node *n, enum daemon who);
void kswapd(void *ctx);
void kreclaimd(void *ctx);
void flusher(void *ctx);

/*
 * A fault found no frame: help, or wait for those who can.
 */
void reclaim_for_fault(struct node *n, struct batch *b);

#endif
