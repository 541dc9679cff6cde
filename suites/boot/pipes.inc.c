/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about pipes, and about waiting for them. */
#ifndef BOOT_PIPES_INC_C
#define BOOT_PIPES_INC_C

#include "shared.h"

POINT(pipe2)
{
	long long give_up = lkltest_now_ns() + ABSURD_NS;
	const char message[] = "Hello world!";
	char back[20];
	int fds[2];
	long got;

	CHECK_EQ(lkl_sys_pipe2(fds, LKL_O_NONBLOCK), 0);
	CHECK_NE(fds[0], fds[1]);
	CHECK_ERR(lkl_sys_read(fds[0], back, sizeof(back)), LKL_EAGAIN);
	CHECK_EQ(lkl_sys_write(fds[1], message, sizeof(message)), sizeof(message));
	CHECK_EQ(lkl_sys_read(fds[0], back, sizeof(back)), sizeof(message));
	CHECK_STR_EQ(back, message);
	CHECK_ERR(lkl_sys_write(fds[0], message, 1), LKL_EBADF);
	CHECK_EQ(lkl_sys_close(fds[1]), 0);
	/* The last close of a file may take effect a little later. */
	while ((got = lkl_sys_read(fds[0], back, sizeof(back))) == -LKL_EAGAIN && lkltest_now_ns() < give_up)
		sleep_ns(1000000);
	CHECK_EQ(got, 0);
	CHECK_EQ(lkl_sys_close(fds[0]), 0);
}

POINT(epoll)
{
	struct lkl_epoll_event wanted = { .events = LKL_POLLIN | LKL_POLLOUT }, event = { 0 };
	int fds[2], ep;

	ep = lkl_sys_epoll_create1(0);
	if (ep == -LKL_ENOSYS)
		lkltest_skip("this kernel has no epoll: CONFIG_EPOLL");
	CHECK_GE(ep, 0);
	CHECK_EQ(lkl_sys_pipe2(fds, LKL_O_NONBLOCK), 0);
	wanted.data = 0x1234567800000000ULL + fds[0];
	CHECK_EQ(lkl_sys_epoll_ctl(ep, LKL_EPOLL_CTL_ADD, fds[0], &wanted), 0);
	CHECK_ERR(lkl_sys_epoll_ctl(ep, LKL_EPOLL_CTL_ADD, fds[0], &wanted), LKL_EEXIST);

	CHECK_EQ(lkl_sys_epoll_pwait(ep, &event, 1, 0, NULL, 8), 0);
	CHECK_EQ(lkl_sys_write(fds[1], "x", 1), 1);
	CHECK_EQ(lkl_sys_epoll_pwait(ep, &event, 1, 0, NULL, 8), 1);
	CHECK_EQ(event.events, LKL_POLLIN);
	CHECK_EQ(event.data, wanted.data);
	CHECK_EQ(lkl_sys_close(ep), 0);
	CHECK_EQ(lkl_sys_close(fds[0]), 0);
	CHECK_EQ(lkl_sys_close(fds[1]), 0);
}

POINT(poll)
{
	long long start;
	char byte;
	int fds[2];

	CHECK_EQ(lkl_sys_pipe2(fds, 0), 0);
	CHECK_EQ(poll_for(fds[1], LKL_POLLOUT, 0), LKL_POLLOUT);
	start = kernel_ns(LKL_CLOCK_MONOTONIC);
	CHECK_EQ(poll_for(fds[0], LKL_POLLIN, 2000000), 0);
	CHECK_GE(kernel_ns(LKL_CLOCK_MONOTONIC) - start, 2000000);
	CHECK_EQ(lkl_sys_write(fds[1], "x", 1), 1);
	CHECK_EQ(poll_for(fds[0], LKL_POLLIN, ABSURD_NS), LKL_POLLIN);
	CHECK_EQ(lkl_sys_read(fds[0], &byte, 1), 1);
	CHECK_EQ(lkl_sys_close(fds[1]), 0);
	CHECK_EQ(poll_for(fds[0], LKL_POLLIN, ABSURD_NS), LKL_POLLHUP);
	CHECK_EQ(lkl_sys_close(fds[0]), 0);
	CHECK_EQ(poll_for(fds[0], LKL_POLLIN, 0), LKL_POLLNVAL);
}

POINT(eventfd)
{
	unsigned long long value = 5, got = 0;
	int fd = lkl_sys_eventfd2(2, LKL_EFD_NONBLOCK);

	if (fd == -LKL_ENOSYS)
		lkltest_skip("this kernel has no eventfd: CONFIG_EVENTFD");
	CHECK_GE(fd, 0);
	CHECK_EQ(lkl_sys_write(fd, (char *)&value, sizeof(value)), sizeof(value));
	CHECK_EQ(lkl_sys_read(fd, (char *)&got, sizeof(got)), sizeof(got));
	CHECK_EQ(got, 7);
	CHECK_ERR(lkl_sys_read(fd, (char *)&got, sizeof(got)), LKL_EAGAIN);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

static struct {
	int fds[2];
	volatile int waiting, woken;
	char got[8];
} blocked;

static void *read_blocked(void *unused)
{
	blocked.waiting = 1;
	CHECK_EQ(lkl_sys_read(blocked.fds[0], blocked.got, sizeof(blocked.got)), 5);
	blocked.woken = 1;
	return unused;
}

/* One thread is kept waiting until another writes, while the kernel goes on for that one. */
POINT(pipe_blocks)
{
	pthread_t reader;

	CHECK_EQ(lkl_sys_pipe2(blocked.fds, 0), 0);
	reader = start_thread(read_blocked, NULL);
	while (!blocked.waiting)
		CHECK_EQ(lkl_sys_sched_yield(), 0);
	CHECK_EQ(sleep_ns(5000000), 0);
	CHECK_EQ(blocked.woken, 0);
	CHECK_EQ(lkl_sys_write(blocked.fds[1], "wake!", 5), 5);
	pthread_join(reader, NULL);
	CHECK_EQ(blocked.woken, 1);
	CHECK_MEM_EQ(blocked.got, "wake!", 5);
	CHECK_EQ(lkl_sys_close(blocked.fds[0]), 0);
	CHECK_EQ(lkl_sys_close(blocked.fds[1]), 0);
}

#endif
