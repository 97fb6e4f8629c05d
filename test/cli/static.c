/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * static.c -- a program without a dynamic loader: linked with -static.
 */
#include <stdio.h>

int
main(void)
{
	return puts("static") < 0;
}
