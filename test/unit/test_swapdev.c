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
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/assert.h"
#include "os/uapi.h"
#include "os/uffd.h"
#include "test/child.h"
#include "test/unit/swapdev_pages.h"

enum { THREADS = 4, ROUNDS = 150 };

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

/* A chain larger than what may be in flight: nothing is lost or doubled. */
static void
chain_beyond_the_depth_ends_once(void **state)
{
	enum { COUNT = 3 * FILEDEV_DEPTH };
	static struct swapdev_req *reqs[COUNT];
	static unsigned char ended[COUNT];
	char *mem = pages_new(COUNT);
	unsigned left = COUNT;

	(void)state;
	memset(ended, 0, sizeof(ended));
	assert_int_equal(swapdev_grow(&file.dev, COUNT), 0);
	for (unsigned i = 0; i < COUNT; i++) {
		reqs[i] = req_new(true, i, 1,
		                  mem + (size_t)i * SWAPDEV_PAGE_BYTES);
		req_fill(reqs[i], 3);
		if (i > 0)
			reqs[i - 1]->next = reqs[i];
	}
	assert_int_equal(swapdev_submit_chain(&file.dev, reqs[0]), 0);
	while (left > 0) {
		struct swapdev_req *r = swapdev_reap(&file.dev, 10000);

		assert_non_null(r);
		for (; r != NULL; r = r->next, left--) {
			assert_int_equal(r->result, 0);
			assert_int_equal(ended[r->slot]++, 0);
		}
	}
	assert_null(swapdev_reap(&file.dev, 0));
	memset(mem, 0, (size_t)COUNT * SWAPDEV_PAGE_BYTES);
	for (unsigned i = 0; i < COUNT; i++) {
		reqs[i]->write = false;
		assert_int_equal(swapdev_transfer(&file.dev, reqs[i]), 0);
		req_check(reqs[i], 3);
		free(reqs[i]);
	}
	(void)munmap(mem, (size_t)COUNT * SWAPDEV_PAGE_BYTES);
}

static void
end_of_file_is_an_error_not_zeros(void **state)
{
	char *mem = pages_new(2);
	struct swapdev_req *r = req_new(false, 3, 2, mem);

	(void)state;
	/* Half of the second page exists. */
	assert_int_equal(ftruncate(file.fd, 4 * SWAPDEV_PAGE_BYTES + 2048), 0);
	assert_int_equal(swapdev_transfer(&file.dev, r), -EIO);
	assert_int_equal(swapdev_submit(&file.dev, r), 0);
	assert_ptr_equal(swapdev_reap(&file.dev, -1), r);
	assert_int_equal(r->result, -EIO);
	/* Nothing at all. */
	r->slot = 100;
	assert_int_equal(swapdev_transfer(&file.dev, r), -EIO);
	assert_int_equal(swapdev_submit(&file.dev, r), 0);
	assert_ptr_equal(swapdev_reap(&file.dev, -1), r);
	assert_int_equal(r->result, -EIO);
	free(r);
	(void)munmap(mem, 2 * SWAPDEV_PAGE_BYTES);
}

static void
poll_fd_is_readable_while_something_waits(void **state)
{
	char *mem = pages_new(1);
	struct swapdev_req *r = req_new(true, 0, 1, mem);
	struct pollfd pfd = {.fd = swapdev_poll_fd(&file.dev),
	                     .events = POLLIN};

	(void)state;
	assert_int_equal(poll(&pfd, 1, 0), 0);
	assert_int_equal(swapdev_submit(&file.dev, r), 0);
	assert_int_equal(poll(&pfd, 1, 10000), 1);
	assert_ptr_equal(swapdev_reap(&file.dev, 0), r);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	free(r);
	(void)munmap(mem, SWAPDEV_PAGE_BYTES);
}

