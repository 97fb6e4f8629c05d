/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.c -- results for people and, a line each, for programs.
 */
#include <inttypes.h>
#include <string.h>

#include "base/size.h"
#include "tools/json.h"
#include "tools/sim/show.h"

double
miss_percent(const struct compare_result *r)
{
	return 100.0 * (double)r->misses / (double)r->accesses;
}

static uint64_t
accesses_a_second(const struct compare_result *r)
{
	return (uint64_t)((double)r->accesses * 1e9 /
	                  (double)(r->cpu_ns > 0 ? r->cpu_ns : 1));
}

/* As wide as the longest: columns never move. */
static int
policy_width(const struct comparison *c)
{
	size_t width = 8;

	for (unsigned i = 0; i < c->policies; i++)
		if (strlen(c->policy[i]) > width)
			width = strlen(c->policy[i]);
	return (int)width;
}

void
table_begin(const struct comparison *c, FILE *out)
{
	const struct trace *t = c->trace;
	char size[SIZE_TEXT_BYTES];

	(void)fprintf(out,
	              "%s: %" PRIu64 " accesses, %" PRIu64
	              " of them write, to %" PRIu32 " pages (%s)\n\n",
	              c->name, t->accesses, t->writes, t->pages,
	              size_text(size, (uint64_t)t->pages << 12));
	(void)fprintf(
		out, "%-*s %8s %11s %11s %6s %9s %10s %10s %10s %9s %11s\n",
		policy_width(c), "POLICY", "MEM", "ACCESSES", "MISSES", "MISS%",
		"FIRST", "SOFT", "OUT", "IN", "SCAN/FREE", "ACCESSES/s");
}

void
table_row(const struct comparison *c, unsigned size, unsigned policy, FILE *out)
{
	const struct compare_result *r = &c->result[size][policy];
	char mem[SIZE_TEXT_BYTES], scan[32] = "-";

	if (r->scanned != 0 && r->reclaimed != 0)
		(void)snprintf(scan, sizeof(scan), "%.2f",
		               (double)r->scanned / (double)r->reclaimed);
	(void)fprintf(out,
	              "%-*s %8s %11" PRIu64 " %11" PRIu64 " %6.2f %9" PRIu64
	              " %10" PRIu64 " %10" PRIu64 " %10" PRIu64
	              " %9s %11" PRIu64 "\n",
	              policy_width(c), c->policy[policy],
	              size_text(mem, c->mem_bytes[size]), r->accesses,
	              r->misses, miss_percent(r), r->first, r->soft, r->out,
	              r->in, scan, accesses_a_second(r));
	(void)fflush(out); /* the next one may take long */
}

void
json_begin(const struct comparison *c, FILE *out)
{
	const struct trace *t = c->trace;

	(void)fprintf(out, "{\"trace\":");
	json_string(out, c->name);
	(void)fprintf(out,
	              ",\"accesses\":%" PRIu64 ",\"writes\":%" PRIu64
	              ",\"pages\":%" PRIu32 "}\n",
	              t->accesses, t->writes, t->pages);
}

void
json_row(const struct comparison *c, unsigned size, unsigned policy, FILE *out)
{
	const struct compare_result *r = &c->result[size][policy];

	(void)fprintf(out, "{\"policy\":");
	json_string(out, c->policy[policy]);
	(void)fprintf(out,
	              ",\"mem_bytes\":%" PRIu64 ",\"accesses\":%" PRIu64
	              ",\"misses\":%" PRIu64 ",\"first_touches\":%" PRIu64
	              ",\"soft_faults\":%" PRIu64 ",\"pages_out\":%" PRIu64
	              ",\"pages_in\":%" PRIu64 ",\"scanned\":%" PRIu64
	              ",\"reclaimed\":%" PRIu64 ",\"model_ns\":%" PRIu64
	              ",\"accesses_per_s\":%" PRIu64 "}\n",
	              c->mem_bytes[size], r->accesses, r->misses, r->first,
	              r->soft, r->out, r->in, r->scanned, r->reclaimed,
	              r->model_ns, accesses_a_second(r));
	(void)fflush(out);
}
