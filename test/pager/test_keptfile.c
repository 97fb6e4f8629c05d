/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_keptfile.c -- a swap file that is kept is taken if it is one, ours and
 * free; of everything else not a byte is changed.
 *
 * A file is marked here as mkswap marks it; test/cli has one of mkswap's own.
 */
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>

#include "os/file/filedev.h"
#include "test/pager/places.h"

#define PAGE ((size_t)4096)
#define BYTES (16 * MIB)

static char path[128];
static struct stat before;

static void
put(uint64_t offset, const void *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_int_equal(pwrite(fd, bytes, length, (off_t)offset), length);
	assert_int_equal(close(fd), 0);
}

static void
put32(uint64_t offset, uint32_t value)
{
	put(offset, &value, sizeof(value));
}

static int
new_file(void **state)
{
	int fd, r;

	if (setup(state) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s", in_dir("file"));
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	r = fd < 0 ? -1 : fallocate(fd, 0, 0, BYTES);
	(void)close(fd);
	put(1024, &(uint32_t[3]){1, BYTES / PAGE - 1, 0}, 12);
	put(4086, "SWAPSPACE2", 10);
	return r;
}

static int
old_file(void **state)
{
	(void)swapoff(path);
	(void)unlink(path);
	return teardown(state);
}

static void
look(void)
{
	assert_int_equal(stat(path, &before), 0);
}

/*
 * It is as it was when it was looked at, but for its times, and for what the
 * file system notes of blocks that are written for the first time.
 */
static void
is_as_it_was(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, before.st_size);
	assert_true(st.st_blocks >= before.st_blocks);
	assert_int_equal(st.st_mode, before.st_mode);
	assert_int_equal(st.st_nlink, before.st_nlink);
}

/* The whole file, to be freed. */
static unsigned char *
contents(void)
{
	unsigned char *bytes;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	look();
	bytes = malloc((size_t)before.st_size + 1);
	assert_non_null(bytes);
	assert_int_equal(read(fd, bytes, (size_t)before.st_size),
	                 (size_t)before.st_size);
	(void)close(fd);
	return bytes;
}

/* It is refused, and nothing in it has changed. */
static void
refused_whole(uint64_t bytes, int error, const char *words)
{
	unsigned char *was = contents(), *is;

	refused(path, bytes, error, words);
	is_as_it_was();
	is = contents();
	assert_memory_equal(was, is, (size_t)before.st_size);
	free(was);
	free(is);
}

/* -- what is taken -------------------------------------------------------- */

static void
swap_file_is_taken_as_it_is(void **state)
{
	unsigned char *was = contents(), *is;

	(void)state;
	(void)close(taken(path, 0));
	assert_string_equal(reason, "");
	assert_string_equal(swap.path, path);
	assert_true(swap.is_kept);
	assert_int_equal(swap.bytes, BYTES);
	is_as_it_was();
	is = contents();
	/* But for page 1, which is tried. */
	assert_memory_equal(was, is, PAGE);
	assert_memory_equal(was + 2 * PAGE, is + 2 * PAGE, BYTES - 2 * PAGE);
	free(was);
	free(is);
}

static void
less_of_it_may_be_wanted_and_not_more(void **state)
{
	(void)state;
	(void)close(taken(path, 12287));
	assert_int_equal(swap.bytes, 8192);
	(void)close(taken(path, BYTES));
	assert_int_equal(swap.bytes, BYTES);
	refused_whole(BYTES + 4096, -ENOSPC, "wanted, 16M free");
	refused_whole(8191, -EINVAL, "less than two pages");
}

static void
nodes_share_it(void **state)
{
	struct pager_swapspace s;
	struct stat st;

	(void)state;
	assert_int_equal(pager_swapspace_open(&s, 3, path, 0, reason), 0);
	look();
	assert_true(s.is_shared);
	assert_int_equal(s.bytes, BYTES / 3 / PAGE * PAGE);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(fstat(s.fd[i], &st), 0);
		assert_int_equal(st.st_ino, before.st_ino);
	}
	refused(path, 0, -EBUSY, "is locked");
	pager_swapspace_close(&s);
	(void)close(taken(path, 0));
}

