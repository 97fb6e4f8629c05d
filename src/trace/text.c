/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.c -- traces that people can read: CSV, and valgrind's lackey.
 *
 * CSV: a line an access, columns between commas.  A first line of names says
 * which column is which: "page" (a number) or "address" (of a byte), and maybe
 * "op" (r, w, read, write); others are passed over.  Without it the first
 * column is the page and the second, if there is one, the op.  Empty lines and
 * those that begin with # are comments.  A field may stand in quotes, in which
 * a comma is no end, on its own line; UTF-8 may begin with its mark.
 *
 * Lackey, with --trace-mem=yes: "I  ADDRESS,SIZE", " L ...", " S ...", " M ..."
 * for instructions, loads, stores and both; addresses are hexadecimal.  An
 * access that crosses into another page is one of each page.  Lines of valgrind
 * itself begin with == or -- and are passed over.
 */
#include <errno.h>
#include <string.h>

#include "trace/readers.h"

#define COLUMNS_MAX 64
#define UTF8_MARK "\xef\xbb\xbf"

int
line_fail(const struct input *in, struct build *b, int r)
{
	if (r == -E2BIG)
		return build_fail(b, r, "line %ju has no end: this is no text",
		                  (uintmax_t)in->line + 1);
	return build_fail(b, r, "%s, after line %ju", strerror(-r),
	                  (uintmax_t)in->line);
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

bool
number_read(const char **at, const char *end, unsigned base, uint64_t *ret)
{
	const char *p = *at;
	uint64_t n = 0;
	bool any = false;

	if (end - p > 2 && p[0] == '0' && (p[1] | 0x20) == 'x') {
		base = 16;
		p += 2;
	}
	for (; p < end && (unsigned)digit(*p) < base; p++) {
		unsigned d = (unsigned)digit(*p);

		if (n > (UINT64_MAX - d) / base)
			return false;
		n = n * base + d;
		any = true;
	}
	*at = p;
	*ret = n;
	return any;
}

/* -- CSV ------------------------------------------------------------------ */

/* Text between commas, without blanks and quotes around it. */
struct field {
	const char *text;
	size_t bytes;
};

struct columns {
	unsigned page, op; /* which they are; COLUMNS_MAX: there is none */
	bool is_address;
	bool known;
};

/* The quote that ends the field at start, where two are one.  => NULL: none */
static const char *
closing_quote(const char *start, const char *end)
{
	const char *at = start;

	while ((at = memchr(at, '"', (size_t)(end - at))) != NULL &&
	       at + 1 < end && at[1] == '"')
		at += 2;
	return at;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * The field at *at, which goes on behind its comma.  What begins with a quote
 * and does not end with one keeps them: it is no number and no word of ours.
 */
static struct field
field_next(const char **at, const char *end)
{
	const char *start = *at, *stop = NULL, *last = NULL;

	while (start < end && is_blank(*start))
		start++;
	if (start == end || *start != '"')
		stop = memchr(start, ',', (size_t)(end - start));
	else if ((last = closing_quote(start + 1, end)) != NULL)
		stop = memchr(last, ',', (size_t)(end - last));
	if (stop == NULL)
		stop = end;
	*at = stop < end ? stop + 1 : end;
	while (stop > start && is_blank(stop[-1]))
		stop--;
	if (last != NULL && last + 1 == stop) {
		start++;
		stop--;
	}
	return (struct field){start, (size_t)(stop - start)};
}

static bool
field_is(struct field f, const char *word)
{
	return f.bytes == strlen(word) &&
	       strncasecmp(f.text, word, f.bytes) == 0;
}

/* The first line: names, or an access already.  => 1 for names, or 0 */
static int
columns_read(const struct input *in, struct build *b, const char *line,
             size_t bytes, struct columns *c)
{
	const char *at = line, *end = line + bytes;
	struct field first = field_next(&at, end);

	*c = (struct columns){.op = 1, .known = true};
	if (first.bytes > 0 && digit(*first.text) < 10)
		return 0;
	at = line;
	*c = (struct columns){COLUMNS_MAX, COLUMNS_MAX, .known = true};
	for (unsigned i = 0; at < end && i < COLUMNS_MAX; i++) {
		struct field f = field_next(&at, end);

		if (field_is(f, "page") || field_is(f, "address")) {
			c->page = i;
			c->is_address = field_is(f, "address");
		} else if (field_is(f, "op")) {
			c->op = i;
		}
	}
	if (c->page == COLUMNS_MAX)
		return build_fail(b, -EINVAL,
		                  "line %ju: '%s' is no access, and no column "
		                  "of it is named page or address",
		                  (uintmax_t)in->line, shown(line, bytes).text);
	return 1;
}

static int
op_read(struct field f)
{
	if (field_is(f, "r") || field_is(f, "read"))
		return 0;
	return field_is(f, "w") || field_is(f, "write") ? 1 : -1;
}

static int
csv_access(const struct input *in, struct build *b, const struct columns *c,
           const char *line, size_t bytes)
{
	const char *at = line, *end = line + bytes, *digits;
	struct field page = {0}, op = {0};
	uint64_t key;
	int write = 0;

	for (unsigned i = 0; at < end && (i <= c->page || i <= c->op); i++) {
		struct field f = field_next(&at, end);

		if (i == c->page)
			page = f;
		if (i == c->op)
			op = f;
	}
	digits = page.text;
	if (page.bytes == 0 ||
	    !number_read(&digits, page.text + page.bytes, 10, &key) ||
	    digits != page.text + page.bytes)
		return build_fail(
			b, -EINVAL,
			"line %ju: '%s' is no %s: a number of at most "
			"64 bits, decimal or with 0x, is wanted",
			(uintmax_t)in->line, shown(page.text, page.bytes).text,
			c->is_address ? "address" : "page");
	if (op.text != NULL)
		write = op_read(op);
	if (write < 0)
		return build_fail(
			b, -EINVAL, "line %ju: '%s' is no op: r or w is wanted",
			(uintmax_t)in->line, shown(op.text, op.bytes).text);
	return build_add(b, c->is_address ? key >> TRACE_PAGE_SHIFT : key,
	                 write);
}

int
csv_read(struct input *in, struct build *b)
{
	struct columns c = {0};
	const char *line;
	size_t bytes;
	int r;

	while ((r = input_line(in, &line, &bytes)) > 0) {
		if (in->line == 1 && bytes >= 3 &&
		    memcmp(line, UTF8_MARK, 3) == 0) {
			line += 3;
			bytes -= 3;
		}
		if (bytes == 0 || *line == '#')
			continue;
		r = c.known ? 0 : columns_read(in, b, line, bytes, &c);
		if (r == 0)
			r = csv_access(in, b, &c, line, bytes);
		if (r < 0)
			return r;
	}
	return r < 0 ? line_fail(in, b, r) : 0;
}

/* -- lackey --------------------------------------------------------------- */

static bool
is_of_valgrind(const char *line, size_t bytes)
{
	return bytes == 0 || (bytes >= 2 && line[0] == line[1] &&
	                      (line[0] == '=' || line[0] == '-'));
}

/* => the kind of access of a line, or 0 */
static char
lackey_kind(const char *line, size_t bytes)
{
	if (bytes < 4 || line[2] != ' ')
		return 0;
	if (line[0] == 'I' && line[1] == ' ')
		return 'I';
	return line[0] == ' ' && strchr("LSM", line[1]) != NULL ? line[1] : 0;
}

bool
lackey_is_likely(const char *bytes, size_t n)
{
	const char *end = bytes + n;

	while (bytes < end) {
		const char *stop = memchr(bytes, '\n', (size_t)(end - bytes));
		size_t line = (size_t)((stop != NULL ? stop : end) - bytes);

		if (!is_of_valgrind(bytes, line))
			return lackey_kind(bytes, line) != 0;
		bytes += line + 1;
	}
	return false;
}

static int
lackey_access(const struct input *in, struct build *b, const char *line,
              size_t bytes)
{
	const char *at = line + 3, *end = line + bytes;
	char kind = lackey_kind(line, bytes);
	uint64_t address, size, page, last;
	int r = 0;

	while (at < end && *at == ' ')
		at++;
	if (kind == 0 || !number_read(&at, end, 16, &address) || at == end ||
	    *at++ != ',' || !number_read(&at, end, 10, &size) || at != end ||
	    size == 0 || size > 1u << 20 || address > UINT64_MAX - size)
		return build_fail(
			b, -EINVAL,
			"line %ju: '%s' is no access of lackey; "
			"valgrind's --log-file keeps what the program "
			"prints apart",
			(uintmax_t)in->line, shown(line, bytes).text);
	page = address >> TRACE_PAGE_SHIFT;
	last = (address + size - 1) >> TRACE_PAGE_SHIFT;
	for (; page <= last && r == 0; page++)
		r = build_add(b, page, kind == 'S' || kind == 'M');
	return r;
}

int
lackey_read(struct input *in, struct build *b)
{
	const char *line;
	size_t bytes;
	int r;

	while ((r = input_line(in, &line, &bytes)) > 0) {
		if (is_of_valgrind(line, bytes))
			continue;
		r = lackey_access(in, b, line, bytes);
		if (r < 0)
			return r;
	}
	return r < 0 ? line_fail(in, b, r) : 0;
}
