/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * boot.c - the kernel starts, does what every program needs of it, and stops.
 *
 * Nothing but the kernel is needed: no disk, no privilege, no network of the
 * host's. System calls are the *at ones, which every kernel has.
 */
#include <lkltest.h>

#include <arpa/inet.h>

#define MODE 0721
#define SHORT_NS 20000000LL		/* long enough to see, short enough to wait for */
#define ABSURD_NS 10000000000LL		/* later than any load of the machine explains */
#define PROC_MAGIC 0x9fa0

static const char text[] = "test";
static int file = -1, dir = -1;

/* Threads, which are the host's in a library. */

static pthread_t start_thread(void *(*run)(void *), void *arg)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, run, arg), 0);
	return thread;
}

static long long kernel_ns(int clock)
{
	struct lkl_timespec now;

	CHECK_OK(lkl_sys_clock_gettime(clock, (void *)&now));
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long sleep_ns(long long ns)
{
	struct lkl_timespec time = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	return lkl_sys_nanosleep((void *)&time, NULL);
}

static int make_dir(const char *path)
{
	int err = lkl_sys_mkdirat(LKL_AT_FDCWD, path, 0755);

	return err == -LKL_EEXIST ? 0 : err;
}

/* A kernel lets go of closed files in its own time. */
static int unmount(const char *path)
{
	long long give_up = lkltest_now_ns() + ABSURD_NS;
	int err;

	do {
		err = lkl_sys_umount((char *)path, 0);
		if (err == -LKL_EBUSY)
			sleep_ns(1000000);
	} while (err == -LKL_EBUSY && lkltest_now_ns() < give_up);
	return err;
}

/* What of the file there is, as a string. */
static const char *read_file(const char *path, char *buf, size_t size)
{
	size_t have = 0;
	long got;
	int fd = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, path, LKL_O_RDONLY, 0));

	while (have < size - 1 && (got = CHECK_OK(lkl_sys_read(fd, buf + have, size - 1 - have))) > 0)
		have += got;
	CHECK_EQ(lkl_sys_close(fd), 0);
	buf[have] = 0;
	return buf;
}

/* Bytes that are told apart from zeroes, and from each other's neighbours. */
static void fill(char *buf, size_t size, unsigned int seed)
{
	size_t i;

	for (i = 0; i < size; i++)
		buf[i] = 1 + (i * 31 + (i >> 8) * 7 + seed) % 251;
}

#ifndef LKLTEST_NATIVE

/* The host's part of a library. */

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

static void count_once_and_end(void *counter)
{
	count_once(counter);
}

