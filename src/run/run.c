/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run.c -- pageout run: the command line, and the order of things.
 *
 * Whatever can be wrong is found before the program starts: the command line,
 * the command, the swap space, the permission for userfaultfd (a pager is
 * opened in a child process, and closed again).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/keeper.h"
#include "base/opt.h"
#include "base/size.h"
#include "run/run.h"
#include "tools/kernelver.h"
#include "tools/memory.h"

enum { MEM = 1, SWAP, SWAP_SIZE, POLICY, REPORT, JSON, RECORD, NODES, FAULT };

static const struct opt options[] = {
	{.name = "mem",
         .letter = 'm',
         .id = MEM,
         .value = "SIZE",
         .help = "budget of each process, as in 64M, 1.5G or 25% of the "
                 "machine (default: half of what is free)"},
	{.name = "swap",
         .letter = 's',
         .id = SWAP,
         .value = "PATH",
         .help = "directory for the swap file; or a block device, or a "
                 "file of mkswap (default: $PAGEOUT_SWAP, $TMPDIR or "
                 "/var/tmp)"},
	{.name = "swap-size",
         .letter = 'S',
         .id = SWAP_SIZE,
         .value = "SIZE",
         .help = "size of the swap space (default: from the free space)"},
	{.name = "nodes",
         .letter = 'N',
         .id = NODES,
         .value = "N",
         .help = "share budget and swap space out to N nodes, which page out "
                 "in parallel (default: one a NUMA node)"},
	{.name = "fault",
         .letter = 'f',
         .id = FAULT,
         .value = "MODE",
         .help = "who serves a fault: a thread of its own, or inline the one "
                 "that faults (thread or inline; default: thread)"},
	{.name = "policy",
         .letter = 'p',
         .id = POLICY,
         .value = "NAME",
         .help = "which pages leave first (--policy=help: the list)"},
	{.name = "report",
         .letter = 'r',
         .id = REPORT,
         .value = "FILE",
         .value_is_optional = true,
         .help = "at the end tell how it went, on stderr or in FILE"},
	{.name = "json",
         .letter = 'j',
         .id = JSON,
         .help = "the report as one JSON object"},
	{.name = "record",
         .letter = 'R',
         .id = RECORD,
         .value = "FILE",
         .help = "write down all decisions, for pageout replay"},
	OPT_COMMON,
	{0},
};

static const struct opt_example examples[] = {
	{"pageout run --mem 1G -- sort -S 4G huge.txt",
         "sort in a quarter of the memory"},
	{"pageout run -m 25% --report -- python3 job.py",
         "and tell how it went"},
	{"pageout run --swap /scratch -- make -j4", "swap on another disk"},
	{0},
};

static const struct opt_program program = {
	.name = "pageout run",
	.synopsis = "[OPTION...] [--] COMMAND [ARGUMENT...]",
	.purpose = "Run a program in less memory than it asks for.",
	.options = options,
	.examples = examples,
	.see_also = "pageout-run(1)",
	.runs_command = true,
};

struct settings {
	struct keeper_options keep;
	char **argv;
	bool has_report, json;
	const char *report_file; /* NULL: stderr */
};

static int
fail(int status, const char *what, const char *why)
{
	(void)fprintf(stderr, "pageout: %s: %s\n", what, why);
	return status;
}

/* -- the command line ---------------------------------------------------- */

static int
parse_mem(const char *text, struct settings *s)
{
	char what[128], why[128], least[SIZE_TEXT_BYTES], most[SIZE_TEXT_BYTES];
	const char *reason;
	struct memory_room room;

	if (memory_room("", &room) < 0)
		return fail(RUN_FAILED, "/proc/meminfo", "cannot be read");
	(void)snprintf(what, sizeof(what), "--mem=%.80s", text);
	if (size_parse(text, room.total_bytes, &s->keep.mem_bytes, &reason) < 0)
		return fail(RUN_USAGE, what, reason);
	if (s->keep.mem_bytes >= PAGEOUT_MEM_BYTES_MIN &&
	    s->keep.mem_bytes <= room.total_bytes)
		return 0;
	(void)snprintf(why, sizeof(why), "must be from %s to %s, all there is",
	               size_text(least, PAGEOUT_MEM_BYTES_MIN),
	               size_text(most, room.total_bytes));
	return fail(RUN_USAGE, what, why);
}

static int
parse_nodes(const char *text, struct settings *s)
{
	char what[128], *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text >= '1' && *text <= '9' && *end == '\0' &&
	    n <= PAGER_NODES_MAX) {
		s->keep.nodes = (unsigned)n;
		return 0;
	}
	(void)snprintf(what, sizeof(what), "--nodes=%.80s", text);
	return fail(RUN_USAGE, what, "must be 1 to 8");
}

