/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_slabs.c -- slab caches over real memory.
 *
 * The oracle is content: every object holds a filling of its own, and there are
 * many times more of them than the budget holds.
 */
#include <sys/wait.h>

#include "test/pager/caches.h"

#define OBJECT 200u
#define OBJECTS ((uint32_t)(4 * BUDGET / OBJECT))

static char **objects;

static char *
take(struct pageout_slab *slab)
{
	void *object;

	assert_int_equal(pageout_slab_alloc(slab, &object), 0);
	return object;
}

static void
make_object(void *object)
{
	memset(object, 0x5a, OBJECT);
}

static bool
is_as_made(const char *object)
{
	for (unsigned i = 0; i < OBJECT; i++)
		if (object[i] != 0x5a)
			return false;
	return true;
}

static void
take_all(struct pageout_slab *slab, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		objects[i] = take(slab);
		assert_int_equal((uintptr_t)objects[i] % 8, 0);
		assert_true(is_as_made(objects[i]));
		fill(objects[i], OBJECT, i);
	}
}

/* They hold what they should; then they are as they were made. */
static void
give_all(struct pageout_slab *slab, uint32_t n, uint32_t step)
{
	for (uint32_t i = 0; i < n; i += step) {
		if (objects[i] == NULL)
			continue;
		assert_true(is_filled(objects[i], OBJECT, i));
		make_object(objects[i]);
		assert_int_equal(pageout_slab_free(slab, objects[i]), 0);
		objects[i] = NULL;
	}
}

static void
slabs_in_mode(const char *policy, enum pageout_mode mode)
{
	struct pageout_slab *slab;
	uint64_t slabs;

	open_engine(policy, mode);
	assert_int_equal(
		pageout_slab_create(engine, OBJECT, 0, make_object, 0, &slab),
		0);
	take_all(slab, OBJECTS);
	give_all(slab, OBJECTS, 3); /* holes */
	take_all(slab, 1);
	assert_int_equal(pageout_slab_destroy(slab), -EBUSY);
	give_all(slab, OBJECTS, 1);
	slabs = pageout_slab_shrink(slab);
	if (strcmp(policy, "linux24") != 0)
		assert_int_equal(slabs, (OBJECTS + 19) / 20);
	wait_stat(PAGEOUT_STAT_slab_reaped, (OBJECTS + 19) / 20);
	assert_int_equal(pageout_slab_shrink(slab), 0);
	/* Nothing else is in memory, and on the device neither. */
	wait_none(PAGEOUT_STAT_nr_mapped);
	wait_none(PAGEOUT_STAT_swap_used);
	take_all(slab, 1000); /* the constructor has been there again */
	give_all(slab, 1000, 1);
	assert_int_equal(pageout_slab_destroy(slab), 0);
	assert_int_equal(stat_of(PAGEOUT_STAT_managed), 0);
	pageout_close(engine);
}

static void
objects_keep_what_they_hold(void **unused)
{
	(void)unused;
	slabs_in_mode("clock", PAGEOUT_MODE_THREAD);
	slabs_in_mode("clock", PAGEOUT_MODE_INLINE);
	slabs_in_mode("linux24", PAGEOUT_MODE_THREAD);
}

static void
what_is_no_object_is_not_given_back(void **unused)
{
	struct pageout_slab *slab;
	char *a, *b;

	(void)unused;
	assert_int_equal(pageout_slab_create(engine, 100, 64, NULL, 0, &slab),
	                 0);
	a = take(slab);
	b = take(slab);
	assert_int_equal((uintptr_t)a % 64, 0);
	assert_int_equal(b - a, 128);
	assert_int_equal(pageout_slab_free(slab, a + 1), -EINVAL);
	assert_int_equal(pageout_slab_free(slab, a + 256), -EINVAL);
	assert_int_equal(pageout_slab_free(slab, a + 64 * MIB), -EINVAL);
	assert_int_equal(pageout_slab_free(slab, a - 128), -EINVAL);
	assert_int_equal(pageout_slab_free(slab, &slab), -EINVAL);
	assert_int_equal(pageout_slab_free(slab, a), 0);
	assert_int_equal(pageout_slab_free(slab, a), -EINVAL);
	assert_ptr_equal(take(slab), a);
}

