/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * compare.c -- one trace under one policy: the model is set up, the program
 * runs, what was counted is told.
 */
#include "compare/compare.h"
#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bits.h"
#include "compare/model.h"
#include "compare/optimum.h"

#define OPS_TOTAL 1024
#define SLOTS_MORE 4096 /* pages change their slots: more than two each */
#define FRAMES_MAX (1u << 28)
#define PATIENCE_NS 5000000000ull

/* -- which policies ------------------------------------------------------- */

const char *
compare_policy_name(unsigned i, const char **ret_help)
{
	unsigned n = 0;

	while (policies[n] != NULL)
		n++;
	if (i < n) {
		*ret_help = policies[i]->help;
		return policies[i]->name;
	}
	*ret_help = "Belady's MIN: what is used latest leaves first";
	return i == n ? COMPARE_OPTIMUM : NULL;
}

const char *
compare_policy_wrong(const char *policy)
{
	struct core_config cfg;

	if (strcmp(policy, COMPARE_OPTIMUM) == 0)
		return NULL;
	return *policy == '\0' ? policy : policy_parse(policy, &cfg);
}

uint64_t
compare_scanned(const uint64_t stat[static PAGEOUT_STATS])
{
	/* pgscan_active, pgscan_swap_out, pgscan_anon and pgscan_file are in
	 * the first two. */
	static const enum pageout_stat_id looks[] = {
		PAGEOUT_STAT_pgscan_kswapd,  PAGEOUT_STAT_pgscan_direct,
		PAGEOUT_STAT_pgscan_launder, PAGEOUT_STAT_pgscan_clean,
		PAGEOUT_STAT_pgrefill,       PAGEOUT_STAT_pgscan_skip,
	};
	uint64_t sum = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(looks); i++)
		sum += stat[looks[i]];
	return sum;
}

/* -- the optimum ---------------------------------------------------------- */

enum optimum_bit { IS_TOUCHED = 1 << 0, IS_DIRTY = 1 << 1 };

static void
optimum_program(struct optimum *o, const struct trace *t, uint8_t *page,
                struct compare_result *ret)
{
	for (uint64_t i = 0; i < t->accesses; i++) {
		uint8_t *p = &page[access_page(t->access[i])];
		bool first = (*p & IS_TOUCHED) == 0;
		uint32_t victim;

		if (!optimum_touch(o, access_page(t->access[i]), t->next[i],
		                   &victim))
			*(first ? &ret->first : &ret->misses) += 1;
		if (first || t->access[i] & 1)
			*p |= IS_TOUCHED | IS_DIRTY;
		if (victim == OPTIMUM_NOBODY)
			continue;
		ret->out += (page[victim] & IS_DIRTY) != 0;
		page[victim] &= (uint8_t)~IS_DIRTY;
		ret->reclaimed++;
	}
	ret->in = ret->misses;
	ret->accesses = t->accesses;
}

static int
run_optimum(const struct trace *t, uint32_t frames, struct compare_result *ret)
{
	uint8_t *page = NULL;
	struct optimum o;
	int r = optimum_open(&o, t->numbers, frames);

	if (r < 0)
		return r;
	page = calloc(t->numbers, 1);
	if (page != NULL)
		optimum_program(&o, t, page, ret);
	free(page);
	optimum_close(&o);
	return page != NULL ? 0 : -ENOMEM;
}

/* -- policies of the core ------------------------------------------------- */

static uint32_t
slots_for(const struct trace *t)
{
	return min_u32(2 * t->pages + SLOTS_MORE, SWP_OFFSET_MASK);
}

/* Zeroed memory of the model, aligned to 64 bytes. */
static void *
take(struct model *m, uint64_t bytes)
{
	char *at = m->memory + m->memory_used;

	m->memory_used += round_up(bytes, 64);
	must(m->memory_used <= m->memory_bytes);
	return at;
}

