/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk whose image each program changes at its start: a private mapping of the base, which is dropped afterwards. */
#ifndef LKLTEST_FUZZ_IMAGE_H
#define LKLTEST_FUZZ_IMAGE_H

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include "protocol.h"
#include "sandbox.h"

#define IMAGE_DEVICE	"/dev/disk"	/* what programs mount */
#define IMAGE_PLACE	"/disk"		/* and where */
#define IMAGE_SECTOR	512
#define IMAGE_TURNS	20		/* looks at whether the kernel has let go of the disk, its threads' turn before each */
#define IMAGE_TRIES	(IMAGE_TURNS + 200)	/* and those after which the disk is busy: the rest waits 10 ms each */
#define IMAGE_EXCL	0200

static struct {
	char *map;
	unsigned long size;
	struct lkl_disk disk;
	int mounting;	/* the program has an image, and has made no call yet */
	int busy;	/* the kernel still has the disk after the unmount: no other image can be tried */
} image;

#ifdef LKL_DEV_BLK_STATUS_OK

static int image_capacity(struct lkl_disk disk, unsigned long long *size)
{
	*size = image.size;
	return 0;
}

static int image_request(struct lkl_disk disk, struct lkl_blk_req *req)
{
	unsigned long at = req->sector * IMAGE_SECTOR;
	int i;

	if (req->type != LKL_DEV_BLK_TYPE_READ && req->type != LKL_DEV_BLK_TYPE_WRITE)
		return req->type == LKL_DEV_BLK_TYPE_FLUSH || req->type == LKL_DEV_BLK_TYPE_FLUSH_OUT
			? LKL_DEV_BLK_STATUS_OK : LKL_DEV_BLK_STATUS_UNSUP;
	for (i = 0; i < req->count; at += req->buf[i++].iov_len) {
		if (at > image.size || req->buf[i].iov_len > image.size - at)
			return LKL_DEV_BLK_STATUS_IOERR;
		if (req->type == LKL_DEV_BLK_TYPE_WRITE)
			memcpy(image.map + at, req->buf[i].iov_base, req->buf[i].iov_len);
		else
			memcpy(req->buf[i].iov_base, image.map + at, req->buf[i].iov_len);
	}
	return LKL_DEV_BLK_STATUS_OK;
}

/* Give the booted kernel the base as a disk; 0 or a negative errno. */
static long image_add(const char *path)
{
	static struct lkl_dev_blk_ops ops = { .get_capacity = image_capacity, .request = image_request };
	struct stat st;
	uint32_t device;
	int id, fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	image.size = st.st_size;
	image.map = mmap(NULL, image.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
	close(fd);
	if (image.map == MAP_FAILED)
		return -errno;
	image.disk.handle = image.map;
	image.disk.ops = &ops;
	id = lkl_disk_add(&image.disk);
	if (id < 0)
		return id;
	id = lkl_get_virtio_blkdev(id, 0, &device);
	if (id < 0)
		return id;
	SYS(mkdirat, SANDBOX_FDCWD, (long)IMAGE_PLACE, 0755);
	return SYS(mknodat, SANDBOX_FDCWD, (long)IMAGE_DEVICE, 0060600, device);
}

#else

static long image_add(const char *path)
{
	return -ENOSYS;	/* disks are UML's own, which no block operations serve */
}

#endif

/* Let the kernel's own threads work: most need no time but only their turn. */
static void image_wait(int tries)
{
	struct lkl_timespec tick = { .tv_nsec = 10000000 };

	if (tries < IMAGE_TURNS)
		SYS(sched_yield, 0);
	else
		SYS(nanosleep, (long)&tick, 0);
}

/* Make the image that a program begins with: the base with the program's changes. Returns the program's first call. */
static const unsigned char *image_enter(const unsigned char *p)
{
	const struct changes *changes = (const struct changes *)p;
	const unsigned char *end = p + changes->bytes;

	image.mounting = 1;
	madvise(image.map, image.size, MADV_DONTNEED);
	for (p += sizeof(*changes); p < end;) {
		const struct change *change = (const struct change *)p;

		p += sizeof(*change);
		if (change->offset <= image.size && change->length <= image.size - change->offset)
			memcpy(image.map + change->offset, p, change->length);
		p += (change->length + 7) & ~7UL;
	}
	return end;
}

/* Unmount what the program has mounted, and wait until the kernel has let go of the disk. */
static void image_leave(void)
{
	long fd;
	int i;

	image.mounting = 0;
	SYS(chdir, (long)"/");
	if (SYS(umount2, (long)IMAGE_PLACE, 0) == -EBUSY)
		SYS(umount2, (long)IMAGE_PLACE, 2 /* MNT_DETACH */);
	for (i = 0; i < IMAGE_TRIES; i++) {
		fd = SYS(openat, SANDBOX_FDCWD, (long)IMAGE_DEVICE, IMAGE_EXCL, 0);
		if (fd >= 0) {
			SYS(close, fd);
			return;
		}
		image_wait(i);
	}
	image.busy = 1;
}

#endif
