/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_size.c -- sizes and times, in both directions.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "base/size.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

static const uint64_t total = 8 * GIB;

static void
check_size(const char *text, uint64_t expected)
{
	const char *why = "not touched";
	uint64_t bytes = 77;
	int r = size_parse(text, total, &bytes, &why);

	if (r != 0 || bytes != expected)
		print_message("size_parse(\"%s\"): %d, %s\n", text, r, why);
	assert_int_equal(r, 0);
	assert_int_equal(bytes, expected);
	assert_string_equal(why, "not touched");
}

static void
check_no_size(const char *text, int error)
{
	const char *why = NULL;
	uint64_t bytes = 77;
	int r = size_parse(text, total, &bytes, &why);

	if (r != error)
		print_message("size_parse(\"%s\"): %d\n", text, r);
	assert_int_equal(r, error);
	assert_int_equal(bytes, 77); /* not changed on error */
	assert_non_null(why);
}

static void
plain_numbers_are_bytes(void **state)
{
	(void)state;
	check_size("0", 0);
	check_size("4096", 4096);
	check_size("4096B", 4096);
	check_size("0004096", 4096);
	check_size("18446744073709551615", UINT64_MAX);
}

static void
units_are_powers_of_1024_in_every_spelling(void **state)
{
	(void)state;
	check_size("64M", 64 * MIB);
	check_size("64m", 64 * MIB);
	check_size("64MB", 64 * MIB);
	check_size("64MiB", 64 * MIB);
	check_size("1K", KIB);
	check_size("1G", GIB);
	check_size("1TiB", TIB);
	check_size("16777215T", UINT64_C(16777215) * TIB);
}

static void
fractions_are_exact_and_round_down(void **state)
{
	(void)state;
	check_size("1.5G", GIB + GIB / 2);
	check_size("0.1K", 102);
	check_size("0.0009K", 0);
	check_size("2.0M", 2 * MIB);
	check_size("1.9999999999999999999999999999K", 2 * KIB - 1);
}

static void
a_share_is_of_the_total(void **state)
{
	const char *why = NULL;
	uint64_t bytes = 77;

	(void)state;
	check_size("25%", 2 * GIB);
	check_size("100%", total);
	check_size("150%", 12 * GIB);
	check_size("12.5%", GIB);
	check_size("0%", 0);
	assert_int_equal(size_parse("25%", 0, &bytes, &why), -EINVAL);
	assert_int_equal(bytes, 77);
	assert_non_null(why);
}

static void
rubbish_is_invalid(void **state)
{
	static const char *const texts[] = {
		"",       " ",      "-1",    "-",     "+1",   "M",    ".5G",
		"1.G",    "1..5G",  "1.5",   "1.5B",  " 64M", "64M ", "64 M",
		"25 %",   "25 %%",  "25%%",  "25%M",  "64MM", "64X",  "1e9",
		"0x10",   "64MiBB", "64iB",  "10^30", "nan",  "inf",  "1,5G",
		"1.5.5G", "%",      "64M\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		check_no_size(texts[i], -EINVAL);
	/* Wrong is said before large. */
	check_no_size("1000000000000000000000000000000X", -EINVAL);
}

static void
what_64_bits_do_not_hold_is_out_of_range(void **state)
{
	(void)state;
	check_no_size("1000000000000000000000000000000", -ERANGE);
	check_no_size("18446744073709551616", -ERANGE);
	check_no_size("16777216T", -ERANGE);
	check_no_size("99999999999999999999%", -ERANGE);
	check_no_size("18446744073709551615%", -ERANGE);
	check_no_size("18446744073709551615.9T", -ERANGE);
}

static void
a_negative_size_is_called_negative(void **state)
{
	const char *why = "";
	uint64_t bytes;

	(void)state;
	assert_int_equal(size_parse("-1", total, &bytes, &why), -EINVAL);
	assert_non_null(strstr(why, "negative"));
	assert_int_equal(size_parse("", total, &bytes, &why), -EINVAL);
	assert_non_null(strstr(why, "empty"));
}

static void
times_need_a_unit(void **state)
{
	const char *why = NULL;
	uint64_t ns = 77;

	(void)state;
	assert_int_equal(time_parse("250ms", &ns, &why), 0);
	assert_int_equal(ns, 250000000);
	assert_int_equal(time_parse("1.5s", &ns, &why), 0);
	assert_int_equal(ns, 1500000000);
	assert_int_equal(time_parse("2min", &ns, &why), 0);
	assert_int_equal(ns, UINT64_C(120000000000));
	assert_int_equal(time_parse("0s", &ns, &why), 0);
	assert_int_equal(ns, 0);
	assert_int_equal(time_parse("250", &ns, &why), -EINVAL);
	assert_int_equal(time_parse("2m", &ns, &why), -EINVAL);
	assert_int_equal(time_parse("99999999999h", &ns, &why), -ERANGE);
	assert_int_equal(ns, 0);
}

static void
sizes_are_written_short(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{0, "0B"},
		{1023, "1023B"},
		{1024, "1K"},
		{1536 * MIB, "1.5G"},
		{64 * MIB, "64M"},
		{12 * MIB + 300 * KIB, "12.3M"},
		{300 * MIB + 900 * KIB, "301M"},
		{MIB - 1, "1M"},
		{1000 * KIB, "1000K"},
		{UINT64_MAX, "16777216T"},
	};
	char text[SIZE_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(size_text(text, cases[i].bytes),
		                    cases[i].text);
}

static void
times_are_written_short(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{0, "0ns"},
		{850, "850ns"},
		{4200000, "4.2ms"},
		{999999, "1ms"},
		{UINT64_C(12340000000), "12.3s"},
		{UINT64_C(245400000000), "245s"},
		{99960000000, "100s"},
	};
	char text[SIZE_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(time_text(text, cases[i].ns),
		                    cases[i].text);
}

static void
a_written_size_reads_back_within_its_rounding(void **state)
{
	char text[SIZE_TEXT_BYTES];
	const char *why = NULL;

	(void)state;
	for (uint64_t bytes = 1; bytes < TIB; bytes += bytes / 7 + 1) {
		uint64_t back = 0, off;

		assert_int_equal(
			size_parse(size_text(text, bytes), 0, &back, &why), 0);
		off = back > bytes ? back - bytes : bytes - back;
		assert_true(off <= bytes / 19);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_numbers_are_bytes),
		cmocka_unit_test(units_are_powers_of_1024_in_every_spelling),
		cmocka_unit_test(fractions_are_exact_and_round_down),
		cmocka_unit_test(a_share_is_of_the_total),
		cmocka_unit_test(rubbish_is_invalid),
		cmocka_unit_test(what_64_bits_do_not_hold_is_out_of_range),
		cmocka_unit_test(a_negative_size_is_called_negative),
		cmocka_unit_test(times_need_a_unit),
		cmocka_unit_test(sizes_are_written_short),
		cmocka_unit_test(times_are_written_short),
		cmocka_unit_test(a_written_size_reads_back_within_its_rounding),
	};

	return cmocka_run_group_tests_name("size", tests, NULL, NULL);
}