static void
large_objects_have_slabs_of_many_pages(void **unused)
{
	static const struct {
		size_t bytes, slab;
	} table[] = {{4096, 4096}, {1500, 8192}, {131072, 131072}};

	(void)unused;
	for (unsigned i = 0; i < ARRAY_SIZE(table); i++) {
		struct pageout_slab *slab;
		size_t n = table[i].slab / table[i].bytes;

		assert_int_equal(pageout_slab_create(engine, table[i].bytes, 0,
		                                     NULL, 0, &slab),
		                 0);
		for (size_t k = 0; k < 4 * n; k++) {
			objects[k] = take(slab);
			fill(objects[k], table[i].bytes & ~(size_t)7, k);
		}
		for (size_t k = 0; k < 4 * n; k++) {
			assert_true(is_filled(objects[k],
			                      table[i].bytes & ~(size_t)7, k));
			assert_int_equal(pageout_slab_free(slab, objects[k]),
			                 0);
			objects[k] = NULL;
		}
		assert_int_equal(pageout_slab_shrink(slab), 4);
	}
}

/* 128 MiB and a budget of 8: more than that was never promised. */
static void
there_is_an_end_to_it(void **unused)
{
	struct pageout_slab *slab;
	void *object;
	uint32_t n = 0;
	int r;

	(void)unused;
	assert_int_equal(pageout_slab_create(engine, 131072, 0, NULL, 0, &slab),
	                 0);
	while ((r = pageout_slab_alloc(slab, &object)) == 0)
		n++;
	assert_int_equal(r, -ENOMEM);
	assert_in_range(n, 128 * 8, 136 * 8);
}

struct worker {
	pthread_t thread;
	struct pageout_slab *slab;
	uint64_t seed, wrong;
};

static void *
worker_run(void *arg)
{
	struct worker *w = arg;
	char *mine[256] = {NULL};

	for (unsigned i = 0; i < 40000; i++) {
		unsigned k = (unsigned)(i * 7919u + w->seed * 31) % 256;

		if (mine[k] == NULL) {
			mine[k] = take(w->slab);
			w->wrong += !is_as_made(mine[k]);
			fill(mine[k], OBJECT, w->seed + k);
		} else {
			w->wrong += !is_filled(mine[k], OBJECT, w->seed + k);
			make_object(mine[k]);
			w->wrong += pageout_slab_free(w->slab, mine[k]) != 0;
			mine[k] = NULL;
		}
		if (i % 4096 == 0)
			(void)pageout_slab_shrink(w->slab);
	}
	for (unsigned k = 0; k < 256; k++)
		if (mine[k] != NULL) {
			w->wrong += !is_filled(mine[k], OBJECT, w->seed + k);
			make_object(mine[k]);
			w->wrong += pageout_slab_free(w->slab, mine[k]) != 0;
		}
	return NULL;
}

static void
many_threads_share_a_cache(void **unused)
{
	struct worker w[4];
	struct pageout_slab *slab;

	(void)unused;
	assert_int_equal(
		pageout_slab_create(engine, OBJECT, 0, make_object, 0, &slab),
		0);
	for (unsigned i = 0; i < ARRAY_SIZE(w); i++) {
		w[i] = (struct worker){.slab = slab, .seed = i * 1000};
		assert_int_equal(
			pthread_create(&w[i].thread, NULL, worker_run, &w[i]),
			0);
	}
	thrash();
	for (unsigned i = 0; i < ARRAY_SIZE(w); i++) {
		(void)pthread_join(w[i].thread, NULL);
		assert_int_equal(w[i].wrong, 0);
	}
	assert_int_equal(pageout_slab_destroy(slab), 0);
}

