/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about names, links, permissions and descriptors of files. */
#ifndef VFS_NAMES_INC_C
#define VFS_NAMES_INC_C

#include "vfs.h"

#define NO_REPLACE 1
#define EXCHANGE 2

/* A rename replaces, unless it must not; a directory takes the place of an empty directory only. */
POINT(rename_flags)
{
	char back[8];
	long err;

	own_dir("/vfs/rename");
	put_file("/vfs/rename/a", "aa", 2);
	put_file("/vfs/rename/b", "bbbb", 4);
	CHECK_ERR(lkl_sys_renameat2(LKL_AT_FDCWD, "/vfs/rename/a", LKL_AT_FDCWD, "/vfs/rename/b", NO_REPLACE), LKL_EEXIST);
	CHECK_EQ(lkl_sys_renameat2(LKL_AT_FDCWD, "/vfs/rename/a", LKL_AT_FDCWD, "/vfs/rename/c", NO_REPLACE), 0);
	err = lkl_sys_renameat2(LKL_AT_FDCWD, "/vfs/rename/b", LKL_AT_FDCWD, "/vfs/rename/c", EXCHANGE);
	if (err != -LKL_EINVAL) {	/* ramfs cannot before Linux 6.0 */
		CHECK_EQ(err, 0);
		CHECK_STR_EQ(read_file("/vfs/rename/c", back, sizeof(back)), "bbbb");
		CHECK_STR_EQ(read_file("/vfs/rename/b", back, sizeof(back)), "aa");
	}
	CHECK_ERR(lkl_sys_renameat2(LKL_AT_FDCWD, "/vfs/rename/b", LKL_AT_FDCWD, "/vfs/rename/c", 1 << 10), LKL_EINVAL);
	CHECK_EQ(make_dir("/vfs/rename/d"), 0);
	CHECK_EQ(make_dir("/vfs/rename/d/e"), 0);
	CHECK_EQ(make_dir("/vfs/rename/empty"), 0);
	CHECK_ERR(lkl_sys_renameat2(LKL_AT_FDCWD, "/vfs/rename/c", LKL_AT_FDCWD, "/vfs/rename/d", 0), LKL_EISDIR);
	CHECK_ERR(lkl_sys_renameat2(LKL_AT_FDCWD, "/vfs/rename/d", LKL_AT_FDCWD, "/vfs/rename/c", 0), LKL_ENOTDIR);
	CHECK_ERR(lkl_sys_renameat2(LKL_AT_FDCWD, "/vfs/rename/empty", LKL_AT_FDCWD, "/vfs/rename/d", 0), LKL_ENOTEMPTY);
	CHECK_ERR(lkl_sys_renameat2(LKL_AT_FDCWD, "/vfs/rename/d", LKL_AT_FDCWD, "/vfs/rename/d/e/f", 0), LKL_EINVAL);
	CHECK_ERR(lkl_sys_renameat2(LKL_AT_FDCWD, "/vfs/rename/d/e", LKL_AT_FDCWD, "/vfs/rename/d/..", 0), LKL_EBUSY);
	CHECK_EQ(lkl_sys_renameat2(LKL_AT_FDCWD, "/vfs/rename/d", LKL_AT_FDCWD, "/vfs/rename/empty", 0), 0);
	CHECK(exists("/vfs/rename/empty/e"));
	CHECK(!exists("/vfs/rename/d"));
}

