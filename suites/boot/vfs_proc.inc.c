/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about the files of /proc and /sys: what they say is true, and all of them can be read. */
#ifndef VFS_PROC_INC_C
#define VFS_PROC_INC_C

#include "vfs.h"

/* The memory that /proc/meminfo tells of adds up. */
POINT(proc_meminfo)
{
	const char *text = proc_text("meminfo", "CONFIG_PROC_FS");

	CHECK_GT(number_after(text, "MemTotal:"), 1024);
	CHECK_LT(number_after(text, "MemFree:"), number_after(text, "MemTotal:"));
	CHECK_EQ(number_after(text, "Slab:"),
		 number_after(text, "SReclaimable:") + number_after(text, "SUnreclaim:"));
}

/* A process finds its own numbers in /proc/self. */
POINT(proc_self)
{
	char want[64], link[64];
	const char *text;
	long len;

	text = proc_text("self/status", "CONFIG_PROC_FS");
	CHECK_EQ(number_after(text, "\nPid:"), lkl_sys_getpid());
	CHECK_EQ(number_after(text, "\nTgid:"), lkl_sys_getpid());
	CHECK_EQ(number_after(text, "\nUid:"), 0);
	text = proc_text("self/stat", "CONFIG_PROC_FS");
	snprintf(want, sizeof(want), "%ld (", (long)lkl_sys_getpid());
	CHECK_MEM_EQ(text, want, strlen(want));
	len = CHECK_OK(lkl_sys_readlinkat(LKL_AT_FDCWD, PROC "/self", link, sizeof(link) - 1));
	link[len] = 0;
	CHECK_EQ(atol(link), lkl_sys_getpid());
	len = CHECK_OK(lkl_sys_readlinkat(LKL_AT_FDCWD, PROC "/self/cwd", link, sizeof(link) - 1));
	link[len] = 0;
	CHECK_STR_EQ(link, "/");
}

/* The name of a process is what was written, cut to fifteen bytes. */
POINT(proc_comm)
{
	char before[64];

	snprintf(before, sizeof(before), "%s", proc_text("self/comm", "CONFIG_PROC_FS"));
	before[strcspn(before, "\n")] = 0;
	CHECK_EQ(write_text(PROC "/self/comm", "a-name-of-twenty-one-"), 21);
	CHECK_STR_EQ(proc_text("self/comm", ""), "a-name-of-twent\n");
	CHECK_EQ(write_text(PROC "/self/comm", before), strlen(before));
	CHECK_MEM_EQ(proc_text("self/comm", ""), before, strlen(before));
}

/* An open file is listed, with its path, its position and its flags. */
POINT(proc_fd)
{
	char path[64], link[64];
	long fd, len;

	have_proc();
	put_file("/vfs/listed", "0123456789", 10);
	fd = open_at("/vfs/listed", LKL_O_RDONLY);
	CHECK_EQ(lkl_sys_lseek(fd, 7, LKL_SEEK_SET), 7);
	snprintf(path, sizeof(path), PROC "/self/fd/%ld", fd);
	len = CHECK_OK(lkl_sys_readlinkat(LKL_AT_FDCWD, path, link, sizeof(link) - 1));
	link[len] = 0;
	CHECK_STR_EQ(link, "/vfs/listed");
	snprintf(path, sizeof(path), "self/fdinfo/%ld", fd);
	CHECK_EQ(number_after(proc_text(path, ""), "pos:"), 7);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "/vfs/listed", 0), 0);
	snprintf(path, sizeof(path), PROC "/self/fd/%ld", fd);
	len = CHECK_OK(lkl_sys_readlinkat(LKL_AT_FDCWD, path, link, sizeof(link) - 1));
	link[len] = 0;
	CHECK_STR_EQ(link, "/vfs/listed (deleted)");
	CHECK_EQ(lkl_sys_close(fd), 0);
	CHECK(!exists(path));
}

