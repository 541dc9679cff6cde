/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about what the kernel shows and sets of itself in /proc and /sys. */
#ifndef BOOT_KERNELFILES_INC_C
#define BOOT_KERNELFILES_INC_C

#include "shared.h"

static char kernel_text[1 << 20];

/* Sysctls of the kernel: numbers with bounds, names, several numbers in one. */
POINT(sysctls)
{
	sysctl_changes("kernel/hostname", "by-sysctl", "by-sysctl");
	sysctl_changes("kernel/domainname", "example", "example");
	sysctl_changes("kernel/pid_max", "4000", "4000");
	sysctl_changes("kernel/printk_ratelimit", "7", "7");
	sysctl_changes("kernel/printk_ratelimit_burst", "77", "77");
	sysctl_changes("kernel/threads-max", "500", "500");
	sysctl_changes("kernel/sched_rt_runtime_us", "-1", "-1");
	sysctl_changes("kernel/randomize_va_space", "1", "1");
	sysctl_changes("vm/swappiness", "33", "33");
	sysctl_changes("vm/dirty_expire_centisecs", "1000", "1000");
	sysctl_changes("fs/file-max", "5000", "5000");
	sysctl_changes("fs/nr_open", "100000", "100000");
	CHECK_ERR(sysctl_write("kernel/pid_max", "1"), LKL_EINVAL);
	CHECK_ERR(sysctl_write("vm/swappiness", "999"), LKL_EINVAL);
	CHECK_ERR(sysctl_write("vm/swappiness", "some"), LKL_EINVAL);
}

/* Sysctls that only tell something. */
POINT(sysctls_readonly)
{
	struct lkltest_utsname name;
	char value[256];

	CHECK_OK(lkltest_uname(&name));
	CHECK_STR_EQ(sysctl_read("kernel/ostype", value, sizeof(value)), name.sysname);
	CHECK_STR_EQ(sysctl_read("kernel/osrelease", value, sizeof(value)), name.release);
	CHECK_STR_EQ(sysctl_read("kernel/version", value, sizeof(value)), name.version);
	CHECK_LT(sysctl_write("kernel/ostype", "other"), 0);
	sysctl_read("fs/file-nr", value, sizeof(value));
	CHECK_GT(strtol(value, NULL, 10), 0);
	CHECK_EQ(strlen(sysctl_read("kernel/random/boot_id", value, sizeof(value))), 36);
}

/* A file of /proc must hold this text; one that the kernel does not have is logged. */
static int proc_has(const char *name, const char *text)
{
	char path[128];
	long fd;

	need_proc_at();
	snprintf(path, sizeof(path), NEED_PROC "/%s", name);
	fd = lkl_sys_openat(LKL_AT_FDCWD, path, LKL_O_RDONLY, 0);
	if (fd == -LKL_ENOENT) {
		lkltest_log("this kernel has no %s", path);
		return 0;
	}
	CHECK_OK(fd);
	CHECK_OK(lkl_sys_close(fd));
	if (!strstr(need_file(path, kernel_text, sizeof(kernel_text)), text))
		lkltest_fail("%s does not have \"%s\"", path, text);
	return 1;
}

/* What the kernel tells of its timers, threads, interrupts, memory and devices. */
POINT(proc_kernel)
{
	static const char *const files[][2] = {
		{ "timer_list", "cpu: 0" }, { "sched_debug", "cpu#0" }, { "stat", "cpu  " }, { "uptime", "." },
		{ "loadavg", "/" }, { "interrupts", "" }, { "softirqs", "TIMER:" }, { "meminfo", "MemTotal:" },
		{ "vmstat", "nr_free_pages" }, { "zoneinfo", "Node 0" }, { "buddyinfo", "Node 0" }, { "slabinfo", "slabinfo - version" },
		{ "iomem", "" }, { "ioports", "" }, { "devices", "Character devices:" }, { "filesystems", "proc" },
		{ "cmdline", "" }, { "consoles", "" }, { "execdomains", "Linux" }, { "pagetypeinfo", "" }, { "misc", "" },
		{ "mounts", "proc" }, { "partitions", "" }, { "diskstats", "" }, { "locks", "" }, { "crypto", "" },
	};
	size_t i;
	int found = 0;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++)
		found += proc_has(files[i][0], files[i][1]);
	CHECK_GT(found, 10);
}

