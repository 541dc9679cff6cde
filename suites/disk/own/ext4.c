/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The features of ext4 alone: block maps and extents, the modes of the journal, growing while mounted; and what memory
 * does with the pages of files, for which one file system is enough.
 */
#include <lkltest.h>

#include "../../need.h"
#include "attach.inc.c"

#define EXTENTS 0x80000
#define GET_FLAGS 0x80086601UL
#define SET_FLAGS 0x40086602UL
#define JOURNAL_DATA 0x4000
#define MIGRATE 0x6609UL
#define MOVE_EXTENTS 0xc028660fUL
#define RESIZE 0x40086610UL
#define PRECACHE 0x6612UL

static long flags_of(long fd)
{
	long flags = 0;

	CHECK_EQ(make_ioctl(fd, GET_FLAGS, &flags), 0);
	return flags;
}

/* Writes pages with gaps between them: many extents, or a block map of some depth. */
static void make_gaps(const char *path, const char *seed)
{
	struct lkltest_data data;
	long fd = open_file(path, LKL_O_RDWR | LKL_O_CREAT | LKL_O_TRUNC);
	int i;

	lkltest_data_init(&data, seed);
	for (i = 0; i < 600; i += 3) {
		lkltest_data_fill(&data, i, chunk, 1);
		CHECK_EQ(lkl_sys_pwrite64(fd, chunk, LKLTEST_PAGE, (long)i * LKLTEST_PAGE), LKLTEST_PAGE);
	}
	sync_file(fd);
	close_file(fd);
}

static void check_gaps(const char *path, const char *seed)
{
	struct lkltest_data data;
	long fd = open_file(path, LKL_O_RDONLY);
	int i;

	lkltest_data_init(&data, seed);
	for (i = 0; i < 598; i++) {
		if (i % 3)
			memset(known, 0, LKLTEST_PAGE);
		else
			lkltest_data_fill(&data, i, known, 1);
		CHECK_EQ(read_some(fd, chunk, LKLTEST_PAGE), LKLTEST_PAGE);
		if (memcmp(chunk, known, LKLTEST_PAGE))
			differs(path, (size_t)i * LKLTEST_PAGE, chunk, known, LKLTEST_PAGE);
	}
	close_file(fd);
}

/* A file changes from extents to a map of its blocks and back, and keeps its data. */
POINT(migrate)
{
	long fd, flags;

	go_to_own("migrate");
	make_file("small", 8000);	/* at most twelve blocks */
	fd = open_file("small", LKL_O_RDWR);
	flags = flags_of(fd);
	CHECK_EQ(flags & EXTENTS, EXTENTS);
	flags &= ~EXTENTS;
	CHECK_EQ(make_ioctl(fd, SET_FLAGS, &flags), 0);
	CHECK_EQ(flags_of(fd) & EXTENTS, 0);
	check_file("small", 8000);
	/* Mapped by blocks it grows to three levels. */
	CHECK_EQ(lkl_sys_lseek(fd, 0, LKL_SEEK_SET), 0);
	write_known(fd, "small", 6 << 20);
	CHECK_EQ(lkl_sys_pwrite64(fd, "far", 3, 5L << 30), 3);
	sync_file(fd);
	CHECK_EQ(lkl_sys_pread64(fd, chunk, 10, 5L << 30), 3);
	CHECK_MEM_EQ(chunk, "far", 3);
	CHECK_EQ(lkl_sys_ftruncate(fd, 6 << 20), 0);
	check_file("small", 6 << 20);
	CHECK_EQ(lkl_sys_fallocate(fd, 3, 1 << 20, 1 << 20), 0);	/* a hole */
	check_zeroes("small", fd, 1 << 20, 2 << 20);
	CHECK_EQ(make_ioctl(fd, MIGRATE, NULL), 0);
	CHECK_EQ(flags_of(fd) & EXTENTS, EXTENTS);
	check_zeroes("small", fd, 1 << 20, 2 << 20);
	CHECK_EQ(lkl_sys_ftruncate(fd, 8000), 0);
	close_file(fd);
	check_file("small", 8000);
}

/* The blocks of two files change places, and each file keeps its data. */
POINT(move_extents)
{
	struct {
		uint32_t reserved, donor;
		uint64_t from, to, length, moved;
	} move = { .length = 50 };
	long fd;

	go_to_own("move");
	make_gaps("scattered", "gaps");
	fd = open_file("donor", LKL_O_RDWR | LKL_O_CREAT);
	CHECK_EQ(lkl_sys_fallocate(fd, 0, 0, 600 * LKLTEST_PAGE), 0);
	move.donor = fd;
	CHECK_EQ(make_ioctl(open_file("scattered", LKL_O_RDWR), MOVE_EXTENTS, &move), 0);
	CHECK_GT(move.moved, 0);
	CHECK_EQ(lkl_sys_sync(), 0);
	close_leftovers();
	check_gaps("scattered", "gaps");
	move.donor = 1000;
	CHECK_LT(make_ioctl(open_file("scattered", LKL_O_RDWR), MOVE_EXTENTS, &move), 0);
	close_leftovers();
}

