/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files with known data, written to a mounted file system and read back. */
#ifndef FILES_H
#define FILES_H

#include <lkltest/disk.h>
#include <sys/statvfs.h>

#define CHUNK_PAGES 16UL
#define CHUNK (CHUNK_PAGES * LKLTEST_PAGE)

static char chunk[CHUNK], known[CHUNK];

/* Is this among the features that the file system lacks, as its recipe says? Then it must say so too. */
LKLTEST_FN int lacks(const char *feature)
{
	const char *list = lkltest_arg("lacks");
	size_t len = strlen(feature), word;

	for (; list && *list; list += word + (list[word] == ',')) {
		word = strcspn(list, ",");
		if (word == len && !strncmp(list, feature, len))
			return 1;
	}
	return 0;
}

/* Files that are open: a point that fails leaves its own behind, and no disk could be unmounted any more. */
static long opened[16];
static int nr_opened;

/* Opens a file below the current directory, which is the mounted disk. Ends the point where that fails. */
LKLTEST_FN long open_file(const char *path, int flags)
{
	long fd = lkl_sys_openat(LKL_AT_FDCWD, path, flags, 0644);

	if (fd < 0)
		lkltest_fail("open %s: %s", path, lkl_strerror(fd));
	if (nr_opened < 16)
		opened[nr_opened++] = fd;
	return fd;
}

LKLTEST_FN void close_file(long fd)
{
	int i;

	for (i = 0; i < nr_opened; i++)
		if (opened[i] == fd)
			opened[i--] = opened[--nr_opened];
	CHECK_EQ(lkl_sys_close(fd), 0);
}

/* Closes what points that have failed have left open. */
LKLTEST_FN void close_leftovers(void)
{
	while (nr_opened)
		lkl_sys_close(opened[--nr_opened]);
}

LKLTEST_FN void make_directory(const char *path)
{
	long err = lkl_sys_mkdirat(LKL_AT_FDCWD, path, 0755);

	if (err)
		lkltest_fail("mkdir %s: %s", path, lkl_strerror(err));
}

/* Removes a file, or a directory with all that is in it; nothing may be there. */
LKLTEST_FN void remove_all(const char *path)
{
	long err = lkl_sys_unlinkat(LKL_AT_FDCWD, path, 0), fd, len, at;
	struct lkl_linux_dirent64 *entry;
	char buf[2048], below[512];

	if (!err || err == -LKL_ENOENT)
		return;
	CHECK_ERR(err, LKL_EISDIR);
	/* Removed entries change what a listing goes on with, so it begins anew until nothing is left. */
	while ((err = lkl_sys_unlinkat(LKL_AT_FDCWD, path, LKL_AT_REMOVEDIR)) == -LKL_ENOTEMPTY) {
		fd = open_file(path, LKL_O_RDONLY | LKL_O_DIRECTORY);
		while ((len = CHECK_OK(lkl_sys_getdents64(fd, (void *)buf, sizeof(buf)))) > 0) {
			for (at = 0; at < len; at += entry->d_reclen) {
				entry = (void *)(buf + at);
				snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
				if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
					remove_all(below);
			}
		}
		close_file(fd);
	}
	CHECK_EQ(err, 0);
}

LKLTEST_FN void stat_file(const char *path, struct lkl_stat *st)
{
	long err = lkl_sys_fstatat(LKL_AT_FDCWD, path, st, LKL_AT_SYMLINK_NOFOLLOW);

	if (err)
		lkltest_fail("stat %s: %s", path, lkl_strerror(err));
}

LKLTEST_FN void write_all(long fd, const char *buf, size_t len)
{
	long n;

	for (; len; buf += n, len -= n) {
		n = lkl_sys_write(fd, buf, len);
		if (n <= 0)
			lkltest_fail("write of %zu bytes: %s", len, n ? lkl_strerror(n) : "nothing was written");
	}
}

/* Fills the buffer from a file's current position on, up to its end; how many bytes came. */
LKLTEST_FN size_t read_some(long fd, char *buf, size_t len)
{
	size_t got = 0;
	long n;

	while (got < len && (n = lkl_sys_read(fd, buf + got, len - got)) != 0) {
		if (n < 0)
			lkltest_fail("read: %s", lkl_strerror(n));
		got += n;
	}
	return got;
}

