/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * differ.c -- what was recorded and what came instead, in words.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "record/format.h"
#include "replay/differ.h"

static const char *
kind_name(uint64_t kind)
{
	static const char *const names[] = {
		[OP_POPULATE] = "populate", [OP_MAP] = "map",
		[OP_UNMAP] = "unmap",       [OP_REMAP] = "remap",
		[OP_ADOPT] = "adopt",       [OP_READ] = "read",
		[OP_WRITE] = "write",       [OP_UNPOISON] = "unpoison",
		[OP_WAKE] = "wake",
	};

	return kind < ARRAY_SIZE(names) ? names[kind] : "?";
}

/* What is said of an operation only if it differs; the rest always is. */
static const char *const fields[DECISION_FIELDS] = {
	[DECISION_OP] = "operation number",
	[DECISION_FLAGS] = "flags",
	[DECISION_SPACE] = "space",
	[DECISION_TO] = "target page",
	[DECISION_ENTRY] = "swap entry",
	[DECISION_PAGES] = "frames (digest)",
};

void
differ_decision(char *text, size_t bytes, const struct decision *recorded,
                const struct decision *here)
{
	size_t n;

	(void)snprintf(text, bytes,
	               "recorded: %s of %" PRIu64 " pages at %#" PRIx64
	               ", here: %s of %" PRIu64 " pages at %#" PRIx64,
	               kind_name(recorded->field[DECISION_KIND]),
	               recorded->field[DECISION_COUNT],
	               recorded->field[DECISION_VPN] << PAGE_SHIFT,
	               kind_name(here->field[DECISION_KIND]),
	               here->field[DECISION_COUNT],
	               here->field[DECISION_VPN] << PAGE_SHIFT);
	for (unsigned i = 0; i < DECISION_FIELDS; i++) {
		n = strlen(text);
		if (fields[i] != NULL && recorded->field[i] != here->field[i])
			(void)snprintf(text + n, bytes - n,
			               "; %s: %" PRIu64 ", here: %" PRIu64,
			               fields[i], recorded->field[i],
			               here->field[i]);
	}
}

const char *
differ_item(unsigned item)
{
	static const char *const items[] = {
		[ITEM_END] = "nothing more",
		[ITEM_NOW] = "a look at the clock",
		[ITEM_TABLE] = "a page table",
		[ITEM_NO_TABLE] = "a page table, refused",
		[ITEM_WAKE + DAEMON_KSWAPD] = "kswapd is woken",
		[ITEM_WAKE + DAEMON_KRECLAIMD] = "kreclaimd is woken",
		[ITEM_WAKE + DAEMON_FLUSHER] = "the flusher is woken",
	};

	return item < ARRAY_SIZE(items) ? items[item] : "nothing known";
}
