/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * input.c -- bytes of a file or a pipe, a part at a time.
 */
#include "trace/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "trace/build.h"

int
input_open(struct input *in, const char *path)
{
	struct stat st;

	in->ended = false;
	in->at = in->end = 0;
	in->line = 0;
	in->scratch = -1;
	in->map = NULL;
	in->fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO)
	                                : open(path, O_RDONLY | O_CLOEXEC);
	if (in->fd < 0)
		return -errno;
	return fstat(in->fd, &st) == 0 && S_ISDIR(st.st_mode) ? -EISDIR : 0;
}

void
input_close(struct input *in)
{
	if (in->map != NULL)
		(void)munmap(in->map, in->map_bytes);
	if (in->scratch >= 0)
		(void)close(in->scratch);
	if (in->fd >= 0)
		(void)close(in->fd);
}

int
input_fill(struct input *in, size_t want)
{
	must(want <= INPUT_BYTES);
	while (in->end - in->at < want && !in->ended) {
		ssize_t n;

		memmove(in->bytes, in->bytes + in->at, in->end - in->at);
		in->end -= in->at;
		in->at = 0;
		n = read(in->fd, in->bytes + in->end, INPUT_BYTES - in->end);
		if (n < 0 && errno != EINTR)
			return -errno;
		in->ended = n == 0;
		in->end += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* What is before at has been used. */
static int
line_is(struct input *in, size_t bytes, size_t end, const char **ret_line,
        size_t *ret_bytes)
{
	const char *line = in->bytes + in->at;

	in->line++;
	in->at += end;
	if (bytes > 0 && line[bytes - 1] == '\r')
		bytes--;
	*ret_line = line;
	*ret_bytes = bytes;
	return 1;
}

int
input_line(struct input *in, const char **ret_line, size_t *ret_bytes)
{
	for (size_t seen = 0;;) {
		const char *line = in->bytes + in->at;
		size_t n = in->end - in->at;
		const char *stop = memchr(line + seen, '\n', n - seen);
		int r;

		if (stop != NULL) {
			size_t bytes = (size_t)(stop - line);

			return line_is(in, bytes, bytes + 1, ret_line,
			               ret_bytes);
		}
		if (in->ended)
			return n == 0 ? 0
			              : line_is(in, n, n, ret_line, ret_bytes);
		if (n == INPUT_BYTES)
			return -E2BIG;
		seen = n;
		r = input_fill(in, n + 1);
		if (r < 0)
			return r;
	}
}

/* -- as a whole ----------------------------------------------------------- */

/* A pipe cannot be mapped: what comes out of it goes to a file. */
static int
input_copy(struct input *in, char *why)
{
	in->scratch = scratch_open(why);
	if (in->scratch < 0)
		return in->scratch;
	for (;;) {
		int r = input_fill(in, 1);
		ssize_t n;

		if (r < 0 || in->at == in->end)
			return r;
		n = write(in->scratch, in->bytes + in->at, in->end - in->at);
		if (n < 0 && errno != EINTR)
			return -errno;
		in->at += n > 0 ? (size_t)n : 0;
	}
}

int
input_map(struct input *in, char *why)
{
	struct stat st;
	int fd = in->fd;

	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		int r = input_copy(in, why);

		if (r < 0)
			return r;
		fd = in->scratch;
	}
	if (fstat(fd, &st) < 0)
		return -errno;
	in->map_bytes = (size_t)st.st_size;
	in->map = mmap(NULL, in->map_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	if (in->map != MAP_FAILED)
		return 0;
	in->map = NULL;
	return -errno;
}
