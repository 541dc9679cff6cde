/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about the blocks of a file: reserved, cut out, moved, read past the cache. */
#ifndef RANGES_INC_C
#define RANGES_INC_C

#include "../need.h"
#include "volumes.h"

#define KEEP_SIZE 1
#define PUNCH 2
#define COLLAPSE 8
#define ZERO 16
#define INSERT 32

#define BLOCK 65536UL		/* a multiple of every block size */
#define BLOCKS 16

/* Fills each block of a file with a letter of its own. */
LKLTEST_FN void put_letters(long fd, const char *letters)
{
	for (; *letters; letters++) {
		memset(chunk, *letters, BLOCK);
		write_all(fd, chunk, BLOCK);
	}
}

/* Demands that each block of a file has its letter; a dot stands for zeroes. */
LKLTEST_FN void check_letters(const char *path, const char *letters)
{
	long fd = open_file(path, LKL_O_RDONLY);
	size_t at;

	for (at = 0; *letters; letters++, at += BLOCK) {
		memset(known, *letters == '.' ? 0 : *letters, BLOCK);
		CHECK_EQ(read_some(fd, chunk, BLOCK), BLOCK);
		if (memcmp(chunk, known, BLOCK))
			differs(path, at, chunk, known, BLOCK);
	}
	CHECK_EQ(read_some(fd, chunk, 1), 0);
	close_file(fd);
}

/* Does it to a new file of sixteen letters; 0 where the file system cannot. */
LKLTEST_FN int change_range(const char *path, int mode, long from, long length)
{
	long fd = open_file(path, LKL_O_RDWR | LKL_O_CREAT | LKL_O_TRUNC), err;

	put_letters(fd, "abcdefghijklmnop");
	err = lkl_sys_fallocate(fd, mode, from * BLOCK, length * BLOCK);
	if (err != -LKL_EOPNOTSUPP)
		CHECK_EQ(err, 0);
	sync_file(fd);
	close_file(fd);
	lkltest_log("fallocate mode %d: %s", mode, err ? lkl_strerror(err) : "done");
	return !err;
}

static struct {
	const char *path;
	int mode, from, length, done;
	const char *letters;
} changes[] = {
	{ "ranges/reserved", 0, 14, 6, 0, "abcdefghijklmnop...." },
	{ "ranges/kept", KEEP_SIZE, 14, 6, 0, "abcdefghijklmnop" },
	{ "ranges/punched", PUNCH | KEEP_SIZE, 3, 4, 0, "abc....hijklmnop" },
	{ "ranges/zeroed", ZERO, 10, 10, 0, "abcdefghij.........." },
	{ "ranges/collapsed", COLLAPSE, 2, 5, 0, "abhijklmnop" },
	{ "ranges/inserted", INSERT, 2, 3, 0, "ab...cdefghijklmnop" },
};

LKLTEST_FN void make_ranges(void)
{
	size_t i;
	int done = 0;

	make_directory("ranges");
	for (i = 0; i < sizeof(changes) / sizeof(*changes); i++)
		done += changes[i].done = change_range(changes[i].path, changes[i].mode, changes[i].from, changes[i].length);
	if (!done)
		lkltest_skip("%s reserves no blocks of files", first.type);
}

LKLTEST_FN void check_ranges(void)
{
	size_t i;
	int done = 0;

	for (i = 0; i < sizeof(changes) / sizeof(*changes); i++, done += changes[i - 1].done)
		check_letters(changes[i].path, changes[i].done ? changes[i].letters : "abcdefghijklmnop");
	if (!done)
		lkltest_skip("%s reserves no blocks of files", first.type);
}

#define SCATTERED 1200

/* Writes pages of a file in an order in which no page follows its neighbour, so that its blocks do not either. */
LKLTEST_FN void make_scattered(void)
{
	struct lkltest_data data;
	int round, i;
	long fd;

	fd = open_file("scattered", LKL_O_RDWR | LKL_O_CREAT | LKL_O_EXCL);
	lkltest_data_init(&data, "scattered");
	for (round = 0; round < 2; round++) {
		for (i = SCATTERED - 1 - round; i >= 0; i -= 2) {
			lkltest_data_fill(&data, i, chunk, 1);
			CHECK_EQ(lkl_sys_pwrite64(fd, chunk, LKLTEST_PAGE, (long)i * LKLTEST_PAGE), LKLTEST_PAGE);
			if (i % 400 < 2)
				sync_file(fd);
		}
	}
	/* And cut in the middle of what it has. */
	CHECK_EQ(lkl_sys_ftruncate(fd, SCATTERED / 2 * LKLTEST_PAGE + 100), 0);
	sync_file(fd);
	close_file(fd);
}

