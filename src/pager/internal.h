/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * internal.h -- what the files of the pager share among themselves.
 *
 *	pager.c		open, close, time, waiting for events
 *	node/		nodes: a core each, with its frames, swap file, threads;
 *			and which node has a page
 *	faults.c	thread mode: faults are read and served; and events
 *	inline.c	inline mode: the faulting thread serves itself
 *	ranges.c	ranges become managed, change, and cease to be
 *	hints.c		what programs say about ranges; pins
 *	file/		mapped files
 *	fork.c		everything resident, then fork
 *	cache/		shrinkers and slab caches: what the program can spare
 *	space/		spaces come and go
 *
 * Locks, in the order in which they are taken; none but the last is held over a
 * system call that may wait:
 *
 *	the caches'	which caches there are
 *	the map's	which ranges are managed, whose they are, and promises
 *	a node's	its core; never those of two nodes at once
 *	its copies'	what was left behind in its pool; held while that goes
 *
 * Ranges begin to be managed, change hands and cease to be under the map's lock
 * and that of the node.  So who has found a page's node may have found what is
 * no longer true when it has the node's lock: then the core knows no area, and
 * the place is looked up again.
 */
#ifndef PAGER_INTERNAL_H
#define PAGER_INTERNAL_H

#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <sys/types.h>

#include "core/core.h"
#include "core/node/claims.h"
#include "core/node/zonelist.h"
#include "os/numa.h"
#include "os/spool.h"
#include "os/thread.h"
#include "pager/cache/cache.h"
#include "pager/node/node.h"
#include "pager/pager.h"
#include "record/tap.h"

_Static_assert(PAGER_NODES_MAX == NODES_MAX, "as many as zonelists have");

enum pager_thread { THREAD_FAULTS, THREAD_RECORD, THREADS };

#define ADDRESS_PAGES ((uint64_t)1 << 36) /* of the program */
#define MESSAGES_MAX 4096 /* more than threads that wait and events */

#define STRAYS 64

/* Something that happens again and again, and can be waited for. */
struct pulse {
	uint32_t count;   /* (A) futex */
	uint32_t waiters; /* (A) threads */
};

/* Messages read from the userfaultfd, not dealt with yet. */
struct messages {
	struct uffd_msg msg[MESSAGES_MAX];
	uint32_t first, count;
	uint32_t events; /* of them, not served */
};

/*
 * (C) constant while threads run; (M) under the map's lock; (A) atomic; (H) the
 * fault thread's.
 */
struct pager {
	struct pager_config cfg;              /* (C) */
	unsigned node_count;                  /* (C) */
	struct zonelist zonelists[NODES_MAX]; /* (C) */
	uint64_t chunk_pages;                 /* (C) */
	struct numa machine;                  /* (C) */
	const char *root;                     /* (C) where sys/ is */
	pthread_mutex_t map_lock;
	int uffd;           /* (C) of the areas */
	int pool_uffd;      /* (C) of the pools: no events */
	int wake_fd;        /* (C) ends the fault thread's sleep */
	int stat_fd;        /* (C) */
	uint64_t *stats;    /* (A) of node 0, and so on */
	struct tap tap;     /* with cfg.record_fd; under its node's lock */
	struct spool spool; /* its bytes; made under that lock */
	uint64_t promised;  /* (M) pages */
	uint32_t removing;  /* (A) ranges on their way out */
	struct pulse ended; /* with each operation that has ended */
	struct pulse woken; /* with those for which a fault may wait */
	uint32_t stopping;  /* (A) */
	bool forked;        /* (A) pages may be shared with a child */
	bool has_claims;    /* (A) since claims has, or ever had, one */
	bool said_oom, said_noarea; /* (A) told once */
	struct os_thread threads[THREADS];
	char *stacks;
	struct messages messages; /* (H) */
	uint64_t strays[STRAYS];  /* (H) pages: see fault_stray() */
	uint64_t space_bits;      /* (M) the spaces that exist */
	unsigned spaces_top;      /* (M) those from here on never did */
	struct cache_slots caches;
	struct claims claims; /* (M) of one node: of spaces but 0 */
	struct node nodes[NODES_MAX];
};

/* -- pager.c -------------------------------------------------------------- */

static inline void
map_lock(struct pager *p)
{
	(void)pthread_mutex_lock(&p->map_lock);
}

