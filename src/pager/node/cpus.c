/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpus.c -- which CPUs are near a node.
 *
 * Those of the machine's node that it stands on; where several stand on one,
 * each has some of them.  A node without any is nobody's nearest, and its
 * kswapd runs wherever there is room.  With one node there is nothing to choose
 * and nothing is bound.
 */
#include "os/numa.h"
#include "pager/internal.h"

void
node_deal_cpus(struct node *n)
{
	struct pager *p = n->pager;
	unsigned machine = p->machine.count;
	unsigned sharers = (p->node_count - n->real + machine - 1) / machine;
	cpu_set_t all, ours;

	numa_cpus(&all, p->numa_root, p->machine.id[n->real]);
	numa_deal(&ours, &all, &p->allowed, n->id / machine, sharers);
	map_lock(p);
	n->cpus = ours;
	map_unlock(p);
}

void
node_bind_thread(struct node *n)
{
	cpu_set_t now;

	if (n->pager->node_count == 1 || CPU_COUNT(&n->cpus) == 0)
		return;
	if (sched_getaffinity(0, sizeof(now), &now) < 0 ||
	    !CPU_EQUAL(&now, &n->cpus))
		(void)sched_setaffinity(0, sizeof(n->cpus), &n->cpus);
}
