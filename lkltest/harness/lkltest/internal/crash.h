/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The implementation of <lkltest/crash.h>: handlers of fatal signals, and of the one that asks for stacks. */
#ifndef LKLTEST_INTERNAL_CRASH_H
#define LKLTEST_INTERNAL_CRASH_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define LKLTEST_CRASH_INERT
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__linux__)
#define LKLTEST_CRASH_INERT
#endif

#ifdef LKLTEST_CRASH_INERT

static __attribute__((unused)) void lkltest_crash_thread(void)
{
}

static __attribute__((unused)) void lkltest_crash_init(void)
{
}

static __attribute__((unused)) void lkltest_crash_complaint(void (*to)(const char *text, size_t len))
{
	(void)to;
}

#else

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <lkltest/internal/report.h>

#if !defined(LKLTEST_NATIVE) && __has_include(<lkl_host.h>)
#include <lkltest/internal/liblkl.h>
#include <lkltest/internal/host.h>
#if LKLTEST_IN_TABLE(thread_create)	/* a function of the library's own is one that nothing can wrap */
#define LKLTEST_CRASH_WRAP
#endif
#if LKLTEST_IN_TABLE(thread_self)
#define LKLTEST_CRASH_ENTRANCE
#endif
#endif

#ifndef LKLTEST_UML_LIBRARY
#define LKLTEST_UML_LIBRARY 0
#endif

#define LKLTEST_CRASH_FN static __attribute__((unused))
#define LKLTEST_CRASH_STACK (48 * 1024)	/* bytes: two signal frames of any CPU, two handlers */

static const struct { int number; const char *name; } lkltest_crash_signals[] = {
	{ SIGSEGV, "SIGSEGV" }, { SIGBUS, "SIGBUS" }, { SIGILL, "SIGILL" },
	{ SIGFPE, "SIGFPE" }, { SIGABRT, "SIGABRT" }, { SIGTRAP, "SIGTRAP" },
};
#define LKLTEST_CRASH_SIGNALS (sizeof(lkltest_crash_signals) / sizeof(*lkltest_crash_signals))

static struct {
	int owner;		/* the thread that writes a report; 0 if none does */
	int asked, answered;	/* the thread whose stack a hang's report waits for; the last one that wrote it */
	int installed;
	pthread_key_t stack;	/* alternate stacks of the program's own threads */
} lkltest_crash;

/* The signal that asks a thread for its stack; the last one is valgrind's. */
LKLTEST_CRASH_FN int lkltest_crash_ask(void)
{
	return SIGRTMAX - 1;
}

LKLTEST_CRASH_FN void lkltest_crash_sleep(void)
{
	struct timespec ms = { 0, 1000000 };

	nanosleep(&ms, NULL);
}

