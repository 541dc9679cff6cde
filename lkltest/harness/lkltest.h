/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lkltest.h - what a C test program for the Linux Kernel Library includes.
 *
 * A program is one C file: points, one table of them, and a main that hands
 * over to lkltest_main(). How to write one: docs/harness.md.
 *
 *	#include <lkltest.h>
 *
 *	POINT(start_kernel) { lkltest_start_kernel(); }
 *	POINT(getpid)       { CHECK_EQ(lkl_sys_getpid(), 1); }
 *
 *	LKLTEST_POINTS = {
 *		LKLTEST_LIBRARY(start_kernel),
 *		LKLTEST(getpid, .timeout_ms = 1000),
 *	};
 *
 *	int main(int argc, char **argv)
 *	{
 *		return lkltest_main(argc, argv);
 *	}
 *
 * The headers beside lkltest/internal/ are the API, each macro and function with
 * its comment. Everything is static, so include it in one C file a program.
 */
#ifndef LKLTEST_H
#define LKLTEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#if defined(_FEATURES_H) && !defined(__USE_GNU)
#error "include <lkltest.h> before the C library's headers, or compile with -D_GNU_SOURCE"
#endif

#define LKLTEST_API
#include <lkltest/compat.h>	/* the kernel's API: every generation of liblkl, and native */

/* The headers that programs may rely on, whichever of the parts below are left out. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#endif

#include <lkltest/points.h>	/* points, their table, lkltest_main() */
#include <lkltest/check.h>	/* CHECK_*, ASSERT_*, EXPECT_*, skip, todo, bail out, log, properties */
#include <lkltest/console.h>	/* the kernel's console */
#if __has_include(<lkltest/crash.h>) && !defined(LKLTEST_NO_CRASH)
#include <lkltest/crash.h>	/* a fatal signal explains itself */
#endif
#include <lkltest/kernel.h>	/* start and stop */
#include <lkltest/internal/main.h>	/* arguments, and the loop over the points */

#endif
