/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.h -- what the core wants of its host: operations, and three calls.
 *
 * An operation names up to OP_PAGES_MAX pages.  From the moment the core
 * appends it to a batch until core_op_done() takes it back, its frames are
 * locked (or under writeback) and nobody else touches them.  The host fills in
 * a result for every page; it never skips one.
 *
 *	kind		pages are contiguous in	the host
 *	OP_POPULATE	frames (count, from pg[0])	gives them zeroed memory
 *	OP_MAP		vpn		moves frame -> area, wakes the thread.
 *					Before: OPF_ZERO clears the frame unless
 *					fresh; OPF_COPY fills it from pg[].src
 *	OP_UNMAP	vpn		moves area -> frame; then zero test and
 *					hash, unless OPF_DISCARD; with OPF_FILE
 *					the hash alone
 *	OP_REMAP	vpn and vpn_to	moves area -> area
 *	OP_ADOPT	vpn		empties the frame's place: the page is
 *					in the area already
 *	OP_READ		entry and vpn	fills the frames from the device, hashes
 *	OP_WRITE	entry		writes the frames to the device
 *	OP_POISON	vpn		makes accesses fail (SIGBUS)
 *	OP_UNPOISON	vpn		takes that back: the page reads as zeros
 *
 * Results (pg[].err, 0 or a negative errno):
 *	OP_MAP		0; -ENOENT the area is gone, or the page vanished before
 *			it was mapped (FRAME_DROPPED: see core_vanished()).  All
 *			else (busy, layout changing, protection) the host must
 *			deal with itself.
 *	OP_UNMAP	0; -EBUSY pinned by somebody; -ENOENT no page there;
 *			-EINVAL protection or kind forbids it.  With
 *			OPF_DISCARD: 0; or -ENOENT when the page is gone and
 *			the frame's place in the pool is empty
 *	OP_READ		0 and hash; else the error.  A short read is -EIO, but
 *			for a page in which its file ends: it is filled up with
 *			zeros, and partial.
 *	OP_WRITE	0 only for a full-length success.  What is beyond the
 *			end of a file is nobody's: 0, and not written.
 *
 * The calls of struct host_ops are made at once, under the node lock and
 * with the core consistent.  None may call back into the core, sleep, or touch
 * managed memory.
 */
#ifndef CORE_HOST_H
#define CORE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OP_PAGES_MAX 256

enum op_kind {
	OP_POPULATE,
	OP_MAP,
	OP_UNMAP,
	OP_REMAP,
	OP_ADOPT,
	OP_READ,
	OP_WRITE,
	OP_UNPOISON,
	OP_WAKE,
};

enum op_flag {
	OPF_ZERO = 1 << 0,
	OPF_COPY = 1 << 1,
	OPF_DISCARD = 1 << 2,
	OPF_REFILL = 1 << 3, /* OP_POPULATE of one frame that lost its page */
	OPF_RETRY = 1 << 4,  /* OP_READ for the second time: each page needs a
	                        result of its own */
	OPF_FILE = 1 << 5, /* OP_UNMAP of a file's pages: zeros are contents */
	OPF_BELIEVE = 1 << 6, /* OP_READ: whatever comes is right */
	OPF_READ = 1 << 7, /* OP_MAP: was read just now, for faults that wait;
	                      so nobody can know these pages by their frames */
};
_Static_assert(OPF_READ <= UINT8_MAX, "they are kept in a byte");

struct op_page {
	uint32_t pfn;
	int16_t err;   /* result */
	uint8_t fresh; /* OP_MAP with OPF_ZERO: the frame holds zeros already */
	union {
		uint8_t zero;    /* result of OP_UNMAP: all zero */
		uint8_t partial; /* result of OP_READ: the file ends in it */
	};
	union {
		uint64_t hash; /* result of OP_UNMAP, OP_READ */
		uint32_t src;  /* OP_MAP with OPF_COPY: frame to copy */
	};
};

struct op {
	uint8_t kind;  /* enum op_kind */
	uint8_t flags; /* enum op_flag */
	uint16_t space;
	uint32_t count;   /* pages; of OP_POPULATE up to POPULATE_PAGES */
	uint64_t vpn;     /* first page */
	uint64_t vpn_to;  /* OP_REMAP: where to */
	uint64_t id, off; /* identity of the first page: seeds its hash; page i
	                     has (id, off + i).  OP_UNMAP, OP_READ */
	uint32_t entry;   /* OP_READ, OP_WRITE: first slot's swap entry */
	struct op *next;  /* in a batch, or free; the host's while performed */
	struct op_page pg[OP_PAGES_MAX];
};

/* Operations to be performed, in this order unless the host knows better. */
struct batch {
	struct op *first, *last;
};

static inline void
batch_add(struct batch *b, struct op *op)
{
	op->next = NULL;
	if (b->last == NULL)
		b->first = op;
	else
		b->last->next = op;
	b->last = op;
}

/* All of these come before what is in b. */
static inline void
batch_put_first(struct batch *b, const struct batch *these)
{
	if (these->last == NULL)
		return;
	these->last->next = b->first;
	b->first = these->first;
	if (b->last == NULL)
		b->last = these->last;
}

static inline struct op *
batch_take(struct batch *b)
{
	struct op *op = b->first;

	if (op != NULL)
		b->first = op->next;
	if (b->first == NULL)
		b->last = NULL;
	return op;
}

/* -- calls ---------------------------------------------------------------- */

enum daemon {
	DAEMON_KSWAPD,    /* frames are short: call core_kswapd() */
	DAEMON_KRECLAIMD, /* clean pages could be freed: core_kreclaimd() */
	DAEMON_FLUSHER,   /* dirty pages wait: core_flush() */
	DAEMONS,
};

/* A page went from one list of a policy to another: for who wants to see. */
struct transition {
	uint32_t pfn, count;          /* count: who uses the page */
	uint8_t from, to, age, cause; /* in the policy's own numbers */
};

struct host_ops {
	const char *name; /* "pager", "sim" */

	/*
	 * One leaf of a page table: TABLE_ENTRIES zeroed entries, which stay
	 * for the life of the core.  NULL when there is no memory.
	 */
	uint64_t *(*table_alloc)(void *ctx);

	/* Let a daemon have a turn soon.  Calling twice is calling once. */
	void (*wake)(void *ctx, enum daemon who);

	/* A clock that never goes back, in nanoseconds. */
	uint64_t (*now_ns)(void *ctx);

	/* What only some hosts have; NULL where they have not. */

	void (*trace)(void *ctx, const struct transition *t);

	/* Ask a registered cache to give back goal entries (0: all that are
	 * unused) or slabs; after entries, the free slabs that they have left.
	 * Soon, and on a thread of its own. */
	void (*shrink)(void *ctx, unsigned cache, uint64_t goal);

	/* Write the buffer in a frame; policy code hears of its end. */
	void (*buffer_write)(void *ctx, uint32_t pfn);

	/* Memory and swap space are full: somebody must go. */
	void (*oom_kill)(void *ctx);
};

#endif
