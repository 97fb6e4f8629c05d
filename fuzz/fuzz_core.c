/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_core.c -- a fuzzer decides what happens in the model world.
 *
 * Every decision of a run -- what the program does, which operation ends next
 * and how it fails -- takes a byte or two.  They are the decisions that torture
 * takes from a seed, made by the same code, so an input that breaks a law is
 * repeated by running this program on its file.  The first byte is the seed of
 * the world itself, policy and faults, and of what fills its memory.  When the
 * input is used up the run is wound up and checked as any other.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "sim/sim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
broken(void *ctx, const char *law, const char *what)
{
	(void)ctx;
	(void)fprintf(stderr, "# [%s] %s\n", law, what);
	abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sim *s;
	unsigned count = 0;

	if (s == NULL)
		s = sim_new();
	if (s == NULL || size < 1)
		return 0;
	while (policies[count] != NULL)
		count++;
	must(count != 0);
	sim_start(s, &(struct sim_options){
			     .seed = data[0],
			     .policy = policies[data[0] / 2 % count]->name,
			     .faults = data[0] & 1,
			     .events = 4000,
			     .bytes = data + 1,
			     .bytes_count = size - 1,
			     .fail = broken,
		     });
	sim_run(s);
	return 0;
}
