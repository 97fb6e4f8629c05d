/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_record.c -- any bytes as a record.
 *
 * Laws: a record is replayed to its end or ends with a reason; and so it is
 * when its version and its checks are right, whatever else is wrong with it.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "fuzz/reseal.h"
#include "replay/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
replay(const uint8_t *bytes, size_t size)
{
	static struct replay_result result;

	replay_run(&result, bytes, size,
	           &(struct replay_options){.memory_max = 64 << 20});
	must((result.verdict == REPLAY_SAME) == (result.why[0] == '\0'));
	for (const char *c = result.why; *c != '\0'; c++)
		must(*c >= ' ' && *c <= '~');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint32_t version = RECORD_VERSION;
	uint8_t *copy = malloc(size + 1);

	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	replay(copy, size);
	if (size >= sizeof(struct record_header))
		memcpy(copy + offsetof(struct record_header, version), &version,
		       sizeof(version));
	reseal(copy, size);
	replay(copy, size);
	free(copy);
	return 0;
}
