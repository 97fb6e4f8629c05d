/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * claims.c -- the directory of claims: see claims.h.
 *
 * Whoever adds leaves one entry free: a cut in the middle of a claim makes two
 * of it, and taking ranges away should not fail.
 */
#include "core/node/claims.h"

#include <string.h>

#include "base/assert.h"
#include "base/bits.h"

/* Index of the first claim that ends above vpn. */
static uint32_t
claim_index(const struct claims *t, uint64_t vpn)
{
	uint32_t lo = 0, hi = t->count;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->claim[mid].end > vpn)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

const struct claim *
claims_next(const struct claims *t, uint64_t vpn)
{
	uint32_t i = claim_index(t, vpn);

	return i < t->count ? &t->claim[i] : NULL;
}

uint64_t
claims_end(const struct claims *t, uint64_t vpn, uint64_t end)
{
	const struct claim *c = claims_next(t, vpn);
	uint64_t border;

	if (c == NULL)
		return end;
	border = c->vpn <= vpn ? c->end : c->vpn;
	return border < end ? border : end;
}

bool
claims_part(const struct claims *t, uint64_t vpn, uint64_t end,
            struct claim *ret)
{
	const struct claim *c = claims_next(t, vpn);

	if (c == NULL || c->vpn >= end || vpn >= end)
		return false;
	*ret = *c;
	if (ret->vpn < vpn)
		ret->vpn = vpn;
	if (ret->end > end)
		ret->end = end;
	return true;
}

/* There is room for n more, and for a cut. */
static bool
has_room(const struct claims *t, uint32_t n)
{
	return t->count + n < CLAIMS_TABLE_MAX;
}

/* Make room at to, or take away what is there: move claims from -> to. */
static void
claims_shift(struct claims *t, uint32_t from, uint32_t to)
{
	memmove(&t->claim[to], &t->claim[from],
	        (t->count - from) * sizeof(t->claim[0]));
	t->count = t->count - from + to;
}

/* Claim i and the one after it become one if they say the same. */
static void
join(struct claims *t, uint32_t i)
{
	struct claim *a = &t->claim[i], *b = a + 1;

	if (i + 1 >= t->count || a->end != b->vpn || a->space != b->space ||
	    a->node != b->node || a->flags != b->flags)
		return;
	a->end = b->end;
	claims_shift(t, i + 2, i + 1);
}

static void
join_around(struct claims *t, uint32_t i)
{
	join(t, i);
	if (i > 0)
		join(t, i - 1);
}

bool
claims_add(struct claims *t, struct claim c)
{
	uint32_t i = claim_index(t, c.vpn);

	must(c.vpn < c.end);
	must(i == t->count || t->claim[i].vpn >= c.end);
	if (!has_room(t, 1))
		return false;
	claims_shift(t, i, i + 1);
	t->claim[i] = c;
	join_around(t, i);
	return true;
}

/* Make vpn a border; there is room.  => index of the claim that begins there,
 * or of the first one behind */
static uint32_t
split(struct claims *t, uint64_t vpn)
{
	uint32_t i = claim_index(t, vpn);

	if (i == t->count || t->claim[i].vpn >= vpn)
		return i;
	must(t->count < CLAIMS_TABLE_MAX);
	claims_shift(t, i, i + 1);
	t->claim[i].end = vpn;
	t->claim[i + 1].vpn = vpn;
	return i + 1;
}

/* -- cut ------------------------------------------------------------------ */

bool
claims_may_cut(const struct claims *t, uint64_t vpn, uint64_t end)
{
	uint32_t i = claim_index(t, vpn);

	return t->count < CLAIMS_TABLE_MAX || i == t->count ||
	       t->claim[i].vpn >= vpn || t->claim[i].end <= end;
}

void
claims_cut(struct claims *t, uint64_t vpn, uint64_t end)
{
	uint32_t i = claim_index(t, vpn), last;

	must(claims_may_cut(t, vpn, end));
	if (i < t->count && t->claim[i].vpn < vpn) {
		if (t->claim[i].end > end)
			(void)split(t, end);
		t->claim[i++].end = vpn;
	}
	for (last = i; last < t->count && t->claim[last].end <= end;)
		last++;
	claims_shift(t, last, i);
	if (i < t->count && t->claim[i].vpn < end)
		t->claim[i].vpn = end;
}

/* -- take ----------------------------------------------------------------- */

struct claim
claims_chunk(const struct claims *t, uint64_t vpn, uint64_t pages)
{
	const struct claim *c = claims_find(t, vpn);
	uint64_t start = round_down(vpn, pages);
	struct claim r;

	must(c != NULL && c->node == NODE_NONE);
	r = *c;
	if (!has_room(t, 2))
		return r;
	if (start > r.vpn)
		r.vpn = start;
	if (start + pages < r.end)
		r.end = start + pages;
	return r;
}

void
claims_take(struct claims *t, struct claim chunk, unsigned node)
{
	uint32_t i = split(t, chunk.vpn);
	struct claim *c;

	(void)split(t, chunk.end);
	c = &t->claim[i];
	must(c->vpn == chunk.vpn && c->end == chunk.end);
	must(c->node == NODE_NONE && node < NODE_NONE);
	c->node = (uint8_t)node;
	c->flags = 0; /* the area of its core has them */
	join_around(t, i);
}

bool
claims_flags(struct claims *t, uint64_t vpn, uint64_t end, uint32_t set,
             uint32_t clear)
{
	uint32_t i;

	if (!has_room(t, 2))
		return false;
	i = split(t, vpn);
	(void)split(t, end);
	must(t->claim[i].vpn == vpn && t->claim[i].end == end);
	must(t->claim[i].node == NODE_NONE);
	t->claim[i].flags = (t->claim[i].flags & ~clear) | set;
	join_around(t, i);
	return true;
}

/* -- move ----------------------------------------------------------------- */

bool
claims_move(struct claims *t, uint64_t from, uint64_t to, uint64_t pages)
{
	uint64_t end = from + pages;
	struct claim part;
	uint32_t parts = 0;

	must(end <= to || to + pages <= from);
	for (uint64_t v = from; claims_part(t, v, end, &part); v = part.end)
		parts++;
	/* One more where the old range is cut out of the middle of a claim. */
	if (!has_room(t, parts + 1))
		return false;
	for (uint64_t v = from; claims_part(t, v, end, &part);) {
		v = part.end;
		part.vpn = part.vpn - from + to;
		part.end = part.end - from + to;
		must(claims_add(t, part));
	}
	claims_cut(t, from, end);
	return true;
}
