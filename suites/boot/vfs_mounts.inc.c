/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about mounts: seen twice, moved, passed on, refused, taken away while in use. */
#ifndef VFS_MOUNTS_INC_C
#define VFS_MOUNTS_INC_C

#include "vfs.h"

/* A file system in memory for one point: /vfs/NAME, with directories a and b. */
static void own_mount(const char *path, unsigned long flags)
{
	char below[64];

	own_dir(path);
	mount_at("vfs", path, "ramfs", flags);
	snprintf(below, sizeof(below), "%s/a", path);
	CHECK_EQ(make_dir(below), 0);
	snprintf(below, sizeof(below), "%s/b", path);
	CHECK_EQ(make_dir(below), 0);
}

static long bind_dir(const char *from, const char *to, unsigned long more)
{
	return lkl_sys_mount((char *)from, (char *)to, NULL, LKL_MS_BIND | more, NULL);
}

static long change(const char *where, unsigned long flags)
{
	return lkl_sys_mount("none", (char *)where, NULL, flags, NULL);
}

/* A directory that is bound to another place is one and the same there. */
POINT(bind_mount)
{
	own_mount("/vfs/bind", 0);
	put_file("/vfs/bind/a/file", "text", 4);
	CHECK_EQ(bind_dir("/vfs/bind/a", "/vfs/bind/b", 0), 0);
	CHECK_EQ(stat_of("/vfs/bind/b/file").st_ino, stat_of("/vfs/bind/a/file").st_ino);
	put_file("/vfs/bind/b/new", "text", 4);
	CHECK(exists("/vfs/bind/a/new"));
	CHECK_ERR(lkl_sys_linkat(LKL_AT_FDCWD, "/vfs/bind/a/file", LKL_AT_FDCWD, "/vfs/bind/b/link", 0), LKL_EXDEV);
	CHECK_ERR(lkl_sys_unlinkat(LKL_AT_FDCWD, "/vfs/bind/b", LKL_AT_REMOVEDIR), LKL_EBUSY);
	CHECK_EQ(unmount("/vfs/bind/b"), 0);
	CHECK(!exists("/vfs/bind/b/file"));
	/* A file, too, can be bound over a file, but not over a directory. */
	put_file("/vfs/bind/over", "", 0);
	CHECK_EQ(bind_dir("/vfs/bind/a/file", "/vfs/bind/over", 0), 0);
	CHECK_EQ(stat_of("/vfs/bind/over").st_size, 4);
	CHECK_ERR(bind_dir("/vfs/bind/a/file", "/vfs/bind/b", 0), LKL_ENOTDIR);
	CHECK_EQ(unmount("/vfs/bind/over"), 0);
	CHECK_EQ(unmount("/vfs/bind"), 0);
}

/* A binding that is made read-only takes no write, the original does. */
POINT(bind_read_only)
{
	own_mount("/vfs/robind", 0);
	put_file("/vfs/robind/a/file", "text", 4);
	CHECK_EQ(bind_dir("/vfs/robind/a", "/vfs/robind/b", 0), 0);
	CHECK_EQ(change("/vfs/robind/b", LKL_MS_BIND | LKL_MS_REMOUNT | LKL_MS_RDONLY), 0);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/vfs/robind/b/file", LKL_O_WRONLY, 0), LKL_EROFS);
	CHECK_ERR(lkl_sys_unlinkat(LKL_AT_FDCWD, "/vfs/robind/b/file", 0), LKL_EROFS);
	CHECK_ERR(lkl_sys_fchmodat(LKL_AT_FDCWD, "/vfs/robind/b/file", 0600), LKL_EROFS);
	put_file("/vfs/robind/a/file", "new text", 8);
	CHECK_EQ(stat_of("/vfs/robind/b/file").st_size, 8);
	CHECK_EQ(unmount("/vfs/robind/b"), 0);
	CHECK_EQ(unmount("/vfs/robind"), 0);
}

