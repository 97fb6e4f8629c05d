/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_tenants.c -- regions in several spaces, over real memory.
 *
 * Contents first: whatever space a page is in, it holds what was written.  Then
 * what a caller may do wrong, and ranges that lie in more than one space.
 * Where user-space faults are not allowed all is skipped (77).
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bits.h"
#include "test/pager/engine.h"

enum { TENANTS = 3, ACCESSES = 8000 };

static const size_t budget = 8 * MIB;

static struct pageout *
open_engine(enum pageout_mode mode, const char *policy)
{
	struct pageout *e;

	(void)alarm(120); /* a hang is a failure */
	assert_int_equal(pageout_open(&e,
	                              &(struct pageout_options){
					      .mem_bytes = budget,
					      .swap_bytes = 128 * MIB,
					      .mode = mode,
					      .policy = policy,
				      }),
	                 0);
	return e;
}

static char *
map_in(struct pageout *e, int space, size_t bytes)
{
	void *at;

	assert_int_equal(pageout_map(e, bytes, PAGEOUT_MAP_SPACE(space), &at),
	                 0);
	return at;
}

static struct pageout_space_stat
stat_of(struct pageout *e, int space)
{
	struct pageout_space_stat s;

	assert_int_equal(pageout_space_stats(e, space, &s), 0);
	return s;
}

/* -- contents under pressure ---------------------------------------------- */

/* A thread that uses a region of its own in some order, and what it found. */
struct tenant {
	pthread_t thread;
	char *at;
	size_t pages;
	uint64_t seed;
	uint32_t wrong;
	uint32_t version[24 * MIB / PAGE_BYTES];
};

/* The first and last word of a page say who it is. */
static void
page_visit(struct tenant *t, size_t page, bool is_write)
{
	uint64_t *w = (uint64_t *)(void *)(t->at + page * PAGE_BYTES);
	const size_t last = PAGE_BYTES / sizeof(*w) - 1;
	uint64_t want = 0;

	if (t->version[page] != 0)
		want = t->seed << 56 | (uint64_t)page << 32 | t->version[page];
	t->wrong += w[0] != want || w[last] != want;
	if (!is_write)
		return;
	want = t->seed << 56 | (uint64_t)page << 32 | ++t->version[page];
	w[0] = w[last] = want;
}

static void *
tenant_run(void *ctx)
{
	struct tenant *t = ctx;
	uint64_t rng = t->seed;

	for (unsigned i = 0; i < ACCESSES; i++) {
		rng = rng * 6364136223846793005u + 1442695040888963407u;
		page_visit(t, (rng >> 33) % t->pages, rng >> 63);
	}
	for (size_t page = 0; page < t->pages; page++)
		page_visit(t, page, false);
	return NULL;
}

static void
contents_stay(enum pageout_mode mode, const char *policy)
{
	static const size_t bytes[TENANTS] = {24 * MIB, 12 * MIB, 3 * MIB};
	static struct tenant tenants[TENANTS];
	struct pageout *e = open_engine(mode, policy);
	uint64_t values[PAGEOUT_STATS];

	memset(tenants, 0, sizeof(tenants));
	for (unsigned i = 0; i < TENANTS; i++) {
		struct tenant *t = &tenants[i];

		if (i > 0)
			assert_int_equal(pageout_space_create(e), i);
		t->at = map_in(e, (int)i, bytes[i]);
		t->pages = bytes[i] / PAGE_BYTES;
		t->seed = i + 1;
		assert_int_equal(
			pthread_create(&t->thread, NULL, tenant_run, t), 0);
	}
	for (unsigned i = 0; i < TENANTS; i++) {
		assert_int_equal(pthread_join(tenants[i].thread, NULL), 0);
		assert_int_equal(tenants[i].wrong, 0);
		assert_int_equal(stat_of(e, (int)i).managed_bytes, bytes[i]);
		assert_true(stat_of(e, (int)i).mapped_bytes <= bytes[i]);
	}
	(void)pageout_stats(e, values, PAGEOUT_STATS);
	assert_true(values[PAGEOUT_STAT_pswpout] > 0);
	assert_int_equal(values[PAGEOUT_STAT_pgpoison], 0);
	pageout_close(e);
}

