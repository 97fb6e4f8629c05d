/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * agent.h -- the agent: a library that is loaded before the program's own.
 *
 * It stands in front of the C library's memory and descriptor functions, and
 * makes large private anonymous mappings areas of a pager that runs inside the
 * process (src/pager).  What it cannot manage it leaves alone.
 *
 *	EARLY -- agent_start() --> ON -- fork(): in the child --> OFF
 *	  +-- no keeper, or no pager --> OFF
 *
 * EARLY: other libraries run before our constructor.  Their mappings are
 * written down and adopted later.  OFF: every function does just what the
 * C library's would.
 *
 * A call goes through agent_run(): all signals blocked, the agent's lock held,
 * and on the agent's own stack, because the caller's stack may be managed
 * memory (coroutines) and a fault on it while the pager is locked could never
 * be served.  So nothing that runs under agent_run() may touch memory of the
 * program.
 *
 * Rules for every file here: no malloc, no stdio, no locks of the C library,
 * no writing to the program's descriptors.  test/cli/agent-symbols holds the
 * library to it.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pager/pager.h"

#define EXPORT __attribute__((visibility("default")))

enum { AGENT_PAGE = 4096, AGENT_MANAGE_BYTES_MIN = 64 * 1024 };

enum agent_state { AGENT_EARLY, AGENT_ON, AGENT_OFF };
extern _Atomic int agent_state;
extern struct pager *agent_pager; /* set while ON */

/* The arguments of an interposed call; each function uses what it needs. */
struct call {
	uintptr_t addr, to;
	size_t bytes, to_bytes;
	int prot, flags, fd, advice;
	int64_t offset;
	const void *caller; /* return address */
};

typedef long call_fn(const struct call *c);

/*
 * True if a call of this thread is the agent's business: not of a thread of the
 * pager, not of the pager itself, and not OFF.
 */
bool agent_watches(void);

/*
 * Run fn under the lock.
 * => returns what fn returns: a value or a negative errno
 */
long agent_run(call_fn *fn, const struct call *c);

/*
 * Run open with our own mmap() calls taken for what they are: not the
 * program's.  Only for agent_start().
 */
void agent_inside(bool is_inside);

/* The lock alone, for fork(); agent_run() may be called under it. */
void agent_lock(void);
void agent_unlock(void);

/* Tell the keeper's terminal. */
void agent_log(enum pageout_log_level level, const char *line);
/* The same with the name of a call and an errno; once for each bit of once. */
void agent_log_once(unsigned bit, const char *what, long error);
enum {
	ONCE_MANAGE = 1 << 0,
	ONCE_ADMISSION = 1 << 1,
	ONCE_FORK = 1 << 2,
	ONCE_PIN = 1 << 3
};

/* The keeper's socket, or -1; a log function for the pager. */
extern int agent_socket;
void agent_pager_log(void *ctx, enum pageout_log_level level, const char *line);

/*
 * Whole pages that hold [addr, addr + bytes).
 * => false if there are none: not aligned, empty, or past the end of memory
 */
bool agent_range(uintptr_t addr, size_t bytes, uintptr_t *ret_start,
                 uintptr_t *ret_end);

/* Likewise, of an address that need not be aligned. */
bool agent_pages(uintptr_t addr, size_t bytes, uintptr_t *ret_start,
                 uintptr_t *ret_end);

/* -- memory.c ------------------------------------------------------------ */

/*
 * Make [start, end), readable and writable, an area.
 * => returns 0 when it is managed, or when it is left alone for a reason that
 *    does not matter to the program; -ENOMEM when it is promised already
 */
long memory_manage(uintptr_t start, uintptr_t end, unsigned wishes);

/*
 * Before and after a system call that takes [start, end) away.
 * => memory_leave: -ENOMEM when tables, ours or the kernel's, have no room for
 *    what is left; nothing has changed, and the call must not be made
 */
long memory_leave(uintptr_t start, uintptr_t end);
void memory_left(uintptr_t start, uintptr_t end);

/* munmap() of [start, end). */
long memory_unmap(uintptr_t start, uintptr_t end);

/*
 * A new mapping is there: what we thought was has been unmapped behind our
 * back.
 * => -ENOMEM, and the mapping is gone: no room to forget the old one
 */
long memory_replaced(uintptr_t start, uintptr_t end);

/* Go ON, and adopt what was mapped EARLY. */
void memory_adopt(void);

/* The allocator's text: what it maps is promised whatever it says. */
void memory_allocator(uintptr_t start, uintptr_t end);

/* -- files.c ------------------------------------------------------------- */

/* The descriptors that are refused to the program, in any order. */
void files_protect(const int *fds, size_t count);
void files_forget(void); /* in a child */

/*
 * Occupy the low descriptor numbers while the pager opens its own, so that the
 * program finds the numbers it would find without us.
 */
void files_fill(void);
void files_unfill(void);

/* -- fork.c -------------------------------------------------------------- */

/* Find the C library's functions. */
void fork_prepare(void);

#endif
