/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * size.c -- sizes and times as people write and read them.
 *
 * A text is read in two steps: number_scan() takes the digits, exactly and
 * without floating point, and leaves the unit; number_times() multiplies.  The
 * grammar is checked before the range, so that rubbish is called rubbish
 * however long it is.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <strings.h>

#include "base/assert.h"
#include "base/bits.h"
#include "base/size.h"

/* __extension__ keeps -Wpedantic of other compilers quiet. */
__extension__ typedef unsigned __int128 uint128;

struct unit {
	const char *name;
	uint64_t factor;
};

/* A number in decimal: whole + fraction / scale. */
struct number {
	uint64_t whole;
	uint64_t fraction;
	uint64_t scale; /* 1, 10, 100, ... 10^18 */
	bool has_point;
	bool too_large; /* whole does not fit; whole is then meaningless */
};

static const struct unit size_units[] = {
	{"", 1},
	{"B", 1},
	{"K", UINT64_C(1) << 10},
	{"KB", UINT64_C(1) << 10},
	{"KiB", UINT64_C(1) << 10},
	{"M", UINT64_C(1) << 20},
	{"MB", UINT64_C(1) << 20},
	{"MiB", UINT64_C(1) << 20},
	{"G", UINT64_C(1) << 30},
	{"GB", UINT64_C(1) << 30},
	{"GiB", UINT64_C(1) << 30},
	{"T", UINT64_C(1) << 40},
	{"TB", UINT64_C(1) << 40},
	{"TiB", UINT64_C(1) << 40},
};

static const struct unit time_units[] = {
	{"ns", 1},
	{"us", 1000},
	{"ms", 1000000},
	{"s", 1000000000},
	{"min", UINT64_C(60) * 1000000000},
	{"h", UINT64_C(3600) * 1000000000},
};

static const struct unit *
unit_find(const struct unit *units, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(units[i].name, name) == 0)
			return &units[i];
	return NULL;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits of a fraction beyond the 18th are dropped: the result rounds down. */
static const char *
fraction_scan(const char *p, struct number *ret)
{
	const uint64_t scale_max = UINT64_C(1000000000000000000);

	for (; is_digit(*p); p++) {
		if (ret->scale == scale_max)
			continue;
		ret->fraction = ret->fraction * 10 + (uint64_t)(*p - '0');
		ret->scale *= 10;
	}
	return p;
}

/*
 * Read the digits at the start of text.
 * => returns 0 and in *ret_rest what follows them, or -EINVAL
 */
static int
number_scan(const char *text, struct number *ret, const char **ret_rest,
            const char **ret_why)
{
	const char *p = text;

	*ret = (struct number){.scale = 1};
	if (*p == '\0') {
		*ret_why = "empty";
		return -EINVAL;
	}
	if (*p == '-') {
		*ret_why = "must not be negative";
		return -EINVAL;
	}
	if (!is_digit(*p)) {
		*ret_why = "not a number";
		return -EINVAL;
	}
	for (; is_digit(*p); p++)
		if (__builtin_mul_overflow(ret->whole, 10, &ret->whole) ||
		    __builtin_add_overflow(ret->whole, *p - '0', &ret->whole))
			ret->too_large = true;
	if (*p == '.') {
		ret->has_point = true;
		p++;
		if (!is_digit(*p)) {
			*ret_why = "a digit must follow the point";
			return -EINVAL;
		}
		p = fraction_scan(p, ret);
	}
	*ret_rest = p;
	return 0;
}

/*
 * Multiply n by factor / divisor.
 * => returns 0 or -ERANGE
 */
