/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about the streams in which btrfs sends subvolumes. */
#ifndef BTRFS_SEND_INC_C
#define BTRFS_SEND_INC_C

#include "btrfs.h"

#define STREAM_MAGIC "btrfs-stream"

static char stream[1 << 20];

/* Sends a read-only snapshot, or what differs from its parent; the length of the stream. */
static size_t send_subvolume(const char *path, uint64_t parent)
{
	long fd = open_file(path, LKL_O_RDONLY | LKL_O_DIRECTORY);
	long out = open_file("stream", LKL_O_RDWR | LKL_O_CREAT | LKL_O_TRUNC);
	struct btrfs_ioctl_send_args args = { .send_fd = out, .parent_root = parent };
	size_t length;

	if (parent) {
		args.clone_sources_count = 1;
		args.clone_sources = (void *)&parent;
	}
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_SEND, &args), 0);
	CHECK_EQ(lkl_sys_lseek(out, 0, LKL_SEEK_SET), 0);
	length = read_some(out, stream, sizeof(stream));
	close_file(out);
	close_file(fd);
	CHECK_GT(length, sizeof(STREAM_MAGIC) + 4);
	CHECK_MEM_EQ(stream, STREAM_MAGIC, sizeof(STREAM_MAGIC));
	return length;
}

/* The commands of a kind in a stream, whose headers must lead from one to the next up to its end. */
static int count_commands(size_t length, int kind)
{
	size_t at = sizeof(STREAM_MAGIC) + 4;
	uint32_t len;
	uint16_t command = 0;
	int found = 0;

	for (; at + 10 <= length; at += 10 + len) {
		memcpy(&len, stream + at, 4);
		memcpy(&command, stream + at + 4, 2);
		found += command == kind;
	}
	CHECK_EQ(at, length);
	CHECK_EQ(command, 21);	/* the end */
	return found;
}

/* How often the stream has this text. */
static int mentions(size_t length, const char *text)
{
	size_t len = strlen(text), at;
	int found = 0;

	for (at = 0; at + len <= length; at++)
		found += !memcmp(stream + at, text, len);
	return found;
}

enum { SUBVOL = 1, SNAPSHOT, MKFILE, MKDIR, MKNOD, MKFIFO, MKSOCK, SYMLINK, RENAME, LINK, UNLINK, RMDIR, SET_XATTR,
       REMOVE_XATTR, WRITE, CLONE, TRUNCATE, CHMOD, CHOWN, UTIMES };

static void make_sent(void)
{
	make_subvolume("source");
	make_directory("source/directory");
	make_directory("source/empty");
	make_file("source/directory/file", 100000);
	make_file("source/changed", 200000);
	make_file("source/renamed", 1000);
	make_file("source/removed", 1000);
	CHECK_EQ(lkl_sys_symlinkat("directory/file", LKL_AT_FDCWD, "source/symlink"), 0);
	CHECK_EQ(lkl_sys_linkat(LKL_AT_FDCWD, "source/changed", LKL_AT_FDCWD, "source/linked", 0), 0);
	CHECK_EQ(lkl_sys_mknodat(LKL_AT_FDCWD, "source/fifo", LKL_S_IFIFO | 0600, 0), 0);
	CHECK_EQ(lkl_sys_setxattr("source/changed", "user.sent", "value", 5, 0), 0);
	CHECK_EQ(lkl_sys_setxattr("source/changed", "user.gone", "value", 5, 0), 0);
}

static void change_sent(void)
{
	long fd = open_file("source/changed", LKL_O_WRONLY);

	CHECK_EQ(lkl_sys_pwrite64(fd, "anew", 4, 150000), 4);
	CHECK_EQ(lkl_sys_ftruncate(fd, 180000), 0);
	close_file(fd);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "source/removed", 0), 0);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "source/empty", LKL_AT_REMOVEDIR), 0);
	CHECK_EQ(lkl_sys_renameat2(LKL_AT_FDCWD, "source/renamed", LKL_AT_FDCWD, "source/directory/moved", 0), 0);
	CHECK_EQ(lkl_sys_renameat2(LKL_AT_FDCWD, "source/directory", LKL_AT_FDCWD, "source/d2", 0), 0);
	CHECK_EQ(lkl_sys_removexattr("source/changed", "user.gone"), 0);
	CHECK_EQ(lkl_sys_fchmodat(LKL_AT_FDCWD, "source/changed", 0600), 0);
	CHECK_EQ(lkl_sys_fchownat(LKL_AT_FDCWD, "source/changed", 1000, 1000, 0), 0);
	make_directory("source/deeper");
	CHECK_EQ(lkl_sys_renameat2(LKL_AT_FDCWD, "source/d2", LKL_AT_FDCWD, "source/deeper/d2", 0), 0);
}

/* The stream of a snapshot makes each of its files; that of a later one only what has changed. */
POINT(send)
{
	size_t length;

	go_to_own("send");
	make_sent();
	make_snapshot("source", "first", BTRFS_SUBVOL_RDONLY);
	length = send_subvolume("first", 0);
	CHECK_EQ(count_commands(length, SUBVOL), 1);
	CHECK_EQ(count_commands(length, MKFILE), 4);
	CHECK_EQ(count_commands(length, MKDIR), 2);
	CHECK_EQ(count_commands(length, SYMLINK), 1);
	CHECK_EQ(count_commands(length, MKFIFO), 1);
	CHECK_EQ(count_commands(length, LINK), 1);
	CHECK_EQ(count_commands(length, SET_XATTR), 2);
	CHECK_GE(mentions(length, "user.sent"), 1);

	change_sent();
	make_snapshot("source", "second", BTRFS_SUBVOL_RDONLY);
	length = send_subvolume("second", tree_of("first"));
	CHECK_EQ(count_commands(length, SNAPSHOT), 1);
	CHECK_GE(count_commands(length, UNLINK), 1);
	CHECK_GE(mentions(length, "removed"), 1);
	CHECK_EQ(count_commands(length, RMDIR), 1);
	CHECK_EQ(count_commands(length, REMOVE_XATTR), 1);
	CHECK_GE(count_commands(length, TRUNCATE), 1);
	CHECK_GE(count_commands(length, RENAME), 2);
	CHECK_GE(count_commands(length, CHMOD), 1);
	CHECK_GE(count_commands(length, CHOWN), 1);
	CHECK_GE(mentions(length, "anew"), 1);
	CHECK_LT(length, 100000);	/* not the whole files again */
}

/* A subvolume that can be written is not sent. */
POINT(send_of_writable)
{
	struct btrfs_ioctl_send_args args = { 0 };
	long fd;

	go_to_own("writable");
	make_subvolume("source");
	fd = open_file("source", LKL_O_RDONLY | LKL_O_DIRECTORY);
	args.send_fd = open_file("stream", LKL_O_RDWR | LKL_O_CREAT);
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_SEND, &args), -LKL_EPERM);
	close_leftovers();
}

/* A subvolume that was received as another's copy says so. */
POINT(received)
{
	struct btrfs_ioctl_received_subvol_args args = { .uuid = "lkltest-received", .stransid = 5 };
	long fd;

	go_to_own("received");
	make_subvolume("copy");
	fd = open_file("copy", LKL_O_RDONLY | LKL_O_DIRECTORY);
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_SET_RECEIVED_SUBVOL, &args), 0);
	CHECK_GT(args.rtransid, 0);
	close_file(fd);
}

#endif
