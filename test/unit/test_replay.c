/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_replay.c -- a run of the model is recorded and replayed: the same
 * decisions; a core that decides otherwise, and a record that is not whole, are
 * found out.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/reseal.h"
#include "record/tap.h"
#include "replay/replay.h"
#include "test/unit/world.h"

/* Where a tap's bytes go. */
struct memory {
	uint8_t *bytes;
	size_t size;
	size_t max; /* a disk that is full; 0: it never is */
	size_t room;
	uint8_t buffer[1 << 16];
};

static struct sim *world;
static struct memory memory;
static struct replay_result result;

static void *
memory_full(void *ctx, size_t bytes, size_t *ret_bytes)
{
	struct memory *m = ctx;

	if (m->max != 0 && m->size + bytes > m->max)
		return NULL;
	m->bytes = realloc(m->bytes, m->size + bytes + 1);
	assert_non_null(m->bytes);
	memcpy(m->bytes + m->size, m->buffer, bytes);
	m->size += bytes;
	*ret_bytes = m->room;
	return m->buffer;
}

/* => the tap, as the run has left it */
static struct tap
record(const char *policy, uint64_t seed, bool faults)
{
	struct tap t = {.full = memory_full, .full_ctx = &memory};

	if (world == NULL)
		world = sim_new();
	assert_non_null(world);
	memory.size = 0;
	if (memory.room == 0)
		memory.room = TAP_BYTES_MIN;
	sim_start(world, &(struct sim_options){
				 .seed = seed,
				 .policy = policy,
				 .faults = faults,
				 .events = 1200,
				 .tap = &t,
				 .fail = world_fail,
			 });
	sim_run(world);
	tap_end(&t, world->node->core);
	return t;
}

static void
replay(const struct replay_options *o)
{
	replay_run(&result, memory.bytes, memory.size, o);
}

static void
a_run_replayed_is_the_same_run(void **unused)
{
	uint64_t last = 0;

	(void)unused;
	for (uint64_t i = 0; i < 24; i++)
		for (unsigned n = 0; policies[n] != NULL; n++) {
			struct tap t;

			memory.room = i % 3 == 0 ? sizeof(memory.buffer)
			                         : TAP_BYTES_MIN + i;
			t = record(policies[n]->name, i, i % 2);
			replay(NULL);
			if (result.verdict != REPLAY_SAME)
				fail_msg("%s, seed %llu: %s", policies[n]->name,
				         (unsigned long long)i, result.why);
			assert_int_equal(result.events, t.events);
			assert_int_equal(result.hash, t.hash);
			assert_true(result.decisions > 100);
			assert_memory_equal(result.stat, world->node->stat,
			                    sizeof(result.stat));
			if (n == 0)
				assert_int_not_equal(result.hash, last);
			last = n == 0 ? result.hash : last;
		}
	memory.room = TAP_BYTES_MIN;
}

static void
caches_are_replayed(void **unused)
{
	struct tap t = {.full = memory_full, .full_ctx = &memory};

	(void)unused;
	(void)record("clock", 1, false); /* there is a world */
	memory.size = 0;
	sim_start(world, &(struct sim_options){
				 .seed = 1,
				 .policy = "clock",
				 .events = 100,
				 .tap = &t,
				 .fail = world_fail,
			 });
	for (int i = 0; i < 2; i++) {
		struct cache new = {.kind = i == 0 ? CACHE_SLAB : CACHE_DENTRY};

		assert_int_equal(tap_cache_add(world->node->core, &new), i);
	}
	tap_cache_tell(world->node->core, 1, 600, CACHE_GROWN);
	sim_run(world);
	tap_cache_shrunk(world->node->core, 1, 100);
	tap_cache_remove(world->node->core, 0);
	tap_end(&t, world->node->core);
	replay(NULL);
	assert_int_equal(result.verdict, REPLAY_SAME);
	assert_int_equal(result.stat[PAGEOUT_STAT_shrink_freed], 100);
}

