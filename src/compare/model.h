/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * model.h -- the world around the core, as far as it matters which page leaves.
 *
 * Contents.  A page's contents are a number.  0 is zeros; each time a page that
 * was written leaves the program it gets a new one.  Numbers move with pages
 * from frame to device and back, and hashes are made of them; so what is clean,
 * dirty or zero follows as it does from real contents.  The first access to a
 * page gives it contents, whether it reads or writes: a trace does not say
 * where its data came from, and a page of zeros would never be written.
 *
 * Time.  Three clocks are one, in nanoseconds:
 *
 *	the program	access_ns from one access to the next, FAULT_NS a fault,
 *			and what it does for the core: OP_NS an operation that
 *			moves pages, MOVE_NS each page, SCAN_NS for each that
 *			a policy looks at
 *	the device	reads and writes on two ways of their own: on each,
 *			one transfer after the other, READ_NS or WRITE_NS a
 *			page, and READ_WAIT_NS or WRITE_WAIT_NS till it ends
 *	daemons		on processors of their own: WAKE_NS after they are
 *			woken, turn after turn, TURN_NS each and what they do
 *			for the core; without work every PULSE_NS
 *
 * The numbers were measured on one machine, once, and are rounded.  Operations
 * that move pages are performed at once; transfers end when their time comes.
 *
 *	[M1] a page is PAGE_MAPPED here if and only if the core has it mapped
 *	[M2] now is never a whole access later than an event still to come
 */
#ifndef COMPARE_MODEL_H
#define COMPARE_MODEL_H

#include "compare/compare.h"
#include "core/policy.h"

#define FAULT_NS 5000
#define OP_NS 1000
#define MOVE_NS 150
#define SCAN_NS 150
#define TURN_NS 2000
#define WAKE_NS 30000
#define READ_WAIT_NS 68000
#define READ_NS 4200
#define WRITE_WAIT_NS 30000
#define WRITE_NS 1600
#define PULSE_NS 100000000
#define STALL_NS 10000000 /* until a fault without a frame looks again */
#define WRITES_MAX 16     /* operations: more would only delay reads */

/* Of a page: MAPPED and TOUCHED together are more than all else. */
enum page_bit {
	PAGE_BIT_WRITTEN = 1 << 0, /* since it was mapped */
	PAGE_BIT_TOUCHED = 1 << 6, /* ever */
	PAGE_BIT_MAPPED = 1 << 7,
};
#define PAGE_BITS_HIT (PAGE_BIT_MAPPED | PAGE_BIT_TOUCHED)

/* What happens by itself: daemons have their turns, transfers end. */
enum event { EVENT_READ = DAEMONS, EVENT_WRITE, EVENTS };

/* One of the two ways to the device. */
struct way {
	struct op *first, *last; /* under way, in order of their ends */
	uint32_t count;
	uint64_t free_ns; /* when the next transfer can begin */
};

struct model {
	struct core *core;
	struct core_config cfg;
	const struct compare_options *options;
	struct compare_result *result;
	uint8_t *page; /* of each page number: enum page_bit */
	uint32_t *
		in_frame; /* contents, of each frame or the page mapped of it */
	uint32_t *in_slot; /* contents, of each slot */
	uint32_t contents; /* the last number given */
	uint64_t now;
	uint64_t due[EVENTS], due_next; /* the earliest */
	struct way read, write;
	uint64_t *ends; /* when, of each operation */
	bool woken;     /* the program is to fault once more */
	char *memory;   /* all of the above, and the core's */
	size_t memory_bytes, memory_used;
	uint64_t stat[PAGEOUT_STATS];
};

/* host.c: perform, => what it takes in ns; let the next event happen */
uint64_t model_perform(struct model *m, struct batch *b);
void model_event(struct model *m);
extern const struct host_ops model_host;

/* program.c: => 0, or -ENOMEM with *ret_at the access that could not be */
int model_program(struct model *m, const struct trace *t, uint64_t *ret_at);

#endif
