/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cache.c -- a cache that gives memory back when it is asked to.
 *
 * Results live in a slab cache.  Those that nobody holds are kept in case they
 * are wanted again; a shrinker frees the oldest of them.  The policy linux24
 * asks by itself when memory is short.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pageout/pageout.h>

enum {
	BUDGET = 8 << 20,
	RESULTS = 8000,
	SCRATCH = 32 << 20,
	WAIT_MS = 20000,
};

struct result {
	unsigned question;
	char text[1000];
};

static struct {
	struct pageout *engine;
	struct pageout_slab *slab;
	unsigned shrinker;
	pthread_mutex_t lock;
	struct result *idle[RESULTS]; /* a ring */
	unsigned first, count;        /* the oldest is the first */
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
check(int r, const char *call)
{
	if (r < 0) {
		(void)fprintf(stderr, "cache: %s: %s\n", call, strerror(-r));
		exit(strcmp(call, "pageout_open") == 0 ? 77 : 1);
	}
}

/* How many are idle; the engine wants to know, too. */
static void
publish(void)
{
	check(pageout_shrinker_publish(cache.engine, cache.shrinker,
	                               cache.count),
	      "pageout_shrinker_publish");
}

static void
answer(unsigned question)
{
	void *object;
	struct result *r;

	check(pageout_slab_alloc(cache.slab, &object), "pageout_slab_alloc");
	r = object;
	r->question = question;
	memset(r->text, 'a' + (int)(question % 26), sizeof(r->text));
	(void)pthread_mutex_lock(&cache.lock);
	cache.idle[(cache.first + cache.count++) % RESULTS] = r;
	publish();
	(void)pthread_mutex_unlock(&cache.lock);
}

/* On a thread of the engine: free the oldest. */
static int64_t
forget(void *ctx, uint64_t goal)
{
	int64_t freed = 0;

	(void)ctx;
	(void)pthread_mutex_lock(&cache.lock);
	while (cache.count > 0 && (goal == 0 || (uint64_t)freed < goal)) {
		check(pageout_slab_free(cache.slab, cache.idle[cache.first]),
		      "pageout_slab_free");
		cache.first = (cache.first + 1) % RESULTS;
		cache.count--;
		freed++;
	}
	publish();
	(void)pthread_mutex_unlock(&cache.lock);
	return freed;
}

/* Memory becomes short.  => the results that are left */
static unsigned
work(void)
{
	unsigned left;
	void *at;

	check(pageout_map(cache.engine, SCRATCH, 0, &at), "pageout_map");
	memset(at, 1, SCRATCH);
	check(pageout_unmap(cache.engine, at, SCRATCH), "pageout_unmap");
	(void)pthread_mutex_lock(&cache.lock);
	left = cache.count;
	(void)pthread_mutex_unlock(&cache.lock);
	return left;
}

int
main(void)
{
	struct pageout_shrinker shrinker = {
		.kind = PAGEOUT_SHRINKER_DENTRIES,
		.shrink = forget,
	};
	unsigned left = RESULTS;

	check(pageout_open(&cache.engine,
	                   &(struct pageout_options){
				   .mem_bytes = BUDGET,
				   .policy = "linux24",
			   }),
	      "pageout_open");
	check(pageout_slab_create(cache.engine, sizeof(struct result), 0, NULL,
	                          0, &cache.slab),
	      "pageout_slab_create");
	shrinker.slab = cache.slab;
	check(pageout_shrinker_register(cache.engine, &shrinker,
	                                &cache.shrinker),
	      "pageout_shrinker_register");
	for (unsigned i = 0; i < RESULTS; i++)
		answer(i);
	for (unsigned i = 0; i < WAIT_MS / 10 && left == RESULTS; i++) {
		left = work();
		(void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	(void)printf("%d results, %u of them left when memory was short\n",
	             RESULTS, left);
	check(pageout_shrinker_unregister(cache.engine, cache.shrinker),
	      "pageout_shrinker_unregister");
	pageout_close(cache.engine);
	return left < RESULTS ? 0 : 1;
}
