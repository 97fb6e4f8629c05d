/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * node66.h -- a node of the policy kswapd that a test sets up by hand.
 *
 * A core with real frames and no pages: what is not free is merely in use, and
 * what the lists hold is a number.  The clock stands till the test moves it.
 */
#ifndef UNIT_NODE66_H
#define UNIT_NODE66_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "core/internal.h"
#include "reclaim/kswapd/kswapd.h"

static struct core *node;
static struct pgdat66 *pgdat;
static uint64_t node_stat[PAGEOUT_STATS];
static uint64_t node_now;
static unsigned node_kills;
static uint32_t node_taken; /* a frame that is in use */

static uint64_t
node_now_ns(void *ctx)
{
	(void)ctx;
	return node_now;
}

static void
node_wake(void *ctx, enum daemon who)
{
	(void)ctx;
	(void)who;
}

static void
node_kill(void *ctx)
{
	(void)ctx;
	node_kills++;
}

static const struct host_ops node_host = {
	.name = "test",
	.now_ns = node_now_ns,
	.wake = node_wake,
	.oom_kill = node_kill,
};

static inline void
node_close(void)
{
	free(node);
	node = NULL;
}

/* Zones of these sizes, ended by 0; spec: "" or more tunables. */
static inline void
node_open(const char *spec, const uint32_t *zones)
{
	char policy[128] = "kswapd:quirks=exact";
	struct core_config cfg = {
		.ops_total = 256,
		.spaces = 1,
		.areas_max = 8,
		.ra_pages_max = 1,
		.unmap_batch = 1,
		.host = &node_host,
		.stat = node_stat,
	};

	node_close();
	for (unsigned i = 0; i < ZONES_MAX && zones[i] != 0; i++) {
		cfg.zone_frames[i] = zones[i];
		cfg.frames_total += zones[i];
	}
	(void)strncat(policy, spec, sizeof(policy) - strlen(policy) - 1);
	assert_null(policy_parse(policy, &cfg));
	memset(node_stat, 0, sizeof(node_stat));
	node_now = 1000 * JIFFY_NS;
	node_kills = 0;
	node = aligned_alloc(64, round_up(core_bytes(&cfg), 64));
	assert_non_null(node);
	memset(node, 0, core_bytes(&cfg));
	(void)core_init(node, &cfg);
	pgdat = pgdat66(node);
}

/* All frames of the pool are there. */
static inline void
node_populate(void)
{
	struct batch b = {NULL, NULL};
	struct op *op;

	while (frames_populate(node, &b))
		while ((op = batch_take(&b)) != NULL) {
			op->pg[0].err = 0;
			core_op_done(node, op, &b);
		}
}

/* Leave n frames of a zone free; they are neighbours. */
static inline void
node_free(unsigned zone, uint32_t n)
{
	struct zone *z = &node->zones[zone];

	assert_true(z->free >= n);
	while (z->free > n)
		(void)core_take(node, z, n, 1, &node_taken);
}

/* kswapd sleeps, and nobody has asked for anything. */
static inline void
node_kswapd_sleeps(void)
{
	pgdat->kswapd.waiting = true;
	pgdat->kswapd_order = 0;
	pgdat->kswapd_highest_zoneidx = ZONES_NONE;
	node_stat[PAGEOUT_STAT_kswapd_wake] = 0;
}

/* Times that kswapd was woken since then. */
static inline unsigned
node_wakes(void)
{
	return (unsigned)node_stat[PAGEOUT_STAT_kswapd_wake];
}

#define ZONES(...) ((const uint32_t[ZONES_MAX + 1]){__VA_ARGS__})

#endif
