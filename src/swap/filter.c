/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filter.c -- read a list of filters and stack them.
 *
 *	text	:= "" | filter { ";" filter }
 *	filter	:= name [ ":" option { "," option } ]
 *	option	:= key "=" value
 *
 * Filters are opened from the last to the first, each over the one before, so
 * that the first one named ends on top.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/bits.h"
#include "swap/filter.h"

static const struct filter_kind *const kinds[] = {
	&filter_error,
	&filter_delay,
	&filter_log,
};

const struct filter_word filter_ops[] = {
	{"read", FILTER_READ},
	{"write", FILTER_WRITE},
	{"any", FILTER_READ | FILTER_WRITE},
	{NULL, 0},
};

/* A piece of the text, without a NUL. */
struct piece {
	const char *text;
	size_t length;
};

int
filter_refuse(struct filter_reason *why, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(why->text, why->bytes, format, ap);
	va_end(ap);
	return -EINVAL;
}

uint64_t
filter_random(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* Cut *rest at the first mark.  => the part before; *rest is what follows */
static struct piece
piece_cut(struct piece *rest, char mark)
{
	struct piece first = *rest;
	const char *end = memchr(rest->text, mark, rest->length);

	if (end == NULL) {
		rest->text += rest->length;
		rest->length = 0;
		return first;
	}
	first.length = (size_t)(end - first.text);
	rest->text = end + 1;
	rest->length -= first.length + 1;
	return first;
}

static bool
piece_is(struct piece p, const char *name)
{
	return strlen(name) == p.length && memcmp(p.text, name, p.length) == 0;
}

/* For "%.*s"; messages need not show more. */
static int
piece_width(struct piece p)
{
	return p.length < 40 ? (int)p.length : 40;
}

/* -- options --------------------------------------------------------------- */

/* Add name to a list of them: "a, b, c". */
static void
names_add(char *list, size_t bytes, const char *name)
{
	size_t length = strlen(list);

	(void)snprintf(list + length, bytes - length, "%s%s",
	               length > 0 ? ", " : "", name);
}

static int
number_take(const struct filter_kind *kind, const struct filter_key *key,
            struct piece value, struct filter_reason *why)
{
	uint64_t n = 0;
	bool is_good = value.length > 0;

	for (size_t i = 0; i < value.length && is_good; i++) {
		char c = value.text[i];

		is_good = c >= '0' && c <= '9' &&
		          !__builtin_mul_overflow(n, 10, &n) &&
		          !__builtin_add_overflow(n, (uint64_t)(c - '0'), &n);
	}
	if (!is_good || n < key->min || n > key->max)
		return filter_refuse(why,
		                     "%s: %s=%.*s: give a number from %llu to "
		                     "%llu",
		                     kind->name, key->name, piece_width(value),
		                     value.text, (unsigned long long)key->min,
		                     (unsigned long long)key->max);
	*(uint64_t *)key->value = n;
	return 0;
}

static int
word_take(const struct filter_kind *kind, const struct filter_key *key,
          struct piece value, struct filter_reason *why)
{
	char known[128] = "";

	for (const struct filter_word *w = key->words; w->name != NULL; w++) {
		if (piece_is(value, w->name)) {
			*(int *)key->value = w->value;
			return 0;
		}
		names_add(known, sizeof(known), w->name);
	}
	return filter_refuse(why, "%s: %s=%.*s: give one of %s", kind->name,
	                     key->name, piece_width(value), value.text, known);
}

static int
option_take(const struct filter_kind *kind, const struct filter_key *keys,
            struct piece option, struct filter_reason *why)
{
	struct piece name = piece_cut(&option, '=');
	char known[128] = "";

	for (const struct filter_key *k = keys; k->name != NULL; k++) {
		if (!piece_is(name, k->name)) {
			names_add(known, sizeof(known), k->name);
			continue;
		}
		return k->words != NULL ? word_take(kind, k, option, why)
		                        : number_take(kind, k, option, why);
	}
	return filter_refuse(why, "%s: '%.*s' is unknown: it takes %s",
	                     kind->name, piece_width(name), name.text, known);
}

int
filter_options(const struct filter_kind *kind, const char *args,
               size_t args_length, const struct filter_key *keys,
               struct filter_reason *why)
{
	struct piece rest = {args, args_length};
	int r;

	while (rest.length > 0) {
		r = option_take(kind, keys, piece_cut(&rest, ','), why);
		if (r < 0)
			return r;
	}
	return 0;
}

/* -- the list -------------------------------------------------------------- */

static const struct filter_kind *
kind_find(struct piece name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (piece_is(name, kinds[i]->name))
			return kinds[i];
	return NULL;
}

static int
filter_open(void *mem, struct swapdev *below, struct piece filter,
            struct filter_reason *why)
{
	struct piece name = piece_cut(&filter, ':');
	const struct filter_kind *kind = kind_find(name);
	struct swapdev *d = mem;
	int r;

	if (kind == NULL)
		return filter_refuse(why,
		                     "filter '%.*s' is unknown: give error, "
		                     "delay or log",
		                     piece_width(name), name.text);
	memset(mem, 0, SWAPDEV_FILTER_BYTES);
	r = kind->open(mem, below, filter.text, filter.length, why);
	if (r < 0) {
		if (r != -EINVAL)
			(void)filter_refuse(why, "%s: %s", kind->name,
			                    strerrordesc_np(-r));
		return r;
	}
	must(d->ops != NULL && d->below == below && d->slots == below->slots);
	return 0;
}

/* Close the filters from top down to d, which stays. */
static void
filters_undo(struct swapdev *top, struct swapdev *d)
{
	while (top != d) {
		struct swapdev *below = top->below;

		top->below = NULL; /* close() goes no deeper */
		top->ops->close(top);
		top = below;
	}
}

int
swapdev_filters(struct swapdev *d, const char *text,
                struct swapdev_filter_mem *mem, struct swapdev **ret_top,
                char *reason, size_t reason_bytes)
{
	struct filter_reason why = {reason, reason_bytes};
	struct piece rest = {text, strlen(text)};
	struct piece filters[SWAPDEV_FILTERS_MAX];
	struct swapdev *top = d;
	unsigned count = 0;
	int r;

	must(reason_bytes > 0);
	reason[0] = '\0';
	while (rest.length > 0) {
		if (count == SWAPDEV_FILTERS_MAX)
			return filter_refuse(&why, "more than %d filters",
			                     SWAPDEV_FILTERS_MAX);
		filters[count++] = piece_cut(&rest, ';');
	}
	while (count > 0) {
		count--;
		r = filter_open(mem->bytes[count], top, filters[count], &why);
		if (r < 0) {
			filters_undo(top, d);
			return r;
		}
		top = (struct swapdev *)(void *)mem->bytes[count];
	}
	*ret_top = top;
	return 0;
}