/* -- what is refused ------------------------------------------------------ */

static void
file_without_the_mark_is_refused(void **state)
{
	(void)state;
	put(4086, "SWAPSPACE1", 10);
	refused_whole(0, -EEXIST, "is not a swap file; to make one: fallocate");
	put(4086, "SWAP-SPACE", 10);
	refused_whole(0, -EEXIST, "is not a swap file");
	assert_int_equal(truncate(path, 4095), 0);
	refused_whole(0, -EEXIST, "is not a swap file");
	assert_int_equal(truncate(path, 0), 0);
	refused_whole(0, -EEXIST, "is not a swap file");
}

static void
suspended_system_is_refused(void **state)
{
	(void)state;
	put(4086, "S1SUSPEND", 10);
	refused_whole(0, -EEXIST, "holds a system that was suspended to disk");
	put(4086, "LINHIB0001", 10);
	refused_whole(0, -EEXIST, "holds a system that was suspended to disk");
}

static void
area_of_another_kind_is_refused(void **state)
{
	(void)state;
	put32(1024, 0x01000000); /* of the other byte order */
	refused_whole(0, -EEXIST, "of another kind: mkswap it");
	put32(1024, 1);
	put32(1032, 1); /* has a bad page */
	refused_whole(0, -EEXIST, "of another kind: mkswap it");
	put32(1032, 0);
	(void)close(taken(path, 0));
}

static void
file_that_was_cut_is_refused(void **state)
{
	(void)state;
	assert_int_equal(truncate(path, BYTES - 1), 0);
	refused_whole(0, -EINVAL, "is shorter than its swap area");
	put32(1028, UINT32_MAX);
	refused_whole(0, -EINVAL, "is shorter than its swap area");
}

static void
file_that_others_may_use_is_refused(void **state)
{
	static const mode_t modes[] = {0644, 0640, 0620, 0602, 0601};

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(path, modes[i]), 0);
		refused_whole(0, -EPERM, "others may read it: chmod 600 it");
	}
	/* But who gives the path of another file is told to keep it. */
	put(4086, "my thesis.", 10);
	refused_whole(0, -EEXIST, "is not a swap file");
}

static void
file_with_two_names_is_refused(void **state)
{
	const char *other = in_dir("other");

	(void)state;
	assert_int_equal(link(path, other), 0);
	refused_whole(0, -EMLINK, "has another name (a hard link)");
	assert_int_equal(unlink(other), 0);
	assert_int_equal(symlink(path, other), 0);
	refused(other, 0, -ELOOP, "is a symbolic link");
	assert_int_equal(unlink(other), 0);
	(void)close(taken(path, 0));
}

static void
file_with_a_hole_is_refused(void **state)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	(void)state;
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 65536,
	              65536) < 0)
		skip_because("no holes can be made here");
	refused_whole(0, -EINVAL, "has holes: fallocate -l SIZE fills them");
	assert_int_equal(fallocate(fd, 0, 0, BYTES), 0);
	(void)close(fd);
	(void)close(taken(path, 0));
}

static void
file_of_another_user_is_refused(void **state)
{
	(void)state;
	if (chown(path, 65533, 65533) < 0)
		skip_because("giving a file away needs root");
	refused_whole(0, -EPERM, "belongs to another user: give a file");
}

static void
locked_file_is_refused(void **state)
{
	int fd = taken(path, 0);

	(void)state;
	refused_whole(0, -EBUSY, "is locked by another program");
	(void)close(fd);
	(void)close(taken(path, 0));
}

