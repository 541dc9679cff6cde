/* A kernel that dies in its first start, or dies or hangs in each. No kernel is started. */
#include <lkltest.h>

POINT(host) { }

POINT(start)
{
	while (getenv("START_HANGS"))
		pause();
	if (getenv("EACH_START_DIES") || open("started-once", O_CREAT | O_EXCL, 0600) >= 0)
		*(volatile int *)16 = 1;
}

POINT(one) { }
POINT(two) { }

LKLTEST_POINTS = {
	LKLTEST(host, .needs = ""),
	LKLTEST(start, .needs = ""),
	LKLTEST(one, .needs = "start"),
	LKLTEST(two, .needs = "one"),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