/* A mount is in all three lists of mounts, with its flags. */
POINT(proc_mounts)
{
	own_dir("/vfs/shown");
	have_proc();
	mount_at("source-of-it", "/vfs/shown", "ramfs", LKL_MS_NOSUID | LKL_MS_NODEV | LKL_MS_NOATIME);
	CHECK(strstr(proc_text("self/mounts", ""), "source-of-it /vfs/shown ramfs rw,nosuid,nodev,noatime 0 0\n"));
	CHECK(strstr(proc_text("self/mountinfo", ""), "/ /vfs/shown rw,nosuid,nodev,noatime - ramfs source-of-it rw\n"));
	CHECK(strstr(proc_text("self/mountstats", ""), "source-of-it mounted on /vfs/shown with fstype ramfs"));
	CHECK_EQ(unmount("/vfs/shown"), 0);
	CHECK(!strstr(proc_text("self/mounts", ""), "source-of-it"));
}

/* The file systems that /proc lists are those that can be mounted. */
POINT(proc_filesystems)
{
	const char *text = proc_text("filesystems", "CONFIG_PROC_FS");

	CHECK(strstr(text, "nodev\tproc\n"));
	CHECK(strstr(text, "nodev\tramfs\n"));
	CHECK(!strstr(text, "nosuchfs"));
}

/* A file that is read in small pieces, or from its middle, has the same text. */
POINT(proc_in_pieces)
{
	static const char *const files[] = { "filesystems", "devices", "self/limits", "self/mounts", "version" };
	static char whole[16384], pieces[16384];
	char path[64];
	size_t i, len, at;
	long fd, n;

	have_proc();
	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), PROC "/%s", files[i]);
		if (!exists(path))
			continue;
		read_file(path, whole, sizeof(whole));
		len = strlen(whole);
		fd = open_at(path, LKL_O_RDONLY);
		for (at = 0; (n = CHECK_OK(lkl_sys_read(fd, pieces + at, 7))) > 0; at += n)
			CHECK_LT(at + n, sizeof(pieces) - 7);
		pieces[at] = 0;
		CHECK_STR_EQ(pieces, whole);
		n = CHECK_OK(lkl_sys_pread64(fd, pieces, sizeof(pieces), len / 2));
		CHECK_EQ(n, len - len / 2);
		CHECK_MEM_EQ(pieces, whole + len / 2, n);
		lkltest_log("%s: %zu bytes", files[i], len);
		CHECK_EQ(lkl_sys_lseek(fd, 0, LKL_SEEK_SET), 0);
		CHECK_EQ(lkl_sys_read(fd, pieces, 5), 5);
		CHECK_MEM_EQ(pieces, whole, 5);
		CHECK_EQ(lkl_sys_close(fd), 0);
	}
}

/*
 * Files that would wait, stop the kernel, or are as large as its memory. And maps: before Linux 6.6 a kernel without
 * an MMU keeps the lock of the mappings when it was read, so that the next mapping waits for ever. And stack: a
 * library warns that it cannot tell its own.
 */
static int left_alone(const char *name)
{
	static const char *const names[] = { "kmsg", "kcore", "sysrq-trigger", "kpagecount", "kpageflags", "kpagecgroup",
					     "pagemap", "clear_refs", "mem", "exitcode", "trace_pipe", "kallsyms",
					     "config.gz", "maps", "smaps", "smaps_rollup", "numa_maps", "stack" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i]))
			return 1;
	return 0;
}

static struct {
	int files, bytes, refused;
} walked;

static void read_whole(const char *path, const char *name)
{
	static char buf[8192];
	long fd, n, bytes = 0;

	fd = lkl_sys_openat(LKL_AT_FDCWD, path, LKL_O_RDONLY | LKL_O_NONBLOCK, 0);
	if (fd < 0) {
		walked.refused++;
		return;
	}
	walked.files++;
	while (!left_alone(name) && bytes < 1 << 18 && (n = lkl_sys_read(fd, buf, sizeof(buf))) > 0)
		bytes += n;
	walked.bytes += bytes;
	CHECK_EQ(lkl_sys_close(fd), 0);
}

