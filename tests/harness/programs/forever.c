/* A point that never ends. No kernel is started. */
#include <lkltest.h>

POINT(forever)
{
	for (;;)
		pause();
}

LKLTEST_POINTS = { LKLTEST(forever) };

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
