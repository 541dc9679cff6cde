/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The points of a program, their table, and the program's main function. */
#ifndef LKLTEST_POINTS_H
#define LKLTEST_POINTS_H

#include <stddef.h>

#define LKLTEST_API

/**
 * LKLTEST_FN - begins the definition of a function in a header, which a program need not use
 */
#define LKLTEST_FN static __attribute__((unused))

/**
 * LKLTEST_PRINTF() - lets the compiler check a function's arguments against its format
 * @fmt: number of the parameter that is a format of printf(), from 1 on
 * @args: number of the first argument that the format speaks of
 */
#define LKLTEST_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/**
 * struct lkltest_point - an entry of the program's table
 * @name: NULL: not part of the plan of this program
 * @run: the point's function
 * @timeout_ms: after this many milliseconds the runner kills the program; it reads the number from the source;
 *              0: the runner's own timeout counts
 * @deadline_ms: former name of @timeout_ms; deprecated
 * @todo: reason why the point is expected to fail, or NULL
 * @needs: names of the earlier points, separated by blanks, without which this one makes no sense, and by them those
 *         that they need; "": it stands alone. NULL: all earlier points. For the runner, which reads it from the
 *         source: it can then run a part of the table
 */
struct lkltest_point {
	const char *name;
	void (*run)(void);
	union {
		int timeout_ms;
		int deadline_ms;
	};
	const char *todo;
	const char *needs;
};

/**
 * POINT() - defines the function of a point
 * @id: name of the point, a C identifier: POINT(getpid) { ... }
 */
#ifdef LKLTEST_NATIVE	/* where those that only a library has are in no table */
#define POINT(id) static __attribute__((unused)) void lkltest_point_##id(void)
#else
#define POINT(id) static void lkltest_point_##id(void)
#endif

/**
 * LKLTEST_POINTS - begins the program's one table, in the order in which the points run
 */
#define LKLTEST_POINTS static const struct lkltest_point lkltest_points[]

/**
 * LKLTEST() - is the table's entry of a point
 * @id: name of the point
 * @...: further fields of struct lkltest_point: LKLTEST(getpid, .timeout_ms = 100)
 */
#define LKLTEST(id, ...) { .name = #id, .run = lkltest_point_##id, __VA_ARGS__ }

/**
 * LKLTEST_LIBRARY() - is the table's entry of a point that only a library has
 * @id: name of the point
 * @...: further fields of struct lkltest_point
 *
 * Such as the host's mutexes, or starting the kernel by a call. Not part of the
 * plan of a native program, for which the point's function need not even exist.
 */
#ifdef LKLTEST_NATIVE
#define LKLTEST_LIBRARY(id, ...) { .name = NULL }
#else
#define LKLTEST_LIBRARY(id, ...) { .name = #id, .run = lkltest_point_##id, __VA_ARGS__ }
#endif

/**
 * enum lkltest_status - exit statuses of a program
 * @LKLTEST_PASSED: every point was ok, skipped or todo
 * @LKLTEST_FAILED: a point failed, and its result says so
 * @LKLTEST_USAGE: the arguments make no sense; nothing was run
 * @LKLTEST_BAILED_OUT: the rest of the plan was given up
 * @LKLTEST_NO_OUTPUT: stdout is closed, full or broken
 * @LKLTEST_LATE: something failed, or the console was unclean, after the last point
 *
 * None is 4, which means "skipped" to kselftest. lkltest/program/status.py has the same numbers.
 */
enum lkltest_status {
	LKLTEST_PASSED = 0,
	LKLTEST_FAILED = 1,
	LKLTEST_USAGE = 2,
	LKLTEST_BAILED_OUT = 3,
	LKLTEST_NO_OUTPUT = 5,
	LKLTEST_LATE = 6,
};

/**
 * lkltest_main() - runs the points of the table
 * @argc: of main()
 * @argv: of main()
 *
 * Return: the exit status of the program, one of enum lkltest_status
 */
#define lkltest_main(argc, argv) \
	lkltest_run(argc, argv, lkltest_points, sizeof(lkltest_points) / sizeof(*lkltest_points))

/**
 * lkltest_arg() - finds an argument of the program
 * @name: of the argument, which is given as name=value
 *
 * Return: the value, or NULL if there is no such argument
 */
LKLTEST_FN const char *lkltest_arg(const char *name);

/**
 * lkltest_now_ns() - reads the host's clock
 *
 * Return: nanoseconds since some time in the past
 */
LKLTEST_FN long long lkltest_now_ns(void);

#endif
