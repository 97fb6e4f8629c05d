/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c -- the front command: pageout COMMAND.
 */
#include <stdio.h>
#include <string.h>

#include "run/run.h"
#include "tools/tools.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{"run", run_main, "run a program in less memory than it asks for"},
	{"stat", stat_main, "show what running engines count"},
	{"doctor", doctor_main,
         "say whether this machine is ready, and why not"},
	{"replay", replay_main,
         "do a recorded run again and compare every decision"},
	{"sim", sim_main, "replay page accesses under policies and compare"},
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void
help(FILE *out)
{
	(void)fprintf(out, "Usage: pageout COMMAND [ARGUMENT...]\n"
	                   "Run programs in less memory than they ask for.\n\n"
	                   "Commands:\n");
	for (unsigned i = 0; i < COMMANDS; i++)
		(void)fprintf(out, "  %-10s %s\n", commands[i].name,
		              commands[i].help);
	(void)fprintf(out, "\nOptions:\n"
	                   "  -h, --help     show this help\n"
	                   "  -V, --version  show the version\n\n"
	                   "See pageout COMMAND --help, and pageout(1).\n");
}

int
main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	for (unsigned i = 0; i < COMMANDS; i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 ||
	    strcmp(name, "-h") == 0) {
		help(stdout);
		return 0;
	}
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
		(void)printf("pageout " PAGEOUT_VERSION "\n");
		return 0;
	}
	if (*name == '\0')
		help(stderr);
	else
		(void)fprintf(stderr,
		              "pageout: %s: no such command; see "
		              "pageout --help\n",
		              name);
	return RUN_USAGE;
}
