/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Points about signals. They are blocked, and waited for: a library cannot call
 * a handler. They are sent to the thread, whose number in a library is not the
 * process's; the first process ignores what it has not asked for.
 */
#ifndef BOOT_SIGNALS_INC_C
#define BOOT_SIGNALS_INC_C

#include "shared.h"

#define SIGNAL_BIT(nr) (1ULL << ((nr) - 1))
#define ALL_SIGNALS (SIGNAL_BIT(SIGUSR1) | SIGNAL_BIT(SIGUSR2) | SIGNAL_BIT(SIGALRM) | SIGNAL_BIT(SIGRTMIN))

/* Takes a pending signal of the set, or waits for one; its number, or a negative error. */
static long take_signal(unsigned long long set, siginfo_t *info, long long ns)
{
	struct timespec limit = { ns / 1000000000, ns % 1000000000 };

	return LKLTEST_SYS(rt_sigtimedwait, &set, info, &limit, sizeof(set));
}

/* Blocks signals, and forgets those that are pending; the set before. The kernel's set is one word. */
static unsigned long long block_signals(unsigned long long set)
{
	unsigned long long before = 0;

	CHECK_OK(LKLTEST_SYS(rt_sigprocmask, SIG_BLOCK, &set, &before, sizeof(set)));
	while (take_signal(set, NULL, 0) > 0)
		;
	return before;
}

/* A kernel thread, such as those of a library are, gets no information with its signals since Linux 4.20. */
static int without_information(const siginfo_t *info)
{
#ifdef LKLTEST_NATIVE
	(void)info;
	return 0;
#else
	return info->si_code == SI_USER && !info->si_pid;
#endif
}

static void restore_signals(unsigned long long before)
{
	CHECK_OK(LKLTEST_SYS(rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(before)));
}

static unsigned long long pending_signals(void)
{
	unsigned long long set = 0;

	CHECK_OK(LKLTEST_SYS(rt_sigpending, &set, sizeof(set)));
	return set & ALL_SIGNALS;
}

/* Sends a signal to this thread. */
static long send_myself(int nr)
{
	return LKLTEST_SYS(tgkill, lkl_sys_getpid(), lkl_sys_gettid(), nr);
}

/* A blocked signal is pending until it is taken, with the sender's number. */
POINT(signal_pending)
{
	unsigned long long before = block_signals(ALL_SIGNALS);
	siginfo_t info = { 0 };

	CHECK_EQ(pending_signals(), 0);
	CHECK_ERR(take_signal(ALL_SIGNALS, &info, 1000000), LKL_EAGAIN);
	CHECK_EQ(send_myself(SIGUSR1), 0);
	CHECK_EQ(send_myself(SIGUSR1), 0);
	CHECK_EQ(LKLTEST_SYS(tkill, lkl_sys_gettid(), SIGUSR2), 0);
	CHECK_EQ(pending_signals(), SIGNAL_BIT(SIGUSR1) | SIGNAL_BIT(SIGUSR2));
	CHECK_EQ(take_signal(SIGNAL_BIT(SIGUSR2), &info, 0), SIGUSR2);
	if (!without_information(&info)) {
		CHECK_EQ(info.si_code, SI_TKILL);
		CHECK_EQ(info.si_pid, lkl_sys_getpid());
	}
	CHECK_EQ(take_signal(ALL_SIGNALS, &info, 0), SIGUSR1);
	/* The second one of its kind was not queued. */
	CHECK_EQ(pending_signals(), 0);
	restore_signals(before);
}

