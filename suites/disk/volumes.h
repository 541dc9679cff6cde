/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The disks of the disk program: what its arguments say of them, mounting, unmounting, listing. */
#ifndef VOLUMES_H
#define VOLUMES_H

#include "files.h"

struct volume {
	struct lkltest_disk *disk;
	const char *type, *options;
	int part;
	char where[32];		/* its mount point */
	char node[64];
};

static struct lkltest_disk disks[2];
static struct volume first = { .disk = &disks[0] }, second = { .disk = &disks[1] };
static const char *missing;	/* the file system that the kernel lacks */
static int mounted;
static unsigned long long big = 64 << 20, statfs_bytes = 8 << 20;	/* of the largest files */

LKLTEST_FN const char *argument(const char *prefix, const char *name)
{
	char full[64];

	snprintf(full, sizeof(full), "%s%s", prefix, name);
	return lkltest_arg(full);
}

LKLTEST_FN void configure(struct volume *volume, const char *prefix)
{
	const char *part = argument(prefix, "part");

	volume->disk->path = argument(prefix, "disk");
	volume->type = argument(prefix, "type");
	volume->options = argument(prefix, "mount");
	volume->part = part ? atoi(part) : 0;
	if (volume->disk->path && !volume->type)
		lkltest_bail_out("the argument %stype=FS is missing", prefix);
}

LKLTEST_FN void configure_all(void)
{
	const char *size = lkltest_arg("big");

	configure(&first, "");
	configure(&second, "second_");
	if (!first.disk->path)
		lkltest_bail_out("no disk: the arguments disk=FILE and type=FS are missing");
	if (!second.disk->path && second.part)
		second.disk = first.disk;
	if (size)
		big = strtoull(size, NULL, 0);
#ifdef LKLTEST_NATIVE
	snprintf(disks[0].name, sizeof(disks[0].name), "%s", basename(disks[0].path));
	/* A second image has become a device only where the command line says so. */
	if (disks[1].path && strncmp(disks[1].path, "/dev/", 5))
		disks[1].path = NULL;
	if (disks[1].path)
		snprintf(disks[1].name, sizeof(disks[1].name), "%s", basename(disks[1].path));
#endif
}

/* Skips or ends the point where there is nothing mounted to look at. */
LKLTEST_FN void need_mounted(void)
{
	if (missing)
		lkltest_skip("this kernel has no %s%s%s", missing, lkltest_arg("config") ? ": " : "",
			     lkltest_arg("config") ? lkltest_arg("config") : "");
	need_room();
	if (!mounted)
		lkltest_fail("nothing is mounted: an earlier point tells why");
	close_leftovers();
	CHECK_EQ(lkl_sys_chdir(first.where), 0);
}

/*
 * Removes the files of an earlier start of this program: if a point kills the kernel, the program is started again on
 * the same disk, for the points that do not need that one.
 */
LKLTEST_FN void remove_leftovers(void)
{
	static const char *const ours[] = {
		"written", "many", "names", "links", "symlink", "symlinks", "rename", "truncate", "hole", "xattrs",
		"acls", "modes", "times", "seen-twice", "statfs", "full", "much", "two",
		"ranges", "scattered", "islands", "mapped", "direct", "moved", "sync", "longdir", "deep", "renames",
		"special", "many-xattrs", "large-xattr", "default-acl", "flags", "orphan", "named", "handled", "frozen",
		"thawed", "trimmed",
	};
	size_t i;

	for (i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		remove_all(ours[i]);
}

LKLTEST_FN void find_node(struct volume *volume)
{
	snprintf(volume->node, sizeof(volume->node), "%s", lkltest_disk_node(volume->disk, volume->part));
}

LKLTEST_FN void mount_again(struct volume *volume, int flags)
{
	CHECK_EQ(lkltest_mount(volume->node, volume->where, volume->type, flags, volume->options), 0);
}

LKLTEST_FN void leave(struct volume *volume)
{
	CHECK_EQ(lkl_sys_chdir("/"), 0);
	CHECK_EQ(lkltest_umount(volume->where), 0);
	if (volume == &first)
		mounted = 0;
	lkltest_wait_free(volume->node);
}

LKLTEST_FN void enter(struct volume *volume, int flags)
{
	mount_again(volume, flags);
	if (volume == &first)
		mounted = 1;
	CHECK_EQ(lkl_sys_chdir(volume->where), 0);
}

#ifndef LKLTEST_NATIVE

/* By the library's own helper, which chooses the node and the mount point. */
LKLTEST_FN long mount_first(void)
{
	return lkl_mount_dev(first.disk->id, first.part, first.type, 0, first.options, first.where,
			     sizeof(first.where));
}

LKLTEST_FN long umount_first(void)
{
	return lkl_umount_dev(first.disk->id, first.part, 0, 5000);
}

static struct lkl_dir *listing;

LKLTEST_FN void open_listing(void)
{
	int err = 0;

	listing = lkl_opendir(".", &err);
	if (!listing)
		lkltest_fail("lkl_opendir: %s", lkl_strerror(err));
}

LKLTEST_FN const char *next_name(void)
{
	/* The library reads entries to where they are not aligned, which a sanitizer minds. */
	const char *entry = (const char *)lkl_readdir(listing);

	CHECK_EQ(lkl_errdir(listing), 0);
	return entry ? entry + offsetof(struct lkl_linux_dirent64, d_name) : NULL;
}

LKLTEST_FN void close_listing(void)
{
	struct lkl_dir *dir = listing;

	CHECK(dir != NULL);
	listing = NULL;
	CHECK_EQ(lkl_closedir(dir), 0);
}

#else

LKLTEST_FN long mount_first(void)
{
	snprintf(first.where, sizeof(first.where), LKLTEST_WORK "/first");
	return lkltest_mount(first.node, first.where, first.type, 0, first.options);
}

LKLTEST_FN long umount_first(void)
{
	return lkltest_umount(first.where);
}

static long listing = -1;
static char entries[4096];
static long entries_end, entries_at;

LKLTEST_FN void open_listing(void)
{
	listing = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, ".", LKL_O_RDONLY | LKL_O_DIRECTORY, 0));
}

LKLTEST_FN const char *next_name(void)
{
	struct lkl_linux_dirent64 *entry;

	if (entries_at == entries_end) {
		entries_at = 0;
		entries_end = CHECK_OK(lkl_sys_getdents64(listing, (void *)entries, sizeof(entries)));
	}
	if (!entries_end)
		return NULL;
	entry = (void *)(entries + entries_at);
	entries_at += entry->d_reclen;
	return entry->d_name;
}

LKLTEST_FN void close_listing(void)
{
	CHECK_EQ(lkl_sys_close(listing), 0);
}

#endif

#endif
