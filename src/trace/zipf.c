/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zipf.c -- ranks by Zipf's law.
 */
#include <math.h>

#include "trace/zipf.h"

void
zipf_init(struct zipf *z, uint64_t n, double theta)
{
	*z = (struct zipf){.n = n};
	for (uint64_t i = 1; i <= n; i++)
		z->zeta += pow((double)i, -theta);
	z->half = 1.0 + pow(0.5, theta);
	z->alpha = 1.0 / (1.0 - theta);
	z->eta = (1.0 - pow(2.0 / (double)n, 1.0 - theta)) /
	         (1.0 - z->half / z->zeta);
}

uint64_t
zipf_rank(const struct zipf *z, uint64_t random)
{
	double u = (double)(random >> 11) * 0x1p-53;
	double uz = u * z->zeta;
	uint64_t rank;

	if (uz < 1.0)
		return 0;
	if (uz < z->half)
		return 1;
	rank = (uint64_t)((double)z->n *
	                  pow(z->eta * u - z->eta + 1, z->alpha));
	return rank < z->n ? rank : z->n - 1;
}
