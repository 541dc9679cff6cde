/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about the devices of btrfs: added, mirrored, checked, replaced, removed. */
#ifndef BTRFS_DEVICES_INC_C
#define BTRFS_DEVICES_INC_C

#include "btrfs.h"

#define DATA (2 << 20)	/* bytes, of files that must survive */

static char spare_nodes[SPARES][64];

static void find_spares(void)
{
	int i;

	for (i = 0; i < SPARES; i++) {
		if (!spares[i].path)
			lkltest_skip("no spare disks were given: spare1= spare2= spare3=");
		snprintf(spare_nodes[i], sizeof(spare_nodes[i]), "%s", lkltest_disk_node(&spares[i], 0));
	}
}

/* The mount option that names the devices of the file system. */
static const char *all_devices(int nr)
{
	static char options[300];
	int i, at = 0;

	for (i = 0; i < nr; i++)
		at += snprintf(options + at, sizeof(options) - at, "%sdevice=%s", i ? "," : "", spare_nodes[i]);
	return options;
}

static long device_call(unsigned long request, const char *node)
{
	char name[64];

	snprintf(name, sizeof(name), "%s", node);
	return subvolume_call(request, ".", name);
}

static void add_spare(int which)
{
	CHECK_EQ(device_call(BTRFS_IOC_ADD_DEV, spare_nodes[which]), 0);
}

/* Moves all chunks to these profiles; 0 keeps one's. */
static void balance(uint64_t data, uint64_t metadata)
{
	struct btrfs_ioctl_balance_args args = {
		.flags = BTRFS_BALANCE_DATA | BTRFS_BALANCE_METADATA | BTRFS_BALANCE_SYSTEM | BTRFS_BALANCE_FORCE,
	};
	long fd = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);

	if (data)
		args.data = (struct btrfs_balance_args){ .flags = BTRFS_BALANCE_ARGS_CONVERT, .target = data };
	if (metadata)
		args.meta = args.sys = (struct btrfs_balance_args){ .flags = BTRFS_BALANCE_ARGS_CONVERT, .target = metadata };
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_BALANCE_V2, &args), 0);
	CHECK_EQ(args.stat.completed, args.stat.considered);
	CHECK_GT(args.stat.completed, 0);
	close_file(fd);
}

#define SINGLE BTRFS_AVAIL_ALLOC_BIT_SINGLE

/* Removes a device. Chunks that Linux 4.9 moves off it become mirrors, as long as there are two devices. */
static void remove_spare(int which)
{
	long err = device_call(BTRFS_IOC_RM_DEV, spare_nodes[which]);
	int tries;

	for (tries = 0; err == BTRFS_ERROR_DEV_RAID1_MIN_NOT_MET && tries < 5; tries++) {
		balance(SINGLE, BTRFS_BLOCK_GROUP_DUP);
		err = device_call(BTRFS_IOC_RM_DEV, spare_nodes[which]);
	}
	CHECK_EQ(err, 0);
}

/* The kinds of chunks that the file system has. */
static uint64_t kinds_of_chunks(void)
{
	static struct {
		struct btrfs_ioctl_space_args args;
		struct btrfs_ioctl_space_info info[16];
	} space;
	long fd = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);
	uint64_t kinds = 0;
	size_t i;

	space.args.space_slots = 16;
	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_SPACE_INFO, &space), 0);
	close_file(fd);
	for (i = 0; i < space.args.total_spaces; i++)
		kinds |= space.info[i].flags;
	return kinds & BTRFS_BLOCK_GROUP_PROFILE_MASK;
}

/* Checks every block; the errors that were found, and those that a copy has mended. */
static struct btrfs_scrub_progress scrub(uint64_t device)
{
	struct btrfs_ioctl_scrub_args args = { .devid = device, .end = ~0ULL };
	long fd = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);

	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_SCRUB, &args), 0);
	close_file(fd);
	lkltest_log("device %d: %lld bytes of data, %lld of trees, errors of checksums: %lld, mended: %lld", (int)device,
		    (long long)args.progress.data_bytes_scrubbed, (long long)args.progress.tree_bytes_scrubbed,
		    (long long)args.progress.csum_errors, (long long)args.progress.corrected_errors);
	return args.progress;
}

