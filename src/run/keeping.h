/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keeping.h -- one process in the keeper's care.
 */
#ifndef RUN_KEEPING_H
#define RUN_KEEPING_H

#include "base/keeper.h"
#include "run/run.h"

struct kept {
	struct account account;
	int connection; /* -1: it has closed it */
	int pidfd;
	int stat_fd; /* -1: it has not said HELLO */
	struct pager_swapspace swap;
	int held[KEEPER_HOLD_FDS_MAX];
	unsigned held_count;
	bool is_bad; /* gone, or of no use: to be dropped */
};

/*
 * A connection has come.
 * => NULL: not one of our user's processes, or no memory; fd is still open
 */
struct kept *kept_open(int fd);
void kept_close(struct kept *p);

/* Say why not. */
void kept_refuse(int fd, const char *why);

/*
 * Answer HELLO.  The swap space is taken over; record_fd, -1 for none, is not.
 */
void kept_configure(struct kept *p, const struct keeper_options *options,
                    const struct pager_swapspace *swap, int record_fd,
                    const char *command);

/*
 * Receive a message; descriptors that come with a HOLD are kept.
 * => returns 0; -EAGAIN nothing there; -EPIPE the end; -EBADMSG nonsense
 */
int kept_receive(struct kept *p, union keeper_message *m);
bool kept_has_message(const struct kept *p);
bool kept_is_gone(const struct kept *p);

/* Bring the account up to date. */
void kept_sample(struct kept *p);

#endif
