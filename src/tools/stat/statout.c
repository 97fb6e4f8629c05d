/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * statout.c -- how pageout stat shows numbers.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/size.h"
#include "pageout/pageout.h"
#include "tools/json.h"
#include "tools/stat/statout.h"

enum { NUMBER_BYTES = 32 };

static const char *
unit_name(unsigned unit, bool raw)
{
	switch (unit) {
	case PAGEOUT_PAGES:
		return "pages";
	case PAGEOUT_BYTES:
		return "bytes";
	case PAGEOUT_NS:
		return raw ? "ns" : "time";
	case PAGEOUT_EVENTS:
		return "events";
	}
	return "?"; /* of a newer engine */
}

static const char *
number_text(char text[static NUMBER_BYTES], uint64_t n, unsigned unit, bool raw)
{
	_Static_assert((int)SIZE_TEXT_BYTES <= (int)NUMBER_BYTES, "room");

	if (!raw && unit == PAGEOUT_BYTES)
		return size_text(text, n);
	if (!raw && unit == PAGEOUT_NS)
		return time_text(text, n);
	(void)snprintf(text, NUMBER_BYTES, "%" PRIu64, n);
	return text;
}

/*
 * Growth a second, rounded to the nearest.
 * => a number that went back (no counter of ours does) has not grown
 */
static uint64_t
rate(uint64_t now, uint64_t before, uint64_t elapsed_ns)
{
	double r;

	if (now <= before || elapsed_ns == 0)
		return 0;
	r = (double)(now - before) * 1e9 / (double)elapsed_ns + 0.5;
	return r < 1.8e19 ? (uint64_t)r : UINT64_MAX;
}

static void
print_list_json(FILE *out, const struct pageout_stat_entry *e)
{
	(void)fprintf(out, "{\"name\":");
	json_string(out, e->name);
	(void)fprintf(out, ",\"kind\":\"%s\",\"unit\":\"%s\",\"level\":%u",
	              e->kind == PAGEOUT_COUNTER ? "counter" : "gauge",
	              unit_name(e->unit, true), e->level);
	(void)fprintf(out, ",\"help\":");
	json_string(out, e->help);
	(void)fprintf(out, "}\n");
}

void
statout_list(const struct stat_view *v)
{
	const struct pageout_stat_entry *e;

	if (!v->json)
		(void)fprintf(v->out, "%-18s %-7s %-6s %5s  %s\n", "NAME",
		              "KIND", "UNIT", "LEVEL", "MEANING");
	for (unsigned i = 0; (e = pageout_stat_describe(i)) != NULL; i++) {
		if (e->level > v->level)
			continue;
		if (v->json) {
			print_list_json(v->out, e);
			continue;
		}
		(void)fprintf(v->out, "%-18s %-7s %-6s %5u  %s\n", e->name,
		              e->kind == PAGEOUT_COUNTER ? "counter" : "gauge",
		              unit_name(e->unit, true), e->level, e->help);
	}
}

/* -- one line an engine ------------------------------------------------- */

