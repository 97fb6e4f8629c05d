/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernelver.c -- what is known about kernels by their version.
 */
#include <stdio.h>

#include "tools/doctor/kernelver.h"

bool
kernel_version_parse(const char *release, struct kernel_version *ret)
{
	struct kernel_version v = {0};
	int n;

	n = sscanf(release, "%4u.%4u.%4u", &v.major, &v.minor, &v.patch);
	if (n < 2)
		return false;
	*ret = v;
	return true;
}

static bool
older(const struct kernel_version *v, unsigned major, unsigned minor)
{
	return v->major < major || (v->major == major && v->minor < minor);
}

/* A release of series major.minor that is not yet patch. */
static bool
in_series_before(const struct kernel_version *v, unsigned major, unsigned minor,
                 unsigned patch)
{
	return v->major == major && v->minor == minor && v->patch < patch;
}

static bool
has_move_swap(const struct kernel_version *v)
{
	if (older(v, 6, 12) || in_series_before(v, 6, 12, 37))
		return true;
	return !older(v, 6, 13) &&
	       (older(v, 6, 15) || in_series_before(v, 6, 15, 5));
}

static bool
has_move_later(const struct kernel_version *v)
{
	if (older(v, 6, 12) || in_series_before(v, 6, 12, 101))
		return true;
	return !older(v, 6, 13) &&
	       (older(v, 6, 18) || in_series_before(v, 6, 18, 42));
}

unsigned
kernel_defects(const struct kernel_version *v)
{
	if (older(v, 6, 8))
		return KERNEL_NO_MOVE;
	return (has_move_swap(v) ? (unsigned)KERNEL_MOVE_SWAP : 0u) |
	       (has_move_later(v) ? (unsigned)KERNEL_MOVE_LATER : 0u);
}
