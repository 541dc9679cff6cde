/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about the system as a whole, and about the limits and the use of a process. */
#ifndef BOOT_SYSTEM_INC_C
#define BOOT_SYSTEM_INC_C

#include "shared.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/wait.h>

/* The host's and the domain's name are set, and read by uname. */
POINT(hostname)
{
	struct lkltest_utsname before, now;

	CHECK_OK(lkltest_uname(&before));
	CHECK_OK(LKLTEST_SYS(sethostname, "bench.example", 13));
	CHECK_OK(LKLTEST_SYS(setdomainname, "example", 7));
	CHECK_OK(lkltest_uname(&now));
	CHECK_STR_EQ(now.nodename, "bench.example");
	CHECK_STR_EQ(now.domainname, "example");
	CHECK_ERR(LKLTEST_SYS(sethostname, "x", 100), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(setdomainname, "x", -1), LKL_EINVAL);
	CHECK_OK(LKLTEST_SYS(sethostname, before.nodename, strlen(before.nodename)));
	CHECK_OK(LKLTEST_SYS(setdomainname, before.domainname, strlen(before.domainname)));
}

/* Memory and uptime, as sysinfo tells them. */
POINT(sysinfo)
{
	struct sysinfo info;

	CHECK_OK(LKLTEST_SYS(sysinfo, &info));
	CHECK_GT(info.totalram * info.mem_unit, 8 << 20);
	CHECK_GT(info.freeram, 0);
	CHECK_LE(info.freeram, info.totalram);
	CHECK_GE(info.uptime, 0);
	CHECK_GT(info.procs, 0);
}

/* Limits of resources are set below the hard one, and no higher. */
POINT(limits)
{
	struct rlimit before, limit = { 100, 200 }, found, wrong = { 300, 200 };
	int fd;

	CHECK_OK(LKLTEST_SYS(prlimit64, 0, RLIMIT_NOFILE, NULL, &before));
	CHECK_OK(LKLTEST_SYS(prlimit64, 0, RLIMIT_NOFILE, &limit, &found));
	CHECK_EQ(found.rlim_cur, before.rlim_cur);
	CHECK_OK(LKLTEST_SYS(prlimit64, lkl_sys_getpid(), RLIMIT_NOFILE, NULL, &found));
	CHECK_EQ(found.rlim_cur, 100);
	CHECK_EQ(found.rlim_max, 200);
	fd = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/", LKL_O_RDONLY, 0));
	CHECK_ERR(lkl_sys_dup3(fd, 150, 0), LKL_EBADF);
	CHECK_EQ(lkl_sys_dup3(fd, 99, 0), 99);
	CHECK_OK(lkl_sys_close(99));
	CHECK_OK(lkl_sys_close(fd));
	CHECK_ERR(LKLTEST_SYS(prlimit64, 0, RLIMIT_NOFILE, &wrong, NULL), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(prlimit64, 0, 99, NULL, &found), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(prlimit64, 999999, RLIMIT_NOFILE, NULL, &found), LKL_ESRCH);
	CHECK_OK(LKLTEST_SYS(prlimit64, 0, RLIMIT_NOFILE, &before, NULL));
}

/* A file may not grow over its limit. */
POINT(limit_file_size)
{
	struct rlimit before, limit = { 10, RLIM_INFINITY };
	unsigned long long set = 1ULL << (SIGXFSZ - 1), old = 0;
	int fd = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/limited", LKL_O_RDWR | LKL_O_CREAT, 0600));
	struct timespec now = { 0, 0 };

	CHECK_OK(LKLTEST_SYS(rt_sigprocmask, SIG_BLOCK, &set, &old, 8));
	CHECK_OK(LKLTEST_SYS(prlimit64, 0, RLIMIT_FSIZE, &limit, &before));
	EXPECT_EQ(lkl_sys_write(fd, "0123456789abcdef", 16), 10);
	EXPECT_ERR(lkl_sys_write(fd, "x", 1), LKL_EFBIG);
	CHECK_OK(LKLTEST_SYS(prlimit64, 0, RLIMIT_FSIZE, &before, NULL));
	CHECK_EQ(LKLTEST_SYS(rt_sigtimedwait, &set, NULL, &now, 8), SIGXFSZ);
	CHECK_OK(LKLTEST_SYS(rt_sigprocmask, SIG_SETMASK, &old, NULL, 8));
	CHECK_EQ(lkl_sys_write(fd, "x", 1), 1);
	CHECK_OK(lkl_sys_close(fd));
	CHECK_OK(lkl_sys_unlinkat(LKL_AT_FDCWD, "/limited", 0));
}

