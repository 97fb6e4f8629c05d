/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_keeper.c -- the keeper and those who say wrong things to it.
 *
 * Aim: whatever comes over the socket, the next agent is served.  A child
 * process is the keeper; here are its peers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/keeper.h"
#include "run/run.h"

const char run_agent_dir[] = "/nowhere";

static char name[64];
static pid_t keeper;

static int
start(void **state)
{
	struct keeper_options options = {
		.mem_bytes = 8 << 20, .nodes = 1, .policy = ""};
	struct pager_swapspace swap = {.nodes = 1, .bytes = 1 << 20};
	struct keeper *k;
	int fds[2];

	(void)state;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	swap.fd[0] = memfd_create("swap", MFD_CLOEXEC);
	if (swap.fd[0] < 0 || keeper_open(&k, &options, &swap) < 0)
		return -1;
	(void)snprintf(name, sizeof(name), "%s", keeper_name(k));
	keeper = fork();
	if (keeper == 0) {
		keeper_serve(k, fds[0]); /* nobody writes */
		_exit(0);
	}
	keeper_close(k);
	return keeper < 0 ? -1 : 0;
}

static int
stop(void **state)
{
	(void)state;
	return kill(keeper, SIGKILL) < 0 || waitpid(keeper, NULL, 0) != keeper;
}

static int
call(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	socklen_t length = (socklen_t)strlen(name);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	memcpy(to.sun_path + 1, name, length);
	length += (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1;
	assert_int_equal(connect(fd, (struct sockaddr *)&to, length), 0);
	return fd;
}

static void
hello(struct keeper_hello *m)
{
	*m = (struct keeper_hello){
		.head = KEEPER_HEAD(KEEPER_HELLO, struct keeper_hello),
		.command = "test"};
}

/* => the kind of the answer; 0: the connection was closed */
static uint32_t
answer(int fd)
{
	union keeper_message m;
	struct pollfd p = {fd, POLLIN, 0};
	ssize_t n;

	assert_int_equal(poll(&p, 1, 10000), 1);
	n = recv(fd, &m, sizeof(m), 0);
	if (n <= 0)
		return 0;
	assert_true(n >= (ssize_t)sizeof(m.head));
	assert_int_equal(m.head.magic, KEEPER_MAGIC);
	return m.head.kind;
}

static void
expect_served(void)
{
	struct keeper_hello m;
	int fd = call();

	hello(&m);
	assert_int_equal(send(fd, &m, sizeof(m), 0), sizeof(m));
	assert_int_equal(answer(fd), KEEPER_CONFIG);
	(void)close(fd);
}

static void
an_agent_is_served(void **state)
{
	(void)state;
	expect_served();
	expect_served();
}

/* Send bytes of a message that begins as head says; it must be refused. */
static void
refused(struct keeper_head head, size_t bytes)
{
	char m[2048] = {0};
	int fd = call();

	memcpy(m, &head, sizeof(head));
	assert_int_equal(send(fd, m, bytes, 0), bytes);
	assert_int_equal(answer(fd), 0);
	(void)close(fd);
	expect_served();
}

static void
wrong_messages_end_their_connection(void **state)
{
	struct keeper_hello m;
	struct keeper_head h;

	(void)state;
	hello(&m);
	h = m.head;
	refused(h, 1);
	refused(h, sizeof(h));
	refused(h, sizeof(m) - 1);
	refused(h, sizeof(m) + 1);
	refused(h, 2048);
	h.magic ^= 1;
	refused(h, sizeof(m));
	h = m.head;
	h.version++;
	refused(h, sizeof(m));
	h = m.head;
	h.bytes = UINT32_MAX;
	refused(h, sizeof(m));
	h = m.head;
	h.kind = KEEPER_CONFIG;
	refused(h, sizeof(struct keeper_config));
	h.kind = UINT32_MAX;
	refused(h, sizeof(m));
	h = m.head;
	h.kind = KEEPER_LOG; /* before HELLO */
	h.bytes = sizeof(struct keeper_line);
	refused(h, sizeof(struct keeper_line));
}

static void
silence_and_floods_disturb_nobody(void **state)
{
	int fds[64];

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		fds[i] = call();
	expect_served();
	for (unsigned i = 0; i < 64; i++)
		(void)close(fds[i]);
	expect_served();
}

/* More descriptors than anybody needs, again and again. */
static void
descriptors_are_not_hoarded(void **state)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * 64)];
		struct cmsghdr align;
	} control;
	struct keeper_hello m;
	struct iovec iov = {&m, sizeof(m)};
	struct msghdr h = {.msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = &control,
	                   .msg_controllen = sizeof(control)};

	(void)state;
	hello(&m);
	memset(&control, 0, sizeof(control));
	CMSG_FIRSTHDR(&h)->cmsg_level = SOL_SOCKET;
	CMSG_FIRSTHDR(&h)->cmsg_type = SCM_RIGHTS;
	CMSG_FIRSTHDR(&h)->cmsg_len = CMSG_LEN(sizeof(int) * 64);
	for (unsigned i = 0; i < 50; i++) {
		int fd = call(), *list;

		list = (int *)(void *)CMSG_DATA(CMSG_FIRSTHDR(&h));
		for (unsigned j = 0; j < 64; j++)
			list[j] = fd;
		assert_int_equal(sendmsg(fd, &h, 0), sizeof(m));
		assert_int_equal(answer(fd), KEEPER_CONFIG);
		(void)close(fd);
	}
	expect_served();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_agent_is_served),
		cmocka_unit_test(wrong_messages_end_their_connection),
		cmocka_unit_test(silence_and_floods_disturb_nobody),
		cmocka_unit_test(descriptors_are_not_hoarded),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
