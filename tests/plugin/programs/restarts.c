/* Points that kill or hang their kernel, and others that do not need them. */
#include <lkltest.h>

POINT(start_kernel) { lkltest_start_kernel(); }
POINT(first) { CHECK_EQ(lkl_sys_getpid(), 1); }
POINT(crash) { *(volatile int *)16 = 1; }
POINT(child) { CHECK_EQ(lkl_sys_getpid(), 1); }
POINT(after) { CHECK_EQ(lkl_sys_getpid(), 1); }
POINT(hang) { for (;;) pause(); }
POINT(fails) { CHECK_EQ(lkl_sys_getpid(), 2); }
POINT(last) { CHECK_EQ(lkl_sys_getpid(), 1); }

LKLTEST_POINTS = {
	LKLTEST(start_kernel, .needs = ""),
	LKLTEST(first, .needs = "start_kernel"),
	LKLTEST(crash, .needs = "start_kernel"),
	LKLTEST(child, .needs = "crash"),
	LKLTEST(after, .needs = "start_kernel"),
	LKLTEST(hang, .needs = "start_kernel", .timeout_ms = 500),
	LKLTEST(fails, .needs = "start_kernel"),
	LKLTEST(last, .needs = "start_kernel"),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
