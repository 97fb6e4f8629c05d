/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_trace.c -- the same accesses, told in every format, are the same trace;
 * what is wrong is refused, with the place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "trace/trace.h"

enum { ACCESSES = 4000 };

static char path[64];
static char why[TRACE_WHY_BYTES];

/* -- files ---------------------------------------------------------------- */

static int
make_file(void **unused)
{
	int fd;

	(void)unused;
	(void)snprintf(path, sizeof(path), "/tmp/test_trace-XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int
remove_file(void **unused)
{
	(void)unused;
	return unlink(path);
}

static FILE *
rewrite(void)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	return f;
}

static void
write_text(const char *text, size_t bytes)
{
	FILE *f = rewrite();

	assert_int_equal(fwrite(text, 1, bytes, f), bytes);
	assert_int_equal(fclose(f), 0);
}

static void
expect_good(struct trace *t)
{
	int r = trace_read(t, path, NULL, why);

	if (r < 0)
		print_message("# %s\n", why);
	assert_int_equal(r, 0);
}

/* -- formats -------------------------------------------------------------- */

/* Pages here and there, some of them neighbours. */
static uint64_t
page_at(unsigned i)
{
	uint64_t x = i * 0x9e3779b97f4a7c15u;

	return 0x7f0000000u + (x >> 40) % 50 * 3 + (x >> 20) % 2;
}

static bool
write_at(unsigned i)
{
	return i % 7 == 0 || i % 11 == 3;
}

enum told { PAGES, NAMED, ADDRESSES, LACKEY, ORACLE };

static void
tell(FILE *f, enum told how, unsigned i)
{
	unsigned long long page = page_at(i), address = page << 12;
	struct {
		uint32_t time;
		uint64_t id;
		uint32_t bytes;
		int64_t next;
	} __attribute__((packed)) object = {i / 10, page, 4096, -1};

	switch (how) {
	case PAGES:
		(void)fprintf(f, write_at(i) ? "%llu,w\n" : "%llu\n", page);
		break;
	case NAMED:
		(void)fprintf(f, "%u,%s, %llu ,x\r\n", i,
		              write_at(i) ? "WRITE" : "read", page);
		break;
	case ADDRESSES:
		(void)fprintf(f, "0x%llx,%c\n\n", address + i % 4096,
		              write_at(i) ? 'W' : 'R');
		break;
	case LACKEY:
		if (write_at(i))
			(void)fprintf(f, " %c %llx,4\n", i % 2 ? 'S' : 'M',
			              address);
		else
			(void)fprintf(f, "%s %08llx,2\n", i % 2 ? "I " : " L",
			              address);
		break;
	case ORACLE:
		assert_int_equal(fwrite(&object, sizeof(object), 1, f), 1);
		break;
	}
}

static void
read_told(struct trace *t, enum told how)
{
	FILE *f = rewrite();

	if (how == NAMED)
		(void)fprintf(f, "# a comment\ntime,op,page,colour\n");
	if (how == ADDRESSES)
		(void)fprintf(f, "address,op\n");
	if (how == LACKEY)
		(void)fprintf(f, "==12== Lackey, an example Valgrind tool\n\n");
	for (unsigned i = 0; i < ACCESSES; i++)
		tell(f, how, i);
	assert_int_equal(fclose(f), 0);
	expect_good(t);
}

static void
every_format_tells_the_same_accesses(void **unused)
{
	struct trace first, other;

	(void)unused;
	read_told(&first, PAGES);
	assert_int_equal(first.accesses, ACCESSES);
	assert_int_equal(first.pages, 100);
	for (enum told how = NAMED; how <= ORACLE; how++) {
		read_told(&other, how);
		assert_int_equal(other.accesses, ACCESSES);
		assert_int_equal(other.pages, first.pages);
		assert_int_equal(other.numbers, first.numbers);
		assert_int_equal(other.writes,
		                 how == ORACLE ? 0 : first.writes);
		for (unsigned i = 0; i < ACCESSES; i++)
			assert_int_equal(other.access[i],
			                 how == ORACLE ? first.access[i] & ~1u
			                               : first.access[i]);
		trace_close(&other);
	}
	trace_close(&first);
}

static void
pages_are_numbered_in_order_with_gaps(void **unused)
{
	static const uint32_t numbers[] = {3, 0, 1, 0, 5};
	struct trace t;

	(void)unused;
	write_text("9\n5\n6\n5\n100", 11);
	expect_good(&t);
	assert_int_equal(t.accesses, 5);
	assert_int_equal(t.pages, 4);
	assert_int_equal(t.numbers, 6);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(access_page(t.access[i]), numbers[i]);
	trace_close(&t);
}

static void
an_access_across_pages_is_one_of_each(void **unused)
{
	static const char text[] = " S 00000ffe,4\n";
	struct trace t;

	(void)unused;
	write_text(text, strlen(text));
	expect_good(&t);
	assert_int_equal(t.accesses, 2);
	assert_int_equal(t.access[0], 1);
	assert_int_equal(t.access[1], 2 | 1);
	trace_close(&t);
}

static void
next_uses_are_those_that_follow(void **unused)
{
	static const uint32_t next[] = {2, TRACE_NEVER, 3, TRACE_NEVER};
	struct trace t;

	(void)unused;
	write_text("1\n2\n1\n1\n", 8);
	expect_good(&t);
	assert_int_equal(trace_next(&t, why), 0);
	assert_memory_equal(t.next, next, sizeof(next));
	trace_close(&t);
}

/* -- what is wrong -------------------------------------------------------- */

static void
expect_bad(const char *text, size_t bytes, const char *words)
{
	struct trace t;
	int r;

	write_text(text, bytes);
	r = trace_read(&t, path, NULL, why);
	if (r == 0 || strstr(why, words) == NULL)
		print_message("# '%s' is not in '%s'\n", words, why);
	assert_true(r < 0);
	assert_non_null(strstr(why, words));
	trace_close(&t);
}

static void
what_is_wrong_is_refused_with_the_place(void **unused)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"# nothing\n\n", "no access"},
		{"page\n", "no access"},
		{"\xef\xbb\xbf", "no access"},
		{"1\n\xef\xbb\xbf"
	         "2\n",
	         "line 2"},
		{"page\n\"1\n", "line 2: '\"1' is no page"},
		{"2\n\"1\"2\n", "line 2: '\"1\"2' is no page"},
		{"2\n\"1\"\"2\"\n", "line 2: '1\"\"2' is no page"},
		{"note,page\n\"a,1\n", "line 2: '' is no page"},
		{"1\n18446744073709551616\n", "line 2"},
		{"1\n0x10000000000000000\n", "line 2"},
		{"1\n2\nx3\n", "line 3: 'x3' is no page"},
		{"1\n-2\n", "line 2: '-2'"},
		{"1 2\n", "line 1: '1 2'"},
		{"1\n99999999999999999999\n", "line 2"},
		{"1,r\n2,q\n", "line 2: 'q' is no op"},
		{"1,r\n,r\n", "line 2: '' is no page"},
		{"time,op\n1,r\n", "line 1: 'time,op'"},
		{"op,address\nr,0x\n", "line 2: '0x' is no address"},
		{"I  1000,3\nhello\n",
	         "line 2: 'hello' is no access of lackey"},
		{" L 1000,0\n", "line 1"},
		{" L 1000\n", "line 1"},
		{" S fffffffffffffffe,8\n", "line 1"},
		{"\x1f\x8b\x08", "gzip -dc"},
		{"\x28\xb5\x2f\xfd", "zstd -dc"},
		{"\x7f"
	         "ELF\x02\x01",
	         "not recognised"},
		{"pgrecord\x01", "pageout replay"},
	};

	(void)unused;
	expect_bad("", 0, "empty");
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_bad(cases[i].text, strlen(cases[i].text),
		           cases[i].words);
}