/* Reads all below a directory. What a listing calls a file, a directory or a link must be one. */
static void walk(const char *path, int depth)
{
	struct lkl_linux_dirent64 *entry;
	char buf[4096], name[512], target[256];
	struct lkl_stat st;
	long fd, len, at;

	fd = lkl_sys_openat(LKL_AT_FDCWD, path, LKL_O_RDONLY | LKL_O_DIRECTORY, 0);
	if (fd < 0)
		return;
	while ((len = lkl_sys_getdents64(fd, (void *)buf, sizeof(buf))) > 0) {
		for (at = 0; at < len; at += entry->d_reclen) {
			entry = (void *)(buf + at);
			/* One process stands for all. */
			if (entry->d_name[0] == '.' || (entry->d_name[0] >= '2' && entry->d_name[0] <= '9') ||
			    (entry->d_name[0] == '1' && entry->d_name[1]))
				continue;
			snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
			if (lkl_sys_fstatat(LKL_AT_FDCWD, name, &st, LKL_AT_SYMLINK_NOFOLLOW))
				continue;
			if (entry->d_type)
				CHECK_EQ((st.st_mode & LKL_S_IFMT) >> 12, entry->d_type);
			if (LKL_S_ISDIR(st.st_mode) && depth)
				walk(name, depth - 1);
			else if (LKL_S_ISLNK(st.st_mode))
				lkl_sys_readlinkat(LKL_AT_FDCWD, name, target, sizeof(target));
			else if (LKL_S_ISREG(st.st_mode))
				read_whole(name, entry->d_name);
		}
	}
	CHECK_EQ(lkl_sys_close(fd), 0);
}

static void walk_all(const char *path, int least)
{
	memset(&walked, 0, sizeof(walked));
	walk(path, 10);
	lkltest_property("files", "%d", walked.files);
	lkltest_log("%d files with %d bytes, %d were refused", walked.files, walked.bytes, walked.refused);
	CHECK_GT(walked.files, least);
	CHECK_GT(walked.bytes, least * 10);
}

/* Every file of /proc can be read to its end without harm. */
POINT(proc_walk)
{
	have_proc();
	walk_all(PROC, 100);
}

/* Every file of /sys can be read to its end without harm. */
POINT(sys_walk)
{
	own_dir("/vfs/sys");
	mount_at("none", "/vfs/sys", "sysfs", 0);
	walk_all("/vfs/sys", 100);
	CHECK_EQ(unmount("/vfs/sys"), 0);
}

/* A slab cache tells sizes that fit together, and stands a check of all its objects. */
POINT(sys_slab)
{
	char text[256];
	long long object, slab, per_slab;
	long valid;

	own_dir("/vfs/slab");
	mount_at("none", "/vfs/slab", "sysfs", 0);
	if (!exists("/vfs/slab/kernel/slab/dentry/object_size")) {
		CHECK_EQ(unmount("/vfs/slab"), 0);
		lkltest_skip("this kernel has no /sys/kernel/slab: CONFIG_SLUB, CONFIG_SLUB_DEBUG");
	}
	object = atoll(read_file("/vfs/slab/kernel/slab/dentry/object_size", text, sizeof(text)));
	slab = atoll(read_file("/vfs/slab/kernel/slab/dentry/slab_size", text, sizeof(text)));
	per_slab = atoll(read_file("/vfs/slab/kernel/slab/dentry/objs_per_slab", text, sizeof(text)));
	CHECK_GT(object, 0);
	CHECK_GE(slab, object);
	CHECK_GT(per_slab, 0);
	valid = write_text("/vfs/slab/kernel/slab/dentry/validate", "1");
	CHECK(valid == 1 || valid == -LKL_EINVAL);	/* newer kernels refuse it without slab_debug */
	CHECK_EQ(write_text("/vfs/slab/kernel/slab/dentry/shrink", "1"), 1);
	CHECK_ERR(write_text("/vfs/slab/kernel/slab/dentry/shrink", "2"), LKL_EINVAL);
	CHECK_EQ(unmount("/vfs/slab"), 0);
}

