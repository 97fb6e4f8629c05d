/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_swapfile.c -- a swap place is taken when it is good, and refused with a
 * reason when it is not.
 *
 * Every case that a person may type has its line here, and its errno, and the
 * words that tell what to do.  After each case the directory is empty: no file
 * stays behind.  What needs root, or a loop device, is skipped by name.
 */
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "test/pager/places.h"

/* -- places --------------------------------------------------------------- */

static void
directory_gets_a_file_without_a_name(void **state)
{
	struct stat st;
	int fd = taken(dir, 0);

	(void)state;
	assert_string_equal(reason, "");
	assert_string_equal(swap.path, dir);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(swap.bytes % (2 * MIB), 0);
	assert_true(swap.bytes >= 64 * MIB);
	(void)close(fd);
}

static void
slash_at_the_end_is_the_same_place(void **state)
{
	(void)state;
	(void)close(taken(in_dir("//"), MIB));
	assert_string_equal(swap.path, dir);
}

static void
size_is_taken_as_given(void **state)
{
	(void)state;
	(void)close(taken(dir, 10 * MIB));
	assert_int_equal(swap.bytes, 10 * MIB);
	(void)close(taken(dir, 12287));
	assert_int_equal(swap.bytes, 8192);
}

static void
size_that_cannot_be_is_refused(void **state)
{
	(void)state;
	refused(dir, 1, -EINVAL, "less than two pages");
	refused(dir, 8191, -EINVAL, "less than two pages");
	refused(dir, UINT64_MAX, -ENOSPC, "free: give a smaller size");
	refused(dir, (uint64_t)1 << 63, -ENOSPC, "wanted, ");
}

static void
what_is_no_place_is_refused(void **state)
{
	char longest[300];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	refused(in_dir("missing"), 0, -ENOENT, "no such file");
	refused("/dev/null", 0, -ENOTDIR, "neither a directory nor a block");
	refused("", 0, -ENOENT, "is empty");
	refused(longest, 0, -ENAMETOOLONG, "too long");
	refused("/etc/passwd/x", 0, -ENOTDIR, "cannot be reached");
}

static void
fifo_is_refused(void **state)
{
	const char *path = in_dir("fifo");

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(path, 0, -ENOTDIR, "neither a directory nor a block device");
	(void)unlink(path);
}

static void
symbolic_link_is_refused(void **state)
{
	const char *path = in_dir("link");

	(void)state;
	assert_int_equal(symlink("/var/tmp", path), 0);
	refused(path, 0, -ELOOP, "is a symbolic link: give what it points at");
	refused(in_dir("link/"), 0, -ELOOP, "is a symbolic link");
	(void)unlink(path);
}

static void
directory_that_others_write_to_is_refused(void **state)
{
	(void)state;
	assert_int_equal(chmod(dir, 0777), 0);
	refused(dir, 0, -EPERM, "others may write to it: chmod go-w");
	assert_int_equal(chmod(dir, 0770), 0);
	refused(dir, 0, -EPERM, "others may write to it");
	/* With the sticky bit they can't take our file away. */
	assert_int_equal(chmod(dir, 01777), 0);
	(void)close(taken(dir, MIB));
}

static void
directory_of_another_user_is_refused(void **state)
{
	(void)state;
	if (chown(dir, 65533, 65533) < 0)
		skip_because("giving a directory away needs root");
	refused(dir, 0, -EPERM, "belongs to another user");
}

/* -- file systems --------------------------------------------------------- */

static void
mount_or_skip(const char *options)
{
	if (mount("test", dir, "tmpfs", 0, options) < 0)
		skip_because("mounting a file system needs root");
}

static void
memory_is_taken_only_when_it_is_named(void **state)
{
	(void)state;
	mount_or_skip("size=200m,mode=700");
	(void)close(taken(dir, 0));
	assert_int_equal(swap.bytes, 100 * MIB);
	assert_non_null(strstr(reason, "is memory itself"));
	(void)setenv("PAGEOUT_SWAP", dir, 1);
	(void)close(taken(NULL, 0));
	assert_string_equal(swap.path, dir);
	assert_non_null(strstr(reason, "is memory itself"));
	(void)unsetenv("PAGEOUT_SWAP");
	(void)setenv("TMPDIR", dir, 1);
	(void)close(taken(NULL, MIB));
	assert_string_equal(swap.path, "/var/tmp");
	assert_string_equal(reason, "");
}

static void
place_with_too_little_room_is_refused(void **state)
{
	(void)state;
	mount_or_skip("size=100m,mode=700");
	refused(dir, 0, -ENOSPC, "too little room (100M free)");
	refused(dir, 101 * MIB, -ENOSPC,
	        "101M wanted, 100M free: give a smaller size");
	(void)close(taken(dir, 100 * MIB));
}

