/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * given.c -- linux24: what its numbers are, and what the words of all mean.
 */
#include <string.h>

#include "base/bits.h"
#include "sim/scenario/linux24/words.h"

/* -- words ----------------------------------------------------------------- */

uint32_t
gfp24_of(struct scenario *s, const char *word)
{
	static const struct bits masks[] = {
		{"WAIT", GFP_WAIT},
		{"HIGH", GFP_HIGH},
		{"IO", GFP_IO},
		{"DMA", GFP_DMA},
		{"HIGHMEM", GFP_HIGHMEM},
		{"ATOMIC", GFP_ATOMIC},
		{"BUFFER", GFP_BUFFER},
		{"USER", GFP_USER},
		{"HIGHUSER", GFP_HIGHUSER},
		{"KERNEL", GFP_KERNEL},
		{"KSWAPD", GFP_KSWAPD},
		{NULL, 0},
	};

	return bits_of(s, word, masks);
}

static const char *
zone_name(const struct core *c, unsigned zone)
{
	static const char *const names[] = {"DMA", "NORMAL", "HIGHMEM"};

	return names[zone_kind24(c, &c->zones[zone])];
}

/* -- pages ----------------------------------------------------------------- */

static const char *const states[] = {"free", "none", "A", "D", "C", NULL};

static int64_t
look_list(const struct look *l)
{
	return l->f == NULL ? STATE_FREE : list_state24(l->f);
}

static const struct attribute attributes[] = {
	{"list", look_list, states},
	{NULL, NULL, NULL},
};

static const struct flist *
flist_of(const struct core *c, unsigned state)
{
	const struct linux24 *l = linux24(c);

	if (state == STATE_A)
		return &l->active;
	if (state == STATE_D)
		return &l->inactive_dirty;
	return &l->inactive_clean[c->zone_count - 1];
}

static void
page_enters(struct scenario *s, const struct spec *p, struct frame *f)
{
	static const enum list_id lists[] = {
		[STATE_A] = LIST_ACTIVE,
		[STATE_D] = LIST_INACTIVE_DIRTY,
		[STATE_C] = LIST_INACTIVE_CLEAN,
	};

	list_add24(s->w->core, lists[p->state], f);
}

/* -- numbers of the policy ------------------------------------------------- */

static void
given_memory_pressure(struct scenario *s, const struct statement *st)
{
	linux24(s->w->core)->memory_pressure =
		(int64_t)number_of(s, st->argv[0], INT32_MAX);
}

static void
given_nr_threads(struct scenario *s, const struct statement *st)
{
	linux24(s->w->core)->nr_threads =
		(uint32_t)number_of(s, st->argv[0], UINT32_MAX);
}

static void
given_waiters(struct scenario *s, const struct statement *st)
{
	linux24(s->w->core)->waiters =
		(uint32_t)number_of(s, st->argv[0], UINT32_MAX);
}

static void
given_async(struct scenario *s, const struct statement *st)
{
	s->w->core->io_pages = (uint32_t)number_of(s, st->argv[0], UINT32_MAX);
}

static void
given_buffermem(struct scenario *s, const struct statement *st)
{
	linux24(s->w->core)->buffermem_pages =
		(uint32_t)number_of(s, st->argv[0], UINT32_MAX);
}

/* A daemon sleeps, or is awake. */
static void
daemon_sleeps(struct scenario *s, const char *name, bool sleeps)
{
	struct linux24 *l = linux24(s->w->core);

	if (strcmp(name, "kswapd") == 0) {
		l->kswapd_sleeps = sleeps;
		l->kswapd_until = jiffies(s->w->core) + HZ;
	} else if (strcmp(name, "kreclaimd") == 0) {
		l->kreclaimd_sleeps = sleeps;
	} else if (strcmp(name, "bdflush") == 0) {
		l->bdflush_sleeps = sleeps;
	} else {
		stop(s, "kswapd, kreclaimd or bdflush");
	}
}

static void
given_asleep(struct scenario *s, const struct statement *st)
{
	daemon_sleeps(s, st->argv[0], true);
}

static void
given_awake(struct scenario *s, const struct statement *st)
{
	daemon_sleeps(s, st->argv[0], false);
}

static void
given_scan(struct scenario *s, const struct statement *st)
{
	struct mm24 *mm = &linux24(s->w->core)->mm[space_of(s, st->argv[0])];

	mm->swap_cnt = number_of(s, st->argv[1], UINT32_MAX);
	mm->swap_address = number_of(s, st->argv[2], UINT32_MAX);
}

const struct verb given24_verbs[] = {
	{"scan", 3, 3, given_scan, "MM SWAP_CNT SWAP_ADDRESS"},
	{"memory_pressure", 1, 1, given_memory_pressure, "N"},
	{"nr_threads", 1, 1, given_nr_threads, "N"},
	{"waiters", 1, 1, given_waiters, "N: tasks that wait for kswapd"},
	{"nr_async", 1, 1, given_async, "N: pages in transfer"},
	{"buffermem", 1, 1, given_buffermem, "N: pages that are buffers only"},
	{"asleep", 1, 1, given_asleep, "DAEMON"},
	{"awake", 1, 1, given_awake, "DAEMON"},
	{0},
};

const struct dialect dialect24 = {
	.policy = "linux24",
	.exact = "linux24:quirks=exact",
	.verbs = {given24_verbs, when24_verbs, then24_verbs},
	.attributes = attributes,
	.states = states,
	.list = flist_of,
	.page_enters = page_enters,
	.frame_age = PAGE_AGE_START,
	.zone_name = zone_name,
	.state_bytes = sizeof(struct linux24),
	.turn = turn24,
};