/* The limits of a slab cache take new values, and nonsense leaves them alone. */
POINT(sys_slab_limits)
{
	static const char *const names[] = { "min_partial", "cpu_partial" };
	char path[96], before[32], after[32];
	size_t i;

	own_dir("/vfs/slab");
	mount_at("none", "/vfs/slab", "sysfs", 0);
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "/vfs/slab/kernel/slab/dentry/%s", names[i]);
		if (!exists(path))
			continue;
		read_file(path, before, sizeof(before));
		if (write_text(path, "6") == 1)
			CHECK_STR_EQ(read_file(path, after, sizeof(after)), "6\n");
		CHECK_LT(write_text(path, "nonsense"), 0);
		if (write_text(path, before) > 0)
			CHECK_STR_EQ(read_file(path, after, sizeof(after)), before);
	}
	CHECK_EQ(unmount("/vfs/slab"), 0);
}

/* Limits of the kernel take new values, and are as they were afterwards. */
POINT(sysctls)
{
	static const char *const settings[][2] = {
		{ "vm/swappiness", "37" }, { "vm/dirty_ratio", "33" }, { "vm/dirty_background_ratio", "7" },
		{ "vm/dirty_expire_centisecs", "1234" }, { "vm/dirty_writeback_centisecs", "321" },
		{ "vm/vfs_cache_pressure", "150" }, { "vm/overcommit_ratio", "60" }, { "vm/min_free_kbytes", "700" },
		{ "vm/laptop_mode", "1" }, { "vm/percpu_pagelist_fraction", "8" }, { "vm/watermark_scale_factor", "20" },
		{ "vm/dirty_bytes", "8388608" }, { "vm/dirty_background_bytes", "4194304" }, { "vm/overcommit_kbytes", "1000" },
		{ "vm/block_dump", "0" }, { "vm/extfrag_threshold", "400" }, { "vm/stat_interval", "2" }, { "vm/user_reserve_kbytes", "100" },
		{ "vm/admin_reserve_kbytes", "100" }, { "vm/oom_dump_tasks", "0" }, { "vm/nr_trim_pages", "0" },
		{ "fs/file-max", "4321" }, { "fs/nr_open", "2048" }, { "fs/pipe-max-size", "131072" },
		{ "fs/lease-break-time", "30" }, { "fs/leases-enable", "0" }, { "fs/protected_hardlinks", "1" },
		{ "fs/protected_symlinks", "1" }, { "fs/overflowuid", "12345" },
	};
	size_t i;
	int found = 0;

	have_proc();
	if (!exists(PROC "/sys/vm/swappiness"))
		lkltest_skip("this kernel has no /proc/sys: CONFIG_PROC_SYSCTL");
	for (i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		found += sysctl_changes(settings[i][0], settings[i][1], settings[i][1]);
	lkltest_property("sysctls", "%d", found);
	CHECK_GT(found, 10);
}

/* Of a limit in percent and one in bytes only the last one that was set counts. */
POINT(sysctl_pairs)
{
	char before[32];

	have_proc();
	if (!exists(PROC "/sys/vm/dirty_bytes"))
		lkltest_skip("this kernel has no /proc/sys: CONFIG_PROC_SYSCTL");
	snprintf(before, sizeof(before), "%s", proc_text("sys/vm/dirty_ratio", ""));
	CHECK_GT(write_text(PROC "/sys/vm/dirty_bytes", "16777216"), 0);
	CHECK_STR_EQ(proc_text("sys/vm/dirty_ratio", ""), "0\n");
	CHECK_GT(write_text(PROC "/sys/vm/dirty_ratio", "20"), 0);
	CHECK_STR_EQ(proc_text("sys/vm/dirty_bytes", ""), "0\n");
	CHECK_GT(write_text(PROC "/sys/vm/dirty_background_bytes", "4194304"), 0);
	CHECK_STR_EQ(proc_text("sys/vm/dirty_background_ratio", ""), "0\n");
	CHECK_GT(write_text(PROC "/sys/vm/dirty_background_ratio", "10"), 0);
	CHECK_STR_EQ(proc_text("sys/vm/dirty_background_bytes", ""), "0\n");
	CHECK_GT(write_text(PROC "/sys/vm/dirty_ratio", atol(before) ? before : "20"), 0);
}

/* The kernel prints what memory it has when it is asked to. */
POINT(sysrq_memory)
{
	have_proc();
	if (!exists(PROC "/sysrq-trigger"))
		lkltest_skip("this kernel has no /proc/sysrq-trigger: CONFIG_MAGIC_SYSRQ");
	CHECK_EQ(write_text(PROC "/sysrq-trigger", "m"), 1);
	sleep_ns(SHORT_NS);
	CHECK(lkltest_console_seen("Mem-Info"));
}

/* A limit that makes no sense is refused, and what was there stays. */
POINT(sysctl_limits)
{
	char before[64], after[64];

	have_proc();
	if (!exists(PROC "/sys/vm/dirty_ratio"))
		lkltest_skip("this kernel has no /proc/sys: CONFIG_PROC_SYSCTL");
	read_file(PROC "/sys/vm/dirty_ratio", before, sizeof(before));
	CHECK_ERR(write_text(PROC "/sys/vm/dirty_ratio", "101"), LKL_EINVAL);
	CHECK_ERR(write_text(PROC "/sys/vm/dirty_ratio", "-1"), LKL_EINVAL);
	CHECK_ERR(write_text(PROC "/sys/vm/dirty_ratio", "many"), LKL_EINVAL);
	CHECK_STR_EQ(read_file(PROC "/sys/vm/dirty_ratio", after, sizeof(after)), before);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, PROC "/sys/fs/file-nr", LKL_O_WRONLY | LKL_O_CREAT | LKL_O_EXCL, 0600),
		  LKL_EEXIST);
	CHECK_LT(lkl_sys_unlinkat(LKL_AT_FDCWD, PROC "/sys/fs/file-nr", 0), 0);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, PROC "/sys/none", LKL_O_RDONLY, 0), LKL_ENOENT);
}

