/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread.c -- what each thread needs: a gate, a stack for handlers.
 *
 * Handlers run on a stack of ours, because the program's own may be managed
 * memory, and the kernel must be able to write a frame to it.  What the program
 * thinks its alternate stack is, is written down; its handlers run on ours,
 * which is larger.
 *
 * A new thread gets all that before its first instruction (places.c).  Its
 * block is given to another when the kernel knows the thread no more; till then
 * it may still be running on it.
 */
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "agent/agent.h"
#include "agent/calls/internal.h"
#include "agent/sys.h"
#include "base/assert.h"

enum { BLOCK_BYTES = 8 * 1024 * 1024 }; /* as much as a stack has */
enum { HELD_MAX = 32 };                 /* calls in handlers in calls */
#ifndef SS_AUTODISARM                   /* Linux 4.7 */
#define SS_AUTODISARM (1U << 31)
#endif

enum { BLOCK_LIVES, BLOCK_ENDS, BLOCK_TAKEN };

/* At the end of its memory; the stack is before it, and a page of nothing. */
struct thread {
	struct thread *next; /* there ever was */
	_Atomic int state;
	int tid;
	stack_t asked;  /* the alternate stack, as the program has it */
	uint64_t calls; /* that it made */
	struct held held[HELD_MAX];
};

static _Atomic(struct thread *) threads;
static uintptr_t text_start, text_bytes; /* of this library */
static __thread struct thread *me;
static __thread volatile char gate;

char
calls_gate_open(void)
{
	char was = gate;

	gate = GATE_OPEN;
	return was;
}

void
calls_gate_set(char was)
{
	gate = was;
}

static char *
block_of(struct thread *t)
{
	return (char *)(t + 1) - BLOCK_BYTES;
}

/* -- blocks --------------------------------------------------------------- */

static bool
is_gone(const struct thread *t)
{
	return sys(SYS_tgkill, sys(SYS_getpid), t->tid, 0) == -ESRCH;
}

/* Of a thread that has ended.  => NULL: there is none */
static struct thread *
block_again(void)
{
	struct thread *t = atomic_load(&threads);

	for (; t != NULL; t = t->next) {
		int ends = BLOCK_ENDS;

		if (atomic_load(&t->state) == BLOCK_ENDS && is_gone(t) &&
		    atomic_compare_exchange_strong(&t->state, &ends,
		                                   BLOCK_TAKEN))
			return t;
	}
	return NULL;
}

/* => NULL: no memory */
static struct thread *
block_get(void)
{
	struct thread *t = block_again();
	long at;

	if (t != NULL)
		return t;
	at = sys(SYS_mmap, 0, BLOCK_BYTES, PROT_READ | PROT_WRITE,
	         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1,
	         0);
	if (sys_failed(at))
		return NULL;
	(void)sys(SYS_mprotect, at, AGENT_PAGE, PROT_NONE);
	t = (struct thread *)(at + BLOCK_BYTES) - 1;
	atomic_store(&t->state, BLOCK_TAKEN);
	t->next = atomic_load(&threads);
	while (!atomic_compare_exchange_weak(&threads, &t->next, t))
		;
	return t;
}

/* -- a thread begins and ends --------------------------------------------- */

/* From now on the calls of the calling thread, as the kernel has it, trap. */
static void
dispatch(void)
{
	long r = sys(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH,
	             PR_SYS_DISPATCH_ON, text_start, text_bytes, &gate);

	must(r == 0);
}

static void
thread_begins(struct thread *t)
{
	stack_t stack = {.ss_sp = block_of(t) + AGENT_PAGE,
	                 .ss_size = BLOCK_BYTES - AGENT_PAGE - sizeof(*t)};
	long r;

	t->tid = (int)sys(SYS_gettid);
	t->asked = (stack_t){.ss_flags = SS_DISABLE};
	for (unsigned i = 0; i < HELD_MAX; i++)
		t->held[i].sp = 0;
	me = t;
	signals_unblock();
	atomic_store(&t->state, BLOCK_LIVES);
	r = sys(SYS_sigaltstack, &stack, 0);
	must(r == 0);
	gate = GATE_SHUT;
	dispatch();
}

