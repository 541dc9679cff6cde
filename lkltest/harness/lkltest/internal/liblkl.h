/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The library's own headers, whichever of the C library's come before them. */
#ifndef LKLTEST_INTERNAL_LIBLKL_H
#define LKLTEST_INTERNAL_LIBLKL_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

/*
 * The C library's macros for members of structures must not change the kernel's:
 * some generations give theirs no prefix.
 */
#pragma push_macro("st_atime")
#pragma push_macro("st_mtime")
#pragma push_macro("st_ctime")
#pragma push_macro("sa_handler")
#pragma push_macro("sa_sigaction")
#undef st_atime
#undef st_mtime
#undef st_ctime
#undef sa_handler
#undef sa_sigaction

/* Parameters that an inline function of a kernel's header does not use are not the program's fault. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
#include <lkltest/internal/absent.h>
#include <lkl.h>
#include <lkl_host.h>
#pragma GCC diagnostic pop

/* Members that some generations give no prefix. */
#ifdef LKLTEST_LACKS_MEMBER_lkl_st_atime
#undef lkl_st_atime
#define lkl_st_atime st_atime
#endif
#ifdef LKLTEST_LACKS_MEMBER_lkl_st_mtime
#undef lkl_st_mtime
#define lkl_st_mtime st_mtime
#endif
#ifdef LKLTEST_LACKS_MEMBER_lkl_s_addr
#undef lkl_s_addr
#define lkl_s_addr s_addr
#endif

static inline long lkltest_stat_atime(const struct lkl_stat *st)
{
	return st->lkl_st_atime;
}

static inline long lkltest_stat_mtime(const struct lkl_stat *st)
{
	return st->lkl_st_mtime;
}

static inline long lkltest_stat_mtime_nsec(const struct lkl_stat *st)
{
	return st->st_mtime_nsec;
}

#pragma pop_macro("st_atime")
#pragma pop_macro("st_mtime")
#pragma pop_macro("st_ctime")
#pragma pop_macro("sa_handler")
#pragma pop_macro("sa_sigaction")

#endif
