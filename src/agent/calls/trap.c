/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trap.c -- a call was made: what is done about it.
 *
 * Nearly all are sent to a place where they are made (places.c); some are made
 * in here: those that wait with a mask of their own, and transfers in parts.
 * The handler runs with all signals blocked, but for those.
 */
#include <errno.h>
#include <linux/audit.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "agent/agent.h"
#include "agent/calls/internal.h"
#include "agent/sys.h"

#ifndef SYS_USER_DISPATCH
#define SYS_USER_DISPATCH 2 /* si_code of SIGSYS, Linux 5.11 */
#endif

static long
perform(const struct trap *t)
{
	const unsigned long *a = t->arg;

	return sys(t->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

long
trap_perform(const struct trap *t)
{
	uint64_t all = ~(uint64_t)0;
	long r;

	(void)sys(SYS_rt_sigprocmask, SIG_SETMASK, t->mask, NULL, MASK_BYTES);
	signals_cancel_on(t->cancel, (uint64_t *)(void *)t->mask);
	r = perform(t);
	(void)signals_cancel_off();
	(void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, MASK_BYTES);
	return r;
}

/* -- calls that wait with a mask of their own ----------------------------- */

/* => the argument that is a mask, or -1 */
static int
mask_argument(long number)
{
	switch (number) {
	case SYS_rt_sigsuspend:
		return 0;
	case SYS_ppoll:
		return 3;
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
		return 4;
	default:
		return -1;
	}
}

/*
 * A call with a mask is made with one that leaves our signals alone.
 * => false when it has none
 */
static bool
perform_masked(struct trap *t, long *ret)
{
	int i = mask_argument(t->number);
	struct {
		uintptr_t mask, bytes;
	} sixth;
	uintptr_t at = 0;
	uint64_t mask;

	if (i >= 0)
		at = t->arg[i];
	else if (t->number == SYS_pselect6 && t->arg[5] != 0 &&
	         hold_read(t->held, &sixth, t->arg[5], sizeof(sixth)) == 0)
		at = sixth.mask;
	if (at == 0 || hold_read(t->held, &mask, at, MASK_BYTES) < 0)
		return false;
	mask = signals_strip(mask);
	if (i >= 0) {
		t->arg[i] = (uintptr_t)&mask;
	} else {
		sixth.mask = (uintptr_t)&mask;
		t->arg[5] = (uintptr_t)&sixth;
	}
	shapes_hold(t);
	*ret = trap_perform(t);
	return true;
}

/* -- all calls ------------------------------------------------------------ */

/*
 * The kernel's own threads would touch the buffers later, and could not.  A
 * program that hears that there is no such call has another way.
 */
static bool
is_refused(long number)
{
	return number == SYS_io_uring_setup || number == SYS_io_setup;
}

/* => false: the call is to be made as it is */
static bool
serve(struct trap *t, long *ret)
{
	switch (t->number) {
	case SYS_rt_sigaction:
		*ret = signals_action(t);
		return true;
	case SYS_rt_sigprocmask:
		*ret = signals_mask(t);
		return true;
	case SYS_sigaltstack:
		*ret = thread_sigaltstack(t);
		return true;
	case SYS_exit:
		thread_ends();
		return false;
	default:
		break;
	}
	if (is_refused(t->number)) {
		*ret = -ENOSYS;
		return true;
	}
	return memory_call(t, ret) || transfer(t, ret) ||
	       perform_masked(t, ret);
}

/* A file with something in it: those that the kernel makes up may wait. */
static bool
is_on_disk(unsigned long fd)
{
	struct stat st;

	return sys(SYS_fstat, fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_size > 0;
}

/*
 * No signal interrupts it: so it may as well be made in here, with all of them
 * blocked, and what it holds ends without another fault.
 */
static bool
is_quick(const struct trap *t)
{
	switch (t->number) {
	case SYS_read:
	case SYS_write:
	case SYS_pread64:
	case SYS_pwrite64:
	case SYS_readv:
	case SYS_writev:
	case SYS_preadv:
	case SYS_pwritev:
		return is_on_disk(t->arg[0]);
	case SYS_getdents64:
	case SYS_stat:
	case SYS_lstat:
	case SYS_fstat:
	case SYS_newfstatat:
	case SYS_statx:
	case SYS_access:
	case SYS_readlink:
	case SYS_getcwd:
	case SYS_unlink:
	case SYS_rename:
		return true;
	default:
		return false;
	}
}

/* => what the call says; or its number, and it is made later */
static long
call(struct trap *t, ucontext_t *u)
{
	uintptr_t sp = (uintptr_t)u->uc_mcontext.gregs[REG_RSP];
	bool is_pinned;
	long r;

	t->held = thread_hold_begin(sp);
	if (!serve(t, &r)) {
		shapes_hold(t);
		is_pinned = t->held->count != 0;
		if (is_pinned && is_quick(t))
			r = perform(t);
		else if (place_go(u, t->number, is_pinned)) {
			if (!is_pinned)
				thread_hold_end(t->held);
			return t->number;
		} else {
			r = trap_perform(t);
		}
	}
	thread_hold_end(t->held);
	return r;
}

void
trap_handler(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
	greg_t *g = u->uc_mcontext.gregs;
	int saved = errno;
	struct trap t;

	if (info->si_code != SYS_USER_DISPATCH) {
		signals_pass(sig, info, context);
		return;
	}
	if (info->si_arch != AUDIT_ARCH_X86_64) {
		g[REG_RAX] = -ENOSYS; /* other numbers, other arguments */
		return;
	}
	t = (struct trap){
		.number = info->si_syscall,
		.arg = {(unsigned long)g[REG_RDI], (unsigned long)g[REG_RSI],
	                (unsigned long)g[REG_RDX], (unsigned long)g[REG_R10],
	                (unsigned long)g[REG_R8], (unsigned long)g[REG_R9]},
		.mask = &u->uc_sigmask,
	};
	t.cancel = signals_cancel_off();
	if (t.number == SYS_rt_sigreturn)
		signals_return(u);
	else if (!place_clone(&t, u))
		g[REG_RAX] = call(&t, u);
	errno = saved;
	signals_cancel_on(t.cancel, (uint64_t *)(void *)&u->uc_sigmask);
}

/* -- the start ------------------------------------------------------------ */

const char *
calls_why_not(void)
{
	struct stat st;

	if (sys(SYS_stat, "/proc/self/task", &st) == 0 && st.st_nlink > 3)
		return "the program has threads already";
	if (sys(SYS_process_vm_readv, sys(SYS_getpid), NULL, 0, NULL, 0, 0) < 0)
		return "process_vm_readv is not allowed";
	if (!places_open())
		return "no place for system calls";
	if (sys(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0,
	        0, 0) < 0)
		return "the kernel has no system call user dispatch";
	return NULL;
}

void
calls_start(uint64_t mem_bytes)
{
	const size_t most = 256 * 1024;

	hold_bytes_max = mem_bytes / 64 < most ? mem_bytes / 64 : most;
	hold_bytes_max &= ~(size_t)(AGENT_PAGE - 1);
	signals_start();
	thread_first();
}
