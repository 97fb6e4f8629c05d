/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tenants.c -- two tenants with different needs in one engine.
 *
 * An index is small and asked all the time; a log is sixteen times as large and
 * read from end to end.  Each has a space of its own, and policy linux24 takes
 * pages from the space that has most of them in memory: the log makes room for
 * itself, and the index stays.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <pageout/pageout.h>

enum { INDEX_BYTES = 4 << 20, LOG_BYTES = 64 << 20, WORD = sizeof(uint64_t) };

struct tenant {
	const char *name;
	size_t bytes;
	int space;
	uint64_t *words;
};

static void
move_in(struct pageout *engine, struct tenant *t)
{
	void *addr;
	int r;

	t->space = pageout_space_create(engine);
	if (t->space < 0)
		errx(1, "pageout_space_create: %s", strerror(-t->space));
	r = pageout_map(engine, t->bytes, PAGEOUT_MAP_SPACE(t->space), &addr);
	if (r < 0)
		errx(1, "pageout_map: %s", strerror(-r));
	t->words = addr;
	for (size_t i = 0; i < t->bytes / WORD; i++)
		t->words[i] = i * (uint64_t)(t->space + 1);
}

static void
report(struct pageout *engine, const struct tenant *t)
{
	struct pageout_space_stat s;
	int r = pageout_space_stats(engine, t->space, &s);

	if (r < 0)
		errx(1, "pageout_space_stats: %s", strerror(-r));
	printf("%-5s (space %d): %2ju MiB of %2ju MiB in memory\n", t->name,
	       t->space, (uintmax_t)s.mapped_bytes >> 20,
	       (uintmax_t)s.managed_bytes >> 20);
}

static void
move_out(struct pageout *engine, struct tenant *t)
{
	int r = pageout_unmap(engine, t->words, t->bytes);

	if (r == 0)
		r = pageout_space_destroy(engine, t->space);
	if (r < 0)
		errx(1, "%s cannot move out: %s", t->name, strerror(-r));
}

int
main(void)
{
	struct tenant index = {.name = "index", .bytes = INDEX_BYTES};
	struct tenant log = {.name = "log", .bytes = LOG_BYTES};
	struct pageout *engine;
	uint64_t wrong = 0;
	size_t at = 1;
	int r;

	r = pageout_open(&engine, &(struct pageout_options){
					  .mem_bytes = 16 << 20,
					  .policy = "linux24",
				  });
	if (r < 0) {
		warnx("pageout_open: %s", strerror(-r));
		return 77;
	}
	move_in(engine, &index);
	move_in(engine, &log);
	for (size_t i = 0; i < LOG_BYTES / WORD; i++) {
		wrong += log.words[i] != i * (uint64_t)(log.space + 1);
		if (i % 64 != 0)
			continue;
		at = at * 2862933555777941757u + 3037000493u;
		at %= INDEX_BYTES / WORD;
		wrong += index.words[at] != at * (uint64_t)(index.space + 1);
	}
	report(engine, &index);
	report(engine, &log);
	move_out(engine, &index);
	move_out(engine, &log);
	pageout_close(engine);
	printf("%s\n", wrong == 0 ? "all there" : "WRONG");
	return wrong == 0 ? 0 : 1;
}
