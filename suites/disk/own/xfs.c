/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The features of xfs alone: shared blocks, handles, bulk listings, extent sizes, growing while mounted. */
#include <lkltest.h>

#include "attach.inc.c"

#define CLONE 0x40049409UL		/* FICLONE */
#define CLONE_RANGE 0x4020940dUL	/* FICLONERANGE */
#define DEDUPE 0xc0189436UL		/* FIDEDUPERANGE */
#define GEOMETRY 0x8070587cUL
#define COUNTS 0x80205871UL
#define GROW_DATA 0x4010586eUL
#define GET_RESERVED 0x80105873UL
#define BULKSTAT 0xc0205865UL
#define BULKSTAT_SINGLE 0xc0205866UL
#define INUMBERS 0xc0205867UL
#define GET_BMAP 0xc0205826UL
#define GET_BMAPX 0xc0205838UL
#define GET_FLAGS 0x801c581fUL
#define SET_FLAGS 0x401c5820UL
#define FD_TO_HANDLE 0xc038586aUL
#define PATH_TO_HANDLE 0xc0385869UL
#define OPEN_BY_HANDLE 0xc038586bUL
#define ATTRIBUTES_BY_HANDLE 0x4058587aUL
#define SWAP_EXTENTS 0xc0c0586dUL
#define RESERVE 0x40305828UL		/* XFS_IOC_RESVSP64 */
#define UNRESERVE 0x4030582bUL

#define FIFTY "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define LONG_TEXT FIFTY FIFTY FIFTY
#define BULK_SIZE 136	/* bytes of struct xfs_bstat */

struct geometry {
	uint32_t blocksize, rtextsize, agblocks, agcount, logblocks, sectsize, inodesize, imaxpct;
	uint64_t datablocks, rest[30];
};

static struct geometry geometry_of(long fd)
{
	struct geometry geometry = { 0 };

	CHECK_EQ(make_ioctl(fd, GEOMETRY, &geometry), 0);
	return geometry;
}

/* The shape of the file system agrees with statfs. */
POINT(geometry)
{
	struct { uint64_t data, rt, inodes, allocated; } counts;
	struct geometry geometry;
	struct lkl_statfs st;
	long fd;

	go_to_own("geometry");
	fd = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);
	geometry = geometry_of(fd);
	CHECK_EQ(lkl_sys_statfs(".", &st), 0);
	CHECK_EQ(geometry.blocksize, st.f_bsize);
	CHECK_EQ(geometry.datablocks - geometry.logblocks, st.f_blocks);
	CHECK_EQ(make_ioctl(fd, COUNTS, &counts), 0);
	CHECK_LE(counts.data, geometry.datablocks);
	CHECK_GT(counts.allocated, 0);
	close_file(fd);
}

static struct lkl_stat stat_here(const char *path)
{
	struct lkl_stat st;

	stat_file(path, &st);
	return st;
}

/* A file that was cloned shares its blocks until one of the two is written. */
POINT(clone)
{
	struct { int64_t fd; uint64_t from, length, to; } range = { 0, 65536, 65536, 0 };
	long from, to, err;
	int i;

	go_to_own("clone");
	make_file("source", 1 << 20);
	from = open_file("source", LKL_O_RDWR);
	to = open_file("target", LKL_O_RDWR | LKL_O_CREAT);
	err = supported(lkl_sys_ioctl(to, CLONE, from), "sharing of blocks");
	CHECK_EQ(err, 0);
	check_file_as("target", "source", 1 << 20);
	for (i = 0; i < 16; i++)
		CHECK_EQ(lkl_sys_pwrite64(to, "own", 3, 65536L * i + 100 * i), 3);
	sync_file(to);
	check_file("source", 1 << 20);
	CHECK_EQ(lkl_sys_pread64(to, chunk, 3, 65536 * 5 + 500), 3);
	CHECK_MEM_EQ(chunk, "own", 3);
	range.fd = from;
	CHECK_EQ(make_ioctl(to, CLONE_RANGE, &range), 0);
	CHECK_EQ(lkl_sys_pread64(to, chunk, CHUNK, 0), CHUNK);
	CHECK_EQ(lkl_sys_pread64(from, known, CHUNK, 65536), CHUNK);
	CHECK_MEM_EQ(chunk, known, CHUNK);
	CHECK_EQ(lkl_sys_fallocate(to, 3, 0, 300000), 0);
	CHECK_EQ(lkl_sys_ftruncate(from, 100), 0);
	CHECK_EQ(lkl_sys_ftruncate(from, 0), 0);
	write_known(from, "source", 1 << 20);
	sync_file(from);
	close_file(to);
	close_file(from);
	check_file("source", 1 << 20);
	enter_again();
}