/* A path goes through forty symbolic links, and not through a loop. */
POINT(symlink_chain)
{
	char path[48], target[48];
	long fd;
	int i;

	own_dir("/vfs/chain");
	put_file("/vfs/chain/0", "x", 1);
	for (i = 1; i <= 41; i++) {
		snprintf(path, sizeof(path), "/vfs/chain/%d", i);
		snprintf(target, sizeof(target), "%d", i - 1);
		lkl_sys_unlinkat(LKL_AT_FDCWD, path, 0);
		CHECK_EQ(lkl_sys_symlinkat(target, LKL_AT_FDCWD, path), 0);
	}
	fd = open_at("/vfs/chain/40", LKL_O_RDONLY);
	CHECK_EQ(lkl_sys_close(fd), 0);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/vfs/chain/41", LKL_O_RDONLY, 0), LKL_ELOOP);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/vfs/chain/1", LKL_O_RDONLY | LKL_O_NOFOLLOW, 0), LKL_ELOOP);
	lkl_sys_unlinkat(LKL_AT_FDCWD, "/vfs/chain/self", 0);
	CHECK_EQ(lkl_sys_symlinkat("self", LKL_AT_FDCWD, "/vfs/chain/self"), 0);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/vfs/chain/self/x", LKL_O_RDONLY, 0), LKL_ELOOP);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/vfs/chain/self", LKL_O_CREAT | LKL_O_EXCL | LKL_O_RDWR, 0600), LKL_EEXIST);
	CHECK_ERR(lkl_sys_symlinkat("", LKL_AT_FDCWD, "/vfs/chain/empty"), LKL_ENOENT);
	CHECK_EQ(lkl_sys_readlinkat(LKL_AT_FDCWD, "/vfs/chain/41", target, 1), 1);
	CHECK_ERR(lkl_sys_readlinkat(LKL_AT_FDCWD, "/vfs/chain/0", target, 8), LKL_EINVAL);
}

/* A name has at most 255 bytes, a path less than 4096. */
POINT(long_names)
{
	static char path[5000];
	long fd;
	int at;

	own_dir("/vfs/long");
	at = snprintf(path, sizeof(path), "/vfs/long/");
	memset(path + at, 'n', 256);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, path, LKL_O_CREAT | LKL_O_RDWR, 0600), LKL_ENAMETOOLONG);
	path[at + 255] = 0;
	put_file(path, "x", 1);
	CHECK(exists(path));
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, path, 0), 0);
	memset(path, '/', 4096);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, path, LKL_O_RDONLY, 0), LKL_ENAMETOOLONG);
	path[4095] = 0;
	fd = open_at(path, LKL_O_RDONLY);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

#define MANY 1500

/* A large directory lists each entry once, also when it is read on from a place that was told before. */
POINT(large_directory)
{
	static unsigned char seen[MANY];
	struct lkl_linux_dirent64 *entry;
	char buf[512], path[48];
	long fd, len, at, middle = -1;
	int i, count = 0, again = 0;

	own_dir("/vfs/many");
	for (i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "/vfs/many/%d", i);
		put_file(path, "", 0);
	}
	memset(seen, 0, sizeof(seen));
	fd = open_at("/vfs/many", LKL_O_RDONLY | LKL_O_DIRECTORY);
	CHECK_ERR(lkl_sys_getdents64(fd, (void *)buf, 10), LKL_EINVAL);
	while ((len = CHECK_OK(lkl_sys_getdents64(fd, (void *)buf, sizeof(buf)))) > 0) {
		for (at = 0; at < len; at += entry->d_reclen) {
			entry = (void *)(buf + at);
			if (entry->d_name[0] == '.')
				continue;
			if (seen[atoi(entry->d_name)]++)
				lkltest_fail("listed twice: %s", entry->d_name);
			if (++count == MANY / 2)
				middle = entry->d_off;
		}
	}
	CHECK_EQ(count, MANY);
	CHECK_EQ(lkl_sys_lseek(fd, middle, LKL_SEEK_SET), middle);
	while ((len = CHECK_OK(lkl_sys_getdents64(fd, (void *)buf, sizeof(buf)))) > 0)
		for (at = 0; at < len; at += entry->d_reclen, again++)
			entry = (void *)(buf + at);
	CHECK_EQ(again, MANY - MANY / 2);
	CHECK_EQ(lkl_sys_close(fd), 0);
	for (i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "/vfs/many/%d", i);
		CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, path, 0), 0);
	}
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "/vfs/many", LKL_AT_REMOVEDIR), 0);
}