/* Of what there is, only what is touched becomes memory. */
static int
model_open(struct model *m, const struct trace *t)
{
	uint64_t tables = (t->numbers >> TABLE_SHIFT) + 1;
	uint32_t slots = slots_for(t);

	for (unsigned i = 0; i < EVENTS; i++)
		m->due[i] = i < DAEMONS ? 0 : UINT64_MAX;
	m->memory_bytes = core_bytes(&m->cfg) + core_swap_bytes(slots) +
	                  tables * TABLE_ENTRIES * sizeof(pte_t) + t->numbers +
	                  (uint64_t)m->cfg.frames_total * sizeof(uint32_t) +
	                  (uint64_t)slots * sizeof(uint32_t) +
	                  m->cfg.ops_total * sizeof(uint64_t) + 4096;
	m->memory = mmap(NULL, m->memory_bytes, PROT_READ | PROT_WRITE,
	                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->memory == MAP_FAILED)
		return -errno;
	m->core = core_init(take(m, core_bytes(&m->cfg)), &m->cfg);
	m->page = take(m, t->numbers);
	m->in_frame = take(m, (uint64_t)m->cfg.frames_total * sizeof(uint32_t));
	m->in_slot = take(m, (uint64_t)slots * sizeof(uint32_t));
	m->ends = take(m, m->cfg.ops_total * sizeof(uint64_t));
	(void)core_swapon(m->core, take(m, core_swap_bytes(slots)), slots,
	                  slots, SWAP_PRIO_AUTO);
	return core_area_add(m->core, 0, 0, t->numbers);
}

static int
run_policy(const struct trace *t, const struct compare_options *o,
           struct compare_result *ret, char *why)
{
	static struct model m;
	uint64_t at;
	int r;

	m = (struct model){
		.options = o,
		.result = ret,
		.cfg = {.frames_total = (uint32_t)o->frames,
	                .ops_total = OPS_TOTAL,
	                .spaces = 1,
	                .areas_max = 8,
	                .ra_pages_max = o->readahead,
	                .unmap_batch = OP_PAGES_MAX,
	                .patience_ns = PATIENCE_NS,
	                .seed = o->seed,
	                .host = &model_host,
	                .host_ctx = &m,
	                .stat = m.stat},
	};
	must(policy_parse(o->policy, &m.cfg) == NULL);
	r = model_open(&m, t);
	if (r < 0)
		return r;
	r = model_program(&m, t, &at);
	if (r < 0)
		(void)snprintf(why, TRACE_WHY_BYTES,
		               "policy %.40s finds no frame for access %ju",
		               o->policy, (uintmax_t)at);
	(void)munmap(m.memory, m.memory_bytes);
	ret->model_ns = m.now;
	ret->scanned = compare_scanned(m.stat);
	ret->reclaimed = m.stat[PAGEOUT_STAT_pgsteal_kswapd] +
	                 m.stat[PAGEOUT_STAT_pgsteal_direct];
	return r;
}

uint32_t
compare_frames_min(const char *policy)
{
	return strcmp(policy, COMPARE_OPTIMUM) == 0 ? 1 : COMPARE_FRAMES_MIN;
}

int
compare_frames_check(const char *policy, uint64_t frames,
                     char why[static TRACE_WHY_BYTES])
{
	uint32_t least = compare_frames_min(policy);

	if (frames >= least && frames <= FRAMES_MAX)
		return 0;
	(void)snprintf(why, TRACE_WHY_BYTES,
	               "%.40s takes %u to %u pages of memory, not %ju; "
	               "--mem says how much",
	               policy, least, FRAMES_MAX, (uintmax_t)frames);
	return -EINVAL;
}

int
compare_run(struct trace *t, const struct compare_options *o,
            struct compare_result *ret, char why[static TRACE_WHY_BYTES])
{
	bool optimum = strcmp(o->policy, COMPARE_OPTIMUM) == 0;
	uint64_t start;
	int r;

	must(o->access_ns > 0 && o->readahead >= 1);
	*ret = (struct compare_result){0};
	r = compare_frames_check(o->policy, o->frames, why);
	if (r < 0)
		return r;
	why[0] = '\0';
	if (optimum)
		r = trace_next(t, why);
	start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	if (r == 0)
		r = optimum ? run_optimum(t, (uint32_t)o->frames, ret)
		            : run_policy(t, o, ret, why);
	ret->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
	if (r < 0 && why[0] == '\0')
		(void)snprintf(why, TRACE_WHY_BYTES, "%s", strerror(-r));
	return r;
}
