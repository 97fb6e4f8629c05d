/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * torture.c -- many seeds, on several processors, until one breaks a law.
 *
 * A run is named by policy, faults and seed.  Workers are processes; worker n
 * of m takes every m-th run.  What they count goes to shared memory, and so
 * does the run that each is at, so that the command which repeats a run is
 * printed even when the run took its process with it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/bits.h"
#include "base/opt.h"
#include "sim/sim.h"

#define JOBS_MAX 64
#define EVENTS_DEFAULT 1500

enum {
	OPT_SEEDS = 1,
	OPT_FIRST,
	OPT_SEED,
	OPT_POLICY,
	OPT_FAULTS,
	OPT_NODES,
	OPT_JOBS,
	OPT_EVENTS,
	OPT_VERBOSE,
	OPT_COVER,
	OPT_TRACE
};

static const struct opt options[] = {
	{.name = "seeds",
         .letter = 'n',
         .id = OPT_SEEDS,
         .value = "N",
         .help = "runs of each policy, with and without faults (default: 100)"},
	{.name = "first",
         .id = OPT_FIRST,
         .value = "SEED",
         .help = "the first seed (default: 1)"},
	{.name = "seed",
         .letter = 's',
         .id = OPT_SEED,
         .value = "SEED",
         .help = "this seed alone"},
	{.name = "policy",
         .letter = 'p',
         .id = OPT_POLICY,
         .value = "NAME",
         .help = "one policy, or all (default: all)"},
	{.name = "faults",
         .letter = 'f',
         .id = OPT_FAULTS,
         .value = "0|1",
         .help = "only without or only with faults of the world"},
	{.name = "nodes",
         .id = OPT_NODES,
         .value = "N",
         .help = "worlds of N nodes, 1 to 4 (default: one for most seeds)"},
	{.name = "jobs",
         .letter = 'j',
         .id = OPT_JOBS,
         .value = "N",
         .help = "processes (default: one for each processor)"},
	{.name = "events",
         .letter = 'e',
         .id = OPT_EVENTS,
         .value = "N",
         .help = "events of a run before it is wound up (default: 1500)"},
	{.name = "trace",
         .letter = 't',
         .id = OPT_TRACE,
         .help = "print every event; for one seed of one policy"},
	{.name = "cover",
         .id = OPT_COVER,
         .help = "fail when something never happened in any run"},
	{.name = "verbose",
         .letter = 'v',
         .id = OPT_VERBOSE,
         .help = "say how often each thing happened"},
	OPT_COMMON,
	{0},
};

static const struct opt_example examples[] = {
	{"torture --seeds=1000", "all policies, with and without faults"},
	{"torture --policy=clock --seed=17 --faults=1", "one run again"},
	{0},
};

static const struct opt_program program = {
	.name = "torture",
	.synopsis = "[OPTION...]",
	.purpose = "Run the core in a model world, seed after seed.",
	.options = options,
	.examples = examples,
};

/* What the command line asks for. */
struct plan {
	uint64_t first, seeds;
	const char *policy; /* NULL: all */
	int faults;         /* -1: both */
	unsigned nodes;     /* 0: by the seed */
	unsigned jobs;
	uint32_t events;
	bool verbose, cover, trace;
};

/* One run. */
struct run {
	uint64_t seed;
	const char *policy;
	bool faults;
	unsigned nodes;
};

/* In shared memory, one for each worker. */
struct worker {
	pid_t pid;
	struct run run; /* that it is at */
	bool failed;    /* and has said so */
	uint64_t runs;
	struct sim_counts count;
};

static const char *self;
static struct worker *me;
static struct plan plan;

/* -- failures ---------------------------------------------------------- */

