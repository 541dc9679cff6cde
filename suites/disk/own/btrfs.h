/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls of btrfs that its points share. */
#ifndef BTRFS_H
#define BTRFS_H

#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>

#include "attach.inc.c"

/* Makes a call that takes a name below a directory. */
static long subvolume_call(unsigned long request, const char *directory, const char *name)
{
	struct btrfs_ioctl_vol_args args = { 0 };
	long fd = open_file(directory, LKL_O_RDONLY | LKL_O_DIRECTORY), err;

	snprintf(args.name, sizeof(args.name), "%s", name);
	err = make_ioctl(fd, request, &args);
	close_file(fd);
	return err;
}

static void make_subvolume(const char *name)
{
	CHECK_EQ(subvolume_call(BTRFS_IOC_SUBVOL_CREATE, ".", name), 0);
}

static void drop_subvolume(const char *name)
{
	CHECK_EQ(subvolume_call(BTRFS_IOC_SNAP_DESTROY, ".", name), 0);
}

static void make_snapshot(const char *of, const char *name, unsigned long flags)
{
	struct btrfs_ioctl_vol_args_v2 args = { .flags = flags };
	long top = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);

	args.fd = open_file(of, LKL_O_RDONLY | LKL_O_DIRECTORY);
	snprintf(args.name, sizeof(args.name), "%s", name);
	CHECK_EQ(make_ioctl(top, BTRFS_IOC_SNAP_CREATE_V2, &args), 0);
	close_file(args.fd);
	close_file(top);
}

#endif
