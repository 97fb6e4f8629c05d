/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * victim_calls.c -- system calls that are given memory which is not there.
 *
 * Everything that a call is given lies in a pool, over the border of two pages;
 * before each call the pool is driven out of memory by a pass over more than
 * fits.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/cli/victim.h"

extern char **environ;

static char *pool, *others;
static size_t pool_bytes, others_bytes;

static void
open_pool(size_t bytes)
{
	pool_bytes = bytes / 4;
	others_bytes = bytes / 2;
	pool = filled(pool_bytes, 21);
	others = filled(others_bytes, 22);
}

/* A place over the border of pages n and n + 1, for so many bytes. */
static void *
place(size_t n, size_t bytes)
{
	uintptr_t first = ((uintptr_t)pool + PAGE - 1) & ~(uintptr_t)(PAGE - 1);

	return (char *)first + (n + 1) * PAGE - (bytes / 2 & ~(size_t)7);
}

/* Drive the pool out. */
static void
leave(void)
{
	verify(others, others_bytes, 22);
}

static void *
placed(size_t n, const void *what, size_t bytes)
{
	return memcpy(place(n, bytes), what, bytes);
}

/* -- bytes ---------------------------------------------------------------- */

static void
pipes(void)
{
	char *from = placed(1, "through a pipe", 15), *to = place(11, 15);
	int *fds = place(21, sizeof(int) * 2);

	leave();
	want(pipe(fds) == 0);
	leave();
	want(write(fds[1], from, 15) == 15);
	leave();
	want(read(fds[0], to, 15) == 15);
	want(strcmp(to, "through a pipe") == 0);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* More than is held at once, at an address of no alignment. */
static void
files(void)
{
	size_t bytes = pool_bytes / 2 - PAGE;
	char *copy = malloc(bytes);
	FILE *f = tmpfile();
	int fd;

	want(copy != NULL && f != NULL);
	fd = fileno(f);
	leave();
	want(write(fd, pool + 3, bytes) == (ssize_t)bytes);
	leave();
	want(pread(fd, copy, bytes, 0) == (ssize_t)bytes);
	verify(pool, pool_bytes, 21);
	want(memcmp(copy, pool + 3, bytes) == 0);
	leave();
	want(pwrite(fd, copy + 5, bytes - 5, 5) == (ssize_t)bytes - 5);
	want(lseek(fd, 0, SEEK_SET) == 0);
	memset(copy, 0, bytes);
	leave();
	want(read(fd, copy, bytes) == (ssize_t)bytes);
	want(memcmp(copy, pool + 3, bytes) == 0);
	leave();
	rewind(f);
	memset(copy, 0, bytes);
	leave();
	want(fread(copy, 1, bytes, f) == bytes);
	want(memcmp(copy, pool + 3, bytes) == 0);
	want(fclose(f) == 0);
	free(copy);
}

static void
vectors(void)
{
	enum { PARTS = 8, BYTES = 100 };
	struct iovec *v = place(200, sizeof(*v) * PARTS);
	int fds[2];

	want(pipe(fds) == 0);
	for (size_t i = 0; i < PARTS; i++) {
		v[i] = (struct iovec){place(10 * i, BYTES), BYTES};
		memset(v[i].iov_base, (int)i + 1, BYTES);
	}
	leave();
	want(writev(fds[1], v, PARTS) == PARTS * BYTES);
	for (size_t i = 0; i < PARTS; i++)
		v[i].iov_base = place(10 * i + 3, BYTES);
	leave();
	want(syscall(SYS_readv, fds[0], v, PARTS) == PARTS * BYTES);
	for (size_t i = 0; i < PARTS; i++)
		for (size_t j = 0; j < BYTES; j++)
			want(((char *)v[i].iov_base)[j] == (char)(i + 1));
	want(syscall(SYS_writev, fds[1], 8, 1) == -1 && errno == EFAULT);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void
messages(void)
{
	struct iovec *v = place(31, sizeof(*v));
	struct msghdr *m = place(41, sizeof(*m));
	char *to = place(61, 8), *big = place(70, 30000);
	int fds[2];

	want(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) == 0);
	*v = (struct iovec){placed(51, "a gram", 7), 7};
	*m = (struct msghdr){.msg_iov = v, .msg_iovlen = 1};
	leave();
	want(sendmsg(fds[0], m, 0) == 7);
	v->iov_base = to;
	leave();
	want(recvmsg(fds[1], m, 0) == 7);
	want(strcmp(to, "a gram") == 0);
	memset(big, 'b', 30000);
	leave();
	want(send(fds[0], big, 30000, 0) == 30000);
	memset(big, 0, 30000);
	leave();
	want(recv(fds[1], big, 30000, 0) == 30000);
	for (size_t i = 0; i < 30000; i++)
		want(big[i] == 'b');
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* -- structures ----------------------------------------------------------- */

static void
names(void)
{
	char *root = placed(1, "/", 2), *here = place(11, 4096);
	char *self = placed(21, "/proc/self/exe", 15), *to = place(31, 4096);
	struct stat *st = place(41, sizeof(*st));
	char *entries = place(51, 32768);
	int fd;

	leave();
	want(stat(root, st) == 0 && S_ISDIR(st->st_mode));
	leave();
	want(getcwd(here, 4096) != NULL && here[0] == '/');
	leave();
	want(readlink(self, to, 4096) > 0 && to[0] == '/');
	leave();
	fd = open(root, O_RDONLY | O_DIRECTORY);
	want(fd >= 0);
	leave();
	want(syscall(SYS_getdents64, fd, entries, 32768) > 0);
	(void)close(fd);
	leave();
	want(getrandom(place(100, 100000), 100000, 0) > 0);
}

static void
waiting(void)
{
	struct timespec *soon = place(1, sizeof(*soon));
	struct pollfd *p = place(11, sizeof(*p));
	struct epoll_event *e = place(21, sizeof(*e));
	fd_set *set = place(31, sizeof(*set));
	uint32_t *word = place(41, 4);
	int fds[2], epoll = epoll_create1(0), *n = place(51, 4);

	want(pipe(fds) == 0 && epoll >= 0 && write(fds[1], "x", 1) == 1);
	*soon = (struct timespec){0, 1000000};
	leave();
	want(nanosleep(soon, soon) == 0);
	*p = (struct pollfd){.fd = fds[0], .events = POLLIN};
	leave();
	want(poll(p, 1, 1000) == 1 && p->revents == POLLIN);
	*e = (struct epoll_event){.events = EPOLLIN, .data = {.u64 = 77}};
	leave();
	want(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], e) == 0);
	e->data.u64 = 0;
	leave();
	want(epoll_wait(epoll, e, 1, 1000) == 1 && e->data.u64 == 77);
	FD_ZERO(set);
	FD_SET(fds[0], set);
	leave();
	want(select(fds[0] + 1, set, NULL, NULL, NULL) == 1);
	want(FD_ISSET(fds[0], set));
	leave();
	want(ioctl(fds[0], FIONREAD, n) == 0 && *n == 1);
	*word = 5;
	leave();
	want(syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 5, soon, 0, 0) ==
	             -1 &&
	     errno == ETIMEDOUT);
	(void)close(fds[0]);
	(void)close(fds[1]);
	(void)close(epoll);
}

