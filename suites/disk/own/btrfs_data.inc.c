/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about the data of btrfs: shared, compressed, rewritten, found by its address. */
#ifndef BTRFS_DATA_INC_C
#define BTRFS_DATA_INC_C

#include "btrfs.h"

/* Writes a file that any compressor makes small, and whose bytes are known. */
static void make_plain(const char *path, size_t size)
{
	long fd = open_file(path, LKL_O_WRONLY | LKL_O_CREAT | LKL_O_TRUNC);
	size_t done, i;

	for (done = 0; done < size; done += CHUNK) {
		for (i = 0; i < CHUNK; i++)
			chunk[i] = 'a' + (done / CHUNK + i / 64) % 26;
		write_all(fd, chunk, CHUNK);
	}
	sync_file(fd);
	close_file(fd);
}

static void check_plain(const char *path, size_t size)
{
	long fd = open_file(path, LKL_O_RDONLY);
	size_t done, i;

	for (done = 0; done < size; done += CHUNK) {
		CHECK_EQ(read_some(fd, chunk, CHUNK), CHUNK);
		for (i = 0; i < CHUNK; i++)
			known[i] = 'a' + (done / CHUNK + i / 64) % 26;
		if (memcmp(chunk, known, CHUNK))
			differs(path, done, chunk, known, CHUNK);
	}
	CHECK_EQ(read_some(fd, chunk, 1), 0);
	close_file(fd);
}

/* A range of another file is shared by both until one of them is written. */
POINT(clone)
{
	struct btrfs_ioctl_clone_range_args range = { .src_length = 131072, .dest_offset = 131072 };
	long from, to;

	go_to_own("clone");
	make_file("source", 262144);
	from = open_file("source", LKL_O_RDONLY);
	to = open_file("target", LKL_O_RDWR | LKL_O_CREAT);
	CHECK_EQ(lkl_sys_ioctl(to, BTRFS_IOC_CLONE, from), 0);
	check_file_as("target", "source", 262144);
	range.src_fd = from;
	CHECK_EQ(make_ioctl(to, BTRFS_IOC_CLONE_RANGE, &range), 0);
	CHECK_EQ(lkl_sys_pread64(to, chunk, CHUNK, 131072), CHUNK);
	CHECK_EQ(lkl_sys_pread64(from, known, CHUNK, 0), CHUNK);
	CHECK_MEM_EQ(chunk, known, CHUNK);
	CHECK_EQ(lkl_sys_pwrite64(to, "own", 3, 5000), 3);
	CHECK_EQ(lkl_sys_fsync(to), 0);
	check_file("source", 262144);
	close_file(to);
	close_file(from);
}

/* Equal ranges become one, different ones stay two. */
POINT(deduplicate)
{
	struct {
		struct btrfs_ioctl_same_args args;
		struct btrfs_ioctl_same_extent_info info[2];
	} same = { .args = { .length = 131072, .dest_count = 2 } };
	long from;

	go_to_own("same");
	make_file_as("first", "same", 131072);
	make_file_as("equal", "same", 131072);
	make_file_as("other", "different", 131072);
	from = open_file("first", LKL_O_RDWR);
	same.args.info[0].fd = open_file("equal", LKL_O_RDWR);
	same.args.info[1].fd = open_file("other", LKL_O_RDWR);
	CHECK_EQ(make_ioctl(from, BTRFS_IOC_FILE_EXTENT_SAME, &same), 0);
	CHECK_EQ(same.args.info[0].status, 0);
	CHECK_EQ(same.args.info[0].bytes_deduped, 131072);
	CHECK_EQ(same.args.info[1].status, BTRFS_SAME_DATA_DIFFERS);
	close_leftovers();
	check_file_as("equal", "same", 131072);
	check_file_as("other", "different", 131072);
}

/* Each compressor gives back what was written, inline, in the middle of an extent and past a rewrite. */
POINT(compress)
{
	static const char *const options[] = { "compress=zlib", "compress=lzo", "compress-force=zlib" };
	char path[64];
	size_t i;
	long fd;

	need_own();
	for (i = 0; i < sizeof(options) / sizeof(*options); i++) {
		CHECK_EQ(enter_with(options[i], 0), 0);
		snprintf(path, sizeof(path), "compress-%d-%zu", (int)getpid(), i);
		make_plain(path, 1 << 20);
		fd = open_file(path, LKL_O_RDWR);
		CHECK_EQ(lkl_sys_pread64(fd, known, CHUNK, 5 * CHUNK), CHUNK);
		CHECK_EQ(lkl_sys_pwrite64(fd, known, CHUNK, 5 * CHUNK), CHUNK);
		close_file(fd);
		enter_again();
		check_plain(path, 1 << 20);
	}
}

