/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * machine.c -- what is there to work with?
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/size.h"
#include "pager/pager.h"
#include "tools/doctor/doctor.h"

#define MAPPINGS_MIN 65530 /* the kernel's own default */

void
check_io_uring(const struct doctor *d, struct finding *f)
{
	struct io_uring_params params = {0};
	char sysctl[16];
	long fd;

	(void)d;
	fd = syscall(SYS_io_uring_setup, 8, &params);
	if (fd >= 0) {
		(void)close((int)fd);
		found(f, VERDICT_OK, "a ring was set up");
		return;
	}
	found(f, VERDICT_WARN, "%s, kernel.io_uring_disabled=%s",
	      strerror(errno),
	      *first_line("/proc/sys/kernel/io_uring_disabled", sysctl,
	                  sizeof(sysctl)) != '\0'
	              ? sysctl
	              : "?");
	remedy(f, "threads read and write instead, a little slower",
	       "sysctl kernel.io_uring_disabled=0; in a container, allow it "
	       "in the filter of system calls");
}

void
check_swap_path(const struct doctor *d, struct finding *f)
{
	char reason[PAGER_REASON_MAX] = "", size[SIZE_TEXT_BYTES];
	struct pager_swapfile file = {.fd = -1};
	int r;

	r = pager_swapfile_open(&file, d->swap_path, 0, reason);
	if (r < 0) {
		found(f, VERDICT_FAIL, "%s",
		      *reason != '\0' ? reason : strerror(-r));
		remedy(f, "pages have nowhere to go",
		       "name a place with --swap or PAGEOUT_SWAP");
		return;
	}
	(void)close(file.fd);
	found(f, *reason != '\0' || !file.direct ? VERDICT_WARN : VERDICT_OK,
	      "%s: up to %s, %s", file.path, size_text(size, file.bytes),
	      file.direct ? "O_DIRECT works" : "without O_DIRECT");
	if (*reason != '\0') {
		remedy(f, "the place has a drawback", "%s", reason);
	} else if (!file.direct) {
		remedy(f,
		       "pages on their way out pass through the page cache, "
		       "which takes memory and time",
		       "use a place on ext4 or xfs, or a block device");
	}
}

/* The control group's own line of text from file name, or "".
 * => version 2 only: below /sys/fs/cgroup */
static char *
cgroup_line(const char *name, char *text, unsigned bytes)
{
	char group[256], path[512];

	(void)first_line("/proc/self/cgroup", group, sizeof(group));
	*text = '\0';
	if (strncmp(group, "0::", 3) != 0)
		return text;
	(void)snprintf(path, sizeof(path), "/sys/fs/cgroup%s/%s", group + 3,
	               name);
	return first_line(path, text, bytes);
}

void
check_kernel_swap(const struct doctor *d, struct finding *f)
{
	char line[256], list[160] = "", limit[32];
	FILE *swaps = fopen("/proc/swaps", "re");

	(void)d;
	if (swaps == NULL) {
		found(f, VERDICT_OK, "off: the kernel has none");
		return;
	}
	/* The first line has the headings. */
	for (unsigned n = 0; fgets(line, sizeof(line), swaps) != NULL; n++) {
		line[strcspn(line, " \t\n")] = '\0';
		if (n > 0)
			add_word(list, sizeof(list), line);
	}
	(void)fclose(swaps);
	if (*list == '\0') {
		found(f, VERDICT_OK, "off");
		return;
	}
	if (strcmp(cgroup_line("memory.swap.max", limit, sizeof(limit)), "0") ==
	    0) {
		found(f, VERDICT_OK, "on (%s), but not for this control group",
		      list + 1);
		return;
	}
	found(f, VERDICT_WARN, "on:%s", list);
	remedy(f,
	       "managed pages may be swapped twice, and kernels have had "
	       "defects in moving pages that are in swap",
	       "swapoff, or memory.swap.max=0 for the control group");
}

void
check_overcommit(const struct doctor *d, struct finding *f)
{
	char text[16];

	(void)d;
	(void)first_line("/proc/sys/vm/overcommit_memory", text, sizeof(text));
	found(f, strcmp(text, "2") == 0 ? VERDICT_WARN : VERDICT_OK,
	      "vm.overcommit_memory=%s", *text != '\0' ? text : "?");
	if (f->verdict == VERDICT_WARN)
		remedy(f,
		       "mappings count in full although most of them is in "
		       "the swap place: large ones may be refused",
		       "sysctl vm.overcommit_memory=0");
}

void
check_mappings(const struct doctor *d, struct finding *f)
{
	char text[24];
	long n;

	(void)d;
	(void)first_line("/proc/sys/vm/max_map_count", text, sizeof(text));
	n = strtol(text, NULL, 10);
	found(f, n < MAPPINGS_MIN ? VERDICT_WARN : VERDICT_OK,
	      "vm.max_map_count=%ld", n);
	if (f->verdict == VERDICT_WARN)
		remedy(f, "a program with many mappings may be refused more",
		       "sysctl vm.max_map_count=%d", MAPPINGS_MIN);
}

void
check_nodes(const struct doctor *d, struct finding *f)
{
	(void)d;
	found(f, VERDICT_OK, "%d, unless --nodes says otherwise",
	      pager_nodes(0, UINT64_MAX));
}
