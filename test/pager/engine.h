/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engine.h -- a small pager for tests that look inside it.
 *
 * Its device fails, lies or dawdles as a filter says (PAGEOUT_SWAP_FILTER).
 * Pages are filled with a word that follows from page and seed.
 */
#ifndef TEST_PAGER_ENGINE_H
#define TEST_PAGER_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pager/internal.h"

#define MIB ((size_t)1 << 20)

/*
 * Open a pager.  => NULL where user-space faults are not allowed
 */
struct pager *engine_open_nodes(unsigned nodes, size_t mem_bytes,
                                size_t swap_bytes, enum pageout_mode mode,
                                const char *filter);
struct pager *engine_open(size_t mem_bytes, enum pageout_mode mode,
                          const char *filter);
struct pager *engine_open_policy(unsigned nodes, size_t mem_bytes,
                                 const char *policy);
/* As the agent opens one: the kernel tells it what bypasses the agent. */
struct pager *engine_open_events(size_t mem_bytes);
void engine_close(struct pager *p);

/* A managed range; at addr, where there must be room, or anywhere. */
char *engine_map(struct pager *p, void *addr, size_t bytes);
char *engine_map_in(struct pager *p, unsigned space, void *addr, size_t bytes);
void engine_unmap(struct pager *p, void *addr, size_t bytes);

/* A counter of node 0. */
uint64_t engine_stat(struct pager *p, enum pageout_stat_id id);

enum page_state engine_state(struct pager *p, const void *page);

/* Wait until a page is in a state.  => false after ten seconds */
bool engine_wait_state(struct pager *p, const void *page,
                       enum page_state state);

/* Send pages out until they are on the device and nowhere else. */
void engine_swap_out(struct pager *p, void *addr, size_t bytes);

void fill(char *at, size_t bytes, uint64_t seed);
bool is_filled(const char *at, size_t bytes, uint64_t seed);
bool is_zero(const char *at, size_t bytes);

/*
 * Copy a page out, where the access may fail.
 * => false: it failed (SIGBUS), and copy is not changed
 */
bool page_try(const char *page, char *copy);

#endif
