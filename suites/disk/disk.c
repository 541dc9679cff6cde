/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk, from attaching it to detaching it: data that is written, made
 * durable and unmounted must be there when it is mounted again, and the disk
 * must stay whole when it fills up.
 *
 * Arguments, of which lkltest.image makes all but the last:
 *	disk=FILE type=FS [part=N] [mount=OPTIONS] [config=CONFIG_...]
 *	[lacks=links,symlinks,xattrs,acls,modes,holes,nanoseconds,untouched]
 *	[packed=yes]	the files of lkltest/image/tree.py are on it
 *	[own=yes]	it is a user's: what its file system lacks is not known
 *	[second_disk=FILE second_type=FS ...]	another one; without second_disk,
			second_part=N is another partition of the first
 *	[big=BYTES]	size of the big file
 *
 * Natively a disk is a device: disk=/dev/ubda.
 */
#include <lkltest.h>

#include "space.h"
#include "ranges.inc.c"
#include "objects.inc.c"

#ifndef LKLTEST_NATIVE

POINT(disk_add)
{
	configure_all();
	lkltest_disk_add(&disks[0], NULL);
	if (second.disk == &disks[1] && disks[1].path)
		lkltest_disk_add(&disks[1], NULL);
}

POINT(start_kernel)
{
	lkltest_start_kernel();
}

POINT(stop_kernel)
{
	lkltest_stop_kernel();
}

POINT(disk_remove)
{
	lkltest_disk_remove(&disks[0]);
	if (second.disk == &disks[1] && disks[1].path)
		lkltest_disk_remove(&disks[1]);
}

#endif

POINT(mount_dev)
{
	long err;

#ifdef LKLTEST_NATIVE
	configure_all();
#endif
	if (!lkltest_has_filesystem(first.type))
		missing = first.type;
	else if (second.type && !lkltest_has_filesystem(second.type))
		second.type = NULL;
	if (missing)
		need_mounted();
	find_node(&first);
	err = mount_first();
	if (err)
		lkltest_fail("mount of %s: %s", first.type, lkl_strerror(err));
	mounted = 1;
	CHECK_EQ(lkl_sys_chdir(first.where), 0);
	remove_leftovers();
	fit();
}

POINT(chdir_mnt_point)
{
	need_mounted();
}

POINT(opendir)
{
	need_mounted();
	open_listing();
}

POINT(readdir)
{
	const char *name;
	int dots = 0;

	need_mounted();
	while ((name = next_name())) {
		lkltest_log("%s", name);
		dots += !strcmp(name, ".") || !strcmp(name, "..");
	}
	/* The root of a FAT has neither of its own; Linux lists them all the same. */
	CHECK_EQ(dots, 2);
}

POINT(closedir)
{
	need_mounted();
	close_listing();
}

/* ---- data ---- */

POINT(packed)
{
	need_mounted();
	if (!lkltest_arg("packed"))
		lkltest_skip("nothing was packed into this image: %s",
			     lkltest_arg("own") ? "it is the user's own" : "its recipe has no pack or fill");
	check_packed();
}

static const size_t sizes[] = { 0, 1, 4095, 4096, 4097 };

static void for_sizes(void (*act)(const char *path, size_t size))
{
	char path[64];
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		snprintf(path, sizeof(path), "written/size-%zu", sizes[i]);
		act(path, sizes[i]);
	}
	act("written/" NON_ASCII, 100);
	act("written/" LONG_NAME, 200);
}

POINT(files)
{
	need_mounted();
	make_directory("written");
	for_sizes(make_file);
}

POINT(big_file)
{
	char path[64];

	need_mounted();
	snprintf(path, sizeof(path), "written/size-%llu", big);
	lkltest_property("bytes", "%llu", big);
	make_file(path, big);
}

POINT(kept_files)
{
	need_mounted();
	for_sizes(check_file);
}

POINT(kept_big_file)
{
	char path[64];

	need_mounted();
	snprintf(path, sizeof(path), "written/size-%llu", big);
	check_file(path, big);
}

