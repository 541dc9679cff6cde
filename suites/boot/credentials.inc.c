/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about the rights of a thread: each works on a thread of its own, which loses them for good. */
#ifndef BOOT_CREDENTIALS_INC_C
#define BOOT_CREDENTIALS_INC_C

#include "shared.h"

#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/resource.h>

enum { SOMEBODY = 1000, ANOTHER = 1001 };

/* Runs on a thread that may change its rights, and waits for its end. */
static void on_own_thread(void *(*run)(void *))
{
	void *done = NULL;

	CHECK_EQ(pthread_join(start_thread(run, NULL), &done), 0);
	CHECK(done);		/* otherwise a check failed on the thread, and is recorded */
}

static void check_users(unsigned int real, unsigned int effective, unsigned int saved)
{
	unsigned int r, e, s;

	CHECK_OK(LKLTEST_SYS(getresuid, &r, &e, &s));
	CHECK_EQ(r, real);
	CHECK_EQ(e, effective);
	CHECK_EQ(s, saved);
	CHECK_EQ(LKLTEST_SYS(getuid), real);
	CHECK_EQ(LKLTEST_SYS(geteuid), effective);
}

static void *change_users(void *unused)
{
	(void)unused;
	check_users(0, 0, 0);
	CHECK_OK(LKLTEST_SYS(setresuid, SOMEBODY, ANOTHER, 0));
	check_users(SOMEBODY, ANOTHER, 0);
	CHECK_EQ(LKLTEST_SYS(setfsuid, ANOTHER), ANOTHER);
	CHECK_OK(LKLTEST_SYS(setuid, 0));
	check_users(SOMEBODY, 0, 0);
	CHECK_OK(LKLTEST_SYS(setreuid, ANOTHER, SOMEBODY));
	check_users(ANOTHER, SOMEBODY, SOMEBODY);
	CHECK_ERR(LKLTEST_SYS(setuid, 0), LKL_EPERM);
	CHECK_ERR(LKLTEST_SYS(setresuid, 0, -1, -1), LKL_EPERM);
	CHECK_ERR(LKLTEST_SYS(setreuid, -1, 0), LKL_EPERM);
	CHECK_EQ(LKLTEST_SYS(setfsuid, 0), SOMEBODY);
	CHECK_EQ(LKLTEST_SYS(setfsuid, -1), SOMEBODY);
	CHECK_OK(LKLTEST_SYS(setuid, ANOTHER));
	return "";
}

/* Real, effective and saved user follow the rules, and the way back is closed. */
POINT(users)
{
	need_users();
	on_own_thread(change_users);
}

static void *change_groups(void *unused)
{
	static const unsigned int groups[] = { 30, 10, 20 };
	unsigned int found[4] = { 0 }, r, e, s;

	(void)unused;
	CHECK_OK(LKLTEST_SYS(setgroups, 3, groups));
	CHECK_EQ(LKLTEST_SYS(getgroups, 0, NULL), 3);
	CHECK_EQ(LKLTEST_SYS(getgroups, 4, found), 3);
	CHECK_EQ(found[0] + found[1] + found[2], 60);
	CHECK_ERR(LKLTEST_SYS(getgroups, 1, found), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(setgroups, 1 << 20, groups), LKL_EINVAL);
	CHECK_OK(LKLTEST_SYS(setresgid, SOMEBODY, ANOTHER, 7));
	CHECK_OK(LKLTEST_SYS(getresgid, &r, &e, &s));
	CHECK_EQ(r, SOMEBODY);
	CHECK_EQ(e, ANOTHER);
	CHECK_EQ(s, 7);
	CHECK_EQ(LKLTEST_SYS(setfsgid, 7), ANOTHER);
	CHECK_OK(LKLTEST_SYS(setregid, 7, 7));
	CHECK_OK(LKLTEST_SYS(setgid, SOMEBODY));
	CHECK_EQ(LKLTEST_SYS(getgid), SOMEBODY);
	CHECK_EQ(LKLTEST_SYS(getegid), SOMEBODY);
	CHECK_OK(LKLTEST_SYS(setresuid, SOMEBODY, SOMEBODY, SOMEBODY));
	CHECK_ERR(LKLTEST_SYS(setgid, 0), LKL_EPERM);
	CHECK_ERR(LKLTEST_SYS(setregid, 0, 0), LKL_EPERM);
	CHECK_ERR(LKLTEST_SYS(setresgid, 0, 0, 0), LKL_EPERM);
	CHECK_ERR(LKLTEST_SYS(setgroups, 0, NULL), LKL_EPERM);
	return "";
}

