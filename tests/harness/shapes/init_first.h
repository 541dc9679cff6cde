/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives a real kernel the entry points of the newest API generation, as upstream's
 * arch/lkl/include/uapi/asm/host_ops.h declares them: lkl_init(), then
 * lkl_start_kernel(fmt, ...), and lkl_cleanup() at the end.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <lkl.h>
#include <lkl_host.h>

static struct lkl_host_operations *shape_ops;
static int shape_started, shape_cleaned;

static int shape_start(const char *cmdline)
{
	typedef int with_memory(struct lkl_host_operations *, unsigned long, const char *, ...);
	typedef int with_ops(struct lkl_host_operations *, const char *, ...);
	void *start = (void *)lkl_start_kernel;

	if (__builtin_types_compatible_p(__typeof__(lkl_start_kernel), with_memory))
		return ((with_memory *)start)(shape_ops, strtoul(strstr(cmdline, "mem=") + 4, NULL, 10) << 10, "%s",
					      cmdline);
	return ((with_ops *)start)(shape_ops, "%s", cmdline);
}

int shape_lkl_init(struct lkl_host_operations *ops)
{
	shape_ops = ops;
	return 0;
}

int shape_lkl_start_kernel(const char *fmt, ...)
{
	char cmdline[4096];
	va_list args;

	if (!shape_ops)
		return -LKL_EINVAL;
	va_start(args, fmt);
	vsnprintf(cmdline, sizeof(cmdline), fmt, args);
	va_end(args);
	shape_started = 1;
	return shape_start(cmdline);
}

void shape_lkl_cleanup(void)
{
	shape_cleaned = 1;
	shape_ops = NULL;
}

/* A test that never took this way would prove nothing. */
static __attribute__((destructor)) void shape_used(void)
{
	fprintf(stderr, "shape: started %d, cleaned up %d\n", shape_started, shape_cleaned);
}

#define lkl_init shape_lkl_init
#define lkl_start_kernel shape_lkl_start_kernel
#define lkl_cleanup shape_lkl_cleanup
