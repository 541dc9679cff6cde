/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of a library's kernel: start and stop. A native program's kernel runs before it, and ends with it. */
#ifndef LKLTEST_KERNEL_H
#define LKLTEST_KERNEL_H

#define LKLTEST_API
#include <lkltest/points.h>
#include <lkltest/internal/kernel.h>

#ifndef LKLTEST_NATIVE

/**
 * lkltest_start_kernel() - starts the kernel
 * @...: nothing, or a string literal that is added to the kernel's command line
 *
 * The memory and the command line are those that the program was given. A kernel
 * that does not start ends the program: every point after it would crash.
 */
#define lkltest_start_kernel(...) lkltest_start_kernel_at(__FILE__, __LINE__, "" __VA_ARGS__)

/**
 * lkltest_stop_kernel() - stops the kernel
 */
#define lkltest_stop_kernel() lkltest_stop_kernel_at(__FILE__, __LINE__)

#endif
#endif
