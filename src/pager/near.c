/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * near.c -- the fault thread runs where the thread runs that it serves.
 *
 * A page that is read alone takes as long as the device and three changes of
 * threads need.  Between two CPUs that had gone to sleep each change is as slow
 * as half a read, on virtual ones; on one CPU it is not.  So while one thread
 * alone faults, and on such pages, the fault thread
 *
 *	- is bound to the CPU of that thread, which has nothing else to do there
 *	  meanwhile; it is asked again now and then which one that is
 *	- makes the read itself, awake (os/file/spin.h)
 *
 * It does neither in streams, where it works while the program does, nor when
 * several threads fault, which would wait for each other's reads.  A stream that
 * asks for pages now and then between others is none.
 */
#include <sched.h>

#include "os/numa.h"
#include "pager/internal.h"

#define ALONE_PAGES 8 /* of a read that is waited for here */
#define ASK_FAULTS 32 /* of one thread, until it is asked for its CPU */
#define LEAVE_READS 4 /* of streams, one after the other */

static void
bind_to(struct near *near, const cpu_set_t *cpus, int cpu)
{
	near->cpu = sched_setaffinity(0, sizeof(*cpus), cpus) == 0 ? cpu : -1;
}

static void
follow(struct pager *p)
{
	int cpu = numa_thread_cpu(p->near.tid);
	cpu_set_t one;

	if (cpu < 0 || cpu >= CPU_SETSIZE || cpu == p->near.cpu)
		return;
	CPU_ZERO(&one);
	CPU_SET((unsigned)cpu, &one);
	bind_to(&p->near, &one, cpu);
}

static void
leave(struct pager *p)
{
	p->near.faults = 0;
	p->near.streams = 0;
	if (p->near.cpu >= 0)
		bind_to(&p->near, &p->allowed, -1);
}

/* => the only read of the batch, if it is for vpn and of few pages; or NULL */
static const struct op *
read_alone(const struct batch *b, uint64_t vpn, bool *ret_reads)
{
	const struct op *found = NULL;

	*ret_reads = false;
	for (const struct op *op = b->first; op != NULL; op = op->next) {
		if (op->kind != OP_READ)
			continue;
		if (*ret_reads)
			return NULL;
		*ret_reads = true;
		found = op;
	}
	return found != NULL && found->count <= ALONE_PAGES &&
	                       found->vpn <= vpn &&
	                       vpn < found->vpn + found->count
	               ? found
	               : NULL;
}

bool
near_reads(struct pager *p, const struct node *n, uint64_t vpn, int tid,
           const struct batch *b)
{
	bool reads;

	if (read_alone(b, vpn, &reads) == NULL) {
		if (reads && ++p->near.streams >= LEAVE_READS)
			leave(p);
		return false;
	}
	p->near.streams = 0;
	if (tid != p->near.tid) {
		leave(p);
		p->near.tid = tid;
	}
	if (++p->near.faults % ASK_FAULTS == 0)
		follow(p);
	return p->near.cpu >= 0 && p->messages.count == 0 &&
	       swapdev_file_spins(&n->files[DEV_READ]);
}
