/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread.c -- threads that may live inside somebody else's program.
 *
 * The C library allocates a little for a thread when it is created and frees
 * it when it ends; nothing in between.  So threads are started once, before
 * anything is managed.
 */
#include <signal.h>
#include <sys/prctl.h>

#include "base/assert.h"
#include "os/thread.h"

static void *
thread_main(void *arg)
{
	struct os_thread *t = arg;

	(void)prctl(PR_SET_NAME, t->name, 0, 0, 0);
	t->run(t->ctx);
	return NULL;
}

int
thread_start(struct os_thread *t, const char *name, void (*run)(void *ctx),
             void *ctx, void *stack)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int r;

	t->name = name;
	t->run = run;
	t->ctx = ctx;
	r = pthread_attr_init(&attr);
	must(r == 0);
	r = pthread_attr_setstack(&attr, stack, THREAD_STACK_BYTES);
	must(r == 0);
	/* The new thread inherits the mask. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &old);
	r = pthread_create(&t->id, &attr, thread_main, t);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_attr_destroy(&attr);
	if (r != 0)
		t->run = NULL; /* nobody to join */
	return -r;
}

void
thread_join(struct os_thread *t)
{
	int r = pthread_join(t->id, NULL);

	must(r == 0);
}
