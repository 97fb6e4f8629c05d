/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sizes.h -- memory sizes: "64M", "25%", or several, "10%..100%:10".
 *
 * A share is of all pages that the trace touches.  A range is so many sizes in
 * even steps, from the first to the last.
 */
#ifndef TOOLS_SIM_SIZES_H
#define TOOLS_SIM_SIZES_H

#include <stdint.h>

struct sizes {
	uint64_t *bytes; /* whole pages, rising, none twice */
	unsigned count, max;
	uint64_t least;  /* a share that is less becomes this; 0: none does */
	unsigned raised; /* how many did */
};

/*
 * Add what text says.
 * => total_bytes is what 100% means; 0, -EINVAL, -ERANGE or -E2BIG, then
 *    *ret_why is half a sentence
 */
int sizes_add(struct sizes *s, const char *text, uint64_t total_bytes,
              const char **ret_why);

#endif
