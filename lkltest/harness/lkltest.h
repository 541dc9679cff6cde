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
 *		LKLTEST(getpid, .deadline_ms = 1000),
 *	};
 *
 *	int main(int argc, char **argv)
 *	{
 *		return lkltest_main(argc, argv);
 *	}
 *
 * Everything here is static, so include it in one C file a program.
 */
#ifndef LKLTEST_H
#define LKLTEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#if defined(_FEATURES_H) && !defined(__USE_GNU)
#error "include <lkltest.h> before the C library's headers, or compile with -D_GNU_SOURCE"
#endif

/* What programs may take for granted, whichever of the parts below are left out. */
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

#include <lkltest/compat.h>	/* the kernel's API: every generation of liblkl, and native */
#include <lkltest/state.h>	/* points, what is known of the one that runs */
#include <lkltest/log.h>	/* its log */
#include <lkltest/check.h>	/* CHECK_*, EXPECT_*, skip, todo, bail out, properties */
#include <lkltest/console.h>	/* the watch on the kernel's console */
#include <lkltest/tap.h>	/* TAP and YAML on stdout */
#if __has_include(<lkltest/crash.h>) && !defined(LKLTEST_NO_CRASH)
#include <lkltest/crash.h>	/* a fatal signal explains itself */
#endif
#include <lkltest/kernel.h>	/* start and stop */
#include <lkltest/init.h>	/* a native program's first and last steps */
#include <lkltest/main.h>	/* arguments, and the loop over the points */

#endif
