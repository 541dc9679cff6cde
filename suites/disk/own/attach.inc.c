/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The beginning and the end of a program about one file system: its disk, and spare disks beside it.
 *
 * Arguments: those of disk.c, spare1=FILE to spare3=FILE: empty disks.
 */
#ifndef ATTACH_INC_C
#define ATTACH_INC_C

#include <lkltest.h>

#include "../volumes.h"

#define SPARES 3

static struct lkltest_disk spares[SPARES];

POINT(disk_add)
{
	char name[16];
	int i;

	configure_all();
	lkltest_disk_add(&disks[0], NULL);
	for (i = 0; i < SPARES; i++) {
		snprintf(name, sizeof(name), "spare%d", i + 1);
		spares[i].path = lkltest_arg(name);
		if (spares[i].path)
			lkltest_disk_add(&spares[i], NULL);
	}
}

POINT(start_kernel)
{
	lkltest_start_kernel();
}

POINT(mount_dev)
{
	if (!lkltest_has_filesystem(first.type))
		missing = first.type;
	if (missing)
		need_mounted();
	find_node(&first);
	snprintf(first.where, sizeof(first.where), LKLTEST_WORK "/first");
	enter(&first, 0);
}

/* Mounts the disk where an earlier point has failed while it was unmounted, and goes to its root. */
static void need_own(void)
{
	if (!mounted && !missing && *first.where) {
		close_leftovers();
		enter(&first, 0);
	}
	need_mounted();
}

POINT(umount_dev)
{
	need_own();
	leave(&first);
}

POINT(stop_kernel)
{
	lkltest_stop_kernel();
}

POINT(disk_remove)
{
	int i;

	lkltest_disk_remove(&disks[0]);
	for (i = 0; i < SPARES; i++)
		if (spares[i].path)
			lkltest_disk_remove(&spares[i]);
}

/* Makes a directory for one start of one point, as an earlier start may have left its own, and goes there. */
static void go_to_own(const char *point)
{
	char name[64];

	need_own();
	snprintf(name, sizeof(name), "%s-%d", point, (int)getpid());
	make_directory(name);
	CHECK_EQ(lkl_sys_chdir(name), 0);
}

/* Skips the point if the kernel answers that it has no such thing. */
static long supported(long result, const char *thing)
{
	if (result == -LKL_ENOTTY || result == -LKL_EOPNOTSUPP || result == -LKL_ENOSYS)
		lkltest_skip("this kernel has no %s on %s", thing, first.type);
	return result;
}

static long make_ioctl(long fd, unsigned long request, void *argument)
{
	return lkl_sys_ioctl(fd, request, (long)argument);
}

/* Linux 4.9 may warn of inodes in use if btrfs is unmounted while its threads still let go of them. */
static void settle(void)
{
	if (strcmp(first.type, "btrfs"))
		return;
	CHECK_EQ(lkl_sys_sync(), 0);
	lkltest_sleep_ms(20);
}

/* Unmounts the disk and mounts it with these options in the place of its own. */
static long enter_with(const char *options, int flags)
{
	long err;

	settle();
	leave(&first);
	err = lkltest_mount(first.node, first.where, first.type, flags, options);
	if (!err) {
		mounted = 1;
		CHECK_EQ(lkl_sys_chdir(first.where), 0);
	}
	return err;
}

/* Ends what a point about mount options has begun, if another mount of it was left. */
static void enter_again(void)
{
	settle();
	leave(&first);
	enter(&first, 0);
}

/* The mount options of the disk, as the kernel prints them. */
static const char *shown_options(void)
{
	static char mounts[8192];
	char *line, *end, start[64];
	long err;

	lkltest_work_dir(LKLTEST_WORK "/proc");
	if (lkltest_slurp(LKLTEST_WORK "/proc/mounts", mounts, sizeof(mounts)) < 0) {
		err = lkl_sys_mount("none", LKLTEST_WORK "/proc", "proc", 0, NULL);
		if (err == -LKL_ENODEV)
			lkltest_skip("this kernel has no /proc: CONFIG_PROC_FS");
		CHECK_EQ(err, 0);
		CHECK_OK(lkltest_slurp(LKLTEST_WORK "/proc/mounts", mounts, sizeof(mounts)));
	}
	snprintf(start, sizeof(start), " %s %s ", first.where, first.type);
	line = strstr(mounts, start);
	if (!line)
		lkltest_fail("/proc/mounts has no line of %s:\n%s", first.where, mounts);
	line += strlen(start);
	end = strchr(line, '\n');
	if (end)
		*end = 0;
	lkltest_log("options: %s", line);
	return line;
}

static int has_option(const char *options, const char *wanted)
{
	const char *found = strstr(options, wanted);
	size_t len = strlen(wanted);

	while (found && !((found == options || found[-1] == ',') && strchr(", =", found[len])))
		found = strstr(found + 1, wanted);
	return found != NULL;
}

/* Mounts the disk with each of these options and demands that the kernel shows it and that a file is kept. */
static void check_mount_options(const char *const *options, int nr)
{
	char path[64];
	int i, known_ones = 0;
	long err;

	for (i = 0; i < nr; i++) {
		err = enter_with(options[i], 0);
		if (err == -LKL_EINVAL) {
			lkltest_log("this kernel does not know %s", options[i]);
			enter(&first, 0);
			continue;
		}
		known_ones++;
		if (err)
			lkltest_fail("mount -o %s: %s", options[i], lkl_strerror(err));
		if (!has_option(shown_options(), options[i]))
			lkltest_fail("mounted with -o %s, but it is not shown", options[i]);
		snprintf(path, sizeof(path), "option-%d-%d", (int)getpid(), i);
		make_file(path, 20000);
		enter_again();
		check_file(path, 20000);
		CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, path, 0), 0);
	}
	CHECK_GT(known_ones, nr / 2);
}

#endif
