/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_core.c -- each promise of core.h, once, on the smallest case that could
 * break it; then what the torture has found.
 */
#include <errno.h>

#include "test/unit/world.h"

static int
fresh(void **state)
{
	(void)state;
	world_open((struct sim_options){0});
	return 0;
}

/* -- coming in and going out ------------------------------------------- */

static void
a_page_never_written_reads_as_zeros(void **unused)
{
	(void)unused;
	touch(7, false);
	assert_int_equal(w->page[0][7].word, 0);
	assert_int_equal(state(7), PAGE_MAPPED);
}

static void
a_fault_on_a_mapped_page_is_done(void **unused)
{
	(void)unused;
	touch(7, false);
	assert_int_equal(fault(7), FAULT_DONE);
	assert_int_equal(w->node->jobs_count, 0);
}

static void
a_fault_outside_of_areas_finds_no_area(void **unused)
{
	(void)unused;
	assert_int_equal(core_area_remove(w->node->core, 0, vpn(10), 10), 0);
	assert_int_equal(fault(10), FAULT_NOAREA);
	assert_int_equal(fault(19), FAULT_NOAREA);
	assert_int_equal(fault(20), FAULT_AGAIN); /* the pool grows */
	finish_all();
	assert_int_equal(fault(20), FAULT_STARTED);
}

/* In parts, for there are not operations for all at once. */
static void
a_sparse_range_goes_out_whole(void **unused)
{
	uint64_t at, end;

	(void)unused;
	world_open((struct sim_options){.frames = 1024, .ops = 128});
	at = vpn(0);
	end = vpn(800);
	for (uint32_t i = 0; i < 800; i += 2)
		touch(i, true);
	while (at != end) {
		struct batch b = {NULL, NULL};
		uint64_t next = core_cold(w->node->core, 0, at, end - at, &b);

		assert_true(next > at);
		at = next;
		submit(&b);
		finish_all();
	}
	for (uint32_t i = 0; i < 800; i += 2)
		assert_int_not_equal(state(i), PAGE_MAPPED);
}

static void
a_page_comes_back_as_it_went(void **unused)
{
	(void)unused;
	touch(7, true);
	swap_out(7, 1);
	assert_int_equal(state(7), PAGE_SWAPPED);
	touch(7, false);
	assert_int_equal(w->count.reads, 1);
}

static void
an_all_zero_page_takes_no_slot(void **unused)
{
	uint32_t before = core_swap_free(w->node->core);

	(void)unused;
	touch(7, false);
	unmap(7, 1);
	assert_int_equal(state(7), PAGE_NONE);
	assert_int_equal(core_swap_free(w->node->core), before);
	assert_int_equal(stat_of(PAGEOUT_STAT_pgunmap_zero), 1);
}

static void
an_unchanged_page_is_not_written_again(void **unused)
{
	(void)unused;
	touch(7, true);
	swap_out(7, 1);
	touch(7, false);
	swap_out(7, 1);
	assert_int_equal(w->count.writes, 1);
	assert_int_equal(stat_of(PAGEOUT_STAT_pgunmap_clean), 1);
	touch(7, false);
}

static void
a_page_that_got_its_old_contents_back_is_clean(void **unused)
{
	uint64_t word;

	(void)unused;
	touch(7, true);
	word = w->page[0][7].word;
	swap_out(7, 1);
	touch(7, true);
	w->page[0][7].word = w->page[0][7].truth = word;
	swap_out(7, 1);
	assert_int_equal(w->count.writes, 1);
	touch(7, false);
}

static void
a_page_written_before_it_moves_is_dirty(void **unused)
{
	(void)unused;
	touch(7, true);
	swap_out(7, 1);
	touch(7, false);
	start_unmap(7, 1);
	touch(7, true); /* the operation is pending: the page is there */
	finish_all();
	start_flush();
	assert_non_null(pending(OP_WRITE));
	finish_all();
	swap_out(7, 1);
	touch(7, false);
}

static void
a_soft_fault_reads_nothing(void **unused)
{
	(void)unused;
	touch(7, true);
	unmap(7, 1);
	assert_int_equal(state(7), PAGE_CACHED);
	touch(7, false);
	assert_int_equal(w->count.reads, 0);
	assert_int_equal(stat_of(PAGEOUT_STAT_pgsoftfault), 1);
}

static void
a_soft_fault_under_write_copies(void **unused)
{
	uint32_t pfn;

	(void)unused;
	touch(7, true);
	pfn = w->page[0][7].pfn;
	unmap(7, 1);
	start_flush();
	assert_int_equal(state(7), PAGE_WRITING);
	assert_int_equal(fault(7), FAULT_STARTED);
	finish(pending(OP_MAP));
	assert_true(is_present(7));
	assert_int_not_equal(w->page[0][7].pfn, pfn);
	assert_int_equal(w->count.copies, 1);
	touch(7, true); /* while the old contents are being written */
	finish_all();
	swap_out(7, 1);
	touch(7, false);
}

