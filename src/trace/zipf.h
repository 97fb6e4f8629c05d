/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zipf.h -- ranks by Zipf's law, of which the first is the most frequent.
 *
 * As Gray et al., "Quickly generating billion-record synthetic databases".
 */
#ifndef TRACE_ZIPF_H
#define TRACE_ZIPF_H

#include <stdint.h>

struct zipf {
	uint64_t n;
	double zeta, half, alpha, eta;
};

/* => n at least 2; theta above 0 and below 1: how unequal they are */
void zipf_init(struct zipf *z, uint64_t n, double theta);

/* The rank, below n, for a random number of 64 bits. */
uint64_t zipf_rank(const struct zipf *z, uint64_t random);

#endif
