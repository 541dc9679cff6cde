/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Features of file systems beside plain files: each point has a second one,
 * kept_..., that looks again after the disk was unmounted and mounted.
 */
#ifndef FEATURES_H
#define FEATURES_H

#include "files.h"

#define NON_ASCII "dürfen-имя-漢字"
#define TEN "llllllllll"
#define LONG_NAME /* 255 bytes */						\
	TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN \
	"-gggggggggggggggggggggggggggggggggggggggggggggggggggggg"

LKLTEST_FN void check_target(const char *path, const char *target)
{
	char text[256];
	long len = CHECK_OK(lkl_sys_readlinkat(LKL_AT_FDCWD, path, text, sizeof(text) - 1));

	text[len] = 0;
	CHECK_STR_EQ(text, target);
}

/* ---- what the host packed ---- */

LKLTEST_FN void check_packed(void)
{
	check_file("packed/size-0", 0);
	check_file("packed/size-1", 1);
	check_file("packed/size-4095", 4095);
	check_file("packed/size-4096", 4096);
	check_file("packed/size-4097", 4097);
	check_file("packed/size-1048577", 1048577);
	check_file("packed/deep/er/est", 5000);
	check_file("packed/" NON_ASCII, 100);
	check_file("packed/" LONG_NAME, 200);
	if (!lacks("symlinks"))
		check_target("packed/link", "size-4097");
}

/* ---- a directory with many entries ---- */

#define ENTRIES 5000

static int nr_entries = ENTRIES, entries_made;

LKLTEST_FN void make_entries(void)
{
	char name[32];
	int i;

	make_directory("many");
	/* Names that FAT can take as they are: for longer ones it seeks a short name, which takes minutes here. */
	for (i = 0; i < nr_entries; i++) {
		snprintf(name, sizeof(name), "many/e%d", i);
		close_file(open_file(name, LKL_O_WRONLY | LKL_O_CREAT | LKL_O_EXCL));
	}
	entries_made = 1;
}

LKLTEST_FN void check_entries(void)
{
	static char seen[ENTRIES];
	static char buf[32768];
	struct lkl_linux_dirent64 *entry;
	long fd = open_file("many", LKL_O_RDONLY | LKL_O_DIRECTORY), len, at;
	int found = 0, number;

	memset(seen, 0, sizeof(seen));
	while ((len = CHECK_OK(lkl_sys_getdents64(fd, (void *)buf, sizeof(buf)))) > 0) {
		for (at = 0; at < len; at += entry->d_reclen) {
			entry = (void *)(buf + at);
			if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
				continue;
			if (sscanf(entry->d_name, "e%d", &number) != 1 || number < 0 || number >= nr_entries)
				lkltest_fail("an entry that was never made: %s", entry->d_name);
			if (seen[number]++)
				lkltest_fail("listed twice: %s", entry->d_name);
			found++;
		}
	}
	close_file(fd);
	CHECK_EQ(found, nr_entries);
}

/* ---- names ---- */

static const char *const names[] = { "names/with blank", "names/-dash", "names/.dot", "names/quo'te", "names/🙂" };

LKLTEST_FN void make_names(void)
{
	char too_long[300] = "names/";
	size_t i;

	make_directory("names");
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		make_file(names[i], 10);
	memset(too_long + 6, 'x', 256);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, too_long, LKL_O_WRONLY | LKL_O_CREAT, 0644), LKL_ENAMETOOLONG);
}

LKLTEST_FN void check_names(void)
{
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		check_file(names[i], 10);
	check_file("written/" NON_ASCII, 100);
	check_file("written/" LONG_NAME, 200);
}

/* ---- links ---- */

LKLTEST_FN void make_hard_links(void)
{
	long err;

	make_directory("links");
	make_file("links/first", 5000);
	err = lkl_sys_linkat(LKL_AT_FDCWD, "links/first", LKL_AT_FDCWD, "links/second", 0);
	if (lacks("links"))
		CHECK_EQ(err, -LKL_EPERM);
	else
		CHECK_EQ(err, 0);
}

LKLTEST_FN void check_hard_links(void)
{
	struct lkl_stat first, second;

	check_file("links/first", 5000);
	stat_file("links/first", &first);
	CHECK_EQ(first.st_nlink, lacks("links") ? 1 : 2);
	if (lacks("links"))
		return;
	stat_file("links/second", &second);
	CHECK_EQ(second.st_ino, first.st_ino);
	check_file_as("links/second", "links/first", 5000);
}

#define LONG_TARGET "../written/" LONG_NAME	/* too long to stand in an inode of ext4 */

LKLTEST_FN void make_symlinks(void)
{
	long err = lkl_sys_symlinkat("../written/size-4097", LKL_AT_FDCWD, "symlink");

	if (lacks("symlinks")) {
		CHECK_EQ(err, -LKL_EPERM);
		return;
	}
	CHECK_EQ(err, 0);
	make_directory("symlinks");
	CHECK_EQ(lkl_sys_symlinkat(LONG_NAME, LKL_AT_FDCWD, "symlinks/long"), 0);
	CHECK_EQ(lkl_sys_symlinkat("../written/size-4097", LKL_AT_FDCWD, "symlinks/short"), 0);
}

