/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy.h -- the border between mechanism and policy.
 *
 * The mechanism (src/core) knows where pages are and keeps them safe; a policy
 * (src/reclaim) knows which page should leave next, and keeps the lists.  The
 * mechanism tells the policy what happened to a frame; the policy asks the
 * mechanism to unmap, launder or drop.  A policy never changes a page table
 * entry, a slot or a frame's (K) fields; the mechanism never links a frame into
 * a policy's list.
 *
 *	mapped()  the page is in the program's hands
 *	cached()  it is in its frame, out of reach: DIRTY or clean
 *	cleaned() a write made it clean
 *	found()   a fault found the page in memory, still out of reach
 *	gone()    the frame is about to be locked or freed: let go of it
 *	freed()   a frame went back to its zone
 *	refused() it would not move: not the policy's until mapped() (or NULL)
 *
 * A policy is one const table and one line in reclaim/policies.c.
 */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include "core/core.h"
#include "pageout/stat.h"

enum alloc_use {
	ALLOC_TOUCH,  /* a first touch */
	ALLOC_SWAPIN, /* a page that must come back: may take the last */
	ALLOC_AHEAD,  /* on suspicion: only while frames are plenty */
};

/* Frames that a first touch leaves for pages that come back from swap. */
#define FRAMES_RESERVE 16

struct policy_ops {
	const char *name;
	const char *help; /* one line, for --help and the manual */
	const struct tunable
		*tunables; /* ended by one without a name; or NULL */

	uint8_t slot_rules; /* enum slot_rules */

	/* Bytes of state for a core of this size. */
	size_t (*state_bytes)(const struct core_config *cfg);
	void (*init)(struct core *c);

	/* Set pages_min, pages_low, pages_high of a zone of z->size frames. */
	void (*watermarks)(const struct core *c, struct zone *z);

	/*
	 * Find frames for want pages, neighbours as far as possible; for the
	 * first need of them clean pages may be dropped, or more.
	 * => 0 <= need <= want; returns how many were taken
	 */
	uint32_t (*alloc)(struct core *c, enum alloc_use use, uint32_t want,
	                  uint32_t need, uint32_t *pfns);

	/* What happened.  The frame is on no list of the policy before
	 * mapped() and cached(), and must be on none after gone(). */
	void (*mapped)(struct core *c, struct frame *f);
	void (*cached)(struct core *c, struct frame *f);
	void (*cleaned)(struct core *c, struct frame *f);
	void (*found)(struct core *c, struct frame *f);
	void (*gone)(struct core *c, struct frame *f);
	void (*freed)(struct core *c, struct frame *f);
	void (*refused)(struct core *c, struct frame *f);

	/*
	 * A page must be read from slot e: start reading what lies around it,
	 * by core_read_ahead().  NULL: pages are read by address alone.
	 * => false when pages are to be read by address as well
	 */
	bool (*readahead)(struct core *c, unsigned space, uint64_t vpn,
	                  swp_entry_t e, struct batch *b);

	/* A turn of each daemon; true when another turn has work. */
	bool (*kswapd)(struct core *c, struct batch *b);
	bool (*kreclaimd)(struct core *c, struct batch *b);
	bool (*flush)(struct core *c, struct batch *b);

	/* Frames are wanted: kswapd should know, if it is asleep.  NULL: all
	 * that it takes is a turn. */
	void (*wake_kswapd)(struct core *c);

	/* One turn of all for an allocation that found nothing.
	 * => false when no frame is left that could ever leave */
	bool (*reclaim_direct)(struct core *c, struct batch *b);

	/* Frames that the policy holds, by list: for core_check(). */
	uint32_t (*held)(const struct core *c);
};

/*
 * A number that steers a policy.  Where the original of a policy does what
 * only hurts, exact is what the original does, and preset what we do; else
 * they are equal.
 */
