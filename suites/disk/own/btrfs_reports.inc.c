/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about what btrfs tells of itself, and about the options with which it is mounted. */
#ifndef BTRFS_REPORTS_INC_C
#define BTRFS_REPORTS_INC_C

#include "btrfs.h"

/* The number, the size and the use of its one device agree with each other and with statfs. */
POINT(information)
{
	struct btrfs_ioctl_fs_info_args whole = { 0 };
	struct btrfs_ioctl_dev_info_args device = { .devid = 1 };
	struct btrfs_ioctl_get_dev_stats stats = { .devid = 1, .nr_items = BTRFS_DEV_STAT_VALUES_MAX };
	struct lkl_statfs st;
	long fd;
	int i;

	go_to_own("information");
	fd = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_FS_INFO, &whole), 0);
	CHECK_EQ(whole.num_devices, 1);
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_DEV_INFO, &device), 0);
	CHECK_EQ(lkl_sys_statfs(".", &st), 0);
	CHECK_EQ(device.total_bytes, (uint64_t)st.f_blocks * st.f_bsize);
	CHECK_LT(device.bytes_used, device.total_bytes);
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_GET_DEV_STATS, &stats), 0);
	for (i = 0; i < BTRFS_DEV_STAT_VALUES_MAX; i++)
		CHECK_EQ(stats.values[i], 0);
	device.devid = 99;
	memset(device.uuid, 0, sizeof(device.uuid));
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_DEV_INFO, &device), -LKL_ENODEV);
	close_file(fd);
}

/* A label that was set is told, by the call and by sysfs, and survives a remount. */
POINT(label)
{
	char label[BTRFS_LABEL_SIZE] = "lkltest-label", found[BTRFS_LABEL_SIZE], path[128], text[300];
	struct btrfs_ioctl_fs_info_args whole = { 0 };
	long fd, at;
	int i;

	go_to_own("label");
	fd = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_SET_FSLABEL, label), 0);
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_FS_INFO, &whole), 0);
	close_file(fd);
	at = snprintf(path, sizeof(path), LKLTEST_WORK "/sys/fs/btrfs/");
	for (i = 0; i < 16; i++)
		at += snprintf(path + at, sizeof(path) - at, "%02x%s", whole.fsid[i],
			       i == 3 || i == 5 || i == 7 || i == 9 ? "-" : "");
	snprintf(path + at, sizeof(path) - at, "/label");
	CHECK_OK(lkltest_slurp(path, text, sizeof(text)));
	CHECK_STR_EQ(text, "lkltest-label\n");
	enter_again();
	fd = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_GET_FSLABEL, found), 0);
	CHECK_STR_EQ(found, label);
	close_file(fd);
}

/* A commit that was begun by a call is done when the wait for it returns. */
POINT(transactions)
{
	uint64_t number = 0, next = 0;
	long fd;

	go_to_own("transactions");
	make_file("file", 100000);
	fd = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_START_SYNC, &number), 0);
	CHECK_GT(number, 0);
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_WAIT_SYNC, &number), 0);
	close_file(open_file("another", LKL_O_WRONLY | LKL_O_CREAT));
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_SYNC, NULL), 0);
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_START_SYNC, &next), 0);
	CHECK_GE(next, number);
	close_file(fd);
	check_file("file", 100000);
}

/* A file system that became smaller says so, keeps its files, and grows again. */
POINT(resize)
{
	struct lkl_statfs before, after;

	go_to_own("resize");
	make_file("file", 1 << 20);
	/* Its image has more room than mkfs took. */
	CHECK_EQ(lkl_sys_statfs(".", &after), 0);
	CHECK_EQ(subvolume_call(BTRFS_IOC_RESIZE, ".", "1:max"), 0);
	CHECK_EQ(lkl_sys_statfs(".", &before), 0);
	CHECK_GT(before.f_blocks, after.f_blocks);
	CHECK_EQ(subvolume_call(BTRFS_IOC_RESIZE, ".", "1:-64m"), 0);
	CHECK_EQ(lkl_sys_statfs(".", &after), 0);
	CHECK_EQ((before.f_blocks - after.f_blocks) * before.f_bsize, 64 << 20);
	check_file("file", 1 << 20);
	CHECK_EQ(subvolume_call(BTRFS_IOC_RESIZE, ".", "1:max"), 0);
	CHECK_EQ(lkl_sys_statfs(".", &after), 0);
	CHECK_EQ(after.f_blocks, before.f_blocks);
	CHECK_EQ(subvolume_call(BTRFS_IOC_RESIZE, ".", "1:+1g"), -LKL_EFBIG);
	CHECK_EQ(subvolume_call(BTRFS_IOC_RESIZE, ".", "nonsense"), -LKL_EINVAL);
}

/* Each option is shown in /proc/mounts, and files survive it. */
POINT(mount_options)
{
	static const char *const options[] = {
		"nodatasum", "nodatacow", "nobarrier", "ssd", "max_inline=1024", "thread_pool=2", "noacl", "notreelog",
		"flushoncommit", "commit=7", "enospc_debug", "autodefrag", "metadata_ratio=3",
		"user_subvol_rm_allowed", "skip_balance", "fatal_errors=panic", "space_cache=v2", "degraded",
	};

	need_own();
	check_mount_options(options, sizeof(options) / sizeof(*options));
}

/* Free space is kept in files or in a tree: each is made anew of the extents, and new files take none that is used. */
POINT(free_space)
{
	static const char *const options[] = { "clear_cache,nospace_cache", "space_cache=v2", "clear_cache,space_cache" };
	char path[64];
	size_t i, j;
	long err;

	go_to_own("space");
	for (i = 0; i < sizeof(options) / sizeof(*options); i++) {
		err = enter_with(options[i], 0);
		if (err == -LKL_EINVAL)
			lkltest_skip("this kernel's btrfs does not take %s", options[i]);
		CHECK_EQ(err, 0);
		CHECK_EQ(has_option(shown_options(), "space_cache=v2"), i == 1);
		go_to_own(options[i] + 6);
		for (j = 0; j < 40; j++) {
			snprintf(path, sizeof(path), "f%zu", j);
			make_file(path, 3000 + j * 5000);
		}
		for (j = 0; j < 40; j += 2) {
			snprintf(path, sizeof(path), "f%zu", j);
			CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, path, 0), 0);
		}
		CHECK_EQ(enter_with(i == 0 ? "nospace_cache" : i == 1 ? "space_cache=v2" : "space_cache", 0), 0);
		go_to_own(options[i] + 5);
		make_file("more", 1 << 20);
		check_file("more", 1 << 20);
	}
	enter_again();
}

/* The cache of free inode numbers gives a removed file's number to a new one, after a remount. */
POINT(inode_cache)
{
	static char path[64];
	int i;
	long err;

	need_own();
	err = enter_with("inode_cache", 0);
	if (err == -LKL_EINVAL) {
		enter(&first, 0);
		lkltest_skip("this kernel's btrfs has no mount option inode_cache any more");
	}
	CHECK_EQ(err, 0);
	go_to_own("inodes");
	for (i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "f%d", i);
		close_file(open_file(path, LKL_O_WRONLY | LKL_O_CREAT | LKL_O_EXCL));
	}
	for (i = 0; i < 300; i += 2) {
		snprintf(path, sizeof(path), "f%d", i);
		CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, path, 0), 0);
	}
	CHECK_EQ(lkl_sys_sync(), 0);
	for (i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "g%d", i);
		make_file(path, 10);
	}
	for (i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "g%d", i);
		check_file(path, 10);
	}
	enter_again();
}

#endif
