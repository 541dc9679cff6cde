/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about threads in the kernel. */
#ifndef BOOT_THREADS_INC_C
#define BOOT_THREADS_INC_C

#include "shared.h"

static void *kernel_tid(void *tid)
{
	*(volatile long *)tid = lkl_sys_gettid();
	return NULL;
}

POINT(gettid)
{
	static long mine, other;

	kernel_tid(&mine);
	CHECK_GT(mine, 0);
	pthread_join(start_thread(kernel_tid, &other), NULL);
	CHECK_GT(other, 0);
	CHECK_NE(other, mine);
}

#define PIPE_BYTES (LKL_PIPE_BUF + 1)

static struct {
	int fds[2];
	char sent[PIPE_BYTES], got[PIPE_BYTES];
} full;

static void *read_pipe(void *unused)
{
	size_t have = 0;

	while (have < PIPE_BYTES)
		have += CHECK_OK(lkl_sys_read(full.fds[0], full.got + have, PIPE_BYTES - have));
	return unused;
}

/* More than the pipe holds: the writer needs the other thread to get on. */
POINT(syscall_thread)
{
	pthread_t reader;

	CHECK_EQ(lkl_sys_pipe2(full.fds, 0), 0);
	CHECK_EQ(lkl_sys_fcntl(full.fds[0], LKL_F_SETPIPE_SZ, 1), LKL_PIPE_BUF);
	fill(full.sent, PIPE_BYTES, 3);
	reader = start_thread(read_pipe, NULL);
	CHECK_EQ(lkl_sys_write(full.fds[1], full.sent, PIPE_BYTES), PIPE_BYTES);
	pthread_join(reader, NULL);
	CHECK_MEM_EQ(full.got, full.sent, PIPE_BYTES);
	CHECK_EQ(lkl_sys_close(full.fds[0]), 0);
	CHECK_EQ(lkl_sys_close(full.fds[1]), 0);
}

static void *thread_pid(void *pid)
{
	*(volatile long *)pid = lkl_sys_getpid();
	return NULL;
}

/* One after the other: what the kernel keeps of a thread goes with it. */
POINT(many_syscall_threads)
{
	static long pid;
	int i;

	for (i = 0; i < 64; i++) {
		pid = 0;
		pthread_join(start_thread(thread_pid, &pid), NULL);
		CHECK_EQ(pid, lkl_sys_getpid());
	}
}

#define THREADS 16

static struct {
	volatile int ready, go, done[THREADS];
} at_once;

/* Its own pipe, its own bytes: nothing of the others' may turn up in it. */
static void *work_at_once(void *number)
{
	long me = (long)number;
	char sent[300], got[300];
	int fds[2], i;

	__sync_fetch_and_add(&at_once.ready, 1);
	while (!at_once.go)
		sched_yield();
	CHECK_EQ(lkl_sys_pipe2(fds, 0), 0);
	for (i = 0; i < 50; i++) {
		fill(sent, sizeof(sent), me * 50 + i);
		CHECK_EQ(lkl_sys_write(fds[1], sent, sizeof(sent)), sizeof(sent));
		if (i % 16 == 0)
			lkl_sys_sched_yield();
		CHECK_EQ(lkl_sys_read(fds[0], got, sizeof(got)), sizeof(got));
		CHECK_MEM_EQ(got, sent, sizeof(got));
	}
	CHECK_EQ(lkl_sys_close(fds[0]), 0);
	CHECK_EQ(lkl_sys_close(fds[1]), 0);
	at_once.done[me] = 1;
	return NULL;
}

POINT(syscall_threads_at_once)
{
	pthread_t threads[THREADS];
	long i;

	for (i = 0; i < THREADS; i++)
		threads[i] = start_thread(work_at_once, (void *)i);
	while (at_once.ready < THREADS)
		sched_yield();
	at_once.go = 1;
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < THREADS; i++)
		EXPECT_EQ(at_once.done[i], 1);
}

#endif
