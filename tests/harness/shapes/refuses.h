/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A liblkl whose kernel does not start. */
#define _GNU_SOURCE
#include <lkl.h>
#include <lkl_host.h>

int shape_lkl_start_kernel(struct lkl_host_operations *ops, const char *fmt, ...)
{
	(void)ops;
	(void)fmt;
	return -LKL_ENOMEM;
}

#define lkl_start_kernel shape_lkl_start_kernel
