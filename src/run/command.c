/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * command.c -- which file a command is, and whether it can be managed.
 *
 * The agent comes into a program by way of the dynamic loader.  A program
 * without one (a static binary), one of another architecture, and one for which
 * the loader ignores LD_PRELOAD (setuid) run as they would without us.  For a
 * script it is the interpreter that counts.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "run/run.h"

#if defined(__x86_64__)
#define ELF_OURS EM_X86_64
#elif defined(__aarch64__)
#define ELF_OURS EM_AARCH64
#else
#define ELF_OURS EM_NONE
#endif

enum { SCRIPTS_MAX = 4 };

/* Look at an ELF file whose header has been read. */
static const char *
inspect_elf(int fd, const Elf64_Ehdr *h)
{
	Elf64_Phdr p;

	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_machine != ELF_OURS)
		return "it is of another architecture";
	for (unsigned i = 0; i < h->e_phnum && i < 256; i++) {
		off_t at = (off_t)(h->e_phoff + (uint64_t)i * h->e_phentsize);

		if (pread(fd, &p, sizeof(p), at) != sizeof(p))
			return NULL;
		if (p.p_type == PT_INTERP)
			return NULL;
	}
	return "it is statically linked";
}

/* Why the loader would not load the agent, by the file's rights. */
static const char *
inspect_rights(int fd)
{
	struct stat st;
	char value[64];

	if (fstat(fd, &st) < 0)
		return NULL;
	if (((st.st_mode & S_ISUID) && st.st_uid != geteuid()) ||
	    ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) &&
	     st.st_gid != getegid()))
		return "it is setuid or setgid";
	if (geteuid() != 0 &&
	    fgetxattr(fd, "security.capability", value, sizeof(value)) > 0)
		return "it has file capabilities";
	return NULL;
}

/*
 * Look at the file at path; if it is a script, put its interpreter there.
 * => returns true to look again
 */
static bool
inspect(char *path, size_t bytes, const char **ret_why)
{
	union {
		Elf64_Ehdr elf;
		char text[256];
	} head = {.text = {0}};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, &head, sizeof(head) - 1);
	if (n >= (ssize_t)sizeof(head.elf) &&
	    memcmp(head.elf.e_ident, ELFMAG, SELFMAG) == 0) {
		*ret_why = inspect_elf(fd, &head.elf);
		if (*ret_why == NULL)
			*ret_why = inspect_rights(fd);
	}
	(void)close(fd);
	if (n > 2 && head.text[0] == '#' && head.text[1] == '!') {
		char *start = head.text + 2;

		start += strspn(start, " \t");
		start[strcspn(start, " \t\n")] = '\0';
		return snprintf(path, bytes, "%s", start) < (int)bytes;
	}
	return false;
}

/* => 0, or an errno: why this file cannot be run */
static int
check_file(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	if (access(path, X_OK) < 0 || !S_ISREG(st.st_mode))
		return EACCES;
	return 0;
}

/* => 0, or an errno */
static int
find_in_path(char *path, size_t bytes, const char *name)
{
	const char *dirs = getenv("PATH");
	int error = ENOENT;

	if (dirs == NULL)
		dirs = "/bin:/usr/bin";
	for (;;) {
		size_t n = strcspn(dirs, ":");
		int r;

		if (snprintf(path, bytes, "%.*s%s%s", (int)n, dirs,
		             n > 0 ? "/" : "", name) < (int)bytes) {
			r = check_file(path);
			if (r == 0)
				return 0;
			if (r == EACCES)
				error = r;
		}
		if (dirs[n] == '\0')
			return error;
		dirs += n + 1;
	}
}

int
command_find(struct command *ret, const char *name, const char **ret_why)
{
	char path[sizeof(ret->path)];
	int error;

	ret->unmanaged = NULL;
	if (name[0] == '\0' || strlen(name) >= sizeof(ret->path))
		error = ENOENT;
	else if (strchr(name, '/') == NULL)
		error = find_in_path(ret->path, sizeof(ret->path), name);
	else {
		memcpy(ret->path, name, strlen(name) + 1);
		error = check_file(name);
	}
	if (error != 0) {
		bool missing = error == ENOENT || error == ENOTDIR;

		*ret_why = missing ? "command not found" : strerror(error);
		return missing ? RUN_NOT_FOUND : RUN_NOT_EXECUTABLE;
	}
	memcpy(path, ret->path, sizeof(path));
	for (int i = 0; i < SCRIPTS_MAX; i++)
		if (!inspect(path, sizeof(path), &ret->unmanaged))
			break;
	return 0;
}
