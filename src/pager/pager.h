/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pager.h -- the real host: real pages, faults, threads and a swap device.
 *
 * This is the door of the room for the agent; libpageout's public calls are a
 * thin layer over the same (pageout.c).  A pager manages ranges of address
 * space that exist already: whoever mapped them tells it so, and tells it
 * before they are unmapped, replaced or moved.
 *
 * Calls are made by program threads, never by a thread of the pager and never
 * in a signal handler.  They return 0 or a negative errno and print nothing.
 * They block all signals while they hold the node's lock.
 *
 * The pager itself allocates with mmap system calls only, so it may live under
 * an interposed malloc and mmap.
 */
#ifndef PAGER_PAGER_H
#define PAGER_PAGER_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pageout/pageout.h"

struct pager;

#define PAGER_NODES_MAX 8
#define PAGER_FDS_MAX (5 + 4 * PAGER_NODES_MAX)

/*
 * Where the pages of each node go: a file of its own, or a part of a device or
 * swap file that is kept.
 */
struct pager_swapspace {
	unsigned nodes;          /* 1..PAGER_NODES_MAX */
	int fd[PAGER_NODES_MAX]; /* files, or one that is kept */
	bool is_shared;          /* all are that one */
	bool direct;             /* they were opened with O_DIRECT */
	uint64_t bytes;          /* limit of what each node has */
};

struct pager_config {
	uint64_t mem_bytes;          /* budget of all nodes */
	struct pager_swapspace swap; /* and how many nodes; taken over */
	int stat_fd;        /* memory file for statistics, taken over; -1: the
	                        pager makes one */
	int record_fd;      /* for a record of the run, taken over; 0: none */
	const char *policy; /* as policy_parse() reads it; "": default */
	const char *root;   /* where sys/ is; NULL: in / */
	enum pageout_mode mode;
	bool events;     /* listen for unmaps that bypass us (agent) */
	bool own_signal; /* inline: the caller's handler of SIGBUS calls
	                    pager_serve() */
	pageout_log_fn *log;
	void *log_ctx;
};

/*
 * Open and close.  After pager_open() its threads run.  Before pager_close()
 * nothing may be managed any more: pager_unmap_all() unmaps what is.
 */
int pager_open(struct pager **ret, const struct pager_config *config);

/*
 * A line that says why pager_open() failed with error, and what to do.
 * => NULL: no more is known than the error's name
 */
const char *pager_open_why(int error);
void pager_unmap_all(struct pager *p);
void pager_close(struct pager *p);

/*
 * The process will end without pager_close(): the record, if there is one,
 * ends here, well.
 */
void pager_record_end(struct pager *p);

/*
 * Spaces: see pageout.h.  A pager with events has space 0 only.
 * => -ENOSPC: there are no more; -EINVAL: no such space, or 0 to be destroyed;
 *    -EBUSY: it is not empty
 */
int pager_space_create(struct pager *p);
int pager_space_destroy(struct pager *p, unsigned space);
int pager_space_stats(struct pager *p, unsigned space, uint64_t *ret_managed,
                      uint64_t *ret_mapped);

/*
 * The range becomes managed, in a space: private anonymous readable and
 * writable memory, whole pages.  Pages that are resident in it are taken
 * over.
 * => -ENOMEM: budget and swap together are promised already, tables are full,
 *    or there is no room for what is there; nothing has changed.  -EEXIST: part
 *    of it is managed; -EINVAL: no such space; or what userfaultfd says
 */
int pager_manage(struct pager *p, unsigned space, void *addr, size_t bytes,
                 bool promise);

/*
 * The range, private anonymous memory that nobody has touched, becomes pages of
 * a file.
 *
 *	shared	others write the file
 *
 * => -EACCES: fd is not open for reading and writing; -EINVAL: not a regular
 *    file, in O_APPEND or O_DIRECT mode, or a bad offset; -EFBIG: too long;
 *    -EBUSY: some of it is mapped; -EMFILE: too many files; -ENOMEM
 */
int pager_map_file(struct pager *p, void *addr, size_t bytes, int fd,
                   uint64_t offset, bool shared);

/*
 * Write what has changed in the mapped files' parts of a range; pager_sync()
 * also waits for their disks.
 * => -EIO: some pages were not written, and are kept; -EBUSY: some cannot be
 *    unmapped, they are pinned or held by a device
 */
int pager_write_back(struct pager *p, void *addr, size_t bytes);
int pager_sync(struct pager *p, void *addr, size_t bytes);

/*
 * Before munmap, MAP_FIXED or anything that takes the range away: forget its
 * contents and stop managing it.  Parts that are not managed are skipped.
 * => -ENOMEM: tables are full; nothing has changed
 * => call pager_unmanaged() after the system call: threads that touched the
 *    range meanwhile are woken
 */
int pager_unmanage(struct pager *p, void *addr, size_t bytes);
void pager_unmanaged(struct pager *p, void *addr, size_t bytes);

