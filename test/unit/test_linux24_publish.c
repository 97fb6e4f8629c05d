/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_linux24_publish.c -- what policy linux24 publishes is so.
 *
 * Gauges are compared with the lists, walked, and with the frames, counted;
 * after steps made by hand, and after random runs with one zone and with two.
 */
#include "base/bits.h"
#include "reclaim/linux24/linux24.h"

#define swap_out world_swap_out /* the policy has one, too */
#include "test/unit/world.h"
#undef swap_out

#define SECOND_NS 1000000000ull
#define SEEDS 24

static int
fresh(void **unused)
{
	(void)unused;
	world_open((struct sim_options){
		.policy = "linux24",
		.frames = 512,
		.pages = 2048,
		.slots = 4096,
	});
	return 0;
}

static void
kswapd(struct sim *s)
{
	struct batch b = {NULL, NULL};

	(void)core_kswapd(s->node->core, &b);
	host_submit(s->node, &b);
}

static uint64_t
zone_number(const struct sim *s, enum pageout_stat_id id, unsigned zone)
{
	return s->node->stat[zone_stat(id, zone)];
}

/* The pages of a zone on a list, found by walking it. */
static uint32_t
walk(const struct core *c, const struct flist *l, unsigned zone)
{
	uint32_t n = 0;

	for (uint32_t p = l->head; p != PFN_NONE; p = c->frames[p].next)
		n += c->frames[p].zone == zone;
	return n;
}

static void
assert_lists_are_so(const struct sim *s)
{
	const struct core *c = s->node->core;
	const struct linux24 *p = linux24(c);
	uint64_t clean = 0, free = 0;

	for (unsigned i = 0; i < c->zone_count; i++) {
		const struct zone *z = &c->zones[i];

		assert_int_equal(zone_number(s, PAGEOUT_STAT_zone0_active, i),
		                 walk(c, &p->active, i));
		assert_int_equal(
			zone_number(s, PAGEOUT_STAT_zone0_inactive_dirty, i),
			walk(c, &p->inactive_dirty, i));
		assert_int_equal(
			zone_number(s, PAGEOUT_STAT_zone0_inactive_clean, i),
			walk(c, &p->inactive_clean[i], i));
		assert_int_equal(zone_number(s, PAGEOUT_STAT_zone0_free, i),
		                 z->free);
		assert_int_equal(
			zone_number(s, PAGEOUT_STAT_zone0_unpopulated, i),
			z->size - z->populated);
		assert_int_equal(zone_number(s, PAGEOUT_STAT_zone0_min, i),
		                 z->pages_min);
		assert_int_equal(zone_number(s, PAGEOUT_STAT_zone0_low, i),
		                 z->pages_low);
		assert_int_equal(zone_number(s, PAGEOUT_STAT_zone0_high, i),
		                 z->pages_high);
		clean += p->inactive_clean[i].count;
		free += z->free;
	}
	assert_int_equal(s->node->stat[PAGEOUT_STAT_nr_active],
	                 p->active.count);
	assert_int_equal(s->node->stat[PAGEOUT_STAT_nr_inactive_dirty],
	                 p->inactive_dirty.count);
	assert_int_equal(s->node->stat[PAGEOUT_STAT_nr_inactive_clean], clean);
	assert_int_equal(s->node->stat[PAGEOUT_STAT_nr_free], free);
}

/* Nothing is in flight, so every frame in use has a page. */
static void
assert_ages_are_so(const struct sim *s)
{
	const struct core *c = s->node->core;
	uint64_t sum = 0;

	for (unsigned i = 0; i < AGE_BUCKETS; i++)
		sum += s->node->stat[PAGEOUT_STAT_age_0 + i];
	assert_int_equal(sum, c->frames_used);
	assert_int_equal(s->node->stat[PAGEOUT_STAT_nr_private] +
	                         linux24_held(c) + c->unevictable.count,
	                 c->frames_used);
}

