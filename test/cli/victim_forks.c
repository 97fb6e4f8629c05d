/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * victim_forks.c -- programs that make other processes.
 *
 * In a child die() and verify() leave with status 1, which the parent sees.
 */
#include <errno.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/cli/victim.h"

extern char **environ;

static void
want_exit(pid_t pid, int status)
{
	int got;

	want(pid > 0);
	want(waitpid(pid, &got, 0) == pid);
	want(WIFEXITED(got));
	want(WEXITSTATUS(got) == status);
}

/* Parent and child go apart, and each keeps its own contents. */
static int
fork_and_write(size_t bytes, pid_t (*fork_call)(void))
{
	void *p = filled(bytes, 20);
	pid_t pid = fork_call();

	if (pid < 0)
		return errno == ENOMEM ? 12 : 1;
	if (pid == 0) {
		void *q;

		verify(p, bytes, 20);
		fill(p, bytes, 21);
		q = filled(bytes / 2, 22);
		verify(p, bytes, 21);
		verify(q, bytes / 2, 22);
		_exit(7);
	}
	fill(p, bytes, 23);
	verify(p, bytes, 23);
	want_exit(pid, 7);
	verify(p, bytes, 23);
	free(p);
	/* And on it goes, in more memory than there is. */
	p = filled(bytes * 4, 24);
	verify(p, bytes * 4, 24);
	return 0;
}

static int
run_fork(size_t bytes, const char *argument)
{
	return fork_and_write(bytes,
	                      strcmp(argument, "_Fork") == 0 ? _Fork : fork);
}

/* Most of the memory is away when a child is made, and fits by then. */
static int
run_fork_away(size_t bytes, const char *argument)
{
	void *p = filled(bytes, 31);
	char *big = mmap(NULL, 4 * bytes, PROT_READ | PROT_WRITE,
	                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	(void)argument;
	want(big != MAP_FAILED);
	fill(big, 4 * bytes, 32);
	verify(big, 4 * bytes, 32);
	want(munmap(big, 4 * bytes) == 0);
	pid = fork();
	if (pid == 0) {
		(void)alarm(10);
		verify(p, bytes, 31);
		_exit(7);
	}
	want_exit(pid, 7);
	verify(p, bytes, 31);
	return 0;
}

static pthread_mutex_t library = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool over;

static void
library_lock(void)
{
	want(pthread_mutex_lock(&library) == 0);
}

static void
library_unlock(void)
{
	want(pthread_mutex_unlock(&library) == 0);
}

/* As an allocator does: its lock is held while it asks for memory. */
static void *
allocate(void *unused)
{
	while (!atomic_load(&over)) {
		void *p;

		library_lock();
		p = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
		         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		want(p != MAP_FAILED);
		*(volatile char *)p = 1;
		want(munmap(p, MIB) == 0);
		library_unlock();
		free(filled(MIB / 4, 33));
	}
	return unused;
}

/* Children are made while another thread is inside of a library. */
static int
run_fork_busy(size_t bytes, const char *argument)
{
	void *p = filled(bytes, 34);
	pthread_t thread;

	(void)argument;
	want(pthread_atfork(library_lock, library_unlock, library_unlock) == 0);
	want(pthread_create(&thread, NULL, allocate, NULL) == 0);
	for (int i = 0; i < 50; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			(void)alarm(10);
			library_lock();
			verify(p, bytes, 34);
			free(filled(MIB, 35));
			_exit(7);
		}
		want_exit(pid, 7);
	}
	atomic_store(&over, true);
	want(pthread_join(thread, NULL) == 0);
	verify(p, bytes, 34);
	return 0;
}

/* fork() that does not fit: refused, and nothing else has changed. */
static int
run_fork_refused(size_t bytes, const char *argument)
{
	void *p = filled(bytes, 25);
	pid_t pid = fork();

	(void)argument;
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		want_exit(pid, 0);
	else
		want(errno == ENOMEM);
	verify(p, bytes, 25);
	(void)printf("%s\n", pid < 0 ? "refused" : "forked");
	return 0;
}

