/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * statlists.c -- the lists of policies linux24 and kswapd, as pageout stat
 * --lists shows them.
 *
 * A policy's lists have a shape: columns of its zones, sizes, what happens, and
 * what stands between in text.  Both forms are made of the same tables below.
 * A number that the engine does not have is '-' in text and is left out in
 * JSON.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/bits.h"
#include "tools/json.h"
#include "tools/stat/statlists.h"

#define ZONES_MAX 4u
#define NAME_WIDTH 18 /* of sizes */
#define NUMBER_WIDTH 12
#define BAR_COLUMNS 40u
#define BAR_COLUMNS_MIN 10u
#define BAR_AT 20u /* the column where bars begin */

struct zone_column {
	const char *name, *heading;
	int width;
};

/* How the lists of a policy are shown. */
struct shape {
	const char *policy;
	const struct zone_column *columns;
	const char *const *wants, *const *happenings;
	unsigned column_count, want_count, happening_count;
	int name_width; /* of what happens */
	void (*text)(FILE *out, const struct stat_sample *s);
	void (*json)(FILE *out, const struct stat_sample *s); /* or NULL */
};

/* Numbers of a zone, as zone0_NAME; headings that leave room on a line. */
static const struct zone_column columns24[] = {
	{"free", "free", 7},
	{"unpopulated", "unpopulated", 11},
	{"active", "active", 7},
	{"inactive_dirty", "inact_dirty", 11},
	{"inactive_clean", "inact_clean", 11},
	{"min", "min", 6},
	{"low", "low", 6},
	{"high", "high", 6},
};

static const struct {
	const char *name, *label;
} ages[] = {
	{"age_0", "0"},       {"age_1", "1"},     {"age_2", "2..3"},
	{"age_4", "4..7"},    {"age_8", "8..15"}, {"age_16", "16..31"},
	{"age_32", "32..64"},
};

/* What happens, by who does it. */
static const char *const happenings24[] = {
	"kswapd_wake",  "kswapd_turns",   "kswapd_waits",    "kreclaimd_wake",
	"bdflush_wake", "pgscan_active",  "pgscan_swap_out", "swap_out_walks",
	"pgunmap",      "pgunmap_forced", "pgskip_unmap",    "pgdeactivate",
	"pgactivate",   "pgrescue",       "launder_calls",   "pgscan_launder",
	"pglaunder",    "launder_sync",   "pgskip",          "pgclean",
	"pgscan_clean", "pgsteal_kswapd", "pgsteal_direct",  "pgsoftfault",
	"pgmajfault",   "allocstall",
};

/* What engines with any policy have of lists. */
static const char *const sizes[] = {
	"nr_mapped",         "nr_private",     "nr_active", "nr_inactive_dirty",
	"nr_inactive_clean", "nr_unevictable", "nr_free",
};

static const char *const wants24[] = {
	"memory_pressure", "inactive_target",   "free_target",
	"free_shortage",   "inactive_shortage",
};

static const struct zone_column columns66[] = {
	{"free", "free", 9}, {"unpopulated", "unpopulated", 12},
	{"min", "min", 9},   {"low", "low", 9},
	{"high", "high", 9},
};

static const char *const wants66[] = {
	"nr_inactive_anon",
	"nr_active_anon",
	"nr_inactive_file",
	"nr_active_file",
	"nr_mlocked",
	"nr_isolated_anon",
	"nr_isolated_file",
	"kswapd_failures",
	"kswapd_order",
	"watermark_boost",
	"kswapd_highest_zoneidx",
	"anon_cost",
	"file_cost",
	"nonresident_age",
};

static const char *const happenings66[] = {
	"kswapd_wake",
	"pageoutrun",
	"kswapd_low_wmark_hit_quickly",
	"kswapd_high_wmark_hit_quickly",
	"pgrefill",
	"pgdeactivate",
	"pgscan_anon",
	"pgscan_file",
	"pgactivate",
	"pgrotated",
	"pgunmap",
	"nr_vmscan_write",
	"nr_vmscan_immediate",
	"pgsteal_anon",
	"pgsteal_file",
	"pgsteal_kswapd",
	"pgsteal_direct",
	"workingset_refault_anon",
	"workingset_activate_anon",
	"workingset_restore_anon",
	"workingset_refault_file",
	"workingset_activate_file",
	"workingset_restore_file",
	"slabs_scanned",
	"pgsoftfault",
	"pgmajfault",
	"allocstall",
	"pgscan_direct_throttle",
	"reclaim_throttle",
};

/* => false when the engine does not have it; *ret is 0 then */
static bool
value(const struct stat_sample *s, const char *name, uint64_t *ret)
{
	*ret = 0;
	return statfile_value(&s->now->file, name, ret);
}

