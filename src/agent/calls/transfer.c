/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * transfer.c -- calls with more bytes than should be held at once.
 *
 * They are made in parts, and look like one: what was transferred is summed up,
 * and an error is told when nothing was.  After a part that was short there is
 * no other.  After a whole one there is, when whoever made the call may rely on
 * all of it: a write, or a read of a file.  A read of a pipe or a socket might
 * wait for ever for more, and may be short in any case.
 *
 * Only streams of bytes come in parts.  What keeps the borders of messages, or
 * looks at bytes without taking them, is made at once, whatever it holds.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "agent/agent.h"
#include "agent/calls/internal.h"
#include "agent/sys.h"

enum { VECTOR_MAX = 1024, VECTOR_PART = 64 };

enum stream { NO_STREAM, FILE_STREAM, OTHER_STREAM };

static enum stream
stream_of(unsigned long fd)
{
	int type = 0, bytes = sizeof(type);
	struct stat st;

	if (sys(SYS_fstat, fd, &st) < 0)
		return NO_STREAM;
	if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode))
		return FILE_STREAM;
	if (S_ISFIFO(st.st_mode))
		return OTHER_STREAM;
	if (S_ISSOCK(st.st_mode) &&
	    sys(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &bytes) == 0 &&
	    type == SOCK_STREAM)
		return OTHER_STREAM;
	return NO_STREAM;
}

/* How a call transfers. */
struct way {
	bool reads, has_offset, is_vector, has_flags;
};

static bool
way_of(long number, struct way *ret)
{
	switch (number) {
	case SYS_read:
		*ret = (struct way){.reads = true};
		return true;
	case SYS_write:
		*ret = (struct way){.reads = false};
		return true;
	case SYS_pread64:
		*ret = (struct way){.reads = true, .has_offset = true};
		return true;
	case SYS_pwrite64:
		*ret = (struct way){.has_offset = true};
		return true;
	case SYS_recvfrom:
		*ret = (struct way){.reads = true, .has_flags = true};
		return true;
	case SYS_sendto:
		*ret = (struct way){.has_flags = true};
		return true;
	case SYS_readv:
		*ret = (struct way){.reads = true, .is_vector = true};
		return true;
	case SYS_writev:
		*ret = (struct way){.is_vector = true};
		return true;
	case SYS_preadv:
		*ret = (struct way){
			.reads = true, .is_vector = true, .has_offset = true};
		return true;
	case SYS_pwritev:
		*ret = (struct way){.is_vector = true, .has_offset = true};
		return true;
	default:
		return false;
	}
}

static bool
goes_on(const struct trap *t, struct way w, enum stream s)
{
	return !w.reads || s == FILE_STREAM ||
	       (w.has_flags && t->arg[3] & MSG_WAITALL);
}

/* What is left of the buffers of a call, from where the last part ended. */
struct rest {
	struct iovec v[VECTOR_MAX];
	size_t count, next; /* entries; the first that is not done */
	size_t bytes;       /* of all that is left */
};

/* => false when the kernel had better say what is wrong with it */
static bool
rest_of(const struct trap *t, struct way w, struct rest *ret)
{
	ret->next = ret->bytes = 0;
	ret->count = w.is_vector ? t->arg[2] : 1;
	if (!w.is_vector) {
		ret->v[0] = (struct iovec){(void *)t->arg[1], t->arg[2]};
	} else if (ret->count == 0 || ret->count > VECTOR_MAX ||
	           hold_read(t->held, ret->v, t->arg[1],
	                     ret->count * sizeof(ret->v[0])) < 0) {
		return false;
	}
	for (size_t i = 0; i < ret->count; i++)
		if (__builtin_add_overflow(ret->bytes, ret->v[i].iov_len,
		                           &ret->bytes))
			return false;
	return true;
}

/*
 * The next part: entries that hold at most hold_bytes_max bytes.
 * => how many bytes
 */
static size_t
part_next(const struct rest *r, struct iovec v[VECTOR_PART], size_t *ret_count)
{
	size_t n = 0, bytes = 0;

	while (n < VECTOR_PART && r->next + n < r->count &&
	       bytes < hold_bytes_max) {
		v[n] = r->v[r->next + n];
		if (v[n].iov_len > hold_bytes_max - bytes)
			v[n].iov_len = hold_bytes_max - bytes;
		bytes += v[n++].iov_len;
	}
	*ret_count = n;
	return bytes;
}

static void
rest_done(struct rest *r, size_t bytes)
{
	r->bytes -= bytes;
	while (r->next < r->count && bytes >= r->v[r->next].iov_len)
		bytes -= r->v[r->next++].iov_len;
	if (r->next < r->count) {
		r->v[r->next].iov_base = (char *)r->v[r->next].iov_base + bytes;
		r->v[r->next].iov_len -= bytes;
	}
}

static long
in_parts(const struct trap *t, struct way w, enum stream s, struct rest *rest)
{
	struct trap part = *t;
	struct iovec v[VECTOR_PART];
	size_t done = 0, bytes, count;
	long r;

	do {
		bytes = part_next(rest, v, &count);
		part.arg[1] =
			w.is_vector ? (uintptr_t)v : (uintptr_t)v[0].iov_base;
		part.arg[2] = w.is_vector ? count : v[0].iov_len;
		if (w.has_offset)
			part.arg[3] = t->arg[3] + done;
		shapes_hold(&part);
		r = trap_perform(&part);
		hold_end(t->held);
		if (r <= 0)
			break;
		done += (size_t)r;
		rest_done(rest, (size_t)r);
	} while ((size_t)r == bytes && rest->bytes > 0 && goes_on(t, w, s));
	return done > 0 ? (long)done : r;
}

/* Something of it is managed. */
static bool
is_wanted(const struct rest *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (hold_wanted((uintptr_t)r->v[i].iov_base, r->v[i].iov_len))
			return true;
	return false;
}

bool
transfer(const struct trap *t, long *ret)
{
	const unsigned long plain =
		MSG_DONTWAIT | MSG_NOSIGNAL | MSG_WAITALL | MSG_MORE;
	struct rest rest;
	enum stream s;
	struct way w;

	if (!way_of(t->number, &w) || (w.has_flags && t->arg[3] & ~plain) ||
	    (!w.is_vector && t->arg[2] <= hold_bytes_max) ||
	    !rest_of(t, w, &rest) ||
	    (rest.bytes <= hold_bytes_max && rest.count <= VECTOR_PART) ||
	    !is_wanted(&rest))
		return false;
	s = stream_of(t->arg[0]);
	if (s == NO_STREAM)
		return false;
	*ret = in_parts(t, w, s, &rest);
	return true;
}
