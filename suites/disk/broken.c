/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks that are broken, or that fail: the kernel must refuse or report, and
 * must neither crash nor hang. What it prints is in each point's log. At the
 * end a whole disk must still mount: the kernel has come to no harm.
 *
 * Arguments: disk=FILE type=FS other=FS cut_short=FILE zeroed=FILE
 * noisy_superblock=FILE noisy=FILE failing=FILE half=FILE [mount=OPTIONS] [config=CONFIG_...]
 */
#include <lkltest.h>

#include "files.h"

#define WHERE LKLTEST_WORK "/disk"

/* Each copy of the image has its own disk, so that no point meets what another has left in the kernel's caches. */
enum { WHOLE, CUT_SHORT, ZEROED, NOISY_SUPERBLOCK, NOISY, FAILING, HALF, SHRUNK, DISKS };

static const char *const names[DISKS] = {
	"disk", "cut_short", "zeroed", "noisy_superblock", "noisy", "failing", "half", "disk",
};
static struct lkltest_disk disks[DISKS];

static void need_filesystem(void)
{
	const char *config = lkltest_arg("config");

	if (!lkltest_has_filesystem(lkltest_arg("type")))
		lkltest_skip("this kernel has no %s%s%s", lkltest_arg("type"), config ? ": " : "", config ? config : "");
	/* It may complain as loudly as it likes: a crash or a hang ends the program. */
	lkltest_expect_console("");
}

static long try_mount(int which, const char *type, const char *options)
{
	long err = lkltest_mount(lkltest_disk_node(&disks[which], 0), WHERE, type, 0, options);

	lkltest_log("mount: %s", err ? lkl_strerror(err) : "done");
	return err;
}

static void leave(int which)
{
	CHECK_EQ(lkl_sys_chdir("/"), 0);
	CHECK_EQ(lkltest_umount(WHERE), 0);
	lkltest_wait_free(disks[which].node);
}

static int complain(const char *path, const char *call, long err)
{
	lkltest_log("%s %s: %s", call, path, lkl_strerror(err));
	return 1;
}

/* Reads all that a directory of the mounted disk holds; how many errors there were. Symbolic links are not followed. */
static int read_everything(const char *path, int depth)
{
	struct lkl_linux_dirent64 *entry;
	char buf[4096], name[1024];
	long fd, len, at, n;
	int errors = 0;

	fd = lkl_sys_openat(LKL_AT_FDCWD, path, LKL_O_RDONLY | LKL_O_NOFOLLOW | LKL_O_NONBLOCK, 0);
	if (fd == -LKL_ELOOP)
		return 0;
	if (fd < 0)
		return complain(path, "open", fd);
	while ((len = lkl_sys_getdents64(fd, (void *)buf, sizeof(buf))) > 0) {
		for (at = 0; depth && at < len; at += entry->d_reclen) {
			entry = (void *)(buf + at);
			if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
				continue;
			snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
			errors += read_everything(name, depth - 1);
		}
	}
	if (len < 0 && len != -LKL_ENOTDIR)
		errors += complain(path, "getdents", len);
	/* A damaged size must not keep us reading zeroes for ever. */
	n = len == -LKL_ENOTDIR;
	for (at = 0; at < 256 && n > 0; at++)
		n = lkl_sys_read(fd, chunk, CHUNK);
	if (n < 0)
		errors += complain(path, "read", n);
	lkl_sys_close(fd);
	return errors;
}

POINT(disk_add)
{
	int i;

	for (i = 0; i < DISKS; i++) {
		disks[i].path = lkltest_arg(names[i]);
		if (!disks[i].path || !lkltest_arg("type"))
			lkltest_bail_out("the argument %s=FILE or type=FS is missing", names[i]);
		if (i == FAILING || i == HALF)
			disks[i].fail_from = ~0ULL;	/* for now */
		if (i == FAILING || i == HALF || i == SHRUNK)
			disks[i].capacity = lkltest_image_size(disks[i].path) / (i == SHRUNK ? 3 : 1) / 512 * 512;
		lkltest_disk_add(&disks[i], NULL);
	}
}

