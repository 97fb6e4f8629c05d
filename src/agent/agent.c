/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * agent.c -- the agent's state, its lock, its stack and its voice.
 *
 * The lock is a futex word of our own: a lock of the C library could be the
 * one that the program's thread is holding when it calls us.  The owner may
 * take it again, because functions that other libraries registered with
 * pthread_atfork() call us while fork() holds it.  All signals are blocked
 * while it is held, so a signal handler finds it free or belonging to another
 * thread.
 */
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/agent.h"
#include "agent/calls/calls.h"
#include "agent/sys.h"
#include "base/assert.h"
#include "base/keeper.h"

enum { STACK_BYTES = 256 * 1024 };

_Atomic int agent_state = AGENT_EARLY;
struct pager *agent_pager;
int agent_socket = -1;

static _Atomic uint32_t lock_word; /* 0 free, 1 held, 2 held and awaited */
static __thread unsigned lock_depth;
static __thread uint64_t lock_mask; /* the owner's signal mask */
static __thread char lock_gate;
static __thread bool inside; /* this thread is in agent_run() */
static char stack[STACK_BYTES] __attribute__((aligned(4096)));

bool
agent_watches(void)
{
	int state = atomic_load_explicit(&agent_state, memory_order_acquire);

	return state != AGENT_OFF && !inside &&
	       (state == AGENT_EARLY || !pager_is_own_thread(agent_pager));
}

void
agent_inside(bool is_inside)
{
	inside = is_inside;
}

void
agent_lock(void)
{
	/* But for those that may be faults, and system calls, of handlers that
	 * others have for fork(). */
	uint64_t most = ~((uint64_t)1 << (SIGBUS - 1) | 1 << (SIGSYS - 1));
	uint64_t old = 0;
	uint32_t free_word = 0;

	if (lock_depth++ > 0)
		return;
	(void)sys(SYS_rt_sigprocmask, 0 /* SIG_BLOCK */, &most, &old, 8);
	if (!atomic_compare_exchange_strong(&lock_word, &free_word, 1))
		while (atomic_exchange(&lock_word, 2) != 0)
			(void)sys(SYS_futex, &lock_word, FUTEX_WAIT_PRIVATE, 2,
			          0);
	lock_mask = old;
	lock_gate = calls_gate_open();
}

void
agent_unlock(void)
{
	uint64_t old = lock_mask;

	must(lock_depth > 0);
	if (--lock_depth > 0)
		return;
	calls_gate_set(lock_gate);
	if (atomic_exchange(&lock_word, 0) == 2)
		(void)sys(SYS_futex, &lock_word, FUTEX_WAKE_PRIVATE, 1);
	(void)sys(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &old, 0, 8);
}

/*
 * Call fn(c) on the stack that ends at top.  The frame pointer leads back, so
 * that debuggers and unwinders see through.
 */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
long agent_switch(const struct call *c, call_fn *fn, char *top);
__asm__(".pushsection .text\n"
        ".type agent_switch, @function\n"
        ".hidden agent_switch\n"
        ".globl agent_switch\n"
        "agent_switch:\n"
        "	.cfi_startproc\n"
        "	push %rbp\n"
        "	.cfi_def_cfa_offset 16\n"
        "	.cfi_offset %rbp, -16\n"
        "	mov %rsp, %rbp\n"
        "	.cfi_def_cfa_register %rbp\n"
        "	mov %rdx, %rsp\n"
        "	call *%rsi\n"
        "	mov %rbp, %rsp\n"
        "	pop %rbp\n"
        "	.cfi_def_cfa %rsp, 8\n"
        "	ret\n"
        "	.cfi_endproc\n"
        ".size agent_switch, .-agent_switch\n"
        ".popsection\n");
#else
static long
agent_switch(const struct call *c, call_fn *fn, char *top)
{
	(void)top;
	return fn(c);
}
#endif

long
agent_run(call_fn *fn, const struct call *c)
{
	static struct call copy; /* the caller's may be in managed memory */
	long r;

	agent_lock();
	must(!inside);
	inside = true;
	copy = *c;
	r = agent_switch(&copy, fn, stack + STACK_BYTES);
	inside = false;
	agent_unlock();
	return r;
}

void
agent_log(enum pageout_log_level level, const char *line)
{
	struct keeper_line m = {
		.head = KEEPER_HEAD(KEEPER_LOG, struct keeper_line),
		.level = level,
	};

	if (agent_socket < 0)
		return;
	strncpy(m.line, line, sizeof(m.line) - 1);
	(void)sys(SYS_sendto, agent_socket, &m, sizeof(m),
	          MSG_DONTWAIT | MSG_NOSIGNAL);
}

void
agent_pager_log(void *ctx, enum pageout_log_level level, const char *line)
{
	(void)ctx;
	agent_log(level, line);
}

/* Append text, then a number if it is not 0, to a line. */
static void
line_add(char *line, size_t bytes, const char *text, long number)
{
	char digits[24], *d = digits + sizeof(digits);
	size_t n = strlen(line);

	*--d = '\0';
	while (number > 0) {
		*--d = (char)('0' + number % 10);
		number /= 10;
	}
	for (; *text != '\0' && n + 1 < bytes; n++)
		line[n] = *text++;
	for (; *d != '\0' && n + 1 < bytes; n++)
		line[n] = *d++;
	line[n] = '\0';
}

void
agent_log_once(unsigned bit, const char *what, long error)
{
	static _Atomic unsigned said;
	char line[200] = "";

	if (atomic_fetch_or(&said, bit) & bit)
		return;
	line_add(line, sizeof(line), what, 0);
	if (error != 0)
		line_add(line, sizeof(line), ": error ", -error);
	agent_log(PAGEOUT_LOG_WARNING, line);
}

bool
agent_range(uintptr_t addr, size_t bytes, uintptr_t *ret_start,
            uintptr_t *ret_end)
{
	size_t rounded = (bytes + AGENT_PAGE - 1) & ~(size_t)(AGENT_PAGE - 1);

	if (addr % AGENT_PAGE != 0 || bytes == 0 || rounded < bytes ||
	    addr + rounded < addr)
		return false;
	*ret_start = addr;
	*ret_end = addr + rounded;
	return true;
}

bool
agent_pages(uintptr_t addr, size_t bytes, uintptr_t *ret_start,
            uintptr_t *ret_end)
{
	uintptr_t start = addr & ~(uintptr_t)(AGENT_PAGE - 1);

	return agent_range(start, bytes + (addr - start), ret_start, ret_end);
}