/* Equal ranges become one, different ones stay two. */
POINT(deduplicate)
{
	struct {
		uint64_t from, length;
		uint16_t count, reserved;
		uint32_t more;
		struct { int64_t fd; uint64_t to, done; int32_t status; uint32_t reserved; } info[2];
	} same = { .length = 131072, .count = 2 };
	long from, err;

	go_to_own("same");
	make_file_as("first", "same", 131072);
	make_file_as("equal", "same", 131072);
	make_file_as("other", "different", 131072);
	from = open_file("first", LKL_O_RDWR);
	same.info[0].fd = open_file("equal", LKL_O_RDWR);
	same.info[1].fd = open_file("other", LKL_O_RDWR);
	err = supported(make_ioctl(from, DEDUPE, &same), "sharing of equal blocks");
	CHECK_EQ(err, 0);
	if (same.info[0].status == -LKL_EOPNOTSUPP)
		lkltest_skip("no sharing of blocks on this image");
	CHECK_EQ(same.info[0].status, 0);
	CHECK_EQ(same.info[0].done, 131072);
	CHECK_EQ(same.info[1].status, 1);	/* they differ */
	close_leftovers();
	check_file_as("equal", "same", 131072);
	check_file_as("other", "different", 131072);
}

struct bulk {
	uint64_t *last;
	int32_t count;
	int32_t pad;
	void *buffer;
	int32_t *got;
};

/* The list of all inodes has each new file, with its size. */
POINT(bulkstat)
{
	static char room[64 * BULK_SIZE];
	uint64_t last = 0, numbers[3 * 64];
	int32_t got = 0;
	struct bulk bulk = { .last = &last, .count = 64, .buffer = room, .got = &got };
	uint64_t wanted, ino;
	int found = 0, i;
	int64_t size;
	long fd;

	go_to_own("bulk");
	make_file("one", 12345);
	CHECK_EQ(lkl_sys_sync(), 0);
	wanted = stat_here("one").st_ino;
	fd = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);
	do {
		CHECK_EQ(make_ioctl(fd, BULKSTAT, &bulk), 0);
		for (i = 0; i < got; i++) {
			memcpy(&ino, room + i * BULK_SIZE, 8);
			memcpy(&size, room + i * BULK_SIZE + 32, 8);
			if (ino == wanted) {
				CHECK_EQ(size, 12345);
				found++;
			}
		}
	} while (got > 0);
	CHECK_EQ(found, 1);
	last = wanted;
	bulk.count = 1;
	CHECK_EQ(make_ioctl(fd, BULKSTAT_SINGLE, &bulk), 0);
	memcpy(&ino, room, 8);
	CHECK_EQ(ino, wanted);
	last = 0;
	bulk.count = 64;
	bulk.buffer = numbers;
	CHECK_EQ(make_ioctl(fd, INUMBERS, &bulk), 0);
	CHECK_GT(got, 0);
	close_file(fd);
}

/* The map of a file's blocks has its holes, its reserved and its written ranges. */
POINT(block_map)
{
	struct { int64_t offset, block, length; int32_t count, entries; } map[16] = { { .length = -1, .count = 16 } };
	long fd;
	int i, holes = 0;

	go_to_own("map");
	fd = open_file("file", LKL_O_RDWR | LKL_O_CREAT);
	for (i = 0; i < 3; i++)
		CHECK_EQ(lkl_sys_pwrite64(fd, "data", 4, 1L << (20 + i)), 4);
	CHECK_EQ(lkl_sys_fallocate(fd, 1, 8 << 20, 1 << 20), 0);
	CHECK_EQ(lkl_sys_fsync(fd), 0);
	CHECK_EQ(make_ioctl(fd, GET_BMAP, map), 0);
	CHECK_GE(map[0].entries, 6);
	for (i = 1; i <= map[0].entries; i++) {
		if (i > 1)
			CHECK_EQ(map[i].offset, map[i - 1].offset + map[i - 1].length);
		holes += map[i].block == -1;
	}
	CHECK_GE(holes, 3);
	close_file(fd);
}