static const struct {
	const char *name;    /* of the number */
	const char *heading; /* of its column */
	const char *heading_rate;
	unsigned unit;
	bool is_counter;
} columns[] = {
	{"mem_limit", "LIMIT", "LIMIT", PAGEOUT_BYTES, false},
	{"mem_used", "USED", "USED", PAGEOUT_BYTES, false},
	{"managed", "MANAGED", "MANAGED", PAGEOUT_BYTES, false},
	{"swap_used", "SWAP", "SWAP", PAGEOUT_BYTES, false},
	{"pgfault", "FAULTS", "FAULTS/s", PAGEOUT_EVENTS, true},
	{"pgmajfault", "MAJOR", "MAJOR/s", PAGEOUT_EVENTS, true},
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static int
column_width(const struct stat_view *v, unsigned column)
{
	if (v->raw)
		return 15;
	return columns[column].is_counter ? 11 : 8;
}

void
statout_heading(const struct stat_view *v, bool rates)
{
	if (v->json)
		return;
	(void)fprintf(v->out, "%7s", "PID");
	for (unsigned i = 0; i < COLUMNS; i++)
		(void)fprintf(v->out, " %*s", column_width(v, i),
		              rates ? columns[i].heading_rate
		                    : columns[i].heading);
	(void)fprintf(v->out, "  %-8s %-6s  %s\n", "POLICY", "MODE", "COMMAND");
}

static void
print_column(const struct stat_view *v, const struct stat_sample *s,
             unsigned column)
{
	const char *name = columns[column].name;
	char text[NUMBER_BYTES] = "-";
	uint64_t now, before = 0;

	if (statfile_value(&s->now->file, name, &now)) {
		if (columns[column].is_counter && s->before != NULL) {
			(void)statfile_value(&s->before->file, name, &before);
			now = rate(now, before, s->elapsed_ns);
		}
		(void)number_text(text, now, columns[column].unit, v->raw);
	}
	(void)fprintf(v->out, " %*s", column_width(v, column), text);
}

void
statout_line(const struct stat_view *v, const struct stat_sample *s)
{
	const struct pageout_stat_header *h = &s->now->file.header;

	if (v->json) {
		statout_json(v, s);
		return;
	}
	(void)fprintf(v->out, "%7d", (int)s->now->pid);
	for (unsigned i = 0; i < COLUMNS; i++)
		print_column(v, s, i);
	(void)fprintf(v->out, "  %-8s %-6s  %s\n", h->policy, h->mode,
	              h->command);
}

/* -- one engine in full ------------------------------------------------- */

/* The number i of s: its value, or its rate where that is wanted. */
static uint64_t
shown(const struct stat_sample *s, uint32_t i)
{
	const struct statfile *now = &s->now->file;
	uint64_t before = 0;

	if (s->before == NULL || now->entries[i].kind != PAGEOUT_COUNTER)
		return now->values[i];
	(void)statfile_value(&s->before->file, now->entries[i].name, &before);
	return rate(now->values[i], before, s->elapsed_ns);
}

bool
statout_growth(const struct stat_sample *s, const char *name, uint64_t *ret)
{
	uint64_t before = 0;

	*ret = 0;
	if (!statfile_value(&s->now->file, name, ret))
		return false;
	if (s->before == NULL)
		return true;
	(void)statfile_value(&s->before->file, name, &before);
	*ret = rate(*ret, before, s->elapsed_ns);
	return true;
}

void
statout_title(FILE *out, const struct stat_sample *s)
{
	const struct pageout_stat_header *h = &s->now->file.header;
	uint64_t until = h->ended_boottime_ns;
	char text[NUMBER_BYTES], nodes[NUMBER_BYTES] = "";

	if (until == 0)
		until = clock_ns(CLOCK_BOOTTIME);
	if (until < h->started_boottime_ns)
		until = h->started_boottime_ns;
	if (s->now->file.node != STATFILE_ALL_NODES)
		(void)snprintf(nodes, sizeof(nodes), ", node %u of %u",
		               s->now->file.node, h->node_count);
	else if (h->node_count > 1)
		(void)snprintf(nodes, sizeof(nodes), ", %u nodes",
		               h->node_count);
	(void)fprintf(out, "%d: %s\n%s, %s%s, %s %s\n", (int)s->now->pid,
	              h->command, h->policy, h->mode, nodes,
	              engine_is_running(s->now) ? "runs for" : "ended after",
	              time_text(text, until - h->started_boottime_ns));
}

/* The number of a zone that this engine does not have. */
static bool
of_absent_zone(const struct statfile *f, const char *name)
{
	char high[sizeof("zone0_high")] = "";
	uint64_t n;

	if (strncmp(name, "zone", 4) != 0 || strlen(name) < 6)
		return false;
	(void)snprintf(high, sizeof(high), "zone%c_high", name[4]);
	return statfile_value(f, high, &n) && n == 0;
}

void
statout_table(const struct stat_view *v, const struct stat_sample *s)
{
	const struct statfile *f = &s->now->file;
	const struct pageout_stat_header *h = &f->header;
	char text[NUMBER_BYTES], unit[16];

	statout_title(v->out, s);
	(void)fprintf(v->out, "%-18s %15s %-8s  %s\n", "NAME",
	              s->before != NULL ? "VALUE OR RATE" : "VALUE", "UNIT",
	              "MEANING");
	for (uint32_t i = 0; i < h->entry_count; i++) {
		const struct pageout_stat_entry *e = &f->entries[i];
		bool is_rate = s->before != NULL && e->kind == PAGEOUT_COUNTER;

		if (e->level > v->level || of_absent_zone(f, e->name))
			continue;
		(void)snprintf(unit, sizeof(unit), "%s%s",
		               unit_name(e->unit, v->raw), is_rate ? "/s" : "");
		(void)fprintf(v->out, "%-18s %15s %-8s  %s\n", e->name,
		              number_text(text, shown(s, i), e->unit, v->raw),
		              unit, e->help);
	}
}

static void
print_numbers(const struct stat_view *v, const struct stat_sample *s,
              bool rates)
{
	const struct statfile *f = &s->now->file;
	const char *comma = "";

	for (uint32_t i = 0; i < f->header.entry_count; i++) {
		const struct pageout_stat_entry *e = &f->entries[i];

		if (e->level > v->level ||
		    (rates && e->kind != PAGEOUT_COUNTER))
			continue;
		(void)fprintf(v->out, "%s\"%s\":%" PRIu64, comma, e->name,
		              rates ? shown(s, i) : f->values[i]);
		comma = ",";
	}
}

void
statout_json_head(FILE *out, const struct stat_sample *s)
{
	const struct pageout_stat_header *h = &s->now->file.header;

	(void)fprintf(out, "{\"pid\":%d,\"command\":", (int)s->now->pid);
	json_string(out, h->command);
	(void)fprintf(out, ",\"policy\":");
	json_string(out, h->policy);
	(void)fprintf(out, ",\"mode\":");
	json_string(out, h->mode);
	(void)fprintf(out, ",\"nodes\":%" PRIu32, h->node_count);
	if (s->now->file.node != STATFILE_ALL_NODES)
		(void)fprintf(out, ",\"node\":%" PRIu32, s->now->file.node);
	(void)fprintf(out,
	              ",\"page_bytes\":%" PRIu32 ",\"now_ns\":%" PRIu64
	              ",\"started_ns\":%" PRIu64 ",\"ended_ns\":%" PRIu64,
	              h->page_bytes, clock_ns(CLOCK_BOOTTIME),
	              h->started_boottime_ns, h->ended_boottime_ns);
}

void
statout_json(const struct stat_view *v, const struct stat_sample *s)
{
	statout_json_head(v->out, s);
	(void)fprintf(v->out, ",\"values\":{");
	print_numbers(v, s, false);
	if (s->before != NULL) {
		(void)fprintf(v->out, "},\"elapsed_ns\":%" PRIu64,
		              s->elapsed_ns);
		(void)fprintf(v->out, ",\"rates\":{");
		print_numbers(v, s, true);
	}
	(void)fprintf(v->out, "}}\n");
}
