/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_kswapd_lists.c -- the lists of policy kswapd, and the shadows of what
 * left them.
 *
 * Flags, lists and gauges are compared with the frames, walked, after steps
 * made by hand and after random runs; a shadow is followed from the page that
 * leaves to the page that comes back.
 */
#include "base/bits.h"
#include "reclaim/kswapd/kswapd.h"

#include "test/unit/world.h"

#define SEEDS 24

static int
fresh(void **unused)
{
	(void)unused;
	world_open((struct sim_options){
		.policy = "kswapd",
		.frames = 512,
		.pages = 2048,
		.slots = 4096,
	});
	return 0;
}

static void
kswapd(void)
{
	struct batch b = {NULL, NULL};

	(void)core_kswapd(w->node->core, &b);
	submit(&b);
	finish_all();
}

static struct frame *
frame_of(uint32_t page)
{
	pte_t pte = pte_get(w->node->core, 0, vpn(page));

	return pte_kind(pte) == PTE_PRESENT
	               ? &w->node->core->frames[pte_pfn(pte)]
	               : slot_frame(w->node->core, pte_entry(pte));
}

/* -- the lists are what the frames say ------------------------------------ */

static uint32_t
walk(const struct core *c, enum lru66 lru)
{
	const struct flist *l = &pgdat66(c)->lruvec.lists[lru];
	uint32_t n = 0, last = PFN_NONE;

	for (uint32_t p = l->head; p != PFN_NONE; p = c->frames[p].next) {
		assert_int_equal(c->frames[p].prev, last);
		assert_int_equal(folio_lru(&c->frames[p]), lru);
		assert_int_equal(c->frames[p].flags & FRAME_LOCKED, 0);
		last = p;
		n++;
	}
	assert_int_equal(l->tail, last);
	assert_int_equal(l->count, n);
	return n;
}

/* Pages that their flags call isolated, pending. */
static uint32_t
flagged(const struct core *c, enum pg66 bit)
{
	uint32_t n = 0;

	for (uint32_t p = 0; p < c->cfg.frames_total; p++)
		n += folio_test(&c->frames[p], bit);
	return n;
}

static void
assert_lists_are_so(const struct sim *s)
{
	static const enum pageout_stat_id gauges[] = {
		PAGEOUT_STAT_nr_inactive_anon, PAGEOUT_STAT_nr_active_anon,
		PAGEOUT_STAT_nr_inactive_file, PAGEOUT_STAT_nr_active_file,
		PAGEOUT_STAT_nr_mlocked,
	};
	const struct core *c = s->node->core;
	const struct pgdat66 *p = pgdat66(c);
	uint32_t pending = 0;

	for (enum lru66 lru = LRU_INACTIVE_ANON; lru < NR_LRU_LISTS; lru++) {
		uint32_t n = walk(c, lru);

		assert_int_equal(s->node->stat[gauges[lru]], n);
		assert_int_equal(lruvec_lru_size(c, lru, ZONES_MAX - 1), n);
	}
	for (unsigned i = 0; i < c->zone_count; i++)
		pending += p->zone[i].write_pending;
	assert_int_equal(flagged(c, PG66_PENDING), pending);
	assert_int_equal(flagged(c, PG66_ISOLATED),
	                 p->nr_isolated[TYPE_ANON] + p->nr_isolated[TYPE_FILE]);
	assert_int_equal(s->node->stat[PAGEOUT_STAT_nr_isolated_anon],
	                 p->nr_isolated[TYPE_ANON]);
	assert_int_equal(s->node->stat[PAGEOUT_STAT_nr_isolated_file],
	                 p->nr_isolated[TYPE_FILE]);
	assert_true(s->node->stat[PAGEOUT_STAT_pgsteal_anon] <=
	            s->node->stat[PAGEOUT_STAT_pgscan_anon]);
	assert_true(s->node->stat[PAGEOUT_STAT_pgsteal_file] <=
	            s->node->stat[PAGEOUT_STAT_pgscan_file]);
}

/* Four times as many pages as frames, touched at random. */
static void
lists_are_so_under_pressure(void **unused)
{
	struct choice choice = {.state = 1};

	(void)unused;
	for (unsigned i = 1; i <= 4000; i++) {
		touch(choice_of(&choice, 2048), choice_of(&choice, 2) != 0);
		if (i % 8 != 0)
			continue;
		w->now += JIFFY_NS * 2;
		kswapd();
		assert_lists_are_so(w);
	}
	assert_true(stat_of(PAGEOUT_STAT_pgrefill) > 0);
	assert_true(stat_of(PAGEOUT_STAT_pgactivate) > 0);
	assert_true(stat_of(PAGEOUT_STAT_pgsteal_kswapd) > 0);
	assert_true(stat_of(PAGEOUT_STAT_workingset_refault_anon) > 0);
	assert_int_equal(pgdat66(w->node->core)->nr_isolated[TYPE_ANON], 0);
}

static void
lists_stay_so(void **unused)
{
	static const char *const specs[] = {"kswapd", "kswapd:quirks=exact"};
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
	}
	assert_true(zones[1] > 0 && zones[2] > 0);
	sim_delete(s);
}

/* -- shadows -------------------------------------------------------------- */

