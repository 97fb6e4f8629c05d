/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_open.c -- opening that fails half way, and a child with an engine.
 *
 * Each test runs against real userfaultfds; where they are not allowed it is
 * skipped (77).
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/thread.h"
#include "pageout/pageout.h"

#define MEM ((uint64_t)16 << 20)
#define DATA ((size_t)64 << 20)
#define MUCH ((size_t)112 << 20) /* more than a swap file has at first */
#define PAGE 4096

static int threads_left = 1000;
static const char *refused; /* beginning of a name of the pager's threads */
static unsigned warnings;

int __real_pthread_create(pthread_t *t, const pthread_attr_t *a,
                          void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a,
                          void *(*run)(void *), void *arg);

int
__wrap_pthread_create(pthread_t *t, const pthread_attr_t *a,
                      void *(*run)(void *), void *arg)
{
	const struct os_thread *ours = arg;

	if (threads_left-- <= 0)
		return EAGAIN;
	if (refused != NULL && !strncmp(ours->name, refused, strlen(refused)))
		return EAGAIN;
	return __real_pthread_create(t, a, run, arg);
}

static int
open_engine(struct pageout **e, enum pageout_mode mode)
{
	struct pageout_options o = {
		.mem_bytes = MEM,
		.swap_bytes = 4 * DATA,
		.mode = mode,
	};

	return pageout_open(e, &o);
}

/* However many threads there are, opening fails or works; nothing breaks. */
static void
test_no_threads(void **state)
{
	(void)state;
	for (int mode = 0; mode < 2; mode++) {
		for (int n = 0; n < 12; n++) {
			struct pageout *e = NULL;
			int r;

			threads_left = n;
			r = open_engine(&e, (enum pageout_mode)mode);
			assert_true(r == 0 || r == -EAGAIN);
			pageout_close(e);
		}
	}
	threads_left = 1000;
}

static void
count_warnings(void *ctx, enum pageout_log_level level, const char *line)
{
	(void)ctx;
	warnings += level == PAGEOUT_LOG_WARNING &&
	            strstr(line, "cannot be started") != NULL;
}

/* Nodes without a daemon page out all the same: faults do what it would do. */
static void
goes_without(const char *name, unsigned lacks, unsigned nodes,
             enum pageout_mode mode, const char *policy)
{
	struct pageout_options o = {
		.mem_bytes = MEM,
		.swap_bytes = 4 * DATA,
		.mode = mode,
		.nodes = nodes,
		.policy = policy,
		.log = count_warnings,
	};
	uint64_t stats[PAGEOUT_STATS];
	struct pageout *e;
	uint64_t *at;
	void *p;

	refused = name;
	warnings = 0;
	assert_int_equal(pageout_open(&e, &o), 0);
	assert_int_equal(warnings, lacks * nodes);
	assert_int_equal(pageout_map(e, MUCH, 0, &p), 0);
	at = p;
	for (size_t i = 0; i < MUCH / sizeof(*at); i += PAGE / sizeof(*at))
		at[i] = i + 1;
	for (size_t i = 0; i < MUCH / sizeof(*at); i += PAGE / sizeof(*at))
		assert_int_equal(at[i], i + 1);
	(void)pageout_stats(e, stats, PAGEOUT_STATS);
	assert_int_equal(stats[PAGEOUT_STAT_pgscan_direct_throttle], 0);
	pageout_close(e);
	refused = NULL;
}

static void
test_no_daemons(void **state)
{
	(void)state;
	for (unsigned nodes = 1; nodes <= 2; nodes++) {
		goes_without("kswapd", 1, nodes, PAGEOUT_MODE_THREAD, NULL);
		goes_without("kswapd", 1, nodes, PAGEOUT_MODE_INLINE, NULL);
		goes_without("kreclaimd", 1, nodes, PAGEOUT_MODE_THREAD, NULL);
		goes_without("k", 2, nodes, PAGEOUT_MODE_INLINE, NULL);
	}
}

