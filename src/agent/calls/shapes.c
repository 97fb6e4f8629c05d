/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shapes.c -- which memory a call touches.
 *
 * A table says it of each argument.  What is not in the table is guessed: an
 * argument that points at managed memory points at a structure of a page at
 * most.  Whether the kernel reads or writes there is all one.
 */
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "agent/agent.h"
#include "agent/calls/internal.h"
#include "agent/sys.h"
#include "base/bits.h"

enum kind {
	NOTHING, /* is not looked at */
	FIXED,   /* so many bytes */
	ITEMS,   /* as many items, of so many bytes each, as argument by says */
	BITS,    /* of as many bits as argument by says */
	STRING,  /* ends with a NUL */
	STRINGS, /* pointers to such, up to NULL */
	VECTOR,  /* struct iovec: as many as argument by says */
	MESSAGE, /* struct msghdr */
	MESSAGES, /* struct mmsghdr: as many as argument by says */
};

struct shape {
	struct {
		unsigned char kind, by;
		unsigned short bytes;
	} arg[CALL_ARGS];
	bool known;
};

enum { GUESSED_BYTES = 4096, ADDRESS_BYTES = 128, IOVECS_MAX = 1024 };

/* clang-format off */
#define AT(i, kind_, by_, bytes_) .arg[i] = {kind_, by_, bytes_}
#define SHAPE(...) {__VA_ARGS__, .known = true}
#define BYTES_OF(i, by_) AT(i, ITEMS, by_, 1)
#define NOTHING_AT_ALL {.known = true}

