/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_swapdev.c -- every device moves what it was given, and only that.
 *
 * The oracle is content: a page holds its slot and version in every word.  The
 * same cases run over each device: a case that needs a system feature which is
 * not here is skipped by name.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/file/filedev.h"

enum { SLOTS = 16384, THREADS = 4, ROUNDS = 150, PAGES_MAX = 64 };

struct backend {
	const char *name;
	bool direct, uring;
};

static const struct backend uring_direct = {"io_uring", true, true};
static const struct backend threads_direct = {"threads", true, false};
static const struct backend threads_buffered = {"threads", false, true};

static struct swapdev_file file;

static int
file_setup(void **state)
{
	const struct backend *b = *state;
	const char *dir = getenv("TMPDIR");
	int fd;

	fd = open(dir != NULL ? dir : "/var/tmp",
	          O_TMPFILE | O_RDWR | O_CLOEXEC | (b->direct ? O_DIRECT : 0),
	          0600);
	if (fd < 0)
		return -1;
	if (swapdev_file_open(&file, fd, b->direct, SLOTS, b->uring) < 0)
		return -1;
	return strcmp(swapdev_file_backend(&file), b->name);
}

static int
file_teardown(void **state)
{
	(void)state;
	swapdev_close(&file.dev);
	return 0;
}

/* -- pages ----------------------------------------------------------------- */

static void *
pages_new(uint32_t pages)
{
	void *p = mmap(NULL, (size_t)pages * SWAPDEV_PAGE_BYTES,
	               PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	               0);

	assert_true(p != MAP_FAILED);
	return p;
}

static void
page_fill(void *page, uint32_t slot, uint32_t version)
{
	uint64_t *w = page;

	for (size_t i = 0; i < SWAPDEV_PAGE_BYTES / sizeof(*w); i++)
		w[i] = (uint64_t)slot << 32 | version;
}

static void
page_check(const void *page, uint32_t slot, uint32_t version)
{
	const uint64_t *w = page;

	for (size_t i = 0; i < SWAPDEV_PAGE_BYTES / sizeof(*w); i++)
		assert_int_equal(w[i], (uint64_t)slot << 32 | version);
}

/* A request over pages of mem, in iovecs of up to three pages each. */
static struct swapdev_req *
req_new(bool write, uint32_t slot, uint32_t pages, char *mem)
{
	struct swapdev_req *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->write = write;
	r->slot = slot;
	r->pages = pages;
	r->cookie = mem;
	for (uint32_t i = 0, n; i < pages; i += n) {
		n = pages - i < 1 + slot % 3 ? pages - i : 1 + slot % 3;
		r->iov[r->iov_count++] =
			(struct iovec){mem + (size_t)i * SWAPDEV_PAGE_BYTES,
		                       (size_t)n * SWAPDEV_PAGE_BYTES};
	}
	return r;
}

static void
req_fill(struct swapdev_req *r, uint32_t version)
{
	for (uint32_t i = 0; i < r->pages; i++)
		page_fill((char *)r->cookie + (size_t)i * SWAPDEV_PAGE_BYTES,
		          r->slot + i, version);
}

static void
req_check(const struct swapdev_req *r, uint32_t version)
{
	assert_int_equal(r->result, 0);
	for (uint32_t i = 0; i < r->pages; i++)
		page_check((char *)r->cookie + (size_t)i * SWAPDEV_PAGE_BYTES,
		           r->slot + i, version);
}

/* -- cases ----------------------------------------------------------------- */

static void
what_was_written_is_read(void **state)
{
	char *mem = pages_new(SWAPDEV_PAGES_MAX);
	struct swapdev_req *w, *r;

	(void)state;
	assert_int_equal(swapdev_grow(&file.dev, SLOTS), 0);
	w = req_new(true, 7, SWAPDEV_PAGES_MAX, mem);
	r = req_new(false, 7, SWAPDEV_PAGES_MAX, mem);
	req_fill(w, 1);
	assert_int_equal(swapdev_submit(&file.dev, w), 0);
	assert_ptr_equal(swapdev_reap(&file.dev, 10000), w);
	assert_null(w->next);
	assert_int_equal(w->result, 0);
	memset(mem, 0, (size_t)SWAPDEV_PAGES_MAX * SWAPDEV_PAGE_BYTES);
	assert_int_equal(swapdev_submit(&file.dev, r), 0);
	assert_ptr_equal(swapdev_reap(&file.dev, -1), r);
	req_check(r, 1);
	assert_null(swapdev_reap(&file.dev, 0));
	assert_null(swapdev_reap(&file.dev, 20));
	free(w);
	free(r);
}

#define CASE(f, b)                                                         \
	{                                                                  \
#f "(" #b ")", f, file_setup, file_teardown, (void *)&(b), \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_was_written_is_read, uring_direct),
		CASE(what_was_written_is_read, threads_direct),
		CASE(what_was_written_is_read, threads_buffered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