static void
faults_on_a_page_being_read_wait_for_one_read(void **unused)
{
	(void)unused;
	touch(7, true);
	swap_out(7, 1);
	assert_int_equal(fault(7), FAULT_STARTED);
	assert_int_equal(state(7), PAGE_READING);
	assert_int_equal(fault(7), FAULT_WAIT);
	finish_all();
	assert_true(is_present(7));
	assert_int_equal(w->count.reads, 1);
}

static void
a_fault_on_a_page_being_unmapped_is_woken_to_fault_again(void **unused)
{
	(void)unused;
	touch(7, true);
	start_unmap(7, 1);
	assert_int_equal(fault(7), FAULT_WAIT);
	finish(pending(OP_UNMAP));
	assert_non_null(pending(OP_WAKE));
	finish_all();
	touch(7, false);
}

/* -- discard, move, take over ------------------------------------------ */

static void
a_discarded_page_reads_as_zeros(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < 4; i++)
		touch(i, true);
	swap_out(0, 1);
	unmap(1, 1);
	start_unmap(2, 1);
	while (discard(0, 4) > 0)
		finish_all();
	assert_int_equal(core_swap_free(w->node->core), 1023);
	for (uint32_t i = 0; i < 4; i++)
		touch(i, false);
}

static void
a_page_discarded_while_read_is_not_mapped(void **unused)
{
	(void)unused;
	touch(7, true);
	swap_out(7, 1);
	assert_int_equal(fault(7), FAULT_STARTED);
	assert_int_equal(discard(7, 1), 0);
	assert_int_equal(core_swap_free(w->node->core),
	                 1022); /* the read names it */
	finish(pending(OP_READ));
	assert_null(pending(OP_MAP));
	assert_non_null(pending(OP_WAKE));
	finish_all();
	assert_int_equal(core_swap_free(w->node->core), 1023);
	touch(7, false);
}

static void
a_page_discarded_while_written_keeps_its_slot_until_the_end(void **unused)
{
	(void)unused;
	touch(7, true);
	unmap(7, 1);
	start_flush();
	assert_int_equal(discard(7, 1), 0);
	assert_int_equal(core_swap_free(w->node->core), 1022);
	touch(7, true);
	finish_all();
	assert_int_equal(core_swap_free(w->node->core), 1023);
	touch(7, false);
}

static void
an_area_again_at_the_same_address_reads_as_zeros(void **unused)
{
	(void)unused;
	touch(7, true);
	swap_out(7, 1);
	assert_int_equal(fault(7), FAULT_STARTED); /* a read is under way */
	assert_int_equal(core_area_remove(w->node->core, 0, vpn(0), 1024), 0);
	assert_int_equal(discard(7, 1), 0);
	assert_int_equal(core_area_add(w->node->core, 0, vpn(0), 1024), 0);
	touch(7, true); /* before it ends */
	finish_all();
	swap_out(7, 1);
	touch(7, false);
}

/* Move pages as mremap does. */
static void
move(uint32_t from, uint32_t to, uint32_t pages)
{
	struct core *c = w->node->core;
	struct batch b = {NULL, NULL};

	while (discard(to, pages) > 0)
		finish_all();
	assert_int_equal(core_area_remove(c, 0, vpn(to), pages), 0);
	assert_int_equal(core_area_add(c, 0, vpn(to), pages), 0);
	assert_int_equal(core_area_rename(c, 0, vpn(from), vpn(to), pages), 0);
	assert_int_equal(fault(to), FAULT_NOFRAME); /* older than the area */
	assert_int_equal(core_area_remove(c, 0, vpn(from), pages), 0);
	for (uint32_t i = 0; i < pages; i++) {
		w->page[0][to + i].truth = w->page[0][from + i].truth;
		w->page[0][from + i].flags |= PG_CLOSED;
		w->page[0][to + i].flags |= PG_CLOSED;
	}
	while (core_move(c, 0, vpn(from), vpn(to), pages, &b) > 0) {
		submit(&b);
		finish_all();
	}
	for (uint32_t i = 0; i < pages; i++)
		w->page[0][to + i].flags &= (uint16_t)~PG_CLOSED;
	check();
}

static void
a_moved_page_keeps_contents_and_hash(void **unused)
{
	(void)unused;
	for (uint32_t i = 100; i < 104; i++)
		touch(i, true);
	swap_out(100, 1);
	unmap(101, 1);
	touch(102, true);
	move(100, 500, 4);
	for (uint32_t i = 500; i < 504; i++)
		touch(i, false);
	assert_int_equal(fault(100), FAULT_NOAREA);
	swap_out(500, 4);
	for (uint32_t i = 500; i < 504; i++)
		touch(i, false);
}