static void
a_line_without_end_is_refused(void **unused)
{
	size_t bytes = 1u << 20;
	char *text = malloc(bytes);

	(void)unused;
	assert_non_null(text);
	memset(text, '1', bytes);
	expect_bad(text, bytes, "line 1 has no end");
	free(text);
}

/* As spreadsheets and libraries write it. */
static void
csv_may_have_a_mark_and_quotes(void **unused)
{
	static const char *const texts[] = {
		"\xef\xbb\xbf"
		"1,w\n2,r\n",
		"\xef\xbb\xbfpage,op\r\n1,w\r\n2,r\r\n",
		"\xef\xbb\xbf# a comment\n1,w\n2,r\n",
		"\"1\",\"w\"\n \"2\" ,\"read\"\n",
		"\"op\",\"page\"\n\"W\",\"0x1\"\n\"r\",2\n",
		"note,page,op\n\"a, \"\"b\"\", c\",1,w\n\"\",2,r\n",
	};

	(void)unused;
	for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct trace t;

		write_text(texts[i], strlen(texts[i]));
		expect_good(&t);
		assert_int_equal(t.accesses, 2);
		assert_int_equal(t.access[0], 1);
		assert_int_equal(t.access[1], 2);
		trace_close(&t);
	}
}

static void
keys_have_all_of_64_bits(void **unused)
{
	const char text[] = "18446744073709551610\n18446744073709551615\n"
			    "0xffffffffffffffff\n0\n";
	struct trace t;

	(void)unused;
	write_text(text, strlen(text));
	expect_good(&t);
	assert_int_equal(t.pages, 3);
	assert_int_equal(t.access[0] >> 1, 2);
	assert_int_equal(t.access[1] >> 1, 4);
	assert_int_equal(t.access[2] >> 1, 4);
	assert_int_equal(t.access[3] >> 1, 0);
	trace_close(&t);
}

/* Nobody asks what time it was. */
static void
objects_may_go_back_in_time(void **unused)
{
	char bytes[24 * 40] = {0};
	struct trace t;

	(void)unused;
	for (unsigned i = 0; i < 40; i++) {
		bytes[24 * i] = (char)(i == 7 || i == 30 ? i - 1 : i + 1);
		bytes[24 * i + 4] = (char)i;
	}
	write_text(bytes, sizeof(bytes));
	expect_good(&t);
	assert_int_equal(t.accesses, 40);
	assert_int_equal(t.pages, 40);
	trace_close(&t);
}