static void
contents_stay_with_a_fault_thread(void **state)
{
	(void)state;
	contents_stay(PAGEOUT_MODE_THREAD, "clock");
	contents_stay(PAGEOUT_MODE_THREAD, "linux24");
}

static void
contents_stay_inline(void **state)
{
	(void)state;
	contents_stay(PAGEOUT_MODE_INLINE, "clock");
	contents_stay(PAGEOUT_MODE_INLINE, "linux24");
}

/* -- what a caller may do wrong ------------------------------------------- */

static void
expect_no_space(struct pageout *e, int space)
{
	struct pageout_space_stat s = {1, 2};
	void *at = e;

	assert_int_equal(
		pageout_map(e, PAGE_BYTES, PAGEOUT_MAP_SPACE(space), &at),
		-EINVAL);
	assert_ptr_equal(at, e);
	assert_int_equal(pageout_space_destroy(e, space), -EINVAL);
	assert_int_equal(pageout_space_stats(e, space, &s), -EINVAL);
	assert_int_equal(s.managed_bytes, 1);
	assert_int_equal(s.mapped_bytes, 2);
}

static void
spaces_that_are_none(void **state)
{
	struct pageout *e = open_engine(PAGEOUT_MODE_THREAD, NULL);
	int bad[] = {-ENOSPC, -1, 1, 63, 64, 100, 255};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		expect_no_space(e, bad[i]);
	assert_int_equal(pageout_space_destroy(e, 0), -EINVAL);
	assert_int_equal(pageout_space_create(e), 1);
	assert_int_equal(pageout_space_destroy(e, 1), 0);
	expect_no_space(e, 1);
	pageout_close(e);
}

static void
there_are_only_so_many(void **state)
{
	struct pageout *e = open_engine(PAGEOUT_MODE_THREAD, "linux24");
	char *at[PAGEOUT_SPACES_MAX];

	(void)state;
	for (int i = 1; i < PAGEOUT_SPACES_MAX; i++)
		assert_int_equal(pageout_space_create(e), i);
	assert_int_equal(pageout_space_create(e), -ENOSPC);
	for (int i = 0; i < PAGEOUT_SPACES_MAX; i++) {
		at[i] = map_in(e, i, MIB / 4);
		fill(at[i], MIB / 4, (uint64_t)i);
	}
	for (int i = 0; i < PAGEOUT_SPACES_MAX; i++) {
		assert_true(is_filled(at[i], MIB / 4, (uint64_t)i));
		assert_int_equal(pageout_unmap(e, at[i], MIB / 4), 0);
	}
	assert_int_equal(pageout_space_destroy(e, 40), 0);
	assert_int_equal(pageout_space_create(e), 40);
	pageout_close(e);
}

