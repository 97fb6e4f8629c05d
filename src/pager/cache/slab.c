/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slab.c -- slab caches: objects of one size in managed memory.
 *
 * A slab is 2^order pages with objects side by side.  All slabs of a cache lie
 * in one range of address space, which is reserved for as much as engine could
 * ever hold and becomes managed chunk by chunk; so a slab has a number, and an
 * object's address names it.  What is known of slabs is kept outside managed
 * memory: taking or giving an object touches no page of it.
 *
 *	          make objects           take                 take
 *	EMPTY ------------------> FREE ---------> PARTIAL ------------> FULL
 *	  ^  no memory             | ^               | ^                 |
 *	  +------------------------+ +---------------+ +-----------------+
 *	    reap: pages discarded          give               give
 *
 * A FREE slab keeps its objects as they were made, and its pages; a policy, or
 * the program, has it reaped.  Its pages are discarded then and their frames
 * free; the address space waits for the next slab.
 *
 * Laws.  [1] A slab is on the list of its state; FULL ones, and those that are
 * being made or reaped, on none.  [2] in_use counts the bits that are set.
 * [3] No code of the program runs, and nothing is discarded, with lock held.
 */
#include <errno.h>
#include <sys/mman.h>

#include "base/assert.h"
#include "base/bits.h"
#include "os/raw.h"
#include "pager/internal.h"

#define ORDER_MAX 5
#define ALIGN_MIN 8
#define ALIGN_MAX PAGE_BYTES
#define WASTE_SHARE 8 /* an order is good when it wastes no more than 1/8 */
#define CHUNK_BYTES ((size_t)2 << 20)
#define REAP_BATCH 64 /* slabs between two looks at the cache */
#define NO_SLAB UINT32_MAX

enum slab_list { PARTIAL, FREE, EMPTY, SLAB_LISTS, NOWHERE = SLAB_LISTS };

struct slab {
	uint32_t next, prev; /* slabs on its list */
	uint16_t in_use;     /* objects */
	uint8_t list;        /* enum slab_list */
};

struct slabs {
	uint32_t head, tail, count;
};

/* (C) constant; all else under lock. */
struct pageout_slab {
	struct pager *pager; /* (C) NULL in a child process */
	pthread_mutex_t lock;
	pageout_slab_make_fn *make; /* (C) */
	uint32_t id;                /* (C) of the cache */
	uint32_t stride;            /* (C) bytes from object to object */
	uint32_t objects;           /* (C) in a slab */
	uint32_t words;             /* (C) of 64 bits, for as many */
	size_t slab_bytes;          /* (C) */
	char *base;                 /* (C) */
	size_t reserved;            /* (C) bytes at base */
	uint32_t slabs_max;         /* (C) */
	uint32_t slabs;             /* that have managed address space */
	uint64_t in_use;            /* objects */
	struct slabs list[SLAB_LISTS];
	struct slab *slab; /* slabs_max of them */
	uint64_t *bits;    /* words for each: the objects in use */
};

/* -- lists ---------------------------------------------------------------- */

static struct cache_slot *
slot(const struct pageout_slab *c)
{
	return &c->pager->caches.slot[c->id];
}

static void
slab_link(struct pageout_slab *c, uint32_t i, enum slab_list to)
{
	struct slabs *l = &c->list[to];
	struct slab *s = &c->slab[i];

	must(s->list == NOWHERE);
	s->list = (uint8_t)to;
	s->prev = NO_SLAB;
	s->next = l->head;
	if (l->head == NO_SLAB)
		l->tail = i;
	else
		c->slab[l->head].prev = i;
	l->head = i;
	l->count++;
}

static void
slab_unlink(struct pageout_slab *c, uint32_t i)
{
	struct slab *s = &c->slab[i];
	struct slabs *l = &c->list[s->list];

	must(s->list < SLAB_LISTS && l->count > 0);
	if (s->prev == NO_SLAB)
		l->head = s->next;
	else
		c->slab[s->prev].next = s->next;
	if (s->next == NO_SLAB)
		l->tail = s->prev;
	else
		c->slab[s->next].prev = s->prev;
	l->count--;
	s->list = NOWHERE;
}

