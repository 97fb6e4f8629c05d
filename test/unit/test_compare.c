/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_compare.c -- what policies make of traces that can be worked out by
 * hand, and what must hold for any trace.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compare/compare.h"

enum { FRAMES = 256, ACCESSES_MAX = 20000 };

static uint32_t access[ACCESSES_MAX];
static uint32_t next[ACCESSES_MAX];
static struct trace trace;

/* -- traces --------------------------------------------------------------- */

static void
begin(uint32_t pages)
{
	trace = (struct trace){
		.access = access, .pages = pages, .numbers = pages};
}

static void
add(uint32_t page, bool write)
{
	assert_in_range(trace.accesses, 0, ACCESSES_MAX - 1);
	access[trace.accesses++] = page << 1 | write;
}

static void
add_round(bool write)
{
	for (uint32_t i = 0; i < trace.pages; i++)
		add(i, write);
}

static uint32_t
random_below(uint64_t *state, uint32_t n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)((*state >> 32) % n);
}

/* Three of four accesses go to the first quarter of the pages. */
static void
make_random(uint32_t pages, uint32_t accesses, uint64_t seed)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15u;

	begin(pages);
	for (uint32_t i = 0; i < pages; i++)
		add(i, true);
	while (trace.accesses < accesses)
		add(random_below(&state, random_below(&state, 4) == 0
		                                 ? pages
		                                 : pages / 4),
		    random_below(&state, 4) == 0);
}

/* When each access's page is used next, by looking for it. */
static void
look_ahead(void)
{
	for (uint64_t i = 0; i < trace.accesses; i++) {
		uint64_t j = i + 1;

		while (j < trace.accesses && access[j] >> 1 != access[i] >> 1)
			j++;
		next[i] = j < trace.accesses ? (uint32_t)j : TRACE_NEVER;
	}
	trace.next = next;
}

static struct compare_result
run_with(const struct compare_options *o)
{
	char why[TRACE_WHY_BYTES];
	struct compare_result r;

	assert_int_equal(compare_run(&trace, o, &r, why), 0);
	assert_int_equal(r.accesses, trace.accesses);
	assert_int_equal(r.first, trace.pages);
	return r;
}

static struct compare_result
run(const char *policy, uint64_t frames)
{
	return run_with(&(struct compare_options){.policy = policy,
	                                          .frames = frames,
	                                          .access_ns = 100,
	                                          .readahead = 1});
}

/*
 * A millisecond from one access to the next.  In a hurry fifo keeps some dirty
 * pages, until there are enough for a write; the flusher's pulse ends that.
 */
static struct compare_result
run_slowly(const char *policy, uint64_t frames)
{
	return run_with(&(struct compare_options){.policy = policy,
	                                          .frames = frames,
	                                          .access_ns = 1000000,
	                                          .readahead = 1});
}

/* -- by hand -------------------------------------------------------------- */

static void
what_fits_is_never_missed(void **unused)
{
	const char *policy, *help;

	(void)unused;
	begin(100);
	for (unsigned i = 0; i < 50; i++)
		add_round(i % 2);
	look_ahead();
	for (unsigned i = 0; (policy = compare_policy_name(i, &help)); i++) {
		struct compare_result r = run(policy, FRAMES);

		assert_int_equal(r.misses, 0);
		assert_int_equal(r.soft, 0);
		assert_int_equal(r.out + r.in, 0);
	}
}

/* The oldest leaves, and it is the one that is touched next. */
static void
fifo_misses_every_page_of_a_loop(void **unused)
{
	struct compare_result r;

	(void)unused;
	begin(1000);
	add_round(true);
	add_round(false);
	add_round(false);
	r = run_slowly("fifo", FRAMES);
	assert_int_equal(r.misses, 2000);
	assert_int_equal(r.in, 2000);
	assert_int_equal(r.soft, 0);
	assert_int_equal(r.out, 1000); /* what is read only stays clean */
}

static void
what_is_written_again_is_written_out_again(void **unused)
{
	struct compare_result r;

	(void)unused;
	begin(1000);
	for (unsigned i = 0; i < 5; i++)
		add_round(true);
	add_round(false);
	r = run_slowly("fifo", FRAMES);
	assert_int_equal(r.misses, 5000);
	assert_int_equal(r.out, 5000);
}

