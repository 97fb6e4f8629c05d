/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_claims.c -- the directory of claims against a model: a word a page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "core/node/claims.h"

enum { PAGES = 256, SEEDS = 300, STEPS = 300, NODES = 3, FLAG = 4 };

/* What the model says of a page: none, or space, node and flags. */
struct page {
	uint8_t is_managed, space, node, flags;
};

static struct claims table;
static struct page model[PAGES];
static uint64_t rng;

static uint32_t
pick(uint32_t n)
{
	rng = rng * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(rng >> 33) % n;
}

static bool
is_same(const struct page *a, const struct page *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static void
model_set(uint64_t vpn, uint64_t end, struct page to)
{
	for (; vpn < end; vpn++)
		model[vpn] = to;
}

/* No page of the range is, or every page is as the first is. */
static bool
is_alike(uint64_t vpn, uint64_t end, struct page as)
{
	for (; vpn < end; vpn++)
		if (!is_same(&model[vpn], &as))
			return false;
	return true;
}

static struct page
page_of(const struct claim *c)
{
	struct page p = {0};

	if (c != NULL)
		p = (struct page){1, (uint8_t)c->space, c->node,
		                  (uint8_t)c->flags};
	return p;
}

/* The first part from v on that is managed, of no more than a few pages. */
static void
compare_part(uint32_t v)
{
	uint64_t end = min_u32(v + 9, PAGES), first = v, last;
	struct claim c;

	while (first < end && !model[first].is_managed)
		first++;
	for (last = first; last < end && is_same(&model[last], &model[first]);)
		last++;
	if (first == end) {
		assert_false(claims_part(&table, v, end, &c));
		return;
	}
	assert_true(claims_part(&table, v, end, &c));
	assert_int_equal(c.vpn, first);
	assert_int_equal(c.end, last);
}

/* Every page, and where the part that begins there ends. */
static void
compare(uint64_t seed, unsigned step)
{
	for (uint32_t v = 0; v < PAGES; v++) {
		struct page said = page_of(claims_find(&table, v));
		uint64_t end = claims_end(&table, v, PAGES);

		if (!is_same(&said, &model[v]))
			fail_msg("seed %ju, step %u: page %u", (uintmax_t)seed,
			         step, v);
		compare_part(v);
		if (end <= v || end > PAGES || !is_alike(v, end, model[v]) ||
		    (end < PAGES && is_same(&model[v], &model[end])))
			fail_msg("seed %ju, step %u: part of page %u ends at "
			         "%ju",
			         (uintmax_t)seed, step, v, (uintmax_t)end);
	}
	for (uint32_t i = 1; i < table.count; i++)
		assert_true(table.claim[i - 1].end <= table.claim[i].vpn);
}

/* -- steps: each does to the model what it does to the table -------------- */

static void
step_add(uint64_t vpn, uint64_t end)
{
	struct page p = {1, (uint8_t)pick(3), NODE_NONE, 0};

	if (pick(4) == 0)
		p.node = (uint8_t)pick(NODES);
	assert_true(claims_add(&table, (struct claim){.vpn = vpn,
	                                              .end = end,
	                                              .space = p.space,
	                                              .node = p.node}));
	model_set(vpn, end, p);
}

static void
step_take(uint64_t vpn)
{
	const uint64_t pages = 1u << pick(6);
	struct page was = model[vpn], to = was;
	struct claim chunk = claims_chunk(&table, vpn, pages);

	assert_true(chunk.vpn <= vpn && vpn < chunk.end);
	assert_true(chunk.end - chunk.vpn <= pages);
	assert_int_equal(chunk.vpn / pages, (chunk.end - 1) / pages);
	assert_true(is_alike(chunk.vpn, chunk.end, was));
	/* It is clipped by a border only: of the chunk, or of the claim. */
	assert_true(chunk.vpn % pages == 0 || chunk.vpn == 0 ||
	            !is_same(&model[chunk.vpn - 1], &was));
	assert_true(chunk.end % pages == 0 || chunk.end == PAGES ||
	            !is_same(&model[chunk.end], &was));
	to.node = (uint8_t)pick(NODES);
	to.flags = 0;
	claims_take(&table, chunk, to.node);
	model_set(chunk.vpn, chunk.end, to);
}

static void
step_flags(uint64_t vpn)
{
	uint64_t part = claims_end(&table, vpn, PAGES);
	uint64_t end = vpn + 1 + pick((uint32_t)(part - vpn));
	struct page to = model[vpn];

	if (pick(2) == 0) {
		to.flags = FLAG;
		assert_true(claims_flags(&table, vpn, end, FLAG, 0));
	} else {
		to.flags = 0;
		assert_true(claims_flags(&table, vpn, end, 0, FLAG));
	}
	model_set(vpn, end, to);
}

static void
step_move(uint64_t from, uint64_t to, uint64_t pages)
{
	assert_true(claims_move(&table, from, to, pages));
	memmove(model + to, model + from, pages * sizeof(model[0]));
	model_set(from, from + pages, (struct page){0});
}

static void
step_at(uint32_t vpn, uint32_t end)
{
	const struct page none = {0};
	uint32_t to = pick(PAGES), pages = end - vpn;

	if (is_alike(vpn, end, none))
		step_add(vpn, end);
	else if (pick(3) == 0 && (to >= end || to + pages <= vpn) &&
	         to + pages <= PAGES && is_alike(to, to + pages, none))
		step_move(vpn, to, pages);
	else if (model[vpn].is_managed && model[vpn].node == NODE_NONE)
		pick(3) == 0 ? step_flags(vpn) : step_take(vpn);
	else {
		assert_true(claims_may_cut(&table, vpn, end));
		claims_cut(&table, vpn, end);
		model_set(vpn, end, none);
	}
}

static void
it_says_what_the_model_says(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		rng = seed;
		table.count = 0;
		memset(model, 0, sizeof(model));
		for (unsigned step = 0; step < STEPS; step++) {
			uint32_t vpn = pick(PAGES);
			uint32_t most = min_u32(PAGES - vpn, 40);

			step_at(vpn, vpn + 1 + pick(most));
			compare(seed, step);
		}
	}
}

