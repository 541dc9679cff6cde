/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The collector of a UML's coverage on a file that behaves as KCOV's does (kernel/kcov.c): the count, then the
 * addresses; a buffer that is full takes no more; enabling and disabling count as what is reached, too.
 *
 * Arguments: what happens, a word each. Before "begin": absent, busy. After it: point=NAME, a number (what is reached),
 * many=N (addresses, each in a system call of its own), once=N (all in one), crash.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kcov.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT 0x60000000UL	/* of the kernel's code */
#define ENABLING (TEXT + 0xe0)
#define DISABLING (TEXT + 0xd0)

static struct {
	int absent, busy, enabled;
	unsigned long size, *area;
} kcov;

/* The kernel's __sanitizer_cov_trace_pc(). */
static void reach(unsigned long pc)
{
	unsigned long next;

	if (!kcov.enabled)
		return;
	next = kcov.area[0] + 1;
	if (next < kcov.size) {
		kcov.area[0] = next;
		kcov.area[next] = pc;
	}
}

static int kcov_mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)
{
	(void)source, (void)target, (void)flags, (void)data;
	if (strcmp(type, "debugfs"))
		abort();
	return 0;
}

static int kcov_umount(const char *target, int flags)
{
	(void)target, (void)flags;
	return 0;
}

static int kcov_open(const char *path, int flags, ...)
{
	if (strcmp(path, "/mnt/kcov"))
		return openat(AT_FDCWD, path, flags, 0644);
	if (kcov.absent) {
		errno = ENOENT;
		return -1;
	}
	return memfd_create("kcov", MFD_CLOEXEC);
}

static int failed(int error)
{
	errno = error;
	return -1;
}

static int kcov_ioctl(int fd, unsigned long request, unsigned long argument)
{
	switch (request) {
	case KCOV_INIT_TRACE:
		if (kcov.size)
			return failed(EBUSY);
		kcov.size = argument;
		if (ftruncate(fd, kcov.size * sizeof(*kcov.area)))
			abort();
		kcov.area = mmap(NULL, kcov.size * sizeof(*kcov.area), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		return kcov.area == MAP_FAILED ? failed(ENOMEM) : 0;
	case KCOV_ENABLE:
		if (!kcov.size || argument != KCOV_TRACE_PC)
			return failed(EINVAL);
		if (kcov.busy || kcov.enabled)
			return failed(EBUSY);
		kcov.area[0] = 0;
		kcov.enabled = 1;
		reach(ENABLING);
		return 0;
	case KCOV_DISABLE:
		if (!kcov.enabled)
			return failed(EINVAL);
		reach(DISABLING);
		kcov.enabled = 0;
		return 0;
	}
	return failed(ENOTTY);
}

#define mount kcov_mount
#define umount2 kcov_umount
#define open kcov_open
#define ioctl kcov_ioctl
#define LKLTEST_API
#include <lkltest/internal/kcov.h>

int main(int argc, char **argv)
{
	unsigned long i, n;
	int begun = 0;

	(void)argc;
	while (*++argv) {
		kcov.absent |= !strcmp(*argv, "absent");
		kcov.busy |= !strcmp(*argv, "busy");
		if (!strcmp(*argv, "begin")) {
			lkltest_kcov_begin();
			begun = 1;
		} else if (!begun) {
			continue;
		} else if (!strncmp(*argv, "point=", 6)) {
			lkltest_kcov_context(*argv + 6);
		} else if (sscanf(*argv, "many=%lu", &n) == 1) {
			for (i = 0; i < n; i++) {
				reach(TEXT + 0x1000 + i);
				lkltest_kcov_after_call();
			}
		} else if (sscanf(*argv, "once=%lu", &n) == 1) {
			for (i = 0; i < n; i++)
				reach(TEXT + 0x1000 + i);
			lkltest_kcov_after_call();
		} else if (!strcmp(*argv, "crash")) {
			abort();
		} else {
			reach(TEXT + strtoul(*argv, NULL, 16));
		}
	}
	return 0;
}
