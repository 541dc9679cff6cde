/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fails in one point, and says so. */
#include <stdio.h>

int main(void)
{
	printf("TAP version 13\n1..2\nok 1 first\n");
	printf("# expected 1, got 2\nnot ok 2 second\n");
	return 1;
}
