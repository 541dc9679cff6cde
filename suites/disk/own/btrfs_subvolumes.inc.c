/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about subvolumes and snapshots of btrfs: made, listed, limited, sent, removed. */
#ifndef BTRFS_SUBVOLUMES_INC_C
#define BTRFS_SUBVOLUMES_INC_C

#include "btrfs.h"

/* A subvolume is a directory with a tree of its own; its root has the number 256. */
POINT(subvolume)
{
	struct lkl_stat st;

	go_to_own("subvolume");
	make_subvolume("one");
	CHECK_EQ(subvolume_call(BTRFS_IOC_SUBVOL_CREATE, ".", "one"), -LKL_EEXIST);
	stat_file("one", &st);
	CHECK_EQ(st.st_ino, 256);
	make_file("one/file", 5000);
	check_file("one/file", 5000);
	CHECK_ERR(lkl_sys_linkat(LKL_AT_FDCWD, "one/file", LKL_AT_FDCWD, "outside", 0), LKL_EXDEV);
	CHECK_ERR(lkl_sys_renameat2(LKL_AT_FDCWD, "one/file", LKL_AT_FDCWD, "moved", 0), LKL_EXDEV);
	CHECK_EQ(lkl_sys_renameat2(LKL_AT_FDCWD, "one", LKL_AT_FDCWD, "moved", 0), 0);
	CHECK_EQ(lkl_sys_renameat2(LKL_AT_FDCWD, "moved", LKL_AT_FDCWD, "one", 0), 0);
	drop_subvolume("one");
	CHECK_ERR(lkl_sys_fstatat(LKL_AT_FDCWD, "one", &st, 0), LKL_ENOENT);
}

/* A snapshot keeps what was there, whatever is done to the original afterwards. */
POINT(snapshot)
{
	struct lkl_stat st;
	long fd;

	go_to_own("snapshot");
	make_subvolume("original");
	make_file("original/kept", 300000);
	make_file("original/removed", 5000);
	make_snapshot("original", "copy", 0);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "original/removed", 0), 0);
	fd = open_file("original/kept", LKL_O_WRONLY);
	CHECK_EQ(lkl_sys_pwrite64(fd, "changed", 7, 100000), 7);
	close_file(fd);
	make_file("original/new", 100);
	CHECK_EQ(lkl_sys_sync(), 0);
	check_file_as("copy/kept", "original/kept", 300000);
	check_file_as("copy/removed", "original/removed", 5000);
	CHECK_ERR(lkl_sys_fstatat(LKL_AT_FDCWD, "copy/new", &st, 0), LKL_ENOENT);
	drop_subvolume("original");
	enter_again();
}

/* A read-only snapshot takes no write until its flag is taken away. */
POINT(readonly_snapshot)
{
	uint64_t flags = 0;
	long fd;

	go_to_own("readonly");
	make_subvolume("original");
	make_file("original/file", 5000);
	make_snapshot("original", "frozen", BTRFS_SUBVOL_RDONLY);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "frozen/new", LKL_O_WRONLY | LKL_O_CREAT, 0644), LKL_EROFS);
	CHECK_ERR(lkl_sys_unlinkat(LKL_AT_FDCWD, "frozen/file", 0), LKL_EROFS);
	fd = open_file("frozen", LKL_O_RDONLY | LKL_O_DIRECTORY);
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_SUBVOL_GETFLAGS, &flags), 0);
	CHECK_EQ(flags, BTRFS_SUBVOL_RDONLY);
	flags = 0;
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_SUBVOL_SETFLAGS, &flags), 0);
	close_file(fd);
	make_file("frozen/new", 100);
	check_file_as("frozen/file", "original/file", 5000);
}

static uint64_t tree_of(const char *path)
{
	struct btrfs_ioctl_ino_lookup_args lookup = { .objectid = BTRFS_FIRST_FREE_OBJECTID };
	long fd = open_file(path, LKL_O_RDONLY | LKL_O_DIRECTORY);

	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_INO_LOOKUP, &lookup), 0);
	close_file(fd);
	return lookup.treeid;
}

/* A subvolume is mounted alone, by its path or its number, and by default. */
POINT(mount_subvolume)
{
	static const char where[] = LKLTEST_WORK "/subvolume";
	char options[128], path[128];
	uint64_t tree, top = BTRFS_FS_TREE_OBJECTID;
	long fd;

	go_to_own("mounted");
	make_subvolume("alone");
	make_file("alone/file", 5000);
	tree = tree_of("alone");
	CHECK_GE(tree, BTRFS_FIRST_FREE_OBJECTID);
	snprintf(options, sizeof(options), "subvol=mounted-%d/alone", (int)getpid());
	CHECK_EQ(lkltest_mount(first.node, where, first.type, 0, options), 0);
	check_file_as(LKLTEST_WORK "/subvolume/file", "alone/file", 5000);
	CHECK_EQ(lkltest_umount(where), 0);
	snprintf(options, sizeof(options), "subvolid=%llu", (unsigned long long)tree);
	CHECK_EQ(lkltest_mount(first.node, where, first.type, 0, options), 0);
	check_file_as(LKLTEST_WORK "/subvolume/file", "alone/file", 5000);
	CHECK_EQ(lkltest_umount(where), 0);
	CHECK_ERR(lkltest_mount(first.node, where, first.type, 0, "subvol=nowhere"), LKL_ENOENT);
	fd = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_DEFAULT_SUBVOL, &tree), 0);
	close_file(fd);
	enter_again();
	check_file_as("file", "alone/file", 5000);
	fd = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_DEFAULT_SUBVOL, &top), 0);
	close_file(fd);
	enter_again();
	snprintf(path, sizeof(path), "mounted-%d/alone/file", (int)getpid());
	check_file_as(path, "alone/file", 5000);
}

