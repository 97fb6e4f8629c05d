/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * swap.h -- the tables of swap areas: who has which slot is in them.
 *
 * Fields are (K) written by the mechanism, (P) by the policy, both under the
 * node's lock; (C) constant.
 */
#ifndef CORE_SWAP_SWAP_H
#define CORE_SWAP_SWAP_H

#include <stdbool.h>
#include <stdint.h>

#define SLOT_CLUSTER 256 /* swap slots taken in a row (SWAPFILE_CLUSTER) */

/*
 * A swap entry names a slot: area in bits 27..31, slot number below.  Entry 0
 * is none; slot 0 is never handed out.  After SWAP_AREAS_MAX areas come files.
 */
typedef uint32_t swp_entry_t;

#define SWP_OFFSET_BITS 27
#define SWP_OFFSET_MASK ((1u << SWP_OFFSET_BITS) - 1)
#define SWAP_TYPES (1u << (32 - SWP_OFFSET_BITS))

/* Whether pages of an area are written; of memory file systems they are not. */
enum writepage {
	WRITEPAGE_WRITES,
	WRITEPAGE_REFUSES, /* not now: what lacks is not the core's to know */
	WRITEPAGE_NONE,    /* there is no such operation */
};

/*
 * Clusters of an area in which no slot is taken, in the order in which they
 * became so; numbers of clusters, 0: none (the first has the header in it).
 */
struct slot_clusters {
	uint32_t *next;
	uint32_t head, tail;
	uint32_t current; /* the one that slots come from, or 0 */
	uint32_t slot;    /* the next of it to look at */
};

/*
 * A swap area: one device.  map[] counts a slot's users (SLOT_*); tag[] holds
 * the frame while the slot is cached and the contents' hash while it is not.
 */
struct swap_area {
	uint16_t *map;      /* (K) */
	uint16_t *taken;    /* (K) slots not free, for each SLOT_CLUSTER */
	uint64_t *tag;      /* (K) */
	uint64_t *cached;   /* (K) bitmap: the slot is in the swap cache */
	uint32_t nr_cached; /* (K) that so many are */
	uint32_t *shadow;   /* (P) what a policy keeps of the page; or 0 */
	int prio;           /* (K) higher ones fill up first */
	int next;           /* (K) area of the same priority or lower, or -1 */
	uint32_t max;       /* (K) slots 1..max-1 exist */
	uint32_t limit;     /* (C) max never passes it */
	uint32_t lowest_bit, highest_bit;  /* (K) no free slot lies outside */
	uint32_t cluster_next, cluster_nr; /* (K) the run being handed out */
	struct slot_clusters clusters;     /* (K) */
	uint32_t free;                     /* (K) */
	uint32_t bad;                      /* (K) slots that failed a write */
	uint32_t overflows;                /* (K) users not counted any more */
	uint64_t retry_ns;                 /* (K) no writes before this time */
	uint32_t errors;                   /* (K) writes that failed in a row */
	uint8_t writepage; /* (C) enum writepage: set after core_swapon() */
	uint32_t failed;   /* (K) of a file: pages not written, ever */
	bool solid_state;  /* (C) likewise, by core_swap_solid_state() */
	bool in_use;       /* (K) */
	bool leaving;      /* (K) by core_swapoff() */
};

/* map[]: 0 is free, 1..SLOT_COUNT_MAX-1 are counts. */
#define SLOT_COUNT_MAX 0x7fffu /* never counted down: it stays taken */
#define SLOT_BAD 0x8000u       /* does not exist or failed a write */

/* All swap areas, by priority.  Numbers of areas; -1: none. */
struct swap_list {
	int head;      /* (K) the first of the highest priority */
	int next;      /* (K) where the next slot is looked for first */
	int auto_prio; /* (K) the last priority given to SWAP_PRIO_AUTO */
	int turn;      /* (K) rules of 6.6: the area that slots come from */
	uint32_t turn_left; /* (K) slots that its turn still has */
	bool batched;       /* (K) slots are plenty: a turn has many */
	uint8_t crowded;    /* (P) percent in use from which on slots are given
	                       back early */
};

/* How slots are chosen and given back: a policy says. */
enum slot_rules {
	SLOT_RULES_24, /* get_swap_page of Linux 2.4: slots.c */
	SLOT_RULES_66, /* get_swap_pages of Linux 6.6: swap/slots66.c */
};

#define SWAP_PRIO_MAX 0x7fff
#define SWAP_PRIO_AUTO (-1) /* below all before it */

#endif
