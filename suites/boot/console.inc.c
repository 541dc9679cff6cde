/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel has not complained. */
#ifndef BOOT_CONSOLE_INC_C
#define BOOT_CONSOLE_INC_C

#include "shared.h"

static int open_kmsg(void)
{
	int fd = lkl_sys_openat(LKL_AT_FDCWD, "/dev/kmsg", LKL_O_WRONLY, 0);

	if (fd >= 0)
		return fd;
	lkl_sys_unlinkat(LKL_AT_FDCWD, "/kmsg", 0);
	lkl_sys_mknodat(LKL_AT_FDCWD, "/kmsg", LKL_S_IFCHR | 0600, 1 << 8 | 11);
	fd = lkl_sys_openat(LKL_AT_FDCWD, "/kmsg", LKL_O_WRONLY, 0);
	lkl_sys_unlinkat(LKL_AT_FDCWD, "/kmsg", 0);
	return fd;
}

/*
 * Complaints fail the points during which they come. This point is for those
 * that no one saw come: the watch must see what is printed, at any level, and
 * have seen what the kernel's log holds.
 */
POINT(console_clean)
{
	static const char marker[] = "lkltest: the watch on the console sees this";
	static const char written[] = "<7>lkltest: the watch on the console sees this\n";
	static char log[1 << 18];
	long long give_up = lkltest_now_ns() + ABSURD_NS;
	long len;
	int fd;

	if (lkl_sys_syslog(9, NULL, 0) == -LKL_ENOSYS)
		lkltest_skip("this kernel prints nothing: CONFIG_PRINTK");
	fd = open_kmsg();
	if (fd >= 0) {
		CHECK_EQ(lkl_sys_write(fd, written, strlen(written)), strlen(written));
		CHECK_EQ(lkl_sys_close(fd), 0);
		/* While another thread prints, it is that one which prints our line too, a moment later. */
		while (!lkltest_console_seen(marker) && lkltest_now_ns() < give_up)
			sleep_ns(1000000);
		CHECK(lkltest_console_seen(marker));
	} else {
		lkltest_log("no /dev/kmsg: %s", lkl_strerror(fd));
	}

	len = CHECK_OK(lkl_sys_syslog(3, log, sizeof(log) - 1));
	CHECK_GT(len, 0);
	log[len] = 0;
	CHECK_LE(lkltest_complaints_in(log), lkltest_complaints_seen());
}

#endif
