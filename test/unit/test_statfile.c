/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_statfile.c -- statistics files: honest ones are read, others refused.
 *
 * The honest file is the engine's own (pager/statpub.c).  Each hostile one is
 * a copy of it with one lie.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pageout/pageout.h"
#include "pager/pager.h"
#include "pager/statpub.h"
#include "tools/stat/statfile.h"

enum { ROOM = 1 << 16 };

static union {
	char bytes[ROOM];
	struct pageout_stat_header header;
} image;
static size_t image_bytes;

/* The honest file, as bytes. */
static void
make_image(void)
{
	uint64_t *values;
	int fd = pager_stat_create();

	assert_true(fd >= 0);
	assert_int_equal(statpub_map(fd, 1, "fifo", "thread", &values), 0);
	for (unsigned i = 0; i < PAGEOUT_STATS; i++)
		values[i] = 1000 + i;
	image_bytes = (size_t)pread(fd, image.bytes, ROOM, 0);
	statpub_unmap(values);
	close(fd);
}

static struct pageout_stat_entry *
entry(unsigned i)
{
	return (struct pageout_stat_entry *)(&image.header + 1) + i;
}

/* The image as a file. */
static int
file_of_image(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, image.bytes, image_bytes), image_bytes);
	return fd;
}

/* Opening the image fails so, and says why. */
static void
refused(int error)
{
	struct statfile f;
	const char *why = NULL;

	assert_int_equal(statfile_open(&f, file_of_image(), &why), error);
	assert_non_null(why);
	make_image(); /* for the next lie */
}

static int
setup(void **state)
{
	(void)state;
	make_image();
	return 0;
}

static void
an_engine_s_own_file_is_read(void **state)
{
	const char *why;
	struct statfile f;
	uint64_t *values, n = 0;
	int fd = pager_stat_create();

	(void)state;
	assert_int_equal(statpub_map(fd, 1, "clock", "inline", &values), 0);
	assert_int_equal(statfile_open(&f, dup(fd), &why), 0);
	assert_int_equal(f.header.pid, getpid());
	assert_string_equal(f.header.policy, "clock");
	assert_string_equal(f.header.mode, "inline");
	assert_true(strlen(f.header.command) > 0);
	assert_int_equal(f.header.entry_count, PAGEOUT_STATS);

	values[PAGEOUT_STAT_pgfault] = 17;
	values[PAGEOUT_STAT_io_read_ops] = UINT64_MAX;
	assert_int_equal(statfile_read(&f), 0);
	assert_true(statfile_value(&f, "pgfault", &n));
	assert_int_equal(n, 17);
	assert_true(statfile_value(&f, "io_read_ops", &n));
	assert_true(n == UINT64_MAX);
	assert_false(statfile_value(&f, "no_such_number", &n));
	assert_int_equal(f.header.ended_boottime_ns, 0);

	statpub_unmap(values);
	assert_int_equal(statfile_read(&f), 0);
	assert_true(f.header.ended_boottime_ns >= f.header.started_boottime_ns);
	assert_true(statfile_value(&f, "pgfault", &n));
	assert_int_equal(n, 17); /* the last values stay */
	statfile_close(&f);
	close(fd);
}

static void
the_file_agrees_with_what_the_library_says(void **state)
{
	const char *why;
	struct statfile f;
	uint64_t n;

	(void)state;
	assert_int_equal(statfile_open(&f, file_of_image(), &why), 0);
	assert_int_equal(statfile_read(&f), 0);
	for (unsigned i = 0; i < PAGEOUT_STATS; i++) {
		const struct pageout_stat_entry *e = pageout_stat_describe(i);

		assert_non_null(e);
		assert_true(statfile_value(&f, e->name, &n));
		assert_int_equal(n, 1000 + i);
		assert_memory_equal(e, &f.entries[i], sizeof(*e));
		assert_true(e->level <= 2 && e->kind <= PAGEOUT_GAUGE &&
		            e->unit <= PAGEOUT_EVENTS);
	}
	assert_null(pageout_stat_describe(PAGEOUT_STATS));
	assert_null(pageout_stat_describe(UINT32_MAX));
	statfile_close(&f);
}

