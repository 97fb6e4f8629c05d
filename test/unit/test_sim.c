/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_sim.c -- a seed is a run: the same one, each time.
 */
#include <string.h>

#include "test/unit/world.h"

static void
run(struct sim *s, const char *policy, uint64_t seed)
{
	s->count = (struct sim_counts){0};
	sim_start(s, &(struct sim_options){
			     .seed = seed,
			     .policy = policy,
			     .faults = true,
			     .events = 300,
			     .fail = world_fail,
		     });
	sim_run(s);
}

static void
the_same_seed_is_the_same_run(void **unused)
{
	static struct sim *s[2];

	(void)unused;
	for (unsigned i = 0; i < 2; i++) {
		s[i] = sim_new();
		assert_non_null(s[i]);
	}
	run(s[1], "fifo", 99); /* what was before leaves no trace */
	for (unsigned i = 0; i < 2; i++)
		run(s[i], "clock", 7);
	assert_int_equal(s[0]->now, s[1]->now);
	assert_int_equal(s[0]->events_done, s[1]->events_done);
	assert_memory_equal(&s[0]->count, &s[1]->count, sizeof(s[0]->count));
	assert_memory_equal(s[0]->stat, s[1]->stat, sizeof(s[0]->stat));
	run(s[1], "clock", 8);
	assert_memory_not_equal(&s[0]->count, &s[1]->count,
	                        sizeof(s[0]->count));
	for (unsigned i = 0; i < 2; i++)
		sim_delete(s[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_seed_is_the_same_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