static void
only_an_empty_space_can_be_destroyed(void **state)
{
	struct pageout *e = open_engine(PAGEOUT_MODE_THREAD, NULL);
	int space = pageout_space_create(e);
	char *at = map_in(e, space, 3 * PAGE_BYTES);

	(void)state;
	memset(at, 1, 3 * PAGE_BYTES);
	assert_int_equal(stat_of(e, space).managed_bytes, 3 * PAGE_BYTES);
	/* A thread is woken by its page, a moment before all are counted. */
	for (unsigned i = 0;
	     i < 5000 && stat_of(e, space).mapped_bytes < 3 * PAGE_BYTES; i++)
		(void)usleep(1000);
	assert_int_equal(stat_of(e, space).mapped_bytes, 3 * PAGE_BYTES);
	assert_int_equal(stat_of(e, 0).managed_bytes, 0);
	assert_int_equal(pageout_space_destroy(e, space), -EBUSY);
	assert_int_equal(pageout_unmap(e, at + PAGE_BYTES, PAGE_BYTES), 0);
	assert_int_equal(stat_of(e, space).managed_bytes, 2 * PAGE_BYTES);
	assert_int_equal(at[0] + at[2 * PAGE_BYTES], 2);
	assert_int_equal(pageout_unmap(e, at, PAGE_BYTES), 0);
	assert_int_equal(pageout_space_destroy(e, space), -EBUSY);
	assert_int_equal(pageout_unmap(e, at + 2 * PAGE_BYTES, PAGE_BYTES), 0);
	assert_int_equal(pageout_space_destroy(e, space), 0);
	/* The number is used again, by a space that knows nothing of it. */
	assert_int_equal(pageout_space_create(e), space);
	assert_int_equal(stat_of(e, space).managed_bytes, 0);
	assert_int_equal(stat_of(e, space).mapped_bytes, 0);
	at = map_in(e, space, 2 * budget);
	assert_true(is_zero(at, PAGE_BYTES));
	fill(at, 2 * budget, 3);
	assert_true(is_filled(at, 2 * budget, 3));
	pageout_close(e);
}

static void
a_child_may_not(void **state)
{
	struct pageout *e = open_engine(PAGEOUT_MODE_THREAD, NULL);
	int space = pageout_space_create(e), status;
	char *at = map_in(e, space, 2 * budget);
	pid_t pid;

	(void)state;
	fill(at, 2 * budget, 1);
	pid = fork();
	if (pid == 0) {
		struct pageout_space_stat s;

		_exit(pageout_space_create(e) != -EPERM ||
		      pageout_space_destroy(e, space) != -EPERM ||
		      pageout_space_stats(e, space, &s) != -EPERM);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_true(is_filled(at, 2 * budget, 1));
	pageout_close(e);
}

/* -- ranges in several spaces --------------------------------------------- */

/* Three regions side by side, of 64 pages each, in spaces 1, 0 and 2. */
#define PART ((size_t)64 * PAGE_BYTES)

static struct pager *
open_parts(char **ret_at)
{
	struct pager *p = engine_open(budget, PAGEOUT_MODE_THREAD, "");
	char *at = mmap(NULL, 3 * PART, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
	                -1, 0);

	(void)alarm(120);
	assert_non_null(p);
	assert_int_equal(munmap(at, 3 * PART), 0);
	assert_int_equal(pager_space_create(p), 1);
	assert_int_equal(pager_space_create(p), 2);
	(void)engine_map_in(p, 1, at, PART);
	(void)engine_map_in(p, 0, at + PART, PART);
	(void)engine_map_in(p, 2, at + 2 * PART, PART);
	fill(at, 3 * PART, 9);
	*ret_at = at;
	return p;
}

static bool
all_are(struct pager *p, const char *at, size_t bytes, enum page_state state)
{
	for (size_t i = 0; i < bytes; i += PAGE_BYTES)
		if (engine_state(p, at + i) != state)
			return false;
	return true;
}

static void
hints_reach_every_space(void **state)
{
	char *at;
	struct pager *p = open_parts(&at);

	(void)state;
	assert_true(pager_covers_all(p, at, 3 * PART));
	assert_int_equal(pager_advise(p, at, 3 * PART, PAGEOUT_RANDOM), 0);
	engine_swap_out(p, at, 3 * PART);
	assert_true(all_are(p, at, 3 * PART, PAGE_SWAPPED));
	assert_int_equal(pager_pin(p, at, 3 * PART), 0);
	assert_true(all_are(p, at, 3 * PART, PAGE_MAPPED));
	assert_int_equal(pager_unpin(p, at, 3 * PART), 0);
	assert_int_equal(p->nodes[0].core->pins, 0);
	assert_true(is_filled(at, 3 * PART, 9));
	assert_int_equal(pager_discard(p, at, 3 * PART), 0);
	assert_true(all_are(p, at, 3 * PART, PAGE_NONE));
	assert_true(is_zero(at, 3 * PART));
	engine_close(p);
}

/* A page in the middle of each part goes; then all three at once. */
static void
ranges_that_are_taken_away(void **state)
{
	uint64_t managed, mapped;
	char *at;
	struct pager *p = open_parts(&at);

	(void)state;
	assert_int_equal(pager_manage(p, 1, at + PART, PAGE_BYTES, true),
	                 -EEXIST);
	assert_int_equal(pager_manage(p, 0, at + 2 * PART, PAGE_BYTES, true),
	                 -EEXIST);
	for (unsigned i = 0; i < 3; i++)
		engine_unmap(p, at + i * PART + PART / 2, PAGE_BYTES);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pager_space_stats(p, i, &managed, &mapped), 0);
		assert_int_equal(managed, PART - PAGE_BYTES);
		assert_false(pager_covers(p, at + i * PART + PART / 2, 1));
	}
	for (unsigned i = 0; i < 3; i++) {
		/* What was in one space may be in another afterwards. */
		(void)engine_map_in(p, 2 - i, at + i * PART + PART / 2,
		                    PAGE_BYTES);
		assert_true(is_zero(at + i * PART + PART / 2, PAGE_BYTES));
	}
	engine_unmap(p, at, 3 * PART);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pager_space_stats(p, i, &managed, &mapped), 0);
		assert_int_equal(managed + mapped, 0);
	}
	assert_int_equal(p->claims.count, 0);
	assert_int_equal(pager_space_destroy(p, 1), 0);
	engine_close(p);
}