/* The engine's numbers are the sums of its nodes'. */
static void
nodes_are_counted_each_and_together(void **state)
{
	const char *why;
	struct statfile f;
	uint64_t *values, n = 0;
	int fd = pager_stat_create();

	(void)state;
	assert_int_equal(statpub_map(fd, 3, "fifo", "thread", &values), 0);
	assert_int_equal(statfile_open(&f, dup(fd), &why), 0);
	assert_int_equal(f.header.node_count, 3);
	for (unsigned i = 0; i < 3; i++) {
		values[i * PAGEOUT_STATS] = 1u << i;
		values[(i + 1) * PAGEOUT_STATS - 1] = 10u << i;
	}
	assert_int_equal(statfile_read(&f), 0);
	assert_int_equal(f.values[0], 1 + 2 + 4);
	assert_int_equal(f.values[PAGEOUT_STATS - 1], 10 + 20 + 40);
	f.node = 2;
	assert_int_equal(statfile_read(&f), 0);
	assert_true(statfile_value(&f, "mem_limit", &n));
	assert_int_equal(n, 4);
	assert_int_equal(f.values[PAGEOUT_STATS - 1], 40);
	statpub_unmap(values);
	statfile_close(&f);
	close(fd);
}

static void
lies_about_nodes_are_refused(void **state)
{
	(void)state;
	image.header.node_count = 0;
	refused(-EBADMSG);
	image.header.node_count = UINT32_MAX;
	refused(-EBADMSG);
	image.header.node_count = 256; /* they do not fit */
	refused(-EBADMSG);
	image.header.node_bytes += 4;
	refused(-EBADMSG);
	image.header.node_count = 2;
	image.header.node_bytes = UINT32_MAX - 7;
	refused(-EBADMSG);
}