/* The counts of open files and of dentries follow what is opened. */
POINT(sysctl_counts)
{
	long fds[64];
	long long before, after;
	int i;

	have_proc();
	if (!exists(PROC "/sys/fs/file-nr"))
		lkltest_skip("this kernel has no /proc/sys/fs: CONFIG_PROC_SYSCTL");
	put_file("/vfs/counted", "x", 1);
	before = atoll(proc_text("sys/fs/file-nr", ""));
	for (i = 0; i < 64; i++)
		fds[i] = open_at("/vfs/counted", LKL_O_RDONLY);
	after = atoll(proc_text("sys/fs/file-nr", ""));
	for (i = 0; i < 64; i++)
		CHECK_EQ(lkl_sys_close(fds[i]), 0);
	/* Counted by processor, in batches. */
	CHECK_GE(after, before);
	CHECK_GE(after, 32);
	CHECK_GT(atoll(proc_text("sys/fs/dentry-state", "")), 0);
	CHECK_GT(atoll(proc_text("sys/fs/inode-nr", "")), 0);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "/vfs/counted", 0), 0);
}

/* Caches that are dropped lose no file of a file system in memory. */
POINT(drop_caches)
{
	char text[8] = "", path[48];
	int i;

	own_dir("/vfs/kept");
	have_proc();
	if (!exists(PROC "/sys/vm/drop_caches"))
		lkltest_skip("this kernel has no /proc/sys/vm/drop_caches: CONFIG_PROC_SYSCTL");
	for (i = 0; i < 50; i++) {
		snprintf(path, sizeof(path), "/vfs/kept/f%d", i);
		put_file(path, &i, sizeof(i));
	}
	lkl_sys_sync();
	CHECK_EQ(write_text(PROC "/sys/vm/drop_caches", "3"), 1);
	for (i = 0; i < 50; i++) {
		snprintf(path, sizeof(path), "/vfs/kept/f%d", i);
		read_file(path, text, sizeof(text));
		CHECK_MEM_EQ(text, &i, sizeof(i));
		CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, path, 0), 0);
	}
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "/vfs/kept", LKL_AT_REMOVEDIR), 0);
}

#endif