static void
lock_that_ends_soon_is_awaited(void **state)
{
	int fd = taken(path, 0), status;
	pid_t pid;

	(void)state;
	(void)fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)usleep(100000);
		_exit(0);
	}
	(void)close(fd); /* now it is the child's */
	(void)close(taken(path, 0));
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void
file_that_the_kernel_swaps_to_is_refused(void **state)
{
	(void)state;
	if (swapon(path, 0) < 0)
		skip_because("kernel swap needs root and a disk");
	look();
	refused(path, 0, -EBUSY, "is in use: swapoff it");
	is_as_it_was();
	assert_int_equal(swapoff(path), 0);
	(void)close(taken(path, 0));
}

/* Neither a lock nor the kernel says that somebody else writes to it. */
static void
file_behind_a_loop_device_is_refused(void **state)
{
	char command[PATH_MAX + 64], device[64] = "";
	FILE *out;

	(void)state;
	(void)snprintf(command, sizeof(command),
	               "losetup -f --show '%s' 2>/dev/null", path);
	out = popen(command, "r");
	assert_non_null(out);
	(void)fgets(device, sizeof(device), out);
	if (pclose(out) != 0)
		skip_because("loop devices need root");
	refused_whole(0, -EBUSY, "losetup -d its loop device");
	(void)snprintf(command, sizeof(command), "losetup -d %s", device);
	assert_int_equal(system(command), 0);
	(void)close(taken(path, 0));
}

/* The image of a disk, which was a swap area once. */
static void
file_with_a_partition_table_is_refused(void **state)
{
	(void)state;
	put(510, "\x55\xaa", 2);
	refused_whole(0, -EEXIST, "is more than a swap area");
}

/* -- runs ----------------------------------------------------------------- */

/*
 * Fill what is larger than the budget, and read it back.
 * => as in_child() wants it
 */
static int
run_engine(unsigned nodes)
{
	const struct pageout_options options = {
		.mem_bytes = nodes * PAGEOUT_MEM_BYTES_MIN,
		.swap_path = path,
		.mode = PAGEOUT_MODE_INLINE,
		.nodes = nodes,
	};
	const size_t words = 12 * MIB / sizeof(uint64_t);
	uint64_t counts[PAGEOUT_STATS];
	struct pageout *engine;
	uint64_t *data;
	void *memory;
	int r = pageout_open(&engine, &options);

	if (r < 0)
		return r == -EPERM || r == -ENOSYS ? CANNOT_HERE : FAILED;
	if (pageout_map(engine, words * sizeof(uint64_t), 0, &memory) < 0)
		return FAILED;
	data = memory;
	for (size_t round = 0; round < 3; round++) {
		for (size_t i = 0; i < words; i++)
			data[i] = i * 2654435761u + round;
		for (size_t i = 0; i < words; i++)
			if (data[i] != i * 2654435761u + round)
				return FAILED;
	}
	(void)pageout_stats(engine, counts, PAGEOUT_STATS);
	pageout_close(engine);
	if (counts[PAGEOUT_STAT_pswpout] < 1000 ||
	    counts[PAGEOUT_STAT_pswpin] < 1000 ||
	    counts[PAGEOUT_STAT_swap_write_errors] != 0)
		return FAILED;
	return 0;
}

/* One engine after the other, in one process. */
static int
run_one_node(void)
{
	int r = run_engine(1);

	return r == 0 ? run_engine(1) : r;
}

static int
run_two_nodes(void)
{
	return run_engine(2);
}

/* On a file system where no room can be reserved. */
static int
run_without_fallocate(void)
{
	return fail_call(SYS_fallocate, 0, 0, EOPNOTSUPP) < 0 ? CANNOT_HERE
	                                                      : run_engine(1);
}

/* A device over it makes no room in it, whatever it is asked for. */
static int
grow_without_fallocate(void)
{
	struct swapdev_file device;
	int fd = pager_swapfile_open(&swap, path, BYTES / 2, reason);

	if (fail_call(SYS_fallocate, 0, 0, EOPNOTSUPP) < 0)
		return CANNOT_HERE;
	if (fd < 0 || swapdev_file_open(&device, fd, swap.direct,
	                                BYTES / 2 / PAGE, true) < 0)
		return FAILED;
	if (swapdev_grow(&device.dev, 2) < 0)
		return FAILED;
	swapdev_close(&device.dev);
	return 0;
}

