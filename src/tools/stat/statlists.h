/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * statlists.h -- the lists of policies linux24 and kswapd, as pageout stat
 * --lists shows them.
 *
 * Lists by zone, pages by age or by type, what is wanted and missing, and how
 * often what happens: as a page of text with fixed columns, or as one JSON
 * object.  An engine with another policy is said to have no such lists, and
 * shows what it has.
 */
#ifndef TOOLS_STATLISTS_H
#define TOOLS_STATLISTS_H

#include "tools/stat/statout.h"

/* One engine, in text or as one JSON object on one line. */
void statlists_show(const struct stat_view *v, const struct stat_sample *s);

#endif
