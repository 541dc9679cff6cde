/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The implementation of <lkltest/disk.h>: file systems inside the kernel under test, the same for every kernel. */
#ifndef LKLTEST_INTERNAL_MOUNT_H
#define LKLTEST_INTERNAL_MOUNT_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#include <lkltest/internal/kernel.h>
#include <lkltest/internal/main.h>

/*
 * Tells the kernel what time it is, as a machine's init does. A library's
 * kernel may begin in 1970: then a file that is deleted in its first second
 * has a deletion time of zero, which e2fsck takes for damage.
 */
LKLTEST_FN void lkltest_set_clock(void)
{
#ifndef LKLTEST_NATIVE
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	CHECK_EQ(lkl_sys_clock_settime(CLOCK_REALTIME, (void *)&now), 0);
#endif
}

/* Makes a directory of ours, which an earlier point may have made. */
LKLTEST_FN void lkltest_work_dir(const char *path)
{
	long err = lkl_sys_mkdirat(LKL_AT_FDCWD, path, 0700);

	if (err != -LKL_EEXIST)
		CHECK_EQ(err, 0);
}

/* Makes the directories for mount points and nodes, and mounts sysfs, without which no disk can be found. */
LKLTEST_FN void lkltest_disk_prepare(void)
{
	static int done;
	long err;

	if (done)
		return;
	lkltest_work_dir(LKLTEST_WORK);
#ifdef LKLTEST_NATIVE
	/* The root is the host's directory, where no device node can be made. */
	CHECK_OK(lkl_sys_mount("none", LKLTEST_WORK, "tmpfs", 0, NULL));
#endif
	lkltest_work_dir(LKLTEST_WORK "/sys");
	err = lkl_sys_mount("none", LKLTEST_WORK "/sys", "sysfs", 0, NULL);
	if (err == -LKL_ENODEV)
		lkltest_skip("this kernel has no sysfs, which tells where its disks are: CONFIG_SYSFS");
	CHECK_EQ(err, 0);
	lkltest_set_clock();
	done = 1;
}

/* Reads a small file of the kernel's; its length, or a negative error. */
LKLTEST_FN long lkltest_slurp(const char *path, char *buf, size_t size)
{
	long fd = lkl_sys_openat(LKL_AT_FDCWD, path, LKL_O_RDONLY, 0), n = 0, len = 0;

	if (fd < 0)
		return fd;
	while ((size_t)len < size - 1 && (n = lkl_sys_read(fd, buf + len, size - 1 - len)) > 0)
		len += n;
	buf[len] = 0;
	lkl_sys_close(fd);
	return n < 0 ? n : len;
}

/*
 * Asks by mounting nothing: the kernel looks for the file system first, and
 * for the device afterwards. /proc/filesystems would need CONFIG_PROC_FS.
 */
LKLTEST_FN int lkltest_has_filesystem(const char *type)
{
	static char page[4096];
	long err;

	lkltest_disk_prepare();
	lkltest_work_dir(LKLTEST_WORK "/probe");
	err = lkl_sys_mount("none", LKLTEST_WORK "/probe", (char *)type, 0, page);
	if (!err)
		CHECK_EQ(lkl_sys_umount(LKLTEST_WORK "/probe", 0), 0);
	return err != -LKL_ENODEV;
}

static __attribute__((unused)) const char *lkltest_disks_refused;	/* why a disk could not be attached; NULL: none */

/* Fails the point where the kernel takes a disk to be of another size than its image: all that follows would be noise. */
LKLTEST_FN void lkltest_disk_measure(const struct lkltest_disk *disk)
{
#ifndef LKLTEST_NATIVE
	char path[192], text[32];
	unsigned long long sectors;

	snprintf(path, sizeof(path), LKLTEST_WORK "/sys/block/%s/size", disk->name);
	if (lkltest_slurp(path, text, sizeof(text)) < 0)
		return;		/* no such disk, which its user finds out */
	CHECK_EQ(sscanf(text, "%llu", &sectors), 1);
	if (sectors != disk->sectors)
		lkltest_fail("the kernel's disk %s has %llu sectors, its image %llu: lkl_disk_add() of this library does not "
			     "give the kernel the image's size (capacity)", disk->name, sectors, disk->sectors);
#else
	(void)disk;
#endif
}

LKLTEST_FN const char *lkltest_disk_node(struct lkltest_disk *disk, int part)
{
	char path[192], text[32];
	unsigned int major, minor;
	long err;

	if (!*disk->name && lkltest_disks_refused)
		lkltest_skip("%s", lkltest_disks_refused);
	lkltest_disk_prepare();
	lkltest_disk_measure(disk);
	if (part)
		snprintf(path, sizeof(path), LKLTEST_WORK "/sys/block/%s/%s%d/dev", disk->name, disk->name, part);
	else
		snprintf(path, sizeof(path), LKLTEST_WORK "/sys/block/%s/dev", disk->name);
	err = lkltest_slurp(path, text, sizeof(text));
	if (err < 0)
		lkltest_fail("the kernel has no %s: %s", path + strlen(LKLTEST_WORK), lkl_strerror(err));
	CHECK_EQ(sscanf(text, "%u:%u", &major, &minor), 2);
	snprintf(disk->node, sizeof(disk->node), LKLTEST_WORK "/%s-%d", disk->name, part);
	err = lkl_sys_mknodat(LKL_AT_FDCWD, disk->node, LKL_S_IFBLK | 0600,
			      (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12);
	if (err != -LKL_EEXIST)
		CHECK_EQ(err, 0);
	return disk->node;
}

LKLTEST_FN void lkltest_sleep_ms(long ms)
{
	usleep(ms * 1000);
}

/* A file that was just closed may keep a disk busy for a moment: the kernel lets go of it a little later. */
#define LKLTEST_BUSY_NS (5 * 1000000000LL)

/* The kernel copies a whole page of `options`. */
LKLTEST_FN long lkltest_mount(const char *node, const char *where, const char *type, int flags, const char *options)
{
	static char page[4096];
	long long deadline = lkltest_now_ns() + LKLTEST_BUSY_NS;
	long err = lkl_sys_mkdirat(LKL_AT_FDCWD, where, 0700);

	if (err && err != -LKL_EEXIST)
		return err;
	do {
		snprintf(page, sizeof(page), "%s", options ? options : "");
		err = lkl_sys_mount((char *)node, (char *)where, (char *)type, flags, page);
	} while (err == -LKL_EBUSY && lkltest_now_ns() < deadline && (lkltest_sleep_ms(1), 1));
	return err;
}

LKLTEST_FN long lkltest_umount(const char *where)
{
	long long deadline = lkltest_now_ns() + LKLTEST_BUSY_NS;
	long err;

	while ((err = lkl_sys_umount((char *)where, 0)) == -LKL_EBUSY && lkltest_now_ns() < deadline)
		lkltest_sleep_ms(1);
	return err;
}

LKLTEST_FN void lkltest_wait_free(const char *node)
{
	long long deadline = lkltest_now_ns() + 10 * 1000000000LL;
	long fd;

	/* Exclusive: as long as it is mounted the answer is EBUSY. */
	while ((fd = lkl_sys_openat(LKL_AT_FDCWD, node, LKL_O_RDWR | LKL_O_EXCL, 0)) == -LKL_EBUSY) {
		if (lkltest_now_ns() > deadline)
			lkltest_fail("%s is still in use ten seconds after it was unmounted", node);
		lkltest_sleep_ms(1);
	}
	CHECK_OK(fd);
	CHECK_OK(lkl_sys_fsync(fd));
	CHECK_OK(lkl_sys_close(fd));
}

#endif
