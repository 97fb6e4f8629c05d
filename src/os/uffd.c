/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uffd.c -- userfaultfd, as thin as can be.
 *
 * open and close are made by number: the agent replaces close() and friends
 * for the program that it lives in.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.h"
#include "os/uffd.h"

#define PAGE_BYTES 4096ul
#define PAGE_MASK (PAGE_BYTES - 1)
#define TRIES 100 /* of a move, by uffd_try() */

static int
kernel_flags(unsigned flags)
{
	int f = O_CLOEXEC;

	if (flags & UFFD_OPEN_NONBLOCK)
		f |= O_NONBLOCK;
	if (flags & UFFD_OPEN_USER_MODE)
		f |= UFFD_USER_MODE_ONLY;
	return f;
}

int
uffd_open_from(int device_fd, unsigned flags)
{
	int fd;

	fd = ioctl(device_fd, USERFAULTFD_IOC_NEW, kernel_flags(flags));
	return fd < 0 ? -errno : fd;
}

static int
open_by_device(unsigned flags)
{
	long device;
	int fd;

	device = syscall(SYS_openat, AT_FDCWD, "/dev/userfaultfd",
	                 O_RDWR | O_CLOEXEC, 0);
	if (device < 0)
		return -errno;
	fd = uffd_open_from((int)device, flags);
	(void)syscall(SYS_close, (int)device);
	return fd;
}

int
uffd_open(unsigned flags)
{
	int r = -ENOSYS;
	long fd;

	if (!(flags & UFFD_OPEN_NO_DEVICE)) {
		r = open_by_device(flags);
		if (r >= 0)
			return r;
	}
	if (flags & UFFD_OPEN_NO_SYSCALL)
		return r;
	fd = syscall(SYS_userfaultfd, kernel_flags(flags));
	return fd < 0 ? -errno : (int)fd;
}

int
uffd_api(int fd, uint64_t wanted, uint64_t *ret_features)
{
	struct uffdio_api api = {.api = UFFD_API, .features = wanted};

	if (ioctl(fd, UFFDIO_API, &api) < 0)
		return -errno;
	if (ret_features != NULL)
		*ret_features = api.features;
	return 0;
}

int
uffd_register(int fd, void *addr, uint64_t len, uint64_t mode)
{
	struct uffdio_register reg = {
		.range = {.start = (uintptr_t)addr, .len = len},
		.mode = mode,
	};

	return ioctl(fd, UFFDIO_REGISTER, &reg) < 0 ? -errno : 0;
}

int
uffd_unregister(int fd, void *addr, uint64_t len)
{
	struct uffdio_range range = {.start = (uintptr_t)addr, .len = len};

	return ioctl(fd, UFFDIO_UNREGISTER, &range) < 0 ? -errno : 0;
}

/*
 * What an operation on a range has done.
 *
 *	r	what ioctl() returned, with errno
 *	done	the field that the kernel writes and we set to 0: bytes, or a
 *		negative errno, or not written at all
 */
static int
range_result(int r, int64_t done, uint64_t len, uint64_t *ret_bytes)
{
	int error = r < 0 ? -errno : 0;

	*ret_bytes = done > 0 ? (uint64_t)done : 0;
	must(*ret_bytes <= len);
	if (error == 0 && *ret_bytes < len)
		return -EAGAIN; /* no kernel does this; be sure */
	return error;
}

int
uffd_move(int fd, void *dst, const void *src, uint64_t len, uint64_t mode,
          uint64_t *ret_bytes)
{
	struct uffdio_move m = {
		.dst = (uintptr_t)dst,
		.src = (uintptr_t)src,
		.len = len,
		.mode = mode,
	};
	int r;

	should(((m.dst | m.src | len) & PAGE_MASK) == 0 && len > 0);
	r = ioctl(fd, UFFDIO_MOVE, &m);
	return range_result(r, m.move, len, ret_bytes);
}

int
uffd_copy(int fd, void *dst, const void *src, uint64_t len, uint64_t mode,
          uint64_t *ret_bytes)
{
	struct uffdio_copy c = {
		.dst = (uintptr_t)dst,
		.src = (uintptr_t)src,
		.len = len,
		.mode = mode,
	};
	int r;

	should(((c.dst | len) & PAGE_MASK) == 0 && len > 0);
	r = ioctl(fd, UFFDIO_COPY, &c);
	return range_result(r, c.copy, len, ret_bytes);
}

int
uffd_zeropage(int fd, void *addr, uint64_t len, uint64_t mode,
              uint64_t *ret_bytes)
{
	struct uffdio_zeropage z = {
		.range = {.start = (uintptr_t)addr, .len = len},
		.mode = mode,
	};
	int r;

	r = ioctl(fd, UFFDIO_ZEROPAGE, &z);
	return range_result(r, z.zeropage, len, ret_bytes);
}

int
uffd_poison(int fd, void *addr, uint64_t len, uint64_t mode,
            uint64_t *ret_bytes)
{
	struct uffdio_poison p = {
		.range = {.start = (uintptr_t)addr, .len = len},
		.mode = mode,
	};
	int r;

	r = ioctl(fd, UFFDIO_POISON, &p);
	return range_result(r, p.updated, len, ret_bytes);
}

const char *
uffd_try(int fd, char *pages, int *ret_error)
{
	uint64_t bytes;

	*ret_error = uffd_register(fd, pages, 2 * PAGE_BYTES,
	                           UFFDIO_REGISTER_MODE_MISSING);
	if (*ret_error < 0)
		return "register";
	for (int tries = 0; tries < TRIES; tries++) { /* it may be held */
		*ret_error = uffd_move(fd, pages + PAGE_BYTES, pages,
		                       PAGE_BYTES, 0, &bytes);
		if (*ret_error != -EAGAIN && *ret_error != -EBUSY)
			break;
	}
	if (*ret_error < 0)
		return "move";
	*ret_error = uffd_poison(fd, pages, PAGE_BYTES, 0, &bytes);
	return *ret_error < 0 ? "poison" : NULL;
}

int
uffd_wake(int fd, void *addr, uint64_t len)
{
	struct uffdio_range range = {.start = (uintptr_t)addr, .len = len};

	return ioctl(fd, UFFDIO_WAKE, &range) < 0 ? -errno : 0;
}
