/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json.h -- strings as JSON wants them.
 */
#ifndef TOOLS_JSON_H
#define TOOLS_JSON_H

#include <stdio.h>

/* Print text in quotes.  Bytes that are not plain ASCII are escaped one by
 * one, so that the result is JSON whatever text holds. */
void json_string(FILE *out, const char *text);

#endif
