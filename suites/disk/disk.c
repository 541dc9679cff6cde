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
 *	[second_disk=FILE second_type=FS ...]	another one; without second_disk,
			second_part=N is another partition of the first
 *	[big=BYTES]	size of the big file
 *
 * Natively a disk is a device: disk=/dev/ubda.
 */
#include <lkltest.h>

#include "features.h"

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

/* ---- mounting ---- */

static const char *argument(const char *prefix, const char *name)
{
	char full[64];

	snprintf(full, sizeof(full), "%s%s", prefix, name);
	return lkltest_arg(full);
}

static void configure(struct volume *volume, const char *prefix)
{
	const char *part = argument(prefix, "part");

	volume->disk->path = argument(prefix, "disk");
	volume->type = argument(prefix, "type");
	volume->options = argument(prefix, "mount");
	volume->part = part ? atoi(part) : 0;
	if (volume->disk->path && !volume->type)
		lkltest_bail_out("the argument %stype=FS is missing", prefix);
}

static void configure_all(void)
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
static void need_mounted(void)
{
	if (missing)
		lkltest_skip("this kernel has no %s%s%s", missing, lkltest_arg("config") ? ": " : "",
			     lkltest_arg("config") ? lkltest_arg("config") : "");
	if (!mounted)
		lkltest_fail("nothing is mounted: an earlier point tells why");
	close_leftovers();
	CHECK_EQ(lkl_sys_chdir(first.where), 0);
}

static void find_node(struct volume *volume)
{
	snprintf(volume->node, sizeof(volume->node), "%s", lkltest_disk_node(volume->disk, volume->part));
}

static void mount_again(struct volume *volume, int flags)
{
	CHECK_EQ(lkltest_mount(volume->node, volume->where, volume->type, flags, volume->options), 0);
}

static void leave(struct volume *volume)
{
	CHECK_EQ(lkl_sys_chdir("/"), 0);
	CHECK_EQ(lkltest_umount(volume->where), 0);
	if (volume == &first)
		mounted = 0;
	lkltest_wait_free(volume->node);
}

static void enter(struct volume *volume, int flags)
{
	mount_again(volume, flags);
	if (volume == &first)
		mounted = 1;
	CHECK_EQ(lkl_sys_chdir(volume->where), 0);
}

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

/* By the library's own helper, which chooses the node and the mount point. */
static long mount_first(void)
{
	return lkl_mount_dev(first.disk->id, first.part, first.type, 0, first.options, first.where,
			     sizeof(first.where));
}

static long umount_first(void)
{
	return lkl_umount_dev(first.disk->id, first.part, 0, 5000);
}

static struct lkl_dir *listing;

static void open_listing(void)
{
	int err = 0;

	listing = lkl_opendir(".", &err);
	if (!listing)
		lkltest_fail("lkl_opendir: %s", lkl_strerror(err));
}

static const char *next_name(void)
{
	struct lkl_linux_dirent64 *entry = lkl_readdir(listing);

	CHECK_EQ(lkl_errdir(listing), 0);
	return entry ? entry->d_name : NULL;
}

static void close_listing(void)
{
	struct lkl_dir *dir = listing;

	CHECK(dir != NULL);
	listing = NULL;
	CHECK_EQ(lkl_closedir(dir), 0);
}

#else

static long mount_first(void)
{
	snprintf(first.where, sizeof(first.where), LKLTEST_WORK "/first");
	return lkltest_mount(first.node, first.where, first.type, 0, first.options);
}

static long umount_first(void)
{
	return lkltest_umount(first.where);
}

static long listing = -1;
static char entries[4096];
static long entries_end, entries_at;

static void open_listing(void)
{
	listing = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, ".", LKL_O_RDONLY | LKL_O_DIRECTORY, 0));
}

static const char *next_name(void)
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

