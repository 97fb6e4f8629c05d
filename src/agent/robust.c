/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * robust.c -- robust mutexes stay in memory.
 *
 * When a thread ends, the kernel walks the robust mutexes that it holds and
 * tells whoever waits for them.  By then the thread takes no faults of user
 * space any more: a mutex that is swapped out would be passed over in silence.
 * So its page is pinned from pthread_mutex_init() to pthread_mutex_destroy().
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

#include "agent/agent.h"
#include "agent/span.h"

typedef int init_fn(pthread_mutex_t *, const pthread_mutexattr_t *);
typedef int destroy_fn(pthread_mutex_t *);
typedef int pin_fn(struct pager *p, const void *addr, size_t bytes);

static init_fn *real_init;
static destroy_fn *real_destroy;

static long
do_pins(const struct call *c, pin_fn *pin)
{
	uintptr_t start, end;

	if (!agent_pages(c->addr, c->bytes, &start, &end) ||
	    !span_any(start, end, SPAN_MANAGED))
		return 0;
	return pin(agent_pager, (void *)start, end - start);
}

static long
do_pin(const struct call *c)
{
	return do_pins(c, pager_pin);
}

static long
do_unpin(const struct call *c)
{
	return do_pins(c, pager_unpin);
}

static long
mutex_run(call_fn *fn, const pthread_mutex_t *m)
{
	struct call c = {.addr = (uintptr_t)m, .bytes = sizeof(*m)};

	if (agent_state != AGENT_ON || !agent_watches())
		return 0;
	return agent_run(fn, &c);
}

EXPORT int
pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr)
{
	int robust = PTHREAD_MUTEX_STALLED;

	if (real_init == NULL)
		real_init = (init_fn *)dlsym(RTLD_NEXT, "pthread_mutex_init");
	if (attr != NULL)
		(void)pthread_mutexattr_getrobust(attr, &robust);
	if (robust == PTHREAD_MUTEX_ROBUST && mutex_run(do_pin, m) < 0)
		return ENOMEM;
	return real_init(m, attr);
}

EXPORT int
pthread_mutex_destroy(pthread_mutex_t *m)
{
	/* As the C library's pthread_mutex_consistent() asks. */
	bool robust = m->__data.__kind > 0 && (m->__data.__kind & 16) != 0;
	int r;

	if (real_destroy == NULL)
		real_destroy =
			(destroy_fn *)dlsym(RTLD_NEXT, "pthread_mutex_destroy");
	r = real_destroy(m);
	if (r == 0 && robust)
		(void)mutex_run(do_unpin, m);
	return r;
}
