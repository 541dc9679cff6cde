/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps programs apart: tasks, directories, cleanup, and the interruption of calls that block. */
#ifndef LKLTEST_FUZZ_SANDBOX_H
#define LKLTEST_FUZZ_SANDBOX_H

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <lkltest/compat.h>
#include <lkltest/crash.h>
#include "protocol.h"

#define SANDBOX_POKE	64	/* the signal that ends a call that blocks */
#define SANDBOX_TICK_MS	15
#define SANDBOX_ASLEEP	3	/* ticks after which a call that sleeps is interrupted */
#define SANDBOX_ENDLESS	20	/* and one that works */
#define SANDBOX_ROTATE	256	/* programs that share a file system */
#define SANDBOX_MEND	8	/* programs after which the loopback device is set up anew */
#define SANDBOX_LIMITS	16
#define SANDBOX_MAPPINGS 32
#define SANDBOX_PAGE	4096L
#define SANDBOX_PAGES	64	/* of a mapping that are looked at one by one */
#define SANDBOX_TIMERS	32

#ifndef __lkl__NR_sched_setscheduler
#define __lkl__NR_sched_setscheduler 119	/* LKL (4.9) takes the names away, for lack of a structure */
#endif
#ifndef __lkl__NR_sched_setattr
#define __lkl__NR_sched_setattr 274
#endif

#define CLONE_NEWNS_	0x00020000UL
#define CLONE_FS_	0x00000200UL
#define CLONE_FILES_	0x00000400UL

static struct {
	struct fz_shared *shared;
	int max_fd;
	int signals;			/* the program sends some to itself */
	volatile long tid;		/* of the task that runs programs */
	volatile int thread;		/* of the host, which is in its calls */
	_Atomic int poking;		/* a poke is on its way */
	_Atomic long poked;		/* the task that one has arrived at, which has not taken it away yet */
	int mounted;
	struct { uint64_t soft, hard; } limits[SANDBOX_LIMITS];
	unsigned int timers;
	int timer[SANDBOX_TIMERS];
	unsigned int mappings;
	struct { long address, length; } mapped[SANDBOX_MAPPINGS];
} sandbox;

#define SANDBOX_FDCWD	-100L
#define SYS(name, ...) lkl_syscall(__lkl__NR_##name, (long[6]){ __VA_ARGS__ })

/* Whether a result asks for the call to be restarted, as after a signal. */
static inline int sandbox_restarts(long result)
{
	return result <= -512 && result >= -516;
}

static inline void sandbox_made(unsigned int kind, long made)
{
	if (kind < FZ_DESCRIPTORS && made > sandbox.max_fd && made < 1 << 16)
		sandbox.max_fd = (int)made;
	if (kind == FZ_TIMER && made >= 0 && sandbox.timers < SANDBOX_TIMERS)
		sandbox.timer[sandbox.timers++] = (int)made;
}

/* Note a mapping, to end it: without an MMU, all programs share one address space. */
static inline void sandbox_mapped(long address, long length)
{
	if (sandbox.mappings == SANDBOX_MAPPINGS)
		return;
	sandbox.mapped[sandbox.mappings].address = address;
	sandbox.mapped[sandbox.mappings++].length = length;
}

/* Whether a signal of the sandbox to the task that runs programs is on its way or pends. */
static inline int sandbox_poked(void)
{
	return sandbox.poking || sandbox.poked;
}

/*
 * Take away the signals that interrupt this task, or each of its later sleeps would fail: the sandbox's own, and those
 * that the kernel sends by itself, unless the program wants signals. Returns how many there were.
 */
static int sandbox_drain(void)
{
	struct lkl_timespec none = { 0 };
	uint64_t set = sandbox.signals ? 1ULL << (SANDBOX_POKE - 1) : ~0ULL;
	int signals = 0;
	long poked;

	do {
		while (sandbox.poking)	/* a call may have returned while its signal is still being sent */
			sched_yield();
		poked = sandbox.poked;
		while (SYS(rt_sigtimedwait, (long)&set, 0, (long)&none, 8) > 0)
			signals++;
		/* No sooner, or another one might come in between, and stay; nor for one that came after the last look. */
		atomic_compare_exchange_strong(&sandbox.poked, &poked, 0);
	} while (sandbox_poked());
	return signals;
}

