/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The implementation of <lkltest/kernel.h>: start, watch, stop. */
#ifndef LKLTEST_INTERNAL_KERNEL_H
#define LKLTEST_INTERNAL_KERNEL_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#include <lkltest/internal/console.h>

#ifndef LKLTEST_NATIVE

/*
 * Ends the process by SIGABRT, on whatever thread. UML's library mode leaves the kernel's symbols global: there abort()
 * is the kernel's own, which panics, and calls us again.
 */
LKLTEST_FN __attribute__((noreturn)) void lkltest_abort(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGABRT);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	raise(SIGABRT);
	signal(SIGABRT, SIG_DFL);
	raise(SIGABRT);
	_exit(128 + SIGABRT);
}

/* The kernel has panicked, and has said so on the console. */
LKLTEST_FN void lkltest_panic(void)
{
	static const char text[] = "lkltest: the kernel panicked\n";

	lkltest_write(STDERR_FILENO, text, sizeof(text) - 1);
	lkltest_abort();
}

LKLTEST_FN void lkltest_start_kernel_at(const char *file, int line, const char *more)
{
	char cmdline[2048];
	int err;

	/*
	 * Every line of the kernel's log must reach the console, whatever
	 * loglevel the user wants there, and however many there are.
	 */
	if (snprintf(cmdline, sizeof(cmdline), "loglevel=8 %s %s ignore_loglevel printk.devkmsg=on", lkltest.cmdline,
		     more) >= (int)sizeof(cmdline))
		lkltest_bail_out_at(file, line, "the kernel's command line is too long: %zu bytes at most",
				    sizeof(cmdline) - 64);
	lkltest_watch_console();
#if LKLTEST_IN_TABLE(panic)
	lkl_host_ops.panic = lkltest_panic;
#endif
	err = lkltest_boot(lkltest.mem, cmdline);
	if (err || (lkl_is_running && !lkl_is_running()))
		lkltest_bail_out_at(file, line, "the kernel did not start: lkl_start_kernel() returned %d%s%s", err,
				    err < 0 ? ": " : "", err < 0 ? lkl_strerror(err) : "");
	lkltest.running = 1;
}

#else

/*
 * Points that only a library has are compiled, but are in no native program:
 * a call from one of its points is an error of the compilation.
 */
extern void lkltest_only_of_a_library(const char *more)
	__attribute__((error("a native program's kernel runs already: list the point by LKLTEST_LIBRARY()")));
#define lkltest_start_kernel(...) lkltest_only_of_a_library("" __VA_ARGS__)
#define lkltest_stop_kernel() lkltest_only_of_a_library("")

#endif /* LKLTEST_NATIVE */

/*
 * Makes the kernel print what it has begun: since Linux 5.10 a line without a
 * newline waits for the next one, and might wait beyond the program's end.
 */
LKLTEST_FN void lkltest_finish_console(void)
{
	static const char path[] = "/lkltest-kmsg";
	int fd;

	if (!lkltest.running)
		return;
	lkl_sys_mknodat(LKL_AT_FDCWD, path, LKL_S_IFCHR | 0600, 1 << 8 | 11);
	fd = lkl_sys_openat(LKL_AT_FDCWD, path, LKL_O_WRONLY, 0);
	if (fd >= 0) {
		lkl_sys_write(fd, "<7>\n", 4);
		lkl_sys_close(fd);
	}
	lkl_sys_unlinkat(LKL_AT_FDCWD, path, 0);
	lkltest_poll_console();
}

#ifndef LKLTEST_NATIVE

LKLTEST_FN void lkltest_stop_kernel_at(const char *file, int line)
{
	int err;

	/* The kernel's last words finish a line that a hooked console has begun. */
	if (!LKLTEST_HOOKED_CONSOLE)
		lkltest_finish_console();
	lkltest.running = 0;
	err = lkltest_halt();
	if (err)
		lkltest_bail_out_at(file, line, "the kernel did not stop: lkl_sys_halt() returned %d", err);
}

#endif /* !LKLTEST_NATIVE */
#endif