/* Who closes a device, and locks its file again, meets nobody's lock. */
static void
closing_lets_go_of_the_file(void **state)
{
	const struct backend *b = *state;
	char path[] = "/var/tmp/test_swapdev.XXXXXX";
	struct swapdev_file f;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	for (unsigned i = 0; i < 10; i++) {
		(void)close(fd);
		fd = open(path,
		          O_RDWR | O_CLOEXEC | (b->direct ? O_DIRECT : 0));
		assert_true(fd >= 0);
		assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
		assert_int_equal(
			swapdev_file_open(&f, fd, b->direct, SLOTS, b->uring),
			0);
		swapdev_close(&f.dev);
		fd = open(path, O_RDWR | O_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	}
	(void)close(fd);
	(void)unlink(path);
}

static void
descriptors_do_not_outlive_exec(void **state)
{
	int fds[FILEDEV_FDS_MAX];
	unsigned count = swapdev_file_fds(&file, fds);

	(void)state;
	assert_int_equal(count, 2);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
}

/* After fork, the child lets go; the parent's device goes on. */
static void
child_forgets_and_parent_goes_on(void **state)
{
	char *mem = pages_new(1);
	struct swapdev_req *r = req_new(true, 5, 1, mem);
	int fds[FILEDEV_FDS_MAX], status;
	unsigned count = swapdev_file_fds(&file, fds);
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		swapdev_file_forget(&file);
		for (unsigned i = 0; i < count; i++)
			if (fcntl(fds[i], F_GETFD) != -1)
				_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	req_fill(r, 9);
	assert_int_equal(swapdev_submit(&file.dev, r), 0);
	assert_ptr_equal(swapdev_reap(&file.dev, -1), r);
	r->write = false;
	assert_int_equal(swapdev_transfer(&file.dev, r), 0);
	req_check(r, 9);
	free(r);
	(void)munmap(mem, SWAPDEV_PAGE_BYTES);
}

/* -- threads -------------------------------------------------------------- */

/*
 * Each thread writes and reads runs of its own slots; whoever reaps a request
 * of another thread hands it over by its flag.
 */
struct job {
	struct swapdev_req *req;
	atomic_bool ended;
};

struct worker {
	pthread_t id;
	unsigned number;
	bool is_own;
	unsigned wrong;
};

static void
reap_some(int wait_ms)
{
	struct swapdev_req *next;

	for (struct swapdev_req *r = swapdev_reap(&file.dev, wait_ms);
	     r != NULL; r = next) {
		struct job *j = *(struct job **)r->cookie;

		next = r->next;
		atomic_store(&j->ended, true);
	}
}

/* The cookie of a job's request is its memory, before which stands the job. */
static void
job_do(struct job *j, bool write, uint32_t slot, uint32_t pages, char *mem)
{
	struct swapdev_req *r = j->req;
	char *at = mem + SWAPDEV_PAGE_BYTES;

	*(struct job **)(void *)mem = j;
	r->write = write;
	r->slot = slot;
	r->pages = pages;
	r->iov_count = 0;
	for (uint32_t i = 0, n; i < pages; i += n) {
		n = pages - i < 1 + slot % 5 ? pages - i : 1 + slot % 5;
		r->iov[r->iov_count++] =
			(struct iovec){at + (size_t)i * SWAPDEV_PAGE_BYTES,
		                       (size_t)n * SWAPDEV_PAGE_BYTES};
	}
	r->cookie = mem;
	atomic_store(&j->ended, false);
	while (swapdev_submit(&file.dev, r) == -EAGAIN)
		reap_some(1);
	while (!atomic_load(&j->ended))
		reap_some(1);
}

static void *
worker_run(void *arg)
{
	struct worker *w = arg;
	const uint32_t base = w->number * (SLOTS / THREADS);
	char *mem = pages_new(PAGES_MAX + 1);
	struct job j = {.req = calloc(1, sizeof(*j.req))};
	unsigned seed = w->number + 1;

	if (w->is_own)
		filedev_thread_is_own();
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		uint32_t pages = 1 + (uint32_t)rand_r(&seed) % PAGES_MAX;
		uint32_t slot = base + (uint32_t)rand_r(&seed) %
		                               (SLOTS / THREADS - pages);
		char *at = mem + SWAPDEV_PAGE_BYTES;

		for (uint32_t i = 0; i < pages; i++)
			page_fill(at + (size_t)i * SWAPDEV_PAGE_BYTES, slot + i,
			          round);
		job_do(&j, true, slot, pages, mem);
		w->wrong += j.req->result != 0;
		memset(at, 0xff, (size_t)pages * SWAPDEV_PAGE_BYTES);
		job_do(&j, false, slot, pages, mem);
		w->wrong += j.req->result != 0;
		for (uint32_t i = 0; i < pages * 512; i++)
			w->wrong += ((uint64_t *)(void *)at)[i] !=
			            ((uint64_t)(slot + i / 512) << 32 | round);
	}
	free(j.req);
	(void)munmap(mem, (PAGES_MAX + 1) * (size_t)SWAPDEV_PAGE_BYTES);
	return NULL;
}