/* A point that makes something, and one that finds it again after a remount. */
#define MAKE_AND_KEEP(id, make, check)	\
	POINT(id)			\
	{				\
		need_mounted();		\
		make();			\
		check();		\
	}				\
	POINT(kept_##id)		\
	{				\
		need_mounted();		\
		check();		\
	}

MAKE_AND_KEEP(directory, make_entries, check_entries)
MAKE_AND_KEEP(names, make_names, check_names)
MAKE_AND_KEEP(hard_links, make_hard_links, check_hard_links)
MAKE_AND_KEEP(symlinks, make_symlinks, check_symlinks)
MAKE_AND_KEEP(rename_over, make_rename, check_rename)
MAKE_AND_KEEP(truncate, make_truncated, check_truncated)
MAKE_AND_KEEP(holes, make_hole, check_hole)
MAKE_AND_KEEP(xattrs, make_xattrs, check_xattrs)
MAKE_AND_KEEP(acls, make_acls, check_acls)
MAKE_AND_KEEP(modes, make_modes, check_modes)
MAKE_AND_KEEP(timestamps, make_times, check_times)

#define ROOMY (64 << 20)	/* free bytes with which all of the following is made */

/* The same for what needs more room than a user's own disk may have. */
#define MAKE_AND_KEEP_ROOMY(id, make, check)							\
	static int made_##id;									\
	POINT(id)										\
	{											\
		need_mounted();									\
		if (free_bytes() < ROOMY)							\
			lkltest_skip("the disk has less than %d MiB free", ROOMY >> 20);	\
		make();										\
		check();									\
		made_##id = 1;									\
	}											\
	POINT(kept_##id)									\
	{											\
		need_mounted();									\
		if (!made_##id)									\
			lkltest_skip("nothing was made: see " #id);				\
		check();									\
	}

MAKE_AND_KEEP_ROOMY(ranges, make_ranges, check_ranges)
MAKE_AND_KEEP_ROOMY(scattered, make_scattered, check_scattered)
MAKE_AND_KEEP_ROOMY(islands, make_islands, check_islands)
MAKE_AND_KEEP_ROOMY(long_names, make_long_names, check_long_names)
MAKE_AND_KEEP_ROOMY(deep, make_deep, check_deep)
MAKE_AND_KEEP_ROOMY(renames, make_renames, check_renames)
MAKE_AND_KEEP_ROOMY(special, make_special, check_special)
MAKE_AND_KEEP_ROOMY(many_xattrs, make_many_xattrs, check_many_xattrs)
MAKE_AND_KEEP_ROOMY(large_xattr, make_large_xattr, check_large_xattr)

POINT(mmap)
{
	struct lkltest_data data;
	long fd, at;

	need_mounted();
	fd = open_file("written/size-4097", LKL_O_RDONLY);
	at = (long)lkl_sys_mmap(NULL, 4097, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == -LKL_ENODEV || at == -LKL_ENOSYS)
		lkltest_skip("this kernel cannot map files of %s: %s", first.type, lkl_strerror(at));
	if (at < 0 && at > -4096)
		lkltest_fail("mmap: %s", lkl_strerror(at));
	lkltest_data_init(&data, "written/size-4097");
	lkltest_data_fill(&data, 0, known, 2);
	CHECK_MEM_EQ((char *)at, known, 4097);
	CHECK_EQ(lkl_sys_munmap(at, 4097), 0);
	close_file(fd);
}

/* ---- the file system as a whole ---- */

POINT(umount_busy)
{
	long fd;

	need_mounted();
	fd = open_file("written/size-1", LKL_O_RDONLY);
	CHECK_EQ(lkl_sys_chdir("/"), 0);
	CHECK_ERR(lkl_sys_umount((char *)first.where, 0), LKL_EBUSY);
	close_file(fd);
	CHECK_EQ(lkl_sys_chdir(first.where), 0);
	check_file("written/size-1", 1);
}

POINT(second_mount)
{
	static const char where[] = LKLTEST_WORK "/again";

	need_mounted();
	CHECK_EQ(lkltest_mount(first.node, where, first.type, 0, first.options), 0);
	make_file("seen-twice", 5000);
	CHECK_EQ(lkl_sys_chdir(where), 0);
	check_file("seen-twice", 5000);
	check_file("written/size-4097", 4097);
	CHECK_EQ(lkl_sys_chdir(first.where), 0);
	CHECK_EQ(lkltest_umount(where), 0);
	check_file("seen-twice", 5000);
}

POINT(statfs)
{
	unsigned long long before, after;

	need_mounted();
	before = settled_free_bytes();
	check_statfs();
	make_file("statfs", statfs_bytes);
	CHECK_EQ(lkl_sys_sync(), 0);
	check_statfs();
	after = free_bytes();
	CHECK_LE(after, before - statfs_bytes + hidden(statfs_bytes));
	CHECK_GE(after, before - statfs_bytes - slack);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "statfs", 0), 0);
	CHECK(becomes_free(before - slack));
}

POINT(remount)
{
	need_mounted();
	leave(&first);
	enter(&first, 0);
}

POINT(disk_full)
{
	unsigned long long before, done;
	long fd, reserved;

	need_mounted();
	before = settled_free_bytes();
	make_directory("full");
	make_file("full/after", 5000);
	if (before > HUGE_DISK) {
		take_much(before);
		return;
	}
	reserved = open_file("full/reserved", LKL_O_WRONLY | LKL_O_CREAT);
	reserve(reserved, 8 << 20);
	fd = open_file("full/written", LKL_O_WRONLY | LKL_O_CREAT);
	done = fill(fd, "full/written");
	if (!done) {
		/* The rest was the file system's own: give some back. */
		CHECK_EQ(lkl_sys_ftruncate(reserved, 1 << 20), 0);
		CHECK_EQ(lkl_sys_sync(), 0);
		done = fill(fd, "full/written");
	}
	lkltest_property("filled_bytes", "%llu", done);
	CHECK_GT(done, 0);
	lkl_sys_fsync(fd);
	close_file(fd);
	close_file(reserved);
	check_file("full/written", done);
	for_sizes(check_file);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "full/reserved", 0), 0);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "full/written", 0), 0);
	CHECK(becomes_free(before - 2 * slack));
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "full/after", 0), 0);
	make_file("full/after", 5000);
}