POINT(join)
{
	static int ran;
	lkl_thread_t thread;

	/* UML's library mode passes a function of another type. */
	thread = lkltest_host(thread_create)(__builtin_choose_expr(LKLTEST_HOOKED_CONSOLE, count_once_and_end,
								    count_once), &ran);
	CHECK_NE(thread, 0);
	CHECK_EQ(lkltest_host(thread_join)(thread), 0);
	CHECK_EQ(ran, 1);
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

/* The kernel says who it is. */

POINT(uname)
{
	struct lkltest_utsname name;

	CHECK_EQ(lkltest_uname(&name), 0);
	CHECK_STR_EQ(name.sysname, "Linux");
	CHECK_GT(strlen(name.release), 2);
	lkltest_property("kernel_release", "%s", name.release);
	lkltest_property("kernel_version", "%s", name.version);
	lkltest_property("kernel_machine", "%s", name.machine);
}

POINT(getpid)
{
	CHECK_EQ(lkl_sys_getpid(), 1);
	CHECK_EQ(lkl_sys_getppid(), 0);
}

static int compare_ns(const void *a, const void *b)
{
	const long long *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Nanoseconds a call: of many batches the one in the middle, for the machine has other work. */
static long long latency_ns(long (*call)(void))
{
	enum { BATCHES = 25, CALLS = 200 };
	long long ns[BATCHES], start;
	int i, j;

	for (i = 0; i < BATCHES; i++) {
		start = lkltest_now_ns();
		for (j = 0; j < CALLS; j++)
			call();
		ns[i] = (lkltest_now_ns() - start) / CALLS;
	}
	qsort(ns, BATCHES, sizeof(*ns), compare_ns);
	lkltest_log("%d batches of %d calls: %lld ns a call at least, %lld ns at most", BATCHES, CALLS, ns[0],
		    ns[BATCHES - 1]);
	return ns[BATCHES / 2];
}

static long kernel_getpid(void)
{
	return lkl_sys_getpid();
}

static long host_getpid(void)
{
	return syscall(SYS_getpid);
}

POINT(syscall_latency)
{
	long long ns = latency_ns(kernel_getpid);

	lkltest_property("latency_ns", "%lld", ns);
	lkltest_property("native_latency_ns", "%lld", latency_ns(host_getpid));
	CHECK_GT(ns, 0);
}

/* Files. */

POINT(umask)
{
	CHECK_EQ(lkl_sys_umask(0777), 022);
}

POINT(umask2)
{
	CHECK_EQ(lkl_sys_umask(0), 0777);
	CHECK_EQ(lkl_sys_umask(0), 0);
}

POINT(creat)
{
	struct lkl_stat stat;

	file = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/file", LKL_O_CREAT | LKL_O_WRONLY | LKL_O_TRUNC, MODE));
	CHECK_EQ(lkl_sys_fstat(file, &stat), 0);
	CHECK_EQ(stat.st_mode, LKL_S_IFREG | MODE);
	CHECK_EQ(stat.st_size, 0);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/file", LKL_O_CREAT | LKL_O_EXCL | LKL_O_WRONLY, MODE), LKL_EEXIST);
	CHECK_ERR(lkl_sys_read(file, (char [1]){ 0 }, 1), LKL_EBADF);
}

POINT(close)
{
	CHECK_EQ(lkl_sys_close(file), 0);
	CHECK_ERR(lkl_sys_close(file), LKL_EBADF);
}

POINT(failopen)
{
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/file2", LKL_O_RDONLY, 0), LKL_ENOENT);
}

POINT(open)
{
	file = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/file", LKL_O_RDWR, 0));
	CHECK_EQ(lkl_sys_fcntl(file, LKL_F_GETFL, 0) & (LKL_O_RDONLY | LKL_O_WRONLY | LKL_O_RDWR), LKL_O_RDWR);
}

POINT(write)
{
	CHECK_EQ(lkl_sys_write(file, text, sizeof(text)), sizeof(text));
}

POINT(lseek_cur)
{
	CHECK_EQ(lkl_sys_lseek(file, 0, LKL_SEEK_CUR), sizeof(text));
	CHECK_EQ(lkl_sys_lseek(file, -1, LKL_SEEK_CUR), sizeof(text) - 1);
}

POINT(lseek_end)
{
	CHECK_EQ(lkl_sys_lseek(file, 0, LKL_SEEK_END), sizeof(text));
	/* Beyond the end is a place as well; before the beginning is none. */
	CHECK_EQ(lkl_sys_lseek(file, 10, LKL_SEEK_END), sizeof(text) + 10);
	CHECK_ERR(lkl_sys_lseek(file, -100, LKL_SEEK_END), LKL_EINVAL);
}

POINT(lseek_set)
{
	CHECK_EQ(lkl_sys_lseek(file, 3, LKL_SEEK_SET), 3);
	CHECK_EQ(lkl_sys_lseek(file, 0, LKL_SEEK_SET), 0);
}

POINT(read)
{
	char buf[10] = { 0 };

	CHECK_EQ(lkl_sys_read(file, buf, sizeof(buf)), sizeof(text));
	CHECK_MEM_EQ(buf, text, sizeof(text));
	CHECK_EQ(lkl_sys_read(file, buf, sizeof(buf)), 0);
}

POINT(fstat)
{
	struct lkl_stat stat;

	CHECK_EQ(lkl_sys_fstat(file, &stat), 0);
	CHECK_EQ(stat.st_size, sizeof(text));
	CHECK_EQ(stat.st_mode, LKL_S_IFREG | MODE);
	CHECK_EQ(stat.st_nlink, 1);
	CHECK_EQ(lkl_sys_close(file), 0);
}

POINT(mkdir)
{
	CHECK_EQ(lkl_sys_mkdirat(LKL_AT_FDCWD, "/mnt", MODE), 0);
	CHECK_ERR(lkl_sys_mkdirat(LKL_AT_FDCWD, "/mnt", MODE), LKL_EEXIST);
}

POINT(stat)
{
	struct lkl_stat stat;

	CHECK_EQ(lkl_sys_fstatat(LKL_AT_FDCWD, "/mnt", &stat, 0), 0);
	CHECK_EQ(stat.st_mode, LKL_S_IFDIR | MODE);
}

POINT(unlink)
{
	CHECK_ERR(lkl_sys_unlinkat(LKL_AT_FDCWD, "/mnt", 0), LKL_EISDIR);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "/mnt", LKL_AT_REMOVEDIR), 0);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "/file", 0), 0);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/file", LKL_O_RDONLY, 0), LKL_ENOENT);
}