/* Queued signals of real time come in order, each with its value. */
POINT(signal_queue)
{
	unsigned long long before = block_signals(ALL_SIGNALS);
	siginfo_t info;
	int i;

	for (i = 0; i < 3; i++) {
		memset(&info, 0, sizeof(info));
		info.si_code = SI_QUEUE;
		info.si_signo = SIGRTMIN;
		info.si_value.sival_int = 100 + i;
		CHECK_OK(LKLTEST_SYS(rt_tgsigqueueinfo, lkl_sys_getpid(), lkl_sys_gettid(), SIGRTMIN, &info));
	}
	CHECK_EQ(pending_signals(), SIGNAL_BIT(SIGRTMIN));
	for (i = 0; i < 3; i++) {
		memset(&info, 0, sizeof(info));
		CHECK_EQ(take_signal(SIGNAL_BIT(SIGRTMIN), &info, 0), SIGRTMIN);
		if (without_information(&info)) {
			restore_signals(before);
			lkltest_skip("this library's threads are kernel threads, which get no information with a signal");
		}
		CHECK_EQ(info.si_code, SI_QUEUE);
		CHECK_EQ(info.si_value.sival_int, 100 + i);
	}
	CHECK_EQ(pending_signals(), 0);
	restore_signals(before);
}

/* Signals that nobody can get are errors. */
POINT(signal_errors)
{
	long pid = lkl_sys_getpid();
	siginfo_t info = { .si_code = SI_USER };
	unsigned long long set = 0;

	CHECK_ERR(LKLTEST_SYS(kill, pid, 999), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(kill, 999999, SIGUSR1), LKL_ESRCH);
	CHECK_ERR(LKLTEST_SYS(tgkill, pid, 999999, SIGUSR1), LKL_ESRCH);
	CHECK_ERR(LKLTEST_SYS(tgkill, -1, pid, SIGUSR1), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(tkill, 0, SIGUSR1), LKL_EINVAL);
	CHECK_OK(LKLTEST_SYS(kill, pid, 0));
	CHECK_ERR(LKLTEST_SYS(rt_sigqueueinfo, 999999, SIGUSR1, &info), LKL_EPERM);
	CHECK_ERR(LKLTEST_SYS(rt_sigprocmask, 77, &set, NULL, sizeof(set)), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(rt_sigprocmask, SIG_BLOCK, &set, NULL, 3), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(rt_sigpending, &set, 99), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(rt_sigtimedwait, &set, NULL, NULL, 3), LKL_EINVAL);
}

/* The kernel's struct sigaction, of which only the handler is looked at. */
struct kernel_action {
	long handler;
	unsigned long rest[4];
};

/* A signal that is ignored is dropped even if it is pending; actions are kept, and some are refused. */
POINT(signal_action)
{
	struct kernel_action ignore = { .handler = (long)SIG_IGN }, old = { 0 }, now = { 0 };
	unsigned long long before = block_signals(ALL_SIGNALS);

	CHECK_OK(send_myself(SIGUSR1));
	CHECK_EQ(pending_signals(), SIGNAL_BIT(SIGUSR1));
	CHECK_OK(LKLTEST_SYS(rt_sigaction, SIGUSR1, &ignore, &old, 8));
	CHECK_EQ(pending_signals(), 0);
	CHECK_OK(LKLTEST_SYS(rt_sigaction, SIGUSR1, NULL, &now, 8));
	CHECK_EQ(now.handler, (long)SIG_IGN);
	CHECK_OK(LKLTEST_SYS(rt_sigaction, SIGUSR1, &old, NULL, 8));
	CHECK_ERR(LKLTEST_SYS(rt_sigaction, SIGKILL, &ignore, NULL, 8), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(rt_sigaction, 999, &ignore, NULL, 8), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(rt_sigaction, SIGUSR1, &ignore, NULL, 7), LKL_EINVAL);
	restore_signals(before);
}

/* Stop and continue cancel each other while they are pending. */
POINT(signal_stop)
{
	const unsigned long long both = SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGCONT);
	unsigned long long before = block_signals(both), set = 0;

	CHECK_OK(send_myself(SIGTSTP));
	CHECK_OK(LKLTEST_SYS(rt_sigpending, &set, sizeof(set)));
	CHECK_EQ(set & both, SIGNAL_BIT(SIGTSTP));
	CHECK_OK(send_myself(SIGCONT));
	CHECK_OK(LKLTEST_SYS(rt_sigpending, &set, sizeof(set)));
	CHECK_EQ(set & both, SIGNAL_BIT(SIGCONT));
	CHECK_EQ(take_signal(SIGNAL_BIT(SIGCONT), NULL, 0), SIGCONT);
	restore_signals(before);
}

