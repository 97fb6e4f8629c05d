/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernelver.c -- what is known about kernels by their version.
 */
#include <stddef.h>
#include <stdio.h>

#include "tools/kernelver.h"

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

/* Line number n (from 0) of a file below root.  => false: there is none */
static bool
line_of(const char *root, const char *name, unsigned n, char text[static 256])
{
	char path[512];
	bool have = true;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s%s", root, name);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	for (unsigned i = 0; have && i <= n; i++)
		have = fgets(text, 256, f) != NULL;
	(void)fclose(f);
	return have;
}

const char *
kernel_danger(const char *root)
{
	struct kernel_version v;
	char text[256];

	if (!line_of(root, "/proc/sys/kernel/osrelease", 0, text) ||
	    !kernel_version_parse(text, &v) ||
	    (kernel_defects(&v) & KERNEL_MOVE_SWAP) == 0)
		return NULL;
	if (!line_of(root, "/proc/swaps", 1, text)) /* 0 has the headings */
		return NULL;
	return "this kernel may lose pages while kernel swap is on "
	       "(CVE-2025-38242): swapoff -a, or update; see pageout doctor";
}