static void
threads_get_their_own_pages(void **state)
{
	struct worker w[THREADS] = {{0}};

	(void)state;
	assert_int_equal(swapdev_grow(&file.dev, SLOTS), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		w[i].number = i;
		w[i].is_own = i % 2 == 0;
		assert_int_equal(
			pthread_create(&w[i].id, NULL, worker_run, &w[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(w[i].id, NULL), 0);
		assert_int_equal(w[i].wrong, 0);
	}
	assert_null(swapdev_reap(&file.dev, 0));
}

/* A thread that submits and is gone; another one reaps. */
static void *
submit_and_leave(void *arg)
{
	filedev_thread_is_own();
	return (void *)(intptr_t)swapdev_submit_chain(&file.dev, arg);
}

static void
request_outlives_its_thread(void **state)
{
	enum { COUNT = 32 };
	struct swapdev_req *reqs[COUNT];
	char *mem = pages_new(COUNT * PAGES_MAX);
	unsigned left = COUNT;
	pthread_t id;
	void *r;

	(void)state;
	assert_int_equal(swapdev_grow(&file.dev, SLOTS), 0);
	for (unsigned i = 0; i < COUNT; i++) {
		reqs[i] = req_new(true, i * PAGES_MAX, PAGES_MAX,
		                  mem + (size_t)i * PAGES_MAX *
		                                  SWAPDEV_PAGE_BYTES);
		req_fill(reqs[i], 4);
		if (i > 0)
			reqs[i - 1]->next = reqs[i];
	}
	assert_int_equal(pthread_create(&id, NULL, submit_and_leave, reqs[0]),
	                 0);
	assert_int_equal(pthread_join(id, &r), 0);
	assert_null(r);
	while (left > 0) {
		struct swapdev_req *q = swapdev_reap(&file.dev, 10000);

		assert_non_null(q);
		for (; q != NULL; q = q->next, left--)
			assert_int_equal(q->result, 0);
	}
	for (unsigned i = 0; i < COUNT; i++) {
		reqs[i]->write = false;
		assert_int_equal(swapdev_transfer(&file.dev, reqs[i]), 0);
		req_check(reqs[i], 4);
		free(reqs[i]);
	}
	(void)munmap(mem, COUNT * PAGES_MAX * (size_t)SWAPDEV_PAGE_BYTES);
}

/* -- a submitter that is stuck -------------------------------------------- */

/*
 * A program's thread starts a read-ahead, and then gives the kernel a page that
 * is not there.  If the read could end only in that thread, and the page were
 * one that it brings, both would wait for ever.
 */
struct stuck {
	struct swapdev_req *req;
	char *absent;
	int pipe[2];
	ssize_t result;
};

static void *
submit_and_get_stuck(void *arg)
{
	struct stuck *s = arg;

	if (swapdev_submit(&file.dev, s->req) == 0)
		s->result = read(s->pipe[0], s->absent, 1);
	return NULL;
}

static void
request_ends_though_its_submitter_is_stuck(void **state)
{
	struct stuck s = {.absent = pages_new(1), .result = -1};
	char *mem = pages_new(SWAPDEV_PAGES_MAX);
	int uffd = uffd_open(0);
	struct swapdev_req *ended;
	struct uffd_msg msg;
	pthread_t id;

	(void)state;
	if (uffd < 0)
		skip_because("userfaultfd is refused");
	assert_int_equal(uffd_api(uffd, 0, &(uint64_t){0}), 0);
	assert_int_equal(uffd_register(uffd, s.absent, SWAPDEV_PAGE_BYTES,
	                               UFFDIO_REGISTER_MODE_MISSING),
	                 0);
	assert_int_equal(pipe2(s.pipe, O_CLOEXEC), 0);
	assert_int_equal(write(s.pipe[1], "x", 1), 1);
	s.req = req_new(true, 0, SWAPDEV_PAGES_MAX, mem);
	assert_int_equal(swapdev_transfer(&file.dev, s.req), 0);
	s.req->write = false;
	assert_int_equal(pthread_create(&id, NULL, submit_and_get_stuck, &s),
	                 0);
	assert_int_equal(read(uffd, &msg, sizeof(msg)), sizeof(msg));
	ended = swapdev_reap(&file.dev, 5000);
	assert_int_equal(uffd_zeropage(uffd, s.absent, SWAPDEV_PAGE_BYTES, 0,
	                               &(uint64_t){0}),
	                 0);
	assert_int_equal(pthread_join(id, NULL), 0);
	assert_int_equal(s.result, 1);
	if (ended == NULL)
		(void)swapdev_reap(&file.dev, -1);
	assert_ptr_equal(ended, s.req);
	assert_int_equal(s.req->result, 0);
	(void)close(uffd);
	(void)close(s.pipe[0]);
	(void)close(s.pipe[1]);
	free(s.req);
}

/* -- contracts ------------------------------------------------------------ */

static jmp_buf broken;

static void
fail_jump(const char *expr, const char *name, int line, const char *func)
{
	(void)expr, (void)name, (void)line, (void)func;
	longjmp(broken, 1);
}

/* => was the request refused by an assertion? */
static bool
is_broken(struct swapdev_req *r)
{
	fail_fn *saved = assert_fail;
	volatile bool jumped = true;

	assert_fail = fail_jump;
	if (setjmp(broken) == 0) {
		(void)swapdev_transfer(&file.dev, r);
		jumped = false;
	}
	assert_fail = saved;
	return jumped;
}

static void
request_out_of_contract_is_caught(void **state)
{
	char *mem = pages_new(4);
	struct swapdev_req *r = req_new(true, 3, 2, mem);

	(void)state;
	assert_false(is_broken(r));
	r->slot = SLOTS - 1;
	assert_true(is_broken(r));
	r->slot = UINT32_MAX;
	assert_true(is_broken(r));
	r->slot = 3;
	r->pages = 1;
	assert_true(is_broken(r));
	r->pages = 0;
	assert_true(is_broken(r));
	r->pages = 2;
	r->iov[0].iov_base = mem + 512;
	assert_true(is_broken(r));
	r->iov[0].iov_base = mem;
	r->iov[0].iov_len -= 1;
	assert_true(is_broken(r));
	free(r);
	(void)munmap(mem, 4 * SWAPDEV_PAGE_BYTES);
}

#define CASE(f, b)                                                         \
	{                                                                  \
#f "(" #b ")", f, file_setup, file_teardown, (void *)&(b), \
	}

#define CASES(f)                                        \
	CASE(f, uring_direct), CASE(f, threads_direct), \
		CASE(f, threads_buffered)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASES(what_was_written_is_read),
		CASES(chain_beyond_the_depth_ends_once),
		CASE(end_of_file_is_an_error_not_zeros, uring_direct),
		CASE(end_of_file_is_an_error_not_zeros, uring_spin),
		CASE(end_of_file_is_an_error_not_zeros, threads_direct),
		CASES(poll_fd_is_readable_while_something_waits),
		CASES(closing_lets_go_of_the_file),
		CASES(descriptors_do_not_outlive_exec),
		CASES(child_forgets_and_parent_goes_on),
		CASE(child_forgets_and_parent_goes_on, uring_spin),
		CASES(threads_get_their_own_pages),
		CASES(request_outlives_its_thread),
		CASES(request_ends_though_its_submitter_is_stuck),
		CASE(request_out_of_contract_is_caught, threads_direct),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
