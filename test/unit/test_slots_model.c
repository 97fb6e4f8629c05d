/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_slots_model.c -- every slot is the one that the rules name.
 *
 * The rules of Linux 2.4's swap space (get_swap_page, scan_swap_map, swap_free)
 * once more, slot by slot and without a thought for their cost.  Slots are
 * taken and given back at random, in areas of random sizes and priorities, and
 * core and model must agree on each slot and each hint.
 */
#include <string.h>

#include "sim/choice.h"
#include "test/unit/world.h"

#define AREAS 4
#define SLOTS_MAX 1500
#define ROUNDS 60
#define STEPS 20000

struct model_area {
	bool used[SLOTS_MAX];
	uint32_t slots, lowest, highest, next, nr;
	int prio;
};

static struct {
	struct model_area area[AREAS]; /* as core numbers them */
	int order[AREAS];              /* by priority, the newest first */
	int turn;                      /* index in order */
} model;

static uint64_t tables[AREAS][3000];
static uint32_t taken_count;
static uint32_t fulls, late_runs; /* what the rounds have seen */

/* -- the rules ------------------------------------------------------------ */

static void
model_swapon(int number, uint32_t slots, int prio)
{
	struct model_area *a = &model.area[number];
	int at = 0;

	*a = (struct model_area){.slots = slots, .lowest = 1, .next = 1};
	a->highest = slots - 1;
	a->prio = prio;
	while (at < number && model.area[model.order[at]].prio > prio)
		at++;
	for (int i = number; i > at; i--)
		model.order[i] = model.order[i - 1];
	model.order[at] = number;
	model.turn = 0; /* nothing was taken before */
}

static bool
is_free_run(const struct model_area *a, uint32_t off)
{
	for (uint32_t i = off; i < off + 256; i++)
		if (i > a->highest || a->used[i])
			return false;
	return true;
}

static uint32_t
model_scan(struct model_area *a)
{
	if (a->nr > 0)
		while (a->next <= a->highest)
			if (!a->used[a->next++]) {
				a->nr--;
				return a->next - 1;
			}
	a->nr = 256;
	for (uint32_t off = a->lowest; off <= a->highest; off++)
		if (is_free_run(a, off)) {
			late_runs += off != a->lowest;
			return off;
		}
	for (uint32_t off = a->lowest; off <= a->highest; off++)
		if (!a->used[off])
			return off;
	return 0;
}

static bool
is_equal(int i, int j)
{
	return j < AREAS && model.area[model.order[i]].prio ==
	                            model.area[model.order[j]].prio;
}

static swp_entry_t
model_take_from(int i, uint32_t off)
{
	struct model_area *a = &model.area[model.order[i]];

	a->used[off] = true;
	a->lowest += off == a->lowest;
	a->highest -= off == a->highest;
	a->next = off + 1;
	model.turn = is_equal(i, i + 1) ? i + 1 : 0;
	return (uint32_t)model.order[i] << SWP_OFFSET_BITS | off;
}

static swp_entry_t
model_alloc(void)
{
	bool wrapped = false;
	int i = model.turn;

	while (taken_count < core_swap_total(w->node->core) && i < AREAS) {
		uint32_t off = model_scan(&model.area[model.order[i]]);

		if (off != 0)
			return model_take_from(i, off);
		if (!wrapped && !is_equal(i, i + 1)) {
			wrapped = true;
			i = 0;
		} else {
			i++;
		}
	}
	return 0;
}

static void
model_free(swp_entry_t e)
{
	struct model_area *a = &model.area[e >> SWP_OFFSET_BITS];
	uint32_t off = e & SWP_OFFSET_MASK;

	if (a->prio > model.area[model.order[model.turn]].prio)
		for (int i = 0; i < AREAS; i++)
			if (&model.area[model.order[i]] == a)
				model.turn = i;
	a->used[off] = false;
	a->lowest = off < a->lowest ? off : a->lowest;
	a->highest = off > a->highest ? off : a->highest;
}

/* -- the two together ----------------------------------------------------- */

static void
open_areas(struct choice *c)
{
	static const int prios[] = {SWAP_PRIO_AUTO, 0, 7, 7, SWAP_PRIO_MAX};

	world_open((struct sim_options){.slots = 600});
	taken_count = 0;
	model_swapon(0, 600, w->node->core->swap[0].prio);
	memset(tables, 0, sizeof(tables));
	for (int i = 1; i < AREAS; i++) {
		uint32_t slots = choice_between(c, 2, SLOTS_MAX);

		assert_true(core_swap_bytes(slots) <= sizeof(tables[i]));
		assert_int_equal(core_swapon(w->node->core, tables[i], slots,
		                             slots, prios[choice_of(c, 5)]),
		                 i);
		model_swapon(i, slots, w->node->core->swap[i].prio);
	}
}

static void
take_one(void)
{
	swp_entry_t e = model_alloc();

	assert_int_equal(slot_alloc(w->node->core, 5, 1), e);
	taken_count += e != 0;
	fulls += e == 0;
}

static void
give_back(swp_entry_t e)
{
	model_free(e);
	slot_uncache(w->node->core, e, 0);
	slot_put(w->node->core, e);
	taken_count--;
}

/* Give a stretch of an area back; often all of it but one slot. */
static void
give(struct choice *c, uint32_t pages)
{
	uint32_t type = choice_of(c, AREAS);
	const struct model_area *a = &model.area[type];
	uint32_t off = choice_between(c, 1, a->slots - 1), keep = 0;

	if (pages > 1 && choice_of(c, 2) == 0)
		keep = off + choice_of(c, pages);
	for (; off < a->slots && pages > 0; off++, pages--)
		if (a->used[off] && off != keep)
			give_back(type << SWP_OFFSET_BITS | off);
}

static void
compare_hints(void)
{
	assert_int_equal(w->node->core->swap_list.head, model.order[0]);
	assert_int_equal(w->node->core->swap_list.next,
	                 model.order[model.turn]);
	for (int i = 0; i < AREAS; i++) {
		const struct swap_area *s = &w->node->core->swap[i];
		const struct model_area *a = &model.area[i];

		assert_int_equal(s->lowest_bit, a->lowest);
		assert_int_equal(s->highest_bit, a->highest);
		assert_int_equal(s->cluster_nr, a->nr);
		assert_int_equal(s->cluster_next, a->next);
	}
}

/* Take or give, so that about so many of 100 slots stay taken. */
static void
step(struct choice *c, uint32_t of_100)
{
	bool low = taken_count * 100 < core_swap_total(w->node->core) * of_100;

	if (low != (choice_of(c, 4) == 0))
		take_one();
	else if (choice_of(c, 200) == 0)
		give(c, choice_between(c, 250, 800));
	else
		give(c, 1);
	compare_hints();
}

static void
core_and_rules_agree(void **unused)
{
	(void)unused;
	for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
		struct choice c = {.state = seed};
		uint32_t of_100 = 0;

		print_message("# seed %u\n", (unsigned)seed);
		open_areas(&c);
		for (uint32_t i = 0; i < STEPS; i++) {
			if (i % 4096 == 0)
				of_100 = choice_between(&c, 20, 110);
			step(&c, of_100);
		}
	}
	assert_in_range(fulls, ROUNDS * 100, ROUNDS * STEPS / 4);
	assert_in_range(late_runs, ROUNDS * 10, UINT32_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(core_and_rules_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