struct tunable {
	const char *name;
	const char *help; /* what it does, and why preset is not exact */
	uint32_t min, max, exact, preset;
};

/* -- what a policy may ask of the mechanism ------------------------------- */

/*
 * Victims for unmapping.  They are sorted before they leave: neighbours are
 * unmapped in one call and get neighbouring slots, whatever order the policy
 * found them in.
 */
struct unmap_group {
	uint32_t count;
	uint32_t runs; /* of neighbours, in the order they were added */
	uint32_t pfn[OP_PAGES_MAX];
};

/* Whether there are operations for a group of one page more. */
bool core_unmap_has_room(const struct core *c, const struct unmap_group *g);

/*
 * Add a mapped frame to a group: gone() is called for it, and it is locked.
 * => returns false when the group has no room or the frame is locked or pinned
 */
bool core_unmap(struct core *c, struct unmap_group *g, struct frame *f);

/*
 * A page leaves an address space in which it is a guest: the entry names its
 * slot from now on.  Nothing moves.
 * => returns false when there is no slot, or the frame is locked
 */
bool core_unmap_guest(struct core *c, unsigned space, uint64_t vpn);

/*
 * Start unmapping the group.  A victim for which there is no slot or no
 * operation stays mapped, and mapped() is called for it.
 * => returns how many are on their way
 */
uint32_t core_unmap_end(struct core *c, struct unmap_group *g, struct batch *b);

/*
 * Start writing the dirty, cached frames of a list, from its tail, in runs of
 * neighbouring slots.  Frames stay on the list.
 * => looks at up to scan frames, starts up to ops operations
 * => returns pages whose write was started
 */
uint32_t core_launder(struct core *c, struct flist *l, uint32_t scan,
                      uint32_t ops, struct batch *b);

/* What would happen if a frame, which is cached, were to be written. */
enum writepage core_writepage(const struct core *c, const struct frame *f);

/* That launder may start a write of a frame, which is cached and dirty. */
bool core_may_write(const struct core *c, const struct frame *f, uint64_t now);

/*
 * Start writing n frames for which core_may_write() holds, n at most
 * OP_PAGES_MAX, in up to ops operations; pfns is put in order of slots.
 * => returns how many were started: the first ones of pfns
 */
uint32_t core_write(struct core *c, uint32_t *pfns, uint32_t n, uint32_t ops,
                    struct batch *b);

/* Free the frame of a page that is cached and clean; gone() is called. */
void core_drop(struct core *c, struct frame *f);

/* Likewise, but the frame is the caller's, as if from core_take(). */
void core_steal(struct core *c, struct frame *f);

/*
 * Take up to want free frames of a zone, but leave reserve of them there:
 * neighbours as far as possible.  => returns how many
 */
uint32_t core_take(struct core *c, struct zone *z, uint32_t reserve,
                   uint32_t want, uint32_t *pfns);

/* Take 2^order neighbours.  => the first, or PFN_NONE when there are none */
uint32_t core_take_block(struct core *c, struct zone *z, unsigned order);

/*
 * A mapped page gives its slot back; when it leaves next it gets another.
 * => false when it has none, or somebody else names it, or it is in motion
 */
bool core_slot_release(struct core *c, struct frame *f);

/* Of the swap space more is used than swap_list.crowded percent. */
bool core_swap_crowded(const struct core *c);

/* A slot is in use, and can be read. */
bool core_slot_in_use(const struct core *c, swp_entry_t e);

/*
 * Start reading one page that is swapped out, before it is asked for.
 * => false when it was not started: it is elsewhere, or memory is short
 */
bool core_read_ahead(struct core *c, unsigned space, uint64_t vpn,
                     struct batch *b);

/*
 * The pages near vpn that are swapped out, and in no frame, in the n slots from
 * first on; VPN_NONE where there is none.
 */
void core_pages_of_slots(const struct core *c, unsigned space, uint64_t vpn,
                         swp_entry_t first, uint32_t n, uint64_t *vpns);

