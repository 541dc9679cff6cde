/* Points that one check fails, and one that another fails. No kernel is started. */
#include <lkltest.h>

static void check(int n)
{
	CHECK_EQ(n, -1);
}

POINT(p0) { check(0); }
POINT(p1) { check(1); }
POINT(p2) { check(2); }
POINT(p3) { check(3); }
POINT(other) { CHECK_EQ(1, 2); }

LKLTEST_POINTS = {
	LKLTEST(p0, .needs = ""), LKLTEST(p1, .needs = ""), LKLTEST(p2, .needs = ""), LKLTEST(p3, .needs = ""),
	LKLTEST(other, .needs = ""),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
