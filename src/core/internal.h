/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * internal.h -- what the files of the core share among themselves.
 *
 *	frames.c	frames, buddy zones: who has which place of the pool
 *	slots.c		swap slots: who has which place of the device
 *	swap/slots66.c	the same by other rules
 *	swap/swapoff.c	a device goes out of use
 *	file/files.c	mapped files: pages whose place is given
 *	space.c		areas and page tables: what is where
 *	fault/		a page comes in: fault.c, it is asked for; readahead.c,
 *			it may be wanted next; arrive.c, it is there
 *	evict.c		a page goes out
 *	motion.c	pages are discarded, moved, taken over
 *	check.c		the laws, walked
 */
#ifndef CORE_INTERNAL_H
#define CORE_INTERNAL_H

#include "base/assert.h"
#include "core/core.h"
#include "core/file/file.h"
#include "core/policy.h"
#include "pageout/stat.h"

/* Operations kept back: the last ones are for work that ends other work. */
#define OPS_RESERVE_DONE 8   /* only core_op_done() takes these */
#define OPS_RESERVE_FAULT 24 /* faults leave these; daemons more */
#define OPS_RESERVE_DAEMON 40

/* -- page table entries --------------------------------------------------- */

static inline enum pte_kind
pte_kind(pte_t pte)
{
	return (enum pte_kind)(pte & 3);
}

static inline uint32_t
pte_pfn(pte_t pte)
{
	should(pte_kind(pte) == PTE_PRESENT);
	return (uint32_t)(pte >> 32);
}

static inline swp_entry_t
pte_entry(pte_t pte)
{
	should(pte_kind(pte) == PTE_SWAP);
	return (swp_entry_t)(pte >> 32);
}

static inline pte_t
pte_present(uint32_t pfn)
{
	return (pte_t)pfn << 32 | PTE_YOUNG | PTE_PRESENT;
}

static inline pte_t
pte_swap(swp_entry_t e)
{
	return (pte_t)e << 32 | PTE_SWAP;
}

/* -- space.c -------------------------------------------------------------- */

/* The entry of a page, or NULL where no table is: then it is none. */
static inline pte_t *
pte_of(const struct core *c, unsigned space, uint64_t vpn)
{
	pte_t *leaf;

	should(space < c->cfg.spaces && vpn >> 36 == 0);
	leaf = c->spaces[space].leaves[vpn >> TABLE_SHIFT];
	return leaf ? &leaf[vpn & (TABLE_ENTRIES - 1)] : NULL;
}

static inline pte_t
pte_get(const struct core *c, unsigned space, uint64_t vpn)
{
	const pte_t *p = pte_of(c, space, vpn);

	return p ? *p : PTE_NONE;
}

/* The first page at or above vpn whose table exists; end when there is none. */
uint64_t table_skip(const struct core *c, unsigned space, uint64_t vpn,
                    uint64_t end);
struct page_id {
	uint64_t id, off;
};
struct page_id area_page_id(const struct area *a, uint64_t vpn);
void areas_moving(struct core *c, unsigned space, uint64_t vpn, uint64_t pages,
                  bool moving);

static inline uint64_t
area_end(const struct area *a)
{
	return a->vpn + a->pages;
}

/* The slot of a file's page, which it has whether it is used or not; or 0. */
static inline swp_entry_t
area_slot(const struct area *a, uint64_t vpn)
{
	return a->file == 0 ? 0 : a->file + (swp_entry_t)(vpn - a->vpn);
}

/* -- frames.c ------------------------------------------------------------- */

void frames_init(struct core *c);

/*
 * Frames for pages, by the policy: see policy.h, alloc().  kswapd lets the pool
 * grow ahead of those who take them.
 */
uint32_t frames_alloc(struct core *c, enum alloc_use use, uint32_t want,
                      uint32_t need, uint32_t *pfns);

