/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine.c -- a small pager for tests that look inside it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/assert.h"
#include "core/internal.h"
#include "test/pager/engine.h"

#define WAIT_MS 10000

static sigjmp_buf failed;

/* -- open, map ------------------------------------------------------------ */

static struct pager *
open_pager(unsigned nodes, size_t swap_bytes, const char *filter,
           struct pager_config cfg)
{
	char reason[PAGER_REASON_MAX];
	struct pager *p;
	int r;

	must(pager_swapspace_open(&cfg.swap, nodes, NULL, swap_bytes, reason) >=
	     0);
	must(setenv("PAGEOUT_SWAP_FILTER", filter, 1) == 0);
	cfg.stat_fd = -1;
	r = pager_open(&p, &cfg);
	if (r == -EPERM || r == -ENOSYS)
		return NULL;
	must(r == 0);
	return p;
}

struct pager *
engine_open_nodes(unsigned nodes, size_t mem_bytes, size_t swap_bytes,
                  enum pageout_mode mode, const char *filter)
{
	return open_pager(
		nodes, swap_bytes, filter,
		(struct pager_config){.mem_bytes = mem_bytes, .mode = mode});
}

struct pager *
engine_open_policy(unsigned nodes, size_t mem_bytes, const char *policy)
{
	return open_pager(nodes, 256 * MIB, "",
	                  (struct pager_config){.mem_bytes = mem_bytes,
	                                        .mode = PAGEOUT_MODE_THREAD,
	                                        .policy = policy});
}

struct pager *
engine_open_events(size_t mem_bytes)
{
	return open_pager(1, 256 * MIB, "",
	                  (struct pager_config){.mem_bytes = mem_bytes,
	                                        .mode = PAGEOUT_MODE_THREAD,
	                                        .events = true});
}

struct pager *
engine_open(size_t mem_bytes, enum pageout_mode mode, const char *filter)
{
	return engine_open_nodes(1, mem_bytes, 256 * MIB, mode, filter);
}

void
engine_close(struct pager *p)
{
	pager_unmap_all(p);
	pager_close(p);
}

char *
engine_map(struct pager *p, void *addr, size_t bytes)
{
	return engine_map_in(p, 0, addr, bytes);
}

char *
engine_map_in(struct pager *p, unsigned space, void *addr, size_t bytes)
{
	void *at = mmap(addr, bytes, PROT_READ | PROT_WRITE,
	                MAP_PRIVATE | MAP_ANONYMOUS |
	                        (addr != NULL ? MAP_FIXED_NOREPLACE : 0),
	                -1, 0);

	must(at != MAP_FAILED && (addr == NULL || at == addr));
	(void)madvise(at, bytes, MADV_NOHUGEPAGE);
	must(pager_manage(p, space, at, bytes, true) == 0);
	return at;
}

void
engine_unmap(struct pager *p, void *addr, size_t bytes)
{
	must(pager_unmanage(p, addr, bytes) == 0);
	must(munmap(addr, bytes) == 0);
	pager_unmanaged(p, addr, bytes);
}

/* -- states --------------------------------------------------------------- */

static void
sleep_ms(unsigned ms)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = (long)ms * 1000000},
	                NULL);
}

uint64_t
engine_stat(struct pager *p, enum pageout_stat_id id)
{
	return __atomic_load_n(&p->nodes[0].stats[id], __ATOMIC_RELAXED);
}

enum page_state
engine_state(struct pager *p, const void *page)
{
	uint64_t vpn = (uintptr_t)page >> PAGE_SHIFT;
	struct place at = place_of(p, vpn);
	enum page_state s;

	node_lock(at.node);
	s = core_page_state(at.node->core, at.space, vpn);
	node_unlock(at.node);
	return s;
}

bool
engine_wait_state(struct pager *p, const void *page, enum page_state state)
{
	for (unsigned ms = 0; ms < WAIT_MS; ms++) {
		if (engine_state(p, page) == state)
			return true;
		sleep_ms(1);
	}
	return false;
}

/* Give up the frames of pages that are on the device as well. */
static void
drop_clean(struct pager *p, const char *addr, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += PAGE_BYTES) {
		uint64_t vpn = (uintptr_t)(addr + i) >> PAGE_SHIFT;
		struct place at = place_of(p, vpn);
		struct core *c = at.node->core;
		struct frame *f = NULL;
		pte_t pte;

		node_lock(at.node);
		pte = pte_get(c, at.space, vpn);
		if (pte_kind(pte) == PTE_SWAP)
			f = slot_frame(c, pte_entry(pte));
		if (f != NULL && (f->flags & (FRAME_DIRTY | FRAME_LOCKED |
		                              FRAME_WRITEBACK)) == 0)
			core_drop(c, f);
		node_unlock(at.node);
	}
}

void
engine_swap_out(struct pager *p, void *addr, size_t bytes)
{
	char *page = addr;

	for (size_t i = 0; i < bytes; i += PAGE_BYTES)
		while (engine_state(p, page + i) != PAGE_SWAPPED) {
			(void)pager_advise(p, addr, bytes, PAGEOUT_COLD);
			drop_clean(p, addr, bytes);
			sleep_ms(1);
		}
}

/* -- contents ------------------------------------------------------------- */

static uint64_t
word_of(uint64_t seed, size_t i)
{
	uint64_t x = (seed << 40) + i + 1;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	return x ^ (x >> 27);
}

void
fill(char *at, size_t bytes, uint64_t seed)
{
	uint64_t *w = (uint64_t *)(void *)at;

	for (size_t i = 0; i < bytes / sizeof(*w); i++)
		w[i] = word_of(seed, i);
}

bool
is_filled(const char *at, size_t bytes, uint64_t seed)
{
	const uint64_t *w = (const uint64_t *)(const void *)at;

	for (size_t i = 0; i < bytes / sizeof(*w); i++)
		if (w[i] != word_of(seed, i))
			return false;
	return true;
}

bool
is_zero(const char *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (at[i] != 0)
			return false;
	return true;
}

static void
on_sigbus(int signal)
{
	(void)signal;
	siglongjmp(failed, 1);
}

bool
page_try(const char *page, char *copy)
{
	struct sigaction sa = {.sa_handler = on_sigbus}, old;
	bool works = false;

	(void)sigaction(SIGBUS, &sa, &old);
	if (sigsetjmp(failed, 1) == 0) {
		memcpy(copy, page, PAGE_BYTES);
		works = true;
	}
	(void)sigaction(SIGBUS, &old, NULL);
	return works;
}
