/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crashes.c - dies, or hangs, in the way that how= names. */
#include <lkltest.h>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static volatile int *volatile nowhere;
static volatile int zero;
static volatile int sink;
static void (*volatile no_function)(void);

#ifdef BROKEN_UNWINDER
/* Stands in for libgcc's: the report itself comes to grief. */
const void *lkltest_find_fde(void *pc, struct lkltest_bases *bases)
{
	(void)pc;
	(void)bases;
	if (lkltest.point)
		nowhere[0x40] = 1;
	return NULL;
}
#endif

static __attribute__((noinline)) int recurse(int depth)
{
	volatile char frame[64] = { 0 };

	if (depth < 0)
		return 0;
	sink = recurse(depth + 1);
	return sink + frame[0];
}

static void in_point(void)
{
	nowhere[6] = 1;
}

static void in_leaf_of_the_kernel(void)
{
	long fd;

	CHECK_OK(lkl_mount_fs("proc"));
	fd = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/proc/version", LKL_O_RDONLY, 0));
	lkl_sys_read(fd, (char *)0x10, 100);
}

static long tmpfs_file(void)
{
	CHECK_OK(lkl_mount_fs("tmpfs"));
	return CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/tmpfs/file", LKL_O_CREAT | LKL_O_RDWR, 0600));
}

static void in_write(void)
{
	lkl_sys_write(tmpfs_file(), (char *)0x10, 100);
}

static void in_mount(void)
{
	CHECK_OK(lkl_sys_mkdirat(LKL_AT_FDCWD, "/mnt", 0700));
	lkl_sys_mount("none", "/mnt", "tmpfs", 0, (char *)0x10);
}

static int write_and_compare(const void *fd, const void *other)
{
	(void)other;
	return lkl_sys_write(*(const int *)fd, (char *)0x10, 100);
}

static void in_callback_of_libc(void)
{
	int fds[2] = { tmpfs_file() };

	fds[1] = fds[0];
	qsort(fds, 2, sizeof(*fds), write_and_compare);
}

static void call_through_null(void)
{
	no_function();
}

static void jump_into_the_blue(void)
{
	((void (*)(void))0x414141414000)();
}

static void overflow(void)
{
	recurse(0);
}

static void *overflowing_thread(void *unused)
{
	(void)unused;
#ifdef LKLTEST_CRASH_H
	lkltest_crash_thread();
#endif
	recurse(0);
	return NULL;
}

static void overflow_in_own_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, overflowing_thread, NULL);
	pthread_join(thread, NULL);
}

static void aborts(void)
{
	abort();
}

static void divide(void)
{
	sink = 7 / zero;
}

static void trap(void)
{
#ifdef __x86_64__
	__asm__ volatile("int3");
#else
	raise(SIGTRAP);
#endif
}

static void illegal(void)
{
	__builtin_trap();
}

static void bus(void)
{
	raise(SIGBUS);
}

static void non_canonical(void)
{
	*(volatile int *)0x4141414141414140 = 1;
}

/* The kernel panics when there is no memory and nobody to kill for it. */
static void panics(void)
{
	static char block[1 << 20];
	long fd, done;

	CHECK_OK(lkl_sys_mkdirat(LKL_AT_FDCWD, "/mnt", 0700));
	CHECK_OK(lkl_sys_mount("none", "/mnt", "tmpfs", 0, "size=900M"));
	fd = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/mnt/file", LKL_O_CREAT | LKL_O_RDWR, 0600));
	do {
		done = lkl_sys_write(fd, block, sizeof(block));
	} while (done == sizeof(block));
}

static int bad_request(struct lkl_disk disk, struct lkl_blk_req *request)
{
	(void)disk;
	(void)request;
	nowhere[1] = 1;
	return 0;
}

static int deep_request(struct lkl_disk disk, struct lkl_blk_req *request)
{
	(void)disk;
	(void)request;
	return recurse(0);
}

/* The partition table is read by a thread of the kernel, while it boots. */
static void in_kernel_thread(int (*request)(struct lkl_disk, struct lkl_blk_req *))
{
	static struct lkl_dev_blk_ops ops;
	static struct lkl_disk disk;

	ops = lkl_dev_blk_ops;
	ops.request = request;
	disk.ops = &ops;
	disk.fd = open("/proc/self/exe", O_RDONLY);
	CHECK_OK(lkl_disk_add(&disk));
	lkltest_start_kernel();
}

static void overflow_in_kernel_thread(void)
{
	in_kernel_thread(deep_request);
}

static void in_driver(void)
{
	in_kernel_thread(bad_request);
}

static void bad_print(const char *text, int len)
{
	(void)text;
	nowhere[2] = len;
}

static void in_print_hook(void)
{
	long fd;

	CHECK_OK(lkl_sys_mknodat(LKL_AT_FDCWD, "/kmsg", LKL_S_IFCHR | 0600, LKL_MKDEV(1, 11)));
	fd = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/kmsg", LKL_O_WRONLY, 0));
	lkl_host_ops.print = bad_print;
	lkl_sys_write(fd, "<1>hello\n", 9);
}

static __thread int in_timer;
static __typeof__(lkl_host_ops.timer_alloc) alloc_timer;
static __typeof__(lkl_host_ops.time) right_time;
static void (*timer_of_the_kernel)(void *);
static void (*volatile timer_bug)(void);

