// SPDX-License-Identifier: GPL-2.0-or-later
/* Registers of two tasks that take turns: each keeps a pattern in one register while the other runs. */
#include <lkltest.h>

#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>

#define TURNS 300

typedef unsigned char vector[32] __attribute__((aligned(32)));

/* Loads a register, yields the processor, and stores the register: nothing between may use it. */
#define KEPT(name, instruction, reg, size)                                                                             \
	static int name(unsigned char seed)                                                                            \
	{                                                                                                              \
		vector in, out;                                                                                        \
                                                                                                                       \
		for (int i = 0; i < 32; i++)                                                                           \
			in[i] = seed + i;                                                                              \
		for (int turn = 0; turn < TURNS; turn++) {                                                             \
			long result = SYS_sched_yield;                                                                 \
                                                                                                                       \
			__asm__ volatile(instruction " %2, %%" reg "\n\tsyscall\n\t" instruction " %%" reg ", %1"      \
					 : "+a"(result), "=m"(out)                                                           \
					 : "m"(in)                                                                     \
					 : "rcx", "r11", "memory", "xmm9");                                            \
			if (result || memcmp(in, out, size))                                                           \
				return 1;                                                                              \
		}                                                                                                      \
		return 0;                                                                                              \
	}

KEPT(sse_kept, "movdqu", "xmm9", 16)
KEPT(avx_kept, "vmovdqu", "ymm9", 32)

struct task {
	int (*kept)(unsigned char seed);
	unsigned char seed;
	int result;
};

static void *run(void *argument)
{
	struct task *task = argument;

	task->result = task->kept(task->seed);
	return NULL;
}

/* Threads share a process of the host: a UML sets their registers anew at each turn. */
static void check_threads(int (*kept)(unsigned char seed))
{
	struct task tasks[] = {{kept, 1, -1}, {kept, 101, -1}};
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, run, &tasks[i]), 0);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(tasks[0].result, 0);
	CHECK_EQ(tasks[1].result, 0);
}

static void check_processes(int (*kept)(unsigned char seed))
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(kept(1));
	CHECK(child > 0);
	CHECK_EQ(kept(101), 0);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
}

POINT(sse_threads)
{
	check_threads(sse_kept);
}

POINT(sse_processes)
{
	check_processes(sse_kept);
}

POINT(avx_threads)
{
	if (!__builtin_cpu_supports("avx"))
		lkltest_skip("the processor has no AVX");
	check_threads(avx_kept);
}

POINT(avx_processes)
{
	if (!__builtin_cpu_supports("avx"))
		lkltest_skip("the processor has no AVX");
	check_processes(avx_kept);
}

/* The C library is told not to use what is not kept. */
POINT(tunables)
{
	const char *tunables = getenv("GLIBC_TUNABLES");

	if (!tunables)
		lkltest_skip("no GLIBC_TUNABLES");
	CHECK(strstr(tunables, "-AVX2"));
}

LKLTEST_POINTS = {
	LKLTEST(sse_threads),
	LKLTEST(sse_processes),
	LKLTEST(avx_threads),
	LKLTEST(avx_processes),
	LKLTEST(tunables),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
