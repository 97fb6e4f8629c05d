/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_shrinkers.c -- shrinkers on good days and bad ones, over real memory.
 */
#include "test/pager/caches.h"

struct cache_of_mine {
	uint64_t unused, calls, inside, hold, go;
	uint64_t goal; /* of the latest call */
	int64_t lie;   /* returned instead, when not 0 */
	unsigned id, other;
	int result; /* of what the call did */
	void (*does)(struct cache_of_mine *c);
};

static void
publish(struct cache_of_mine *c, uint64_t unused)
{
	c->unused = unused;
	assert_int_equal(pageout_shrinker_publish(engine, c->id, unused), 0);
}

static int64_t
shrink(void *ctx, uint64_t goal)
{
	struct cache_of_mine *c = ctx;
	uint64_t n = goal == ALL || goal > c->unused ? c->unused : goal;
	int64_t lie;

	/* One call at a time. */
	assert_int_equal(__atomic_fetch_add(&c->inside, 1, __ATOMIC_ACQ_REL),
	                 0);
	c->goal = goal;
	while (__atomic_load_n(&c->hold, __ATOMIC_ACQUIRE) != 0 &&
	       __atomic_load_n(&c->go, __ATOMIC_ACQUIRE) == 0)
		sleep_ms(1);
	c->unused -= n;
	(void)pageout_shrinker_publish(engine, c->id, c->unused);
	if (c->does != NULL)
		c->does(c);
	__atomic_fetch_sub(&c->inside, 1, __ATOMIC_ACQ_REL);
	__atomic_fetch_add(&c->calls, 1, __ATOMIC_ACQ_REL);
	lie = __atomic_load_n(&c->lie, __ATOMIC_RELAXED);
	return lie != 0 ? lie : (int64_t)n;
}

static void
add(struct cache_of_mine *c, enum pageout_shrinker_kind kind)
{
	struct pageout_shrinker s = {
		.kind = kind,
		.shrink = shrink,
		.ctx = c,
	};

	assert_int_equal(pageout_shrinker_register(engine, &s, &c->id), 0);
}

static void
a_shrinker_is_asked(void **unused)
{
	static struct cache_of_mine c;

	(void)unused;
	c = (struct cache_of_mine){0};
	add(&c, PAGEOUT_SHRINKER_DENTRIES);
	publish(&c, 600);
	assert_int_equal(pageout_shrinker_ask(engine, c.id, 100), 0);
	wait_word(&c.calls, 1);
	assert_int_equal(c.goal, 100);
	assert_int_equal(c.unused, 500);
	assert_int_equal(pageout_shrinker_ask(engine, c.id, ALL), 0);
	wait_word(&c.calls, 2);
	assert_int_equal(c.goal, ALL);
	wait_stat(PAGEOUT_STAT_shrink_calls, 2);
	assert_int_equal(stat_of(PAGEOUT_STAT_shrink_freed), 600);
	assert_int_equal(pageout_shrinker_unregister(engine, c.id), 0);
	assert_int_equal(pageout_shrinker_unregister(engine, c.id), -EINVAL);
	assert_int_equal(pageout_shrinker_ask(engine, c.id, 1), -EINVAL);
	assert_int_equal(pageout_shrinker_publish(engine, c.id, 1), -EINVAL);
}

static void
wrong_arguments_are_refused(void **unused)
{
	struct pageout_shrinker s = {.kind = PAGEOUT_SHRINKER_INODES};
	struct pageout_slab *slab;
	unsigned id = 77;

	(void)unused;
	assert_int_equal(pageout_shrinker_register(engine, &s, &id), -EINVAL);
	s.shrink = shrink;
	s.kind = (enum pageout_shrinker_kind)2;
	assert_int_equal(pageout_shrinker_register(engine, &s, &id), -EINVAL);
	assert_int_equal(id, 77);
	assert_int_equal(pageout_shrinker_ask(engine, 99, 1), -EINVAL);
	assert_int_equal(pageout_slab_create(engine, 0, 0, NULL, 0, &slab),
	                 -EINVAL);
	assert_int_equal(pageout_slab_create(engine, 131073, 0, NULL, 0, &slab),
	                 -EINVAL);
	assert_int_equal(pageout_slab_create(engine, 64, 24, NULL, 0, &slab),
	                 -EINVAL);
	assert_int_equal(pageout_slab_create(engine, 64, 0, NULL, 2, &slab),
	                 -EINVAL);
}

