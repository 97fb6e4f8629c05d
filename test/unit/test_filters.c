/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_filters.c -- a filter does the one wrong thing that it was asked for.
 *
 * The device below is memory, so that what was really stored can be looked at.
 * Each fault is shown to do its damage and to say what it should; a fault that
 * does none would prove a checker that never checked.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "swap/filter.h"
#include "swap/memdev.h"

enum { SLOTS = 16, PAGES = 4, PAGE = SWAPDEV_PAGE_BYTES };

static _Alignas(4096) unsigned char store[SLOTS][PAGE];
static _Alignas(4096) unsigned char buffer[8][PAGES][PAGE];
static struct swapdev_req reqs[8];
static struct swapdev_filter_mem mem;
static struct swapdev_mem below;
static struct swapdev *dev;

static int
setup(void **state)
{
	(void)state;
	memset(store, 'o', sizeof(store)); /* old */
	memset(buffer, 'n', sizeof(buffer));
	memset(reqs, 0, sizeof(reqs));
	swapdev_mem_open(&below, store, SLOTS);
	dev = &below.dev;
	return swapdev_grow(dev, SLOTS);
}

static void
stack(const char *text)
{
	char reason[160];
	int r = swapdev_filters(&below.dev, text, &mem, &dev, reason,
	                        sizeof(reason));

	if (r < 0)
		fail_msg("%s: %s", text, reason);
	assert_string_equal(reason, "");
}

static struct swapdev_req *
req(unsigned i, bool write, uint32_t slot, uint32_t pages)
{
	struct swapdev_req *r = &reqs[i];

	r->write = write;
	r->slot = slot;
	r->pages = pages;
	r->iov_count = pages;
	for (uint32_t p = 0; p < pages; p++)
		r->iov[p] = (struct iovec){buffer[i][p], PAGE};
	return r;
}

/* How many bytes of the page are c? */
static unsigned
bytes_of(const unsigned char *page, unsigned char c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PAGE; i++)
		n += page[i] == c;
	return n;
}

static bool
page_is(const unsigned char *page, unsigned char c)
{
	return bytes_of(page, c) == PAGE;
}

/* Do one request both ways in turn.  => its result */
static int
run(struct swapdev_req *r)
{
	static bool direct;

	direct = !direct;
	if (direct)
		return swapdev_transfer(dev, r);
	assert_int_equal(swapdev_submit(dev, r), 0);
	assert_ptr_equal(swapdev_reap(dev, 1000), r);
	assert_null(r->next);
	return r->result;
}

/* -- faults --------------------------------------------------------------- */

static void
fail_says_so_and_leaves_rubbish(void **state)
{
	(void)state;
	stack("error:slot=2,errno=ENOSPC");
	assert_int_equal(run(req(0, true, 1, 3)), -ENOSPC);
	assert_false(page_is(store[2], 'n'));
	assert_int_equal(run(req(1, false, 1, 3)), -ENOSPC);
	assert_false(page_is(buffer[1][1], 'n'));
	assert_int_equal(run(req(1, false, 3, 2)), 0);
	swapdev_close(dev);
}

static void
short_transfer_is_not_believed(void **state)
{
	(void)state;
	stack("error:kind=short,slot=2");
	for (int i = 0; i < 2; i++)
		assert_int_equal(run(req(0, true, 2, 1)), -EIO);
	assert_int_equal(bytes_of(store[2], 'n'), PAGE / 2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(run(req(1, false, 2, 1)), -EIO);
	assert_int_equal(bytes_of(buffer[1][0], 0), PAGE / 2);
	swapdev_close(dev);
}

static void
torn_write_is_part_new_and_part_old(void **state)
{
	unsigned new;

	(void)state;
	stack("error:kind=torn,nth=1");
	assert_int_equal(run(req(0, true, 2, 1)), 0);
	new = bytes_of(store[2], 'n');
	assert_true(new == 512 || new == 2048);
	assert_int_equal(bytes_of(store[2], 'o'), PAGE - new);
	assert_true(store[2][0] == 'n' && store[2][PAGE - 1] == 'o');
	swapdev_close(dev);
}

static void
misdirected_write_lands_next_door(void **state)
{
	(void)state;
	stack("error:kind=misdirect,op=write,slot=2");
	assert_int_equal(run(req(0, true, 1, 2)), 0);
	assert_true(page_is(store[1], 'n'));
	assert_true(page_is(store[2], 'o'));
	assert_true(page_is(store[3], 'n'));
	swapdev_close(dev);
}

static void
misdirected_read_comes_from_next_door(void **state)
{
	(void)state;
	memset(store[3], '3', PAGE);
	memset(store[SLOTS - 2], '4', PAGE);
	stack("error:kind=misdirect,op=read");
	assert_int_equal(run(req(0, false, 2, 1)), 0);
	assert_true(page_is(buffer[0][0], '3'));
	assert_int_equal(run(req(0, false, SLOTS - 1, 1)), 0);
	assert_true(page_is(buffer[0][0], '4'));
	swapdev_close(dev);
}

static void
phantom_write_is_acknowledged_and_not_stored(void **state)
{
	(void)state;
	stack("error:kind=phantom");
	for (int i = 0; i < 2; i++)
		assert_int_equal(run(req(0, true, 2, 1)), 0);
	assert_true(page_is(store[2], 'o'));
	swapdev_close(dev);
}

static unsigned
bits_changed(const unsigned char *page, unsigned char was)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PAGE; i++)
		n += (unsigned)__builtin_popcount(page[i] ^ was);
	return n;
}