/* The hint for the size of a file's extents is kept, and its blocks come in that size. */
POINT(extent_size)
{
	struct { uint32_t flags, size, extents, project, cow; char pad[8]; } set = { 0 }, got = { 0 };
	long fd;

	go_to_own("extsize");
	fd = open_file("file", LKL_O_RDWR | LKL_O_CREAT);
	CHECK_EQ(make_ioctl(fd, GET_FLAGS, &set), 0);
	set.flags |= 0x800;	/* extsize */
	set.size = 1 << 20;
	set.project = 42;
	CHECK_EQ(make_ioctl(fd, SET_FLAGS, &set), 0);
	write_all(fd, "small", 5);
	CHECK_EQ(lkl_sys_fsync(fd), 0);
	CHECK_EQ(make_ioctl(fd, GET_FLAGS, &got), 0);
	CHECK_EQ(got.size, 1 << 20);
	CHECK_EQ(got.project, 42);
	CHECK_GE(stat_here("file").st_blocks * 512L, 1 << 20);
	set.size = 1000;
	CHECK_LT(make_ioctl(fd, SET_FLAGS, &set), 0);
	close_file(fd);
}

struct by_handle {
	uint32_t fd;
	void *path;
	uint32_t flags;
	void *handle;
	uint32_t length;
	void *out;
	uint32_t *out_length;
};

/* The handle of a file opens it, and lists its attributes. */
POINT(handles)
{
	char handle[64] = "";
	uint32_t length = 0;
	struct by_handle request = { .path = (void *)"file", .out = handle, .out_length = &length };
	struct { struct by_handle by; uint32_t position[4]; uint32_t flags, size; void *buffer; } list = { .flags = 0 };
	static char room[4096];
	long fd, top, opened_by;
	size_t at;
	int found = 0;

	go_to_own("handles");
	make_file("file", 5000);
	CHECK_EQ(lkl_sys_setxattr("file", "user.by-handle", "value", 5, 0), 0);
	top = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);
	fd = open_file("file", LKL_O_RDONLY);
	CHECK_EQ(make_ioctl(top, PATH_TO_HANDLE, &request), 0);
	CHECK_GT(length, 8);
	request.fd = fd;
	CHECK_EQ(make_ioctl(fd, FD_TO_HANDLE, &request), 0);
	request.handle = handle;
	request.length = length;
	request.flags = LKL_O_RDONLY;
	opened_by = CHECK_OK(make_ioctl(top, OPEN_BY_HANDLE, &request));
	CHECK_EQ(read_some(opened_by, chunk, CHUNK), 5000);
	CHECK_EQ(lkl_sys_close(opened_by), 0);
	list.by = request;
	list.size = sizeof(room);
	list.buffer = room;
	CHECK_EQ(make_ioctl(top, ATTRIBUTES_BY_HANDLE, &list), 0);
	for (at = 0; at + 9 < sizeof(room); at++)
		found += !memcmp(room + at, "by-handle", 9);
	CHECK_EQ(found, 1);
	close_file(fd);
	close_file(top);
}

/* Space is reserved and given back by the calls that are older than fallocate. */
POINT(reserved_space)
{
	struct { int16_t type, whence; int64_t start, length; int32_t id; uint32_t pid; int32_t pad[4]; } range = {
		.start = 0, .length = 4 << 20,
	};
	long fd;

	go_to_own("reserve");
	fd = open_file("file", LKL_O_RDWR | LKL_O_CREAT);
	CHECK_EQ(make_ioctl(fd, RESERVE, &range), 0);
	CHECK_GE(stat_here("file").st_blocks * 512L, 4 << 20);
	CHECK_EQ(stat_here("file").st_size, 0);
	range.length = 2 << 20;
	CHECK_EQ(make_ioctl(fd, UNRESERVE, &range), 0);
	CHECK_LT(stat_here("file").st_blocks * 512L, 3 << 20);
	close_file(fd);
}

