/* Takes all memory of a kernel that has nobody to kill for it. */
#include <lkltest.h>

POINT(start_kernel) { lkltest_start_kernel(); }

POINT(panics)
{
	static char block[1 << 20];
	long fd;

	CHECK_OK(lkl_sys_mkdirat(LKL_AT_FDCWD, "/mnt", 0700));
	CHECK_OK(lkl_sys_mount("none", "/mnt", "tmpfs", 0, "size=900M"));
	fd = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/mnt/file", LKL_O_CREAT | LKL_O_RDWR, 0600));
	while (lkl_sys_write(fd, block, sizeof(block)) == sizeof(block))
		;
}

LKLTEST_POINTS = { LKLTEST(start_kernel), LKLTEST(panics) };

int main(int argc, char **argv) { return lkltest_main(argc, argv); }
