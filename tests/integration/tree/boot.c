/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include "test.h"


static int lkl_test_start(void)
{
	void *start = (void *)lkl_start_kernel;

#ifdef CONFIG_AUTO_LKL_POSIX_HOST
	return ((int (*)(void *, unsigned long, const char *, ...))start)(&lkl_host_ops, 64 << 20, "loglevel=8");
#else
	return ((int (*)(void *, const char *, ...))start)(&lkl_host_ops, "mem=64M loglevel=8");
#endif
}

static int lkl_test_getpid(void)
{
	return lkl_sys_getpid() != 1;
}

static int lkl_test_fails(void)
{
	return 1;
}

static int lkl_test_crashes(void)
{
	*(volatile int *)8 = 1;
	return 0;
}

static int lkl_test_never_reached(void)
{
	return 0;
}

struct lkl_test tests[] = {
	LKL_TEST(start),
	LKL_TEST(getpid),
	LKL_TEST(fails),
	LKL_TEST(crashes),
	LKL_TEST(never_reached),
};

int main(void)
{
	lkl_host_ops.print = lkl_test_log;
	return run_tests(tests, sizeof(tests) / sizeof(*tests), "boot");
}
