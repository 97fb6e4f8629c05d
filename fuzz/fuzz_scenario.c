/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_scenario.c -- any bytes as a scenario.
 *
 * It is read, not run: what is given may well break a core, but no text may
 * break the reader.  Laws: what is wrong has a text with the line in it; what
 * is read has statements with a verb, as many arguments as it wants, and a NULL
 * behind them.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "sim/scenario/scenario.h"

enum { TEXT_BYTES_MAX = 16384 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_statement(const struct statement *st)
{
	must(st->verb != NULL && st->verb->run != NULL);
	must(st->part < PART_COUNT && st->line > 0);
	must(st->argc >= st->verb->min && st->argc <= st->verb->max);
	must(st->times <= 1000000 && (st->part == PART_WHEN || st->times == 1));
	for (unsigned i = 0; i < st->argc; i++)
		must(st->argv[i] != NULL && st->argv[i][0] != '\0');
	must(st->argv[st->argc] == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[TEXT_BYTES_MAX + 1];
	static struct script sc;

	if (size > TEXT_BYTES_MAX)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (!script_read(&sc, "fuzz", text)) {
		must(strncmp(sc.error, "fuzz:", 5) == 0);
		return 0;
	}
	must(sc.count > 0 && sc.count <= STATEMENTS_MAX);
	for (unsigned i = 0; i < sc.count; i++)
		check_statement(&sc.st[i]);
	return 0;
}