POINT(start_kernel)
{
	lkltest_start_kernel();
}

POINT(zeroed_superblock)
{
	need_filesystem();
	CHECK_LT(try_mount(ZEROED, lkltest_arg("type"), lkltest_arg("mount")), 0);
}

POINT(random_superblock)
{
	need_filesystem();
	CHECK_LT(try_mount(NOISY_SUPERBLOCK, lkltest_arg("type"), lkltest_arg("mount")), 0);
}

POINT(wrong_type)
{
	need_filesystem();
	if (!lkltest_has_filesystem(lkltest_arg("other")))
		lkltest_skip("this kernel has no %s to be mistaken for", lkltest_arg("other"));
	CHECK_LT(try_mount(WHOLE, lkltest_arg("other"), NULL), 0);
}

POINT(unknown_type)
{
	need_filesystem();
	CHECK_ERR(try_mount(WHOLE, "lkltestfs", NULL), LKL_ENODEV);
}

/* The image's file ends early: what is behind it reads as zeroes or errors, or the mount is refused. */
static void look_around(int which)
{
	int errors;

	if (try_mount(which, lkltest_arg("type"), lkltest_arg("mount")))
		return;
	errors = read_everything(WHERE, 8);
	lkltest_property("read_errors", "%d", errors);
	leave(which);
}

POINT(cut_short)
{
	need_filesystem();
	look_around(CUT_SHORT);
}

POINT(smaller_device)
{
	need_filesystem();
	look_around(SHRUNK);
}

POINT(random_bytes)
{
	need_filesystem();
	look_around(NOISY);
}

/* Reads fail everywhere: no file system can be seen at all. */
POINT(read_errors_everywhere)
{
	need_filesystem();
	disks[FAILING].fail = LKLTEST_FAIL_READS;
	disks[FAILING].fail_from = 0;
	CHECK_LT(try_mount(FAILING, lkltest_arg("type"), lkltest_arg("mount")), 0);
	CHECK_GT(disks[FAILING].failed, 0);
}

/* From some sector on every read fails: further and further in, until all of it can be read. */
POINT(read_errors)
{
	unsigned long long size = disks[FAILING].capacity / 512, from;
	int errors = 0;

	need_filesystem();
	disks[FAILING].fail = LKLTEST_FAIL_READS;
	for (from = 8; from < size; from *= 8) {
		disks[FAILING].fail_from = from;
		lkltest_log("reads fail from sector %llu on", from);
		if (try_mount(FAILING, lkltest_arg("type"), lkltest_arg("mount"))) {
			errors++;
			continue;
		}
		errors += read_everything(WHERE, 8);
		leave(FAILING);
	}
	CHECK_GT(disks[FAILING].failed, 0);
	CHECK_GT(errors, 0);
}

/* Writes fail: an fsync that says nothing of it would lie. */
POINT(write_errors)
{
	struct lkltest_disk *disk = &disks[FAILING];
	long fd, err;

	need_filesystem();
	disk->fail = 0;
	CHECK_EQ(try_mount(FAILING, lkltest_arg("type"), lkltest_arg("mount")), 0);
	fd = lkl_sys_openat(LKL_AT_FDCWD, WHERE "/lost", LKL_O_WRONLY | LKL_O_CREAT, 0644);
	CHECK_GE(fd, 0);
	CHECK_EQ(lkl_sys_fsync(fd), 0);
	write_known(fd, "lost", 300000);
	disk->fail = LKLTEST_FAIL_WRITES;
	disk->fail_from = 0;
	disk->failed = 0;
	err = lkl_sys_fsync(fd);
	lkltest_log("fsync: %s", err ? lkl_strerror(err) : "done");
	CHECK_GT(disk->failed, 0);
	EXPECT_LT(err, 0);
	lkl_sys_close(fd);
	lkltest_log("umount: %s", lkl_strerror(lkltest_umount(WHERE)));
}

#define LARGEST (1ULL << 30)	/* of the disks that can be filled without taking the host's room */

