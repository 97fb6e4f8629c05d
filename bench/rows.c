/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rows.c -- what is done to the memory, and how long it takes.
 *
 * touch, fill, rmw and the scans go over all pages, in some order; the
 * random rows touch one page at a time, as sequence.c says, and keep the
 * latency of each access.  verify and warm, which are the accesses that lead to
 * uniform, are not measured.
 *
 * A disk has no pages to touch.  Bare I/O moves what a row must have moved, and
 * the result says how fast the row's accesses could be, no more.
 *
 * Several threads share a row: of those that go over all pages each has a part
 * of the order, of a random row each does the accesses to its blocks.  So
 * within a row a page is one thread's, and what is done does not depend on how
 * many there are.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "bench/bench.h"
#include "bench/disk.h"

enum {
	WORDS = BENCH_PAGE / sizeof(uint64_t),
	BLOCK = 512, /* pages, of one thread in a random row */
	STRIDE = 3,  /* pages, of the row of that name */
};

static struct {
	struct memory *memory;
	struct rows_options options;
	uint64_t pages;
	uint32_t *versions; /* of each page; locked in memory */
} st;

/* How much of the data a disk moves for a row. */
enum share { NOTHING, OUTSIDE /* what memory does not hold */, ALL };

/* A row that goes over all pages. */
struct row {
	const char *name;
	void (*access)(uint64_t page);
	uint64_t (*order)(uint64_t i, uint64_t count);
	enum share in, out;
};

/* What one of the threads does in a row. */
struct worker {
	pthread_t thread;
	unsigned id, threads;
	void (*access)(uint64_t page);
	uint64_t (*order)(uint64_t i, uint64_t count); /* of pages, or */
	const struct sequence *sequence; /* the pages of a random row */
	uint64_t from;                   /* the first access */
	uint64_t count;                  /* of accesses, or pages, of all */
	uint64_t start_ns, end_ns;
	uint64_t accesses;    /* that it has done */
	uint32_t *latency_ns; /* of each access of a random row; locked */
};

static _Thread_local uint64_t random_state; /* for what is written */

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
disk_failed(int error)
{
	(void)fprintf(stderr, "bench: the device: %s\n", strerror(-error));
	exit(1);
}

