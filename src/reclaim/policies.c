/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policies.c -- the list of policies; the first is the default.
 */
#include <stddef.h>

#include "core/policy.h"
#include "reclaim/kswapd/kswapd.h"
#include "reclaim/linux24/linux24.h"
#include "reclaim/simple.h"

const struct policy_ops *const policies[] = {
	&policy_2q.ops,
	&policy_clock.ops,
	&policy_fifo.ops,
	&policy_random.ops,
	&policy_linux24,
	&policy_kswapd,
	NULL,
};

/* -- names and tunables --------------------------------------------------- */

/* What is at s begins with word.  => what follows it, or NULL */
static const char *
word_after(const char *s, const char *word)
{
	while (*word != '\0' && *s == *word) {
		s++;
		word++;
	}
	return *word == '\0' ? s : NULL;
}

static void
tunables_set(struct core_config *cfg, bool exact)
{
	const struct tunable *t = cfg->policy->tunables;

	for (unsigned i = 0; t != NULL && t[i].name != NULL; i++)
		cfg->tunable[i] = exact ? t[i].exact : t[i].preset;
}

/* => what follows the number at s; NULL when it is none, or out of range */
static const char *
number_read(const char *s, const struct tunable *t, uint32_t *ret)
{
	const char *start = s;
	uint64_t n = 0;

	for (; *s >= '0' && *s <= '9' && n <= UINT32_MAX; s++)
		n = n * 10 + (uint64_t)(*s - '0');
	if (s == start || n < t->min || n > t->max)
		return NULL;
	*ret = (uint32_t)n;
	return s;
}

/* One "name=value" at s.  => what follows, or NULL when it is wrong */
static const char *
setting_read(const char *s, struct core_config *cfg)
{
	const struct tunable *t = cfg->policy->tunables;
	const char *end;

	if (t == NULL)
		return NULL;
	if ((end = word_after(s, "quirks=exact")) != NULL ||
	    (end = word_after(s, "quirks=fixed")) != NULL) {
		tunables_set(cfg, end[-1] == 't');
		return end;
	}
	for (unsigned i = 0; t[i].name != NULL; i++) {
		end = word_after(s, t[i].name);
		if (end != NULL && *end == '=')
			return number_read(end + 1, &t[i], &cfg->tunable[i]);
	}
	return NULL;
}

const char *
policy_parse(const char *spec, struct core_config *cfg)
{
	const char *s = NULL, *next;

	if (spec == NULL || *spec == '\0')
		spec = policies[0]->name;
	for (const struct policy_ops *const *p = policies; *p != NULL; p++) {
		const char *end = word_after(spec, (*p)->name);

		if (end != NULL && (*end == '\0' || *end == ':')) {
			cfg->policy = *p;
			s = end;
		}
	}
	if (s == NULL)
		return spec;
	tunables_set(cfg, false);
	while (*s != '\0') {
		next = setting_read(s + 1, cfg);
		if (next == NULL || (*next != '\0' && *next != ','))
			return s + 1;
		s = next;
	}
	return NULL;
}