/* The same where the C library forks: the child has ended. */
static int
run_forkpty_refused(size_t bytes, const char *argument)
{
	void *p = filled(bytes, 36);
	int terminal, status;
	pid_t pid = forkpty(&terminal, NULL, NULL, NULL);

	(void)argument;
	if (pid == 0)
		_exit(0);
	want(pid > 0 && waitpid(pid, &status, 0) == pid);
	want(WIFEXITED(status));
	verify(p, bytes, 36);
	(void)printf("%s\n", WEXITSTATUS(status) == 127 ? "refused" : "forked");
	return 0;
}

static int
run_vfork(size_t bytes, const char *argument)
{
	void *p = filled(bytes, 26);
	pid_t pid = vfork(); /* NOLINT: the case is about it */

	(void)argument;
	if (pid == 0) {
		(void)execl("/bin/sh", "sh", "-c", "exit 5", (char *)NULL);
		_exit(127);
	}
	verify(p, bytes, 26);
	want_exit(pid, 5);
	return 0;
}

static int
run_spawn(size_t bytes, const char *argument)
{
	char *argv[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
	                (char *)(uintptr_t) "exit 6", NULL};
	void *p = filled(bytes, 27);
	char line[16] = "";
	FILE *f;
	pid_t pid;
	int status;

	(void)argument;
	want(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) == 0);
	want_exit(pid, 6);
	status = system("exit 4");
	want(WIFEXITED(status) && WEXITSTATUS(status) == 4);
	f = popen("echo hello", "r");
	want(f != NULL && fgets(line, sizeof(line), f) != NULL);
	want(strcmp(line, "hello\n") == 0 && pclose(f) == 0);
	verify(p, bytes, 27);
	return 0;
}

/* daemon(): the C library forks where nobody can stand in front of it. */
static int
run_daemon(size_t bytes, const char *argument)
{
	int *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
	                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();
	int status;

	(void)argument;
	want(pid >= 0);
	if (pid == 0) {
		void *p = filled(bytes, 28);

		want(daemon(0, 1) == 0);
		verify(p, bytes, 28);
		*shared = 1;
		_exit(0);
	}
	want(waitpid(pid, &status, 0) == pid);
	for (int i = 0; i < 500 && *(volatile int *)shared == 0; i++)
		(void)usleep(10000);
	want(*shared == 1);
	return 0;
}

/* Become another managed program. */
static int
run_exec(size_t bytes, const char *argument)
{
	char text[24];
	void *p = filled(bytes, 29);

	(void)argument;
	verify(p, bytes, 29);
	(void)snprintf(text, sizeof(text), "%zu", bytes / MIB);
	(void)execl("/proc/self/exe", "victim", "fill", text, (char *)NULL);
	return 1;
}

/* A managed child that outlives everybody, and tells in a file. */
static int
run_orphan(size_t bytes, const char *file)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%zu", bytes / MIB);
	if (fork() == 0) {
		(void)setsid();
		(void)execl("/proc/self/exe", "victim", "late", text, file,
		            (char *)NULL);
		_exit(127);
	}
	(void)usleep(300000);
	return 0;
}

static int
run_late(size_t bytes, const char *file)
{
	void *p = filled(bytes, 30);
	FILE *f;

	(void)sleep(1);
	verify(p, bytes, 30);
	f = fopen(file, "w");
	want(f != NULL);
	want(fputs("right\n", f) >= 0);
	want(fclose(f) == 0);
	return 0;
}

/* A child made past the C library: right contents, or none at all. */
static int
run_clone(size_t bytes, const char *argument)
{
	void *p = filled(bytes, 31);
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	int status;

	(void)argument;
	if (pid == 0) {
		verify(p, bytes, 31);
		_exit(0);
	}
	want(waitpid(pid, &status, 0) == pid);
	want((WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
	     (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV));
	verify(p, bytes, 31);
	return 0;
}

const struct victim victims_forks[] = {
	{"fork", run_fork},
	{"fork-away", run_fork_away},
	{"fork-busy", run_fork_busy},
	{"fork-refused", run_fork_refused},
	{"forkpty-refused", run_forkpty_refused},
	{"vfork", run_vfork},
	{"spawn", run_spawn},
	{"daemon", run_daemon},
	{"exec", run_exec},
	{"orphan", run_orphan},
	{"late", run_late},
	{"clone", run_clone},
	{NULL, NULL},
};
