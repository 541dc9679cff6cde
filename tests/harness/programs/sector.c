/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sector.c - copies the first page of the disk disk= to its second one, by the kernel's device node. */
#include <lkltest.h>
#include <lkltest/disk.h>

static struct lkltest_disk disk;
static char page[LKLTEST_PAGE];

POINT(add)
{
	disk.path = lkltest_arg("disk");
	lkltest_disk_add(&disk, NULL);
	lkltest_start_kernel();
}

POINT(copy)
{
	long fd = lkl_sys_openat(LKL_AT_FDCWD, lkltest_disk_node(&disk, 0), LKL_O_RDWR, 0);

	CHECK_OK(fd);
	CHECK_EQ(lkl_sys_pread64(fd, page, sizeof(page), 0), LKLTEST_PAGE);
	CHECK_EQ(lkl_sys_pwrite64(fd, page, sizeof(page), LKLTEST_PAGE), LKLTEST_PAGE);
	CHECK_OK(lkl_sys_fsync(fd));
	CHECK_OK(lkl_sys_close(fd));
}

POINT(remove)
{
	lkltest_stop_kernel();
	lkltest_disk_remove(&disk);
}

LKLTEST_POINTS = {
	LKLTEST(add),
	LKLTEST(copy),
	LKLTEST(remove),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