LKLTEST_FN void check_symlinks(void)
{
	if (lacks("symlinks"))
		return;
	check_target("symlinks/long", LONG_NAME);
	check_target("symlinks/short", "../written/size-4097");
	check_file_as("symlinks/short", "written/size-4097", 4097);
}

/* ---- rename and truncate ---- */

LKLTEST_FN void make_rename(void)
{
	make_directory("rename");
	make_file("rename/old", 3000);
	make_file("rename/new", 6000);
	CHECK_EQ(lkl_sys_renameat2(LKL_AT_FDCWD, "rename/new", LKL_AT_FDCWD, "rename/old", 0), 0);
}

LKLTEST_FN void check_rename(void)
{
	check_file_as("rename/old", "rename/new", 6000);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "rename/new", LKL_O_RDONLY, 0), LKL_ENOENT);
}

LKLTEST_FN void make_truncated(void)
{
	long fd;

	make_directory("truncate");
	make_file("truncate/up", 4097);
	make_file("truncate/down", 100000);
	make_file("truncate/both", 9000);
	CHECK_EQ(lkl_sys_truncate("truncate/up", 100000), 0);
	CHECK_EQ(lkl_sys_truncate("truncate/down", 4097), 0);
	fd = open_file("truncate/both", LKL_O_WRONLY);
	CHECK_EQ(lkl_sys_ftruncate(fd, 1000), 0);
	CHECK_EQ(lkl_sys_ftruncate(fd, 9000), 0);
	close_file(fd);
}

LKLTEST_FN void check_known_then_zeroes(const char *path, size_t data_size, size_t size)
{
	long fd = open_file(path, LKL_O_RDONLY);
	struct lkltest_data data;

	lkltest_data_init(&data, path);
	lkltest_data_fill(&data, 0, known, CHUNK_PAGES);
	CHECK_EQ(read_some(fd, chunk, data_size), data_size);
	if (memcmp(chunk, known, data_size))
		differs(path, 0, chunk, known, data_size);
	check_zeroes(path, fd, data_size, size);
	CHECK_EQ(lkl_sys_lseek(fd, 0, LKL_SEEK_END), size);
	close_file(fd);
}

LKLTEST_FN void check_truncated(void)
{
	check_known_then_zeroes("truncate/up", 4097, 100000);
	check_file("truncate/down", 4097);
	check_known_then_zeroes("truncate/both", 1000, 9000);
}

/* ---- holes ---- */

static long hole = 1 << 20;	/* bytes */

LKLTEST_FN void make_hole(void)
{
	long fd = open_file("hole", LKL_O_WRONLY | LKL_O_CREAT | LKL_O_EXCL);

	CHECK_EQ(lkl_sys_lseek(fd, hole, LKL_SEEK_SET), hole);
	write_all(fd, "end", 3);
	CHECK_EQ(lkl_sys_fsync(fd), 0);
	close_file(fd);
}

LKLTEST_FN void check_hole(void)
{
	long fd = open_file("hole", LKL_O_RDONLY);
	struct lkl_stat st;

	check_zeroes("hole", fd, 0, hole);
	CHECK_EQ(read_some(fd, chunk, 4), 3);
	CHECK_MEM_EQ(chunk, "end", 3);
	close_file(fd);
	stat_file("hole", &st);
	CHECK_EQ(st.st_size, hole + 3);
	if (lacks("holes"))
		CHECK_GE(st.st_blocks * 512, hole);
	else
		CHECK_LT(st.st_blocks * 512, hole / 2);
}

/* ---- attributes ---- */

#define ATTRIBUTE 600	/* bytes */

LKLTEST_FN void fill_attribute(char *value)
{
	int i;

	for (i = 0; i < ATTRIBUTE; i++)
		value[i] = i * 7;
}

LKLTEST_FN void make_xattrs(void)
{
	char value[ATTRIBUTE];
	long err;

	fill_attribute(value);
	make_file("xattrs", 100);
	err = lkl_sys_setxattr("xattrs", "user.lkltest", value, ATTRIBUTE, 0);
	if (lacks("xattrs")) {
		CHECK_EQ(err, -LKL_EOPNOTSUPP);
		return;
	}
	if (err == -LKL_EOPNOTSUPP)
		lkltest_skip("this kernel has no extended attributes on %s", lkltest_arg("type"));
	CHECK_EQ(err, 0);
	CHECK_EQ(lkl_sys_setxattr("xattrs", "user.gone", "x", 1, 0), 0);
	CHECK_EQ(lkl_sys_removexattr("xattrs", "user.gone"), 0);
}

LKLTEST_FN void check_xattrs(void)
{
	char value[ATTRIBUTE], found[2 * ATTRIBUTE];
	long len;

	fill_attribute(value);
	len = lkl_sys_getxattr("xattrs", "user.lkltest", found, sizeof(found));
	if (len == -LKL_EOPNOTSUPP && !lacks("xattrs"))
		lkltest_skip("this kernel has no extended attributes on %s", lkltest_arg("type"));
	if (lacks("xattrs")) {
		CHECK_EQ(len, -LKL_EOPNOTSUPP);
		return;
	}
	CHECK_EQ(len, ATTRIBUTE);
	CHECK_MEM_EQ(found, value, ATTRIBUTE);
	CHECK_ERR(lkl_sys_getxattr("xattrs", "user.gone", found, sizeof(found)), LKL_ENODATA);
}