/* The property of a directory is what its new files have, and survives a remount. */
POINT(properties)
{
	char value[16];
	long len;

	go_to_own("properties");
	make_directory("packed");
	CHECK_EQ(lkl_sys_setxattr("packed", "btrfs.compression", "lzo", 3, 0), 0);
	CHECK_ERR(lkl_sys_setxattr("packed", "btrfs.compression", "none at all", 11, 0), LKL_EINVAL);
	make_plain("packed/file", 262144);
	len = lkl_sys_getxattr("packed/file", "btrfs.compression", value, sizeof(value));
	CHECK_EQ(len, 3);
	CHECK_MEM_EQ(value, "lzo", 3);
	check_plain("packed/file", 262144);
	enter_again();
}

/* Blocks written one by one, backwards, become few extents and stay as they were. */
POINT(defragment)
{
	struct btrfs_ioctl_defrag_range_args range = {
		.len = ~0ULL, .flags = BTRFS_DEFRAG_RANGE_START_IO | BTRFS_DEFRAG_RANGE_COMPRESS, .compress_type = 1,
	};
	struct lkltest_data data;
	long fd;
	int i;

	go_to_own("defragment");
	fd = open_file("file", LKL_O_RDWR | LKL_O_CREAT);
	lkltest_data_init(&data, "file");
	for (i = 31; i >= 0; i--) {
		lkltest_data_fill(&data, i, chunk, 1);
		CHECK_EQ(lkl_sys_pwrite64(fd, chunk, LKLTEST_PAGE, (long)i * LKLTEST_PAGE), LKLTEST_PAGE);
		CHECK_EQ(lkl_sys_fsync(fd), 0);
	}
	CHECK_GE(make_ioctl(fd, BTRFS_IOC_DEFRAG_RANGE, &range), 0);
	CHECK_EQ(lkl_sys_fsync(fd), 0);
	close_file(fd);
	CHECK_EQ(subvolume_call(BTRFS_IOC_DEFRAG, ".", ""), 0);
	check_file("file", 32 * LKLTEST_PAGE);
}

/* The address of an extent gives the files that have it, and a file's number its paths. */
POINT(back_references)
{
	static char room[4096];
	struct btrfs_ioctl_ino_path_args paths = { .size = sizeof(room), .fspath = (unsigned long)room };
	struct btrfs_ioctl_logical_ino_args logical = { .size = sizeof(room), .inodes = (unsigned long)room };
	static struct {
		struct fiemap map;
		struct fiemap_extent extents[4];
	} map = { .map = { .fm_length = ~0ULL, .fm_extent_count = 4, .fm_flags = FIEMAP_FLAG_SYNC } };
	struct btrfs_data_container *answer = (void *)room;
	struct lkl_stat st;
	long fd;

	go_to_own("references");
	make_file("one", 100000);
	CHECK_EQ(lkl_sys_linkat(LKL_AT_FDCWD, "one", LKL_AT_FDCWD, "two", 0), 0);
	stat_file("one", &st);
	fd = open_file("one", LKL_O_RDWR);
	CHECK_EQ(make_ioctl(fd, FS_IOC_FIEMAP, &map), 0);
	CHECK_GE(map.map.fm_mapped_extents, 1);
	CHECK_EQ(lkl_sys_ioctl(open_file("clone", LKL_O_RDWR | LKL_O_CREAT), BTRFS_IOC_CLONE, fd), 0);
	CHECK_EQ(lkl_sys_sync(), 0);
	logical.logical = map.map.fm_extents[0].fe_physical;
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_LOGICAL_INO, &logical), 0);
	CHECK_EQ(answer->elem_cnt, 6);	/* two files, three numbers each */
	CHECK(answer->val[0] == st.st_ino || answer->val[3] == st.st_ino);
	paths.inum = st.st_ino;
	memset(room, 0, sizeof(room));
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_INO_PATHS, &paths), 0);
	CHECK_EQ(answer->elem_cnt, 2);
	CHECK(strstr((char *)answer->val + answer->val[0], "/one") || strstr((char *)answer->val + answer->val[0], "/two"));
	close_leftovers();
}

#endif
