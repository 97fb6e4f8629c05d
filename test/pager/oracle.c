/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oracle.c -- every page says what it is, and is asked all the time.
 *
 * Threads work on more data than the budget holds.  Before anything is done to
 * a page it is checked: the header and some words always, every byte now and
 * then.  Operations:
 *
 *	check, write all, write the header, write and restore, discard,
 *	remap (unmap a chunk, map another), protect (none and read-only, and
 *	back), system call into a pinned page, hints, fork of a child that exits
 *
 * Threads are not deterministic; the seed fixes what each of them tries, not
 * who wins.  One case for each budget and policy, as TAP.  Exit status 77: no
 * user-space faults here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <pageout/pageout.h>

#include "base/bits.h"
#include "base/clock.h"
#include "base/opt.h"
#include "base/size.h"
#include "test/pager/oracle.h"

enum {
	THREADS_MAX = 64,
	STUCK_S = 120, /* without a check: a hang */
};

static uint64_t data_bytes = (uint64_t)96 << 20, checks = 100000, seed;
static uint64_t threads = 8, nodes = 1;
static const char *budgets = "5,10,25,50,90", *policies, *swap_path;
static enum pageout_mode mode;
static bool shows_progress, compacts;

static struct worker workers[THREADS_MAX];

static void *
worker_main(void *arg)
{
	struct worker *w = arg;

	while (atomic_load_explicit(&checks_done, memory_order_relaxed) <
	       checks)
		step(w);
	return NULL;
}

static void
log_line(void *ctx, enum pageout_log_level level, const char *line)
{
	(void)ctx;
	if (level <= PAGEOUT_LOG_WARNING)
		printf("# engine: %s\n", line);
}

/* => returns as pageout_open() */
static int
start(unsigned budget, const char *policy)
{
	void *data;
	int r;

	r = pageout_open(&engine,
	                 &(struct pageout_options){
				 .mem_bytes = data_bytes * budget / 100,
				 .swap_bytes = data_bytes * 3,
				 .swap_path = swap_path,
				 .policy = policy,
				 .mode = mode,
				 .log = log_line,
				 .nodes = (unsigned)nodes,
			 });
	if (r < 0)
		return r;
	must_work(pageout_map(engine, data_bytes, 0, &data), "map");
	for (uint64_t i = 0; i < pages_total / CHUNK_PAGES; i++)
		chunks[i].start = (char *)data + i * CHUNK_PAGES * PAGE_BYTES;
	for (uint64_t i = 0; i < pages_total; i++)
		pages[i].header = (struct header){0};
	atomic_store(&checks_done, 0);
	for (unsigned i = 0; i < threads; i++) {
		workers[i].id = i + 1;
		workers[i].random = seed * THREADS_MAX + i;
		if (pthread_create(&workers[i].thread, NULL, worker_main,
		                   &workers[i]) != 0)
			must_work(-EAGAIN, "pthread_create");
	}
	return 0;
}

/*
 * Have the kernel move pages about: what it is moving refuses to be moved by
 * us, or worse.  It does so by itself when it is short of huge pages.
 */
static void
compact(void)
{
	int fd = open("/proc/sys/vm/compact_memory", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "1", 1) != 1) {
		printf("1..0 # SKIP compact_memory: %s\n", strerror(errno));
		exit(0);
	}
	(void)close(fd);
}

/* The budget is never passed, whatever happens. */
static void
check_budget(void)
{
	uint64_t v[PAGEOUT_STATS] = {0};

	(void)pageout_stats(engine, v, PAGEOUT_STATS);
	if (v[PAGEOUT_STAT_mem_used] <= v[PAGEOUT_STAT_mem_limit])
		return;
	printf("not ok - %llu bytes used of a budget of %llu\n# repeat: %s\n",
	       (unsigned long long)v[PAGEOUT_STAT_mem_used],
	       (unsigned long long)v[PAGEOUT_STAT_mem_limit], repeat);
	(void)fflush(stdout);
	_exit(1);
}

/* Watch the threads until they are done; end the run if they never are. */
static void
wait_for_workers(void)
{
	const struct timespec tick = {.tv_nsec =
	                                      compacts ? 1000000 : 100000000};
	const uint64_t ticks_s = 1000000000u / (uint64_t)tick.tv_nsec;
	uint64_t done, last = 0, quiet = 0;

	while ((done = atomic_load(&checks_done)) < checks) {
		(void)nanosleep(&tick, NULL);
		check_budget();
		if (compacts)
			compact();
		quiet = done == last ? quiet + 1 : 0;
		last = done;
		if (quiet > STUCK_S * ticks_s) {
			printf("not ok - stuck: no check in %d s\n# repeat: "
			       "%s\n",
			       STUCK_S, repeat);
			(void)fflush(stdout);
			_exit(1);
		}
		if (shows_progress)
			(void)fprintf(
				stderr, "\r%3llu %% ",
				(unsigned long long)(done * 100 / checks));
	}
	if (shows_progress)
		(void)fprintf(stderr, "\r");
	for (unsigned i = 0; i < threads; i++)
		(void)pthread_join(workers[i].thread, NULL);
}