/* In a run where memory is never short, nothing is decided otherwise. */
static void
another_core_is_found_out(void **unused)
{
	unsigned batches = 0, seeds = 0;

	(void)unused;
	for (uint64_t seed = 0; seed < 16; seed++) {
		struct replay_options o = {.unmap_batch = 1};

		(void)record("random", seed, false);
		if (world->node->cfg.unmap_batch == 1)
			o.unmap_batch = 2;
		replay(&o);
		batches += result.verdict == REPLAY_DIFFERENT;
		assert_int_not_equal(result.verdict, REPLAY_BAD);
		replay(&(struct replay_options){.seed_changes = 1});
		seeds += result.verdict == REPLAY_DIFFERENT;
		assert_int_not_equal(result.verdict, REPLAY_BAD);
	}
	assert_true(batches > 8 && seeds > 8);
}

static void
every_flipped_byte_is_found(void **unused)
{
	(void)unused;
	(void)record("clock", 3, true);
	for (size_t i = 0; i < memory.size; i += 1 + i / 64) {
		memory.bytes[i] ^= (uint8_t)(1 << i % 8);
		replay(NULL);
		assert_int_equal(result.verdict, REPLAY_BAD);
		assert_true(result.why[0] != '\0');
		memory.bytes[i] ^= (uint8_t)(1 << i % 8);
	}
	replay(NULL);
	assert_int_equal(result.verdict, REPLAY_SAME);
}

static void
a_record_that_is_cut_off_says_so(void **unused)
{
	size_t size;

	(void)unused;
	(void)record("fifo", 5, true);
	size = memory.size;
	for (memory.size = 0; memory.size < size;
	     memory.size += 1 + memory.size / 32) {
		replay(NULL);
		assert_int_equal(result.verdict, REPLAY_BAD);
	}
	memory.size = size - 1;
	replay(NULL);
	assert_non_null(strstr(result.why, "before its end"));
	assert_true(result.events > 500);
}

/* Damage whose checks are right: whatever comes, it comes in words. */
static void
a_record_that_was_made_up_does_no_harm(void **unused)
{
	unsigned found = 0, all = 0;

	(void)unused;
	(void)record("clock", 11, false);
	for (size_t i = sizeof(struct record_header) + 16; i < memory.size;
	     i += 1 + i / 128, all++) {
		uint8_t was = memory.bytes[i];

		memory.bytes[i] ^= (uint8_t)(1 << i % 8);
		reseal(memory.bytes, memory.size);
		replay(&(struct replay_options){.memory_max = 1 << 30});
		found += result.verdict != REPLAY_SAME;
		memory.bytes[i] = was;
	}
	reseal(memory.bytes, memory.size);
	replay(NULL);
	assert_int_equal(result.verdict, REPLAY_SAME);
	assert_true(all > 100 && found > all / 2);
}

static void
a_full_disk_ends_the_record_and_not_the_run(void **unused)
{
	struct tap t;
	uint64_t stat[PAGEOUT_STATS];

	(void)unused;
	(void)record("clock", 9, true);
	memcpy(stat, world->node->stat, sizeof(stat));
	memory.max = memory.size / 2;
	t = record("clock", 9, true);
	memory.max = 0;
	assert_false(t.on);
	assert_memory_equal(stat, world->node->stat, sizeof(stat));
	replay(NULL);
	assert_int_equal(result.verdict, REPLAY_BAD);
	assert_non_null(strstr(result.why, "before its end"));
	assert_true(result.events > 100);
}

static int
clean_up(void **unused)
{
	(void)unused;
	sim_delete(world);
	free(memory.bytes);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_replayed_is_the_same_run),
		cmocka_unit_test(caches_are_replayed),
		cmocka_unit_test(another_core_is_found_out),
		cmocka_unit_test(every_flipped_byte_is_found),
		cmocka_unit_test(a_record_that_is_cut_off_says_so),
		cmocka_unit_test(a_record_that_was_made_up_does_no_harm),
		cmocka_unit_test(a_full_disk_ends_the_record_and_not_the_run),
	};

	return cmocka_run_group_tests(tests, NULL, clean_up);
}