static void
repeat(const struct run *r, const char *law, const char *what)
{
	char line[512];
	int n;

	n = snprintf(line, sizeof(line),
	             "# [%s] %s\n# repeat: %s --policy=%s --seed=%llu "
	             "--faults=%d --nodes=%u",
	             law, what, self, r->policy, (unsigned long long)r->seed,
	             r->faults, r->nodes);
	if (n > 0 && (size_t)n < sizeof(line) - 32)
		(void)snprintf(line + n, sizeof(line) - (size_t)n,
		               plan.events == EVENTS_DEFAULT ? "\n"
		                                             : " --events=%u\n",
		               plan.events);
	(void)!write(STDOUT_FILENO, line, strlen(line));
}

static void
run_failed(void *ctx, const char *law, const char *what)
{
	(void)ctx;
	me->failed = true;
	repeat(&me->run, law, what);
	_exit(1);
}

static void
assertion_failed(const char *expr, const char *file, int line, const char *func)
{
	char what[256];

	(void)snprintf(what, sizeof(what), "%s at %s:%d in %s()", expr, file,
	               line, func);
	run_failed(NULL, "must", what);
}

/* -- workers ----------------------------------------------------------- */

/* Each policy as it comes, and those that have an original, exactly. */
static const char *const specs[] = {
	"clock",
	"fifo",
	"2q",
	"random",
	"linux24",
	"kswapd",
	"linux24:quirks=exact",
	"kswapd:quirks=exact",
};

static uint64_t
runs_total(void)
{
	uint64_t n = plan.seeds;

	n *= plan.policy ? 1 : ARRAY_SIZE(specs);
	return plan.faults < 0 ? n * 2 : n;
}

/* A world of one seed in 8 has two nodes, of one in 32 four. */
static unsigned
nodes_of(uint64_t seed)
{
	if (seed % 32 == 31)
		return 4;
	return seed % 8 == 3 ? 2 : 1;
}

/* Neighbouring numbers differ in policy, then in faults, then in seed. */
static struct run
run_of(uint64_t i)
{
	struct run r = {.policy = plan.policy, .faults = plan.faults == 1};

	if (plan.policy == NULL) {
		r.policy = specs[i % ARRAY_SIZE(specs)];
		i /= ARRAY_SIZE(specs);
	}
	if (plan.faults < 0) {
		r.faults = i & 1;
		i /= 2;
	}
	r.seed = plan.first + i;
	r.nodes = plan.nodes ? plan.nodes : nodes_of(r.seed);
	return r;
}

_Noreturn static void
work(unsigned index)
{
	struct sim *s = sim_new();

	if (s == NULL)
		_exit(2);
	assert_fail = assertion_failed;
	for (uint64_t i = index; i < runs_total(); i += plan.jobs) {
		me->run = run_of(i);
		sim_start(s, &(struct sim_options){
				     .seed = me->run.seed,
				     .policy = me->run.policy,
				     .faults = me->run.faults,
				     .nodes = me->run.nodes,
				     .events = plan.events,
				     .trace = plan.trace,
				     .fail = run_failed,
			     });
		sim_run(s);
		me->runs++;
		me->count = s->count;
	}
	sim_delete(s);
	_exit(0);
}

static bool
start_workers(struct worker *workers)
{
	for (unsigned i = 0; i < plan.jobs; i++) {
		me = &workers[i];
		me->pid = fork();
		if (me->pid == 0)
			work(i);
		if (me->pid < 0) {
			perror("torture: fork");
			return false;
		}
	}
	return true;
}

/*
 * Wait for the workers; the first that fails ends the others.
 */
static bool
await_workers(struct worker *workers)
{
	bool good = true;
	int status;
	pid_t pid;

	while ((pid = wait(&status)) > 0) {
		for (unsigned i = 0; i < plan.jobs; i++) {
			struct worker *w = &workers[i];

			if (w->pid == pid && status != 0 && good && !w->failed)
				repeat(&w->run, "crash", "the run died");
			if (w->pid == pid)
				w->pid = 0;
		}
		if (status == 0 || !good)
			continue;
		good = false;
		for (unsigned i = 0; i < plan.jobs; i++)
			if (workers[i].pid > 0)
				(void)kill(workers[i].pid, SIGKILL);
	}
	return good;
}

/* -- what was seen ----------------------------------------------------- */