/* The same of groups, and the list of further groups. */
POINT(groups)
{
	need_users();
	on_own_thread(change_groups);
}

/* Calls that root may make, and nobody else. */
static void *be_somebody(void *unused)
{
	struct rlimit more = { RLIM_INFINITY, RLIM_INFINITY };
	struct timespec now = { 1000000000, 0 };

	(void)unused;
	CHECK_OK(LKLTEST_SYS(setresuid, SOMEBODY, SOMEBODY, SOMEBODY));
	CHECK_ERR(LKLTEST_SYS(sethostname, "mine", 4), LKL_EPERM);
	CHECK_ERR(LKLTEST_SYS(clock_settime, CLOCK_REALTIME, &now), LKL_EPERM);
	CHECK_ERR(lkl_sys_mount("none", "/", "tmpfs", 0, NULL), LKL_EPERM);
	CHECK_ERR(LKLTEST_SYS(setpriority, 0, 0, -5), LKL_EACCES);
	CHECK_ERR(LKLTEST_SYS(prlimit64, 0, RLIMIT_NICE, &more, NULL), LKL_EPERM);
	CHECK_ERR(LKLTEST_SYS(chroot, "/"), LKL_EPERM);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/not-for-all", LKL_O_RDONLY, 0), LKL_EACCES);
	CHECK_ERR(LKLTEST_SYS(kill, 2, SIGTERM), LKL_EPERM);
	return "";
}

/* A thread of another user lacks root's rights, one by one. */
POINT(unprivileged)
{
	int fd;

	need_users();
	fd = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/not-for-all", LKL_O_WRONLY | LKL_O_CREAT, 0600));
	CHECK_OK(lkl_sys_fchmod(fd, 0600));
	CHECK_OK(lkl_sys_close(fd));
	on_own_thread(be_somebody);
	CHECK_OK(lkl_sys_unlinkat(LKL_AT_FDCWD, "/not-for-all", 0));
}

static struct __user_cap_header_struct cap_header(int pid)
{
	return (struct __user_cap_header_struct){ .version = _LINUX_CAPABILITY_VERSION_3, .pid = pid };
}

static void *drop_capability(void *unused)
{
	struct __user_cap_header_struct header = cap_header(0), old = { .version = 1234 };
	struct __user_cap_data_struct data[2], more[2];

	(void)unused;
	CHECK_OK(LKLTEST_SYS(capget, &header, data));
	CHECK_NE(data[0].effective & 1 << CAP_SYS_ADMIN, 0);
	CHECK_OK(LKLTEST_SYS(sethostname, "granted", 7));
	memcpy(more, data, sizeof(more));
	data[0].effective &= ~(1 << CAP_SYS_ADMIN);
	CHECK_OK(LKLTEST_SYS(capset, &header, data));
	CHECK_ERR(LKLTEST_SYS(sethostname, "denied", 6), LKL_EPERM);
	/* It is still permitted, so it comes back. */
	CHECK_OK(LKLTEST_SYS(capset, &header, more));
	CHECK_OK(LKLTEST_SYS(sethostname, "again", 5));
	data[0].permitted &= ~(1 << CAP_SYS_ADMIN);
	CHECK_OK(LKLTEST_SYS(capset, &header, data));
	CHECK_ERR(LKLTEST_SYS(capset, &header, more), LKL_EPERM);
	CHECK_ERR(LKLTEST_SYS(capget, &old, data), LKL_EINVAL);
	CHECK_EQ(old.version, _LINUX_CAPABILITY_VERSION_3);
	header.pid = 999999;
	CHECK_ERR(LKLTEST_SYS(capget, &header, data), LKL_ESRCH);
	return "";
}