/*
 * A frame is nobody's any more.  FRAME_FRESH and FRAME_EMPTY say what is in
 * its place.
 */
void frame_free(struct core *c, struct frame *f);

/* Start populating more of the pool, if there is more.  => true if so */
bool frames_populate(struct core *c, struct batch *b);
void frames_populated(struct core *c, struct op *op);

/* Frames come in a moment, for which nothing has to leave. */
bool frames_growing(const struct core *c);

/* The pool is to grow, if it can. */
bool frames_to_grow(const struct core *c);

/* -- slots.c -------------------------------------------------------------- */

/* The priority list is empty. */
void slots_init(struct core *c);

/* An area of which no slot exists yet; mem has room for the tables of slots. */
void swap_area_init(struct swap_area *s, void *mem, uint32_t slots);

/*
 * Take a slot for a frame.  It is in the swap cache.
 * => users is 1, the cache; or 2, the cache and the caller
 * => 0 when there is none
 */
swp_entry_t slot_alloc(struct core *c, uint32_t pfn, uint16_t users);

/*
 * One user more, one less; the slot is free when the last is gone.  A slot that
 * had SLOT_COUNT_MAX of them stays taken.
 */
void slot_get(struct core *c, swp_entry_t e);
void slot_put(struct core *c, swp_entry_t e);

/* The slot has this many users, or had too many to know. */
bool slot_counts(const struct core *c, swp_entry_t e, uint32_t users);

/* It has more than one. */
bool slot_shared(const struct core *c, swp_entry_t e);

/* The frame that caches a slot, or NULL. */
struct frame *slot_frame(const struct core *c, swp_entry_t e);

/* Enter and leave the swap cache.  The hash is kept while it is not cached. */
uint64_t slot_cache(struct core *c, swp_entry_t e, uint32_t pfn);
void slot_uncache(struct core *c, swp_entry_t e, uint64_t hash);

/*
 * A write to a slot failed.  slot_bad(): only the cache names it; it is never
 * used again.  slot_rest(): no writes to its area for a while, 10 ms doubling
 * to 1 s until slot_written() says that one succeeded; slot_resting(): none
 * has since.
 */
void slot_bad(struct core *c, swp_entry_t e);
void slot_rest(struct core *c, swp_entry_t e, uint64_t now);
bool slot_resting(const struct core *c, swp_entry_t e);
void slot_written(struct core *c, swp_entry_t e);
bool swap_writable(const struct core *c, swp_entry_t e, uint64_t now);

/*
 * Hand out no slot of an area any more, until core_swapoff_undo(); it is gone
 * for good, when slots_used() is 0.
 */
void slots_withdraw(struct core *c, unsigned type);
void slots_end(struct core *c, unsigned type);
uint32_t slots_used(const struct core *c, unsigned type);

/* The page that a frame holds has no slot any more. */
void slot_leave(struct core *c, struct frame *f);

/* Some area rests. */
bool swap_rests(const struct core *c);

/* The first free slot from off on; that of the first free run; or 0. */
uint32_t slots_find_free(const struct swap_area *s, uint32_t off);
uint32_t slots_find_run(const struct swap_area *s);

/* An area goes behind those of its priority, or before: by the rules. */
void slots_requeue(struct core *c, int type);

/* -- swap/slots66.c ------------------------------------------------------- */

/*
 * The area that the next slot is to be taken from, and the slot.
 * => -1 when there is none
 */
int slot_find66(struct core *c, uint32_t *ret_off);

/*
 * Of a solid-state device: slots below ready exist now, below from they did
 * before; a cluster gets its first slot; it loses its last.
 */
bool cluster_is_whole(const struct swap_area *s, uint32_t cluster);
void clusters_grown(struct swap_area *s, uint32_t from, uint32_t ready);
void cluster_used(struct swap_area *s, uint32_t cluster);
void cluster_free(struct swap_area *s, uint32_t cluster);

