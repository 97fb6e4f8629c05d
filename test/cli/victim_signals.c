/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * victim_signals.c -- system calls that are interrupted, left and cancelled,
 * with memory that is not there.
 */
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/cli/victim.h"
#include "test/cli/victim_pool.h"

/* -- signals -------------------------------------------------------------- */

static sigjmp_buf away;
static volatile sig_atomic_t handled;

static void
on_signal(int sig)
{
	(void)sig;
	*(volatile char *)place(300, 1) = 1;
	handled++;
}

static void
on_jump(int sig)
{
	(void)sig;
	siglongjmp(away, 1);
}

static void
handle(int sig, void (*handler)(int), int flags)
{
	struct sigaction *sa = place(1, sizeof(*sa));

	memset(sa, 0, sizeof(*sa));
	sa->sa_handler = handler;
	sa->sa_flags = flags;
	(void)sigfillset(&sa->sa_mask);
	leave();
	want(sigaction(sig, sa, NULL) == 0);
}

static _Atomic int reads; /* 0 not yet, 1 now, 2 no more */

static void *
signal_later(void *thread)
{
	while (reads != 2) {
		(void)usleep(10000);
		if (reads == 1)
			(void)pthread_kill(*(pthread_t *)thread, SIGUSR1);
	}
	return NULL;
}

/* Wait in a read for a signal.  => what the read says */
static ssize_t
interrupted(int fd, char *buffer)
{
	pthread_t self = pthread_self(), other;
	volatile ssize_t r = -2;

	reads = 0;
	want(pthread_create(&other, NULL, signal_later, &self) == 0);
	leave();
	if (sigsetjmp(away, 1) == 0) {
		reads = 1;
		r = read(fd, buffer, 100);
	}
	reads = 2;
	want(pthread_join(other, NULL) == 0);
	return r;
}

