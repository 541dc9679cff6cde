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

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include <lkltest/kernel.h>
#include <lkltest/main.h>

#define LKLTEST_SECTOR 512

#ifdef LKLTEST_NATIVE
#ifndef lkl_sys_mmap
#define lkl_sys_mmap(...) LKLTEST_SYS(mmap, ##__VA_ARGS__)
#endif
#ifndef st_mtime_nsec
#define st_mtime_nsec st_mtim.tv_nsec	/* as struct lkl_stat has it */
#endif
#endif

#define LKLTEST_FAIL_READS 1
#define LKLTEST_FAIL_WRITES 2

struct lkltest_disk {
	const char *path;		/* the image */
	unsigned long long capacity;	/* bytes; 0: as large as the image */
	int fail;			/* LKLTEST_FAIL_*: what ends in EIO... */
	unsigned long long fail_from;	/* ...from this sector on */

	/* Counted as they come. */
	unsigned long reads, writes, flushes, failed;

	int id;				/* as lkl_disk_add() has it */
	char name[32];			/* in /sys/block: "vda", "ubda" */
	char node[64];			/* its device node, made by lkltest_disk_node() */

	int fd;
	int record;			/* file descriptor of the recording, or 0 */
#ifndef LKLTEST_NATIVE
	struct lkl_disk disk;
#endif
};

/* ---- what happens inside the kernel under test: the same for every kernel ---- */

#define LKLTEST_WORK "/lkltest-disk"	/* a directory inside the kernel, on a tmpfs where / is not its own */

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

