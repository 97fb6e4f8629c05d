/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oracle_page.c -- what a page holds: written, checked, complained about.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/pager/oracle.h"

enum { HEADER_WORDS = sizeof(struct header) / sizeof(uint64_t) };

static const uint64_t magic = 0x6f7261636c652121u;

struct page *pages;
struct chunk *chunks;
uint64_t pages_total;
atomic_uint_least64_t checks_done;
char repeat[512];

static uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

uint64_t
random_next(struct worker *w)
{
	w->random += 0x9e3779b97f4a7c15u;
	return mix(w->random);
}

static uint64_t
word_of(uint64_t seed, unsigned i)
{
	uint64_t x = seed + i * 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9u;
	return x ^ (x >> 32);
}

uint64_t *
words_at(uint64_t index)
{
	char *start = chunks[index / CHUNK_PAGES].start;

	return (uint64_t *)(void *)(start + index % CHUNK_PAGES * PAGE_BYTES);
}

static uint64_t
hash_of(const uint64_t *words, const struct header *h)
{
	return XXH3_64bits_withSeed(words + HEADER_WORDS,
	                            (WORDS - HEADER_WORDS) * sizeof(*words),
	                            mix(h->index ^ h->seed) + h->generation +
	                                    ((uint64_t)h->writer << 32));
}

static void
print_header(const char *name, const struct header *h)
{
	printf("#   %-8s magic %016llx index %llu generation %u writer %u "
	       "seed %016llx hash %016llx\n",
	       name, (unsigned long long)h->magic, (unsigned long long)h->index,
	       h->generation, h->writer, (unsigned long long)h->seed,
	       (unsigned long long)h->hash);
}

/* One word that a page must hold. */
static uint64_t
expected_word(const struct page *p, unsigned i)
{
	uint64_t header[HEADER_WORDS];

	if (p->header.magic == 0)
		return 0;
	memcpy(header, &p->header, sizeof(header));
	return i < HEADER_WORDS ? header[i] : word_of(p->header.seed, i);
}

static void
mismatch(struct worker *w, uint64_t index, unsigned i, uint64_t got)
{
	static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
	const struct page *p = &pages[index];
	const uint64_t *words = words_at(index);
	struct header found;
	unsigned wrong = 0;

	(void)pthread_mutex_lock(&once);
	memcpy(&found, words, sizeof(found));
	for (unsigned k = 0; k < WORDS; k++)
		wrong += words[k] != expected_word(p, k);
	printf("not ok - page %llu at %p, word %u: expected %016llx, got "
	       "%016llx\n",
	       (unsigned long long)index, (const void *)words, i,
	       (unsigned long long)expected_word(p, i),
	       (unsigned long long)got);
	printf("# seen by worker %u; on a second look %u of %d words wrong\n",
	       w->id, wrong, WORDS);
	print_header("expected", &p->header);
	print_header("found", &found);
	printf("# repeat: %s\n", repeat);
	(void)fflush(stdout);
	_exit(1);
}

void
page_check(struct worker *w, uint64_t index)
{
	const struct page *p = &pages[index];
	const uint64_t *words = words_at(index);
	uint64_t r = random_next(w);
	unsigned step = r % 16 == 0 ? 1 : 101 + (unsigned)(r >> 32) % 32;

	for (unsigned i = 0; i < HEADER_WORDS; i++)
		if (words[i] != expected_word(p, i))
			mismatch(w, index, i, words[i]);
	for (unsigned i = HEADER_WORDS + (unsigned)(r >> 8) % step; i < WORDS;
	     i += step)
		if (words[i] != expected_word(p, i))
			mismatch(w, index, i, words[i]);
	if (step == 1 && p->header.magic != 0 &&
	    hash_of(words, &p->header) != p->header.hash)
		mismatch(w, index, 4, p->header.hash);
	atomic_fetch_add_explicit(&checks_done, 1, memory_order_relaxed);
}

void
page_write(struct worker *w, uint64_t index, bool all)
{
	struct page *p = &pages[index];
	uint64_t *words = words_at(index);
	struct header h = p->header;

	if (h.magic == 0)
		all = true; /* there are no words yet */
	h.magic = magic;
	h.index = index;
	h.generation = ++p->generation;
	h.writer = w->id;
	if (all) {
		h.seed = random_next(w);
		for (unsigned i = HEADER_WORDS; i < WORDS; i++)
			words[i] = word_of(h.seed, i);
	}
	h.hash = hash_of(words, &h);
	memcpy(words, &h, sizeof(h));
	p->header = h;
}

/* A page that was written and is as before: clean or dirty, both are right. */
void
page_restore(struct worker *w, uint64_t index)
{
	volatile uint64_t *word = words_at(index) + random_next(w) % WORDS;
	uint64_t before = *word;

	*word = ~before;
	if (random_next(w) % 4 == 0)
		(void)sched_yield();
	*word = before;
}

void
must_work(int r, const char *call)
{
	if (r == 0)
		return;
	printf("not ok - %s: %s\n# repeat: %s\n", call, strerror(-r), repeat);
	(void)fflush(stdout);
	_exit(1);
}

void
pages_are_zero(uint64_t first, unsigned count)
{
	for (uint64_t i = first; i < first + count; i++)
		pages[i].header = (struct header){0};
}
