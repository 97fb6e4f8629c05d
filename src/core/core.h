/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core.h -- the reclaim core: which page is where, which one leaves, and when.
 *
 * The core decides; it does not act.  Events come in as calls (a fault, an
 * operation that ended, a daemon's turn); decisions go out as operations
 * (struct op) appended to the batch that the caller passed.  The caller -- the
 * host -- performs them on its own thread, without any lock, and reports each
 * one once by core_op_done(), which may append more.  Two hosts exist: the
 * pager, over userfaultfd and a swap file, and the simulator, over a seeded
 * model that ends operations in any order it likes.
 *
 *	fault --> page table --> frame from a zone --> OP_MAP ------> program
 *	               |               ^ short                           |
 *	               | swap entry    | wake kswapd                     |
 *	               v               |                                 v
 *	          swap cache <----- OP_READ      policy: victim --> OP_UNMAP
 *	               ^                                                 |
 *	               +---- OP_WRITE <---- dirty? (hash) <--------------+
 *
 * Determinism.  The same calls with the same answers give the same operations.
 * The core has no clock, no random numbers, no globals, no threads, and
 * allocates nothing after core_init(); lint proves most of this from the
 * symbol table.
 *
 * A page is known by (space, vpn) and is in one state of enum page_state, which
 * is derived from three tables and stored nowhere:
 *
 *	page table entry   frame                        state
 *	none               -                            PAGE_NONE
 *	present(pfn)       not locked                   PAGE_MAPPED
 *	present(pfn)       locked: it is being mapped,  PAGE_MOVING
 *	                   unmapped, remapped, adopted
 *	swap(e)            e cached, not locked         PAGE_CACHED
 *	swap(e)            e cached, under write        PAGE_WRITING
 *	swap(e)            e cached, locked by OP_READ  PAGE_READING
 *	swap(e)            e not cached                 PAGE_SWAPPED
 *	poison             -                            PAGE_POISONED
 *
 * In the area of a file (file/file.h), "none" means: in the file.
 *
 * Invariants (core_check() walks them; the numbers are quoted in the code and
 * are those of the safety laws):
 *
 *	[I1] a page is in exactly one state, and frame and page point at each
 *	     other;
 *	[I2] the newest contents have a holder: a frame that is DIRTY is never
 *	     freed unless its page was discarded;
 *	[I3] a slot belongs to one page: its count is its cache reference plus
 *	     the page table entries that name it, or was too high to know;
 *	[I4] neither frame nor slot is reused while an operation names it;
 *	[I5] a page is mapped only by an operation that was started for it and
 *	     whose frame still belongs to it: a page that was discarded or
 *	     moved meanwhile has let go of its frame (FRAME_ORPHAN);
 *	[I6] a first touch gives zeros only to a page whose entry is none;
 *	[I7] free frames + frames in use + frames not populated = frames_total;
 *	[I8] contents that come in are compared with the hash that went out,
 *	     seeded by the page's identity (area id, offset).
 *
 * Locking.  None.  One core belongs to one node; its host calls it from one
 * thread at a time (the node's lock).
 */
#ifndef CORE_CORE_H
#define CORE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/host.h"
#include "core/swap/swap.h"

#define PFN_NONE UINT32_MAX
#define VPN_NONE UINT64_MAX
#define PAGE_SHIFT 12
#define PAGE_BYTES 4096u

#define BUDDY_ORDERS 10 /* 0..9: blocks of 4 KiB to 2 MiB */
#define ZONES_MAX 4
#define SWAP_AREAS_MAX 8
#define FILE_AREAS_MAX 24
#define SPACES_MAX 64
#define POPULATE_PAGES 512 /* the pool grows in steps of 2 MiB */
#define RA_PAGES_MAX 256   /* read-ahead and fault-around: at most 1 MiB */
#define TUNABLES_MAX 16
#define CACHES_MAX 32
#define STREAMS 16     /* access streams remembered in a space */
#define TABLE_SHIFT 18 /* a leaf of the page table covers 1 GiB */
#define TABLE_ENTRIES (1u << TABLE_SHIFT)
#define TABLE_LEAVES (1u << (36 - TABLE_SHIFT))

struct core;
struct host_ops;
struct policy_ops;

enum page_state {
	PAGE_NONE,
	PAGE_MOVING,
	PAGE_MAPPED,
	PAGE_CACHED,
	PAGE_WRITING,
	PAGE_READING,
	PAGE_SWAPPED,
	PAGE_POISONED,
};

/*
 * A page table entry.  Kind in bits 0..1; flags; frame number or swap entry in
 * bits 32..63.  All zero is "none", so fresh tables need no set-up.
 */
typedef uint64_t pte_t;

enum pte_kind { PTE_NONE, PTE_PRESENT, PTE_SWAP, PTE_POISON };

#define PTE_YOUNG ((pte_t)1 << 2)  /* mapped by a fault since last looked at */
#define PTE_MOVING ((pte_t)1 << 3) /* of poison: an OP_UNPOISON names it */
#define PTE_GUEST ((pte_t)1 << 4)  /* the page is at home elsewhere */

enum frame_flag {
	FRAME_LOCKED = 1 << 0, /* an operation other than OP_WRITE names it */
	FRAME_WRITEBACK = 1 << 1,   /* an OP_WRITE names it */
	FRAME_DIRTY = 1 << 2,       /* newer than its slot */
	FRAME_WANTED = 1 << 3,      /* a fault waits for the operation to end */
	FRAME_ORPHAN = 1 << 4,      /* its page let go: free it when unused */
	FRAME_SOURCE = 1 << 5,      /* an OP_MAP copies from it */
	FRAME_FRESH = 1 << 6,       /* free and known to hold zeros */
	FRAME_EMPTY = 1 << 7,       /* its place in the pool holds no page */
	FRAME_READAHEAD = 1 << 8,   /* came in before it was asked for */
	FRAME_RETRIED = 1 << 9,     /* its read is the second attempt */
	FRAME_REFERENCED = 1 << 10, /* (P) used since last aged */
	FRAME_FREE = 1 << 11,       /* heads a free block of its order */
	FRAME_SYNC = 1 << 12,       /* a sync waits until it is written */
	FRAME_DROPPED = 1 << 13,    /* its page vanished during the operation */
	FRAME_STORE = 1 << 14,      /* the access that wants it writes */
	FRAME_UNSEEN = 1 << 15,     /* read and mapped, and not asked for */
};

/* Lists that frames are on.  The buddy lists are the mechanism's, the others
 * the policy's; a frame is on at most one. */
enum list_id {
	LIST_NONE,
	LIST_BUDDY,
	LIST_EMPTY,
	LIST_ACTIVE,
	LIST_PROBATION,
	LIST_TRIED,
	LIST_INACTIVE_DIRTY,
	LIST_INACTIVE_CLEAN,
	LIST_INACTIVE_ANON,
	LIST_ACTIVE_ANON,
	LIST_INACTIVE_FILE,
	LIST_ACTIVE_FILE,
	LIST_MLOCKED,
	LIST_UNEVICTABLE,
	LISTS,
};

struct flist {
	uint32_t head, tail; /* pfn, or PFN_NONE */
	uint32_t count;
};

/*
 * One frame: a 4 KiB place of the pool.  (K) written by the mechanism, (P) by
 * the policy, both under the node's lock; (C) constant.
 */
struct frame {
	uint32_t next, prev; /* (K)(P) neighbours on its list */
	uint64_t vpn;        /* (K) page that holds it, or VPN_NONE */
	uint64_t hash;       /* (K) of the contents last seen outside */
	swp_entry_t entry;   /* (K) slot it caches, or 0 */
	uint16_t space;      /* (K) of vpn */
	uint16_t flags;      /* (K) enum frame_flag */
	uint16_t pins;       /* (K) pins of its page */
	uint8_t list;        /* (K)(P) enum list_id */
	uint8_t order;       /* (K) of the free block that it heads */
	uint8_t zone;        /* (C) */
	uint8_t age;         /* (P) */
	uint16_t maps;       /* (K) page table entries that name it */
	uint8_t buffers;     /* (P) state of its buffers, 0 none */
	uint8_t merit;       /* (P) what it has earned besides age */
};

_Static_assert(sizeof(struct frame) <= 48, "1.2 % of the pool at most");

/* A range of the pool with its own free lists and watermarks. */
struct zone {
	uint32_t start, size; /* (C) first pfn, frames */
	uint32_t populated;   /* (K) frames that the pool has grown to, or is
	                       growing to: those are EMPTY and LOCKED */
	uint32_t growing;     /* (K) of those, frames that it is growing to */
	uint32_t free;        /* (K) frames in free blocks */
	uint32_t pages_min, pages_low, pages_high; /* (C) watermarks */
	struct flist area[BUDDY_ORDERS];           /* (K) free blocks */
};

/*
 * A managed range of pages.  (id, off), the identity that seeds the hashes,
 * moves with the pages; no id is used twice: it is the generation too.
 */
struct area {
	uint64_t vpn, pages;
	uint64_t id;
	uint64_t off; /* identity of page v: (id, off + v - vpn) */
	uint32_t flags;
	uint64_t home_vpn; /* AREA_GUEST: where its first page is at home */
	uint16_t home_space;
	swp_entry_t file; /* slot of the first page, if it is of a file; or 0 */
	uint64_t note;    /* (P) 0 at first; both halves of a split have it */
};

enum area_flag {
	AREA_RANDOM = 1 << 0,     /* no read-ahead, no fault-around */
	AREA_SEQUENTIAL = 1 << 1, /* widest window at once */
	AREA_LOCKED = 1 << 3,     /* policies leave its pages alone */
	AREA_PROMISED = 1 << 2,   /* the host's: counted in its promises */
	AREA_GUEST = 1 << 4,      /* its pages are another area's */
	AREA_SHARED = 1 << 5,     /* of a file that others write, too */
	AREA_MOVING = 1 << 6,     /* pages are on their way to it */
	AREA_EXEC = 1 << 7,       /* it is run: policies may care */
};

/* One stream of faults: see readahead.c. */
struct stream {
	uint64_t last;    /* page of its latest fault */
	int64_t delta;    /* pages from one access to the next; 0 not known */
	uint32_t reach;   /* steps beyond last that are asked for already */
	uint32_t window;  /* steps to keep ahead; 0 or 1: not sure yet */
	bool has_gaps;    /* pages between those that are accessed */
	uint64_t expires; /* tick at which another may take its place */
};

struct space {
	pte_t **leaves;     /* (K) TABLE_LEAVES of them, NULL where unused */
	struct area *areas; /* (K) by address */
	uint32_t area_count, area_max;
	uint64_t tick;          /* faults that were looked at for streams */
	uint64_t pages_managed; /* (K) sum over areas */
	uint64_t rss;           /* (K) pages mapped */
	struct stream *streams; /* (K) STREAMS of them */
};

/*
 * A cache outside the core that gives memory back when it is asked to: a policy
 * finds it here and asks by host_ops.shrink().  Its owner tells now and then
 * how it stands, so that what a policy sees are events like all others.
 */
enum cache_kind {
	CACHE_NONE,
	CACHE_DENTRY, /* entries that are not in use; freeing may want I/O */
	CACHE_INODE,  /* likewise; asked after the dentries that hold them */
	CACHE_SLAB,   /* slabs of 2^order pages */
};

enum cache_flag {
	CACHE_NO_REAP = 1 << 0,     /* never ask */
	CACHE_CONSTRUCTOR = 1 << 1, /* new slabs cost more */
	CACHE_GROWING = 1 << 2,     /* a slab is being added */
	CACHE_GROWN = 1 << 3,       /* one was, since a policy last looked */
};

struct cache {
	uint8_t kind;    /* (K) enum cache_kind */
	uint8_t flags;   /* (K)(P) enum cache_flag */
	uint8_t order;   /* (K) of a slab */
	uint32_t unused; /* (K) entries, or slabs, that nobody uses */
	uint64_t asked;  /* (P) times */
};

struct core_config {
	uint32_t frames_total;           /* the budget, in pages; 256 or more */
	uint32_t ops_total;              /* operations in flight at most */
	uint32_t spaces;                 /* 1..SPACES_MAX */
	uint32_t areas_max;              /* in one space */
	uint32_t zone_frames[ZONES_MAX]; /* 0, 0: one zone with all of them */
	uint32_t ra_pages_max;           /* 1..RA_PAGES_MAX */
	uint32_t unmap_batch; /* victims a turn of kswapd, 1..OP_PAGES_MAX */
	uint64_t patience_ns; /* how long pages that refuse to leave, or a
	                         device that rests, put off out of memory */
	uint64_t seed;        /* of the random policy */
	const struct policy_ops *policy;
	uint32_t tunable[TUNABLES_MAX]; /* of the policy: policy_parse() */
	const struct host_ops *host;
	void *host_ctx;
	uint64_t *stat; /* STATS counters, enum stat_id; zeroed by the host */
};

struct core {
	struct core_config cfg; /* (C) */
	struct frame *frames;   /* (C) */
	struct zone zones[ZONES_MAX];
	uint32_t zone_count;
	struct {
		uint32_t min, low, high;
	} freepages;        /* (C) sums of the zones' watermarks */
	struct flist empty; /* (K) free frames without a page */
	struct swap_area swap[SWAP_TYPES];
	struct swap_list swap_list;
	struct space *spaces;
	struct op *ops, *ops_free;
	uint32_t ops_free_count;
	uint64_t next_id;
	uint32_t frames_used;  /* neither free, empty nor unpopulated */
	uint64_t frames_given; /* ever, whose page a program gave back */
	uint32_t unmapping;   /* frames on their way out: OP_UNMAP names them */
	uint32_t io_pages;    /* frames named by an OP_READ or OP_WRITE */
	uint32_t write_pages; /* those of an OP_WRITE */
	uint32_t ops_in_flight;
	uint64_t oom_ns;   /* since when touching more fails, a moment; or 0 */
	uint64_t stuck_ns; /* since when nothing could leave; 0: it can */
	uint64_t pins;     /* over all frames */
	bool lacks_kswapd; /* it has no thread: faults do its work */
	bool has_guests;   /* there are, or were, areas that share pages */
	struct flist unevictable; /* frames that would not move */
	uint64_t unevictable_retry_ns, unevictable_wait_ns;
	uint64_t refused_ns; /* when one of them last refused */
	struct cache caches[CACHES_MAX];
	void *policy_state;
	uint64_t *stat;
};

/* -- set-up --------------------------------------------------------------- */

/*
 * Bytes of memory that core_init() wants for cfg, page tables not included.
 */
size_t core_bytes(const struct core_config *cfg);

/*
 * Build a core in mem.
 * => mem is zeroed, aligned to 64 bytes and core_bytes(cfg) long; pages of it
 *    that are never touched are never needed
 * => returns the core, which starts at mem
 */
struct core *core_init(void *mem, const struct core_config *cfg);

/* Bytes that the tables of a swap area with slots slots want. */
size_t core_swap_bytes(uint32_t slots);

/*
 * Add a swap area whose device can hold slots pages, of which ready exist now.
 * Areas of equal priority take turns; lower ones wait until they are full.
 * => mem is zeroed and core_swap_bytes(slots) long
 * => prio is 0..SWAP_PRIO_MAX or SWAP_PRIO_AUTO
 * => returns the area's number, or -ENOSPC when all are taken
 */
int core_swapon(struct core *c, void *mem, uint32_t slots, uint32_t ready,
                int prio);

/*
 * The device has no arm that moves: policies for which that matters give its
 * slots by whole clusters, and read ahead by address.
 * => called after core_swapon(), before any of its slots is taken
 */
void core_swap_solid_state(struct core *c, unsigned type);

/* The device has grown: slots below ready exist.  Of no area: nothing. */
void core_swap_grown(struct core *c, unsigned type, uint32_t ready);

/*
 * Take an area out of use: its pages get slots of other areas.
 * => returns how many of its slots are still in use: perform b, wait for an
 *    operation to end or for a daemon's turn, and call again, until it is 0 and
 *    the area is gone; or -ENOMEM when there is no other place, and the area is
 *    in use as before
 *
 * A page that cannot be read keeps its slot; who will not wait for it calls
 * core_swapoff_undo(), and the area is in use as before.
 */
int64_t core_swapoff(struct core *c, unsigned type, struct batch *b);
void core_swapoff_undo(struct core *c, unsigned type);

/*
 * Slots that are free, that pages in memory have, and that there are (bad ones
 * do not count), over all areas that take writes.
 */
uint32_t core_swap_free(const struct core *c);
uint32_t core_swap_cached(const struct core *c);
uint32_t core_swap_total(const struct core *c);

/* -- areas ---------------------------------------------------------------- */

/*
 * Manage pages vpn..vpn+pages-1 of a space.  They are PAGE_NONE.
 * => returns 0, -EEXIST when they overlap an area, -ENOMEM when the table of
 *    areas is full or the host has no page table left
 */
int core_area_add(struct core *c, unsigned space, uint64_t vpn, uint64_t pages);

/*
 * Stop managing a range; areas are split where needed.  Faults in it find no
 * area from now on.  The pages are still there: call core_discard() next.
 * => returns 0, or -ENOMEM when a split needs a slot in a full table
 */
int core_area_remove(struct core *c, unsigned space, uint64_t vpn,
                     uint64_t pages);

/* Set and clear area_flag bits on a range.  => 0 or -ENOMEM as above. */
int core_area_flags(struct core *c, unsigned space, uint64_t vpn,
                    uint64_t pages, uint32_t set, uint32_t clear);

/*
 * As core_area_add(), but the pages are those of another area, at home_vpn of
 * home_space, and are at home there: a fault here brings a page in there, and
 * this entry names its frame as well.  A page leaves home last; what is
 * discarded at home is gone here; with this area its entries go at once.  No
 * real host does this yet: it is how programs that share pages are modelled.
 * => the area at home is no guest, and is not moved
 */
int core_area_share(struct core *c, unsigned space, uint64_t vpn,
                    uint64_t pages, unsigned home_space, uint64_t home_vpn);

/* The area that holds vpn, or NULL. */
const struct area *core_area_find(const struct core *c, unsigned space,
                                  uint64_t vpn);

/* The first area that ends above vpn, or NULL. */
const struct area *core_area_next(const struct core *c, unsigned space,
                                  uint64_t vpn);

/* -- events: each appends what is to be done to b ------------------------- */

enum fault_verdict {
	FAULT_DONE,     /* the page is mapped: wake the thread */
	FAULT_STARTED,  /* an operation in b, or one it leads to, will map it */
	FAULT_WAIT,     /* an operation that another call started will map it */
	FAULT_AGAIN,    /* perform b, then call again */
	FAULT_NOFRAME,  /* no frame: reclaim, wait for something, call again */
	FAULT_NOMEM,    /* no frame, and nothing can leave: out of memory */
	FAULT_POISONED, /* its contents are lost: make the access fail */
	FAULT_NOAREA,   /* not managed */
};

/*
 * A program touched page vpn and found it absent.
 * => after FAULT_STARTED and FAULT_WAIT the thread is woken by the operation
 *    that maps the page, or by an OP_WAKE if it should fault once more
 */
enum fault_verdict core_fault(struct core *c, unsigned space, uint64_t vpn,
                              struct batch *b);

/* Likewise, and the access is a write: its slot will be of no use. */
enum fault_verdict core_fault_write(struct core *c, unsigned space,
                                    uint64_t vpn, struct batch *b);

/*
 * Operation op has ended; its results are in it.  op is the core's again.
 */
void core_op_done(struct core *c, struct op *op, struct batch *b);

/*
 * Forget the contents of a range: its pages become PAGE_NONE.
 * => returns how many pages are still in motion; perform b, then wait for an
 *    operation of another thread to end if b was empty, and call again, until
 *    it returns 0
 */
uint64_t core_discard(struct core *c, unsigned space, uint64_t vpn,
                      uint64_t pages, struct batch *b);

/*
 * Move the pages at from to to (mremap).  to is managed and all PAGE_NONE, the
 * two do not overlap, and from is no area any more: core_area_rename(), then
 * core_area_remove(from), then this.  A fault could bring back a page that has
 * moved, were it an area still.
 * => returns pages still in motion, as core_discard(); 0 when all have moved
 */
uint64_t core_move(struct core *c, unsigned space, uint64_t from, uint64_t to,
                   uint64_t pages, struct batch *b);

/*
 * Give the area [to, to+pages) the identity of [from, from+pages), so that
 * pages moved there keep their hashes.  Faults wait for the last core_move().
 * => returns 0, -EINVAL when pages of a file are among them, or -ENOMEM
 */
int core_area_rename(struct core *c, unsigned space, uint64_t from, uint64_t to,
                     uint64_t pages);

/*
 * Page vpn is in the area already (mapped before the area was managed): take
 * it over.
 * => returns 0, or -ENOMEM when there is no frame for it
 */
int core_adopt(struct core *c, unsigned space, uint64_t vpn, struct batch *b);

/*
 * The kernel has dropped the program's pages of a range behind our back (an
 * event said so): forget them without touching the area.
 * => called before a fault of the range that came after the event
 * => returns how many pages are in motion; the core forgets each of them when
 *    its operation ends.  Not called again, unless the area was removed: it
 *    would forget what was written since
 */
uint64_t core_vanished(struct core *c, unsigned space, uint64_t vpn,
                       uint64_t pages, struct batch *b);

/*
 * Start reading what is swapped out of a range.  Best effort.
 * => returns the first page not looked at: call again from there when
 *    frames and operations are free again
 */
uint64_t core_prefetch(struct core *c, unsigned space, uint64_t vpn,
                       uint64_t pages, struct batch *b);

/* Start unmapping what is mapped of a range.  Best effort, as above. */
uint64_t core_cold(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
                   struct batch *b);

/*
 * Pin or unpin a page: a pinned page stays mapped.
 * => core_pin: FAULT_DONE when pinned; else as core_fault(), call again
 */
enum fault_verdict core_pin(struct core *c, unsigned space, uint64_t vpn,
                            struct batch *b);
void core_unpin(struct core *c, unsigned space, uint64_t vpn);

/* What made frames unevictable may have changed: try them again at once. */
void core_evictable(struct core *c);

/* -- daemons: a turn each; true when another turn has work to do ---------- */

bool core_kswapd(struct core *c, struct batch *b);    /* unmap, to high */
bool core_kreclaimd(struct core *c, struct batch *b); /* clean -> free */
bool core_flush(struct core *c, struct batch *b);     /* dirty -> clean */

/*
 * Who gives out memory has found this node, and all others, short of frames:
 * kswapd is woken, as by an allocation here.
 */
void core_wake_kswapd(struct core *c);

/*
 * The node has a thread for kswapd, as at first, or has none: then faults give
 * it its turns, and no task must wait for it.
 */
void core_kswapd_thread(struct core *c, bool has);

/*
 * The allocator found nothing: one turn of all three, for the fault's sake.
 * => returns false when nothing is left that could ever leave
 */
bool core_reclaim_direct(struct core *c, struct batch *b);

/* -- caches --------------------------------------------------------------- */

/*
 * => the cache's number, or -ENOSPC when there are too many
 */
int core_cache_add(struct core *c, const struct cache *new);
void core_cache_remove(struct core *c, unsigned id);

/*
 * How it stands.  flags: CACHE_GROWING, and CACHE_GROWN when it has since it
 * last told.
 */
void core_cache_tell(struct core *c, unsigned id, uint32_t unused,
                     uint32_t flags);

/* It has done what it was asked to: so many entries, or slabs, are gone. */
void core_cache_shrunk(struct core *c, unsigned id, uint64_t freed);

/* -- looking -------------------------------------------------------------- */

enum page_state core_page_state(const struct core *c, unsigned space,
                                uint64_t vpn);

/*
 * The first page in [vpn, end) whose contents exist but are not mapped: in its
 * frame, on the device or on the way; end when there is none.
 */
uint64_t core_next_absent(const struct core *c, unsigned space, uint64_t vpn,
                          uint64_t end);

/* Frames that the pool does not have yet, but can, or will in a moment. */
static inline uint32_t
zone_to_come(const struct zone *z)
{
	return z->size - z->populated + z->growing;
}

/* Frames that can be had without reclaim: free, or to come. */
uint32_t core_frames_free(const struct core *c);

/*
 * Walk every invariant.
 * => returns 0, or n when [In] is broken; *ret_where names the culprit (a
 *    page, frame or slot number)
 */
int core_check(const struct core *c, uint64_t *ret_where);

#endif
