/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about the names, attributes and states of files on a disk. */
#ifndef OBJECTS_INC_C
#define OBJECTS_INC_C

#include "volumes.h"

/* ---- directories that grow and shrink ---- */

#define LONG_NAMES 700

static int nr_long;

LKLTEST_FN void long_name(char *path, int number)
{
	int at = sprintf(path, "longdir/%d-", number);

	memset(path + at, 'a' + number % 26, 180);
	path[at + 180] = 0;
}

/* Makes names that fill many blocks, and takes away two of three. */
LKLTEST_FN void make_long_names(void)
{
	char path[256];
	int i;

	make_directory("longdir");
	nr_long = lacks("links") ? 60 : LONG_NAMES;	/* FAT searches for a free short name */
	for (i = 0; i < nr_long; i++) {
		long_name(path, i);
		close_file(open_file(path, LKL_O_WRONLY | LKL_O_CREAT | LKL_O_EXCL));
	}
	for (i = 0; i < nr_long; i++) {
		long_name(path, i);
		if (i % 3)
			CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, path, 0), 0);
	}
}

LKLTEST_FN void check_long_names(void)
{
	struct lkl_stat st;
	char path[256];
	long err;
	int i;

	for (i = 0; i < nr_long; i++) {
		long_name(path, i);
		err = lkl_sys_fstatat(LKL_AT_FDCWD, path, &st, 0);
		if (err != (i % 3 ? -LKL_ENOENT : 0))
			lkltest_fail("%s: %s", path, err ? lkl_strerror(err) : "is there");
	}
}

/* A deep tree is moved as a whole, and ".." leads to the new parent. */
LKLTEST_FN void make_deep(void)
{
	struct lkl_stat parent, above;
	char path[256] = "deep/from";
	int i;

	make_directory("deep");
	make_directory("deep/to");
	make_directory(path);
	for (i = 0; i < 40; i++) {
		strcat(path, "/d");
		make_directory(path);
	}
	strcat(path, "/file");
	make_file_as(path, "deep", 5000);
	CHECK_ERR(lkl_sys_unlinkat(LKL_AT_FDCWD, "deep/from/d", LKL_AT_REMOVEDIR), LKL_ENOTEMPTY);
	CHECK_ERR(lkl_sys_renameat2(LKL_AT_FDCWD, "deep/from", LKL_AT_FDCWD, "deep/from/d/d/e", 0), LKL_EINVAL);
	CHECK_EQ(lkl_sys_renameat2(LKL_AT_FDCWD, "deep/from", LKL_AT_FDCWD, "deep/to/moved", 0), 0);
	stat_file("deep/to", &parent);
	stat_file("deep/to/moved/..", &above);
	CHECK_EQ(above.st_ino, parent.st_ino);
}

LKLTEST_FN void check_deep(void)
{
	char path[256] = "deep/to/moved";
	struct lkl_stat st;
	int i;

	for (i = 0; i < 40; i++)
		strcat(path, "/d");
	strcat(path, "/file");
	check_file_as(path, "deep", 5000);
	CHECK_ERR(lkl_sys_fstatat(LKL_AT_FDCWD, "deep/from", &st, 0), LKL_ENOENT);
}

/* ---- renames of other kinds ---- */

static int exchanged, whited_out;

LKLTEST_FN void make_renames(void)
{
	long err;

	make_directory("renames");
	make_directory("renames/dir");
	make_file("renames/a", 3000);
	make_file("renames/b", 6000);
	make_file("renames/c", 100);
	CHECK_ERR(lkl_sys_renameat2(LKL_AT_FDCWD, "renames/a", LKL_AT_FDCWD, "renames/b", 1), LKL_EEXIST);
	err = lkl_sys_renameat2(LKL_AT_FDCWD, "renames/a", LKL_AT_FDCWD, "renames/dir", 2);	/* exchange */
	exchanged = !err;
	CHECK(!err || err == -LKL_EINVAL);
	err = lkl_sys_renameat2(LKL_AT_FDCWD, "renames/c", LKL_AT_FDCWD, "renames/moved", 4);	/* whiteout */
	whited_out = !err;
	CHECK(!err || err == -LKL_EINVAL);
	if (err)
		CHECK_EQ(lkl_sys_renameat2(LKL_AT_FDCWD, "renames/c", LKL_AT_FDCWD, "renames/moved", 0), 0);
}

