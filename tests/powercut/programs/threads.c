/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes to a disk from many threads at once, without a kernel, and records it: record=FILE. */
#include <lkltest.h>
#include <lkltest/disk.h>

#define THREADS 8
#define WRITES 500

static struct lkltest_disk disk;

static void *writer(void *number)
{
	char data[3 * LKLTEST_SECTOR];
	struct iovec bufs[] = { { data, LKLTEST_SECTOR }, { data + LKLTEST_SECTOR, 2 * LKLTEST_SECTOR } };
	struct lkl_blk_req req = { .type = LKL_DEV_BLK_TYPE_WRITE, .sector = (long)number, .buf = bufs, .count = 2 };
	int i;

	memset(data, 'a' + (long)number, sizeof(data));
	for (i = 0; i < WRITES; i++) {
		CHECK_EQ(lkltest_disk_request(disk.disk, &req), LKL_DEV_BLK_STATUS_OK);
		lkltest_disk_mark(&disk, "any %ld", (long)number);
	}
	return NULL;
}

POINT(threads)
{
	pthread_t threads[THREADS];
	long i;

	disk.disk.handle = &disk;
	disk.fd = open("/dev/null", O_WRONLY);
	disk.record = open(lkltest_arg("record"), O_WRONLY | O_CREAT | O_APPEND, 0600);
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, writer, (void *)i), 0);
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(threads),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
