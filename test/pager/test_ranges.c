/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_ranges.c -- ranges of which something cannot be done: then all is as it
 * was.
 *
 * Each case fills a table or the memory first, and looks at contents when the
 * call has failed, and when it works at last.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "test/pager/engine.h"

static const size_t budget = 8 * MIB;

static struct pager *
open_or_skip(unsigned nodes, size_t mem_bytes)
{
	struct pager *p = engine_open_nodes(nodes, mem_bytes, 256 * MIB,
	                                    PAGEOUT_MODE_THREAD, "");

	if (p == NULL)
		skip();
	(void)alarm(30); /* a hang is a failure */
	return p;
}

static char *
map_plain(size_t bytes)
{
	char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	(void)madvise(at, bytes, MADV_NOHUGEPAGE);
	return at;
}

/* -- tables that are full ------------------------------------------------- */

/*
 * Give every other page a flag, until there is no room for more areas.
 * => returns the first one that has none
 */
static char *
fill_areas(struct pager *p, char *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += 2 * PAGE_BYTES)
		if (pager_advise(p, at + i, PAGE_BYTES, PAGEOUT_RANDOM) < 0)
			return at + i;
	fail_msg("there is no end of areas");
	return NULL;
}

static void
what_cannot_be_split_stays(void **state)
{
	enum { STRIPES = 512 };
	struct pager *p = open_or_skip(1, budget);
	char *stripes = map_plain(STRIPES * MIB);
	char *at = engine_map(p, NULL, 4 * MIB), *end;

	(void)state;
	assert_int_equal(pager_manage(p, 0, stripes, STRIPES * MIB, false), 0);
	fill(at, 4 * MIB, 1);
	end = fill_areas(p, stripes, STRIPES * MIB);
	/* What hints leave is used up by holes. */
	for (char *hole = stripes + STRIPES * MIB - 2 * PAGE_BYTES;
	     pager_unmanage(p, hole, PAGE_BYTES) == 0;)
		hole -= 2 * PAGE_BYTES;
	assert_int_equal(pager_unmanage(p, at + MIB, 2 * MIB), -ENOMEM);
	/* Of these the first page could go, but not the last. */
	assert_int_equal(
		pager_unmanage(p, end - 2 * PAGE_BYTES, 3 * PAGE_BYTES),
		-ENOMEM);
	assert_true(pager_covers_all(p, stripes, (size_t)(end - stripes)));
	assert_true(pager_covers_all(p, at, 4 * MIB));
	engine_swap_out(p, at, 4 * MIB);
	assert_true(is_filled(at, 4 * MIB, 1));
	engine_unmap(p, at, 4 * MIB);
	engine_unmap(p, stripes, STRIPES * MIB);
	engine_close(p);
}

/* -- memory that is full --------------------------------------------------- */

/*
 * A part of the range may leave, and does for the part that may not; then there
 * is no frame for the rest.
 */
static void
a_range_that_cannot_be_taken_over_is_given_back(void **state)
{
	struct pager *p = open_or_skip(1, budget);
	char *stuck = engine_map(p, NULL, 6 * MIB), *at = map_plain(4 * MIB);

	(void)state;
	fill(stuck, 6 * MIB, 3);
	assert_int_equal(mprotect(stuck, 6 * MIB, PROT_READ), 0);
	fill(at, 4 * MIB, 4);
	assert_int_equal(mprotect(at + MIB, 3 * MIB, PROT_READ), 0);
	assert_int_equal(pager_manage(p, 0, at, 4 * MIB, true), -ENOMEM);
	assert_false(pager_covers(p, at, 4 * MIB));
	assert_int_equal(p->promised, 6 * MIB / PAGE_BYTES);
	assert_true(is_filled(at, 4 * MIB, 4));
	assert_int_equal(mprotect(stuck, 6 * MIB, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(mprotect(at, 4 * MIB, PROT_READ | PROT_WRITE), 0);
	pager_protected(p, stuck, 6 * MIB);
	assert_int_equal(pager_manage(p, 0, at, 4 * MIB, true), 0);
	engine_swap_out(p, at, 4 * MIB);
	assert_true(is_filled(at, 4 * MIB, 4));
	assert_true(is_filled(stuck, 6 * MIB, 3));
	engine_close(p);
}

/* -- pins ----------------------------------------------------------------- */

static void
a_page_has_65535_pins_and_no_more(void **state)
{
	enum { PINS = 65535 };
	struct pager *p = open_or_skip(1, 640 * MIB);
	char *at = engine_map(p, NULL, 2 * PAGE_BYTES);

	(void)state;
	for (unsigned i = 0; i < PINS; i++)
		assert_int_equal(pager_pin(p, at + PAGE_BYTES, PAGE_BYTES), 0);
	assert_int_equal(pager_pin(p, at, 2 * PAGE_BYTES), -EAGAIN);
	assert_int_equal(p->nodes[0].core->pins, PINS);
	assert_int_equal(pager_unpin(p, at + PAGE_BYTES, PAGE_BYTES), 0);
	assert_int_equal(pager_pin(p, at, 2 * PAGE_BYTES), 0);
	engine_close(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_be_split_stays),
		cmocka_unit_test(
			a_range_that_cannot_be_taken_over_is_given_back),
		cmocka_unit_test(a_page_has_65535_pins_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