LKLTEST_FN void check_renames(void)
{
	struct lkl_stat st;

	check_file_as(exchanged ? "renames/dir" : "renames/a", "renames/a", 3000);
	check_file("renames/b", 6000);
	check_file_as("renames/moved", "renames/c", 100);
	stat_file(exchanged ? "renames/a" : "renames/dir", &st);
	CHECK_EQ(st.st_mode & LKL_S_IFMT, LKL_S_IFDIR);
	if (whited_out) {
		stat_file("renames/c", &st);
		CHECK_EQ(st.st_mode & LKL_S_IFMT, LKL_S_IFCHR);
		CHECK_EQ(st.st_rdev, 0);
	} else {
		CHECK_ERR(lkl_sys_fstatat(LKL_AT_FDCWD, "renames/c", &st, 0), LKL_ENOENT);
	}
}

/* ---- files that are no files ---- */

static const struct {
	const char *path;
	int mode, device;
} nodes[] = {
	{ "special/fifo", LKL_S_IFIFO | 0640, 0 },
	{ "special/socket", LKL_S_IFSOCK | 0600, 0 },
	{ "special/char", LKL_S_IFCHR | 0644, 1 << 8 | 3 },
	{ "special/block", LKL_S_IFBLK | 0600, 200 << 8 | 17 },
	{ "special/large", LKL_S_IFBLK | 0600, 300 << 8 | 0x100000 | 3 },
};

LKLTEST_FN void make_special(void)
{
	size_t i;
	long err;

	make_directory("special");
	for (i = 0; i < sizeof(nodes) / sizeof(*nodes); i++) {
		err = lkl_sys_mknodat(LKL_AT_FDCWD, nodes[i].path, nodes[i].mode, nodes[i].device);
		if (lacks("modes"))
			CHECK_EQ(err, -LKL_EPERM);
		else
			CHECK_EQ(err, 0);
	}
}

LKLTEST_FN void check_special(void)
{
	struct lkl_stat st;
	size_t i;

	if (lacks("modes"))
		lkltest_skip("%s has no special files", first.type);
	for (i = 0; i < sizeof(nodes) / sizeof(*nodes); i++) {
		stat_file(nodes[i].path, &st);
		CHECK_EQ(st.st_mode, nodes[i].mode);
		CHECK_EQ(st.st_rdev, nodes[i].device);
	}
}

/* ---- many attributes ---- */

#define XATTRS 30

static int nr_xattrs;

LKLTEST_FN void xattr(int number, char *name, char *value, size_t *length)
{
	static const char *const spaces[] = { "user", "trusted", "security" };

	sprintf(name, "%s.number-%d-%.*s", spaces[number % 3], number, number, "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn");
	*length = number * 61 % 190;
	memset(value, 'a' + number % 26, *length);
}

