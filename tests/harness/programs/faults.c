/* SPDX-License-Identifier: GPL-2.0-or-later */
/* faults.c - writes to nowhere, while a kernel runs. */
#include <lkltest.h>

static volatile int *volatile nowhere;

POINT(start_kernel)
{
	lkltest_start_kernel();
}

POINT(faults)
{
	nowhere[6] = 1;
}

LKLTEST_POINTS = {
	LKLTEST(start_kernel),
	LKLTEST(faults),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
