/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about moving data: in pieces, between files and pipes, without copying. */
#ifndef VFS_IO_INC_C
#define VFS_IO_INC_C

#include "vfs.h"

#define FILE_SIZE 1	/* RLIMIT_FSIZE */

static char moved[65536], back[65536];

static void close_pair(const int *fds)
{
	CHECK_EQ(lkl_sys_close(fds[0]), 0);
	CHECK_EQ(lkl_sys_close(fds[1]), 0);
}

/* Data goes from a file into a pipe and from there into another file. */
POINT(splice)
{
	int fds[2];
	long from, to, n, done;
	long long at = 4096;

	own_dir("/vfs/splice");
	fill(moved, sizeof(moved), 3);
	put_file("/vfs/splice/from", moved, sizeof(moved));
	from = open_at("/vfs/splice/from", LKL_O_RDONLY);
	to = open_at("/vfs/splice/to", LKL_O_CREAT | LKL_O_RDWR | LKL_O_TRUNC);
	CHECK_EQ(lkl_sys_pipe2(fds, 0), 0);
	for (done = 0; done < 40000; done += n) {
		n = CHECK_OK(offered(lkl_sys_splice(from, (void *)&at, fds[1], NULL, 8192, 0), "splice"));
		CHECK_GT(n, 0);
		CHECK_EQ(lkl_sys_splice(fds[0], NULL, to, NULL, n, 0), n);
	}
	CHECK_EQ(at, 4096 + done);
	CHECK_EQ(lkl_sys_pread64(to, back, sizeof(back), 0), done);
	CHECK_MEM_EQ(back, moved + 4096, done);
	CHECK_EQ(lkl_sys_lseek(from, 0, LKL_SEEK_CUR), 0);
	CHECK_ERR(lkl_sys_splice(from, NULL, to, NULL, 10, 0), LKL_EINVAL);	/* neither is a pipe */
	CHECK_ERR(lkl_sys_splice(fds[0], (void *)&at, to, NULL, 10, 0), LKL_ESPIPE);
	CHECK_ERR(lkl_sys_splice(fds[0], NULL, to, NULL, 10, 2), LKL_EAGAIN);	/* the pipe is empty */
	close_pair(fds);
	CHECK_EQ(lkl_sys_close(from), 0);
	CHECK_EQ(lkl_sys_close(to), 0);
}

/* Teed data stays in the first pipe; user memory goes into a pipe and out of it. */
POINT(tee_and_vmsplice)
{
	static char text[] __attribute__((aligned(4096))) = "a page of text";
	struct lkl_iovec out = { .iov_base = text, .iov_len = 14 }, in = { .iov_base = back, .iov_len = 14 };
	int first[2], second[2];
	long n;

	CHECK_EQ(lkl_sys_pipe2(first, 0), 0);
	CHECK_EQ(lkl_sys_pipe2(second, 0), 0);
	n = offered(LKLTEST_SYS(vmsplice, first[1], (long)&out, 1, 0), "vmsplice");
	if (n == -LKL_EFAULT) {
		/* Memory of the host's that the kernel did not map cannot be lent to a pipe. */
		CHECK_EQ(lkl_sys_write(first[1], text, 14), 14);
		n = 14;
	}
	CHECK_EQ(n, 14);
	CHECK_EQ(LKLTEST_SYS(tee, first[0], second[1], 100, 0), 14);
	CHECK_EQ(lkl_sys_read(first[0], back, 100), 14);
	CHECK_MEM_EQ(back, out.iov_base, 14);
	memset(back, 0, 14);
	CHECK_EQ(LKLTEST_SYS(vmsplice, second[0], (long)&in, 1, 0), 14);
	CHECK_MEM_EQ(back, out.iov_base, 14);
	CHECK_ERR(LKLTEST_SYS(tee, first[0], first[1], 10, 0), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(tee, first[0], second[1], 10, 2), LKL_EAGAIN);
	close_pair(first);
	close_pair(second);
}

