/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keeping.c -- one process in the keeper's care.
 *
 * Whatever comes over the socket is checked before it is used: who sends it
 * (the kernel's word), how long it is, what kind.  Descriptors that come
 * without being asked for are closed.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/keeping.h"
#include "tools/stat/statfile.h"

struct kept *
kept_open(int fd)
{
	struct ucred peer = {0, (uid_t)-1, (gid_t)-1};
	socklen_t length = sizeof(peer);
	struct kept *p;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 ||
	    peer.uid != geteuid())
		return NULL;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	p->account.pid = peer.pid;
	p->connection = fd;
	p->stat_fd = -1;
	p->pidfd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
	if (p->pidfd < 0) {
		free(p);
		return NULL;
	}
	return p;
}

void
kept_close(struct kept *p)
{
	int *fds[] = {&p->connection, &p->pidfd, &p->stat_fd};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (*fds[i] >= 0)
			(void)close(*fds[i]);
	pager_swapspace_close(&p->swap);
	for (unsigned i = 0; i < p->held_count; i++)
		(void)close(p->held[i]);
	free(p);
}

void
kept_refuse(int fd, const char *why)
{
	struct keeper_line m = {
		.head = KEEPER_HEAD(KEEPER_REFUSE, struct keeper_line)};

	(void)snprintf(m.line, sizeof(m.line), "%s", why);
	(void)send(fd, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void
kept_configure(struct kept *p, const struct keeper_options *options,
               const struct pager_swapspace *swap, int record_fd,
               const char *command)
{
	struct keeper_config m = {
		.head = KEEPER_HEAD(KEEPER_CONFIG, struct keeper_config),
		.mem_bytes = options->mem_bytes,
		.swap_bytes = swap->bytes,
		.nodes = swap->nodes,
		.swap_shared = swap->is_shared,
		.swap_direct = swap->direct,
		.mode = options->mode,
		.has_record = record_fd >= 0,
	};
	union {
		char bytes[CMSG_SPACE(sizeof(int) * KEEPER_CONFIG_FDS)];
		struct cmsghdr align;
	} control = {{0}};
	struct iovec iov = {&m, sizeof(m)};
	struct msghdr h = {.msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = &control,
	                   .msg_controllen = sizeof(control)};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&h);
	int *fds = (int *)(void *)CMSG_DATA(cm);

	(void)snprintf(m.policy, sizeof(m.policy), "%s", options->policy);
	(void)snprintf(p->account.command, sizeof(p->account.command), "%.63s",
	               command);
	p->swap = *swap;
	p->stat_fd = pager_stat_create();
	if (p->stat_fd < 0) {
		kept_refuse(p->connection, "no statistics file");
		p->is_bad = true;
		return;
	}
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int) * keeper_config_fds(&m));
	h.msg_controllen = CMSG_SPACE(sizeof(int) * keeper_config_fds(&m));
	fds[KEEPER_FD_STAT] = p->stat_fd;
	memcpy(fds + KEEPER_FD_SWAP, swap->fd, sizeof(int) * swap->nodes);
	if (record_fd >= 0)
		fds[KEEPER_FD_SWAP + swap->nodes] = record_fd;
	if (sendmsg(p->connection, &h, MSG_NOSIGNAL) != sizeof(m))
		p->is_bad = true;
}

/* Keep, or close, the descriptors that came with a message. */
static void
kept_take(struct kept *p, struct msghdr *h, bool wanted)
{
	struct cmsghdr *cm;

	for (cm = CMSG_FIRSTHDR(h); cm != NULL; cm = CMSG_NXTHDR(h, cm)) {
		size_t count = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int fds[KEEPER_HOLD_FDS_MAX];

		if (cm->cmsg_level != SOL_SOCKET ||
		    cm->cmsg_type != SCM_RIGHTS || count > KEEPER_HOLD_FDS_MAX)
			continue;
		memcpy(fds, CMSG_DATA(cm), count * sizeof(int));
		for (size_t i = 0; i < count; i++)
			if (wanted && p->held_count < KEEPER_HOLD_FDS_MAX)
				p->held[p->held_count++] = fds[i];
			else
				(void)close(fds[i]);
	}
}

static size_t
message_bytes(uint32_t kind)
{
	switch (kind) {
	case KEEPER_HELLO:
		return sizeof(struct keeper_hello);
	case KEEPER_HOLD:
		return sizeof(struct keeper_hold);
	case KEEPER_LOG:
		return sizeof(struct keeper_line);
	default:
		return 0;
	}
}

int
kept_receive(struct kept *p, union keeper_message *m)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * KEEPER_HOLD_FDS_MAX)];
		struct cmsghdr align;
	} control;
	struct iovec iov = {m, sizeof(*m)};
	struct msghdr h = {.msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = &control,
	                   .msg_controllen = sizeof(control)};
	ssize_t n;
	bool good;

	memset(m, 0, sizeof(*m));
	n = recvmsg(p->connection, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (n <= 0)
		return -EPIPE;
	good = n >= (ssize_t)sizeof(m->head) && m->head.magic == KEEPER_MAGIC &&
	       m->head.version == KEEPER_VERSION &&
	       (size_t)n == message_bytes(m->head.kind) &&
	       m->head.bytes == (uint32_t)n;
	kept_take(p, &h, good && m->head.kind == KEEPER_HOLD);
	if (!good)
		return -EBADMSG;
	if (m->head.kind == KEEPER_HELLO)
		m->hello.command[sizeof(m->hello.command) - 1] = '\0';
	if (m->head.kind == KEEPER_LOG) {
		m->line.line[sizeof(m->line.line) - 1] = '\0';
		for (char *c = m->line.line; *c != '\0'; c++)
			if ((unsigned char)*c < ' ' || *c == 127)
				*c = '?';
	}
	return 0;
}

bool
kept_has_message(const struct kept *p)
{
	struct pollfd poll_fd = {p->connection, POLLIN, 0};

	return poll(&poll_fd, 1, 0) == 1;
}

bool
kept_is_gone(const struct kept *p)
{
	struct pollfd poll_fd = {p->pidfd, POLLIN, 0};

	return poll(&poll_fd, 1, 0) == 1;
}

void
kept_sample(struct kept *p)
{
	struct statfile f;
	const char *why;
	uint64_t used;
	int fd;

	if (p->stat_fd < 0 || (fd = dup(p->stat_fd)) < 0 ||
	    statfile_open(&f, fd, &why) < 0)
		return;
	if (statfile_read(&f) == 0)
		for (unsigned i = 0;
		     i < f.header.entry_count && i < PAGEOUT_STATS; i++)
			p->account.values[i] = f.values[i];
	statfile_close(&f);
	used = p->account.values[PAGEOUT_STAT_swap_used];
	if (used > p->account.swap_peak_bytes)
		p->account.swap_peak_bytes = used;
}
