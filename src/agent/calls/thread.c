/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread.c -- what each thread needs: a gate, a stack for handlers.
 *
 * Handlers run on a stack of ours, because the program's own may be managed
 * memory, and the kernel must be able to write a frame to it.  What the program
 * thinks its alternate stack is, is written down; its handlers run on ours,
 * which is larger.
 *
 * Threads that pthread_create() and thrd_create() make begin in a function of
 * ours, which sets all that up, and then calls theirs.  A thread's block is
 * given to another when the kernel knows the thread no more; till then it may
 * still be running on it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <threads.h>

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

typedef void *thread_fn(void *);

/* At the end of its memory; the stack is before it, and a page of nothing. */
struct thread {
	struct thread *next; /* there ever was */
	_Atomic int state;
	int tid;
	thread_fn *run;
	thrd_start_t run_c11;
	void *arg;
	stack_t asked; /* the alternate stack, as the program has it */
	struct held held[HELD_MAX];
};

typedef int create_fn(pthread_t *, const pthread_attr_t *, thread_fn *, void *);

static _Atomic(struct thread *) threads;
static create_fn *real_create;
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
	return t->tid == 0 ||
	       sys(SYS_tgkill, sys(SYS_getpid), t->tid, 0) == -ESRCH;
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

void
thread_child(void)
{
	signals_again();
	dispatch();
}

bool
thread_is_child(void)
{
	return me->tid != (int)sys(SYS_gettid);
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
		t->held[i].frame = 0;
	me = t;
	signals_unblock();
	atomic_store(&t->state, BLOCK_LIVES);
	r = sys(SYS_sigaltstack, &stack, 0);
	must(r == 0);
	gate = GATE_SHUT;
	dispatch();
}

/* It goes on for a while, in destructors of others. */
static void
thread_ends(void *arg)
{
	struct thread *t = arg;

	atomic_store(&t->state, BLOCK_ENDS);
}

static void *
thread_main(void *arg)
{
	struct thread *t = arg;
	void *r;

	thread_begins(t);
	pthread_cleanup_push(thread_ends, t);
	r = t->run != NULL ? t->run(t->arg)
	                   : (void *)(intptr_t)t->run_c11(t->arg);
	pthread_cleanup_pop(1);
	return r;
}

static create_fn *
real(void)
{
	if (real_create == NULL)
		real_create = (create_fn *)dlsym(RTLD_NEXT, "pthread_create");
	return real_create;
}

static int
create(pthread_t *ret, const pthread_attr_t *attr, struct thread *t)
{
	int r;

	if (t == NULL)
		return EAGAIN;
	r = real()(ret, attr, thread_main, t);
	if (r != 0) {
		t->tid = 0; /* of no thread */
		thread_ends(t);
	}
	return r;
}

/* The thread that calls is the program's, and so the new one will be. */
static bool
is_seen(void)
{
	return me != NULL && gate == GATE_SHUT && agent_state == AGENT_ON;
}

EXPORT int
pthread_create(pthread_t *ret, const pthread_attr_t *attr, thread_fn *run,
               void *arg)
{
	struct thread *t;

	if (!is_seen())
		return real()(ret, attr, run, arg);
	t = block_get();
	if (t != NULL) {
		t->run = run;
		t->arg = arg;
	}
	return create(ret, attr, t);
}

EXPORT int
thrd_create(thrd_t *ret, thrd_start_t run, void *arg)
{
	static int (*real_thrd)(thrd_t *, thrd_start_t, void *);
	struct thread *t;
	int r;

	if (!is_seen()) {
		if (real_thrd == NULL)
			real_thrd =
				(int (*)(thrd_t *, thrd_start_t, void *))dlsym(
					RTLD_NEXT, "thrd_create");
		return real_thrd(ret, run, arg);
	}
	t = block_get();
	if (t != NULL) {
		t->run = NULL;
		t->run_c11 = run;
		t->arg = arg;
	}
	r = create(ret, NULL, t);
	return r == 0 ? thrd_success : r == EAGAIN ? thrd_nomem : thrd_error;
}

/* -- what it holds --------------------------------------------------------
 *
 * A handler of the program may run while a call is made, and make calls: so
 * there are several lists of what they hold.  The handler may also jump out of
 * it all.  What a call left behind then is known by its frame: no call that is
 * still under way has one below ours.
 */

void
thread_hold_end(struct held *h)
{
	hold_end(h);
	atomic_signal_fence(memory_order_seq_cst);
	h->frame = 0;
}

struct held *
thread_hold_begin(void)
{
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
	struct held *mine = NULL;

	for (unsigned i = 0; i < HELD_MAX; i++) {
		struct held *h = &me->held[i];

		if (h->frame != 0 && h->frame <= frame)
			thread_hold_end(h);
		if (h->frame == 0)
			mine = h;
	}
	if (mine == NULL)
		return NULL;
	mine->count = 0;
	atomic_signal_fence(memory_order_seq_cst);
	mine->frame = frame;
	return mine;
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
	if (r == 0 && (new.ss_flags &SS_DISABLE) == 0 && t->arg[0] != 0 &&
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
	(void)real();
	t = block_get();
	must(text_bytes != 0 && t != NULL);
	thread_begins(t);
}
