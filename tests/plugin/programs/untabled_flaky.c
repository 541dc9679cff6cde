/* A program without a table that fails in its first run. */
#include <stdio.h>

int main(void)
{
	FILE *mark = fopen("mark", "a");

	fputs("x", mark);
	fflush(mark);
	printf("TAP version 13\n1..1\n%s 1 - flaky\n", ftell(mark) > 1 ? "ok" : "not ok");
	return 0;
}
