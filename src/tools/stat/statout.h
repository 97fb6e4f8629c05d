/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * statout.h -- how pageout stat shows numbers.
 *
 * Columns keep their place and width from one line to the next.  Everything
 * goes to a stream; errors stay in it.
 */
#ifndef TOOLS_STATOUT_H
#define TOOLS_STATOUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/stat/engines.h"

/* How to show. */
struct stat_view {
	bool json;      /* one object a line */
	bool raw;       /* exact numbers */
	unsigned level; /* numbers up to this level */
	FILE *out;
};

/* What to show: one engine, now and, for rates, some time before. */
struct stat_sample {
	const struct engine *now;
	const struct engine *before; /* NULL: no rates */
	uint64_t elapsed_ns;         /* from before to now */
};

/*
 * A counter by name: what it grew by in a second, or what it is when there is
 * no sample before.
 * => false when the engine does not have it; *ret is 0 then
 */
bool statout_growth(const struct stat_sample *s, const char *name,
                    uint64_t *ret);

/* Who it is, in two lines; or as the beginning of a JSON object. */
void statout_title(FILE *out, const struct stat_sample *s);
void statout_json_head(FILE *out, const struct stat_sample *s);

/* Every number that this version knows, with its meaning. */
void statout_list(const struct stat_view *v);

/* One line an engine, below a line of headings. */
void statout_heading(const struct stat_view *v, bool rates);
void statout_line(const struct stat_view *v, const struct stat_sample *s);

/* One engine in full: a table, one line a number. */
void statout_table(const struct stat_view *v, const struct stat_sample *s);

/* One engine in full, as one JSON object on one line. */
void statout_json(const struct stat_view *v, const struct stat_sample *s);

#endif
