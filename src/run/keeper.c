/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keeper.c -- what outlives the accidents of a managed process.
 *
 * For each program image under its care the keeper holds a second reference to
 * the userfaultfds: when the program closes its own, touching an absent page
 * then waits for ever, where it would otherwise read zeros.  It also holds the
 * statistics file, for the report.  All is let go when the process is gone
 * (its pidfd says so), or when the same process says HELLO again: then it has
 * become another program.
 *
 *	accept --> peer's uid --> HELLO --> CONFIG --> HOLD --> LOG* --> gone
 *
 * A peer of another user and a wrong message are the end of a connection; the
 * end of a connection is not the end of the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/keeper.h"
#include "run/keeping.h"
#include "run/run.h"

enum { KEPT_MAX = 4096, POLL_FIXED = 2, SAMPLE_MS = 200 };

struct keeper {
	struct keeper_options options;
	struct pager_swapspace first; /* no nodes: given away */
	char name[64];
	int listen_fd, spare_fd;
	pid_t recorded; /* whose record has the name that was asked for */
	struct kept *kept[KEPT_MAX];
	unsigned kept_count;
	struct pollfd polls[POLL_FIXED + 2 * KEPT_MAX];

	struct account sum, each[ACCOUNTS_MAX];
	unsigned processes, each_count;
};

int
keeper_open(struct keeper **ret, const struct keeper_options *options,
            const struct pager_swapspace *first)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct keeper *k = calloc(1, sizeof(*k));
	uint64_t bits[2];
	socklen_t length;
	int r;

	if (k == NULL)
		return -ENOMEM;
	k->options = *options;
	k->first = *first;
	if (getrandom(bits, sizeof(bits), 0) != sizeof(bits))
		goto fail;
	(void)snprintf(k->name, sizeof(k->name), "pageout-%d-%016llx%016llx",
	               (int)getpid(), (unsigned long long)bits[0],
	               (unsigned long long)bits[1]);
	length = (socklen_t)strlen(k->name);
	memcpy(at.sun_path + 1, k->name, length);
	length += (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1;
	k->listen_fd = socket(AF_UNIX,
	                      SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (k->listen_fd < 0 ||
	    bind(k->listen_fd, (struct sockaddr *)&at, length) < 0 ||
	    listen(k->listen_fd, 1024) < 0)
		goto fail;
	k->spare_fd = fcntl(k->listen_fd, F_DUPFD_CLOEXEC, 0);
	*ret = k;
	return 0;
fail:
	r = -errno;
	free(k);
	return r;
}

const char *
keeper_name(const struct keeper *k)
{
	return k->name;
}

/* -- accounts ------------------------------------------------------------ */

/* A process is gone: add it to the sum, and to the list if it paged much. */
static void
keeper_account(struct keeper *k, const struct account *a)
{
	struct account *least = &k->each[0];

	for (unsigned i = 0; i < PAGEOUT_STATS; i++)
		k->sum.values[i] += a->values[i];
	k->sum.swap_peak_bytes += a->swap_peak_bytes;
	k->processes++;
	if (k->each_count < ACCOUNTS_MAX) {
		k->each[k->each_count++] = *a;
		return;
	}
	for (unsigned i = 1; i < ACCOUNTS_MAX; i++)
		if (k->each[i].values[PAGEOUT_STAT_pswpout] <
		    least->values[PAGEOUT_STAT_pswpout])
			least = &k->each[i];
	if (a->values[PAGEOUT_STAT_pswpout] >
	    least->values[PAGEOUT_STAT_pswpout])
		*least = *a;
}

/* Let go of number n. */
static void
keeper_drop(struct keeper *k, unsigned n)
{
	struct kept *p = k->kept[n];

	must(n < k->kept_count);
	if (p->stat_fd >= 0) {
		kept_sample(p);
		keeper_account(k, &p->account);
	}
	kept_close(p);
	k->kept[n] = k->kept[--k->kept_count];
}

unsigned
keeper_processes(const struct keeper *k)
{
	return k->kept_count;
}

unsigned
keeper_accounts(struct keeper *k, struct account *ret_sum,
                unsigned *ret_processes, const struct account **ret_each)
{
	for (unsigned i = 0; i < k->kept_count; i++)
		if (k->kept[i]->stat_fd >= 0) {
			kept_sample(k->kept[i]);
			keeper_account(k, &k->kept[i]->account);
		}
	*ret_sum = k->sum;
	*ret_processes = k->processes;
	*ret_each = k->each;
	return k->each_count;
}

/* -- events -------------------------------------------------------------- */

/* No descriptor is left for a connection: tell the agent so. */
static void
keeper_refuse_full(struct keeper *k)
{
	int fd;

	(void)close(k->spare_fd);
	fd = accept4(k->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0) {
		kept_refuse(fd, "the keeper has no more descriptors");
		(void)close(fd);
	}
	k->spare_fd = fcntl(k->listen_fd, F_DUPFD_CLOEXEC, 0);
}

static void
keeper_accept(struct keeper *k)
{
	for (;;) {
		int fd = accept4(k->listen_fd, NULL, NULL,
		                 SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct kept *p;

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE)
				keeper_refuse_full(k);
			return;
		}
		p = k->kept_count < KEPT_MAX ? kept_open(fd) : NULL;
		if (p == NULL) {
			kept_refuse(fd, "the keeper does not take it");
			(void)close(fd);
			continue;
		}
		k->kept[k->kept_count++] = p;
	}
}

/*
 * A file for the record of a process: the one that was asked for is the first
 * one's, the others have the pid in their names.  A process that has become
 * another program begins anew.
 * => a descriptor to be closed, or -1
 */