static const char *volatile sender_is;	/* which of its calls the other thread is in */

static void *send_later(void *receiver)
{
	sender_is = "in nanosleep()";
	sleep_ns(5000000);
	sender_is = "in tgkill()";
	CHECK_OK(LKLTEST_SYS(tgkill, lkl_sys_getpid(), (long)receiver, SIGUSR2));
	sender_is = "done";
	return NULL;
}

/* A thread that waits for a signal wakes up when another one sends it. */
POINT(signal_wait)
{
	unsigned long long before = block_signals(ALL_SIGNALS);
	pthread_t sender = start_thread(send_later, (void *)(long)lkl_sys_gettid());
	long got = take_signal(ALL_SIGNALS, NULL, ABSURD_NS);

	if (got != SIGUSR2)
		CHECK_STR_EQ(sender_is, "done");	/* else the kernel serves no second thread while the first one waits */
	CHECK_EQ(got, SIGUSR2);
	pthread_join(sender, NULL);
	restore_signals(before);
}

/* signalfd reads blocked signals like a file. */
POINT(signalfd)
{
	unsigned long long set = SIGNAL_BIT(SIGUSR1), both = set | SIGNAL_BIT(SIGUSR2), before = block_signals(ALL_SIGNALS);
	struct { unsigned int signo; int error, code; unsigned int pid, rest[28]; } got;
	long fd = LKLTEST_SYS(signalfd4, -1, &set, sizeof(set), LKL_O_NONBLOCK), other;

	if (fd == -LKL_ENOSYS)
		restore_signals(before);
	CHECK_OK(need_call(fd, "CONFIG_SIGNALFD"));
	CHECK_ERR(lkl_sys_read(fd, (char *)&got, sizeof(got)), LKL_EAGAIN);
	CHECK_OK(send_myself(SIGUSR2));
	CHECK_EQ(poll_for(fd, LKL_POLLIN, 0), 0);
	CHECK_EQ(LKLTEST_SYS(signalfd4, fd, &both, sizeof(both), LKL_O_NONBLOCK), fd);
	CHECK_EQ(poll_for(fd, LKL_POLLIN, 0), LKL_POLLIN);
	CHECK_EQ(lkl_sys_read(fd, (char *)&got, sizeof(got)), 128);
	CHECK_EQ(got.signo, SIGUSR2);
	CHECK_EQ(got.pid, lkl_sys_getpid());
	other = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/", LKL_O_RDONLY, 0));
	CHECK_ERR(LKLTEST_SYS(signalfd4, other, &set, sizeof(set), 0), LKL_EINVAL);
	CHECK_OK(lkl_sys_close(other));
	CHECK_OK(lkl_sys_close(fd));
	restore_signals(before);
}

/* An alternative stack is kept, and one that is too small is refused. */
POINT(signal_stack)
{
	static char memory[65536];
	stack_t stack = { .ss_sp = memory, .ss_size = sizeof(memory) }, old = { 0 }, small = { .ss_size = 100 }, now = { 0 };
	stack_t odd = { .ss_sp = memory, .ss_size = sizeof(memory), .ss_flags = 77 };

	CHECK_OK(LKLTEST_SYS(sigaltstack, &stack, &old));
	CHECK_OK(LKLTEST_SYS(sigaltstack, NULL, &now));
	CHECK_EQ((long)now.ss_sp, (long)memory);
	CHECK_EQ(now.ss_size, sizeof(memory));
	CHECK_ERR(LKLTEST_SYS(sigaltstack, &small, NULL), LKL_ENOMEM);
	CHECK_ERR(LKLTEST_SYS(sigaltstack, &odd, NULL), LKL_EINVAL);
	CHECK_OK(LKLTEST_SYS(sigaltstack, &old, NULL));
}

#endif