/* Data moves from one pipe to another without being read. */
POINT(splice_pipes)
{
	int first[2], second[2];

	CHECK_EQ(lkl_sys_pipe2(first, 0), 0);
	CHECK_EQ(lkl_sys_pipe2(second, 0), 0);
	CHECK_EQ(lkl_sys_write(first[1], "one two three", 13), 13);
	CHECK_EQ(offered(lkl_sys_splice(first[0], NULL, second[1], NULL, 7, 0), "splice"), 7);
	CHECK_EQ(lkl_sys_read(second[0], back, 100), 7);
	CHECK_MEM_EQ(back, "one two", 7);
	CHECK_EQ(lkl_sys_read(first[0], back, 100), 6);
	CHECK_MEM_EQ(back, " three", 6);
	close_pair(first);
	close_pair(second);
}

/* A file is sent into a file and into a pipe, from a place of its own. */
POINT(sendfile)
{
	long long at = 100;
	int fds[2];
	long from, to;

	own_dir("/vfs/send");
	fill(moved, sizeof(moved), 4);
	put_file("/vfs/send/from", moved, 50000);
	from = open_at("/vfs/send/from", LKL_O_RDONLY);
	to = open_at("/vfs/send/to", LKL_O_CREAT | LKL_O_RDWR | LKL_O_TRUNC);
	CHECK_EQ(offered(lkl_sys_sendfile(to, from, (void *)&at, 30000), "sendfile"), 30000);
	CHECK_EQ(at, 30100);
	CHECK_EQ(lkl_sys_sendfile(to, from, (void *)&at, 30000), 19900);
	CHECK_EQ(lkl_sys_pread64(to, back, sizeof(back), 0), 49900);
	CHECK_MEM_EQ(back, moved + 100, 49900);
	CHECK_EQ(lkl_sys_pipe2(fds, 0), 0);
	CHECK_EQ(lkl_sys_lseek(from, 49990, LKL_SEEK_SET), 49990);
	CHECK_EQ(lkl_sys_sendfile(fds[1], from, NULL, 100), 10);
	CHECK_EQ(lkl_sys_read(fds[0], back, 100), 10);
	CHECK_MEM_EQ(back, moved + 49990, 10);
	CHECK_ERR(lkl_sys_sendfile(from, to, NULL, 10), LKL_EBADF);
	close_pair(fds);
	CHECK_EQ(lkl_sys_close(from), 0);
	CHECK_EQ(lkl_sys_close(to), 0);
}

/* A range of a file is copied by the kernel into another place of another file. */
POINT(copy_file_range)
{
	long long in = 1000, out = 500;
	long from, to, n;

	own_dir("/vfs/copy");
	fill(moved, sizeof(moved), 5);
	put_file("/vfs/copy/from", moved, 20000);
	from = open_at("/vfs/copy/from", LKL_O_RDONLY);
	to = open_at("/vfs/copy/to", LKL_O_CREAT | LKL_O_RDWR | LKL_O_TRUNC);
	n = offered(LKLTEST_SYS(copy_file_range, from, (long)&in, to, (long)&out, 10000, 0), "copy_file_range");
	CHECK_EQ(n, 10000);
	CHECK_EQ(in, 11000);
	CHECK_EQ(out, 10500);
	CHECK_EQ(lkl_sys_pread64(to, back, sizeof(back), 500), 10000);
	CHECK_MEM_EQ(back, moved + 1000, 10000);
	CHECK_ERR(LKLTEST_SYS(copy_file_range, from, 0, to, 0, 10, 1), LKL_EINVAL);
	CHECK_ERR(LKLTEST_SYS(copy_file_range, to, 0, from, 0, 10, 0), LKL_EBADF);
	CHECK_EQ(lkl_sys_close(from), 0);
	CHECK_EQ(lkl_sys_close(to), 0);
}