/* A descriptor of a path reads nothing, and leads to the file. */
POINT(open_path)
{
	struct lkl_stat st;
	char text[8];
	long dir, fd, file;

	own_dir("/vfs/path");
	put_file("/vfs/path/file", "text", 4);
	lkl_sys_unlinkat(LKL_AT_FDCWD, "/vfs/path/link", 0);
	CHECK_EQ(lkl_sys_symlinkat("file", LKL_AT_FDCWD, "/vfs/path/link"), 0);
	dir = open_at("/vfs/path", LKL_O_PATH | LKL_O_DIRECTORY);
	fd = CHECK_OK(lkl_sys_openat(dir, "link", LKL_O_PATH | LKL_O_NOFOLLOW, 0));
	CHECK_EQ(lkl_sys_fstat(fd, &st), 0);
	CHECK_EQ(st.st_mode & LKL_S_IFMT, LKL_S_IFLNK);
	CHECK_EQ(lkl_sys_readlinkat(fd, "", text, sizeof(text)), 4);
	CHECK_MEM_EQ(text, "file", 4);
	CHECK_ERR(lkl_sys_read(fd, text, 1), LKL_EBADF);
	CHECK_ERR(lkl_sys_fchmod(fd, 0600), LKL_EBADF);
	file = CHECK_OK(lkl_sys_openat(dir, "file", LKL_O_RDONLY, 0));
	CHECK_EQ(lkl_sys_read(file, text, 8), 4);
	CHECK_ERR(lkl_sys_getdents64(dir, (void *)text, sizeof(text)), LKL_EBADF);
	CHECK_EQ(lkl_sys_fchdir(dir), 0);
	CHECK(exists("file"));
	CHECK_EQ(lkl_sys_chdir("/"), 0);
	CHECK_EQ(lkl_sys_close(file), 0);
	CHECK_EQ(lkl_sys_close(fd), 0);
	CHECK_EQ(lkl_sys_close(dir), 0);
}

static void become(long user)
{
	LKLTEST_SYS(setfsgid, user);
	LKLTEST_SYS(setfsuid, user);
	CHECK_EQ(LKLTEST_SYS(setfsuid, user), user);
}

/* A user may do what the owner's, the group's or the others' bits say, and not more. */
POINT(permissions)
{
	long fd[3], owned[4];

	need_users();
	own_dir("/vfs/rights");
	put_file("/vfs/rights/secret", "x", 1);
	put_file("/vfs/rights/readable", "x", 1);
	put_file("/vfs/rights/mine", "x", 1);
	CHECK_EQ(lkl_sys_fchmodat(LKL_AT_FDCWD, "/vfs/rights/secret", 0600), 0);
	CHECK_EQ(lkl_sys_fchmodat(LKL_AT_FDCWD, "/vfs/rights/readable", 0644), 0);
	CHECK_EQ(lkl_sys_fchownat(LKL_AT_FDCWD, "/vfs/rights/mine", 1000, 1000, 0), 0);
	become(1000);
	fd[0] = lkl_sys_openat(LKL_AT_FDCWD, "/vfs/rights/secret", LKL_O_RDONLY, 0);
	fd[1] = lkl_sys_openat(LKL_AT_FDCWD, "/vfs/rights/readable", LKL_O_RDONLY, 0);
	fd[2] = lkl_sys_openat(LKL_AT_FDCWD, "/vfs/rights/readable", LKL_O_WRONLY, 0);
	owned[0] = lkl_sys_fchmodat(LKL_AT_FDCWD, "/vfs/rights/readable", 0666);
	owned[1] = lkl_sys_fchmodat(LKL_AT_FDCWD, "/vfs/rights/mine", 0640);
	owned[2] = lkl_sys_fchownat(LKL_AT_FDCWD, "/vfs/rights/mine", 0, 0, 0);
	owned[3] = lkl_sys_unlinkat(LKL_AT_FDCWD, "/vfs/rights/mine", 0);
	become(0);
	CHECK_ERR(fd[0], LKL_EACCES);
	CHECK_OK(fd[1]);
	CHECK_ERR(fd[2], LKL_EACCES);
	CHECK_ERR(owned[0], LKL_EPERM);
	CHECK_EQ(owned[1], 0);
	CHECK_ERR(owned[2], LKL_EPERM);
	CHECK_ERR(owned[3], LKL_EACCES);	/* the directory is not theirs */
	CHECK_EQ(lkl_sys_close(fd[1]), 0);
}

