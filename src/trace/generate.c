/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * generate.c -- traces that are made, not recorded.
 *
 * A page is a function of the seed and of the number of the access, nothing
 * else; the same words give the same trace on every machine.
 *
 *	uniform	every page as often
 *	zipf	some pages far more often than others, spread over all
 *	loop	round and round, page after page
 *	scan	a quarter of the pages is hot; a scan goes round the others, one
 *		page of it after SCAN_HOT hot ones
 *	phases	one quarter of the pages for a while, then another
 *	change	half of the time one quarter of the pages, at random; then a
 *		loop through a third; and all the time a scan through the rest,
 *		one page of it after CHANGE_USED others
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/size.h"
#include "trace/build.h"
#include "trace/zipf.h"

#define SCAN_HOT 16
#define CHANGE_USED 4
#define PART 4             /* one of so many is hot, or the working set */
#define SPREAD 2654435761u /* a prime */

struct pattern {
	uint64_t pages, accesses, seed, writes, phases;
	double skew;
	struct zipf zipf;
};

static uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static uint64_t
draw(const struct pattern *p, uint64_t i)
{
	return mix(mix(p->seed) + i * 0x9e3779b97f4a7c15u);
}

static uint64_t
page_uniform(const struct pattern *p, uint64_t i)
{
	return draw(p, i) % p->pages;
}

static uint64_t
page_zipf(const struct pattern *p, uint64_t i)
{
	return zipf_rank(&p->zipf, draw(p, i)) * SPREAD % p->pages;
}

static uint64_t
page_loop(const struct pattern *p, uint64_t i)
{
	return i % p->pages;
}

static uint64_t
page_scan(const struct pattern *p, uint64_t i)
{
	uint64_t hot = p->pages / PART, turn = i / (SCAN_HOT + 1);

	if (i % (SCAN_HOT + 1) < SCAN_HOT)
		return draw(p, i) % hot;
	return hot + turn % (p->pages - hot);
}

static uint64_t
page_phases(const struct pattern *p, uint64_t i)
{
	uint64_t set = p->pages / PART;
	uint64_t phase = i / div_round_up(p->accesses, p->phases);

	return (draw(p, ~phase) + draw(p, i) % set) % p->pages;
}

static uint64_t
page_change(const struct pattern *p, uint64_t i)
{
	uint64_t old = p->pages / PART, loop = p->pages / 3;
	uint64_t scan = p->pages - old - loop, turn = i / (CHANGE_USED + 1);

	if (i % (CHANGE_USED + 1) == CHANGE_USED)
		return old + loop + turn % scan;
	if (i < p->accesses / 2)
		return draw(p, i) % old;
	return old + (i - turn) % loop;
}

static const struct {
	const char *name, *help;
	uint64_t (*page)(const struct pattern *p, uint64_t i);
} patterns[] = {
	{"zipf", "few pages are touched most", page_zipf},
	{"uniform", "every page as often", page_uniform},
	{"loop", "page after page, round and round", page_loop},
	{"scan", "a hot quarter, and a scan through the rest", page_scan},
	{"phases", "one quarter after another", page_phases},
	{"change", "a quarter, then a loop, and always a scan", page_change},
};

const char *
trace_pattern_name(unsigned i, const char **ret_help)
{
	if (i >= ARRAY_SIZE(patterns))
		return NULL;
	*ret_help = patterns[i].help;
	return patterns[i].name;
}

/* -- its words ------------------------------------------------------------ */

static bool
skew_read(const char *text, double *ret)
{
	char *end;
	double x = strtod(text, &end);

	*ret = x;
	return end != text && *end == '\0' && isfinite(x) && x > 0 && x < 1;
}

/* One setting, "name=value".  => NULL, or what is wrong with it */
static const char *
setting_read(struct pattern *p, const char *name, const char *value)
{
	const struct {
		const char *name;
		uint64_t *to, total, min, max;
		const char *range;
	} numbers[] = {
		{"pages", &p->pages, 0, 16, TRACE_PAGES_MAX,
	         "it is 16 to 67108864"},
		{"accesses", &p->accesses, 0, 1, TRACE_ACCESSES_MAX / 2,
	         "it is 1 to 2147483647"},
		{"writes", &p->writes, 100, 0, 100, "it is 0% to 100%"},
		{"phases", &p->phases, 0, 1, 1 << 20, "it is 1 to 1048576"},
		{"seed", &p->seed, 0, 0, UINT64_MAX, ""},
	};

	if (strcmp(name, "skew") == 0)
		return skew_read(value, &p->skew) ? NULL
		                                  : "it is above 0, below 1";
	for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
		const char *why;

		if (strcmp(name, numbers[i].name) != 0)
			continue;
		if (size_parse(value, numbers[i].total, numbers[i].to, &why) <
		    0)
			return why;
		return *numbers[i].to < numbers[i].min ||
		                       *numbers[i].to > numbers[i].max
		               ? numbers[i].range
		               : NULL;
	}
	return "no such setting";
}

/* "PATTERN:NAME=VALUE,...".  => a number of patterns[], or -EINVAL */
static int
pattern_read(struct pattern *p, const char *spec, char *why)
{
	char words[256], *rest = words, *setting;
	const char *name;

	*p = (struct pattern){.pages = 1u << 18,
	                      .accesses = 10u << 20,
	                      .seed = 1,
	                      .writes = 25,
	                      .phases = 8,
	                      .skew = 0.99};
	(void)snprintf(words, sizeof(words), "%s", spec);
	name = strsep(&rest, ":");
	while ((setting = strsep(&rest, ",")) != NULL) {
		char *value = strchr(setting, '=');
		const char *wrong = "=VALUE is missing";

		if (value != NULL) {
			*value = '\0';
			wrong = setting_read(p, setting, value + 1);
		}
		if (wrong != NULL) {
			(void)snprintf(why, TRACE_WHY_BYTES, "%.40s: %s",
			               setting, wrong);
			return -EINVAL;
		}
	}
	for (unsigned i = 0; i < ARRAY_SIZE(patterns); i++)
		if (strcmp(name, patterns[i].name) == 0)
			return (int)i;
	(void)snprintf(why, TRACE_WHY_BYTES, "no such pattern: %.40s", name);
	return -EINVAL;
}

/* -- its accesses --------------------------------------------------------- */

static int
generate(struct build *b, struct pattern *p, unsigned which)
{
	int r = 0;

	if (patterns[which].page == page_zipf)
		zipf_init(&p->zipf, p->pages, p->skew);
	for (uint64_t i = 0; i < p->accesses && r == 0; i++)
		r = build_add(b, patterns[which].page(p, i),
		              draw(p, i ^ UINT64_C(1) << 63) % 100 < p->writes);
	return r < 0 ? r : build_end(b);
}

int
trace_generate(struct trace *t, const char *spec,
               char why[static TRACE_WHY_BYTES])
{
	struct pattern p;
	struct build *b;
	int which, r;

	*t = (struct trace){0};
	which = pattern_read(&p, spec, why);
	if (which < 0)
		return which;
	b = malloc(sizeof(*b));
	if (b == NULL) {
		(void)snprintf(why, TRACE_WHY_BYTES, "no memory");
		return -ENOMEM;
	}
	r = build_start(b, t, why);
	if (r == 0)
		r = generate(b, &p, (unsigned)which);
	build_free(b);
	free(b);
	return r;
}