/* A page was mapped: it may give its slot back (RM-11.7). */
void slot_after_fault(struct core *c, struct frame *f);

/* -- motion.c: guests ------------------------------------------------------ */

/* The entry of a guest is none; its frame, or slot, has one user less. */
void guest_forget(struct core *c, unsigned space, pte_t *pte);

/* An area of guests goes, and its entries with it: none would find them. */
void guests_part(struct core *c, unsigned space, const struct area *a);

/* A fault on a page that is at home elsewhere. */
enum fault_verdict guest_fault(struct core *c, unsigned space, uint64_t vpn,
                               const struct area *a, struct batch *b);

/* Entries of guests that name slot e, for the page at home at vpn. */
uint32_t guests_of_slot(const struct core *c, unsigned space, uint64_t vpn,
                        swp_entry_t e);

/* -- files.c -------------------------------------------------------------- */

/*
 * A page of a file will be read for the first time since nobody knew it: the
 * table names its slot from now on.
 */
void file_slot_name(struct core *c, swp_entry_t e);

/*
 * What was read of a page differs from what was expected, and is right: it is
 * the first time, or somebody else writes the file, or the file ends there.
 */
bool file_believe(const struct op *op, const struct op_page *pg,
                  const struct frame *f);

/* Start writing those of the pages just unmapped that a sync waits for. */
void file_sync_unmapped(struct core *c, const struct op *op, struct batch *b);

/* -- readahead.c ---------------------------------------------------------- */

struct plan {
	int64_t delta;   /* pages between accesses */
	uint32_t window; /* accesses to expect; 1: only this page */
};

/*
 * A fault on vpn: find its stream, learn, and say how far to look ahead.
 * => after the caller asked for n steps beyond vpn, it says stream_reach(n)
 */
struct plan stream_fault(struct core *c, unsigned space, uint64_t vpn,
                         const struct area *a, struct stream **ret);

/* Start reading one run that holds vpn out of [low, high).  => pages, or 0 */
uint32_t read_start(struct core *c, unsigned space, const struct area *a,
                    uint64_t vpn, uint64_t low, uint64_t high, bool wanted,
                    struct batch *b);

/* Start reading what a stream will want after the page that faulted. */
void read_ahead(struct core *c, unsigned space, uint64_t vpn,
                const struct area *a, struct plan plan, struct stream *s,
                struct batch *b);

/* -- fault.c --------------------------------------------------------------- */

/* Put page vpn, whose frame is locked, into an operation that maps it. */
void map_add(struct core *c, struct op *op, uint64_t vpn, struct frame *f);

/* -- arrive.c, evict.c, motion.c: what core_op_done() calls ---------------
 *
 * Each takes the operation over: it becomes another one (and is in b), or it
 * is free again.
 */

void map_done(struct core *c, struct op *op, struct batch *b);
void read_done(struct core *c, struct op *op, struct batch *b);
void unmap_done(struct core *c, struct op *op, struct batch *b);
void write_done(struct core *c, struct op *op, struct batch *b);
void remap_done(struct core *c, struct op *op, struct batch *b);
void adopt_done(struct core *c, struct op *op, struct batch *b);
void unpoison_done(struct core *c, struct op *op);

/* Order up to OP_PAGES_MAX frames by a key of theirs. */
void sort_frames(const struct core *c, uint32_t *pfns, uint32_t n,
                 uint64_t (*key)(const struct frame *f));

/* -- small things that all share ------------------------------------------ */

/* The frame that a page is in, mapped or not, or NULL. */
static inline struct frame *
frame_of_page(const struct core *c, unsigned space, uint64_t vpn)
{
	pte_t pte = pte_get(c, space, vpn);

	if (pte_kind(pte) == PTE_PRESENT)
		return &c->frames[pte_pfn(pte)];
	return pte_kind(pte) == PTE_SWAP ? slot_frame(c, pte_entry(pte)) : NULL;
}