/* The last look: every page, every byte that page_check() happens to choose. */
static void
check_all(void)
{
	for (uint64_t i = 0; i < pages_total; i++)
		page_check(&workers[0], i);
}

static void
run_case(unsigned number, unsigned budget, const char *policy)
{
	uint64_t v[PAGEOUT_STATS] = {0}, since = monotonic_ns();
	int r = start(budget, policy);

	if (r == -EPERM || r == -ENOSYS) {
		printf("ok %u - budget %u %% # SKIP %s\n", number, budget,
		       strerror(-r));
		return;
	}
	must_work(r, "open");
	wait_for_workers();
	check_all();
	(void)pageout_stats(engine, v, PAGEOUT_STATS);
	printf("ok %u - budget %u %%, %s, %s, nodes %llu: %llu checks, 0 "
	       "mismatches\n",
	       number, budget,
	       mode == PAGEOUT_MODE_INLINE ? "inline" : "thread",
	       policy != NULL ? policy : "default policy",
	       (unsigned long long)nodes,
	       (unsigned long long)atomic_load(&checks_done));
	printf("# %.1f s, %llu faults, %llu pages in, %llu out, seed %llu;",
	       (double)(monotonic_ns() - since) / 1e9,
	       (unsigned long long)v[PAGEOUT_STAT_pgfault],
	       (unsigned long long)v[PAGEOUT_STAT_pswpin],
	       (unsigned long long)v[PAGEOUT_STAT_pswpout],
	       (unsigned long long)seed);
	for (unsigned i = 0; i < OPERATIONS; i++)
		printf(" %llu %s%s",
		       (unsigned long long)atomic_exchange(&operation_counts[i],
		                                           0),
		       operation_names[i], i + 1 < OPERATIONS ? "," : "\n");
	(void)fflush(stdout);
	pageout_close(engine);
}

enum {
	OPT_DATA = 1,
	OPT_BUDGETS,
	OPT_CHECKS,
	OPT_MODE,
	OPT_POLICIES,
	OPT_SEED,
	OPT_THREADS,
	OPT_NODES,
	OPT_FORKS,
	OPT_SWAP,
	OPT_PROGRESS,
	OPT_COMPACT,
};

static const struct opt options[] = {
	{"data", 0, OPT_DATA, "SIZE", false, "data (default: 96M)"},
	{"budgets", 0, OPT_BUDGETS, "N,N...", false,
         "budgets in percent of the data (default: 5,10,25,50,90)"},
	{"checks", 0, OPT_CHECKS, "N", false,
         "checks of a page, each case (default: 100000)"},
	{"mode", 0, OPT_MODE, "NAME", false, "thread or inline"},
	{"policies", 0, OPT_POLICIES, "NAME,NAME...", false,
         "reclaim policies (default: the engine's)"},
	{"seed", 0, OPT_SEED, "N", false, "seed (default: from the clock)"},
	{"threads", 0, OPT_THREADS, "N", false, "threads (default: 8)"},
	{"nodes", 0, OPT_NODES, "N", false, "nodes (default: 1)"},
	{"forks", 0, OPT_FORKS, "N", false,
         "forks in a million operations (default: 100)"},
	{"swap", 0, OPT_SWAP, "PATH", false, "place of the swap file"},
	{"compact", 0, OPT_COMPACT, NULL, false,
         "have the kernel move pages meanwhile (root)"},
	{"progress", 0, OPT_PROGRESS, NULL, false, "show how far it is"},
	OPT_COMMON,
	{0},
};

static const struct opt_program program = {
	.name = "oracle",
	.synopsis = "[OPTION...]",
	.purpose = "Check the contents of pages while they come and go.",
	.options = options,
};

static void
usage_error(const char *what, const char *why)
{
	(void)fprintf(stderr, "oracle: %s: %s\n", what, why);
	exit(2);
}

static uint64_t
number(const char *text, uint64_t least, uint64_t most)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || n < least || n > most)
		usage_error(text, "not a number that can be used here");
	return n;
}

