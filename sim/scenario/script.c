/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * script.c -- a text becomes statements.
 *
 * A line is a part (given, when, then), a verb and its arguments; "when N
 * times" comes before the verb.  What follows a # is for the reader.  A line
 * that does not fit the language ends the reading: nothing is guessed.
 *
 * "given zones" may name a policy; its words are known from then on.
 */
#include <stdio.h>
#include <string.h>

#include "sim/scenario/scenario.h"

static const char *const part_names[PART_COUNT] = {"given", "when", "then"};

static const struct verb *const part_verbs[PART_COUNT] = {
	given_verbs,
	when_verbs,
	then_verbs,
};

bool
number_read(const char *word, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;

	if (*word == '\0')
		return false;
	for (; *word >= '0' && *word <= '9'; word++) {
		uint64_t digit = (uint64_t)(*word - '0');

		if (n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*ret = n;
	return *word == '\0' && n <= max;
}

static bool
wrong(struct script *sc, unsigned line, const char *what, const char *word)
{
	(void)snprintf(sc->error, sizeof(sc->error), "%s:%u: %s%.60s", sc->name,
	               line, what, word);
	return false;
}

static const struct verb *
verb_find(const struct verb *verbs, const char *name)
{
	for (; verbs->name != NULL; verbs++)
		if (strcmp(verbs->name, name) == 0)
			return verbs;
	return NULL;
}

/* Cut a line into words.  => how many, or ARGS_MAX + 1 when there are more */
static unsigned
words_cut(char *line, const char **words)
{
	char *save = NULL;
	unsigned n = 0;

	line[strcspn(line, "#")] = '\0';
	for (char *w = strtok_r(line, " \t\r", &save); w != NULL;
	     w = strtok_r(NULL, " \t\r", &save)) {
		if (n == ARGS_MAX)
			return ARGS_MAX + 1;
		words[n++] = w;
	}
	words[n] = NULL;
	return n;
}

/* "N times" before a verb.  => words that it took */
static unsigned
times_read(struct statement *st, const char **words, unsigned n)
{
	uint64_t times;

	st->times = 1;
	if (st->part != PART_WHEN || n < 3 || strcmp(words[1], "times") != 0 ||
	    !number_read(words[0], 1000000, &times))
		return 0;
	st->times = (unsigned)times;
	return 2;
}

/* The language from here on, if a world begins here. */
static void
dialect_read(struct script *sc, const struct statement *st)
{
	if (strcmp(st->verb->name, "zones") != 0)
		return;
	sc->dialect = &dialect24;
	for (unsigned i = 0; i + 1 < st->argc; i++)
		if (strcmp(st->argv[i], "policy") == 0)
			sc->dialect = dialect_of(st->argv[i + 1]);
}

static bool
statement_read(struct script *sc, unsigned line, const char **words, unsigned n)
{
	struct statement *st = &sc->st[sc->count];
	unsigned part = 0, at;

	if (sc->count == STATEMENTS_MAX)
		return wrong(sc, line, "too many statements", "");
	while (part < PART_COUNT && strcmp(part_names[part], words[0]) != 0)
		part++;
	if (part == PART_COUNT)
		return wrong(sc, line, "not given, when or then: ", words[0]);
	*st = (struct statement){.line = line, .part = (enum part)part};
	at = 1 + times_read(st, words + 1, n - 1);
	if (at >= n)
		return wrong(sc, line, "what? ", words[0]);
	st->verb = verb_find(part_verbs[part], words[at]);
	if (st->verb == NULL && sc->dialect != NULL)
		st->verb = verb_find(sc->dialect->verbs[part], words[at]);
	if (st->verb == NULL)
		return wrong(sc, line, "not known: ", words[at]);
	st->argc = n - at - 1;
	if (st->argc < st->verb->min || st->argc > st->verb->max)
		return wrong(sc, line, "usage: ", st->verb->usage);
	for (unsigned i = 0; i < st->argc; i++)
		st->argv[i] = words[at + 1 + i];
	dialect_read(sc, st);
	sc->count++;
	return true;
}

bool
script_read(struct script *sc, const char *name, char *text)
{
	const char *words[ARGS_MAX + 1];
	unsigned line = 0;

	sc->name = name;
	sc->dialect = NULL;
	sc->count = 0;
	while (text != NULL) {
		char *end = strchr(text, '\n');
		unsigned n;

		if (end != NULL)
			*end++ = '\0';
		line++;
		n = words_cut(text, words);
		if (n > ARGS_MAX)
			return wrong(sc, line, "too many words", "");
		if (n != 0 && !statement_read(sc, line, words, n))
			return false;
		text = end;
	}
	if (sc->count == 0 || sc->st[sc->count - 1].part != PART_THEN)
		return wrong(sc, line, "it expects nothing at its end", "");
	return true;
}
