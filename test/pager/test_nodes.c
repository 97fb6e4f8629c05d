/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_nodes.c -- several nodes: whose a page is, and that its contents stay.
 *
 * A chunk is 512 pages here.  Where a case wants a chunk on a certain node it
 * makes it so: the thread that touches it first runs on a CPU of that node.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "test/pager/engine.h"

#define BUDGET (32 * MIB)
#define CHUNK ((size_t)CHUNK_PAGES_MIN * PAGE_BYTES)

static cpu_set_t allowed;

/* -- helpers -------------------------------------------------------------- */

static struct pager *
open_nodes(unsigned nodes, enum pageout_mode mode)
{
	struct pager *p = engine_open_nodes(nodes, BUDGET, 256 * MIB, mode, "");

	(void)alarm(120);
	assert_non_null(p);
	assert_int_equal(p->chunk_pages, CHUNK_PAGES_MIN);
	return p;
}

/* A managed range that begins with a chunk. */
static char *
map_chunks(struct pager *p, unsigned chunks)
{
	size_t bytes = chunks * CHUNK;
	char *at = mmap(NULL, bytes + CHUNK, PROT_NONE,
	                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(munmap(at, bytes + CHUNK), 0);
	at += CHUNK - (uintptr_t)at % CHUNK;
	return engine_map(p, at, bytes);
}

/* Run near a node.  => false: it has no CPU */
static bool
run_on(struct pager *p, unsigned node)
{
	if (CPU_COUNT(&p->nodes[node].cpus) == 0)
		return false;
	return sched_setaffinity(0, sizeof(cpu_set_t), &p->nodes[node].cpus) ==
	       0;
}

static void
run_anywhere(void)
{
	assert_int_equal(sched_setaffinity(0, sizeof(allowed), &allowed), 0);
}

/* Whose a page is; UINT_MAX: nobody's. */
static unsigned
node_of(struct pager *p, const char *at)
{
	const struct claim *c;
	unsigned node = UINT_MAX;

	map_lock(p);
	c = claims_find(&p->claims, (uintptr_t)at >> PAGE_SHIFT);
	if (c != NULL && c->node != NODE_NONE)
		node = c->node;
	map_unlock(p);
	return node;
}

/* Chunk i becomes node i % nodes', and is filled. */
static void
fill_in_turns(struct pager *p, char *at, unsigned chunks, uint64_t seed)
{
	for (unsigned i = 0; i < chunks; i++) {
		assert_true(run_on(p, i % p->node_count));
		at[i * CHUNK] = 1;
		assert_int_equal(node_of(p, at + i * CHUNK), i % p->node_count);
	}
	run_anywhere();
	fill(at, chunks * CHUNK, seed);
}

static bool
has_cpus(unsigned nodes)
{
	return (unsigned)CPU_COUNT(&allowed) >= nodes;
}

/* -- whose a chunk is ----------------------------------------------------- */

static void
chunks_are_near_mode(enum pageout_mode mode)
{
	struct pager *p = open_nodes(2, mode);
	char *at = map_chunks(p, 4);

	assert_int_equal(node_of(p, at), UINT_MAX);
	for (unsigned i = 0; i < 4 && has_cpus(2); i++) {
		assert_true(run_on(p, i / 2));
		at[i * CHUNK + CHUNK / 2] = 1; /* anywhere in it */
		assert_int_equal(node_of(p, at + i * CHUNK), i / 2);
		assert_int_equal(node_of(p, at + (i + 1) * CHUNK - 1), i / 2);
	}
	/* It stays there, whoever touches it. */
	assert_true(run_on(p, 0) || !has_cpus(2));
	fill(at, 4 * CHUNK, 1);
	assert_int_equal(node_of(p, at + 3 * CHUNK), has_cpus(2));
	assert_true(is_filled(at, 4 * CHUNK, 1));
	run_anywhere();
	engine_close(p);
}

static void
chunks_are_near_who_touches_them(void **state)
{
	(void)state;
	chunks_are_near_mode(PAGEOUT_MODE_THREAD);
	chunks_are_near_mode(PAGEOUT_MODE_INLINE);
}

/* From one CPU: first all of its node, then the other; then both alike. */
static void
when_a_node_is_full_the_next_one_has_it(void **state)
{
	struct pager *p = open_nodes(2, PAGEOUT_MODE_INLINE);
	const unsigned each = BUDGET / 2 / CHUNK;
	char *at = map_chunks(p, 4 * each);
	unsigned given[2] = {0};

	(void)state;
	assert_true(run_on(p, 0));
	for (unsigned i = 0; i < 4 * each; i++) {
		at[i * CHUNK] = 1; /* it counts as a whole */
		given[node_of(p, at + i * CHUNK)]++;
		if (i + 1 == each)
			assert_int_equal(given[1], 0);
		if (i + 1 == 2 * each)
			assert_int_equal(given[1], each);
	}
	assert_int_equal(given[0], given[1]);
	run_anywhere();
	engine_close(p);
}

/* The first page of a range that is nobody's, or NULL. */
static char *
next_of_nobody(struct pager *p, char *at, size_t bytes)
{
	struct range left = range_of(at, bytes);
	struct part part;

	while (part_take(p, &left, &part))
		if (part.node == NULL)
			return page_addr(part.vpn);
	return NULL;
}

/*
 * As much as may be promised, and all of it is claimed from one CPU: no node
 * gets more than it can hold, if it takes chunks of single pages.
 */
static void
nodes_get_what_they_can_hold(void **state)
{
	struct pager *p = open_nodes(3, PAGEOUT_MODE_INLINE);
	size_t bytes = pager_promise_limit(p) * PAGE_BYTES;
	char *at = engine_map(p, NULL, bytes), *page;
	uint64_t promised = 0;

	(void)state;
	assert_true(run_on(p, 0));
	while ((page = next_of_nobody(p, at, bytes)) != NULL)
		*page = 1;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(p->nodes[i].promised,
		                 node_limit(&p->nodes[i]));
		promised += p->nodes[i].promised;
	}
	assert_int_equal(promised, p->promised);
	run_anywhere();
	engine_close(p);
}

