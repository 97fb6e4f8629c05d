/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oom.c -- out of memory: when it is so, and who goes.
 *
 * It is so when even the last resort is used up and no swap slot is free.  How
 * large caches are is not asked, and nothing keeps the next round from killing
 * again while the first victim is still on its way out: so it is in the
 * original.
 *
 * The worst process has much memory, used little time and has not run for long.
 */
#include "reclaim/linux24/linux24.h"

#define CPU_SHIFT 10 /* jiffies: about 10 s */
#define RUN_SHIFT 17 /* about 22 min */
#define PRIVILEGE_SHARE 4

bool
out_of_memory(const struct core *c)
{
	uint32_t free = nr_free_pages(c);

	return free <= c->freepages.min &&
	       free + nr_inactive_clean_pages(c) <= c->freepages.low &&
	       core_swap_free(c) == 0;
}

/* Nearly the square root, and never 0. */
static uint64_t
rough_sqrt(uint64_t x)
{
	uint64_t root = x;

	for (; x > 1; x >>= 2)
		root >>= 1;
	if (x == 1)
		root -= root >> 2;
	return root > 0 ? root : 1;
}

uint64_t
badness24(const struct victim24 *v)
{
	uint64_t points = v->total_vm;

	points /= rough_sqrt(v->cpu_time >> CPU_SHIFT);
	points /= rough_sqrt(rough_sqrt(v->run_time >> RUN_SHIFT));
	if (v->niced)
		points *= 2;
	if (v->is_admin)
		points /= PRIVILEGE_SHARE;
	if (v->has_rawio)
		points /= PRIVILEGE_SHARE;
	return points;
}

const struct victim24 *
select_bad_process24(const struct victim24 *v, unsigned n)
{
	const struct victim24 *worst = NULL;
	uint64_t most = 0;

	for (unsigned i = 0; i < n; i++) {
		uint64_t points = v[i].pid == 0 ? 0 : badness24(&v[i]);

		if (points > most) {
			most = points;
			worst = &v[i];
		}
	}
	return worst;
}

void
oom_kill24(struct core *c)
{
	if (c->cfg.host->oom_kill == NULL)
		return;
	linux24(c)->oom_kills++;
	stat_add(c, PAGEOUT_STAT_oom_kill, 1);
	c->cfg.host->oom_kill(c->cfg.host_ctx);
}