/* True when any page, or every page, of the range is managed. */
bool pager_covers(struct pager *p, const void *addr, size_t bytes);
bool pager_covers_all(struct pager *p, const void *addr, size_t bytes);

/* MADV_DONTNEED on the managed parts: contents read as zero afterwards. */
int pager_discard(struct pager *p, void *addr, size_t bytes);

/*
 * mremap by hand: move the managed pages at from to to, which is managed,
 * empty and as long.  Then from is as after pager_unmanage().
 * => -EINVAL: the two are not in one space
 */
int pager_move(struct pager *p, void *from, void *to, size_t bytes);

/* pageout_advise() and friends on managed parts; see pageout.h. */
int pager_advise(struct pager *p, void *addr, size_t bytes,
                 enum pageout_hint hint);
int pager_pin(struct pager *p, const void *addr, size_t bytes);
int pager_unpin(struct pager *p, const void *addr, size_t bytes);

/*
 * The same for a caller that has blocked all signals, and may be in a handler;
 * it soon releases what it holds, and may hold more than others pin.
 */
int pager_hold(struct pager *p, const void *addr, size_t bytes);
void pager_release(struct pager *p, const void *addr, size_t bytes);

/*
 * The protection of a range has changed: frames that would not move may move
 * again.
 */
void pager_protected(struct pager *p, void *addr, size_t bytes);

/*
 * Inline mode: serve the fault that a SIGBUS says, all signals being blocked.
 * => returns false when it is none of ours, or must fail
 */
bool pager_serve(struct pager *p, const siginfo_t *info);

/*
 * fork.  Before: everything is made resident and kept so; daemons rest.
 * => pager_fork_before: -ENOMEM when it does not fit; nothing has changed then
 * After, in the parent: go on.  In the child: the memory is plain memory now,
 * the pager is dead and its descriptors are closed.
 */
int pager_fork_before(struct pager *p);
void pager_fork_parent(struct pager *p);
void pager_fork_child(struct pager *p);

/*
 * Descriptors that the program must not close.
 * => fills fds (PAGER_FDS_MAX), returns how many; they never change.
 * pager_uffds: those of them that are userfaultfds, for the keeper to hold.
 */
unsigned pager_fds(const struct pager *p, int *fds);
unsigned pager_uffds(const struct pager *p, int *fds);

/*
 * What is counted: up to count values by enum pageout_stat_id.
 *
 *	node	whose, or PAGER_ALL_NODES: sums
 *
 * => returns how many nodes there are
 */
#define PAGER_ALL_NODES UINT_MAX
unsigned pager_stats(const struct pager *p, unsigned node, uint64_t *values,
                     unsigned count);

/*
 * Whether a policy is what it should be: "name" or "name:tunable=number,...".
 * => NULL when it is; else the part of it that is wrong
 *
 * pager_policy_name: names in order, each with a line of help; then NULL.
 * pager_policy_tunable: the tunables of policy number n in order; false at the
 * end.
 */
struct pager_tunable {
	const char *name, *help;
	uint32_t min, max, exact, preset;
};

const char *pager_policy_wrong(const char *policy);
bool pager_policy_tunable(unsigned n, unsigned i, struct pager_tunable *ret);
const char *pager_policy_name(unsigned n, const char **ret_help);

/* True for a thread of the pager. */
bool pager_is_own_thread(const struct pager *p);

/* -- swap files (swap/), used by pageout_open() and the launcher --------- */

/*
 * Open a swap file.
 *
 *	path	a directory (an unnamed file is made in it), a block device, or
 *		a swap file as mkswap makes it; NULL: $PAGEOUT_SWAP, else
 *		$TMPDIR, else /var/tmp, the first that can be used and is not
 *		memory
 *	bytes	wanted size; 0: chosen from the free space
 *	reason	room for REASON_MAX bytes: why it failed or what to know
 *
 * => returns a descriptor, or a negative errno with *reason set.  On success
 *    *reason is "" or a warning.
 */
#define PAGER_REASON_MAX 256
struct pager_swapfile {
	int fd;
	bool direct;    /* O_DIRECT works */
	bool is_kept;   /* it was there before, and stays: a device, a file */
	uint64_t bytes; /* limit of its size */
	char path[256]; /* the place chosen, for messages */
};
int pager_swapfile_open(struct pager_swapfile *ret, const char *path,
                        uint64_t bytes, char *reason);

/*
 * Open the swap space of an engine with so many nodes, as
 * pager_swapfile_open(); each has a part of it.
 */
int pager_swapspace_open(struct pager_swapspace *ret, unsigned nodes,
                         const char *path, uint64_t bytes, char *reason);
void pager_swapspace_close(struct pager_swapspace *s);

/*
 * How many nodes an engine of mem_bytes has.
 *
 *	wanted	0: as many as the machine has nodes with memory
 *
 * => -EINVAL: there can't be so many, or each would have too little
 */
int pager_nodes(unsigned wanted, uint64_t mem_bytes);

/* A fresh, empty statistics file.  => descriptor or negative errno */
int pager_stat_create(void);

#endif
