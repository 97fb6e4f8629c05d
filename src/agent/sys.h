/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys.h -- system calls past the C library.
 *
 * The agent stands in front of the C library's functions, so it asks the kernel
 * itself.  sys() returns what the kernel returns, a value or a negative errno,
 * and leaves errno alone; it may be used before the C library is ready, in a
 * signal handler and after vfork().
 */
#ifndef AGENT_SYS_H
#define AGENT_SYS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __x86_64__
static inline long
sys6(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long r;

	__asm__ volatile("syscall"
	                 : "=a"(r)
	                 : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10),
	                   "r"(r8), "r"(r9)
	                 : "rcx", "r11", "memory");
	return r;
}
#else
static inline long
sys6(long number, long a, long b, long c, long d, long e, long f)
{
	int saved = errno;
	long r = syscall(number, a, b, c, d, e, f);

	if (r == -1)
		r = -errno;
	errno = saved;
	return r;
}
#endif

#define SYS_ARGS_(n, a, b, c, d, e, f, ...)                              \
	sys6((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), \
	     (long)(f))
#define sys(...) SYS_ARGS_(__VA_ARGS__, 0, 0, 0, 0, 0, 0)

/* True if r is a negative errno and not an address or a count. */
static inline bool
sys_failed(long r)
{
	return (unsigned long)r >= (unsigned long)-4095L;
}

/* What a C library function returns for r: -1 and errno, or the value. */
static inline long
sys_return(long r)
{
	if (!sys_failed(r))
		return r;
	errno = (int)-r;
	return -1;
}

#endif
