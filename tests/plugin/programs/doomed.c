/* A point that kills its kernel in each run but the first. No kernel is started. */
#include <lkltest.h>

POINT(start)
{
	if (open("started-once", O_CREAT | O_EXCL, 0600) < 0)
		*(volatile int *)16 = 1;
}

POINT(crash) { *(volatile int *)16 = 1; }
POINT(after) { }
POINT(alone) { }

LKLTEST_POINTS = {
	LKLTEST(start, .needs = ""),
	LKLTEST(crash, .needs = "start"),
	LKLTEST(after, .needs = "start"),
	LKLTEST(alone, .needs = ""),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