/* A whole tree of mounts is bound at once, or only its top. */
POINT(bind_recursive)
{
	own_mount("/vfs/rec", 0);
	mount_at("inner", "/vfs/rec/a/inner", "ramfs", 0);
	put_file("/vfs/rec/a/inner/file", "x", 1);
	CHECK_EQ(bind_dir("/vfs/rec/a", "/vfs/rec/b", 0), 0);
	CHECK(!exists("/vfs/rec/b/inner/file"));
	CHECK_EQ(unmount("/vfs/rec/b"), 0);
	CHECK_EQ(bind_dir("/vfs/rec/a", "/vfs/rec/b", LKL_MS_REC), 0);
	CHECK(exists("/vfs/rec/b/inner/file"));
	CHECK_ERR(lkl_sys_umount("/vfs/rec/b", 0), LKL_EBUSY);
	CHECK_EQ(lkl_sys_umount("/vfs/rec/b", DETACH), 0);
	CHECK(!exists("/vfs/rec/b/inner"));
	CHECK(exists("/vfs/rec/a/inner/file"));
	CHECK_EQ(lkl_sys_umount("/vfs/rec", DETACH), 0);
}

/* A mount that is moved is gone from where it was; it cannot be moved below itself. */
POINT(move_mount)
{
	own_mount("/vfs/move", 0);
	CHECK_EQ(change("/vfs/move", LKL_MS_PRIVATE), 0);
	mount_at("moved", "/vfs/move/a", "ramfs", 0);
	put_file("/vfs/move/a/file", "x", 1);
	CHECK_EQ(make_dir("/vfs/move/a/below"), 0);
	CHECK_ERR(lkl_sys_mount("/vfs/move/a", "/vfs/move/a/below", NULL, LKL_MS_MOVE, NULL), LKL_ELOOP);
	CHECK_ERR(lkl_sys_mount("/vfs/move/a/below", "/vfs/move/b", NULL, LKL_MS_MOVE, NULL), LKL_EINVAL);
	CHECK_EQ(lkl_sys_mount("/vfs/move/a", "/vfs/move/b", NULL, LKL_MS_MOVE, NULL), 0);
	CHECK(!exists("/vfs/move/a/file"));
	CHECK(exists("/vfs/move/b/file"));
	CHECK_EQ(unmount("/vfs/move/b"), 0);
	CHECK_EQ(unmount("/vfs/move"), 0);
}

/* A mount below a shared mount appears at its peers and slaves, and never the other way from a slave. */
POINT(propagation)
{
	own_mount("/vfs/shared", 0);
	CHECK_EQ(make_dir("/vfs/peer"), 0);
	CHECK_EQ(make_dir("/vfs/slave"), 0);
	CHECK_EQ(change("/vfs/shared", LKL_MS_SHARED), 0);
	CHECK_EQ(bind_dir("/vfs/shared", "/vfs/peer", 0), 0);
	CHECK_EQ(bind_dir("/vfs/shared", "/vfs/slave", 0), 0);
	CHECK_EQ(change("/vfs/slave", LKL_MS_SLAVE), 0);
	CHECK(strstr(proc_text("self/mountinfo", "CONFIG_PROC_FS"), " shared:"));
	CHECK(strstr(proc_text("self/mountinfo", ""), " master:"));
	mount_at("below", "/vfs/shared/a", "ramfs", 0);
	put_file("/vfs/shared/a/file", "x", 1);
	CHECK(exists("/vfs/peer/a/file"));
	CHECK(exists("/vfs/slave/a/file"));
	mount_at("only-here", "/vfs/slave/b", "ramfs", 0);
	put_file("/vfs/slave/b/file", "x", 1);
	CHECK(!exists("/vfs/shared/b/file"));
	CHECK_EQ(unmount("/vfs/slave/b"), 0);
	CHECK_EQ(unmount("/vfs/peer/a"), 0);
	CHECK(!exists("/vfs/shared/a/file"));
	CHECK(!exists("/vfs/slave/a/file"));
	CHECK_EQ(change("/vfs/peer", LKL_MS_PRIVATE), 0);
	mount_at("alone", "/vfs/peer/a", "ramfs", 0);
	put_file("/vfs/peer/a/file", "x", 1);
	CHECK(!exists("/vfs/shared/a/file"));
	CHECK_EQ(unmount("/vfs/peer/a"), 0);
	CHECK_EQ(unmount("/vfs/peer"), 0);
	CHECK_EQ(unmount("/vfs/slave"), 0);
	CHECK_EQ(unmount("/vfs/shared"), 0);
}

