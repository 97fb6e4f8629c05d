/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpus.c -- which CPUs are near a node.
 *
 * Those of the machine's node that it stands on; where several stand on one,
 * each has some of them.  A node without any is nobody's nearest, and its
 * kswapd runs wherever there is room.  With one node there is nothing to choose
 * and nothing is bound.
 *
 * Which CPUs the program may use changes while it runs.  A thread that we bind
 * cannot tell, nor can one that the program may bind; but the flusher can,
 * which has what the program had when it opened the engine, or what an
 * administrator gave to all its threads since.
 */
#include "os/numa.h"
#include "pager/internal.h"

/* => before its threads run, what the caller may use */
static void
allowed_cpus(const struct node *n, cpu_set_t *ret)
{
	const struct os_thread *t = &n->threads[DAEMON_FLUSHER];
	pthread_t of = t->run != NULL ? t->id : pthread_self();

	if (pthread_getaffinity_np(of, sizeof(*ret), ret) != 0)
		CPU_ZERO(ret);
}

void
node_deal_cpus(struct node *n)
{
	struct pager *p = n->pager;
	unsigned machine = p->machine.count;
	unsigned sharers = (p->node_count - n->real + machine - 1) / machine;
	cpu_set_t all, allowed, ours;

	numa_cpus(&all, p->root, p->machine.id[n->real]);
	allowed_cpus(n, &allowed);
	numa_deal(&ours, &all, &allowed, n->id / machine, sharers);
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
