/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The features of btrfs alone: subvolumes, shared extents, streams, several devices. */
#include <lkltest.h>

#include <linux/fiemap.h>
#include <linux/fs.h>

#include "btrfs_subvolumes.inc.c"
#include "btrfs_data.inc.c"
#include "btrfs_send.inc.c"
#include "btrfs_reports.inc.c"
#include "btrfs_devices.inc.c"

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(disk_add, .needs = ""),
	LKLTEST_LIBRARY(start_kernel, .needs = "disk_add"),
	LKLTEST_LIBRARY(mount_dev, .needs = "start_kernel"),
	LKLTEST_LIBRARY(subvolume, .needs = "mount_dev"),
	LKLTEST_LIBRARY(snapshot, .needs = "mount_dev"),
	LKLTEST_LIBRARY(readonly_snapshot, .needs = "mount_dev"),
	LKLTEST_LIBRARY(mount_subvolume, .needs = "mount_dev"),
	LKLTEST_LIBRARY(tree_search, .needs = "mount_dev"),
	LKLTEST_LIBRARY(quota_groups, .needs = "mount_dev"),
	LKLTEST_LIBRARY(clone, .needs = "mount_dev"),
	LKLTEST_LIBRARY(deduplicate, .needs = "mount_dev"),
	LKLTEST_LIBRARY(compress, .needs = "mount_dev"),
	LKLTEST_LIBRARY(properties, .needs = "mount_dev"),
	LKLTEST_LIBRARY(defragment, .needs = "mount_dev"),
	LKLTEST_LIBRARY(back_references, .needs = "mount_dev"),
	LKLTEST_LIBRARY(send, .needs = "mount_dev"),
	LKLTEST_LIBRARY(send_of_writable, .needs = "mount_dev"),
	LKLTEST_LIBRARY(received, .needs = "mount_dev"),
	LKLTEST_LIBRARY(information, .needs = "mount_dev"),
	LKLTEST_LIBRARY(label, .needs = "mount_dev"),
	LKLTEST_LIBRARY(transactions, .needs = "mount_dev"),
	LKLTEST_LIBRARY(resize, .needs = "mount_dev"),
	LKLTEST_LIBRARY(mount_options, .needs = "mount_dev"),
	LKLTEST_LIBRARY(free_space, .needs = "mount_dev"),
	LKLTEST_LIBRARY(inode_cache, .needs = "mount_dev"),
	LKLTEST_LIBRARY(scrub, .needs = "mount_dev"),
	LKLTEST_LIBRARY(balance, .needs = "mount_dev"),
	LKLTEST_LIBRARY(raid0, .needs = "mount_dev"),
	LKLTEST_LIBRARY(raid10, .needs = "mount_dev"),
	LKLTEST_LIBRARY(raid5, .needs = "mount_dev"),
	LKLTEST_LIBRARY(raid6, .needs = "mount_dev"),
	LKLTEST_LIBRARY(umount_dev, .needs = "mount_dev"),
	LKLTEST_LIBRARY(stop_kernel, .needs = "start_kernel"),
	LKLTEST_LIBRARY(disk_remove, .needs = "stop_kernel"),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
