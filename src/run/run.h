/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run.h -- pageout run: start a program, keep what it needs, tell how it went.
 *
 *	run.c     the command line, the order of things
 *	command.c which file a command is, and whether it can be managed
 *	launch.c  the child process and its environment; signals
 *	keeper.c  the socket and the processes; keeping.c one of them
 *	report.c  the numbers at the end
 *
 * The launcher is the keeper: one process, one thread, one poll loop.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "pageout/stat.h"
#include "pager/pager.h"

enum {
	RUN_FAILED = 1,
	RUN_USAGE = 2,
	RUN_CANNOT = 77,
	RUN_NOT_EXECUTABLE = 126,
	RUN_NOT_FOUND = 127,
	RUN_KILLED = 128
};

int run_main(int argc, char **argv);

/* An empty file for a record.  => a descriptor, or -1 with errno */
int run_record_open(const char *path);

/* -- command.c ----------------------------------------------------------- */

struct command {
	char path[4096];
	const char *unmanaged; /* why the agent cannot be loaded; or NULL */
};

/*
 * Find the file of a command as a shell would.
 * => returns 0, RUN_NOT_FOUND or RUN_NOT_EXECUTABLE with *ret_why set
 */
int command_find(struct command *ret, const char *name, const char **ret_why);

/* -- keeper.c ------------------------------------------------------------ */

struct keeper_options {
	uint64_t mem_bytes;
	unsigned nodes;
	uint64_t swap_bytes;   /* 0: chosen from the free space */
	const char *swap_path; /* NULL: the default */
	const char *policy;    /* "": the default */
	enum pageout_mode mode;
	const char *record; /* absolute path, or NULL */
	int record_fd;      /* that file, for the first process */
};

/* What is known of one process, while it runs and after. */
struct account {
	pid_t pid;
	char command[64];
	uint64_t swap_peak_bytes;
	uint64_t values[PAGEOUT_STATS];
};

enum { ACCOUNTS_MAX = 32 };

struct keeper;

/*
 * Open the socket, and take over the swap file for the first process.
 * => returns 0 or a negative errno
 */
int keeper_open(struct keeper **ret, const struct keeper_options *options,
                const struct pager_swapspace *first);
const char *keeper_name(const struct keeper *k);

/*
 * Wait for events: serve processes, and return when descriptor fd is readable.
 * fd -1: return when no process is left.
 */
void keeper_serve(struct keeper *k, int fd);

/* Serve what is waiting already; the accounts are up to date then. */
void keeper_settle(struct keeper *k);
unsigned keeper_processes(const struct keeper *k); /* alive and managed */

/*
 * What has been counted: the sum, how many processes, and those that paged
 * most, each on its own.
 * => called once, at the end
 * => returns how many are in *ret_each
 */
unsigned keeper_accounts(struct keeper *k, struct account *ret_sum,
                         unsigned *ret_processes,
                         const struct account **ret_each);
void keeper_close(struct keeper *k);

/* -- launch.c ------------------------------------------------------------ */

struct launch {
	pid_t pid;
	int signal_fd; /* readable: call launch_events() */
	bool ended;
	int status; /* as of wait() */
	struct rusage usage;
};

/* Block signals, before anything else happens.  => 0 or a negative errno */
int launch_prepare(struct launch *l);
/*
 * The libraries to load into the program, as LD_PRELOAD has them.
 * => returns 0, or -ENOENT: the agent is missing; warnings go to stderr
 */
int launch_preload(char *text, size_t bytes);
/*
 * Start the command.
 * => returns 0, or an exit status with the reason on stderr
 */
int launch_start(struct launch *l, const struct command *c, char **argv,
                 const char *preload, const char *keeper);
/* Pass signals on, and notice the end. */
void launch_events(struct launch *l);
/* In a process that outlives the launcher. */
void launch_detach(struct launch *l);

/* -- report.c ------------------------------------------------------------ */

struct report {
	char **argv;
	int status; /* as of wait() */
	uint64_t wall_ns;
	uint64_t mem_bytes;
	struct rusage usage;
	struct account sum;
	unsigned processes;
	const struct account *each;
	unsigned each_count;
};
void report_text(const struct report *r, FILE *out);
void report_json(const struct report *r, FILE *out);

/* The exit status that stands for a wait() status. */
int report_exit_status(int status);

#endif
