/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Coverage of the kernel that a native program runs on, by KCOV: which basic
 * blocks each point reaches. KCOV is for one task: what the kernel's own threads
 * do, and other threads and children of the program, is not seen.
 *
 * A file on the host takes a record for each point, in the form of
 * harness/coverage.c: its first page has no bitmap behind it. A kernel that
 * crashes takes with it what its last point has reached.
 */
#ifndef LKLTEST_INTERNAL_KCOV_H
#define LKLTEST_INTERNAL_KCOV_H

#ifndef LKLTEST_API
#error "this header is internal to lkltest: include <lkltest.h>"
#endif

#include <errno.h>
#include <fcntl.h>
#include <linux/kcov.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define LKLTEST_KCOV_SIZE (1UL << 19)	/* addresses in the kernel's buffer, the count included */
#define LKLTEST_KCOV_SPAN (1UL << 28)	/* bytes of code; a kernel's executable has less */
#define LKLTEST_KCOV_FD 500		/* the files stay out of a program's way */

struct lkltest_kcov_header {
	char magic[8];
	uint64_t base, size, lost;
	char context[1024];
	char module[2048];
	char rest[4096 - 8 - 3 * 8 - 1024 - 2048];
};

static struct {
	int device, file;
	unsigned long *buffer;		/* NULL: nothing is collected */
	uint64_t base;
	unsigned char *seen;		/* a bit for each byte of code */
	struct lkltest_kcov_record {
		char context[1024];
		uint32_t count;
		uint32_t at[];
	} *record;
	int full;			/* of this point, something is missing */
	int begun;			/* the file has its header */
} lkltest_kcov;

/* Takes the addresses over from the kernel's buffer. */
static inline void lkltest_kcov_take(void)
{
	unsigned long i, count = __atomic_load_n(&lkltest_kcov.buffer[0], __ATOMIC_RELAXED);
	struct lkltest_kcov_record *record = lkltest_kcov.record;
	uint64_t at;

	if (count && !lkltest_kcov.base)
		lkltest_kcov.base = lkltest_kcov.buffer[1] & ~(LKLTEST_KCOV_SPAN - 1);
	for (i = 1; i <= count; i++) {
		at = lkltest_kcov.buffer[i] - lkltest_kcov.base;
		if (at >= LKLTEST_KCOV_SPAN || lkltest_kcov.seen[at / 8] & 1 << at % 8 ||
		    record->count == LKLTEST_KCOV_SIZE)
			continue;
		lkltest_kcov.seen[at / 8] |= 1 << at % 8;
		record->at[record->count++] = at;
	}
	lkltest_kcov.full |= count + 1 >= LKLTEST_KCOV_SIZE;
	__atomic_store_n(&lkltest_kcov.buffer[0], 0, __ATOMIC_RELAXED);
}

/* After each system call: what does not fit the buffer is lost. */
static inline void lkltest_kcov_after_call(void)
{
	if (lkltest_kcov.buffer && lkltest_kcov.buffer[0] > LKLTEST_KCOV_SIZE / 2)
		lkltest_kcov_take();
}

static inline void lkltest_kcov_write(const void *data, size_t size)
{
	if (write(lkltest_kcov.file, data, size) != (ssize_t)size)
		fprintf(stderr, "lkltest: coverage: cannot write it to the host: %s\n", strerror(errno));
}

/* Writes a record, after the header if it is the first one. */
static inline void lkltest_kcov_write_record(void)
{
	struct lkltest_kcov_header header = { .magic = "LKLCOV1", .base = lkltest_kcov.base };
	struct lkltest_kcov_record *record = lkltest_kcov.record;
	uint32_t i;

	if (!lkltest_kcov.begun)
		lkltest_kcov_write(&header, sizeof(header));
	lkltest_kcov.begun = 1;
	lkltest_kcov_write(record, offsetof(struct lkltest_kcov_record, at) + record->count * sizeof(*record->at));
	/* To the host's memory: that survives this kernel. */
	sync_file_range(lkltest_kcov.file, 0, 0,
			SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
	for (i = 0; i < record->count; i++)
		lkltest_kcov.seen[record->at[i] / 8] = 0;
	record->count = 0;
}

/* Writes what was reached since the last call, and lets what follows belong to another context. */
static inline void lkltest_kcov_context(const char *name)
{
	struct lkltest_kcov_record *record = lkltest_kcov.record;

	if (!lkltest_kcov.buffer)
		return;
	lkltest_kcov_take();	/* without the call that follows */
	ioctl(lkltest_kcov.device, KCOV_DISABLE, 0);
	if (lkltest_kcov.full)
		fprintf(stderr, "lkltest: coverage: %s reached more in one system call than KCOV's buffer holds\n",
			record->context);
	lkltest_kcov.full = 0;
	if (record->count)
		lkltest_kcov_write_record();
	snprintf(record->context, sizeof(record->context), "%s", name);
	ioctl(lkltest_kcov.device, KCOV_ENABLE, KCOV_TRACE_PC);
	__atomic_store_n(&lkltest_kcov.buffer[0], 0, __ATOMIC_RELAXED);
}

static inline void lkltest_kcov_fail(const char *what)
{
	fprintf(stderr, "lkltest: coverage: cannot %s: %s\n", what, strerror(errno));
}

/* Opens KCOV's file, by a debugfs of our own. */
static inline int lkltest_kcov_open(void)
{
	int fd = -1, high;

	/* The root is a directory of the host, and /mnt is not yet the program's. */
	if (!mount("none", "/mnt", "debugfs", 0, NULL)) {
		fd = open("/mnt/kcov", O_RDWR | O_CLOEXEC);
		umount2("/mnt", MNT_DETACH);
	}
	if (fd < 0)
		return -1;
	high = fcntl(fd, F_DUPFD_CLOEXEC, LKLTEST_KCOV_FD);
	close(fd);
	return high;
}

static inline void *lkltest_kcov_map(size_t size, int fd)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/*
 * Begins, where the runner has named a file on the kernel's command line. Without
 * KCOV there is no file, which the runner tells.
 */
static inline void lkltest_kcov_begin(void)
{
	const char *path = getenv("LKLTEST_KCOV");
	unsigned long *buffer;
	int fd;

	if (!path)
		return;
	lkltest_kcov.device = lkltest_kcov_open();
	if (lkltest_kcov.device < 0)
		return;
	if (ioctl(lkltest_kcov.device, KCOV_INIT_TRACE, LKLTEST_KCOV_SIZE)) {
		lkltest_kcov_fail("have a buffer");
		return;
	}
	buffer = lkltest_kcov_map(LKLTEST_KCOV_SIZE * sizeof(*buffer), lkltest_kcov.device);
	lkltest_kcov.seen = lkltest_kcov_map(LKLTEST_KCOV_SPAN / 8, -1);
	lkltest_kcov.record = lkltest_kcov_map(sizeof(*lkltest_kcov.record) + LKLTEST_KCOV_SIZE * sizeof(uint32_t), -1);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	lkltest_kcov.file = fcntl(fd, F_DUPFD_CLOEXEC, LKLTEST_KCOV_FD);
	close(fd);
	if (!buffer || !lkltest_kcov.seen || !lkltest_kcov.record || lkltest_kcov.file < 0)
		lkltest_kcov_fail("have its memory and file");
	else if (ioctl(lkltest_kcov.device, KCOV_ENABLE, KCOV_TRACE_PC))
		lkltest_kcov_fail("enable it");
	else
		lkltest_kcov.buffer = buffer;
}

#endif
