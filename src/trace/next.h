/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * next.h -- when each access's page is used next.
 */
#ifndef TRACE_NEXT_H
#define TRACE_NEXT_H

#include "trace/trace.h"

/*
 * From the end backwards.
 * => access has pages below numbers; 0, or -ENOMEM
 */
int next_uses(const uint32_t *access, uint64_t accesses, uint32_t numbers,
              uint32_t *ret_next);

#endif