/* A page came in before it was asked for; ask and forget. */
bool core_test_clear_readahead(struct core *c, struct frame *f);

/* Write down what a policy wants to know of the area that holds vpn. */
void core_area_note(struct core *c, unsigned space, uint64_t vpn,
                    uint64_t note);

/* The slot of a page that is swapped out and in no frame, or 0. */
swp_entry_t core_swapped_out(const struct core *c, unsigned space,
                             uint64_t vpn);

/* Undo core_take(), of one frame. */
void core_give(struct core *c, struct frame *f);

/*
 * The first page at or above vpn, below end, that is mapped in a space.
 * => returns its frame, or NULL; *ret_vpn is the page
 */
struct frame *core_next_mapped(const struct core *c, unsigned space,
                               uint64_t vpn, uint64_t end, uint64_t *ret_vpn);

/* A mapped page was touched since this was last asked; ask and forget. */
bool core_test_clear_young(struct core *c, unsigned space, uint64_t vpn);

/*
 * Mappings, of the page at home and of its guests, in which a mapped page was
 * touched since this was last asked; ask and forget.
 */
uint32_t core_referenced(struct core *c, const struct frame *f);

/* All guests of a mapped page leave.  => false when one cannot */
bool core_unmap_guests(struct core *c, const struct frame *f);

/*
 * A word that a policy leaves in the slot of a page whose frame it frees, and
 * takes out when the page is back.  It goes with the page's contents; 0 is
 * none.
 */
void core_shadow_set(struct core *c, swp_entry_t e, uint32_t shadow);
uint32_t core_shadow_take(struct core *c, swp_entry_t e);

/* Try unevictable frames again when their time has come. */
void core_retry_unevictable(struct core *c);

/* -- numbers: the node's lock makes them whole, readers need none ---------- */

static inline void
stat_set(const struct core *c, enum pageout_stat_id id, uint64_t value)
{
	__atomic_store_n(&c->stat[id], value, __ATOMIC_RELAXED);
}

static inline void
stat_add(const struct core *c, enum pageout_stat_id id, uint64_t n)
{
	stat_set(c, id, c->stat[id] + n);
}

static inline void
stat_sub(const struct core *c, enum pageout_stat_id id, uint64_t n)
{
	stat_set(c, id, c->stat[id] - n);
}

/* -- lists ---------------------------------------------------------------- */

void flist_init(struct flist *l);
void flist_add_head(struct core *c, struct flist *l, enum list_id id,
                    struct frame *f);
void flist_add_tail(struct core *c, struct flist *l, enum list_id id,
                    struct frame *f);
void flist_del(struct core *c, struct flist *l, struct frame *f);

/* Its page may be unmapped: mapped by one, not in motion, not pinned. */
static inline bool
frame_may_leave(const struct frame *f)
{
	return (f->flags & (FRAME_LOCKED | FRAME_WRITEBACK)) == 0 &&
	       f->pins == 0 && f->maps <= 1;
}

static inline uint32_t
frame_pfn(const struct core *c, const struct frame *f)
{
	return (uint32_t)(f - c->frames);
}

/* The number of a zone, where id is that of zone 0. */
static inline enum pageout_stat_id
zone_stat(enum pageout_stat_id id, unsigned zone)
{
	return id + zone * (PAGEOUT_STAT_zone1_free - PAGEOUT_STAT_zone0_free);
}

/* The policies there are, ended by NULL; the first is the default. */
extern const struct policy_ops *const policies[];

/*
 * Read a policy with its tunables: "name" or "name:tunable=number,...", where
 * quirks=exact and quirks=fixed set all tunables to the original's and to our
 * values; NULL or "" is the default policy.  Sets cfg->policy and cfg->tunable.
 * => returns NULL, or the place in spec of the first word that is wrong
 */
const char *policy_parse(const char *spec, struct core_config *cfg);

#endif