/* Resources that a process has used: times never go back. */
POINT(usage)
{
	static const int whom[] = { RUSAGE_SELF, RUSAGE_THREAD, RUSAGE_CHILDREN };
	struct rusage first, second;
	struct tms times;
	size_t i;

	for (i = 0; i < 3; i++) {
		CHECK_OK(LKLTEST_SYS(getrusage, whom[i], &first));
		sleep_ns(1000000);
		CHECK_OK(LKLTEST_SYS(getrusage, whom[i], &second));
		CHECK_GE(second.ru_stime.tv_sec * 1000000 + second.ru_stime.tv_usec,
			 first.ru_stime.tv_sec * 1000000 + first.ru_stime.tv_usec);
		CHECK_GE(second.ru_nvcsw, first.ru_nvcsw);
	}
	CHECK_ERR(LKLTEST_SYS(getrusage, 77, &first), LKL_EINVAL);
	CHECK_NE(LKLTEST_SYS(times, &times), 0);
	CHECK_GE(times.tms_stime, 0);
	CHECK_EQ(times.tms_cutime, 0);
}

/* A thread has a name, a slack of its timers, a signal for its parent's end. */
POINT(prctl)
{
	char before[16] = "", name[16] = "";
	int signal = -1;
	long slack;

	CHECK_OK(LKLTEST_SYS(prctl, PR_GET_NAME, before));
	CHECK_OK(LKLTEST_SYS(prctl, PR_SET_NAME, "a-name-that-is-too-long"));
	CHECK_OK(LKLTEST_SYS(prctl, PR_GET_NAME, name));
	CHECK_STR_EQ(name, "a-name-that-is-");
	CHECK_OK(LKLTEST_SYS(prctl, PR_SET_NAME, before));
	slack = CHECK_OK(LKLTEST_SYS(prctl, PR_GET_TIMERSLACK));
	CHECK_OK(LKLTEST_SYS(prctl, PR_SET_TIMERSLACK, 12345));
	CHECK_EQ(LKLTEST_SYS(prctl, PR_GET_TIMERSLACK), 12345);
	CHECK_OK(LKLTEST_SYS(prctl, PR_SET_TIMERSLACK, slack));
	CHECK_OK(LKLTEST_SYS(prctl, PR_SET_PDEATHSIG, SIGUSR1));
	CHECK_OK(LKLTEST_SYS(prctl, PR_GET_PDEATHSIG, &signal));
	CHECK_EQ(signal, SIGUSR1);
	CHECK_OK(LKLTEST_SYS(prctl, PR_SET_PDEATHSIG, 0));
	CHECK_ERR(LKLTEST_SYS(prctl, PR_SET_PDEATHSIG, 999), LKL_EINVAL);
	CHECK_OK(LKLTEST_SYS(prctl, PR_SET_CHILD_SUBREAPER, 1));
	CHECK_OK(LKLTEST_SYS(prctl, PR_GET_CHILD_SUBREAPER, &signal));
	CHECK_EQ(signal, 1);
	CHECK_OK(LKLTEST_SYS(prctl, PR_SET_CHILD_SUBREAPER, 0));
	CHECK_ERR(LKLTEST_SYS(prctl, 99999), LKL_EINVAL);
}

/* The execution domain is kept; so are 32 bits of it. */
POINT(personality)
{
	long before = CHECK_OK(LKLTEST_SYS(personality, 0xffffffff));

	CHECK_EQ(LKLTEST_SYS(personality, 0x0040000), before);
	CHECK_EQ(LKLTEST_SYS(personality, before), 0x0040000);
	CHECK_EQ(LKLTEST_SYS(personality, 0xffffffff), before);
}

/* There is no child to wait for. */
POINT(wait_for_nobody)
{
	siginfo_t info;
	int status;

	CHECK_ERR(LKLTEST_SYS(wait4, -1, &status, WNOHANG, NULL), LKL_ECHILD);
	CHECK_ERR(LKLTEST_SYS(wait4, 999999, &status, 0, NULL), LKL_ECHILD);
	CHECK_ERR(LKLTEST_SYS(wait4, -1, &status, 0x12345678, NULL), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(waitid, P_ALL, 0, &info, WEXITED | WNOHANG, NULL), LKL_ECHILD);
	CHECK_ERR(LKLTEST_SYS(waitid, P_PID, 0, &info, WEXITED, NULL), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(waitid, P_ALL, 0, &info, 0, NULL), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(waitid, 77, 0, &info, WEXITED, NULL), LKL_EINVAL);
}

/* Groups of processes and sessions have the numbers of their first processes. */
POINT(process_groups)
{
	long group = CHECK_OK(LKLTEST_SYS(getpgid, 0)), session = CHECK_OK(LKLTEST_SYS(getsid, 0));

	CHECK_EQ(LKLTEST_SYS(getpgid, lkl_sys_getpid()), group);
	CHECK_EQ(LKLTEST_SYS(getsid, lkl_sys_getpid()), session);
	CHECK_ERR(LKLTEST_SYS(getpgid, 999999), LKL_ESRCH);
	CHECK_ERR(LKLTEST_SYS(getsid, 999999), LKL_ESRCH);
	CHECK_ERR(LKLTEST_SYS(setpgid, 0, -1), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(setpgid, 999999, 0), LKL_ESRCH);
	CHECK_ERR(LKLTEST_SYS(setpgid, 0, 999999), LKL_EPERM);
}