/*
 * Writes fail in the second half of the disk only: a file that grows into it must get an error. What was made durable
 * before is there when the disk works again.
 */
POINT(write_errors_from_the_middle_on)
{
	struct lkltest_disk *disk = &disks[HALF];
	unsigned long long done;
	long fd, err = 0, n;

	need_filesystem();
	if (disk->capacity > LARGEST)
		lkltest_skip("too large to be filled: %llu bytes", disk->capacity);
	CHECK_EQ(try_mount(HALF, lkltest_arg("type"), lkltest_arg("mount")), 0);
	make_file(WHERE "/durable", 100000);
	disk->fail = LKLTEST_FAIL_WRITES;
	disk->fail_from = disk->capacity / LKLTEST_SECTOR / 2;
	fd = lkl_sys_openat(LKL_AT_FDCWD, WHERE "/grows", LKL_O_WRONLY | LKL_O_CREAT, 0644);
	if (fd < 0)
		lkltest_log("open: %s", lkl_strerror(err = fd));
	for (done = 0; !err && done < disk->capacity / 4 * 3; done += CHUNK) {
		n = lkl_sys_write(fd, chunk, CHUNK);
		if (n < 0)
			err = n;
		else if (done % (8 << 20) == 0)
			err = lkl_sys_fsync(fd);
	}
	if (!err)
		err = lkl_sys_fsync(fd);
	lkltest_log("after about %llu bytes: %s", done, err ? lkl_strerror(err) : "nothing has failed");
	CHECK_GT(disk->failed, 0);
	EXPECT_LT(err, 0);
	if (fd >= 0)
		lkl_sys_close(fd);
	/* Not until it is free: that would tell of the lost writes once more. */
	CHECK_EQ(lkltest_umount(WHERE), 0);
	disk->fail = 0;
	CHECK_EQ(try_mount(HALF, lkltest_arg("type"), lkltest_arg("mount")), 0);
	check_file(WHERE "/durable", 100000);
	CHECK_EQ(lkltest_umount(WHERE), 0);
}

/* After all this a disk without a defect must mount, be written and be read. */
POINT(whole_disk)
{
	need_filesystem();
	CHECK_EQ(try_mount(WHOLE, lkltest_arg("type"), lkltest_arg("mount")), 0);
	CHECK_EQ(read_everything(WHERE, 8), 0);
	make_file(WHERE "/after-all", 100000);
	check_file(WHERE "/after-all", 100000);
	leave(WHOLE);
}

POINT(stop_kernel)
{
	lkltest_expect_console("");
	lkltest_stop_kernel();
}

POINT(disk_remove)
{
	int i;

	for (i = 0; i < DISKS; i++)
		lkltest_disk_remove(&disks[i]);
}

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(disk_add, .needs = ""),
	LKLTEST_LIBRARY(start_kernel, .needs = "disk_add"),
	LKLTEST_LIBRARY(zeroed_superblock, .needs = "start_kernel"),
	LKLTEST_LIBRARY(random_superblock, .needs = "start_kernel"),
	LKLTEST_LIBRARY(wrong_type, .needs = "start_kernel"),
	LKLTEST_LIBRARY(unknown_type, .needs = "start_kernel"),
	LKLTEST_LIBRARY(cut_short, .needs = "start_kernel"),
	LKLTEST_LIBRARY(smaller_device, .needs = "start_kernel"),
	LKLTEST_LIBRARY(random_bytes, .needs = "start_kernel"),
	LKLTEST_LIBRARY(read_errors_everywhere, .needs = "start_kernel"),
	LKLTEST_LIBRARY(read_errors, .needs = "start_kernel"),
	LKLTEST_LIBRARY(write_errors, .needs = "start_kernel"),
	LKLTEST_LIBRARY(write_errors_from_the_middle_on, .needs = "start_kernel"),
	LKLTEST_LIBRARY(whole_disk, .needs = "start_kernel"),
	LKLTEST_LIBRARY(stop_kernel, .needs = "start_kernel"),
	LKLTEST_LIBRARY(disk_remove, .needs = "stop_kernel"),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