static sigjmp_buf refused;

static void
on_sigbus(int signal)
{
	(void)signal;
	siglongjmp(refused, 1);
}

/* Fill a page.  => false: it is refused */
static bool
fill_page(char *page, uint64_t seed)
{
	struct sigaction sa = {.sa_handler = on_sigbus}, old;
	volatile bool works = false;

	(void)sigaction(SIGBUS, &sa, &old);
	if (sigsetjmp(refused, 1) == 0) {
		fill(page, PAGE_BYTES, seed);
		works = true;
	}
	(void)sigaction(SIGBUS, &old, NULL);
	return works;
}

/*
 * Memory that was not promised: one node is given more than it can hold, and
 * says so.  The other goes on, and nothing is lost on either.
 */
static void
one_node_is_full_and_the_other_is_not(void **state)
{
	enum { CHUNKS = 24 };
	struct pager *p = engine_open_nodes(2, 8 * MIB, 16 * MIB,
	                                    PAGEOUT_MODE_THREAD, "");
	char *at = mmap(NULL, CHUNKS * CHUNK, PROT_READ | PROT_WRITE,
	                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t full = 0, pages = CHUNKS * CHUNK_PAGES_MIN, i;

	(void)state;
	(void)alarm(120);
	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(pager_manage(p, 0, at, CHUNKS * CHUNK, false), 0);
	for (i = 0; i < pages; i += CHUNK_PAGES_MIN)
		at[i * PAGE_BYTES] = 1;
	for (i = 0; i < pages && full == 0; i++)
		if (node_of(p, at + i * PAGE_BYTES) == 0 &&
		    !fill_page(at + i * PAGE_BYTES, i))
			full = i;
	assert_true(full > 8 * MIB / PAGE_BYTES && full < pages);
	for (i = 0; i < full; i++)
		if (node_of(p, at + i * PAGE_BYTES) == 1 && i % 4 == 0)
			assert_true(fill_page(at + i * PAGE_BYTES, i));
	/* To see its pages it needs some room: the last quarter goes. */
	assert_int_equal(pager_discard(p, at + full * 3 / 4 * PAGE_BYTES,
	                               full / 4 * PAGE_BYTES),
	                 0);
	for (i = 0; i < full * 3 / 4; i++)
		if (node_of(p, at + i * PAGE_BYTES) == 0 || i % 4 == 0)
			assert_true(
				is_filled(at + i * PAGE_BYTES, PAGE_BYTES, i));
	engine_close(p);
}

/* -- ranges of several nodes ---------------------------------------------- */

static void
hints_reach_every_node(void **state)
{
	struct pager *p = open_nodes(2, PAGEOUT_MODE_THREAD);
	char *at = map_chunks(p, 4);

	(void)state;
	assert_int_equal(pager_advise(p, at, 4 * CHUNK, PAGEOUT_RANDOM), 0);
	fill_in_turns(p, at, 3, 5); /* and one that is nobody's */
	assert_true(pager_covers_all(p, at, 4 * CHUNK));
	engine_swap_out(p, at, 3 * CHUNK);
	assert_true(p->nodes[0].stats[PAGEOUT_STAT_pswpout] >= CHUNK_PAGES_MIN);
	assert_true(p->nodes[1].stats[PAGEOUT_STAT_pswpout] >= CHUNK_PAGES_MIN);
	assert_int_equal(pager_pin(p, at + CHUNK - PAGE_BYTES, 2 * PAGE_BYTES),
	                 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(p->nodes[i].core->pins, 1);
	assert_int_equal(
		pager_unpin(p, at + CHUNK - PAGE_BYTES, 2 * PAGE_BYTES), 0);
	assert_true(is_filled(at, 3 * CHUNK, 5));
	assert_true(is_zero(at + 3 * CHUNK, CHUNK));
	assert_int_equal(pager_discard(p, at + CHUNK / 2, 2 * CHUNK), 0);
	assert_true(is_filled(at, CHUNK / 2, 5));
	assert_true(is_zero(at + CHUNK / 2, 2 * CHUNK));
	engine_close(p);
}

/* What was asked for a range before it was anybody's is so afterwards. */
static void
flags_come_along_with_a_claim(void **state)
{
	struct pager *p = open_nodes(2, PAGEOUT_MODE_INLINE);
	char *at = map_chunks(p, 2);
	uint64_t vpn = (uintptr_t)at >> PAGE_SHIFT;
	const struct area *a;

	(void)state;
	assert_int_equal(pager_advise(p, at, CHUNK, PAGEOUT_SEQUENTIAL), 0);
	at[0] = at[CHUNK] = 1;
	a = core_area_find(place_of(p, vpn).node->core, 0, vpn);
	assert_int_equal(a->flags, AREA_SEQUENTIAL | AREA_PROMISED);
	vpn += CHUNK_PAGES_MIN;
	a = core_area_find(place_of(p, vpn).node->core, 0, vpn);
	assert_int_equal(a->flags, AREA_PROMISED);
	engine_close(p);
}

static void
nothing_is_left(struct pager *p)
{
	uint64_t managed, mapped;

	assert_int_equal(pager_space_stats(p, 0, &managed, &mapped), 0);
	assert_int_equal(managed + mapped, 0);
	assert_int_equal(p->claims.count, 0);
	assert_int_equal(p->promised, 0);
	for (unsigned i = 0; i < p->node_count; i++) {
		assert_int_equal(p->nodes[i].claimed, 0);
		assert_int_equal(p->nodes[i].promised, 0);
		assert_int_equal(p->nodes[i].stats[PAGEOUT_STAT_managed], 0);
	}
}

static void
ranges_that_are_taken_away(void **state)
{
	struct pager *p = open_nodes(2, PAGEOUT_MODE_THREAD);
	char *at = map_chunks(p, 5);
	uint64_t managed, mapped;

	(void)state;
	fill_in_turns(p, at, 4, 6);
	assert_int_equal(pager_manage(p, 0, at + CHUNK, PAGE_BYTES, true),
	                 -EEXIST);
	assert_int_equal(pager_manage(p, 0, at + 4 * CHUNK, CHUNK, true),
	                 -EEXIST);
	engine_unmap(p, at + CHUNK / 2, CHUNK);
	assert_int_equal(pager_space_stats(p, 0, &managed, &mapped), 0);
	assert_int_equal(managed, 4 * CHUNK);
	assert_int_equal(p->promised, 4 * CHUNK_PAGES_MIN);
	/* What was one node's may be another's afterwards. */
	(void)engine_map(p, at + CHUNK / 2, CHUNK);
	assert_true(is_zero(at + CHUNK / 2, CHUNK));
	fill(at + CHUNK / 2, CHUNK, 7);
	assert_true(is_filled(at, CHUNK / 2, 6));
	assert_true(is_filled(at + CHUNK / 2, CHUNK, 7));
	engine_unmap(p, at, 5 * CHUNK);
	nothing_is_left(p);
	engine_close(p);
}

/* Half of it on the device, half in memory, some of it nobody's. */
static void
pages_move_and_stay_with_their_node(void **state)
{
	struct pager *p = open_nodes(2, PAGEOUT_MODE_THREAD);
	char *at = map_chunks(p, 4), *to = map_chunks(p, 5);
	char *from = at + CHUNK / 2, *want = malloc(3 * CHUNK);

	(void)state;
	fill_in_turns(p, at, 3, 8);
	memcpy(want, from, 3 * CHUNK); /* its last half chunk is zeros */
	engine_unmap(p, at + 3 * CHUNK + CHUNK / 2, CHUNK / 2);
	(void)engine_map(p, at + 3 * CHUNK + CHUNK / 2, CHUNK / 2);
	engine_swap_out(p, from, CHUNK);
	to[PAGE_BYTES] = 1; /* it is somebody's already: that is forgotten */
	assert_int_equal(pager_move(p, from, to, 3 * CHUNK), 0);
	assert_int_equal(munmap(from, 3 * CHUNK), 0);
	for (size_t i = 0; i < 5 * CHUNK / 2; i += CHUNK / 2)
		assert_int_equal(node_of(p, to + i),
		                 (i + CHUNK / 2) / CHUNK % 2);
	assert_memory_equal(to, want, 3 * CHUNK);
	assert_true(is_zero(to + 3 * CHUNK, CHUNK));
	engine_unmap(p, at, CHUNK / 2);
	engine_unmap(p, at + 3 * CHUNK + CHUNK / 2, CHUNK / 2);
	engine_unmap(p, to, 5 * CHUNK);
	nothing_is_left(p);
	free(want);
	engine_close(p);
}

static void
protection_of_a_range_of_two_nodes(void **state)
{
	struct pager *p = open_nodes(2, PAGEOUT_MODE_THREAD);
	char *at = map_chunks(p, 4), *more = map_chunks(p, 32);

	(void)state;
	fill_in_turns(p, at, 4, 9);
	engine_swap_out(p, at + CHUNK / 2, CHUNK);
	assert_int_equal(mprotect(at, 4 * CHUNK, PROT_READ), 0);
	fill(more, 32 * CHUNK, 10); /* pushes, and they can't leave */
	assert_true(is_filled(at, 4 * CHUNK, 9));
	assert_int_equal(mprotect(at, 4 * CHUNK, PROT_READ | PROT_WRITE), 0);
	pager_protected(p, at, 4 * CHUNK);
	assert_true(is_filled(more, 32 * CHUNK, 10));
	assert_true(is_filled(at, 4 * CHUNK, 9));
	fill(at, 4 * CHUNK, 11);
	assert_true(is_filled(at, 4 * CHUNK, 11));
	engine_close(p);
}

static void
a_fork_finds_all_nodes_resident(void **state)
{
	struct pager *p = open_nodes(2, PAGEOUT_MODE_THREAD);
	char *at = map_chunks(p, 5);

	(void)state;
	fill_in_turns(p, at, 4, 12);
	engine_swap_out(p, at, 4 * CHUNK);
	assert_int_equal(pager_fork_before(p), 0);
	for (size_t i = 0; i < 4 * CHUNK; i += PAGE_BYTES)
		assert_int_equal(engine_state(p, at + i), PAGE_MAPPED);
	pager_fork_parent(p);
	assert_true(is_filled(at, 4 * CHUNK, 12));
	engine_close(p);
}

/* A file is one node's, all of it; more than one table holds others' too. */
static void
a_mapped_file_is_one_node_s(void **state)
{
	struct pager *p = open_nodes(2, PAGEOUT_MODE_THREAD);
	int fd = memfd_create("nodes", MFD_CLOEXEC), big;
	char *at, copy[PAGE_BYTES];

	(void)state;
	assert_int_equal(ftruncate(fd, 3 * (off_t)CHUNK), 0);
	at = mmap(NULL, 3 * CHUNK, PROT_READ | PROT_WRITE,
	          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(pager_map_file(p, at, 3 * CHUNK, fd, 0, false), 0);
	fill(at, 3 * CHUNK, 13);
	for (size_t i = 0; i < 3 * CHUNK; i += CHUNK / 2)
		assert_int_equal(node_of(p, at + i), node_of(p, at));
	assert_int_equal(pager_sync(p, at, 3 * CHUNK), 0);
	assert_int_equal(pread(fd, copy, PAGE_BYTES, 2 * (off_t)CHUNK),
	                 PAGE_BYTES);
	assert_memory_equal(copy, at + 2 * CHUNK, PAGE_BYTES);
	/* The same pages can't be mapped again, on whatever node. */
	big = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	assert_int_equal(pager_map_file(p, at, CHUNK, big, 0, false), -EEXIST);
	engine_unmap(p, at, 3 * CHUNK);
	nothing_is_left(p);
	close(fd);
	close(big);
	engine_close(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_are_near_who_touches_them),
		cmocka_unit_test(when_a_node_is_full_the_next_one_has_it),
		cmocka_unit_test(nodes_get_what_they_can_hold),
		cmocka_unit_test(one_node_is_full_and_the_other_is_not),
		cmocka_unit_test(hints_reach_every_node),
		cmocka_unit_test(flags_come_along_with_a_claim),
		cmocka_unit_test(ranges_that_are_taken_away),
		cmocka_unit_test(pages_move_and_stay_with_their_node),
		cmocka_unit_test(protection_of_a_range_of_two_nodes),
		cmocka_unit_test(a_fork_finds_all_nodes_resident),
		cmocka_unit_test(a_mapped_file_is_one_node_s),
	};
	struct pager *p = engine_open(BUDGET, PAGEOUT_MODE_THREAD, "");

	if (p == NULL)
		return 77;
	engine_close(p);
	assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
