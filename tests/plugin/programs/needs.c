/* Points that need others which fail. No kernel is started. */
#include <lkltest.h>

POINT(mount) { CHECK_EQ(1, 2); }
POINT(look) { lkltest_fail("misleads"); }
POINT(look_closer) { lkltest_fail("misleads"); }
POINT(other) { }
POINT(doubts) { EXPECT_EQ(1, 2); }
POINT(sees) { }
POINT(known) { CHECK_EQ(1, 2); }
POINT(uses_known) { }

LKLTEST_POINTS = {
	LKLTEST(mount, .needs = ""),
	LKLTEST(look, .needs = "mount"),
	LKLTEST(other, .needs = ""),
	LKLTEST(look_closer, .needs = "other look"),
	LKLTEST(doubts, .needs = "other"),
	LKLTEST(sees, .needs = "doubts"),
	LKLTEST(known, .needs = "", .todo = "nobody knows why"),
	LKLTEST(uses_known, .needs = "known"),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