/* Runs a timer of the kernel in the thread that the host starts for it. */
static void run_timer(void *arg)
{
	in_timer = 1;
	timer_of_the_kernel(arg);
}

static void *timer_alloc(void (*run)(void *), void *arg)
{
	timer_of_the_kernel = run;
	return alloc_timer(run_timer, arg);
}

/* The kernel asks for the time while it runs its timers. */
static unsigned long long time_in_timer(void)
{
	if (in_timer && timer_bug)
		timer_bug();
	return right_time();
}

static void with_bug_in_timer(void (*bug)(void))
{
	struct lkl_timespec ten_ms = { .tv_nsec = 10000000 };
	int i;

	alloc_timer = lkl_host_ops.timer_alloc;
	right_time = lkl_host_ops.time;
	lkl_host_ops.timer_alloc = timer_alloc;
	lkl_host_ops.time = time_in_timer;
	lkltest_start_kernel();
	timer_bug = bug;
	for (i = 0; i < 100; i++)
		lkltest_syscall(__lkl__NR_nanosleep, (long[6]){ (long)&ten_ms });
}

static void in_kernel_timer(void)
{
	with_bug_in_timer(in_point);
}

static void overflow_in_kernel_timer(void)
{
	with_bug_in_timer(overflow);
}

static void spin(void)
{
	timer_bug = NULL;
	fputs("hanging\n", stderr);
	for (;;)
		sink++;
}

static void hangs_in_kernel_timer(void)
{
	with_bug_in_timer(spin);
}

/* A frame that is its own caller. */
static void with_broken_frames(void)
{
	unsigned long *frame = __builtin_frame_address(0);

	*frame = (unsigned long)frame;
	nowhere[3] = 1;
}

static void with_smashed_stack(void)
{
	char *stack = __builtin_frame_address(0);

	memset(stack, 0x41, 128);
	nowhere[4] = 1;
}

static void *crashing_thread(void *unused)
{
	(void)unused;
	nowhere[5] = 1;
	return NULL;
}

static void in_many_threads_at_once(void)
{
	pthread_t thread;
	int i;

	for (i = 0; i < 16; i++)
		pthread_create(&thread, NULL, crashing_thread, NULL);
	pthread_join(thread, NULL);
}

/* As in a container that forbids a process to look at others. */
static void where_memory_cannot_be_probed(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(*filter), filter };

	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
	in_leaf_of_the_kernel();
}

static void *deaf_thread(void *unused)
{
	sigset_t all;

	(void)unused;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	for (;;)
		pause();
	return NULL;
}

static void hangs(void)
{
	pthread_t thread;
	int ends[2];
	char c;

	pthread_create(&thread, NULL, deaf_thread, NULL);
	CHECK_OK(lkl_sys_pipe2(ends, 0));
	fputs("hanging\n", stderr);
	lkl_sys_read(ends[0], &c, 1);
}

static void *writes_late(void *end)
{
	unsigned int left = 1;

	/* A signal ends the host's sleep, as it always does. */
	while (left)
		left = sleep(left);
	lkl_sys_write(*(int *)end, "x", 1);
	return NULL;
}

/* Is in the kernel for a second, and then goes on, whatever stacks it is asked for. */
static void naps(void)
{
	pthread_t thread;
	int ends[2];
	char c;

	CHECK_OK(lkl_sys_pipe2(ends, 0));
	pthread_create(&thread, NULL, writes_late, &ends[1]);
	fputs("hanging\n", stderr);
	CHECK_EQ(lkl_sys_read(ends[0], &c, 1), 1);
	pthread_join(thread, NULL);
}

static const struct { const char *name; void (*run)(void); int boots; } ways[] = {
#define WAY(name) { #name, name, 0 }
#define BOOTED(name) { #name, name, 1 }
	WAY(in_point), WAY(call_through_null), WAY(jump_into_the_blue), WAY(overflow), WAY(overflow_in_own_thread),
	WAY(aborts), WAY(divide), WAY(trap), WAY(illegal), WAY(bus), WAY(non_canonical), WAY(in_driver),
	WAY(overflow_in_kernel_thread), WAY(in_kernel_timer), WAY(overflow_in_kernel_timer), WAY(hangs_in_kernel_timer),
	WAY(with_broken_frames), WAY(with_smashed_stack), WAY(in_many_threads_at_once),
	BOOTED(in_leaf_of_the_kernel), BOOTED(in_write), BOOTED(in_mount), BOOTED(in_callback_of_libc), BOOTED(panics),
	BOOTED(in_print_hook), BOOTED(where_memory_cannot_be_probed), BOOTED(hangs), BOOTED(naps),
};

POINT(crash)
{
	const char *how = lkltest_arg("how");
	size_t i;

	for (i = 0; how && i < sizeof(ways) / sizeof(*ways); i++) {
		if (strcmp(how, ways[i].name))
			continue;
		if (ways[i].boots)
			lkltest_start_kernel();
		ways[i].run();
		return;
	}
	lkltest_bail_out("no such way: how=%s", how ? how : "");
}

LKLTEST_POINTS = {
	LKLTEST(crash),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