static void
read_only_file_system_is_refused(void **state)
{
	(void)state;
	mount_or_skip("size=200m,mode=700");
	assert_int_equal(mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL),
	                 0);
	refused(dir, 0, -EROFS, "read-only file system: give another");
}

static void
places_are_searched_in_order(void **state)
{
	(void)state;
	(void)close(taken(NULL, MIB));
	assert_string_equal(swap.path, "/var/tmp");
	(void)setenv("TMPDIR", dir, 1);
	(void)close(taken(NULL, MIB));
	assert_string_equal(swap.path, dir);
	(void)setenv("PAGEOUT_SWAP", "", 1);
	(void)close(taken(NULL, MIB));
	assert_string_equal(swap.path, dir);
	(void)setenv("PAGEOUT_SWAP", "/var/tmp", 1);
	(void)close(taken(NULL, MIB));
	assert_string_equal(swap.path, "/var/tmp");
	/* What was named is not passed over; what was found is. */
	(void)setenv("PAGEOUT_SWAP", "/nowhere", 1);
	refused(NULL, 0, -ENOENT, "/nowhere: no such file");
	(void)unsetenv("PAGEOUT_SWAP");
	(void)setenv("TMPDIR", "/nowhere", 1);
	(void)close(taken(NULL, MIB));
	assert_string_equal(swap.path, "/var/tmp");
}

/* -- in a child: what changes a process for good -------------------------- */

static int
without_tmpfile(void)
{
	struct stat st;

	if (fail_call(SYS_openat, 2, __O_TMPFILE, EOPNOTSUPP) < 0)
		return CANNOT_HERE;
	if (pager_swapfile_open(&swap, dir, MIB, reason) < 0)
		return FAILED;
	if (fstat(swap.fd, &st) < 0 || st.st_nlink != 0 ||
	    (st.st_mode & 07777) != 0600)
		return FAILED;
	return fcntl(swap.fd, F_GETFD) == FD_CLOEXEC ? 0 : 1;
}

static int
without_direct(void)
{
	char page[4096] = "x";

	if (fail_call(SYS_fcntl, 2, O_DIRECT & ~O_CLOEXEC, EINVAL) < 0)
		return CANNOT_HERE;
	if (pager_swapfile_open(&swap, dir, MIB, reason) < 0 || swap.direct)
		return 1;
	return pwrite(swap.fd, page, sizeof(page), 1) == sizeof(page) ? 0 : 2;
}

static int
with_a_broken_disk(void)
{
	if (fail_call(SYS_pwrite64, 2, 4096, EIO) < 0)
		return CANNOT_HERE;
	if (pager_swapfile_open(&swap, dir, MIB, reason) != -EIO)
		return 1;
	return strstr(reason, "does not come back (Input/output") ? 0 : 2;
}

static int
as_a_stranger(void)
{
	if (geteuid() != 0 || setgid(65534) < 0 || setuid(65534) < 0)
		return CANNOT_HERE;
	if (pager_swapfile_open(&swap, "/", MIB, reason) != -EACCES ||
	    strstr(reason, "/: may not be written to") == NULL)
		return 1;
	/* Of root, and for root only. */
	return pager_swapfile_open(&swap, dir, MIB, reason) == -EACCES ? 0 : 2;
}

static int
with_a_limit(void)
{
	const struct rlimit limit = {100 * MIB, 100 * MIB};

	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return CANNOT_HERE;
	if (pager_swapfile_open(&swap, dir, 101 * MIB, reason) != -EFBIG ||
	    strstr(reason, "limit for files is 100M: raise it") == NULL)
		return 1;
	if (pager_swapfile_open(&swap, dir, 0, reason) < 0)
		return 2;
	return swap.bytes == 100 * MIB ? 0 : 3;
}

static void
file_system_without_unnamed_files_will_do(void **state)
{
	(void)state;
	good_or_skipped(in_child(without_tmpfile), "no seccomp here");
}

static void
file_system_without_direct_io_will_do(void **state)
{
	(void)state;
	good_or_skipped(in_child(without_direct), "no seccomp here");
}

static void
place_that_loses_pages_is_refused(void **state)
{
	(void)state;
	good_or_skipped(in_child(with_a_broken_disk), "no seccomp here");
}

static void
directory_that_may_not_be_written_is_refused(void **state)
{
	(void)state;
	good_or_skipped(in_child(as_a_stranger),
	                "becoming somebody else needs root");
}

