/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernelver.h -- what is known about kernels by their version.
 *
 * A version is a hint: distributions carry fixes back without changing the
 * number's first three parts.  So a version warns, and only a try refuses.
 */
#ifndef TOOLS_KERNELVER_H
#define TOOLS_KERNELVER_H

#include <stdbool.h>

struct kernel_version {
	unsigned major, minor, patch;
};

enum kernel_defect {
	/* UFFDIO_MOVE does not exist: before 6.8. */
	KERNEL_NO_MOVE = 1 << 0,
	/* CVE-2025-38242: MOVE of a page that is in kernel swap may lose it.
	 * Fixed in 6.12.37, 6.15.5 and 6.16. */
	KERNEL_MOVE_SWAP = 1 << 1,
	/* Smaller mistakes of MOVE, fixed in 6.12.101 and 6.18.42. */
	KERNEL_MOVE_LATER = 1 << 2,
};

/* "6.18.44-generic".  => false: not a version */
bool kernel_version_parse(const char *release, struct kernel_version *ret);

/* => enum kernel_defect bits */
unsigned kernel_defects(const struct kernel_version *v);

/*
 * Is this machine in danger?  It is when the kernel may lose a page that is in
 * kernel swap, and does swap.
 *
 *	root	"" for this machine; tests have a directory with their own /proc
 *
 * => NULL, or what to say to whoever starts a program
 */
const char *kernel_danger(const char *root);

#endif