static const struct shape shapes[] = {
	[SYS_brk] = NOTHING_AT_ALL,
	[SYS_exit] = NOTHING_AT_ALL,
	[SYS_exit_group] = NOTHING_AT_ALL,
	[SYS_futex] = SHAPE(AT(0, FIXED, 0, 4), AT(3, FIXED, 0, 16),
		AT(4, FIXED, 0, 4)),
	[SYS_mbind] = SHAPE(AT(3, FIXED, 0, ADDRESS_BYTES)),
	[SYS_membarrier] = NOTHING_AT_ALL,
	[SYS_msync] = NOTHING_AT_ALL,
	[SYS_pkey_mprotect] = NOTHING_AT_ALL,
	[SYS_process_madvise] = SHAPE(AT(1, ITEMS, 2, 16)),
	[SYS_remap_file_pages] = NOTHING_AT_ALL,
	[SYS_set_robust_list] = NOTHING_AT_ALL,
	[SYS_set_tid_address] = NOTHING_AT_ALL,
	[SYS_shmat] = NOTHING_AT_ALL,
	[SYS_shmdt] = NOTHING_AT_ALL,
	[SYS_userfaultfd] = NOTHING_AT_ALL,

	[SYS_read] = SHAPE(BYTES_OF(1, 2)),
	[SYS_write] = SHAPE(BYTES_OF(1, 2)),
	[SYS_pread64] = SHAPE(BYTES_OF(1, 2)),
	[SYS_pwrite64] = SHAPE(BYTES_OF(1, 2)),
	[SYS_readv] = SHAPE(AT(1, VECTOR, 2, 0)),
	[SYS_writev] = SHAPE(AT(1, VECTOR, 2, 0)),
	[SYS_preadv] = SHAPE(AT(1, VECTOR, 2, 0)),
	[SYS_pwritev] = SHAPE(AT(1, VECTOR, 2, 0)),
	[SYS_preadv2] = SHAPE(AT(1, VECTOR, 2, 0)),
	[SYS_pwritev2] = SHAPE(AT(1, VECTOR, 2, 0)),
	[SYS_vmsplice] = SHAPE(AT(1, VECTOR, 2, 0)),
	[SYS_process_vm_readv] = SHAPE(AT(1, VECTOR, 2, 0),
		AT(3, VECTOR, 4, 0)),
	[SYS_process_vm_writev] = SHAPE(AT(1, VECTOR, 2, 0),
		AT(3, VECTOR, 4, 0)),
	[SYS_getdents] = SHAPE(BYTES_OF(1, 2)),
	[SYS_getdents64] = SHAPE(BYTES_OF(1, 2)),
	[SYS_getrandom] = SHAPE(BYTES_OF(0, 1)),
	[SYS_getcwd] = SHAPE(BYTES_OF(0, 1)),
	[SYS_readlink] = SHAPE(AT(0, STRING, 0, 0), BYTES_OF(1, 2)),
	[SYS_readlinkat] = SHAPE(AT(1, STRING, 0, 0), BYTES_OF(2, 3)),

	[SYS_recvfrom] = SHAPE(BYTES_OF(1, 2), AT(4, FIXED, 0, ADDRESS_BYTES),
		AT(5, FIXED, 0, 4)),
	[SYS_sendto] = SHAPE(BYTES_OF(1, 2), BYTES_OF(4, 5)),
	[SYS_recvmsg] = SHAPE(AT(1, MESSAGE, 0, 0)),
	[SYS_sendmsg] = SHAPE(AT(1, MESSAGE, 0, 0)),
	[SYS_recvmmsg] = SHAPE(AT(1, MESSAGES, 2, 0), AT(4, FIXED, 0, 16)),
	[SYS_sendmmsg] = SHAPE(AT(1, MESSAGES, 2, 0)),
	[SYS_setsockopt] = SHAPE(BYTES_OF(3, 4)),
	[SYS_mq_timedsend] = SHAPE(BYTES_OF(1, 2), AT(4, FIXED, 0, 16)),
	[SYS_mq_timedreceive] = SHAPE(BYTES_OF(1, 2), AT(3, FIXED, 0, 4),
		AT(4, FIXED, 0, 16)),

	[SYS_poll] = SHAPE(AT(0, ITEMS, 1, sizeof(struct pollfd))),
	[SYS_ppoll] = SHAPE(AT(0, ITEMS, 1, sizeof(struct pollfd)),
		AT(2, FIXED, 0, 16)),
	[SYS_select] = SHAPE(AT(1, BITS, 0, 0), AT(2, BITS, 0, 0),
		AT(3, BITS, 0, 0), AT(4, FIXED, 0, 16)),
	[SYS_pselect6] = SHAPE(AT(1, BITS, 0, 0), AT(2, BITS, 0, 0),
		AT(3, BITS, 0, 0), AT(4, FIXED, 0, 16)),
	[SYS_epoll_wait] = SHAPE(AT(1, ITEMS, 2, sizeof(struct epoll_event))),
	[SYS_epoll_pwait] = SHAPE(AT(1, ITEMS, 2, sizeof(struct epoll_event))),
	[SYS_epoll_pwait2] = SHAPE(AT(1, ITEMS, 2, sizeof(struct epoll_event)),
		AT(3, FIXED, 0, 16)),

	[SYS_getxattr] = SHAPE(AT(0, STRING, 0, 0), AT(1, STRING, 0, 0),
		BYTES_OF(2, 3)),
	[SYS_lgetxattr] = SHAPE(AT(0, STRING, 0, 0), AT(1, STRING, 0, 0),
		BYTES_OF(2, 3)),
	[SYS_fgetxattr] = SHAPE(AT(1, STRING, 0, 0), BYTES_OF(2, 3)),
	[SYS_setxattr] = SHAPE(AT(0, STRING, 0, 0), AT(1, STRING, 0, 0),
		BYTES_OF(2, 3)),
	[SYS_lsetxattr] = SHAPE(AT(0, STRING, 0, 0), AT(1, STRING, 0, 0),
		BYTES_OF(2, 3)),
	[SYS_fsetxattr] = SHAPE(AT(1, STRING, 0, 0), BYTES_OF(2, 3)),
	[SYS_listxattr] = SHAPE(AT(0, STRING, 0, 0), BYTES_OF(1, 2)),
	[SYS_llistxattr] = SHAPE(AT(0, STRING, 0, 0), BYTES_OF(1, 2)),
	[SYS_flistxattr] = SHAPE(BYTES_OF(1, 2)),
	[SYS_mincore] = SHAPE(BYTES_OF(2, 1)), /* more than it will touch */
	[SYS_move_pages] = SHAPE(AT(2, ITEMS, 1, 8), AT(3, ITEMS, 1, 4),
		AT(4, ITEMS, 1, 4)),
	[SYS_sched_getaffinity] = SHAPE(BYTES_OF(2, 1)),
	[SYS_sched_setaffinity] = SHAPE(BYTES_OF(2, 1)),
	[SYS_getgroups] = SHAPE(AT(1, ITEMS, 0, 4)),
	[SYS_setgroups] = SHAPE(AT(1, ITEMS, 0, 4)),
	[SYS_semop] = SHAPE(AT(1, ITEMS, 2, 6)),
	[SYS_semtimedop] = SHAPE(AT(1, ITEMS, 2, 6), AT(3, FIXED, 0, 16)),
	[SYS_msgsnd] = SHAPE(AT(1, FIXED, 0, 8 + 8192)),
	[SYS_msgrcv] = SHAPE(AT(1, FIXED, 0, 8 + 8192)),

	[SYS_execve] = SHAPE(AT(0, STRING, 0, 0), AT(1, STRINGS, 0, 0),
		AT(2, STRINGS, 0, 0)),
	[SYS_execveat] = SHAPE(AT(1, STRING, 0, 0), AT(2, STRINGS, 0, 0),
		AT(3, STRINGS, 0, 0)),

	[SYS_open] = SHAPE(AT(0, STRING, 0, 0)),
	[SYS_openat] = SHAPE(AT(1, STRING, 0, 0)),
	[SYS_stat] = SHAPE(AT(0, STRING, 0, 0), AT(1, FIXED, 0, 144)),
	[SYS_lstat] = SHAPE(AT(0, STRING, 0, 0), AT(1, FIXED, 0, 144)),
	[SYS_fstat] = SHAPE(AT(1, FIXED, 0, 144)),
	[SYS_newfstatat] = SHAPE(AT(1, STRING, 0, 0), AT(2, FIXED, 0, 144)),
	[SYS_statx] = SHAPE(AT(1, STRING, 0, 0), AT(4, FIXED, 0, 256)),
	[SYS_access] = SHAPE(AT(0, STRING, 0, 0)),
	[SYS_faccessat] = SHAPE(AT(1, STRING, 0, 0)),
	[SYS_faccessat2] = SHAPE(AT(1, STRING, 0, 0)),
	[SYS_unlink] = SHAPE(AT(0, STRING, 0, 0)),
	[SYS_unlinkat] = SHAPE(AT(1, STRING, 0, 0)),
	[SYS_mkdir] = SHAPE(AT(0, STRING, 0, 0)),
	[SYS_mkdirat] = SHAPE(AT(1, STRING, 0, 0)),
	[SYS_rmdir] = SHAPE(AT(0, STRING, 0, 0)),
	[SYS_chdir] = SHAPE(AT(0, STRING, 0, 0)),
	[SYS_rename] = SHAPE(AT(0, STRING, 0, 0), AT(1, STRING, 0, 0)),
	[SYS_renameat] = SHAPE(AT(1, STRING, 0, 0), AT(3, STRING, 0, 0)),
	[SYS_renameat2] = SHAPE(AT(1, STRING, 0, 0), AT(3, STRING, 0, 0)),
	[SYS_chmod] = SHAPE(AT(0, STRING, 0, 0)),
	[SYS_fchmodat] = SHAPE(AT(1, STRING, 0, 0)),
	[SYS_utimensat] = SHAPE(AT(1, STRING, 0, 0), AT(2, FIXED, 0, 32)),

	[SYS_nanosleep] = SHAPE(AT(0, FIXED, 0, 16), AT(1, FIXED, 0, 16)),
	[SYS_clock_nanosleep] = SHAPE(AT(2, FIXED, 0, 16),
		AT(3, FIXED, 0, 16)),
	[SYS_clock_gettime] = SHAPE(AT(1, FIXED, 0, 16)),
	[SYS_gettimeofday] = SHAPE(AT(0, FIXED, 0, 16), AT(1, FIXED, 0, 8)),
	[SYS_wait4] = SHAPE(AT(1, FIXED, 0, 4), AT(3, FIXED, 0, 144)),
	[SYS_waitid] = SHAPE(AT(2, FIXED, 0, 128), AT(4, FIXED, 0, 144)),
	[SYS_getrusage] = SHAPE(AT(1, FIXED, 0, 144)),
	[SYS_pipe] = SHAPE(AT(0, FIXED, 0, 8)),
	[SYS_pipe2] = SHAPE(AT(0, FIXED, 0, 8)),
	[SYS_socketpair] = SHAPE(AT(3, FIXED, 0, 8)),
	[SYS_accept] = SHAPE(AT(1, FIXED, 0, ADDRESS_BYTES),
		AT(2, FIXED, 0, 4)),
	[SYS_accept4] = SHAPE(AT(1, FIXED, 0, ADDRESS_BYTES),
		AT(2, FIXED, 0, 4)),
	[SYS_getsockname] = SHAPE(AT(1, FIXED, 0, ADDRESS_BYTES),
		AT(2, FIXED, 0, 4)),
	[SYS_getpeername] = SHAPE(AT(1, FIXED, 0, ADDRESS_BYTES),
		AT(2, FIXED, 0, 4)),
	[SYS_connect] = SHAPE(AT(1, FIXED, 0, ADDRESS_BYTES)),
	[SYS_bind] = SHAPE(AT(1, FIXED, 0, ADDRESS_BYTES)),
	[SYS_epoll_ctl] = SHAPE(AT(3, FIXED, 0, sizeof(struct epoll_event))),
	[SYS_setitimer] = SHAPE(AT(1, FIXED, 0, 32), AT(2, FIXED, 0, 32)),
	[SYS_sendfile] = SHAPE(AT(2, FIXED, 0, 8)),
	[SYS_syslog] = SHAPE(BYTES_OF(1, 2)),
	[SYS_add_key] = SHAPE(AT(0, STRING, 0, 0), AT(1, STRING, 0, 0),
		BYTES_OF(2, 3)),
};
/* clang-format on */

