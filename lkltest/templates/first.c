/* A test program: its points run in this order, each is a pytest item. docs/harness.md of lkltest tells all of it. */
#include <lkltest.h>

POINT(start_kernel)
{
	lkltest_start_kernel();
}

POINT(pipe_keeps_order)
{
	int fds[2];
	char back[6] = "";

	CHECK_EQ(lkl_sys_pipe2(fds, 0), 0);
	CHECK_EQ(lkl_sys_write(fds[1], "hel", 3), 3);
	CHECK_EQ(lkl_sys_write(fds[1], "lo", 2), 2);
	CHECK_EQ(lkl_sys_read(fds[0], back, 5), 5);
	CHECK_STR_EQ(back, "hello");
}

POINT(closed_descriptor)
{
	CHECK_EQ(lkl_sys_close(1000), -LKL_EBADF);
}

POINT(stop_kernel)
{
	lkltest_stop_kernel();
}

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(start_kernel, .timeout_ms = 60000),
	LKLTEST(pipe_keeps_order, .needs = "start_kernel"),
	LKLTEST(closed_descriptor, .needs = "start_kernel"),
	LKLTEST_LIBRARY(stop_kernel, .needs = "start_kernel"),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