static uint64_t
value_or_0(const struct stat_sample *s, const char *name)
{
	uint64_t n;

	(void)value(s, name, &n);
	return n;
}

static bool
zone_value(const struct stat_sample *s, unsigned zone, const char *column,
           uint64_t *ret)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "zone%u_%s", zone, column);
	return value(s, name, ret);
}

/* A zone that is there has watermarks. */
static bool
zone_exists(const struct stat_sample *s, unsigned zone)
{
	uint64_t high;

	return zone_value(s, zone, "high", &high) && high != 0;
}

/* Of all zones; => 0 where none has the number */
static uint64_t
zones_sum(const struct stat_sample *s, const char *column)
{
	uint64_t sum = 0, n;

	for (unsigned i = 0; i < ZONES_MAX; i++)
		if (zone_value(s, i, column, &n))
			sum += n;
	return sum;
}

/* -- text ----------------------------------------------------------------- */

static void
print_number(FILE *out, bool is_there, int width, uint64_t n)
{
	if (is_there)
		(void)fprintf(out, " %*" PRIu64, width, n);
	else
		(void)fprintf(out, " %*s", width, "-");
}

static void
print_zones(FILE *out, const struct stat_sample *s, const struct shape *shape)
{
	const struct zone_column *columns = shape->columns;

	(void)fprintf(out, "\n%-4s", "ZONE");
	for (unsigned i = 0; i < shape->column_count; i++)
		(void)fprintf(out, " %*s", columns[i].width,
		              columns[i].heading);
	for (unsigned z = 0; z < ZONES_MAX; z++) {
		if (!zone_exists(s, z))
			continue;
		(void)fprintf(out, "\n%-4u", z);
		for (unsigned i = 0; i < shape->column_count; i++) {
			uint64_t n;
			bool is = zone_value(s, z, columns[i].name, &n);

			print_number(out, is, columns[i].width, n);
		}
	}
	(void)fprintf(out, "\n%-4s", "all");
	for (unsigned i = 0; i < shape->column_count; i++)
		print_number(out, true, columns[i].width,
		             zones_sum(s, columns[i].name));
	(void)fputc('\n', out);
}

/* The zone that kswapd was asked for, and nobody asked. */
static bool
is_no_request(const char *name, uint64_t n)
{
	return strcmp(name, "kswapd_highest_zoneidx") == 0 &&
	       n == STATFILE_NO_ZONE;
}

/* Of a name that is longer, the number stands below the others all the same. */
static void
print_sizes(FILE *out, const struct stat_sample *s, const char *const *names,
            unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t n;
		bool is_there = value(s, names[i], &n);
		int width =
			(int)max_u32(NAME_WIDTH, (uint32_t)strlen(names[i]));
		int left = NAME_WIDTH + NUMBER_WIDTH - width;

		(void)fprintf(out, "%-*s", width, names[i]);
		if (is_no_request(names[i], n))
			(void)fprintf(out, " %*s", left, "none");
		else
			print_number(out, is_there, left, n);
		(void)fputc('\n', out);
	}
}

/* Frames that are free or will be when the pool grows, and clean ones, of some
 * zones. */
static uint64_t
freeable(const struct stat_sample *s, unsigned first, unsigned end)
{
	uint64_t sum = 0, n;

	for (unsigned i = first; i < end; i++) {
		(void)zone_value(s, i, "free", &n);
		sum += n;
		(void)zone_value(s, i, "unpopulated", &n);
		sum += n;
		(void)zone_value(s, i, "inactive_clean", &n);
		sum += n;
	}
	return sum;
}

/*
 * What is short: of all, or else of zones that have less than their lowest
 * mark and one.  Reckoned anew, as what there is is newer than the targets.
 */
static uint64_t
free_short(const struct stat_sample *s, uint64_t have, uint64_t wanted)
{
	uint64_t sum = 0;

	if (have < wanted)
		return wanted - have;
	for (unsigned i = 0; i < ZONES_MAX; i++) {
		uint64_t min;

		if (!zone_exists(s, i) || !zone_value(s, i, "min", &min))
			continue;
		have = freeable(s, i, i + 1);
		sum += min + 1 > have ? min + 1 - have : 0;
	}
	return sum;
}

static void
print_want(FILE *out, const char *name, uint64_t have, uint64_t wanted,
           uint64_t missing, const char *what)
{
	(void)fprintf(out,
	              "%-18s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "  %s\n",
	              name, have, wanted, missing, what);
}

