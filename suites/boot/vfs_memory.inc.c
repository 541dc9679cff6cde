/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points about mappings, on kernels with and without an MMU. */
#ifndef VFS_MEMORY_INC_C
#define VFS_MEMORY_INC_C

#include "vfs.h"

#include <sys/mman.h>

#define PAGE 4096L

/* A library's kernel has no MMU, and maps in the process's own memory; there PROT_ and MAP_ are the same numbers. */
static long map(long length, int protection, int flags, long fd, long offset)
{
	return LKLTEST_SYS(mmap, 0, length, protection, flags, fd, offset);
}

static char *mapped(long at)
{
	if (at == -LKL_ENOSYS || at == -LKL_ENODEV)
		lkltest_skip("this kernel has no such mapping: %s", lkl_strerror(at));
	if (at < 0 && at > -PAGE)
		lkltest_fail("mmap: %s", lkl_strerror(at));
	return (char *)at;
}

static long unmap(const void *at, long length)
{
	return LKLTEST_SYS(munmap, (long)at, length);
}

/* What an offset of one page is: a library's call is mmap_pgoff(), which counts pages; to others 1 is no offset. */
static long offset_unit(long fd)
{
	long at = map(PAGE, PROT_READ, MAP_PRIVATE, fd, 1);

	if (at == -LKL_EINVAL)
		return PAGE;
	CHECK_EQ(unmap(mapped(at), PAGE), 0);
	return 1;
}

