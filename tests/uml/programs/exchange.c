// SPDX-License-Identifier: GPL-2.0-or-later
/* Traces two processes, gives each the beginning of the other's processor state, and prints what they then have.
 *
 * Usage: exchange LENGTH MASK. LENGTH is in bytes; MASK is for the XSTATE_BV of what is given. A line for each of the
 * two: the error of reading, the length that was read, the error of setting, and the 32 bytes of register ymm9.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define XSTATE_BV 512 /* its offset */
#define LARGEST (1 << 20)

struct task {
	pid_t pid;
	unsigned char in[32], out[32];
	long minus; /* read by PTRACE_PEEKDATA: -1, which is no error */
	unsigned char state[LARGEST];
	struct iovec part;
	int get, set;
};

static int traced(struct task *task)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	__asm__ volatile("vmovdqu %1, %%ymm9\n\tint3\n\tvmovdqu %%ymm9, %0" : "=m"(task->out) : "m"(task->in) : "xmm9");
	return 0;
}

static void start(struct task *task, unsigned char seed)
{
	pid_t pid;

	for (int i = 0; i < 32; i++)
		task->in[i] = seed + i;
	task->minus = -1;
	pid = fork();
	if (pid == 0)
		_exit(traced(task));
	task->pid = pid;
	waitpid(pid, NULL, 0);
}

static void read_state(struct task *task, unsigned long length, unsigned long mask)
{
	unsigned long *present = (void *)(task->state + XSTATE_BV);

	task->part = (struct iovec){task->state, length};
	task->get = ptrace(PTRACE_GETREGSET, task->pid, NT_X86_XSTATE, &task->part) < 0 ? errno : 0;
	if (length >= XSTATE_BV + sizeof(*present))
		*present &= mask;
}

static void peek(struct task *task)
{
	long value, error;

	errno = EPERM;
	value = ptrace(PTRACE_PEEKDATA, task->pid, &task->minus, NULL);
	error = errno;
	if (value != -1 || error != 0)
		printf("peek gives %ld, error %ld\n", value, error);
	value = ptrace(PTRACE_PEEKDATA, task->pid, NULL, NULL);
	if (value != -1 || errno != EIO)
		printf("peek at nothing gives %ld, error %d\n", value, errno);
}

int main(int argc, char **argv)
{
	struct task *tasks = mmap(NULL, 2 * sizeof(*tasks), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (argc != 3 || tasks == MAP_FAILED)
		return 2;
	for (int i = 0; i < 2; i++) {
		start(&tasks[i], 1 + 100 * i);
		peek(&tasks[i]);
		read_state(&tasks[i], strtoul(argv[1], NULL, 0), strtoul(argv[2], NULL, 0));
	}
	for (int i = 0; i < 2; i++) {
		pid_t other = tasks[1 - i].pid;

		tasks[i].set = ptrace(PTRACE_SETREGSET, other, NT_X86_XSTATE, &tasks[i].part) < 0 ? errno : 0;
	}
	for (int i = 0; i < 2; i++) {
		ptrace(PTRACE_CONT, tasks[i].pid, NULL, NULL);
		waitpid(tasks[i].pid, NULL, 0);
		printf("%d %zu %d ", tasks[i].get, tasks[i].part.iov_len, tasks[i].set);
		for (int byte = 0; byte < 32; byte++)
			printf("%02x", tasks[i].out[byte]);
		puts("");
	}
	return 0;
}
