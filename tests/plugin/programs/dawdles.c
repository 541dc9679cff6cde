/* A program without a table that stops in the middle of a line. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	fputs("TAP version 13\n1..2\nok 1 - one\nok 2 - tw", stdout);
	fflush(stdout);
	for (;;)
		pause();
}