static void
assert_scans_are_so(const struct sim *s)
{
	assert_int_equal(s->node->stat[PAGEOUT_STAT_pgscan_kswapd] +
	                         s->node->stat[PAGEOUT_STAT_pgscan_direct],
	                 s->node->stat[PAGEOUT_STAT_pgscan_active] +
	                         s->node->stat[PAGEOUT_STAT_pgscan_swap_out]);
	assert_true(s->node->stat[PAGEOUT_STAT_pgscan_clean] >=
	            s->node->stat[PAGEOUT_STAT_pgsteal_kswapd] +
	                    s->node->stat[PAGEOUT_STAT_pgsteal_direct] +
	                    s->node->stat[PAGEOUT_STAT_pgreclaim_undone]);
}

static void
ages_follow_pages(void **unused)
{
	static const uint8_t age[] = {0, 1, 3, 7, 8, 31, 32, 64};
	static const uint64_t wanted[AGE_BUCKETS] = {1, 1, 1, 1, 1, 1, 2};

	(void)unused;
	for (uint32_t i = 0; i < ARRAY_SIZE(age); i++)
		touch(i, true);
	for (uint32_t i = 0, n = 0; i < w->node->cfg.frames_total; i++)
		if (w->node->core->frames[i].maps != 0)
			w->node->core->frames[i].age = age[n++];
	w->now += SECOND_NS;
	publish24(w->node->core);
	for (unsigned i = 0; i < AGE_BUCKETS; i++)
		assert_int_equal(w->node->stat[PAGEOUT_STAT_age_0 + i],
		                 wanted[i]);
	assert_int_equal(stat_of(PAGEOUT_STAT_nr_private), ARRAY_SIZE(age));
}

static void
a_census_comes_once_a_second_though_kswapd_sleeps(void **unused)
{
	(void)unused;
	touch(0, true);
	w->now += 10 * SECOND_NS;
	kswapd(w);
	assert_true(linux24(w->node->core)->kswapd_sleeps);
	assert_int_equal(stat_of(PAGEOUT_STAT_nr_private), 1);
	touch(1, true);
	w->now += SECOND_NS / 2;
	kswapd(w);
	assert_int_equal(stat_of(PAGEOUT_STAT_nr_private), 1);
	w->now += SECOND_NS / 2;
	kswapd(w);
	assert_int_equal(stat_of(PAGEOUT_STAT_nr_private), 2);
}

static void
sizes_are_fresh_though_kswapd_sleeps(void **unused)
{
	uint32_t shortage;

	(void)unused;
	touch(0, true);
	w->now += 10 * SECOND_NS;
	kswapd(w);
	assert_int_equal(stat_of(PAGEOUT_STAT_free_shortage), 0);
	linux24(w->node->core)->memory_pressure = 128 * 64;
	w->node->core->freepages.high = 600;
	w->now += SECOND_NS / 10;
	shortage = free_shortage(w->node->core);
	kswapd(w);
	assert_true(shortage > 0);
	assert_int_equal(stat_of(PAGEOUT_STAT_memory_pressure), 128 * 64);
	assert_int_equal(stat_of(PAGEOUT_STAT_inactive_target), 128);
	assert_int_equal(stat_of(PAGEOUT_STAT_free_target), 600 + 128 / 3);
	assert_int_equal(stat_of(PAGEOUT_STAT_free_shortage), shortage);
}