static void
signals(void)
{
	sigset_t *all = place(11, sizeof(*all)), *old = place(21, sizeof(*old));
	char *buffer = place(31, 100);
	int fds[2];

	want(pipe(fds) == 0);
	handle(SIGUSR1, on_signal, 0);
	want(interrupted(fds[0], buffer) == -1 && errno == EINTR);
	want(handled >= 1);
	handle(SIGUSR1, on_jump, 0);
	for (int i = 0; i < 20; i++)
		want(interrupted(fds[0], buffer) == -2);
	handle(SIGUSR1, on_signal, 0);
	(void)sigfillset(all);
	leave();
	want(sigprocmask(SIG_SETMASK, all, old) == 0);
	leave();
	want(sigismember(old, SIGUSR1) == 0);
	handled = 0;
	(void)raise(SIGUSR1);
	want(handled == 0);
	(void)sigdelset(all, SIGUSR1);
	leave();
	want(sigsuspend(all) == -1 && errno == EINTR && handled == 1);
	leave();
	want(sigprocmask(SIG_SETMASK, old, NULL) == 0);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* A handler that calls, and is interrupted by itself. */
static void
on_depth(int sig)
{
	static volatile sig_atomic_t depth;
	char c;

	want(read(-1, &c, 1) == -1);
	if (++depth < 20)
		(void)raise(sig);
	depth--;
}

static volatile uintptr_t stack_seen;

static void
on_look(int sig)
{
	(void)sig;
	stack_seen = (uintptr_t)&sig;
}

/* Whose stack a handler is on while its thread waits in a call. */
static void
handlers(void)
{
	char *buffer = place(31, 100), mark;
	struct sigaction sa = {.sa_handler = on_depth, .sa_flags = SA_NODEFER};
	uintptr_t here = (uintptr_t)&mark;
	int fds[2];

	want(sigaction(SIGUSR1, &sa, NULL) == 0);
	want(raise(SIGUSR1) == 0);
	want(pipe(fds) == 0);
	handle(SIGUSR1, on_look, 0);
	want(interrupted(fds[0], buffer) == -1);
	want(stack_seen < here && here - stack_seen < 64 * 1024);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static int cleaned;

/* Nothing is blocked, and memory that is away may be touched. */
static void
clean(void *unused)
{
	sigset_t set;

	(void)unused;
	(void)pthread_sigmask(SIG_SETMASK, NULL, &set);
	want(!sigismember(&set, SIGINT));
	*(volatile char *)place(301, 1) = 1;
	cleaned++;
}

static void *
read_and_read(void *fd)
{
	pthread_cleanup_push(clean, NULL);
	for (;;)
		(void)read(*(int *)fd, place(60, 9000), 9000);
	pthread_cleanup_pop(0);
	return NULL;
}

static void *
read_for_ever(void *fd)
{
	pthread_cleanup_push(clean, NULL);
	(void)read(*(int *)fd, place(51, 8), 8);
	pthread_cleanup_pop(0);
	return NULL;
}

static void
cancelled(void)
{
	void *end = NULL;
	int fds[2];

	want(pipe(fds) == 0);
	for (int i = 1; i <= 10; i++) {
		pthread_t t;

		leave();
		want(pthread_create(&t, NULL, read_for_ever, fds) == 0);
		(void)usleep(i % 2 == 0 ? 0 : 10000);
		want(pthread_cancel(t) == 0 && pthread_join(t, &end) == 0);
		want(end == PTHREAD_CANCELED && cleaned == i);
	}
	fds[0] = open("/dev/zero", O_RDONLY);
	for (int i = 1; i <= 100; i++) {
		pthread_t t;

		want(pthread_create(&t, NULL, read_and_read, fds) == 0);
		(void)usleep((unsigned)i * 37 % 1000);
		want(pthread_cancel(t) == 0 && pthread_join(t, &end) == 0);
		want(end == PTHREAD_CANCELED && cleaned == 10 + i);
	}
}

/* -- threads that the program did not make --------------------------------- */

static void
made_by_others(void)
{
	static struct aiocb a;
	const struct aiocb *list[] = {&a};
	FILE *f = tmpfile();
	char *copy = malloc(pool_bytes);

	want(f != NULL && copy != NULL);
	a = (struct aiocb){.aio_fildes = fileno(f),
	                   .aio_buf = pool,
	                   .aio_nbytes = pool_bytes};
	leave();
	want(aio_write(&a) == 0);
	while (aio_error(&a) == EINPROGRESS)
		(void)aio_suspend(list, 1, NULL);
	want(aio_return(&a) == (ssize_t)pool_bytes);
	want(pread(fileno(f), copy, pool_bytes, 0) == (ssize_t)pool_bytes);
	want(memcmp(copy, pool, pool_bytes) == 0);
	(void)fclose(f);
	free(copy);
}

static void *
read_pipe(void *fd)
{
	char *buffer = filled(MIB, 40);
	ssize_t n = read(*(int *)fd, buffer, MIB);

	free(buffer);
	return (void *)n;
}

/* More threads wait with more memory than could all be held. */
static void
waiters(void)
{
	enum { THREADS = 24 };
	pthread_t t[THREADS];
	size_t sum = 0;
	int fds[2];

	want(pipe(fds) == 0);
	for (size_t i = 0; i < THREADS; i++)
		want(pthread_create(&t[i], NULL, read_pipe, fds) == 0);
	(void)usleep(200000);
	for (size_t i = 0; i < THREADS; i++)
		want(write(fds[1], "x", 1) == 1);
	(void)close(fds[1]); /* one may have read what is another's */
	for (size_t i = 0; i < THREADS; i++) {
		void *end;

		want(pthread_join(t[i], &end) == 0 && (ssize_t)end >= 0);
		sum += (size_t)end;
	}
	want(sum == THREADS);
	(void)close(fds[0]);
}

static int
run_signals(size_t bytes, const char *argument)
{
	(void)argument;
	open_pool(bytes);
	signals();
	handlers();
	cancelled();
	made_by_others();
	waiters();
	(void)printf("right\n");
	return 0;
}

const struct victim victims_signals[] = {
	{"call-signals", run_signals},
	{NULL, NULL},
};
