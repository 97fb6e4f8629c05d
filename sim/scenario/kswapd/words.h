/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * words.h -- the words that only worlds of the policy kswapd know.
 *
 *	given.c		its numbers and flags; what the words of all mean
 *	when.c		its functions
 *	tasks.c		of those: tasks, which sleep, and kswapd
 *	then.c		what can be looked at
 */
#ifndef SCENARIO_KSWAPD_WORDS_H
#define SCENARIO_KSWAPD_WORDS_H

#include "sim/scenario/scenario.h"

extern const struct verb given66_verbs[], when66_verbs[], then66_verbs[];

extern const char *const type_words[];     /* anon file */
extern const char *const throttle_words[]; /* WRITEBACK ... */

/* A zone's number; "none" is ZONES_NONE. */
unsigned zoneidx_of(struct scenario *s, const char *word);
enum lru66 lru_of(struct scenario *s, const char *word);
uint32_t gfp66_of(struct scenario *s, const char *word);

/* -- tasks.c --------------------------------------------------------------- */

void when_shrink_inactive_list(struct scenario *s, const struct statement *st);
void when_shrink_active_list(struct scenario *s, const struct statement *st);
void when_get_scan_count(struct scenario *s, const struct statement *st);
void when_shrink_node(struct scenario *s, const struct statement *st);
void when_balance_pgdat(struct scenario *s, const struct statement *st);
void when_reclaim_throttle(struct scenario *s, const struct statement *st);
void when_try_to_free_pages(struct scenario *s, const struct statement *st);
void when_try_again(struct scenario *s, const struct statement *st);
void when_alloc66(struct scenario *s, const struct statement *st);
void given_request(struct scenario *s, const struct statement *st);

bool turn66(struct scenario *s, enum daemon who);

#endif
