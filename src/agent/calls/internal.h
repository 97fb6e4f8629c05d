/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * internal.h -- what the files of calls/ share among themselves.
 */
#ifndef AGENT_CALLS_INTERNAL_H
#define AGENT_CALLS_INTERNAL_H

#include <sys/types.h>
#include <ucontext.h>

#include "agent/calls/calls.h"

enum { CALL_ARGS = 6, MASK_BYTES = 8 };

/* A system call that was made. */
struct trap {
	long number;
	unsigned long arg[CALL_ARGS];
	sigset_t *mask; /* the thread's, when it made the call and after it */
	int cancel;     /* and whether it could be cancelled */
	struct held *held;
};

enum { HELD_RUNS = 96 };

/* Memory that stays: runs of whole pages. */
struct held {
	uintptr_t sp;    /* where the call was made; 0: free */
	uint64_t number; /* of all that the thread made */
	unsigned count;
	struct {
		uintptr_t start, end;
	} runs[HELD_RUNS];
};

/* -- signals.c ------------------------------------------------------------ */

/* The kernel's struct sigaction, and where handlers return to. */
struct kernel_action {
	void *handler;
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

extern char calls_restorer[];

void signals_start(void);

/* Nothing that we need is blocked.  In a child: our handlers are there. */
void signals_unblock(void);
void signals_again(void);

/*
 * The pager must not be left by a cancellation.  What comes meanwhile acts at
 * the end, when the thread's mask is as the program has it.
 */
int signals_cancel_off(void);
void signals_cancel_on(int was, const uint64_t *mask);

/* A mask without the signals that must never be blocked. */
uint64_t signals_strip(uint64_t mask);

/* rt_sigaction, rt_sigprocmask */
long signals_action(const struct trap *t);
long signals_mask(const struct trap *t);

/* A handler of the program returns. */
void signals_return(ucontext_t *u);

/* The program's handler of a signal that is not for us. */
void signals_pass(int sig, siginfo_t *info, void *context);

/* -- thread.c ------------------------------------------------------------- */

void thread_first(void);
long thread_sigaltstack(const struct trap *t);

/* In a new thread, or the child of a vfork: its calls are seen, too. */
void thread_child(void);
bool thread_is_child(void); /* of a vfork */

/*
 * What the call holds that the calling thread has made with the stack at sp.
 *
 *	thread_hold_of	=> NULL: nothing any more
 */
struct held *thread_hold_begin(uintptr_t sp);
struct held *thread_hold_of(uintptr_t sp);
void thread_hold_end(struct held *h);

/* It makes its last call. */
void thread_ends(void);

/* -- trap.c --------------------------------------------------------------- */

void trap_handler(int sig, siginfo_t *info, void *context);

/* Make the call here, with signals as the program has them. */
long trap_perform(const struct trap *t);

/* -- places.c ------------------------------------------------------------- */

/* => false when it is not allowed here */
bool places_open(void);

/*
 * When the handler returns, to u, the call is made, and returns to where it was
 * made.
 *
 *	is_pinned	what it holds must end then
 *
 * => false: there are no more places
 */
bool place_go(ucontext_t *u, long number, bool is_pinned);

/* => true when a fault at addr says that a pinned call has ended */
bool place_ended(ucontext_t *u, const void *addr);

/* => false when the call makes no thread and no process */
bool place_clone(const struct trap *t, ucontext_t *u);

/* -- memory.c ------------------------------------------------------------- */

/* => false when the call is about something else */
bool memory_call(const struct trap *t, long *ret);

/* -- shapes.c ------------------------------------------------------------- */

/* Hold what a call touches. */
void shapes_hold(const struct trap *t);

/* -- hold.c --------------------------------------------------------------- */

/* More than so many bytes are not held at once. */
extern size_t hold_bytes_max;

/*
 * The managed pages of a range come in and stay.  Anything may be given: what
 * is not managed is left alone.  When there is no room for more pins, or for
 * the list of them, pages come in and may leave again.
 */
void hold(struct held *h, uintptr_t addr, size_t bytes);
void hold_string(struct held *h, uintptr_t addr);
void hold_end(struct held *h);

/* True when some of the range is managed. */
bool hold_wanted(uintptr_t addr, size_t bytes);

/*
 * Between us and memory of the program that may not exist.
 * => returns 0 or -EFAULT
 */
long hold_read(struct held *h, void *to, uintptr_t from, size_t bytes);
long hold_write(struct held *h, uintptr_t to, const void *from, size_t bytes);

/* -- transfer.c ----------------------------------------------------------- */

/* => false when the call transfers nothing, or nothing managed */
bool transfer(const struct trap *t, long *ret);

#endif