static void
print_wants(FILE *out, const struct stat_sample *s)
{
	uint64_t have = freeable(s, 0, ZONES_MAX);
	uint64_t wanted = value_or_0(s, "free_target");

	(void)fprintf(out, "\n%-18s %12s %12s %12s\n", "TARGET", "have",
	              "wanted", "short");
	print_want(out, "freeable", have, wanted, free_short(s, have, wanted),
	           "free + inact_clean");
	have += zones_sum(s, "inactive_dirty");
	wanted = zones_sum(s, "high") + value_or_0(s, "inactive_target");
	print_want(out, "inactive", have, wanted,
	           have < wanted ? wanted - have : 0, "+ inact_dirty");
	print_sizes(out, s, wants24, 2);
}

/* Columns that a bar may take: what the terminal has left, or 40. */
static unsigned
bar_columns(FILE *out)
{
	struct winsize w = {0};
	int fd = fileno(out);

	if (fd < 0 || ioctl(fd, TIOCGWINSZ, &w) < 0 || w.ws_col == 0)
		return BAR_COLUMNS;
	return w.ws_col > BAR_AT + BAR_COLUMNS_MIN ? w.ws_col - BAR_AT
	                                           : BAR_COLUMNS_MIN;
}

static void
print_ages(FILE *out, const struct stat_sample *s)
{
	unsigned columns = bar_columns(out);
	uint64_t most = 1;

	for (unsigned i = 0; i < ARRAY_SIZE(ages); i++)
		if (value_or_0(s, ages[i].name) > most)
			most = value_or_0(s, ages[i].name);
	(void)fprintf(out, "\n%-6s %12s\n", "AGE", "pages");
	for (unsigned i = 0; i < ARRAY_SIZE(ages); i++) {
		uint64_t n = value_or_0(s, ages[i].name);
		double share = (double)n / (double)most;
		unsigned bar = (unsigned)(share * columns + 0.5);

		(void)fprintf(out, "%-6s %12" PRIu64, ages[i].label, n);
		if (n != 0)
			(void)fputs(" ", out);
		for (unsigned j = 0; n != 0 && j < max_u32(bar, 1); j++)
			(void)fputc('#', out);
		(void)fputc('\n', out);
	}
}

static void
print_happenings(FILE *out, const struct stat_sample *s,
                 const struct shape *shape)
{
	bool rates = s->before != NULL;

	(void)fprintf(out, "\n%-*s %12s\n", shape->name_width, "WHAT HAPPENS",
	              rates ? "a second" : "so far");
	for (unsigned i = 0; i < shape->happening_count; i++) {
		uint64_t n;
		bool is_there = statout_growth(s, shape->happenings[i], &n);

		(void)fprintf(out, "%-*s", shape->name_width,
		              shape->happenings[i]);
		print_number(out, is_there, 12, n);
		(void)fputc('\n', out);
	}
}

/* What linux24 has between zones and what happens. */
static void
text24(FILE *out, const struct stat_sample *s)
{
	(void)fputc('\n', out);
	print_sizes(out, s, sizes, 2);
	print_wants(out, s);
	print_ages(out, s);
}

/* Pages of a type: both lists, and the share of them that is inactive. */
static void
print_type(FILE *out, const struct stat_sample *s, const char *type)
{
	uint64_t inactive, active, sum;
	char name[32];

	(void)snprintf(name, sizeof(name), "nr_inactive_%s", type);
	inactive = value_or_0(s, name);
	(void)snprintf(name, sizeof(name), "nr_active_%s", type);
	active = value_or_0(s, name);
	sum = inactive + active;
	(void)fprintf(out, "%-18s %12" PRIu64 " %12" PRIu64, type, inactive,
	              active);
	if (sum != 0)
		(void)fprintf(out, " %10" PRIu64 " %%", inactive * 100 / sum);
	(void)fputc('\n', out);
}

static void
text66(FILE *out, const struct stat_sample *s)
{
	uint64_t have = zones_sum(s, "free") + zones_sum(s, "unpopulated");
	uint64_t wanted = zones_sum(s, "high");

	(void)fprintf(out, "\n%-18s %12s %12s %12s\n", "LISTS", "inactive",
	              "active", "inactive");
	print_type(out, s, "anon");
	print_type(out, s, "file");
	(void)fprintf(out, "\n%-18s %12s %12s %12s\n", "TARGET", "have",
	              "wanted", "short");
	print_want(out, "free", have, wanted, have < wanted ? wanted - have : 0,
	           "to the high marks");
	print_sizes(out, s, wants66 + 4, ARRAY_SIZE(wants66) - 4);
}

/* -- JSON ----------------------------------------------------------------- */

static void
json_member(FILE *out, const char **comma, const char *name, uint64_t n)
{
	(void)fprintf(out, "%s\"%s\":%" PRIu64, *comma, name, n);
	*comma = ",";
}

