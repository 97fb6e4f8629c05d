/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oldkernel.c -- the kernel as it was before it could move pages.
 *
 *	LD_PRELOAD=liboldkernel.so OLDKERNEL=HOW COMMAND
 *
 *	old	it does not know UFFD_FEATURE_MOVE, nor UFFDIO_MOVE
 *	broken	it knows the feature, and refuses every move
 *
 * Without OLDKERNEL it is the kernel that it is.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "os/uapi.h"

typedef int ioctl_fn(int fd, unsigned long request, ...);

/* What there is but MOVE, to who asks; nothing, to who wants it. */
static int
api(ioctl_fn *real, int fd, struct uffdio_api *api)
{
	int r;

	if (api->features & UFFD_FEATURE_MOVE) {
		errno = EINVAL;
		return -1;
	}
	r = real(fd, UFFDIO_API, api);
	api->features &= ~(__u64)UFFD_FEATURE_MOVE;
	return r;
}

__attribute__((visibility("default"))) int
ioctl(int fd, unsigned long request, ...)
{
	const char *how = getenv("OLDKERNEL");
	ioctl_fn *real = (ioctl_fn *)dlsym(RTLD_NEXT, "ioctl");
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (how != NULL && request == UFFDIO_MOVE) {
		errno = EINVAL;
		return -1;
	}
	if (how != NULL && request == UFFDIO_API && strcmp(how, "old") == 0)
		return api(real, fd, arg);
	return real(fd, request, arg);
}