/*
 * Whether the call that just returned was, or may have been, interrupted by a signal, or asked for one itself: where a
 * lock is taken, restart_syscall() pretends that there is one.
 */
static inline int sandbox_interrupted(long result)
{
	int poked = sandbox_poked();
	uint64_t none = 0;

	if (__builtin_expect(!poked && (!sandbox_restarts(result) || sandbox.signals), 1))
		return 0;
	/* ppoll() and its like leave their mask behind, for the kernel to put back on a way to user mode that LKL lacks. */
	if (!sandbox.signals)
		SYS(rt_sigprocmask, 2 /* SIG_SETMASK */, (long)&none, 0, 8);
	return sandbox_drain() || poked || result == -513 /* ERESTARTNOINTR */;
}

/* The argument of a call that points to a set of signals to block, and the one that is its size; -1 where it has none. */
static inline int sandbox_blocks(unsigned int number, int *size)
{
	switch (number) {
	case __lkl__NR_rt_sigsuspend:
		return *size = 1, 0;
	case __lkl__NR_rt_sigprocmask:
		return *size = 3, 1;
	case __lkl__NR_ppoll:
		return *size = 4, 3;
	case __lkl__NR_epoll_pwait:
#ifdef __lkl__NR_epoll_pwait2
	case __lkl__NR_epoll_pwait2:
#endif
		return *size = 5, 4;
	}
	return -1;
}

/*
 * Let the sandbox's own signal through where a call blocks signals: nothing else could end the call, or a later one. The
 * kernel reads no set of another size. pselect6() has its set behind a pointer that is always null.
 */
static inline void sandbox_unblock(unsigned int number, const long *params, const uint8_t *tags)
{
	int size = 0, set = sandbox_blocks(number, &size);

	if (set >= 0 && tags[set] == TAG_BUFFER && params[size] == sizeof(uint64_t))
		((unsigned char *)params[set])[(SANDBOX_POKE - 1) / 8] &= ~(1 << (SANDBOX_POKE - 1) % 8);
}

/*
 * Turn SCHED_DEADLINE into the normal policy: where a task of a host's thread has used up its runtime, LKL (4.9) may lose
 * its only CPU, and every later call waits for it. The kernel refuses attributes of a smaller size.
 */
static inline void sandbox_no_deadline(unsigned int number, const long *params, const uint8_t *tags)
{
	uint32_t *attr = (uint32_t *)params[1];	/* size, policy */

	if (number == __lkl__NR_sched_setattr && tags[1] == TAG_BUFFER && (!attr[0] || attr[0] >= 48) &&
	    attr[1] == 6 /* SCHED_DEADLINE */)
		attr[1] = 0;
}

/* Whether a call only waits for a processor of the host, and will go on. */
static int sandbox_runs(void)
{
	char path[64], text[128] = "";
	const char *name_end;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", sandbox.thread);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	name_end = strrchr(text, ')');
	return name_end && name_end[1] == ' ' && name_end[2] == 'R';
}

/* Give a task, or with 0 this one, the policy that it began with: one of SCHED_IDLE may wait as long as others work. */
static void sandbox_normal(long tid)
{
	int priority = 0;

	SYS(sched_setscheduler, tid, 0 /* SCHED_NORMAL */, (long)&priority);
}

