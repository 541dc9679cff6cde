/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about timers, and about setting the clock. */
#ifndef BOOT_TIMERS_INC_C
#define BOOT_TIMERS_INC_C

#include "shared.h"
#include "signals.inc.c"

#include <sys/time.h>
#include <sys/timex.h>

#define MS 1000000LL

static struct itimerspec after_ns(long long first, long long then)
{
	return (struct itimerspec){
		.it_value = { first / 1000000000, first % 1000000000 }, .it_interval = { then / 1000000000, then % 1000000000 },
	};
}

static int create_timer(int clock, int notify, int value)
{
	struct sigevent event = { .sigev_notify = notify, .sigev_signo = SIGUSR1, .sigev_value.sival_int = value };
	int id = -1;

	event._sigev_un._tid = lkl_sys_gettid();
	CHECK_OK(need_call(LKLTEST_SYS(timer_create, clock, &event, &id), "CONFIG_POSIX_TIMERS"));
	return id;
}

/* A timer sends its signal with its value, again and again, and counts what was missed. */
POINT(timer_signal)
{
	unsigned long long before = block_signals(ALL_SIGNALS);
	int id = create_timer(CLOCK_MONOTONIC, SIGEV_THREAD_ID, 4711), i;
	struct itimerspec often = after_ns(MS, MS), off = after_ns(0, 0), left;
	siginfo_t info;

	CHECK_OK(LKLTEST_SYS(timer_settime, id, 0, &often, NULL));
	for (i = 0; i < 2; i++) {
		memset(&info, 0, sizeof(info));
		CHECK_EQ(take_signal(ALL_SIGNALS, &info, ABSURD_NS), SIGUSR1);
		CHECK_EQ(info.si_code, SI_TIMER);
		CHECK_EQ(info.si_value.sival_int, 4711);
		CHECK_GE(LKLTEST_SYS(timer_getoverrun, id), 0);
		sleep_ns(30 * MS);
	}
	CHECK_OK(LKLTEST_SYS(timer_settime, id, 0, &off, &left));
	CHECK_EQ(left.it_interval.tv_nsec, MS);
	take_signal(ALL_SIGNALS, &info, 0);
	CHECK_OK(LKLTEST_SYS(timer_delete, id));
	CHECK_ERR(LKLTEST_SYS(timer_delete, id), LKL_EINVAL);
	restore_signals(before);
}

/* A timer that tells nobody still counts down; what makes no sense is refused. */
POINT(timer_silent)
{
	struct itimerspec later = after_ns(100000 * MS, 0), wrong = { .it_value = { 0, -1 } }, now;
	int id = create_timer(CLOCK_REALTIME, SIGEV_NONE, 0);
	struct sigevent bad = { .sigev_notify = 99 };

	CHECK_OK(LKLTEST_SYS(timer_gettime, id, &now));
	CHECK_EQ(now.it_value.tv_sec, 0);
	CHECK_OK(LKLTEST_SYS(timer_settime, id, 0, &later, NULL));
	CHECK_OK(LKLTEST_SYS(timer_gettime, id, &now));
	CHECK_GT(now.it_value.tv_sec * 1000 + now.it_value.tv_nsec / MS, 0);
	CHECK_LE(now.it_value.tv_sec, 100);
	CHECK_EQ(now.it_interval.tv_nsec, 0);
	CHECK_ERR(LKLTEST_SYS(timer_settime, id, 0, &wrong, NULL), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(timer_settime, 4711, 0, &later, NULL), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(timer_create, CLOCK_REALTIME, &bad, &id), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(timer_create, 1000, NULL, &id), LKL_EINVAL);
	CHECK_OK(LKLTEST_SYS(timer_delete, id));
}

/* Timers of the time that a thread and the process have run. */
POINT(timer_cpu)
{
	static const int clocks[] = { CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID };
	struct itimerspec later = after_ns(100000 * MS, 5 * MS), off = after_ns(0, 0), now;
	struct timespec time, resolution;
	size_t i;
	int id;

	for (i = 0; i < 2; i++) {
		id = create_timer(clocks[i], SIGEV_NONE, 0);
		CHECK_OK(LKLTEST_SYS(timer_settime, id, 0, &later, NULL));
		CHECK_OK(LKLTEST_SYS(timer_gettime, id, &now));
		CHECK_GT(now.it_value.tv_sec, 0);
		CHECK_EQ(now.it_interval.tv_nsec, 5 * MS);
		CHECK_OK(LKLTEST_SYS(timer_settime, id, 0, &off, &now));
		CHECK_OK(LKLTEST_SYS(timer_delete, id));
		CHECK_OK(LKLTEST_SYS(clock_gettime, clocks[i], &time));
		CHECK_OK(LKLTEST_SYS(clock_getres, clocks[i], &resolution));
		CHECK_GT(resolution.tv_nsec, 0);
	}
}