/* -- borders -------------------------------------------------------------- */

static void
an_empty_table_has_no_claims(void **state)
{
	(void)state;
	table.count = 0;
	assert_null(claims_find(&table, 7));
	assert_null(claims_next(&table, 0));
	assert_int_equal(claims_end(&table, 7, UINT64_MAX), UINT64_MAX);
	claims_cut(&table, 0, UINT64_MAX);
	assert_int_equal(table.count, 0);
}

/* As full as claims_add() makes it: every second page, nobody's. */
static uint64_t
fill(void)
{
	uint64_t n = 0;

	table.count = 0;
	while (claims_add(&table, (struct claim){.vpn = n * 4,
	                                         .end = n * 4 + 3,
	                                         .node = NODE_NONE}))
		n++;
	assert_int_equal(n, CLAIMS_TABLE_MAX - 1);
	return n;
}

/* One entry is kept for a cut; a full table can still be emptied. */
static void
a_full_table_refuses_and_recovers(void **state)
{
	uint64_t n = fill();

	(void)state;
	assert_true(claims_may_cut(&table, 1, 2));
	claims_cut(&table, 1, 2);
	assert_int_equal(table.count, CLAIMS_TABLE_MAX);
	assert_false(claims_may_cut(&table, 5, 6));
	assert_true(claims_may_cut(&table, 4, 6)); /* from its start */
	assert_true(claims_may_cut(&table, 5, 7)); /* to its end */
	assert_true(claims_may_cut(&table, 3, 4)); /* nothing there */
	claims_cut(&table, 3, 4);
	claims_cut(&table, 4, 7);
	assert_int_equal(table.count, CLAIMS_TABLE_MAX - 1);
	assert_non_null(claims_find(&table, 0));
	assert_null(claims_find(&table, 1));
	assert_null(claims_find(&table, 5));
	assert_non_null(claims_find(&table, 8));
	claims_cut(&table, 0, n * 4);
	assert_int_equal(table.count, 0);
}

/* A fault must not fail for it: all of a claim is taken instead. */
static void
a_chunk_can_be_taken_from_a_full_table(void **state)
{
	struct claim chunk;

	(void)state;
	(void)fill();
	chunk = claims_chunk(&table, 5, 1);
	assert_int_equal(chunk.vpn, 4);
	assert_int_equal(chunk.end, 7);
	claims_take(&table, chunk, 1);
	assert_int_equal(claims_find(&table, 4)->node, 1);
	assert_int_equal(claims_find(&table, 6)->node, 1);
	assert_int_equal(claims_find(&table, 8)->node, NODE_NONE);
}

static void
a_full_table_changes_nothing_when_it_refuses(void **state)
{
	uint32_t count;

	(void)state;
	(void)fill();
	count = table.count;
	assert_false(claims_flags(&table, 5, 6, FLAG, 0));
	assert_false(claims_move(&table, 5, (uint64_t)1 << 30, 1));
	assert_int_equal(table.count, count);
	assert_int_equal(claims_find(&table, 5)->flags, 0);
	assert_int_equal(claims_find(&table, 5)->end, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_what_the_model_says),
		cmocka_unit_test(an_empty_table_has_no_claims),
		cmocka_unit_test(a_full_table_refuses_and_recovers),
		cmocka_unit_test(a_chunk_can_be_taken_from_a_full_table),
		cmocka_unit_test(a_full_table_changes_nothing_when_it_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
