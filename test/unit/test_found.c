/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_found.c -- what the torture has found in the core, each made small.
 */
#include <errno.h>

#include "test/unit/world.h"

static int
fresh(void **unused)
{
	(void)unused;
	world_open((struct sim_options){0});
	return 0;
}

/* Slot 0 is the header: "the slot before slot 1" was taken for "no slot". */
static void
a_run_of_reads_stops_at_the_first_slot(void **unused)
{
	struct batch b = {NULL, NULL};

	(void)unused;
	touch(50, true);
	swap_out(50, 1);
	assert_int_equal(read_start(w->node->core, 0,
	                            core_area_find(w->node->core, 0, vpn(50)),
	                            vpn(50), vpn(40), vpn(51), false, &b),
	                 1);
	submit(&b);
	finish_all();
}

static void
no_operation_is_empty_when_slots_run_out(void **unused)
{
	(void)unused;
	world_open((struct sim_options){.slots = 3});
	for (uint32_t i = 0; i < 8; i += 2)
		touch(i, true);
	unmap(0, 8);
	assert_int_equal(state(0), PAGE_CACHED);
	assert_int_equal(state(2), PAGE_CACHED);
	assert_int_equal(state(4), PAGE_MAPPED);
	assert_int_equal(state(6), PAGE_MAPPED);
}

/* Its neighbour could not be read, so both were read again. */
static void
a_page_that_was_read_well_once_is_not_lost(void **unused)
{
	struct batch b = {NULL, NULL};
	struct op *op;

	(void)unused;
	touch(7, true);
	touch(8, true);
	swap_out(7, 2);
	(void)core_prefetch(w->node->core, 0, vpn(7), 2, &b);
	submit(&b);
	assert_int_equal(fault(7), FAULT_WAIT);
	for (unsigned i = 0; i < 2; i++) {
		op = pending(OP_READ);
		assert_non_null(op);
		assert_int_equal(op->count, 2);
		assert_true(host_perform(w->node, op, 2));
		op->pg[1 - i].err = -EIO;
		w->page[0][8 - i].damage++;
		host_end(w->node, op);
	}
	finish_all();
	assert_int_equal(state(7), PAGE_SWAPPED);
	assert_int_equal(state(8), PAGE_CACHED);
	touch(7, false);
	touch(8, false);
}

/* The kernel drops the page, and the core is told. */
static void
vanish(uint32_t page)
{
	struct batch b = {NULL, NULL};
	struct sim_page *p = &w->page[0][page];

	w->node->resident -= (p->flags & PG_PRESENT) != 0;
	p->flags = PG_MANAGED | PG_BUSY | PG_UNSURE;
	p->truth = 0;
	(void)core_vanished(w->node->core, 0, vpn(page), 1, &b);
	assert_null(b.first);
}

static void
vanished_for_good(uint32_t page)
{
	finish_all();
	w->page[0][page].flags =
		PG_MANAGED | (w->page[0][page].flags & PG_PRESENT);
	check();
	assert_int_equal(state(page), PAGE_NONE);
	touch(page, false);
}

static void
a_page_that_vanished_before_it_was_mapped_is_not_mapped(void **unused)
{
	(void)unused;
	touch(7, true);
	unmap(7, 1);
	assert_int_equal(fault(7), FAULT_STARTED);
	vanish(7);
	finish(pending(OP_MAP));
	assert_non_null(pending(OP_WAKE));
	assert_false(is_present(7));
	vanished_for_good(7);
}

static void
a_page_that_vanished_after_it_was_mapped_is_taken_out(void **unused)
{
	struct op *op;

	(void)unused;
	touch(7, true);
	unmap(7, 1);
	assert_int_equal(fault(7), FAULT_STARTED);
	op = pending(OP_MAP);
	assert_true(host_perform(w->node, op, 1));
	vanish(7);
	assert_int_equal(fault(7), FAULT_WAIT);
	host_end(w->node, op);
	assert_int_equal(pending(OP_UNMAP)->flags, OPF_DISCARD);
	finish(pending(OP_UNMAP));
	assert_non_null(pending(OP_WAKE)); /* for the fault that waits */
	vanished_for_good(7);
}

static void
a_page_that_vanished_after_it_was_unmapped_is_forgotten(void **unused)
{
	(void)unused;
	touch(7, true);
	start_unmap(7, 1);
	assert_true(host_perform(w->node, pending(OP_UNMAP), 1));
	vanish(7);
	vanished_for_good(7);
}

static void
a_page_that_vanished_while_it_was_taken_over_is_forgotten(void **unused)
{
	struct batch b = {NULL, NULL};
	struct sim_page *p = &w->page[0][7];

	(void)unused;
	touch(0, true);
	p->word = p->truth = sim_word(w);
	p->flags |= PG_PRESENT | PG_FOREIGN;
	assert_int_equal(core_adopt(w->node->core, 0, vpn(7), &b), 0);
	submit(&b);
	assert_true(host_perform(w->node, pending(OP_ADOPT), 1));
	vanish(7);
	assert_int_equal(fault(7), FAULT_WAIT);
	host_end(w->node, pending(OP_ADOPT));
	assert_non_null(pending(OP_WAKE));
	vanished_for_good(7);
}

/* The mark was taken from the page that a neighbour's fault mapped there. */
static void
a_poisoned_page_stays_so_until_the_mark_is_gone(void **unused)
{
	(void)unused;
	touch(7, true);
	swap_out(7, 1);
	w->node->disk[0].word[1] ^= 1;
	(void)fault(7);
	finish_all();
	assert_int_equal(fault(7), FAULT_POISONED);
	assert_int_equal(discard(7, 1), 1);
	assert_int_equal(state(7), PAGE_POISONED);
	assert_int_equal(fault(7), FAULT_NOFRAME); /* come again */
	assert_int_equal(discard(7, 1), 1);
	assert_int_equal(w->node->jobs_count, 1);
	finish(pending(OP_UNPOISON));
	assert_int_equal(discard(7, 1), 0);
	touch(7, false);
}

static void
what_refused_to_move_is_asked_again_before_memory_is_out(void **unused)
{
	uint32_t held = 256 - FRAMES_RESERVE;

	(void)unused;
	for (uint32_t i = 0; i < held; i++) {
		touch(i, true);
		w->page[0][i].flags |= PG_DMA;
	}
	unmap(0, held);
	assert_int_equal(w->node->core->unevictable.count, held);
	for (uint32_t i = 0; i < held; i++)
		w->page[0][i].flags &= (uint16_t)~PG_DMA;
	touch(300, true);
}

#define T(name) cmocka_unit_test_setup(name, fresh)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_run_of_reads_stops_at_the_first_slot),
		T(no_operation_is_empty_when_slots_run_out),
		T(a_page_that_was_read_well_once_is_not_lost),
		T(a_page_that_vanished_before_it_was_mapped_is_not_mapped),
		T(a_page_that_vanished_after_it_was_mapped_is_taken_out),
		T(a_page_that_vanished_after_it_was_unmapped_is_forgotten),
		T(a_page_that_vanished_while_it_was_taken_over_is_forgotten),
		T(a_poisoned_page_stays_so_until_the_mark_is_gone),
		T(what_refused_to_move_is_asked_again_before_memory_is_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