/* The map of the extents is read into memory at once; a deep tree is cut from the end and in the middle. */
POINT(extent_tree)
{
	long fd;
	int i;

	go_to_own("tree");
	make_gaps("gaps", "gaps");
	enter_again();
	need_own();
	snprintf(known, 64, "tree-%d", (int)getpid());
	CHECK_EQ(lkl_sys_chdir(known), 0);
	fd = open_file("gaps", LKL_O_RDWR);
	supported(make_ioctl(fd, PRECACHE, NULL), "reading of all extents");
	check_gaps("gaps", "gaps");
	for (i = 0; i < 40; i++)
		CHECK_EQ(lkl_sys_fallocate(fd, 1 | 2, (3L + 12 * i) * LKLTEST_PAGE, 2 * LKLTEST_PAGE), 0);
	/* Reserved blocks are written one after another, and become extents of their own. */
	CHECK_EQ(lkl_sys_fallocate(fd, 0, 700 * LKLTEST_PAGE, 200 * LKLTEST_PAGE), 0);
	memset(chunk, 'r', LKLTEST_PAGE);
	for (i = 700; i < 900; i += 7)
		CHECK_EQ(lkl_sys_pwrite64(fd, chunk, LKLTEST_PAGE, (long)i * LKLTEST_PAGE), LKLTEST_PAGE);
	sync_file(fd);
	CHECK_EQ(lkl_sys_pread64(fd, known, LKLTEST_PAGE, 707 * LKLTEST_PAGE), LKLTEST_PAGE);
	CHECK_MEM_EQ(known, chunk, LKLTEST_PAGE);
	check_zeroes("gaps", fd, 708 * LKLTEST_PAGE, 714 * LKLTEST_PAGE);
	check_zeroes("gaps", fd, 3 * LKLTEST_PAGE, 5 * LKLTEST_PAGE);
	CHECK_EQ(lkl_sys_fallocate(fd, 8, 0, 60 * LKLTEST_PAGE), 0);	/* the beginning goes */
	CHECK_EQ(lkl_sys_fallocate(fd, 32, 30 * LKLTEST_PAGE, 60 * LKLTEST_PAGE), 0);	/* and a gap comes */
	CHECK_EQ(lkl_sys_ftruncate(fd, 100 * LKLTEST_PAGE), 0);
	sync_file(fd);
	check_zeroes("gaps", fd, 30 * LKLTEST_PAGE, 90 * LKLTEST_PAGE);
	close_file(fd);
}

/* A file whose data go through the journal, as the flag of the file says. */
POINT(journaled_file)
{
	long fd, flags;

	go_to_own("journaled");
	fd = open_file("file", LKL_O_RDWR | LKL_O_CREAT);
	flags = flags_of(fd) | JOURNAL_DATA;
	CHECK_EQ(make_ioctl(fd, SET_FLAGS, &flags), 0);
	CHECK_EQ(flags_of(fd) & JOURNAL_DATA, JOURNAL_DATA);
	write_known(fd, "file", 300000);
	sync_file(fd);
	check_file("file", 300000);
	CHECK_EQ(lkl_sys_ftruncate(fd, 100000), 0);
	flags = flags_of(fd) & ~JOURNAL_DATA;
	CHECK_EQ(make_ioctl(fd, SET_FLAGS, &flags), 0);
	close_file(fd);
	check_file("file", 100000);
}

/* Kernels that check the backups of the superblock while they write them find those of new groups wrong. */
static void skip_if_backups_are_wrong(void)
{
	struct lkltest_utsname name;
	int major = 0, minor = 0;

	CHECK_EQ(lkltest_uname(&name), 0);
	sscanf(name.release, "%d.%d", &major, &minor);
	if (major * 1000 + minor >= 5017 && major * 1000 + minor < 6002)
		lkltest_skip("Linux %d.%d calls the backup superblocks damaged that it writes when ext4 grows", major, minor);
}

/* The file system takes the rest of its image while it is mounted, and new files go there. */
POINT(resize)
{
	struct lkl_statfs before, after;
	uint64_t blocks;
	long fd;

	skip_if_backups_are_wrong();
	go_to_own("resize");
	make_file("old", 100000);
	CHECK_EQ(lkl_sys_statfs(".", &before), 0);
	blocks = before.f_blocks + ((128ULL << 20) / before.f_bsize);
	fd = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);
	CHECK_EQ(make_ioctl(fd, RESIZE, &blocks), 0);
	CHECK_EQ(lkl_sys_statfs(".", &after), 0);
	CHECK_GT(after.f_blocks, before.f_blocks + ((80ULL << 20) / before.f_bsize));
	close_file(fd);
	make_file("new", 8 << 20);
	enter_again();
	/* What the groups themselves take is counted anew then. */
	CHECK_EQ(lkl_sys_statfs(".", &after), 0);
	CHECK_GT(after.f_blocks, before.f_blocks + ((80ULL << 20) / before.f_bsize));
}

