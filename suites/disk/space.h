/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room on a disk: measured, taken, given back. */
#ifndef SPACE_H
#define SPACE_H

#include "features.h"
#include "volumes.h"

LKLTEST_FN unsigned long long free_bytes(void)
{
	struct lkl_statfs st;

	CHECK_EQ(lkl_sys_statfs(".", &st), 0);
	return (unsigned long long)st.f_bfree * st.f_bsize;
}

/*
 * Removed blocks are given back later, by a thread of the file system's own: xfs frees the blocks of an inode
 * that was unlinked up to a tick afterwards, statfs only hurries it on, and sync does not wait for it; btrfs has a
 * cleaner, a journal frees with its next commit. Unmounting waits for all of that, so that whatever changes after it
 * is due to what the caller does.
 */
LKLTEST_FN unsigned long long settled_free_bytes(void)
{
	leave(&first);
	enter(&first, 0);
	return free_bytes();
}

/*
 * A file system's own housekeeping, such as the reserve that btrfs keeps in proportion to its trees, may hide this
 * share of what a new file has taken. It never hides the file.
 */
LKLTEST_FN unsigned long long hidden(unsigned long long taken)
{
	return taken / 8;
}

/* Only the point that is about this fails where it does not: others need but a rough number. */
LKLTEST_FN void check_statfs(void)
{
	struct lkl_statfs st;

	CHECK_EQ(lkl_sys_statfs(".", &st), 0);
	EXPECT_LE(st.f_bfree, st.f_blocks);
	EXPECT_LE(st.f_bavail, st.f_bfree);
	EXPECT_LE(st.f_ffree, st.f_files);
}

#define ENTRY 64ULL	/* bytes that an entry of a directory may need */

static unsigned long long slack = 2 << 20;	/* what the file system may take or keep for its own use */

/* A user's own disk or recipe may be too small for what ours are made for. */
LKLTEST_FN void fit(void)
{
	unsigned long long room = free_bytes(), share = room / 8;
	struct lkl_statfs st;

	CHECK_EQ(lkl_sys_statfs(".", &st), 0);
	if (room < big + big / 2)
		big = share;
	if (share < statfs_bytes)
		statfs_bytes = share;
	if (share < slack)
		slack = share;
	if (share < (unsigned long long)hole)
		hole = share / LKLTEST_PAGE * LKLTEST_PAGE;
	if (share < nr_entries * ENTRY)
		nr_entries = share / ENTRY;
	if (st.f_files && st.f_ffree / 2 < (unsigned int)nr_entries)
		nr_entries = st.f_ffree / 2;
	lkltest_log("big file: %llu bytes, entries of the directory: %d", big, nr_entries);
}

/* Waits until at least this much is free: some file systems give blocks back later, in the background. */
LKLTEST_FN int becomes_free(unsigned long long bytes)
{
	long long deadline = lkltest_now_ns() + 25 * 1000000000LL;	/* the point's own is at 30 s */

	while (free_bytes() < bytes) {
		if (lkltest_now_ns() > deadline)
			return 0;
		lkl_sys_sync();
		lkltest_sleep_ms(5);
	}
	return 1;
}

/* Takes the free room without writing it, where the file system can, but for the last `rest` bytes. */
LKLTEST_FN void reserve(long fd, unsigned long long rest)
{
	unsigned long long room = free_bytes(), at = 0, part;
	long err;

	for (part = room > rest ? room - rest : 0; part >= 1 << 20 && at + part + rest <= room;) {
		err = lkl_sys_fallocate(fd, 0, at, part);
		if (err == -LKL_EOPNOTSUPP)
			return;
		if (err && err != -LKL_ENOSPC)
			lkltest_fail("fallocate: %s", lkl_strerror(err));
		if (!err)
			at += part;
		/* Some of the free room is the file system's own. */
		part = err || at + part + rest > room ? part / 2 : part;
	}
	lkltest_property("reserved_bytes", "%llu", at);
}

/* Writes known data until the disk is full; how much of it the file took. */
LKLTEST_FN unsigned long long fill(long fd, const char *seed)
{
	struct lkltest_data data;
	unsigned long long done = 0;
	long n;

	lkltest_data_init(&data, seed);
	do {
		lkltest_data_fill(&data, done / LKLTEST_PAGE, chunk, CHUNK_PAGES);
		n = lkl_sys_write(fd, chunk + done % LKLTEST_PAGE, CHUNK - done % LKLTEST_PAGE);
		if (n > 0)
			done += n;
	} while (n > 0);
	CHECK_EQ(n, -LKL_ENOSPC);
	return done;
}

#define HUGE_DISK (64ULL << 30)	/* its bitmaps do not fit into the kernel's memory all at once */
#define MUCH (8ULL << 30)

/* The checks of a disk that is too large to be filled. */
LKLTEST_FN void take_much(unsigned long long before)
{
	long fd = open_file("much", LKL_O_RDWR | LKL_O_CREAT);

	lkltest_log("too large to be filled: takes 8 GiB of it instead, and writes at 1 TiB of a file");
	CHECK_EQ(lkl_sys_fallocate(fd, 0, 0, MUCH), 0);
	CHECK_LE(free_bytes(), before - MUCH + hidden(MUCH));
	CHECK_EQ(lkl_sys_pwrite64(fd, "far", 3, 1LL << 40), 3);
	CHECK_EQ(lkl_sys_fsync(fd), 0);
	CHECK_EQ(lkl_sys_pread64(fd, chunk, CHUNK, 1LL << 40), 3);
	CHECK_MEM_EQ(chunk, "far", 3);
	check_zeroes("much", fd, MUCH - CHUNK, MUCH + CHUNK);
	close_file(fd);
	CHECK_EQ(lkl_sys_unlinkat(LKL_AT_FDCWD, "much", 0), 0);
	CHECK(becomes_free(before - slack));
}

#endif