void
thread_child(void)
{
	if (me != NULL) { /* of a vfork */
		signals_again();
		dispatch();
	} else {
		struct thread *t = block_get();

		if (t != NULL)
			thread_begins(t);
	}
}

bool
thread_is_child(void)
{
	return me->tid != (int)sys(SYS_gettid);
}

/* What it held lasts no longer, though the block may. */
void
thread_ends(void)
{
	for (unsigned i = 0; i < HELD_MAX; i++)
		thread_hold_end(&me->held[i]);
	if (!thread_is_child())
		atomic_store(&me->state, BLOCK_ENDS);
}

/* -- what it holds --------------------------------------------------------
 *
 * A handler of the program may run while a call waits, and make calls: so there
 * are several lists of what they hold.  The handler may also jump out of it
 * all, or go on on another stack.  What a call left behind then is known by its
 * stack: on the same one, no call that is still under way has it below ours.
 * The oldest list is taken when there is no other.
 */

void
thread_hold_end(struct held *h)
{
	hold_end(h);
	h->sp = 0;
}

static bool
is_on_ours(uintptr_t sp)
{
	return sp >= (uintptr_t)block_of(me) && sp < (uintptr_t)me;
}

/* No call is under way any more that was made there. */
static bool
is_over(uintptr_t then, uintptr_t now)
{
	if (is_on_ours(then) != is_on_ours(now))
		return is_on_ours(then);
	return then <= now;
}

struct held *
thread_hold_begin(uintptr_t sp)
{
	struct held *mine = &me->held[0];

	for (unsigned i = 0; i < HELD_MAX; i++) {
		struct held *h = &me->held[i];

		if (h->sp != 0 && is_over(h->sp, sp))
			thread_hold_end(h);
		if (mine->sp != 0 && (h->sp == 0 || h->number < mine->number))
			mine = h;
	}
	if (mine->sp != 0)
		thread_hold_end(mine);
	mine->sp = sp;
	mine->number = ++me->calls;
	mine->count = 0;
	return mine;
}

struct held *
thread_hold_of(uintptr_t sp)
{
	for (unsigned i = 0; i < HELD_MAX; i++)
		if (me->held[i].sp == sp)
			return &me->held[i];
	return NULL;
}

/* -- the alternate stack that the program thinks it has ------------------- */

long
thread_sigaltstack(const struct trap *t)
{
	stack_t old = me->asked, new = old;
	long r = 0;

	if (t->arg[0] != 0)
		r = hold_read(t->held, &new, t->arg[0], sizeof(new));
	if (r == 0 &&
	    (new.ss_flags & ~(SS_DISABLE | (int)SS_AUTODISARM)) != 0 &&
	    new.ss_flags != SS_ONSTACK)
		r = -EINVAL;
	if (r == 0 && !(new.ss_flags &SS_DISABLE) && t->arg[0] != 0 &&
	    new.ss_size < 2048)
		r = -ENOMEM;
	if (r == 0 && t->arg[1] != 0)
		r = hold_write(t->held, t->arg[1], &old, sizeof(old));
	if (r == 0)
		me->asked = new;
	return r;
}

/* -- the first thread ----------------------------------------------------- */

/* Where this library's text is.  => 1 when found */
static int
find_text(struct dl_phdr_info *info, size_t bytes, void *none)
{
	(void)bytes;
	(void)none;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + p->p_vaddr;

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X) ||
		    (uintptr_t)calls_start < start ||
		    (uintptr_t)calls_start >= start + p->p_memsz)
			continue;
		text_start = start;
		text_bytes = p->p_memsz;
		return 1;
	}
	return 0;
}

void
thread_first(void)
{
	struct thread *t;

	(void)dl_iterate_phdr(find_text, NULL);
	t = block_get();
	must(text_bytes != 0 && t != NULL);
	thread_begins(t);
}
