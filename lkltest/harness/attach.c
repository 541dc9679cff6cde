/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linked with programs that know nothing of this harness, such as a kernel
 * tree's own tests: a crash explains itself, and the kernel's console is on
 * stderr as it comes, whatever the program does with it afterwards.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <lkltest/crash.h>

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

static __attribute__((constructor)) void attach(void)
{
	const char *die = getenv("LKLTEST_PDEATHSIG");

	if (die && !strcmp(die, "1"))
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	lkltest_crash_init();
}
