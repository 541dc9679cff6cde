/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Its points are nowhere in a table. */
#include <stdio.h>

int main(void)
{
	puts("1..3 # untabled");
	puts("* 1 first");
	puts("ok 1 first");
	puts("* 2 second");
	puts("not ok 2 second");
	puts("* 3 third");
	puts("ok 3 third # SKIP");
	return 1;
}
