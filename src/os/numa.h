/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * numa.h -- which nodes the machine has, and which CPUs are theirs.
 *
 * An engine may have more nodes than the machine (--nodes): then several share
 * one of the machine's, and its CPUs are dealt out to them in turns.
 *
 *	/sys/devices/system/node/has_memory		0-1
 *	/sys/devices/system/node/node1/cpulist		4-7,12-15
 *	/sys/devices/system/node/node1/distance		21 10
 *
 * System calls only; nothing is allocated.
 */
#ifndef OS_NUMA_H
#define OS_NUMA_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMA_MAX 64 /* nodes of a machine */

struct numa {
	unsigned count; /* nodes with memory; 1 if nobody says */
	uint8_t id[NUMA_MAX];
	uint8_t distance[NUMA_MAX][NUMA_MAX]; /* from, to; by index */
};

/* What the machine has.  root: "", or a directory that stands for / */
void numa_read(struct numa *ret, const char *root);

/*
 * CPUs of the node with an id; all that there could be if nobody says.
 */
void numa_cpus(cpu_set_t *ret, const char *root, unsigned id);

/* Bind memory, which nobody has touched, to a node, as long as that has any. */
void numa_bind(void *addr, size_t bytes, unsigned id);

/* The CPU that a thread of this process runs on, or ran on last; or 0. */
unsigned numa_thread_cpu(int tid);

/* -- pure ----------------------------------------------------------------- */

/* A list of numbers, as "0-3,8".  => false: it is not one */
bool numa_parse_list(const char *text, cpu_set_t *ret);

/*
 * The CPUs of one of several that share a node: of those that are allowed, in
 * turns.  There may be none.
 */
void numa_deal(cpu_set_t *ret, const cpu_set_t *cpus, const cpu_set_t *allowed,
               unsigned nth, unsigned sharers);

#endif
