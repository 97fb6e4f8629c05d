/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kswapd.h -- the page reclaim system of Linux 6.6, of one node, whole.
 *
 * Every page in memory is on one of the node's five lists.  Scans go from the
 * tail, insertions to the head.
 *
 *	   first touch, read            accessed twice, or came back soon
 *	        |                     +------------------------------+
 *	        v                     |                              v
 *	    inactive ---- used -------+                            active
 *	     |  ^  ^                                                 |
 *	     |  |  +------------------ shrink_active_list -----------+
 *	     |  +-- used once, dirty, under write
 *	     v
 *	  unmapped, written, freed; a shadow stays, which says when that was
 *
 * Pages of ordinary areas are anon, those of a file's area are file; how much
 * of either is scanned depends on what their return has cost.
 *
 *	kswapd		asleep while one zone is above its high mark; else
 *			balance_pgdat, from priority 12 to 1
 *	allocations	above the low mark: no questions; below: wake kswapd;
 *			below the lowest: reclaim themselves
 *
 * The files: lists.c (the lists, what the mechanism tells), workingset.c
 * (shadows), shrink.c (active and inactive lists, by 32), folios.c (what
 * becomes of one page), node.c (how much is scanned), vmscan.c (kswapd),
 * sizes.c (marks, watermark tests), alloc.c (the allocator's paths), direct.c
 * (direct reclaim and its throttles), readahead.c, oom.c, kswapd.c (the table).
 *
 * Whatever takes effect at once in a kernel takes effect here when its
 * operation has ended; until then the page is isolated.  A task that would
 * sleep returns SLEEPS66 and is called again; what it has to remember is in a
 * structure (struct scan_control, struct kswapd66, struct alloc66).
 *
 * User space has no accessed bit that it could read: enum tunable66 says what
 * takes its place in real runs, and what else differs from the original.
 */
#ifndef RECLAIM_KSWAPD_H
#define RECLAIM_KSWAPD_H

#include "base/assert.h"
#include "core/file/file.h"
#include "core/policy.h"
#include "pageout/stat.h"
#include "reclaim/jiffies.h"

#define DEF_PRIORITY 12
#define SWAP_CLUSTER_MAX 32
#define MAX_RECLAIM_RETRIES 16
#define PAGE_ALLOC_COSTLY_ORDER 3
#define PAGEBLOCK_ORDER 9
#define PAGEBLOCK_NR_PAGES (1u << PAGEBLOCK_ORDER)
#define DEFAULT_SEEKS 2
#define ZONES_NONE ZONES_MAX /* kswapd_highest_zoneidx: no request */

/* -- what may be asked for ------------------------------------------------- */

/* What a caller of the allocator may do: the kernel's gfp bits. */
enum gfp66 {
	GFP66_HIGH = 1 << 0,
	GFP66_IO = 1 << 1,
	GFP66_FS = 1 << 2,
	GFP66_DIRECT_RECLAIM = 1 << 3,
	GFP66_KSWAPD_RECLAIM = 1 << 4,
	GFP66_MEMALLOC = 1 << 5,
	GFP66_NOMEMALLOC = 1 << 6,
	GFP66_NORETRY = 1 << 7,
	GFP66_RETRY_MAYFAIL = 1 << 8,
	GFP66_NOFAIL = 1 << 9,
	GFP66_THISNODE = 1 << 10,
	GFP66_RECLAIM = GFP66_DIRECT_RECLAIM | GFP66_KSWAPD_RECLAIM,
	GFP66_ATOMIC = GFP66_HIGH | GFP66_KSWAPD_RECLAIM,
	GFP66_KERNEL = GFP66_RECLAIM | GFP66_IO | GFP66_FS,
	GFP66_NOWAIT = GFP66_KSWAPD_RECLAIM,
	GFP66_NOIO = GFP66_RECLAIM,
	GFP66_NOFS = GFP66_RECLAIM | GFP66_IO,
};

/* F3: a mark, and the rights that lower it. */
enum wmark66 { WMARK_MIN, WMARK_LOW, WMARK_HIGH, WMARK_PROMO, NR_WMARK };

enum alloc_flag66 {
	ALLOC66_MIN_RESERVE = 1 << 0,
	ALLOC66_NON_BLOCK = 1 << 1,
	ALLOC66_OOM = 1 << 2,
	ALLOC66_HIGHATOMIC = 1 << 3,
	ALLOC66_NO_WATERMARKS = 1 << 4,
	ALLOC66_KSWAPD = 1 << 5,
	ALLOC66_RESERVES = ALLOC66_MIN_RESERVE | ALLOC66_NON_BLOCK |
	                   ALLOC66_OOM | ALLOC66_HIGHATOMIC,
};

/* Who reclaims. */
enum current66 { CURRENT_KSWAPD, CURRENT_TASK, CURRENT_KTHREAD };

enum tunable66 {
	T66_ACCESSED_BIT,
	T66_UNMAP_BATCH,
	T66_WRITE_CLUSTER,
	T66_RESCHED,
	T66_AWAIT_WRITES,
	T66_STOP_AT_HIGH,
	T66_WATERMARK_SCALE,
	T66_MIN_FREE_KBYTES,
	T66_CLUSTER_READAHEAD,
	T66_SWAP_FULL,
	T66_SWAPPINESS,
	T66_SHADOWS,
	T66_COUNT,
};

/* -- folios ---------------------------------------------------------------- */

enum lru66 {
	LRU_INACTIVE_ANON,
	LRU_ACTIVE_ANON,
	LRU_INACTIVE_FILE,
	LRU_ACTIVE_FILE,
	LRU_UNEVICTABLE,
	NR_LRU_LISTS,
};

/* Index of what is kept for anon and file pages. */
enum type66 { TYPE_ANON, TYPE_FILE, TYPES };

/* frame.age: the kernel's page flags; referenced is FRAME_REFERENCED. */
enum pg66 {
	PG66_LRU = 1 << 0,        /* known to the lists: on one, or isolated */
	PG66_ACTIVE = 1 << 1,     /* on an active list */
	PG66_WORKINGSET = 1 << 2, /* was active before */
	PG66_RECLAIM = 1 << 3,    /* to the tail when its write has ended */
	PG66_ISOLATED = 1 << 4,   /* off its list: it is being unmapped */
	PG66_STANDS = 1 << 5,     /* unmapped by a verdict, which stands */
	PG66_UNEVICTABLE = 1 << 6,
	PG66_PENDING = 1 << 7, /* counted in write_pending */
};

/* The reference verdict (RM-4.1). */
enum folio_references {
	FOLIOREF_RECLAIM,
	FOLIOREF_RECLAIM_CLEAN,
	FOLIOREF_KEEP,
	FOLIOREF_ACTIVATE,
};

/* Where a page is: the states of transitions. */
enum state66 {
	STATE66_FREE,
	STATE66_NONE, /* isolated, or in motion */
	STATE66_INACTIVE_ANON,
	STATE66_ACTIVE_ANON,
	STATE66_INACTIVE_FILE,
	STATE66_ACTIVE_FILE,
	STATE66_UNEVICTABLE,
};

/* -- tasks that may sleep --------------------------------------------------
 *
 * SLEEPS66: call again when something has ended, or its time has come.
 * YIELDS66: it has held the CPU for long enough: call again at once.
 */
enum task66 { DONE66, YIELDS66, SLEEPS66 };

enum throttle66 {
	THROTTLE_WRITEBACK,
	THROTTLE_ISOLATED,
	THROTTLE_NOPROGRESS,
	THROTTLE_CONGESTED,
	NR_THROTTLES,
	THROTTLE_NONE = NR_THROTTLES,
};

/* One sleep in reclaim_wait[why].  The rest is 0 when why is THROTTLE_NONE. */
struct wait66 {
	uint8_t why;    /* enum throttle66 */
	uint64_t until; /* jiffy when it ends at the latest */
	uint64_t wakes; /* pgdat66.reclaim_wait[why].wakes when it began */
};

/* nr: what one round of shrink_node saw. */
struct reclaim_sums {
	uint32_t dirty, unqueued_dirty, congested, writeback, immediate;
	uint32_t file_taken, taken;
};

/* One call of shrink_inactive_list. */
struct shrink_inactive {
	uint8_t stage;
	uint32_t nr_scanned, nr_reclaimed, nr_pageout;
	struct reclaim_sums nr;
	uint32_t count; /* pages of group that were to be unmapped */
	struct unmap_group group;
};

/* One call of shrink_lruvec. */
struct lruvec_scan {
	uint8_t stage;
	uint8_t lru; /* enum lru66: where it goes on */
	uint32_t nr[NR_LRU_LISTS], targets[NR_LRU_LISTS];
	uint32_t todo; /* pages of it to be scanned now */
	uint32_t nr_reclaimed;
	bool proportional;
};

/*
 * One reclaim run.  The caller sets what stands above the line and 0 below; see
 * scan_begin().
 */
struct scan_control {
	uint32_t gfp_mask; /* enum gfp66 */
	uint8_t who;       /* enum current66 */
	uint8_t order;
	uint8_t reclaim_idx; /* highest zone that counts */
	uint32_t nr_to_reclaim;
	bool may_writepage, may_unmap, may_swap;
	bool hibernating, fatal_signal;
	/* -------- */
	int8_t priority;
	bool may_deactivate[TYPES];
	bool force_deactivate, skipped_deactivate;
	bool cache_trim_mode, file_is_tiny, compaction_ready;
	uint64_t anon_cost, file_cost;
	uint32_t nr_scanned, nr_reclaimed;
	struct reclaim_sums nr;

	uint8_t node_stage;      /* of shrink_node */
	uint32_t node_reclaimed; /* before this round */
	bool reclaimable;        /* some round made progress */
	uint32_t held_cpu;       /* pages looked at since it yielded */
	struct lruvec_scan lruvec;
	struct shrink_inactive shrink;
	struct wait66 wait;
};

/* -- the state ------------------------------------------------------------- */

struct lruvec66 {
	struct flist lists[NR_LRU_LISTS];
	uint32_t zone_size[ZONES_MAX][NR_LRU_LISTS];
	uint64_t anon_cost, file_cost;
	uint64_t nonresident_age;
	uint64_t refaults[TYPES]; /* snapshots of workingset_activate */
	bool node_congested;
};

enum zone_flag66 {
	ZONE66_RECLAIM_ACTIVE = 1 << 0,
	ZONE66_BOOSTED_WATERMARK = 1 << 1,
};

/* Of two zones the higher kind is the better memory. */
enum zone_kind66 {
	ZONE66_DMA,
	ZONE66_DMA32,
	ZONE66_NORMAL,
	ZONE66_HIGHMEM,
	ZONE66_MOVABLE,
};

struct zone66 {
	uint32_t watermark[NR_WMARK]; /* without the boost */
	uint32_t watermark_boost;
	uint32_t lowmem_reserve[ZONES_MAX];
	uint32_t nr_reserved_highatomic;
	uint32_t stat_threshold; /* by which a count may be off: F12 */
	uint32_t write_pending;  /* pages dirty or under write */
	uint8_t kind;            /* enum zone_kind66 */
	uint8_t flags;           /* enum zone_flag66 */
};

/* A queue of reclaim_wait[], of which only numbers are known. */
struct reclaim_queue {
	uint32_t waiters;
	uint64_t wakes; /* times that all of it was woken */
};

enum pgdat_flag {
	PGDAT_DIRTY = 1 << 0,
	PGDAT_WRITEBACK = 1 << 1,
};

/* How kswapd stands in its loop (RM-5.3). */
enum kswapd_stage {
	KSWAPD_START,       /* 1. reads the request */
	KSWAPD_TRY_SLEEP,   /* 2. about to */
	KSWAPD_SHORT_SLEEP, /* HZ/10 at most */
	KSWAPD_LONG_SLEEP,  /* until it is woken */
	KSWAPD_BALANCE,     /* in balance_pgdat */
};

/* One call of balance_pgdat. */
struct balance66 {
	uint8_t stage;
	uint8_t idx;
	bool boosted, raise_priority;
	uint32_t boost_left;
	uint32_t zone_boosts[ZONES_MAX];
	uint32_t nr_reclaimed; /* before this round */
	struct scan_control sc;
};

struct kswapd66 {
	uint8_t stage; /* enum kswapd_stage */
	bool woken;    /* since it went to sleep */
	bool early;    /* that was before a short sleep was over */
	bool waiting;  /* on kswapd_wait */
	bool awaits;   /* the end of a write, amid a run */
	uint8_t alloc_order, reclaim_order, highest_zoneidx;
	uint64_t until; /* jiffy when its short sleep ends */
	struct balance66 balance;
};

/* One call of try_to_free_pages. */
struct direct66 {
	uint8_t stage;
	uint64_t until; /* jiffy when a wait on pfmemalloc_wait ends */
	uint64_t wakes; /* pgdat66.pfmemalloc_wakes when it last looked */
	uint32_t ret;   /* pages reclaimed, or 1 to go on without */
	struct scan_control sc;
};

/* One call of the slow path.  Set gfp, order, memalloc, ...; the rest is 0. */
struct alloc66 {
	uint32_t gfp; /* enum gfp66 */
	uint8_t order;
	uint8_t highest_zoneidx;
	bool memalloc; /* PF_MEMALLOC */
	bool oom_victim, fatal_signal, realtime, interrupt, kthread;
	bool dumping_core;
	/* -------- */
	uint8_t stage;
	uint32_t alloc_flags; /* enum alloc_flag66 */
	uint32_t no_progress_loops;
	uint32_t compact_retries, did_some_progress;
	uint64_t until; /* jiffy: it yields that long */
	uint32_t pfn;   /* result */
	struct direct66 direct;
};

enum alloc_result66 {
	ALLOC66_GOT, /* a->pfn, and the frames after it */
	ALLOC66_FAILED,
	ALLOC66_SLEEPS, /* call again */
};

/* A window of swap read-ahead (F9): by slots, or by pages of an area. */
struct readahead66 {
	uint64_t prev; /* the last fault; by slots, without a hit before */
	uint32_t hits, window;
};

struct pgdat66 {
	struct lruvec66 lruvec;
	struct zone66 zone[ZONES_MAX];
	uint32_t nr_isolated[TYPES];
	struct unmap_group idle_group; /* whose accessed bit is cleared so */
	uint32_t write_count;          /* pages that pageout writes in one go */
	uint32_t write_run[OP_PAGES_MAX];
	uint8_t flags; /* enum pgdat_flag */

	uint8_t kswapd_order, kswapd_highest_zoneidx;
	uint32_t kswapd_failures;
	bool kswapd_runs; /* there is a kswapd */
	struct kswapd66 kswapd;
	bool flusher_woken;

	uint32_t pfmemalloc_waiters;
	uint64_t pfmemalloc_wakes;
	struct reclaim_queue reclaim_wait[NR_THROTTLES];
	uint64_t nr_throttled_written; /* pages written while somebody waits */

	struct alloc66 fault; /* reclaims for all faults without a frame */
	bool fault_reclaims;  /* it is under way */
	uint64_t deeds;       /* pages that left, moved, or are on their way */
	bool hopeless;        /* nothing could leave: the last frames may go */

	uint32_t page_cluster;
	struct readahead66 cluster_readahead;

	uint32_t nr_deferred[CACHES_MAX]; /* F7 */
	bool caches_asked;                /* since memory was last balanced */
	uint64_t frames_given;            /* of the core's, those looked at */
};

static inline struct pgdat66 *
pgdat66(const struct core *c)
{
	return c->policy_state;
}

static inline struct zone66 *
zone66(const struct core *c, unsigned i)
{
	return &pgdat66(c)->zone[i];
}

static inline uint32_t
tunable66(const struct core *c, enum tunable66 t)
{
	return c->cfg.tunable[t];
}

/* -- lists.c --------------------------------------------------------------- */

/* By what it belongs to: an ordinary area, or a file's. */
static inline enum type66
folio_type(const struct frame *f)
{
	return entry_is_file(f->entry) ? TYPE_FILE : TYPE_ANON;
}

static inline bool
folio_test(const struct frame *f, enum pg66 bit)
{
	return (f->age & bit) != 0;
}

/* The list that its flags select (I1), and the one that it is on. */
enum lru66 folio_lru(const struct frame *f);
enum state66 list_state66(const struct frame *f);

void lruvec_add(struct core *c, struct frame *f);
void lruvec_add_tail(struct core *c, struct frame *f);
void lruvec_del(struct core *c, struct frame *f);

/* From where it is to the head of the list that its flags select. */
void lruvec_move(struct core *c, struct frame *f, unsigned cause);

/* Pages of a list in zones 0..idx. */
uint32_t lruvec_lru_size(const struct core *c, enum lru66 lru, unsigned idx);

/* T2 to T4: a read or write of it, not by mapping. */
void folio_mark_accessed(struct core *c, struct frame *f);

/* T7, wherever it is. */
void folio_activate(struct core *c, struct frame *f);

/* T10: its write has ended. */
void folio_rotate_reclaimable(struct core *c, struct frame *f);

/* T13, for hosts that truncate files. */
void deactivate_file_folio(struct core *c, struct frame *f);

/* F6. */
void lru_note_cost(struct core *c, enum type66 type, uint32_t nr_io,
                   uint32_t nr_rotated);

/* It is off its list till it is unmapped.  => false when it cannot be */
bool folio_isolate(struct core *c, struct unmap_group *g, struct frame *f);

/* Tell the host of a transition, 1 to 13; or that a frame is in motion. */
#define CAUSE_MOTION 0
void trace66(const struct core *c, const struct frame *f, enum state66 from,
             enum state66 to, unsigned cause);

void kswapd_mapped(struct core *c, struct frame *f);
void kswapd_cached(struct core *c, struct frame *f);
void kswapd_cleaned(struct core *c, struct frame *f);
void kswapd_found(struct core *c, struct frame *f);
void kswapd_gone(struct core *c, struct frame *f);
void kswapd_freed(struct core *c, struct frame *f);
void kswapd_refused(struct core *c, struct frame *f);
uint32_t kswapd_held(const struct core *c);

/* -- workingset.c ---------------------------------------------------------- */

/* A shadow: bit 0 set, bit 1 the workingset flag, then the age: 30 bits. */
uint32_t pack_shadow(uint64_t age, bool workingset);
void workingset_age_nonresident(struct core *c, uint32_t nr);
uint32_t workingset_eviction(struct core *c, const struct frame *f);

/* RM-10.2.  => true when it came back soon enough to be active */
bool workingset_refault(struct core *c, struct frame *f, uint32_t shadow);
bool workingset_recent(const struct core *c, enum type66 type, uint32_t shadow);

/* -- shrink.c -------------------------------------------------------------- */

bool inactive_is_low(const struct core *c, enum type66 type);
bool too_many_isolated(const struct core *c, const struct scan_control *sc,
                       enum type66 type);
void shrink_active_list(struct core *c, uint32_t nr_to_scan,
                        struct scan_control *sc, enum lru66 lru,
                        struct batch *b);
/* => SLEEPS66: throttled, or it waits for pages to be unmapped */
enum task66 shrink_inactive_list(struct core *c, uint32_t nr_to_scan,
                                 struct scan_control *sc, enum lru66 lru,
                                 struct batch *b);

/* -- folios.c -------------------------------------------------------------- */

enum folio_references folio_check_references(struct core *c, struct frame *f);

/* What became of a page in shrink_folio_list. */
enum folio_exit {
	FOLIO_KEPT, /* put back, or activated */
	FOLIO_FREED,
	FOLIO_UNMAPPING, /* in sc->shrink.group: finish it after that */
};

/* Steps 1 to 7 of RM-6.9, and the rest when it is not mapped. */
enum folio_exit shrink_folio(struct core *c, struct frame *f,
                             struct scan_control *sc, struct batch *b);

/* Steps 8 to 12: of a page that was unmapped by a verdict, which stands. */
enum folio_exit shrink_folio_finish(struct core *c, struct frame *f,
                                    struct scan_control *sc, struct batch *b);

/* It is in an area that is locked, or run. */
bool folio_mlocked(const struct core *c, const struct frame *f);
bool folio_exec(const struct core *c, const struct frame *f);

/*
 * Its accessed bits, found and cleared.  Where they cannot be cleared the page
 * is taken out of reach for it by folio_idle(), if it stays inactive.
 */
void folio_idle(struct core *c, struct frame *f, struct batch *b);

/* Start what folio_idle() and pageout gathered: before a task returns. */
void reclaim_flush(struct core *c, struct batch *b);

/* -- node.c ---------------------------------------------------------------- */

enum scan_balance { SCAN_EQUAL, SCAN_FRACT, SCAN_ANON, SCAN_FILE };

void prepare_scan_count(struct core *c, struct scan_control *sc);
enum scan_balance get_scan_count(const struct core *c,
                                 const struct scan_control *sc, uint32_t *nr);

/* F5: the shares of scan. */
void scan_fractions(uint32_t swappiness, uint64_t anon_cost, uint64_t file_cost,
                    uint64_t fraction[TYPES]);

void scan_begin(struct scan_control *sc, int priority);
enum task66 shrink_node(struct core *c, struct scan_control *sc,
                        struct batch *b);
bool should_continue_reclaim(const struct core *c,
                             const struct scan_control *sc,
                             uint32_t nr_reclaimed);

/* F7: one cache, and all.  => entries that were asked for */
uint32_t do_shrink_slab(struct core *c, unsigned id, int priority);
void shrink_slab(struct core *c, struct scan_control *sc);

/* Frames that were given back since caches were asked, and not counted yet. */
uint32_t caches_gave(const struct core *c);
void snapshot_refaults(struct core *c);

/* CM-18: frames beyond the order that make a block likely. */
static inline uint32_t
compact_gap(unsigned order)
{
	return 2u << order;
}

/* Swap that anon pages could go to; swap, with room or without. */
bool can_reclaim_anon_pages(const struct core *c);
bool can_age_anon_pages(const struct core *c);

/* -- vmscan.c -------------------------------------------------------------- */

void kswapd_run66(struct core *c);
void kswapd_stop66(struct core *c);
bool pgdat_balanced(const struct core *c, unsigned order, unsigned idx);
bool prepare_kswapd_sleep(struct core *c, unsigned order, unsigned idx);
enum task66 balance_pgdat(struct core *c, struct balance66 *bp,
                          struct batch *b);

/* kswapd_wait: it is woken, and the host is asked for a turn. */
void wake_up_kswapd(struct core *c);

/* It runs, or sleeps amid a run: it has a turn if that may be over. */
void nudge_kswapd(const struct core *c);

/* There is no kcompactd; the trace shows what it was woken for. */
#define CAUSE_KCOMPACTD 59 /* count: the order; age: the zone */
void wakeup_kcompactd(struct core *c, unsigned order, unsigned idx);

bool kswapd_turn(struct core *c, struct batch *b);
bool kswapd_kreclaimd(struct core *c, struct batch *b);
bool kswapd_flush(struct core *c, struct batch *b);
void wakeup_flusher_threads(struct core *c);

/* Publish what is not counted where it happens. */
void publish66(struct core *c);

extern const struct tunable tunables66[];
extern const struct policy_ops policy_kswapd;

#include "reclaim/kswapd/alloc.h"

#endif