/* In a sticky directory nobody removes another's file; a group directory gives its group to what is made in it. */
POINT(sticky_and_group)
{
	long err, made;

	need_users();
	own_dir("/vfs/sticky");
	CHECK_EQ(lkl_sys_fchmodat(LKL_AT_FDCWD, "/vfs/sticky", 01777), 0);
	put_file("/vfs/sticky/roots", "x", 1);
	become(1000);
	err = lkl_sys_unlinkat(LKL_AT_FDCWD, "/vfs/sticky/roots", 0);
	made = lkl_sys_openat(LKL_AT_FDCWD, "/vfs/sticky/mine", LKL_O_CREAT | LKL_O_WRONLY, 0666);
	become(0);
	CHECK_ERR(err, LKL_EPERM);
	CHECK_OK(made);
	CHECK_EQ(lkl_sys_close(made), 0);
	CHECK_EQ(stat_of("/vfs/sticky/mine").st_uid, 1000);
	CHECK_EQ(make_dir("/vfs/sticky/group"), 0);
	CHECK_EQ(lkl_sys_fchownat(LKL_AT_FDCWD, "/vfs/sticky/group", 0, 77, 0), 0);
	CHECK_EQ(lkl_sys_fchmodat(LKL_AT_FDCWD, "/vfs/sticky/group", 02755), 0);
	put_file("/vfs/sticky/group/file", "x", 1);
	CHECK_EQ(stat_of("/vfs/sticky/group/file").st_gid, 77);
	CHECK_EQ(make_dir("/vfs/sticky/group/below"), 0);
	CHECK_EQ(stat_of("/vfs/sticky/group/below").st_mode & 02000, 02000);
}

/* A program that is written or given away by a user runs as its owner no more. */
POINT(set_user_id)
{
	long fd, wrote;

	need_users();
	own_dir("/vfs/setuid");
	put_file("/vfs/setuid/program", "x", 1);
	CHECK_EQ(lkl_sys_fchmodat(LKL_AT_FDCWD, "/vfs/setuid/program", 06777), 0);
	CHECK_EQ(stat_of("/vfs/setuid/program").st_mode & 07777, 06777);
	become(1000);
	fd = lkl_sys_openat(LKL_AT_FDCWD, "/vfs/setuid/program", LKL_O_WRONLY, 0);
	wrote = lkl_sys_write(fd, "y", 1);
	become(0);
	CHECK_EQ(wrote, 1);
	CHECK_EQ(lkl_sys_close(fd), 0);
	CHECK_EQ(stat_of("/vfs/setuid/program").st_mode & 07777, 0777);
	CHECK_EQ(lkl_sys_fchmodat(LKL_AT_FDCWD, "/vfs/setuid/program", 06777), 0);
	CHECK_EQ(lkl_sys_fchownat(LKL_AT_FDCWD, "/vfs/setuid/program", 1000, 1000, 0), 0);
	CHECK_EQ(stat_of("/vfs/setuid/program").st_mode & 06000, 0);
}

