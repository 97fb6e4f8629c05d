/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * numa.c -- which nodes the machine has, and which CPUs are theirs.
 */
#include "os/numa.h"

#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/raw.h"

#define NODE_DIR "%s/sys/devices/system/node/"

/* -- pure ----------------------------------------------------------------- */

/* A number at *text, which moves behind it.  => false: there is none */
static bool
parse_number(const char **text, unsigned long *ret)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	*ret = strtoul(*text, &end, 10);
	*text = end;
	return true;
}

bool
numa_parse_list(const char *text, cpu_set_t *ret)
{
	CPU_ZERO(ret);
	while (*text != '\0' && *text != '\n') {
		unsigned long first, last;

		if (!parse_number(&text, &first))
			return false;
		last = first;
		if (*text == '-') {
			text++;
			if (!parse_number(&text, &last))
				return false;
		}
		if (last < first || last >= CPU_SETSIZE)
			return false;
		for (; first <= last; first++)
			CPU_SET(first, ret);
		if (*text == ',')
			text++;
		else if (*text != '\0' && *text != '\n')
			return false;
	}
	return true;
}

void
numa_deal(cpu_set_t *ret, const cpu_set_t *cpus, const cpu_set_t *allowed,
          unsigned nth, unsigned sharers)
{
	unsigned turn = 0;

	CPU_ZERO(ret);
	for (unsigned i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, cpus) && CPU_ISSET(i, allowed) &&
		    turn++ % sharers == nth)
			CPU_SET(i, ret);
}

/* -- the system ----------------------------------------------------------- */

static void
read_distances(struct numa *m, const char *root, unsigned from)
{
	char path[256], text[512] = "";
	const char *at = text;
	unsigned long d;

	(void)snprintf(path, sizeof(path), NODE_DIR "node%u/distance", root,
	               m->id[from]);
	(void)raw_read_text(path, text, sizeof(text));
	for (unsigned to = 0; to < m->count; to++) {
		while (*at == ' ')
			at++;
		m->distance[from][to] = parse_number(&at, &d) && d < UINT8_MAX
		                                ? (uint8_t)d
		                                : 10;
	}
}

void
numa_read(struct numa *ret, const char *root)
{
	char path[256], text[512];
	cpu_set_t nodes;

	memset(ret, 0, sizeof(*ret));
	(void)snprintf(path, sizeof(path), NODE_DIR "has_memory", root);
	if (!raw_read_text(path, text, sizeof(text)) ||
	    !numa_parse_list(text, &nodes))
		CPU_ZERO(&nodes);
	for (unsigned i = 0; i < NUMA_MAX; i++)
		if (CPU_ISSET(i, &nodes))
			ret->id[ret->count++] = (uint8_t)i;
	if (ret->count == 0)
		ret->count = 1;
	for (unsigned i = 0; i < ret->count; i++)
		read_distances(ret, root, i);
}

void
numa_cpus(cpu_set_t *ret, const char *root, unsigned id)
{
	char path[256], text[4096];

	(void)snprintf(path, sizeof(path), NODE_DIR "node%u/cpulist", root, id);
	if (!raw_read_text(path, text, sizeof(text)) ||
	    !numa_parse_list(text, ret))
		memset(ret, 0xff, sizeof(*ret));
}

void
numa_bind(void *addr, size_t bytes, unsigned id)
{
	unsigned long mask[NUMA_MAX / (8 * sizeof(long)) + 1] = {0};

	mask[id / (8 * sizeof(long))] = 1ul << id % (8 * sizeof(long));
	/* What it can't have there it has elsewhere: better than none. */
	(void)syscall(SYS_mbind, addr, bytes, MPOL_PREFERRED, mask,
	              NUMA_MAX + 1, 0);
}

unsigned
numa_thread_cpu(int tid)
{
	const unsigned field = 39; /* of proc_pid_stat(5) */
	char path[64], text[1024];
	const char *at;
	unsigned long cpu;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	if (!raw_read_text(path, text, sizeof(text)))
		return 0;
	at = strrchr(text, ')'); /* of the name, which may have any in it */
	for (unsigned i = 2; at != NULL && i < field; i++) {
		at = strchr(at, ' ');
		at = at != NULL ? at + 1 : NULL;
	}
	return at != NULL && parse_number(&at, &cpu) ? (unsigned)cpu : 0;
}
