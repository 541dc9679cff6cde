/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Never ends. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	printf("TAP version 13\n1..2\nok 1 starts\n");
	fflush(stdout);
	for (;;)
		pause();
}
