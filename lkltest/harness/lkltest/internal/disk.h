/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The implementation of <lkltest/disk.h>: block operations of a library's disk, which can record and fail. */
#ifndef LKLTEST_INTERNAL_DISK_H
#define LKLTEST_INTERNAL_DISK_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <lkltest/internal/mount.h>

/* The recording: frames of three 64-bit numbers (kind, position, length) and their bytes. */
LKLTEST_FN void lkltest_record_put(int fd, char kind, uint64_t position, const struct iovec *buf, int count)
{
	static pthread_mutex_t whole = PTHREAD_MUTEX_INITIALIZER;	/* frames come from any thread */
	uint64_t head[3] = { (unsigned char)kind, position, 0 };
	int i, err;

	for (i = 0; i < count; i++)
		head[2] += buf[i].iov_len;
	pthread_mutex_lock(&whole);
	err = lkltest_write(fd, (const char *)head, sizeof(head));
	for (i = 0; i < count && !err; i++)
		err = lkltest_write(fd, buf[i].iov_base, buf[i].iov_len);
	pthread_mutex_unlock(&whole);
	if (err)
		lkltest_failed(__FILE__, __LINE__, 0, "the recording is written", "", strerror(errno));
}

LKLTEST_FN LKLTEST_PRINTF(2, 3) void lkltest_disk_mark(struct lkltest_disk *disk, const char *fmt, ...)
{
	char text[1024];
	struct iovec buf = { text, 0 };
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	buf.iov_len = strlen(text);
	if (disk->record)
		lkltest_record_put(disk->record, 'M', 0, &buf, 1);
}

#ifdef LKL_DEV_BLK_STATUS_OK	/* else disks are UML's own, which no block operations serve */

LKLTEST_FN int lkltest_disk_capacity(struct lkl_disk d, unsigned long long *res)
{
	struct lkltest_disk *disk = d.handle;
	struct stat st;

	if (fstat(disk->fd, &st))
		return -1;
	*res = disk->capacity ? disk->capacity : (unsigned long long)st.st_size;
	return 0;
}

/* One buffer to or from the image; what lies past the image's end reads as zeroes. 0 or -1. */
LKLTEST_FN int lkltest_disk_transfer(int fd, int writing, char *buf, size_t len, off_t at)
{
	ssize_t n;

	for (; len; buf += n, at += n, len -= n) {
		n = writing ? pwrite(fd, buf, len, at) : pread(fd, buf, len, at);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0 || (writing && !n))
			return -1;
		else if (!n) {
			memset(buf, 0, len);
			return 0;
		}
	}
	return 0;
}

LKLTEST_FN int lkltest_disk_fails(const struct lkltest_disk *disk, const struct lkl_blk_req *req)
{
	int kind = req->type == LKL_DEV_BLK_TYPE_WRITE ? LKLTEST_FAIL_WRITES : LKLTEST_FAIL_READS;
	unsigned long long end = req->sector;
	int i;

	for (i = 0; i < req->count; i++)
		end += req->buf[i].iov_len / LKLTEST_SECTOR;
	return (disk->fail & kind) && end > disk->fail_from;
}

/* Called by the kernel, on whatever thread: no check may end the point here. */
LKLTEST_FN int lkltest_disk_request(struct lkl_disk d, struct lkl_blk_req *req)
{
	struct lkltest_disk *disk = d.handle;
	int writing = req->type == LKL_DEV_BLK_TYPE_WRITE;
	off_t at = req->sector * LKLTEST_SECTOR;
	int i;

	if (req->type == LKL_DEV_BLK_TYPE_FLUSH || req->type == LKL_DEV_BLK_TYPE_FLUSH_OUT) {
		disk->flushes++;
		if (disk->record)
			lkltest_record_put(disk->record, 'F', 0, NULL, 0);
		return LKL_DEV_BLK_STATUS_OK;
	}
	if (!writing && req->type != LKL_DEV_BLK_TYPE_READ)
		return LKL_DEV_BLK_STATUS_UNSUP;
	if (writing)
		disk->writes++;
	else
		disk->reads++;
	if (lkltest_disk_fails(disk, req)) {
		disk->failed++;
		return LKL_DEV_BLK_STATUS_IOERR;
	}
	if (writing && disk->record)
		lkltest_record_put(disk->record, 'W', req->sector, req->buf, req->count);
	for (i = 0; i < req->count; at += req->buf[i++].iov_len)
		if (lkltest_disk_transfer(disk->fd, writing, req->buf[i].iov_base, req->buf[i].iov_len, at))
			return LKL_DEV_BLK_STATUS_IOERR;
	return LKL_DEV_BLK_STATUS_OK;
}

LKLTEST_FN void lkltest_disk_serve(struct lkltest_disk *disk)
{
	static struct lkl_dev_blk_ops ops = {
		.get_capacity = lkltest_disk_capacity,
		.request = lkltest_disk_request,
	};

	disk->disk.handle = disk;
	disk->disk.ops = &ops;
#ifdef LKLTEST_DISK_IN_MEMORY
	if (lkltest_disk_capacity(disk->disk, &disk->disk.capacity))	/* such a library may not ask for it */
		lkltest_bail_out("cannot measure the image %s: %s", disk->path, strerror(errno));
#endif
}

