/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shrinker.c -- caches are registered and asked, each on a thread of its own.
 *
 * The thread is the program's guest in our house: it runs code of the program,
 * so it may fault on managed memory like any thread of the program.  Hence it
 * is none of the pager's own threads, and in inline mode SIGBUS is not blocked
 * on it.
 *
 * Goals that come while a call is under way become one, their sum: each was
 * asked for, and who asked reckons that it is done.  More than there is unused
 * it is not, unless one of them alone was.  What a shrinker says it did is
 * counted, never relied on.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>

#include "base/assert.h"
#include "os/raw.h"
#include "pager/internal.h"

#define GOAL_NONE 0
#define GOAL_ALL UINT64_MAX
#define IDLE_MS 10000

/* The slot whose thread this is; NULL on all others. */
static __thread struct cache_slot *own_slot;

static enum slot_state
state(const struct cache_slot *s)
{
	return (enum slot_state)__atomic_load_n(&s->state, __ATOMIC_ACQUIRE);
}

static void
state_set(struct cache_slot *s, enum slot_state to)
{
	__atomic_store_n(&s->state, (uint8_t)to, __ATOMIC_RELEASE);
}

struct cache_slot *
cache_slot(struct pager *p, unsigned id)
{
	if (id >= CACHES_MAX || state(&p->caches.slot[id]) != SLOT_LIVE)
		return NULL;
	return &p->caches.slot[id];
}

/* -- asking and telling --------------------------------------------------- */

/* One goal for two; GOAL_NONE and GOAL_ALL are what they are. */
static uint64_t
goals_sum(uint64_t had, uint64_t want, uint64_t unused)
{
	uint64_t larger = had > want ? had : want;
	uint64_t most = larger > unused ? larger : unused;

	return had < most - want ? had + want : most;
}