/* Interrupt calls that do not return; runs in a thread of its own. */
static void *sandbox_watch(void *ready)
{
	struct timespec tick = { 0, SANDBOX_TICK_MS * 1000000L };
	struct fz_shared *shared = sandbox.shared;
	uint64_t seen = 0;
	int ticks = 0;

	SYS(gettid, 0);	/* LKL makes a task for this thread: now, while no signal pends */
	pthread_barrier_wait(ready);
	for (;;) {
		uint64_t now;
		long tid;

		nanosleep(&tick, NULL);
		now = shared->program << 16 ^ shared->call;
		ticks = shared->state == FZ_STATE_RUNNING && now == seen ? ticks + 1 : 0;
		seen = now;
		if (ticks < SANDBOX_ASLEEP || (ticks < SANDBOX_ENDLESS && sandbox_runs()))
			continue;
		tid = sandbox.tid;
		if (!tid)
			continue;
		sandbox_normal(tid);	/* no signal ends the wait for the kernel's CPU */
		if (sandbox.poked == tid)
			continue;
		/* The signal may come a call later than it was meant for: no time may pass in which neither flag is set. */
		sandbox.poking = 1;
		if (!SYS(tgkill, 1, tid, SANDBOX_POKE))
			sandbox.poked = tid;
		sandbox.poking = 0;
	}
	return NULL;
}

/* Set the loopback device up as on a fresh kernel: programs change it. Not by the library's function: it prints. */
static void sandbox_loopback(void)
{
	struct {
		char name[16];
		union {
			struct { uint16_t family, port; uint32_t address; };
			int mtu;
			char rest[24];
		};
	} request = { .name = "lo" };
	struct { unsigned char address[16]; uint32_t prefix; int index; } request6 = {
		.address = { [15] = 1 }, .prefix = 128, .index = 1,
	};
	long fd = SYS(socket, LKL_AF_INET, LKL_SOCK_DGRAM, 0);
	long fd6 = SYS(socket, LKL_AF_INET6, LKL_SOCK_DGRAM, 0);

	request.mtu = 65536;	/* with less than 1280, it has no IPv6 */
	SYS(ioctl, fd, LKL_SIOCSIFMTU, (long)&request);
	memset(request.rest, 0, sizeof(request.rest));
	request.family = 0x49;	/* up, loopback, running */
	SYS(ioctl, fd, LKL_SIOCSIFFLAGS, (long)&request);
	request.family = LKL_AF_INET;
	request.address = 0x0100007f;
	SYS(ioctl, fd, LKL_SIOCSIFADDR, (long)&request);
	request.address = 0x000000ff;
	SYS(ioctl, fd, LKL_SIOCSIFNETMASK, (long)&request);
	SYS(ioctl, fd6, LKL_SIOCSIFADDR, (long)&request6);
	if (fd6 >= 0)
		SYS(close, fd6);
	if (fd >= 0)
		SYS(close, fd);
}

static void sandbox_remount(void)
{
	if (sandbox.mounted)
		SYS(umount2, (long)"/w", 2 /* MNT_DETACH */);
	sandbox.mounted = !SYS(mount, (long)"none", (long)"/w", (long)"ramfs", 0, 0);
}

/* Start a program: in a fresh directory, with what it needs. */
static inline void sandbox_enter(uint64_t program, unsigned int needs)
{
	char path[] = "/w/0000";
	unsigned int n = program % SANDBOX_ROTATE;

	sandbox.max_fd = -1;
	sandbox.signals = needs & NEEDS_SIGNALS;
	if (needs & (NEEDS_TASK | NEEDS_MOUNTS))
		SYS(unshare, CLONE_FS_ | CLONE_FILES_ | (needs & NEEDS_MOUNTS ? CLONE_NEWNS_ : 0));
	path[3] += n >> 6 & 15;
	path[4] += n >> 4 & 3;
	path[5] += n >> 2 & 3;
	path[6] += n & 3;
	SYS(mkdirat, SANDBOX_FDCWD, (long)path, 0777);
	if (SYS(chdir, (long)path))
		SYS(chdir, (long)"/");	/* not in the directory of the last program */
	if (sandbox_poked())	/* on a slow machine, between two programs */
		sandbox_drain();
}

