/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * assert.h -- three prices of assertion.
 *
 * An assertion states what must be true of our own code.  It is never used for
 * what the world may do to us: a full disk, a dead client and a bad option are
 * return values.
 *
 *	must(e)		always compiled in; O(1); costs a compare
 *	should(e)	compiled in when CHECK_LEVEL >= 1 (the default)
 *	audit(e)	compiled in when CHECK_LEVEL >= 2 (simulator, fuzzers);
 *			may walk whole lists
 *	never()		a switch arm or a loop end that cannot be reached
 *
 * All of them end in the hook assert_fail, so that the simulator can print its
 * seed before the process dies and a test can expect a failure.  A hook may
 * leave by longjmp(); when it returns, the process is aborted.
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#ifndef CHECK_LEVEL
#define CHECK_LEVEL 1
#endif

typedef void fail_fn(const char *expr, const char *file, int line,
                     const char *func);

extern fail_fn *assert_fail; /* default: print to stderr */

/*
 * Call the hook, then abort.
 * => does not return
 */
_Noreturn void assert_die(const char *expr, const char *file, int line,
                          const char *func);

#define FAIL_(what) assert_die(what, __FILE__, __LINE__, __func__)

#define must(e) ((e) ? (void)0 : FAIL_(#e))
#define never() FAIL_("not reached")

#if CHECK_LEVEL >= 1
#define should(e) must(e)
#else
#define should(e) ((void)sizeof(!(e)))
#endif

#if CHECK_LEVEL >= 2
#define audit(e) must(e)
#else
#define audit(e) ((void)sizeof(!(e)))
#endif

#endif