/* The page leaves its frame, clean. */
static void
evict(uint32_t page)
{
	struct scan_control sc = {.gfp_mask = GFP66_KERNEL,
	                          .who = CURRENT_KSWAPD,
	                          .may_unmap = true,
	                          .may_swap = true,
	                          .may_writepage = true};
	struct batch b = {NULL, NULL};

	start_unmap(page, 1);
	finish_all();
	(void)shrink_folio(w->node->core, frame_of(page), &sc, &b);
	reclaim_flush(w->node->core, &b);
	submit(&b);
	finish_all();
	if (state(page) == PAGE_CACHED)
		assert_int_equal(
			shrink_folio(w->node->core, frame_of(page), &sc, &b),
			FOLIO_FREED);
	assert_int_equal(state(page), PAGE_SWAPPED);
}

static void
a_page_that_comes_back_soon_is_active(void **unused)
{
	struct lruvec66 *v = &pgdat66(w->node->core)->lruvec;

	(void)unused;
	for (uint32_t i = 0; i < 64; i++)
		touch(i, true);
	for (uint32_t i = 32; i < 64; i++)
		folio_activate(w->node->core, frame_of(i));
	assert_int_equal(v->lists[LRU_ACTIVE_ANON].count, 32);
	evict(0);
	evict(1);
	v->nonresident_age += 30; /* with both pages: 32 for page 0 */
	touch(0, false);
	assert_true(folio_test(frame_of(0), PG66_ACTIVE));
	assert_int_equal(stat_of(PAGEOUT_STAT_workingset_activate_anon), 1);
	v->nonresident_age += 2; /* 34 for page 1; 33 are active */
	touch(1, false);
	assert_false(folio_test(frame_of(1), PG66_ACTIVE));
	assert_int_equal(stat_of(PAGEOUT_STAT_workingset_refault_anon), 2);
	assert_int_equal(stat_of(PAGEOUT_STAT_workingset_activate_anon), 1);
}

static void
a_shadow_is_taken_once_and_dies_with_its_slot(void **unused)
{
	swp_entry_t e;

	(void)unused;
	touch(0, true);
	evict(0);
	e = pte_entry(pte_get(w->node->core, 0, vpn(0)));
	assert_int_equal(core_shadow_take(w->node->core, e),
	                 pack_shadow(0, false));
	assert_int_equal(core_shadow_take(w->node->core, e), 0);
	core_shadow_set(w->node->core, e, pack_shadow(7, true));
	discard(0, 1);
	assert_false(core_slot_in_use(w->node->core, e));
	assert_int_equal(
		w->node->core->swap[entry_type(e)].shadow[e & SWP_OFFSET_MASK],
		0);
}

static void
without_shadows_nothing_is_remembered(void **unused)
{
	(void)unused;
	world_open((struct sim_options){.policy = "kswapd:shadows=0",
	                                .frames = 512});
	touch(0, true);
	evict(0);
	touch(0, false);
	assert_int_equal(stat_of(PAGEOUT_STAT_workingset_refault_anon), 0);
}

/* -- use ------------------------------------------------------------------ */

/* In real runs a page is out of reach after the look that keeps it. */
static void
a_look_hides_a_page_and_a_touch_brings_it_back(void **unused)
{
	struct scan_control sc = {.who = CURRENT_KSWAPD,
	                          .gfp_mask = GFP66_KERNEL,
	                          .may_unmap = true};
	struct batch b = {NULL, NULL};
	struct frame *f;

	(void)unused;
	touch(0, true);
	f = frame_of(0);
	assert_int_equal(shrink_folio(w->node->core, f, &sc, &b), FOLIO_KEPT);
	reclaim_flush(w->node->core, &b);
	submit(&b);
	assert_int_equal(pgdat66(w->node->core)->nr_isolated[TYPE_ANON], 1);
	finish_all();
	assert_int_equal(state(0), PAGE_CACHED);
	assert_int_equal(folio_lru(f), LRU_INACTIVE_ANON);
	touch(0, false);
	assert_int_equal(stat_of(PAGEOUT_STAT_pgsoftfault), 1);
	assert_int_equal(shrink_folio(w->node->core, f, &sc, &b), FOLIO_KEPT);
	assert_int_equal(folio_lru(f), LRU_ACTIVE_ANON);
	assert_int_equal(state(0), PAGE_MAPPED);
	assert_null(b.first);
}

static void
what_the_program_calls_cold_is_inactive(void **unused)
{
	(void)unused;
	touch(0, true);
	folio_activate(w->node->core, frame_of(0));
	start_unmap(0, 1);
	finish_all();
	assert_int_equal(folio_lru(frame_of(0)), LRU_INACTIVE_ANON);
	assert_lists_are_so(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lists_are_so_under_pressure, fresh),
		cmocka_unit_test(lists_stay_so),
		cmocka_unit_test_setup(a_page_that_comes_back_soon_is_active,
	                               fresh),
		cmocka_unit_test_setup(
			a_shadow_is_taken_once_and_dies_with_its_slot, fresh),
		cmocka_unit_test(without_shadows_nothing_is_remembered),
		cmocka_unit_test_setup(
			a_look_hides_a_page_and_a_touch_brings_it_back, fresh),
		cmocka_unit_test_setup(what_the_program_calls_cold_is_inactive,
	                               fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