LKLTEST_FN void check_scattered(void)
{
	check_file("scattered", SCATTERED / 2 * LKLTEST_PAGE + 100);
}

/* Every second page only: as many extents as pages, in a tree of some depth. */
LKLTEST_FN void make_islands(void)
{
	long fd = open_file("islands", LKL_O_RDWR | LKL_O_CREAT | LKL_O_EXCL);
	int i;

	for (i = 0; i < SCATTERED; i += 2) {
		memset(chunk, 1 + i % 200, LKLTEST_PAGE);
		CHECK_EQ(lkl_sys_pwrite64(fd, chunk, LKLTEST_PAGE, (long)i * LKLTEST_PAGE), LKLTEST_PAGE);
	}
	sync_file(fd);
	/* Some of them go, from the middle and from the end. */
	lkl_sys_fallocate(fd, PUNCH | KEEP_SIZE, 400 * LKLTEST_PAGE, 200 * LKLTEST_PAGE);
	CHECK_EQ(lkl_sys_ftruncate(fd, 1000 * LKLTEST_PAGE), 0);
	close_file(fd);
}

LKLTEST_FN void check_islands(void)
{
	long fd = open_file("islands", LKL_O_RDONLY), at, data;
	int i, seen = 0, punched;

	CHECK_EQ(lkl_sys_pread64(fd, chunk, 1, 400 * LKLTEST_PAGE), 1);
	punched = !chunk[0];
	for (i = 0; i < 1000; i++) {
		int value = i % 2 || (punched && i >= 400 && i < 600) ? 0 : 1 + i % 200;

		memset(known, value, LKLTEST_PAGE);
		CHECK_EQ(lkl_sys_pread64(fd, chunk, LKLTEST_PAGE, (long)i * LKLTEST_PAGE), LKLTEST_PAGE);
		if (memcmp(chunk, known, LKLTEST_PAGE))
			differs("islands", (size_t)i * LKLTEST_PAGE, chunk, known, LKLTEST_PAGE);
	}
	/* SEEK_DATA, SEEK_HOLE: what lies between them was written. */
	for (at = 0; (data = lkl_sys_lseek(fd, at, 3)) >= 0 && seen < 2000; seen++) {
		at = CHECK_OK(lkl_sys_lseek(fd, data, 4));
		CHECK_GT(at, data);
	}
	CHECK(data == -LKL_ENXIO || data == -LKL_EINVAL);
	CHECK_GE(seen, 1);
	close_file(fd);
}

struct extent_map {
	uint64_t start, length;
	uint32_t flags, mapped, count, reserved;
	struct {
		uint64_t logical, physical, length, reserved[2];
		uint32_t flags, more[3];
	} extents[64];
};

/* The map of a file's extents is in order, has no overlap, and covers what was written. */
POINT(fiemap)
{
	static struct extent_map map;
	uint64_t end = 0, covered = 0;
	unsigned int i;
	long fd, err;

	need_mounted();
	remove_all("mapped");
	make_file("mapped", 300000);
	fd = open_file("mapped", LKL_O_RDONLY);
	map = (struct extent_map){ .length = ~0ULL, .flags = 1, .count = 64 };
	err = lkl_sys_ioctl(fd, 0xc020660b, (long)&map);	/* FS_IOC_FIEMAP */
	if (err == -LKL_EOPNOTSUPP || err == -LKL_ENOTTY)
		lkltest_skip("%s does not tell the extents of its files", first.type);
	CHECK_EQ(err, 0);
	CHECK_GT(map.mapped, 0);
	for (i = 0; i < map.mapped; i++) {
		CHECK_GE(map.extents[i].logical, end);
		end = map.extents[i].logical + map.extents[i].length;
		covered += map.extents[i].length;
	}
	CHECK_GE(covered, 300000);
	CHECK_EQ(map.extents[map.mapped - 1].flags & 1, 1);	/* the last one */
	map.flags = 1 << 30;
	CHECK_EQ(lkl_sys_ioctl(fd, 0xc020660b, (long)&map), -53);	/* EBADR */
	close_file(fd);
}

/* Memory from which the kernel can read and write a disk directly. */
LKLTEST_FN char *direct_memory(long length)
{
	long at = LKLTEST_SYS(mmap, 0, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at < 0 && at > -4096)
		lkltest_skip("this kernel maps no memory: %s", lkl_strerror(at));
	return (char *)at;
}