void
cache_ask(struct pager *p, unsigned id, uint64_t goal)
{
	struct cache_slot *s = &p->caches.slot[id];
	uint64_t unused = __atomic_load_n(&s->unused, __ATOMIC_RELAXED);
	uint64_t want = goal == 0 ? GOAL_ALL : goal, had;

	had = __atomic_load_n(&s->goal, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&s->goal, &had,
	                                    goals_sum(had, want, unused), true,
	                                    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		;
	word_ask(&s->asked);
}

/* => under the node's lock */
static void
tell(struct cache_slot *s, struct node *n)
{
	uint64_t unused = __atomic_load_n(&s->unused, __ATOMIC_RELAXED);
	uint32_t bit = 1u << n->id, flags = 0;

	if (__atomic_load_n(&s->growing, __ATOMIC_RELAXED) != 0)
		flags |= CACHE_GROWING;
	if (__atomic_fetch_and(&s->grown, ~bit, __ATOMIC_RELAXED) & bit)
		flags |= CACHE_GROWN;
	s->told[n->id] = unused > UINT32_MAX ? UINT32_MAX : (uint32_t)unused;
	s->told_flags[n->id] = flags;
	tap_cache_tell(n->core, s->id, s->told[n->id], flags);
}

static bool
has_news(const struct cache_slot *s, const struct node *n)
{
	return __atomic_load_n(&s->unused, __ATOMIC_RELAXED) !=
	               s->told[n->id] ||
	       __atomic_load_n(&s->growing, __ATOMIC_RELAXED) != 0 ||
	       __atomic_load_n(&s->grown, __ATOMIC_RELAXED) >> n->id & 1 ||
	       s->told_flags[n->id] != 0;
}

void
caches_tell(struct node *n)
{
	for (unsigned i = 0; i < CACHES_MAX; i++) {
		struct cache_slot *s = cache_slot(n->pager, i);

		if (s == NULL)
			continue;
		node_lock(n);
		/* It leaves the core under this lock. */
		if (n->core->caches[i].kind != CACHE_NONE && has_news(s, n))
			tell(s, n);
		node_unlock(n);
	}
}

/* -- the thread ----------------------------------------------------------- */

void
cache_shrunk(const struct cache_slot *s, uint64_t freed)
{
	struct node *n = &s->pager->nodes[0];

	node_lock(n);
	tap_cache_shrunk(n->core, s->id, freed);
	node_unlock(n);
}

static bool
call_begin(struct cache_slot *s)
{
	struct pager *p = s->pager;
	bool live;

	(void)pthread_mutex_lock(&p->caches.lock);
	live = state(s) == SLOT_LIVE;
	s->calling = live;
	(void)pthread_mutex_unlock(&p->caches.lock);
	return live;
}

static void
call_end(struct cache_slot *s, int64_t freed)
{
	struct pager *p = s->pager;

	cache_shrunk(s, (uint64_t)freed);
	for (unsigned i = 0; i < p->node_count; i++) {
		node_lock(&p->nodes[i]);
		tell(s, &p->nodes[i]);
		node_unlock(&p->nodes[i]);
	}
	(void)pthread_mutex_lock(&p->caches.lock);
	s->calling = false;
	(void)pthread_mutex_unlock(&p->caches.lock);
}

/* It cannot have freed more than there were, nor less than nothing. */
static int64_t
honest(struct cache_slot *s, int64_t freed, uint64_t had)
{
	if (freed >= 0 && (uint64_t)freed <= had)
		return freed;
	pager_say_once(s->pager, &s->said_lie, PAGEOUT_LOG_WARNING,
	               "a shrinker says that it freed less than nothing, or "
	               "more than it had published");
	return freed < 0 ? 0 : (int64_t)had;
}

static void
call(struct cache_slot *s, uint64_t goal)
{
	uint64_t had = __atomic_load_n(&s->unused, __ATOMIC_RELAXED);
	int64_t freed = s->shrink(s->ctx, goal == GOAL_ALL ? 0 : goal);
	const struct cache_slot *slabs;

	if (s->kind != CACHE_SLAB)
		freed = honest(s, freed, had);
	slabs = s->slabs != 0 ? cache_slot(s->pager, s->slabs - 1u) : NULL;
	if (slabs != NULL && slabs->kind == CACHE_SLAB)
		cache_ask(s->pager, slabs->id, 0);
	call_end(s, freed);
}

static void
allow_sigbus(void)
{
	sigset_t bus;

	(void)sigemptyset(&bus);
	(void)sigaddset(&bus, SIGBUS);
	(void)pthread_sigmask(SIG_UNBLOCK, &bus, NULL);
}

/* The cores forget it.  => with lock held */
static void
forget(struct cache_slot *s, enum slot_state to)
{
	struct pager *p = s->pager;
	struct guard g;

	pager_enter(&g);
	for (unsigned i = 0; i < p->node_count; i++) {
		node_lock(&p->nodes[i]);
		tap_cache_remove(p->nodes[i].core, s->id);
		node_unlock(&p->nodes[i]);
	}
	pager_leave(&g);
	state_set(s, to);
}

static void
shrinker_run(void *ctx)
{
	struct cache_slot *s = ctx;
	struct pager *p = s->pager;

	own_slot = s;
	if (p->cfg.mode == PAGEOUT_MODE_INLINE)
		allow_sigbus();
	while (state(s) == SLOT_LIVE) {
		uint64_t goal = __atomic_exchange_n(&s->goal, GOAL_NONE,
		                                    __ATOMIC_ACQ_REL);

		if (goal == GOAL_NONE)
			word_sleep(&s->asked, IDLE_MS);
		else if (call_begin(s))
			call(s, goal);
	}
	(void)pthread_mutex_lock(&p->caches.lock);
	if (s->by_itself)
		forget(s, SLOT_ENDED);
	(void)pthread_mutex_unlock(&p->caches.lock);
}

/* -- coming and going ----------------------------------------------------- */

/* => with lock held */
static void
slot_init(struct cache_slot *s, struct pager *p, unsigned id, uint8_t kind)
{
	must(state(s) == SLOT_FREE || state(s) == SLOT_ENDED);
	s->pager = p;
	s->id = id;
	s->kind = kind;
	s->calling = s->by_itself = s->said_lie = false;
	s->unused = 0;
	s->goal = GOAL_NONE;
	s->growing = s->grown = s->asked = 0;
}

/* => with lock held */
static int
slot_start(struct cache_slot *s)
{
	if (state(s) == SLOT_ENDED)
		thread_join(&s->thread);
	state_set(s, SLOT_FREE);
	if (s->stack == NULL)
		s->stack = raw_map(THREAD_STACK_BYTES);
	if (s->stack == NULL)
		return -ENOMEM;
	state_set(s, SLOT_LIVE);
	return thread_start(&s->thread, "shrinker", shrinker_run, s, s->stack);
}

/*
 * Enter it in all cores, where it has one number, as all caches have.
 * => its number, or -ENOSPC; with lock held
 */
static int
enter(struct pager *p, const struct cache *cache)
{
	int id = -ENOSPC;

	for (unsigned i = 0; i < p->node_count; i++) {
		int own;

		node_lock(&p->nodes[i]);
		own = tap_cache_add(p->nodes[i].core, cache);
		must(i == 0 || own == id);
		id = own;
		if (id >= 0)
			p->caches.slot[id].told[i] =
				p->caches.slot[id].told_flags[i] = 0;
		node_unlock(&p->nodes[i]);
	}
	return id;
}

int
cache_add(struct pager *p, const struct cache *cache, unsigned slabs,
          pageout_shrink_fn *shrink, void *ctx)
{
	struct cache_slot *s;
	struct guard g;
	int id, r;

	pager_enter(&g);
	(void)pthread_mutex_lock(&p->caches.lock);
	id = enter(p, cache);
	if (id >= 0) {
		s = &p->caches.slot[id];
		slot_init(s, p, (unsigned)id, cache->kind);
		s->slabs = (uint8_t)slabs;
		s->shrink = shrink;
		s->ctx = ctx;
		r = slot_start(s);
		if (r < 0) {
			forget(s, SLOT_FREE);
			id = r;
		}
	}
	(void)pthread_mutex_unlock(&p->caches.lock);
	pager_leave(&g);
	return id;
}

/* => 0 and *ret_join: wait for its thread; or an error */
static int
leave(struct pager *p, unsigned id, bool *ret_join)
{
	struct cache_slot *s = cache_slot(p, id);

	if (s == NULL)
		return -EINVAL;
	if (s->calling && own_slot != NULL && own_slot != s)
		return -EBUSY; /* it might be waiting for us */
	s->by_itself = own_slot == s;
	*ret_join = !s->by_itself;
	state_set(s, SLOT_LEAVING);
	word_ask(&s->asked);
	return 0;
}

int
cache_remove(struct pager *p, unsigned id)
{
	bool join = false;
	int r, cancel;

	/* Half gone it would be neither. */
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	(void)pthread_mutex_lock(&p->caches.lock);
	r = leave(p, id, &join);
	(void)pthread_mutex_unlock(&p->caches.lock);
	if (join) {
		thread_join(&p->caches.slot[id].thread);
		(void)pthread_mutex_lock(&p->caches.lock);
		forget(&p->caches.slot[id], SLOT_FREE);
		(void)pthread_mutex_unlock(&p->caches.lock);
	}
	(void)pthread_setcancelstate(cancel, NULL);
	return r;
}

static void
slot_close(struct cache_slot *s)
{
	int r = 0;

	if (state(s) == SLOT_LIVE && s->kind == CACHE_SLAB)
		slab_close(s->ctx);
	else if (state(s) == SLOT_LIVE)
		r = cache_remove(s->pager, s->id);
	must(r == 0);
	if (state(s) != SLOT_FREE) /* its own call has unregistered it */
		thread_join(&s->thread);
	state_set(s, SLOT_FREE);
	raw_unmap(s->stack, THREAD_STACK_BYTES);
	s->stack = NULL;
}

void
caches_close(struct pager *p)
{
	/* Shrinkers first: their calls may use slabs. */
	for (unsigned pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < CACHES_MAX; i++)
			if (pass == 1 || p->caches.slot[i].kind != CACHE_SLAB)
				slot_close(&p->caches.slot[i]);
}

/* -- the public calls ----------------------------------------------------- */

int
pager_shrinker_register(struct pager *p, const struct pageout_shrinker *s,
                        unsigned *ret_id)
{
	struct pageout_shrinker own = *s; /* it may be in a region */
	struct cache cache = {0};
	unsigned slabs = 0;
	int r;

	if (own.shrink == NULL || own.kind > PAGEOUT_SHRINKER_INODES)
		return -EINVAL;
	cache.kind = own.kind == PAGEOUT_SHRINKER_DENTRIES ? CACHE_DENTRY
	                                                   : CACHE_INODE;
	if (own.slab != NULL) {
		slabs = slab_number(own.slab, p);
		if (slabs == 0)
			return -EINVAL;
	}
	r = cache_add(p, &cache, slabs, own.shrink, own.ctx);
	if (r < 0)
		return r;
	*ret_id = (unsigned)r;
	return 0;
}

/* The slot of a shrinker of the program. */
static struct cache_slot *
shrinker(struct pager *p, unsigned id)
{
	struct cache_slot *s = cache_slot(p, id);

	return s != NULL && s->kind != CACHE_SLAB ? s : NULL;
}

int
pager_shrinker_publish(struct pager *p, unsigned id, uint64_t unused)
{
	struct cache_slot *s = shrinker(p, id);

	if (s == NULL)
		return -EINVAL;
	__atomic_store_n(&s->unused, unused, __ATOMIC_RELAXED);
	return 0;
}

int
pager_shrinker_ask(struct pager *p, unsigned id, uint64_t goal)
{
	if (shrinker(p, id) == NULL)
		return -EINVAL;
	cache_ask(p, id, goal);
	return 0;
}

int
pager_shrinker_unregister(struct pager *p, unsigned id)
{
	return shrinker(p, id) != NULL ? cache_remove(p, id) : -EINVAL;
}