/* The search of trees finds the subvolume's own item, and the number of a file gives its path. */
POINT(tree_search)
{
	static struct {
		struct btrfs_ioctl_search_args_v2 args;
		char buf[16384];
	} search;
	struct btrfs_ioctl_search_args_v2 *args = &search.args;
	struct btrfs_ioctl_ino_lookup_args lookup = { 0 };
	struct btrfs_ioctl_search_header head;
	struct lkl_stat st;
	size_t at = 0;
	int found = 0, i;
	long fd;

	go_to_own("search");
	make_subvolume("listed");
	make_directory("listed/deep");
	make_file("listed/deep/file", 100);
	fd = open_file("listed", LKL_O_RDONLY | LKL_O_DIRECTORY);
	args->key = (struct btrfs_ioctl_search_key){
		.max_objectid = ~0ULL, .max_offset = ~0ULL, .max_transid = ~0ULL, .max_type = 255, .nr_items = 4096,
	};
	args->buf_size = sizeof(search.buf);
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_TREE_SEARCH_V2, args), 0);
	for (i = 0; i < (int)args->key.nr_items; i++, at += sizeof(head) + head.len) {
		memcpy(&head, (char *)args->buf + at, sizeof(head));
		found += head.type == BTRFS_INODE_ITEM_KEY;
	}
	CHECK_EQ(found, 3);	/* the root, the directory, the file */
	stat_file("listed/deep/file", &st);
	lookup.objectid = st.st_ino;
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_INO_LOOKUP, &lookup), 0);
	CHECK_STR_EQ(lookup.name, "deep/file/");
	close_file(fd);
}

#define QUOTA (24 << 20)	/* bytes; what a change may need of the trees counts, too, while it is made */

static unsigned long long write_until_quota(const char *path)
{
	unsigned long long done;
	long fd = open_file(path, LKL_O_WRONLY | LKL_O_CREAT), n = 1;

	for (done = 0; n > 0 && done < 2 * QUOTA; done += CHUNK)
		n = lkl_sys_write(fd, chunk, CHUNK);
	CHECK_EQ(n, -LKL_EDQUOT);
	close_file(fd);
	return done;
}

/* A subvolume with a quota takes no more than its limit; without one it takes more again. */
POINT(quota_groups)
{
	struct btrfs_ioctl_quota_ctl_args control = { .cmd = BTRFS_QUOTA_CTL_ENABLE };
	struct btrfs_ioctl_qgroup_limit_args limit = { .lim = { .flags = BTRFS_QGROUP_LIMIT_MAX_RFER, .max_rfer = QUOTA } };
	struct btrfs_ioctl_qgroup_create_args group = { .create = 1, .qgroupid = 1ULL << 48 | 7 };
	struct btrfs_ioctl_qgroup_assign_args assign = { .assign = 1, .dst = 1ULL << 48 | 7 };
	struct btrfs_ioctl_quota_rescan_args rescan = { 0 };
	long top;

	go_to_own("quota");
	make_subvolume("limited");
	make_file("limited/before", 100000);
	assign.src = limit.qgroupid = tree_of("limited");
	top = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);
	CHECK_EQ(make_ioctl(top, BTRFS_IOC_QUOTA_CTL, &control), 0);
	CHECK_EQ(make_ioctl(top, BTRFS_IOC_QUOTA_RESCAN_WAIT, NULL), 0);
	CHECK_EQ(make_ioctl(top, BTRFS_IOC_QUOTA_RESCAN_STATUS, &rescan), 0);
	CHECK_EQ(rescan.flags, 0);
	CHECK_EQ(make_ioctl(top, BTRFS_IOC_QGROUP_LIMIT, &limit), 0);
	CHECK_GT(write_until_quota("limited/grows"), QUOTA / 2);
	make_snapshot("limited", "snapshot", 0);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "limited/grows", 0), 0);
	CHECK_EQ(lkl_sys_sync(), 0);

	CHECK_EQ(make_ioctl(top, BTRFS_IOC_QGROUP_CREATE, &group), 0);
	CHECK_EQ(make_ioctl(top, BTRFS_IOC_QGROUP_CREATE, &group), -LKL_EEXIST);
	CHECK_OK(make_ioctl(top, BTRFS_IOC_QGROUP_ASSIGN, &assign));
	CHECK_EQ(make_ioctl(top, BTRFS_IOC_QUOTA_RESCAN_WAIT, NULL), 0);
	assign.assign = 0;
	CHECK_OK(make_ioctl(top, BTRFS_IOC_QGROUP_ASSIGN, &assign));
	group.create = 0;
	CHECK_EQ(make_ioctl(top, BTRFS_IOC_QGROUP_CREATE, &group), 0);
	control.cmd = BTRFS_QUOTA_CTL_DISABLE;
	CHECK_EQ(make_ioctl(top, BTRFS_IOC_QUOTA_CTL, &control), 0);
	close_file(top);
	make_file("limited/after", 100000);
}

#endif
