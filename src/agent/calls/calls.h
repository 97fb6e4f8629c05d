/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * calls.h -- faults inline in an unchanged program, and its system calls.
 *
 * A thread that serves its own faults does so in a handler of SIGBUS.  The
 * kernel cannot: a system call that is given an absent page says EFAULT, or
 * does half of what it should.  So no system call of the program is made
 * unseen.  The kernel's system call user dispatch turns each, wherever in the
 * program or its libraries it is made, into a SIGSYS, whose handler
 *
 *	makes the pages that the call may touch present, and pins them;
 *	sends the thread to a place from which the call may be made;
 *	and after that unpins them.
 *
 *	signals.c   SIGBUS and SIGSYS: who has them, and that nobody blocks them
 *	thread.c    what each thread needs: a gate, a stack for handlers
 *	trap.c      a call was made: what is done about it
 *	places.c    where calls are made, with the program's registers
 *	memory.c    calls about memory and descriptors: as if by their names
 *	shapes.c    which memory a call touches
 *	hold.c      pages that are held while a call is made
 *	transfer.c  calls with more bytes than should be held at once
 *
 * The dispatch belongs to one thread, and ends with it and with exec; other
 * than a filter of system calls it takes nothing from programs that are started
 * later.
 *
 * The gate.  Code of this library may make any call at any time; the C library
 * may while the thread's gate is open.  It is open only while all signals are
 * blocked, so the program never runs behind it.
 */
#ifndef AGENT_CALLS_CALLS_H
#define AGENT_CALLS_CALLS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum calls_gate { GATE_OPEN, GATE_SHUT }; /* the kernel's numbers */

/* => returns how it was, for calls_gate_set() */
char calls_gate_open(void);
void calls_gate_set(char gate);

/* => NULL, or why faults cannot be served inline in this process */
const char *calls_why_not(void);

/*
 * The pager is open: from now on the calling thread's calls are seen.
 *
 *	mem_bytes	budget of a node
 */
void calls_start(uint64_t mem_bytes);

#endif