static inline void
map_unlock(struct pager *p)
{
	(void)pthread_mutex_unlock(&p->map_lock);
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

static inline uint32_t
pulse_now(const struct pulse *at)
{
	return __atomic_load_n(&at->count, __ATOMIC_ACQUIRE);
}

/*
 * Wait for the next beat after seq, which pulse_now() said.
 * => returns at once if there was one, and at the latest after ms
 */
void pulse_wait(struct pulse *at, uint32_t seq, int ms);
void pulse_beat(struct pulse *at);

/*
 * The kernel says that the layout is changing: let it.  The fault thread reads
 * the messages that hold the change up.
 */
void pager_layout_wait(struct pager *p);

/* A range of pages. */
struct range {
	uint64_t vpn, pages;
};

static inline struct range
range_of(const void *addr, size_t bytes)
{
	uint64_t a = (uintptr_t)addr;

	return (struct range){a >> PAGE_SHIFT,
	                      ((a + bytes + PAGE_BYTES - 1) >> PAGE_SHIFT) -
	                              (a >> PAGE_SHIFT)};
}

static inline void *
page_addr(uint64_t vpn)
{
	return (void *)(uintptr_t)(vpn << PAGE_SHIFT); /* NOLINT */
}

/* -- node/places.c -------------------------------------------------------- */

/* Where a page is, or was when it was looked up. */
struct place {
	struct node *node;
	unsigned space;
};

/* => where nobody's page is, or one that is not managed, no core has an area */
struct place place_of(struct pager *p, uint64_t vpn);

/*
 * The same with the map's lock held.
 * => false: it is nobody's
 */
bool map_place(struct pager *p, uint64_t vpn, struct place *ret);

/*
 * The same for whoever touches the page, which is claimed if it is nobody's.
 *
 *	tid	who does, if not the caller; or 0
 */
struct place place_for(struct pager *p, uint64_t vpn, int tid);

/*
 * The core of a place knew no area for the page.
 * => true when the page has another place now; *at is that
 */
bool place_moved(struct pager *p, uint64_t vpn, int tid, struct place *at);

/* The node nearest to the CPU of a thread; tid as above. */
unsigned near_node(struct pager *p, int tid);

/* One for something of unknown size.  => with the map's lock held */
struct node *node_choose(struct pager *p, unsigned near);

/* -- node/parts.c --------------------------------------------------------- */

/* A managed part of a range: all of it is in one area, or nobody's. */
struct part {
	uint64_t vpn, pages;
	struct node *node; /* NULL: nobody's */
	unsigned space;
	unsigned type;  /* of its entries, if it is of a file; or 0 */
	uint32_t flags; /* of the area */
	uint64_t from;  /* move.c: where its pages are, so far */
};

/*
 * The first managed part of a range.
 * => false when there is none
 */
bool part_first(struct pager *p, struct range in, struct part *ret);

/* Likewise, and take it, and what is not managed before it, off the range. */
bool part_take(struct pager *p, struct range *r, struct part *ret);

/* The two with the map's lock held. */
bool map_part(struct pager *p, struct range in, struct part *ret);
bool map_part_take(struct pager *p, struct range *r, struct part *ret);

/*
 * The core of its node gets an area for a part, which is no file's; or has none
 * any more.  The directory does not change.
 * => 0 or -ENOMEM; with the map's lock held
 */
int part_give(const struct part *part);
int part_disown(const struct part *part);

/* Pages are managed, or no more, and nobody's.  => with the map's lock held */
void managed_add(struct pager *p, uint64_t pages);
void managed_sub(struct pager *p, uint64_t pages);

/* -- ranges.c ------------------------------------------------------------- */

/*
 * The first managed part of a range is managed no more; its pages are there
 * still.
 * => 0; -ENOENT: there is none; -ENOMEM: no room to split an area, which is so
 *    for the first part of a range or for none
 */
int part_forget(struct pager *p, struct range r, struct part *ret);

/*
 * The directory gets a part that is in no claim yet.
 * => with the map's lock held; -ENOMEM: it is full
 */
int claim_add(struct pager *p, const struct part *part);

/* Stop managing a range.  => as pager_unmanage() */
int range_unmanage(struct pager *p, struct range r);

/* A step of a core on a part; says how many pages are still in motion. */
typedef uint64_t step_fn(const struct part *part, struct batch *b);

/* Call step until nothing is in motion; nobody's pages never are. */
void until_still(step_fn *step, const struct part *part);
uint64_t step_discard(const struct part *part, struct batch *b);

/* Pages that may be promised: what memory and swap space can hold. */
uint64_t pager_promise_limit(const struct pager *p);

/* -- move.c --------------------------------------------------------------- */

/*
 * The kernel has moved the pages of a range: what is managed there is managed
 * at to now.  Fault thread only.
 * => false when that cannot be: something is managed at to, or tables are full
 */
bool range_moved(struct pager *p, struct range from, uint64_t to);

/* -- file/files.c --------------------------------------------------------- */

struct pager_file *file_of_type(struct node *n, unsigned type);

/* Pages of a file have gone; files without a page are closed.
 * => the first with both locks held, the other without */
void file_unmapped(struct node *n, unsigned type, uint64_t pages);
void files_sweep(struct node *n);

/* Files, by node and type of entry. */
struct file_set {
	uint32_t types[NODES_MAX];
};

/* Write what was changed in the files' parts of a range; says which files. */
int files_write(struct pager *p, struct range r, struct file_set *ret);

/* The node is being taken down. */
void files_close(struct node *n);

/* -- faults.c, inline.c --------------------------------------------------- */

void faults_run(void *ctx);

/* Read messages so that the kernel lets layouts change.  Fault thread only. */
void faults_drain(struct pager *p);

/*
 * An event that was read and is not served yet takes the page away.  Who raised
 * it goes on, and takes nothing if the page is not there: so it must not come.
 * => false in any other thread
 */
bool faults_taking(const struct pager *p, uint64_t vpn);

/*
 * Ask the core for a page, and do what it says.
 *
 *	tid	as of place_for()
 *	writes	the access is a write
 *	ret	the node that was asked
 */
enum fault_verdict fault_ask(struct pager *p, uint64_t vpn, int tid,
                             bool writes, struct node **ret);

/* The page is gone though the core has it mapped: serve the fault anew. */
bool page_lost(struct pager *p, uint64_t vpn);

/* The access to a page must fail, and why.  Wakes whoever waits there. */
void fault_fail(struct pager *p, uint64_t vpn, enum fault_verdict v);

int inline_start(struct pager *p);
void inline_stop(struct pager *p);

/* -- space/spaces.c ------------------------------------------------------- */

/* => with the map's lock held */
bool space_exists(const struct pager *p, unsigned space);

#endif