static void
bitflip_is_one_bit(void **state)
{
	(void)state;
	stack("error:kind=bitflip");
	assert_int_equal(run(req(0, true, 2, 1)), 0);
	assert_int_equal(bits_changed(store[2], 'n'), 1);
	assert_true(page_is(buffer[0][0], 'n'));
	assert_int_equal(run(req(0, false, 5, 1)), 0);
	assert_int_equal(bits_changed(buffer[0][0], 'o'), 1);
	swapdev_close(dev);
}

/* -- when ----------------------------------------------------------------- */

/* Which of ten writes fail, as in "..f......." */
static const char *
pattern(const char *text)
{
	static char marks[11];

	(void)setup(NULL);
	stack(text);
	for (int i = 0; i < 10; i++)
		marks[i] = run(req(0, true, 0, 1)) < 0 ? 'f' : '.';
	swapdev_close(dev);
	return marks;
}

static void
faults_come_when_they_should(void **state)
{
	(void)state;
	assert_string_equal(pattern(""), "..........");
	assert_string_equal(pattern("error"), "ffffffffff");
	assert_string_equal(pattern("error:op=read"), "..........");
	assert_string_equal(pattern("error:op=write,nth=3"), "..f.......");
	assert_string_equal(pattern("error:every=4"), "...f...f..");
	assert_string_equal(pattern("error:from=8"), ".......fff");
	assert_string_equal(pattern("error:from=2,every=3"), ".f..f..f..");
	assert_string_equal(pattern("error:from=3,count=2"), "..ff......");
	assert_string_equal(pattern("error:slot=1"), "..........");
	assert_string_equal(pattern("error:op=read;error:nth=5"), "....f.....");
}

/* A chain with faults in it ends as a whole, each request once. */
static void
chain_with_faults_ends_once(void **state)
{
	unsigned failed = 0, ended = 0;

	(void)state;
	stack("error:every=2;log:fd=1000");
	for (unsigned i = 0; i < 8; i++)
		req(i, true, i, 1)->next = i < 7 ? &reqs[i + 1] : NULL;
	assert_int_equal(swapdev_submit_chain(dev, &reqs[0]), 0);
	while (ended < 8)
		for (struct swapdev_req *r = swapdev_reap(dev, -1); r != NULL;
		     r = r->next, ended++)
			failed += r->result == -EIO;
	assert_null(swapdev_reap(dev, 0));
	assert_int_equal(failed, 4);
	swapdev_close(dev);
}

/* -- delay ---------------------------------------------------------------- */

static uint64_t
ms_since(uint64_t start)
{
	return (monotonic_ns() - start) / 1000000;
}

static void
delayed_request_ends_late(void **state)
{
	uint64_t start = monotonic_ns();
	struct pollfd pfd = {.events = POLLIN};

	(void)state;
	stack("delay:ms=50,op=read");
	pfd.fd = swapdev_poll_fd(dev);
	assert_int_equal(swapdev_submit(dev, req(0, false, 0, 1)), 0);
	assert_null(swapdev_reap(dev, 0));
	assert_null(swapdev_reap(dev, 10));
	assert_int_equal(poll(&pfd, 1, 5000), 1);
	assert_ptr_equal(swapdev_reap(dev, 0), &reqs[0]);
	assert_true(ms_since(start) >= 50);
	assert_int_equal(poll(&pfd, 1, 0), 0);

	start = monotonic_ns();
	assert_int_equal(swapdev_transfer(dev, &reqs[0]), 0);
	assert_true(ms_since(start) >= 50);
	swapdev_close(dev);
}

static void
jitter_reorders(void **state)
{
	unsigned order[8] = {0}, count = 0, sorted = 0;

	(void)state;
	stack("delay:jitter=80,seed=3");
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(swapdev_submit(dev, req(i, true, i, 1)), 0);
	while (count < 8)
		for (struct swapdev_req *r = swapdev_reap(dev, -1); r != NULL;
		     r = r->next)
			order[count++] = r->slot;
	for (unsigned i = 1; i < 8; i++)
		sorted += order[i - 1] < order[i];
	assert_true(sorted < 7);
	swapdev_close(dev);
}

/* -- log ------------------------------------------------------------------ */

