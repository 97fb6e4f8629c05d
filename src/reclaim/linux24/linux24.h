/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * linux24.h -- the page reclaim system of Linux 2.4.0, whole.
 *
 * Pages that are in the swap cache or belong to a file are on one of three
 * lists; private pages that are mapped are on none, and are aged where they are
 * mapped.  Scans go from the tail, insertions to the head.
 *
 *	              refill_inactive_scan           page_launder
 *	          A ----------------------> D ------------------------> C
 *	       active <------------- inactive_dirty         inactive_clean
 *	   try_to_swap_out  rescued         ^ not clean after all       |
 *	          ^                         +---------------------------+
 *	          |                                        reclaim_page |
 *	          N mapped, private <------- allocated ------------- F free
 *
 *	kswapd		looks for shortages: launders, refills, unmaps
 *	kreclaimd	frees clean pages where a zone is below its lowest mark
 *	bdflush		launders while frames are short
 *
 * The files follow the original's: lists.c (ageing and lists), sizes.c (marks,
 * targets, shortages), scan.c (refill_inactive_scan, reclaim_page), launder.c
 * (page_launder), swapout.c (swap_out), vmscan.c (kswapd and its children),
 * alloc.c (the allocator's ladder), readahead.c, buffer.c, shrink.c, oom.c.
 *
 * Whatever takes effect at once in a kernel takes effect here when its
 * operation has ended; until then the page is locked, and counts as what it
 * will be.  A task that would sleep returns, and goes on when it is called
 * again; so what it has to remember is in a structure (struct launder, struct
 * reclaim24, struct alloc24).
 *
 * What an original does that only hurts is a tunable: enum tunable24.
 */
#ifndef RECLAIM_LINUX24_H
#define RECLAIM_LINUX24_H

#include "base/assert.h"
#include "core/policy.h"
#include "pageout/stat.h"
#include "reclaim/jiffies.h"

#define PAGE_AGE_START 2
#define PAGE_AGE_ADV 3
#define PAGE_AGE_MAX 64
#define INACTIVE_SHIFT 6
#define PRIORITY_MAX 6
#define SWAP_SHIFT 5
#define SWAP_MIN 8u
#define DIRECT_SLACK 8 /* frames above pages_min that are not reclaimed for */
#define NR_CPUS 1      /* floor of memory_pressure's decrement */
#define SWAP_CLUSTER 8 /* pager_daemon.swap_cluster */

/* What a caller of the allocator may do: the kernel's gfp bits. */
enum gfp {
	GFP_WAIT = 1,
	GFP_HIGH = 2,
	GFP_IO = 4,
	GFP_DMA = 8,
	GFP_HIGHMEM = 16,
	GFP_ATOMIC = GFP_HIGH,
	GFP_BUFFER = GFP_HIGH | GFP_WAIT,
	GFP_USER = GFP_WAIT | GFP_IO,
	GFP_HIGHUSER = GFP_USER | GFP_HIGHMEM,
	GFP_KERNEL = GFP_HIGH | GFP_WAIT | GFP_IO,
	GFP_KSWAPD = GFP_IO,
};

enum zone_kind { ZONE_DMA, ZONE_NORMAL, ZONE_HIGHMEM };

/* frame.buffers: the one buffer that a page of this size has. */
enum buffer_bit {
	BUF_ATTACHED = 1 << 0,
	BUF_DIRTY = 1 << 1,
	BUF_LOCKED = 1 << 2, /* under write */
	BUF_HELD = 1 << 3,   /* referenced or protected */
	BUF_RAMDISK = 1 << 4,
	BUF_BUSY = BUF_DIRTY | BUF_LOCKED | BUF_HELD,
};

enum tunable24 {
	T24_UNMAP_BATCH,
	T24_WRITE_CLUSTER,
	T24_LAUNDER_LIMIT,
	T24_LAUNDER_TWICE,
	T24_LAUNDER_SYNC,
	T24_SLICE_STOP,
	T24_BACKGROUND_SCAN,
	T24_KSWAPD_SPINS,
	T24_WAIT_FOR_KSWAPD,
	T24_SOFTFAULT_MERIT,
	T24_ZONE_RATIO,
	T24_ZONE_MAX,
	T24_CLUSTER_READAHEAD,
	T24_REVERSE_MAP,
	T24_COUNT,
};

/* Where a page is, as far as the lists know. */
enum state24 { STATE_FREE, STATE_NONE, STATE_A, STATE_D, STATE_C };

/* -- tasks that may sleep --------------------------------------------------
 *
 * TASK_SLEEPS: call again later; nothing changes until the page at wait_pfn is
 * unlocked.
 */
enum task24 { TASK_DONE, TASK_SLEEPS };

/* One call of page_launder. */
struct launder {
	uint32_t gfp;
	bool sync;
	uint8_t pass;
	uint8_t visit;      /* of the buffers of wait_pfn: 0 none, 1, 2 */
	uint32_t maxscan;   /* pages left to look at in this pass */
	int64_t maxlaunder; /* buffers left to write without waiting */
	uint32_t cleaned;   /* result */
	uint32_t started;   /* pages whose write was started */
	uint32_t wait_pfn;  /* or PFN_NONE */
	uint32_t run_count; /* pages to write in one go */
	uint32_t run[OP_PAGES_MAX];
};

/* One call of do_try_to_free_pages. */
struct reclaim24 {
	uint8_t stage; /* 0 not under way */
	uint32_t gfp;
	bool user; /* on behalf of somebody who waits */
	uint32_t ret;
	struct launder launder;
};

enum alloc_result {
	ALLOC_GOT,    /* a->pfn, and the frames after it */
	ALLOC_FAILED, /* "N-order allocation failed" */
	ALLOC_YIELDS, /* gave up the CPU: call again */
	ALLOC_BLOCKS, /* until kswapd has made a turn: call again then */
	ALLOC_SLEEPS, /* in page_launder: call again */
};

/* One call of __alloc_pages.  Set gfp, order and memalloc; the rest is 0. */
struct alloc24 {
	uint32_t gfp;
	unsigned order;
	bool memalloc; /* PF_MEMALLOC */
	uint8_t stage;
	bool direct;
	uint64_t turn; /* of kswapd when it began to wait */
	uint32_t pfn;  /* result */
	struct reclaim24 reclaim;
};

/* -- the state ------------------------------------------------------------- */

#define AGE_BUCKETS 7 /* 0, 1, 2.., 4.., 8.., 16.., 32 to 64 */

/* A count of pages by age that is under way. */
struct census {
	uint64_t begin; /* jiffy before which no new one begins */
	uint64_t again; /* jiffy before which this one does not go on */
	uint32_t next;  /* pfn; 0: none is under way */
	uint32_t nr_private;
	uint32_t age[AGE_BUCKETS];
};

struct mm24 {
	uint64_t swap_cnt;     /* pages it may still be asked for */
	uint64_t swap_address; /* vpn where the next scan begins */
};

struct linux24 {
	struct flist active;
	struct flist inactive_dirty;
	struct flist inactive_clean[ZONES_MAX];
	uint32_t zone_dirty[ZONES_MAX]; /* of inactive_dirty, by zone */
	uint32_t num_physpages;
	uint32_t page_cluster;
	int64_t memory_pressure;
	uint64_t recalc; /* jiffy of the last decay */

	struct mm24 mm[SPACES_MAX];
	uint32_t nr_threads;
	struct unmap_group group; /* pages that swap_out unmaps */
	uint32_t group_ends;      /* pages whose unmapping started */
	uint64_t deeds; /* pages that a scan aged, moved, wrote, unmapped */

	bool kswapd_sleeps, kreclaimd_sleeps, bdflush_sleeps;
	uint64_t kswapd_until; /* jiffy when it wakes by itself */
	uint32_t waiters;      /* tasks that wait for a turn of kswapd */
	bool hopeless;         /* nothing could leave: the last frames may go */
	uint64_t kswapd_turns;
	uint32_t kswapd_idle; /* turns in a row that changed nothing */
	uint64_t despair;     /* turn of kswapd before which there is hope */
	struct reclaim24 kswapd, direct;
	struct launder bdflush;
	bool bdflush_launders;    /* bdflush is inside page_launder */
	uint32_t bdflush_flushed; /* buffers that it wrote in this round */

	uint32_t buffermem_pages; /* pages that are buffers only */
	struct flist dirty;       /* frames whose buffer is dirty, newest first;
	                             linked by struct buffer24 */
	uint64_t kupdate_next;    /* jiffy */

	uint32_t clock_hand; /* of the slab caches */

	uint32_t oom_kills;

	bool scans_direct; /* scans are for somebody who waits */
	struct census census;
};

/* What is kept of the buffer in a frame; one a frame, after the state. */
struct buffer24 {
	uint32_t next, prev; /* on the list of dirty ones */
	uint64_t flushtime;  /* jiffy when it has been dirty for long */
};

static inline struct linux24 *
linux24(const struct core *c)
{
	return c->policy_state;
}

static inline struct buffer24 *
buffer24(const struct core *c, uint32_t pfn)
{
	return (struct buffer24 *)(linux24(c) + 1) + pfn;
}

/* Bytes of the state; linux24_buffers_init() comes before its use. */
static inline size_t
linux24_bytes(const struct core_config *cfg)
{
	return sizeof(struct linux24) +
	       cfg->frames_total * sizeof(struct buffer24);
}

static inline uint32_t
tunable24(const struct core *c, enum tunable24 t)
{
	return c->cfg.tunable[t];
}

/* A page is looked at, to age it: id says where. */
static inline void
count_scan(const struct core *c, enum pageout_stat_id id)
{
	stat_add(c, id, 1);
	stat_add(c,
	         linux24(c)->scans_direct ? PAGEOUT_STAT_pgscan_direct
	                                  : PAGEOUT_STAT_pgscan_kswapd,
	         1);
}

/* -- lists.c --------------------------------------------------------------- */

/* What the original calls page->count. */
uint32_t page_count(const struct frame *f);

/* PG_locked: an operation names it. */
static inline bool
page_locked(const struct frame *f)
{
	return (f->flags & (FRAME_LOCKED | FRAME_WRITEBACK)) != 0;
}

/* It is in the swap cache, or in that of a file. */
static inline bool
page_mapping(const struct frame *f)
{
	return f->entry != 0;
}

static inline bool
test_clear_referenced(struct frame *f)
{
	bool was = (f->flags & FRAME_REFERENCED) != 0;

	f->flags &= (uint16_t)~FRAME_REFERENCED;
	return was;
}

/* Where a frame is, by the list that it is on. */
enum state24 list_state24(const struct frame *f);
struct flist *list24(const struct core *c, const struct frame *f);
void list_add24(struct core *c, enum list_id id, struct frame *f);
void list_del24(struct core *c, struct frame *f);

/* From the list it is on to the head of another, or of the same: rotate. */
void list_move24(struct core *c, enum list_id id, struct frame *f,
                 unsigned cause);

/* A scan found it in use: to A.  Laundered: from D to C. */
void rescue_page(struct core *c, struct frame *f, unsigned cause);
void clean_page(struct core *c, struct frame *f);

void age_page_up(struct core *c, struct frame *f);
void age_page_down_ageonly(struct frame *f);
void age_page_down(struct core *c, struct frame *f);
void activate_page(struct core *c, struct frame *f, unsigned cause);

/*
 * Age 0; from A to D when nobody else uses it: count is what the original
 * would see, the caller's own reference included.
 */
void deactivate_page(struct core *c, struct frame *f, uint32_t count,
                     unsigned cause);
void lru_cache_add(struct core *c, struct frame *f, uint32_t count);

/* Tell the host of a transition; cause is its number in the specification. */
void trace24(const struct core *c, const struct frame *f, enum state24 from,
             enum state24 to, unsigned cause);

void linux24_mapped(struct core *c, struct frame *f);
void linux24_cached(struct core *c, struct frame *f);
void linux24_cleaned(struct core *c, struct frame *f);
void linux24_found(struct core *c, struct frame *f);
void linux24_gone(struct core *c, struct frame *f);
void linux24_freed(struct core *c, struct frame *f);
uint32_t linux24_held(const struct core *c);

/* -- sizes.c --------------------------------------------------------------- */

void linux24_watermarks(const struct core *c, struct zone *z);
uint32_t page_cluster_for(uint32_t num_physpages);
enum zone_kind zone_kind24(const struct core *c, const struct zone *z);

/* Frames of a zone that are free, or will be when the pool grows. */
uint32_t zone_free24(const struct zone *z);
uint32_t nr_free_pages(const struct core *c);
uint32_t nr_inactive_clean_pages(const struct core *c);

/* What is on inactive_dirty, or will be when it has been unmapped. */
uint32_t nr_inactive_dirty_pages(const struct core *c);
uint32_t nr_free_buffer_pages(const struct core *c);
uint32_t inactive_target(const struct core *c);
uint32_t free_target(const struct core *c);
uint32_t free_shortage(const struct core *c);
uint32_t inactive_shortage(const struct core *c);
uint32_t max_launder(const struct core *c);
uint32_t nr_async_max(const struct core *c);
void recalculate_vm_stats(struct core *c);

/* Publish what is not counted where it happens: sizes, targets, ages. */
void publish24(struct core *c);

/* -- scan.c ---------------------------------------------------------------- */

bool refill_inactive_scan(struct core *c, unsigned priority, bool oneshot);

/*
 * A clean page of a zone leaves memory.  cause: 13 for an allocation, 14 else.
 * => returns its frame, as from core_take(), or NULL
 */
struct frame *reclaim_page(struct core *c, struct zone *z, unsigned cause);

/* -- launder.c ------------------------------------------------------------- */

void launder_start(const struct core *c, struct launder *l, uint32_t gfp,
                   bool sync);
enum task24 page_launder(struct core *c, struct launder *l, struct batch *b);

/* -- swapout.c ------------------------------------------------------------- */

/*
 * Walk one address space.  Pages that leave are gathered; swap_out_end() starts
 * their operations.  => true when a slice was used up
 */
bool swap_out(struct core *c, unsigned priority, struct batch *b);

/*
 * There are no operations for pages to leave by: to look at more would only
 * age them.  What was begun must be performed first, so the turn ends.
 */
bool swap_out_stalls(const struct core *c);
void swap_out_end(struct core *c, struct batch *b);

/* Whatever can leave, however young; => pages on their way */
uint32_t swap_out_any(struct core *c, uint32_t want, struct batch *b);

/* -- vmscan.c -------------------------------------------------------------- */

bool refill_inactive(struct core *c, uint32_t gfp, bool user, struct batch *b);
void reclaim_begin(struct core *c, struct reclaim24 *r, uint32_t gfp,
                   bool user);
enum task24 do_try_to_free_pages(struct core *c, struct reclaim24 *r,
                                 struct batch *b);
void wakeup_kswapd(struct core *c);

/* Somebody waits for a turn of kswapd. */
void await_kswapd(struct core *c);
bool linux24_kswapd(struct core *c, struct batch *b);
bool linux24_kreclaimd(struct core *c, struct batch *b);
bool linux24_reclaim_direct(struct core *c, struct batch *b);

/* -- alloc.c --------------------------------------------------------------- */

enum alloc_result alloc_pages24(struct core *c, struct alloc24 *a,
                                struct batch *b);
uint32_t linux24_alloc(struct core *c, enum alloc_use use, uint32_t want,
                       uint32_t need, uint32_t *pfns);

/* The early wake-ups: as an allocation begins, and as a page is found. */
void wake_early(struct core *c, bool bdflush_too);

/* -- readahead.c ----------------------------------------------------------- */

bool linux24_readahead(struct core *c, unsigned space, uint64_t vpn,
                       swp_entry_t e, struct batch *b);

/* -- buffer.c -------------------------------------------------------------- */

void linux24_buffers_init(struct core *c);

/* The contents of a buffer have changed. */
void mark_buffer_dirty(struct core *c, struct frame *f);

/*
 * A buffer is written: the host is asked to; it says buffer_written24() when
 * that has ended.
 * => dirty and not under write; the host has buffer_write()
 */
void buffer_write(struct core *c, struct frame *f);
void buffer_written24(struct core *c, uint32_t pfn, bool ok);

/* A buffer was looked up. */
void touch_buffer(struct frame *f);

/*
 * A block was looked up and is in no buffer: find a page for it.  The caller
 * sets all of getblk24 to 0, and calls again unless it is ALLOC_GOT.
 */
struct getblk24 {
	bool refilled;
	struct alloc24 alloc; /* alloc.pfn: the page, with a buffer, on A */
};
enum alloc_result getblk24(struct core *c, struct getblk24 *g, struct batch *b);

enum balance { BALANCE_NONE = -1, BALANCE_ASYNC, BALANCE_SYNC };
enum balance balance_dirty_state(const struct core *c);
void balance_dirty(struct core *c);

/* block: the caller writes some buffers, too. */
void wakeup_bdflush(struct core *c, bool block);

/*
 * Write dirty buffers, the oldest first: those that have been dirty for long,
 * or BDFLUSH_NDIRTY.
 * => returns how many were started
 */
uint32_t flush_dirty_buffers(struct core *c, bool check_time);

/* A turn of bdflush, and of kupdate when its time has come. */
bool linux24_bdflush(struct core *c, struct batch *b);
void kupdate(struct core *c);

/* -- shrink.c -------------------------------------------------------------- */

/* Ask the caches of the core; see struct cache. */
void shrink_dcache_memory(struct core *c, unsigned priority, uint32_t gfp);
void shrink_icache_memory(struct core *c, unsigned priority, uint32_t gfp);
void kmem_cache_reap(struct core *c, uint32_t gfp);

/*
 * A cache of unused entries, modelled: for hosts without a real one, and to
 * say what a real one should do.  Entries stand in a ring, the oldest at old.
 */
enum entry_bit {
	ENTRY_REFERENCED = 1 << 0, /* dentries: used since last looked at */
	ENTRY_DIRTY = 1 << 1,      /* inodes: to be written */
	ENTRY_LOCKED = 1 << 2,     /* inodes: being written; stays dirty */
	ENTRY_PAGES = 1 << 3,      /* inodes: has pages or buffers */
};

struct entries24 {
	uint8_t *entry; /* room for max: enum entry_bit */
	uint32_t max, old, count;
};

void entry_add24(struct entries24 *e, uint8_t bits);

/* => how many were freed */
uint32_t prune_dcache24(struct entries24 *e, uint32_t n);

/* All that are dirty are written first.  => how many were freed */
uint32_t prune_icache24(struct entries24 *e, uint32_t n, uint32_t *ret_written);

/* -- oom.c ----------------------------------------------------------------- */

/* A process, as the out-of-memory killer sees it.  Times in jiffies. */
struct victim24 {
	uint32_t pid;
	uint64_t total_vm; /* pages; 0: it has no memory of its own */
	uint64_t cpu_time, run_time;
	bool niced, is_admin, has_rawio;
};

bool out_of_memory(const struct core *c);
uint64_t badness24(const struct victim24 *v);

/* => the worst of n, or NULL when none may be killed */
const struct victim24 *select_bad_process24(const struct victim24 *v,
                                            unsigned n);

/* The host kills a process, if it can. */
void oom_kill24(struct core *c);

extern const struct tunable tunables24[];
extern const struct policy_ops policy_linux24;

#endif