static void
a_page_taken_over_keeps_its_contents(void **unused)
{
	struct batch b = {NULL, NULL};
	struct sim_page *p = &w->page[0][7];

	(void)unused;
	touch(0, true); /* so that there are frames */
	p->word = p->truth = sim_word(w);
	p->flags |= PG_PRESENT | PG_FOREIGN;
	assert_int_equal(core_adopt(w->node->core, 0, vpn(7), &b), 0);
	submit(&b);
	finish_all();
	assert_int_equal(state(7), PAGE_MAPPED);
	swap_out(7, 1);
	touch(7, false);
}

static void
a_pinned_page_stays(void **unused)
{
	struct batch b = {NULL, NULL};

	(void)unused;
	touch(7, true);
	assert_int_equal(core_pin(w->node->core, 0, vpn(7), &b), FAULT_DONE);
	unmap(7, 1);
	assert_true(is_present(7));
	core_unpin(w->node->core, 0, vpn(7));
	unmap(7, 1);
	assert_int_equal(state(7), PAGE_CACHED);
}

static void
kswapd_rests_when_nothing_can_leave(void **unused)
{
	struct batch b = {NULL, NULL};

	(void)unused;
	for (uint32_t i = 0; i < 256 - FRAMES_RESERVE; i++) {
		touch(i, true);
		assert_int_equal(core_pin(w->node->core, 0, vpn(i), &b),
		                 FAULT_DONE);
	}
	assert_false(core_kswapd(w->node->core, &b));
	assert_null(b.first);
	core_unpin(w->node->core, 0, vpn(9));
	assert_true(core_kswapd(w->node->core, &b));
	assert_non_null(b.first);
	submit(&b);
	finish_all();
	assert_int_equal(state(9), PAGE_CACHED);
}

/* -- when things fail -------------------------------------------------- */

/* Let the pages of the pending write or read fail. */
static void
fail_transfer(enum op_kind kind, int err)
{
	struct op *op = pending(kind);

	assert_non_null(op);
	assert_true(host_perform(w->node, op, OP_PAGES_MAX));
	for (uint32_t i = 0; i < op->count; i++) {
		op->pg[i].err = (int16_t)err;
		w->page[0][op->vpn + i - w->base[0]].damage++;
	}
	host_end(w->node, op);
	check();
}

static void
a_failed_write_keeps_the_page(void **unused)
{
	(void)unused;
	touch(7, true);
	unmap(7, 1);
	start_flush();
	fail_transfer(OP_WRITE, -EIO);
	assert_int_equal(drop_clean(1), 0);
	assert_int_equal(state(7), PAGE_CACHED);
	w->now += 10000000000;
	swap_out(7, 1);
	assert_int_equal(state(7), PAGE_SWAPPED);
	touch(7, false);
	assert_int_equal(w->node->core->swap[0].bad, 1);
}

static void
a_failed_write_does_not_make_an_old_swap_copy_good(void **unused)
{
	(void)unused;
	touch(7, true);
	swap_out(7, 1);
	touch(7, true);
	unmap(7, 1);
	start_flush();
	fail_transfer(OP_WRITE, -EIO);
	touch(7, false); /* mapped, and unmapped with the same contents */
	w->now += 10000000000;
	swap_out(7, 1);
	touch(7, false);
}

static void
a_page_that_cannot_be_read_twice_is_poisoned(void **unused)
{
	(void)unused;
	touch(7, true);
	swap_out(7, 1);
	assert_int_equal(fault(7), FAULT_STARTED);
	fail_transfer(OP_READ, -EIO);
	assert_non_null(pending(OP_READ));
	fail_transfer(OP_READ, -EIO);
	finish_all();
	assert_int_equal(state(7), PAGE_POISONED);
	assert_int_equal(fault(7), FAULT_POISONED);
	while (discard(7, 1) > 0)
		finish_all();
	touch(7, false);
}

static void
other_contents_than_were_written_are_not_mapped(void **unused)
{
	(void)unused;
	touch(7, true);
	swap_out(7, 1);
	w->node->disk[0].word[1] ^= 1;
	assert_int_equal(fault(7), FAULT_STARTED);
	finish_all();
	assert_false(is_present(7));
	assert_int_equal(state(7), PAGE_POISONED);
	assert_int_equal(stat_of(PAGEOUT_STAT_swap_read_errors), 2);
}

static void
slots_that_were_exchanged_are_noticed(void **unused)
{
	uint64_t word;

	(void)unused;
	touch(7, true);
	touch(8, true);
	swap_out(7, 2);
	word = w->node->disk[0].word[1];
	w->node->disk[0].word[1] = w->node->disk[0].word[2];
	w->node->disk[0].word[2] = word;
	(void)fault(7);
	finish_all();
	(void)fault(8);
	finish_all();
	assert_int_equal(state(7), PAGE_POISONED);
	assert_int_equal(state(8), PAGE_POISONED);
}