/* Put a slab where it belongs, and publish how many are free. */
static void
slab_place(struct pageout_slab *c, uint32_t i)
{
	struct slab *s = &c->slab[i];
	enum slab_list to = s->in_use == 0           ? FREE
	                    : s->in_use < c->objects ? PARTIAL
	                                             : NOWHERE;

	if (s->list != to) {
		if (s->list != NOWHERE)
			slab_unlink(c, i);
		if (to != NOWHERE)
			slab_link(c, i, to);
	}
	__atomic_store_n(&slot(c)->unused, c->list[FREE].count,
	                 __ATOMIC_RELAXED);
}

static char *
slab_addr(const struct pageout_slab *c, uint32_t i)
{
	return c->base + (size_t)i * c->slab_bytes;
}

/* -- growing -------------------------------------------------------------- */

static int
chunk_manage(struct pageout_slab *c, char *at, size_t bytes)
{
	int r;

	if (syscall(SYS_mprotect, at, bytes, PROT_READ | PROT_WRITE) < 0)
		return -ENOMEM;
	r = pager_manage(c->pager, 0, at, bytes, true);
	if (r < 0)
		(void)syscall(SYS_mprotect, at, bytes, PROT_NONE);
	return r;
}

/* More address space becomes managed: a chunk, or what there is. */
static int
chunk_add(struct pageout_slab *c)
{
	size_t bytes = CHUNK_BYTES;
	int r = -ENOMEM;

	for (; r < 0 && bytes >= c->slab_bytes; bytes /= 2) {
		uint32_t n = (uint32_t)(bytes / c->slab_bytes);

		if (n > c->slabs_max - c->slabs)
			continue;
		r = chunk_manage(c, slab_addr(c, c->slabs), bytes);
		for (; r == 0 && n > 0; n--) {
			c->slab[c->slabs].list = NOWHERE;
			slab_link(c, c->slabs++, EMPTY);
		}
	}
	return r;
}

/*
 * One free slab more.
 * => with lock held, which is given up while objects are made
 */
static int
grow(struct pageout_slab *c)
{
	int r = c->list[EMPTY].count != 0 ? 0 : chunk_add(c);
	uint32_t i = c->list[EMPTY].head;

	if (r < 0)
		return r;
	slab_unlink(c, i);
	__atomic_fetch_add(&slot(c)->growing, 1, __ATOMIC_RELAXED);
	(void)pthread_mutex_unlock(&c->lock);
	for (uint32_t n = 0; c->make != NULL && n < c->objects; n++)
		c->make(slab_addr(c, i) + (size_t)n * c->stride);
	(void)pthread_mutex_lock(&c->lock);
	__atomic_fetch_sub(&slot(c)->growing, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&slot(c)->grown, ~0u, __ATOMIC_RELAXED);
	slab_place(c, i);
	return 0;
}

/* -- objects -------------------------------------------------------------- */

/* => a slab with an object that is not in use */
static int
slab_with_room(struct pageout_slab *c, uint32_t *ret)
{
	while (c->list[PARTIAL].count == 0 && c->list[FREE].count == 0) {
		int r = grow(c);

		if (r < 0)
			return r;
	}
	*ret = c->list[PARTIAL].count != 0 ? c->list[PARTIAL].head
	                                   : c->list[FREE].head;
	return 0;
}

static char *
object_take(struct pageout_slab *c, uint32_t i)
{
	uint64_t *bits = &c->bits[(size_t)i * c->words];
	uint32_t word = 0, n;

	while (bits[word] == UINT64_MAX)
		word++;
	n = word * 64 + (uint32_t)__builtin_ctzll(~bits[word]);
	must(n < c->objects);
	bits[word] |= UINT64_C(1) << n % 64;
	c->slab[i].in_use++;
	c->in_use++;
	slab_place(c, i);
	return slab_addr(c, i) + (size_t)n * c->stride;
}

int
pageout_slab_alloc(struct pageout_slab *slab, void **ret_object)
{
	void *object = NULL;
	uint32_t i;
	int r;

	if (slab->pager == NULL)
		return -EPERM;
	(void)pthread_mutex_lock(&slab->lock);
	r = slab_with_room(slab, &i);
	if (r == 0)
		object = object_take(slab, i);
	(void)pthread_mutex_unlock(&slab->lock);
	if (r == 0)
		*ret_object = object;
	return r;
}

