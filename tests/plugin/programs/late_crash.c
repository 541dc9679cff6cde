/* All points pass, and then the program crashes. */
#include <lkltest.h>

POINT(first) { }
POINT(second) { }

LKLTEST_POINTS = { LKLTEST(first), LKLTEST(second) };

int main(int argc, char **argv)
{
	lkltest_main(argc, argv);
	abort();
}
