/* SPDX-License-Identifier: GPL-2.0-or-later */
/* path.c - attaches the image disk=, before the kernel starts. */
#include <lkltest.h>
#include <lkltest/disk.h>

static struct lkltest_disk disk;

POINT(add)
{
	disk.path = lkltest_arg("disk");
	lkltest_disk_add(&disk, NULL);
}

POINT(start_kernel)
{
	lkltest_start_kernel();
}

LKLTEST_POINTS = {
	LKLTEST(add),
	LKLTEST(start_kernel),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