/* A capability that is dropped is missed, and one that is no longer permitted does not come back. */
POINT(capabilities)
{
	struct lkltest_utsname name;

	need_users();
	CHECK_OK(lkltest_uname(&name));
	on_own_thread(drop_capability);
	CHECK_OK(LKLTEST_SYS(sethostname, name.nodename, strlen(name.nodename)));
}

enum { OP_SET_NO_NEW_PRIVS = 38, OP_GET_NO_NEW_PRIVS = 39, OP_KEEPCAPS = 8, OP_GET_KEEPCAPS = 7 };
enum { OP_CAPBSET_READ = 23, OP_CAPBSET_DROP = 24, OP_GET_SECUREBITS = 27, OP_SET_SECUREBITS = 28, OP_CAP_AMBIENT = 47 };

static void *keep_capabilities(void *unused)
{
	struct __user_cap_header_struct header = cap_header(0);
	struct __user_cap_data_struct data[2];

	(void)unused;
	CHECK_EQ(LKLTEST_SYS(prctl, OP_GET_KEEPCAPS), 0);
	CHECK_OK(LKLTEST_SYS(prctl, OP_KEEPCAPS, 1));
	CHECK_EQ(LKLTEST_SYS(prctl, OP_GET_KEEPCAPS), 1);
	CHECK_EQ(LKLTEST_SYS(prctl, OP_CAPBSET_READ, CAP_SYS_BOOT), 1);
	CHECK_OK(LKLTEST_SYS(prctl, OP_CAPBSET_DROP, CAP_SYS_BOOT));
	CHECK_EQ(LKLTEST_SYS(prctl, OP_CAPBSET_READ, CAP_SYS_BOOT), 0);
	CHECK_ERR(LKLTEST_SYS(prctl, OP_CAPBSET_READ, 999), LKL_EINVAL);
	CHECK_OK(LKLTEST_SYS(prctl, OP_SET_SECUREBITS, 1 | 1 << 4 /* SECBIT_NOROOT, KEEP_CAPS */));
	CHECK_EQ(LKLTEST_SYS(prctl, OP_GET_SECUREBITS) & 1, 1);
	CHECK_OK(LKLTEST_SYS(setresuid, SOMEBODY, SOMEBODY, SOMEBODY));
	CHECK_OK(LKLTEST_SYS(capget, &header, data));
	CHECK_NE(data[0].permitted, 0);		/* kept */
	CHECK_ERR(LKLTEST_SYS(prctl, OP_CAP_AMBIENT, 2, CAP_KILL, 0, 0), LKL_EPERM);
	data[0].inheritable = data[0].effective = 1 << CAP_KILL;
	CHECK_OK(LKLTEST_SYS(capset, &header, data));
	CHECK_OK(LKLTEST_SYS(prctl, OP_CAP_AMBIENT, 2, CAP_KILL, 0, 0));
	CHECK_EQ(LKLTEST_SYS(prctl, OP_CAP_AMBIENT, 1, CAP_KILL, 0, 0), 1);
	CHECK_OK(LKLTEST_SYS(prctl, OP_CAP_AMBIENT, 4, 0, 0, 0));
	CHECK_EQ(LKLTEST_SYS(prctl, OP_CAP_AMBIENT, 1, CAP_KILL, 0, 0), 0);
	CHECK_ERR(LKLTEST_SYS(prctl, OP_SET_NO_NEW_PRIVS, 2, 0, 0, 0), LKL_EINVAL);
	CHECK_OK(LKLTEST_SYS(prctl, OP_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK_EQ(LKLTEST_SYS(prctl, OP_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	return "";
}

/* Capabilities that are kept over a change of the user, bounded, or ambient. */
POINT(capabilities_kept)
{
	need_users();
	on_own_thread(keep_capabilities);
}

#endif