/* Each option is shown in /proc/mounts, and files survive it. */
POINT(mount_options)
{
	static const char *const options[] = {
		"data=journal", "data=writeback", "nodelalloc", "nobarrier", "commit=7",
		"errors=remount-ro", "minixdf", "grpid", "stripe=16", "max_batch_time=3", "noblock_validity", "init_itable=5",
		"noauto_da_alloc", "inode_readahead_blks=8", "data_err=abort", "debug",
	};

	need_own();
	check_mount_options(options, sizeof(options) / sizeof(*options));
}

/* Files that memory has no room for: their pages leave memory and come back, and keep their data. */
POINT(larger_than_memory)
{
	const size_t size = 72 << 20, most = 36 << 20;	/* of 64 MiB of memory */

	go_to_own("large");
	make_file("large", size);
	make_file("most", most);
	check_file("most", most);
	check_file("most", most);	/* used twice, its pages are active: some of them must become inactive for others */
	check_file("large", size);
	check_file("most", most);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "most", 0), 0);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "large", 0), 0);
}

/* Sets limits of the kernel's writing, of which none may hold back a point that is about memory. */
static void limit_writing(const char *background, const char *all, const char *period)
{
	CHECK_EQ(need_write(NEED_PROC "/sys/vm/dirty_ratio", all), strlen(all));
	CHECK_EQ(need_write(NEED_PROC "/sys/vm/dirty_background_ratio", background), strlen(background));
	CHECK_EQ(need_write(NEED_PROC "/sys/vm/dirty_writeback_centisecs", period), strlen(period));
}

/* Pages that nobody has written yet leave a full memory, too, and what was in them is on the disk. */
POINT(written_by_reclaim)
{
	const size_t size = 64 << 20, dirty = 24 << 20;
	long fd;

	go_to_own("reclaim");
	need_proc_at();
	make_file("large", size);
	make_file_as("dirty", "old", dirty);
	CHECK_EQ(need_write(NEED_PROC "/sys/vm/drop_caches", "1"), 1);
	limit_writing("80", "90", "0");
	fd = open_file("dirty", LKL_O_WRONLY);
	write_known(fd, "new", dirty);
	close_file(fd);
	check_file("large", size);
	limit_writing("10", "20", "500");
	check_file_as("dirty", "new", dirty);
	CHECK_EQ(need_write(NEED_PROC "/sys/vm/drop_caches", "1"), 1);
	check_file_as("dirty", "new", dirty);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "large", 0), 0);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "dirty", 0), 0);
}

/* The least and the most that a disk may have of all pages that wait to be written are set within bounds. */
POINT(dirty_shares)
{
	struct lkl_stat about;
	char least[96], most[96], text[32];

	need_own();
	CHECK_EQ(lkl_sys_fstatat(LKL_AT_FDCWD, ".", &about, 0), 0);
	snprintf(least, sizeof(least), LKLTEST_WORK "/sys/class/bdi/%u:%u/min_ratio", (unsigned int)(about.st_dev >> 8),
		 (unsigned int)(about.st_dev & 0xff));
	snprintf(most, sizeof(most), "%.*smax_ratio", (int)strlen(least) - 9, least);
	if (lkltest_slurp(most, text, sizeof(text)) < 0)
		lkltest_skip("no %s: CONFIG_SYSFS", most);
	CHECK_STR_EQ(text, "100\n");
	CHECK_EQ(need_write(most, "40"), 2);
	CHECK_EQ(need_write(least, "20"), 2);
	CHECK_EQ(need_write(least, "50"), -LKL_EINVAL);	/* more than the most */
	CHECK_EQ(need_write(most, "10"), -LKL_EINVAL);	/* less than the least */
	CHECK_EQ(need_write(most, "101"), -LKL_EINVAL);
	CHECK_OK(lkltest_slurp(least, text, sizeof(text)));
	CHECK_STR_EQ(text, "20\n");
	make_file("share", 8 << 20);
	check_file("share", 8 << 20);
	CHECK_EQ(need_write(least, "0"), 1);
	CHECK_EQ(need_write(most, "100"), 3);
}

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(disk_add, .needs = ""),
	LKLTEST_LIBRARY(start_kernel, .needs = "disk_add"),
	LKLTEST_LIBRARY(mount_dev, .needs = "start_kernel"),
	LKLTEST_LIBRARY(migrate, .needs = "mount_dev"),
	LKLTEST_LIBRARY(move_extents, .needs = "mount_dev"),
	LKLTEST_LIBRARY(extent_tree, .needs = "mount_dev"),
	LKLTEST_LIBRARY(journaled_file, .needs = "mount_dev"),
	LKLTEST_LIBRARY(mount_options, .needs = "mount_dev"),
	LKLTEST_LIBRARY(larger_than_memory, .needs = "mount_dev", .timeout_ms = 120000),
	LKLTEST_LIBRARY(written_by_reclaim, .needs = "mount_dev", .timeout_ms = 120000),
	LKLTEST_LIBRARY(dirty_shares, .needs = "mount_dev"),
	LKLTEST_LIBRARY(resize, .needs = "mount_dev"),
	LKLTEST_LIBRARY(umount_dev, .needs = "mount_dev"),
	LKLTEST_LIBRARY(stop_kernel, .needs = "start_kernel"),
	LKLTEST_LIBRARY(disk_remove, .needs = "stop_kernel"),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
