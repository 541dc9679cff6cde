/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks, and the other things that a point can say about itself.
 *
 * CHECK_*() ends the point, from any depth of calls; ASSERT_*() is the same
 * under the name that kselftest_harness.h gives it. EXPECT_*() records the
 * failure and goes on. Each says what was checked, what was expected, what came,
 * and where. The value under test comes first, the expected one second: the
 * other way round than in kselftest_harness.h, where that only shows in the
 * message of a failure.
 *
 * On another thread than the point's, CHECK_*() records the failure and ends
 * that thread. In a function that the kernel calls (a disk's or a network
 * device's) use EXPECT_*(): the kernel does not survive being jumped out of. In
 * a forked child a failed CHECK_*() ends the child with status 1.
 */
#ifndef LKLTEST_CHECK_H
#define LKLTEST_CHECK_H

#define LKLTEST_API
#include <lkltest/points.h>
#include <lkltest/internal/check.h>

/**
 * CHECK() - ends the point, as failed, unless a condition is true
 * @cond: true, or a number or pointer other than 0
 */
#define CHECK(cond) LKLTEST_CHECK_TRUE(1, #cond, cond)

/**
 * ASSERT() - is CHECK(), as kselftest spells it
 * @cond: true, or a number or pointer other than 0
 */
#define ASSERT(cond) LKLTEST_CHECK_TRUE(1, #cond, cond)

/**
 * EXPECT() - fails the point, which goes on, unless a condition is true
 * @cond: true, or a number or pointer other than 0
 */
#define EXPECT(cond) LKLTEST_CHECK_TRUE(0, #cond, cond)

/**
 * CHECK_EQ() - ends the point, as failed, unless @actual equals @expected
 * @actual: integer under test, of any type
 * @expected: integer of any type, -1 and ULONG_MAX being distinct
 */
#define CHECK_EQ(actual, expected) LKLTEST_CHECK_NUMBERS(1, #actual " == " #expected, actual, expected, ==, "")

/**
 * ASSERT_EQ() - is CHECK_EQ(), as kselftest spells it
 * @actual: integer under test, of any type
 * @expected: integer of any type, -1 and ULONG_MAX being distinct
 */
#define ASSERT_EQ(actual, expected) LKLTEST_CHECK_NUMBERS(1, #actual " == " #expected, actual, expected, ==, "")

/**
 * EXPECT_EQ() - fails the point, which goes on, unless @actual equals @expected
 * @actual: integer under test, of any type
 * @expected: integer of any type, -1 and ULONG_MAX being distinct
 */
#define EXPECT_EQ(actual, expected) LKLTEST_CHECK_NUMBERS(0, #actual " == " #expected, actual, expected, ==, "")

/**
 * CHECK_NE() - ends the point, as failed, unless @actual differs from @expected
 * @actual: integer under test, of any type
 * @expected: integer of any type, -1 and ULONG_MAX being distinct
 */
#define CHECK_NE(actual, expected) LKLTEST_CHECK_NUMBERS(1, #actual " != " #expected, actual, expected, !=, "!=")

/**
 * ASSERT_NE() - is CHECK_NE(), as kselftest spells it
 * @actual: integer under test, of any type
 * @expected: integer of any type, -1 and ULONG_MAX being distinct
 */
#define ASSERT_NE(actual, expected) LKLTEST_CHECK_NUMBERS(1, #actual " != " #expected, actual, expected, !=, "!=")

/**
 * EXPECT_NE() - fails the point, which goes on, unless @actual differs from @expected
 * @actual: integer under test, of any type
 * @expected: integer of any type, -1 and ULONG_MAX being distinct
 */
#define EXPECT_NE(actual, expected) LKLTEST_CHECK_NUMBERS(0, #actual " != " #expected, actual, expected, !=, "!=")

/**
 * CHECK_LT() - ends the point, as failed, unless @actual is less than @expected
 * @actual: integer under test, of any type
 * @expected: integer of any type, -1 and ULONG_MAX being distinct
 */
#define CHECK_LT(actual, expected) LKLTEST_CHECK_NUMBERS(1, #actual " < " #expected, actual, expected, <, "<")

/**
 * ASSERT_LT() - is CHECK_LT(), as kselftest spells it
 * @actual: integer under test, of any type
 * @expected: integer of any type, -1 and ULONG_MAX being distinct
 */
#define ASSERT_LT(actual, expected) LKLTEST_CHECK_NUMBERS(1, #actual " < " #expected, actual, expected, <, "<")

/**
 * EXPECT_LT() - fails the point, which goes on, unless @actual is less than @expected
 * @actual: integer under test, of any type
 * @expected: integer of any type, -1 and ULONG_MAX being distinct
 */
#define EXPECT_LT(actual, expected) LKLTEST_CHECK_NUMBERS(0, #actual " < " #expected, actual, expected, <, "<")

/**
 * CHECK_LE() - ends the point, as failed, unless @actual is at most @expected
 * @actual: integer under test, of any type
 * @expected: integer of any type, -1 and ULONG_MAX being distinct
 */
#define CHECK_LE(actual, expected) LKLTEST_CHECK_NUMBERS(1, #actual " <= " #expected, actual, expected, <=, "<=")

/**
 * ASSERT_LE() - is CHECK_LE(), as kselftest spells it
 * @actual: integer under test, of any type
 * @expected: integer of any type, -1 and ULONG_MAX being distinct
 */
#define ASSERT_LE(actual, expected) LKLTEST_CHECK_NUMBERS(1, #actual " <= " #expected, actual, expected, <=, "<=")

/**
 * EXPECT_LE() - fails the point, which goes on, unless @actual is at most @expected
 * @actual: integer under test, of any type
 * @expected: integer of any type, -1 and ULONG_MAX being distinct
 */
#define EXPECT_LE(actual, expected) LKLTEST_CHECK_NUMBERS(0, #actual " <= " #expected, actual, expected, <=, "<=")

/**
 * CHECK_GT() - ends the point, as failed, unless @actual is greater than @expected
 * @actual: integer under test, of any type
 * @expected: integer of any type, -1 and ULONG_MAX being distinct
 */
#define CHECK_GT(actual, expected) LKLTEST_CHECK_NUMBERS(1, #actual " > " #expected, actual, expected, >, ">")

/**
 * ASSERT_GT() - is CHECK_GT(), as kselftest spells it
 * @actual: integer under test, of any type
 * @expected: integer of any type, -1 and ULONG_MAX being distinct
 */
#define ASSERT_GT(actual, expected) LKLTEST_CHECK_NUMBERS(1, #actual " > " #expected, actual, expected, >, ">")

/**
 * EXPECT_GT() - fails the point, which goes on, unless @actual is greater than @expected
 * @actual: integer under test, of any type
 * @expected: integer of any type, -1 and ULONG_MAX being distinct
 */
#define EXPECT_GT(actual, expected) LKLTEST_CHECK_NUMBERS(0, #actual " > " #expected, actual, expected, >, ">")

/**
 * CHECK_GE() - ends the point, as failed, unless @actual is at least @expected
 * @actual: integer under test, of any type
 * @expected: integer of any type, -1 and ULONG_MAX being distinct
 */
#define CHECK_GE(actual, expected) LKLTEST_CHECK_NUMBERS(1, #actual " >= " #expected, actual, expected, >=, ">=")

/**
 * ASSERT_GE() - is CHECK_GE(), as kselftest spells it
 * @actual: integer under test, of any type
 * @expected: integer of any type, -1 and ULONG_MAX being distinct
 */
#define ASSERT_GE(actual, expected) LKLTEST_CHECK_NUMBERS(1, #actual " >= " #expected, actual, expected, >=, ">=")

/**
 * EXPECT_GE() - fails the point, which goes on, unless @actual is at least @expected
 * @actual: integer under test, of any type
 * @expected: integer of any type, -1 and ULONG_MAX being distinct
 */
#define EXPECT_GE(actual, expected) LKLTEST_CHECK_NUMBERS(0, #actual " >= " #expected, actual, expected, >=, ">=")

/**
 * CHECK_OK() - ends the point, as failed, unless a system call succeeds
 * @call: call, or its result, which is negative where it failed
 *
 * Return: the value of @call, so that int fd = CHECK_OK(lkl_sys_openat(...)) works.
 */
#define CHECK_OK(call) LKLTEST_CHECK_OK(1, #call " succeeds", call)

/**
 * ASSERT_OK() - is CHECK_OK(), as kselftest spells it
 * @call: call, or its result, which is negative where it failed
 */
#define ASSERT_OK(call) LKLTEST_CHECK_OK(1, #call " succeeds", call)

/**
 * EXPECT_OK() - fails the point, which goes on, unless a system call succeeds
 * @call: call, or its result, which is negative where it failed
 *
 * Return: the value of @call, so that int fd = CHECK_OK(lkl_sys_openat(...)) works.
 */
#define EXPECT_OK(call) LKLTEST_CHECK_OK(0, #call " succeeds", call)

/**
 * CHECK_ERR() - ends the point, as failed, unless a system call fails with one error
 * @call: call, or its result
 * @error: error without its sign: CHECK_ERR(lkl_sys_close(-1), LKL_EBADF)
 */
#define CHECK_ERR(call, error) LKLTEST_CHECK_NUMBERS(1, #call " == -" #error, call, -(error), ==, "")

/**
 * ASSERT_ERR() - is CHECK_ERR(), as kselftest spells it
 * @call: call, or its result
 * @error: error without its sign: CHECK_ERR(lkl_sys_close(-1), LKL_EBADF)
 */
#define ASSERT_ERR(call, error) LKLTEST_CHECK_NUMBERS(1, #call " == -" #error, call, -(error), ==, "")

/**
 * EXPECT_ERR() - fails the point, which goes on, unless a system call fails with one error
 * @call: call, or its result
 * @error: error without its sign: CHECK_ERR(lkl_sys_close(-1), LKL_EBADF)
 */
#define EXPECT_ERR(call, error) LKLTEST_CHECK_NUMBERS(0, #call " == -" #error, call, -(error), ==, "")

/**
 * CHECK_STR_EQ() - ends the point, as failed, unless two strings are equal, neither being NULL
 * @actual: string under test
 * @expected: string that it must be
 */
#define CHECK_STR_EQ(actual, expected) \
	lkltest_strings_checked(__FILE__, __LINE__, 1, #actual " is " #expected, actual, expected)

/**
 * ASSERT_STR_EQ() - is CHECK_STR_EQ(), as kselftest spells it
 * @actual: string under test
 * @expected: string that it must be
 */
#define ASSERT_STR_EQ(actual, expected) \
	lkltest_strings_checked(__FILE__, __LINE__, 1, #actual " is " #expected, actual, expected)

/**
 * EXPECT_STR_EQ() - fails the point, which goes on, unless two strings are equal, neither being NULL
 * @actual: string under test
 * @expected: string that it must be
 */
#define EXPECT_STR_EQ(actual, expected) \
	lkltest_strings_checked(__FILE__, __LINE__, 0, #actual " is " #expected, actual, expected)

/**
 * CHECK_MEM_EQ() - ends the point, as failed, unless bytes are equal
 * @actual: bytes under test
 * @expected: bytes that they must be
 * @len: their number
 */
#define CHECK_MEM_EQ(actual, expected, len) \
	lkltest_bytes_checked(__FILE__, __LINE__, 1, #actual " holds " #expected, actual, expected, len)

/**
 * ASSERT_MEM_EQ() - is CHECK_MEM_EQ(), as kselftest spells it
 * @actual: bytes under test
 * @expected: bytes that they must be
 * @len: their number
 */
#define ASSERT_MEM_EQ(actual, expected, len) \
	lkltest_bytes_checked(__FILE__, __LINE__, 1, #actual " holds " #expected, actual, expected, len)

/**
 * EXPECT_MEM_EQ() - fails the point, which goes on, unless bytes are equal
 * @actual: bytes under test
 * @expected: bytes that they must be
 * @len: their number
 */
#define EXPECT_MEM_EQ(actual, expected, len) \
	lkltest_bytes_checked(__FILE__, __LINE__, 0, #actual " holds " #expected, actual, expected, len)

/**
 * ASSERT_TRUE() - is ASSERT() of a condition that is true, as kselftest spells it
 * @cond: true, or the point fails
 */
#define ASSERT_TRUE(cond) LKLTEST_CHECK_TRUE(1, #cond, cond)

/**
 * ASSERT_FALSE() - is ASSERT() of a condition that is false, as kselftest spells it
 * @cond: 0, or the point fails
 */
#define ASSERT_FALSE(cond) LKLTEST_CHECK_TRUE(1, "!(" #cond ")", !(cond))

/**
 * ASSERT_STREQ() - is ASSERT_STR_EQ(), as kselftest spells it
 * @actual: string under test
 * @expected: string that it must be
 */
#define ASSERT_STREQ(actual, expected) \
	lkltest_strings_checked(__FILE__, __LINE__, 1, #actual " is " #expected, actual, expected)

/**
 * EXPECT_TRUE() - is EXPECT() of a condition that is true, as kselftest spells it
 * @cond: true, or the point fails
 */
#define EXPECT_TRUE(cond) LKLTEST_CHECK_TRUE(0, #cond, cond)

/**
 * EXPECT_FALSE() - is EXPECT() of a condition that is false, as kselftest spells it
 * @cond: 0, or the point fails
 */
#define EXPECT_FALSE(cond) LKLTEST_CHECK_TRUE(0, "!(" #cond ")", !(cond))

/**
 * EXPECT_STREQ() - is EXPECT_STR_EQ(), as kselftest spells it
 * @actual: string under test
 * @expected: string that it must be
 */
#define EXPECT_STREQ(actual, expected) \
	lkltest_strings_checked(__FILE__, __LINE__, 0, #actual " is " #expected, actual, expected)

/**
 * lkltest_fail() - ends the point, as failed, for a reason that no check can give
 * @...: format of printf() and its arguments: lkltest_fail("%d bytes were lost", n)
 */
#define lkltest_fail(...) lkltest_fail_at(__FILE__, __LINE__, __VA_ARGS__)

/**
 * lkltest_bail_out() - fails the point and gives up the rest of the plan: no later point could work
 * @...: format of printf() and its arguments: why
 */
#define lkltest_bail_out(...) lkltest_bail_out_at(__FILE__, __LINE__, __VA_ARGS__)

/**
 * lkltest_skip() - ends the point, as skipped
 * @fmt: format of printf(): what this kernel or machine lacks, and the cure, as in
 *       "this kernel has no timerfd: CONFIG_TIMERFD"
 *
 * A point that has failed before stays failed.
 */
LKLTEST_FN LKLTEST_PRINTF(1, 2) __attribute__((noreturn)) void lkltest_skip(const char *fmt, ...);

/**
 * lkltest_todo() - makes every later failure of this point one that is known and does not count
 * @fmt: format of printf(): the reason
 */
LKLTEST_FN LKLTEST_PRINTF(1, 2) void lkltest_todo(const char *fmt, ...);

/**
 * lkltest_log() - adds a line to the log of the point that runs, or of the next one
 * @fmt: format of printf(); the newline at its end may be left out
 */
LKLTEST_FN LKLTEST_PRINTF(1, 2) void lkltest_log(const char *fmt, ...);

/**
 * lkltest_property() - records a fact about this point
 * @name: of the fact: "latency_ns"
 * @fmt: format of printf(): its value
 */
LKLTEST_FN LKLTEST_PRINTF(2, 3) void lkltest_property(const char *name, const char *fmt, ...);

/**
 * lkltest_first_failure() - tells what has failed first in the point that runs
 * @buf: gets "check: actual value", or "" if nothing has failed
 * @size: bytes of @buf
 *
 * For a program that passes its failures on, such as a network peer.
 * Return: @buf
 */
LKLTEST_FN const char *lkltest_first_failure(char *buf, size_t size);

#endif