/* Makes the directories for mount points and nodes, and mounts sysfs and proc. Once is enough. */
LKLTEST_FN void lkltest_disk_prepare(void)
{
	static int done;

	if (done)
		return;
#ifdef LKLTEST_NATIVE
	/* The root is the host's directory, where no device node can be made. */
	lkl_sys_mkdirat(LKL_AT_FDCWD, LKLTEST_WORK, 0700);
	CHECK_OK(lkl_sys_mount("none", LKLTEST_WORK, "tmpfs", 0, NULL));
#else
	CHECK_OK(lkl_sys_mkdirat(LKL_AT_FDCWD, LKLTEST_WORK, 0700));
#endif
	CHECK_OK(lkl_sys_mkdirat(LKL_AT_FDCWD, LKLTEST_WORK "/sys", 0700));
	CHECK_OK(lkl_sys_mkdirat(LKL_AT_FDCWD, LKLTEST_WORK "/proc", 0700));
	CHECK_OK(lkl_sys_mount("none", LKLTEST_WORK "/sys", "sysfs", 0, NULL));
	CHECK_OK(lkl_sys_mount("none", LKLTEST_WORK "/proc", "proc", 0, NULL));
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

/* Does this kernel know the file system? */
LKLTEST_FN int lkltest_has_filesystem(const char *type)
{
	char text[4096], *line, *rest = text, *name;

	lkltest_disk_prepare();
	CHECK_OK(lkltest_slurp(LKLTEST_WORK "/proc/filesystems", text, sizeof(text)));
	while ((line = strsep(&rest, "\n"))) {
		name = strchr(line, '\t');
		if (name && !strcmp(name + 1, type))
			return 1;
	}
	return 0;
}

/* Makes the device node of a disk, or of its partition; the path stays valid until the next call for this disk. */
LKLTEST_FN const char *lkltest_disk_node(struct lkltest_disk *disk, int part)
{
	char path[192], text[32];
	unsigned int major, minor;
	long err;

	lkltest_disk_prepare();
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

/* Mounts; 0 or a negative error. The mount point is made. The kernel copies a whole page of `options`. */
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

/* Unmounts; 0 or a negative error. */
LKLTEST_FN long lkltest_umount(const char *where)
{
	long long deadline = lkltest_now_ns() + LKLTEST_BUSY_NS;
	long err;

	while ((err = lkl_sys_umount((char *)where, 0)) == -LKL_EBUSY && lkltest_now_ns() < deadline)
		lkltest_sleep_ms(1);
	return err;
}

/*
 * Waits until nobody holds a block device any more, and all that was written
 * to it has reached the disk. umount() may return before that: a 6.0 kernel
 * still has the superblock to write. Fails the point after ten seconds.
 */
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

/* ---- known data ---- */

#define LKLTEST_PAGE 4096

/* Known data that follows from a text, as lkltest/image/tree.py makes it too. */
struct lkltest_data {
	uint64_t words[LKLTEST_PAGE / 8];
};

LKLTEST_FN void lkltest_data_init(struct lkltest_data *data, const char *text)
{
	uint64_t state = 0xcbf29ce484222325ULL;
	size_t i;

	for (; *text; text++)
		state = (state ^ (unsigned char)*text) * 0x100000001b3ULL;
	state = state ? state : 1;
	for (i = 0; i < LKLTEST_PAGE / 8; i++) {
		state ^= state >> 12;
		state ^= state << 25;
		state ^= state >> 27;
		data->words[i] = state * 0x2545f4914f6cdd1dULL;
	}
}

/* Writes the known data of `pages` pages from page `first` on into `buf`. */
LKLTEST_FN void lkltest_data_fill(const struct lkltest_data *data, unsigned long first, void *buf, size_t pages)
{
	uint64_t number;
	size_t i;

	for (i = 0; i < pages; i++) {
		memcpy((char *)buf + i * LKLTEST_PAGE, data->words, LKLTEST_PAGE);
		number = data->words[0] ^ (first + i);
		memcpy((char *)buf + i * LKLTEST_PAGE, &number, sizeof(number));
	}
}

/* ---- the host's side of a library's disk ---- */

#ifndef LKLTEST_NATIVE

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

/* Puts a line of text into the recording, between what was written before and what will be after. */
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

/* The size of an image in bytes. */
LKLTEST_FN unsigned long long lkltest_image_size(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		lkltest_bail_out("cannot open the image %s: %s", path, strerror(errno));
	return st.st_size;
}

/*
 * Attaches an image, before the kernel starts or while it runs. Where nothing
 * is to be recorded or to fail, the library's own block operations serve it.
 */
LKLTEST_FN void lkltest_disk_add(struct lkltest_disk *disk, const char *record)
{
	static struct lkl_dev_blk_ops ops = {
		.get_capacity = lkltest_disk_capacity,
		.request = lkltest_disk_request,
	};
	static int nr_disks;

	disk->fd = open(disk->path, O_RDWR | O_CLOEXEC);
	if (disk->fd < 0)
		lkltest_bail_out("cannot open the image %s: %s", disk->path, strerror(errno));
	if (record) {
		disk->record = open(record, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
		if (disk->record < 0)
			lkltest_bail_out("cannot write the recording %s: %s", record, strerror(errno));
	}
	/* UML's library mode looks for the image's path here; the others overwrite it. */
	disk->disk.dev = (void *)disk->path;
	if (record || disk->fail || disk->fail_from || disk->capacity) {
		disk->disk.handle = disk;
		disk->disk.ops = &ops;
	} else {
		disk->disk.fd = disk->fd;
	}
	disk->id = lkl_disk_add(&disk->disk);
	if (disk->id < 0)
		lkltest_bail_out("lkl_disk_add(%s) returned %d: %s", disk->path, disk->id, lkl_strerror(disk->id));
	snprintf(disk->name, sizeof(disk->name), "vd%c", 'a' + nr_disks++);
}

/* Detaches an image; when the kernel has stopped. */
LKLTEST_FN void lkltest_disk_remove(struct lkltest_disk *disk)
{
	CHECK_EQ(lkl_disk_remove(disk->disk), 0);
	CHECK_EQ(close(disk->fd), 0);
	if (disk->record)
		CHECK_EQ(close(disk->record), 0);
}

/* The one disk whose flushes are told by the console; see lkltest_disk_write_back(). */
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

/*
 * Makes the kernel issue flushes to a disk, before it is mounted: liblkl offers
 * virtio-blk no flush, so that none would come. With a write-back cache they
 * do; the device refuses each with a line on the console, in order with the
 * writes, and that line is what is recorded. A library that hands flushes on
 * (lkl_dev_blk_ops gets them) is served as well. Skips the point where neither
 * can be had.
 */
LKLTEST_FN void lkltest_disk_write_back(struct lkltest_disk *disk)
{
	char path[128];
	long fd;

	lkltest_disk_prepare();
	snprintf(path, sizeof(path), LKLTEST_WORK "/sys/block/%s/queue/write_cache", disk->name);
	fd = lkl_sys_openat(LKL_AT_FDCWD, path, LKL_O_WRONLY, 0);
	if (fd < 0)
		lkltest_skip("this kernel has no /sys/block/%s/queue/write_cache, which Linux 4.7 brought: no flush can be seen",
			     disk->name);
	CHECK_EQ(lkl_sys_write(fd, "write back", 10), 10);
	CHECK_OK(lkl_sys_close(fd));
	lkltest_flushing = disk;
#if LKLTEST_HOOKED_CONSOLE
	lkltest_print_rest = lkl_host_ops.print;
	lkl_host_ops.print = lkltest_print_flush;
#endif
}

#endif /* !LKLTEST_NATIVE */
#endif