static void
whoever_drops_a_clean_page_is_counted(void **unused)
{
	const struct zone *z = &w->node->core->zones[0];
	struct batch b = {NULL, NULL};
	uint64_t before;
	uint32_t low;

	(void)unused;
	for (uint32_t i = 0; i < 480; i++)
		touch(i, true);
	unmap(0, 200);
	for (unsigned i = 0;
	     i < 50 && nr_inactive_clean_pages(w->node->core) < 100; i++) {
		wakeup_bdflush(w->node->core, false);
		w->node->core->freepages.high = 600;
		start_flush();
		finish_all();
	}
	assert_true(nr_inactive_clean_pages(w->node->core) >= 100);
	assert_true(stat_of(PAGEOUT_STAT_pgclean) >= 100);
	assert_true(stat_of(PAGEOUT_STAT_launder_calls) >= 1);
	low = z->pages_low;
	w->node->core->zones[0].pages_low = z->free + 5;
	before = nr_inactive_clean_pages(w->node->core);
	(void)core_kreclaimd(w->node->core, &b);
	assert_int_equal(nr_inactive_clean_pages(w->node->core), before - 5);
	assert_int_equal(stat_of(PAGEOUT_STAT_pgsteal_kswapd), 5);
	assert_int_equal(stat_of(PAGEOUT_STAT_pgsteal_direct), 0);
	w->node->core->zones[0].pages_low = low;
	core_give(w->node->core,
	          reclaim_page(w->node->core, &w->node->core->zones[0], 13));
	assert_int_equal(stat_of(PAGEOUT_STAT_pgsteal_direct), 1);
	assert_scans_are_so(w);
	assert_lists_are_so(w);
}

/* Four times as many pages as frames, touched at random. */
static void
gauges_are_so_under_pressure(void **unused)
{
	struct choice choice = {.state = 1};
	uint64_t most = 0;

	(void)unused;
	for (unsigned i = 1; i <= 4000; i++) {
		struct batch b = {NULL, NULL};

		touch(choice_of(&choice, 2048), choice_of(&choice, 2) != 0);
		if (i % 8 != 0)
			continue;
		w->now += SECOND_NS / 50;
		kswapd(w);
		start_flush();
		(void)core_kreclaimd(w->node->core, &b);
		finish_all();
		assert_lists_are_so(w);
		assert_scans_are_so(w);
		if (i % 400 != 0)
			continue;
		w->now += 2 * SECOND_NS;
		publish24(w->node->core);
		assert_ages_are_so(w);
		most = linux24_held(w->node->core) > most
		               ? linux24_held(w->node->core)
		               : most;
	}
	assert_true(most > 200);
	assert_true(stat_of(PAGEOUT_STAT_pgscan_active) > 0);
	assert_true(stat_of(PAGEOUT_STAT_pgscan_swap_out) > 0);
	assert_true(stat_of(PAGEOUT_STAT_pgclean) > 0);
	assert_true(stat_of(PAGEOUT_STAT_kswapd_wake) > 0);
}

static void
what_is_published_stays_true(void **unused)
{
	static const char *const specs[] = {"linux24", "linux24:quirks=exact"};
	struct sim *s = sim_new();
	unsigned zones[3] = {0};

	(void)unused;
	assert_non_null(s);
	for (unsigned i = 0; i < SEEDS; i++) {
		print_message("# seed %u, %s\n", i, specs[i % 2]);
		s->count = (struct sim_counts){0};
		sim_start(s, &(struct sim_options){
				     .seed = i,
				     .policy = specs[i % 2],
				     .faults = i % 3 == 0,
				     .events = 2000,
				     .fail = world_fail,
			     });
		sim_run(s);
		zones[s->node->core->zone_count]++;
		assert_lists_are_so(s);
		assert_scans_are_so(s);
		s->now += 2 * SECOND_NS;
		publish24(s->node->core);
		assert_ages_are_so(s);
	}
	assert_true(zones[1] > 0 && zones[2] > 0);
	sim_delete(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ages_follow_pages, fresh),
		cmocka_unit_test_setup(
			a_census_comes_once_a_second_though_kswapd_sleeps,
			fresh),
		cmocka_unit_test_setup(sizes_are_fresh_though_kswapd_sleeps,
	                               fresh),
		cmocka_unit_test_setup(whoever_drops_a_clean_page_is_counted,
	                               fresh),
		cmocka_unit_test_setup(gauges_are_so_under_pressure, fresh),
		cmocka_unit_test(what_is_published_stays_true),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