/* 2000 objects, in 100 slabs, are made and given back. */
static struct pageout_slab *
free_slabs(unsigned flags)
{
	const unsigned count = 2000;
	struct pageout_slab *slab;

	assert_int_equal(
		pageout_slab_create(engine, OBJECT, 0, NULL, flags, &slab), 0);
	for (unsigned i = 0; i < count; i++) {
		objects[i] = take(slab);
		*objects[i] = 1;
	}
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(pageout_slab_free(slab, objects[i]), 0);
	return slab;
}

/* Kernels reap by themselves what nobody uses; not what must not be. */
static void
kernels_reap_free_slabs(void **unused)
{
	static const char *const of[] = {"linux24", "kswapd"};

	(void)unused;
	for (unsigned i = 0; i < ARRAY_SIZE(of); i++) {
		struct pageout_slab *kept;

		open_engine(of[i], PAGEOUT_MODE_THREAD);
		(void)free_slabs(0);
		kept = free_slabs(PAGEOUT_SLAB_NO_REAP);
		thrash();
		wait_stat(PAGEOUT_STAT_slab_reaped, 80); /* 4/5 of 100 */
		assert_int_equal(pageout_slab_shrink(kept), 100);
		pageout_close(engine);
	}
}

static struct pageout_slab *home;
static char *tenants[2000];

static int64_t
evict_tenants(void *ctx, uint64_t goal)
{
	int64_t n = 0;

	(void)ctx;
	(void)goal;
	for (unsigned i = 0; i < ARRAY_SIZE(tenants); i++, n++)
		(void)pageout_slab_free(home, tenants[i]);
	return n;
}

static void
slabs_go_after_their_entries(void **unused)
{
	struct pageout_shrinker s = {.shrink = evict_tenants};
	unsigned id;

	(void)unused;
	assert_int_equal(pageout_slab_create(engine, OBJECT, 0, NULL, 0, &home),
	                 0);
	for (unsigned i = 0; i < ARRAY_SIZE(tenants); i++)
		tenants[i] = take(home);
	s.slab = home;
	assert_int_equal(pageout_shrinker_register(engine, &s, &id), 0);
	assert_int_equal(pageout_shrinker_publish(engine, id, 2000), 0);
	(void)pageout_shrinker_ask(engine, id, ALL);
	wait_stat(PAGEOUT_STAT_slab_reaped, 100);
	wait_stat(PAGEOUT_STAT_shrink_freed, 2000);
	assert_int_equal(pageout_slab_destroy(home), 0);
}

static void
a_child_has_none_of_it(void **unused)
{
	struct pageout_slab *slab;
	void *object;
	int status;
	pid_t pid;

	(void)unused;
	assert_int_equal(pageout_slab_create(engine, OBJECT, 0, NULL, 0, &slab),
	                 0);
	object = take(slab);
	pid = fork();
	if (pid == 0) {
		bool good = pageout_slab_alloc(slab, &object) == -EPERM &&
		            pageout_slab_free(slab, object) == -EPERM &&
		            pageout_slab_shrink(slab) == 0 &&
		            pageout_slab_destroy(slab) == -EPERM &&
		            pageout_shrinker_ask(engine, 0, 1) == -EPERM;
		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(pageout_slab_free(slab, object), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_keep_what_they_hold),
		CASE(what_is_no_object_is_not_given_back),
		CASE(large_objects_have_slabs_of_many_pages),
		CASE(there_is_an_end_to_it),
		CASE(many_threads_share_a_cache),
		cmocka_unit_test(kernels_reap_free_slabs),
		CASE(slabs_go_after_their_entries),
		CASE(a_child_has_none_of_it),
	};

	objects = calloc(OBJECTS, sizeof(*objects));
	assert_non_null(objects);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
