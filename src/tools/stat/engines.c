/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * engines.c -- the engines that run on this machine, as /proc shows them.
 *
 *	/proc/PID/fd/N -> "/memfd:pageout-stat (deleted)"
 *
 * Which of the processes that hold a file is the engine's?  The one whose
 * innermost process id (NSpid in its status) is the one that the header names:
 * the engine may live in a container and count processes on its own.
 *
 * A descriptor may change between the look at its name and the opening, so it
 * is opened with O_PATH first, which touches nothing, and for reading only if
 * it is a regular file.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/stat/engines.h"

#define LINK_TEXT "/memfd:" PAGEOUT_STAT_FILE " (deleted)"

/* A directory name as a process id.  => 0: it is not one */
static pid_t
pid_from_name(const char *name)
{
	long pid = 0;

	for (; *name != '\0'; name++) {
		if (!isdigit((unsigned char)*name) || pid > 100000000)
			return 0;
		pid = pid * 10 + (*name - '0');
	}
	return (pid_t)pid;
}

/* The process id of pid in its own namespace.  => 0: gone, or not known */
static uint32_t
inner_pid(pid_t pid)
{
	char path[64], line[512];
	uint32_t inner = (uint32_t)pid;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		char *last;

		if (strncmp(line, "NSpid:", 6) != 0)
			continue;
		last = strrchr(line, '\t');
		if (last != NULL)
			inner = (uint32_t)strtoul(last + 1, NULL, 10);
		break;
	}
	(void)fclose(f);
	return inner;
}

/* Open descriptor `name` of the directory for reading, if it is a file.
 * => a descriptor, or a negative errno */
static int
open_regular(int dir_fd, const char *name, struct stat *ret_st)
{
	char path[64];
	int fd, path_fd;

	path_fd = openat(dir_fd, name, O_PATH | O_CLOEXEC);
	if (path_fd < 0)
		return -errno;
	fd = -EBADMSG;
	if (fstat(path_fd, ret_st) == 0 && S_ISREG(ret_st->st_mode)) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			fd = -errno;
	}
	(void)close(path_fd);
	return fd;
}

/* The engine with this file, or a new one for it; NULL: no room. */
static struct engine *
engine_for(struct engines *e, const struct stat *st)
{
	struct engine *more;

	for (unsigned i = 0; i < e->count; i++)
		if (e->list[i].ino == st->st_ino &&
		    e->list[i].dev == st->st_dev)
			return &e->list[i];
	if (e->count == ENGINES_MAX)
		return NULL;
	more = reallocarray(e->list, e->count + 1, sizeof(*more));
	if (more == NULL)
		return NULL;
	e->list = more;
	more += e->count++;
	*more = (struct engine){
		.file.fd = -1, .dev = st->st_dev, .ino = st->st_ino};
	return more;
}

/* Descriptor `name` of process pid is a statistics file by its name. */
static int
take_file(struct engines *e, int dir_fd, const char *name, pid_t pid,
          bool is_wanted)
{
	struct engine *engine;
	const char *why;
	struct stat st = {0};
	int fd, r;

	fd = open_regular(dir_fd, name, &st);
	if (fd < 0)
		return 0; /* closed meanwhile, or not what it said */
	engine = engine_for(e, &st);
	if (engine == NULL) {
		(void)close(fd);
		return -ENOMEM;
	}
	if (engine->file.fd >= 0) {
		(void)close(fd);
	} else {
		r = statfile_open(&engine->file, fd, &why);
		if (r == 0)
			r = statfile_read(&engine->file);
		if (r < 0) {
			statfile_close(&engine->file);
			e->count--; /* it is the last: it was new */
			e->broken++;
			if (e->broken_why == NULL || is_wanted)
				e->broken_why = why;
			return r == -ENOMEM ? r : 0;
		}
	}
	engine->is_wanted |= is_wanted;
	if (engine->pid == 0 && inner_pid(pid) == engine->file.header.pid)
		engine->pid = pid;
	return 0;
}

static int
scan_process(struct engines *e, int proc_fd, pid_t pid, bool is_wanted)
{
	char path[64], target[sizeof(LINK_TEXT) + 1];
	struct dirent *entry;
	int fd, r = 0;
	ssize_t n;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%d/fd", (int)pid);
	e->wanted_exists |= is_wanted;
	fd = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		if (errno == EACCES || errno == EPERM) {
			e->denied++;
			e->wanted_denied |= is_wanted;
		}
		return 0; /* else it is gone */
	}
	dir = fdopendir(fd);
	if (dir == NULL) {
		(void)close(fd);
		return -ENOMEM;
	}
	while (r == 0 && (entry = readdir(dir)) != NULL) {
		n = readlinkat(fd, entry->d_name, target, sizeof(target));
		if (n == (ssize_t)sizeof(LINK_TEXT) - 1 &&
		    memcmp(target, LINK_TEXT, (size_t)n) == 0)
			r = take_file(e, fd, entry->d_name, pid, is_wanted);
	}
	(void)closedir(dir);
	return r;
}

static int
by_pid(const void *a, const void *b)
{
	const struct engine *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

int
engines_find(struct engines *ret, pid_t wanted)
{
	struct engines e = {0};
	struct dirent *entry;
	DIR *proc;
	pid_t pid;
	int r = 0;

	proc = opendir("/proc");
	if (proc == NULL)
		return -errno;
	while (r == 0 && (entry = readdir(proc)) != NULL) {
		pid = pid_from_name(entry->d_name);
		if (pid != 0)
			r = scan_process(&e, dirfd(proc), pid, pid == wanted);
	}
	(void)closedir(proc);
	if (r < 0) {
		engines_free(&e);
		return r;
	}
	if (e.count > 1)
		qsort(e.list, e.count, sizeof(*e.list), by_pid);
	*ret = e;
	return 0;
}

void
engines_free(struct engines *e)
{
	for (unsigned i = 0; i < e->count; i++)
		statfile_close(&e->list[i].file);
	free(e->list);
	*e = (struct engines){0};
}

bool
engine_is_running(const struct engine *e)
{
	return e->pid != 0 && e->file.header.ended_boottime_ns == 0;
}