/* The miss reads; the write that follows finds its page. */
static void
a_write_that_misses_nothing_is_written_out_as_well(void **unused)
{
	struct compare_result r;

	(void)unused;
	begin(1000);
	add_round(false);
	for (uint32_t i = 0; i < trace.pages; i++) {
		add(i, false);
		add(i, true);
	}
	add_round(false);
	r = run_slowly("fifo", FRAMES);
	assert_int_equal(r.misses, 2000);
	assert_int_equal(r.out, 2000);
}

static void
the_first_access_gives_contents_even_if_it_reads(void **unused)
{
	struct compare_result r;

	(void)unused;
	begin(1000);
	add_round(false);
	add_round(false);
	r = run_slowly("fifo", FRAMES);
	assert_int_equal(r.misses, 1000);
	assert_int_equal(r.out, 1000);
}

/* 700 pages after it, in whatever order, it is not there any more. */
static void
fifo_forgets_a_page_however_often_it_was_used(void **unused)
{
	struct compare_result r;

	(void)unused;
	begin(801);
	for (unsigned i = 0; i < 100; i++)
		add(0, false);
	for (uint32_t i = 1; i < 801; i++)
		add(i, false);
	add(0, true);
	add(0, true);
	r = run_slowly("fifo", FRAMES);
	assert_int_equal(r.misses, 1);
}

static void
the_optimum_of_a_loop_keeps_all_but_one_frame(void **unused)
{
	enum { PAGES = 10, MEM = 4, ROUNDS = 90 };
	struct compare_result r;

	(void)unused;
	begin(PAGES);
	for (unsigned i = 0; i <= ROUNDS; i++)
		add_round(false);
	look_ahead();
	r = run("optimum", MEM);
	assert_int_equal(r.misses,
	                 ROUNDS * PAGES * (PAGES - MEM) / (PAGES - 1));
	assert_int_equal(r.in, r.misses);
}

static void
the_optimum_writes_what_is_dirty_when_it_leaves(void **unused)
{
	struct compare_result r;

	(void)unused;
	begin(2);
	add(0, true);  /* first */
	add(1, false); /* first; 0 out */
	add(0, false); /* miss; 1 out */
	add(0, true);
	add(1, false); /* miss; 0 out */
	add(0, false); /* miss; 1 is clean */
	look_ahead();
	r = run("optimum", 1);
	assert_int_equal(r.misses, 3);
	assert_int_equal(r.out, 3);
	assert_int_equal(r.reclaimed, 4);
}

/* -- laws ----------------------------------------------------------------- */

static void
more_memory_never_costs_the_optimum_a_miss(void **unused)
{
	(void)unused;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		uint64_t last = UINT64_MAX;

		make_random(300, 3000, seed);
		look_ahead();
		for (uint64_t frames = 1; frames <= 310; frames++) {
			struct compare_result r = run("optimum", frames);

			assert_true(r.misses <= last);
			last = r.misses;
		}
		assert_int_equal(last, 0);
	}
}

static void
no_policy_is_better_than_the_optimum(void **unused)
{
	const char *policy, *help;

	(void)unused;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		uint64_t least;

		make_random(700, 15000, seed);
		look_ahead();
		least = run("optimum", 300).misses;
		assert_in_range(least, 1, 15000);
		for (unsigned i = 0; (policy = compare_policy_name(i, &help));
		     i++) {
			struct compare_result r = run(policy, 300);

			assert_in_range(r.misses, least, trace.accesses);
			assert_int_equal(r.in, r.misses);
		}
	}
}

static void
the_same_run_twice_is_the_same(void **unused)
{
	const char *policy, *help;

	(void)unused;
	make_random(700, 15000, 5);
	look_ahead();
	for (unsigned i = 0; (policy = compare_policy_name(i, &help)); i++) {
		struct compare_result a = run(policy, 300);
		struct compare_result b = run(policy, 300);

		a.cpu_ns = b.cpu_ns = 0;
		assert_memory_equal(&a, &b, sizeof(a));
	}
}