static void sandbox_forget_signals(void)
{
	struct lkl_sigaction action;
	struct lkl_timespec now = { 0 };
	uint64_t none = 0, all = ~0ULL;
	int sig;

	/* Ignoring a signal drops it where it is pending. */
	for (sig = 1; sig < SANDBOX_POKE; sig++) {
		memset(&action, 0, sizeof(action));
		action.lkl_sa_handler = (void *)1;	/* SIG_IGN */
		if (SYS(rt_sigaction, sig, (long)&action, 0, 8))
			continue;
		memset(&action, 0, sizeof(action));
		SYS(rt_sigaction, sig, (long)&action, 0, 8);
	}
	SYS(rt_sigprocmask, 2 /* SIG_SETMASK */, (long)&none, 0, 8);
	/* The kernel only notices here that nothing is pending any more: it never returns to user mode. */
	while (SYS(rt_sigtimedwait, (long)&all, 0, (long)&now, 8) > 0)
		;
}

/* End a mapping that the program may have cut: without an MMU, a mapping of a file only ends as a whole. */
static void sandbox_unmap(long address, long length)
{
	long at;

	if (!SYS(munmap, address, length))
		return;
	for (at = 0; at < length && at < SANDBOX_PAGES * SANDBOX_PAGE; at += SANDBOX_PAGE) {
		SYS(munmap, address, at + SANDBOX_PAGE);	/* a shortened mapping of a file */
		SYS(munmap, address + at, SANDBOX_PAGE);	/* a page of a mapping that can be cut */
	}
}

static inline void sandbox_leave(unsigned int needs)
{
	int i;

	/* A process has a limited number of timers, and their signals would end calls of a later program. */
	while (sandbox.timers)
		SYS(timer_delete, sandbox.timer[--sandbox.timers]);
	while (sandbox.mappings) {
		sandbox.mappings--;
		sandbox_unmap(sandbox.mapped[sandbox.mappings].address, sandbox.mapped[sandbox.mappings].length);
	}
	/*
	 * In a task of its own as well, although its end closes them: where a descriptor's release sleeps, LKL (4.9)
	 * leaves the dying task's thread before the task is done, and LKL's only CPU is never free again.
	 */
	for (i = 0; i <= sandbox.max_fd; i++)
		if (!SYS(close, i) && needs & NEEDS_GRACE)
			SYS(sched_yield, 0);	/* LKL (4.9) counts a change of threads as a grace period */
	SYS(umask, 022);
}

/* Undo changes to the whole process; not from the program's own task, which may lack the right to. */
static void sandbox_restore(unsigned int needs)
{
	int i;

	if (needs & NEEDS_LIMITS)
		for (i = 0; i < SANDBOX_LIMITS; i++)
			SYS(prlimit64, 0, i, (long)&sandbox.limits[i], 0);
	if (needs & NEEDS_SIGNALS)
		sandbox_forget_signals();
}

struct sandbox_task { void *(*run)(void *); void *argument; };

static void *sandbox_task(void *argument)
{
	struct sandbox_task *task = argument;

	lkltest_crash_thread();
	sandbox.tid = SYS(gettid, 0);
	sandbox.thread = lkltest_tid();
	/* LKL (4.9) makes it from process 1's first task, and leaves it the mark that a signal pends there. */
	sandbox_drain();
	task->run(task->argument);
	sandbox_normal(0);
	/*
	 * A task that has raised its own priority is marked to be rescheduled (up to Linux 5.3), and LKL leaves the mark
	 * (since 4.11). The first look at it in the task's end would leave the thread too early: see sandbox_leave().
	 */
	SYS(sched_yield, 0);
	return NULL;
}

/* Run a program in this task, or in a task of its own if it needs one. */
static inline void sandbox_run(void *(*run)(void *), void *argument, unsigned int needs)
{
	struct sandbox_task task = { run, argument };
	long self = sandbox.tid;
	pthread_t thread;

	if (sandbox.shared->program % SANDBOX_ROTATE == 0)
		sandbox_remount();
	if (sandbox.shared->program % SANDBOX_MEND == 0)
		sandbox_loopback();
	if (!(needs & (NEEDS_TASK | NEEDS_MOUNTS)) || pthread_create(&thread, NULL, sandbox_task, &task)) {
		run(argument);
	} else {
		pthread_join(thread, NULL);
		sandbox.tid = self;
		sandbox.thread = lkltest_tid();
		/* A signal to this task may have come while the other task handled it. */
		sandbox_drain();
	}
	if (needs & (NEEDS_LIMITS | NEEDS_SIGNALS))
		sandbox_restore(needs);
}

