/* SPDX-License-Identifier: BSD-2-Clause */
#include "reclaim/linux24/linux24.h"
void
buffer_write(struct core *c, struct frame *f)
{
	(void)c;
	(void)f;
}
void
wakeup_bdflush(struct core *c, bool block)
{
	(void)block;
	if (linux24(c)->bdflush_launders)
		return;
	linux24(c)->bdflush_sleeps = false;
	c->cfg.host->wake(c->cfg.host_ctx, DAEMON_FLUSHER);
}
bool
linux24_bdflush(struct core *c, struct batch *b)
{
	struct linux24 *s = linux24(c);
	enum task24 t;
	if (!s->bdflush_launders) {
		if (!free_shortage(c))
			return false;
		launder_start(c, &s->bdflush, GFP_KERNEL, false);
		s->bdflush_launders = true;
	}
	t = page_launder(c, &s->bdflush, b);
	if (t == TASK_SLEEPS)
		return false;
	s->bdflush_launders = false;
	return s->bdflush.started != 0;
}
void
shrink_dcache_memory(struct core *c, unsigned p, uint32_t gfp)
{
	(void)c;
	(void)p;
	(void)gfp;
}
void
shrink_icache_memory(struct core *c, unsigned p, uint32_t gfp)
{
	(void)c;
	(void)p;
	(void)gfp;
}
void
kmem_cache_reap(struct core *c, uint32_t gfp)
{
	(void)c;
	(void)gfp;
}
bool
out_of_memory(const struct core *c)
{
	return nr_free_pages(c) <= linux24(c)->freepages.min &&
	       nr_free_pages(c) + nr_inactive_clean_pages(c) <=
	               linux24(c)->freepages.low &&
	       core_swap_free(c) == 0;
}
void
oom_kill24(struct core *c)
{
	linux24(c)->oom_kills++;
}