/* Descriptors are copied to the lowest free number, or to the one that is asked for, up to the limit. */
POINT(descriptors)
{
	struct lkl_rlimit before, few;
	long fd, copy, high, fds[8], i;

	own_dir("/vfs/fds");
	put_file("/vfs/fds/file", "0123456789", 10);
	fd = open_at("/vfs/fds/file", LKL_O_RDONLY);
	copy = CHECK_OK(lkl_sys_dup(fd));
	CHECK_EQ(lkl_sys_lseek(fd, 5, LKL_SEEK_SET), 5);
	CHECK_EQ(lkl_sys_lseek(copy, 0, LKL_SEEK_CUR), 5);
	high = CHECK_OK(lkl_sys_fcntl(fd, LKL_F_DUPFD, 50));
	CHECK_GE(high, 50);
	CHECK_EQ(lkl_sys_fcntl(fd, F_DUPFD_CLOEXEC, 60), lkl_sys_dup3(fd, 60, LKL_O_CLOEXEC));
	CHECK_EQ(lkl_sys_fcntl(60, LKL_F_GETFD, 0), LKL_FD_CLOEXEC);
	CHECK_EQ(lkl_sys_fcntl(high, LKL_F_GETFD, 0), 0);
	CHECK_EQ(lkl_sys_fcntl(high, LKL_F_SETFD, LKL_FD_CLOEXEC), 0);
	CHECK_EQ(lkl_sys_fcntl(high, LKL_F_GETFD, 0), LKL_FD_CLOEXEC);
	CHECK_ERR(lkl_sys_dup3(fd, fd, 0), LKL_EINVAL);
	CHECK_ERR(lkl_sys_dup3(fd, 1 << 30, 0), LKL_EBADF);
	CHECK_EQ(lkl_sys_close(60), 0);
	CHECK_EQ(lkl_sys_close(high), 0);
	CHECK_EQ(lkl_sys_close(copy), 0);
	CHECK_EQ(lkl_sys_prlimit64(0, LKL_RLIMIT_NOFILE, NULL, (void *)&before), 0);
	few = before;
	few.rlim_cur = fd + 4;
	CHECK_EQ(lkl_sys_prlimit64(0, LKL_RLIMIT_NOFILE, (void *)&few, NULL), 0);
	for (i = 0; i < 8 && (fds[i] = lkl_sys_dup(fd)) >= 0; i++)
		;
	copy = i < 8 ? fds[i] : 0;
	while (i--)
		lkl_sys_close(fds[i]);
	CHECK_EQ(lkl_sys_prlimit64(0, LKL_RLIMIT_NOFILE, (void *)&before, NULL), 0);
	CHECK_ERR(copy, LKL_EMFILE);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

/* Flags of an open file change what its writes do. */
POINT(file_flags)
{
	long fd, self;

	own_dir("/vfs/flags");
	put_file("/vfs/flags/file", "0123456789", 10);
	fd = open_at("/vfs/flags/file", LKL_O_RDWR);
	CHECK_EQ(lkl_sys_fcntl(fd, LKL_F_SETFL, LKL_O_APPEND), 0);
	CHECK_EQ(lkl_sys_lseek(fd, 0, LKL_SEEK_SET), 0);
	CHECK_EQ(lkl_sys_write(fd, "ab", 2), 2);
	CHECK_EQ(stat_of("/vfs/flags/file").st_size, 12);
	CHECK_EQ(lkl_sys_fcntl(fd, LKL_F_SETFL, 0), 0);
	CHECK_EQ(lkl_sys_fcntl(fd, LKL_F_GETFL, 0) & LKL_O_APPEND, 0);
	CHECK_EQ(lkl_sys_pwrite64(fd, "c", 1, 0), 1);
	CHECK_EQ(stat_of("/vfs/flags/file").st_size, 12);
	CHECK_ERR(lkl_sys_fcntl(fd, 9999, 0), LKL_EINVAL);
	self = lkl_sys_getpid();
	CHECK_EQ(lkl_sys_fcntl(fd, F_SETOWN, self), 0);
	CHECK_EQ(lkl_sys_fcntl(fd, F_GETOWN, 0), self);
	CHECK_EQ(lkl_sys_fcntl(fd, 10, 10), 0);	/* F_SETSIG */
	CHECK_EQ(lkl_sys_fcntl(fd, 11, 0), 10);
	CHECK_ERR(lkl_sys_fcntl(fd, 10, 1000), LKL_EINVAL);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

/* Times are set to the nanosecond, to now, or are left alone. */
POINT(times)
{
	struct lkl_timespec times[2] = { { 1000000000, 123456789 }, { 1100000000, 987654321 } };
	struct lkl_stat st;

	own_dir("/vfs/times");
	put_file("/vfs/times/file", "x", 1);
	CHECK_EQ(lkl_sys_utimensat(LKL_AT_FDCWD, "/vfs/times/file", (void *)times, 0), 0);
	st = stat_of("/vfs/times/file");
	CHECK_EQ(lkltest_stat_atime(&st), 1000000000);
	CHECK_EQ(lkltest_stat_mtime(&st), 1100000000);
	CHECK_EQ(lkltest_stat_mtime_nsec(&st), 987654321);
	times[0].tv_nsec = UTIME_NOW;
	times[1].tv_nsec = UTIME_OMIT;
	CHECK_EQ(lkl_sys_utimensat(LKL_AT_FDCWD, "/vfs/times/file", (void *)times, 0), 0);
	st = stat_of("/vfs/times/file");
	CHECK_NE(lkltest_stat_atime(&st), 1000000000);
	CHECK_EQ(lkltest_stat_mtime(&st), 1100000000);
	times[0].tv_nsec = 1000000000;
	CHECK_ERR(lkl_sys_utimensat(LKL_AT_FDCWD, "/vfs/times/file", (void *)times, 0), LKL_EINVAL);
	CHECK_EQ(lkl_sys_utimensat(LKL_AT_FDCWD, "/vfs/times/file", NULL, 0), 0);
	st = stat_of("/vfs/times/file");
	CHECK_NE(lkltest_stat_mtime(&st), 1100000000);
}

/* Attributes have limits of name and size, which are checked before the file system is asked. */
POINT(xattr_limits)
{
	static char name[300] = "user.", value[70000];
	long err;

	own_dir("/vfs/xattr");
	put_file("/vfs/xattr/file", "x", 1);
	memset(name + 5, 'n', 251);
	CHECK_ERR(lkl_sys_setxattr("/vfs/xattr/file", name, "v", 1, 0), LKL_ERANGE);
	CHECK_ERR(lkl_sys_setxattr("/vfs/xattr/file", "", "v", 1, 0), LKL_ERANGE);
	CHECK_ERR(lkl_sys_setxattr("/vfs/xattr/file", "user.big", value, 65537, 0), LKL_E2BIG);
	CHECK_ERR(lkl_sys_setxattr("/vfs/xattr/file", "user.flags", "v", 1, 8), LKL_EINVAL);
	CHECK_ERR(lkl_sys_setxattr("/vfs/xattr/file", "unknown.name", "v", 1, 0), LKL_EOPNOTSUPP);
	CHECK_ERR(lkl_sys_setxattr("/vfs/xattr/none", "user.name", "v", 1, 0), LKL_ENOENT);
	err = lkl_sys_getxattr("/vfs/xattr/file", "user.none", value, sizeof(value));
	CHECK(err == -LKL_ENODATA || err == -LKL_EOPNOTSUPP);
}

/* A program that is none, or that may not be run, is not started. */
POINT(execve)
{
	static char *const nothing[] = { NULL };

	own_dir("/vfs/exec");
	put_file("/vfs/exec/text", "no program at all", 17);
	CHECK_ERR(LKLTEST_SYS(execve, (long)"/vfs/exec/none", (long)nothing, (long)nothing), LKL_ENOENT);
	CHECK_ERR(LKLTEST_SYS(execve, (long)"/vfs/exec", (long)nothing, (long)nothing), LKL_EACCES);
	CHECK_EQ(lkl_sys_fchmodat(LKL_AT_FDCWD, "/vfs/exec/text", 0644), 0);
	CHECK_ERR(LKLTEST_SYS(execve, (long)"/vfs/exec/text", (long)nothing, (long)nothing), LKL_EACCES);
}

#endif
