/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parts.c -- where the libraries are that pageout run loads into a program.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "tools/parts.h"

#define AGENT "libpageout-agent.so"
#define JEMALLOC "libjemalloc.so.2"

/* The format's result is the path of a file that can be read. */
__attribute__((format(printf, 2, 3))) static bool
is_there(char path[static PART_PATH_BYTES], const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(path, PART_PATH_BYTES, format, args);
	va_end(args);
	return n > 0 && n < PART_PATH_BYTES && access(path, R_OK) == 0;
}

static bool
find_agent(char path[static PART_PATH_BYTES])
{
	char self[PART_PATH_BYTES];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n > 0) {
		self[n] = '\0';
		*strrchr(self, '/') = '\0';
		if (is_there(path, "%s/" AGENT, self) ||
		    is_there(path, "%s/../" PAGEOUT_LIBDIR "/pageout/" AGENT,
		             self))
			return true;
	}
	return is_there(path, "%s", PAGEOUT_AGENT_DIR "/" AGENT);
}

static bool
find_jemalloc(char path[static PART_PATH_BYTES])
{
	static const char *const dirs[] = {
		"/usr/local/lib",
#if defined(__x86_64__)
		"/usr/lib/x86_64-linux-gnu",
#elif defined(__aarch64__)
		"/usr/lib/aarch64-linux-gnu",
#endif
		"/usr/lib64",
		"/usr/lib",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(dirs); i++)
		if (is_there(path, "%s/" JEMALLOC, dirs[i]))
			return true;
	return false;
}

int
part_find(enum part part, char path[static PART_PATH_BYTES])
{
	bool there =
		part == PART_AGENT ? find_agent(path) : find_jemalloc(path);

	if (there)
		return 0;
	*path = '\0';
	return -ENOENT;
}