/* => -EINVAL when it is none that is in use */
static int
object_give(struct pageout_slab *c, uintptr_t object)
{
	uintptr_t off = object - (uintptr_t)c->base;
	uint32_t i = (uint32_t)(off / c->slab_bytes);
	uint32_t n = (uint32_t)(off % c->slab_bytes / c->stride);
	uint64_t bit = UINT64_C(1) << n % 64;
	uint64_t *bits;

	if (off / c->slab_bytes >= c->slabs ||
	    off % c->slab_bytes % c->stride != 0 || n >= c->objects)
		return -EINVAL;
	bits = &c->bits[(size_t)i * c->words + n / 64];
	if ((*bits & bit) == 0)
		return -EINVAL;
	*bits &= ~bit;
	c->slab[i].in_use--;
	c->in_use--;
	slab_place(c, i);
	return 0;
}

int
pageout_slab_free(struct pageout_slab *slab, void *object)
{
	int r;

	if (slab->pager == NULL)
		return -EPERM;
	(void)pthread_mutex_lock(&slab->lock);
	r = object_give(slab, (uintptr_t)object);
	(void)pthread_mutex_unlock(&slab->lock);
	return r;
}

/* -- reaping -------------------------------------------------------------- */

/* Take free slabs off their list, the oldest first; numbers in order. */
static uint32_t
reap_take(struct pageout_slab *c, uint64_t goal, uint32_t *slabs)
{
	uint32_t n = 0;

	while (n < REAP_BATCH && n < goal && c->list[FREE].count != 0 &&
	       __atomic_load_n(&slot(c)->growing, __ATOMIC_RELAXED) == 0) {
		uint32_t i = c->list[FREE].tail, at = n++;

		slab_unlink(c, i);
		for (; at > 0 && slabs[at - 1] > i; at--)
			slabs[at] = slabs[at - 1];
		slabs[at] = i;
	}
	__atomic_store_n(&slot(c)->unused, c->list[FREE].count,
	                 __ATOMIC_RELAXED);
	return n;
}

/* Neighbours are discarded in one go. */
static void
reap_discard(struct pageout_slab *c, const uint32_t *slabs, uint32_t n)
{
	for (uint32_t i = 0, run; i < n; i += run) {
		for (run = 1; i + run < n; run++)
			if (slabs[i + run] != slabs[i] + run)
				break;
		(void)pager_discard(c->pager, slab_addr(c, slabs[i]),
		                    run * c->slab_bytes);
	}
}

int64_t
slab_reap(void *ctx, uint64_t goal)
{
	struct pageout_slab *c = ctx;
	uint64_t left = goal == 0 ? UINT64_MAX : goal;
	uint32_t slabs[REAP_BATCH], n;
	int64_t reaped = 0;

	do {
		(void)pthread_mutex_lock(&c->lock);
		n = reap_take(c, left, slabs);
		(void)pthread_mutex_unlock(&c->lock);
		reap_discard(c, slabs, n);
		(void)pthread_mutex_lock(&c->lock);
		for (uint32_t i = 0; i < n; i++)
			slab_link(c, slabs[i], EMPTY);
		(void)pthread_mutex_unlock(&c->lock);
		left -= n;
		reaped += n;
	} while (n == REAP_BATCH);
	return reaped;
}

uint64_t
pageout_slab_shrink(struct pageout_slab *slab)
{
	struct guard g;
	int64_t n;

	if (slab->pager == NULL)
		return 0;
	n = slab_reap(slab, 0);
	pager_enter(&g);
	cache_shrunk(&slab->pager->caches.slot[slab->id], (uint64_t)n);
	pager_leave(&g);
	return (uint64_t)n;
}

/* -- coming and going ----------------------------------------------------- */

/* Address space that is no memory before it is touched. */
static void *
reserve(size_t bytes, int prot)
{
	long r = syscall(SYS_mmap, NULL, bytes, prot,
	                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0L);

	return r == -1 ? NULL : (void *)r; /* NOLINT */
}

static unsigned
order_for(uint32_t stride)
{
	for (unsigned order = 0; order < ORDER_MAX; order++) {
		size_t bytes = (size_t)PAGE_BYTES << order;

		if (stride <= bytes && bytes % stride <= bytes / WASTE_SHARE)
			return order;
	}
	return ORDER_MAX;
}

