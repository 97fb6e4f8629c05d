/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show.h -- what pageout sim has found out: as a table, as JSON, as a picture.
 */
#ifndef TOOLS_SIM_SHOW_H
#define TOOLS_SIM_SHOW_H

#include <stdbool.h>
#include <stdio.h>

#include "compare/compare.h"

#define POLICIES_MAX 32
#define SIZES_MAX 128

/* Every policy in every size: result[size][policy]. */
struct comparison {
	const char *name; /* of the trace */
	const struct trace *trace;
	const char *policy[POLICIES_MAX];
	unsigned policies;
	uint64_t mem_bytes[SIZES_MAX];
	unsigned sizes;
	struct compare_result result[SIZES_MAX][POLICIES_MAX];
};

/* What comes before the first result, and then each of them. */
void table_begin(const struct comparison *c, FILE *out);
void table_row(const struct comparison *c, unsigned size, unsigned policy,
               FILE *out);
void json_begin(const struct comparison *c, FILE *out);
void json_row(const struct comparison *c, unsigned size, unsigned policy,
              FILE *out);

/* Misses by memory, a line a policy.  Errors stay in the stream. */
void svg_print(const struct comparison *c, FILE *out);

/* In 100 accesses. */
double miss_percent(const struct compare_result *r);

#endif