/* How many nodes there will be.  => 0 or an exit status */
static int
settle_nodes(struct settings *s)
{
	char what[64];
	int n;

	if (s->keep.record != NULL && s->keep.nodes > 1)
		return fail(RUN_USAGE, "--record",
		            "a record is of one node: leave out --nodes");
	if (s->keep.record != NULL)
		s->keep.nodes = 1;
	n = pager_nodes(s->keep.nodes, s->keep.mem_bytes);
	if (n > 0) {
		s->keep.nodes = (unsigned)n;
		return 0;
	}
	(void)snprintf(what, sizeof(what), "--nodes=%u", s->keep.nodes);
	return fail(RUN_USAGE, what, "the budget must have 4M for each");
}

static int
parse_swap_size(const char *text, struct settings *s)
{
	char what[128];
	const char *reason;

	(void)snprintf(what, sizeof(what), "--swap-size=%.80s", text);
	if (size_parse(text, 0, &s->keep.swap_bytes, &reason) < 0)
		return fail(RUN_USAGE, what, reason);
	if (s->keep.swap_bytes == 0)
		return fail(RUN_USAGE, what, "must be more than nothing");
	return 0;
}

/* The policies; or, of the one that is named, its tunables. */
static void
print_policies(FILE *to, const char *of)
{
	const char *help, *name;
	struct pager_tunable t;

	for (unsigned i = 0; (name = pager_policy_name(i, &help)) != NULL;
	     i++) {
		size_t n = strlen(name);

		if (of == NULL)
			(void)fprintf(to, "  %-12s %s\n", name, help);
		else if (strncmp(of, name, n) == 0 && of[n] == ':')
			for (unsigned j = 0; pager_policy_tunable(i, j, &t);
			     j++)
				(void)fprintf(
					to,
					"  %-16s %u (exact: %u), %u to %u: "
					"%s\n",
					t.name, t.preset, t.exact, t.min, t.max,
					t.help);
	}
}

static int
parse_policy(const char *name, struct settings *s)
{
	const char *wrong = pager_policy_wrong(name);

	s->keep.policy = name;
	if (strcmp(name, "help") == 0) {
		print_policies(stdout, NULL);
		return -1;
	}
	if (wrong != NULL && strcmp(wrong, "help") == 0) {
		print_policies(stdout, name);
		return -1;
	}
	if (name[0] != '\0' && wrong == NULL &&
	    strlen(name) < KEEPER_POLICY_BYTES)
		return 0;
	(void)fprintf(stderr,
	              "pageout: --policy=%s: unknown: \"%s\"; there are\n",
	              name, wrong == NULL ? name : wrong);
	print_policies(stderr, wrong == name ? NULL : name);
	return RUN_USAGE;
}

static int
parse_fault(const char *mode, struct settings *s)
{
	char what[128];

	if (strcmp(mode, "thread") == 0 || strcmp(mode, "inline") == 0) {
		s->keep.mode = *mode == 't' ? PAGEOUT_MODE_THREAD
		                            : PAGEOUT_MODE_INLINE;
		return 0;
	}
	(void)snprintf(what, sizeof(what), "--fault=%.80s", mode);
	return fail(RUN_USAGE, what, "must be thread or inline");
}

static int
parse_option(int id, const char *value, struct settings *s)
{
	switch (id) {
	case MEM:
		return parse_mem(value, s);
	case SWAP:
		s->keep.swap_path = value;
		return 0;
	case SWAP_SIZE:
		return parse_swap_size(value, s);
	case NODES:
		return parse_nodes(value, s);
	case FAULT:
		return parse_fault(value, s);
	case POLICY:
		return parse_policy(value, s);
	case REPORT:
		s->has_report = true;
		s->report_file = value;
		return 0;
	case RECORD:
		s->keep.record = value;
		return 0;
	case JSON:
		s->has_report = s->json = true;
		return 0;
	case OPT_HELP:
		opt_print_help(&program, stdout);
		return -1;
	default:
		opt_print_version(&program, stdout);
		return -1;
	}
}

/* => 0, an exit status, or -1: all is done */
static int
parse(int argc, char **argv, struct settings *s)
{
	struct opt_state state;
	struct memory_room room;
	const char *value;
	int id, r;

	*s = (struct settings){.keep = {.policy = "", .record_fd = -1}};
	opt_start(&state, &program, argc, argv);
	while ((id = opt_next(&state, &value)) > 0) {
		r = parse_option(id, value, s);
		if (r != 0)
			return r;
	}
	if (id < 0)
		return fail(RUN_USAGE, "run", state.error);
	if (state.operands_count == 0)
		return fail(RUN_USAGE, "run",
		            "no command; see pageout run --help");
	s->argv = state.operands;
	if (s->keep.mem_bytes == 0) {
		if (memory_room("", &room) < 0)
			return fail(RUN_FAILED, "/proc/meminfo",
			            "cannot be read");
		s->keep.mem_bytes = memory_budget(&room);
	}
	return settle_nodes(s);
}

/* -- before the start ---------------------------------------------------- */

/* => 0, or an exit status with the reason on stderr */
static int
probe_tell(int error)
{
	const char *why = pager_open_why(-error);

	if (error == 0)
		return 0;
	if (why == NULL)
		return fail(RUN_FAILED, "the pager does not start",
		            strerror(error));
	(void)fprintf(stderr, "pageout: %s\n", why);
	return RUN_CANNOT;
}

