/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linked with programs that know nothing of this harness, such as a kernel
 * tree's own tests: a crash explains itself, the kernel's console is on stderr
 * as it comes, whatever the program does with it afterwards, and coverage is by
 * test.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <lkltest/crash.h>
#include <lkltest/internal/absent.h>

void __real_lkl_test_log(const char *str, int len) __attribute__((weak));
void __wrap_lkl_test_log(const char *str, int len);

/* Takes the place of the log that LKL's own tests give the kernel as its console. */
void __wrap_lkl_test_log(const char *str, int len)
{
	ssize_t done;
	int at;

	for (at = 0; at < len; at += done) {
		done = write(STDERR_FILENO, str + at, len - at);
		if (done <= 0)
			break;
	}
	if (__real_lkl_test_log)
		__real_lkl_test_log(str, len);
}

/* In programs whose kernel reports coverage: see coverage.c. */
void lkltest_coverage_context(const char *name) __attribute__((weak));

int __wrap_printf(const char *format, ...);

/* Takes the place of printf(), by which LKL's own tests announce each test, and tell its result. */
int __wrap_printf(const char *format, ...)
{
	va_list args, names;
	int done;

	va_start(args, format);
	va_copy(names, args);
	if (lkltest_coverage_context && !strncmp(format, "* %d %s", 7)) {
		va_arg(names, int);
		lkltest_coverage_context(va_arg(names, const char *));
	} else if (lkltest_coverage_context && (!strncmp(format, "ok %d ", 6) || !strncmp(format, "not ok %d ", 10))) {
		lkltest_coverage_context("");
	}
	done = vprintf(format, args);
	va_end(names);
	va_end(args);
	return done;
}

static __attribute__((constructor)) void attach(void)
{
	const char *die = getenv("LKLTEST_PDEATHSIG");

	if (die && !strcmp(die, "1"))
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	lkltest_crash_init();
}
