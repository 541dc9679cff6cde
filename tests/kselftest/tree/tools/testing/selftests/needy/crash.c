/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ends its kernel. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	FILE *file = fopen("/proc/sysrq-trigger", "w");

	printf("TAP version 13\n1..2\nok 1 lives\n");
	fflush(stdout);
	sleep(1);
	fputs("c", file);
	fclose(file);
	printf("ok 2 still lives\n");
	return 0;
}