/* A wake-up within a process touches nothing, and there are many. */
static bool
is_wake(const struct trap *t)
{
	return t->number == SYS_futex && t->arg[1] == FUTEX_WAKE_PRIVATE;
}

static size_t
product(unsigned long n, size_t bytes)
{
	size_t r;

	return __builtin_mul_overflow(n, bytes, &r) ? SIZE_MAX : r;
}

/* Strings of a program that is started; the kernel says what is wrong. */
static void
hold_strings(struct held *h, uintptr_t at)
{
	uintptr_t s = 1;

	for (; at != 0 && s != 0; at += sizeof(s)) {
		if (hold_read(h, &s, at, sizeof(s)) < 0)
			return;
		if (s != 0)
			hold_string(h, s);
	}
}

static void
hold_vector(struct held *h, uintptr_t at, unsigned long count)
{
	struct iovec v;

	for (unsigned long i = 0; i < count && i < IOVECS_MAX; i++) {
		if (hold_read(h, &v, at + i * sizeof(v), sizeof(v)) < 0)
			return;
		hold(h, (uintptr_t)v.iov_base, v.iov_len);
	}
}

static void
hold_message(struct held *h, uintptr_t at)
{
	struct msghdr m;

	if (hold_read(h, &m, at, sizeof(m)) < 0)
		return;
	hold(h, (uintptr_t)m.msg_name, m.msg_namelen);
	hold(h, (uintptr_t)m.msg_control, m.msg_controllen);
	hold_vector(h, (uintptr_t)m.msg_iov, m.msg_iovlen);
}