/* Removes what is there still if disk_full has failed. */
static void make_room(void)
{
	lkl_sys_unlinkat(LKL_AT_FDCWD, "full/reserved", 0);
	lkl_sys_unlinkat(LKL_AT_FDCWD, "full/written", 0);
}

POINT(kept_after_full)
{
	need_mounted();
	make_room();
	leave(&first);
	enter(&first, 0);
	for_sizes(check_file);
	check_file("full/after", 5000);
	if (entries_made)
		check_entries();
}

#ifndef LKLTEST_NATIVE
/* When the image was last written, as the host knows. */
static long long image_written(void)
{
	struct stat st;

	CHECK_EQ(fstat(disks[0].fd, &st), 0);
	return st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
}
#else
static long long image_written(void)
{
	return 0;
}
#endif

POINT(read_only)
{
	long long before;

	need_mounted();
	leave(&first);
	before = image_written();
	lkltest_sleep_ms(20);	/* more than the resolution of the host's file times */
	enter(&first, LKL_MS_RDONLY);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "new", LKL_O_WRONLY | LKL_O_CREAT, 0644), LKL_EROFS);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "written/size-1", LKL_O_WRONLY, 0), LKL_EROFS);
	CHECK_ERR(lkl_sys_mkdirat(LKL_AT_FDCWD, "new", 0755), LKL_EROFS);
	CHECK_ERR(lkl_sys_unlinkat(LKL_AT_FDCWD, "written/size-1", 0), LKL_EROFS);
	CHECK_ERR(lkl_sys_truncate("written/size-1", 0), LKL_EROFS);
	for_sizes(check_file);
	leave(&first);
	if (!lacks("untouched"))
		EXPECT_EQ(image_written() - before, 0);
	enter(&first, 0);
}

POINT(two_disks)
{
	char there[64];

	need_mounted();
	if (!second.disk->path)
		lkltest_skip("no second disk was given: second_disk= second_type=");
	if (!second.type)
		lkltest_skip("this kernel has no %s for the second disk", argument("second_", "type"));
	find_node(&second);
	snprintf(second.where, sizeof(second.where), LKLTEST_WORK "/second");
	mount_again(&second, 0);
	snprintf(there, sizeof(there), "%s/two", second.where);
	make_room();
	make_file_as("two", "the first", hole);
	make_file_as(there, "the second", hole);
	check_file_as("two", "the first", hole);
	leave(&second);
	CHECK_EQ(lkl_sys_chdir(first.where), 0);
	check_file_as("two", "the first", hole);
	mount_again(&second, 0);
	check_file_as(there, "the second", hole);
	leave(&second);
}