POINT(readv_writev)
{
	char head[3], tail[20] = { 0 };
	struct lkl_iovec out[] = { { "abc", 3 }, { "", 0 }, { "defgh", 5 } };
	struct lkl_iovec in[] = { { head, sizeof(head) }, { tail, sizeof(tail) } };
	int fd = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/vector", LKL_O_CREAT | LKL_O_RDWR | LKL_O_TRUNC, 0600));

	CHECK_EQ(lkl_sys_writev(fd, out, 3), 8);
	CHECK_EQ(lkl_sys_lseek(fd, 0, LKL_SEEK_SET), 0);
	CHECK_EQ(lkl_sys_readv(fd, in, 2), 8);
	CHECK_MEM_EQ(head, "abc", 3);
	CHECK_STR_EQ(tail, "defgh");
	CHECK_EQ(lkl_sys_close(fd), 0);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "/vector", 0), 0);
}

/* A file system of its own, and all that is done to a file. */
POINT(tmpfs)
{
	static char wrote[70000], back[sizeof(wrote)];
	struct lkl_stat stat;
	int fd, err;

	CHECK_EQ(make_dir("/tmpfs"), 0);
	err = lkl_sys_mount("none", "/tmpfs", "tmpfs", 0, NULL);
	if (err == -LKL_ENODEV)
		lkltest_skip("this kernel has no tmpfs: CONFIG_TMPFS");
	CHECK_EQ(err, 0);

	fill(wrote, sizeof(wrote), 1);
	fd = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/tmpfs/a", LKL_O_CREAT | LKL_O_RDWR, 0600));
	CHECK_EQ(lkl_sys_write(fd, wrote, sizeof(wrote)), sizeof(wrote));
	CHECK_EQ(lkl_sys_pread64(fd, back, sizeof(back), 0), sizeof(back));
	CHECK_MEM_EQ(back, wrote, sizeof(back));

	/* What was cut off does not come back. */
	CHECK_EQ(lkl_sys_ftruncate(fd, 100), 0);
	CHECK_EQ(lkl_sys_ftruncate(fd, 200), 0);
	CHECK_EQ(lkl_sys_pread64(fd, back, sizeof(back), 0), 200);
	memset(wrote + 100, 0, 100);
	CHECK_MEM_EQ(back, wrote, 200);
	CHECK_EQ(lkl_sys_close(fd), 0);

	CHECK_EQ(LKLTEST_SYS(renameat, (long)LKL_AT_FDCWD, (long)"/tmpfs/a", (long)LKL_AT_FDCWD, (long)"/tmpfs/b"), 0);
	CHECK_ERR(lkl_sys_fstatat(LKL_AT_FDCWD, "/tmpfs/a", &stat, 0), LKL_ENOENT);
	CHECK_EQ(lkl_sys_fstatat(LKL_AT_FDCWD, "/tmpfs/b", &stat, 0), 0);
	CHECK_EQ(stat.st_size, 200);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "/tmpfs/b", 0), 0);
	CHECK_ERR(lkl_sys_fstatat(LKL_AT_FDCWD, "/tmpfs/b", &stat, 0), LKL_ENOENT);

	CHECK_EQ(unmount("/tmpfs"), 0);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "/tmpfs", LKL_AT_REMOVEDIR), 0);
}

POINT(errnos)
{
	char buf[4];
	int fds[2], fd;

	CHECK_ERR(lkl_sys_read(-1, buf, 1), LKL_EBADF);
	CHECK_ERR(lkl_sys_write(100000, buf, 1), LKL_EBADF);
	CHECK_ERR(lkl_sys_lseek(-1, 0, LKL_SEEK_SET), LKL_EBADF);
	CHECK_ERR(lkl_sys_fcntl(-1, LKL_F_GETFL, 0), LKL_EBADF);
	CHECK_ERR(lkl_sys_pipe2(fds, 1 << 30), LKL_EINVAL);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/none/file", LKL_O_RDONLY, 0), LKL_ENOENT);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "", LKL_O_RDONLY, 0), LKL_ENOENT);
	CHECK_ERR(lkl_sys_openat(-1, "file", LKL_O_RDONLY, 0), LKL_EBADF);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/", LKL_O_WRONLY, 0), LKL_EISDIR);
	CHECK_ERR(lkl_sys_chdir("/none"), LKL_ENOENT);
	CHECK_ERR(lkl_sys_unlinkat(LKL_AT_FDCWD, "/none", 0), LKL_ENOENT);
	CHECK_ERR(lkl_sys_mount("none", "/", "nosuchfs", 0, NULL), LKL_ENODEV);
	CHECK_ERR(lkl_syscall(100000, (long [6]){ 0 }), LKL_ENOSYS);

	fd = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, "/plain", LKL_O_CREAT | LKL_O_RDWR, 0600));
	CHECK_ERR(lkl_sys_lseek(fd, 0, 99), LKL_EINVAL);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/plain/file", LKL_O_RDONLY, 0), LKL_ENOTDIR);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/plain", LKL_O_RDONLY | LKL_O_DIRECTORY, 0), LKL_ENOTDIR);
	CHECK_ERR(lkl_sys_getdents64(fd, (void *)buf, sizeof(buf)), LKL_ENOTDIR);
	CHECK_EQ(lkl_sys_close(fd), 0);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "/plain", 0), 0);
}

