/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_linux24_buffer.c -- buffers are dirtied, counted and written by the
 * rules of Linux 2.4.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bits.h"
#include "reclaim/linux24/linux24.h"

#define FRAMES 256
#define SECOND 1000000000ull

static struct core core;
static struct frame frames[FRAMES];
static struct {
	struct linux24 state;
	struct buffer24 buffers[FRAMES];
} all;

static uint64_t clock_ns, stat[PAGEOUT_STATS];
static unsigned wakes[DAEMONS];
static uint32_t written[FRAMES], written_count; /* in order */

static uint64_t
fake_now(void *ctx)
{
	(void)ctx;
	return clock_ns;
}

static void
fake_wake(void *ctx, enum daemon who)
{
	(void)ctx;
	wakes[who]++;
}

static void
fake_write(void *ctx, uint32_t pfn)
{
	(void)ctx;
	assert_true(written_count < FRAMES);
	written[written_count++] = pfn;
}

static const struct host_ops fake_host = {
	.wake = fake_wake,
	.now_ns = fake_now,
	.buffer_write = fake_write,
};

/* A machine of 32752 pages, 2000 of them free: nothing is short. */
static int
fresh(void **unused)
{
	(void)unused;
	all.state = (struct linux24){
		.num_physpages = 32752,
		.bdflush_sleeps = true,
	};
	core = (struct core){
		.cfg.host = &fake_host,
		.cfg.frames_total = FRAMES,
		.frames = frames,
		.zone_count = 2,
		.freepages = {.min = 351, .low = 702, .high = 1053},
		.zones[0] = {.size = 4096,
	                     .populated = 4096,
	                     .free = 200,
	                     .pages_min = 128},
		.zones[1] = {.size = 28656,
	                     .populated = 28656,
	                     .free = 1800,
	                     .pages_min = 223},
		.policy_state = &all.state,
		.stat = stat,
	};
	linux24_buffers_init(&core);
	for (unsigned i = 0; i < FRAMES; i++)
		frames[i] = (struct frame){.vpn = VPN_NONE,
		                           .buffers = BUF_ATTACHED};
	clock_ns = 1000 * SECOND;
	written_count = 0;
	for (unsigned i = 0; i < DAEMONS; i++)
		wakes[i] = 0;
	return 0;
}

static void
dirty(uint32_t pfn)
{
	mark_buffer_dirty(&core, &frames[pfn]);
}

static void
writes_end(bool ok)
{
	for (uint32_t i = 0; i < written_count; i++)
		buffer_written24(&core, written[i], ok);
	written_count = 0;
}

static void
a_buffer_goes_round(void **unused)
{
	(void)unused;
	dirty(5);
	dirty(5); /* once is enough */
	assert_int_equal(all.state.dirty.count, 1);
	buffer_write(&core, &frames[5]);
	assert_int_equal(frames[5].buffers, BUF_ATTACHED | BUF_LOCKED);
	assert_int_equal(all.state.dirty.count, 0);
	dirty(5); /* while it is being written */
	writes_end(true);
	assert_int_equal(frames[5].buffers, BUF_ATTACHED | BUF_DIRTY);
	assert_int_equal(all.state.dirty.count, 1);
}

static void
a_failed_write_leaves_it_dirty(void **unused)
{
	(void)unused;
	dirty(5);
	buffer_write(&core, &frames[5]);
	writes_end(false);
	assert_int_equal(frames[5].buffers, BUF_ATTACHED | BUF_DIRTY);
	assert_int_equal(flush_dirty_buffers(&core, false), 1);
}

static void
a_lookup_marks_the_page(void **unused)
{
	(void)unused;
	touch_buffer(&frames[5]);
	assert_int_equal(frames[5].flags, FRAME_REFERENCED);
}

/* -- flush_dirty_buffers -------------------------------------------------- */

static void
the_oldest_64_are_written(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < 100; i++)
		dirty(100 - i);
	assert_int_equal(flush_dirty_buffers(&core, false), 64);
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(written[i], 100 - i);
	assert_int_equal(all.state.dirty.count, 36);
	assert_int_equal(flush_dirty_buffers(&core, false), 36);
	assert_int_equal(flush_dirty_buffers(&core, false), 0);
}

static void
what_is_under_write_is_skipped(void **unused)
{
	(void)unused;
	dirty(1);
	buffer_write(&core, &frames[1]);
	dirty(1);
	dirty(2);
	assert_int_equal(flush_dirty_buffers(&core, false), 1);
	assert_int_equal(written[1], 2);
	assert_int_equal(all.state.dirty.count, 1);
}

static void
kupdate_writes_what_is_old(void **unused)
{
	(void)unused;
	dirty(1);
	clock_ns += 1 * SECOND;
	dirty(2);
	clock_ns += 29 * SECOND - 1;
	kupdate(&core);
	assert_int_equal(written_count, 0);
	clock_ns += 1;
	kupdate(&core);
	assert_int_equal(written_count, 1);
	assert_int_equal(written[0], 1);
	/* Dirtied again: its age begins anew. */
	writes_end(true);
	dirty(1);
	clock_ns += 1 * SECOND;
	kupdate(&core);
	assert_int_equal(written_count, 1);
	assert_int_equal(written[0], 2);
}

