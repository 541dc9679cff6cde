/* A kernel that dies in its first start, which is the table's first point. No kernel is started. */
#include <lkltest.h>

POINT(start)
{
	if (open("started-once", O_CREAT | O_EXCL, 0600) >= 0)
		*(volatile int *)16 = 1;
}

POINT(one) { }
POINT(two) { }

LKLTEST_POINTS = {
	LKLTEST(start),
	LKLTEST(one, .needs = "start"),
	LKLTEST(two),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
