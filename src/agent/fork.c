/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fork.c -- fork() of a managed process, and stacks of its threads.
 *
 * For now a child is not managed: before the fork everything is brought in, and
 * the child has plain memory.  When that does not fit, fork() fails with
 * ENOMEM.
 *
 *	fork()      trial, then C library's fork:
 *	            others' handlers, before -- clone -- after, others'
 *	daemon(),   the same, without a trial
 *	forkpty()
 *	_Fork()     before -- C library's _Fork -- after
 *
 * The agent's lock is held from before to after, by the thread that forks.  The
 * handlers of others take locks too: malloc's, above all, and its owner may be
 * mapping memory and waiting for ours.  So they take theirs first: handlers run
 * in the order in which they were registered, those of prepare in the reverse
 * order, and ours are registered before everybody's.
 *
 * A handler cannot refuse, therefore fork() tries before.  Should it not fit
 * any more when it matters, areas stay marked MADV_DONTFORK, and our handler,
 * the first to run in the child, ends it; so it is after daemon(), too.  If the
 * C library itself touches managed memory before, or the child was made by a
 * system call of the program's own, it ends with SIGSEGV at that access.
 * vfork(), posix_spawn(), system() and popen() share the memory of the parent
 * until they exec, and need nothing.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/types.h>

#include "agent/agent.h"
#include "agent/span.h"
#include "agent/sys.h"

typedef pid_t fork_fn(void);
typedef int setstack_fn(pthread_attr_t *, void *, size_t);
typedef void handler_fn(void);
typedef int register_fn(handler_fn *, handler_fn *, handler_fn *, void *);

static fork_fn *real_fork, *real_Fork;
static setstack_fn *real_setstack;
static register_fn *real_register;
static __thread bool ready;   /* this thread has called before */
static __thread bool refused; /* it wanted to, but all does not fit */

static void
areas_advise(int advice)
{
	struct span s;

	for (size_t n = 0; (s = span_number(n)).flags != 0; n++)
		if ((s.flags & SPAN_MANAGED) && !(s.flags & SPAN_NOFORK))
			(void)sys(SYS_madvise, s.start, s.end - s.start,
			          advice);
}

static long
do_before(const struct call *c)
{
	int r = pager_fork_before(agent_pager);

	(void)c;
	if (r < 0)
		return r;
	areas_advise(MADV_DOFORK);
	return 0;
}

static long
do_parent(const struct call *c)
{
	(void)c;
	areas_advise(MADV_DONTFORK);
	pager_fork_parent(agent_pager);
	return 0;
}

static long
do_child(const struct call *c)
{
	(void)c;
	pager_fork_child(agent_pager);
	(void)sys(SYS_close, agent_socket);
	agent_socket = -1;
	files_forget();
	return 0;
}

/* => 0: the lock is held and the process may fork; or -ENOMEM */
static long
fork_before(void)
{
	struct call c = {.addr = 0};
	long r;

	refused = false;
	if (agent_state != AGENT_ON || !agent_watches())
		return 0;
	agent_lock();
	r = agent_run(do_before, &c);
	if (r < 0) {
		agent_unlock();
		agent_log_once(ONCE_FORK,
		               "fork is refused: what the program "
		               "uses does not fit into the budget at once",
		               r);
		return -ENOMEM;
	}
	ready = true;
	return 0;
}

static void
fork_parent(void)
{
	struct call c = {.addr = 0};

	if (!ready)
		return;
	ready = false;
	(void)agent_run(do_parent, &c);
	agent_unlock();
}

static void
fork_child(void)
{
	struct call c = {.addr = 0};

	if (refused)
		(void)sys(SYS_exit_group, 127);
	if (!ready)
		return;
	ready = false;
	(void)agent_run(do_child, &c);
	atomic_store(&agent_state, AGENT_OFF);
	agent_unlock();
}

static void
handler_prepare(void)
{
	refused = fork_before() < 0;
}

/* Ours are the first handlers there are. */
static void
register_handlers(void)
{
	if (real_register != NULL)
		return;
	real_register = (register_fn *)dlsym(RTLD_NEXT, "__register_atfork");
	(void)real_register(handler_prepare, fork_parent, fork_child, NULL);
}

/* What pthread_atfork() is in every program and library. */
register_fn __register_atfork;

EXPORT int
__register_atfork(handler_fn *prepare, handler_fn *parent, handler_fn *child,
                  void *dso_handle)
{
	register_handlers();
	return real_register(prepare, parent, child, dso_handle);
}

void
fork_prepare(void)
{
	real_fork = (fork_fn *)dlsym(RTLD_NEXT, "fork");
	real_Fork = (fork_fn *)dlsym(RTLD_NEXT, "_Fork");
	real_setstack =
		(setstack_fn *)dlsym(RTLD_NEXT, "pthread_attr_setstack");
	register_handlers();
}

/* => 0, or -ENOMEM when what the program uses does not fit */
static long
fork_trial(void)
{
	long r = fork_before();

	fork_parent();
	return r;
}

EXPORT pid_t
fork(void)
{
	pid_t pid;

	if (real_fork == NULL)
		real_fork = (fork_fn *)dlsym(RTLD_NEXT, "fork");
	if (fork_trial() < 0) {
		errno = ENOMEM;
		return -1;
	}
	pid = real_fork();
	if (pid > 0 && refused) {
		while (sys(SYS_wait4, pid, NULL, 0, NULL) == -EINTR)
			;
		errno = ENOMEM;
		return -1;
	}
	return pid;
}

/* async-signal-safe fork: runs no handlers */
EXPORT pid_t
_Fork(void)
{
	pid_t pid;
	int saved;

	if (fork_before() < 0) {
		errno = ENOMEM;
		return -1;
	}
	pid = real_Fork != NULL ? real_Fork()
	                        : (pid_t)sys_return(sys(SYS_clone, 17));
	saved = errno;
	if (pid == 0)
		fork_child();
	else
		fork_parent();
	errno = saved;
	return pid;
}

/* -- thread stacks ------------------------------------------------------- */

static long
pin_stack(struct span s)
{
	long r = span_reserve();

	if (r == 0)
		r = pager_pin(agent_pager, (void *)s.start, s.end - s.start);
	if (r == 0)
		span_set(s.start, s.end, s.flags | SPAN_STACK);
	return r;
}

static long
do_setstack(const struct call *c)
{
	uintptr_t start, end;
	long r = 0;

	if (!agent_pages(c->addr, c->bytes, &start, &end))
		return 0;
	while (r == 0 && start < end) {
		struct span s = span_first(start, end);

		if ((s.flags & SPAN_MANAGED) && !(s.flags & SPAN_STACK))
			r = pin_stack(s);
		start = s.end;
	}
	return r;
}

/*
 * A stack that the program makes itself is pinned: the C library keeps the
 * thread's control block in it, which the kernel writes when the thread has
 * stopped taking faults.  Nobody tells when the last thread on it has ended, so
 * it stays pinned, once, until it is discarded or unmapped.
 */
EXPORT int
pthread_attr_setstack(pthread_attr_t *attr, void *addr, size_t bytes)
{
	struct call c = {.addr = (uintptr_t)addr, .bytes = bytes};

	if (agent_state == AGENT_ON && agent_watches() &&
	    agent_run(do_setstack, &c) < 0)
		return ENOMEM;
	if (real_setstack == NULL)
		real_setstack = (setstack_fn *)dlsym(RTLD_NEXT,
		                                     "pthread_attr_setstack");
	return real_setstack(attr, addr, bytes);
}