/* Few pages: without an MMU they must lie side by side, and a full memory has no large pieces. */
#define DIRECT_PAGES 8
#define DIRECT (DIRECT_PAGES * (size_t)LKLTEST_PAGE)

/* Data written past the cache is read through it, and the other way round. */
POINT(direct_io)
{
	char *memory = direct_memory(DIRECT);
	struct lkltest_data data;
	long fd, n;

	need_mounted();
	remove_all("direct");
	fd = lkl_sys_openat(LKL_AT_FDCWD, "direct", LKL_O_RDWR | LKL_O_CREAT | LKL_O_TRUNC | LKL_O_DIRECT, 0644);
	if (fd == -LKL_EINVAL)
		lkltest_skip("%s has no direct I/O", first.type);
	CHECK_OK(fd);
	lkltest_data_init(&data, "direct");
	lkltest_data_fill(&data, 0, memory, DIRECT_PAGES);
	n = lkl_sys_write(fd, memory, DIRECT);
	if (n == -LKL_EFAULT) {
		lkl_sys_close(fd);
		lkltest_skip("this kernel cannot lend mapped memory to a disk");
	}
	CHECK_EQ(n, DIRECT);
	lkltest_data_fill(&data, DIRECT_PAGES, memory, DIRECT_PAGES);
	CHECK_EQ(lkl_sys_write(fd, memory, DIRECT), DIRECT);
	check_file("direct", 2 * DIRECT);
	memset(memory, 0, DIRECT);
	CHECK_EQ(lkl_sys_pread64(fd, memory, DIRECT, DIRECT), DIRECT);
	lkltest_data_fill(&data, DIRECT_PAGES, known, DIRECT_PAGES);
	CHECK_MEM_EQ(memory, known, DIRECT);
	/* Over what the cache holds, past the end, and not on a sector. */
	memset(memory, 'x', DIRECT);
	CHECK_EQ(lkl_sys_pwrite64(fd, memory, 4096, 4096), 4096);
	n = open_file("direct", LKL_O_RDONLY);
	CHECK_EQ(lkl_sys_pread64(n, chunk, 4096, 4096), 4096);
	CHECK_MEM_EQ(chunk, memory, 4096);
	close_file(n);
	CHECK_EQ(lkl_sys_pread64(fd, memory, DIRECT, 2 * DIRECT), 0);
	n = lkl_sys_pwrite64(fd, memory, 100, 4096);
	CHECK(n == -LKL_EINVAL || n == 100);
	CHECK_EQ(lkl_sys_close(fd), 0);
	CHECK_EQ(LKLTEST_SYS(munmap, (long)memory, DIRECT), 0);
}

/* Files of the disk are spliced, sent and copied as files in memory are. */
POINT(moved_data)
{
	long long at = 0;
	long from, to, n;
	size_t done;
	int fds[2];

	need_mounted();
	remove_all("moved");
	make_directory("moved");
	make_file_as("moved/from", "moved", 200000);
	from = open_file("moved/from", LKL_O_RDONLY);
	to = open_file("moved/spliced", LKL_O_RDWR | LKL_O_CREAT);
	CHECK_EQ(lkl_sys_pipe2(fds, 0), 0);
	for (done = 0; done < 200000; done += n) {
		n = CHECK_OK(LKLTEST_SYS(splice, from, 0, fds[1], 0, 32768, 0));
		CHECK_GT(n, 0);
		CHECK_EQ(LKLTEST_SYS(splice, fds[0], 0, to, 0, n, 0), n);
	}
	CHECK_EQ(lkl_sys_close(fds[0]), 0);
	CHECK_EQ(lkl_sys_close(fds[1]), 0);
	close_file(to);
	check_file_as("moved/spliced", "moved", 200000);
	to = open_file("moved/sent", LKL_O_RDWR | LKL_O_CREAT);
	CHECK_EQ(LKLTEST_SYS(sendfile, to, from, (long)&at, 1 << 20), 200000);
	close_file(to);
	check_file_as("moved/sent", "moved", 200000);
	to = open_file("moved/copied", LKL_O_RDWR | LKL_O_CREAT);
	at = 0;
	n = LKLTEST_SYS(copy_file_range, from, (long)&at, to, 0, 200000, 0);
	if (n != -LKL_ENOSYS) {
		CHECK_EQ(n, 200000);
		check_file_as("moved/copied", "moved", 200000);
	}
	close_file(to);
	close_file(from);
}

