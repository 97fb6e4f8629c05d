/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_mapped.c -- pages of a mapped file: each promise of core/file, once.
 *
 * Pages 0 to 15 of the model world are those of a file.  What the file holds is
 * in the model's disk, at slot page + 1.
 */
#include <errno.h>

#include "test/unit/world.h"

enum { FILE_PAGES = 16 };

static int
fresh(void **state)
{
	(void)state;
	world_open((struct sim_options){.file_pages = FILE_PAGES});
	return 0;
}

/* What the file holds of a page. */
static uint64_t *
in_file(uint32_t page)
{
	return &w->node->file[0].disk.word[page + 1];
}

/* Who reads the page next may find what the file holds then. */
static void
is_in_file_only(uint32_t page)
{
	w->page[0][page].flags |= PG_INFILE;
}

/* => pages that are not written yet; what it starts is pending */
static uint64_t
start_sync(uint32_t page, uint32_t pages, bool begin)
{
	struct batch b = {NULL, NULL};
	uint64_t left =
		core_sync(w->node->core, 0, vpn(page), pages, begin, &b);

	submit(&b);
	return left;
}

static void
refresh(uint32_t page, uint32_t pages)
{
	struct batch b = {NULL, NULL};

	(void)core_refresh(w->node->core, 0, vpn(page), pages, &b);
	submit(&b);
	finish_all();
}

static uint32_t
writes_failed(void)
{
	return core_file_failed(w->node->core, SWAP_AREAS_MAX);
}

/* A page that was changed is being written. */
static struct op *
start_write(uint32_t page)
{
	touch(page, true);
	unmap(page, 1);
	start_flush();
	assert_int_equal(state(page), PAGE_WRITING);
	return pending(OP_WRITE);
}

/* The range is no part of the file any more, at once. */
static void
forget(uint32_t page, uint32_t pages)
{
	struct batch b = {NULL, NULL};

	assert_int_equal(core_area_remove(w->node->core, 0, vpn(page), pages),
	                 0);
	for (uint32_t i = page; i < page + pages; i++)
		w->page[0][i].flags &= PG_PRESENT;
	while (core_discard(w->node->core, 0, vpn(page), pages, &b) != 0) {
		struct op *op = b.first;

		host_submit(w->node, &b);
		finish(op);
	}
	assert_null(b.first);
}

/* -- reading -------------------------------------------------------------- */

static void
the_first_read_is_believed_and_the_next_is_compared(void **state_)
{
	(void)state_;
	touch(1, false); /* what is seen must be what the file holds */
	assert_int_equal(w->page[0][1].word, *in_file(1));
	swap_out(1, 1);
	assert_int_equal(w->count.writes, 0);
	touch(1, false);
	swap_out(1, 1);
	*in_file(1) = sim_word(w); /* by somebody whom nobody expected */
	assert_int_equal(fault(1), FAULT_STARTED);
	finish_all();
	assert_int_equal(state(1), PAGE_POISONED);
	assert_int_equal(stat_of(PAGEOUT_STAT_swap_read_errors), 2);
}

static void
a_page_that_was_lost_may_be_believed_anew(void **state_)
{
	(void)state_;
	touch(1, false);
	swap_out(1, 1);
	*in_file(1) = sim_word(w);
	(void)fault(1);
	finish_all();
	is_in_file_only(1);
	refresh(1, 1);
	assert_int_equal(state(1), PAGE_NONE);
	touch(1, false);
	assert_int_equal(w->page[0][1].word, *in_file(1));
}

/* The read of two pages ends, and of both the file holds something new. */
static void
end_read_of_changed(uint32_t page, bool partial)
{
	struct op *op = pending(OP_READ);
	struct sim_page *p = &w->page[0][page + 1];

	assert_non_null(op);
	assert_int_equal(op->count, 2);
	assert_true(host_perform(w->node, op, 2));
	op->pg[1].partial = partial;
	if (partial)
		w->node->file[0].disk.meant[page + 2] = p->truth =
			*in_file(page + 1);
	host_end(w->node, op);
	check();
}

