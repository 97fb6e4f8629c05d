/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.c -- which addresses belong to which space: see table.h.
 */
#include "pager/space/table.h"

#include <string.h>

#include "base/assert.h"

/* Index of the first run that ends above vpn. */
static uint32_t
run_index(const struct space_table *t, uint64_t vpn)
{
	uint32_t lo = 0, hi = t->count;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->runs[mid].end > vpn)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

unsigned
space_table_search(const struct space_table *t, uint64_t vpn)
{
	uint32_t i = run_index(t, vpn);

	return i < t->count && t->runs[i].vpn <= vpn ? t->runs[i].space : 0;
}

uint64_t
space_table_end(const struct space_table *t, uint64_t vpn, uint64_t end)
{
	uint32_t i = run_index(t, vpn);
	uint64_t border;

	if (i == t->count)
		return end;
	border = t->runs[i].vpn <= vpn ? t->runs[i].end : t->runs[i].vpn;
	return border < end ? border : end;
}

/* Make room at i, or take away what is there: move runs from -> to. */
static void
runs_move(struct space_table *t, uint32_t from, uint32_t to)
{
	memmove(&t->runs[to], &t->runs[from],
	        (t->count - from) * sizeof(t->runs[0]));
	t->count = t->count - from + to;
}

bool
space_table_add(struct space_table *t, uint64_t vpn, uint64_t end,
                unsigned space)
{
	uint32_t i = run_index(t, vpn);

	must(space != 0 && vpn < end);
	must(i == t->count || t->runs[i].vpn >= end);
	if (t->count + 1 >= SPACE_RUNS_MAX)
		return false;
	runs_move(t, i, i + 1);
	t->runs[i] = (struct space_run){vpn, end, space};
	return true;
}

bool
space_table_may_cut(const struct space_table *t, uint64_t vpn, uint64_t end)
{
	uint32_t i = run_index(t, vpn);

	return t->count < SPACE_RUNS_MAX || i == t->count ||
	       t->runs[i].vpn >= vpn || t->runs[i].end <= end;
}

void
space_table_cut(struct space_table *t, uint64_t vpn, uint64_t end)
{
	uint32_t i = run_index(t, vpn), last;

	must(space_table_may_cut(t, vpn, end));
	if (i < t->count && t->runs[i].vpn < vpn && t->runs[i].end > end) {
		runs_move(t, i, i + 1); /* the run becomes two */
		t->runs[i].end = vpn;
		t->runs[i + 1].vpn = end;
		return;
	}
	if (i < t->count && t->runs[i].vpn < vpn)
		t->runs[i++].end = vpn;
	for (last = i; last < t->count && t->runs[last].end <= end;)
		last++;
	runs_move(t, last, i);
	if (i < t->count && t->runs[i].vpn < end)
		t->runs[i].vpn = end;
}