static void
slab_unmap(struct pageout_slab *c)
{
	raw_unmap(c->base, c->reserved);
	raw_unmap(c->slab, c->slabs_max * sizeof(*c->slab));
	raw_unmap(c->bits, (size_t)c->slabs_max * c->words * sizeof(*c->bits));
	raw_unmap(c, sizeof(*c));
}

/* => false: no address space; undone by slab_unmap() */
static bool
slab_map(struct pageout_slab *c)
{
	int rw = PROT_READ | PROT_WRITE;

	c->base = reserve(c->reserved, PROT_NONE);
	c->slab = reserve(c->slabs_max * sizeof(*c->slab), rw);
	c->bits =
		reserve((size_t)c->slabs_max * c->words * sizeof(*c->bits), rw);
	if (c->base == NULL || c->slab == NULL || c->bits == NULL)
		return false;
	(void)syscall(SYS_madvise, c->base, c->reserved, MADV_NOHUGEPAGE);
	(void)syscall(SYS_madvise, c->base, c->reserved, MADV_DONTFORK);
	/* In a child the cache is nobody's: its memory is not there. */
	(void)syscall(SYS_madvise, c, sizeof(*c), MADV_WIPEONFORK);
	return true;
}

static struct pageout_slab *
slab_new(struct pager *p, uint32_t stride, unsigned order,
         pageout_slab_make_fn *make)
{
	struct pageout_slab *c = raw_map(sizeof(*c));

	if (c == NULL)
		return NULL;
	c->pager = p;
	(void)pthread_mutex_init(&c->lock, NULL);
	c->make = make;
	c->stride = stride;
	c->slab_bytes = (size_t)PAGE_BYTES << order;
	c->objects = (uint32_t)(c->slab_bytes / stride);
	c->words = (c->objects + 63) / 64;
	c->reserved =
		round_up(pager_promise_limit(p) << PAGE_SHIFT, CHUNK_BYTES);
	c->slabs_max = (uint32_t)(c->reserved / c->slab_bytes);
	for (unsigned i = 0; i < SLAB_LISTS; i++)
		c->list[i] = (struct slabs){NO_SLAB, NO_SLAB, 0};
	if (!slab_map(c)) {
		slab_unmap(c);
		return NULL;
	}
	return c;
}

int
pager_slab_create(struct pager *p, size_t bytes, size_t align,
                  pageout_slab_make_fn *make, unsigned flags,
                  struct pageout_slab **ret)
{
	struct cache cache = {.kind = CACHE_SLAB};
	struct pageout_slab *c;
	uint32_t stride;
	int r;

	align = align == 0 ? ALIGN_MIN : align;
	if (bytes == 0 || bytes > (size_t)PAGE_BYTES << ORDER_MAX ||
	    align > ALIGN_MAX || (align & (align - 1)) != 0 ||
	    flags > PAGEOUT_SLAB_NO_REAP)
		return -EINVAL;
	stride = (uint32_t)round_up(bytes, align);
	cache.order = (uint8_t)order_for(stride);
	cache.flags = (uint8_t)((make != NULL ? CACHE_CONSTRUCTOR : 0) |
	                        (flags != 0 ? CACHE_NO_REAP : 0));
	c = slab_new(p, stride, cache.order, make);
	if (c == NULL)
		return -ENOMEM;
	r = cache_add(p, &cache, 0, slab_reap, c);
	if (r < 0) {
		slab_unmap(c);
		return r;
	}
	c->id = (uint32_t)r;
	*ret = c;
	return 0;
}

unsigned
slab_number(const struct pageout_slab *s, const struct pager *p)
{
	return s->pager == p ? s->id + 1 : 0;
}

/* => 0, or -EBUSY as cache_remove() */
static int
slab_destroy(struct pageout_slab *c)
{
	int r = cache_remove(c->pager, c->id);

	if (r < 0)
		return r;
	(void)pager_unmanage(c->pager, c->base, c->slabs * c->slab_bytes);
	slab_unmap(c);
	return 0;
}

void
slab_close(struct pageout_slab *s)
{
	int r = slab_destroy(s);

	must(r == 0);
}

int
pageout_slab_destroy(struct pageout_slab *slab)
{
	bool used;

	if (slab->pager == NULL)
		return -EPERM;
	(void)pthread_mutex_lock(&slab->lock);
	used = slab->in_use != 0;
	(void)pthread_mutex_unlock(&slab->lock);
	return used ? -EBUSY : slab_destroy(slab);
}