static void
what_is_read_where_the_file_ends_is_believed(void **state_)
{
	struct batch b = {NULL, NULL};

	(void)state_;
	touch(1, false);
	touch(2, false);
	swap_out(1, 2);
	*in_file(1) = sim_word(w);
	*in_file(2) = sim_word(w); /* was cut there, and grew a little */
	(void)core_prefetch(w->node->core, 0, vpn(1), 2, &b);
	submit(&b);
	end_read_of_changed(1, true);
	end_read_of_changed(1, true); /* because of page 1, which is bad */
	finish_all();
	assert_int_equal(state(1), PAGE_SWAPPED);
	assert_int_equal(state(2), PAGE_CACHED);
	touch(2, false);
	assert_int_equal(w->page[0][2].word, *in_file(2));
}

static void
zeros_are_contents(void **state_)
{
	(void)state_;
	touch(3, false);
	assert_int_equal(*in_file(3), 0); /* as the model has it */
	unmap(3, 1);
	assert_int_equal(state(3), PAGE_CACHED);
	touch(1, false);
	w->page[0][1].word = w->page[0][1].truth = 0;
	swap_out(1, 1);
	assert_int_equal(state(1), PAGE_SWAPPED);
	assert_int_equal(*in_file(1), 0);
	assert_int_equal(w->count.writes, 1);
	assert_int_equal(stat_of(PAGEOUT_STAT_pgunmap_zero), 0);
	touch(1, false);
	touch(3, false);
}

/* -- the file is cut ------------------------------------------------------ */

static void
what_is_beyond_the_end_is_refused_until_the_file_grows(void **state_)
{
	uint64_t was;

	(void)state_;
	touch(6, false);
	swap_out(6, 1);
	was = *in_file(6);
	w->node->file[0].disk.end = 6; /* page 5 is the first that is gone */
	assert_int_equal(fault(6), FAULT_STARTED);
	finish_all();
	assert_int_equal(state(6), PAGE_POISONED);
	assert_int_equal(fault(6), FAULT_POISONED);
	w->node->file[0].disk.end = FILE_PAGES + 1;
	is_in_file_only(6);
	refresh(6, 1);
	touch(6, false);
	assert_int_equal(w->page[0][6].word, was);
}

static void
what_is_changed_beyond_the_end_is_nobodys(void **state_)
{
	uint64_t was = *in_file(5);

	(void)state_;
	touch(5, true);
	w->node->file[0].disk.end = 6;
	swap_out(5, 1);
	assert_int_equal(state(5), PAGE_SWAPPED);
	assert_int_equal(*in_file(5), was);
	assert_int_equal(writes_failed(), 0);
	(void)fault(5);
	finish_all();
	assert_int_equal(state(5), PAGE_POISONED); /* and not zeros */
}

/* -- under write ---------------------------------------------------------- */

static void
a_fault_on_a_page_under_write_waits(void **state_)
{
	struct op *write;

	(void)state_;
	write = start_write(1);
	assert_int_equal(fault(1), FAULT_WAIT);
	assert_null(pending(OP_MAP));
	finish(write);
	assert_non_null(pending(OP_WAKE));
	finish_all();
	touch(1, false);
	assert_int_equal(w->count.reads, 1); /* the first of all */
	assert_int_equal(stat_of(PAGEOUT_STAT_pgcopy), 0);
	assert_int_equal(*in_file(1), w->page[0][1].word);
}

static void
a_page_whose_write_fails_is_kept_and_written_again(void **state_)
{
	struct op *write;
	swp_entry_t entry;

	(void)state_;
	write = start_write(1);
	entry = write->entry;
	assert_int_equal(start_sync(1, 1, true), 1);
	assert_true(host_perform(w->node, write, 1));
	write->pg[0].err = -EIO;
	*in_file(1) = w->node->file[0].disk.meant[2] = sim_word(w); /* torn */
	host_end(w->node, write);
	check();
	assert_int_equal(writes_failed(), 1);
	assert_int_equal(state(1), PAGE_CACHED);
	assert_int_equal(start_sync(1, 1, false), 1);
	write = pending(OP_WRITE);
	assert_int_equal(write->entry, entry);
	finish(write);
	assert_int_equal(start_sync(1, 1, false), 0);
	assert_int_equal(writes_failed(), 1);
	swap_out(1, 1);
	touch(1, false);
}