/* Sets attributes until there is no more room, changes and removes some. */
LKLTEST_FN void make_many_xattrs(void)
{
	char name[128], value[4096];
	size_t length;
	long err = 0;
	int i;

	make_file("many-xattrs", 100);
	for (i = 0; i < XATTRS; i++) {
		xattr(i, name, value, &length);
		err = lkl_sys_setxattr("many-xattrs", name, value, 3, 1);	/* create */
		if (!err && (err = lkl_sys_setxattr("many-xattrs", name, value, length, 2))) {	/* replace */
			if (err == -LKL_ENODATA && !strcmp(first.type, "xfs"))
				lkltest_todo("before Linux 4.19 xfs loses an attribute whose new value does not fit "
					     "into the inode: commit 7b38460dc8e4");
			CHECK_NE(err, -LKL_ENODATA);
			CHECK_EQ(lkl_sys_removexattr("many-xattrs", name), 0);
		}
		if (err)
			break;
	}
	nr_xattrs = i;
	lkltest_property("attributes", "%d", i);
	if (err == -LKL_EOPNOTSUPP)
		lkltest_skip("no extended attributes on %s", first.type);
	if (err)
		CHECK_EQ(err, -LKL_ENOSPC);
	CHECK_GT(i, 3);
	xattr(0, name, value, &length);
	CHECK_ERR(lkl_sys_setxattr("many-xattrs", name, value, 1, 1), LKL_EEXIST);
	CHECK_ERR(lkl_sys_setxattr("many-xattrs", "user.absent", value, 1, 2), LKL_ENODATA);
	CHECK_ERR(lkl_sys_removexattr("many-xattrs", "user.absent"), LKL_ENODATA);
}

LKLTEST_FN void check_many_xattrs(void)
{
	char name[128], value[4096], found[4096], list[8192];
	size_t length;
	long size, at;
	int i, listed = 0;

	if (!nr_xattrs)
		lkltest_skip("no extended attributes on %s", first.type);
	for (i = 0; i < nr_xattrs; i++) {
		xattr(i, name, value, &length);
		CHECK_EQ(lkl_sys_getxattr("many-xattrs", name, NULL, 0), length);
		CHECK_EQ(lkl_sys_getxattr("many-xattrs", name, found, sizeof(found)), length);
		CHECK_MEM_EQ(found, value, length);
		if (length > 1)
			CHECK_ERR(lkl_sys_getxattr("many-xattrs", name, found, 1), LKL_ERANGE);
	}
	size = CHECK_OK(lkl_sys_listxattr("many-xattrs", list, sizeof(list)));
	CHECK_EQ(lkl_sys_listxattr("many-xattrs", NULL, 0), size);
	for (at = 0; at < size; at += strlen(list + at) + 1)
		listed += strstr(list + at, ".number-") != NULL;
	CHECK_EQ(listed, nr_xattrs);
	CHECK_ERR(lkl_sys_listxattr("many-xattrs", list, 5), LKL_ERANGE);
}

static int large_xattr;

/* A value of many blocks, where there is room for one. */
LKLTEST_FN void make_large_xattr(void)
{
	long err;

	make_file("large-xattr", 100);
	memset(chunk, 'L', CHUNK);
	err = lkl_sys_setxattr("large-xattr", "user.large", chunk, 60000, 0);
	large_xattr = err ? 0 : 60000;
	if (err == -LKL_ENOSPC || err == -LKL_E2BIG || err == -LKL_ERANGE) {
		large_xattr = 900;
		err = lkl_sys_setxattr("large-xattr", "user.large", chunk, 900, 0);
	}
	if (err == -LKL_EOPNOTSUPP)
		lkltest_skip("no extended attributes on %s", first.type);
	CHECK_EQ(err, 0);
}

LKLTEST_FN void check_large_xattr(void)
{
	if (!large_xattr)
		lkltest_skip("no extended attributes on %s", first.type);
	memset(known, 'L', CHUNK);
	CHECK_EQ(lkl_sys_getxattr("large-xattr", "user.large", chunk, CHUNK), large_xattr);
	CHECK_MEM_EQ(chunk, known, large_xattr);
}

