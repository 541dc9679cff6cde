/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about waiting for events with epoll, eventfd and select. */
#ifndef BOOT_EVENTS_INC_C
#define BOOT_EVENTS_INC_C

#include "shared.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

static int make_epoll(void)
{
	return CHECK_OK(need_call(lkl_sys_epoll_create1(0), "CONFIG_EPOLL"));
}

static int make_eventfd(unsigned int value, int flags)
{
	return CHECK_OK(need_call(lkl_sys_eventfd2(value, flags | LKL_EFD_NONBLOCK), "CONFIG_EVENTFD"));
}

static long watch(int ep, int how, int fd, unsigned int events)
{
	struct lkl_epoll_event event = { .events = events, .data = fd };

	return lkl_sys_epoll_ctl(ep, how, fd, (void *)&event);
}

/* The number of events that are there. */
static long events_now(int ep)
{
	struct lkl_epoll_event events[8];

	return lkl_sys_epoll_pwait(ep, (void *)events, 8, 0, NULL, 8);
}

static void add_to(int fd, unsigned long long value)
{
	CHECK_EQ(lkl_sys_write(fd, (char *)&value, sizeof(value)), sizeof(value));
}

/* Edge-triggered: one event for each change; one-shot: one event until it is armed again. */
POINT(epoll_modes)
{
	int ep = make_epoll(), edge = make_eventfd(0, 0), once = make_eventfd(0, 0);

	CHECK_OK(watch(ep, EPOLL_CTL_ADD, edge, EPOLLIN | EPOLLET));
	add_to(edge, 1);
	CHECK_EQ(events_now(ep), 1);
	CHECK_EQ(events_now(ep), 0);
	add_to(edge, 1);
	CHECK_EQ(events_now(ep), 1);
	CHECK_OK(watch(ep, EPOLL_CTL_DEL, edge, 0));
	CHECK_ERR(watch(ep, EPOLL_CTL_DEL, edge, 0), LKL_ENOENT);

	CHECK_OK(watch(ep, EPOLL_CTL_ADD, once, EPOLLIN | EPOLLONESHOT));
	add_to(once, 1);
	CHECK_EQ(events_now(ep), 1);
	add_to(once, 1);
	CHECK_EQ(events_now(ep), 0);
	CHECK_OK(watch(ep, EPOLL_CTL_MOD, once, EPOLLIN | EPOLLONESHOT));
	CHECK_EQ(events_now(ep), 1);
	CHECK_OK(lkl_sys_close(ep));
	CHECK_OK(lkl_sys_close(edge));
	CHECK_OK(lkl_sys_close(once));
}

/* An epoll watches another one; a circle of them is refused. */
POINT(epoll_nested)
{
	int inner = make_epoll(), outer = make_epoll(), fd = make_eventfd(0, 0);

	CHECK_OK(watch(inner, EPOLL_CTL_ADD, fd, EPOLLIN));
	CHECK_OK(watch(outer, EPOLL_CTL_ADD, inner, EPOLLIN));
	CHECK_ERR(watch(inner, EPOLL_CTL_ADD, outer, EPOLLIN), LKL_ELOOP);
	CHECK_ERR(watch(inner, EPOLL_CTL_ADD, inner, EPOLLIN), LKL_EINVAL);
	CHECK_EQ(events_now(outer), 0);
	CHECK_EQ(poll_for(inner, LKL_POLLIN, 0), 0);
	add_to(fd, 3);
	CHECK_EQ(events_now(outer), 1);
	CHECK_EQ(events_now(inner), 1);
	CHECK_EQ(poll_for(inner, LKL_POLLIN, 0), LKL_POLLIN);
	CHECK_OK(lkl_sys_close(inner));
	CHECK_OK(lkl_sys_close(outer));
	CHECK_OK(lkl_sys_close(fd));
}

/* Exclusive watches, and everything that epoll refuses. */
POINT(epoll_refuses)
{
	int ep = make_epoll(), fd = make_eventfd(0, 0);
	struct lkl_epoll_event event;

	CHECK_OK(watch(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLEXCLUSIVE));
	CHECK_ERR(watch(ep, EPOLL_CTL_MOD, fd, EPOLLIN), LKL_EINVAL);
	add_to(fd, 1);
	CHECK_EQ(events_now(ep), 1);
	CHECK_ERR(watch(ep, 77, fd, EPOLLIN), LKL_EINVAL);
	CHECK_ERR(watch(fd, EPOLL_CTL_ADD, ep, EPOLLIN), LKL_EINVAL);
	CHECK_ERR(watch(ep, EPOLL_CTL_ADD, 4711, EPOLLIN), LKL_EBADF);
	CHECK_ERR(lkl_sys_epoll_pwait(ep, (void *)&event, 0, 0, NULL, 8), LKL_EINVAL);
	CHECK_ERR(lkl_sys_epoll_create1(0x777), LKL_EINVAL);
	CHECK_OK(lkl_sys_close(ep));
	CHECK_OK(lkl_sys_close(fd));
}