#else

LKLTEST_FN void lkltest_disk_serve(struct lkltest_disk *disk)
{
	close(disk->fd);
	lkltest_disks_refused =
		"this kernel's disks cannot be recorded, nor fail on purpose: its library has no lkl_dev_blk_ops";
	lkltest_skip("%s", lkltest_disks_refused);
}

#endif

LKLTEST_FN unsigned long long lkltest_image_size(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		lkltest_bail_out("cannot open the image %s: %s", path, strerror(errno));
	return st.st_size;
}

/*
 * The path of a disk's image for UML's library mode, which puts it on the kernel's command line; other libraries do
 * not look at it. There a blank ends it, and a comma or colon stands before the path of a backing file.
 */
LKLTEST_FN void *lkltest_disk_name(struct lkltest_disk *disk)
{
	if (!strpbrk(disk->path, " \t\n,:\"'"))
		return (void *)disk->path;
	snprintf(disk->node, sizeof(disk->node), "/proc/self/fd/%d", disk->fd);
	return disk->node;
}

LKLTEST_FN void lkltest_disk_add(struct lkltest_disk *disk, const char *record)
{
	static int nr_disks;

	if (LKLTEST_UML_LIBRARY && lkltest.running)
		lkltest_skip("this kernel takes disks before it starts only: UML's library mode puts them on its command line");
	disk->fd = open(disk->path, O_RDWR | O_CLOEXEC);
	if (disk->fd < 0)
		lkltest_bail_out("cannot open the image %s: %s", disk->path, strerror(errno));
	if (record) {
		disk->record = open(record, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
		if (disk->record < 0)
			lkltest_bail_out("cannot write the recording %s: %s", record, strerror(errno));
	}
	disk->sectors = (disk->capacity ? disk->capacity : lkltest_image_size(disk->path)) / LKLTEST_SECTOR;
	disk->disk.dev = lkltest_disk_name(disk);
	if (record || disk->fail || disk->fail_from || disk->capacity)
		lkltest_disk_serve(disk);
	else if (lkltest_disk_image(&disk->disk, disk->fd))
		lkltest_bail_out("cannot map the image %s: %s", disk->path, strerror(errno));
	disk->id = lkl_disk_add(&disk->disk);
	if (disk->id < 0)
		lkltest_bail_out("lkl_disk_add(%s) returned %d: %s", disk->path, disk->id, lkl_strerror(disk->id));
	snprintf(disk->name, sizeof(disk->name), LKLTEST_UML_LIBRARY ? "ubd%c" : "vd%c", 'a' + nr_disks++);
}

LKLTEST_FN void lkltest_disk_remove(struct lkltest_disk *disk)
{
	if (!*disk->name && lkltest_disks_refused)
		return;
	CHECK_EQ(lkl_disk_remove(disk->disk), 0);
	CHECK_EQ(lkltest_disk_unmap(&disk->disk), 0);
	CHECK_EQ(close(disk->fd), 0);
	if (disk->record)
		CHECK_EQ(close(disk->record), 0);
}

/*
 * The one disk whose flushes show on the console: the device refuses each
 * with a line, in order with the writes, and that line is what is recorded.
 */
static struct lkltest_disk *lkltest_flushing;
static void (*lkltest_print_rest)(const char *str, int len);

LKLTEST_FN void lkltest_print_flush(const char *str, int len)
{
	static const char marker[] = "virtio_blk: no status buf";

	if (!memmem(str, len, marker, sizeof(marker) - 1)) {
		lkltest_print_rest(str, len);
		return;
	}
	lkltest_flushing->flushes++;
	if (lkltest_flushing->record)
		lkltest_record_put(lkltest_flushing->record, 'F', 0, NULL, 0);
}

LKLTEST_FN void lkltest_disk_write_back(struct lkltest_disk *disk)
{
	char path[128];
	long fd, written;

	lkltest_disk_prepare();
	snprintf(path, sizeof(path), LKLTEST_WORK "/sys/block/%s/queue/write_cache", disk->name);
	fd = lkl_sys_openat(LKL_AT_FDCWD, path, LKL_O_WRONLY, 0);
	if (fd < 0)
		lkltest_skip("this kernel has no /sys/block/%s/queue/write_cache, which Linux 4.7 brought: no flush can be seen",
			     disk->name);
	written = lkl_sys_write(fd, "write back", 10);
	CHECK_OK(lkl_sys_close(fd));
	if (written == -LKL_EINVAL)
		lkltest_skip("this library's disks report no write cache, and since about 6.5 Linux enables none by hand: "
			     "no flush can be seen");
	CHECK_EQ(written, 10);
	lkltest_flushing = disk;
#if LKLTEST_IN_TABLE(print)
	lkltest_print_rest = lkl_host_ops.print;
	lkl_host_ops.print = lkltest_print_flush;
#endif
}

#endif
