/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rows.c -- what is done to the memory, and how long it takes.
 *
 * fill, scan and rmw go over all pages in order; uniform and zipf touch one
 * page at a time and keep the latency of each access.  verify is not measured.
 * The sequence of accesses depends on the seed alone, never on the memory.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "bench/bench.h"

enum { WORDS = BENCH_PAGE / sizeof(uint64_t) };

static struct {
	struct memory *memory;
	struct rows_options options;
	uint64_t pages;
	uint32_t *versions;   /* of each page; locked in memory */
	uint32_t *latency_ns; /* of each access of a random row; locked */
	uint64_t latency_room;
	uint64_t random;
	/* zipf: as Gray et al., "Quickly generating billion-record synthetic
	 * databases" */
	double zeta, eta, alpha, half;
} st;

static const double zipf_theta = 0.99;

uint64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static uint64_t
random_next(void)
{
	st.random += 0x9e3779b97f4a7c15u;
	return mix(st.random);
}

static uint64_t *
page_at(uint64_t page)
{
	return (uint64_t *)(void *)(st.memory->start + page * BENCH_PAGE);
}

static uint64_t
tag(uint64_t page)
{
	return mix(mix(st.options.seed + page) + st.versions[page]);
}

static void
wrong(uint64_t page, const char *what, uint64_t expected, uint64_t got)
{
	(void)fprintf(stderr,
	              "bench: page %llu: %s: expected %016llx, got %016llx\n",
	              (unsigned long long)page, what,
	              (unsigned long long)expected, (unsigned long long)got);
	exit(1);
}

static void
check_tag(uint64_t page)
{
	uint64_t got = page_at(page)[0];

	if (got != tag(page))
		wrong(page, "tag", tag(page), got);
}

/* Incompressible words that add up to zero, behind the tag. */
static void
fill_page(uint64_t page)
{
	uint64_t *w = page_at(page);
	uint64_t x = mix(st.options.seed ^ ~page), sum = 0;

	st.versions[page]++;
	w[0] = tag(page);
	for (unsigned i = 1; i < WORDS - 1; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		w[i] = x;
		sum += x;
	}
	w[WORDS - 1] = -sum;
}

static void
scan_page(uint64_t page)
{
	const uint64_t *w = page_at(page);
	uint64_t sum = 0;

	check_tag(page);
	for (unsigned i = 1; i < WORDS; i++)
		sum += w[i];
	if (sum != 0)
		wrong(page, "sum of words", 0, sum);
}

static void
rmw_page(uint64_t page)
{
	check_tag(page);
	st.versions[page]++;
	page_at(page)[0] = tag(page);
}

static void
rmw_half(uint64_t page)
{
	if (random_next() & 1)
		rmw_page(page);
	else
		check_tag(page);
}

static uint64_t
choose_uniform(void)
{
	return random_next() % st.pages;
}

/* Ranks are spread over the memory by a prime that pages is no multiple of. */
static uint64_t
choose_zipf(void)
{
	double u = (double)(random_next() >> 11) * 0x1p-53;
	double uz = u * st.zeta;
	uint64_t rank;

	if (uz < 1.0)
		rank = 0;
	else if (uz < st.half)
		rank = 1;
	else
		rank = (uint64_t)((double)st.pages *
		                  pow(st.eta * u - st.eta + 1, st.alpha));
	if (rank >= st.pages)
		rank = st.pages - 1;
	return rank * 2654435761u % st.pages;
}

static void
start_zipf(void)
{
	double n = (double)st.pages;

	for (uint64_t i = 1; i <= st.pages; i++)
		st.zeta += pow((double)i, -zipf_theta);
	st.half = 1.0 + pow(0.5, zipf_theta);
	st.alpha = 1.0 / (1.0 - zipf_theta);
	st.eta = (1.0 - pow(2.0 / n, 1.0 - zipf_theta)) /
	         (1.0 - st.half / st.zeta);
}

static int
compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double
percentile_us(uint64_t count, double share)
{
	uint64_t i = (uint64_t)(share * (double)count);

	return st.latency_ns[i < count ? i : count - 1] / 1e3;
}