/* Many names and attributes make the trees of directories and attributes deep, and both shrink again. */
POINT(deep_trees)
{
	static char value[3000];
	char name[256];
	int i;

	go_to_own("deep");
	make_file("file", 100);
	for (i = 0; i < 250; i++) {
		snprintf(name, sizeof(name), "user.%d-%.*s", i, i % 150, LONG_TEXT);
		memset(value, i, sizeof(value));
		CHECK_EQ(lkl_sys_setxattr("file", name, value, i * 11 % sizeof(value), 0), 0);
	}
	for (i = 0; i < 250; i += 2) {
		snprintf(name, sizeof(name), "user.%d-%.*s", i, i % 150, LONG_TEXT);
		CHECK_EQ(lkl_sys_removexattr("file", name), 0);
	}
	enter_again();
	snprintf(name, sizeof(name), "deep-%d", (int)getpid());
	CHECK_EQ(lkl_sys_chdir(name), 0);
	for (i = 0; i < 250; i++) {
		snprintf(name, sizeof(name), "user.%d-%.*s", i, i % 150, LONG_TEXT);
		memset(value, i, sizeof(value));
		if (i % 2) {
			CHECK_EQ(lkl_sys_getxattr("file", name, chunk, CHUNK), i * 11 % sizeof(value));
			CHECK_MEM_EQ(chunk, value, i * 11 % sizeof(value));
		} else {
			CHECK_ERR(lkl_sys_getxattr("file", name, chunk, CHUNK), LKL_ENODATA);
		}
	}
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "file", 0), 0);
}

/* The file system takes the rest of its image while it is mounted, and new files go there. */
POINT(grow)
{
	struct { uint64_t blocks; uint32_t percent; } wanted = { .percent = 25 };
	struct geometry before, after;
	long fd;

	go_to_own("grow");
	fd = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);
	before = geometry_of(fd);
	wanted.blocks = before.datablocks + (128 << 20) / before.blocksize;
	CHECK_EQ(make_ioctl(fd, GROW_DATA, &wanted), 0);
	after = geometry_of(fd);
	CHECK_EQ(after.datablocks, wanted.blocks);
	CHECK_GT(after.agcount, before.agcount);
	wanted.blocks = 1ULL << 40;
	CHECK_LT(make_ioctl(fd, GROW_DATA, &wanted), 0);
	close_file(fd);
	make_file("new", 4 << 20);
	enter_again();
}

/* Each option is shown in /proc/mounts, and files survive it. */
POINT(mount_options)
{
	static const char *const options[] = {
		"inode32", "ikeep", "allocsize=64k", "logbufs=4", "logbsize=64k", "wsync", "largeio", "filestreams", "grpid",
		"sunit=8,swidth=16",
	};

	need_own();
	check_mount_options(options, sizeof(options) / sizeof(*options));
}

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(disk_add, .needs = ""),
	LKLTEST_LIBRARY(start_kernel, .needs = "disk_add"),
	LKLTEST_LIBRARY(mount_dev, .needs = "start_kernel"),
	LKLTEST_LIBRARY(geometry, .needs = "mount_dev"),
	LKLTEST_LIBRARY(clone, .needs = "mount_dev"),
	LKLTEST_LIBRARY(deduplicate, .needs = "mount_dev"),
	LKLTEST_LIBRARY(bulkstat, .needs = "mount_dev"),
	LKLTEST_LIBRARY(block_map, .needs = "mount_dev"),
	LKLTEST_LIBRARY(extent_size, .needs = "mount_dev"),
	LKLTEST_LIBRARY(handles, .needs = "mount_dev"),
	LKLTEST_LIBRARY(reserved_space, .needs = "mount_dev"),
	LKLTEST_LIBRARY(deep_trees, .needs = "mount_dev"),
	LKLTEST_LIBRARY(mount_options, .needs = "mount_dev"),
	LKLTEST_LIBRARY(grow, .needs = "mount_dev"),
	LKLTEST_LIBRARY(umount_dev, .needs = "mount_dev"),
	LKLTEST_LIBRARY(stop_kernel, .needs = "start_kernel"),
	LKLTEST_LIBRARY(disk_remove, .needs = "stop_kernel"),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