static void
pages_move_inside_their_space(void **state)
{
	char *at, *to;
	struct pager *p = open_parts(&at);
	uint64_t managed, mapped;

	(void)state;
	to = engine_map_in(p, 2, NULL, PART);
	assert_int_equal(pager_move(p, at, to, PART), -EINVAL);
	assert_int_equal(pager_move(p, at + PART, to, PART), -EINVAL);
	/* Half of it on the device, half in memory. */
	engine_swap_out(p, at + 2 * PART, PART / 2);
	assert_int_equal(pager_move(p, at + 2 * PART, to, PART), 0);
	assert_int_equal(munmap(at + 2 * PART, PART), 0);
	assert_int_equal(pager_space_stats(p, 2, &managed, &mapped), 0);
	assert_int_equal(managed, PART);
	(void)engine_map_in(p, 0, at + 2 * PART, PART);
	memcpy(at + 2 * PART, to, PART);
	assert_true(is_filled(at, 3 * PART, 9));
	engine_close(p);
}

/* Before a fork the pages of all spaces are there: a child has no others. */
static void
a_fork_finds_all_spaces_resident(void **state)
{
	char *at;
	struct pager *p = open_parts(&at);

	(void)state;
	engine_swap_out(p, at, 3 * PART);
	assert_int_equal(pager_fork_before(p), 0);
	assert_true(all_are(p, at, 3 * PART, PAGE_MAPPED));
	pager_fork_parent(p);
	assert_true(is_filled(at, 3 * PART, 9));
	engine_close(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contents_stay_with_a_fault_thread),
		cmocka_unit_test(contents_stay_inline),
		cmocka_unit_test(spaces_that_are_none),
		cmocka_unit_test(there_are_only_so_many),
		cmocka_unit_test(only_an_empty_space_can_be_destroyed),
		cmocka_unit_test(a_child_may_not),
		cmocka_unit_test(hints_reach_every_space),
		cmocka_unit_test(ranges_that_are_taken_away),
		cmocka_unit_test(pages_move_inside_their_space),
		cmocka_unit_test(a_fork_finds_all_spaces_resident),
	};
	struct pager *p = engine_open(budget, PAGEOUT_MODE_THREAD, "");

	if (p == NULL)
		return 77;
	engine_close(p);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
