/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * statlists.c -- the lists of policy linux24, as pageout stat --lists shows
 * them.
 *
 * Both forms are made of the same tables below.  A number that the engine does
 * not have is '-' in text and is left out in JSON.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/bits.h"
#include "tools/json.h"
#include "tools/stat/statlists.h"

#define ZONES_MAX 4u
#define BAR_COLUMNS 40u
#define BAR_COLUMNS_MIN 10u
#define BAR_AT 20u /* the column where bars begin */

/* Numbers of a zone, as zone0_NAME; headings that leave room on a line. */
static const struct {
	const char *name, *heading;
	int width;
} zone_columns[] = {
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
static const char *const happenings[] = {
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

static const char *const wants[] = {
	"memory_pressure", "inactive_target",   "free_target",
	"free_shortage",   "inactive_shortage",
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

static bool
is_linux24(const struct stat_sample *s)
{
	return strcmp(s->now->file.header.policy, "linux24") == 0 ||
	       strncmp(s->now->file.header.policy, "linux24:", 8) == 0;
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
print_zones(FILE *out, const struct stat_sample *s)
{
	(void)fprintf(out, "\n%-4s", "ZONE");
	for (unsigned i = 0; i < ARRAY_SIZE(zone_columns); i++)
		(void)fprintf(out, " %*s", zone_columns[i].width,
		              zone_columns[i].heading);
	for (unsigned z = 0; z < ZONES_MAX; z++) {
		if (!zone_exists(s, z))
			continue;
		(void)fprintf(out, "\n%-4u", z);
		for (unsigned i = 0; i < ARRAY_SIZE(zone_columns); i++) {
			uint64_t n;
			bool is = zone_value(s, z, zone_columns[i].name, &n);

			print_number(out, is, zone_columns[i].width, n);
		}
	}
	(void)fprintf(out, "\n%-4s", "all");
	for (unsigned i = 0; i < ARRAY_SIZE(zone_columns); i++)
		print_number(out, true, zone_columns[i].width,
		             zones_sum(s, zone_columns[i].name));
	(void)fputc('\n', out);
}

static void
print_sizes(FILE *out, const struct stat_sample *s, const char *const *names,
            unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t n;
		bool is_there = value(s, names[i], &n);

		(void)fprintf(out, "%-18s", names[i]);
		print_number(out, is_there, 12, n);
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
	print_sizes(out, s, wants, 2);
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
print_happenings(FILE *out, const struct stat_sample *s)
{
	bool rates = s->before != NULL;

	(void)fprintf(out, "\n%-18s %12s\n", "WHAT HAPPENS",
	              rates ? "a second" : "so far");
	for (unsigned i = 0; i < ARRAY_SIZE(happenings); i++) {
		uint64_t n;
		bool is_there = statout_growth(s, happenings[i], &n);

		(void)fprintf(out, "%-18s", happenings[i]);
		print_number(out, is_there, 12, n);
		(void)fputc('\n', out);
	}
}

static void
show_text(FILE *out, const struct stat_sample *s)
{
	statout_title(out, s);
	if (!is_linux24(s)) {
		(void)fprintf(out, "--lists shows the lists of policy linux24 "
		                   "only; this engine has:\n");
		print_sizes(out, s, sizes, ARRAY_SIZE(sizes));
		return;
	}
	print_zones(out, s);
	(void)fputc('\n', out);
	print_sizes(out, s, sizes, 2);
	print_wants(out, s);
	print_ages(out, s);
	print_happenings(out, s);
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
json_zones(FILE *out, const struct stat_sample *s)
{
	const char *between = "";

	(void)fprintf(out, ",\"zones\":[");
	for (unsigned z = 0; z < ZONES_MAX; z++) {
		const char *comma = "";
		uint64_t n;

		if (!zone_exists(s, z))
			continue;
		(void)fprintf(out, "%s{", between);
		between = ",";
		for (unsigned i = 0; i < ARRAY_SIZE(zone_columns); i++)
			if (zone_value(s, z, zone_columns[i].name, &n))
				json_member(out, &comma, zone_columns[i].name,
				            n);
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
json_rates(FILE *out, const struct stat_sample *s)
{
	const char *comma = "";
	uint64_t n;

	(void)fprintf(out, ",\"elapsed_ns\":%" PRIu64 ",\"rates\":{",
	              s->elapsed_ns);
	for (unsigned i = 0; i < ARRAY_SIZE(happenings); i++)
		if (statout_growth(s, happenings[i], &n))
			json_member(out, &comma, happenings[i], n);
	(void)fputc('}', out);
}

static void
show_json(FILE *out, const struct stat_sample *s)
{
	statout_json_head(out, s);
	json_values(out, s, "sizes", sizes, ARRAY_SIZE(sizes));
	if (is_linux24(s)) {
		json_zones(out, s);
		json_values(out, s, "targets", wants, ARRAY_SIZE(wants));
		json_ages(out, s);
		json_values(out, s, "counters", happenings,
		            ARRAY_SIZE(happenings));
		if (s->before != NULL)
			json_rates(out, s);
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