static void
kupdate_has_a_turn_each_five_seconds(void **unused)
{
	struct batch b = {NULL, NULL};

	(void)unused;
	assert_false(linux24_bdflush(&core, &b));
	dirty(1);
	for (unsigned i = 0; i < 349; i++) {
		clock_ns += SECOND / 10;
		assert_false(linux24_bdflush(&core, &b)); /* it sleeps */
		assert_int_equal(written_count, i < 299 ? 0 : 1);
	}
}

/* -- S24-58: balance_dirty_state ------------------------------------------ */

static void
balance(uint32_t dirty_count, enum balance expected)
{
	all.state.dirty.count = dirty_count;
	assert_int_equal(balance_dirty_state(&core), expected);
}

static void
dirty_buffers_are_measured_exactly(void **unused)
{
	(void)unused;
	all.state.inactive_dirty.count = 500;
	all.state.active.count = 16000;
	assert_int_equal(nr_free_buffer_pages(&core), 3500);
	balance(1050, BALANCE_NONE);
	balance(1051, BALANCE_ASYNC);
	balance(2100, BALANCE_ASYNC);
	balance(2101, BALANCE_SYNC);
}

static void
launderable_pages_wake_it_when_frames_are_short(void **unused)
{
	(void)unused;
	core.zones[1].free = 800; /* 1000 of 1053: 53 short */
	all.state.inactive_dirty.count = 1053;
	balance(0, BALANCE_NONE);
	all.state.inactive_dirty.count = 1054;
	balance(0, BALANCE_ASYNC);
	core.zones[1].free = 1800;
	balance(0, BALANCE_NONE);
}

static void
a_writer_helps_when_too_much_is_dirty(void **unused)
{
	(void)unused;
	all.state.inactive_dirty.count = 0;
	for (uint32_t i = 0; i < 100; i++)
		dirty(i);
	core.zones[0].free = 300;
	core.zones[1].free = 800;
	balance_dirty(&core);
	assert_int_equal(wakes[DAEMON_FLUSHER], 0); /* 100 of 1100 */
	core.freepages.high = 0;
	core.zones[0].free = 130;
	core.zones[1].free = 30;
	core.zones[1].pages_min = 10;
	balance_dirty(&core); /* 100 of 160: over 60 % */
	assert_int_equal(wakes[DAEMON_FLUSHER], 1);
	assert_int_equal(written_count, 64);
	balance_dirty(&core); /* 36 of 160: below 30 % */
	assert_int_equal(wakes[DAEMON_FLUSHER], 1);
}

/* -- bdflush -------------------------------------------------------------- */

static void
bdflush_goes_on_until_it_is_balanced(void **unused)
{
	struct batch b = {NULL, NULL};

	(void)unused;
	core.freepages.high = 0;
	core.zones[0].free = 130;
	core.zones[1].free = 30;
	core.zones[1].pages_min = 10;
	for (uint32_t i = 0; i < 160; i++)
		dirty(i);
	assert_false(linux24_bdflush(&core, &b)); /* nobody woke it */
	assert_int_equal(written_count, 0);
	wakeup_bdflush(&core, false);
	assert_int_equal(wakes[DAEMON_FLUSHER], 1);
	assert_true(linux24_bdflush(&core, &b));  /* 96 of 160 are left */
	assert_false(linux24_bdflush(&core, &b)); /* 32 are: balanced */
	assert_int_equal(written_count, 128);
	assert_true(all.state.bdflush_sleeps);
	assert_false(linux24_bdflush(&core, &b));
	assert_int_equal(written_count, 128);
}

static void
bdflush_with_nothing_to_do_sleeps(void **unused)
{
	struct batch b = {NULL, NULL};

	(void)unused;
	wakeup_bdflush(&core, false);
	all.state.dirty.count = 0;
	assert_false(linux24_bdflush(&core, &b));
	assert_true(all.state.bdflush_sleeps);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_buffer_goes_round, fresh),
		cmocka_unit_test_setup(a_failed_write_leaves_it_dirty, fresh),
		cmocka_unit_test_setup(a_lookup_marks_the_page, fresh),
		cmocka_unit_test_setup(the_oldest_64_are_written, fresh),
		cmocka_unit_test_setup(what_is_under_write_is_skipped, fresh),
		cmocka_unit_test_setup(kupdate_writes_what_is_old, fresh),
		cmocka_unit_test_setup(kupdate_has_a_turn_each_five_seconds,
	                               fresh),
		cmocka_unit_test_setup(dirty_buffers_are_measured_exactly,
	                               fresh),
		cmocka_unit_test_setup(
			launderable_pages_wake_it_when_frames_are_short, fresh),
		cmocka_unit_test_setup(a_writer_helps_when_too_much_is_dirty,
	                               fresh),
		cmocka_unit_test_setup(bdflush_goes_on_until_it_is_balanced,
	                               fresh),
		cmocka_unit_test_setup(bdflush_with_nothing_to_do_sleeps,
	                               fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
