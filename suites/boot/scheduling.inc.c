/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about scheduling: policies, priorities, processors. Those that change something have threads of their own. */
#ifndef BOOT_SCHEDULING_INC_C
#define BOOT_SCHEDULING_INC_C

#include "credentials.inc.c"
#include "shared.h"

#include <sched.h>
#include <sys/resource.h>

/* LKL's headers hide these numbers, as they lack struct sched_param. */
#if !defined(LKLTEST_NATIVE) && !defined(__lkl__NR_sched_setscheduler)
#define __lkl__NR_sched_setparam 118
#define __lkl__NR_sched_setscheduler 119
#define __lkl__NR_sched_getparam 121
#define __lkl__NR_getcpu 168
#define __lkl__NR_sched_setattr 274
#define __lkl__NR_sched_getattr 275
#endif

/* The kernel's struct sched_attr in its first size. */
struct attributes {
	unsigned int size, policy;
	unsigned long long flags;
	int nice;
	unsigned int priority;
	unsigned long long runtime, deadline, period;
};

static void check_policy(int policy, int priority)
{
	struct sched_param param = { -1 };

	CHECK_EQ(LKLTEST_SYS(sched_getscheduler, 0), policy);
	CHECK_OK(LKLTEST_SYS(sched_getparam, 0, &param));
	CHECK_EQ(param.sched_priority, priority);
	/* It still runs, sleeps and wakes up. */
	CHECK_OK(LKLTEST_SYS(sched_yield));
	CHECK_OK(sleep_ns(1000000));
}

static void *change_policy(void *unused)
{
	struct sched_param rt = { 10 }, more = { 20 }, none = { 0 }, bad = { 1000 };
	struct timespec slice = { -1, -1 };

	(void)unused;
	check_policy(SCHED_OTHER, 0);
	CHECK_OK(LKLTEST_SYS(sched_setscheduler, 0, SCHED_FIFO, &rt));
	check_policy(SCHED_FIFO, 10);
	CHECK_OK(LKLTEST_SYS(sched_setparam, 0, &more));
	check_policy(SCHED_FIFO, 20);
	CHECK_OK(LKLTEST_SYS(sched_rr_get_interval, 0, &slice));
	CHECK_EQ(slice.tv_sec + slice.tv_nsec, 0);
	CHECK_OK(LKLTEST_SYS(sched_setscheduler, 0, SCHED_RR, &rt));
	check_policy(SCHED_RR, 10);
	CHECK_OK(LKLTEST_SYS(sched_rr_get_interval, 0, &slice));
	CHECK_GT(slice.tv_sec + slice.tv_nsec, 0);
	CHECK_OK(LKLTEST_SYS(sched_setscheduler, 0, SCHED_BATCH, &none));
	check_policy(SCHED_BATCH, 0);
	CHECK_OK(LKLTEST_SYS(sched_setscheduler, 0, SCHED_IDLE, &none));
	CHECK_EQ(LKLTEST_SYS(sched_getscheduler, 0), SCHED_IDLE);
	CHECK_OK(LKLTEST_SYS(sched_setscheduler, 0, SCHED_OTHER, &none));
	check_policy(SCHED_OTHER, 0);
	CHECK_ERR(LKLTEST_SYS(sched_setscheduler, 0, SCHED_FIFO, &bad), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(sched_setscheduler, 0, 77, &none), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(sched_setscheduler, 999999, SCHED_FIFO, &rt), LKL_ESRCH);
	CHECK_ERR(LKLTEST_SYS(sched_setparam, 0, NULL), LKL_EINVAL);
	return "";
}

/* A thread runs under every policy, and returns from it. */
POINT(sched_policies)
{
	on_own_thread(change_policy);
	CHECK_EQ(LKLTEST_SYS(sched_get_priority_max, SCHED_FIFO), 99);
	CHECK_EQ(LKLTEST_SYS(sched_get_priority_min, SCHED_RR), 1);
	CHECK_EQ(LKLTEST_SYS(sched_get_priority_max, SCHED_OTHER), 0);
	CHECK_ERR(LKLTEST_SYS(sched_get_priority_max, 77), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(sched_get_priority_min, 77), LKL_EINVAL);
}

