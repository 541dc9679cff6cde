/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fails as it would on a kernel that lacks an option. */
#include <stdio.h>

int main(void)
{
	printf("TAP version 13\n1..1\nnot ok 1 opens the thing\n");
	return 1;
}
