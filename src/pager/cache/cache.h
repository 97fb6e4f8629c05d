/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cache.h -- caches that give memory back when a policy asks: shrinkers of the
 * program, and our own slab caches.
 *
 *	shrinker.c	registration, requests, a thread for each
 *	slab.c		objects of one size
 *
 *	policy --host_ops.shrink--> cache_ask(): a goal is noted     node's lock
 *	                                 |
 *	                                 v wakes
 *	                      the cache's own thread --> shrink(ctx, goal)
 *
 *	program --publish--> slot.unused --> caches_tell(), kswapd --> core
 *
 * A cache has a thread of its own because what it runs may do anything: wait,
 * fault, never return.  Nobody waits for it but who unregisters it.
 *
 * A slot's number is that of the core's cache.  States:
 *
 *	FREE --add--> LIVE --remove--> LEAVING --thread joined--> FREE
 *	                                  |                        ^
 *	                                  +--by itself--> ENDED ---+ next add
 *
 * Locking.  lock, then the node's; neither is held while shrink() runs.
 */
#ifndef PAGER_CACHE_CACHE_H
#define PAGER_CACHE_CACHE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/core.h"
#include "core/node/zonelist.h"
#include "os/thread.h"
#include "pageout/pageout.h"

struct node;
struct pager;

enum slot_state { SLOT_FREE, SLOT_LIVE, SLOT_LEAVING, SLOT_ENDED };

/* (C) constant while LIVE; (L) under lock; (N) the node's own;
 * (A) atomic. */
struct cache_slot {
	struct pager *pager;       /* (C) */
	pageout_shrink_fn *shrink; /* (C) */
	void *ctx;                 /* (C) */
	uint32_t id;               /* (C) */
	uint8_t kind;              /* (C) enum cache_kind */
	uint8_t slabs;    /* (C) 1 + the slab cache of its entries; 0 */
	uint8_t state;    /* (A) written under lock: enum slot_state */
	bool calling;     /* (L) */
	bool by_itself;   /* (L) its own call has unregistered it */
	bool said_lie;    /* (A) */
	uint64_t unused;  /* (A) as published */
	uint32_t growing; /* (A) slabs that are being added */
	uint32_t grown;   /* (A) one was: bits of the nodes not told so */
	uint32_t told[NODES_MAX], told_flags[NODES_MAX]; /* (N) */
	uint64_t goal;  /* (A) GOAL_NONE, a number, or GOAL_ALL */
	uint32_t asked; /* (A) futex: there is a goal */
	struct os_thread thread;
	void *stack;
};

struct cache_slots {
	pthread_mutex_t lock;
	struct cache_slot slot[CACHES_MAX];
};

/*
 * Register what shrink() does.
 *
 *	cache	kind, flags and order; the rest is 0
 *	slabs	1 + the slab cache of its entries, or 0
 *
 * => returns its number, -ENOSPC, -ENOMEM or -EAGAIN
 */
int cache_add(struct pager *p, const struct cache *cache, unsigned slabs,
              pageout_shrink_fn *shrink, void *ctx);
int cache_remove(struct pager *p, unsigned id);

/* The slot of a cache that is registered, or NULL. */
struct cache_slot *cache_slot(struct pager *p, unsigned id);

/* Note a goal, 0 for all, and wake the thread; under any lock, or none. */
void cache_ask(struct pager *p, unsigned id, uint64_t goal);

/* Tell a node's core what was published since it was last told. */
void caches_tell(struct node *n);

/* It has done what it was asked to: so many entries, or slabs, are gone. */
void cache_shrunk(const struct cache_slot *s, uint64_t freed);

/* Close what is registered still.  => before pager_unmap_all() */
void caches_close(struct pager *p);

/* -- what the public calls do; see pageout.h ------------------------------ */

int pager_shrinker_register(struct pager *p, const struct pageout_shrinker *s,
                            unsigned *ret_id);
int pager_shrinker_publish(struct pager *p, unsigned id, uint64_t unused);
int pager_shrinker_ask(struct pager *p, unsigned id, uint64_t goal);
int pager_shrinker_unregister(struct pager *p, unsigned id);

int pager_slab_create(struct pager *p, size_t bytes, size_t align,
                      pageout_slab_make_fn *make, unsigned flags,
                      struct pageout_slab **ret);

/* 1 + the number of a slab cache; 0: it is another pager's. */
unsigned slab_number(const struct pageout_slab *s, const struct pager *p);

/* Whatever is in use. */
void slab_close(struct pageout_slab *s);

/* The shrink function of a slab cache: goal slabs. */
int64_t slab_reap(void *ctx, uint64_t goal);

#endif