/* New files and directories have the entries of the directory's default list. */
POINT(default_acl)
{
	static const struct {
		uint32_t version;
		struct {
			uint16_t tag, permissions;
			uint32_t id;
		} entries[5];
	} list = { 2, { { 1, 7, ~0u }, { 2, 6, 1000 }, { 4, 5, ~0u }, { 16, 7, ~0u }, { 32, 0, ~0u } } };
	struct lkl_stat st;
	char found[128];
	long err;

	need_mounted();
	remove_all("default-acl");
	make_directory("default-acl");
	err = lkl_sys_setxattr("default-acl", "system.posix_acl_default", &list, sizeof(list), 0);
	if (err == -LKL_EOPNOTSUPP)
		lkltest_skip("no access control lists on %s", first.type);
	CHECK_EQ(err, 0);
	make_file("default-acl/file", 100);
	make_directory("default-acl/below");
	CHECK_EQ(lkl_sys_getxattr("default-acl/below", "system.posix_acl_default", found, sizeof(found)), sizeof(list));
	CHECK_MEM_EQ(found, &list, sizeof(list));
	CHECK_EQ(lkl_sys_getxattr("default-acl/file", "system.posix_acl_access", found, sizeof(found)), sizeof(list));
	stat_file("default-acl/file", &st);
	CHECK_EQ(st.st_mode & 07, 0);
	CHECK_EQ(lkl_sys_fchmodat(LKL_AT_FDCWD, "default-acl/file", 0600), 0);
	CHECK_EQ(lkl_sys_getxattr("default-acl/file", "system.posix_acl_access", found, sizeof(found)), sizeof(list));
	CHECK_EQ(found[4 + 3 * 8 + 2], 0);	/* the mask follows the group's bits */
	CHECK_EQ(lkl_sys_removexattr("default-acl", "system.posix_acl_default"), 0);
	CHECK_ERR(lkl_sys_getxattr("default-acl", "system.posix_acl_default", found, sizeof(found)), LKL_ENODATA);
	CHECK_ERR(lkl_sys_setxattr("default-acl/file", "system.posix_acl_access", &list, sizeof(list) - 8 - 1, 0), LKL_EINVAL);
}

/* ---- flags ---- */

#define GET_FLAGS 0x80086601UL
#define SET_FLAGS 0x40086602UL
#define GET_VERSION 0x80087601UL
#define IMMUTABLE 0x10
#define APPEND_ONLY 0x20
#define NO_DUMP 0x40

LKLTEST_FN void set_flags(const char *path, int flags)
{
	long fd = open_file(path, LKL_O_RDONLY), have = 0;

	CHECK_EQ(lkl_sys_ioctl(fd, GET_FLAGS, (long)&have), 0);
	have = (have & ~0x70L) | flags;
	CHECK_EQ(lkl_sys_ioctl(fd, SET_FLAGS, (long)&have), 0);
	have = 0;
	CHECK_EQ(lkl_sys_ioctl(fd, GET_FLAGS, (long)&have), 0);
	CHECK_EQ(have & 0x70, flags);
	close_file(fd);
}

/* A file that was made immutable is neither written, nor removed, nor renamed; one that only grows is not cut. */
POINT(file_flags)
{
	long fd, flags = 0, err;

	need_mounted();
	fd = open_file("flags", LKL_O_WRONLY | LKL_O_CREAT);
	write_all(fd, "text", 4);
	err = lkl_sys_ioctl(fd, GET_FLAGS, (long)&flags);
	if (err == -LKL_ENOTTY)
		lkltest_skip("%s has no flags of files", first.type);
	CHECK_EQ(err, 0);
	close_file(fd);
	set_flags("flags", IMMUTABLE);
	CHECK_LT(lkl_sys_openat(LKL_AT_FDCWD, "flags", LKL_O_WRONLY, 0), 0);
	CHECK_ERR(lkl_sys_unlinkat(LKL_AT_FDCWD, "flags", 0), LKL_EPERM);
	CHECK_ERR(lkl_sys_renameat2(LKL_AT_FDCWD, "flags", LKL_AT_FDCWD, "other", 0), LKL_EPERM);
	CHECK_ERR(lkl_sys_linkat(LKL_AT_FDCWD, "flags", LKL_AT_FDCWD, "other", 0), LKL_EPERM);
	CHECK_ERR(lkl_sys_truncate("flags", 0), LKL_EPERM);
	set_flags("flags", APPEND_ONLY);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "flags", LKL_O_WRONLY, 0), LKL_EPERM);
	CHECK_ERR(lkl_sys_truncate("flags", 0), LKL_EPERM);
	fd = open_file("flags", LKL_O_WRONLY | LKL_O_APPEND);
	write_all(fd, "more", 4);
	close_file(fd);
	set_flags("flags", NO_DUMP);
	set_flags("flags", 0);
	fd = open_file("flags", LKL_O_RDWR);
	CHECK_EQ(read_some(fd, chunk, 100), 8);
	CHECK_MEM_EQ(chunk, "textmore", 8);
	err = lkl_sys_ioctl(fd, GET_VERSION, (long)&flags);
	CHECK(!err || err == -LKL_ENOTTY);
	CHECK_ERR(lkl_sys_ioctl(fd, 0xdeadbeef, 0), LKL_ENOTTY);
	close_file(fd);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "flags", 0), 0);
}