/*
 * A run leaves the file as it was: its mark, its size, its blocks and what is
 * behind its area.
 */
static void
file_survives(int (*run)(void))
{
	unsigned char *was = contents(), *is;

	good_or_skipped(in_child(run),
	                "no user-space faults, or no seccomp, here");
	is_as_it_was();
	is = contents();
	assert_memory_equal(was, is, PAGE);
	assert_memory_equal(was + BYTES, is + BYTES,
	                    (size_t)before.st_size - BYTES);
	free(was);
	free(is);
}

/* More data of somebody's behind the area. */
static void
put_tail(void)
{
	char tail[3 * PAGE + 7];

	memset(tail, 'x', sizeof(tail));
	put(BYTES, tail, sizeof(tail));
}

static void
run_leaves_the_file_whole(void **state)
{
	unsigned char *is;

	(void)state;
	put_tail();
	(void)close(taken(path, 0));
	assert_int_equal(swap.bytes, BYTES);
	file_survives(run_one_node);
	/* Pages stay in it: that is its price. */
	is = contents();
	assert_true(is[BYTES / 2] != 0 || is[BYTES / 2 + 1] != 0);
	free(is);
	file_survives(run_two_nodes);
}

static void
file_is_never_cut(void **state)
{
	(void)state;
	put_tail();
	file_survives(grow_without_fallocate);
	file_survives(run_without_fallocate);
}

static int
take_with_a_limit(void)
{
	const struct rlimit limit = {BYTES / 2, BYTES / 2};

	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return CANNOT_HERE;
	if (pager_swapfile_open(&swap, path, BYTES, reason) != -EFBIG)
		return FAILED;
	if (pager_swapfile_open(&swap, path, 0, reason) < 0)
		return FAILED;
	return swap.bytes == BYTES / 2 ? 0 : FAILED;
}

/* The program's limit may be lower than that of the one that opened it. */
static int
grow_with_a_limit(void)
{
	const struct rlimit limit = {BYTES / 2, BYTES / 2};
	struct swapdev_file device;
	int fd = pager_swapfile_open(&swap, path, BYTES, reason);

	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return CANNOT_HERE;
	if (fd < 0 ||
	    swapdev_file_open(&device, fd, swap.direct, BYTES / PAGE, true) < 0)
		return FAILED;
	if (swapdev_grow(&device.dev, BYTES / 2 / PAGE) < 0 ||
	    swapdev_grow(&device.dev, BYTES / PAGE) != -EFBIG)
		return FAILED;
	swapdev_close(&device.dev);
	return 0;
}

static void
limit_of_file_size_is_respected(void **state)
{
	(void)state;
	file_survives(take_with_a_limit);
	file_survives(grow_with_a_limit);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, new_file, old_file)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(swap_file_is_taken_as_it_is),
		CASE(less_of_it_may_be_wanted_and_not_more),
		CASE(nodes_share_it),
		CASE(file_without_the_mark_is_refused),
		CASE(suspended_system_is_refused),
		CASE(area_of_another_kind_is_refused),
		CASE(file_that_was_cut_is_refused),
		CASE(file_that_others_may_use_is_refused),
		CASE(file_with_two_names_is_refused),
		CASE(file_with_a_hole_is_refused),
		CASE(file_of_another_user_is_refused),
		CASE(locked_file_is_refused),
		CASE(lock_that_ends_soon_is_awaited),
		CASE(file_that_the_kernel_swaps_to_is_refused),
		CASE(file_behind_a_loop_device_is_refused),
		CASE(file_with_a_partition_table_is_refused),
		CASE(run_leaves_the_file_whole),
		CASE(file_is_never_cut),
		CASE(limit_of_file_size_is_respected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
