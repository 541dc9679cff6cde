/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel says who it is, without delay. */
#ifndef BOOT_IDENTITY_INC_C
#define BOOT_IDENTITY_INC_C

#include "shared.h"

POINT(uname)
{
	struct lkltest_utsname name;

	CHECK_EQ(lkltest_uname(&name), 0);
	CHECK_STR_EQ(name.sysname, "Linux");
	CHECK_GT(strlen(name.release), 2);
	lkltest_property("kernel_release", "%s", name.release);
	lkltest_property("kernel_version", "%s", name.version);
	lkltest_property("kernel_machine", "%s", name.machine);
}

POINT(getpid)
{
	CHECK_EQ(lkl_sys_getpid(), 1);
	CHECK_EQ(lkl_sys_getppid(), 0);
}

static int compare_ns(const void *a, const void *b)
{
	const long long *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Nanoseconds a call: of many batches the one in the middle, for the machine has other work. */
static long long latency_ns(long (*call)(void))
{
	enum { BATCHES = 25, CALLS = 200 };
	long long ns[BATCHES], start;
	int i, j;

	for (i = 0; i < BATCHES; i++) {
		start = lkltest_now_ns();
		for (j = 0; j < CALLS; j++)
			call();
		ns[i] = (lkltest_now_ns() - start) / CALLS;
	}
	qsort(ns, BATCHES, sizeof(*ns), compare_ns);
	lkltest_log("%d batches of %d calls: %lld ns a call at least, %lld ns at most", BATCHES, CALLS, ns[0],
		    ns[BATCHES - 1]);
	return ns[BATCHES / 2];
}

static long kernel_getpid(void)
{
	return lkl_sys_getpid();
}

static long host_getpid(void)
{
	return syscall(SYS_getpid);
}

POINT(syscall_latency)
{
	long long ns = latency_ns(kernel_getpid);

	lkltest_property("latency_ns", "%lld", ns);
	lkltest_property("native_latency_ns", "%lld", latency_ns(host_getpid));
	CHECK_GT(ns, 0);
}

#endif
