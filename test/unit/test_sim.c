/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_sim.c -- a seed is a run: the same one, each time.
 */
#include <string.h>

#include "test/unit/world.h"

static void
run(struct sim *s, const char *policy, uint64_t seed, unsigned nodes)
{
	s->count = (struct sim_counts){0};
	sim_start(s, &(struct sim_options){
			     .seed = seed,
			     .policy = policy,
			     .faults = true,
			     .events = 300,
			     .nodes = nodes,
			     .fail = world_fail,
		     });
	sim_run(s);
}

static void
expect_same_run(unsigned nodes)
{
	static struct sim *s[2];

	for (unsigned i = 0; i < 2; i++) {
		s[i] = sim_new();
		assert_non_null(s[i]);
	}
	run(s[1], "fifo", 99, 4); /* what was before leaves no trace */
	for (unsigned i = 0; i < 2; i++)
		run(s[i], "clock", 7, nodes);
	assert_int_equal(s[0]->now, s[1]->now);
	assert_int_equal(s[0]->events_done, s[1]->events_done);
	assert_memory_equal(&s[0]->count, &s[1]->count, sizeof(s[0]->count));
	for (unsigned i = 0; i < nodes; i++)
		assert_memory_equal(s[0]->node[i].stat, s[1]->node[i].stat,
		                    sizeof(s[0]->node[i].stat));
	run(s[1], "clock", 8, nodes);
	assert_memory_not_equal(&s[0]->count, &s[1]->count,
	                        sizeof(s[0]->count));
	for (unsigned i = 0; i < 2; i++)
		sim_delete(s[i]);
}

static void
the_same_seed_is_the_same_run(void **unused)
{
	(void)unused;
	expect_same_run(1);
	expect_same_run(2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_seed_is_the_same_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