static int
number_times(const struct number *n, uint64_t factor, uint64_t divisor,
             uint64_t *ret, const char **ret_why)
{
	uint128 whole, fraction, sum;

	must(divisor == 1 || divisor == 100);
	must(n->fraction < n->scale);
	whole = (uint128)n->whole * factor;
	fraction = (uint128)n->fraction * factor / n->scale;
	/* One more bit than 128 would be needed only beyond the range. */
	if (!n->too_large && !__builtin_add_overflow(whole, fraction, &sum) &&
	    sum / divisor <= UINT64_MAX) {
		*ret = (uint64_t)(sum / divisor);
		return 0;
	}
	*ret_why = "too large for 64 bits";
	return -ERANGE;
}

int
size_parse(const char *text, uint64_t total_bytes, uint64_t *ret_bytes,
           const char **ret_why)
{
	const struct unit *unit;
	const char *rest;
	struct number n;
	int r;

	r = number_scan(text, &n, &rest, ret_why);
	if (r < 0)
		return r;
	if (rest[0] == '%' && rest[1] == '\0') {
		if (total_bytes == 0) {
			*ret_why = "a share has no meaning here";
			return -EINVAL;
		}
		return number_times(&n, total_bytes, 100, ret_bytes, ret_why);
	}
	unit = unit_find(size_units, ARRAY_SIZE(size_units), rest);
	if (unit == NULL) {
		*ret_why = "unknown unit: use K, M, G, T or %";
		return -EINVAL;
	}
	if (n.has_point && unit->factor == 1) {
		*ret_why = "a fraction needs a unit, as in 1.5G";
		return -EINVAL;
	}
	return number_times(&n, unit->factor, 1, ret_bytes, ret_why);
}

int
time_parse(const char *text, uint64_t *ret_ns, const char **ret_why)
{
	const struct unit *unit;
	const char *rest;
	struct number n;
	int r;

	r = number_scan(text, &n, &rest, ret_why);
	if (r < 0)
		return r;
	unit = unit_find(time_units, ARRAY_SIZE(time_units), rest);
	if (unit == NULL) {
		*ret_why =
			*rest == '\0'
				? "a time needs a unit, as in 250ms"
				: "unknown unit: use ns, us, ms, s, min or h";
		return -EINVAL;
	}
	return number_times(&n, unit->factor, 1, ret_ns, ret_why);
}

/*
 * Write value / factor with the unit behind it: one digit after the point
 * below 100, if it is not 0.
 */
static void
number_text(char text[static SIZE_TEXT_BYTES], uint64_t value, uint64_t factor,
            const char *unit)
{
	uint128 tenths = ((uint128)value * 10 + factor / 2) / factor;
	unsigned long long whole = (unsigned long long)(tenths / 10);
	unsigned digit = (unsigned)(tenths % 10);
	int n;

	if (whole < 100 && digit != 0)
		n = snprintf(text, SIZE_TEXT_BYTES, "%llu.%u%s", whole, digit,
		             unit);
	else
		n = snprintf(text, SIZE_TEXT_BYTES, "%llu%s",
		             whole < 100 ? whole : whole + (digit >= 5), unit);
	must(n > 0 && n < SIZE_TEXT_BYTES);
}

/*
 * Both texts step to the next unit where rounding would otherwise show its
 * whole factor: 1M and 1s, not 1024K and 1000ms.
 */
const char *
size_text(char text[static SIZE_TEXT_BYTES], uint64_t bytes)
{
	static const char *const names[] = {"B", "K", "M", "G", "T"};
	unsigned i = 0;
	uint64_t factor = 1;

	while (i + 1 < ARRAY_SIZE(names) &&
	       bytes >= factor * 1024 - factor / 2) {
		factor *= 1024;
		i++;
	}
	number_text(text, bytes, factor, names[i]);
	return text;
}

const char *
time_text(char text[static SIZE_TEXT_BYTES], uint64_t ns)
{
	static const char *const names[] = {"ns", "us", "ms", "s"};
	unsigned i = 0;
	uint64_t factor = 1;

	while (i + 1 < ARRAY_SIZE(names) && ns >= factor * 1000 - factor / 2) {
		factor *= 1000;
		i++;
	}
	number_text(text, ns, factor, names[i]);
	return text;
}