/* No device of the file system has a bad block. */
static void scrub_all(void)
{
	struct btrfs_ioctl_fs_info_args whole = { 0 };
	struct btrfs_ioctl_dev_info_args device;
	long fd = open_file(".", LKL_O_RDONLY | LKL_O_DIRECTORY);
	uint64_t id;

	CHECK_EQ(make_ioctl(fd, BTRFS_IOC_FS_INFO, &whole), 0);
	for (id = 1; id <= whole.max_id; id++) {
		device = (struct btrfs_ioctl_dev_info_args){ .devid = id };
		if (!make_ioctl(fd, BTRFS_IOC_DEV_INFO, &device))
			CHECK_EQ(scrub(id).csum_errors, 0);
	}
	close_file(fd);
}

/* All blocks of a disk without damage are good. */
POINT(scrub)
{
	struct btrfs_scrub_progress progress;

	go_to_own("scrub");
	make_file("file", DATA);
	CHECK_EQ(lkl_sys_sync(), 0);
	progress = scrub(1);
	CHECK_GE(progress.data_bytes_scrubbed, DATA);
	CHECK_GT(progress.tree_bytes_scrubbed, 0);
	CHECK_EQ(progress.csum_errors + progress.read_errors + progress.verify_errors, 0);
	check_file("file", DATA);
}

/* Chunks that are moved keep their files, their snapshots and their shared extents. */
POINT(balance)
{
	long from, to;

	go_to_own("balance");
	make_subvolume("volume");
	make_file("volume/file", DATA);
	make_snapshot("volume", "snapshot", 0);
	from = open_file("volume/file", LKL_O_RDONLY);
	to = open_file("clone", LKL_O_RDWR | LKL_O_CREAT);
	CHECK_EQ(lkl_sys_ioctl(to, BTRFS_IOC_CLONE, from), 0);
	close_leftovers();
	balance(0, 0);
	check_file("volume/file", DATA);
	enter_again();
	go_to_own("balanced");
	balance(0, 0);
	CHECK_EQ(scrub(1).csum_errors, 0);
}

/* Files survive each profile of several devices, and the way back to one. */
static void try_profile(const char *name, uint64_t profile, int devices)
{
	char path[64];
	int i;

	go_to_own(name);
	for (i = 0; i < devices; i++)
		add_spare(i);
	make_file("before", DATA);
	balance(profile, profile);
	CHECK_EQ(kinds_of_chunks(), profile);
	make_file("after", DATA);
	CHECK_EQ(lkl_sys_sync(), 0);
	check_file("before", DATA);
	scrub_all();
	CHECK_EQ(enter_with(all_devices(devices), 0), 0);
	snprintf(path, sizeof(path), "%s-%d", name, (int)getpid());
	CHECK_EQ(lkl_sys_chdir(path), 0);
	check_file("after", DATA);
	/* A chunk that was made meanwhile may have the old profile still, or be a mirror. */
	for (i = 0; i < 5 && (!i || kinds_of_chunks() != BTRFS_BLOCK_GROUP_DUP); i++)
		balance(SINGLE, BTRFS_BLOCK_GROUP_DUP);
	lkltest_log("balanced %d times", i);
	for (i = 0; i < devices; i++)
		remove_spare(i);
	check_file("before", DATA);
	check_file("after", DATA);
}

POINT(raid0)
{
	need_own();
	find_spares();
	try_profile("raid0", BTRFS_BLOCK_GROUP_RAID0, 1);
}

POINT(raid10)
{
	need_own();
	find_spares();
	try_profile("raid10", BTRFS_BLOCK_GROUP_RAID10, 3);
}

POINT(raid5)
{
	need_own();
	find_spares();
	try_profile("raid5", BTRFS_BLOCK_GROUP_RAID5, 2);
}

POINT(raid6)
{
	need_own();
	find_spares();
	try_profile("raid6", BTRFS_BLOCK_GROUP_RAID6, 3);
}

#endif
