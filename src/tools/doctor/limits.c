/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limits.c -- how much may a process have?
 *
 * The soft limits count: they are what the program starts with.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/size.h"
#include "tools/doctor/doctor.h"

#define FILES_MIN 64             /* ours and a few of the program */
#define LOCKED_BYTES_MIN 8388608 /* tables of the agent; the kernel's default */
#define PROCESSES_MIN 64         /* threads of the agent, and some more */

/* A limit and what is the least that it should be. */
struct limit {
	int resource;
	uint64_t least;
	const char *ulimit; /* how a shell shows and sets it */
	const char *meaning;
};

/* => the soft limit; UINT64_MAX: none */
static uint64_t
soft_limit(int resource)
{
	struct rlimit l;

	if (getrlimit((__rlimit_resource_t)resource, &l) < 0 ||
	    l.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return l.rlim_cur;
}

static void
check_limit(const struct limit *l, enum verdict verdict, struct finding *f)
{
	uint64_t n = soft_limit(l->resource);

	if (n >= l->least)
		verdict = VERDICT_OK;
	if (n == UINT64_MAX)
		found(f, verdict, "no limit");
	else
		found(f, verdict, "limit %" PRIu64, n);
	if (verdict != VERDICT_OK)
		remedy(f, l->meaning, "raise it: %s", l->ulimit);
}

void
check_open_files(const struct doctor *d, struct finding *f)
{
	static const struct limit l = {RLIMIT_NOFILE, FILES_MIN,
	                               "ulimit -n 1024",
	                               "the agent cannot open what it needs"};

	(void)d;
	check_limit(&l, VERDICT_FAIL, f);
}

void
check_address_space(const struct doctor *d, struct finding *f)
{
	static const struct limit l = {
		RLIMIT_AS, UINT64_MAX, "ulimit -v unlimited",
		"managed memory counts in full, wherever its pages are, and "
		"so do the agent's tables"};

	(void)d;
	check_limit(&l, VERDICT_WARN, f);
}

void
check_locked_memory(const struct doctor *d, struct finding *f)
{
	static const struct limit l = {
		RLIMIT_MEMLOCK, LOCKED_BYTES_MIN, "ulimit -l 8192",
		"the kernel may swap out the agent's own tables, if it swaps"};

	(void)d;
	if (geteuid() == 0)
		found(f, VERDICT_OK, "no limit for root");
	else
		check_limit(&l, VERDICT_WARN, f);
}

void
check_processes(const struct doctor *d, struct finding *f)
{
	static const struct limit l = {RLIMIT_NPROC, PROCESSES_MIN,
	                               "ulimit -u 1024",
	                               "the agent may not get its threads"};

	(void)d;
	if (geteuid() == 0)
		found(f, VERDICT_OK, "no limit for root");
	else
		check_limit(&l, VERDICT_WARN, f);
}