static void
nobody_can_cut_off_an_engine_s_file(void **state)
{
	uint64_t *values;
	int fd = pager_stat_create();
	struct stat st;

	(void)state;
	assert_int_equal(statpub_map(fd, 1, "fifo", "thread", &values), 0);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	statpub_unmap(values);
	close(fd);

	/* A file of another maker, of the wrong size. */
	fd = memfd_create("test", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(statpub_map(fd, 1, "fifo", "thread", &values),
	                 -EINVAL);
	close(fd);
}

static void
a_newer_engine_with_more_of_everything_is_read(void **state)
{
	enum { HEADER = 320, ENTRY = 192, VALUES = HEADER + 2 * ENTRY };
	static char bytes[VALUES + 24];
	struct pageout_stat_header *h = (void *)bytes;
	struct pageout_stat_entry *e = (void *)(bytes + HEADER + ENTRY);
	struct statfile f;
	const char *why;
	uint64_t n = 5;

	(void)state;
	memcpy(bytes, &image, sizeof(*h));
	h->header_bytes = HEADER;
	h->entry_bytes = ENTRY;
	h->entry_count = 2;
	h->file_bytes = sizeof(bytes);
	memcpy(bytes + HEADER, entry(0), sizeof(*e));
	((struct pageout_stat_entry *)(bytes + HEADER))->offset = VALUES + 16;
	memcpy(e, entry(1), sizeof(*e));
	memcpy(e->name, "node.new-number", 16);
	e->unit = 200;
	e->offset = VALUES;
	memcpy(bytes + VALUES, &n, sizeof(n));
	memcpy(image.bytes, bytes, sizeof(bytes));
	image_bytes = sizeof(bytes);
	assert_int_equal(statfile_open(&f, file_of_image(), &why), 0);
	assert_int_equal(statfile_read(&f), 0);
	n = 0;
	assert_true(statfile_value(&f, "node.new-number", &n));
	assert_int_equal(n, 5);
	statfile_close(&f);
	make_image();
}

static void
what_is_not_a_file_of_ours_is_refused(void **state)
{
	struct statfile f;
	const char *why;
	int pipes[2];

	(void)state;
	image_bytes = 0;
	refused(-EBADMSG);
	image_bytes = sizeof(image.header) - 1;
	refused(-EBADMSG);
	image.header.magic = 0; /* an engine that is still filling it */
	refused(-EBADMSG);
	image.header.version = 1;
	refused(-EPROTO);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(statfile_open(&f, pipes[0], &why), -EBADMSG);
	close(pipes[1]);
}

static void
impossible_sizes_are_refused(void **state)
{
	static const uint32_t bad_records[] = {0,   1,    152,
	                                       255, 4104, UINT32_MAX};
	static const uint32_t bad_counts[] = {0, 1025, 1u << 24, UINT32_MAX};
	static const uint64_t bad_files[] = {0, 6816, (1u << 20) + 1,
	                                     UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		image.header.header_bytes = bad_records[i];
		refused(-EBADMSG);
		image.header.entry_bytes = bad_records[i];
		refused(-EBADMSG);
	}
	for (size_t i = 0; i < 4; i++) {
		image.header.entry_count = bad_counts[i];
		refused(-EBADMSG);
		image.header.file_bytes = bad_files[i];
		refused(-EBADMSG);
	}
	image_bytes -= 4096; /* cut off: shorter than the header says */
	refused(-EBADMSG);
}

static void
a_number_outside_of_its_place_is_refused(void **state)
{
	(void)state;
	entry(0)->offset = 0; /* over the header */
	refused(-EBADMSG);
	entry(3)->offset = 256 + 160; /* over the directory */
	refused(-EBADMSG);
	entry(PAGEOUT_STATS - 1)->offset = (uint32_t)image_bytes;
	refused(-EBADMSG);
	entry(PAGEOUT_STATS - 1)->offset = (uint32_t)image_bytes - 4;
	refused(-EBADMSG);
	entry(1)->offset += 1;
	refused(-EBADMSG);
	entry(1)->offset = UINT32_MAX - 7;
	refused(-EBADMSG);
	/* The directory reaches over the values. */
	image.header.entry_count++;
	refused(-EBADMSG);
}

static void
names_end_and_are_plain_and_differ(void **state)
{
	(void)state;
	memset(entry(2)->name, 'a', sizeof(entry(2)->name));
	refused(-EBADMSG);
	memset(entry(2)->name, 0, sizeof(entry(2)->name));
	refused(-EBADMSG);
	entry(2)->name[0] = '"';
	refused(-EBADMSG);
	entry(2)->name[1] = '\033';
	refused(-EBADMSG);
	memcpy(entry(2)->name, entry(1)->name, sizeof(entry(2)->name));
	refused(-EBADMSG);
}

static void
texts_cannot_speak_to_the_terminal(void **state)
{
	const char *why;
	struct statfile f;

	(void)state;
	memset(image.header.command, 'x', sizeof(image.header.command));
	memcpy(image.header.policy, "\033[2J\x9b", 6);
	memset(entry(0)->help, '\n', sizeof(entry(0)->help));
	assert_int_equal(statfile_open(&f, file_of_image(), &why), 0);
	assert_int_equal(strlen(f.header.command),
	                 sizeof(f.header.command) - 1);
	assert_string_equal(f.header.policy, "?[2J?");
	assert_int_equal(f.entries[0].help[0], '?');
	assert_int_equal(strlen(f.entries[0].help),
	                 sizeof(f.entries[0].help) - 1);
	statfile_close(&f);
	make_image();
}

static void
a_file_that_shrinks_meanwhile_is_an_error(void **state)
{
	const char *why;
	struct statfile f;
	int fd = file_of_image();

	(void)state;
	assert_int_equal(statfile_open(&f, dup(fd), &why), 0);
	assert_int_equal(ftruncate(fd, 300), 0);
	assert_int_equal(statfile_read(&f), -EIO);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(statfile_read(&f), -EIO);
	statfile_close(&f);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_engine_s_own_file_is_read),
		cmocka_unit_test(the_file_agrees_with_what_the_library_says),
		cmocka_unit_test(nodes_are_counted_each_and_together),
		cmocka_unit_test(lies_about_nodes_are_refused),
		cmocka_unit_test(nobody_can_cut_off_an_engine_s_file),
		cmocka_unit_test(
			a_newer_engine_with_more_of_everything_is_read),
		cmocka_unit_test(what_is_not_a_file_of_ours_is_refused),
		cmocka_unit_test(impossible_sizes_are_refused),
		cmocka_unit_test(a_number_outside_of_its_place_is_refused),
		cmocka_unit_test(names_end_and_are_plain_and_differ),
		cmocka_unit_test(texts_cannot_speak_to_the_terminal),
		cmocka_unit_test(a_file_that_shrinks_meanwhile_is_an_error),
	};

	return cmocka_run_group_tests_name("statfile", tests, setup, NULL);
}