/* ---- files without a name ---- */

/* A file that is removed while it is open keeps its data until it is closed, and takes no room afterwards. */
POINT(removed_while_open)
{
	struct lkl_stat st;
	long fd;

	need_mounted();
	remove_all("orphan");
	make_file("orphan", 100000);
	fd = open_file("orphan", LKL_O_RDWR);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "orphan", 0), 0);
	CHECK_EQ(lkl_sys_fstat(fd, &st), 0);
	CHECK_EQ(st.st_nlink, 0);
	CHECK_EQ(lkl_sys_pwrite64(fd, "still", 5, 99998), 5);
	CHECK_EQ(lkl_sys_fsync(fd), 0);
	CHECK_EQ(lkl_sys_pread64(fd, chunk, 100, 99998), 5);
	CHECK_MEM_EQ(chunk, "still", 5);
	close_file(fd);
	leave(&first);
	enter(&first, 0);
	CHECK_ERR(lkl_sys_fstatat(LKL_AT_FDCWD, "orphan", &st, 0), LKL_ENOENT);
}

/* A file that is made without a name gets one, and is kept then. */
POINT(made_without_name)
{
	struct lkl_stat st;
	long fd, err;

	need_mounted();
	remove_all("named");
	fd = lkl_sys_openat(LKL_AT_FDCWD, ".", LKL_O_TMPFILE | LKL_O_RDWR, 0640);
	if (fd == -LKL_EOPNOTSUPP || fd == -LKL_EISDIR)
		lkltest_skip("%s makes no files without a name", first.type);
	CHECK_OK(fd);
	write_known(fd, "named", 70000);
	CHECK_EQ(lkl_sys_fstat(fd, &st), 0);
	CHECK_EQ(st.st_nlink, 0);
	err = lkl_sys_linkat(fd, "", LKL_AT_FDCWD, "named", LKL_AT_EMPTY_PATH);
	CHECK_EQ(err, 0);
	CHECK_EQ(lkl_sys_close(fd), 0);
	leave(&first);
	enter(&first, 0);
	check_file("named", 70000);
	stat_file("named", &st);
	CHECK_EQ(st.st_nlink, 1);
}

/* The library's headers hide these calls, as they do not declare their structure. */
#if !defined(LKLTEST_NATIVE) && !defined(__lkl__NR_name_to_handle_at)
#define __lkl__NR_name_to_handle_at 264
#endif
#if !defined(LKLTEST_NATIVE) && !defined(__lkl__NR_open_by_handle_at)
#define __lkl__NR_open_by_handle_at 265
#endif

struct handle {
	uint32_t bytes;
	int32_t type;
	unsigned char data[128];
};

