/* Prints for ever, and never comes to an end. */
#include <lkltest.h>

POINT(flood)
{
	for (;;)
		fprintf(stderr, "a line that is printed again and again and again and again and again\n");
}

LKLTEST_POINTS = { LKLTEST(flood) };

int main(int argc, char **argv) { return lkltest_main(argc, argv); }
