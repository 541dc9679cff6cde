/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks: attached through block operations of our own that can record what
 * reaches them and fail on purpose; mounted, unmounted and waited for by plain
 * system calls, which are the same natively.
 *
 * Include it after lkltest.h. How disks are tested: docs/disks.md.
 */
#ifndef LKLTEST_DISK_H
#define LKLTEST_DISK_H

#include <stdint.h>
#include <sys/mman.h>

#define LKLTEST_API
#include <lkltest/compat.h>
#include <lkltest/points.h>

#ifdef LKLTEST_NATIVE
#ifndef lkl_sys_mmap
#define lkl_sys_mmap(...) LKLTEST_SYS(mmap, ##__VA_ARGS__)
#endif
#endif

/**
 * LKLTEST_SECTOR - is the unit in which a disk is addressed, in bytes
 */
#define LKLTEST_SECTOR 512

/**
 * LKLTEST_PAGE - is the unit of known data, in bytes
 */
#define LKLTEST_PAGE 4096

/**
 * LKLTEST_WORK - is a directory inside the kernel for mount points and nodes
 *
 * On a tmpfs where the root is not the kernel's own.
 */
#define LKLTEST_WORK "/lkltest-disk"

/**
 * LKLTEST_FAIL_READS - makes reads of a disk end in EIO
 */
#define LKLTEST_FAIL_READS 1

/**
 * LKLTEST_FAIL_WRITES - makes writes to a disk end in EIO
 */
#define LKLTEST_FAIL_WRITES 2

/**
 * struct lkltest_disk - an image, as a disk of the kernel
 * @path: of the image
 * @capacity: bytes; 0: as large as the image
 * @fail: LKLTEST_FAIL_READS and LKLTEST_FAIL_WRITES, or 0
 * @fail_from: first sector that fails
 * @reads: counted as they come
 * @writes: counted as they come
 * @flushes: counted as they come
 * @failed: requests that failed on purpose, counted as they come
 * @id: what lkl_disk_add() has returned
 * @name: in /sys/block: "vda", "ubda"
 * @node: device node that lkltest_disk_node() has made last
 * @fd: the open image
 * @sectors: of the disk, as it was attached
 * @record: file descriptor of the recording, or 0
 * @disk: the library's own description of the disk
 */
struct lkltest_disk {
	const char *path;
	unsigned long long capacity;
	int fail;
	unsigned long long fail_from;
	unsigned long reads, writes, flushes, failed;
	int id;
	char name[32];
	char node[64];
	int fd;
	unsigned long long sectors;
	int record;
#ifndef LKLTEST_NATIVE
	struct lkl_disk disk;
#endif
};

/**
 * lkltest_has_filesystem() - tells whether this kernel knows a file system
 * @type: of mount(): "ext4"
 */
LKLTEST_FN int lkltest_has_filesystem(const char *type);

/**
 * lkltest_disk_node() - makes the device node of a disk, or of a partition of its
 * @disk: that is attached
 * @part: number of the partition from 1 on; 0: the whole disk
 *
 * Return: the path, which stays valid until the next call for this disk
 */
LKLTEST_FN const char *lkltest_disk_node(struct lkltest_disk *disk, int part);

/**
 * lkltest_mount() - mounts a file system
 * @node: its device node, or a name where it needs none
 * @where: mount point, which is made
 * @type: of the file system
 * @flags: LKL_MS_*
 * @options: of the file system, separated by commas, or NULL
 *
 * Return: 0, or a negative error
 */
LKLTEST_FN long lkltest_mount(const char *node, const char *where, const char *type, int flags, const char *options);

/**
 * lkltest_umount() - unmounts a file system
 * @where: its mount point
 *
 * Waits a little for what keeps it busy: a file that was just closed is let go of a moment later.
 * Return: 0, or a negative error
 */
LKLTEST_FN long lkltest_umount(const char *where);

/**
 * lkltest_wait_free() - waits until nobody holds a block device, and all that was written has reached the disk
 * @node: of the device
 *
 * umount() may return before that: a 6.0 kernel still has the superblock to
 * write. Fails the point after ten seconds.
 */
LKLTEST_FN void lkltest_wait_free(const char *node);

/**
 * lkltest_sleep_ms() - sleeps by the host's clock
 * @ms: milliseconds
 */
LKLTEST_FN void lkltest_sleep_ms(long ms);

/**
 * struct lkltest_data - known data that follows from a text
 * @words: its first page
 */
struct lkltest_data {
	uint64_t words[LKLTEST_PAGE / 8];
};

/**
 * lkltest_data_init() - makes known data of a text
 * @data: gets it
 * @text: such as the path of a file
 */
LKLTEST_FN void lkltest_data_init(struct lkltest_data *data, const char *text);

/**
 * lkltest_data_fill() - writes known data into memory
 * @data: which
 * @first: number of its first page that is wanted
 * @buf: gets the pages
 * @pages: their number
 */
LKLTEST_FN void lkltest_data_fill(const struct lkltest_data *data, unsigned long first, void *buf, size_t pages);

#ifndef LKLTEST_NATIVE

/**
 * lkltest_image_size() - measures an image
 * @path: of the image
 *
 * Return: bytes. Bails out where there is no such file.
 */
LKLTEST_FN unsigned long long lkltest_image_size(const char *path);

/**
 * lkltest_disk_add() - attaches an image, before the kernel starts or while it runs
 * @disk: whose @path, and what else is wanted, is filled in
 * @record: path of a recording of all that reaches the disk, or NULL
 *
 * Where nothing is to be recorded or to fail, the library's own block
 * operations serve it. Bails out where it cannot be attached.
 */
LKLTEST_FN void lkltest_disk_add(struct lkltest_disk *disk, const char *record);

/**
 * lkltest_disk_remove() - detaches an image, when the kernel has stopped
 * @disk: that was attached
 */
LKLTEST_FN void lkltest_disk_remove(struct lkltest_disk *disk);

/**
 * lkltest_disk_mark() - puts a line of text into the recording, between what was written before and what will be after
 * @disk: whose recording
 * @fmt: format of printf()
 */
LKLTEST_FN LKLTEST_PRINTF(2, 3) void lkltest_disk_mark(struct lkltest_disk *disk, const char *fmt, ...);

/**
 * lkltest_disk_write_back() - makes the kernel issue flushes to a disk, before it is mounted
 * @disk: that is attached
 *
 * liblkl offers virtio-blk no flush, so that none would come. With a write-back
 * cache they do. A library that hands flushes on (lkl_dev_blk_ops gets them) is
 * served as well. Skips the point where neither can be had.
 */
LKLTEST_FN void lkltest_disk_write_back(struct lkltest_disk *disk);

#endif

#include <lkltest/internal/mount.h>
#include <lkltest/internal/data.h>
#ifndef LKLTEST_NATIVE
#include <lkltest/internal/disk.h>
#endif

#endif
