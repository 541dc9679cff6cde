/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trial.c - the smallest program: the kernel boots, and answers one system call.
 *
 * A kernel that cannot run it can run no test program at all.
 */
#include <lkltest.h>

POINT(start_kernel)
{
	lkltest_start_kernel();
}

POINT(getpid)
{
	lkl_sys_getpid();
}

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(start_kernel),
	LKLTEST(getpid),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
