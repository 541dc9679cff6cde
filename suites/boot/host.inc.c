/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points of a library alone: the host's part, and the kernel's start and stop. */
#ifndef BOOT_HOST_INC_C
#define BOOT_HOST_INC_C

#include "shared.h"

#ifndef LKLTEST_NATIVE

#define ROUNDS 2000

static struct {
	struct lkl_mutex *mutex;
	struct lkl_sem *sem, *back;
	int depth;
	volatile int counter;
} host;

static void *count_under_mutex(void *unused)
{
	int i, j;

	for (i = 0; i < ROUNDS; i++) {
		for (j = 0; j < host.depth; j++)
			lkltest_host(mutex_lock)(host.mutex);
		host.counter = host.counter + 1;
		for (j = 0; j < host.depth; j++)
			lkltest_host(mutex_unlock)(host.mutex);
	}
	return unused;
}

static void check_mutex(int recursive)
{
	pthread_t other;

	host.mutex = lkltest_host(mutex_alloc)(recursive);
	CHECK(host.mutex != NULL);
	host.depth = recursive ? 3 : 1;
	host.counter = 0;
	other = start_thread(count_under_mutex, NULL);
	count_under_mutex(NULL);
	pthread_join(other, NULL);
	CHECK_EQ(host.counter, 2 * ROUNDS);
	lkltest_host(mutex_free)(host.mutex);
}

POINT(mutex)
{
	check_mutex(0);
	check_mutex(1);
}

static void *answer_semaphore(void *unused)
{
	int i;

	for (i = 0; i < 100; i++) {
		lkltest_host(sem_down)(host.sem);
		host.counter = host.counter + 1;
		lkltest_host(sem_up)(host.back);
	}
	return unused;
}

POINT(semaphore)
{
	pthread_t other;
	int i;

	host.sem = lkltest_host(sem_alloc)(0);
	host.back = lkltest_host(sem_alloc)(1);
	CHECK(host.sem != NULL && host.back != NULL);
	/* It was made with a count of one. */
	lkltest_host(sem_down)(host.back);

	host.counter = 0;
	other = start_thread(answer_semaphore, NULL);
	for (i = 1; i <= 100; i++) {
		EXPECT_EQ(host.counter, i - 1);
		lkltest_host(sem_up)(host.sem);
		lkltest_host(sem_down)(host.back);
		EXPECT_EQ(host.counter, i);
	}
	pthread_join(other, NULL);
	lkltest_host(sem_free)(host.sem);
	lkltest_host(sem_free)(host.back);
}

static void *count_once(void *counter)
{
	*(volatile int *)counter = 1;
	return NULL;
}

POINT(join)
{
	static int ran;
	lkl_thread_t thread;

	/* Whether a thread's function has a result differs between the generations. */
	thread = lkltest_host(thread_create)((void *)count_once, &ran);
	CHECK_NE(thread, 0);
	CHECK_EQ(lkltest_host(thread_join)(thread), 0);
	CHECK_EQ(ran, 1);
}

POINT(host_gettid)
{
	CHECK_EQ(lkltest_host(gettid)(), syscall(SYS_gettid));
}

POINT(start_kernel)
{
	long long start = lkltest_now_ns();

	lkltest_start_kernel();
	lkltest_property("boot_us", "%lld", (lkltest_now_ns() - start) / 1000);
}

POINT(stop_kernel)
{
	lkltest_stop_kernel();
	if (lkl_is_running)
		CHECK_EQ(lkl_is_running(), 0);
}

#endif /* !LKLTEST_NATIVE */

#endif
