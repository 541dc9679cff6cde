/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about locks and leases of files. */
#ifndef VFS_LOCKS_INC_C
#define VFS_LOCKS_INC_C

#include "vfs.h"

#define LOCKS "CONFIG_FILE_LOCKING"
#define OFD_GETLK 36
#define OFD_SETLK 37

/* flock() locks belong to an opening of the file: readers share, a writer is alone. */
POINT(flock)
{
	long one, two;

	own_dir("/vfs/locks");
	put_file("/vfs/locks/flock", "0123456789", 10);
	one = open_at("/vfs/locks/flock", LKL_O_RDWR);
	two = open_at("/vfs/locks/flock", LKL_O_RDWR);
	CHECK_EQ(offered(LKLTEST_SYS(flock, one, LKL_LOCK_SH), LOCKS), 0);
	CHECK_EQ(LKLTEST_SYS(flock, two, LKL_LOCK_SH | LKL_LOCK_NB), 0);
	CHECK_ERR(LKLTEST_SYS(flock, two, LKL_LOCK_EX | LKL_LOCK_NB), LKL_EAGAIN);
	CHECK_EQ(LKLTEST_SYS(flock, one, LKL_LOCK_UN), 0);
	CHECK_EQ(LKLTEST_SYS(flock, two, LKL_LOCK_EX | LKL_LOCK_NB), 0);
	CHECK_ERR(LKLTEST_SYS(flock, one, LKL_LOCK_SH | LKL_LOCK_NB), LKL_EAGAIN);
	CHECK(strstr(proc_text("locks", LOCKS), "FLOCK"));
	CHECK_EQ(lkl_sys_close(two), 0);
	CHECK_EQ(LKLTEST_SYS(flock, one, LKL_LOCK_EX), 0);
	CHECK_ERR(LKLTEST_SYS(flock, one, 0), LKL_EINVAL);
	CHECK_EQ(lkl_sys_close(one), 0);
}

static long lock(long fd, int command, int type, long start, long length)
{
	struct lkl_flock wanted = { .l_type = type, .l_whence = LKL_SEEK_SET, .l_start = start, .l_len = length };

	return lkl_sys_fcntl(fd, command, (long)&wanted);
}

static void need_locks(long fd)
{
	if (lock(fd, LKL_F_GETLK, LKL_F_RDLCK, 0, 1) == -LKL_EINVAL)
		lkltest_skip("this kernel has no locks of files: " LOCKS);
}

/* Locks of a process do not hinder itself; a range is split, joined and given up in parts. */
POINT(posix_locks)
{
	struct lkl_flock found = { .l_type = LKL_F_WRLCK, .l_whence = LKL_SEEK_SET };
	long fd;

	own_dir("/vfs/locks");
	put_file("/vfs/locks/posix", "0123456789", 10);
	fd = open_at("/vfs/locks/posix", LKL_O_RDWR);
	need_locks(fd);
	CHECK_EQ(lock(fd, LKL_F_SETLK, LKL_F_WRLCK, 0, 100), 0);
	CHECK_EQ(lock(fd, LKL_F_SETLK, LKL_F_RDLCK, 20, 10), 0);
	CHECK_EQ(lock(fd, LKL_F_SETLK, LKL_F_UNLCK, 50, 10), 0);
	CHECK_EQ(lkl_sys_fcntl(fd, LKL_F_GETLK, (long)&found), 0);
	CHECK_EQ(found.l_type, LKL_F_UNLCK);
	CHECK(strstr(proc_text("locks", LOCKS), "POSIX  ADVISORY  READ"));
	CHECK_ERR(lock(fd, LKL_F_SETLK, 99, 0, 1), LKL_EINVAL);
	CHECK_ERR(lock(fd, LKL_F_SETLK, LKL_F_RDLCK, -1, 1), LKL_EINVAL);
	CHECK_EQ(lock(fd, LKL_F_SETLK, LKL_F_UNLCK, 0, 0), 0);
	CHECK_EQ(lkl_sys_close(fd), 0);
	fd = open_at("/vfs/locks/posix", LKL_O_RDONLY);
	CHECK_ERR(lock(fd, LKL_F_SETLK, LKL_F_WRLCK, 0, 1), LKL_EBADF);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

/* Locks of an opening hinder every other opening, in the same process too. */
POINT(ofd_locks)
{
	struct lkl_flock found = { .l_type = LKL_F_WRLCK, .l_whence = LKL_SEEK_SET, .l_start = 5, .l_len = 1 };
	long one, two;

	own_dir("/vfs/locks");
	put_file("/vfs/locks/ofd", "0123456789", 10);
	one = open_at("/vfs/locks/ofd", LKL_O_RDWR);
	two = open_at("/vfs/locks/ofd", LKL_O_RDWR);
	need_locks(one);
	CHECK_EQ(lock(one, OFD_SETLK, LKL_F_WRLCK, 0, 10), 0);
	CHECK_ERR(lock(two, OFD_SETLK, LKL_F_RDLCK, 9, 5), LKL_EAGAIN);
	CHECK_EQ(lock(two, OFD_SETLK, LKL_F_WRLCK, 10, 5), 0);
	CHECK_EQ(lkl_sys_fcntl(two, OFD_GETLK, (long)&found), 0);
	CHECK_EQ(found.l_type, LKL_F_WRLCK);
	CHECK_EQ(found.l_start, 0);
	CHECK_EQ(found.l_len, 10);
	CHECK_EQ(found.l_pid, -1);
	CHECK_EQ(lkl_sys_close(one), 0);
	CHECK_EQ(lock(two, OFD_SETLK, LKL_F_WRLCK, 0, 10), 0);
	CHECK_EQ(lkl_sys_close(two), 0);
}

/* A lease is held by the only opening of a file, and is told. */
POINT(lease)
{
	long fd, other;

	own_dir("/vfs/locks");
	put_file("/vfs/locks/lease", "0123456789", 10);
	fd = open_at("/vfs/locks/lease", LKL_O_RDONLY);
	need_locks(fd);
	CHECK_EQ(lkl_sys_fcntl(fd, F_SETLEASE, LKL_F_RDLCK), 0);
	CHECK_EQ(lkl_sys_fcntl(fd, F_GETLEASE, 0), LKL_F_RDLCK);
	CHECK(strstr(proc_text("locks", LOCKS), "LEASE"));
	CHECK_EQ(lkl_sys_fcntl(fd, F_SETLEASE, LKL_F_UNLCK), 0);
	CHECK_EQ(lkl_sys_fcntl(fd, F_GETLEASE, 0), LKL_F_UNLCK);
	other = open_at("/vfs/locks/lease", LKL_O_RDWR);
	CHECK_ERR(lkl_sys_fcntl(fd, F_SETLEASE, LKL_F_RDLCK), LKL_EAGAIN);
	CHECK_ERR(lkl_sys_fcntl(other, F_SETLEASE, LKL_F_WRLCK), LKL_EAGAIN);
	CHECK_EQ(lkl_sys_close(other), 0);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

#endif
