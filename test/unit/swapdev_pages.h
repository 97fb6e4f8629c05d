/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * swapdev_pages.h -- pages with contents that say whose they are, and requests
 * over them, for the tests of swap devices.
 */
#ifndef TEST_UNIT_SWAPDEV_PAGES_H
#define TEST_UNIT_SWAPDEV_PAGES_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "os/file/filedev.h"

enum { SLOTS = 16384, PAGES_MAX = 64 };

struct backend {
	const char *name;
	bool direct, uring, spin;
};

static const struct backend uring_direct = {"io_uring", true, true, false};
static const struct backend uring_spin = {"io_uring", true, true, true};
static const struct backend threads_direct = {"threads", true, false, false};
static const struct backend threads_buffered = {"threads", false, true, false};

static struct swapdev_file file;

static inline int
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
	if (b->spin && swapdev_file_spin(&file) < 0)
		return -1;
	return strcmp(swapdev_file_backend(&file), b->name);
}

static inline int
file_teardown(void **state)
{
	(void)state;
	swapdev_close(&file.dev);
	return 0;
}

/* -- pages ----------------------------------------------------------------- */

static inline void *
pages_new(uint32_t pages)
{
	void *p = mmap(NULL, (size_t)pages * SWAPDEV_PAGE_BYTES,
	               PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	               0);

	assert_true(p != MAP_FAILED);
	return p;
}

static inline void
page_fill(void *page, uint32_t slot, uint32_t version)
{
	uint64_t *w = page;

	for (size_t i = 0; i < SWAPDEV_PAGE_BYTES / sizeof(*w); i++)
		w[i] = (uint64_t)slot << 32 | version;
}

static inline void
page_check(const void *page, uint32_t slot, uint32_t version)
{
	const uint64_t *w = page;

	for (size_t i = 0; i < SWAPDEV_PAGE_BYTES / sizeof(*w); i++)
		assert_int_equal(w[i], (uint64_t)slot << 32 | version);
}

/* A request over pages of mem, in iovecs of up to three pages each. */
static inline struct swapdev_req *
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

static inline void
req_fill(struct swapdev_req *r, uint32_t version)
{
	for (uint32_t i = 0; i < r->pages; i++)
		page_fill((char *)r->cookie + (size_t)i * SWAPDEV_PAGE_BYTES,
		          r->slot + i, version);
}

static inline void
req_check(const struct swapdev_req *r, uint32_t version)
{
	assert_int_equal(r->result, 0);
	for (uint32_t i = 0; i < r->pages; i++)
		page_check((char *)r->cookie + (size_t)i * SWAPDEV_PAGE_BYTES,
		           r->slot + i, version);
}

#endif