/* Many pieces are read and written at a place that the file's position does not know. */
POINT(vectors_at_a_place)
{
	struct lkl_iovec out[3] = { { (void *)"first", 5 }, { (void *)"", 0 }, { (void *)"second", 6 } }, in[2], many[1025];
	char one[8] = "", two[8] = "";
	long fd;
	int i;

	own_dir("/vfs/vectors");
	fd = open_at("/vfs/vectors/file", LKL_O_CREAT | LKL_O_RDWR | LKL_O_TRUNC);
	CHECK_EQ(lkl_sys_pwritev(fd, out, 3, 1000, 0), 11);
	CHECK_EQ(stat_of("/vfs/vectors/file").st_size, 1011);
	CHECK_EQ(lkl_sys_lseek(fd, 0, LKL_SEEK_CUR), 0);
	in[0] = (struct lkl_iovec){ one, 5 };
	in[1] = (struct lkl_iovec){ two, 7 };
	CHECK_EQ(lkl_sys_preadv(fd, in, 2, 1000, 0), 11);
	CHECK_STR_EQ(one, "first");
	CHECK_STR_EQ(two, "second");
	for (i = 0; i < 1025; i++)
		many[i] = (struct lkl_iovec){ back + i, 1 };
	CHECK_EQ(lkl_sys_readv(fd, many, 1024), 1011);
	CHECK_ERR(lkl_sys_readv(fd, many, 1025), LKL_EINVAL);
	CHECK_ERR(lkl_sys_preadv(fd, in, 2, -1, -1), LKL_EINVAL);
	in[0].iov_len = ~0UL;
	CHECK_ERR(lkl_sys_readv(fd, in, 2), LKL_EINVAL);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

/* Holes of a file in memory read as zeroes, and what lies past its end is found by no one. */
POINT(sparse_file)
{
	long fd, data;

	own_dir("/vfs/sparse");
	fd = open_at("/vfs/sparse/file", LKL_O_CREAT | LKL_O_RDWR | LKL_O_TRUNC);
	CHECK_EQ(lkl_sys_pwrite64(fd, "x", 1, 100000), 1);
	memset(back, 1, sizeof(back));
	memset(moved, 0, sizeof(moved));
	CHECK_EQ(lkl_sys_pread64(fd, back, 30000, 20000), 30000);
	CHECK_MEM_EQ(back, moved, 30000);
	CHECK_EQ(lkl_sys_pread64(fd, back, 10, 100001), 0);
	/* To some file systems in memory all is data. */
	data = CHECK_OK(lkl_sys_lseek(fd, 0, 3));	/* SEEK_DATA */
	CHECK_LE(data, 100000);
	CHECK_EQ(lkl_sys_lseek(fd, 0, 4), data ? 0 : 100001);	/* SEEK_HOLE */
	CHECK_ERR(lkl_sys_lseek(fd, 200000, 3), LKL_ENXIO);
	CHECK_ERR(lkl_sys_ftruncate(fd, -1), LKL_EINVAL);
	CHECK_ERR(lkl_sys_fallocate(fd, 0, -1, 10), LKL_EINVAL);
	CHECK_ERR(lkl_sys_fallocate(fd, 0, 0, 0), LKL_EINVAL);
	CHECK_ERR(lkl_sys_pread64(fd, back, 10, -1), LKL_EINVAL);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

/* A file grows to the limit of the process's files, and not beyond. */
POINT(file_size_limit)
{
	struct lkl_rlimit before, small;
	long fd, wrote;

	own_dir("/vfs/limit");
	fd = open_at("/vfs/limit/file", LKL_O_CREAT | LKL_O_RDWR | LKL_O_TRUNC);
	CHECK_EQ(lkl_sys_prlimit64(0, FILE_SIZE, NULL, (void *)&before), 0);
	small = before;
	small.rlim_cur = 1000;
	CHECK_EQ(lkl_sys_prlimit64(0, FILE_SIZE, (void *)&small, NULL), 0);
	wrote = lkl_sys_write(fd, moved, 3000);
	CHECK_EQ(lkl_sys_prlimit64(0, FILE_SIZE, (void *)&before, NULL), 0);
	CHECK_EQ(wrote, 1000);
	CHECK_EQ(lkl_sys_write(fd, moved, 3000), 3000);
	CHECK_EQ(stat_of("/vfs/limit/file").st_size, 4000);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

/* A named pipe joins two openings by its path. */
POINT(fifo)
{
	struct lkl_stat st;
	long reader, writer;

	own_dir("/vfs/fifo");
	lkl_sys_unlinkat(LKL_AT_FDCWD, "/vfs/fifo/pipe", 0);
	CHECK_EQ(lkl_sys_mknodat(LKL_AT_FDCWD, "/vfs/fifo/pipe", LKL_S_IFIFO | 0600, 0), 0);
	st = stat_of("/vfs/fifo/pipe");
	CHECK_EQ(st.st_mode, LKL_S_IFIFO | 0600);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/vfs/fifo/pipe", LKL_O_WRONLY | LKL_O_NONBLOCK, 0), LKL_ENXIO);
	reader = open_at("/vfs/fifo/pipe", LKL_O_RDONLY | LKL_O_NONBLOCK);
	writer = open_at("/vfs/fifo/pipe", LKL_O_WRONLY | LKL_O_NONBLOCK);
	CHECK_ERR(lkl_sys_read(reader, back, 10), LKL_EAGAIN);
	CHECK_EQ(lkl_sys_write(writer, "through", 7), 7);
	CHECK_EQ(lkl_sys_ioctl(reader, 0x541b, (long)back), 0);	/* FIONREAD */
	CHECK_EQ(*(int *)back, 7);
	CHECK_EQ(lkl_sys_read(reader, back, 10), 7);
	CHECK_MEM_EQ(back, "through", 7);
	CHECK_ERR(lkl_sys_lseek(reader, 0, LKL_SEEK_SET), LKL_ESPIPE);
	CHECK_EQ(lkl_sys_close(writer), 0);
	CHECK_EQ(lkl_sys_close(reader), 0);
}

/* A pipe takes as much as its size, which is changed in whole pages and to no less than it holds. */
POINT(pipe_size)
{
	int fds[2];
	long n, all = 0;

	CHECK_EQ(lkl_sys_pipe2(fds, LKL_O_NONBLOCK), 0);
	n = CHECK_OK(lkl_sys_fcntl(fds[0], LKL_F_GETPIPE_SZ, 0));
	CHECK_EQ(n % 4096, 0);
	while ((n = lkl_sys_write(fds[1], moved, 4096)) > 0)
		all += n;
	CHECK_ERR(n, LKL_EAGAIN);
	CHECK_EQ(all, lkl_sys_fcntl(fds[0], LKL_F_GETPIPE_SZ, 0));
	CHECK_ERR(lkl_sys_fcntl(fds[0], LKL_F_SETPIPE_SZ, 4096), LKL_EBUSY);
	CHECK_GE(lkl_sys_fcntl(fds[0], LKL_F_SETPIPE_SZ, 2 * all - 100), 2 * all - 100);
	CHECK_EQ(lkl_sys_write(fds[1], moved, 4096), 4096);
	CHECK_EQ(lkl_sys_read(fds[0], back, 4096), 4096);
	close_pair(fds);
	CHECK_EQ(lkl_sys_pipe2(fds, LKL_O_DIRECT), 0);	/* packets */
	CHECK_EQ(lkl_sys_write(fds[1], "one", 3), 3);
	CHECK_EQ(lkl_sys_write(fds[1], "two", 3), 3);
	CHECK_EQ(lkl_sys_read(fds[0], back, 100), 3);
	CHECK_MEM_EQ(back, "one", 3);
	close_pair(fds);
}

/* The devices that are no devices: nothing, zeroes, a full disk, random bytes. */
POINT(memory_devices)
{
	static const struct { const char *path; int minor; } nodes[] = {
		{ "/vfs/dev/null", 3 }, { "/vfs/dev/zero", 5 }, { "/vfs/dev/full", 7 }, { "/vfs/dev/urandom", 9 },
	};
	long fds[4];
	size_t i;

	own_dir("/vfs/dev");
	for (i = 0; i < 4; i++) {
		lkl_sys_unlinkat(LKL_AT_FDCWD, nodes[i].path, 0);
		CHECK_EQ(lkl_sys_mknodat(LKL_AT_FDCWD, nodes[i].path, LKL_S_IFCHR | 0600, 1 << 8 | nodes[i].minor), 0);
		fds[i] = open_at(nodes[i].path, LKL_O_RDWR);
	}
	CHECK_EQ(lkl_sys_read(fds[0], back, 100), 0);
	CHECK_EQ(lkl_sys_write(fds[0], moved, 100), 100);
	memset(back, 1, 100);
	memset(moved, 0, 100);
	CHECK_EQ(lkl_sys_read(fds[1], back, 100), 100);
	CHECK_MEM_EQ(back, moved, 100);
	CHECK_ERR(lkl_sys_write(fds[2], moved, 100), LKL_ENOSPC);
	CHECK_EQ(lkl_sys_read(fds[3], back, 100), 100);
	CHECK(memcmp(back, moved, 100));
	for (i = 0; i < 4; i++)
		CHECK_EQ(lkl_sys_close(fds[i]), 0);
	lkl_sys_unlinkat(LKL_AT_FDCWD, "/vfs/dev/none", 0);
	CHECK_EQ(lkl_sys_mknodat(LKL_AT_FDCWD, "/vfs/dev/none", LKL_S_IFCHR | 0600, 250 << 8), 0);
	CHECK_ERR(lkl_sys_openat(LKL_AT_FDCWD, "/vfs/dev/none", LKL_O_RDWR, 0), LKL_ENXIO);
}

#define PTMX (5 << 8 | 2)

/* Text written at one end of a pseudo terminal is read at the other, line by line. */
POINT(pseudo_terminal)
{
	int number = -1, unlock = 0;
	char path[48];
	long master, slave, err;

	own_dir("/vfs/pts");
	err = lkl_sys_mount("none", "/vfs/pts", "devpts", 0, "ptmxmode=0666,mode=0620,newinstance");
	if (err == -LKL_ENODEV)
		lkltest_skip("this kernel has no devpts: CONFIG_UNIX98_PTYS");
	CHECK_EQ(err, 0);
	master = open_at("/vfs/pts/ptmx", LKL_O_RDWR);
	CHECK_EQ(lkl_sys_ioctl(master, 0x80045430, (long)&number), 0);	/* TIOCGPTN */
	CHECK_EQ(lkl_sys_ioctl(master, 0x40045431, (long)&unlock), 0);	/* TIOCSPTLCK */
	snprintf(path, sizeof(path), "/vfs/pts/%d", number);
	CHECK_EQ(stat_of(path).st_mode & 0777, 0620);
	slave = open_at(path, LKL_O_RDWR | 0400);	/* O_NOCTTY */
	CHECK_EQ(lkl_sys_write(master, "typed\n", 6), 6);
	CHECK_EQ(lkl_sys_read(slave, back, 100), 6);
	CHECK_MEM_EQ(back, "typed\n", 6);
	CHECK_EQ(lkl_sys_read(master, back, 100), 7);	/* its echo */
	CHECK_MEM_EQ(back, "typed\r\n", 7);
	CHECK_EQ(lkl_sys_close(slave), 0);
	CHECK_EQ(lkl_sys_close(master), 0);
	CHECK_EQ(unmount("/vfs/pts"), 0);
}

#endif