POINT(umount_dev)
{
	need_mounted();
	CHECK_EQ(lkl_sys_chdir("/"), 0);
	/* Mounted still if its point has failed. */
	if (*second.where && !lkl_sys_umount(second.where, 0))
		lkltest_wait_free(second.node);
	CHECK_EQ(umount_first(), 0);
	mounted = 0;
	/* The library's helper has removed its own node, not ours. */
	lkltest_wait_free(first.node);
}

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(disk_add, .needs = ""),
	LKLTEST_LIBRARY(start_kernel, .needs = "disk_add"),
	LKLTEST(mount_dev, .timeout_ms = 120000, .needs = "start_kernel"),
	LKLTEST(chdir_mnt_point, .needs = "mount_dev"),
	LKLTEST(opendir, .needs = "mount_dev"),
	LKLTEST(readdir, .needs = "opendir"),
	LKLTEST(closedir, .needs = "opendir"),
	LKLTEST(packed, .needs = "mount_dev"),
	LKLTEST(files, .needs = "mount_dev"),
	LKLTEST(big_file, .needs = "mount_dev"),
	/* FAT searches a directory from its beginning for every name. */
	LKLTEST(directory, .timeout_ms = 120000, .needs = "mount_dev"),
	LKLTEST(names, .needs = "files"),
	LKLTEST(hard_links, .needs = "mount_dev"),
	LKLTEST(symlinks, .needs = "files"),
	LKLTEST(rename_over, .needs = "mount_dev"),
	LKLTEST(truncate, .needs = "mount_dev"),
	LKLTEST(holes, .needs = "mount_dev"),
	LKLTEST(xattrs, .needs = "mount_dev"),
	LKLTEST(acls, .needs = "mount_dev"),
	LKLTEST(modes, .needs = "mount_dev"),
	LKLTEST(timestamps, .needs = "mount_dev"),
	LKLTEST(ranges, .needs = "mount_dev"),
	LKLTEST(scattered, .needs = "mount_dev"),
	LKLTEST(islands, .needs = "mount_dev"),
	LKLTEST(long_names, .needs = "mount_dev"),
	LKLTEST(deep, .needs = "mount_dev"),
	LKLTEST(renames, .needs = "mount_dev"),
	LKLTEST(special, .needs = "mount_dev"),
	LKLTEST(many_xattrs, .needs = "mount_dev"),
	LKLTEST(large_xattr, .needs = "mount_dev"),
	LKLTEST(fiemap, .needs = "mount_dev"),
	LKLTEST(direct_io, .needs = "mount_dev"),
	LKLTEST(moved_data, .needs = "mount_dev"),
	LKLTEST(cut_anywhere, .needs = "mount_dev"),
	LKLTEST(read_ahead, .needs = "mount_dev"),
	LKLTEST(synchronous, .needs = "mount_dev"),
	LKLTEST(default_acl, .needs = "mount_dev"),
	LKLTEST(file_flags, .needs = "mount_dev"),
	LKLTEST(removed_while_open, .needs = "mount_dev"),
	LKLTEST(made_without_name, .needs = "mount_dev"),
	LKLTEST(file_handles, .needs = "mount_dev"),
	LKLTEST(freeze, .needs = "mount_dev"),
	LKLTEST(trim, .needs = "mount_dev"),
	LKLTEST(mmap, .needs = "files"),
	LKLTEST(umount_busy, .needs = "files"),
	LKLTEST(second_mount, .needs = "files"),
	LKLTEST(statfs, .needs = "mount_dev"),
	LKLTEST(remount, .needs = "mount_dev"),
	LKLTEST(kept_files, .needs = "files remount"),
	LKLTEST(kept_big_file, .needs = "big_file remount"),
	LKLTEST(kept_directory, .needs = "directory remount"),
	LKLTEST(kept_names, .needs = "names remount"),
	LKLTEST(kept_hard_links, .needs = "hard_links remount"),
	LKLTEST(kept_symlinks, .needs = "symlinks remount"),
	LKLTEST(kept_rename_over, .needs = "rename_over remount"),
	LKLTEST(kept_truncate, .needs = "truncate remount"),
	LKLTEST(kept_holes, .needs = "holes remount"),
	LKLTEST(kept_xattrs, .needs = "xattrs remount"),
	LKLTEST(kept_acls, .needs = "acls remount"),
	LKLTEST(kept_modes, .needs = "modes remount"),
	LKLTEST(kept_timestamps, .needs = "timestamps remount"),
	LKLTEST(kept_ranges, .needs = "ranges remount"),
	LKLTEST(kept_scattered, .needs = "scattered remount"),
	LKLTEST(kept_islands, .needs = "islands remount"),
	LKLTEST(kept_long_names, .needs = "long_names remount"),
	LKLTEST(kept_deep, .needs = "deep remount"),
	LKLTEST(kept_renames, .needs = "renames remount"),
	LKLTEST(kept_special, .needs = "special remount"),
	LKLTEST(kept_many_xattrs, .needs = "many_xattrs remount"),
	LKLTEST(kept_large_xattr, .needs = "large_xattr remount"),
	LKLTEST(disk_full, .needs = "files"),
	LKLTEST(kept_after_full, .needs = "disk_full"),
	LKLTEST(read_only, .needs = "files"),
	LKLTEST(two_disks, .needs = "mount_dev"),
	LKLTEST(umount_dev, .needs = "mount_dev"),
	LKLTEST_LIBRARY(stop_kernel, .needs = "start_kernel"),
	LKLTEST_LIBRARY(disk_remove, .needs = "stop_kernel"),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
