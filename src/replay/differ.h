/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * differ.h -- what was recorded and what came instead, in words.
 */
#ifndef REPLAY_DIFFER_H
#define REPLAY_DIFFER_H

#include <stddef.h>
#include <stdint.h>

#include "record/event.h"

/* One of two operations, as far as they differ. */
void differ_decision(char *text, size_t bytes, const struct decision *recorded,
                     const struct decision *here);

/* An enum record_item. */
const char *differ_item(unsigned item);

#endif