static void
read_ahead_spares_a_loop_most_misses(void **unused)
{
	struct compare_result r;

	(void)unused;
	begin(4000);
	add_round(true);
	add_round(false);
	add_round(false);
	r = run_with(&(struct compare_options){.policy = "fifo",
	                                       .frames = 1024,
	                                       .access_ns = 100,
	                                       .readahead = 256});
	assert_in_range(r.misses, 1, 8000 / 8);
	assert_in_range(r.in, 7000, 9000);
}

static void
time_passes_with_accesses_and_with_faults(void **unused)
{
	struct compare_result hits, misses;

	(void)unused;
	begin(100);
	add(99, true);
	while (trace.accesses < 10000)
		add(99, true);
	trace.pages = 1;
	hits = run("fifo", FRAMES);
	assert_in_range(hits.model_ns, 10000 * 100, 10000 * 100 + 1000000);
	begin(1000);
	for (unsigned i = 0; i < 10; i++)
		add_round(false);
	misses = run("fifo", FRAMES);
	/* A page is at least 70 us away. */
	assert_in_range(misses.model_ns, misses.misses * 70000, UINT64_MAX);
}

/* Whoever looks at a page, and on whatever list, it counts: and once. */
static void
all_that_is_looked_at_is_counted_once(void **unused)
{
	static const struct {
		enum pageout_stat_id id;
		bool counts;
	} numbers[] = {
		{PAGEOUT_STAT_pgscan_kswapd, true},
		{PAGEOUT_STAT_pgscan_direct, true},
		{PAGEOUT_STAT_pgscan_launder, true},
		{PAGEOUT_STAT_pgscan_clean, true},
		{PAGEOUT_STAT_pgrefill, true},
		{PAGEOUT_STAT_pgscan_skip, true},
		{PAGEOUT_STAT_pgscan_active, false},
		{PAGEOUT_STAT_pgscan_swap_out, false},
		{PAGEOUT_STAT_pgscan_anon, false},
		{PAGEOUT_STAT_pgscan_file, false},
		{PAGEOUT_STAT_pgsteal_kswapd, false},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint64_t stat[PAGEOUT_STATS] = {0};

		stat[numbers[i].id] = 7;
		assert_int_equal(compare_scanned(stat),
		                 numbers[i].counts ? 7 : 0);
	}
}

/* Clock's hand sees a page that was used, lets it go round, sees it again. */
static void
a_second_chance_is_a_second_look(void **unused)
{
	struct compare_result r;

	(void)unused;
	make_random(700, 20000, 6);
	r = run("clock", 300);
	assert_in_range(r.soft, 1000, trace.accesses);
	assert_in_range(r.scanned, r.reclaimed + r.soft + r.soft / 2,
	                UINT64_MAX);
}

static void
too_little_memory_is_refused(void **unused)
{
	struct compare_options o = {.policy = "fifo",
	                            .frames = 255,
	                            .access_ns = 100,
	                            .readahead = 1};
	char why[TRACE_WHY_BYTES];
	struct compare_result r;

	(void)unused;
	begin(10);
	add_round(false);
	assert_true(compare_run(&trace, &o, &r, why) < 0);
	assert_non_null(strstr(why, "256"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_is_never_missed),
		cmocka_unit_test(fifo_misses_every_page_of_a_loop),
		cmocka_unit_test(what_is_written_again_is_written_out_again),
		cmocka_unit_test(
			a_write_that_misses_nothing_is_written_out_as_well),
		cmocka_unit_test(
			the_first_access_gives_contents_even_if_it_reads),
		cmocka_unit_test(fifo_forgets_a_page_however_often_it_was_used),
		cmocka_unit_test(the_optimum_of_a_loop_keeps_all_but_one_frame),
		cmocka_unit_test(
			the_optimum_writes_what_is_dirty_when_it_leaves),
		cmocka_unit_test(more_memory_never_costs_the_optimum_a_miss),
		cmocka_unit_test(no_policy_is_better_than_the_optimum),
		cmocka_unit_test(the_same_run_twice_is_the_same),
		cmocka_unit_test(read_ahead_spares_a_loop_most_misses),
		cmocka_unit_test(time_passes_with_accesses_and_with_faults),
		cmocka_unit_test(all_that_is_looked_at_is_counted_once),
		cmocka_unit_test(a_second_chance_is_a_second_look),
		cmocka_unit_test(too_little_memory_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