/* Tasks that would wait for kswapd do not wait for one that has no thread. */
static void
test_no_kswapd66(void **state)
{
	(void)state;
	goes_without("kswapd", 1, 1, PAGEOUT_MODE_THREAD, "kswapd");
	goes_without("kswapd", 1, 2, PAGEOUT_MODE_INLINE, "kswapd");
	goes_without("kswapd", 1, 1, PAGEOUT_MODE_INLINE,
	             "kswapd:quirks=exact");
}

static const char *word;
static unsigned words;

static void
count_words(void *ctx, enum pageout_log_level level, const char *line)
{
	(void)ctx;
	words += level == PAGEOUT_LOG_ERROR && strstr(line, word) != NULL;
}

/* => as pageout_open(); the engine is closed */
static int
try_swap(uint64_t bytes, unsigned nodes, const char *says)
{
	struct pageout_options o = {
		.mem_bytes = MEM,
		.swap_bytes = bytes,
		.nodes = nodes,
		.log = count_words,
	};
	struct pageout *e = NULL;
	int r;

	word = says;
	words = 0;
	r = pageout_open(&e, &o);
	pageout_close(e);
	return r;
}

/* A swap file of which no page could be used is refused, and it is said why. */
static void
test_small_swap(void **state)
{
	(void)state;
	for (unsigned nodes = 1; nodes <= 4; nodes *= 2) {
		const char *why = nodes == 1 ? "less than two pages (8K), the"
		                             : "for each of";

		assert_int_equal(try_swap(nodes * 2 * PAGE - 1, nodes, why),
		                 -EINVAL);
		assert_int_equal(words, 1);
		assert_int_equal(try_swap(nodes * 2 * PAGE, nodes, ""), 0);
	}
	assert_int_equal(try_swap(1, 1, "less than two pages"), -EINVAL);
	assert_int_equal(words, 1);
}

/* The second inline engine is refused, and the first goes on. */
static void
test_inline_twice(void **state)
{
	struct pageout *first, *second;
	char *at;

	(void)state;
	assert_int_equal(open_engine(&first, PAGEOUT_MODE_INLINE), 0);
	assert_int_equal(open_engine(&second, PAGEOUT_MODE_INLINE), -EBUSY);
	assert_int_equal(pageout_map(first, PAGE, 0, (void **)&at), 0);
	at[0] = 1;
	assert_int_equal(at[0], 1);
	pageout_close(first);
}