static void
objects_that_are_cut_off_or_damaged_are_refused(void **unused)
{
	char bytes[24 * 40] = {0};

	(void)unused;
	for (unsigned i = 0; i < 40; i++) {
		bytes[24 * i] = 1;
		bytes[24 * i + 4] = (char)i;
		bytes[24 * i + 12] = 1;
	}
	expect_bad(bytes, sizeof(bytes) - 1, "record 40 is cut off: 23 bytes");
	bytes[24 * 20 + 23] = (char)0x80;
	expect_bad(bytes, sizeof(bytes), "record 21: its next access");
}

static void
what_is_not_there_is_said(void **unused)
{
	struct trace t;

	(void)unused;
	assert_true(trace_read(&t, "/nonexistent/file", NULL, why) < 0);
	assert_non_null(strstr(why, "No such file"));
	assert_true(trace_read(&t, "/", NULL, why) < 0);
	assert_non_null(strstr(why, "directory"));
	assert_true(trace_read(&t, path, "cvs", why) < 0);
	assert_non_null(strstr(why, "no such format"));
}

/* -- made ----------------------------------------------------------------- */

static void
expect_made(struct trace *t, const char *spec)
{
	int r = trace_generate(t, spec, why);

	if (r < 0)
		print_message("# %s\n", why);
	assert_int_equal(r, 0);
}

static void
the_same_words_make_the_same_trace(void **unused)
{
	const char *name, *help;

	(void)unused;
	for (unsigned i = 0; (name = trace_pattern_name(i, &help)); i++) {
		struct trace a, b, c;
		char spec[80], other[90];

		(void)snprintf(spec, sizeof(spec),
		               "%s:pages=64,accesses=5000,writes=10%%", name);
		(void)snprintf(other, sizeof(other), "%s,seed=2", spec);
		expect_made(&a, spec);
		expect_made(&b, spec);
		expect_made(&c, other);
		assert_int_equal(a.accesses, 5000);
		assert_in_range(a.pages, 16, 64);
		assert_in_range(a.writes, 400, 600);
		assert_memory_equal(a.access, b.access, 5000 * 4);
		assert_true(memcmp(a.access, c.access, 5000 * 4) != 0);
		trace_close(&a);
		trace_close(&b);
		trace_close(&c);
	}
}

static void
a_loop_is_a_loop(void **unused)
{
	struct trace t;

	(void)unused;
	expect_made(&t, "loop:pages=16,accesses=100,writes=0%");
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(t.access[i], i % 16 << 1);
	trace_close(&t);
}

static void
zipf_is_more_unequal_when_it_is_skewed(void **unused)
{
	static const char *const skews[] = {"0.2", "0.6", "0.99"};
	uint64_t last = 0;

	(void)unused;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t uses[200] = {0}, most = 0;
		struct trace t;
		char spec[80];

		(void)snprintf(spec, sizeof(spec),
		               "zipf:pages=100,accesses=20000,skew=%s",
		               skews[i]);
		expect_made(&t, spec);
		for (unsigned j = 0; j < 20000; j++)
			uses[access_page(t.access[j])]++;
		for (unsigned j = 0; j < 200; j++)
			most = uses[j] > most ? uses[j] : most;
		assert_true(most > last + 200); /* a uniform page has 200 */
		last = most;
		trace_close(&t);
	}
}

static void
words_that_are_wrong_are_refused(void **unused)
{
	static const char *const specs[] = {
		"",
		"zip",
		"zipf:",
		"zipf:pages",
		"zipf:pages=x",
		"zipf:pages=1",
		"zipf:a=1",
		"zipf:skew=1",
		"zipf:skew=nan",
		"zipf:pages=1T",
		"zipf:writes=200%",
		"loop:phases=0",
	};
	struct trace t;

	(void)unused;
	for (unsigned i = 0; i < sizeof(specs) / sizeof(*specs); i++) {
		why[0] = '\0';
		assert_true(trace_generate(&t, specs[i], why) < 0);
		assert_int_not_equal(why[0], '\0');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_format_tells_the_same_accesses),
		cmocka_unit_test(pages_are_numbered_in_order_with_gaps),
		cmocka_unit_test(an_access_across_pages_is_one_of_each),
		cmocka_unit_test(next_uses_are_those_that_follow),
		cmocka_unit_test(what_is_wrong_is_refused_with_the_place),
		cmocka_unit_test(a_line_without_end_is_refused),
		cmocka_unit_test(csv_may_have_a_mark_and_quotes),
		cmocka_unit_test(keys_have_all_of_64_bits),
		cmocka_unit_test(objects_may_go_back_in_time),
		cmocka_unit_test(
			objects_that_are_cut_off_or_damaged_are_refused),
		cmocka_unit_test(what_is_not_there_is_said),
		cmocka_unit_test(the_same_words_make_the_same_trace),
		cmocka_unit_test(a_loop_is_a_loop),
		cmocka_unit_test(zipf_is_more_unequal_when_it_is_skewed),
		cmocka_unit_test(words_that_are_wrong_are_refused),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