static void close_listing(void)
{
	CHECK_EQ(lkl_sys_close(listing), 0);
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

static unsigned long long free_bytes(void)
{
	struct lkl_statfs st;

	CHECK_EQ(lkl_sys_statfs(".", &st), 0);
	CHECK_LE(st.f_bfree, st.f_blocks);
	CHECK_LE(st.f_bavail, st.f_bfree);
	return (unsigned long long)st.f_bfree * st.f_bsize;
}

/* A user's own disk may be too small for what ours are made for. */
static void fit(void)
{
	struct lkl_statfs st;

	if (lkltest_arg("packed"))
		return;
	CHECK_EQ(lkl_sys_statfs(".", &st), 0);
	if (free_bytes() / 4 < big)
		big = free_bytes() / 4;
	if (free_bytes() / 4 < statfs_bytes)
		statfs_bytes = free_bytes() / 4;
	if (st.f_files && st.f_ffree / 2 < ENTRIES)
		nr_entries = st.f_ffree / 2;
	lkltest_log("big file: %llu bytes, entries of the directory: %d", big, nr_entries);
}

POINT(packed)
{
	need_mounted();
	fit();
	if (!lkltest_arg("packed"))
		lkltest_skip("nothing was packed into this image: it is the user's own");
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

/* Waits until at least so much is free: some file systems give blocks back only when they get to it. */
static int becomes_free(unsigned long long bytes)
{
	long long deadline = lkltest_now_ns() + 10 * 1000000000LL;

	while (free_bytes() < bytes) {
		if (lkltest_now_ns() > deadline)
			return 0;
		lkl_sys_sync();
		lkltest_sleep_ms(5);
	}
	return 1;
}

#define SLACK (2ULL << 20)	/* what the file system may take or keep for its own use */

POINT(statfs)
{
	unsigned long long before, after;

	need_mounted();
	CHECK_EQ(lkl_sys_sync(), 0);
	before = free_bytes();
	make_file("statfs", statfs_bytes);
	CHECK_EQ(lkl_sys_sync(), 0);
	after = free_bytes();
	CHECK_LE(after, before - statfs_bytes);
	CHECK_GE(after, before - statfs_bytes - SLACK);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "statfs", 0), 0);
	CHECK(becomes_free(before - SLACK));
}

POINT(remount)
{
	need_mounted();
	leave(&first);
	enter(&first, 0);
}

/* Takes the free room without writing it, where the file system can, but for the last `rest` bytes. */
static void reserve(long fd, unsigned long long rest)
{
	unsigned long long room = free_bytes(), at = 0, part;
	long err;

	for (part = room > rest ? room - rest : 0; part >= 1 << 20 && at + part + rest <= room;) {
		err = lkl_sys_fallocate(fd, 0, at, part);
		if (err == -LKL_EOPNOTSUPP)
			return;
		if (err && err != -LKL_ENOSPC)
			lkltest_fail("fallocate: %s", lkl_strerror(err));
		if (!err)
			at += part;
		/* Some of the free room is the file system's own. */
		part = err || at + part + rest > room ? part / 2 : part;
	}
	lkltest_property("reserved_bytes", "%llu", at);
}

/* Writes known data until the disk is full; how much of it the file took. */
static unsigned long long fill(long fd, const char *seed)
{
	struct lkltest_data data;
	unsigned long long done = 0;
	long n;

	lkltest_data_init(&data, seed);
	do {
		lkltest_data_fill(&data, done / LKLTEST_PAGE, chunk, CHUNK_PAGES);
		n = lkl_sys_write(fd, chunk + done % LKLTEST_PAGE, CHUNK - done % LKLTEST_PAGE);
		if (n > 0)
			done += n;
	} while (n > 0);
	CHECK_EQ(n, -LKL_ENOSPC);
	return done;
}

#define HUGE_DISK (64ULL << 30)	/* its bitmaps do not fit into the kernel's memory all at once */
#define MUCH (8ULL << 30)