/* Interval timers keep what they were set to; one that has no interval runs out. */
POINT(itimer)
{
	struct itimerval soon = { .it_value.tv_usec = 1000 }, later = { { 7, 0 }, { 5000, 0 } }, off = { { 0, 0 }, { 0, 0 } }, now;
	unsigned long long before;
	int which;

	need_call(LKLTEST_SYS(getitimer, ITIMER_REAL, &now), "CONFIG_POSIX_TIMERS");
	before = block_signals(ALL_SIGNALS);
	for (which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
		CHECK_OK(LKLTEST_SYS(setitimer, which, &later, NULL));
		CHECK_OK(LKLTEST_SYS(getitimer, which, &now));
		CHECK_EQ(now.it_interval.tv_sec, 7);
		CHECK_GT(now.it_value.tv_sec, 0);
		CHECK_OK(LKLTEST_SYS(setitimer, which, &off, &now));
		CHECK_EQ(now.it_interval.tv_sec, 7);
		CHECK_OK(LKLTEST_SYS(getitimer, which, &now));
		CHECK_EQ(now.it_value.tv_sec, 0);
	}
	CHECK_ERR(LKLTEST_SYS(setitimer, 99, &off, NULL), LKL_EINVAL);
	CHECK_OK(LKLTEST_SYS(setitimer, ITIMER_REAL, &soon, NULL));
	do {
		sleep_ns(MS);
		CHECK_OK(LKLTEST_SYS(getitimer, ITIMER_REAL, &now));
	} while (now.it_value.tv_sec || now.it_value.tv_usec);
	/* Its signal, which the first process of a library has ignored. */
	take_signal(SIGNAL_BIT(SIGALRM), NULL, 0);
	restore_signals(before);
}

/* A file descriptor counts the expiries of its timer. */
POINT(timerfd)
{
	struct itimerspec often = after_ns(MS, MS), off = after_ns(0, 0), now;
	long fd = CHECK_OK(need_call(LKLTEST_SYS(timerfd_create, CLOCK_MONOTONIC, LKL_O_NONBLOCK), "CONFIG_TIMERFD"));
	unsigned long long count = 0;

	CHECK_ERR(lkl_sys_read(fd, (char *)&count, sizeof(count)), LKL_EAGAIN);
	CHECK_OK(LKLTEST_SYS(timerfd_settime, fd, 0, &often, NULL));
	CHECK_EQ(poll_for(fd, LKL_POLLIN, ABSURD_NS), LKL_POLLIN);
	CHECK_EQ(lkl_sys_read(fd, (char *)&count, sizeof(count)), 8);
	CHECK_GE(count, 1);
	CHECK_OK(LKLTEST_SYS(timerfd_gettime, fd, &now));
	CHECK_EQ(now.it_interval.tv_nsec, MS);
	CHECK_OK(LKLTEST_SYS(timerfd_settime, fd, 0, &off, NULL));
	CHECK_ERR(lkl_sys_read(fd, (char *)&count, 4), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(timerfd_create, 99, 0), LKL_EINVAL);
	CHECK_OK(lkl_sys_close(fd));
}

/* A sleep until a time that has come returns at once, one until a time to come does not come early. */
POINT(sleep_until)
{
	static const int clocks[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME };
	struct timespec until, past = { 0, 1 }, odd = { 0, 2000000000 };
	size_t i;

	for (i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		CHECK_OK(LKLTEST_SYS(clock_nanosleep, clocks[i], TIMER_ABSTIME, &past, NULL));
		CHECK_OK(LKLTEST_SYS(clock_gettime, clocks[i], &until));
		until.tv_nsec += 2 * MS;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		CHECK_OK(LKLTEST_SYS(clock_nanosleep, clocks[i], TIMER_ABSTIME, &until, NULL));
		CHECK_GE(kernel_ns(clocks[i]), until.tv_sec * 1000000000LL + until.tv_nsec);
	}
	CHECK_ERR(LKLTEST_SYS(clock_nanosleep, CLOCK_MONOTONIC, 0, &odd, NULL), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(clock_nanosleep, 1000, 0, &past, NULL), LKL_EINVAL);
}

