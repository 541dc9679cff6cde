/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The threads of <lkltest/crash.h>: each can report a crash, also those that the program did not start. */
#ifndef LKLTEST_INTERNAL_THREADS_H
#define LKLTEST_INTERNAL_THREADS_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

LKLTEST_CRASH_FN void lkltest_crash_stack(void *stack, size_t size)
{
	stack_t alternate;

	memset(&alternate, 0, sizeof(alternate));
	alternate.ss_sp = stack;
	alternate.ss_size = size;
	alternate.ss_flags = stack ? 0 : SS_DISABLE;
	sigaltstack(&alternate, NULL);
}

LKLTEST_CRASH_FN void lkltest_crash_free_stack(void *stack)
{
	lkltest_crash_stack(NULL, 0);
	munmap(stack, LKLTEST_CRASH_STACK);
}

LKLTEST_CRASH_FN void lkltest_crash_thread(void)
{
	void *stack;

	if (!lkltest_crash.installed)
		return;
	stack = mmap(NULL, LKLTEST_CRASH_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack == MAP_FAILED)
		return;
	lkltest_crash_stack(stack, LKLTEST_CRASH_STACK);
	pthread_setspecific(lkltest_crash.stack, stack);
}

/*
 * Unblocks the fatal signals in this thread, the one that asks for its stack,
 * and one more. A fault whose signal is blocked ends the process without a word.
 */
LKLTEST_CRASH_FN void lkltest_crash_unblock(int more)
{
	sigset_t mine;
	size_t i;

	sigemptyset(&mine);
	for (i = 0; i < LKLTEST_CRASH_SIGNALS; i++)
		sigaddset(&mine, lkltest_crash_signals[i].number);
	sigaddset(&mine, lkltest_crash_ask());
	sigaddset(&mine, more);
	pthread_sigmask(SIG_UNBLOCK, &mine, NULL);
}

#ifdef LKLTEST_CRASH_ENTRANCE

static __typeof__(lkl_host_ops.thread_self) lkltest_crash_self;
typedef __typeof__(lkl_host_ops.thread_self()) lkltest_crash_self_t;

/*
 * Stands in for the operation that tells the kernel which thread this is. Every
 * thread that enters the kernel calls it to get the kernel's CPU. The C library
 * starts those of the host's timers with all signals blocked.
 */
LKLTEST_CRASH_FN lkltest_crash_self_t lkltest_crash_enter(void)
{
	static __thread int entered;
	int saved = errno;
	stack_t own;

	if (!entered) {
		entered = 1;
		lkltest_crash_unblock(lkltest_crash_ask());
		if (!sigaltstack(NULL, &own) && own.ss_flags & SS_DISABLE)
			lkltest_crash_thread();
		errno = saved;
	}
	return lkltest_crash_self();
}

#endif

#ifdef LKLTEST_CRASH_WRAP

/* The function that a thread of the kernel runs. */
struct lkltest_crash_call {
	void (*run)(void *);
	void *arg;
};

static __typeof__(lkl_host_ops.thread_create) lkltest_crash_create;
typedef __typeof__(lkl_host_ops.thread_create(NULL, NULL)) lkltest_crash_thread_t;

/* Runs a thread of the kernel. */
LKLTEST_CRASH_FN void *lkltest_crash_run(void *arg)
{
	struct lkltest_crash_call call = *(struct lkltest_crash_call *)arg;
	/*
	 * At the very top of the thread's stack, so that no overflow reaches it
	 * and nobody has to free it, however the thread ends. What runs above
	 * it after that keeps its red zone.
	 */
	char stack[LKLTEST_CRASH_STACK + 512] __attribute__((aligned(16)));

	free(arg);
	lkltest_crash_stack(stack, LKLTEST_CRASH_STACK);
	call.run(call.arg);
	return NULL;
}

LKLTEST_CRASH_FN lkltest_crash_thread_t lkltest_crash_wrap(void (*run)(void *), void *arg)
{
	struct lkltest_crash_call *call = malloc(sizeof(*call));
	/* Some kernels declare what a thread runs with a result, others without. */
	lkltest_crash_thread_t (*create)(void *(*)(void *), void *) =
		(lkltest_crash_thread_t (*)(void *(*)(void *), void *))(void (*)(void))lkltest_crash_create;
	lkltest_crash_thread_t thread;

	if (!call)
		return 0;
	call->run = run;
	call->arg = arg;
	thread = create(lkltest_crash_run, call);
	if (!thread)
		free(call);
	return thread;
}

#endif
#endif