static bool
report(const struct worker *workers)
{
	static const char *const name[] = {
#define COUNT(name) #name,
#include "sim/counts.def"
#undef COUNT
	};
	uint64_t runs = 0;
	bool good = true;

	for (unsigned i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		uint64_t sum = 0;

		for (unsigned j = 0; j < plan.jobs; j++)
			sum += ((const uint64_t *)&workers[j].count)[i];
		if (plan.verbose)
			printf("%16s %llu\n", name[i], (unsigned long long)sum);
		if (sum == 0 && plan.cover) {
			printf("# never seen: %s\n", name[i]);
			good = false;
		}
	}
	for (unsigned j = 0; j < plan.jobs; j++)
		runs += workers[j].runs;
	printf("# %llu runs, no law broken\n", (unsigned long long)runs);
	return good;
}

/* -- the command line -------------------------------------------------- */

static bool
number(const char *text, uint64_t max, uint64_t *ret)
{
	char *end;

	*ret = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\0' && *ret <= max;
}

/* => false when the value of option id is no good */
static bool
take_option(int id, const char *value)
{
	uint64_t n = 0;
	bool good = true;

	if (id == OPT_POLICY) {
		struct core_config cfg;

		if (strcmp(value, "all") == 0)
			return true;
		plan.policy = value;
		return policy_parse(value, &cfg) == NULL;
	}
	if (value != NULL)
		good = number(value, id == OPT_FAULTS ? 1 : UINT64_MAX / 64,
		              &n);
	if (id == OPT_SEEDS)
		plan.seeds = n;
	else if (id == OPT_FIRST)
		plan.first = n;
	else if (id == OPT_SEED)
		plan.first = n, plan.seeds = 1;
	else if (id == OPT_FAULTS)
		plan.faults = (int)n;
	else if (id == OPT_NODES)
		plan.nodes = (unsigned)n, good &= n > 0 && n <= SIM_NODES_MAX;
	else if (id == OPT_JOBS)
		plan.jobs = (unsigned)n, good &= n > 0 && n <= JOBS_MAX;
	else if (id == OPT_EVENTS)
		plan.events = (uint32_t)n, good &= n <= 100000000;
	else if (id == OPT_VERBOSE)
		plan.verbose = true;
	else if (id == OPT_TRACE)
		plan.trace = true;
	else if (id == OPT_COVER)
		plan.cover = true;
	return good;
}

/* => the exit code, or -1 to go on */
static int
parse(int argc, char **argv)
{
	struct opt_state state;
	const char *value;
	int id;

	opt_start(&state, &program, argc, argv);
	while ((id = opt_next(&state, &value)) > 0) {
		if (id == OPT_HELP) {
			opt_print_help(&program, stdout);
			return 0;
		}
		if (id == OPT_VERSION) {
			opt_print_version(&program, stdout);
			return 0;
		}
		if (!take_option(id, value)) {
			(void)fprintf(stderr, "torture: bad value: %s\n",
			              value);
			return 2;
		}
	}
	if (id < 0 || state.operands_count > 0) {
		(void)fprintf(stderr, "torture: %s\n",
		              id < 0 ? state.error : "no operand wanted");
		return 2;
	}
	return -1;
}

int
main(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct worker *workers;
	int code;

	self = argv[0];
	plan = (struct plan){
		.first = 1,
		.seeds = 100,
		.faults = -1,
		.jobs = cpus > 0 && cpus < JOBS_MAX ? (unsigned)cpus : 1,
		.events = EVENTS_DEFAULT,
	};
	code = parse(argc, argv);
	if (code >= 0)
		return code;
	workers =
		mmap(NULL, plan.jobs * sizeof(*workers), PROT_READ | PROT_WRITE,
	             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (workers == MAP_FAILED) {
		perror("torture: mmap");
		return 1;
	}
	(void)fflush(stdout);
	if (!start_workers(workers))
		return 1;
	if (!await_workers(workers))
		return 1;
	return report(workers) ? 0 : 1;
}
