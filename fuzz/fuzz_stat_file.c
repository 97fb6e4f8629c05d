/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_stat_file.c -- any bytes as a statistics file.
 *
 * Laws: a file is read or refused with a reason; what was read can be shown in
 * every form without a control character; reading it again after it was cut
 * off is an error or the same, never a fault.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"
#include "tools/stat/engines.h"
#include "tools/stat/statout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every form of output, which must be plain text. */
static void
show(const struct engine *e)
{
	static char text[1 << 20];
	struct stat_view v = {.level = UINT8_MAX};
	struct stat_sample s = {.now = e};
	size_t n;

	v.out = fmemopen(text, sizeof(text), "w");
	must(v.out != NULL);
	statout_heading(&v, false);
	statout_line(&v, &s);
	statout_table(&v, &s);
	s.before = e;
	s.elapsed_ns = 1;
	v.raw = true;
	statout_table(&v, &s);
	v.json = true;
	statout_json(&v, &s);
	n = (size_t)ftell(v.out);
	(void)fclose(v.out);
	for (size_t i = 0; i < n && i < sizeof(text); i++)
		must(text[i] == '\n' || (text[i] >= 0x20 && text[i] <= 0x7e));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct engine e = {.pid = 1};
	const char *why = NULL;
	int fd, r;

	fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || (size > 0 && write(fd, data, size) != (ssize_t)size))
		abort();
	r = statfile_open(&e.file, dup(fd), &why);
	must(r == 0 || why != NULL);
	if (r == 0) {
		must(statfile_read(&e.file) == 0);
		show(&e);
		must(ftruncate(fd, (off_t)(size / 2)) == 0);
		(void)statfile_read(&e.file);
		statfile_close(&e.file);
	}
	(void)close(fd);
	return 0;
}