static void
set_option(int id, const char *value)
{
	const char *why;

	switch (id) {
	case OPT_DATA:
		if (size_parse(value, 0, &data_bytes, &why) < 0)
			usage_error(value, why);
		break;
	case OPT_BUDGETS:
		budgets = value;
		break;
	case OPT_CHECKS:
		checks = number(value, 1, UINT64_MAX);
		break;
	case OPT_MODE:
		if (strcmp(value, "thread") != 0 &&
		    strcmp(value, "inline") != 0)
			usage_error(value, "not thread or inline");
		mode = value[0] == 'i' ? PAGEOUT_MODE_INLINE
		                       : PAGEOUT_MODE_THREAD;
		break;
	case OPT_POLICIES:
		policies = value;
		break;
	case OPT_SEED:
		seed = number(value, 0, UINT64_MAX);
		break;
	case OPT_THREADS:
		threads = number(value, 1, THREADS_MAX);
		break;
	case OPT_NODES:
		nodes = number(value, 1, 64);
		break;
	case OPT_FORKS:
		forks = number(value, 0, 1000000);
		break;
	case OPT_SWAP:
		swap_path = value;
		break;
	case OPT_COMPACT:
		compacts = true;
		break;
	case OPT_PROGRESS:
		shows_progress = true;
		break;
	case OPT_HELP:
		opt_print_help(&program, stdout);
		exit(0);
	default:
		opt_print_version(&program, stdout);
		exit(0);
	}
}

/* The command line with the seed that was chosen behind it. */
static void
set_repeat(int argc, char **argv)
{
	size_t n = 0;

	for (int i = 0; i < argc && n < sizeof(repeat); i++)
		if (strncmp(argv[i], "--seed=", 7) != 0)
			n += (size_t)snprintf(repeat + n, sizeof(repeat) - n,
			                      "%s ", argv[i]);
	if (n < sizeof(repeat))
		(void)snprintf(repeat + n, sizeof(repeat) - n, "--seed=%llu",
		               (unsigned long long)seed);
}

/*
 * Direct input and output where that can be had: then a device, not the kernel,
 * writes into the pages.
 */
static int
open_file(void)
{
	const char *place = swap_path;
	int fd;

	if (place == NULL)
		place = getenv("PAGEOUT_SWAP");
	if (place == NULL)
		place = "/var/tmp";
	fd = open(place, O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
	return fd >= 0 ? fd : memfd_create("oracle", MFD_CLOEXEC);
}

static void
make_tables(void)
{
	data_bytes = round_down(data_bytes, CHUNK_PAGES * PAGE_BYTES);
	pages_total = data_bytes / PAGE_BYTES;
	pages = calloc(pages_total, sizeof(*pages));
	chunks = calloc(pages_total / CHUNK_PAGES, sizeof(*chunks));
	if (pages_total == 0 || pages == NULL || chunks == NULL)
		usage_error("--data", "too small or too large");
	for (uint64_t i = 0; i < pages_total; i++)
		(void)pthread_mutex_init(&pages[i].lock, NULL);
	for (uint64_t i = 0; i < pages_total / CHUNK_PAGES; i++)
		(void)pthread_rwlock_init(&chunks[i].lock, NULL);
	for (unsigned i = 0; i < threads; i++) {
		workers[i].file = open_file();
		if (workers[i].file < 0)
			must_work(-errno, "open");
	}
}

/* Every policy with every budget. */
static void
run_cases(void)
{
	char policy_list[256] = "", budget_list[256], *p, *b, *save_p, *save_b;
	unsigned case_number = 0;

	if (policies != NULL)
		(void)snprintf(policy_list, sizeof(policy_list), "%s",
		               policies);
	p = strtok_r(policy_list, ",", &save_p);
	do {
		(void)snprintf(budget_list, sizeof(budget_list), "%s", budgets);
		for (b = strtok_r(budget_list, ",", &save_b); b != NULL;
		     b = strtok_r(NULL, ",", &save_b))
			run_case(++case_number, (unsigned)number(b, 1, 400), p);
		if (p != NULL)
			p = strtok_r(NULL, ",", &save_p);
	} while (p != NULL);
	printf("1..%u\n", case_number);
}

int
main(int argc, char **argv)
{
	struct opt_state s;
	const char *value;
	int id;

	seed = monotonic_ns() / 1000000 % 1000000007;
	forks = 100;
	opt_start(&s, &program, argc, argv);
	while ((id = opt_next(&s, &value)) > 0)
		set_option(id, value);
	if (id < 0)
		usage_error(s.error, "see --help");
	set_repeat(argc, argv);
	must_pin = mode == PAGEOUT_MODE_INLINE;
	make_tables();
	run_cases();
	return 0;
}