/* It is the file's, whoever maps it: the old write may not end after a read. */
static void
who_maps_a_page_anew_waits_for_the_old_write(void **state_)
{
	struct op *write;
	uint64_t word;

	(void)state_;
	write = start_write(1);
	word = w->page[0][1].truth;
	forget(1, 1);
	assert_int_equal(file_manage(w, &w->node->file[0], 1, 1), 0);
	check();
	assert_int_equal(fault(1), FAULT_WAIT);
	assert_null(pending(OP_READ));
	finish(write);
	finish_all();
	assert_int_equal(*in_file(1), word);
	touch(1, false);
	assert_int_equal(w->page[0][1].word, word);
}

/* -- sync ----------------------------------------------------------------- */

static void
a_page_on_its_way_out_is_written_as_soon_as_it_is_out(void **state_)
{
	(void)state_;
	touch(1, true);
	start_unmap(1, 1);
	assert_int_equal(start_sync(1, 1, true), 1);
	assert_int_equal(w->node->jobs_count, 1);
	finish(pending(OP_UNMAP));
	assert_int_equal(state(1), PAGE_WRITING);
	finish(pending(OP_WRITE));
	assert_int_equal(start_sync(1, 1, false), 0);
	assert_int_equal(*in_file(1), w->page[0][1].truth);
}

static void
what_is_changed_after_it_began_holds_no_sync_up(void **state_)
{
	uint64_t word;

	(void)state_;
	touch(1, true);
	word = w->page[0][1].truth;
	assert_int_equal(start_sync(1, 1, true), 1);
	finish(pending(OP_UNMAP));
	finish(pending(OP_WRITE));
	touch(1, true);
	assert_int_equal(start_sync(1, 1, false), 0);
	assert_int_equal(*in_file(1), word);
	assert_int_equal(state(1), PAGE_MAPPED);
}

static void
a_sync_ends_when_its_range_is_unmapped(void **state_)
{
	struct op *write;
	uint64_t word;

	(void)state_;
	touch(2, true);
	write = start_write(1);
	word = w->page[0][1].truth;
	assert_int_equal(start_sync(1, 2, true), 2);
	forget(1, 1);
	assert_int_equal(start_sync(1, 2, false), 1);
	finish(pending(OP_UNMAP));
	forget(2, FILE_PAGES - 2);
	assert_int_equal(start_sync(1, 2, false), 0);
	forget(0, 1);
	assert_false(core_file_off(w->node->core, SWAP_AREAS_MAX)); /* [I4] */
	finish(write);
	finish_all();
	assert_int_equal(*in_file(1), word);
	assert_true(core_file_off(w->node->core, SWAP_AREAS_MAX));
}

static void
a_refresh_forgets_nothing_that_the_file_has_not(void **state_)
{
	(void)state_;
	for (uint32_t i = 0; i < 3; i++)
		touch(i, i != 2);
	unmap(1, 2); /* 0 mapped, 1 changed, 2 as in the file */
	is_in_file_only(2);
	refresh(0, 3);
	assert_int_equal(state(0), PAGE_MAPPED);
	assert_int_equal(state(1), PAGE_CACHED);
	assert_int_equal(state(2), PAGE_NONE);
	for (uint32_t i = 0; i < 3; i++)
		touch(i, false);
}

#define CASE(name) cmocka_unit_test_setup(name, fresh)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_first_read_is_believed_and_the_next_is_compared),
		CASE(a_page_that_was_lost_may_be_believed_anew),
		CASE(what_is_read_where_the_file_ends_is_believed),
		CASE(zeros_are_contents),
		CASE(what_is_beyond_the_end_is_refused_until_the_file_grows),
		CASE(what_is_changed_beyond_the_end_is_nobodys),
		CASE(a_fault_on_a_page_under_write_waits),
		CASE(a_page_whose_write_fails_is_kept_and_written_again),
		CASE(who_maps_a_page_anew_waits_for_the_old_write),
		CASE(a_page_on_its_way_out_is_written_as_soon_as_it_is_out),
		CASE(what_is_changed_after_it_began_holds_no_sync_up),
		CASE(a_sync_ends_when_its_range_is_unmapped),
		CASE(a_refresh_forgets_nothing_that_the_file_has_not),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	sim_delete(w);
	return r;
}
