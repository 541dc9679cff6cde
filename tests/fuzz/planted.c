/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A library between the executor and liblkl, with bugs of our own: PLANTED says which.
 *
 * It stands before liblkl.so in the search order, so that its lkl_syscall() is the one that is called.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <lkl.h>
#include <lkl_host.h>

static long (*kernel)(long no, long *params);
static const char *bug = "";
static int step;	/* of the three calls, how many there were */
static int seen;	/* successful calls of getcwd() since the kernel booted */
static int lost;	/* signals */
static volatile int calls;	/* all of them */
static volatile int asleep;	/* in nanosleep() */
static void *(*alloc_timer)(void (*)(void *), void *);
static void (*kernel_timer)(void *);

static void planted_timer(void *arg);

static void *plant_timer(void (*run)(void *), void *arg)
{
	kernel_timer = run;
	return alloc_timer(planted_timer, arg);
}

__attribute__((constructor)) static void plant(void)
{
	kernel = (long (*)(long, long *))dlsym(RTLD_NEXT, "lkl_syscall");
	if (getenv("PLANTED"))
		bug = getenv("PLANTED");
	if (!strcmp(bug, "timer")) {
		alloc_timer = lkl_host_ops.timer_alloc;
		lkl_host_ops.timer_alloc = plant_timer;
	}
}

__attribute__((noinline)) static long planted_crash(void)
{
	return *(volatile int *)8;
}

/* A timer of the kernel, in the thread that the C library starts for it. */
static void planted_timer(void *arg)
{
	kernel_timer(arg);
	if (asleep)
		planted_crash();
}

__attribute__((noinline)) static long planted_hang(void)
{
	for (;;)
		__asm__ volatile("");
	return 0;
}

__attribute__((noinline)) static void planted_write(volatile char *where)
{
	*where ^= 0x55;
}

/* Three calls in this order, the second one successful; a program begins with a chdir(). */
static int rare(long no, long result)
{
	static const long wanted[] = { __lkl__NR_umask, __lkl__NR_getcwd, __lkl__NR_fdatasync };

	if (no == __lkl__NR_chdir)
		step = 0;
	if (no != wanted[step] || (step == 1 && result < 0) || (step == 2 && result != -LKL_EBADF))
		return 0;
	if (++step < 3)
		return 0;
	step = 0;
	return 1;
}

/* A signal that interrupts, as one of the kernel's own does that came while the task blocked it for a moment. */
static void pend(int sig)
{
	struct lkl_sigaction action = { .lkl_sa_handler = (void *)8 };
	long thread = kernel(__lkl__NR_gettid, (long[6]){ 0 });

	kernel(__lkl__NR_rt_sigaction, (long[6]){ sig, (long)&action, 0, 8 });
	kernel(__lkl__NR_tgkill, (long[6]){ 1, thread, sig });
}

/* Memory is short, says a thread of the kernel, and takes its time for it: until another call has begun. */
static void *complain(void *unused)
{
	static const char what[] = "kworker/0:1: page allocation failure: order:0\n", trace[] = "Call Trace:\n";
	int before = calls;

	(void)unused;
	lkl_host_ops.print(what, sizeof(what) - 1);
	while (calls < before + 2)
		usleep(1000);
	lkl_host_ops.print(trace, sizeof(trace) - 1);
	return NULL;
}

long lkl_syscall(long no, long *params)
{
	static const char warning[] = "WARNING: CPU: 0 PID: 1 at fs/planted.c:7 planted_warning+0x11/0x20\n";
	pthread_t thread;
	long result;

	calls++;
	/* Bugs of the kernel's own: a warning in __alloc_pages_nodemask(), a hang of munmap() after this file was read. */
	if (no == __lkl__NR_mmap_pgoff && (unsigned long)params[1] > 1UL << 22)
		return -LKL_ENOMEM;
	if (no == __lkl__NR_openat && strstr((char *)params[1], "/maps"))
		return -LKL_ENOENT;
	/* No bugs either: a signal that cannot be sent at once, a call that finds a lock taken; but with -512 it is one. */
	if (!strcmp(bug, "lost") && no == __lkl__NR_tgkill && !lost++)
		return -LKL_EAGAIN;
	if (!strncmp(bug, "restart", 7) && no == __lkl__NR_getcwd)
		return strcmp(bug, "restart") ? -513 : -512;
	asleep = no == __lkl__NR_nanosleep;
	result = kernel(no, params);
	asleep = 0;
	if (!strcmp(bug, "crash") && rare(no, result))
		return planted_crash();
	if (!strcmp(bug, "hang") && no == __lkl__NR_getcwd && result < 0)
		return planted_hang();
	if (!strcmp(bug, "warning") && no == __lkl__NR_fallocate && result < 0)
		lkl_host_ops.print(warning, sizeof(warning) - 1);
	if (!strcmp(bug, "errno") && no == __lkl__NR_getcwd && result > 0)
		return -5000;
	if (!strcmp(bug, "overrun") && no == __lkl__NR_read && result > 0 && result == params[2])
		planted_write((char *)params[1] + result);
	if (!strcmp(bug, "underrun") && no == __lkl__NR_read && result > 0)
		planted_write((char *)params[1] - 1);
	if (!strcmp(bug, "stat") && no == __lkl__NR_fstat && !result)
		planted_write((char *)params[1] + sizeof(struct lkl_stat));
	if (!strcmp(bug, "history") && no == __lkl__NR_getcwd && result > 0 && ++seen == 3)
		return planted_crash();
	/* No bug, but a machine that is slow at the wrong place: the sandbox takes the signal away that interrupts. */
	if (!strcmp(bug, "slow") && no == __lkl__NR_rt_sigtimedwait)
		usleep(30000);
	if (!strcmp(bug, "short") && no == __lkl__NR_getcwd)
		pthread_create(&thread, NULL, complain, NULL);
	if (!strcmp(bug, "short") && no == __lkl__NR_getppid)
		lkl_host_ops.print("Call Trace:\n", 12);
	if (!strcmp(bug, "signal") && no == __lkl__NR_getcwd)
		pend(10);
	if (!strcmp(bug, "always") && no == __lkl__NR_mkdirat && !strncmp((char *)params[1], "d", 1))
		return planted_crash();
	return result;
}