/* Time. */

POINT(nanosleep)
{
	long long host, own = kernel_ns(LKL_CLOCK_MONOTONIC);

	host = lkltest_now_ns();
	CHECK_EQ(sleep_ns(SHORT_NS), 0);
	host = lkltest_now_ns() - host;
	own = kernel_ns(LKL_CLOCK_MONOTONIC) - own;

	lkltest_log("%lld ns asked for, %lld ns slept by the host's clock, %lld ns by the kernel's", SHORT_NS, host,
		    own);
	CHECK_GE(own, SHORT_NS);
	CHECK_LT(own, ABSURD_NS);
	/* The two clocks are one in a library, and may differ a little elsewhere. */
	CHECK_GE(host, SHORT_NS * 9 / 10);
	CHECK_LT(host, ABSURD_NS);
}

POINT(clocks)
{
	static const int clocks[] = { LKL_CLOCK_REALTIME, LKL_CLOCK_MONOTONIC };
	long long first, last, now;
	size_t i;
	int j;

	for (i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		first = last = kernel_ns(clocks[i]);
		for (j = 0; j < 500; j++) {
			now = kernel_ns(clocks[i]);
			CHECK_GE(now, last);
			last = now;
		}
		sleep_ns(1000000);
		CHECK_GE(kernel_ns(clocks[i]), first + 1000000);
	}
	CHECK_ERR(lkl_sys_clock_gettime(1000, (void *)&now), LKL_EINVAL);
}

/* Pipes, and waiting for them. */

POINT(pipe2)
{
	long long give_up = lkltest_now_ns() + ABSURD_NS;
	const char message[] = "Hello world!";
	char back[20];
	int fds[2];
	long got;

	CHECK_EQ(lkl_sys_pipe2(fds, LKL_O_NONBLOCK), 0);
	CHECK_NE(fds[0], fds[1]);
	CHECK_ERR(lkl_sys_read(fds[0], back, sizeof(back)), LKL_EAGAIN);
	CHECK_EQ(lkl_sys_write(fds[1], message, sizeof(message)), sizeof(message));
	CHECK_EQ(lkl_sys_read(fds[0], back, sizeof(back)), sizeof(message));
	CHECK_STR_EQ(back, message);
	CHECK_ERR(lkl_sys_write(fds[0], message, 1), LKL_EBADF);
	CHECK_EQ(lkl_sys_close(fds[1]), 0);
	/* The last close of a file may take effect a little later. */
	while ((got = lkl_sys_read(fds[0], back, sizeof(back))) == -LKL_EAGAIN && lkltest_now_ns() < give_up)
		sleep_ns(1000000);
	CHECK_EQ(got, 0);
	CHECK_EQ(lkl_sys_close(fds[0]), 0);
}

POINT(epoll)
{
	struct lkl_epoll_event wanted = { .events = LKL_POLLIN | LKL_POLLOUT }, event = { 0 };
	int fds[2], ep;

	ep = lkl_sys_epoll_create1(0);
	if (ep == -LKL_ENOSYS)
		lkltest_skip("this kernel has no epoll: CONFIG_EPOLL");
	CHECK_GE(ep, 0);
	CHECK_EQ(lkl_sys_pipe2(fds, LKL_O_NONBLOCK), 0);
	wanted.data = 0x1234567800000000ULL + fds[0];
	CHECK_EQ(lkl_sys_epoll_ctl(ep, LKL_EPOLL_CTL_ADD, fds[0], &wanted), 0);
	CHECK_ERR(lkl_sys_epoll_ctl(ep, LKL_EPOLL_CTL_ADD, fds[0], &wanted), LKL_EEXIST);

	CHECK_EQ(lkl_sys_epoll_pwait(ep, &event, 1, 0, NULL, 8), 0);
	CHECK_EQ(lkl_sys_write(fds[1], "x", 1), 1);
	CHECK_EQ(lkl_sys_epoll_pwait(ep, &event, 1, 0, NULL, 8), 1);
	CHECK_EQ(event.events, LKL_POLLIN);
	CHECK_EQ(event.data, wanted.data);
	CHECK_EQ(lkl_sys_close(ep), 0);
	CHECK_EQ(lkl_sys_close(fds[0]), 0);
	CHECK_EQ(lkl_sys_close(fds[1]), 0);
}

static int poll_for(int fd, int events, long long ns)
{
	struct lkl_pollfd wanted = { .fd = fd, .events = events };
	struct lkl_timespec limit = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
	int ready = CHECK_OK(lkl_sys_ppoll(&wanted, 1, (void *)&limit, NULL, 8));

	return ready ? wanted.revents : 0;
}