/* Writes `size` bytes of the data that belongs to the name `seed`. */
LKLTEST_FN void write_known(long fd, const char *seed, size_t size)
{
	struct lkltest_data data;
	size_t done, len;

	lkltest_data_init(&data, seed);
	for (done = 0; done < size; done += len) {
		len = size - done < CHUNK ? size - done : CHUNK;
		lkltest_data_fill(&data, done / LKLTEST_PAGE, chunk, CHUNK_PAGES);
		write_all(fd, chunk, len);
	}
}

/*
 * A library's disk is a sparse file of the host's, which may have no room for what is written: then the kernel reports
 * an I/O error that is none of its own.
 */
LKLTEST_FN void need_room(void)
{
#ifndef LKLTEST_NATIVE
	const char *image = lkltest_arg("disk");
	struct statvfs st;

	if (!image || statvfs(image, &st) || !st.f_blocks)	/* 0 of 0: without a limit */
		return;
	if ((unsigned long long)(geteuid() ? st.f_bavail : st.f_bfree) * st.f_frsize < 1 << 20)
		lkltest_bail_out("the host's disk is full, there is no room for the image %s: free some, or name another "
				 "directory by TMPDIR", image);
#endif
}

LKLTEST_FN void sync_file(long fd)
{
	long err = lkl_sys_fsync(fd);

	if (err == -LKL_EIO)
		need_room();
	CHECK_EQ(err, 0);
}

LKLTEST_FN void make_file_as(const char *path, const char *seed, size_t size)
{
	long fd = open_file(path, LKL_O_WRONLY | LKL_O_CREAT | LKL_O_EXCL);

	write_known(fd, seed, size);
	sync_file(fd);
	close_file(fd);
}

/* Makes a file with the data that belongs to its path, and makes it durable. */
LKLTEST_FN void make_file(const char *path, size_t size)
{
	make_file_as(path, path, size);
}

/* Says which byte differs. */
LKLTEST_FN void differs(const char *path, size_t at, const char *actual, const char *expected, size_t len)
{
	size_t i;

	for (i = 0; i < len && actual[i] == expected[i]; i++)
		;
	lkltest_fail("%s: byte %zu is 0x%02x instead of 0x%02x", path, at + i, (unsigned char)actual[i],
		     (unsigned char)expected[i]);
}

/* Reads a file and demands exactly the data that belongs to the name `seed`. */
LKLTEST_FN void check_file_as(const char *path, const char *seed, size_t size)
{
	long fd = open_file(path, LKL_O_RDONLY);
	struct lkltest_data data;
	size_t done, len, got;

	lkltest_data_init(&data, seed);
	for (done = 0; done < size; done += len) {
		len = size - done < CHUNK ? size - done : CHUNK;
		got = read_some(fd, chunk, len);
		lkltest_data_fill(&data, done / LKLTEST_PAGE, known, CHUNK_PAGES);
		if (memcmp(chunk, known, got))
			differs(path, done, chunk, known, got);
		if (got != len)
			lkltest_fail("%s: ends after %zu bytes instead of %zu", path, done + got, size);
	}
	if (read_some(fd, chunk, 1))
		lkltest_fail("%s: is longer than %zu bytes", path, size);
	close_file(fd);
}

LKLTEST_FN void check_file(const char *path, size_t size)
{
	check_file_as(path, path, size);
}

/* Demands zeroes in a range of a file. */
LKLTEST_FN void check_zeroes(const char *path, long fd, size_t from, size_t to)
{
	size_t len, got;

	memset(known, 0, CHUNK);
	CHECK_EQ(lkl_sys_lseek(fd, from, LKL_SEEK_SET), from);
	for (; from < to; from += len) {
		len = to - from < CHUNK ? to - from : CHUNK;
		got = read_some(fd, chunk, len);
		if (memcmp(chunk, known, got))
			differs(path, from, chunk, known, got);
		CHECK_EQ(got, len);
	}
}

#endif