/* Whether Ctrl-Alt-Del reboots is a switch; a reboot without the magic numbers is none. */
POINT(reboot_switch)
{
#ifdef LKLTEST_NATIVE
	enum { MAGIC1 = (int)0xfee1dead, MAGIC2 = 672274793, CAD_ON = (int)0x89abcdef };

	CHECK_ERR(LKLTEST_SYS(reboot, 1, 2, 3, NULL), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(reboot, MAGIC1, MAGIC2, 0x7777, NULL), LKL_EINVAL);
	CHECK_OK(LKLTEST_SYS(reboot, MAGIC1, MAGIC2, CAD_ON, NULL));
	CHECK_OK(LKLTEST_SYS(reboot, MAGIC1, MAGIC2, 0, NULL));
#else
	lkltest_skip("in a library every reboot() ends the kernel");
#endif
}

/* The kernel's log has what is written into it, and a size. */
POINT(syslog)
{
	enum { READ_ALL = 3, CONSOLE_OFF = 6, CONSOLE_ON = 7, CONSOLE_LEVEL = 8, SIZE_UNREAD = 9, SIZE_BUFFER = 10 };
	static char log[1 << 18];
	long size = CHECK_OK(need_call(LKLTEST_SYS(syslog, SIZE_BUFFER, NULL, 0), "CONFIG_PRINTK")), len;

	CHECK_GE(size, 4096);
	len = CHECK_OK(LKLTEST_SYS(syslog, READ_ALL, log, sizeof(log) - 1));
	CHECK_GT(len, 0);
	CHECK_LE(len, size < (long)sizeof(log) ? (long)sizeof(log) : size);
	CHECK_OK(LKLTEST_SYS(syslog, SIZE_UNREAD, NULL, 0));
	CHECK_ERR(LKLTEST_SYS(syslog, CONSOLE_LEVEL, NULL, 99), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(syslog, READ_ALL, NULL, 10), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(syslog, 77, NULL, 0), LKL_EINVAL);
}

/* /dev/kmsg gives the log line by line, with sequence numbers that grow, and takes lines. */
POINT(kmsg)
{
	char line[4096], *text;
	unsigned long level, number, last = 0;
	int fd, lines = 0, found = 0;
	long len;

	lkl_sys_mknodat(LKL_AT_FDCWD, "/its-kmsg", 0020600, 1 << 8 | 11);
	fd = CHECK_OK(need(lkl_sys_openat(LKL_AT_FDCWD, "/its-kmsg", LKL_O_RDWR | LKL_O_NONBLOCK, 0), LKL_ENXIO, "CONFIG_PRINTK"));
	CHECK_EQ(lkl_sys_write(fd, "<14>boot suite: a line of its own\n", 34), 34);
	CHECK_OK(lkl_sys_lseek(fd, 0, SEEK_SET));
	while ((len = lkl_sys_read(fd, line, sizeof(line) - 1)) > 0) {
		line[len] = 0;
		CHECK_EQ(sscanf(line, "%lu,%lu,", &level, &number), 2);
		if (lines++)
			CHECK_GT(number, last);
		last = number;
		text = strchr(line, ';');
		CHECK(text);
		found += !strncmp(text + 1, "boot suite: a line of its own\n", 30);
	}
	CHECK_ERR(len, LKL_EAGAIN);
	CHECK_GT(lines, 10);
	CHECK_EQ(found, 1);
	CHECK_ERR(lkl_sys_lseek(fd, 5, SEEK_SET), LKL_ESPIPE);
	CHECK_OK(lkl_sys_lseek(fd, 0, SEEK_END));
	CHECK_ERR(lkl_sys_read(fd, line, sizeof(line)), LKL_EAGAIN);
	CHECK_OK(lkl_sys_close(fd));
	CHECK_OK(lkl_sys_unlinkat(LKL_AT_FDCWD, "/its-kmsg", 0));
}

/* A barrier between all threads is offered, and nothing else under its name. */
POINT(membarrier)
{
	long offered = CHECK_OK(need_call(LKLTEST_SYS(membarrier, 0, 0), "CONFIG_MEMBARRIER"));

	if (offered & 1)
		CHECK_OK(LKLTEST_SYS(membarrier, 1, 0));
	CHECK_ERR(LKLTEST_SYS(membarrier, 0x40000000, 0), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(membarrier, 0, 0x4000), LKL_EINVAL);
}

#endif