/* Memory without a file is zeroes, and keeps what is written. */
POINT(map_memory)
{
	static char zeroes[3 * PAGE];
	char *at = mapped(map(3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	CHECK_EQ((long)at % PAGE, 0);
	CHECK_MEM_EQ(at, zeroes, 3 * PAGE);
	memset(at, 7, 3 * PAGE);
	CHECK_EQ(at[3 * PAGE - 1], 7);
	CHECK_EQ(unmap(at, 3 * PAGE), 0);
	CHECK_ERR(map(0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), LKL_EINVAL);
	CHECK_ERR(map(PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0), LKL_EINVAL);
	CHECK_ERR(map(PAGE, PROT_READ, MAP_PRIVATE, 1000, 0), LKL_EBADF);
}

/* A private mapping of a file has its bytes, and zeroes behind its end; writes stay private. */
POINT(map_file_private)
{
	char text[5000], back[16];
	long fd;
	char *at;

	own_dir("/vfs/map");
	fill(text, sizeof(text), 6);
	put_file("/vfs/map/private", text, sizeof(text));
	fd = open_at("/vfs/map/private", LKL_O_RDONLY);
	at = mapped(map(2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	CHECK_MEM_EQ(at, text, sizeof(text));
	CHECK_EQ(at[sizeof(text)], 0);
	at[0] = 0;
	CHECK_EQ(lkl_sys_pread64(fd, back, 1, 0), 1);
	CHECK_EQ(back[0], text[0]);
	CHECK_EQ(unmap(at, 2 * PAGE), 0);
	CHECK_EQ(lkl_sys_close(fd), 0);
	fd = open_at("/vfs/map/private", LKL_O_WRONLY);
	CHECK_ERR(map(PAGE, PROT_READ, MAP_PRIVATE, fd, 0), LKL_EACCES);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

/* Bytes written to a shared mapping are in the file. */
POINT(map_file_shared)
{
	char back[8];
	long fd, at;
	char *bytes;

	own_dir("/vfs/map");
	fd = open_at("/vfs/map/shared", LKL_O_CREAT | LKL_O_RDWR | LKL_O_TRUNC);
	CHECK_EQ(lkl_sys_ftruncate(fd, 4 * PAGE), 0);
	at = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == -LKL_EINVAL || at == -LKL_ENODEV) {
		CHECK_EQ(lkl_sys_close(fd), 0);
		lkltest_skip("this kernel shares no mapping of files: CONFIG_MMU");
	}
	bytes = mapped(at);
	memcpy(bytes + 2 * PAGE, "written", 7);
	if (LKLTEST_SYS(msync, (long)bytes, 4 * PAGE, MS_SYNC) != -LKL_ENOSYS)
		CHECK_EQ(LKLTEST_SYS(msync, (long)bytes, 4 * PAGE, MS_SYNC), 0);
	CHECK_EQ(lkl_sys_pread64(fd, back, 7, 2 * PAGE), 7);
	CHECK_MEM_EQ(back, "written", 7);
	CHECK_EQ(lkl_sys_pwrite64(fd, "changed", 7, 0), 7);
	CHECK_MEM_EQ(bytes, "changed", 7);
	CHECK_EQ(unmap(bytes, 4 * PAGE), 0);
	CHECK_EQ(lkl_sys_close(fd), 0);
	fd = open_at("/vfs/map/shared", LKL_O_RDONLY);
	CHECK_LT(map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), 0);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

/* Two mappings of one file that nobody writes have the same bytes, and each is given back alone. */
POINT(map_twice)
{
	static char text[3 * PAGE];
	char *one, *two;
	long fd;

	own_dir("/vfs/map");
	fill(text, sizeof(text), 8);
	put_file("/vfs/map/twice", text, sizeof(text));
	fd = open_at("/vfs/map/twice", LKL_O_RDONLY);
	one = mapped(map(3 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0));
	two = mapped(map(2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0));
	CHECK_MEM_EQ(one, text, sizeof(text));
	CHECK_EQ(unmap(one, 3 * PAGE), 0);
	CHECK_MEM_EQ(two, text, 2 * PAGE);
	CHECK_EQ(unmap(two, 2 * PAGE), 0);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

/* A mapping of the device of zeroes is memory of its own. */
POINT(map_zeroes)
{
	char *at;
	long fd, here;

	own_dir("/vfs/map");
	lkl_sys_unlinkat(LKL_AT_FDCWD, "/vfs/map/zero", 0);
	CHECK_EQ(lkl_sys_mknodat(LKL_AT_FDCWD, "/vfs/map/zero", LKL_S_IFCHR | 0600, 1 << 8 | 5), 0);
	fd = open_at("/vfs/map/zero", LKL_O_RDWR);
	here = map(2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (here == -LKL_EINVAL) {
		CHECK_EQ(lkl_sys_close(fd), 0);
		lkltest_skip("this kernel maps no device of zeroes: CONFIG_MMU");
	}
	at = mapped(here);
	CHECK_EQ(at[PAGE], 0);
	at[PAGE] = 5;
	CHECK_EQ(at[PAGE], 5);
	CHECK_EQ(unmap(at, 2 * PAGE), 0);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

/* A mapping becomes smaller and keeps what is left of it. */
POINT(remap)
{
	char *at = mapped(map(8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	long smaller;

	memset(at, 9, 8 * PAGE);
	smaller = LKLTEST_SYS(mremap, (long)at, 8 * PAGE, 4 * PAGE, 0, 0);
	if (smaller == -LKL_ENOSYS) {
		CHECK_EQ(unmap(at, 8 * PAGE), 0);
		lkltest_skip("this kernel lacks the call mremap");
	}
	CHECK_EQ(smaller, (long)at);
	CHECK_EQ(at[4 * PAGE - 1], 9);
	CHECK_ERR(LKLTEST_SYS(mremap, (long)at + 1, PAGE, PAGE, 0, 0), LKL_EINVAL);
	CHECK_EQ(unmap(at, 4 * PAGE), 0);
}

/* Parts of a mapping are given back from its beginning, its middle and its end. */
POINT(unmap_parts)
{
	char *at = mapped(map(8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	int i;

	for (i = 0; i < 8; i++)
		at[i * PAGE] = i;
	CHECK_EQ(unmap(at, PAGE), 0);
	CHECK_EQ(unmap(at + 7 * PAGE, PAGE), 0);
	CHECK_EQ(unmap(at + 3 * PAGE, PAGE), 0);
	for (i = 1; i < 7; i++)
		if (i != 3)
			CHECK_EQ(at[i * PAGE], i);
	CHECK_EQ(unmap(at + PAGE, 2 * PAGE), 0);
	CHECK_EQ(unmap(at + 4 * PAGE, 3 * PAGE), 0);
	CHECK_ERR(unmap(at + 1, PAGE), LKL_EINVAL);
	CHECK_ERR(unmap(at, 0), LKL_EINVAL);
}

/* The kernel reads a process's memory by its file, and writes it there. */
POINT(memory_by_proc)
{
	char *at = mapped(map(2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	char back[16] = "";
	long fd, n;

	have_proc();
	strcpy(at + 100, "in memory");
	fd = lkl_sys_openat(LKL_AT_FDCWD, PROC "/self/mem", LKL_O_RDWR, 0);
	if (fd < 0) {
		CHECK_EQ(unmap(at, 2 * PAGE), 0);
		lkltest_skip("this kernel opens no /proc/self/mem: %s", lkl_strerror(fd));
	}
	n = lkl_sys_pread64(fd, back, 10, (long)at + 100);
	if (n <= 0) {
		lkl_sys_close(fd);
		CHECK_EQ(unmap(at, 2 * PAGE), 0);
		lkltest_skip("this process has no memory of its own in the kernel's eyes: %ld", n);
	}
	CHECK_EQ(n, 10);
	CHECK_STR_EQ(back, "in memory");
	CHECK_EQ(lkl_sys_pwrite64(fd, "IN", 2, (long)at + 100), 2);
	CHECK_STR_EQ(at + 100, "IN memory");
	CHECK_EQ(lkl_sys_close(fd), 0);
	CHECK_EQ(unmap(at, 2 * PAGE), 0);
}

/* All memory that there is can be mapped; then more is refused, and what is mapped keeps its bytes. */
POINT(map_until_full)
{
	enum { MOST = 64 };
	const long piece = 1L << 22;
	char *pieces[MOST];
	long at = 0;
	int n, i;

	lkltest_expect_console("");	/* the kernel tells, with the stack, that it has no such memory */
	for (n = 0; n < MOST; n++) {
		at = map(piece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at < 0 && at > -PAGE)
			break;
		pieces[n] = (char *)at;
		CHECK_EQ(pieces[n][piece - 1], 0);
		pieces[n][0] = n + 1;
		pieces[n][piece - 1] = n + 2;
	}
	lkltest_log("%d pieces of 4 MiB, then: %s", n, n < MOST ? lkl_strerror(at) : "not asked for more");
	if (n < MOST)
		EXPECT_EQ(at, -LKL_ENOMEM);
	for (i = 0; i < n; i++) {
		EXPECT_EQ(pieces[i][0], i + 1);
		EXPECT_EQ(pieces[i][piece - 1], i + 2);
		EXPECT_EQ(unmap(pieces[i], piece), 0);
	}
	CHECK_GT(n, 0);
	CHECK_EQ(unmap(mapped(map(piece, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)), piece), 0);
}

/* Shared mappings of parts of one file are the same memory; a file that is mapped is cut only where that does no harm. */
POINT(map_shared_parts)
{
	long fd, at, unit, err;
	char *whole, *part, *copy;
	struct lkl_stat st;

	own_dir("/vfs/map");
	fd = open_at("/vfs/map/parts", LKL_O_CREAT | LKL_O_RDWR | LKL_O_TRUNC);
	CHECK_EQ(lkl_sys_ftruncate(fd, 4 * PAGE), 0);
	unit = offset_unit(fd);
	at = map(3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == -LKL_EINVAL || at == -LKL_ENODEV) {
		CHECK_EQ(lkl_sys_close(fd), 0);
		lkltest_skip("this kernel shares no mapping of files: CONFIG_MMU");
	}
	whole = mapped(at);
	part = mapped(map(2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 2 * unit));
	copy = mapped(map(PAGE, PROT_READ, MAP_PRIVATE, fd, unit));
	memcpy(whole + 2 * PAGE, "by the first", 12);
	CHECK_MEM_EQ(part, "by the first", 12);
	memcpy(part + 7, "other", 5);
	CHECK_MEM_EQ(whole + 2 * PAGE, "by the other", 12);
	CHECK_EQ(copy[PAGE - 1], 0);
	err = lkl_sys_ftruncate(fd, PAGE);	/* without an MMU nothing would stop a process behind the end */
	CHECK(!err || err == -LKL_ETXTBSY);
	CHECK_EQ(lkl_sys_fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, err ? 4 * PAGE : PAGE);
	CHECK_EQ(unmap(whole, 3 * PAGE), 0);	/* first: of mappings that share memory it has the least address */
	CHECK_EQ(unmap(part, 2 * PAGE), 0);
	CHECK_EQ(unmap(copy, PAGE), 0);
	CHECK_EQ(lkl_sys_ftruncate(fd, PAGE), 0);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

/* On a file system that executes nothing no file is mapped as code; on others it has its bytes. */
POINT(map_code)
{
	long fd;
	char *at;

	own_dir("/vfs/code");
	put_file("/vfs/code/file", "code", 4);
	fd = open_at("/vfs/code/file", LKL_O_RDONLY);
	at = mapped(map(PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0));
	CHECK_MEM_EQ(at, "code", 5);
	CHECK_EQ(unmap(at, PAGE), 0);
	CHECK_EQ(lkl_sys_close(fd), 0);
	mount_at("none", "/vfs/code", "ramfs", LKL_MS_NOEXEC);
	put_file("/vfs/code/file", "data", 4);
	fd = open_at("/vfs/code/file", LKL_O_RDONLY);
	CHECK_ERR(map(PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0), LKL_EPERM);
	at = mapped(map(PAGE, PROT_READ, MAP_PRIVATE, fd, 0));
	CHECK_MEM_EQ(at, "data", 5);
	CHECK_EQ(unmap(at, PAGE), 0);
	CHECK_EQ(lkl_sys_close(fd), 0);
	CHECK_EQ(unmount("/vfs/code"), 0);
}

/* A directory is not mapped, nor a file for more than it was opened for. */
POINT(map_refused)
{
	long fd, at;

	own_dir("/vfs/map");
	put_file("/vfs/map/file", "text", 4);
	fd = open_at("/vfs/map", LKL_O_RDONLY | LKL_O_DIRECTORY);
	CHECK_ERR(map(PAGE, PROT_READ, MAP_PRIVATE, fd, 0), LKL_ENODEV);
	CHECK_EQ(lkl_sys_close(fd), 0);
	fd = open_at("/vfs/map/file", LKL_O_RDONLY);
	at = map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(at == -LKL_EACCES || at == -LKL_EINVAL || at == -LKL_ENODEV);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

/* With strict accounting no process is promised more memory than there is. */
POINT(overcommit)
{
	char before[16];
	long at;

#ifndef LKLTEST_NATIVE
	lkltest_skip("a library takes all memory at once, and promises none: CONFIG_MMU");
#endif
	have_proc();
	if (!exists(PROC "/sys/vm/overcommit_memory"))
		lkltest_skip("this kernel has no /proc/sys/vm: CONFIG_PROC_SYSCTL");
	snprintf(before, sizeof(before), "%s", proc_text("sys/vm/overcommit_memory", ""));
	CHECK_GT(write_text(PROC "/sys/vm/overcommit_memory", "2"), 0);
	at = map(1L << 40, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK_GT(write_text(PROC "/sys/vm/overcommit_memory", before), 0);
	CHECK_ERR(at, LKL_ENOMEM);
	CHECK_ERR(write_text(PROC "/sys/vm/overcommit_memory", "3"), LKL_EINVAL);
}

/* The end of the data segment is where it is, and is not moved to nonsense. */
POINT(brk)
{
	long here = LKLTEST_SYS(brk, 0);

	offered(here, "brk");
	CHECK_EQ(LKLTEST_SYS(brk, 1), here);
	CHECK_EQ(LKLTEST_SYS(brk, 0), here);
}

/* A file in memory without a name keeps its seals. */
POINT(sealed_memory)
{
	long fd = LKLTEST_SYS(memfd_create, (long)"vfs", 2);

	offered(fd, "CONFIG_MEMFD_CREATE");
	CHECK_OK(fd);
	CHECK_EQ(lkl_sys_write(fd, "text", 4), 4);
	CHECK_EQ(lkl_sys_fcntl(fd, 1034, 0), 0);		/* F_GET_SEALS */
	CHECK_EQ(lkl_sys_fcntl(fd, 1033, 2 | 4), 0);		/* no shrinking, no growing */
	CHECK_EQ(lkl_sys_fcntl(fd, 1034, 0), 2 | 4);
	CHECK_ERR(lkl_sys_ftruncate(fd, 1), LKL_EPERM);
	CHECK_ERR(lkl_sys_ftruncate(fd, 100), LKL_EPERM);
	CHECK_EQ(lkl_sys_pwrite64(fd, "T", 1, 0), 1);
	CHECK_EQ(lkl_sys_fcntl(fd, 1033, 8), 0);		/* no writing */
	CHECK_ERR(lkl_sys_pwrite64(fd, "t", 1, 0), LKL_EPERM);
	CHECK_EQ(lkl_sys_close(fd), 0);
}

/* Advice about a file is taken, or refused where it makes no sense. */
POINT(advice)
{
	int fds[2];
	long fd, err;

	own_dir("/vfs/advice");
	put_file("/vfs/advice/file", "text", 4);
	fd = open_at("/vfs/advice/file", LKL_O_RDONLY);
	err = offered(LKLTEST_SYS(fadvise64, fd, 0, 0, 3), "CONFIG_ADVISE_SYSCALLS");	/* WILLNEED */
	CHECK_EQ(err, 0);
	CHECK_EQ(LKLTEST_SYS(fadvise64, fd, 0, 0, 1), 0);	/* RANDOM */
	CHECK_ERR(LKLTEST_SYS(fadvise64, fd, 0, 0, 99), LKL_EINVAL);
	CHECK_EQ(lkl_sys_close(fd), 0);
	CHECK_EQ(lkl_sys_pipe2(fds, 0), 0);
	CHECK_ERR(LKLTEST_SYS(fadvise64, fds[0], 0, 0, 0), LKL_ESPIPE);
	CHECK_EQ(lkl_sys_close(fds[0]), 0);
	CHECK_EQ(lkl_sys_close(fds[1]), 0);
}

#endif
