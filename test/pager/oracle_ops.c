/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oracle_ops.c -- what is done to pages: one operation on one page, or on a
 * page and its neighbours.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pageout/pageout.h>

#include "base/assert.h"
#include "base/bits.h"
#include "test/pager/oracle.h"

enum { RUN_PAGES = 32 }; /* most pages in one operation */

struct pageout *engine;
bool must_pin;
uint64_t forks;

static void
discard(struct worker *w, uint64_t first, unsigned count)
{
	must_work(pageout_advise(engine, words_at(first),
	                         (size_t)count * PAGE_BYTES, PAGEOUT_DISCARD),
	          "discard");
	pages_are_zero(first, count);
	if (random_next(w) % 2 == 0)
		page_check(w, first + random_next(w) % count);
}

static void
protect(struct worker *w, uint64_t first, unsigned count)
{
	size_t bytes = (size_t)count * PAGE_BYTES;
	bool readable = random_next(w) % 4 != 0;

	if (mprotect(words_at(first), bytes, readable ? PROT_READ : PROT_NONE))
		must_work(-errno, "mprotect");
	if (readable)
		for (unsigned i = 0; i < count; i++)
			page_check(w, first + i);
	else
		(void)sched_yield();
	if (mprotect(words_at(first), bytes, PROT_READ | PROT_WRITE))
		must_work(-errno, "mprotect");
}

/*
 * The pages go into a file, a word of each is spoilt, and the file brings their
 * contents back.  In inline mode they must be pinned for that.
 */
static void
system_call(struct worker *w, uint64_t first, unsigned count)
{
	void *start = words_at(first);
	size_t bytes = (size_t)count * PAGE_BYTES;
	bool pins = must_pin || random_next(w) % 2 == 0;

	if (pins) {
		int r = pageout_pin(engine, start, bytes);

		if (r == -ENOMEM)
			return; /* the others have pinned half of the budget */
		must_work(r, "pin");
	}
	if (pwrite(w->file, start, bytes, 0) != (ssize_t)bytes)
		must_work(errno != 0 ? -errno : -EIO, "pwrite");
	for (unsigned i = 0; i < count; i++) {
		uint64_t *words = words_at(first + i);

		words[w->random % WORDS] ^= w->random | 1;
	}
	if (pread(w->file, start, bytes, 0) != (ssize_t)bytes)
		must_work(errno != 0 ? -errno : -EIO, "pread");
	for (unsigned i = 0; i < count; i++)
		page_check(w, first + i);
	if (pins)
		must_work(pageout_unpin(engine, start, bytes), "unpin");
}

/* The chunk goes away and another one comes, often at the same address. */
static void
remap(struct worker *w, uint64_t index)
{
	struct chunk *c = &chunks[index / CHUNK_PAGES];
	uint64_t first = index / CHUNK_PAGES * CHUNK_PAGES;
	size_t bytes = (size_t)CHUNK_PAGES * PAGE_BYTES;
	void *fresh = NULL;
	bool before = random_next(w) % 2 == 0;
	int r = 0;

	(void)pthread_rwlock_wrlock(&c->lock);
	page_check(w, index);
	if (before)
		r = pageout_map(engine, bytes, 0, &fresh);
	if (r < 0 && r != -ENOMEM) /* memory promised to others is no fault */
		must_work(r, "map");
	if (r == 0) {
		must_work(pageout_unmap(engine, c->start, bytes), "unmap");
		if (!before)
			r = pageout_map(engine, bytes, 0, &fresh);
		must_work(r, "map");
		c->start = fresh;
		pages_are_zero(first, CHUNK_PAGES);
		page_check(w, index);
	}
	(void)pthread_rwlock_unlock(&c->lock);
}

static void
hint(struct worker *w, uint64_t first, unsigned count)
{
	static const enum pageout_hint hints[] = {
		PAGEOUT_NORMAL,   PAGEOUT_SEQUENTIAL, PAGEOUT_RANDOM,
		PAGEOUT_PREFETCH, PAGEOUT_COLD,       PAGEOUT_COLD,
	};

	must_work(pageout_advise(engine, words_at(first),
	                         (size_t)count * PAGE_BYTES,
	                         hints[random_next(w) % ARRAY_SIZE(hints)]),
	          "hint");
}

/* Pages that were shared with a child do not move, even when it is dead. */
static void
fork_child(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		(void)waitpid(pid, &status, 0);
}

const char *const operation_names[OPERATIONS] = {
	[CHECK] = "checks",
	[WRITE] = "writes",
	[WRITE_HEADER] = "header writes",
	[RESTORE] = "restores",
	[DISCARD] = "discards",
	[PROTECT] = "protects",
	[SYSTEM_CALL] = "system calls",
	[HINT] = "hints",
	[REMAP] = "remaps",
};
atomic_uint_least64_t operation_counts[OPERATIONS];

static const unsigned shares[OPERATIONS] = {
	/* of 10000 */
	[CHECK] = 4500,      [WRITE] = 3000,  [WRITE_HEADER] = 1000,
	[RESTORE] = 400,     [DISCARD] = 500, [PROTECT] = 190,
	[SYSTEM_CALL] = 200, [HINT] = 200,    [REMAP] = 10,
};

static void
operate_on_run(struct worker *w, enum operation op, uint64_t first,
               unsigned count)
{
	switch (op) {
	case CHECK:
	case OPERATIONS:
		break;
	case WRITE:
	case WRITE_HEADER:
		for (unsigned i = 0; i < count; i++)
			page_write(w, first + i, op == WRITE);
		break;
	case RESTORE:
		for (unsigned i = 0; i < count; i++)
			page_restore(w, first + i);
		break;
	case DISCARD:
		discard(w, first, count);
		break;
	case PROTECT:
		protect(w, first, count);
		break;
	case SYSTEM_CALL:
		system_call(w, first, count);
		break;
	case HINT:
		hint(w, first, count);
		break;
	case REMAP:
		break;
	}
}

static enum operation
choose(struct worker *w)
{
	unsigned r = (unsigned)(random_next(w) % 10000), op = 0;

	while (r >= shares[op])
		r -= shares[op++];
	return (enum operation)op;
}

void
step(struct worker *w)
{
	enum operation op = choose(w);
	uint64_t first = random_next(w) % pages_total;
	unsigned room = CHUNK_PAGES - (unsigned)(first % CHUNK_PAGES);
	unsigned count = 1;
	struct chunk *c = &chunks[first / CHUNK_PAGES];

	atomic_fetch_add_explicit(&operation_counts[op], 1,
	                          memory_order_relaxed);
	if (op == REMAP) {
		remap(w, first);
		return;
	}
	/* Half of the operations take neighbours along: read-ahead, runs. */
	if (random_next(w) % 2 == 0)
		count = 1 + (unsigned)(random_next(w) % RUN_PAGES);
	if (count > room)
		count = room;
	must(count > 0);
	(void)pthread_rwlock_rdlock(&c->lock);
	for (unsigned i = 0; i < count; i++) {
		(void)pthread_mutex_lock(&pages[first + i].lock);
		if (op != HINT) /* a hint must be right for absent pages, too */
			page_check(w, first + i);
	}
	operate_on_run(w, op, first, count);
	for (unsigned i = 0; i < count; i++)
		(void)pthread_mutex_unlock(&pages[first + i].lock);
	(void)pthread_rwlock_unlock(&c->lock);
	if (forks != 0 && random_next(w) % 1000000 < forks)
		fork_child();
}