static void
hold_messages(struct held *h, uintptr_t at, unsigned long count)
{
	for (unsigned long i = 0; i < count && i < IOVECS_MAX; i++) {
		hold(h, at, sizeof(struct mmsghdr));
		hold_message(h, at);
		at += sizeof(struct mmsghdr);
	}
}

static void
hold_argument(const struct trap *t, const struct shape *s, unsigned i)
{
	uintptr_t at = t->arg[i];
	unsigned long n = t->arg[s->arg[i].by];
	struct held *h = t->held;

	switch ((enum kind)s->arg[i].kind) {
	case NOTHING:
		break;
	case FIXED:
		hold(h, at, s->arg[i].bytes);
		break;
	case ITEMS:
		/* Sizes have 64 bits, numbers of things 32. */
		hold(h, at,
		     s->arg[i].bytes == 1
		             ? n
		             : product((unsigned)n, s->arg[i].bytes));
		break;
	case BITS:
		hold(h, at, (unsigned)n / 8 + 8);
		break;
	case STRING:
		hold_string(h, at);
		break;
	case STRINGS:
		hold_strings(h, at);
		break;
	case VECTOR:
		hold_vector(h, at, n);
		break;
	case MESSAGE:
		hold_message(h, at);
		break;
	case MESSAGES:
		hold_messages(h, at, n);
		break;
	}
}

void
shapes_hold(const struct trap *t)
{
	static const struct shape guess = {
		.arg = {{FIXED, 0, GUESSED_BYTES},
	                {FIXED, 0, GUESSED_BYTES},
	                {FIXED, 0, GUESSED_BYTES},
	                {FIXED, 0, GUESSED_BYTES},
	                {FIXED, 0, GUESSED_BYTES},
	                {FIXED, 0, GUESSED_BYTES}},
	};
	const struct shape *s = &guess;

	if (is_wake(t))
		return;
	if (t->number >= 0 && (size_t)t->number < ARRAY_SIZE(shapes) &&
	    shapes[t->number].known)
		s = &shapes[t->number];
	for (unsigned i = 0; i < CALL_ARGS; i++)
		hold_argument(t, s, i);
}