static struct {
	int ep, fd;
	volatile int waiting;
	long got;
} waiter;

static void *wait_for_event(void *unused)
{
	struct lkl_epoll_event event;

	waiter.waiting = 1;
	waiter.got = lkl_sys_epoll_pwait(waiter.ep, (void *)&event, 1, ABSURD_NS / 1000000, NULL, 8);
	return unused;
}

/* A thread that waits in epoll wakes up for an event that comes later. */
POINT(epoll_wakes)
{
	pthread_t thread;

	waiter.ep = make_epoll();
	waiter.fd = make_eventfd(0, 0);
	waiter.waiting = 0;
	CHECK_OK(watch(waiter.ep, EPOLL_CTL_ADD, waiter.fd, EPOLLIN));
	thread = start_thread(wait_for_event, NULL);
	while (!waiter.waiting)
		CHECK_OK(LKLTEST_SYS(sched_yield));
	sleep_ns(2000000);
	add_to(waiter.fd, 1);
	pthread_join(thread, NULL);
	CHECK_EQ(waiter.got, 1);
	CHECK_OK(lkl_sys_close(waiter.ep));
	CHECK_OK(lkl_sys_close(waiter.fd));
}

/* A semaphore gives one at a time, and a full counter takes no more. */
POINT(eventfd_semaphore)
{
	int fd = make_eventfd(2, EFD_SEMAPHORE), full = make_eventfd(0, 0);
	unsigned long long value = 0;

	CHECK_EQ(lkl_sys_read(fd, (char *)&value, sizeof(value)), 8);
	CHECK_EQ(value, 1);
	CHECK_EQ(lkl_sys_read(fd, (char *)&value, sizeof(value)), 8);
	CHECK_ERR(lkl_sys_read(fd, (char *)&value, sizeof(value)), LKL_EAGAIN);
	CHECK_ERR(lkl_sys_read(fd, (char *)&value, 4), LKL_EINVAL);
	add_to(full, 0xfffffffffffffffeULL);
	value = 1;
	CHECK_ERR(lkl_sys_write(full, (char *)&value, sizeof(value)), LKL_EAGAIN);
	CHECK_EQ(poll_for(full, LKL_POLLIN | LKL_POLLOUT, 0), LKL_POLLIN);
	value = 0xffffffffffffffffULL;
	CHECK_ERR(lkl_sys_write(full, (char *)&value, sizeof(value)), LKL_EINVAL);
	CHECK_OK(lkl_sys_close(fd));
	CHECK_OK(lkl_sys_close(full));
}

/* select finds the descriptors that are ready, and waits for the others. */
POINT(select)
{
	struct timespec none = { 0, 0 }, little = { 0, 2000000 };
	unsigned long in[16] = { 0 }, out[16] = { 0 };
	int fds[2];

	CHECK_OK(lkl_sys_pipe2(fds, 0));
	CHECK_LT(fds[1], 64);
	in[0] = 1UL << fds[0];
	out[0] = 1UL << fds[1];
	CHECK_EQ(LKLTEST_SYS(pselect6, fds[1] + 1, in, out, NULL, &none, NULL), 1);
	CHECK_EQ(in[0], 0);
	CHECK_EQ(out[0], 1UL << fds[1]);
	in[0] = 1UL << fds[0];
	CHECK_EQ(LKLTEST_SYS(pselect6, fds[0] + 1, in, NULL, NULL, &little, NULL), 0);
	CHECK_EQ(lkl_sys_write(fds[1], "x", 1), 1);
	in[0] = 1UL << fds[0];
	CHECK_EQ(LKLTEST_SYS(pselect6, fds[0] + 1, in, NULL, in + 8, NULL, NULL), 1);
	CHECK_OK(lkl_sys_close(fds[0]));
	CHECK_OK(lkl_sys_close(fds[1]));
	in[0] = 1UL << 60;
	CHECK_ERR(LKLTEST_SYS(pselect6, 64, in, NULL, NULL, &none, NULL), LKL_EBADF);
	CHECK_ERR(LKLTEST_SYS(pselect6, -1, in, NULL, NULL, &none, NULL), LKL_EINVAL);
}

#endif
