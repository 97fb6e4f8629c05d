/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * build.c -- accesses become a trace.
 *
 * While they come, pages are numbered as they are first seen, by way of a hash
 * table over their keys, and go to a file.  At the end the keys are sorted, and
 * the file gets the final numbers.
 */
#include "trace/build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/hash.h"

#define SLOTS_FIRST (1u << 12)

int
build_fail(struct build *b, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(b->why, TRACE_WHY_BYTES, format, args);
	va_end(args);
	return error;
}

struct shown
shown(const char *text, size_t n)
{
	struct shown s = {{0}};
	size_t most = 40;

	for (size_t i = 0; i < n && i < most; i++)
		s.text[i] = text[i] < ' ' || text[i] > '~' ? '?' : text[i];
	if (n > most)
		memcpy(s.text + most, "...", 4);
	return s;
}

/* -- files ---------------------------------------------------------------- */

int
scratch_open(char *why)
{
	const char *dir = getenv("TMPDIR");
	char name[4096];
	int fd;

	if (dir == NULL || *dir == '\0')
		dir = "/var/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 && snprintf(name, sizeof(name), "%s/pageout-XXXXXX", dir) <
	                      (int)sizeof(name)) {
		fd = mkostemp(name, O_CLOEXEC);
		if (fd >= 0)
			(void)unlink(name);
	}
	if (fd < 0) {
		fd = -errno;
		(void)snprintf(why, TRACE_WHY_BYTES,
		               "no scratch file in %s: %s; TMPDIR names "
		               "another folder",
		               dir, strerror(errno));
	}
	return fd;
}

static int
flush(struct build *b)
{
	const char *at = (const char *)b->buffer;
	size_t left = b->buffered * sizeof(b->buffer[0]);

	while (left > 0) {
		ssize_t n = write(b->fd, at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return build_fail(b, -errno,
			                  "the scratch file: %s; TMPDIR names "
			                  "a folder with more room",
			                  strerror(errno));
		at += n;
		left -= (size_t)n;
	}
	b->buffered = 0;
	return 0;
}

/* -- keys ----------------------------------------------------------------- */

/* Where a key is in the table, or where it belongs. */
static uint32_t
slot_of(const struct build *b, uint64_t key)
{
	uint32_t mask = b->slots - 1;
	uint32_t i = (uint32_t)(page_seed(key, 0) & mask);

	while (b->slot[i] != 0 && b->key[b->slot[i] - 1] != key)
		i = (i + 1) & mask;
	return i;
}

/* Room for twice as many pages. */
static int
table_grow(struct build *b)
{
	uint32_t slots = b->slots == 0 ? SLOTS_FIRST : b->slots * 2;
	uint64_t *key = realloc(b->key, slots / 2 * sizeof(*key));

	if (key != NULL)
		b->key = key;
	free(b->slot);
	b->slot = calloc(slots, sizeof(*b->slot));
	if (key == NULL || b->slot == NULL)
		return build_fail(b, -ENOMEM, "no memory for %u pages", slots);
	b->slots = slots;
	for (uint32_t page = 0; page < b->trace->pages; page++)
		b->slot[slot_of(b, key[page])] = page + 1;
	return 0;
}

/* The page of a key, a new one if need be. */
static int
page_of(struct build *b, uint64_t key, uint32_t *ret_page)
{
	struct trace *t = b->trace;
	uint32_t i = slot_of(b, key);
	int r;

	if (b->slot[i] != 0) {
		*ret_page = b->slot[i] - 1;
		return 0;
	}
	if (t->pages == TRACE_PAGES_MAX)
		return build_fail(b, -E2BIG,
		                  "more than %u different pages are too many",
		                  TRACE_PAGES_MAX);
	if (t->pages == b->slots / 2) {
		r = table_grow(b);
		if (r < 0)
			return r;
		i = slot_of(b, key);
	}
	b->key[t->pages] = key;
	*ret_page = t->pages++;
	b->slot[i] = t->pages;
	return 0;
}

/* -- from first to last --------------------------------------------------- */

int
build_start(struct build *b, struct trace *t, char *why)
{
	*t = (struct trace){0};
	b->trace = t;
	b->why = why;
	b->key = NULL;
	b->slot = NULL;
	b->slots = b->buffered = b->last = 0;
	b->fd = scratch_open(why);
	return b->fd < 0 ? b->fd : table_grow(b);
}

int
build_add(struct build *b, uint64_t key, bool write)
{
	struct trace *t = b->trace;
	int r;

	if (t->pages == 0 || b->key[b->last] != key) {
		r = page_of(b, key, &b->last);
		if (r < 0)
			return r;
	}
	if (b->buffered == BUILD_BUFFER) {
		if (t->accesses > TRACE_ACCESSES_MAX - BUILD_BUFFER)
			return build_fail(b, -E2BIG,
			                  "more than %u accesses are too many",
			                  TRACE_ACCESSES_MAX - BUILD_BUFFER);
		r = flush(b);
		if (r < 0)
			return r;
	}
	b->buffer[b->buffered++] = b->last << 1 | write;
	t->accesses++;
	t->writes += write;
	return 0;
}

/* A page, as it is sorted. */
struct keyed {
	uint64_t key;
	uint32_t page;
};

static int
keyed_compare(const void *a, const void *b)
{
	uint64_t x = ((const struct keyed *)a)->key;
	uint64_t y = ((const struct keyed *)b)->key;

	return x < y ? -1 : x > y;
}

/* The final number of each page, in place of the table. */
static int
number_pages(struct build *b)
{
	uint32_t n = b->trace->pages, number = 0;
	struct keyed *sorted = malloc(n * sizeof(*sorted));

	if (sorted == NULL)
		return build_fail(b, -ENOMEM, "no memory for %u pages", n);
	for (uint32_t i = 0; i < n; i++)
		sorted[i] = (struct keyed){b->key[i], i};
	qsort(sorted, n, sizeof(*sorted), keyed_compare);
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			number +=
				sorted[i].key == sorted[i - 1].key + 1 ? 1 : 2;
		b->slot[sorted[i].page] = number;
	}
	free(sorted);
	b->trace->numbers = number + 1;
	return 0;
}

int
build_end(struct build *b)
{
	struct trace *t = b->trace;
	uint32_t *access;
	int r;

	if (t->accesses == 0)
		return build_fail(b, -ENODATA, "there is no access in it");
	r = flush(b);
	if (r == 0)
		r = number_pages(b);
	if (r < 0)
		return r;
	access = mmap(NULL, t->accesses * sizeof(*access),
	              PROT_READ | PROT_WRITE, MAP_SHARED, b->fd, 0);
	if (access == MAP_FAILED)
		return build_fail(b, -errno, "the scratch file: %s",
		                  strerror(errno));
	for (uint64_t i = 0; i < t->accesses; i++)
		access[i] =
			b->slot[access_page(access[i])] << 1 | (access[i] & 1);
	t->access = access;
	return 0;
}

void
build_free(struct build *b)
{
	free(b->key);
	free(b->slot);
	if (b->fd >= 0)
		(void)close(b->fd);
}