static void *change_attributes(void *unused)
{
	struct attributes set = { .size = sizeof(set), .policy = SCHED_OTHER, .nice = 7 }, got = { 0 };
	struct attributes deadline = {
		.size = sizeof(set), .policy = 6 /* SCHED_DEADLINE */, .runtime = 1000000, .deadline = 50000000, .period = 50000000,
	};
	struct sched_param none = { 0 };

	(void)unused;
	CHECK_OK(LKLTEST_SYS(sched_setattr, 0, &set, 0));
	CHECK_OK(LKLTEST_SYS(sched_getattr, 0, &got, sizeof(got), 0));
	CHECK_EQ(got.policy, SCHED_OTHER);
	CHECK_EQ(got.nice, 7);
	CHECK_ERR(LKLTEST_SYS(sched_getattr, 0, &got, 1, 0), LKL_EINVAL);
	set.size = 7;
	CHECK_ERR(LKLTEST_SYS(sched_setattr, 0, &set, 0), LKL_E2BIG);
	deadline.runtime = 100000000;		/* more than the period */
	CHECK_ERR(LKLTEST_SYS(sched_setattr, 0, &deadline, 0), LKL_EINVAL);
	deadline.runtime = 10000000;
	CHECK_OK(LKLTEST_SYS(sched_setattr, 0, &deadline, 0));
	CHECK_OK(LKLTEST_SYS(sched_getattr, 0, &got, sizeof(got), 0));
	CHECK_EQ(got.runtime, deadline.runtime);
	CHECK_EQ(got.period, deadline.period);
	CHECK_OK(sleep_ns(1000000));
	CHECK_OK(LKLTEST_SYS(sched_yield));
	CHECK_OK(LKLTEST_SYS(sched_setscheduler, 0, SCHED_OTHER, &none));
	return "";
}

/* Attributes of scheduling, a deadline among them. */
POINT(sched_attributes)
{
	on_own_thread(change_attributes);
}

static void *be_nice(void *unused)
{
	(void)unused;
	CHECK_OK(LKLTEST_SYS(setpriority, PRIO_PROCESS, 0, 5));
	CHECK_EQ(LKLTEST_SYS(getpriority, PRIO_PROCESS, 0), 20 - 5);
	CHECK_OK(LKLTEST_SYS(setpriority, PRIO_PROCESS, lkl_sys_gettid(), 99));
	CHECK_EQ(LKLTEST_SYS(getpriority, PRIO_PROCESS, 0), 20 - 19);
	CHECK_ERR(LKLTEST_SYS(getpriority, 77, 0), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(setpriority, PRIO_PROCESS, 999999, 0), LKL_ESRCH);
	CHECK_GT(LKLTEST_SYS(getpriority, PRIO_USER, 0), 0);
	CHECK_GT(LKLTEST_SYS(getpriority, PRIO_PGRP, 0), 0);
	return "";
}

/* A thread's nice value has bounds, and is kept. */
POINT(priority)
{
	on_own_thread(be_nice);
}

/* The set of processors that a thread may use is not empty, and must not become so. */
POINT(affinity)
{
	unsigned long mask[16] = { 0 }, none[16] = { 0 };
	unsigned int processor = 99, node = 99;

	CHECK_GT(LKLTEST_SYS(sched_getaffinity, 0, sizeof(mask), mask), 0);
	CHECK_EQ(mask[0] & 1, 1);
	CHECK_OK(LKLTEST_SYS(sched_setaffinity, 0, sizeof(mask), mask));
	CHECK_ERR(LKLTEST_SYS(sched_setaffinity, 0, sizeof(none), none), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(sched_getaffinity, 999999, sizeof(mask), mask), LKL_ESRCH);
	CHECK_OK(LKLTEST_SYS(getcpu, &processor, &node, NULL));
	CHECK_LT(processor, 8 * sizeof(mask));
	CHECK_EQ(mask[processor / 64] >> processor % 64 & 1, 1);
	CHECK_LT(node, 99);
}

#endif