/* The handle of a file opens it, also after a remount, and no more when the file is gone. */
POINT(file_handles)
{
	long long give_up = lkltest_now_ns() + 10 * 1000000000LL;
	struct handle handle = { .bytes = 0 };
	long fd, dir, err;
	int mount;

	need_mounted();
	remove_all("handled");
	make_directory("handled");
	make_file("handled/file", 5000);
	err = LKLTEST_SYS(name_to_handle_at, LKL_AT_FDCWD, (long)"handled/file", (long)&handle, (long)&mount, 0);
	if (err == -LKL_ENOSYS || err == -LKL_EOPNOTSUPP)
		lkltest_skip("this kernel has no handles of files: CONFIG_FHANDLE");
	CHECK_ERR(err, LKL_EOVERFLOW);
	CHECK_GT(handle.bytes, 0);
	CHECK_LE(handle.bytes, sizeof(handle.data));
	CHECK_EQ(LKLTEST_SYS(name_to_handle_at, LKL_AT_FDCWD, (long)"handled/file", (long)&handle, (long)&mount, 0), 0);
	leave(&first);
	enter(&first, 0);
	dir = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);
	fd = LKLTEST_SYS(open_by_handle_at, dir, (long)&handle, LKL_O_RDONLY);
	if (fd == -LKL_ESTALE && lacks("links")) {
		close_file(dir);
		lkltest_skip("handles of %s do not outlive a mount", first.type);
	}
	CHECK_OK(fd);
	CHECK_EQ(read_some(fd, chunk, CHUNK), 5000);
	CHECK_EQ(lkl_sys_close(fd), 0);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "handled/file", 0), 0);
	/* A kernel lets go of a closed file in its own time. */
	while ((fd = LKLTEST_SYS(open_by_handle_at, dir, (long)&handle, LKL_O_RDONLY)) >= 0 && lkltest_now_ns() < give_up) {
		CHECK_EQ(lkl_sys_close(fd), 0);
		lkltest_sleep_ms(5);
	}
	CHECK_ERR(fd, LKL_ESTALE);
	handle.type = 99;
	CHECK_ERR(LKLTEST_SYS(open_by_handle_at, dir, (long)&handle, LKL_O_RDONLY), LKL_ESTALE);
	close_file(dir);
}

/* ---- the whole file system ---- */

/* A file system that is frozen is whole, thaws once, and goes on. */
POINT(freeze)
{
	long fd, err;

	need_mounted();
	remove_all("frozen");
	make_file("frozen", 50000);
	fd = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);
	err = lkl_sys_ioctl(fd, 0xc0045877, 0);	/* FIFREEZE */
	if (err == -LKL_EOPNOTSUPP)
		lkltest_skip("%s cannot be frozen", first.type);
	CHECK_EQ(err, 0);
	err = lkl_sys_ioctl(fd, 0xc0045877, 0);
	EXPECT_EQ(err, -LKL_EBUSY);
	CHECK_EQ(lkl_sys_ioctl(fd, 0xc0045878, 0), 0);	/* FITHAW */
	CHECK_ERR(lkl_sys_ioctl(fd, 0xc0045878, 0), LKL_EINVAL);
	close_file(fd);
	check_file("frozen", 50000);
	make_file("thawed", 50000);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "thawed", 0), 0);
}

/*
 * Trimming tells how much it gave back, or that the disk takes no such request; files stay. A disk may have terabytes of
 * free room, and each piece of it is a request: the first gibibyte is enough.
 */
POINT(trim)
{
	uint64_t range[3] = { 0, 1ULL << 30, 0 };
	long fd, err;

	need_mounted();
	remove_all("trimmed");
	make_file("trimmed", 50000);
	fd = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);
	err = lkl_sys_ioctl(fd, 0xc0185879, (long)range);	/* FITRIM */
	close_file(fd);
	lkltest_log("trim: %s", err ? lkl_strerror(err) : "done");
	CHECK(!err || err == -LKL_EOPNOTSUPP || err == -LKL_ENOTTY);
	if (!err)
		CHECK_LE(range[1], 1ULL << 50);
	check_file("trimmed", 50000);
}

#endif
