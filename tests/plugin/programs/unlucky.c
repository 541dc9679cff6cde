/* A kernel that dies in its second start. No kernel is started. */
#include <lkltest.h>

POINT(start)
{
	int first = open("started-once", O_CREAT | O_EXCL, 0600) >= 0;

	if (!first && open("started-twice", O_CREAT | O_EXCL, 0600) >= 0)
		*(volatile int *)16 = 1;
}

POINT(crash) { *(volatile int *)16 = 1; }
POINT(after) { }

LKLTEST_POINTS = { LKLTEST(start, .needs = ""), LKLTEST(crash, .needs = "start"), LKLTEST(after, .needs = "start") };

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