static int
keeper_record(struct keeper *k, pid_t pid)
{
	char path[4200];
	int fd = k->options.record_fd;

	k->options.record_fd = -1;
	if (k->options.record == NULL)
		return -1;
	if (fd >= 0)
		k->recorded = pid;
	(void)snprintf(path, sizeof(path), pid == k->recorded ? "%s" : "%s.%d",
	               k->options.record, (int)pid);
	if (fd < 0)
		fd = run_record_open(path);
	if (fd < 0)
		(void)fprintf(stderr, "pageout: %s: no record: %s\n", path,
		              strerror(errno));
	return fd;
}

/*
 * A swap place that is one for all: let go of it for those who are gone.
 * => true if somebody lives who has it
 */
static bool
keeper_place_is_taken(struct keeper *k)
{
	for (unsigned i = 0; i < k->kept_count; i++) {
		struct kept *p = k->kept[i];

		if (!p->swap.is_shared)
			continue;
		if (!p->is_bad && !kept_is_gone(p))
			return true;
		pager_swapspace_close(&p->swap);
	}
	return false;
}

/* => 0, or a negative errno with *reason set */
static int
keeper_swapspace(struct keeper *k, struct pager_swapspace *ret, char *reason)
{
	*ret = k->first;
	k->first.nodes = 0;
	if (ret->nodes > 0)
		return 0;
	if (keeper_place_is_taken(k)) {
		(void)snprintf(reason, PAGER_REASON_MAX,
		               "another process has the swap place: only a "
		               "directory is for several");
		return -EBUSY;
	}
	return pager_swapspace_open(ret, k->options.nodes, k->options.swap_path,
	                            k->options.swap_bytes, reason);
}

/* A process says what it is: give it what it needs. */
static void
keeper_hello(struct keeper *k, struct kept *p, const struct keeper_hello *m)
{
	char reason[PAGER_REASON_MAX] = "";
	struct pager_swapspace swap;
	int record_fd;

	for (unsigned i = 0; i < k->kept_count; i++)
		if (k->kept[i] != p &&
		    k->kept[i]->account.pid == p->account.pid)
			k->kept[i]->is_bad = true; /* it has called exec */
	if (keeper_swapspace(k, &swap, reason) < 0) {
		kept_refuse(p->connection, reason);
		p->is_bad = true;
		return;
	}
	record_fd = keeper_record(k, p->account.pid);
	kept_configure(p, &k->options, &swap, record_fd, m->command);
	if (record_fd >= 0)
		(void)close(record_fd);
}

static void
keeper_message(struct keeper *k, struct kept *p)
{
	union keeper_message m;
	int r = kept_receive(p, &m);

	if (r == -EAGAIN)
		return;
	if (r < 0 || (m.head.kind == KEEPER_HELLO) == (p->stat_fd >= 0)) {
		/* The end of the connection is not the end of the process. */
		(void)close(p->connection);
		p->connection = -1;
		p->is_bad = p->stat_fd < 0;
		return;
	}
	if (m.head.kind == KEEPER_HELLO)
		keeper_hello(k, p, &m.hello);
	else if (m.head.kind == KEEPER_LOG)
		(void)fprintf(stderr, "pageout: %s[%d]: %s\n",
		              p->account.command, (int)p->account.pid,
		              m.line.line);
}

/* Serve what poll() has found for the process at polls[]. */
static void
keeper_process(struct keeper *k, struct kept *p, const struct pollfd *polls)
{
	bool is_gone = polls[1].revents != 0;

	if (polls[0].revents != 0 && p->connection >= 0)
		keeper_message(k, p);
	while (is_gone && !p->is_bad && kept_has_message(p))
		keeper_message(k, p);
	p->is_bad |= is_gone;
}

/* One turn.  => true if fd is readable */
static bool
keeper_turn(struct keeper *k, int fd, int timeout_ms)
{
	unsigned count = k->kept_count;
	int ready;

	k->polls[0] = (struct pollfd){fd, POLLIN, 0};
	k->polls[1] = (struct pollfd){k->listen_fd, POLLIN, 0};
	for (unsigned i = 0; i < count; i++) {
		const struct kept *p = k->kept[i];

		k->polls[2 + 2 * i] = (struct pollfd){p->connection, POLLIN, 0};
		k->polls[3 + 2 * i] = (struct pollfd){p->pidfd, POLLIN, 0};
	}
	ready = poll(k->polls, POLL_FIXED + 2 * count, timeout_ms);
	if (ready < 0)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (!k->kept[i]->is_bad)
			keeper_process(k, k->kept[i], &k->polls[2 + 2 * i]);
	for (unsigned i = count; i-- > 0;)
		if (k->kept[i]->is_bad)
			keeper_drop(k, i);
		else if (ready == 0)
			kept_sample(k->kept[i]);
	if (k->polls[1].revents != 0)
		keeper_accept(k);
	return fd >= 0 && k->polls[0].revents != 0;
}

void
keeper_serve(struct keeper *k, int fd)
{
	while (fd >= 0 || k->kept_count > 0)
		if (keeper_turn(k, fd, k->kept_count > 0 ? SAMPLE_MS : -1))
			return;
}

void
keeper_settle(struct keeper *k)
{
	unsigned turns = 0;

	do
		(void)keeper_turn(k, -1, 0);
	while (turns++ < 3);
}

void
keeper_close(struct keeper *k)
{
	if (k == NULL)
		return;
	while (k->kept_count > 0)
		keeper_drop(k, k->kept_count - 1);
	(void)close(k->listen_fd);
	free(k);
}
