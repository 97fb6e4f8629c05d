/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keeper.h -- what the agent and the keeper say to each other.
 *
 * The keeper (pageout run) listens on an abstract unix socket of whole
 * messages (SOCK_SEQPACKET); $PAGEOUT_KEEPER holds the socket's name without
 * its leading NUL.  Each program image that starts with the agent connects
 * once:
 *
 *	agent                           keeper
 *	HELLO version, pid, command  ->
 *	                             <- CONFIG budget, policy, mode, nodes
 *	                                + statistics file, a swap file for each
 *	                                  node, a file for the record if wanted
 *	                             or REFUSE why
 *	HOLD                         ->    + userfaultfds
 *	LOG level, line              ->    (any number, any time)
 *
 * The keeper holds the userfaultfds until the process is gone or has become
 * another image, whatever becomes of the connection.  When the keeper is gone
 * the agent goes on without it; only its log lines are lost.
 *
 * A message is exactly one of the structs below.  The receiver checks the
 * length, the magic number and the kind, and drops the connection on anything
 * else.  Strings end with a NUL.
 */
#ifndef BASE_KEEPER_H
#define BASE_KEEPER_H

#include <stdint.h>

#define KEEPER_ENVIRONMENT "PAGEOUT_KEEPER"
#define KEEPER_MAGIC 0x4b504750u /* "PGPK" */
#define KEEPER_VERSION 3

enum keeper_kind {
	KEEPER_HELLO = 1,
	KEEPER_CONFIG,
	KEEPER_REFUSE,
	KEEPER_HOLD,
	KEEPER_LOG
};

/* Descriptors with a CONFIG: this one, then those of the swap files, and last
 * the record's if it has_record. */
enum { KEEPER_FD_STAT, KEEPER_FD_SWAP };
enum { KEEPER_NODES_MAX = 8, KEEPER_CONFIG_FDS = KEEPER_NODES_MAX + 2 };
enum { KEEPER_HOLD_FDS_MAX = 16, KEEPER_LINE_BYTES = 400 };

struct keeper_head {
	uint32_t magic;
	uint32_t version;
	uint32_t kind;
	uint32_t bytes; /* of the whole message */
};

#define KEEPER_POLICY_BYTES 256

struct keeper_hello {
	struct keeper_head head;
	char command[64];
};

struct keeper_config {
	struct keeper_head head;
	uint64_t mem_bytes;
	uint64_t swap_bytes;  /* of each node */
	uint32_t nodes;       /* 1..KEEPER_NODES_MAX */
	uint32_t swap_shared; /* its descriptors are of one device */
	uint32_t swap_direct; /* they were opened with O_DIRECT */
	uint32_t mode;        /* enum pageout_mode */
	char policy[KEEPER_POLICY_BYTES]; /* "": the default */
	uint32_t has_record;
	uint32_t reserved;
};

struct keeper_hold {
	struct keeper_head head;
	uint32_t count;
	uint32_t reserved;
};

/* A LOG of the agent or a REFUSE of the keeper. */
struct keeper_line {
	struct keeper_head head;
	uint32_t level; /* enum pageout_log_level */
	char line[KEEPER_LINE_BYTES];
};

union keeper_message {
	struct keeper_head head;
	struct keeper_hello hello;
	struct keeper_config config;
	struct keeper_hold hold;
	struct keeper_line line;
};

static inline unsigned
keeper_config_fds(const struct keeper_config *m)
{
	return KEEPER_FD_SWAP + m->nodes + (m->has_record != 0);
}

#define KEEPER_HEAD(kind_, type_)                                  \
	{                                                          \
		.magic = KEEPER_MAGIC, .version = KEEPER_VERSION,  \
		.kind = (kind_), .bytes = (uint32_t)sizeof(type_), \
	}

#endif