/* Make the devices and mounts that programs expect, as far as the kernel has them. */
static void sandbox_populate(void)
{
	/* A library has no source of entropy: without some of ours, getrandom() would wait for ever. */
	struct { int bits, bytes; unsigned char data[64]; } entropy = { 512, 64, { 1, 2, 3, 5, 7, 11 } };
	long random;

	static const struct { const char *path; unsigned int mode, device; } nodes[] = {
		{ "/dev/null", 0020666, 0x103 }, { "/dev/zero", 0020666, 0x105 }, { "/dev/full", 0020666, 0x107 },
		{ "/dev/random", 0020666, 0x108 }, { "/dev/urandom", 0020666, 0x109 }, { "/dev/tty", 0020666, 0x500 },
		{ "/dev/ptmx", 0020666, 0x502 }, { "/dev/mice", 0020666, 0xd3f }, { "/dev/psaux", 0020666, 0xa01 },
		{ "/dev/ptyp0", 0020666, 0x200 }, { "/dev/ptyp1", 0020666, 0x201 },
		{ "/dev/ttyp0", 0020666, 0x300 }, { "/dev/ttyp1", 0020666, 0x301 },
	};
	static const char *const mounts[][2] = { { "/proc", "proc" }, { "/sys", "sysfs" }, { "/dev/pts", "devpts" } };
	unsigned int i;

	SYS(mkdirat, SANDBOX_FDCWD, (long)"/dev", 0755);
	for (i = 0; i < sizeof(nodes) / sizeof(*nodes); i++)
		SYS(mknodat, SANDBOX_FDCWD, (long)nodes[i].path, nodes[i].mode, nodes[i].device);
	random = SYS(openat, SANDBOX_FDCWD, (long)"/dev/random", LKL_O_RDWR, 0);
	if (random >= 0) {
		SYS(ioctl, random, 0x40085203 /* RNDADDENTROPY */, (long)&entropy);
		SYS(close, random);
	}
	for (i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		SYS(mkdirat, SANDBOX_FDCWD, (long)mounts[i][0], 0755);
		SYS(mount, (long)"none", (long)mounts[i][0], (long)mounts[i][1], 0, 0);
	}
}

/* Prepare a kernel that has just booted; 0 or a negative errno. */
static long sandbox_init(struct fz_shared *shared)
{
	struct lkl_sigaction action;
	pthread_barrier_t ready;
	pthread_t watch;
	long error;
	int i;

	sandbox.shared = shared;
	sandbox.tid = SYS(gettid, 0);
	sandbox.thread = lkltest_tid();
	for (i = 0; i < SANDBOX_LIMITS; i++)
		SYS(prlimit64, 0, i, 0, (long)&sandbox.limits[i]);
	/* Process 1 ignores signals without a handler, and a call is interrupted by none that is ignored. */
	memset(&action, 0, sizeof(action));
	action.lkl_sa_handler = (void *)8;	/* never called: the library has no user mode to return to */
	error = SYS(rt_sigaction, SANDBOX_POKE, (long)&action, 0, 8);
	if (error)
		return error;
	SYS(umask, 022);
	sandbox_populate();
	error = SYS(mkdirat, SANDBOX_FDCWD, (long)"/w", 0777);
	if (error)
		return error;
	sandbox_remount();
	sandbox_loopback();
	pthread_barrier_init(&ready, NULL, 2);
	error = -pthread_create(&watch, NULL, sandbox_watch, &ready);
	if (!error)
		pthread_barrier_wait(&ready);
	pthread_barrier_destroy(&ready);
	return error;
}

#endif
