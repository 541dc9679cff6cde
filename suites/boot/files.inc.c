/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about files. */
#ifndef BOOT_FILES_INC_C
#define BOOT_FILES_INC_C

#include "shared.h"

#define MODE 0721

static const char text[] = "test";
static int file = -1;

POINT(umask)
{
	CHECK_EQ(lkl_sys_umask(0777), 022);
}

POINT(umask2)
{
	CHECK_EQ(lkl_sys_umask(0), 0777);
	CHECK_EQ(lkl_sys_umask(0), 0);
}

POINT(creat)
{
	struct lkl_stat stat;

	file = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/file", LKL_O_CREAT | LKL_O_WRONLY | LKL_O_TRUNC, MODE));
	CHECK_EQ(lkl_sys_fstat(file, &stat), 0);
	CHECK_EQ(stat.st_mode, LKL_S_IFREG | MODE);
	CHECK_EQ(stat.st_size, 0);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/file", LKL_O_CREAT | LKL_O_EXCL | LKL_O_WRONLY, MODE), LKL_EEXIST);
	CHECK_ERR(lkl_sys_read(file, (char [1]){ 0 }, 1), LKL_EBADF);
}

POINT(close)
{
	CHECK_EQ(lkl_sys_close(file), 0);
	CHECK_ERR(lkl_sys_close(file), LKL_EBADF);
}

POINT(failopen)
{
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/file2", LKL_O_RDONLY, 0), LKL_ENOENT);
}

POINT(open)
{
	file = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/file", LKL_O_RDWR, 0));
	CHECK_EQ(lkl_sys_fcntl(file, LKL_F_GETFL, 0) & (LKL_O_RDONLY | LKL_O_WRONLY | LKL_O_RDWR), LKL_O_RDWR);
}

POINT(write)
{
	CHECK_EQ(lkl_sys_write(file, text, sizeof(text)), sizeof(text));
}

POINT(lseek_cur)
{
	CHECK_EQ(lkl_sys_lseek(file, 0, LKL_SEEK_CUR), sizeof(text));
	CHECK_EQ(lkl_sys_lseek(file, -1, LKL_SEEK_CUR), sizeof(text) - 1);
}

POINT(lseek_end)
{
	CHECK_EQ(lkl_sys_lseek(file, 0, LKL_SEEK_END), sizeof(text));
	/* Beyond the end is a place as well; before the beginning is none. */
	CHECK_EQ(lkl_sys_lseek(file, 10, LKL_SEEK_END), sizeof(text) + 10);
	CHECK_ERR(lkl_sys_lseek(file, -100, LKL_SEEK_END), LKL_EINVAL);
}

POINT(lseek_set)
{
	CHECK_EQ(lkl_sys_lseek(file, 3, LKL_SEEK_SET), 3);
	CHECK_EQ(lkl_sys_lseek(file, 0, LKL_SEEK_SET), 0);
}

POINT(read)
{
	char buf[10] = { 0 };

	CHECK_EQ(lkl_sys_read(file, buf, sizeof(buf)), sizeof(text));
	CHECK_MEM_EQ(buf, text, sizeof(text));
	CHECK_EQ(lkl_sys_read(file, buf, sizeof(buf)), 0);
}

POINT(fstat)
{
	struct lkl_stat stat;

	CHECK_EQ(lkl_sys_fstat(file, &stat), 0);
	CHECK_EQ(stat.st_size, sizeof(text));
	CHECK_EQ(stat.st_mode, LKL_S_IFREG | MODE);
	CHECK_EQ(stat.st_nlink, 1);
	CHECK_EQ(lkl_sys_close(file), 0);
}

POINT(mkdir)
{
	CHECK_EQ(lkl_sys_mkdirat(LKL_AT_FDCWD, "/mnt", MODE), 0);
	CHECK_ERR(lkl_sys_mkdirat(LKL_AT_FDCWD, "/mnt", MODE), LKL_EEXIST);
}

POINT(stat)
{
	struct lkl_stat stat;

	CHECK_EQ(lkl_sys_fstatat(LKL_AT_FDCWD, "/mnt", &stat, 0), 0);
	CHECK_EQ(stat.st_mode, LKL_S_IFDIR | MODE);
}

POINT(unlink)
{
	CHECK_ERR(lkl_sys_unlinkat(LKL_AT_FDCWD, "/mnt", 0), LKL_EISDIR);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "/mnt", LKL_AT_REMOVEDIR), 0);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "/file", 0), 0);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/file", LKL_O_RDONLY, 0), LKL_ENOENT);
}