static void
json_values(FILE *out, const struct stat_sample *s, const char *object,
            const char *const *names, unsigned count)
{
	const char *comma = "";
	uint64_t n;

	(void)fprintf(out, ",\"%s\":{", object);
	for (unsigned i = 0; i < count; i++)
		if (value(s, names[i], &n))
			json_member(out, &comma, names[i], n);
	(void)fputc('}', out);
}

static void
json_zones(FILE *out, const struct stat_sample *s, const struct shape *shape)
{
	const struct zone_column *columns = shape->columns;
	const char *between = "";

	(void)fprintf(out, ",\"zones\":[");
	for (unsigned z = 0; z < ZONES_MAX; z++) {
		const char *comma = "";
		uint64_t n;

		if (!zone_exists(s, z))
			continue;
		(void)fprintf(out, "%s{", between);
		between = ",";
		for (unsigned i = 0; i < shape->column_count; i++)
			if (zone_value(s, z, columns[i].name, &n))
				json_member(out, &comma, columns[i].name, n);
		(void)fputc('}', out);
	}
	(void)fputc(']', out);
}

static void
json_ages(FILE *out, const struct stat_sample *s)
{
	const char *comma = "";

	(void)fprintf(out, ",\"ages\":{");
	for (unsigned i = 0; i < ARRAY_SIZE(ages); i++)
		json_member(out, &comma, ages[i].label,
		            value_or_0(s, ages[i].name));
	(void)fputc('}', out);
}

static void
json_rates(FILE *out, const struct stat_sample *s, const struct shape *shape)
{
	const char *comma = "";
	uint64_t n;

	(void)fprintf(out, ",\"elapsed_ns\":%" PRIu64 ",\"rates\":{",
	              s->elapsed_ns);
	for (unsigned i = 0; i < shape->happening_count; i++)
		if (statout_growth(s, shape->happenings[i], &n))
			json_member(out, &comma, shape->happenings[i], n);
	(void)fputc('}', out);
}

/* -- shapes --------------------------------------------------------------- */

static const struct shape shapes[] = {
	{
		.policy = "linux24",
		.columns = columns24,
		.wants = wants24,
		.happenings = happenings24,
		.column_count = ARRAY_SIZE(columns24),
		.want_count = ARRAY_SIZE(wants24),
		.happening_count = ARRAY_SIZE(happenings24),
		.name_width = 18,
		.text = text24,
		.json = json_ages,
	},
	{
		.policy = "kswapd",
		.columns = columns66,
		.wants = wants66,
		.happenings = happenings66,
		.column_count = ARRAY_SIZE(columns66),
		.want_count = ARRAY_SIZE(wants66),
		.happening_count = ARRAY_SIZE(happenings66),
		.name_width = 29,
		.text = text66,
	},
};

/* The shape of an engine's policy, which may have tunables; or NULL. */
static const struct shape *
shape_of(const struct stat_sample *s)
{
	const char *policy = s->now->file.header.policy;

	for (unsigned i = 0; i < ARRAY_SIZE(shapes); i++) {
		size_t n = strlen(shapes[i].policy);

		if (strncmp(policy, shapes[i].policy, n) == 0 &&
		    (policy[n] == '\0' || policy[n] == ':'))
			return &shapes[i];
	}
	return NULL;
}

static void
show_text(FILE *out, const struct stat_sample *s)
{
	const struct shape *shape = shape_of(s);

	statout_title(out, s);
	if (shape == NULL) {
		(void)fprintf(out, "--lists shows the lists of policies "
		                   "linux24 and kswapd only; this engine "
		                   "has:\n");
		print_sizes(out, s, sizes, ARRAY_SIZE(sizes));
		return;
	}
	print_zones(out, s, shape);
	shape->text(out, s);
	print_happenings(out, s, shape);
}

static void
show_json(FILE *out, const struct stat_sample *s)
{
	const struct shape *shape = shape_of(s);

	statout_json_head(out, s);
	json_values(out, s, "sizes", sizes, ARRAY_SIZE(sizes));
	if (shape != NULL) {
		json_zones(out, s, shape);
		json_values(out, s, "targets", shape->wants, shape->want_count);
		if (shape->json != NULL)
			shape->json(out, s);
		json_values(out, s, "counters", shape->happenings,
		            shape->happening_count);
		if (s->before != NULL)
			json_rates(out, s, shape);
	}
	(void)fprintf(out, "}\n");
}

void
statlists_show(const struct stat_view *v, const struct stat_sample *s)
{
	if (v->json)
		show_json(v->out, s);
	else
		show_text(v->out, s);
}