/* Takes the right to write a report, for which it waits so long. */
LKLTEST_CRASH_FN int lkltest_crash_lock(int tid, int wait_ms)
{
	int none = 0;

	while (!__atomic_compare_exchange_n(&lkltest_crash.owner, &none, tid, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		if (wait_ms-- <= 0)
			return 0;
		lkltest_crash_sleep();
		none = 0;
	}
	return 1;
}

/*
 * Lets the signal end the process as it would have without a handler. What the
 * CPU has complained of happens again on return, so that a core dump, or a
 * debugger, shows that very place.
 */
LKLTEST_CRASH_FN void lkltest_crash_die(int sig, const siginfo_t *info)
{
	struct sigaction action;
	sigset_t set;

	memset(&action, 0, sizeof(action));
	action.sa_handler = SIG_DFL;
	sigaction(sig, &action, NULL);
	if (info->si_code > 0 && sig != SIGTRAP && sig != SIGABRT)
		return;
	sigemptyset(&set);
	sigaddset(&set, sig);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	syscall(SYS_tgkill, getpid(), lkltest_tid(), sig);
	_exit(128 + sig);
}

/* Begins a report, on a line of its own: the console may be in the middle of one. */
LKLTEST_CRASH_FN void lkltest_crash_begin(const char *what, int sig, const siginfo_t *info)
{
	const char *name = "SIGUSR2";
	size_t i;

	for (i = 0; i < LKLTEST_CRASH_SIGNALS; i++)
		if (lkltest_crash_signals[i].number == sig)
			name = lkltest_crash_signals[i].name;
	/* Only the CPU's own faults have an address; of a non-canonical one x86 does not tell it. */
	if (info->si_code == SI_KERNEL)
		lkltest_say("\nlkltest: %s %d %s ?", what, lkltest_tid(), name);
	else if (info->si_code > 0 && sig != SIGABRT && sig != SIGUSR2)
		lkltest_say("\nlkltest: %s %d %s %x", what, lkltest_tid(), name, (unsigned long)info->si_addr);
	else
		lkltest_say("\nlkltest: %s %d %s -", what, lkltest_tid(), name);
}

LKLTEST_CRASH_FN void lkltest_crash_handler(int sig, siginfo_t *info, void *context)
{
	int tid = lkltest_tid();

	lkltest_report_to = NULL;
	if (__atomic_load_n(&lkltest_crash.owner, __ATOMIC_RELAXED) == tid) {
		/* The report itself came to grief: tell what there is. */
		lkltest_crash_begin("again", sig, info);
		lkltest_say("lkltest: end %d", tid);
	} else if (lkltest_crash_lock(tid, 5000)) {
		lkltest_crash_begin("signal", sig, info);
#ifdef LKLTEST_UNWINDS
		lkltest_say("lkltest: sp %d %x", tid, lkltest_report_sp(context));
#endif
		lkltest_report_maps();
		lkltest_report_context(tid, context);
		lkltest_say("lkltest: end %d", tid);
	}
	lkltest_crash_die(sig, info);
}

/*
 * Writes the stack from which the kernel complains like that of a crash, to
 * stderr if `to` is NULL: LKL can seldom walk its stack itself. Not while
 * another report is written.
 */
LKLTEST_CRASH_FN void lkltest_crash_complaint(void (*to)(const char *text, size_t len))
{
	int tid = lkltest_tid();
	ucontext_t here;

	if (!lkltest_crash.installed || getcontext(&here) || !lkltest_crash_lock(tid, 0))
		return;
	lkltest_report_to = to;
	lkltest_say("\nlkltest: signal %d SIGWARN -", tid);
	lkltest_report_maps();
	lkltest_report_context(tid, &here);
	lkltest_say("lkltest: end %d", tid);
	lkltest_report_to = NULL;
	__atomic_store_n(&lkltest_crash.owner, 0, __ATOMIC_RELEASE);
}

/* A thread was asked for its stack. */
LKLTEST_CRASH_FN void lkltest_crash_answer(int sig, siginfo_t *info, void *context)
{
	int tid = lkltest_tid(), saved = errno;

	(void)sig;
	(void)info;
	if (__atomic_load_n(&lkltest_crash.asked, __ATOMIC_ACQUIRE) == tid) {
		lkltest_report_context(tid, context);
		__atomic_store_n(&lkltest_crash.answered, tid, __ATOMIC_RELEASE);
	}
	errno = saved;
}

LKLTEST_CRASH_FN void lkltest_crash_path(char *path, int tid, const char *file)
{
	size_t n;

	strcpy(path, "/proc/self/task/");
	n = strlen(path);
	n += lkltest_report_number(path + n, tid, 10);
	strcpy(path + n, file);
}

/* A thread that blocks signals: what the host's kernel knows of it. */
LKLTEST_CRASH_FN void lkltest_crash_mute(int tid)
{
	char path[64], text[256];
	const char *p;
	unsigned long sp, pc;

	lkltest_crash_path(path, tid, "/syscall");
	lkltest_report_read(path, text, sizeof(text));
	lkltest_say("lkltest: mute %d %s", tid, text);
	/* "202 0x.. (six arguments) SP PC", or "running" */
	p = strrchr(text, ' ');
	if (!p || strncmp(p, " 0x", 3))
		return;
	p += 3;
	pc = lkltest_report_hex(&p);
	*strrchr(text, ' ') = 0;
	p = strrchr(text, ' ');
	if (!p || strncmp(p, " 0x", 3))
		return;
	p += 3;
	sp = lkltest_report_hex(&p);
	lkltest_report_blocked(tid, sp, pc);
}

/* Whether a thread would never hear that it is asked: the C library's own, which runs timers, blocks all signals. */
LKLTEST_CRASH_FN int lkltest_crash_deaf(int tid)
{
	int fd, bit = lkltest_crash_ask() - 1;
	char path[64], text[2048], digit;
	const char *blocked;
	ssize_t len;

	lkltest_crash_path(path, tid, "/status");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[len > 0 ? len : 0] = 0;
	blocked = strstr(text, "\nSigBlk:\t");
	if (!blocked)
		return 0;
	blocked += strlen("\nSigBlk:\t");
	len = (ssize_t)strspn(blocked, "0123456789abcdef");	/* of 4 signals each, the last ones first */
	if (len <= bit / 4)
		return 0;
	digit = blocked[len - 1 - bit / 4];
	return ((digit <= '9' ? digit - '0' : digit - 'a' + 10) >> bit % 4) & 1;
}

LKLTEST_CRASH_FN void lkltest_crash_ask_thread(int tid, const void *own_context)
{
	char path[64], text[64];
	int ms;

	lkltest_crash_path(path, tid, "/comm");
	lkltest_report_read(path, text, sizeof(text));
	lkltest_say("lkltest: thread %d %s", tid, text);
	if (tid == lkltest_tid()) {
		lkltest_report_context(tid, own_context);
		return;
	}
	__atomic_store_n(&lkltest_crash.answered, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&lkltest_crash.asked, tid, __ATOMIC_RELEASE);
	if (!lkltest_crash_deaf(tid) && !syscall(SYS_tgkill, getpid(), tid, lkltest_crash_ask()))
		for (ms = 0; ms < 200; ms++) {
			if (__atomic_load_n(&lkltest_crash.answered, __ATOMIC_ACQUIRE) == tid)
				return;
			lkltest_crash_sleep();
		}
	__atomic_store_n(&lkltest_crash.asked, 0, __ATOMIC_RELEASE);
	lkltest_crash_mute(tid);
}

/* Handler of SIGUSR2, which the runner sends at a timeout: writes the stacks of all threads, and goes on. */
LKLTEST_CRASH_FN void lkltest_crash_hang(int sig, siginfo_t *info, void *context)
{
	struct entry { uint64_t ino, off; unsigned short len; unsigned char type; char name[]; };
	char list[2048] __attribute__((aligned(8)));
	int saved = errno, tid = lkltest_tid(), fd;
	long got, at, i, id;

	if (!lkltest_crash_lock(tid, 0))
		return;
	lkltest_crash_begin("signal", sig, info);
	lkltest_report_maps();
	fd = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (fd >= 0 && (got = syscall(SYS_getdents64, fd, list, sizeof(list))) > 0)
		for (at = 0; at < got; at += ((struct entry *)(list + at))->len) {
			const char *name = ((struct entry *)(list + at))->name;

			for (id = 0, i = 0; name[i] >= '0' && name[i] <= '9'; i++)
				id = id * 10 + name[i] - '0';
			if (id)
				lkltest_crash_ask_thread((int)id, context);
		}
	if (fd >= 0)
		close(fd);
	lkltest_say("lkltest: end %d", tid);
	__atomic_store_n(&lkltest_crash.owner, 0, __ATOMIC_RELEASE);
	errno = saved;
}

#include <lkltest/internal/threads.h>

LKLTEST_CRASH_FN void lkltest_crash_handle(int sig, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action;
	size_t i;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = handler;
	action.sa_flags = SA_SIGINFO | SA_ONSTACK | flags;
	/* A fault in a handler must come through; SIGPIPE, say, must not end the report. */
	sigfillset(&action.sa_mask);
	for (i = 0; i < LKLTEST_CRASH_SIGNALS; i++)
		sigdelset(&action.sa_mask, lkltest_crash_signals[i].number);
	sigaction(sig, &action, NULL);
}

#if LKLTEST_UML_LIBRARY

int __sigaction(int sig, const struct sigaction *action, struct sigaction *old);

/*
 * Takes the place of the C library's function. The kernel of UML's library mode, when it starts, takes the fatal
 * signals for itself and does nothing about them, so that a fault would repeat for ever.
 */
__attribute__((weak)) int sigaction(int sig, const struct sigaction *action, struct sigaction *old)
{
	size_t i;

	for (i = 0; i < LKLTEST_CRASH_SIGNALS; i++)
		if (lkltest_crash.installed && sig == lkltest_crash_signals[i].number && action &&
		    action->sa_flags & SA_SIGINFO && action->sa_sigaction != lkltest_crash_handler)
			action = NULL;
	return __sigaction(sig, action, old);
}

#endif

LKLTEST_CRASH_FN void lkltest_crash_init(void)
{
	struct sigaction old;
	size_t i;

	if (lkltest_crash.installed || getenv("LKLTEST_NO_CRASH_HANDLER"))
		return;
	/* Handlers that are already there stay: those of another copy of this header, or of the program. */
	if (sigaction(SIGSEGV, NULL, &old) || (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN))
		return;
	if (pthread_key_create(&lkltest_crash.stack, lkltest_crash_free_stack))
		return;
	lkltest_crash.installed = 1;
	lkltest_crash_thread();
#ifdef LKLTEST_UNWINDS
	{
		/* Binds the symbols while that is safe. */
		struct lkltest_bases bases;

		lkltest_find_fde((void *)lkltest_crash_init, &bases);
	}
#endif
	for (i = 0; i < LKLTEST_CRASH_SIGNALS; i++)
		lkltest_crash_handle(lkltest_crash_signals[i].number, lkltest_crash_handler, SA_NODEFER);
	lkltest_crash_handle(SIGUSR2, lkltest_crash_hang, SA_RESTART);
	lkltest_crash_handle(lkltest_crash_ask(), lkltest_crash_answer, SA_RESTART);
	/* As the parent may have left them. */
	lkltest_crash_unblock(SIGUSR2);
#ifdef LKLTEST_CRASH_WRAP
	lkltest_crash_create = lkl_host_ops.thread_create;
	lkl_host_ops.thread_create =
		(__typeof__(lkl_host_ops.thread_create))(void (*)(void))lkltest_crash_wrap;
#endif
#ifdef LKLTEST_CRASH_ENTRANCE
	lkltest_crash_self = lkl_host_ops.thread_self;
	lkl_host_ops.thread_self = lkltest_crash_enter;
#endif
}

#ifdef LKLTEST_CRASH_CONSTRUCTOR
static __attribute__((constructor)) void lkltest_crash_construct(void)
{
	lkltest_crash_init();
}
#endif

#endif /* !LKLTEST_CRASH_INERT */
#endif
