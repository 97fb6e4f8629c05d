/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * victim_calls.c -- system calls that are given memory which is not there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
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
#include "test/cli/victim_pool.h"

extern char **environ;

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
	verify(pool, pool_bytes, POOL_SEED);
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

/* Bytes that come in parts, and messages that must not. */
static void
borders(void)
{
	enum { PARTS = 200, BYTES = 500000 };
	struct iovec v[PARTS];
	char *big = pool + 3, *copy = malloc(BYTES);
	int fds[2], most = 1 << 22;
	FILE *f = tmpfile();

	want(copy != NULL && f != NULL);
	for (size_t i = 0; i < PARTS; i++)
		v[i] = (struct iovec){pool + i * PAGE + 7, PAGE};
	leave();
	want(writev(fileno(f), v, PARTS) == PARTS * PAGE);
	want(pread(fileno(f), copy, BYTES, 0) == BYTES);
	want(memcmp(copy, pool + 7, BYTES) == 0);
	(void)fclose(f);
	want(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) == 0);
	(void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &most,
	                 sizeof(most));
	leave();
	if (send(fds[0], big, BYTES, 0) == BYTES) {
		leave();
		want(recv(fds[1], copy, BYTES, 0) == BYTES);
		want(memcmp(copy, big, BYTES) == 0);
	}
	(void)close(fds[0]);
	(void)close(fds[1]);
	free(copy);
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
	borders();
	names();
	waiting();
	programs();
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
