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
 */
#include <stdatomic.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "agent/calls/internal.h"

enum { PLACES = 32, PLACE_BYTES = 16 };

extern char clone_places[];
_Atomic uintptr_t clone_back[PLACES] __attribute__((visibility("hidden")));

__asm__(".pushsection .text\n"
        "	.balign 16\n"
        ".globl clone_places\n"
        ".hidden clone_places\n"
        "clone_places:\n"
        "	.set i, 0\n"
        "	.rept 32\n"
        "	syscall\n"
        "	jmp *clone_back + 8 * i(%rip)\n"
        "	.balign 16\n"
        "	.set i, i + 1\n"
        "	.endr\n"
        ".popsection\n");

/* => the address of a copy that leads back to where; 0: there are no more */
static uintptr_t
place_for_call(uintptr_t where)
{
	for (unsigned i = 0; i < PLACES; i++) {
		uintptr_t none = 0;

		if (atomic_compare_exchange_strong(&clone_back[i], &none,
		                                   where) ||
		    none == where)
			return (uintptr_t)clone_places + i * PLACE_BYTES;
	}
	return 0;
}

bool
clone_redirect(long number, void *context)
{
	ucontext_t *u = context;
	greg_t *g = u->uc_mcontext.gregs;
	uintptr_t at;

	if (number == SYS_rt_sigreturn) { /* of a handler older than we are */
		g[REG_RIP] = (greg_t)(uintptr_t)calls_restorer;
		return true;
	}
	if (number != SYS_clone && number != SYS_clone3 && number != SYS_fork &&
	    number != SYS_vfork)
		return false;
	at = place_for_call((uintptr_t)g[REG_RIP]);
	if (at == 0)
		return false;
	g[REG_RAX] = number;
	g[REG_RIP] = (greg_t)at;
	return true;
}
