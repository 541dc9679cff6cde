/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A library that wants the whole image of a disk in memory and reads no file,
 * as the trees of the fuzzers Janus and Hydra do. SHAPE_NO_CAPACITY: it loses
 * the size.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <string.h>
#include <lkl.h>
#include <lkl_host.h>

#define LKLTEST_DISK_IN_MEMORY 1

struct shape_disk {
	void *dev;
	union {
		int fd;
		void *handle;
	};
	struct shape_dev_blk_ops *ops;
	void *buffer;
	unsigned long long capacity;
};

struct shape_dev_blk_ops {
	int (*get_capacity)(struct shape_disk disk, unsigned long long *res);
	int (*request)(struct shape_disk disk, struct lkl_blk_req *req);
};

static int shape_capacity(struct lkl_disk real, unsigned long long *res)
{
	const struct shape_disk *disk = real.handle;

#ifdef SHAPE_NO_CAPACITY
	(void)disk;
	*res = 0;
#else
	*res = disk->capacity;
#endif
	return 0;
}

static int shape_request(struct lkl_disk real, struct lkl_blk_req *req)
{
	const struct shape_disk *disk = real.handle;
	char *at = (char *)disk->buffer + req->sector * 512;
	int i;

	for (i = 0; i < req->count; at += req->buf[i++].iov_len) {
		if (req->type == LKL_DEV_BLK_TYPE_READ)
			memcpy(req->buf[i].iov_base, at, req->buf[i].iov_len);
		else if (req->type == LKL_DEV_BLK_TYPE_WRITE)
			memcpy(at, req->buf[i].iov_base, req->buf[i].iov_len);
	}
	return LKL_DEV_BLK_STATUS_OK;
}

static inline int shape_disk_add_in_memory(struct shape_disk *disk)
{
	static struct lkl_dev_blk_ops ops = { .get_capacity = shape_capacity, .request = shape_request };
	static struct lkl_disk real;

	real.handle = disk;
	real.ops = &ops;
	return lkl_disk_add(&real);
}

static inline int shape_disk_remove_in_memory(struct shape_disk disk)
{
	(void)disk;
	return 0;
}

#define lkl_disk shape_disk
#define lkl_dev_blk_ops shape_dev_blk_ops
#define lkl_disk_add shape_disk_add_in_memory
#define lkl_disk_remove shape_disk_remove_in_memory
