/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * places.c -- where calls are made: outside of handlers, with the program's
 * registers, on its stack.
 *
 * A signal that comes while a call waits must find the thread as it would
 * without us: collectors look for pointers on its stack and in its registers,
 * schedulers switch stacks in handlers.  So the handler of SIGSYS sends the
 * thread to a place in this library, from which the kernel lets calls pass.
 * The way back to where the call was made is known by the place: there is one
 * for each.
 *
 *	plain	syscall			pinned	syscall
 *		jmp *back			mov (hook), %cl
 *						jmp *back
 *
 * Behind a file that is empty there is nothing, so to read the hook is a
 * SIGBUS, which is ours: its handler ends what the call has held.  The kernel
 * says that %rcx is lost in a call.
 *
 * Unwinders find the caller by the same table, which therefore lies before the
 * places at a distance that is known.
 *
 * A child that shares our memory is seen from its first instruction on, by
 * places of a third kind.
 */
#include <errno.h>
#include <linux/sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "agent/agent.h"
#include "agent/calls/internal.h"
#include "agent/sys.h"
#include "base/assert.h"

enum { PLACES = 512, PLAIN_BYTES = 8, PINNED_BYTES = 32 };
enum { CHILD_PLACES = 32, CHILD_BYTES = 64, HOOK_BYTES = 2 };
#define IS_VFORK (CLONE_VM | CLONE_VFORK)
#define IS_THREAD (CLONE_VM | CLONE_THREAD | CLONE_SETTLS)

/* Where to go back to; each place has an entry, as long as it is. */
extern _Atomic uintptr_t calls_plain_back[], calls_pinned_back[];
extern char calls_plain[], calls_pinned[], calls_child[];
_Atomic uintptr_t calls_child_back[CHILD_PLACES]
	__attribute__((visibility("hidden")));
char *calls_hook __attribute__((visibility("hidden")));

__asm__(".pushsection .text\n"
        ".hidden calls_plain_back, calls_pinned_back\n"
        ".hidden calls_plain, calls_pinned, calls_child\n"
        ".globl calls_plain_back, calls_pinned_back\n"
        ".globl calls_plain, calls_pinned, calls_child\n"
        "	.balign 4096\n"
        "calls_plain_back:\n"
        "	.skip 4096\n"
        "calls_plain:\n"
        "	.cfi_startproc\n"
        "	.cfi_def_cfa_offset 0\n"
        /* return address: at (rip & -8) - 4096 */
        "	.cfi_escape 0x10, 0x10, 0x09, 0x80, 0x00, 0x09, 0xf8, 0x1a, "
        "0x0a, 0x00, 0x10, 0x1c\n"
        "	.rept 512\n"
        "	syscall\n"
        "	jmp *. - 2 - 4096(%rip)\n"
        "	.endr\n"
        "	.cfi_endproc\n"
        "calls_pinned_back:\n"
        "	.skip 16384\n"
        "calls_pinned:\n"
        "	.cfi_startproc\n"
        "	.cfi_def_cfa_offset 0\n"
        /* return address: at (rip & -32) - 16384 */
        "	.cfi_escape 0x10, 0x10, 0x09, 0x80, 0x00, 0x09, 0xe0, 0x1a, "
        "0x0a, 0x00, 0x40, 0x1c\n"
        "	.rept 512\n"
        "	.balign 32\n"
        "	syscall\n"
        "	mov calls_hook(%rip), %rcx\n"
        "	mov (%rcx), %cl\n"
        "	jmp *. - 11 - 16384(%rip)\n"
        "	.endr\n"
        "	.balign 32\n"
        "	.cfi_endproc\n"
        /* Registers stay as they are, but for those that a call loses. */
        "calls_child_begins:\n"
        "	push %rbp\n"
        "	mov %rsp, %rbp\n"
        "	push %rdi\n"
        "	push %rsi\n"
        "	push %rdx\n"
        "	push %r8\n"
        "	push %r9\n"
        "	push %r10\n"
        "	and $-16, %rsp\n"
        "	call thread_child\n"
        "	mov -8(%rbp), %rdi\n"
        "	mov -16(%rbp), %rsi\n"
        "	mov -24(%rbp), %rdx\n"
        "	mov -32(%rbp), %r8\n"
        "	mov -40(%rbp), %r9\n"
        "	mov -48(%rbp), %r10\n"
        "	mov %rbp, %rsp\n"
        "	pop %rbp\n"
        "	xor %eax, %eax\n"
        "	ret\n"
        "	.balign 64\n"
        "calls_child:\n"
        "	.set i, 0\n"
        "	.rept 32\n"
        "	syscall\n"
        "	test %rax, %rax\n"
        "	jnz 1f\n"
        "	lea -128(%rsp), %rsp\n" /* what a leaf function has there */
        "	call calls_child_begins\n"
        "	lea 128(%rsp), %rsp\n"
        "1:	jmp *calls_child_back + 8 * i(%rip)\n"
        "	.balign 64\n"
        "	.set i, i + 1\n"
        "	.endr\n"
        ".popsection\n");

