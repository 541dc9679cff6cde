/* One point fails among good ones. */
#include <lkltest.h>

POINT(before) { }
POINT(wrong)
{
	lkltest_log("a line of the point's log");
	CHECK_EQ(6 * 9, 42);
}
POINT(after) { }

LKLTEST_POINTS = { LKLTEST(before), LKLTEST(wrong), LKLTEST(after) };

int main(int argc, char **argv) { return lkltest_main(argc, argv); }
