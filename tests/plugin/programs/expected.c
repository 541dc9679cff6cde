/* Points that are expected to fail: one does, one no longer does, one crashes. */
#include <lkltest.h>
#include <signal.h>

POINT(known) { CHECK_EQ(1 + 1, 3); }
POINT(fixed) { CHECK_EQ(1, 1); }
POINT(crashes)
{
	if (lkltest_arg("crash"))
		raise(SIGSEGV);
	CHECK_EQ(1, 2);
}

LKLTEST_POINTS = {
	LKLTEST(known, .todo = "bug 12"),
	LKLTEST(fixed, .todo = "bug 13"),
	LKLTEST(crashes, .todo = "bug 14"),
};

int main(int argc, char **argv) { return lkltest_main(argc, argv); }
