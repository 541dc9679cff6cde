/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Code of all shapes: a real kernel is started as its own headers want it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <lkl.h>
#include <lkl_host.h>

static int shape_started;

static struct lkl_host_operations *shape_real(void)
{
	return &lkl_host_ops;
}

static int shape_start(const char *cmdline)
{
	typedef int with_memory(struct lkl_host_operations *, unsigned long, const char *, ...);
	typedef int with_ops(struct lkl_host_operations *, const char *, ...);
	void *start = (void *)lkl_start_kernel;

	shape_started = 1;
	if (__builtin_types_compatible_p(__typeof__(lkl_start_kernel), with_memory))
		return ((with_memory *)start)(shape_real(), strtoul(strstr(cmdline, "mem=") + 4, NULL, 10) << 10, "%s",
					      cmdline);
	return ((with_ops *)start)(shape_real(), "%s", cmdline);
}

static inline int shape_disk_add(struct lkl_disk *disk)
{
	return lkl_disk_add(disk);
}

#define SHAPE_FORMAT(text, fmt) do {			\
	va_list args;					\
							\
	va_start(args, fmt);				\
	vsnprintf(text, sizeof(text), fmt, args);	\
	va_end(args);					\
} while (0)
