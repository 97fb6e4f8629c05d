/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench.c -- one process of a measurement.
 *
 *	bench work ROW,ROW... BACKEND	does the rows, in this order, over one
 *					memory, and prints a line of JSON each
 *	bench optimum ROW,ROW...	says how many accesses of random rows
 *					would miss under Belady's MIN
 *	bench disk FOLDER		measures the disk
 *
 * bench/run starts it for every column in turn, and makes the table.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/opt.h"
#include "base/size.h"
#include "bench/bench.h"
#include "bench/disk.h"

enum {
	OPT_SIZE = 1,
	OPT_MEM,
	OPT_SWAP,
	OPT_POLICY,
	OPT_CGROUP,
	OPT_ACCESSES,
	OPT_TIME,
	OPT_SEED,
	OPT_THREADS,
	OPT_NODES
};

static const struct opt options[] = {
	{"size", 0, OPT_SIZE, "SIZE", false, "data (default: 1G)"},
	{"mem", 0, OPT_MEM, "SIZE", false, "memory for them (default: 256M)"},
	{"swap", 0, OPT_SWAP, "PATH", false, "place of the swap file"},
	{"policy", 0, OPT_POLICY, "NAME", false, "reclaim policy"},
	{"cgroup", 0, OPT_CGROUP, "PATH", false, "control group to enter"},
	{"accesses", 0, OPT_ACCESSES, "N", false,
         "random accesses (default: 60000)"},
	{"time", 0, OPT_TIME, "TIME", false,
         "end of a random row (default: 5s)"},
	{"seed", 0, OPT_SEED, "N", false, "seed of data and accesses"},
	{"threads", 0, OPT_THREADS, "N", false,
         "threads that share a row (default: 1)"},
	{"nodes", 0, OPT_NODES, "N", false,
         "nodes of pageout (default: as the machine has)"},
	OPT_COMMON,
	{0},
};

static const struct opt_program program = {
	.name = "bench",
	.synopsis = "[OPTION...] work ROW[,ROW...] BACKEND | "
		    "optimum ROW[,ROW...] | disk FOLDER",
	.purpose = "Do the accesses of a benchmark over one kind of memory.",
	.options = options,
};

static const char *const backends[BACKENDS] = {
	[BACKEND_PLAIN] = "plain",   [BACKEND_KERNEL] = "kernel",
	[BACKEND_THREAD] = "thread", [BACKEND_INLINE] = "inline",
	[BACKEND_DEVICE] = "device",
};

static struct memory_options memory_options = {
	.size_bytes = (uint64_t)1 << 30,
	.mem_bytes = (uint64_t)256 << 20,
};
static struct rows_options rows_options = {
	.seed = 1,
	.accesses = 60000,
	.time_ns = 5000000000u,
	.threads = 1,
};

static void
fail(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench: %s: %s\n", what, why);
	exit(2);
}

static uint64_t
read_size(const char *text)
{
	const char *why;
	uint64_t bytes;

	if (size_parse(text, 0, &bytes, &why) < 0)
		fail(text, why);
	return bytes & ~(uint64_t)(BENCH_PAGE - 1);
}

static uint64_t
read_number(const char *text)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || end == text)
		fail(text, "not a number");
	return n;
}

static unsigned
read_count(const char *text, uint64_t max)
{
	uint64_t n = read_number(text);

	if (n < 1 || n > max)
		fail(text, "out of range");
	return (unsigned)n;
}

static void
set_option(int id, const char *value)
{
	const char *why;

	switch (id) {
	case OPT_SIZE:
		memory_options.size_bytes = read_size(value);
		break;
	case OPT_MEM:
		memory_options.mem_bytes = read_size(value);
		break;
	case OPT_SWAP:
		memory_options.swap_path = value;
		break;
	case OPT_POLICY:
		memory_options.policy = value;
		break;
	case OPT_CGROUP:
		memory_options.cgroup = value;
		break;
	case OPT_ACCESSES:
		rows_options.accesses = read_number(value);
		break;
	case OPT_TIME:
		if (time_parse(value, &rows_options.time_ns, &why) < 0)
			fail(value, why);
		break;
	case OPT_SEED:
		rows_options.seed = read_number(value);
		break;
	case OPT_THREADS:
		rows_options.threads = read_count(value, THREADS_MAX);
		break;
	case OPT_NODES:
		memory_options.nodes = read_count(value, UINT_MAX);
		break;
	case OPT_HELP:
		opt_print_help(&program, stdout);
		exit(0);
	default:
		opt_print_version(&program, stdout);
		exit(0);
	}
}