POINT(readv_writev)
{
	char head[3], tail[20] = { 0 };
	struct lkl_iovec out[] = { { "abc", 3 }, { "", 0 }, { "defgh", 5 } };
	struct lkl_iovec in[] = { { head, sizeof(head) }, { tail, sizeof(tail) } };
	int fd = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/vector", LKL_O_CREAT | LKL_O_RDWR | LKL_O_TRUNC, 0600));

	CHECK_EQ(lkl_sys_writev(fd, out, 3), 8);
	CHECK_EQ(lkl_sys_lseek(fd, 0, LKL_SEEK_SET), 0);
	CHECK_EQ(lkl_sys_readv(fd, in, 2), 8);
	CHECK_MEM_EQ(head, "abc", 3);
	CHECK_STR_EQ(tail, "defgh");
	CHECK_EQ(lkl_sys_close(fd), 0);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "/vector", 0), 0);
}

/* A file system of its own, and all that is done to a file. */
POINT(tmpfs)
{
	static char wrote[70000], back[sizeof(wrote)];
	struct lkl_stat stat;
	int fd, err;

	CHECK_EQ(make_dir("/tmpfs"), 0);
	err = lkl_sys_mount("none", "/tmpfs", "tmpfs", 0, NULL);
	if (err == -LKL_ENODEV)
		lkltest_skip("this kernel has no tmpfs: CONFIG_TMPFS");
	CHECK_EQ(err, 0);

	fill(wrote, sizeof(wrote), 1);
	fd = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/tmpfs/a", LKL_O_CREAT | LKL_O_RDWR, 0600));
	CHECK_EQ(lkl_sys_write(fd, wrote, sizeof(wrote)), sizeof(wrote));
	CHECK_EQ(lkl_sys_pread64(fd, back, sizeof(back), 0), sizeof(back));
	CHECK_MEM_EQ(back, wrote, sizeof(back));

	/* The bytes that were cut off do not come back. */
	CHECK_EQ(lkl_sys_ftruncate(fd, 100), 0);
	CHECK_EQ(lkl_sys_ftruncate(fd, 200), 0);
	CHECK_EQ(lkl_sys_pread64(fd, back, sizeof(back), 0), 200);
	memset(wrote + 100, 0, 100);
	CHECK_MEM_EQ(back, wrote, 200);
	CHECK_EQ(lkl_sys_close(fd), 0);

	CHECK_EQ(lkl_sys_renameat2(LKL_AT_FDCWD, "/tmpfs/a", LKL_AT_FDCWD, "/tmpfs/b", 0), 0);
	CHECK_ERR(lkl_sys_fstatat(LKL_AT_FDCWD, "/tmpfs/a", &stat, 0), LKL_ENOENT);
	CHECK_EQ(lkl_sys_fstatat(LKL_AT_FDCWD, "/tmpfs/b", &stat, 0), 0);
	CHECK_EQ(stat.st_size, 200);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "/tmpfs/b", 0), 0);
	CHECK_ERR(lkl_sys_fstatat(LKL_AT_FDCWD, "/tmpfs/b", &stat, 0), LKL_ENOENT);

	CHECK_EQ(unmount("/tmpfs"), 0);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "/tmpfs", LKL_AT_REMOVEDIR), 0);
}

POINT(errnos)
{
	char buf[4];
	int fds[2], fd;

	CHECK_ERR(lkl_sys_read(-1, buf, 1), LKL_EBADF);
	CHECK_ERR(lkl_sys_write(100000, buf, 1), LKL_EBADF);
	CHECK_ERR(lkl_sys_lseek(-1, 0, LKL_SEEK_SET), LKL_EBADF);
	CHECK_ERR(lkl_sys_fcntl(-1, LKL_F_GETFL, 0), LKL_EBADF);
	CHECK_ERR(lkl_sys_pipe2(fds, 1 << 30), LKL_EINVAL);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/none/file", LKL_O_RDONLY, 0), LKL_ENOENT);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "", LKL_O_RDONLY, 0), LKL_ENOENT);
	CHECK_ERR(lkl_sys_openat(-1, "file", LKL_O_RDONLY, 0), LKL_EBADF);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/", LKL_O_WRONLY, 0), LKL_EISDIR);
	CHECK_ERR(lkl_sys_chdir("/none"), LKL_ENOENT);
	CHECK_ERR(lkl_sys_unlinkat(LKL_AT_FDCWD, "/none", 0), LKL_ENOENT);
	CHECK_ERR(lkl_sys_mount("none", "/", "nosuchfs", 0, NULL), LKL_ENODEV);
	CHECK_ERR(lkl_syscall(100000, (long [6]){ 0 }), LKL_ENOSYS);

	fd = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/plain", LKL_O_CREAT | LKL_O_RDWR, 0600));
	CHECK_ERR(lkl_sys_lseek(fd, 0, 99), LKL_EINVAL);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/plain/file", LKL_O_RDONLY, 0), LKL_ENOTDIR);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/plain", LKL_O_RDONLY | LKL_O_DIRECTORY, 0), LKL_ENOTDIR);
	CHECK_ERR(lkl_sys_getdents64(fd, (void *)buf, sizeof(buf)), LKL_ENOTDIR);
	CHECK_EQ(lkl_sys_close(fd), 0);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "/plain", 0), 0);
}

#endif
