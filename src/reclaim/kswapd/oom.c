/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oom.c -- out of memory: who goes.
 *
 * The one with most memory, wherever it is; an administrator's score counts as
 * so many thousandths of all memory.  While a victim is on its way out nobody
 * else is chosen.  What the original does then (reserves for the victim, a
 * thread that takes its memory) is the host's to do.
 */
#include "reclaim/kswapd/kswapd.h"

#define OOM_SCORE_ADJ_MIN (-1000)

static bool
unkillable(const struct victim66 *v)
{
	return v->kthread || v->is_init;
}

int64_t
oom_badness66(const struct victim66 *v, uint64_t totalpages)
{
	uint64_t pages = v->rss + v->swap_entries + v->page_tables;

	if (unkillable(v) || v->reaped || v->oom_score_adj == OOM_SCORE_ADJ_MIN)
		return INT64_MIN;
	return (int64_t)pages + v->oom_score_adj * (int64_t)(totalpages / 1000);
}

const struct victim66 *
select_bad_process66(const struct victim66 *v, unsigned n, uint64_t totalpages,
                     bool *ret_dying)
{
	const struct victim66 *worst = NULL;
	int64_t most = INT64_MIN;

	*ret_dying = false;
	for (unsigned i = 0; i < n; i++) {
		int64_t points = oom_badness66(&v[i], totalpages);

		if (!unkillable(&v[i]) && v[i].dying && !v[i].reaped) {
			*ret_dying = true;
			return NULL;
		}
		if (points == INT64_MIN || points < most)
			continue;
		most = points;
		worst = &v[i];
	}
	return worst;
}

bool
out_of_memory66(struct core *c, uint32_t gfp)
{
	if ((gfp & GFP66_FS) == 0)
		return true;
	if (c->cfg.host->oom_kill == NULL)
		return false;
	stat_add(c, PAGEOUT_STAT_oom_kill, 1);
	c->cfg.host->oom_kill(c->cfg.host_ctx);
	return true;
}
