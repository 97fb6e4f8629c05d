/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_record.c -- a run over real memory is recorded; replayed with nothing
 * but the record, it is the same run.
 *
 * 96 MiB live in 32: threads write, read, give back and pin pages while the
 * daemons work, so events come from many threads in an order of their own.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "base/assert.h"
#include "core/policy.h"
#include "replay/replay.h"
#include "test/pager/engine.h"

#define DATA_BYTES (96 * MIB)
#define PIECES 3

static struct replay_result result;
static const char *root = ""; /* where sys/ is */
static bool solid_state;      /* what the core of the last run was told */

/* -- a program ------------------------------------------------------------ */

struct piece {
	struct pager *pager;
	char *at;
	size_t bytes;
	uint64_t seed;
};

/* One thread's share. */
static void *
work(void *arg)
{
	struct piece *w = arg;
	size_t half = w->bytes / 2;
	uint64_t random = w->seed;

	fill(w->at, w->bytes, w->seed);
	(void)pager_advise(w->pager, w->at, half, PAGEOUT_SEQUENTIAL);
	must(is_filled(w->at, w->bytes, w->seed));
	must(pager_discard(w->pager, w->at, MIB) == 0);
	must(is_zero(w->at, MIB));
	fill(w->at, MIB, w->seed);
	must(pager_pin(w->pager, w->at + half, MIB / 2) == 0);
	(void)pager_advise(w->pager, w->at, w->bytes, PAGEOUT_COLD);
	for (unsigned i = 0; i < 2000; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		w->at[half + (random >> 33) % half] ^= 0x55;
	}
	must(is_filled(w->at, MIB, w->seed));
	must(pager_unpin(w->pager, w->at + half, MIB / 2) == 0);
	(void)pager_advise(w->pager, w->at, MIB, PAGEOUT_PREFETCH);
	return NULL;
}

static void
run_program(struct pager *p)
{
	char *at = engine_map(p, NULL, DATA_BYTES);
	pthread_t threads[PIECES];
	struct piece pieces[PIECES];
	size_t bytes = DATA_BYTES / PIECES;

	for (unsigned i = 0; i < PIECES; i++) {
		pieces[i] = (struct piece){p, at + i * bytes, bytes, i + 1};
		assert_int_equal(
			pthread_create(&threads[i], NULL, work, &pieces[i]), 0);
	}
	for (unsigned i = 0; i < PIECES; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	engine_unmap(p, at, DATA_BYTES);
}

/* -- recording ------------------------------------------------------------ */

/*
 * Run the program with a record in fd.
 * => false where user-space faults are not allowed
 */
static bool
record(const char *policy, enum pageout_mode mode, const char *filter, int fd)
{
	struct pager_swapspace swap;
	char reason[PAGER_REASON_MAX];
	struct pager *p;
	int r;

	assert_true(pager_swapspace_open(&swap, 1, NULL, 256 * MIB, reason) >=
	            0);
	assert_int_equal(setenv("PAGEOUT_SWAP_FILTER", filter, 1), 0);
	r = pager_open(&p, &(struct pager_config){
				   .mem_bytes = 32 * MIB,
				   .swap = swap,
				   .stat_fd = -1,
				   .record_fd = fd,
				   .policy = policy,
				   .root = root,
				   .mode = mode,
			   });
	if (r == -EPERM || r == -ENOSYS)
		return false;
	assert_int_equal(r, 0);
	solid_state = p->nodes[0].core->swap[0].solid_state;
	run_program(p);
	pager_close(p);
	return true;
}

static void
replay(int fd, const struct replay_options *o)
{
	struct stat st;
	void *at;

	assert_int_equal(fstat(fd, &st), 0);
	at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	replay_run(&result, at, (size_t)st.st_size, o);
	assert_int_equal(munmap(at, (size_t)st.st_size), 0);
}

static void
record_and_replay(const char *policy, enum pageout_mode mode,
                  const char *filter)
{
	int fd = memfd_create("record", MFD_CLOEXEC);

	assert_true(fd > 0);
	if (!record(policy, mode, filter, dup(fd)))
		skip();
	/* The oracle can fail: other read-ahead is another run. */
	replay(fd, &(struct replay_options){.ra_pages_max = 3});
	assert_int_equal(result.verdict, REPLAY_DIFFERENT);
	replay(fd, NULL);
	if (result.verdict != REPLAY_SAME)
		fail_msg("%s: %s", policy, result.why);
	assert_memory_equal(result.header.policy, policy,
	                    strlen(result.header.policy));
	assert_true(result.stat[PAGEOUT_STAT_pswpout] > 16384);
	assert_true(result.decisions > 1000);
	assert_int_equal(close(fd), 0);
}

static void
with_threads(void **unused)
{
	(void)unused;
	for (unsigned i = 0; policies[i] != NULL; i++)
		record_and_replay(policies[i]->name, PAGEOUT_MODE_THREAD, "");
}

static void
inline_too(void **unused)
{
	(void)unused;
	for (unsigned i = 0; policies[i] != NULL; i++)
		record_and_replay(policies[i]->name, PAGEOUT_MODE_INLINE, "");
}

static void
over_a_device_that_fails_now_and_then(void **unused)
{
	(void)unused;
	record_and_replay("clock", PAGEOUT_MODE_THREAD,
	                  "error:op=write,every=50");
	assert_true(result.stat[PAGEOUT_STAT_swap_write_errors] > 0);
}

/* A disk under the swap file that says so has no arm. */
static void
make_solid_state(char *dir)
{
	struct pager_swapfile f;
	char reason[PAGER_REASON_MAX], command[256];
	struct stat st;
	int fd = pager_swapfile_open(&f, NULL, 64 * MIB, reason);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(close(fd), 0);
	assert_non_null(mkdtemp(dir));
	(void)snprintf(command, sizeof(command),
	               "cd %s && mkdir -p sys/dev/block/%u:%u/queue && "
	               "echo 0 >sys/dev/block/%u:%u/queue/rotational",
	               dir, major(st.st_dev), minor(st.st_dev),
	               major(st.st_dev), minor(st.st_dev));
	assert_int_equal(system(command), 0);
}

/* Policies that mind it are told, and a replay decides the same. */
static void
over_a_solid_state_disk(void **unused)
{
	char dir[] = "/tmp/pageout-record-XXXXXX", command[64];

	(void)unused;
	make_solid_state(dir);
	root = dir;
	record_and_replay("kswapd:quirks=exact", PAGEOUT_MODE_THREAD, "");
	assert_true(solid_state);
	record_and_replay("kswapd", PAGEOUT_MODE_THREAD, "");
	assert_true(solid_state);
	record_and_replay("clock", PAGEOUT_MODE_THREAD, "");
	assert_false(solid_state);
	root = "/nowhere";
	record_and_replay("kswapd", PAGEOUT_MODE_THREAD, "");
	assert_false(solid_state);
	root = "";
	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

static void
a_record_that_cannot_be_written_harms_nobody(void **unused)
{
	int fd = memfd_create("record", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	(void)unused;
	assert_true(fd > 0);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
	if (!record("fifo", PAGEOUT_MODE_THREAD, "", dup(fd)))
		skip();
	replay(fd, NULL);
	assert_int_equal(result.verdict, REPLAY_BAD);
	assert_true(result.events > 100);
	assert_int_equal(close(fd), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_threads),
		cmocka_unit_test(inline_too),
		cmocka_unit_test(over_a_device_that_fails_now_and_then),
		cmocka_unit_test(over_a_solid_state_disk),
		cmocka_unit_test(a_record_that_cannot_be_written_harms_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
