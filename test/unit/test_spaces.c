/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_spaces.c -- which space swap_out takes pages from, in exact numbers.
 *
 * Three spaces of the model world, whose frames are all old: each page that is
 * visited leaves.  So what a walk takes is the space's budget (swap_cnt): 1/32
 * of what it has mapped, 8 at least.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/internal.h"
#include "reclaim/linux24/linux24.h"
#include "sim/sim.h"

enum { SPACES = 3, PAGES = 700 };

static struct sim *w;

static void
fail_world(void *ctx, const char *law, const char *what)
{
	(void)ctx;
	fail_msg("[%s] %s", law, what);
}

static void
perform(struct batch *b)
{
	host_submit(w->node, b);
	while (w->node->jobs_count > 0)
		for (uint32_t i = 0; i < w->node->cfg.ops_total; i++) {
			struct op *op = w->node->jobs[i].op;

			if (op == NULL)
				continue;
			assert_true(
				host_perform(w->node, op, OP_PAGES_MAX * 2));
			host_end(w->node, op);
		}
	oracle_check(w);
}

/* A program writes a word of its own to a page. */
static void
touch(unsigned space, uint32_t page)
{
	struct sim_page *p = &w->page[space][page];

	while ((p->flags & PG_PRESENT) == 0) {
		struct batch b = {NULL, NULL};

		(void)core_fault(w->node->core, space, sim_vpn(w, space, page),
		                 &b);
		perform(&b);
	}
	p->word = p->truth = sim_word(w);
}

/* Everything that is mapped has not been used for long. */
static void
all_grow_old(void)
{
	for (unsigned space = 0; space < SPACES; space++) {
		uint64_t v = sim_vpn(w, space, 0), end = v + PAGES;
		struct frame *f;

		for (; (f = core_next_mapped(w->node->core, space, v, end,
		                             &v)) != NULL;
		     v++) {
			(void)core_test_clear_young(w->node->core, space, v);
			f->age = 0;
		}
	}
}

/* A world in which the spaces have so many pages mapped. */
static void
world_with(uint32_t a, uint32_t b, uint32_t c)
{
	const uint32_t rss[SPACES] = {a, b, c};
	struct sim_options opt = {
		.policy = "linux24:quirks=exact",
		.seed = 1,
		.manual = true,
		.frames = 1536,
		.pages = PAGES,
		.slots = 4096,
		.spaces = SPACES,
		.fail = fail_world,
	};

	if (w == NULL)
		w = sim_new();
	assert_non_null(w);
	sim_start(w, &opt);
	for (unsigned space = 0; space < SPACES; space++)
		for (uint32_t page = 0; page < rss[space]; page++)
			touch(space, page);
	for (unsigned space = 0; space < SPACES; space++)
		assert_int_equal(w->node->core->spaces[space].rss, rss[space]);
	all_grow_old();
}

/* One call of swap_out takes so many pages from a space, and no others. */
static void
expect_walk(unsigned space, uint64_t pages)
{
	uint64_t before[SPACES];
	struct batch b = {NULL, NULL};

	for (unsigned i = 0; i < SPACES; i++)
		before[i] = w->node->core->spaces[i].rss;
	(void)swap_out(w->node->core, PRIORITY_MAX, &b);
	swap_out_end(w->node->core, &b);
	perform(&b);
	for (unsigned i = 0; i < SPACES; i++)
		assert_int_equal(before[i] - w->node->core->spaces[i].rss,
		                 i == space ? pages : 0);
}

static void
the_larger_space_gives_first_and_more(void **state)
{
	(void)state;
	world_with(32, 640, 320);
	expect_walk(1, 640 / 32);
	expect_walk(2, 320 / 32);
	expect_walk(0, 8);
	/* All budgets are used up: they are set anew from what is left. */
	expect_walk(1, 620 / 32);
	expect_walk(2, 310 / 32);
	expect_walk(0, 8);
	expect_walk(1, 601 / 32);
	expect_walk(2, 301 / 32);
	expect_walk(0, 8);
	assert_int_equal(w->node->core->spaces[1].rss, 640 - 57);
	assert_int_equal(w->node->core->spaces[2].rss, 320 - 28);
	assert_int_equal(w->node->core->spaces[0].rss, 32 - 24);
}

static void
a_budget_and_not_the_size_says_whose_turn_it_is(void **state)
{
	struct mm24 *mm;

	(void)state;
	world_with(100, 640, 100);
	mm = linux24(w->node->core)->mm;
	mm[0].swap_cnt = 9;
	mm[1].swap_cnt = 5;
	mm[2].swap_cnt = 12;
	expect_walk(2, 12);
	expect_walk(0, 9);
	expect_walk(1, 5);
	expect_walk(1, 635 / 32);
}

static void
equal_spaces_take_turns(void **state)
{
	(void)state;
	world_with(320, 320, 320);
	for (unsigned space = 0; space < SPACES; space++)
		expect_walk(space, 320 / 32);
	for (unsigned space = 0; space < SPACES; space++)
		expect_walk(space, 310 / 32);
}

static void
a_space_with_nothing_mapped_is_passed_over(void **state)
{
	(void)state;
	world_with(0, 64, 0);
	linux24(w->node->core)->mm[0].swap_cnt = 1000;
	linux24(w->node->core)->mm[2].swap_cnt = 1000;
	expect_walk(1, 8);
	expect_walk(1, 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_larger_space_gives_first_and_more),
		cmocka_unit_test(
			a_budget_and_not_the_size_says_whose_turn_it_is),
		cmocka_unit_test(equal_spaces_take_turns),
		cmocka_unit_test(a_space_with_nothing_mapped_is_passed_over),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	sim_delete(w);
	return r;
}