static void
limit_of_file_size_is_respected(void **state)
{
	(void)state;
	good_or_skipped(in_child(with_a_limit), "no limits here");
}

/* -- block devices -------------------------------------------------------- */

static char loop[32];
static int loop_fd;

/* A loop device of 128 MiB over an unnamed file. */
static int
loop_setup(void **state)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), n = -1;
	int file;

	loop_fd = -1;
	if (setup(state) < 0)
		return -1;
	file = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (control >= 0)
		n = ioctl(control, LOOP_CTL_GET_FREE);
	if (file >= 0 && n >= 0 && ftruncate(file, 128 * MIB) == 0) {
		(void)snprintf(loop, sizeof(loop), "/dev/loop%d", n);
		loop_fd = open(loop, O_RDWR | O_CLOEXEC);
		if (loop_fd >= 0 && ioctl(loop_fd, LOOP_SET_FD, file) < 0) {
			(void)close(loop_fd);
			loop_fd = -1;
		}
	}
	(void)close(file);
	(void)close(control);
	return 0;
}

static int
loop_teardown(void **state)
{
	if (loop_fd >= 0) {
		(void)ioctl(loop_fd, LOOP_CLR_FD, 0);
		(void)close(loop_fd);
	}
	return teardown(state);
}

static void
block_device_is_taken_alone(void **state)
{
	int fd;

	(void)state;
	if (loop_fd < 0)
		skip_because("a loop device needs root");
	fd = taken(loop, 0);
	assert_string_equal(reason, "");
	assert_int_equal(swap.bytes, 128 * MIB);
	refused(loop, 0, -EBUSY, "is in use: unmount it, swapoff it");
	(void)close(fd);
	refused(loop, 129 * MIB, -ENOSPC, "129M wanted, 128M free");
	(void)close(taken(loop, 64 * MIB));
	assert_int_equal(swap.bytes, 64 * MIB);
}

static void
block_device_with_a_file_system_is_refused(void **state)
{
	(void)state;
	if (loop_fd < 0)
		skip_because("a loop device needs root");
	assert_int_equal(pwrite(loop_fd, "\x53\xef", 2, 1080), 2);
	assert_int_equal(fsync(loop_fd), 0);
	refused(loop, 0, -EEXIST, "holds an ext file system: if that");
}

static void
block_device_with_a_suspended_system_is_refused(void **state)
{
	static const char *const marks[] = {"S1SUSPEND", "S2SUSPEND",
	                                    "ULSUSPEND", "LINHIB0001"};

	(void)state;
	if (loop_fd < 0)
		skip_because("a loop device needs root");
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		assert_int_equal(pwrite(loop_fd, marks[i], 10, 4086), 10);
		assert_int_equal(fsync(loop_fd), 0);
		refused(loop, 0, -EEXIST,
		        "was suspended to disk: if that is not wanted any "
		        "more, mkswap it");
	}
	assert_int_equal(pwrite(loop_fd, "SWAPSPACE2", 10, 4086), 10);
	assert_int_equal(fsync(loop_fd), 0);
	(void)close(taken(loop, 0));
}

static void
locked_block_device_is_refused(void **state)
{
	(void)state;
	if (loop_fd < 0)
		skip_because("a loop device needs root");
	assert_int_equal(syscall(SYS_flock, loop_fd, 2 /* LOCK_EX */), 0);
	refused(loop, 0, -EBUSY, "is locked by another program");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define LOOP_CASE(f) \
	cmocka_unit_test_setup_teardown(f, loop_setup, loop_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(directory_gets_a_file_without_a_name),
		CASE(slash_at_the_end_is_the_same_place),
		CASE(size_is_taken_as_given),
		CASE(size_that_cannot_be_is_refused),
		CASE(what_is_no_place_is_refused),
		CASE(fifo_is_refused),
		CASE(symbolic_link_is_refused),
		CASE(directory_that_others_write_to_is_refused),
		CASE(directory_of_another_user_is_refused),
		CASE(memory_is_taken_only_when_it_is_named),
		CASE(place_with_too_little_room_is_refused),
		CASE(read_only_file_system_is_refused),
		CASE(places_are_searched_in_order),
		CASE(file_system_without_unnamed_files_will_do),
		CASE(file_system_without_direct_io_will_do),
		CASE(place_that_loses_pages_is_refused),
		CASE(directory_that_may_not_be_written_is_refused),
		CASE(limit_of_file_size_is_respected),
		LOOP_CASE(block_device_is_taken_alone),
		LOOP_CASE(block_device_with_a_file_system_is_refused),
		LOOP_CASE(block_device_with_a_suspended_system_is_refused),
		LOOP_CASE(locked_block_device_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
