/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's console: every line goes to stderr and to the log of the point
 * that runs, and a line by which the kernel complains fails that point.
 */
#ifndef LKLTEST_CONSOLE_H
#define LKLTEST_CONSOLE_H

#define LKLTEST_API
#include <lkltest/points.h>
#include <lkltest/internal/console.h>

/**
 * lkltest_expect_console() - lets the kernel print lines with a text during this point, whatever else they say
 * @text: part of the lines; "" lets every line pass
 *
 * For points that provoke the kernel.
 */
LKLTEST_FN void lkltest_expect_console(const char *text);

/**
 * lkltest_console_seen() - tells whether the log of this point, to which the console belongs, has a line with a text
 * @text: part of the line, within the first 64 KiB of the log
 *
 * From Linux 5.10 on a line without a newline at its end is printed with the next one only.
 */
LKLTEST_FN int lkltest_console_seen(const char *text);

/**
 * lkltest_complaints_seen() - counts the complaints that the kernel has printed since the program began
 *
 * Return: the number of lines, those that were expected among them
 */
LKLTEST_FN unsigned long lkltest_complaints_seen(void);

/**
 * lkltest_complaints_in() - counts the lines by which the kernel complains in a log of its
 * @log: lines of text, ended by NUL
 */
LKLTEST_FN unsigned long lkltest_complaints_in(const char *log);

#endif
