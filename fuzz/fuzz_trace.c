/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_trace.c -- any bytes as a trace.
 *
 * Laws: they are read to their end or refused with a reason, whatever format
 * they are said to be of; and then every page has a number below the last, and
 * every next use is one.  Records are fuzz_record's.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "trace/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct trace *t)
{
	char why[TRACE_WHY_BYTES];

	must(t->accesses > 0 && t->pages > 0 && t->pages <= t->numbers);
	must(trace_next(t, why) == 0);
	for (uint64_t i = 0; i < t->accesses; i++) {
		uint32_t page = access_page(t->access[i]), next = t->next[i];

		must(page < t->numbers);
		must(next == TRACE_NEVER ||
		     (next > i && next < t->accesses &&
		      access_page(t->access[next]) == page));
	}
}

static void
read_as(const char *path, const char *format)
{
	char why[TRACE_WHY_BYTES] = "";
	struct trace t;
	int r = trace_read(&t, path, format, why);

	must((r < 0) == (why[0] != '\0'));
	for (const char *c = why; *c != '\0'; c++)
		must(*c >= ' ' && *c <= '~');
	if (r == 0)
		check(&t);
	trace_close(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const formats[] = {"csv", "lackey", "oracleGeneral"};
	int fd = memfd_create("trace", MFD_CLOEXEC);
	char path[40];

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (size < 8 || memcmp(data, "pgrecord", 8) != 0)
		read_as(path, NULL);
	for (unsigned i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		read_as(path, formats[i]);
	(void)close(fd);
	return 0;
}