/* As the kernel takes an access control list: version 2, then tag, permissions and id of each entry. */
static const struct {
	uint32_t version;
	struct {
		uint16_t tag, permissions;
		uint32_t id;
	} entries[5];
} acl = { 2, {
	{ 0x01, 6, ~0u },	/* the owner: rw- */
	{ 0x02, 4, 1000 },	/* user 1000: r-- */
	{ 0x04, 4, ~0u },	/* the group: r-- */
	{ 0x10, 4, ~0u },	/* mask: r-- */
	{ 0x20, 0, ~0u },	/* others: --- */
} };

LKLTEST_FN void make_acls(void)
{
	long err;

	make_file("acls", 100);
	err = lkl_sys_setxattr("acls", "system.posix_acl_access", &acl, sizeof(acl), 0);
	if (lacks("acls"))
		CHECK_EQ(err, -LKL_EOPNOTSUPP);
	else if (err == -LKL_EOPNOTSUPP)
		lkltest_skip("this kernel has no access control lists on %s: %s_POSIX_ACL", lkltest_arg("type"),
			     lkltest_arg("config"));
	else
		CHECK_EQ(err, 0);
}

LKLTEST_FN void check_acls(void)
{
	char found[2 * sizeof(acl)];
	struct lkl_stat st;
	long len = lkl_sys_getxattr("acls", "system.posix_acl_access", found, sizeof(found));

	if (lacks("acls")) {
		CHECK_EQ(len, -LKL_EOPNOTSUPP);
		return;
	}
	if (len == -LKL_EOPNOTSUPP)
		lkltest_skip("this kernel has no access control lists on %s: %s_POSIX_ACL", lkltest_arg("type"),
			     lkltest_arg("config"));
	CHECK_EQ(len, sizeof(acl));
	CHECK_MEM_EQ(found, &acl, sizeof(acl));
	stat_file("acls", &st);
	CHECK_EQ(st.st_mode & 0777, 0640);
}

/* ---- modes and times ---- */

LKLTEST_FN void make_modes(void)
{
	long err;

	make_directory("modes");
	make_file("modes/private", 100);
	make_file("modes/program", 100);
	err = lkl_sys_fchmodat(LKL_AT_FDCWD, "modes/private", 0600);
	if (lacks("modes")) {
		/* Either it refuses, or it forgets. */
		CHECK(!err || err == -LKL_EPERM);
		return;
	}
	CHECK_EQ(err, 0);
	CHECK_EQ(lkl_sys_fchmodat(LKL_AT_FDCWD, "modes/program", 04751), 0);
	CHECK_EQ(lkl_sys_fchmodat(LKL_AT_FDCWD, "modes", 01777), 0);
	CHECK_EQ(lkl_sys_fchownat(LKL_AT_FDCWD, "modes/private", 1000, 100000, 0), 0);
}

LKLTEST_FN void check_modes(void)
{
	struct lkl_stat st;

	stat_file("modes/program", &st);
	if (lacks("modes")) {
		CHECK_EQ(st.st_mode & 07000, 0);
		return;
	}
	CHECK_EQ(st.st_mode & 07777, 04751);
	stat_file("modes", &st);
	CHECK_EQ(st.st_mode & 07777, 01777);
	stat_file("modes/private", &st);
	CHECK_EQ(st.st_mode & 07777, 0600);
	CHECK_EQ(st.st_uid, 1000);
	CHECK_EQ(st.st_gid, 100000);
}

#define MODIFIED 1234567890	/* even: FAT counts in steps of two seconds */
#define NANOSECONDS 123456789

static int coarse;	/* a user's own image is of a kind that keeps whole seconds only */

LKLTEST_FN void make_times(void)
{
	struct lkl_stat st;
	struct lkl_timespec times[2] = { { .tv_sec = MODIFIED - 100 }, { MODIFIED, NANOSECONDS } };

	make_file("times", 100);
	CHECK_EQ(lkl_sys_utimensat(LKL_AT_FDCWD, "times", (void *)times, 0), 0);
	stat_file("times", &st);
	coarse = lkltest_arg("own") && !lkltest_stat_mtime_nsec(&st);
}

LKLTEST_FN void check_times(void)
{
	struct lkl_stat st;

	stat_file("times", &st);
	CHECK_EQ(lkltest_stat_mtime(&st), MODIFIED);
	if (lacks("nanoseconds"))
		return;
	if (coarse)
		lkltest_skip("this image keeps whole seconds only, as an ext file system with inodes of 128 bytes does");
	CHECK_EQ(lkltest_stat_mtime_nsec(&st), NANOSECONDS);
	CHECK_EQ(lkltest_stat_atime(&st), MODIFIED - 100);
}

#endif
