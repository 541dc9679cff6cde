/* A library kernel shares the program's address space: a bad address is no -EFAULT, it is a crash in the kernel. */
#include <lkltest.h>

POINT(start_kernel) { lkltest_start_kernel(); }
POINT(reads_back) { CHECK_EQ(lkl_sys_close(1000), -LKL_EBADF); }
POINT(writes_to_a_bad_address)
{
	int fds[2];

	CHECK_EQ(lkl_sys_pipe2(fds, 0), 0);
	CHECK_EQ(lkl_sys_write(fds[1], (char *)16, 5), -LKL_EFAULT);
}
POINT(goes_on) { CHECK_EQ(lkl_sys_close(1001), -LKL_EBADF); }
POINT(stop_kernel) { lkltest_stop_kernel(); }

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(start_kernel), LKLTEST(reads_back, .needs = "start_kernel"),
	LKLTEST(writes_to_a_bad_address, .needs = "start_kernel"), LKLTEST(goes_on, .needs = "start_kernel"),
	LKLTEST_LIBRARY(stop_kernel, .needs = "start_kernel"),
};

int main(int argc, char **argv) { return lkltest_main(argc, argv); }
