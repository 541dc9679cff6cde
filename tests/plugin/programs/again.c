/* A point that is good in the first run only. No kernel is started. */
#include <lkltest.h>

POINT(once) { CHECK(open("made-by-once", O_CREAT | O_EXCL, 0600) >= 0); }
POINT(crash) { *(volatile int *)16 = 1; }
POINT(after) { }

LKLTEST_POINTS = { LKLTEST(once, .needs = ""), LKLTEST(crash, .needs = "once"), LKLTEST(after, .needs = "once") };

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
