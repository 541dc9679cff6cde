/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helpers of points that need an option of the kernel's configuration, or one of its own file systems. */
#ifndef SUITES_NEED_H
#define SUITES_NEED_H

#include <lkltest.h>

/* The result of a call; skips the point if it is the error that the kernel gives without this option. */
LKLTEST_FN long need(long result, int error, const char *option)
{
	if (result == -error)
		lkltest_skip("this kernel lacks %s", option);
	return result;
}

/* The same of a system call that the option brings. */
LKLTEST_FN long need_call(long result, const char *option)
{
	return need(result, LKL_ENOSYS, option);
}

/* Mounts a file system of the kernel's own on a directory of its own, once. */
LKLTEST_FN void need_mount(const char *path, const char *type, const char *option)
{
	long err;

	lkl_sys_mkdirat(LKL_AT_FDCWD, path, 0755);
	err = need(lkl_sys_mount("none", (char *)path, (char *)type, 0, NULL), LKL_ENODEV, option);
	if (err != -LKL_EBUSY)
		CHECK_OK(err);
}

/* Skips the point on a kernel where everybody is root. */
LKLTEST_FN void need_users(void)
{
	need_call(LKLTEST_SYS(setfsuid, -1), "CONFIG_MULTIUSER");
}

#define NEED_PROC "/its-proc"
#define NEED_SYS "/its-sys"

LKLTEST_FN void need_proc_at(void)
{
	need_mount(NEED_PROC, "proc", "CONFIG_PROC_FS");
}

LKLTEST_FN void need_sys_at(void)
{
	need_mount(NEED_SYS, "sysfs", "CONFIG_SYSFS");
}

/* Reads a file up to its end, as a string; skips the point if the kernel has no such file. */
LKLTEST_FN const char *need_file(const char *path, char *buf, size_t size)
{
	size_t have = 0;
	long got = need(lkl_sys_openat(LKL_AT_FDCWD, path, LKL_O_RDONLY, 0), LKL_ENOENT, path);
	int fd = CHECK_OK(got);

	while (have < size - 1 && (got = CHECK_OK(lkl_sys_read(fd, buf + have, size - 1 - have))) > 0)
		have += got;
	buf[have] = 0;
	CHECK_OK(lkl_sys_close(fd));
	return buf;
}

/* Writes a string to a file that exists, such as a sysctl; the result of write(), or the error of opening. */
LKLTEST_FN long need_write(const char *path, const char *text)
{
	long done = lkl_sys_openat(LKL_AT_FDCWD, path, LKL_O_WRONLY, 0);
	int fd = done;

	if (fd < 0)
		return fd;
	done = lkl_sys_write(fd, (char *)text, strlen(text));
	CHECK_OK(lkl_sys_close(fd));
	return done;
}

/* The value of a sysctl, such as "net/core/rmem_max", without its newline; skips where there is none of this name. */
LKLTEST_FN const char *sysctl_read(const char *name, char *value, size_t size)
{
	char path[128];

	need_proc_at();
	snprintf(path, sizeof(path), NEED_PROC "/sys/%s", name);
	need_file(path, value, size);
	value[strcspn(value, "\n")] = 0;
	return value;
}

/* Sets a sysctl; the number of bytes taken, or a negative error. */
LKLTEST_FN long sysctl_write(const char *name, const char *value)
{
	char path[128];

	need_proc_at();
	snprintf(path, sizeof(path), NEED_PROC "/sys/%s", name);
	return need(need_write(path, value), LKL_ENOENT, path);
}

/*
 * Sets a sysctl, demands that it is read as `result`, and sets it back; one that is empty takes an empty line. Returns 0
 * and logs it where this kernel has none of this name.
 */
LKLTEST_FN int sysctl_changes(const char *name, const char *value, const char *result)
{
	char path[128], before[256], now[256];
	struct lkl_stat stat;
	long n;

	need_proc_at();
	snprintf(path, sizeof(path), NEED_PROC "/sys/%s", name);
	if (lkl_sys_fstatat(LKL_AT_FDCWD, path, &stat, 0) == -LKL_ENOENT) {
		lkltest_log("this kernel has no %s", path);
		return 0;
	}
	sysctl_read(name, before, sizeof(before));
	n = sysctl_write(name, value);
	if (n < 0)
		lkltest_fail("%s takes no %s: %s", name, value, lkl_strerror(n));
	sysctl_read(name, now, sizeof(now));
	if (strcmp(now, result))
		lkltest_log("%s set to \"%s\" reads as \"%s\"", name, value, now);
	EXPECT_STR_EQ(now, result);
	/* Of these, zero says that the limit in percent counts; it cannot be set. */
	if (!strcmp(before, "0") && strstr(name, "dirty") && strstr(name, "bytes"))
		return 1;
	CHECK_OK(sysctl_write(name, *before ? before : "\n"));
	CHECK_STR_EQ(sysctl_read(name, now, sizeof(now)), before);
	return 1;
}

#endif
