/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What <lkltest/compat.h> is made of. */
#ifndef LKLTEST_INTERNAL_LIBRARY_H
#define LKLTEST_INTERNAL_LIBRARY_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#ifdef LKLTEST_NATIVE
#include <lkltest/internal/native.h>
#define LKLTEST_HOOKED_CONSOLE 0
#else

/* Parameters that an inline function of a kernel's header does not use are not the program's fault. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
#include <lkl.h>
#include <lkl_host.h>
#pragma GCC diagnostic pop

/* Entry points that some generations lack: there they are NULL, and never called. */
int lkl_init(struct lkl_host_operations *ops) __attribute__((weak));
void lkl_cleanup(void) __attribute__((weak));
int lkl_is_running(void) __attribute__((weak));

/*
 * The host's operations: a table, or, in UML's library mode, plain functions.
 * The latter's console cannot be hooked.
 */
#ifdef __UM_LIBMODE_UAPI_HOST_OPS_H
#define LKLTEST_HOST(op) lkl_##op
#define LKLTEST_HOOKED_CONSOLE 0
#else
#define LKLTEST_HOST(op) lkl_host_ops.op
#define LKLTEST_HOOKED_CONSOLE 1
#endif

/* The three shapes that lkl_start_kernel() has had. */
typedef int lkltest_start_with_memory(struct lkl_host_operations *ops, unsigned long mem, const char *fmt, ...);
typedef int lkltest_start_with_ops(struct lkl_host_operations *ops, const char *fmt, ...);
typedef int lkltest_start_after_init(const char *fmt, ...);

#define LKLTEST_STARTS_AS(shape) \
	__builtin_types_compatible_p(__typeof__(lkl_start_kernel), lkltest_start_##shape)

_Static_assert(LKLTEST_STARTS_AS(with_memory) || LKLTEST_STARTS_AS(with_ops) || LKLTEST_STARTS_AS(after_init),
	       "lkltest does not know how this liblkl's lkl_start_kernel() is called");

/* Boots the kernel with so much memory; 0, or a negative error. */
static inline int lkltest_boot(unsigned long mem, const char *cmdline)
{
	void *start = (void *)lkl_start_kernel;
	int err;

	if (LKLTEST_STARTS_AS(with_memory))
		return ((lkltest_start_with_memory *)start)(&lkl_host_ops, mem, "%s", cmdline);
	if (LKLTEST_STARTS_AS(with_ops))
		return ((lkltest_start_with_ops *)start)(&lkl_host_ops, "mem=%luK %s", mem >> 10, cmdline);
	err = lkl_init(&lkl_host_ops);
	return err ? err : ((lkltest_start_after_init *)start)("mem=%luK %s", mem >> 10, cmdline);
}

/* Stops the kernel; 0, or a negative error. */
static inline int lkltest_halt(void)
{
	int err = lkl_sys_halt();

	if (LKLTEST_STARTS_AS(after_init) && !err)
		lkl_cleanup();
	return err;
}

#if !__LKL__UAPI_DEF_SOCKADDR_IN6
struct lkl_sockaddr_in6 {
	unsigned short sin6_family;
	uint16_t sin6_port;
	uint32_t sin6_flowinfo;
	struct lkl_in6_addr sin6_addr;
	uint32_t sin6_scope_id;
};
#endif

/* Makes a system call by its number, for those that a generation gives no function. */
static inline long lkltest_syscall(long nr, long *params)
{
	return lkl_syscall(nr, params);
}

#endif /* LKLTEST_NATIVE */

/* What the kernel's headers for user space leave to the C library. */
#ifndef LKL_SOCK_NONBLOCK
#define LKL_SOCK_NONBLOCK LKL_O_NONBLOCK
#endif
#ifndef LKL_EFD_NONBLOCK
#define LKL_EFD_NONBLOCK LKL_O_NONBLOCK
#endif
#ifndef LKL_MSG_DONTWAIT
#define LKL_MSG_DONTWAIT 0x40
#endif
#ifndef LKL_MSG_NOSIGNAL
#define LKL_MSG_NOSIGNAL 0x4000
#endif

#endif
