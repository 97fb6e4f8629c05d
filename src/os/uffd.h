/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uffd.h -- userfaultfd, as thin as can be.
 *
 * One function a kernel operation.  Each returns 0 (or a descriptor) or a
 * negative errno, prints nothing, allocates nothing, calls only system calls,
 * and may be used in the fault path and in a signal handler.
 *
 * Operations on ranges may end in the middle.  Then the call returns the
 * negative errno and *ret_bytes says how far it came; the rest has not
 * happened.  *ret_bytes is always set.  The kernel says -EAGAIN for every call
 * that ended in the middle, whatever the reason: go on at the page where it
 * stopped to learn it.
 */
#ifndef OS_UFFD_H
#define OS_UFFD_H

#include <stdint.h>

#include "os/uapi.h"

enum uffd_open_flag {
	UFFD_OPEN_USER_MODE = 1 << 0, /* page faults of the kernel on the
	                                 program's behalf are not served */
	UFFD_OPEN_NONBLOCK = 1 << 1,  /* reads do not wait; poll works */
	UFFD_OPEN_NO_DEVICE = 1 << 2, /* only by the system call */
	UFFD_OPEN_NO_SYSCALL = 1 << 3 /* only by /dev/userfaultfd */
};

/*
 * Open a userfaultfd, close-on-exec: by /dev/userfaultfd, else by the system
 * call.
 * => returns a descriptor; -EPERM or -EACCES not allowed; -ENOSYS or -ENOENT
 *    the kernel or a filter of system calls does not have it; -EMFILE ...
 */
int uffd_open(unsigned flags);

/* The same from an open /dev/userfaultfd, which is kept. */
int uffd_open_from(int device_fd, unsigned flags);

/*
 * Switch the descriptor on; once, before all else.
 *
 *	wanted		UFFD_FEATURE_* that must be there; 0 to ask
 *	ret_features	what the kernel has; may be NULL
 *
 * => -EINVAL: a wanted feature is not known to the kernel; -EPERM: it is
 *    known and not allowed (UFFD_FEATURE_EVENT_FORK)
 */
int uffd_api(int fd, uint64_t wanted, uint64_t *ret_features);

/*
 * Serve faults in a range.
 *
 *	mode	UFFDIO_REGISTER_MODE_*
 *
 * => -EBUSY: another userfaultfd has it; -EINVAL: not memory that can be
 */
int uffd_register(int fd, void *addr, uint64_t len, uint64_t mode);
int uffd_unregister(int fd, void *addr, uint64_t len);

/*
 * Move pages from src to dst, which must be absent, by their page tables.
 *
 *	mode	UFFDIO_MOVE_MODE_*
 *
 * => -EBUSY: a page is pinned or shared; -EEXIST: one is present at dst;
 *    -ENOENT: src is not there, or dst is not registered; -EINVAL: protection
 *    or kind of the memory forbids it; -EAGAIN: the layout is changing, an
 *    event waits to be read, or the call ended in the middle
 */
int uffd_move(int fd, void *dst, const void *src, uint64_t len, uint64_t mode,
              uint64_t *ret_bytes);

/* Fill absent pages at dst with copies.  mode: UFFDIO_COPY_MODE_* */
int uffd_copy(int fd, void *dst, const void *src, uint64_t len, uint64_t mode,
              uint64_t *ret_bytes);

/* Fill absent pages with zeros.  mode: UFFDIO_ZEROPAGE_MODE_* */
int uffd_zeropage(int fd, void *addr, uint64_t len, uint64_t mode,
                  uint64_t *ret_bytes);

/* Make accesses to absent pages fail: SIGBUS, EFAULT.  COPY replaces it. */
int uffd_poison(int fd, void *addr, uint64_t len, uint64_t mode,
                uint64_t *ret_bytes);

/*
 * Move a page and poison the place that it left, here and now: versions and
 * feature bits are hints.
 *
 *	pages	two; the first is there, the second is not.  Registered and
 *		the other way round afterwards
 *
 * => NULL, or the step that did not work, with *ret_error
 */
const char *uffd_try(int fd, char *pages, int *ret_error);

/* Let threads that wait for pages of the range try again. */
int uffd_wake(int fd, void *addr, uint64_t len);

#endif
