/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faults.c -- can pages be taken from a program and given back?
 *
 * Versions and feature bits are hints.  What counts is that a page was moved
 * and another one poisoned, here and now.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "os/uffd.h"
#include "tools/doctor/doctor.h"
#include "tools/kernelver.h"

#define PAGE 4096ul

void
check_kernel(const struct doctor *d, struct finding *f)
{
	struct kernel_version v;
	struct utsname u;
	unsigned defects;

	(void)d;
	if (uname(&u) < 0 || !kernel_version_parse(u.release, &v)) {
		found(f, VERDICT_WARN, "version not understood");
		remedy(f, "known defects cannot be ruled out",
		       "use Linux 6.18.42 or later");
		return;
	}
	defects = kernel_defects(&v);
	found(f, defects == 0 ? VERDICT_OK : VERDICT_WARN, "Linux %s",
	      u.release);
	if (defects & KERNEL_NO_MOVE) {
		f->verdict = VERDICT_FAIL;
		remedy(f, "UFFDIO_MOVE came with Linux 6.8",
		       "use 6.12.101, 6.18.42 or later");
	} else if (defects & KERNEL_MOVE_SWAP) {
		remedy(f,
		       "UFFDIO_MOVE may lose pages that are in kernel swap "
		       "(CVE-2025-38242, fixed in 6.12.37, 6.15.5, 6.16), "
		       "unless your distributor has mended it",
		       "keep kernel swap off, or use 6.12.101, 6.18.42 or "
		       "later");
	} else if (defects != 0) {
		remedy(f,
		       "later fixes of UFFDIO_MOVE are in 6.12.101 and 6.18.42",
		       "update when you can");
	}
}

/* Words for what opening a userfaultfd said. */
static const char *
open_words(int r)
{
	return r >= 0 ? "allowed" : strerror(-r);
}

/* True when a filter of system calls watches us, as in most containers. */
static bool
is_filtered(void)
{
	char line[256];
	bool filtered = false;
	FILE *f = fopen("/proc/self/status", "re");

	if (f == NULL)
		return false;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "Seccomp:", 8) == 0)
			filtered = strtol(line + 8, NULL, 10) != 0;
	(void)fclose(f);
	return filtered;
}

