/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helpers and constants that the points about files, mounts and memory share. */
#ifndef VFS_H
#define VFS_H

#include "shared.h"

#include <fcntl.h>
#include <sys/mman.h>

/* Constants that not every kernel's headers have; the numbers are the same on all. */
#ifndef LKL_MS_UNBINDABLE
#define LKL_MS_UNBINDABLE (1 << 17)
#endif
#ifndef LKL_MS_PRIVATE
#define LKL_MS_PRIVATE (1 << 18)
#endif
#ifndef LKL_MS_SLAVE
#define LKL_MS_SLAVE (1 << 19)
#endif
#ifndef LKL_MS_SHARED
#define LKL_MS_SHARED (1 << 20)
#endif
#ifndef LKL_MS_STRICTATIME
#define LKL_MS_STRICTATIME (1 << 24)
#endif
#ifndef LKL_MS_MOVE
#define LKL_MS_MOVE 8192
#endif
#ifndef LKL_MS_REC
#define LKL_MS_REC 16384
#endif
#define DETACH 2	/* MNT_DETACH */
#define EXPIRE 4
#define UMOUNT_NO_FOLLOW 8

/* Skips the point if the kernel has no such call: its headers cannot be asked. */
static long offered(long result, const char *option)
{
	if (result == -LKL_ENOSYS)
		lkltest_skip("this kernel lacks the call: %s", option);
	return result;
}

/* Makes an empty directory for one point, and removes nothing of another's. */
static void own_dir(const char *path)
{
	CHECK_EQ(make_dir("/vfs"), 0);
	CHECK_EQ(make_dir(path), 0);
}

static long open_at(const char *path, int flags)
{
	return CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, path, flags, 0644));
}

static void put_file(const char *path, const void *data, size_t size)
{
	long fd = open_at(path, LKL_O_CREAT | LKL_O_TRUNC | LKL_O_WRONLY);

	CHECK_EQ(lkl_sys_write(fd, data, size), size);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

static int exists(const char *path)
{
	struct lkl_stat st;
	long err = lkl_sys_fstatat(LKL_AT_FDCWD, path, &st, LKL_AT_SYMLINK_NOFOLLOW);

	if (err != -LKL_ENOENT)
		CHECK_EQ(err, 0);
	return !err;
}

static struct lkl_stat stat_of(const char *path)
{
	struct lkl_stat st;

	CHECK_EQ(lkl_sys_fstatat(LKL_AT_FDCWD, path, &st, LKL_AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

static void mount_at(const char *what, const char *where, const char *type, unsigned long flags)
{
	long err;

	CHECK_EQ(make_dir(where), 0);
	err = lkl_sys_mount((char *)what, (char *)where, (char *)type, flags, NULL);
	if (err == -LKL_ENODEV)
		lkltest_skip("this kernel has no %s", type);
	CHECK_EQ(err, 0);
}

#define PROC "/vfs/proc"

/* The kernel's own files, at a place of ours. */
static void have_proc(void)
{
	CHECK_EQ(make_dir("/vfs"), 0);
	if (exists(PROC "/version"))
		return;
	CHECK_EQ(make_dir(PROC), 0);
	if (lkl_sys_mount("none", PROC, "proc", 0, NULL) == -LKL_ENODEV)
		lkltest_skip("this kernel has no /proc: CONFIG_PROC_FS");
	CHECK(exists(PROC "/version"));
}

/* A file of /proc; skips the point if this kernel does not have it. */
static const char *proc_text(const char *name, const char *option)
{
	static char text[1 << 18];
	char path[128];

	have_proc();
	snprintf(path, sizeof(path), PROC "/%s", name);
	if (!exists(path))
		lkltest_skip("this kernel has no /proc/%s: %s", name, option);
	return read_file(path, text, sizeof(text));
}

/* The number behind a word, as in "MemTotal:   123 kB". */
static long long number_after(const char *text, const char *word)
{
	const char *found = strstr(text, word);
	char *end;
	long long value;

	if (!found)
		lkltest_fail("no \"%s\" in:\n%.400s", word, text);
	value = strtoll(found + strlen(word), &end, 10);
	CHECK(end != found + strlen(word));
	return value;
}

static long write_text(const char *path, const char *text)
{
	long fd = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, path, LKL_O_WRONLY, 0));
	long n = lkl_sys_write(fd, text, strlen(text));

	CHECK_EQ(lkl_sys_close(fd), 0);
	return n;
}

#endif