/* What a child does to the engine must not reach the parent's pages. */
static void
child_does(void (*what)(struct pageout *e, char *at))
{
	struct pageout *e;
	size_t wrong = 0;
	int status;
	pid_t pid;
	char *at;

	assert_int_equal(open_engine(&e, PAGEOUT_MODE_THREAD), 0);
	assert_int_equal(pageout_map(e, DATA, 0, (void **)&at), 0);
	for (size_t i = 0; i < DATA; i += PAGE)
		*(size_t *)(void *)(at + i) = i + 1;
	pid = fork();
	if (pid == 0) {
		(void)alarm(5);
		what(e, at);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (size_t i = 0; i < DATA; i += PAGE)
		wrong += *(size_t *)(void *)(at + i) != i + 1;
	assert_int_equal(wrong, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	pageout_close(e);
}

static void
unmap_it(struct pageout *e, char *at)
{
	if (pageout_unmap(e, at, DATA) != -EPERM)
		_exit(1);
}

static void
close_it(struct pageout *e, char *at)
{
	(void)at;
	pageout_close(e);
}

static void
test_child_unmaps(void **state)
{
	(void)state;
	child_does(unmap_it);
}

static void
test_child_closes(void **state)
{
	(void)state;
	child_does(close_it);
}

/* A program may take all descriptors from itself; ours are open. */
static void
test_no_descriptors(void **state)
{
	struct rlimit before, limit;
	struct pageout *e;
	size_t wrong = 0;
	char *at;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(open_engine(&e, PAGEOUT_MODE_THREAD), 0);
	assert_int_equal(pageout_map(e, DATA, 0, (void **)&at), 0);
	limit = before;
	for (limit.rlim_cur = 0; limit.rlim_cur < 4; limit.rlim_cur++) {
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		for (size_t i = 0; i < DATA; i += PAGE)
			*(size_t *)(void *)(at + i) = i + limit.rlim_cur + 1;
		for (size_t i = 0; i < DATA; i += PAGE)
			wrong += *(size_t *)(void *)(at + i) !=
			         i + limit.rlim_cur + 1;
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(wrong, 0);
	pageout_close(e);
}

/* -- cancellation --------------------------------------------------------- */

static void *
touch_all(void *at)
{
	/* A cancellation is pending, and touching memory does not act on it. */
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	(void)pthread_cancel(pthread_self());
	(void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	for (size_t i = 0; i < DATA; i += PAGE)
		(void)*((volatile char *)at + i);
	return at;
}

static void
test_cancelled_in_fault(void **state)
{
	struct pageout *e;
	pthread_t thread;
	void *at, *ended;

	(void)state;
	assert_int_equal(open_engine(&e, PAGEOUT_MODE_INLINE), 0);
	assert_int_equal(pageout_map(e, DATA, 0, &at), 0);
	for (size_t i = 0; i < DATA; i += PAGE)
		*(size_t *)(void *)((char *)at + i) = i + 1;
	assert_int_equal(pthread_create(&thread, NULL, touch_all, at), 0);
	assert_int_equal(pthread_join(thread, &ended), 0);
	assert_ptr_equal(ended, at);
	pageout_close(e);
}

static sigjmp_buf failed;

static void
jump_out(int sig)
{
	(void)sig;
	siglongjmp(failed, 1);
}

/* Touch memory that fails.  => what the thread would do if it were cancelled */
static void *
touch_and_fail(void *ctx)
{
	int state = PTHREAD_CANCEL_ENABLE;

	errno = ENOTTY;
	if (sigsetjmp(failed, 1) == 0) {
		(void)*(volatile char *)ctx;
		return NULL; /* it did not fail */
	}
	if (errno != ENOTTY)
		return NULL;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	return state == PTHREAD_CANCEL_ENABLE ? ctx : NULL;
}

/* A handler that was there first may leave by a jump, as handlers do. */
static void
test_handler_jumps(void **state)
{
	struct sigaction sa = {.sa_handler = jump_out}, before;
	FILE *file = tmpfile();
	struct pageout *e;
	pthread_t thread;
	void *at, *ended;

	(void)state;
	assert_non_null(file); /* empty: a page of it is beyond its end */
	assert_int_equal(sigaction(SIGBUS, &sa, &before), 0);
	assert_int_equal(open_engine(&e, PAGEOUT_MODE_INLINE), 0);
	at = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fileno(file), 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(pthread_create(&thread, NULL, touch_and_fail, at), 0);
	assert_int_equal(pthread_join(thread, &ended), 0);
	assert_ptr_equal(ended, at);
	assert_int_equal(munmap(at, PAGE), 0);
	pageout_close(e);
	assert_int_equal(sigaction(SIGBUS, &before, NULL), 0);
	(void)fclose(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_threads),
		cmocka_unit_test(test_no_daemons),
		cmocka_unit_test(test_no_kswapd66),
		cmocka_unit_test(test_small_swap),
		cmocka_unit_test(test_inline_twice),
		cmocka_unit_test(test_child_unmaps),
		cmocka_unit_test(test_child_closes),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_cancelled_in_fault),
		cmocka_unit_test(test_handler_jumps),
	};
	struct pageout *e;
	int r = open_engine(&e, PAGEOUT_MODE_THREAD);

	if (r == -EPERM || r == -ENOSYS || r == -EACCES)
		return 77;
	if (r == 0)
		pageout_close(e);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
