/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fatal signal explains itself: the signal, the address and the stack go to
 * stderr, as addresses that lkltest (or addr2line) turns into names and lines.
 * Then the signal is raised again with its default action. SIGUSR2 writes the
 * stacks of all threads, and the program goes on. The lines: docs/crashes.md.
 *
 * Programs with points have all of it from lkltest_main(). For others this
 * header stands alone. It is inert with the environment variable
 * LKLTEST_NO_CRASH_HANDLER, and under a sanitizer that has handlers of its own.
 * A program whose source is not yours gets it by the compiler's options
 * -DLKLTEST_CRASH_CONSTRUCTOR -include lkltest/crash.h
 */
#ifndef LKLTEST_CRASH_H
#define LKLTEST_CRASH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#define LKLTEST_API

/**
 * lkltest_crash_init() - makes the fatal signals explain themselves
 *
 * Call it first in main(), before the kernel starts.
 */
static __attribute__((unused)) void lkltest_crash_init(void);

/**
 * lkltest_crash_thread() - gives this thread a stack on which an overflow of its own can be told
 *
 * Call it in threads that the program starts itself.
 */
static __attribute__((unused)) void lkltest_crash_thread(void);

#include <lkltest/internal/crash.h>

#endif