POINT(poll)
{
	long long start;
	char byte;
	int fds[2];

	CHECK_EQ(lkl_sys_pipe2(fds, 0), 0);
	CHECK_EQ(poll_for(fds[1], LKL_POLLOUT, 0), LKL_POLLOUT);
	start = kernel_ns(LKL_CLOCK_MONOTONIC);
	CHECK_EQ(poll_for(fds[0], LKL_POLLIN, 2000000), 0);
	CHECK_GE(kernel_ns(LKL_CLOCK_MONOTONIC) - start, 2000000);
	CHECK_EQ(lkl_sys_write(fds[1], "x", 1), 1);
	CHECK_EQ(poll_for(fds[0], LKL_POLLIN, ABSURD_NS), LKL_POLLIN);
	CHECK_EQ(lkl_sys_read(fds[0], &byte, 1), 1);
	CHECK_EQ(lkl_sys_close(fds[1]), 0);
	CHECK_EQ(poll_for(fds[0], LKL_POLLIN, ABSURD_NS), LKL_POLLHUP);
	CHECK_EQ(lkl_sys_close(fds[0]), 0);
	CHECK_EQ(poll_for(fds[0], LKL_POLLIN, 0), LKL_POLLNVAL);
}

POINT(eventfd)
{
	unsigned long long value = 5, got = 0;
	int fd = lkl_sys_eventfd2(2, LKL_EFD_NONBLOCK);

	if (fd == -LKL_ENOSYS)
		lkltest_skip("this kernel has no eventfd: CONFIG_EVENTFD");
	CHECK_GE(fd, 0);
	CHECK_EQ(lkl_sys_write(fd, (char *)&value, sizeof(value)), sizeof(value));
	CHECK_EQ(lkl_sys_read(fd, (char *)&got, sizeof(got)), sizeof(got));
	CHECK_EQ(got, 7);
	CHECK_ERR(lkl_sys_read(fd, (char *)&got, sizeof(got)), LKL_EAGAIN);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

static struct {
	int fds[2];
	volatile int waiting, woken;
	char got[8];
} blocked;

static void *read_blocked(void *unused)
{
	blocked.waiting = 1;
	CHECK_EQ(lkl_sys_read(blocked.fds[0], blocked.got, sizeof(blocked.got)), 5);
	blocked.woken = 1;
	return unused;
}

/* One thread is kept waiting until another writes, while the kernel goes on for that one. */
POINT(pipe_blocks)
{
	pthread_t reader;

	CHECK_EQ(lkl_sys_pipe2(blocked.fds, 0), 0);
	reader = start_thread(read_blocked, NULL);
	while (!blocked.waiting)
		CHECK_EQ(lkl_sys_sched_yield(), 0);
	CHECK_EQ(sleep_ns(5000000), 0);
	CHECK_EQ(blocked.woken, 0);
	CHECK_EQ(lkl_sys_write(blocked.fds[1], "wake!", 5), 5);
	pthread_join(reader, NULL);
	CHECK_EQ(blocked.woken, 1);
	CHECK_MEM_EQ(blocked.got, "wake!", 5);
	CHECK_EQ(lkl_sys_close(blocked.fds[0]), 0);
	CHECK_EQ(lkl_sys_close(blocked.fds[1]), 0);
}

/* The kernel's own files. */

POINT(mount_fs_proc)
{
	struct lkl_statfs fs;
	int err;

	CHECK_EQ(make_dir("/proc"), 0);
	err = lkl_sys_mount("none", "/proc", "proc", 0, NULL);
	if (err == -LKL_ENODEV)
		lkltest_skip("this kernel has no /proc: CONFIG_PROC_FS");
	CHECK_EQ(err, 0);
	CHECK_EQ(lkl_sys_statfs("/proc", &fs), 0);
	CHECK_EQ(fs.f_type, PROC_MAGIC);
}

/* Skips what follows on a kernel that has no /proc. */
static void need_proc(void)
{
	struct lkl_statfs fs;

	if (lkl_sys_statfs("/proc", &fs) || fs.f_type != PROC_MAGIC)
		lkltest_skip("/proc is not mounted: see mount_fs_proc");
}

POINT(proc_version)
{
	struct lkltest_utsname name;
	char version[512], want[256];

	need_proc();
	CHECK_EQ(lkltest_uname(&name), 0);
	read_file("/proc/version", version, sizeof(version));
	snprintf(want, sizeof(want), "%s version %s (", name.sysname, name.release);
	lkltest_log("%s", version);
	CHECK_MEM_EQ(version, want, strlen(want));
	snprintf(want, sizeof(want), "%s\n", name.version);
	CHECK_GT(strlen(version), strlen(want));
	CHECK_STR_EQ(version + strlen(version) - strlen(want), want);
}

POINT(chdir_proc)
{
	char cwd[64];

	need_proc();
	CHECK_EQ(lkl_sys_chdir("proc"), 0);
	/* The length, with the NUL. */
	CHECK_EQ(lkl_sys_getcwd(cwd, sizeof(cwd)), sizeof("/proc"));
	CHECK_STR_EQ(cwd, "/proc");
}

POINT(open_cwd)
{
	need_proc();
	dir = CHECK_OK(lkl_sys_openat(LKL_AT_FDCWD, ".", LKL_O_RDONLY | LKL_O_DIRECTORY, 0));
}

POINT(getdents64)
{
	static const char *const wanted[] = { ".", "..", "version", "mounts", "uptime", "1" };
	int seen[sizeof(wanted) / sizeof(*wanted)] = { 0 };
	const size_t nr = sizeof(wanted) / sizeof(*wanted);
	struct lkl_linux_dirent64 *entry;
	char buf[1024];
	long len, at;
	size_t i;

	need_proc();
	while ((len = CHECK_OK(lkl_sys_getdents64(dir, (void *)buf, sizeof(buf)))) > 0) {
		for (at = 0; at < len; at += entry->d_reclen) {
			entry = (void *)(buf + at);
			CHECK_GT(entry->d_reclen, offsetof(struct lkl_linux_dirent64, d_name));
			CHECK_LE(at + entry->d_reclen, len);
			for (i = 0; i < nr; i++)
				seen[i] += !strcmp(entry->d_name, wanted[i]);
		}
	}
	for (i = 0; i < nr; i++)
		if (seen[i] != 1)
			lkltest_fail("/proc/%s was listed %d times", wanted[i], seen[i]);
}

POINT(close_dir_fd)
{
	need_proc();
	CHECK_EQ(lkl_sys_close(dir), 0);
	CHECK_ERR(lkl_sys_close(dir), LKL_EBADF);
}

POINT(chdir_root)
{
	char cwd[64];

	CHECK_EQ(lkl_sys_chdir("/"), 0);
	CHECK_EQ(lkl_sys_getcwd(cwd, sizeof(cwd)), sizeof("/"));
	CHECK_STR_EQ(cwd, "/");
}

POINT(umount_fs_proc)
{
	struct lkl_stat stat;

	need_proc();
	CHECK_EQ(unmount("/proc"), 0);
	CHECK_ERR(lkl_sys_fstatat(LKL_AT_FDCWD, "/proc/version", &stat, 0), LKL_ENOENT);
	CHECK_ERR(lkl_sys_umount("/proc", 0), LKL_EINVAL);
}

/* The network, as far as a kernel has it for itself. */

static int make_socket(int family, int type)
{
	struct lkl_timeval limit = { .tv_sec = 10 };
	int fd = lkl_sys_socket(family, type, 0);

	if (fd == -LKL_EAFNOSUPPORT)
		lkltest_skip("this kernel has no %s", family == LKL_AF_INET ? "IPv4: CONFIG_INET" : "IPv6: CONFIG_IPV6");
	if (fd == -LKL_ENOSYS)
		lkltest_skip("this kernel has no sockets: CONFIG_NET");
	CHECK_GE(fd, 0);
	/* A lost packet must not hang the program. */
	CHECK_EQ(lkl_sys_setsockopt(fd, LKL_SOL_SOCKET, LKL_SO_RCVTIMEO, (char *)&limit, sizeof(limit)), 0);
	return fd;
}

POINT(lo_ifup)
{
	struct lkl_ifreq ifr;
	int fd = make_socket(LKL_AF_INET, LKL_SOCK_DGRAM);

	memset(&ifr, 0, sizeof(ifr));
	strcpy(ifr.lkl_ifr_name, "lo");
	CHECK_EQ(lkl_sys_ioctl(fd, LKL_SIOCGIFFLAGS, (long)&ifr), 0);
	ifr.lkl_ifr_flags |= LKL_IFF_UP;
	CHECK_EQ(lkl_sys_ioctl(fd, LKL_SIOCSIFFLAGS, (long)&ifr), 0);
	CHECK_EQ(lkl_sys_ioctl(fd, LKL_SIOCGIFFLAGS, (long)&ifr), 0);
	CHECK_EQ(ifr.lkl_ifr_flags & (LKL_IFF_UP | LKL_IFF_LOOPBACK), LKL_IFF_UP | LKL_IFF_LOOPBACK);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

union address {
	struct lkl_sockaddr any;
	struct lkl_sockaddr_in v4;
	struct lkl_sockaddr_in6 v6;
};

/* Gives the socket a port of this family's loopback address, and says which. */
static int bind_loopback(int fd, int family, union address *address)
{
	int len = family == LKL_AF_INET ? sizeof(address->v4) : sizeof(address->v6);

	memset(address, 0, sizeof(*address));
	address->v4.sin_family = family;
	if (family == LKL_AF_INET)
		address->v4.sin_addr.lkl_s_addr = htonl(LKL_INADDR_LOOPBACK);
	else
		address->v6.sin6_addr.lkl_s6_addr[15] = 1;
	CHECK_EQ(lkl_sys_bind(fd, &address->any, len), 0);
	CHECK_EQ(lkl_sys_getsockname(fd, &address->any, &len), 0);
	CHECK_NE(address->v4.sin_port, 0);
	return len;
}

#define STREAM 100000

static struct {
	int listener;
	char sent[STREAM], got[STREAM], back[STREAM];
} tcp;

static void receive_all(int fd, char *buf)
{
	size_t have = 0;
	long got;

	while (have < STREAM) {
		got = CHECK_OK(lkl_sys_recvfrom(fd, buf + have, STREAM - have, 0, NULL, NULL));
		if (!got)
			lkltest_fail("the connection ended after %zu of %d bytes", have, STREAM);
		have += got;
	}
}

static void send_all(int fd, char *buf)
{
	size_t done = 0;

	while (done < STREAM)
		done += CHECK_OK(lkl_sys_sendto(fd, buf + done, STREAM - done, LKL_MSG_NOSIGNAL, NULL, 0));
}

/* Takes one connection, and sends back all that it gets, turned round. */
static void *serve_tcp(void *unused)
{
	int i, fd = CHECK_OK(lkl_sys_accept4(tcp.listener, NULL, NULL, 0));

	receive_all(fd, tcp.got);
	for (i = 0; i < STREAM; i++)
		tcp.back[i] = tcp.got[STREAM - 1 - i];
	send_all(fd, tcp.back);
	CHECK_EQ(lkl_sys_close(fd), 0);
	return unused;
}

static void check_tcp(int family)
{
	union address address;
	pthread_t server;
	int i, fd, len;
	char end;

	tcp.listener = make_socket(family, LKL_SOCK_STREAM);
	len = bind_loopback(tcp.listener, family, &address);
	fd = make_socket(family, LKL_SOCK_STREAM);
	CHECK_ERR(lkl_sys_connect(fd, &address.any, len), LKL_ECONNREFUSED);
	CHECK_EQ(lkl_sys_listen(tcp.listener, 1), 0);
	server = start_thread(serve_tcp, NULL);

	fill(tcp.sent, STREAM, family);
	memset(tcp.got, 0, STREAM);
	CHECK_EQ(lkl_sys_connect(fd, &address.any, len), 0);
	send_all(fd, tcp.sent);
	memset(tcp.back, 0, STREAM);
	receive_all(fd, tcp.got);
	pthread_join(server, NULL);
	for (i = 0; i < STREAM; i++)
		if (tcp.got[i] != tcp.sent[STREAM - 1 - i])
			lkltest_fail("byte %d of %d came back changed", i, STREAM);
	CHECK_EQ(lkl_sys_recvfrom(fd, &end, 1, 0, NULL, NULL), 0);
	CHECK_EQ(lkl_sys_close(fd), 0);
	CHECK_EQ(lkl_sys_close(tcp.listener), 0);
}

POINT(tcp_ipv4)
{
	check_tcp(LKL_AF_INET);
}

POINT(tcp_ipv6)
{
	check_tcp(LKL_AF_INET6);
}

static void check_udp(int family)
{
	union address here, there, from;
	char sent[1000], got[2000];
	int a = make_socket(family, LKL_SOCK_DGRAM), b = make_socket(family, LKL_SOCK_DGRAM);
	int i, len, from_len;

	len = bind_loopback(a, family, &here);
	bind_loopback(b, family, &there);
	for (i = 0; i < 3; i++) {
		fill(sent, sizeof(sent), i);
		CHECK_EQ(lkl_sys_sendto(a, sent, sizeof(sent) - i, 0, &there.any, len), sizeof(sent) - i);
	}
	/* Datagrams keep their limits and, over loopback, their order. */
	for (i = 0; i < 3; i++) {
		from_len = sizeof(from);
		fill(sent, sizeof(sent), i);
		CHECK_EQ(lkl_sys_recvfrom(b, got, sizeof(got), 0, &from.any, &from_len), sizeof(sent) - i);
		CHECK_MEM_EQ(got, sent, sizeof(sent) - i);
		CHECK_EQ(from.v4.sin_port, here.v4.sin_port);
	}
	CHECK_ERR(lkl_sys_recvfrom(b, got, sizeof(got), LKL_MSG_DONTWAIT, NULL, NULL), LKL_EAGAIN);
	CHECK_EQ(lkl_sys_close(a), 0);
	CHECK_EQ(lkl_sys_close(b), 0);
}

POINT(udp_ipv4)
{
	check_udp(LKL_AF_INET);
}

POINT(udp_ipv6)
{
	check_udp(LKL_AF_INET6);
}

/* Threads in the kernel. */

static void *kernel_tid(void *tid)
{
	*(volatile long *)tid = lkl_sys_gettid();
	return NULL;
}

POINT(gettid)
{
	static long mine, other;

#ifndef LKLTEST_NATIVE
	CHECK_EQ(lkltest_host(gettid)(), syscall(SYS_gettid));
#endif
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

/* The kernel has not complained. */

static int open_kmsg(void)
{
	int fd = lkl_sys_openat(LKL_AT_FDCWD, "/dev/kmsg", LKL_O_WRONLY, 0);

	if (fd >= 0)
		return fd;
	lkl_sys_unlinkat(LKL_AT_FDCWD, "/kmsg", 0);
	lkl_sys_mknodat(LKL_AT_FDCWD, "/kmsg", LKL_S_IFCHR | 0600, 1 << 8 | 11);
	fd = lkl_sys_openat(LKL_AT_FDCWD, "/kmsg", LKL_O_WRONLY, 0);
	lkl_sys_unlinkat(LKL_AT_FDCWD, "/kmsg", 0);
	return fd;
}

/*
 * Complaints fail the points during which they come. This point is for those
 * that no one saw come: the watch must see what is printed, at any level, and
 * have seen what the kernel's log holds.
 */
POINT(console_clean)
{
	static const char marker[] = "lkltest: the watch on the console sees this";
	static const char written[] = "<7>lkltest: the watch on the console sees this\n";
	static char log[1 << 18];
	unsigned long complaints = 0;
	char *line, *next;
	long len;
	int fd;

	if (lkl_sys_syslog(9, NULL, 0) == -LKL_ENOSYS)
		lkltest_skip("this kernel prints nothing: CONFIG_PRINTK");
	fd = open_kmsg();
	if (fd >= 0) {
		CHECK_EQ(lkl_sys_write(fd, written, strlen(written)), strlen(written));
		CHECK_EQ(lkl_sys_close(fd), 0);
		CHECK(lkltest_console_seen(marker));
	} else {
		lkltest_log("no /dev/kmsg: %s", lkl_strerror(fd));
	}

	len = CHECK_OK(lkl_sys_syslog(3, log, sizeof(log) - 1));
	CHECK_GT(len, 0);
	log[len] = 0;
	for (line = log; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		complaints += lkltest_complains(line);
	}
	CHECK_LE(complaints, lkltest.unclean);
}

LKLTEST_POINTS = {
	LKLTEST_LIBRARY(mutex),
	LKLTEST_LIBRARY(semaphore),
	LKLTEST_LIBRARY(join),
	LKLTEST_LIBRARY(start_kernel, .deadline_ms = 60000),
	LKLTEST(uname),
	LKLTEST(getpid),
	LKLTEST(syscall_latency),
	LKLTEST(umask),
	LKLTEST(umask2),
	LKLTEST(creat),
	LKLTEST(close),
	LKLTEST(failopen),
	LKLTEST(open),
	LKLTEST(write),
	LKLTEST(lseek_cur),
	LKLTEST(lseek_end),
	LKLTEST(lseek_set),
	LKLTEST(read),
	LKLTEST(fstat),
	LKLTEST(mkdir),
	LKLTEST(stat),
	LKLTEST(unlink),
	LKLTEST(readv_writev),
	LKLTEST(tmpfs),
	LKLTEST(errnos),
	LKLTEST(nanosleep),
	LKLTEST(clocks),
	LKLTEST(pipe2),
	LKLTEST(epoll),
	LKLTEST(poll),
	LKLTEST(eventfd),
	LKLTEST(pipe_blocks),
	LKLTEST(mount_fs_proc),
	LKLTEST(proc_version),
	LKLTEST(chdir_proc),
	LKLTEST(open_cwd),
	LKLTEST(getdents64),
	LKLTEST(close_dir_fd),
	LKLTEST(chdir_root),
	LKLTEST(umount_fs_proc),
	LKLTEST(lo_ifup),
	LKLTEST(tcp_ipv4),
	LKLTEST(tcp_ipv6),
	LKLTEST(udp_ipv4),
	LKLTEST(udp_ipv6),
	LKLTEST(gettid),
	LKLTEST(syscall_thread),
	LKLTEST(many_syscall_threads),
	LKLTEST(syscall_threads_at_once),
	LKLTEST(console_clean),
	LKLTEST_LIBRARY(stop_kernel),
};

int main(int argc, char **argv)
{
	return lkltest_main(argc, argv);
}
