/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_block.c -- what the disk under a file is like, as a directory that
 * stands for / says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "os/block.h"

static char root[64];
static FILE *file;
static char number[32]; /* of its disk */

__attribute__((format(printf, 1, 2))) static void
shell(const char *format, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(command, sizeof(command), format, ap);
	va_end(ap);
	assert_int_equal(system(command), 0);
}

static int
setup(void **state)
{
	struct stat st;

	(void)state;
	(void)strcpy(root, "/tmp/pageout-block-XXXXXX");
	assert_non_null(mkdtemp(root));
	file = tmpfile();
	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	(void)snprintf(number, sizeof(number), "%u:%u", major(st.st_dev),
	               minor(st.st_dev));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	shell("rm -r %s", root);
	return fclose(file);
}

/* A disk with one partition; dev is the name of what the file is on. */
static void
make_disk(const char *dev, const char *rotational)
{
	shell("cd %s && mkdir -p sys/dev/block sys/devices/sda/queue "
	      "sys/devices/sda/sda1 && echo %s >sys/devices/sda/queue/"
	      "rotational && ln -s ../../devices/%s sys/dev/block/%s",
	      root, rotational, dev, number);
}

static void
a_whole_disk(void **state)
{
	(void)state;
	make_disk("sda", "0");
	assert_true(block_is_solid_state(fileno(file), root));
}

static void
a_partition(void **state)
{
	(void)state;
	make_disk("sda/sda1", "0");
	assert_true(block_is_solid_state(fileno(file), root));
}

static void
a_disk_with_an_arm(void **state)
{
	(void)state;
	make_disk("sda/sda1", "1");
	assert_false(block_is_solid_state(fileno(file), root));
}

static void
nobody_says(void **state)
{
	(void)state;
	assert_false(block_is_solid_state(fileno(file), root));
	assert_false(block_is_solid_state(-1, root));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_whole_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(a_partition, setup, teardown),
		cmocka_unit_test_setup_teardown(a_disk_with_an_arm, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(nobody_says, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
