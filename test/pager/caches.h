/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * caches.h -- an engine for tests of shrinkers and slab caches, and waiting.
 */
#ifndef TEST_PAGER_CACHES_H
#define TEST_PAGER_CACHES_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/bits.h"
#include "test/pager/engine.h"

#define BUDGET (8 * MIB)
#define WAIT_MS 20000
#define ALL 0

static struct pageout *engine;
static unsigned log_lines;

static inline void
count_line(void *ctx, enum pageout_log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
	__atomic_fetch_add(&log_lines, 1, __ATOMIC_RELAXED);
}

static inline void
open_engine(const char *policy, enum pageout_mode mode)
{
	int r;

	log_lines = 0;
	r = pageout_open(&engine, &(struct pageout_options){
					  .mem_bytes = BUDGET,
					  .swap_bytes = 128 * MIB,
					  .policy = policy,
					  .mode = mode,
					  .log = count_line,
				  });
	if (r == -EPERM || r == -ENOSYS) {
		print_message("no user-space faults here\n");
		exit(77);
	}
	assert_int_equal(r, 0);
}

static inline int
fresh(void **unused)
{
	(void)unused;
	open_engine("clock", PAGEOUT_MODE_THREAD);
	return 0;
}

static inline int
over(void **unused)
{
	(void)unused;
	pageout_close(engine);
	return 0;
}

static inline uint64_t
stat_of(enum pageout_stat_id id)
{
	uint64_t values[PAGEOUT_STATS];

	(void)pageout_stats(engine, values, PAGEOUT_STATS);
	return values[id];
}

static inline void
sleep_ms(unsigned ms)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = (long)ms * 1000000},
	                NULL);
}

/* Wait until *word, which another thread counts up, is n at least. */
static inline void
wait_word(const uint64_t *word, uint64_t n)
{
	for (unsigned ms = 0; __atomic_load_n(word, __ATOMIC_ACQUIRE) < n;
	     ms++) {
		if (ms == WAIT_MS)
			fail_msg("%llu of %llu", (unsigned long long)*word,
			         (unsigned long long)n);
		sleep_ms(1);
	}
}

static inline void
wait_stat(enum pageout_stat_id id, uint64_t n)
{
	for (unsigned ms = 0; stat_of(id) < n; ms++) {
		if (ms == WAIT_MS)
			fail_msg("statistic %d is %llu, not %llu", id,
			         (unsigned long long)stat_of(id),
			         (unsigned long long)n);
		sleep_ms(1);
	}
}

/* Frames and slots are free when the last transfer that names them ends. */
static inline void
wait_none(enum pageout_stat_id id)
{
	for (unsigned ms = 0; stat_of(id) != 0; ms++) {
		if (ms == WAIT_MS)
			fail_msg("statistic %d is %llu, not 0", id,
			         (unsigned long long)stat_of(id));
		sleep_ms(1);
	}
}

/* Touch much more than the budget holds, and look at it again. */
static inline void
thrash(void)
{
	size_t bytes = 4 * BUDGET;
	void *at;
	char *mem;

	assert_int_equal(pageout_map(engine, bytes, 0, &at), 0);
	mem = at;
	for (size_t i = 0; i < bytes; i += 4096)
		fill(mem + i, 4096, i);
	for (size_t i = 0; i < bytes; i += 4096)
		assert_true(is_filled(mem + i, 4096, i));
	assert_int_equal(pageout_unmap(engine, at, bytes), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, fresh, over)

#endif
