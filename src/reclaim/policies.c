/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policies.c -- the list of policies; the first is the default.
 */
#include <string.h>

#include "core/policy.h"
#include "reclaim/simple.h"

const struct policy_ops *const policies[] = {
	&policy_clock,
	&policy_fifo,
	&policy_random,
	NULL,
};

const struct policy_ops *
policy_find(const char *name)
{
	for (const struct policy_ops *const *p = policies; *p != NULL; p++)
		if (strcmp((*p)->name, name) == 0)
			return *p;
	return NULL;
}