static void
close_if_open(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

void
check_userfaultfd(const struct doctor *d, struct finding *f)
{
	int device = uffd_open(UFFD_OPEN_NO_SYSCALL);
	int call = uffd_open(UFFD_OPEN_NO_DEVICE);
	char sysctl[16];

	(void)d;
	first_line("/proc/sys/vm/unprivileged_userfaultfd", sysctl,
	           sizeof(sysctl));
	found(f, device >= 0 || call >= 0 ? VERDICT_OK : VERDICT_FAIL,
	      "/dev/userfaultfd: %s, system call: %s, "
	      "vm.unprivileged_userfaultfd=%s",
	      open_words(device), open_words(call),
	      *sysctl != '\0' ? sysctl : "?");
	if (f->verdict == VERDICT_FAIL && is_filtered())
		remedy(f,
		       "faults in system calls cannot be served; this process "
		       "runs under a filter of system calls (a container?)",
		       "pass the device in: docker run --device "
		       "/dev/userfaultfd, readable for uid %u",
		       (unsigned)getuid());
	else if (f->verdict == VERDICT_FAIL)
		remedy(f, "faults in system calls cannot be served",
		       "as root: setfacl -m u:%u:rw /dev/userfaultfd, or "
		       "sysctl vm.unprivileged_userfaultfd=1",
		       (unsigned)getuid());
	close_if_open(device);
	close_if_open(call);
}

void
check_inline(const struct doctor *d, struct finding *f)
{
	int fd = uffd_open(UFFD_OPEN_USER_MODE);
	int r = fd;

	(void)d;
	if (fd >= 0)
		r = uffd_api(fd, UFFD_FEATURE_SIGBUS, NULL);
	close_if_open(fd);
	found(f, r < 0 ? VERDICT_WARN : VERDICT_OK, "%s",
	      r < 0 ? strerror(-r) : "user-mode faults are allowed");
	if (r < 0)
		remedy(f,
		       "libpageout cannot serve faults in the faulting thread",
		       "use the thread mode, or allow the userfaultfd system "
		       "call");
}

/* A userfaultfd of the best kind that is allowed. */
static int
open_any(void)
{
	int fd = uffd_open(0);

	return fd >= 0 ? fd : uffd_open(UFFD_OPEN_USER_MODE);
}

static const struct {
	uint64_t bit;
	const char *name;
	bool required;
} features[] = {
	{UFFD_FEATURE_MOVE, "MOVE", true},
	{UFFD_FEATURE_POISON, "POISON", true},
	{UFFD_FEATURE_SIGBUS, "SIGBUS", false},
	{UFFD_FEATURE_EVENT_UNMAP, "EVENT_UNMAP", false},
	{UFFD_FEATURE_EVENT_REMOVE, "EVENT_REMOVE", false},
	{UFFD_FEATURE_EVENT_REMAP, "EVENT_REMAP", false},
	{UFFD_FEATURE_WP_ASYNC, "WP_ASYNC", false},
};

void
check_features(const struct doctor *d, struct finding *f)
{
	char have[128] = "", lack[128] = "";
	uint64_t known = 0;
	int fd = open_any(), r = fd;

	(void)d;
	if (fd >= 0)
		r = uffd_api(fd, 0, &known);
	close_if_open(fd);
	if (r < 0) {
		found(f, VERDICT_FAIL, "%s", strerror(-r));
		remedy(f, "features cannot be asked for",
		       "allow userfaultfd, as above");
		return;
	}
	f->verdict = VERDICT_OK;
	for (size_t i = 0; i < sizeof(features) / sizeof(*features); i++) {
		add_word(known & features[i].bit ? have : lack, sizeof(have),
		         features[i].name);
		if (!(known & features[i].bit) && f->verdict != VERDICT_FAIL)
			f->verdict = features[i].required ? VERDICT_FAIL
			                                  : VERDICT_WARN;
	}
	found(f, f->verdict, "has%s%s%s", have, *lack != '\0' ? "; lacks" : "",
	      lack);
	remedy(f, "the kernel is too old, or built without them",
	       "use 6.12.101, 6.18.42 or later");
}

/* => NULL, or the step that did not work, with *ret_error */
static const char *
try_move(int fd, char *from, char *to, int *ret_error)
{
	const char *step;

	memset(from, 0x5a, PAGE); /* present before it is registered */
	step = uffd_try(fd, from, ret_error);
	for (unsigned i = 0; step == NULL && i < PAGE; i++)
		if (to[i] != 0x5a)
			step = "contents after the move";
	return step;
}

/*
 * True when a system call refuses the page.
 * => called with SIGBUS as the answer to faults: nobody would serve them
 */
static bool
is_poisoned(const char *page)
{
	int pipes[2];
	ssize_t n;
	int error;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return false;
	n = write(pipes[1], page, 1);
	error = errno;
	(void)close(pipes[0]);
	(void)close(pipes[1]);
	return n < 0 && error == EFAULT;
}

void
check_move(const struct doctor *d, struct finding *f)
{
	int fd = open_any(), error = fd < 0 ? fd : 0;
	const char *step = "userfaultfd";
	char *pages;

	(void)d;
	pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
	             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages != MAP_FAILED) {
		if (fd >= 0)
			error = uffd_api(fd, UFFD_FEATURE_SIGBUS, NULL);
		if (error == 0)
			step = try_move(fd, pages, pages + PAGE, &error);
		if (step == NULL && !is_poisoned(pages))
			step = "access to a poisoned page";
		(void)munmap(pages, 2 * PAGE);
	}
	close_if_open(fd);
	found(f, step == NULL ? VERDICT_OK : VERDICT_FAIL, "%s%s%s",
	      step == NULL ? "one page moved, one page poisoned" : step,
	      step == NULL ? "" : ": ",
	      step == NULL ? ""
	      : error < 0  ? strerror(-error)
	                   : "wrong");
	if (step != NULL)
		remedy(f, "pages cannot be taken from a program safely",
		       "use 6.12.101, 6.18.42 or later, and allow userfaultfd");
}