static void
a_page_that_is_held_is_left_alone_for_a_while(void **unused)
{
	(void)unused;
	touch(7, true);
	w->page[0][7].flags |= PG_DMA;
	unmap(7, 1);
	assert_true(is_present(7));
	assert_int_equal(w->node->core->unevictable.count, 1);
	w->page[0][7].flags &= (uint16_t)~PG_DMA;
	w->now += 2000000;
	core_retry_unevictable(w->node->core);
	assert_int_equal(w->node->core->unevictable.count, 0);
	unmap(7, 1);
	assert_int_equal(state(7), PAGE_CACHED);
}

static void
a_page_that_is_gone_takes_its_frame_to_be_filled_again(void **unused)
{
	struct batch b = {NULL, NULL};

	(void)unused;
	touch(7, true);
	w->page[0][7].flags = PG_MANAGED | PG_BUSY | PG_UNSURE;
	w->page[0][7].truth = 0;
	w->node->resident--;
	start_unmap(7, 1);
	assert_true(host_perform(w->node, pending(OP_UNMAP), 1));
	host_end(w->node, pending(OP_UNMAP));
	assert_int_equal(w->node->core->empty.count, 1);
	assert_true(frames_populate(w->node->core, &b));
	submit(&b);
	finish_all();
	assert_int_equal(w->node->core->empty.count, 0);
	w->page[0][7].flags = PG_MANAGED;
	touch(7, false);
}

/* Take the only area out of use.  => what core_swapoff() says at last */
static int64_t
swapoff(void)
{
	int64_t left = 1;

	for (unsigned i = 0; left > 0 && i < 100; i++) {
		struct batch b = {NULL, NULL};

		left = core_swapoff(w->node->core, 0, &b);
		host_submit(w->node, &b);
		finish_all();
		check();
	}
	return left;
}

static void
swap_space_goes_when_its_pages_are_mapped_again(void **unused)
{
	(void)unused;
	touch(7, true);
	swap_out(7, 1);
	touch(7, false); /* its slot is kept, in case it stays unchanged */
	assert_int_equal(swapoff(), 0);
	assert_int_equal(core_swap_total(w->node->core), 0);
	assert_int_equal(state(7), PAGE_MAPPED);
	touch(7, false);
}

static void
swap_space_stays_when_its_pages_have_no_other_place(void **unused)
{
	uint32_t total = core_swap_total(w->node->core);

	(void)unused;
	touch(7, true);
	swap_out(7, 1);
	assert_int_equal(swapoff(), -ENOMEM);
	assert_int_equal(core_swap_total(w->node->core), total);
	touch(7, false);
	swap_out(7, 1);
	assert_int_equal(state(7), PAGE_SWAPPED);
}

#define T(name) cmocka_unit_test_setup(name, fresh)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_page_never_written_reads_as_zeros),
		T(a_fault_on_a_mapped_page_is_done),
		T(a_fault_outside_of_areas_finds_no_area),
		T(a_sparse_range_goes_out_whole),
		T(a_page_comes_back_as_it_went),
		T(an_all_zero_page_takes_no_slot),
		T(an_unchanged_page_is_not_written_again),
		T(a_page_that_got_its_old_contents_back_is_clean),
		T(a_page_written_before_it_moves_is_dirty),
		T(a_soft_fault_reads_nothing),
		T(a_soft_fault_under_write_copies),
		T(faults_on_a_page_being_read_wait_for_one_read),
		T(a_fault_on_a_page_being_unmapped_is_woken_to_fault_again),
		T(a_discarded_page_reads_as_zeros),
		T(a_page_discarded_while_read_is_not_mapped),
		T(a_page_discarded_while_written_keeps_its_slot_until_the_end),
		T(an_area_again_at_the_same_address_reads_as_zeros),
		T(a_moved_page_keeps_contents_and_hash),
		T(a_page_taken_over_keeps_its_contents),
		T(a_pinned_page_stays),
		T(kswapd_rests_when_nothing_can_leave),
		T(a_failed_write_keeps_the_page),
		T(a_failed_write_does_not_make_an_old_swap_copy_good),
		T(a_page_that_cannot_be_read_twice_is_poisoned),
		T(other_contents_than_were_written_are_not_mapped),
		T(slots_that_were_exchanged_are_noticed),
		T(a_page_that_is_held_is_left_alone_for_a_while),
		T(a_page_that_is_gone_takes_its_frame_to_be_filled_again),
		T(swap_space_goes_when_its_pages_are_mapped_again),
		T(swap_space_stays_when_its_pages_have_no_other_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
