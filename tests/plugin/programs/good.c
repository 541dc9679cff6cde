/* Every kind of good end: ok, skip, todo, a log, a property. */
#include <lkltest.h>

POINT(start_kernel) { lkltest_start_kernel(); }
POINT(getpid)
{
	lkltest_log("asking for the pid");
	lkltest_property("pid", "%ld", (long)lkl_sys_getpid());
	CHECK_EQ(lkl_sys_getpid(), 1);
}
POINT(skipped) { lkltest_skip("needs CONFIG_NOTHING"); }
POINT(todo) { lkltest_todo("not done yet"); CHECK_EQ(1, 2); }
POINT(stop_kernel) { lkltest_stop_kernel(); }

LKLTEST_POINTS = {
	LKLTEST(start_kernel), LKLTEST(getpid), LKLTEST(skipped), LKLTEST(todo), LKLTEST(stop_kernel),
};

int main(int argc, char **argv) { return lkltest_main(argc, argv); }