/* Only reserve operations are left. */
static inline bool
op_short(const struct core *c, uint32_t reserve)
{
	return c->ops_free_count <= reserve;
}

/* An operation, or NULL when only reserve are left. */
static inline struct op *
op_get(struct core *c, enum op_kind kind, uint32_t reserve)
{
	struct op *op = c->ops_free;

	if (op_short(c, reserve))
		return NULL;
	c->ops_free = op->next;
	c->ops_free_count--;
	c->ops_in_flight++;
	op->kind = (uint8_t)kind;
	op->flags = 0;
	op->count = 0;
	return op;
}

static inline void
op_put(struct core *c, struct op *op)
{
	op->next = c->ops_free;
	c->ops_free = op;
	c->ops_free_count++;
	c->ops_in_flight--;
}

/* It has ended: wake who waited for its pages to fault again, or free it. */
static inline void
op_wake(struct core *c, struct op *op, bool wanted, struct batch *b)
{
	if (!wanted) {
		op_put(c, op);
		return;
	}
	op->kind = OP_WAKE;
	batch_add(b, op);
}

static inline void
op_at(struct op *op, unsigned space, uint64_t vpn)
{
	op->space = (uint16_t)space;
	op->vpn = vpn;
}

static inline void
op_add(struct op *op, uint32_t pfn)
{
	should(op->count < OP_PAGES_MAX);
	op->pg[op->count++] = (struct op_page){.pfn = pfn};
}

static inline uint64_t
now_ns(const struct core *c)
{
	return c->cfg.host->now_ns(c->cfg.host_ctx);
}

/*
 * That nothing could leave at some time, or that a page refused to, is true
 * now.
 */
static inline bool
still_holds(const struct core *c, uint64_t ns)
{
	return now_ns(c) <= ns + 1000000 + c->cfg.patience_ns / 32;
}

static inline void
wake(const struct core *c, enum daemon who)
{
	c->cfg.host->wake(c->cfg.host_ctx, who);
}

/* A page entered a program, or left it. */
static inline void
rss_add(struct core *c, unsigned space, struct frame *f)
{
	f->maps++;
	c->spaces[space].rss++;
	stat_add(c, PAGEOUT_STAT_nr_mapped, 1);
}

static inline void
rss_sub(struct core *c, unsigned space, struct frame *f)
{
	must(c->spaces[space].rss > 0 && f->maps > 0);
	f->maps--;
	c->spaces[space].rss--;
	stat_sub(c, PAGEOUT_STAT_nr_mapped, 1);
}

/* Frame and page find each other. */
static inline void
frame_bind(struct frame *f, unsigned space, uint64_t vpn)
{
	f->space = (uint16_t)space;
	f->vpn = vpn;
}

/* Take a frame off whatever list of pages it is on. */
static inline void
frame_unlist(struct core *c, struct frame *f)
{
	if (f->list == LIST_UNEVICTABLE) {
		flist_del(c, &c->unevictable, f);
		stat_sub(c, PAGEOUT_STAT_nr_unevictable, 1);
	} else {
		c->cfg.policy->gone(c, f);
	}
}

/*
 * Lock a frame for an operation, and unlock it.
 * => a locked frame is on no list
 */
static inline void
frame_lock(struct core *c, struct frame *f)
{
	must((f->flags & (FRAME_LOCKED | FRAME_WRITEBACK)) == 0); /* [I4] */
	if (f->list != LIST_NONE)
		frame_unlist(c, f);
	f->flags |= FRAME_LOCKED;
}

static inline void
frame_unlock(struct frame *f)
{
	must(f->flags & FRAME_LOCKED);
	f->flags &= (uint16_t)~FRAME_LOCKED;
}

/* Its page lets go of a frame, which is freed when nothing names it. */
void frame_orphan(struct core *c, struct frame *f);
void frame_put(struct core *c, struct frame *f);

#endif