/* -- programs ------------------------------------------------------------- */

static int
status_of(pid_t pid)
{
	int *status = place(90, 4);

	leave();
	want(waitpid(pid, status, 0) == pid);
	return WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
}

static void
programs(void)
{
	char **argv = place(1, sizeof(char *) * 4);
	char *path = placed(31, "/bin/sh", 8);
	pid_t *pid = place(11, sizeof(pid_t)), child;

	argv[0] = placed(41, "sh", 3);
	argv[1] = placed(51, "-c", 3);
	argv[2] = placed(61, "exit 9", 7);
	argv[3] = NULL;
	leave();
	want(posix_spawn(pid, path, NULL, NULL, argv, environ) == 0);
	want(status_of(*pid) == 9);
	leave();
	want(WEXITSTATUS(system(argv[2])) == 9);
	leave();
	child = vfork();
	if (child == 0) {
		(void)execve(path, argv, environ);
		_exit(1);
	}
	want(status_of(child) == 9);
}

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

static int cleaned;

static void
clean(void *unused)
{
	(void)unused;
	cleaned++;
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
}

/* -- raw ------------------------------------------------------------------ */

/* What the C library is not asked for. */
static void
raw(size_t bytes)
{
	long at = syscall(SYS_mmap, NULL, bytes, PROT_READ | PROT_WRITE,
	                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);

	want(at != -1);
	fill((void *)at, bytes, 31);
	leave();
	verify((void *)at, bytes, 31);
	want(syscall(SYS_madvise, at, bytes / 2, MADV_DONTNEED) == 0);
	verify_zero((void *)at, bytes / 2);
	fill((void *)at, bytes, 32);
	at = syscall(SYS_mremap, at, bytes, 2 * bytes, MREMAP_MAYMOVE);
	want(at != -1);
	verify((void *)at, bytes, 32);
	verify_zero((char *)at + bytes, bytes);
	want(syscall(SYS_munmap, at, 2 * bytes) == 0);
}

static int
run_calls(size_t bytes, const char *argument)
{
	(void)argument;
	open_pool(bytes);
	files();
	pipes();
	vectors();
	messages();
	names();
	waiting();
	programs();
	signals();
	cancelled();
	raw(bytes / 2);
	(void)printf("right\n");
	return 0;
}

/* -- many at once --------------------------------------------------------- */

static void *
pass_on(void *arg)
{
	enum { BYTES = 20000, TIMES = 60 };
	size_t n = (size_t)arg;
	char *from = place(16 * n, BYTES), *to = place(16 * n + 8, BYTES);
	int fds[2];

	want(pipe(fds) == 0);
	for (int i = 0; i < TIMES; i++) {
		memset(from, i + (int)n, BYTES);
		want(write(fds[1], from, BYTES) == BYTES);
		memset(to, 0, BYTES);
		if (i % 4 == 0)
			leave();
		want(read(fds[0], to, BYTES) == BYTES);
		want(memcmp(from, to, BYTES) == 0);
	}
	(void)close(fds[0]);
	(void)close(fds[1]);
	return NULL;
}

static int
run_calls_at_once(size_t bytes, const char *argument)
{
	enum { THREADS = 6 };
	pthread_t t[THREADS];

	(void)argument;
	open_pool(bytes);
	for (size_t i = 0; i < THREADS; i++)
		want(pthread_create(&t[i], NULL, pass_on, (void *)i) == 0);
	for (size_t i = 0; i < THREADS; i++)
		want(pthread_join(t[i], NULL) == 0);
	(void)printf("right\n");
	return 0;
}

const struct victim victims_calls[] = {
	{"calls", run_calls},
	{"calls-at-once", run_calls_at_once},
	{NULL, NULL},
};