static double
seconds(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

static int
work(char *rows, const char *backend)
{
	struct memory memory;
	struct rusage usage, before;
	const char *why;
	char *save;
	int r, i;

	for (i = 0; i < BACKENDS && strcmp(backend, backends[i]) != 0; i++)
		;
	if (i == BACKENDS)
		fail(backend, "no such backend");
	if (memory_options.size_bytes == 0)
		fail("--size", "too small");
	memory_options.backend = (enum backend)i;
	r = memory_open(&memory, &memory_options, &why);
	if (r < 0) {
		(void)fprintf(stderr, "bench: %s: %s: %s\n", backend, why,
		              strerror(-r));
		return r == -EINVAL ? 2 : 77; /* ours, or the machine's */
	}
	rows_options.frames = memory_options.mem_bytes / BENCH_PAGE;
	r = rows_start(&memory, &rows_options);
	if (r < 0)
		fail("memory for the tables", strerror(-r));
	(void)getrusage(RUSAGE_SELF, &before);
	for (char *row = strtok_r(rows, ",", &save); row != NULL;
	     row = strtok_r(NULL, ",", &save)) {
		r = rows_run(row);
		if (r < 0)
			fail(row, r == -EINVAL ? "no such row" : strerror(-r));
	}
	(void)getrusage(RUSAGE_SELF, &usage);
	(void)printf("{\"row\": \"end\", \"max_rss_kib\": %ld, "
	             "\"user_s\": %.6f, \"system_s\": %.6f}\n",
	             usage.ru_maxrss,
	             seconds(&usage.ru_utime) - seconds(&before.ru_utime),
	             seconds(&usage.ru_stime) - seconds(&before.ru_stime));
	memory_close(&memory);
	return 0;
}

static int
optimum(char *rows)
{
	struct sequence_options o = {
		.seed = rows_options.seed,
		.pages = memory_options.size_bytes / BENCH_PAGE,
		.frames = memory_options.mem_bytes / BENCH_PAGE,
		.accesses = rows_options.accesses,
	};
	struct sequence q;
	uint64_t misses;
	char *save;
	int r;

	for (char *row = strtok_r(rows, ",", &save); row != NULL;
	     row = strtok_r(NULL, ",", &save)) {
		if (o.pages == 0 || sequence_start(&q, row, &o) < 0)
			fail(row, "no such random row");
		r = sequence_optimum(&q, (uint32_t)o.frames, &misses);
		if (r < 0)
			fail(row, strerror(-r));
		(void)printf("{\"row\": \"%s\", \"accesses\": %llu, "
		             "\"misses\": %llu}\n",
		             row, (unsigned long long)q.accesses,
		             (unsigned long long)misses);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct opt_state s;
	const char *value;
	int id;

	opt_start(&s, &program, argc, argv);
	while ((id = opt_next(&s, &value)) > 0)
		set_option(id, value);
	if (id < 0) {
		(void)fprintf(stderr, "bench: %s\n", s.error);
		return 2;
	}
	if (s.operands_count == 3 && strcmp(s.operands[0], "work") == 0)
		return work(s.operands[1], s.operands[2]);
	if (s.operands_count == 2 && strcmp(s.operands[0], "optimum") == 0)
		return optimum(s.operands[1]);
	if (s.operands_count == 2 && strcmp(s.operands[0], "disk") == 0)
		return disk_probe(s.operands[1]);
	opt_print_help(&program, stderr);
	return 2;
}
