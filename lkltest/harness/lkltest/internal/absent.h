/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls that this kernel has not got, though its own library makes them:
 * lkl_sys_socket() of a kernel without CONFIG_NET. No program would link with
 * it; here they fail as the call would.
 *
 * LKLTEST_ABSENT(X) expands X for each name; lkltest/liblkl/lacking.py finds
 * them.
 */
#ifndef LKLTEST_INTERNAL_ABSENT_H
#define LKLTEST_INTERNAL_ABSENT_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#ifdef LKLTEST_ABSENT

#include <errno.h>

/* All take an integer or a pointer first; what follows does not matter. */
#define LKLTEST_ABSENT_CALL(name)						\
	long (lkl_sys_##name)(long first, ...);					\
	__attribute__((weak, visibility("default"))) long (lkl_sys_##name)(long first, ...)	\
	{									\
		(void)first;							\
		return -ENOSYS;							\
	}
LKLTEST_ABSENT(LKLTEST_ABSENT_CALL)

#endif

#endif
