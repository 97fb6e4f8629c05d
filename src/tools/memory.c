/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory.c -- how much memory there is for a program.
 *
 *	/proc/meminfo             MemTotal, MemAvailable
 *	/proc/self/cgroup         our group, version 2 ("0::/a/b") or 1
 *	/sys/fs/cgroup/a/b, /a    limit and use of each group up to the top
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pageout/pageout.h"
#include "tools/memory.h"

#define STEP_BYTES ((uint64_t)2 << 20)

/* Files of a group, by the version of control groups. */
struct layout {
	const char *mount, *limit, *use, *cache;
};

static const struct layout version_2 = {"/sys/fs/cgroup", "memory.max",
                                        "memory.current", "inactive_file"};
static const struct layout version_1 = {
	"/sys/fs/cgroup/memory", "memory.limit_in_bytes",
	"memory.usage_in_bytes", "total_inactive_file"};

static FILE *
open_file(const char *a, const char *b, const char *c, const char *d)
{
	char path[4096];
	int n;

	n = snprintf(path, sizeof(path), "%s%s%s%s%s", a, b, c,
	             *d != '\0' ? "/" : "", d);
	return n < (int)sizeof(path) ? fopen(path, "re") : NULL;
}

/* The number behind key at the start of a line; key "": the first word.
 * => false: no such line, or no number ("max") */
static bool
number_of(FILE *f, const char *key, uint64_t *ret)
{
	size_t length = strlen(key);
	char line[256], *end;
	uint64_t n;

	if (f == NULL)
		return false;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, key, length) != 0 ||
		    (length > 0 && line[length] != ' ' && line[length] != ':'))
			continue;
		errno = 0;
		n = strtoull(line + length + (length > 0), &end, 10);
		(void)fclose(f);
		if (errno != 0 || end == line + length + (length > 0))
			return false;
		*ret = n;
		return true;
	}
	(void)fclose(f);
	return false;
}

/* One group takes its part. */
static void
apply_group(const char *root, const struct layout *l, const char *group,
            struct memory_room *room)
{
	char base[4096];
	uint64_t limit, use = 0, cache = 0, left;

	(void)snprintf(base, sizeof(base), "%s%s", root, l->mount);
	if (!number_of(open_file(base, group, "", l->limit), "", &limit))
		return;
	(void)number_of(open_file(base, group, "", l->use), "", &use);
	(void)number_of(open_file(base, group, "", "memory.stat"), l->cache,
	                &cache);
	use -= cache < use ? cache : use;
	left = use < limit ? limit - use : 0;
	if (limit < room->total_bytes) {
		room->total_bytes = limit;
		room->is_limited = true;
	}
	if (left < room->free_bytes) {
		room->free_bytes = left;
		room->is_limited = true;
	}
}

/* Our group and all above it. */
static void
apply_groups(const char *root, struct memory_room *room)
{
	const struct layout *l = NULL;
	char line[1024], group[1024] = "";
	FILE *f = open_file(root, "/proc/self/cgroup", "", "");

	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		char *path = strchr(line, '/');
		bool is_v1 = strstr(line, ":memory:") != NULL;

		line[strcspn(line, "\n")] = '\0';
		if (path == NULL || (!is_v1 && strncmp(line, "0::", 3) != 0))
			continue;
		if (l == &version_1)
			continue; /* where both are, version 1 has memory */
		l = is_v1 ? &version_1 : &version_2;
		(void)snprintf(group, sizeof(group), "%s", path);
	}
	(void)fclose(f);
	if (l == NULL)
		return;
	for (;;) {
		char *slash;

		apply_group(root, l, group, room);
		slash = strrchr(group, '/');
		if (slash == NULL)
			break; /* that was the top */
		*slash = '\0';
	}
}

int
memory_room(const char *root, struct memory_room *ret)
{
	struct memory_room room = {0};
	FILE *f = open_file(root, "/proc/meminfo", "", "");

	if (!number_of(f, "MemTotal", &room.total_bytes) ||
	    !number_of(open_file(root, "/proc/meminfo", "", ""), "MemAvailable",
	               &room.free_bytes))
		return -ENOENT;
	room.total_bytes *= 1024;
	room.free_bytes *= 1024;
	apply_groups(root, &room);
	*ret = room;
	return 0;
}

uint64_t
memory_budget(const struct memory_room *room)
{
	uint64_t bytes = room->free_bytes / 2 / STEP_BYTES * STEP_BYTES;

	return bytes < PAGEOUT_MEM_BYTES_MIN ? PAGEOUT_MEM_BYTES_MIN : bytes;
}