/* A hole that is cut anywhere has zeroes between its two bytes, and the rest of the file has its own. */
POINT(cut_anywhere)
{
	static const struct { long from, length; } cuts[] = {
		{ 1000, 100 }, { 5000, 20000 }, { 30000, 2768 }, { 40960, 8192 }, { 60000, 10000 },
	};
	static char want[CHUNK];
	struct lkltest_data data;
	long fd, err, length;
	size_t i;

	need_mounted();
	remove_all("cut");
	make_file("cut", CHUNK);
	lkltest_data_init(&data, "cut");
	lkltest_data_fill(&data, 0, want, CHUNK_PAGES);
	fd = open_file("cut", LKL_O_RDWR);
	for (i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		err = lkl_sys_fallocate(fd, PUNCH | KEEP_SIZE, cuts[i].from, cuts[i].length);
		if (err == -LKL_EOPNOTSUPP)
			lkltest_skip("%s cuts no holes", first.type);
		CHECK_EQ(err, 0);
		length = cuts[i].from + cuts[i].length < (long)CHUNK ? cuts[i].length : (long)CHUNK - cuts[i].from;
		memset(want + cuts[i].from, 0, length);
		CHECK_EQ(lkl_sys_pread64(fd, chunk, CHUNK, 0), CHUNK);
		if (memcmp(chunk, want, CHUNK))
			differs("cut", 0, chunk, want, CHUNK);
	}
	sync_file(fd);
	close_file(fd);
	leave(&first);
	enter(&first, 0);
	fd = open_file("cut", LKL_O_RDONLY);
	CHECK_EQ(read_some(fd, chunk, CHUNK), CHUNK);
	if (memcmp(chunk, want, CHUNK))
		differs("cut", 0, chunk, want, CHUNK);
	close_file(fd);
}

/* The pages of files that the cache has, in KiB. */
static long long cached_kib(void)
{
	static char text[8192];
	const char *found = strstr(need_file(NEED_PROC "/meminfo", text, sizeof(text)), "\nCached:");

	CHECK(found);
	return strtoll(found + 8, NULL, 10);
}

/* What is read ahead is in the cache, and it is the file's. */
POINT(read_ahead)
{
	const long size = 1 << 20;
	long long before, after;
	long fd;

	need_mounted();
	need_proc_at();
	remove_all("ahead");
	make_file("ahead", size);
	fd = open_file("ahead", LKL_O_WRONLY);
	CHECK_ERR(need_call(LKLTEST_SYS(readahead, fd, 0, size), "readahead()"), LKL_EBADF);
	close_file(fd);
	CHECK_EQ(lkl_sys_sync(), 0);
	need(need_write(NEED_PROC "/sys/vm/drop_caches", "1"), LKL_ENOENT, "CONFIG_PROC_SYSCTL");
	fd = open_file("ahead", LKL_O_RDONLY);
	before = cached_kib();
	CHECK_EQ(LKLTEST_SYS(readahead, fd, 0, size), 0);
	after = cached_kib();
	lkltest_log("cached before: %lld KiB, after: %lld KiB", before, after);
	CHECK_GE(after, before + 16);
	CHECK_EQ(LKLTEST_SYS(readahead, fd, 2 * size, size), 0);
	CHECK_ERR(LKLTEST_SYS(readahead, -1, 0, size), LKL_EBADF);
	close_file(fd);
	check_file("ahead", size);
}

/* Each kind of synchronous write, and each way to make data durable. */
POINT(synchronous)
{
	static const int flags[] = { LKL_O_SYNC, LKL_O_DSYNC, 0, 0, 0 };
	char path[32];
	size_t i;
	long fd;

	need_mounted();
	remove_all("sync");
	make_directory("sync");
	for (i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		snprintf(path, sizeof(path), "sync/%zu", i);
		fd = open_file(path, LKL_O_WRONLY | LKL_O_CREAT | flags[i]);
		write_known(fd, path, 70000);
		if (i == 2)
			CHECK_EQ(lkl_sys_fdatasync(fd), 0);
		if (i == 3)
			CHECK_EQ(lkl_sys_syncfs(fd), 0);
		if (i == 4) {
			long err = LKLTEST_SYS(sync_file_range, fd, 0, 0, 7);

			CHECK(!err || err == -LKL_ENOSYS);
		}
		close_file(fd);
		check_file(path, 70000);
	}
	CHECK_ERR(lkl_sys_fsync(-1), LKL_EBADF);
}

#endif
