/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread.h -- threads that may live inside somebody else's program.
 *
 * They block every signal, so that no handler of the program runs on them, and
 * run on a stack that the caller gives, so that no stack cache of the C library
 * holds memory which could become managed.
 */
#ifndef OS_THREAD_H
#define OS_THREAD_H

#include <pthread.h>
#include <stddef.h>

/* The C library puts the thread variables of the whole program there, too. */
#define THREAD_STACK_BYTES ((size_t)256 << 10)

/* Constant after thread_start(); must live as long as the thread. */
struct os_thread {
	pthread_t id;
	const char *name; /* at most 15 characters */
	void (*run)(void *ctx);
	void *ctx;
};

/*
 * Start a thread.
 *
 *	stack	THREAD_STACK_BYTES, aligned to a page, outside managed memory
 *
 * => returns 0, or -EAGAIN when the system has no thread for us; then t->run
 *    is NULL
 */
int thread_start(struct os_thread *t, const char *name, void (*run)(void *ctx),
                 void *ctx, void *stack);

/* Wait until it has returned from run(). */
void thread_join(struct os_thread *t);

#endif