/* Open a pager in a child process: will the program's open? */
static int
probe(const struct settings *s, const struct pager_swapspace *swap)
{
	struct pager_config config = {
		.mem_bytes = s->keep.mem_bytes,
		.swap = *swap,
		.stat_fd = -1,
		.policy = s->keep.policy,
		.mode = s->keep.mode,
		.events = true,
		.own_signal = true,
	};
	struct pager *p;
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return fail(RUN_FAILED, "fork", strerror(errno));
	if (pid == 0)
		_exit(-pager_open(&p, &config));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (WIFSIGNALED(status))
		return fail(RUN_FAILED, "the pager does not start",
		            strsignal(WTERMSIG(status)));
	return probe_tell(WEXITSTATUS(status));
}

int
run_record_open(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

/*
 * The file is there before the program starts, and its name is good wherever
 * we go.
 * => 0, or an exit status
 */
static int
prepare_record(struct settings *s)
{
	static char path[4096];

	if (s->keep.record == NULL)
		return 0;
	s->keep.record_fd = run_record_open(s->keep.record);
	if (s->keep.record_fd < 0 || realpath(s->keep.record, path) == NULL)
		return fail(RUN_FAILED, s->keep.record, strerror(errno));
	s->keep.record = path;
	return 0;
}

/* => 0, or an exit status */
static int
prepare(const struct settings *s, struct command *c,
        struct pager_swapspace *swap)
{
	char reason[PAGER_REASON_MAX] = "", what[300];
	const char *why, *danger;
	int r;

	r = command_find(c, s->argv[0], &why);
	if (r != 0)
		return fail(r, s->argv[0], why);
	if (pager_swapspace_open(swap, s->keep.nodes, s->keep.swap_path,
	                         s->keep.swap_bytes, reason) < 0)
		return fail(RUN_FAILED, "swap space", reason);
	if (reason[0] != '\0')
		(void)fail(0, "swap space", reason);
	danger = kernel_danger("");
	if (danger != NULL)
		(void)fail(0, "warning", danger);
	r = probe(s, swap);
	if (r == 0 && c->unmanaged != NULL) {
		(void)snprintf(what, sizeof(what), "%.200s: runs unmanaged",
		               s->argv[0]);
		(void)fail(0, what, c->unmanaged);
	}
	return r;
}

/* -- the run ------------------------------------------------------------- */

static void
report(const struct settings *s, const struct launch *l, struct keeper *k,
       uint64_t wall_ns)
{
	struct report r = {
		.argv = s->argv,
		.status = l->status,
		.wall_ns = wall_ns,
		.mem_bytes = s->keep.mem_bytes,
		.usage = l->usage,
	};
	FILE *out = stderr;

	if (!s->has_report)
		return;
	r.each_count = keeper_accounts(k, &r.sum, &r.processes, &r.each);
	if (s->report_file != NULL)
		out = fopen(s->report_file, "we");
	if (out == NULL) {
		(void)fail(0, s->report_file, strerror(errno));
		return;
	}
	if (s->json)
		report_json(&r, out);
	else
		report_text(&r, out);
	if (out != stderr && fclose(out) != 0)
		(void)fail(0, s->report_file, strerror(errno));
}

/*
 * The program has ended, but processes that it started live on.  A process of
 * our own keeps what they need, and the launcher can return.
 */
static void
hold(struct launch *l, struct keeper *k)
{
	if (keeper_processes(k) == 0 || fork() != 0)
		return;
	launch_detach(l);
	keeper_serve(k, -1);
	_exit(0);
}

static int
run(const struct settings *s, struct launch *l, struct keeper *k,
    const struct command *c)
{
	uint64_t started = monotonic_ns(), wall_ns;
	char preload[8192];
	int r;

	if (launch_preload(preload, sizeof(preload)) < 0)
		return RUN_FAILED;
	r = launch_start(l, c, s->argv, preload, keeper_name(k));
	if (r != 0)
		return r;
	while (!l->ended) {
		keeper_serve(k, l->signal_fd);
		launch_events(l);
	}
	wall_ns = monotonic_ns() - started;
	keeper_settle(k);
	report(s, l, k, wall_ns);
	hold(l, k);
	return report_exit_status(l->status);
}

int
run_main(int argc, char **argv)
{
	struct pager_swapspace swap = {0};
	struct settings s;
	struct command c;
	struct launch l;
	struct keeper *k = NULL;
	int r;

	r = parse(argc, argv, &s);
	if (r != 0)
		return r < 0 ? 0 : r;
	r = prepare(&s, &c, &swap);
	if (r == 0)
		r = prepare_record(&s);
	if (r != 0)
		return r;
	r = launch_prepare(&l);
	if (r == 0)
		r = keeper_open(&k, &s.keep, &swap);
	if (r < 0)
		return fail(RUN_FAILED, "the keeper does not start",
		            strerror(-r));
	r = run(&s, &l, k, &c);
	keeper_close(k);
	return r;
}
