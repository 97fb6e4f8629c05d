/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * words.h -- the words that only worlds of linux24 know.
 */
#ifndef SCENARIO_LINUX24_WORDS_H
#define SCENARIO_LINUX24_WORDS_H

#include "sim/scenario/scenario.h"

extern const struct verb given24_verbs[], when24_verbs[], then24_verbs[];

/* "KERNEL", or names of bits joined by +. */
uint32_t gfp24_of(struct scenario *s, const char *word);

bool turn24(struct scenario *s, enum daemon who);

#endif