/* -- plain and pinned ----------------------------------------------------- */

/* => the number of the place that leads back to where; PLACES: there is none */
static size_t
place_number(uintptr_t where)
{
	size_t first = (where * 0x9e3779b97f4a7c15u) >> 55;

	for (size_t n = 0; n < PLACES; n++) {
		size_t i = (first + n) % PLACES;
		uintptr_t none = 0;

		if (atomic_compare_exchange_strong(&calls_plain_back[i], &none,
		                                   where) ||
		    none == where)
			return i;
	}
	return PLACES;
}

bool
place_go(ucontext_t *u, long number, bool is_pinned)
{
	greg_t *g = u->uc_mcontext.gregs;
	uintptr_t where = (uintptr_t)g[REG_RIP];
	size_t i = place_number(where);

	if (i == PLACES)
		return false;
	atomic_store(&calls_pinned_back[i * PINNED_BYTES / 8], where);
	g[REG_RAX] = number;
	g[REG_RIP] = (greg_t)(is_pinned ? calls_pinned + i * PINNED_BYTES
	                                : calls_plain + i * PLAIN_BYTES);
	return true;
}

bool
place_ended(ucontext_t *u, const void *addr)
{
	if (addr != calls_hook || addr == NULL)
		return false;
	u->uc_mcontext.gregs[REG_RIP] += HOOK_BYTES;
	return true;
}

/* -- children ------------------------------------------------------------- */

static uintptr_t
child_place(uintptr_t where)
{
	for (unsigned i = 0; i < CHILD_PLACES; i++) {
		uintptr_t none = 0;

		if (atomic_compare_exchange_strong(&calls_child_back[i], &none,
		                                   where) ||
		    none == where)
			return (uintptr_t)calls_child + i * CHILD_BYTES;
	}
	return 0;
}

/* The child is a thread of ours, or has our memory while its parent waits. */
static bool
is_seen(const struct trap *t)
{
	uint64_t flags = t->arg[0];

	if (t->number == SYS_vfork)
		return true;
	if (t->number == SYS_clone3 &&
	    hold_read(t->held, &flags, t->arg[0], sizeof(flags)) < 0)
		return false;
	return (flags & IS_VFORK) == IS_VFORK ||
	       (flags & IS_THREAD) == IS_THREAD;
}

bool
place_clone(const struct trap *t, ucontext_t *u)
{
	greg_t *g = u->uc_mcontext.gregs;
	uintptr_t at;

	if (t->number != SYS_clone && t->number != SYS_clone3 &&
	    t->number != SYS_fork && t->number != SYS_vfork)
		return false;
	if (t->number == SYS_fork || !is_seen(t)) {
		if (!place_go(u, t->number, false))
			g[REG_RAX] = -EAGAIN;
		return true;
	}
	at = child_place((uintptr_t)g[REG_RIP]);
	g[REG_RAX] = at != 0 ? t->number : -EAGAIN;
	if (at != 0)
		g[REG_RIP] = (greg_t)at;
	return true;
}

/* -- the start ------------------------------------------------------------ */

bool
places_open(void)
{
	long fd, at;

	if (sys(SYS_mprotect, calls_plain_back, PLACES * PLAIN_BYTES,
	        PROT_READ | PROT_WRITE) < 0 ||
	    sys(SYS_mprotect, calls_pinned_back, PLACES * PINNED_BYTES,
	        PROT_READ | PROT_WRITE) < 0)
		return false;
	fd = sys(SYS_memfd_create, "pageout-hook", MFD_CLOEXEC);
	if (fd < 0)
		return false;
	at = sys(SYS_mmap, 0, AGENT_PAGE, PROT_READ, MAP_SHARED, fd, 0);
	(void)sys(SYS_close, fd);
	if (sys_failed(at))
		return false;
	calls_hook = (char *)at;
	return true;
}
