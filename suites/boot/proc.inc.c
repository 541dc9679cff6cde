/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about the kernel's own files. */
#ifndef BOOT_PROC_INC_C
#define BOOT_PROC_INC_C

#include "shared.h"

#define PROC_MAGIC 0x9fa0

static int dir = -1;
static int no_proc;

static const char proc_lacks[] = "this kernel has no /proc: CONFIG_PROC_FS";

POINT(mount_fs_proc)
{
	struct lkl_statfs fs;
	int err;

	CHECK_EQ(make_dir("/proc"), 0);
	err = lkl_sys_mount("none", "/proc", "proc", 0, NULL);
	no_proc = err == -LKL_ENODEV;
	if (no_proc)
		lkltest_skip("%s", proc_lacks);
	CHECK_EQ(err, 0);
	CHECK_EQ(lkl_sys_statfs("/proc", &fs), 0);
	CHECK_EQ(fs.f_type, PROC_MAGIC);
}

/* Skips what follows on a kernel that has no /proc. */
static void need_proc(void)
{
	struct lkl_statfs fs;

	if (no_proc)
		lkltest_skip("%s", proc_lacks);
	if (lkl_sys_statfs("/proc", &fs) || fs.f_type != PROC_MAGIC)
		lkltest_skip("/proc is not mounted: see mount_fs_proc");
}

POINT(proc_version)
{
	struct lkltest_utsname name;
	char version[512], want[256];

	need_proc();
	CHECK_EQ(lkltest_uname(&name), 0);
	read_file("/proc/version", version, sizeof(version));
	snprintf(want, sizeof(want), "%s version %s (", name.sysname, name.release);
	lkltest_log("%s", version);
	CHECK_MEM_EQ(version, want, strlen(want));
	snprintf(want, sizeof(want), "%s\n", name.version);
	CHECK_GT(strlen(version), strlen(want));
	CHECK_STR_EQ(version + strlen(version) - strlen(want), want);
}

POINT(chdir_proc)
{
	char cwd[64];

	need_proc();
	CHECK_EQ(lkl_sys_chdir("proc"), 0);
	/* The length, with the NUL. */
	CHECK_EQ(lkl_sys_getcwd(cwd, sizeof(cwd)), sizeof("/proc"));
	CHECK_STR_EQ(cwd, "/proc");
}

POINT(open_cwd)
{
	need_proc();
	dir = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, ".", LKL_O_RDONLY | LKL_O_DIRECTORY, 0));
}

POINT(getdents64)
{
	static const char *const wanted[] = { ".", "..", "version", "mounts", "uptime", "1" };
	int seen[sizeof(wanted) / sizeof(*wanted)] = { 0 };
	const size_t nr = sizeof(wanted) / sizeof(*wanted);
	struct lkl_linux_dirent64 *entry;
	char buf[1024];
	long len, at;
	size_t i;

	need_proc();
	while ((len = CHECK_OK(lkl_sys_getdents64(dir, (void *)buf, sizeof(buf)))) > 0) {
		for (at = 0; at < len; at += entry->d_reclen) {
			entry = (void *)(buf + at);
			CHECK_GT(entry->d_reclen, offsetof(struct lkl_linux_dirent64, d_name));
			CHECK_LE(at + entry->d_reclen, len);
			for (i = 0; i < nr; i++)
				seen[i] += !strcmp(entry->d_name, wanted[i]);
		}
	}
	for (i = 0; i < nr; i++)
		if (seen[i] != 1)
			lkltest_fail("/proc/%s was listed %d times", wanted[i], seen[i]);
}

POINT(close_dir_fd)
{
	need_proc();
	CHECK_EQ(lkl_sys_close(dir), 0);
	CHECK_ERR(lkl_sys_close(dir), LKL_EBADF);
	dir = -1;
}

POINT(chdir_root)
{
	char cwd[64];

	CHECK_EQ(lkl_sys_chdir("/"), 0);
	CHECK_EQ(lkl_sys_getcwd(cwd, sizeof(cwd)), sizeof("/"));
	CHECK_STR_EQ(cwd, "/");
}

POINT(umount_fs_proc)
{
	struct lkl_stat stat;

	need_proc();
	/* A selection may lack the points that let go of it. */
	CHECK_EQ(lkl_sys_chdir("/"), 0);
	if (dir >= 0)
		CHECK_EQ(lkl_sys_close(dir), 0);
	CHECK_EQ(unmount("/proc"), 0);
	CHECK_ERR(lkl_sys_fstatat(LKL_AT_FDCWD, "/proc/version", &stat, 0), LKL_ENOENT);
	CHECK_ERR(lkl_sys_umount("/proc", 0), LKL_EINVAL);
}

#endif
