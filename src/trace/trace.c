/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.c -- a trace from its beginning to its end: which format it is of, the
 * index of next uses, the memory that it is mapped in.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bits.h"
#include "trace/next.h"
#include "trace/readers.h"

#define LOOK_AT 4096 /* bytes, when a format is to be recognised */

/* Text is tried last; what looks like none of the others is CSV. */
static const struct {
	const char *name, *help;
	trace_reader *read;
	bool (*is_likely)(const char *bytes, size_t n);
	bool is_text;
} formats[] = {
	{"record", "what pageout run --record wrote: its faults", record_read,
         record_is_likely, false},
	{"lackey", "valgrind --tool=lackey --trace-mem=yes", lackey_read,
         lackey_is_likely, true},
	{"csv", "a page or address a line, and r or w", csv_read, NULL, true},
	{"oracleGeneral", "libCacheSim's, 24 bytes an access", oracle_read,
         oracle_is_likely, false},
};

const char *
trace_format_name(unsigned i, const char **ret_help)
{
	if (i >= ARRAY_SIZE(formats))
		return NULL;
	*ret_help = formats[i].help;
	return formats[i].name;
}

/* -- which format --------------------------------------------------------- */

static const struct {
	const char *magic, *tool;
	size_t bytes;
} packers[] = {
	{"\x28\xb5\x2f\xfd", "zstd", 4},
	{"\x1f\x8b", "gzip", 2},
	{"\xfd"
         "7zXZ",
         "xz", 5},
	{"BZh", "bzip2", 3},
};

static bool
is_text(const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (c == 0x7f ||
		    (c < ' ' && c != '\n' && c != '\r' && c != '\t'))
			return false;
	}
	return true;
}

/* => a number of formats[], or a negative errno */
static int
recognise(const struct input *in, struct build *b)
{
	const char *bytes = in->bytes + in->at;
	size_t n = in->end - in->at < LOOK_AT ? in->end - in->at : LOOK_AT;
	bool text = is_text(bytes, n);

	if (n == 0)
		return build_fail(b, -ENODATA, "it is empty");
	for (unsigned i = 0; i < ARRAY_SIZE(packers); i++)
		if (n >= packers[i].bytes &&
		    memcmp(bytes, packers[i].magic, packers[i].bytes) == 0)
			return build_fail(b, -EINVAL,
			                  "it is packed: %s -dc FILE | pageout "
			                  "sim -",
			                  packers[i].tool);
	for (unsigned i = 0; i < ARRAY_SIZE(formats); i++)
		if (text == formats[i].is_text &&
		    (formats[i].is_likely == NULL ||
		     formats[i].is_likely(bytes, n)))
			return (int)i;
	return build_fail(b, -EINVAL,
	                  "its format is not recognised; --format says which "
	                  "it is");
}

/* By name, or by contents.  => a number of formats[], or a negative errno */
static int
choose(const struct input *in, struct build *b, const char *name)
{
	if (name == NULL)
		return recognise(in, b);
	for (unsigned i = 0; i < ARRAY_SIZE(formats); i++)
		if (strcmp(name, formats[i].name) == 0)
			return (int)i;
	return build_fail(b, -EINVAL, "no such format: %.40s", name);
}

/* -- reading -------------------------------------------------------------- */

static int
read_all(struct build *b, struct input *in, const char *path,
         const char *format)
{
	int r = input_open(in, path), chosen;

	if (r == 0)
		r = input_fill(in, LOOK_AT);
	if (r < 0)
		return build_fail(b, r, "%s", strerror(-r));
	chosen = choose(in, b, format);
	if (chosen < 0)
		return chosen;
	r = formats[chosen].read(in, b);
	return r < 0 ? r : build_end(b);
}

int
trace_read(struct trace *t, const char *path, const char *format,
           char why[static TRACE_WHY_BYTES])
{
	struct input *in = malloc(sizeof(*in));
	struct build *b = malloc(sizeof(*b));
	int r = -ENOMEM;

	*t = (struct trace){0};
	if (in == NULL || b == NULL) {
		(void)snprintf(why, TRACE_WHY_BYTES, "no memory");
	} else {
		r = build_start(b, t, why);
		if (r == 0) {
			r = read_all(b, in, path, format);
			input_close(in);
		}
		build_free(b);
	}
	free(in);
	free(b);
	return r;
}

int
trace_next(struct trace *t, char why[static TRACE_WHY_BYTES])
{
	size_t bytes = t->accesses * sizeof(*t->next);
	void *at = MAP_FAILED;
	int fd, r = 0;

	if (t->next != NULL)
		return 0;
	fd = scratch_open(why);
	if (fd < 0)
		return fd;
	errno = posix_fallocate(fd, 0, (off_t)bytes);
	if (errno == 0)
		at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		          0);
	if (at != MAP_FAILED)
		r = next_uses(t->access, t->accesses, t->numbers, at);
	if (at == MAP_FAILED || r < 0) {
		r = r < 0 ? r : -errno;
		(void)snprintf(why, TRACE_WHY_BYTES,
		               "the index of next uses, %zu bytes: %s", bytes,
		               strerror(-r));
	} else {
		t->next = at;
	}
	(void)close(fd);
	return r;
}

void
trace_close(struct trace *t)
{
	size_t bytes = t->accesses * sizeof(uint32_t);

	if (t->access != NULL)
		(void)munmap((void *)(uintptr_t)t->access, bytes);
	if (t->next != NULL)
		(void)munmap((void *)(uintptr_t)t->next, bytes);
	*t = (struct trace){0};
}