/* What is demanded of a disk that is too large to be filled. */
static void take_much(unsigned long long before)
{
	long fd = open_file("much", LKL_O_RDWR | LKL_O_CREAT);

	lkltest_log("too large to be filled: takes 8 GiB of it instead, and writes at 1 TiB of a file");
	CHECK_EQ(lkl_sys_fallocate(fd, 0, 0, MUCH), 0);
	CHECK_LE(free_bytes(), before - MUCH);
	CHECK_EQ(lkl_sys_pwrite64(fd, "far", 3, 1LL << 40), 3);
	CHECK_EQ(lkl_sys_fsync(fd), 0);
	CHECK_EQ(lkl_sys_pread64(fd, chunk, CHUNK, 1LL << 40), 3);
	CHECK_MEM_EQ(chunk, "far", 3);
	check_zeroes("much", fd, MUCH - CHUNK, MUCH + CHUNK);
	close_file(fd);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "much", 0), 0);
	CHECK(becomes_free(before - SLACK));
}

POINT(disk_full)
{
	unsigned long long before, done;
	long fd, reserved;

	need_mounted();
	CHECK_EQ(lkl_sys_sync(), 0);
	before = free_bytes();
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
		/* What is left was the file system's own: give some back. */
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
	CHECK(becomes_free(before - 2 * SLACK));
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "full/after", 0), 0);
	make_file("full/after", 5000);
}

POINT(kept_after_full)
{
	need_mounted();
	/* They are there still if the point before has failed. */
	lkl_sys_unlinkat(LKL_AT_FDCWD, "full/reserved", 0);
	lkl_sys_unlinkat(LKL_AT_FDCWD, "full/written", 0);
	leave(&first);
	enter(&first, 0);
	for_sizes(check_file);
	check_file("full/after", 5000);
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
	make_file_as("two", "the first", 1 << 20);
	make_file_as(there, "the second", 1 << 20);
	check_file_as("two", "the first", 1 << 20);
	leave(&second);
	CHECK_EQ(lkl_sys_chdir(first.where), 0);
	check_file_as("two", "the first", 1 << 20);
	mount_again(&second, 0);
	check_file_as(there, "the second", 1 << 20);
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
	LKLTEST_LIBRARY(disk_add),
	LKLTEST_LIBRARY(start_kernel),
	LKLTEST(mount_dev),
	LKLTEST(chdir_mnt_point),
	LKLTEST(opendir),
	LKLTEST(readdir),
	LKLTEST(closedir),
	LKLTEST(packed),
	LKLTEST(files),
	LKLTEST(big_file),
	LKLTEST(directory, .deadline_ms = 120000),	/* FAT searches it from its beginning for every new name */
	LKLTEST(names),
	LKLTEST(hard_links),
	LKLTEST(symlinks),
	LKLTEST(rename_over),
	LKLTEST(truncate),
	LKLTEST(holes),
	LKLTEST(xattrs),
	LKLTEST(acls),
	LKLTEST(modes),
	LKLTEST(timestamps),
	LKLTEST(mmap),
	LKLTEST(umount_busy),
	LKLTEST(second_mount),
	LKLTEST(statfs),
	LKLTEST(remount),
	LKLTEST(kept_files),
	LKLTEST(kept_big_file),
	LKLTEST(kept_directory),
	LKLTEST(kept_names),
	LKLTEST(kept_hard_links),
	LKLTEST(kept_symlinks),
	LKLTEST(kept_rename_over),
	LKLTEST(kept_truncate),
	LKLTEST(kept_holes),
	LKLTEST(kept_xattrs),
	LKLTEST(kept_acls),
	LKLTEST(kept_modes),
	LKLTEST(kept_timestamps),
	LKLTEST(disk_full),
	LKLTEST(kept_after_full),
	LKLTEST(read_only),
	LKLTEST(two_disks),
	LKLTEST(umount_dev),
	LKLTEST_LIBRARY(stop_kernel),
	LKLTEST_LIBRARY(disk_remove),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
