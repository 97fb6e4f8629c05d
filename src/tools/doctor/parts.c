/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parts.c -- is all there that pageout run loads into a program, and memory?
 */
#include <string.h>

#include "base/size.h"
#include "tools/doctor/doctor.h"
#include "tools/memory.h"
#include "tools/parts.h"

#define SMALL_BYTES ((uint64_t)64 << 20)

void
check_agent(const struct doctor *d, struct finding *f)
{
	char path[PART_PATH_BYTES];

	(void)d;
	if (part_find(PART_AGENT, path) == 0) {
		found(f, VERDICT_OK, "%.200s", path);
		if (strpbrk(path, " :") == NULL)
			return;
		f->verdict = VERDICT_FAIL;
		remedy(f, "the loader takes no path with a space or a colon",
		       "move or install it elsewhere");
		return;
	}
	found(f, VERDICT_FAIL, "libpageout-agent.so is not there");
	remedy(f, "programs cannot be managed",
	       "install pageout again, whole; or run it from its build tree");
}

void
check_jemalloc(const struct doctor *d, struct finding *f)
{
	char path[PART_PATH_BYTES];

	(void)d;
	if (part_find(PART_JEMALLOC, path) == 0) {
		found(f, VERDICT_OK, "%.200s", path);
		return;
	}
	found(f, VERDICT_WARN, "libjemalloc.so.2 is not there");
	remedy(f,
	       "memory that programs get from malloc in small pieces is not "
	       "managed",
	       "install it: apt-get install libjemalloc2");
}

void
check_memory(const struct doctor *d, struct finding *f)
{
	char total[SIZE_TEXT_BYTES], left[SIZE_TEXT_BYTES];
	char budget[SIZE_TEXT_BYTES];
	struct memory_room room;

	(void)d;
	if (memory_room("", &room) < 0) {
		found(f, VERDICT_WARN, "/proc/meminfo does not say");
		remedy(f, "there is no default for the budget", "give --mem");
		return;
	}
	found(f, VERDICT_OK, "%s free of %s%s: without --mem the budget is %s",
	      size_text(left, room.free_bytes),
	      size_text(total, room.total_bytes),
	      room.is_limited ? " (limit of the control group)" : "",
	      size_text(budget, memory_budget(&room)));
	if (room.free_bytes < SMALL_BYTES) {
		f->verdict = VERDICT_WARN;
		remedy(f, "a program and its pages hardly fit",
		       "raise memory.max of the control group, or stop "
		       "something");
	}
}
