/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doctor.h -- checks of the machine, one function each.
 *
 * A check looks, changes nothing, prints nothing and fills in a finding.  The
 * list of them is in doctor.c; what they print is made there.
 */
#ifndef TOOLS_DOCTOR_DOCTOR_H
#define TOOLS_DOCTOR_DOCTOR_H

#include <stdint.h>

enum verdict {
	VERDICT_OK,
	VERDICT_WARN, /* run works; something is slower or less safe */
	VERDICT_FAIL, /* run does not work */
};

struct finding {
	enum verdict verdict;
	char found[256];
	const char *meaning; /* what follows from it; NULL with OK */
	char remedy[256];    /* what to do; "" with OK */
};

/* What the command line said. */
struct doctor {
	const char *swap_path; /* NULL: the default */
};

typedef void check_fn(const struct doctor *d, struct finding *f);

/* faults.c: can pages be taken from a program and given back? */
check_fn check_kernel, check_userfaultfd, check_inline, check_features,
	check_move;

/* machine.c: what is there to work with? */
check_fn check_io_uring, check_swap_path, check_kernel_swap, check_overcommit,
	check_mappings, check_memory, check_nodes;

/* limits.c: how much may a process have? */
check_fn check_open_files, check_address_space, check_locked_memory,
	check_processes;

/* parts.c: is all there that pageout run loads into a program? */
check_fn check_agent, check_jemalloc;

/*
 * For the checks.  Each sets one part of a finding.
 * => found() and remedy() take a format; what is too long is cut
 */
void found(struct finding *f, enum verdict verdict, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void remedy(struct finding *f, const char *meaning, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Add a word to a list of them that has bytes of room; cut if need be. */
void add_word(char *list, unsigned bytes, const char *word);

/* The first line of a file, without its end.
 * => text; "" when the file cannot be read */
char *first_line(const char *path, char *text, unsigned bytes);

#endif