/* Every clock has a time that does not go back, and a resolution. */
POINT(clocks_all)
{
	static const int clocks[] = {
		CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
		CLOCK_MONOTONIC_COARSE, CLOCK_TAI,
	};
	size_t i, count = sizeof(clocks) / sizeof(*clocks);
	struct timespec resolution;
	long long first;

	if (LKLTEST_SYS(timer_delete, 4711) == -LKL_ENOSYS) {
		lkltest_log("this kernel lacks CONFIG_POSIX_TIMERS, and so all but the first three clocks");
		count = 3;
	}
	for (i = 0; i < count; i++) {
		CHECK_OK(LKLTEST_SYS(clock_getres, clocks[i], &resolution));
		CHECK_GT(resolution.tv_nsec, 0);
		first = kernel_ns(clocks[i]);
		CHECK_GT(first, 0);
		CHECK_GE(kernel_ns(clocks[i]), first);
	}
	CHECK_ERR(LKLTEST_SYS(clock_getres, 1000, &resolution), LKL_EINVAL);
}

/* The wall clock is set a year forward, and back but for an hour; the monotonic one does not care. */
POINT(clock_set)
{
	enum { HOUR = 3600, YEAR = 365 * 86400 };
	struct timespec now, odd = { 0, 2000000000 };
	long long monotonic = kernel_ns(CLOCK_MONOTONIC);
	struct timeval tv;

	CHECK_OK(LKLTEST_SYS(clock_gettime, CLOCK_REALTIME, &now));
	now.tv_sec += YEAR;
	CHECK_OK(LKLTEST_SYS(clock_settime, CLOCK_REALTIME, &now));
	CHECK_GE(kernel_ns(CLOCK_REALTIME), now.tv_sec * 1000000000LL);
	CHECK_OK(LKLTEST_SYS(gettimeofday, &tv, NULL));
	CHECK_GE(tv.tv_sec, now.tv_sec);
	tv.tv_sec -= YEAR - HOUR;		/* not before the start, which a kernel refuses */
	CHECK_OK(LKLTEST_SYS(settimeofday, &tv, NULL));
	CHECK_LT(kernel_ns(CLOCK_REALTIME), now.tv_sec * 1000000000LL);
	CHECK_LT(kernel_ns(CLOCK_MONOTONIC) - monotonic, YEAR * 1000000000LL / 2);
	CHECK_ERR(LKLTEST_SYS(clock_settime, CLOCK_REALTIME, &odd), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(clock_settime, CLOCK_MONOTONIC, &now), LKL_EINVAL);
}

/* The clock's frequency, its state and the seconds between it and TAI are set and read back. */
POINT(clock_adjust)
{
	struct timex t = { 0 }, set = { .modes = ADJ_FREQUENCY, .freq = 100 << 16 };
	struct timex tai = { .modes = ADJ_TAI, .constant = 37 }, step = { .modes = ADJ_SETOFFSET, .time = { 10, 0 } };
	struct timex status = { .modes = ADJ_STATUS, .status = STA_PLL }, bad = { .modes = ADJ_TICK, .tick = 1 };
	long long before;

	CHECK_GE(LKLTEST_SYS(adjtimex, &t), 0);
	CHECK_GT(t.tick, 0);
	CHECK_OK(need_call(LKLTEST_SYS(clock_adjtime, CLOCK_REALTIME, &tai), "CONFIG_POSIX_TIMERS"));
	CHECK_OK(LKLTEST_SYS(adjtimex, &set));
	CHECK_OK(LKLTEST_SYS(adjtimex, &status));
	memset(&t, 0, sizeof(t));
	CHECK_GE(LKLTEST_SYS(adjtimex, &t), 0);
	CHECK_EQ(t.freq, 100 << 16);
	CHECK_EQ(t.tai, 37);
	CHECK_EQ(t.status & STA_PLL, STA_PLL);
	CHECK_ERR(LKLTEST_SYS(adjtimex, &bad), LKL_EINVAL);
	before = kernel_ns(CLOCK_REALTIME);
	CHECK_OK(LKLTEST_SYS(adjtimex, &step));
	CHECK_GE(kernel_ns(CLOCK_REALTIME) - before, 10000000000LL);
	step.time.tv_sec = -10;
	CHECK_OK(LKLTEST_SYS(adjtimex, &step));
	set.freq = tai.constant = status.status = 0;
	CHECK_OK(LKLTEST_SYS(adjtimex, &set));
	CHECK_OK(LKLTEST_SYS(adjtimex, &tai));
	CHECK_OK(LKLTEST_SYS(adjtimex, &status));
}

#endif