struct result {
	uint64_t accesses, ns, in, out;
	bool is_random;
};

static void
print_result(const char *row, const struct result *r)
{
	double s = (double)(r->ns > 0 ? r->ns : 1) / 1e9;

	(void)printf("{\"row\": \"%s\", \"seconds\": %.6f, \"accesses\": %llu, "
	             "\"mib_s\": %.3f, \"per_s\": %.3f, "
	             "\"in_pages\": %llu, \"out_pages\": %llu",
	             row, s, (unsigned long long)r->accesses,
	             (double)(r->accesses * BENCH_PAGE >> 10) / 1024 / s,
	             (double)r->accesses / s, (unsigned long long)r->in,
	             (unsigned long long)r->out);
	if (r->is_random) {
		qsort(st.latency_ns, r->accesses, sizeof(*st.latency_ns),
		      compare_u32);
		(void)printf(", \"mean_us\": %.3f, \"p50_us\": %.3f, "
		             "\"p99_us\": %.3f, \"p999_us\": %.3f",
		             s * 1e6 / (double)r->accesses,
		             percentile_us(r->accesses, 0.5),
		             percentile_us(r->accesses, 0.99),
		             percentile_us(r->accesses, 0.999));
	}
	(void)printf("}\n");
	(void)fflush(stdout);
}

static void
run_sequence(void (*access)(uint64_t page), struct result *r)
{
	uint64_t t = now_ns();

	for (uint64_t page = 0; page < st.pages; page++)
		access(page);
	r->ns = now_ns() - t;
	r->accesses = st.pages;
}

static void
run_random(uint64_t (*choose)(void), void (*access)(uint64_t page),
           uint64_t accesses, struct result *r)
{
	uint64_t start = now_ns(), last = start, t;

	if (accesses > st.latency_room)
		accesses = st.latency_room;
	for (r->accesses = 0; r->accesses < accesses;) {
		access(choose());
		t = now_ns();
		st.latency_ns[r->accesses++] = t - last < UINT32_MAX
		                                       ? (uint32_t)(t - last)
		                                       : UINT32_MAX;
		last = t;
		if (t - start > st.options.time_ns)
			break;
	}
	r->ns = last - start;
	r->is_random = true;
}

/* The first half lets the pages that are wanted often gather in memory. */
static void
run_zipf(struct result *r)
{
	run_random(choose_zipf, rmw_half, st.options.accesses * 2, r);
	run_random(choose_zipf, rmw_half, st.options.accesses * 2, r);
}

static void *
locked(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)mlock(p, bytes); /* only makes the figures steadier */
	return p;
}

int
rows_start(struct memory *m, const struct rows_options *o)
{
	st.memory = m;
	st.options = *o;
	st.pages = m->bytes / BENCH_PAGE;
	st.random = o->seed;
	st.latency_room = o->accesses * 2;
	st.versions = locked(st.pages * sizeof(*st.versions));
	st.latency_ns = locked(st.latency_room * sizeof(*st.latency_ns));
	if (st.versions == NULL || st.latency_ns == NULL)
		return -ENOMEM;
	start_zipf();
	return 0;
}

int
rows_run(const char *name)
{
	struct result r = {0};
	uint64_t in, out;

	memory_counts(st.memory, &in, &out);
	if (strcmp(name, "fill") == 0)
		run_sequence(fill_page, &r);
	else if (strcmp(name, "scan") == 0 || strcmp(name, "verify") == 0)
		run_sequence(scan_page, &r);
	else if (strcmp(name, "rmw") == 0)
		run_sequence(rmw_page, &r);
	else if (strcmp(name, "uniform") == 0)
		run_random(choose_uniform, check_tag, st.options.accesses, &r);
	else if (strcmp(name, "zipf") == 0)
		run_zipf(&r);
	else
		return -EINVAL;
	memory_counts(st.memory, &r.in, &r.out);
	r.in -= in;
	r.out -= out;
	print_result(name, &r);
	return 0;
}