/* A mount that was declared unbindable is not bound. */
POINT(unbindable)
{
	own_mount("/vfs/unbindable", 0);
	CHECK_EQ(make_dir("/vfs/target"), 0);
	CHECK_EQ(change("/vfs/unbindable", LKL_MS_UNBINDABLE), 0);
	CHECK_ERR(bind_dir("/vfs/unbindable/a", "/vfs/target", 0), LKL_EINVAL);
	CHECK_EQ(change("/vfs/unbindable", LKL_MS_PRIVATE), 0);
	CHECK_EQ(bind_dir("/vfs/unbindable/a", "/vfs/target", 0), 0);
	CHECK_ERR(change("/vfs/unbindable/a", LKL_MS_SHARED), LKL_EINVAL);
	CHECK_ERR(change("/vfs/unbindable", LKL_MS_SHARED | LKL_MS_PRIVATE), LKL_EINVAL);
	CHECK_EQ(unmount("/vfs/target"), 0);
	CHECK_EQ(unmount("/vfs/unbindable"), 0);
}

/* A mount that is detached is gone at once, and what is open on it can still be used. */
POINT(umount_detached)
{
	char back[4];
	long fd;

	own_mount("/vfs/detached", 0);
	put_file("/vfs/detached/file", "text", 4);
	fd = open_at("/vfs/detached/file", LKL_O_RDWR);
	CHECK_ERR(lkl_sys_umount("/vfs/detached", 0), LKL_EBUSY);
	CHECK_EQ(lkl_sys_umount("/vfs/detached", DETACH), 0);
	CHECK(!exists("/vfs/detached/file"));
	CHECK_EQ(lkl_sys_pread64(fd, back, 4, 0), 4);
	CHECK_MEM_EQ(back, "text", 4);
	CHECK_EQ(lkl_sys_write(fd, "more", 4), 4);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

/* A mount expires with the second call, unless it was used in between. */
POINT(umount_expired)
{
	own_mount("/vfs/expired", 0);
	CHECK_ERR(lkl_sys_umount("/vfs/expired", EXPIRE), LKL_EAGAIN);
	CHECK(exists("/vfs/expired/a"));
	CHECK_ERR(lkl_sys_umount("/vfs/expired", EXPIRE), LKL_EAGAIN);
	CHECK_EQ(lkl_sys_umount("/vfs/expired", EXPIRE), 0);
	CHECK(!exists("/vfs/expired/a"));
	CHECK_ERR(lkl_sys_umount("/vfs/expired", EXPIRE | DETACH), LKL_EINVAL);
	CHECK_ERR(lkl_sys_umount("/vfs/expired", 0), LKL_EINVAL);
}

/* A symbolic link to a mount point is followed, or not. */
POINT(umount_link)
{
	own_mount("/vfs/linked", 0);
	lkl_sys_unlinkat(LKL_AT_FDCWD, "/vfs/to-linked", 0);
	CHECK_EQ(lkl_sys_symlinkat("/vfs/linked", LKL_AT_FDCWD, "/vfs/to-linked"), 0);
	CHECK_ERR(lkl_sys_umount("/vfs/to-linked", UMOUNT_NO_FOLLOW), LKL_EINVAL);
	CHECK_EQ(unmount("/vfs/to-linked"), 0);
	CHECK(!exists("/vfs/linked/a"));
	CHECK_ERR(lkl_sys_umount("/vfs/nowhere", 0), LKL_ENOENT);
	CHECK_ERR(lkl_sys_umount("/vfs/linked", 1 << 20), LKL_EINVAL);
}

#define NULL_DEVICE (1 << 8 | 3)

/* No device is opened on a mount without devices, and on another one is. */
POINT(mount_nodev)
{
	long fd;

	own_mount("/vfs/nodev", LKL_MS_NODEV);
	CHECK_EQ(lkl_sys_mknodat(LKL_AT_FDCWD, "/vfs/nodev/null", LKL_S_IFCHR | 0666, NULL_DEVICE), 0);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/vfs/nodev/null", LKL_O_WRONLY, 0), LKL_EACCES);
	CHECK_EQ(change("/vfs/nodev", LKL_MS_REMOUNT), 0);
	fd = open_at("/vfs/nodev/null", LKL_O_WRONLY);
	CHECK_EQ(lkl_sys_write(fd, "swallowed", 9), 9);
	CHECK_EQ(lkl_sys_close(fd), 0);
	CHECK_EQ(unmount("/vfs/nodev"), 0);
}

/* Reading changes the time of access with strictatime, and never with noatime. */
POINT(mount_atime)
{
	struct lkl_timespec long_ago[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000001 } };
	char back[4];
	int noatime;
	long fd;

	own_mount("/vfs/atime", LKL_MS_STRICTATIME);
	put_file("/vfs/atime/file", "text", 4);
	for (noatime = 0; noatime < 2; noatime++) {
		if (noatime)
			CHECK_EQ(change("/vfs/atime", LKL_MS_REMOUNT | LKL_MS_NOATIME), 0);
		CHECK_EQ(lkl_sys_utimensat(LKL_AT_FDCWD, "/vfs/atime/file", (void *)long_ago, 0), 0);
		fd = open_at("/vfs/atime/file", LKL_O_RDONLY);
		CHECK_EQ(lkl_sys_read(fd, back, 4), 4);
		CHECK_EQ(lkl_sys_close(fd), 0);
		struct lkl_stat st = stat_of("/vfs/atime/file");
		CHECK_EQ(lkltest_stat_atime(&st) == 1000000000, noatime);
	}
	CHECK_EQ(unmount("/vfs/atime"), 0);
}