static void
no_thread(void)
{
	(void)fprintf(stderr, "bench: no thread could be made\n");
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
touch_page(uint64_t page)
{
	st.versions[page]++;
	page_at(page)[0] = tag(page);
}

static void
rmw_page(uint64_t page)
{
	check_tag(page);
	touch_page(page);
}

static void
rmw_half(uint64_t page)
{
	if (mix(random_state++) & 1)
		rmw_page(page);
	else
		check_tag(page);
}

/* -- orders of all pages, or of all blocks of a disk ----------------------- */

static uint64_t
forward(uint64_t i, uint64_t count)
{
	(void)count;
	return i;
}

static uint64_t
backward(uint64_t i, uint64_t count)
{
	return count - 1 - i;
}

/* Every third page, then those behind them, then the rest. */
static uint64_t
stride(uint64_t i, uint64_t count)
{
	uint64_t first = 0, n;

	while (i >= (n = (count - first + STRIDE - 1) / STRIDE)) {
		i -= n;
		first++;
	}
	return first + i * STRIDE;
}

/* Two scans in turn, of the lower and the upper half. */
static uint64_t
two_scans(uint64_t i, uint64_t count)
{
	uint64_t half = (count + 1) / 2;

	return i % 2 == 0 ? i / 2 : half + i / 2;
}

/* -- results --------------------------------------------------------------- */

static int
compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

struct result {
	uint64_t accesses, ns;
	struct memory_counts counts;
	double p50_us, p99_us, p999_us; /* of a random row, else 0 */
};

static double
percentile_us(const uint32_t *sorted_ns, uint64_t count, double share)
{
	uint64_t i = (uint64_t)(share * (double)count);

	return sorted_ns[i < count ? i : count - 1] / 1e3;
}

static void
sort_latencies(struct result *r, uint32_t *latency_ns)
{
	qsort(latency_ns, r->accesses, sizeof(*latency_ns), compare_u32);
	r->p50_us = percentile_us(latency_ns, r->accesses, 0.5);
	r->p99_us = percentile_us(latency_ns, r->accesses, 0.99);
	r->p999_us = percentile_us(latency_ns, r->accesses, 0.999);
}

static void
print_result(const char *row, const struct result *r)
{
	const struct memory_counts *c = &r->counts;
	double s = (double)(r->ns > 0 ? r->ns : 1) / 1e9;

	if (r->accesses == 0) {
		(void)printf("{\"row\": \"%s\"}\n", row);
		return;
	}
	(void)printf("{\"row\": \"%s\", \"seconds\": %.6f, \"accesses\": %llu, "
	             "\"mib_s\": %.3f, \"per_s\": %.3f, "
	             "\"in_pages\": %llu, \"out_pages\": %llu, "
	             "\"faults\": %llu, \"soft\": %llu, \"major\": %llu, "
	             "\"scanned\": %llu, \"reclaimed\": %llu",
	             row, s, (unsigned long long)r->accesses,
	             (double)(r->accesses * BENCH_PAGE >> 10) / 1024 / s,
	             (double)r->accesses / s, (unsigned long long)c->in,
	             (unsigned long long)c->out, (unsigned long long)c->faults,
	             (unsigned long long)c->soft, (unsigned long long)c->major,
	             (unsigned long long)c->scanned,
	             (unsigned long long)c->reclaimed);
	if (r->p999_us > 0)
		(void)printf(", \"mean_us\": %.3f, \"p50_us\": %.3f, "
		             "\"p99_us\": %.3f, \"p999_us\": %.3f",
		             s * 1e6 / (double)r->accesses, r->p50_us,
		             r->p99_us, r->p999_us);
	(void)printf("}\n");
	(void)fflush(stdout);
}

/* What is measured: the time and the counts between the two. */
static void
begin(struct result *r)
{
	memory_count(st.memory, &r->counts);
	r->ns = monotonic_ns();
}

static void
end(struct result *r, uint64_t now)
{
	struct memory_counts c, *before = &r->counts;

	r->ns = now - r->ns;
	memory_count(st.memory, &c);
	*before = (struct memory_counts){
		.in = c.in - before->in,
		.out = c.out - before->out,
		.soft = c.soft - before->soft,
		.major = c.major - before->major,
		.faults = c.faults - before->faults,
		.scanned = c.scanned - before->scanned,
		.reclaimed = c.reclaimed - before->reclaimed,
	};
}

/* Its part of the pages. */
static void
work_in_order(struct worker *w)
{
	uint64_t i = w->count * w->id / w->threads;
	uint64_t end = w->count * (w->id + 1) / w->threads;

	w->accesses = end - i;
	while (i < end)
		w->access(w->order(i++, w->count));
	w->end_ns = monotonic_ns();
}

/* The accesses to its blocks, until the time is over. */
static void
work_at_random(struct worker *w)
{
	uint64_t last = w->start_ns, t;

	for (uint64_t i = 0; i < w->count; i++) {
		uint64_t page = sequence_page(w->sequence, w->from + i);

		if (page / BLOCK % w->threads != w->id)
			continue;
		w->access(page);
		t = monotonic_ns();
		w->latency_ns[w->accesses++] = t - last < UINT32_MAX
		                                       ? (uint32_t)(t - last)
		                                       : UINT32_MAX;
		last = t;
		if (t - w->start_ns > st.options.time_ns)
			break;
	}
	w->end_ns = last;
}

static void *
work(void *ctx)
{
	struct worker *w = ctx;

	random_state = st.options.seed + w->id;
	if (w->sequence != NULL)
		work_at_random(w);
	else
		work_in_order(w);
	return NULL;
}

/*
 * All threads work like this one, which is the first of them.  The row takes as
 * long as the slowest.
 */
static void
run(const struct worker *like, struct result *r)
{
	struct worker w[THREADS_MAX];
	uint64_t last = 0;
	unsigned i = like->threads;

	begin(r);
	do {
		i--;
		w[i] = *like;
		w[i].id = i;
		w[i].start_ns = r->ns;
		if (like->latency_ns != NULL)
			w[i].latency_ns += i * like->count;
		if (i != 0 &&
		    pthread_create(&w[i].thread, NULL, work, &w[i]) != 0)
			no_thread();
	} while (i != 0);
	(void)work(&w[0]);
	r->accesses = 0;
	for (i = 0; i < like->threads; i++) {
		if (i != 0)
			(void)pthread_join(w[i].thread, NULL);
		if (like->latency_ns != NULL)
			memmove(like->latency_ns + r->accesses, w[i].latency_ns,
			        w[i].accesses * sizeof(*w[i].latency_ns));
		r->accesses += w[i].accesses;
		if (last < w[i].end_ns)
			last = w[i].end_ns;
	}
	end(r, last);
}

static void
run_in_order(void (*access)(uint64_t page),
             uint64_t (*order)(uint64_t i, uint64_t count), uint64_t pages,
             struct result *r)
{
	run(&(struct worker){.threads = st.options.threads,
	                     .access = access,
	                     .order = order,
	                     .count = pages},
	    r);
}

/* The accesses from this one on, as many as the row has. */
static void
run_at_random(const struct sequence *q, uint64_t from,
              void (*access)(uint64_t page), uint32_t *latency_ns,
              struct result *r)
{
	run(&(struct worker){.threads = q->threads,
	                     .access = access,
	                     .sequence = q,
	                     .from = from,
	                     .count = q->accesses,
	                     .latency_ns = latency_ns},
	    r);
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

/* What leads to a row lets the pages that are wanted often gather in memory. */
static void
run_lead(const struct sequence *q, void (*access)(uint64_t page),
         uint32_t *latency_ns, struct result *r)
{
	run_in_order(access, forward, q->hot_pages, r);
	run_at_random(q, -q->accesses, access, latency_ns, r);
}

/* -- bare I/O -------------------------------------------------------------- */

/* The pages that are not in memory when it is full. */
static uint64_t
pages_outside(void)
{
	return st.pages > st.options.frames ? st.pages - st.options.frames : 0;
}

static void
read_page(uint64_t page)
{
	int e = disk_read_page(st.memory->disk, page);

	if (e < 0)
		disk_failed(e);
}

/*
 * Each read stands for as many accesses as there are to a miss.  That is known
 * only where all pages are wanted alike; of other rows nothing is done.
 */
static void
read_misses(const char *name, const struct sequence *q, uint32_t *latency_ns,
            struct result *r)
{
	uint64_t outside = pages_outside();
	struct sequence reads = *q;

	reads.accesses = q->accesses * outside / st.pages;
	if (reads.accesses == 0 || strncmp(name, "uniform", 7) != 0)
		return;
	run_at_random(&reads, 0, read_page, latency_ns, r);
	sort_latencies(r, latency_ns);
	r->accesses = r->accesses * st.pages / outside;
}

/* What is moved stands for an access to every page. */
static void
move_pages(const struct row *row, struct result *r)
{
	uint64_t pages[] = {
		[NOTHING] = 0,
		[OUTSIDE] = pages_outside(),
		[ALL] = pages_outside() > 0 ? st.pages : 0,
	};
	struct disk_way in = {pages[row->in] * BENCH_PAGE, row->order};
	struct disk_way out = {pages[row->out] * BENCH_PAGE, row->order};
	int e;

	if (in.bytes + out.bytes == 0)
		return;
	begin(r);
	e = disk_move(st.memory->disk, &in, &out);
	if (e < 0)
		disk_failed(e);
	end(r, monotonic_ns());
	r->accesses = st.pages;
}

/* ------------------------------------------------------------------------- */

static void
run_random(const char *name, const struct sequence *q, uint32_t *latency_ns,
           struct result *r)
{
	bool is_lead = strcmp(name, "warm") == 0;
	bool is_zipf = strcmp(name, "zipf") == 0;
	void (*access)(uint64_t page) = is_zipf ? rmw_half : check_tag;

	if (is_lead || is_zipf || q->hot_pages > 0)
		run_lead(q, access, latency_ns, r);
	if (!is_lead)
		run_at_random(q, 0, access, latency_ns, r);
	sort_latencies(r, latency_ns);
}

/* => returns 0, -EINVAL: no such row, or -ENOMEM */
static int
run_random_row(const char *name, struct result *r)
{
	struct sequence_options o = {
		.seed = st.options.seed,
		.pages = st.pages,
		.frames = st.options.frames,
		.accesses = st.options.accesses,
		.threads = st.options.threads,
	};
	struct sequence q;
	uint32_t *latency_ns;
	size_t bytes;
	int e;

	e = sequence_start(&q, strcmp(name, "warm") == 0 ? "uniform" : name,
	                   &o);
	if (e < 0)
		return e;
	bytes = q.threads * q.accesses * sizeof(*latency_ns);
	latency_ns = locked(bytes);
	if (latency_ns == NULL)
		return -ENOMEM;
	if (st.memory->disk != NULL)
		read_misses(name, &q, latency_ns, r);
	else
		run_random(name, &q, latency_ns, r);
	(void)munmap(latency_ns, bytes);
	return 0;
}

int
rows_start(struct memory *m, const struct rows_options *o)
{
	st.memory = m;
	st.options = *o;
	st.pages = m->bytes / BENCH_PAGE;
	st.versions = locked(st.pages * sizeof(*st.versions));
	return st.versions != NULL ? 0 : -ENOMEM;
}

static const struct row rows_in_order[] = {
	{"touch", touch_page, forward, NOTHING, NOTHING},
	{"fill", fill_page, forward, NOTHING, OUTSIDE},
	{"scan", scan_page, forward, ALL, NOTHING},
	{"rmw", rmw_page, forward, ALL, OUTSIDE},
	{"backward", scan_page, backward, OUTSIDE, NOTHING},
	{"stride", scan_page, stride, ALL, NOTHING},
	{"streams", scan_page, two_scans, ALL, NOTHING},
	{"verify", scan_page, forward, NOTHING, NOTHING},
};

int
rows_run(const char *name)
{
	struct result r = {0};
	unsigned i = 0, n = sizeof(rows_in_order) / sizeof(*rows_in_order);
	const struct row *row;
	int e = 0;

	while (i < n && strcmp(name, rows_in_order[i].name) != 0)
		i++;
	row = i < n ? &rows_in_order[i] : NULL;
	if (row == NULL)
		e = run_random_row(name, &r);
	else if (st.memory->disk != NULL)
		move_pages(row, &r);
	else
		run_in_order(row->access, row->order, st.pages, &r);
	if (e == 0)
		print_result(name, &r);
	return e;
}