static void
log_writes_a_line_a_request(void **state)
{
	char text[64], line[256];
	int fds[2];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	(void)snprintf(text, sizeof(text), "log:fd=%d;error:op=write", fds[1]);
	stack(text);
	(void)run(req(0, false, 5, 3));
	n = read(fds[0], line, sizeof(line) - 1);
	assert_true(n > 0);
	line[n] = '\0';
	assert_non_null(strstr(line, "read slot 5 pages 3: ok, "));
	(void)run(req(0, true, 5, 1));
	n = read(fds[0], line, sizeof(line) - 1);
	assert_true(n > 0);
	line[n] = '\0';
	assert_non_null(strstr(line, "write slot 5 pages 1: Input/output"));
	assert_int_equal(line[n - 1], '\n');
	swapdev_close(dev);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* -- text ----------------------------------------------------------------- */

static const struct {
	const char *text, *reason;
} bad[] = {
	{"fault", "filter 'fault' is unknown: give error, delay or log"},
	{";", "filter '' is unknown: give error, delay or log"},
	{"error;;log", "filter '' is unknown: give error, delay or log"},
	{"log:fd=1;fault:x", "filter 'fault' is unknown: give error, delay or "
                             "log"},
	{"error:nt=1", "error: 'nt' is unknown: it takes kind, op, slot, nth, "
                       "every, from, count, errno, seed"},
	{"error:nth", "error: nth=: give a number from 1 to 4294967295"},
	{"error:nth=0", "error: nth=0: give a number from 1 to 4294967295"},
	{"error:nth=-1", "error: nth=-1: give a number from 1 to 4294967295"},
	{"error:nth=1x", "error: nth=1x: give a number from 1 to 4294967295"},
	{"error:nth=99999999999999999999999",
         "error: nth=99999999999999999999999: give a number from 1 to "
         "4294967295"},
	{"error:op=rad", "error: op=rad: give one of read, write, any"},
	{"error:nth=1,every=2",
         "error: nth is one fault: give it without every, from and count"},
	{"error:slot=16", "error: slot=16: there are 16"},
	{"error:kind=torn,op=read",
         "error: torn and phantom are faults of writes: give op=write"},
	{"delay", "delay: say how long, as in ms=5"},
	{"delay:ms=5 ", "delay: ms=5 : give a number from 0 to 3600000"},
	{"log;log;log;log;log;log;log;log;log", "more than 8 filters"},
};

static void
bad_text_is_refused_with_its_reason(void **state)
{
	char reason[200];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		dev = NULL;
		assert_int_equal(swapdev_filters(&below.dev, bad[i].text, &mem,
		                                 &dev, reason, sizeof(reason)),
		                 -EINVAL);
		assert_string_equal(reason, bad[i].reason);
		assert_null(dev);
	}
}

/* A reason that does not fit is cut, not written past its end. */
static void
reason_is_cut_to_its_room(void **state)
{
	char reason[8] = "......x";

	(void)state;
	assert_int_equal(
		swapdev_filters(&below.dev, "no", &mem, &dev, reason, 5),
		-EINVAL);
	assert_memory_equal(reason, "filt\0.x", 7);
}

/* Descriptors that a refused stack had opened are closed again. */
static void
refusal_leaves_no_descriptor(void **state)
{
	int before = dup(STDIN_FILENO), after;
	char reason[64];

	(void)state;
	(void)close(before);
	assert_int_equal(swapdev_filters(&below.dev, "no;delay:ms=1;error",
	                                 &mem, &dev, reason, sizeof(reason)),
	                 -EINVAL);
	after = dup(STDIN_FILENO);
	(void)close(after);
	assert_int_equal(after, before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(fail_says_so_and_leaves_rubbish, setup),
		cmocka_unit_test_setup(short_transfer_is_not_believed, setup),
		cmocka_unit_test_setup(torn_write_is_part_new_and_part_old,
	                               setup),
		cmocka_unit_test_setup(misdirected_write_lands_next_door,
	                               setup),
		cmocka_unit_test_setup(misdirected_read_comes_from_next_door,
	                               setup),
		cmocka_unit_test_setup(
			phantom_write_is_acknowledged_and_not_stored, setup),
		cmocka_unit_test_setup(bitflip_is_one_bit, setup),
		cmocka_unit_test_setup(faults_come_when_they_should, setup),
		cmocka_unit_test_setup(chain_with_faults_ends_once, setup),
		cmocka_unit_test_setup(delayed_request_ends_late, setup),
		cmocka_unit_test_setup(jitter_reorders, setup),
		cmocka_unit_test_setup(log_writes_a_line_a_request, setup),
		cmocka_unit_test_setup(bad_text_is_refused_with_its_reason,
	                               setup),
		cmocka_unit_test_setup(reason_is_cut_to_its_room, setup),
		cmocka_unit_test_setup(refusal_leaves_no_descriptor, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