/* A read-only remount is refused while a file is open for writing. */
POINT(remount_busy)
{
	long long give_up = lkltest_now_ns() + ABSURD_NS;
	long fd, err;

	own_mount("/vfs/remount", 0);
	fd = open_at("/vfs/remount/file", LKL_O_CREAT | LKL_O_WRONLY);
	CHECK_ERR(change("/vfs/remount", LKL_MS_REMOUNT | LKL_MS_RDONLY), LKL_EBUSY);
	CHECK_EQ(lkl_sys_close(fd), 0);
	/* The last close of a file may take effect a little later. */
	while ((err = change("/vfs/remount", LKL_MS_REMOUNT | LKL_MS_RDONLY)) == -LKL_EBUSY && lkltest_now_ns() < give_up)
		sleep_ns(1000000);
	CHECK_EQ(err, 0);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/vfs/remount/new", LKL_O_CREAT | LKL_O_WRONLY, 0600), LKL_EROFS);
	CHECK_EQ(change("/vfs/remount", LKL_MS_REMOUNT), 0);
	put_file("/vfs/remount/new", "x", 1);
	CHECK_ERR(change("/vfs/remount/a", LKL_MS_REMOUNT), LKL_EINVAL);
	CHECK_EQ(unmount("/vfs/remount"), 0);
}

/* A process that has another root cannot leave it by "..", and comes back by an open directory. */
POINT(chroot)
{
	char cwd[64];
	long top;

	own_dir("/vfs/root");
	put_file("/vfs/root/inside", "x", 1);
	put_file("/vfs/outside", "x", 1);
	top = open_at("/", LKL_O_RDONLY | LKL_O_DIRECTORY);
	CHECK_ERR(LKLTEST_SYS(chroot, (long)"/vfs/outside"), LKL_ENOTDIR);
	CHECK_EQ(LKLTEST_SYS(chroot, (long)"/vfs/root"), 0);
	CHECK_EQ(lkl_sys_chdir("/"), 0);
	EXPECT(exists("/inside"));
	EXPECT(!exists("/../outside"));
	EXPECT(!exists("/../../vfs"));
	EXPECT_EQ(lkl_sys_getcwd(cwd, sizeof(cwd)), 2);
	CHECK_EQ(lkl_sys_fchdir(top), 0);
	CHECK_EQ(LKLTEST_SYS(chroot, (long)"."), 0);
	CHECK(exists("/vfs/outside"));
	CHECK_EQ(lkl_sys_close(top), 0);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "/vfs/outside", 0), 0);
}

/* The root of all mounts cannot be exchanged, nor by a directory that is no mount. */
POINT(pivot_root)
{
	own_mount("/vfs/pivot", 0);
	CHECK_ERR(offered(LKLTEST_SYS(pivot_root, (long)"/vfs/pivot/a", (long)"/vfs/pivot/b"), "pivot_root"), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(pivot_root, (long)"/vfs/pivot", (long)"/vfs/none"), LKL_ENOENT);
	CHECK_LT(LKLTEST_SYS(pivot_root, (long)"/", (long)"/vfs"), 0);
	CHECK_EQ(unmount("/vfs/pivot"), 0);
}

#endif
