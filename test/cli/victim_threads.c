/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * victim_threads.c -- programs with many threads, and with stacks in memory
 * that may be anywhere.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "test/cli/victim.h"

enum { THREADS = 8, SLOTS = 16, ROUNDS = 300 };

struct worker {
	pthread_t thread;
	uint64_t random;
	size_t bytes; /* all that it may use */
	bool by_mmap;
};

struct slot {
	char *p;
	size_t bytes;
	uint64_t seed;
};

static uint64_t
next(struct worker *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random;
}

static void
slot_empty(const struct worker *w, struct slot *s)
{
	if (w->by_mmap)
		want(munmap(s->p, s->bytes) == 0);
	else
		free(s->p);
	s->p = NULL;
}

static void
slot_make(struct worker *w, struct slot *s)
{
	s->bytes = (1 + next(w) % (w->bytes / PAGE / SLOTS)) * PAGE;
	s->seed = next(w);
	if (w->by_mmap) {
		s->p = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE,
		            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		want(s->p != MAP_FAILED);
		verify_zero(s->p, s->bytes);
	} else {
		s->p = malloc(s->bytes);
		want(s->p != NULL);
	}
	fill(s->p, s->bytes, s->seed);
}

/* Change a slot in one of the ways there are, and look at it. */
static void
slot_change(struct worker *w, struct slot *s)
{
	size_t bytes = s->bytes;

	verify(s->p, bytes, s->seed);
	switch (next(w) % 4) {
	case 0:
		slot_empty(w, s);
		return;
	case 1:
		if (w->by_mmap)
			s->p = mremap(s->p, bytes, 2 * bytes, MREMAP_MAYMOVE);
		else
			s->p = realloc(s->p, 2 * bytes);
		want(s->p != NULL && s->p != MAP_FAILED);
		verify(s->p, bytes, s->seed);
		s->bytes = 2 * bytes;
		if (s->bytes > w->bytes / SLOTS) {
			slot_empty(w, s);
			return;
		}
		break;
	case 2:
		if (!w->by_mmap)
			break;
		want(madvise(s->p, bytes, MADV_DONTNEED) == 0);
		verify_zero(s->p, bytes);
		break;
	default:
		break;
	}
	fill(s->p, s->bytes, ++s->seed);
}

static void *
work(void *argument)
{
	struct worker *w = argument;
	struct slot slots[SLOTS] = {{NULL, 0, 0}};

	for (int i = 0; i < ROUNDS; i++) {
		struct slot *s = &slots[next(w) % SLOTS];

		if (s->p == NULL)
			slot_make(w, s);
		else
			slot_change(w, s);
	}
	for (int i = 0; i < SLOTS; i++)
		if (slots[i].p != NULL) {
			verify(slots[i].p, slots[i].bytes, slots[i].seed);
			slot_empty(w, &slots[i]);
		}
	return NULL;
}

static void
on_tick(int number)
{
	(void)number;
}

static int
run_threads(size_t bytes, const char *how)
{
	struct itimerval tick = {{0, 1000}, {0, 1000}};
	static struct worker workers[THREADS];

	if (strcmp(how, "signals") == 0) {
		want(signal(SIGALRM, on_tick) != SIG_ERR);
		want(setitimer(ITIMER_REAL, &tick, NULL) == 0);
	}
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.random = 1000 + (uint64_t)i,
		                             .bytes = bytes / THREADS,
		                             .by_mmap = i % 2};
		want(pthread_create(&workers[i].thread, NULL, work,
		                    &workers[i]) == 0);
	}
	for (int i = 0; i < THREADS; i++)
		want(pthread_join(workers[i].thread, NULL) == 0);
	return 0;
}

/* -- coroutines ---------------------------------------------------------- */

static ucontext_t outside, coroutine;
static size_t coroutine_bytes;

/* Deep in a stack that is managed memory, work on the address space. */
static void
on_coroutine(void)
{
	struct worker w = {
		.random = 77, .bytes = coroutine_bytes, .by_mmap = true};
	char deep[150 * 1024];

	memset(deep, 1, sizeof(deep));
	(void)work(&w);
	want(deep[5000] == 1);
	(void)swapcontext(&coroutine, &outside);
}

static int
run_coroutine(size_t bytes, const char *argument)
{
	size_t stack_bytes = 256 * 1024;

	(void)argument;
	coroutine_bytes = bytes;
	for (int i = 0; i < 4; i++) {
		char *stack = mmap(NULL, stack_bytes, PROT_READ | PROT_WRITE,
		                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		want(stack != MAP_FAILED && getcontext(&coroutine) == 0);
		coroutine.uc_stack.ss_sp = stack;
		coroutine.uc_stack.ss_size = stack_bytes;
		coroutine.uc_link = NULL;
		makecontext(&coroutine, on_coroutine, 0);
		want(swapcontext(&outside, &coroutine) == 0);
		want(munmap(stack, stack_bytes) == 0);
	}
	return 0;
}

static sem_t held, end;

/* Take a mutex, and end with it. */
static void *
end_with_it(void *mutex)
{
	want(pthread_mutex_lock(mutex) == 0);
	want(sem_post(&held) == 0);
	want(sem_wait(&end) == 0);
	return NULL;
}

/* A robust mutex has not been touched for long when its owner ends. */
static int
run_robust(size_t bytes, const char *argument)
{
	pthread_mutex_t *m = filled(MIB, 41);
	pthread_mutexattr_t robust;
	struct timespec soon;
	pthread_t thread;
	void *p;

	(void)argument;
	want(pthread_mutexattr_init(&robust) == 0);
	want(pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST) == 0);
	for (int i = 0; i < 70000; i++) {
		want(pthread_mutex_init(m, &robust) == 0);
		want(pthread_mutex_destroy(m) == 0);
	}
	want(pthread_mutex_init(m, &robust) == 0);
	want(sem_init(&held, 0, 0) == 0 && sem_init(&end, 0, 0) == 0);
	want(pthread_create(&thread, NULL, end_with_it, m) == 0);
	want(sem_wait(&held) == 0);
	p = filled(bytes, 42);
	verify(p, bytes, 42);
	want(sem_post(&end) == 0);
	want(pthread_join(thread, NULL) == 0);
	want(clock_gettime(CLOCK_REALTIME, &soon) == 0);
	soon.tv_sec += 5;
	want(pthread_mutex_timedlock(m, &soon) == EOWNERDEAD);
	want(pthread_mutex_consistent(m) == 0);
	want(pthread_mutex_unlock(m) == 0);
	want(pthread_mutex_destroy(m) == 0);
	return 0;
}

const struct victim victims_threads[] = {
	{"threads", run_threads},
	{"coroutine", run_coroutine},
	{"robust", run_robust},
	{NULL, NULL},
};
