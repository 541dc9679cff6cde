/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ends by a signal in the middle of a line. */
#include <signal.h>
#include <stdio.h>

int main(void)
{
	printf("TAP version 13\n1..2\nok 1 first\nok 2 sec");
	fflush(stdout);
	return raise(SIGSEGV);
}