/* What it tells of a process. */
POINT(proc_process)
{
	static const char *const files[][2] = {
		{ "1/status", "Pid:\t1\n" }, { "1/stat", "1 (" }, { "1/limits", "Max open files" }, { "1/sched", "se." },
		{ "1/mountinfo", "proc" }, { "1/mountstats", "proc" }, { "1/maps", "" }, { "1/io", "" }, { "1/wchan", "" },
		{ "1/cgroup", "" }, { "1/oom_score", "" }, { "1/personality", "0" }, { "1/comm", "" }, { "1/statm", "" },
		{ "1/schedstat", "" }, { "1/auxv", "" }, { "1/stack", "" }, { "1/timerslack_ns", "" }, { "1/net/dev", "lo:" },
	};
	size_t i;
	int found = 0;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		char path[64];
		long fd;

		need_proc_at();
		snprintf(path, sizeof(path), NEED_PROC "/%s", files[i][0]);
		fd = lkl_sys_openat(LKL_AT_FDCWD, path, LKL_O_RDONLY, 0);
		if (fd < 0)
			continue;
		CHECK_OK(lkl_sys_close(fd));
		found++;
		if (*files[i][1])
			proc_has(files[i][0], files[i][1]);
		else
			CHECK_LE(lkl_sys_openat(LKL_AT_FDCWD, path, LKL_O_RDONLY | LKL_O_DIRECTORY, 0), 0);
	}
	CHECK_GT(found, 5);
}

/* The kernel's symbols, each with a type, a known one among them, in any piece of the file. */
POINT(proc_symbols)
{
	char piece[256], again[256];
	int fd;

	if (!proc_has("kallsyms", " _stext\n"))
		lkltest_skip("this kernel lacks CONFIG_KALLSYMS");
	fd = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, NEED_PROC "/kallsyms", LKL_O_RDONLY, 0));
	CHECK_EQ(lkl_sys_read(fd, piece, sizeof(piece)), sizeof(piece));
	CHECK_OK(lkl_sys_lseek(fd, 100, SEEK_SET));
	CHECK_EQ(lkl_sys_read(fd, again, 100), 100);
	CHECK_MEM_EQ(again, piece + 100, 100);
	CHECK_OK(lkl_sys_close(fd));
}

static const char *sys_file(const char *name)
{
	char path[128];

	need_sys_at();
	snprintf(path, sizeof(path), NEED_SYS "/%s", name);
	need_file(path, kernel_text, sizeof(kernel_text));
	kernel_text[strcspn(kernel_text, "\n")] = 0;
	return kernel_text;
}

static long sys_write(const char *name, const char *value)
{
	char path[128];

	need_sys_at();
	snprintf(path, sizeof(path), NEED_SYS "/%s", name);
	return need_write(path, value);
}

/* A parameter of a part of the kernel is read and set. */
POINT(sys_parameters)
{
	char before[16];

	snprintf(before, sizeof(before), "%.15s", sys_file("module/printk/parameters/time"));
	CHECK(!strcmp(before, "Y") || !strcmp(before, "N"));
	CHECK_OK(sys_write("module/printk/parameters/time", "N"));
	CHECK_STR_EQ(sys_file("module/printk/parameters/time"), "N");
	CHECK_OK(sys_write("module/printk/parameters/time", "1"));
	CHECK_STR_EQ(sys_file("module/printk/parameters/time"), "Y");
	CHECK_ERR(sys_write("module/printk/parameters/time", "maybe"), LKL_EINVAL);
	CHECK_OK(sys_write("module/printk/parameters/time", before));
}

/* A work queue's threads get another nice value and other processors, and it still works. */
POINT(sys_workqueue)
{
	char before[16];

	snprintf(before, sizeof(before), "%.15s", sys_file("bus/workqueue/devices/writeback/nice"));
	CHECK_OK(sys_write("bus/workqueue/devices/writeback/nice", "5"));
	CHECK_STR_EQ(sys_file("bus/workqueue/devices/writeback/nice"), "5");
	CHECK_ERR(sys_write("bus/workqueue/devices/writeback/nice", "x"), LKL_EINVAL);
	CHECK_OK(sys_write("bus/workqueue/devices/writeback/cpumask", "1"));
	CHECK_GT(atoi(sys_file("bus/workqueue/devices/writeback/max_active")), 0);
	CHECK_STR_EQ(sys_file("bus/workqueue/devices/writeback/per_cpu"), "0");
	CHECK(strstr(sys_file("bus/workqueue/devices/writeback/pool_ids"), "0:"));
	CHECK_OK(sys_write("bus/workqueue/devices/writeback/nice", before));
	CHECK_OK(LKLTEST_SYS(sync));
}

/* What the kernel keeps of clocks and processors. */
POINT(sys_devices)
{
	char current[64], available[256];

	snprintf(current, sizeof(current), "%.63s", sys_file("devices/system/clocksource/clocksource0/current_clocksource"));
	snprintf(available, sizeof(available), "%.255s",
		 sys_file("devices/system/clocksource/clocksource0/available_clocksource"));
	CHECK_GT(strlen(current), 0);
	CHECK(strstr(available, current));
	CHECK_OK(sys_write("devices/system/clocksource/clocksource0/current_clocksource", current));
	CHECK_EQ(sys_file("devices/system/cpu/online")[0], '0');
	CHECK_GT(strlen(sys_file("kernel/uevent_seqnum")), 0);
	CHECK_GT(strlen(sys_file("devices/system/clockevents/clockevent0/current_device")), 0);
}

#endif