/* What it says is counted within reason, and said to be odd, once. */
static void
lies_are_not_believed(void **unused)
{
	static struct cache_of_mine c;

	(void)unused;
	c = (struct cache_of_mine){.lie = 1000000};
	add(&c, PAGEOUT_SHRINKER_DENTRIES);
	publish(&c, 600);
	log_lines = 0;
	(void)pageout_shrinker_ask(engine, c.id, 100);
	wait_stat(PAGEOUT_STAT_shrink_calls, 1);
	assert_int_equal(stat_of(PAGEOUT_STAT_shrink_freed), 600);
	__atomic_store_n(&c.lie, -5, __ATOMIC_RELAXED);
	(void)pageout_shrinker_ask(engine, c.id, 100);
	wait_stat(PAGEOUT_STAT_shrink_calls, 2);
	assert_int_equal(stat_of(PAGEOUT_STAT_shrink_freed), 600);
	assert_int_equal(log_lines, 1);
}

static void *
unregister(void *arg)
{
	struct cache_of_mine *c = arg;

	c->result = pageout_shrinker_unregister(engine, c->id);
	__atomic_store_n(&c->other, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void
while_one_waits_all_else_goes_on(void **unused)
{
	static struct cache_of_mine slow, quick;
	pthread_t t;

	(void)unused;
	slow = (struct cache_of_mine){.hold = 1, .result = 1};
	quick = (struct cache_of_mine){0};
	add(&slow, PAGEOUT_SHRINKER_DENTRIES);
	add(&quick, PAGEOUT_SHRINKER_INODES);
	publish(&slow, 10);
	publish(&quick, 10);
	(void)pageout_shrinker_ask(engine, slow.id, 1);
	wait_word(&slow.inside, 1);
	for (unsigned i = 0; i < 100; i++) /* they become one */
		(void)pageout_shrinker_ask(engine, slow.id, i + 1);
	(void)pageout_shrinker_ask(engine, quick.id, 1);
	wait_word(&quick.calls, 1);
	thrash();
	assert_int_equal(pageout_shrinker_unregister(engine, quick.id), 0);
	assert_int_equal(pthread_create(&t, NULL, unregister, &slow), 0);
	sleep_ms(50);
	assert_int_equal(__atomic_load_n(&slow.other, __ATOMIC_ACQUIRE), 0);
	__atomic_store_n(&slow.go, 1, __ATOMIC_RELEASE);
	(void)pthread_join(t, NULL);
	assert_int_equal(slow.result, 0);
	assert_int_equal(slow.calls, 1); /* none after it was unregistered */
}

/* A shrinker of a cache with 600 entries is called, and does not return. */
static void
add_busy(struct cache_of_mine *c)
{
	*c = (struct cache_of_mine){.hold = 1};
	add(c, PAGEOUT_SHRINKER_DENTRIES);
	publish(c, 600);
	(void)pageout_shrinker_ask(engine, c->id, 1);
	wait_word(&c->inside, 1);
}

static void
requests_that_wait_become_one(void **unused)
{
	static struct cache_of_mine c;

	(void)unused;
	add_busy(&c);
	(void)pageout_shrinker_ask(engine, c.id, 7);
	(void)pageout_shrinker_ask(engine, c.id, 50);
	(void)pageout_shrinker_ask(engine, c.id, 3);
	__atomic_store_n(&c.go, 1, __ATOMIC_RELEASE);
	wait_word(&c.calls, 2);
	assert_int_equal(c.goal, 60);
	assert_int_equal(pageout_shrinker_unregister(engine, c.id), 0);
	assert_int_equal(c.calls, 2);
}

static void
they_want_no_more_than_there_is(void **unused)
{
	static struct cache_of_mine c;

	(void)unused;
	add_busy(&c);
	(void)pageout_shrinker_ask(engine, c.id, 400);
	(void)pageout_shrinker_ask(engine, c.id, 500);
	__atomic_store_n(&c.go, 1, __ATOMIC_RELEASE);
	wait_word(&c.calls, 2);
	assert_int_equal(c.goal, 600);
	__atomic_store_n(&c.go, 0, __ATOMIC_RELEASE);
	(void)pageout_shrinker_ask(engine, c.id, 1);
	wait_word(&c.inside, 1);
	(void)pageout_shrinker_ask(engine, c.id, ALL);
	(void)pageout_shrinker_ask(engine, c.id, 500);
	__atomic_store_n(&c.go, 1, __ATOMIC_RELEASE);
	wait_word(&c.calls, 4);
	assert_int_equal(c.goal, ALL);
}

static void
unregister_itself(struct cache_of_mine *c)
{
	c->result = pageout_shrinker_unregister(engine, c->id);
}

static void
a_call_may_be_its_own_last(void **unused)
{
	static struct cache_of_mine c;
	struct cache_of_mine again[3] = {{0}};

	(void)unused;
	c = (struct cache_of_mine){.does = unregister_itself, .result = 1};
	add(&c, PAGEOUT_SHRINKER_DENTRIES);
	publish(&c, 600);
	(void)pageout_shrinker_ask(engine, c.id, 100);
	wait_word(&c.calls, 1);
	assert_int_equal(c.result, 0);
	assert_int_equal(pageout_shrinker_unregister(engine, c.id), -EINVAL);
	for (unsigned i = 0; i < ARRAY_SIZE(again); i++)
		add(&again[i], PAGEOUT_SHRINKER_DENTRIES);
	for (unsigned i = 0; i < ARRAY_SIZE(again); i++)
		assert_int_equal(
			pageout_shrinker_unregister(engine, again[i].id), 0);
	assert_int_equal(c.calls, 1);
}

static struct cache_of_mine born;

static void
register_another(struct cache_of_mine *c)
{
	struct pageout_shrinker s = {.shrink = shrink, .ctx = &born};

	c->result = pageout_shrinker_register(engine, &s, &born.id);
}

static void
a_call_may_register_another(void **unused)
{
	static struct cache_of_mine c;

	(void)unused;
	born = (struct cache_of_mine){0};
	c = (struct cache_of_mine){.does = register_another, .result = 1};
	add(&c, PAGEOUT_SHRINKER_DENTRIES);
	(void)pageout_shrinker_ask(engine, c.id, 100);
	wait_word(&c.calls, 1);
	assert_int_equal(c.result, 0);
	publish(&born, 5);
	(void)pageout_shrinker_ask(engine, born.id, ALL);
	wait_word(&born.calls, 1);
	assert_int_equal(born.unused, 0);
}

static void
unregister_other(struct cache_of_mine *c)
{
	c->result = pageout_shrinker_unregister(engine, c->other);
}

/* Two calls that wait for each other would wait for ever. */
static void
a_call_does_not_wait_for_a_call(void **unused)
{
	static struct cache_of_mine slow, c;

	(void)unused;
	slow = (struct cache_of_mine){.hold = 1};
	c = (struct cache_of_mine){.does = unregister_other, .result = 1};
	add(&slow, PAGEOUT_SHRINKER_DENTRIES);
	add(&c, PAGEOUT_SHRINKER_DENTRIES);
	c.other = slow.id;
	(void)pageout_shrinker_ask(engine, slow.id, ALL);
	wait_word(&slow.inside, 1);
	(void)pageout_shrinker_ask(engine, c.id, ALL);
	wait_word(&c.calls, 1);
	assert_int_equal(c.result, -EBUSY);
	__atomic_store_n(&slow.go, 1, __ATOMIC_RELEASE);
	wait_stat(PAGEOUT_STAT_shrink_calls, 2);
	sleep_ms(10);
	(void)pageout_shrinker_ask(engine, c.id, ALL);
	wait_word(&c.calls, 2);
	assert_int_equal(c.result, 0);
}

static void
there_is_room_for_32(void **unused)
{
	static struct cache_of_mine c[32];
	struct pageout_shrinker s = {.shrink = shrink, .ctx = &c[0]};
	unsigned id;

	(void)unused;
	for (unsigned i = 0; i < ARRAY_SIZE(c); i++) {
		c[i] = (struct cache_of_mine){0};
		add(&c[i], PAGEOUT_SHRINKER_INODES);
	}
	assert_int_equal(pageout_shrinker_register(engine, &s, &id), -ENOSPC);
	for (unsigned i = 0; i < ARRAY_SIZE(c); i++)
		(void)pageout_shrinker_ask(engine, c[i].id, ALL);
	for (unsigned i = 0; i < ARRAY_SIZE(c); i++)
		wait_word(&c[i].calls, 1);
}

/* Its entries lie in a region, which is being paged meanwhile. */
static char *pages;

static void
touch_pages(struct cache_of_mine *c)
{
	for (size_t i = 0; i < 2 * BUDGET; i += 4096)
		c->result += !is_filled(pages + i, 4096, i);
}

static void
touch_in_mode(enum pageout_mode mode)
{
	static struct cache_of_mine c;
	void *at;

	open_engine("clock", mode);
	assert_int_equal(pageout_map(engine, 2 * BUDGET, 0, &at), 0);
	pages = at;
	for (size_t i = 0; i < 2 * BUDGET; i += 4096)
		fill(pages + i, 4096, i);
	c = (struct cache_of_mine){.does = touch_pages};
	add(&c, PAGEOUT_SHRINKER_DENTRIES);
	(void)pageout_shrinker_ask(engine, c.id, ALL);
	thrash();
	wait_word(&c.calls, 1);
	assert_int_equal(c.result, 0);
	pageout_close(engine);
}

static void
a_call_may_fault(void **unused)
{
	(void)unused;
	touch_in_mode(PAGEOUT_MODE_THREAD);
	touch_in_mode(PAGEOUT_MODE_INLINE);
}

static void
kernels_ask_and_clock_does_not(void **unused)
{
	static const char *const of[] = {"clock", "linux24", "kswapd"};
	static struct cache_of_mine c, none;

	(void)unused;
	for (unsigned i = 0; i < ARRAY_SIZE(of); i++) {
		open_engine(of[i], PAGEOUT_MODE_THREAD);
		c = none = (struct cache_of_mine){0};
		add(&c, PAGEOUT_SHRINKER_DENTRIES);
		add(&none, PAGEOUT_SHRINKER_INODES);
		publish(&c, 1000000);
		thrash();
		if (i != 0)
			wait_word(&c.calls, 1);
		assert_int_equal(i == 0, c.calls == 0);
		assert_int_equal(none.calls, 0); /* it has nothing */
		pageout_close(engine);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_shrinker_is_asked),
		CASE(wrong_arguments_are_refused),
		CASE(lies_are_not_believed),
		CASE(while_one_waits_all_else_goes_on),
		CASE(requests_that_wait_become_one),
		CASE(they_want_no_more_than_there_is),
		CASE(a_call_may_be_its_own_last),
		CASE(a_call_may_register_another),
		CASE(a_call_does_not_wait_for_a_call),
		CASE(there_is_room_for_32),
		cmocka_unit_test(a_call_may_fault),
		cmocka_unit_test(kernels_ask_and_clock_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
