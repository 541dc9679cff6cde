/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Helpers that the boot program's points share. */
#ifndef BOOT_SHARED_H
#define BOOT_SHARED_H

#include <lkltest.h>

#include "../need.h"

#define SHORT_NS 20000000LL		/* long enough to see, short enough to wait for */
#define ABSURD_NS 10000000000LL		/* later than any load of the machine explains */

/* A thread is the host's in a library. */
LKLTEST_FN pthread_t start_thread(void *(*run)(void *), void *arg)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, run, arg), 0);
	return thread;
}

LKLTEST_FN long long kernel_ns(int clock)
{
	struct lkl_timespec now;

	CHECK_OK(lkl_sys_clock_gettime(clock, (void *)&now));
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

LKLTEST_FN long sleep_ns(long long ns)
{
	struct lkl_timespec time = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	return lkl_sys_nanosleep((void *)&time, NULL);
}

LKLTEST_FN int make_dir(const char *path)
{
	int err = lkl_sys_mkdirat(LKL_AT_FDCWD, path, 0755);

	return err == -LKL_EEXIST ? 0 : err;
}

/* A kernel lets go of closed files in its own time. */
LKLTEST_FN int unmount(const char *path)
{
	long long give_up = lkltest_now_ns() + ABSURD_NS;
	int err;

	do {
		err = lkl_sys_umount((char *)path, 0);
		if (err == -LKL_EBUSY)
			sleep_ns(1000000);
	} while (err == -LKL_EBUSY && lkltest_now_ns() < give_up);
	return err;
}

/* The content of the file, as a string. */
LKLTEST_FN const char *read_file(const char *path, char *buf, size_t size)
{
	size_t have = 0;
	long got;
	int fd = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, path, LKL_O_RDONLY, 0));

	while (have < size - 1 && (got = CHECK_OK(lkl_sys_read(fd, buf + have, size - 1 - have))) > 0)
		have += got;
	CHECK_EQ(lkl_sys_close(fd), 0);
	buf[have] = 0;
	return buf;
}

/* The events that a descriptor has at once, or gets within the time. */
LKLTEST_FN int poll_for(int fd, int events, long long ns)
{
	struct lkl_pollfd wanted = { .fd = fd, .events = events };
	struct lkl_timespec limit = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
	int ready = CHECK_OK(lkl_sys_ppoll(&wanted, 1, (void *)&limit, NULL, 8));

	return ready ? wanted.revents : 0;
}

/* Bytes that differ from zero and from their neighbours. */
LKLTEST_FN void fill(char *buf, size_t size, unsigned int seed)
{
	size_t i;

	for (i = 0; i < size; i++)
		buf[i] = 1 + (i * 31 + (i >> 8) * 7 + seed) % 251;
}

#endif
