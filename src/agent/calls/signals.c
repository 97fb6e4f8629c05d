/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * signals.c -- SIGBUS and SIGSYS: who has them, and that nobody blocks them.
 *
 * Both are ours.  What the program says about them is written down, and what is
 * not for us is passed on.  A thread that blocks them would be ended by its
 * next fault, or its next call; so they are left out of every mask.
 *
 * Handlers of the program return through a call of their own (rt_sigreturn),
 * with a mask that they may have changed; ours from here, which needs no trap.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "agent/agent.h"
#include "agent/calls/internal.h"
#include "agent/sys.h"
#include "base/assert.h"

#define BIT(sig) ((uint64_t)1 << ((sig)-1))
#define NEVER_BLOCKED (BIT(SIGBUS) | BIT(SIGSYS))
#define FLAG_RESTORER 0x04000000ul

/* What the program wants with them. */
static struct kernel_action wants_bus, wants_sys;
static _Atomic int wants_lock;

/* Unwinders know this sequence by its bytes. */
__asm__(".pushsection .text\n"
        "	.balign 16\n"
        "	nop\n"
        ".globl calls_restorer\n"
        ".hidden calls_restorer\n"
        ".type calls_restorer, @function\n"
        "calls_restorer:\n"
        "	mov $15, %rax\n"
        "	syscall\n"
        ".size calls_restorer, .-calls_restorer\n"
        ".popsection\n");

uint64_t
signals_strip(uint64_t mask)
{
	return mask & ~NEVER_BLOCKED;
}

static struct kernel_action *
wants(unsigned long sig)
{
	return sig == SIGBUS ? &wants_bus : sig == SIGSYS ? &wants_sys : NULL;
}

/* => with all signals blocked */
static struct kernel_action
wants_exchange(struct kernel_action *a, const struct kernel_action *new)
{
	struct kernel_action was;

	while (atomic_exchange(&wants_lock, 1) != 0)
		(void)sys(SYS_sched_yield);
	was = *a;
	if (new != NULL)
		*a = *new;
	atomic_store(&wants_lock, 0);
	return was;
}

/* -- what the program says ------------------------------------------------ */

long
signals_action(const struct trap *t)
{
	struct kernel_action new = {.flags = 0}, old, *mine = wants(t->arg[0]);
	bool sets = t->arg[1] != 0;
	long r = t->arg[3] == MASK_BYTES ? 0 : -EINVAL;

	if (r == 0 && sets)
		r = hold_read(t->held, &new, t->arg[1], sizeof(new));
	if (r < 0)
		return r;
	new.mask = signals_strip(new.mask);
	if (mine != NULL &&
	    thread_is_child()) /* of a vfork: it is no program yet */
		old = (struct kernel_action){.handler = (void *)SIG_DFL};
	else if (mine != NULL)
		old = wants_exchange(mine, sets ? &new : NULL);
	else
		r = sys(SYS_rt_sigaction, t->arg[0], sets ? &new : NULL, &old,
		        MASK_BYTES);
	if (r == 0 && t->arg[2] != 0)
		r = hold_write(t->held, t->arg[2], &old, sizeof(old));
	return r;
}

/* The mask that the program goes on with is the one in the handler's frame. */
long
signals_mask(const struct trap *t)
{
	uint64_t *mask = (uint64_t *)(void *)t->mask, old = *mask, set = 0;
	long r = t->arg[3] == MASK_BYTES ? 0 : -EINVAL;

	if (r == 0 && t->arg[1] != 0)
		r = hold_read(t->held, &set, t->arg[1], MASK_BYTES);
	if (r == 0 && t->arg[1] != 0 && t->arg[0] > SIG_SETMASK)
		r = -EINVAL;
	if (r == 0 && t->arg[2] != 0)
		r = hold_write(t->held, t->arg[2], &old, MASK_BYTES);
	if (r < 0 || t->arg[1] == 0)
		return r;
	switch ((int)t->arg[0]) {
	case SIG_BLOCK:
		*mask = old | signals_strip(set);
		break;
	case SIG_UNBLOCK:
		*mask = old & ~set;
		break;
	default:
		*mask = signals_strip(set);
		break;
	}
	return 0;
}

