/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * victim.c -- programs to be run in less memory than they use: the frame, and
 * what programs do to their descriptors, signals and luck.
 *
 *	victim CASE MIB [ARGUMENT]
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test/cli/victim.h"

_Noreturn void
die(const char *what)
{
	int error = errno;
	char line[256];
	int n = snprintf(line, sizeof(line), "victim: not so: %s (errno %d)\n",
	                 what, error);

	(void)!write(STDERR_FILENO, line, (size_t)n);
	_exit(1);
}

static uint64_t
word(uint64_t seed, size_t page, size_t i)
{
	return (seed + 1) * 0x9e3779b97f4a7c15u + page * 0xc2b2ae3d27d4eb4fu +
	       i * 0x165667b19e3779f9u;
}

void
fill(void *p, size_t bytes, uint64_t seed)
{
	uint64_t *w = p;

	for (size_t page = 0; page < bytes / PAGE; page++)
		for (size_t i = 0; i < WORDS; i++)
			*w++ = word(seed, page, i);
}

void
verify(const void *p, size_t bytes, uint64_t seed)
{
	const uint64_t *w = p;

	for (size_t page = 0; page < bytes / PAGE; page++)
		for (size_t i = 0; i < WORDS; i++, w++)
			if (*w != word(seed, page, i)) {
				(void)fprintf(stderr,
				              "victim: page %zu word %zu: %llx "
				              "and not %llx\n",
				              page, i, (unsigned long long)*w,
				              (unsigned long long)word(
						      seed, page, i));
				_exit(1);
			}
}

void
verify_zero(const void *p, size_t bytes)
{
	const uint64_t *w = p;

	for (size_t i = 0; i < bytes / 8; i++)
		if (w[i] != 0)
			die("a discarded page reads as zeros");
}

void *
filled(size_t bytes, uint64_t seed)
{
	void *p = malloc(bytes);

	want(p != NULL);
	fill(p, bytes, seed);
	return p;
}

static int
run_fill(size_t bytes, const char *argument)
{
	void *p = filled(bytes, 1);

	(void)argument;
	verify(p, bytes, 1);
	verify(p, bytes, 1);
	free(p);
	return 0;
}

/* -- descriptors --------------------------------------------------------- */

static void
close_all(const char *how)
{
	if (strcmp(how, "close_range") == 0)
		want(close_range(3, ~0u, 0) == 0);
	else if (strcmp(how, "closefrom") == 0)
		closefrom(3);
	else if (strcmp(how, "close") == 0)
		for (int fd = 3; fd < 70000; fd++)
			(void)close(fd);
	else if (strcmp(how, "dup2") == 0)
		for (int fd = 3; fd < 1100; fd++)
			(void)dup2(0, fd);
	else if (strcmp(how, "all") == 0)
		want(close_range(0, ~0u, 0) == 0);
	else
		die("a way to close that is known");
}

static int
run_close(size_t bytes, const char *how)
{
	int fd = open("/dev/null", O_RDONLY);
	void *p = filled(bytes, 2), *q;

	want(fd >= 0 && fd < 10); /* ours are out of the way */
	close_all(how);
	if (strcmp(how, "dup2") != 0)
		want(fcntl(fd, F_GETFD) < 0 && errno == EBADF);
	verify(p, bytes, 2);
	q = filled(bytes, 3);
	verify(p, bytes, 2);
	verify(q, bytes, 3);
	return 0;
}

/* -- signals ------------------------------------------------------------- */

static void
on_signal(int number)
{
	(void)number;
}

static int
run_block(size_t bytes, const char *argument)
{
	sigset_t all;
	void *p;

	(void)argument;
	want(sigfillset(&all) == 0);
	want(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
	p = filled(bytes, 4);
	verify(p, bytes, 4);
	return 0;
}

static int
run_sigbus(size_t bytes, const char *how)
{
	struct sigaction a = {.sa_handler = on_signal};
	void *p = filled(bytes, 5);

	if (strcmp(how, "ignore") == 0)
		a.sa_handler = SIG_IGN;
	else if (strcmp(how, "default") == 0)
		a.sa_handler = SIG_DFL;
	want(sigaction(SIGBUS, &a, NULL) == 0);
	want(sigaction(SIGSEGV, &a, NULL) == 0);
	verify(p, bytes, 5);
	fill(p, bytes, 6);
	verify(p, bytes, 6);
	return 0;
}

/* Tell that memory is full, wait for a line on stdin, and look. */
static int
run_wait(size_t bytes, const char *argument)
{
	void *p = filled(bytes, 7);
	char c;

	(void)argument;
	want(write(STDOUT_FILENO, "ready\n", 6) == 6);
	while (read(STDIN_FILENO, &c, 1) < 0 && errno == EINTR)
		continue;
	verify(p, bytes, 7);
	fill(p, bytes, 8);
	verify(p, bytes, 8);
	want(write(STDOUT_FILENO, "right\n", 6) == 6);
	return 0;
}

/* -- out of memory ------------------------------------------------------- */

/* Take memory until there is none; what was taken before must be right. */
static int
run_eat(size_t bytes, const char *argument)
{
	enum { BLOCKS = 4096 };
	static void *blocks[BLOCKS];
	size_t block = 4 * MIB, count = 0;

	(void)argument;
	while (count * block < bytes && count < BLOCKS) {
		blocks[count] = malloc(block);
		if (blocks[count] == NULL)
			break;
		fill(blocks[count], block, 100 + count);
		count++;
	}
	for (size_t i = 0; i < count; i++)
		verify(blocks[i], block, 100 + i);
	(void)printf("%zu\n", count * block / MIB);
	return 0;
}

/* Sum what can be read; contents that are lost must stop the program. */
static int
run_twice(size_t bytes, const char *argument)
{
	void *p = filled(bytes, 9);

	(void)argument;
	for (int i = 0; i < 3; i++)
		verify(p, bytes, 9);
	free(p);
	(void)printf("right\n");
	return 0;
}

const struct victim victims_basic[] = {
	{"fill", run_fill},     {"close", run_close}, {"block", run_block},
	{"sigbus", run_sigbus}, {"wait", run_wait},   {"eat", run_eat},
	{"twice", run_twice},   {NULL, NULL},
};

int
main(int argc, char **argv)
{
	const struct victim *const lists[] = {
		victims_basic,  victims_maps,  victims_forks,  victims_threads,
		victims_limits, victims_calls, victims_signals};

	if (argc < 3) {
		(void)fprintf(stderr, "usage: victim CASE MIB [ARGUMENT]\n");
		return 2;
	}
	for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++)
		for (const struct victim *v = lists[l]; v->name != NULL; v++)
			if (strcmp(v->name, argv[1]) == 0)
				return v->run(strtoul(argv[2], NULL, 10) * MIB,
				              argc > 3 ? argv[3] : "");
	(void)fprintf(stderr, "victim: %s: no such case\n", argv[1]);
	return 2;
}
