/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clone.c -- calls that return twice, or elsewhere.
 *
 * A child that shares memory with its parent must not run in a handler of ours,
 * on the parent's stack.  So these calls are made after the handler has
 * returned, at an address in this library, with all registers as they were.
 * From there the way back is known by the address: for each place where such a
 * call was ever made there is a copy of
 *
 *	syscall
 *	jmp *clone_back[i]
 *
 * There are few such places: fork, vfork, clone and clone3 of the C library,
 * and whatever makes the calls itself.
 *
 * The child of a vfork has the parent's memory, and its handlers, until it
 * becomes another program; so its calls must be seen as well.  For such there
 * are copies that see to that, in the child, before they go back.
 */
#include <errno.h>
#include <linux/sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "agent/calls/internal.h"

enum { PLACES = 32, PLACE_BYTES = 64 };
#define IS_VFORK (CLONE_VM | CLONE_VFORK)

extern char clone_places[], clone_vfork_places[];
_Atomic uintptr_t clone_back[2 * PLACES] __attribute__((visibility("hidden")));

__asm__(".pushsection .text\n"
        /* Registers stay as they are, but for those that a call loses. */
        "clone_child:\n"
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
        ".globl clone_places\n"
        ".hidden clone_places\n"
        "clone_places:\n"
        "	.set i, 0\n"
        "	.rept 32\n"
        "	syscall\n"
        "	jmp *clone_back + 8 * i(%rip)\n"
        "	.balign 64\n"
        "	.set i, i + 1\n"
        "	.endr\n"
        ".globl clone_vfork_places\n"
        ".hidden clone_vfork_places\n"
        "clone_vfork_places:\n"
        "	.rept 32\n"
        "	syscall\n"
        "	test %rax, %rax\n"
        "	jnz 1f\n"
        "	lea -128(%rsp), %rsp\n" /* what a leaf function has there */
        "	call clone_child\n"
        "	lea 128(%rsp), %rsp\n"
        "1:	jmp *clone_back + 8 * i(%rip)\n"
        "	.balign 64\n"
        "	.set i, i + 1\n"
        "	.endr\n"
        ".popsection\n");

/*
 * The address of a copy that leads back to where.
 * => 0: there are no more
 */
static uintptr_t
place_for_call(uintptr_t where, bool is_vfork)
{
	const unsigned first = is_vfork ? PLACES : 0;
	char *const places = is_vfork ? clone_vfork_places : clone_places;

	for (unsigned i = 0; i < PLACES; i++) {
		uintptr_t none = 0;

		if (atomic_compare_exchange_strong(&clone_back[first + i],
		                                   &none, where) ||
		    none == where)
			return (uintptr_t)places + i * PLACE_BYTES;
	}
	return 0;
}

/* The child has its parent's memory, and the parent waits. */
static bool
is_vfork(const struct trap *t)
{
	uint64_t flags = t->arg[0];

	if (t->number == SYS_clone3 &&
	    hold_read(t->held, &flags, t->arg[0], sizeof(flags)) < 0)
		return false;
	return t->number == SYS_vfork ||
	       (t->number != SYS_fork && (flags & IS_VFORK) == IS_VFORK);
}

bool
clone_redirect(const struct trap *t, void *context)
{
	ucontext_t *u = context;
	greg_t *g = u->uc_mcontext.gregs;
	uintptr_t at;

	if (t->number == SYS_rt_sigreturn) { /* its handler is older than we */
		g[REG_RIP] = (greg_t)(uintptr_t)calls_restorer;
		return true;
	}
	if (t->number != SYS_clone && t->number != SYS_clone3 &&
	    t->number != SYS_fork && t->number != SYS_vfork)
		return false;
	at = place_for_call((uintptr_t)g[REG_RIP], is_vfork(t));
	if (at == 0) {
		g[REG_RAX] = -EAGAIN;
		return true;
	}
	g[REG_RAX] = t->number;
	g[REG_RIP] = (greg_t)at;
	return true;
}
