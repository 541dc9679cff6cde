/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work on a disk of which every write and flush is recorded, with marks in
 * between that say what the kernel has promised: lkltest/powercut/recording.py
 * makes power cuts of it, and judge.c looks what was left.
 *
 * Arguments: disk=FILE type=FS record=FILE [mount=OPTIONS] [config=CONFIG_...]
 * [steps=N] [seed=N]
 */
#include <lkltest.h>

#include "files.h"

#define WHERE LKLTEST_WORK "/disk"
#define FILES 12

static struct lkltest_disk disk;
static int mounted;
static uint64_t luck;

/* The content of a file: data that belongs to a seed, with its length in bytes. */
static struct {
	char seed[32];
	size_t size;
	int there;
} files[FILES];

static char paths[FILES][16];

static unsigned int pick(unsigned int below)
{
	luck = luck * 6364136223846793005ULL + 1442695040888963407ULL;
	return (luck >> 33) % below;
}

static int flushes_told;

static void need_mounted(void)
{
	const char *config = lkltest_arg("config");

	if (!flushes_told)
		lkltest_skip("no flush can be seen on this kernel: write_cache tells why");

	if (!lkltest_has_filesystem(lkltest_arg("type")))
		lkltest_skip("this kernel has no %s%s%s", lkltest_arg("type"), config ? ": " : "", config ? config : "");
	if (!mounted)
		lkltest_fail("nothing is mounted: an earlier point tells why");
	CHECK_EQ(lkl_sys_chdir(WHERE), 0);
}

POINT(disk_add)
{
	disk.path = lkltest_arg("disk");
	if (!disk.path || !lkltest_arg("type") || !lkltest_arg("record"))
		lkltest_bail_out("disk=FILE, type=FS and record=FILE are needed");
	luck = lkltest_arg("seed") ? strtoull(lkltest_arg("seed"), NULL, 0) : 1;
	lkltest_disk_add(&disk, lkltest_arg("record"));
}

POINT(start_kernel)
{
	lkltest_start_kernel();
}

POINT(write_cache)
{
	lkltest_disk_write_back(&disk);
	flushes_told = 1;
}

POINT(mount_dev)
{
	const char *node;

	if (!flushes_told || !lkltest_has_filesystem(lkltest_arg("type")))
		need_mounted();
	node = lkltest_disk_node(&disk, 0);
	CHECK_EQ(lkltest_mount(node, WHERE, lkltest_arg("type"), 0, lkltest_arg("mount")), 0);
	mounted = 1;
}

static void sync_root(void)
{
	long fd = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);

	sync_file(fd);
	close_file(fd);
}

static void promise(int i)
{
	lkltest_disk_mark(&disk, "durable %s %zu %s", paths[i], files[i].size, files[i].seed);
}

static void new_data(int i, unsigned int step)
{
	snprintf(files[i].seed, sizeof(files[i].seed), "%s#%u", paths[i], step);
	files[i].size = 1 + pick(pick(2) ? 3000 : 60000);
}

static void write_file(int i, const char *path, int flags)
{
	long fd = open_file(path, LKL_O_WRONLY | flags);

	write_known(fd, files[i].seed, files[i].size);
	sync_file(fd);
	close_file(fd);
}

static void create(int i, unsigned int step)
{
	lkltest_disk_mark(&disk, "any %s", paths[i]);
	new_data(i, step);
	write_file(i, paths[i], LKL_O_CREAT | LKL_O_EXCL);
	sync_root();
	files[i].there = 1;
	promise(i);
}

static void append(int i)
{
	size_t old = files[i].size;
	struct lkltest_data data;
	long fd = open_file(paths[i], LKL_O_WRONLY);

	lkltest_disk_mark(&disk, "prefix %s %zu %s", paths[i], old, files[i].seed);
	CHECK_EQ(lkl_sys_lseek(fd, old, LKL_SEEK_SET), old);
	lkltest_data_init(&data, files[i].seed);
	lkltest_data_fill(&data, old / LKLTEST_PAGE, chunk, CHUNK_PAGES);
	files[i].size += 1 + pick(20000);
	write_all(fd, chunk + old % LKLTEST_PAGE, files[i].size - old);
	sync_file(fd);
	close_file(fd);
	promise(i);
}

static void overwrite(int i, unsigned int step)
{
	lkltest_disk_mark(&disk, "any %s", paths[i]);
	new_data(i, step);
	write_file(i, paths[i], LKL_O_TRUNC);
	promise(i);
}

static void replace(int i, unsigned int step)
{
	size_t size = files[i].size;
	char seed[32];

	memcpy(seed, files[i].seed, sizeof(seed));
	new_data(i, step);
	write_file(i, "temporary", LKL_O_CREAT | LKL_O_EXCL);
	lkltest_disk_mark(&disk, "either %s %zu %s %zu %s", paths[i], size, seed, files[i].size, files[i].seed);
	CHECK_EQ(lkl_sys_renameat2(LKL_AT_FDCWD, "temporary", LKL_AT_FDCWD, paths[i], 0), 0);
	sync_root();
	promise(i);
}

static void delete(int i)
{
	lkltest_disk_mark(&disk, "any %s", paths[i]);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, paths[i], 0), 0);
	sync_root();
	files[i].there = 0;
	lkltest_disk_mark(&disk, "gone %s", paths[i]);
}

/* Dirty pages that nobody waits for, so that a cut has something to lose. */
static void noise(unsigned int step)
{
	char path[32];
	long fd;

	snprintf(path, sizeof(path), "noise%u", step % 5);
	fd = open_file(path, LKL_O_WRONLY | LKL_O_CREAT | LKL_O_TRUNC);
	write_known(fd, path, 1 + pick(30000));
	close_file(fd);
}

POINT(work)
{
	unsigned int steps = lkltest_arg("steps") ? strtoul(lkltest_arg("steps"), NULL, 0) : 60, step;

	need_mounted();
	for (step = 0; step < FILES; step++)
		snprintf(paths[step], sizeof(paths[step]), "file%u", step);
	for (step = 0; step < steps; step++) {
		int i = pick(FILES);

		if (!pick(3))
			noise(step);
		if (!files[i].there) {
			create(i, step);
			continue;
		}
		switch (pick(4)) {
		case 0: append(i); break;
		case 1: overwrite(i, step); break;
		case 2: replace(i, step); break;
		case 3: delete(i); break;
		}
	}
	lkltest_property("writes", "%lu", disk.writes);
	lkltest_property("flushes", "%lu", disk.flushes);
	CHECK_GT(disk.flushes, 0);
}

POINT(umount_dev)
{
	need_mounted();
	close_leftovers();
	CHECK_EQ(lkl_sys_chdir("/"), 0);
	CHECK_EQ(lkltest_umount(WHERE), 0);
	mounted = 0;
	lkltest_wait_free(disk.node);
}

POINT(stop_kernel)
{
	lkltest_stop_kernel();
}

POINT(disk_remove)
{
	lkltest_disk_remove(&disk);
}

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(disk_add),
	LKLTEST_LIBRARY(start_kernel),
	LKLTEST_LIBRARY(write_cache),
	LKLTEST_LIBRARY(mount_dev),
	LKLTEST_LIBRARY(work),
	LKLTEST_LIBRARY(umount_dev),
	LKLTEST_LIBRARY(stop_kernel),
	LKLTEST_LIBRARY(disk_remove),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
