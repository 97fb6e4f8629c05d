/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * statfile.c -- one statistics file, read without trusting it.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "tools/stat/statfile.h"

/* Exactly bytes bytes at offset.  => 0, -EIO at the end of the file, -errno */
static int
read_exactly(int fd, void *to, size_t bytes, uint64_t offset)
{
	size_t have = 0;

	while (have < bytes) {
		ssize_t n = pread(fd, (char *)to + have, bytes - have,
		                  (off_t)(offset + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		have += (size_t)n;
	}
	return 0;
}

/* A string that people see: ends, and has only plain ASCII in it. */
static void
clean_text(char *text, size_t bytes)
{
	text[bytes - 1] = '\0';
	for (; *text != '\0'; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

static bool
name_is_plain(const char *name, size_t bytes)
{
	size_t n = strnlen(name, bytes);

	if (n == 0 || n == bytes)
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyz"
	                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == n;
}

/* => NULL, or what is wrong with the header */
static const char *
header_fault(const struct pageout_stat_header *h, uint64_t real_bytes)
{
	uint64_t directory_end;

	if (h->header_bytes < sizeof(*h) ||
	    h->header_bytes > STATFILE_RECORD_BYTES_MAX ||
	    h->header_bytes % 8 != 0)
		return "the size of its header is impossible";
	if (h->entry_bytes < sizeof(struct pageout_stat_entry) ||
	    h->entry_bytes > STATFILE_RECORD_BYTES_MAX ||
	    h->entry_bytes % 8 != 0)
		return "the size of its entries is impossible";
	if (h->entry_count == 0 || h->entry_count > STATFILE_ENTRIES_MAX)
		return "the count of its numbers is impossible";
	if (h->file_bytes > STATFILE_BYTES_MAX || h->file_bytes > real_bytes)
		return "it is shorter than it says, or too long";
	if (h->node_count == 0 || h->node_count > STATFILE_NODES_MAX ||
	    h->node_bytes % 8 != 0)
		return "the count of its nodes is impossible";
	directory_end =
		h->header_bytes + (uint64_t)h->entry_count * h->entry_bytes;
	if (directory_end + 8 > h->file_bytes)
		return "its directory does not fit";
	return NULL;
}

/* => NULL, or what is wrong with the directory that f holds now */
static const char *
directory_fault(struct statfile *f)
{
	const struct pageout_stat_header *h = &f->header;
	uint64_t first =
		h->header_bytes + (uint64_t)h->entry_count * h->entry_bytes;
	uint64_t others = (uint64_t)(h->node_count - 1) * h->node_bytes;
	uint64_t low = h->file_bytes, high = 0;

	for (uint32_t i = 0; i < h->entry_count; i++) {
		struct pageout_stat_entry *e = &f->entries[i];

		if (!name_is_plain(e->name, sizeof(e->name)))
			return "the name of a number is not plain";
		for (uint32_t j = 0; j < i; j++)
			if (strcmp(f->entries[j].name, e->name) == 0)
				return "two numbers have one name";
		if (e->offset % 8 != 0 || e->offset < first ||
		    e->offset + others + 8 > h->file_bytes)
			return "a number lies outside of its place";
		clean_text(e->help, sizeof(e->help));
		low = e->offset < low ? e->offset : low;
		high = e->offset > high ? e->offset : high;
	}
	f->values_at = (uint32_t)low;
	f->values_bytes = (uint32_t)(high + others + 8 - low);
	return NULL;
}

static int
load_directory(struct statfile *f)
{
	const struct pageout_stat_header *h = &f->header;

	must(h->entry_count > 0 && h->entry_count <= STATFILE_ENTRIES_MAX);
	f->entries = calloc(h->entry_count, sizeof(*f->entries));
	f->values = calloc(h->entry_count, sizeof(*f->values));
	if (f->entries == NULL || f->values == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < h->entry_count; i++) {
		uint64_t at = h->header_bytes + (uint64_t)i * h->entry_bytes;
		int r = read_exactly(f->fd, &f->entries[i],
		                     sizeof(f->entries[i]), at);

		if (r < 0)
			return r;
	}
	return 0;
}

static int
load_header(struct statfile *f, const char **ret_why)
{
	struct pageout_stat_header *h = &f->header;
	struct stat st;
	int r;

	if (fstat(f->fd, &st) < 0)
		return -errno;
	*ret_why = "it is not a statistics file";
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(*h))
		return -EBADMSG;
	r = read_exactly(f->fd, h, sizeof(*h), 0);
	if (r < 0)
		return r;
	if (h->magic != PAGEOUT_STAT_MAGIC)
		return -EBADMSG;
	if (h->version != PAGEOUT_STAT_VERSION) {
		*ret_why = "its engine has another version of the layout";
		return -EPROTO;
	}
	*ret_why = header_fault(h, (uint64_t)st.st_size);
	if (*ret_why != NULL)
		return -EBADMSG;
	clean_text(h->command, sizeof(h->command));
	clean_text(h->policy, sizeof(h->policy));
	clean_text(h->mode, sizeof(h->mode));
	return 0;
}

int
statfile_open(struct statfile *ret, int fd, const char **ret_why)
{
	struct statfile f = {.fd = fd, .node = STATFILE_ALL_NODES};
	int r;

	*ret_why = NULL;
	r = load_header(&f, ret_why);
	if (r == 0)
		r = load_directory(&f);
	if (r == 0) {
		*ret_why = directory_fault(&f);
		if (*ret_why != NULL)
			r = -EBADMSG;
	}
	if (r == 0) {
		must(f.values_bytes <= STATFILE_BYTES_MAX);
		f.buffer = malloc(f.values_bytes);
		if (f.buffer == NULL)
			r = -ENOMEM;
	}
	if (r < 0) {
		if (*ret_why == NULL)
			*ret_why = strerror(-r);
		statfile_close(&f);
		return r;
	}
	*ret = f;
	return 0;
}

/* What the buffer says of a node's number, which is at an offset of node 0. */
static uint64_t
node_value(const struct statfile *f, uint32_t offset, uint32_t node)
{
	uint32_t at = offset - f->values_at + node * f->header.node_bytes;
	uint64_t value;

	must(at + 8 <= f->values_bytes);
	memcpy(&value, f->buffer + at, 8);
	return value;
}

/*
 * What is no amount, so that nodes are not added.
 * => *ret_nothing is what says that a node has none
 */
static bool
is_rank(const char *name, uint64_t *ret_nothing)
{
	*ret_nothing = 0;
	if (strcmp(name, "kswapd_highest_zoneidx") == 0)
		*ret_nothing = STATFILE_NO_ZONE;
	return *ret_nothing != 0 || strcmp(name, "kswapd_order") == 0 ||
	       strcmp(name, "kswapd_failures") == 0;
}

/* The largest of a number that any node has. */
static uint64_t
largest_value(const struct statfile *f, uint32_t offset, uint64_t nothing)
{
	uint64_t largest = nothing;

	for (uint32_t i = 0; i < f->header.node_count; i++) {
		uint64_t n = node_value(f, offset, i);

		if (n != nothing && (largest == nothing || n > largest))
			largest = n;
	}
	return largest;
}

static uint64_t
value_of(const struct statfile *f, const struct pageout_stat_entry *e)
{
	uint64_t sum = 0, nothing;

	if (f->node != STATFILE_ALL_NODES)
		return f->node < f->header.node_count
		               ? node_value(f, e->offset, f->node)
		               : 0;
	if (is_rank(e->name, &nothing))
		return largest_value(f, e->offset, nothing);
	for (uint32_t i = 0; i < f->header.node_count; i++)
		sum += node_value(f, e->offset, i);
	return sum;
}

int
statfile_read(struct statfile *f)
{
	uint64_t ended;
	int r;

	r = read_exactly(
		f->fd, &ended, sizeof(ended),
		offsetof(struct pageout_stat_header, ended_boottime_ns));
	if (r == 0)
		r = read_exactly(f->fd, f->buffer, f->values_bytes,
		                 f->values_at);
	if (r < 0)
		return r;
	f->header.ended_boottime_ns = ended;
	for (uint32_t i = 0; i < f->header.entry_count; i++)
		f->values[i] = value_of(f, &f->entries[i]);
	return 0;
}

bool
statfile_value(const struct statfile *f, const char *name, uint64_t *ret_value)
{
	for (uint32_t i = 0; i < f->header.entry_count; i++)
		if (strcmp(f->entries[i].name, name) == 0) {
			*ret_value = f->values[i];
			return true;
		}
	return false;
}

void
statfile_close(struct statfile *f)
{
	if (f->fd >= 0)
		(void)close(f->fd);
	free(f->entries);
	free(f->values);
	free(f->buffer);
	*f = (struct statfile){.fd = -1};
}