/* The frame that the kernel goes back by is the first thing on the stack. */
void
signals_return(ucontext_t *u)
{
	greg_t *g = u->uc_mcontext.gregs;
	ucontext_t *frame = (ucontext_t *)(uintptr_t)g[REG_RSP];
	uintptr_t at = (uintptr_t)&frame->uc_sigmask;
	uint64_t mask;

	if (hold_read(NULL, &mask, at, MASK_BYTES) == 0) {
		mask = signals_strip(mask);
		(void)hold_write(NULL, at, &mask, MASK_BYTES);
	}
	g[REG_RIP] = (greg_t)(uintptr_t)calls_restorer;
}

/* -- what is not for us --------------------------------------------------- */

/* As if there were no handler. */
static void
take_default(int sig, const siginfo_t *info)
{
	struct kernel_action plain = {.flags = 0};

	(void)sys(SYS_rt_sigaction, sig, &plain, NULL, MASK_BYTES);
	if (info->si_code <= 0) /* somebody sent it, and will not again */
		(void)sys(SYS_tgkill, sys(SYS_getpid), sys(SYS_gettid), sig);
}

void
signals_pass(int sig, siginfo_t *info, void *context)
{
	struct kernel_action plain = {.flags = 0}, *mine = wants((unsigned)sig);
	struct kernel_action a = wants_exchange(mine, NULL);
	ucontext_t *u = context;
	uint64_t mask = *(uint64_t *)(void *)&u->uc_sigmask;

	if (a.handler == (void *)SIG_DFL ||
	    (a.handler == (void *)SIG_IGN && info->si_code > 0)) {
		take_default(sig, info);
		return;
	}
	if (a.handler == (void *)SIG_IGN)
		return;
	if (a.flags & SA_RESETHAND)
		(void)wants_exchange(mine, &plain);
	/* It may jump out of here. */
	mask |= a.mask;
	(void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, MASK_BYTES);
	((void (*)(int, siginfo_t *, void *))a.handler)(sig, info, context);
}

/* -- cancellation --------------------------------------------------------- */

int
signals_cancel_off(void)
{
	int was = PTHREAD_CANCEL_DISABLE;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &was);
	return was;
}

void
signals_cancel_on(int was, const uint64_t *mask)
{
	int type = PTHREAD_CANCEL_DEFERRED;

	if (was == PTHREAD_CANCEL_DISABLE)
		return;
	/* Only where it may act anywhere does it act in here. */
	(void)pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	(void)pthread_setcanceltype(type, NULL);
	if (type == PTHREAD_CANCEL_ASYNCHRONOUS)
		(void)sys(SYS_rt_sigprocmask, SIG_SETMASK, mask, NULL,
		          MASK_BYTES);
	(void)pthread_setcancelstate(was, NULL);
}

/* -- ours ----------------------------------------------------------------- */

/* A pinned call has ended. */
static void
release(const ucontext_t *u)
{
	struct held *h =
		thread_hold_of((uintptr_t)u->uc_mcontext.gregs[REG_RSP]);

	if (h != NULL)
		thread_hold_end(h);
}

static bool
serve(const siginfo_t *info)
{
	char gate = calls_gate_open();
	bool served = agent_state == AGENT_ON && pager_serve(agent_pager, info);

	calls_gate_set(gate);
	return served;
}

static void
on_sigbus(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
	int cancel = signals_cancel_off(), saved = errno;
	bool served = true;

	if (place_ended(u, info->si_addr))
		release(u);
	else
		served = serve(info);
	errno = saved;
	signals_cancel_on(cancel, (uint64_t *)(void *)&u->uc_sigmask);
	if (!served)
		signals_pass(sig, info, context);
}

static void
take_over(int sig, void (*handler)(int, siginfo_t *, void *),
          struct kernel_action *old)
{
	struct kernel_action mine = {
		.handler = (void *)handler,
		.flags = SA_SIGINFO | SA_ONSTACK | FLAG_RESTORER,
		.restorer = (void (*)(void))calls_restorer,
		.mask = ~(uint64_t)0,
	};
	long r = sys(SYS_rt_sigaction, sig, &mine, old, MASK_BYTES);

	must(r == 0);
}

void
signals_unblock(void)
{
	uint64_t mask = NEVER_BLOCKED;

	(void)sys(SYS_rt_sigprocmask, SIG_UNBLOCK, &mask, NULL, MASK_BYTES);
}

static void
take_over_all(struct kernel_action *bus, struct kernel_action *call)
{
	take_over(SIGBUS, on_sigbus, bus);
	take_over(SIGSYS, trap_handler, call);
}

void
signals_start(void)
{
	take_over_all(&wants_bus, &wants_sys);
}

void
signals_again(void)
{
	take_over_all(NULL, NULL);
}
